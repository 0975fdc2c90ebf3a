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
	 * A further change within so many seconds is covered by the row of the first: nobody else takes it that early.
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
	 * Orders that are being saved with another total.
	 *
	 * @var bool[]
	 */
	private $growing = array();

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
	 * An order is about to be saved: does its total change?
	 *
	 * @param \WC_Order $order The order.
	 */
	public function before_save( $order ): void {
		$changes = $order->get_changes();
		if ( isset( $changes['total'] ) && $order->get_id() && self::is_placed( $order->get_status() ) ) {
			$this->growing[ $order->get_id() ] = true;
		}
	}

	/**
	 * An order was saved.
	 *
	 * @param \WC_Order $order The order.
	 */
	public function after_save( $order ): void {
		$order_id = $order->get_id();
		if ( isset( $this->growing[ $order_id ] ) ) {
			unset( $this->growing[ $order_id ] );
			$this->note( $order_id );
		}
	}

	/**
	 * Notes an order. Never fails.
	 *
	 * @param int $order_id The order.
	 */
	public function note( $order_id ): void {
		$order_id = (int) $order_id;
		$now      = time();
		if ( $order_id < 1 || ( isset( $this->noted[ $order_id ] ) && $now - $this->noted[ $order_id ] < self::COVERED_SECONDS ) ) {
			return;
		}
		try {
			if ( $this->outbox->note( $order_id, $now ) ) {
				$this->noted[ $order_id ] = $now;
			} else {
				Log::error( new \RuntimeException( "order $order_id could not be noted for hand-over" ) );
			}
		} catch ( \Throwable $error ) {
			Log::error( $error );
		}
	}

	/**
	 * The orders that this request noted; asked a second time, there are none.
	 *
	 * @return int[]
	 */
	public function take_noted(): array {
		$order_ids   = array_keys( $this->noted );
		$this->noted = array();
		return $order_ids;
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
