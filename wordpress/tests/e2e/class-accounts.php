<?php
/**
 * The audit: what the shop sold against what the platform counted.
 *
 * @package Tandem
 */

/**
 * Knows of every order who bought it and what should become of it.
 */
final class Accounts {

	const COUNTED = '';

	/** Of the buyer's own: hashed by us, from what the buyer typed, and compared with what left the gateway. */
	const KEYS = array( 'email', 'phone', 'external_id', 'ttclid', 'ttp', 'ip', 'user_agent' );

	private $shop;
	private $gateway;
	private $notes = array();
	private $known;

	public function __construct( Shop $shop, Real_Gateway $gateway ) {
		$this->shop    = $shop;
		$this->gateway = $gateway;
		$this->known   = array_column( $this->orders(), 'id' );
	}

	/**
	 * Notes an order.
	 *
	 * @param int          $id    The order.
	 * @param string       $how   How it came about.
	 * @param Browser|null $buyer Who bought it.
	 * @param array        $more  why_not: why it does not count; absent: match keys that nobody may claim for it;
	 *                            growth: what a further event reports; both: the page's half has to be there too.
	 */
	public function note( int $id, string $how, ?Browser $buyer, array $more = array() ): void {
		$this->notes[ $id ] = $more + array( 'how' => $how, 'buyer' => $buyer, 'why_not' => self::COUNTED, 'absent' => array(), 'growth' => null, 'both' => false );
	}

	/** Waits until an order is counted. */
	public function until_counted( int $order ): void {
		until(
			function () use ( $order ) {
				return in_array( (string) $order, array_column( $this->gateway->counted( 'Purchase' ), 'order_id' ), true );
			},
			"order $order at the platform"
		);
	}

	/** Compares everything, prints a table, and gives what is wrong and how many orders there were. */
	public function audit(): array {
		$wrong   = array();
		$counted = array();
		$sent    = $this->gateway->sent()['Purchase'] ?? array();
		foreach ( $this->gateway->counted( 'Purchase' ) as $conversion ) {
			$counted[ $conversion['order_id'] ][ $conversion['event_id'] ] = $conversion;
		}
		printf( "   %5s  %-44s %-10s %16s %16s  %-14s %s\n", 'order', 'how', 'status', 'total', 'counted', 'halves', 'right keys' );
		foreach ( $this->orders() as $order ) {
			$id = $order['id'];
			if ( in_array( $id, $this->known, true ) ) {
				continue;
			}
			$note = $this->notes[ $id ] ?? null;
			$here = $counted[ $id ] ?? array();
			unset( $counted[ $id ] );
			if ( ! $note ) {
				$wrong[] = "order $id: nobody knows how it came about";
				continue;
			}
			$found = $this->compare( $order, $note, $here, $sent );
			$wrong = array_merge( $wrong, $found['wrong'] );
			printf(
				"   %5d  %-44s %-10s %16s %16s  %-14s %s%s\n",
				$id,
				$note['how'],
				$order['status'],
				$order['total'] . ' ' . $order['currency'],
				$found['value'],
				implode( '+', $here["wc_order_$id"]['channels'] ?? array() ),
				$found['keys'],
				$found['wrong'] ? '  WRONG' : ''
			);
		}
		foreach ( $counted as $id => $strangers ) {
			$wrong[] = "counted without an order: $id, " . implode( ', ', array_keys( $strangers ) );
		}
		return array( $wrong, count( $this->notes ) );
	}

	/** One order. */
	private function compare( array $order, array $note, array $here, array $sent ): array {
		$id = $order['id'];
		if ( self::COUNTED !== $note['why_not'] ) {
			return array( 'value' => '-', 'keys' => $note['why_not'], 'wrong' => $here ? array( "order $id counts, although: {$note['why_not']}" ) : array() );
		}
		$wrong = $order['paid'] ? array() : array( "order $id should be paid" );
		$event = "wc_order_$id";
		$want  = array( $event => $order['total'] );
		if ( null !== $note['growth'] ) {
			$want = array( $event => $this->minus( $order['total'], $note['growth'] ), "{$event}_bump_1" => $note['growth'] );
		}
		if ( array_keys( $want ) != array_keys( $here ) ) {
			$wrong[] = "order $id: expected " . implode( ', ', array_keys( $want ) ) . ', counted ' . implode( ', ', array_keys( $here ) );
			return array( 'value' => '?', 'keys' => '', 'wrong' => $wrong );
		}
		foreach ( $want as $name => $value ) {
			$this->same( $wrong, "$name: value", self::plain( $value ), self::plain( $here[ $name ]['value'] ) );
			$this->same( $wrong, "$name: currency", $order['currency'], $here[ $name ]['currency'] );
			$this->same( $wrong, "$name: keys that match nobody", array(), $here[ $name ]['unmatchable_keys'] );
			$this->same( $wrong, "$name: sent by the shop's server", true, in_array( 'server', $here[ $name ]['channels'], true ) );
			$this->same( $wrong, "$name: times it was sent", 1, count( $sent[ $name ] ) );
		}
		if ( $note['both'] ) {
			$this->same( $wrong, "$event: halves merged", array( true, 2 ), array( $here[ $event ]['merged'], count( $here[ $event ]['channels'] ) ) );
		}
		$wire  = $sent[ $event ][0];
		$lines = null === $note['growth'] ? $order['lines'] : array_slice( $order['lines'], 0, 1 );
		$this->same( $wrong, "$event: contents", $lines, array_map( array( self::class, 'content' ), $wire['properties']['contents'] ?? array() ) );
		$keys = $this->keys( $wrong, $event, $note, $order, $wire['user'] );
		return array( 'value' => implode( ' + ', array_column( $here, 'value' ) ), 'keys' => $keys, 'wrong' => $wrong );
	}

