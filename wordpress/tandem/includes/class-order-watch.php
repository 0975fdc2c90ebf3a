<?php
/**
 * Notices that an order changed in a way the gateway has to know of.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Notes an order whenever its status, its total or its refunds change after it was placed. Which of that is a sale is for
 * the gateway to decide.
 */
final class Order_Watch {

	/**
	 * Before an order is placed and has anything to wait for, there is nothing to tell.
	 */
	const NOT_PLACED = array( 'new', 'auto-draft', 'draft', 'checkout-draft', 'pending' );

	/**
	 * A further change within so many seconds is covered by the row of the first: the background does not take it that early.
	 */
	const COVERED_SECONDS = 30;

	/**
	 * The queue.
	 *
	 * @var Outbox
	 */
	private $outbox;

	/**
	 * When each order was noted in this request.
	 *
	 * @var int[]
	 */
	private $noted = array();

	/**
	 * Orders that changed in this request after they were noted.
	 *
	 * @var bool[]
	 */
	private $changed_again = array();

	/**
	 * Orders that are being saved with another status or total.
	 *
	 * @var bool[]
	 */
	private $changing = array();

	/**
	 * Takes the queue.
	 *
	 * @param Outbox $outbox The queue.
	 */
	public function __construct( Outbox $outbox ) {
		$this->outbox = $outbox;
	}

	/**
	 * Listens, once there is a gateway.
	 */
	public function listen(): void {
		if ( ! Settings::get( 'connected' ) ) {
			return;
		}
		add_action( 'woocommerce_new_order', array( $this, 'on_new' ), 10, 2 );
		add_action( 'woocommerce_order_status_changed', array( $this, 'on_status' ), 10, 3 );
		add_action( 'woocommerce_payment_complete', array( $this, 'note' ) );
		add_action( 'woocommerce_order_refunded', array( $this, 'note' ) );
		add_action( 'woocommerce_refund_deleted', array( $this, 'on_refund_deleted' ), 10, 2 );
		add_action( 'woocommerce_before_order_object_save', array( $this, 'before_save' ) );
		add_action( 'woocommerce_after_order_object_save', array( $this, 'after_save' ) );
	}

	/**
	 * An order was made, perhaps paid already (by hand, by a program, a renewal).
	 *
	 * @param int            $order_id The order.
	 * @param \WC_Order|null $order    The same.
	 */
	public function on_new( $order_id, $order = null ): void {
		if ( is_object( $order ) && self::is_placed( $order->get_status() ) ) {
			$this->note( $order_id );
		}
	}

	/**
	 * An order's status changed.
	 *
	 * @param int    $order_id The order.
	 * @param string $from     Its status before.
	 * @param string $to       Its status now.
	 */
	public function on_status( $order_id, $from, $to ): void {
		if ( self::is_placed( $from ) || self::is_placed( $to ) ) {
			$this->note( $order_id );
		}
	}

	/**
	 * A refund was taken back.
	 *
	 * @param int $refund_id The refund.
	 * @param int $order_id  Its order.
	 */
	public function on_refund_deleted( $refund_id, $order_id ): void {
		$this->note( $order_id );
	}

	/**
	 * An order is about to be saved: does its total change, or its status? WooCommerce tells of the status itself, but not
	 * when something else that listens to it fails.
	 *
	 * @param \WC_Order $order The order.
	 */
	public function before_save( $order ): void {
		$changes = $order->get_changes();
		if ( ( isset( $changes['total'] ) || isset( $changes['status'] ) ) && $order->get_id() && self::is_placed( $order->get_status() ) ) {
			$this->changing[ $order->get_id() ] = true;
		}
	}

	/**
	 * An order was saved.
	 *
	 * @param \WC_Order $order The order.
	 */
	public function after_save( $order ): void {
		$order_id = $order->get_id();
		if ( isset( $this->changing[ $order_id ] ) ) {
			unset( $this->changing[ $order_id ] );
			$this->note( $order_id );
		}
	}

	/**
	 * Notes an order.
	 *
	 * @param int $order_id The order.
	 */
	public function note( $order_id ): void {
		$order_id = (int) $order_id;
		if ( isset( $this->noted[ $order_id ] ) && time() - $this->noted[ $order_id ] < self::COVERED_SECONDS ) {
			$this->changed_again[ $order_id ] = true;
		} elseif ( $order_id > 0 ) {
			$this->write( $order_id );
		}
	}

	/**
	 * Whether this request noted an order.
	 */
	public function has_noted(): bool {
		return (bool) $this->noted;
	}

	/**
	 * The orders that this request noted; asked a second time, there are none. Where an order changed after it was noted, another
	 * request may have sent it in between (say the payment provider's call), so it is noted once more.
	 *
	 * @return int[]
	 */
	public function take_noted(): array {
		foreach ( array_keys( $this->changed_again ) as $order_id ) {
			$this->write( $order_id );
		}
		$order_ids           = array_keys( $this->noted );
		$this->noted         = array();
		$this->changed_again = array();
		return $order_ids;
	}

	/**
	 * Writes an order's row. Never fails.
	 *
	 * @param int $order_id The order.
	 */
	private function write( int $order_id ): void {
		try {
			$now     = time();
			$written = $this->outbox->note( $order_id, $now );
			if ( ! $written ) {
				// Perhaps the table was lost, say in a move of the shop. The order must not be.
				Schema::create();
				$written = $this->outbox->note( $order_id, $now );
			}
			if ( $written ) {
				$this->noted[ $order_id ] = $now;
			} else {
				Log::error( new \RuntimeException( "order $order_id could not be noted for hand-over" ) );
			}
		} catch ( \Throwable $error ) {
			Log::error( $error );
		}
	}

	/**
	 * Whether an order of this status has been placed.
	 *
	 * @param string $status A status without wc-.
	 */
	private static function is_placed( $status ): bool {
		return '' !== (string) $status && ! in_array( $status, self::NOT_PLACED, true );
	}
}
