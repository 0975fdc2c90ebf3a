<?php
/**
 * What buyers and staff do in the shop, and what the gateway got of it.
 *
 * @package Tandem
 */

/**
 * The shop of the story.
 */
final class Shop {

	const BILLING = array(
		'first_name' => 'Ada',
		'last_name'  => 'Byron',
		'address_1'  => 'Ring 1',
		'city'       => 'Berlin',
		'postcode'   => '10115',
		'country'    => 'DE',
		'email'      => 'Ada@Example.com',
		'phone'      => '0151 23456789',
	);

	public $base;
	public $made;
	private $folder;
	private $gateway;

	public function __construct( string $base, string $folder, string $gateway, array $made ) {
		$this->base    = $base;
		$this->folder  = $folder;
		$this->gateway = $gateway;
		$this->made    = $made;
	}

	/** A visitor with ids, who allowed everything. */
	public function visitor( array $cookies = array() ): Browser {
		return new Browser(
			$this->base,
			$cookies + array( 'tdv' => 'visitor0123456789abc', 'ttclid' => 'E.C.P.click', '_ttp' => 'ttp-1', '_fbc' => 'fb.1.2.c', '_fbp' => 'fb.1.2.p', 'gclid' => 'g-1', 'cmplz_marketing' => 'allow', 'cmplz_statistics' => 'allow' )
		);
	}

	/** Buys at the classic checkout; gives the order's id and the next address. */
	public function buy_classic( Browser $browser, string $method, array $goods, ?string $coupon = null ): array {
		foreach ( $goods as $id => $quantity ) {
			$browser->post( '/?wc-ajax=add_to_cart', array( 'product_id' => $id, 'quantity' => $quantity ) );
		}
		$page = $browser->get( '/?page_id=' . $this->made['classic'] );
		if ( 301 === $browser->status ) {
			$page = $browser->get( $browser->headers['location'] );
		}
		if ( ! preg_match( '/name="woocommerce-process-checkout-nonce" value="(\w+)"/', $page, $nonce ) ) {
			throw new RuntimeException( "no checkout form (status $browser->status): " . substr( wp_text( $page ), 0, 500 ) );
		}
		if ( $coupon ) {
			preg_match( '/"apply_coupon_nonce":"(\w+)"/', $page, $apply );
			$browser->post( '/?wc-ajax=apply_coupon', array( 'coupon_code' => $coupon, 'security' => $apply[1] ) );
		}
		$form = array( 'payment_method' => $method, 'woocommerce-process-checkout-nonce' => $nonce[1] );
		foreach ( $browser->billing as $name => $value ) {
			$form[ "billing_$name" ] = $value;
		}
		$answer = json_decode( $browser->post( '/?wc-ajax=checkout', $form ), true );
		if ( 'success' !== ( $answer['result'] ?? '' ) ) {
			throw new RuntimeException( 'classic checkout: ' . wp_text( json_encode( $answer ) ) );
		}
		return array( (int) ( $answer['order_id'] ?? preg_replace( '/.*order-received.(\d+).*|.*\/(\d+)$/', '$1$2', $answer['redirect'] ) ), $answer['redirect'] );
	}

	/** Buys at the block checkout. */
	public function buy_block( Browser $browser, string $method, array $goods ): array {
		$browser->get( '/wp-json/wc/store/v1/cart' );
		foreach ( $goods as $id => $quantity ) {
			$browser->post( '/wp-json/wc/store/v1/cart/add-item', json_encode( compact( 'id', 'quantity' ) ), $this->store_headers( $browser ) );
		}
		$answer = json_decode(
			$browser->post(
				'/wp-json/wc/store/v1/checkout',
				json_encode( array( 'billing_address' => $browser->billing, 'shipping_address' => array_diff_key( $browser->billing, array( 'email' => 1 ) ), 'payment_method' => $method ) ),
				$this->store_headers( $browser )
			),
			true
		);
		if ( empty( $answer['order_id'] ) ) {
			throw new RuntimeException( 'block checkout: ' . json_encode( $answer ) );
		}
		return array( $answer['order_id'], $answer['payment_result']['redirect_url'] );
	}