	/** The match keys of an event: each there and right, or rightly not there. */
	private function keys( array &$wrong, string $event, array $note, array $order, array $user ): string {
		$buyer = $note['buyer'];
		$right = array();
		$want  = array(
			'email'      => hash( 'sha256', strtolower( $buyer->billing['email'] ) ),
			'phone'      => hash( 'sha256', '+49' . ltrim( preg_replace( '/\D/', '', $buyer->billing['phone'] ), '0' ) ),
			'ttclid'     => $buyer->cookies['ttclid'],
			'ttp'        => $buyer->cookies['_ttp'],
			'ip'         => $buyer->ip,
			'user_agent' => $buyer->agent,
		);
		foreach ( $want as $key => $value ) {
			if ( in_array( $key, $note['absent'], true ) ) {
				$this->same( $wrong, "$event: $key", null, $user[ $key ] ?? null );
			} else {
				$this->same( $wrong, "$event: $key", $value, $user[ $key ] ?? null );
				$right[] = $key;
			}
		}
		$ids = array( hash( 'sha256', $buyer->cookies['tdv'] ) );
		if ( $order['customer'] ) {
			$ids[] = hash( 'sha256', (string) $order['customer'] );
		}
		$found = (array) ( $user['external_id'] ?? array() );
		sort( $ids );
		sort( $found );
		$this->same( $wrong, "$event: external_id", $ids, $found );
		$right[] = 'external_id';
		return count( $right ) === count( self::KEYS ) ? 'all ' . count( $right ) : implode( ' ', $right );
	}

	private function same( array &$wrong, string $what, $expected, $found ): void {
		if ( $expected !== $found ) {
			$wrong[] = "$what: expected " . json_encode( $expected ) . ', found ' . json_encode( $found );
		}
	}

	/** A line as it was sent, in the form of ours. */
	private static function content( array $item ): array {
		return array( $item['content_id'], $item['quantity'], self::plain( $item['price'] ) );
	}

	/** The orders of the shop, as its database has them. */
	private function orders(): array {
		$orders = $this->shop->run(
			'global $wpdb;
			$totals = $wpdb->get_results( "SELECT id, total_amount FROM {$wpdb->prefix}wc_orders", OBJECT_K );
			return array_map(
				static function ( $order ) use ( $totals ) {
					$lines = array();
					foreach ( $order->get_items() as $line ) {
						$product = $line->get_product();
						$sold    = array_filter( array( wc_get_order_item_meta( $line->get_id(), "_variation_id" ), wc_get_order_item_meta( $line->get_id(), "_product_id" ) ) );
						$id      = $product && $product->get_sku() ? $product->get_sku() : reset( $sold );
						$lines[] = array( (string) $id, $line->get_quantity(), (string) ( $line->get_total() / $line->get_quantity() ) );
					}
					return array(
						"id"       => $order->get_id(),
						"status"   => $order->get_status(),
						"paid"     => $order->is_paid() || "refunded" === $order->get_status(),
						"currency" => $order->get_currency(),
						"total"    => rtrim( rtrim( $totals[ $order->get_id() ]->total_amount, "0" ), "." ),
						"customer" => $order->get_customer_id(),
						"lines"    => $lines,
					);
				},
				wc_get_orders( array( "limit" => -1, "type" => "shop_order", "orderby" => "id", "order" => "ASC" ) )
			);'
		);
		foreach ( $orders as &$order ) {
			// Prices of a piece go out with two digits more than the currency has.
			$digits = array( 'JPY' => 0, 'KWD' => 3 )[ $order['currency'] ] ?? 2;
			foreach ( $order['lines'] as &$line ) {
				$line[2] = self::plain( (string) round( (float) $line[2], $digits + 2 ) );
			}
		}
		return $orders;
	}

	/** An amount without noughts at its end. */
	private static function plain( $amount ): string {
		$text = (string) $amount;
		return false === strpos( $text, '.' ) ? $text : rtrim( rtrim( $text, '0' ), '.' );
	}

	private function minus( string $total, string $part ): string {
		return number_format( (float) $total - (float) $part, 2, '.', '' );
	}
}
