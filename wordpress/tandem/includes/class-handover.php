<?php
/**
 * Takes rows from the outbox, reads their orders, and hands them to the gateway.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * The one place where orders leave the shop.
 */
final class Handover {

	/**
	 * The gateway takes 50 orders and 256 KiB at once; the rest of the bytes is for the envelope.
	 */
	const MAX_ORDERS = 50;
	const MAX_BYTES  = 240000;

	/**
	 * How long a hand-over may take after a response, and in the background.
	 */
	const AFTER_RESPONSE_SECONDS = 1;
	const BACKGROUND_SECONDS     = 10;

	/**
	 * How many batches one run in the background takes on.
	 */
	const MAX_BATCHES = 20;

	/**
	 * The queue.
	 *
	 * @var Outbox
	 */
	private $outbox;

	/**
	 * How it has gone.
	 *
	 * @var Journal
	 */
	private $journal;

	/**
	 * Gives the gateway, or null when none is connected.
	 *
	 * @var callable
	 */
	private $gateway;

	/**
	 * Gives an order by its id as the gateway wants it, or null when there is no such order.
	 *
	 * @var callable
	 */
	private $read_order;

	/**
	 * Takes the parts.
	 *
	 * @param Outbox   $outbox     The queue.
	 * @param Journal  $journal    How it has gone.
	 * @param callable $gateway    Gives the gateway or null.
	 * @param callable $read_order Gives an order by id or null.
	 */
	public function __construct( Outbox $outbox, Journal $journal, callable $gateway, callable $read_order ) {
		$this->outbox     = $outbox;
		$this->journal    = $journal;
		$this->gateway    = $gateway;
		$this->read_order = $read_order;
	}

	/**
	 * The hand-over of this site. Reads neither connection nor orders before they are needed.
	 */
	public static function open(): self {
		return new self(
			Outbox::open(),
			new Journal(),
			static function () {
				$connection = Connection::saved();
				return $connection ? new Gateway( $connection ) : null;
			},
			static function ( int $order_id ) {
				return Order_Payload::read( $order_id );
			}
		);
	}

	/**
	 * Hands over the orders of the request that has just been answered: one attempt, a second at most, and none while
	 * the gateway does not answer.
	 *
	 * @param int[] $order_ids The orders.
	 * @param int   $now       Unix time.
	 */
	public function after_response( array $order_ids, int $now ): void {
		if ( $this->journal->failed_just_now( $now ) ) {
			return;
		}
		$gateway = ( $this->gateway )();
		if ( ! $gateway ) {
			return;
		}
		$rows = $this->outbox->claim_orders( array_slice( $order_ids, 0, self::MAX_ORDERS ), $now );
		$this->send( $gateway, $rows, self::AFTER_RESPONSE_SECONDS, 1, $now );
	}

	/**
	 * Hands over what is due, in the background.
	 *
	 * @param int $now Unix time.
	 */
	public function in_background( int $now ): void {
		if ( $this->journal->paused_until() > $now ) {
			return;
		}
		$gateway = ( $this->gateway )();
		for ( $batch = 0; $gateway && $batch < self::MAX_BATCHES; $batch++ ) {
			$rows = $this->outbox->claim( $now, self::MAX_ORDERS );
			if ( ! $rows || ! $this->send( $gateway, $rows, self::BACKGROUND_SECONDS, self::MAX_ORDERS, $now ) ) {
				return;
			}
		}
	}

	/**
	 * When somebody should call again (Unix time), or null when nothing waits.
	 *
	 * @param int $now Unix time.
	 */
	public function next_time( int $now ): ?int {
		$due = $this->outbox->next_due();
		return null === $due ? null : max( $due, $this->journal->paused_until(), $now );
	}

	/**
	 * Sends rows, in as many requests as their size needs. Gives back what it has no request left for.
	 *
	 * @param Gateway $gateway  Where to.
	 * @param array   $rows     Rows as they were taken.
	 * @param int     $seconds  How long each request may take.
	 * @param int     $requests How many requests may be made.
	 * @param int     $now      Unix time.
	 * @return bool Whether the gateway is there.
	 */
	private function send( Gateway $gateway, array $rows, int $seconds, int $requests, int $now ): bool {
		$parcels = $this->pack( $rows, $now );
		while ( $parcels ) {
			$parcel = array_shift( $parcels );
			if ( $requests-- < 1 ) {
				$this->outbox->release( array_column( $parcel, 'row' ), $now );
				continue;
			}
			$reply = $gateway->hand_over( array_column( $parcel, 'order' ), $seconds );
			if ( $reply->ok ) {
				$this->delivered( $parcel, $now );
			} elseif ( $reply->refused && count( $parcel ) > 1 ) {
				// One odd order must not hold up the others: each goes alone.
				$parcels = array_merge( array_chunk( $parcel, 1 ), $parcels );
			} elseif ( $reply->refused ) {
				$this->outbox->failed( $parcel[0]['row'], $reply->error, true, $now );
			} else {
				$this->journal->failed( $reply->error, $now );
				foreach ( array_merge( $parcel, ...$parcels ) as $entry ) {
					$this->outbox->failed( $entry['row'], $reply->error, false, $now );
				}
				return false;
			}
		}
		return true;
	}

	/**
	 * The gateway has these orders. If it was away before, the rest need not wait.
	 *
	 * @param array $parcel Entries with row and order.
	 * @param int   $now    Unix time.
	 */
	private function delivered( array $parcel, int $now ): void {
		foreach ( $parcel as $entry ) {
			$this->outbox->delivered( $entry['row'], $now );
		}
		if ( $this->journal->read()['failures'] ) {
			$this->outbox->hurry( $now );
		}
		$this->journal->succeeded( count( $parcel ), $now );
	}

	/**
	 * Reads the orders of rows and puts them into parcels that are not too large. Orders that are gone are done with;
	 * those that cannot be read wait with an error.
	 *
	 * @param array $rows Rows as they were taken.
	 * @param int   $now  Unix time.
	 * @return array[] Lists of entries with row and order.
	 */
	private function pack( array $rows, int $now ): array {
		if ( $rows && wp_cache_supports( 'flush_runtime' ) ) {
			// What this request has read of an order may be older than the change of another request that the row stands for.
			wp_cache_flush_runtime();
		}
		$parcels = array();
		$parcel  = array();
		$bytes   = 0;
		foreach ( $rows as $row ) {
			try {
				$order = ( $this->read_order )( (int) $row->order_id );
			} catch ( \Throwable $error ) {
				$this->outbox->failed( $row, $error->getMessage(), true, $now );
				continue;
			}
			if ( null === $order ) {
				$this->outbox->delivered( $row, $now );
				continue;
			}
			$size = strlen( (string) wp_json_encode( $order ) );
			if ( $parcel && $bytes + $size > self::MAX_BYTES ) {
				$parcels[] = $parcel;
				$parcel    = array();
				$bytes     = 0;
			}
			$parcel[] = array(
				'row'   => $row,
				'order' => $order,
			);
			$bytes   += $size;
		}
		return $parcel ? array_merge( $parcels, array( $parcel ) ) : $parcels;
	}
}