	/** Pays an order by its pay link. */
	public function pay( Browser $browser, int $order_id, string $method ): void {
		$address = $this->run( "return wc_get_order( $order_id )->get_checkout_payment_url();" );
		$page    = $browser->get( $address );
		if ( ! preg_match( '/name="woocommerce-pay-nonce" value="(\w+)"/', $page, $nonce ) ) {
			throw new RuntimeException( "no form to pay (status $browser->status): " . substr( wp_text( $page ), 0, 500 ) );
		}
		$browser->post( $address, array( 'woocommerce_pay' => 1, 'payment_method' => $method, 'woocommerce-pay-nonce' => $nonce[1] ) );
	}

	/** Lets hours pass for these orders and for all that waits: moves what stands in the database back. */
	public function pass_hours( int $hours, array $order_ids ): void {
		$ids = implode( ',', $order_ids );
		$this->run(
			'global $wpdb; $p = $wpdb->prefix; $s = ' . 3600 * $hours . ';
			$wpdb->query( "UPDATE {$p}tandem_outbox SET due_at = GREATEST(due_at, $s) - $s, noted_at = noted_at - $s" );
			$wpdb->query( "UPDATE {$p}actionscheduler_actions SET scheduled_date_gmt = scheduled_date_gmt - INTERVAL $s SECOND, scheduled_date_local = scheduled_date_local - INTERVAL $s SECOND WHERE status = \'pending\'" );
			$wpdb->query( "UPDATE {$p}wc_orders SET date_created_gmt = date_created_gmt - INTERVAL $s SECOND, date_updated_gmt = date_updated_gmt - INTERVAL $s SECOND WHERE id IN (' . $ids . ')" );
			$wpdb->query( "UPDATE {$p}wc_order_operational_data SET date_paid_gmt = date_paid_gmt - INTERVAL $s SECOND WHERE order_id IN (' . $ids . ')" );
			$j = ( new Tandem\Journal() )->read(); $j["failed_at"] -= $s; update_option( "tandem_journal", $j, false );'
		);
	}

	/** Throws the web server's cached pages away. */
	public function empty_cache( string $temp ): void {
		array_map( 'unlink', glob( "$temp/cache/*" ) );
	}

	private function store_headers( Browser $browser ): array {
		return array( 'Content-Type: application/json', 'Nonce: ' . $browser->headers['nonce'] );
	}

	/** Runs PHP in the shop as staff or scheduler would; gives what it returns. */
	public function run( string $code ) {
		$file = tempnam( sys_get_temp_dir(), 'tandem-run' );
		file_put_contents( $file, '<?php $_SERVER["HTTP_HOST"]=' . var_export( substr( $this->base, 7 ), true ) . '; require ' . var_export( $this->folder . '/wp-load.php', true ) . '; $run = static function () { ' . $code . ' }; echo "\x1e", json_encode( $run() ), "\x1e";' );
		$out = shell_exec( escapeshellarg( PHP_BINARY ) . ' ' . escapeshellarg( $file ) . ' 2>&1' );
		unlink( $file );
		$parts = explode( "\x1e", (string) $out );
		if ( 3 > count( $parts ) ) {
			throw new RuntimeException( "in the shop: $out" );
		}
		return json_decode( $parts[1], true );
	}

	/** Tells the stand-in how to behave. */
	public function behave( string $mode ): void {
		file_put_contents( $this->gateway . '/mode', $mode );
	}

	/** What the gateway got of an order, oldest first; waits for the first until it is there. */
	public function told( int $order_id, int $at_least = 1 ): array {
		for ( $i = 0; $i < 100; $i++ ) {
			$told = array();
			foreach ( $this->requests() as $entry ) {
				foreach ( $entry['body']['orders'] ?? array() as $order ) {
					if ( $order['id'] === $order_id && $entry['signed'] ) {
						$told[] = $order;
					}
				}
			}
			if ( count( $told ) >= $at_least ) {
				break;
			}
			usleep( 100000 );
		}
		return $told;
	}

	/** All requests that the gateway got. */
	public function requests(): array {
		$file = $this->gateway . '/received.ndjson';
		return is_file( $file ) ? array_map(
			static function ( $line ) {
				return json_decode( $line, true );
			},
			file( $file, FILE_IGNORE_NEW_LINES )
		) : array();
	}

	/** How many orders wait in the outbox. */
	public function waiting(): int {
		return $this->run( 'return Tandem\Outbox::open()->count();' );
	}
}

/** A page's text. */
function wp_text( string $html ): string {
	return trim( preg_replace( '/\s+/', ' ', strip_tags( preg_replace( '#<(script|style)\b.*?</\1>#s', '', $html ) ) ) );
}
