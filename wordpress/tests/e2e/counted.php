<?php
/**
 * What is counted in the end: php counted.php BASE FOLDER GATEWAY-FOLDER MADE.json, with TANDEM (the program) and GATEWAY_PORT
 * in the environment. Buyers buy in every way there is; then the shop's orders are compared with what the platform counted.
 *
 * @package Tandem
 */

foreach ( array( 'browser', 'shop', 'real-gateway', 'accounts', 'web-driver' ) as $class ) {
	require __DIR__ . "/class-$class.php";
}

list( , $base, $folder, $files, $made ) = $argv;
$shop     = new Shop( $base, $folder, $files, json_decode( file_get_contents( $made ), true ) );
$gateway  = new Real_Gateway( getenv( 'TANDEM' ), $files, (int) getenv( 'GATEWAY_PORT' ) );
$accounts = new Accounts( $shop, $gateway );
$id       = $shop->made;
$steps    = 0;
$buyers   = 0;
$began    = time();

$step = static function ( string $name ) use ( &$steps ) {
	$steps++;
	echo "-- $name\n";
};
$same = static function ( $expected, $found, string $what ) {
	if ( $expected !== $found ) {
		echo "   $what: expected ", json_encode( $expected ), ', found ', substr( (string) json_encode( $found ), 0, 1000 ), "\n";
		exit( 1 );
	}
};
// Somebody of their own, who came by an ad and allowed everything.
$buyer = static function ( bool $member = false ) use ( $base, &$buyers, $same ) {
	$number            = sprintf( '%02d', ++$buyers );
	$browser           = new Browser( $base, array(), "203.0.113.$buyers", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Buyer/$number" );
	$browser->billing  = array( 'email' => "Ada.$number@Example.com", 'phone' => "0151 234567$number" ) + Shop::BILLING;
	$browser->land( "buyer{$number}abcdefghijklm", "E.C.P.click-$number", "ttp-$number" );
	$same( array( 200, "buyer{$number}abcdefghijklm", "E.C.P.click-$number" ), array( $browser->status, $browser->cookies['tdv'] ?? null, $browser->cookies['ttclid'] ?? null ), 'cookies of the gateway, through the shop’s web server' );
	if ( $member ) {
		$browser->get( '/wp-login.php' );
		$browser->post( '/wp-login.php', array( 'log' => 'member', 'pwd' => 'member', 'testcookie' => 1 ) );
	}
	return $browser;
};
// The shop's clockwork: whatever is due, and the net under it.
$background = static function () use ( $shop ) {
	return $shop->run( 'do_action( "tandem_sweep" ); do { $done = ActionScheduler_QueueRunner::instance()->run( "story" ); } while ( $done );' );
};
$waiting_webhooks = static function () use ( $shop ) {
	return $shop->run( 'return count( as_get_scheduled_actions( array( "hook" => "woocommerce_deliver_webhook_async", "status" => "pending", "per_page" => -1 ), "ids" ) );' );
};

$step( 'connects by the line that the program prints; the script comes from the shop’s own address' );
$gateway->start();
$same( true, $shop->run( "return Tandem\\Setup::connect( '{$gateway->line()}' );" ), 'connection' );
$same( "$base/x7k2/s.js", $shop->run( "return Tandem\\Settings::get( 'script' );" ), 'script' );

$step( 'WooCommerce’s own webhooks run beside the plugin' );
foreach ( array( 'order.created', 'order.updated' ) as $topic ) {
	$shop->run(
		"\$hook = new WC_Webhook(); \$hook->set_user_id( 1 ); \$hook->set_name( '$topic' ); \$hook->set_topic( '$topic' ); \$hook->set_secret( '" . Real_Gateway::WEBHOOK_SECRET . "' );
		\$hook->set_delivery_url( '$base/webhooks/woocommerce/shop' ); \$hook->set_status( 'active' ); \$hook->set_api_version( 'wp_api_v3' ); \$hook->save();"
	);
}

$step( 'classic and block checkout, guest and member, card; coupon, tax and shipping' );
$ada         = $buyer();
list( $order ) = $shop->buy_classic( $ada, 'story_card', array( $id['mug'] => 2, $id['plain'] => 1 ), 'ten' );
$accounts->note( $order, 'classic, guest, card, coupon+tax+shipping', $ada );
$same( '43.27', $shop->run( "return wc_get_order( $order )->get_total();" ), 'total' );
$ada           = $buyer( true );
list( $order ) = $shop->buy_classic( $ada, 'story_card', array( $id['plain'] => 3 ) );
$accounts->note( $order, 'classic, member, card', $ada );
$ada           = $buyer();
list( $order ) = $shop->buy_block( $ada, 'story_card', array( $id['mug'] => 3 ) );
$accounts->note( $order, 'block, guest, card', $ada );
$ada           = $buyer( true );
list( $order ) = $shop->buy_block( $ada, 'story_card', array( $id['variation'] => 1 ) );
$accounts->note( $order, 'block, member, card, variation', $ada );

$step( 'a bank that calls back from its own address, and one that never does' );
foreach ( array( 'buy_classic', 'buy_block' ) as $buy ) {
	$ada           = $buyer();
	list( $order ) = $shop->$buy( $ada, 'story_bank', array( $id['mug'] => 1 ) );
	$bank          = new Browser( $base, array(), '192.0.2.99', 'Bank/1.0' );
	$same( 'OK', $bank->get( "/?wc-api=story_bank&order=$order" ), 'call' );
	$accounts->note( $order, "bank that calls back, $buy", $ada );
}
$ada           = $buyer();
list( $order ) = $shop->buy_block( $ada, 'story_bank', array( $id['mug'] => 1 ) );
$accounts->note( $order, 'bank that never calls', $ada, array( 'why_not' => 'never paid' ) );

$step( 'bank transfer and cheque count when the shop has the money, cash on delivery at once' );
foreach ( array( 'bacs', 'cheque' ) as $method ) {
	$ada           = $buyer();
	list( $order ) = $shop->buy_classic( $ada, $method, array( $id['mug'] => 1 ) );
	$shop->run( "wc_get_order( $order )->update_status( 'processing' );" );
	$accounts->note( $order, "$method, confirmed", $ada );
	$ada           = $buyer();
	list( $order ) = $shop->buy_block( $ada, $method, array( $id['mug'] => 1 ) );
	$accounts->note( $order, "$method, on hold", $ada, array( 'why_not' => 'not paid yet' ) );
}
$ada           = $buyer();
list( $order ) = $shop->buy_block( $ada, 'cod', array( $id['mug'] => 1 ) );
$accounts->note( $order, 'cash on delivery', $ada );

$step( 'declined the card, and paid in a second attempt: the same order, once' );
$ada = $buyer();
try {
	$shop->buy_classic( $ada, 'story_declined', array( $id['mug'] => 1 ) );
	$same( true, false, 'a declined card' );
} catch ( RuntimeException $error ) {
	$same( true, false !== strpos( $error->getMessage(), 'Declined.' ), $error->getMessage() );
}
list( $order ) = $shop->buy_classic( $ada, 'story_card', array() );
$accounts->note( $order, 'declined, then paid at checkout', $ada );
$ada = $buyer();
try {
	$shop->buy_classic( $ada, 'story_declined', array( $id['mug'] => 2 ) );
} catch ( RuntimeException $error ) {
	$order = $shop->run( 'return wc_get_orders( array( "limit" => 1, "orderby" => "id", "order" => "DESC", "return" => "ids" ) )[0];' );
}
$same( 'failed', $shop->run( "return wc_get_order( $order )->get_status();" ), 'first attempt' );
$shop->pay( $ada, $order, 'story_card' );
$accounts->note( $order, 'declined, then paid by the pay link', $ada );
$ada = $buyer();
try {
	$shop->buy_classic( $ada, 'story_declined', array( $id['mug'] => 2 ) );
} catch ( RuntimeException $error ) {
	$order = $shop->run( 'return wc_get_orders( array( "limit" => 1, "orderby" => "id", "order" => "DESC", "return" => "ids" ) )[0];' );
}
$accounts->note( $order, 'declined, and left', $ada, array( 'why_not' => 'never paid' ) );

$step( 'who said no is not followed, who was never asked neither' );
$ada                             = $buyer();
$ada->cookies['cmplz_marketing'] = 'deny';
list( $order )                   = $shop->buy_classic( $ada, 'story_card', array( $id['mug'] => 1 ) );
$accounts->note( $order, 'paid, said no', $ada, array( 'why_not' => 'said no' ) );
$order = $shop->run( "\$o = wc_create_order(); \$o->add_product( wc_get_product( {$id['mug']} ), 1 ); \$o->calculate_totals(); \$o->payment_complete(); return \$o->get_id();" );
$accounts->note( $order, 'paid, by hand in the back office', null, array( 'why_not' => 'nobody was asked' ) );

$step( 'an upsell that grows the order, and one that is an order under the first' );
$ada           = $buyer();
list( $order ) = $shop->buy_classic( $ada, 'story_card', array( $id['mug'] => 1 ) );
$accounts->until_counted( $order );
$shop->run( "\$o = wc_get_order( $order ); \$o->add_product( wc_get_product( {$id['plain']} ), 1 ); \$o->calculate_totals(); \$o->save();" );
$accounts->note( $order, 'grew by an upsell', $ada, array( 'growth' => '11.9' ) );
$ada                  = $buyer();
list( $order, $next ) = $shop->buy_classic( $ada, 'story_card', array( $id['mug'] => 1 ) );
$accounts->note( $order, 'first order of an upsell', $ada );
$child = (int) $ada->get( "/?wc-api=story_upsell&order=$order&product={$id['plain']}&" . parse_url( $next, PHP_URL_QUERY ) );
$same( $order, $shop->run( "return wc_get_order( $child )->get_parent_id();" ), 'parent' );
$accounts->note( $child, 'upsell, an order under the first', $ada );

$step( 'refunds take nothing back, and add nothing' );
$ada           = $buyer();
list( $order ) = $shop->buy_classic( $ada, 'story_card', array( $id['mug'] => 2 ) );
$shop->run( "wc_create_refund( array( 'order_id' => $order, 'amount' => '5.00' ) );" );
$accounts->note( $order, 'refunded in part', $ada );
$ada           = $buyer();
list( $order ) = $shop->buy_block( $ada, 'story_card', array( $id['mug'] => 2 ) );
$accounts->until_counted( $order );
$shop->run( "wc_create_refund( array( 'order_id' => $order, 'amount' => wc_get_order( $order )->get_total() ) );" );
$accounts->note( $order, 'refunded', $ada );

$step( 'a product deleted between order and payment' );
$ada           = $buyer();
list( $order ) = $shop->buy_classic( $ada, 'story_bank', array( $id['doomed'] => 1 ) );
$shop->run( "wp_delete_post( {$id['doomed']}, true );" );
$same( 'OK', ( new Browser( $base, array(), '192.0.2.99', 'Bank/1.0' ) )->get( "/?wc-api=story_bank&order=$order" ), 'call' );
$accounts->note( $order, 'product deleted before payment', $ada );

$step( 'the order has the provider’s address and browser: what the buyer’s own request told is kept and used' );
$ada                           = $buyer();
$ada->cookies['story_provider'] = '1';
list( $order )                 = $shop->buy_classic( $ada, 'story_card', array( $id['mug'] => 1 ) );
$same( array( '192.0.2.99', $ada->ip ), $shop->run( "\$o = wc_get_order( $order ); return array( \$o->get_customer_ip_address(), \$o->get_meta( '_tandem_ip' ) );" ), 'addresses' );
$accounts->note( $order, 'made in the provider’s name', $ada );

$step( 'yen without, dinar with three decimals' );
foreach ( array( 'JPY' => array( 0, '1031' ), 'KWD' => array( 3, '10.307' ) ) as $currency => list( $decimals, $price ) ) {
	$shop->run( "update_option( 'woocommerce_currency', '$currency' ); update_option( 'woocommerce_price_num_decimals', $decimals ); \$p = wc_get_product( {$id['plain']} ); \$p->set_regular_price( '$price' ); \$p->save();" );
	foreach ( array( 'buy_classic', 'buy_block' ) as $buy ) {
		$ada           = $buyer();
		list( $order ) = $shop->$buy( $ada, 'story_card', array( $id['plain'] => 3 ) );
		$same( array( 'JPY' => '3687', 'KWD' => '42.687' )[ $currency ], $shop->run( "return rtrim( rtrim( sprintf( '%.3f', wc_get_order( $order )->get_total() ), '0' ), '.' );" ), "$currency in the shop" );
		$accounts->note( $order, "$currency, $buy", $ada );
		$accounts->until_counted( $order );
	}
}
// Webhooks are delivered with the digits of the shop's own currency, later.
$shop->run( "update_option( 'woocommerce_currency', 'EUR' ); update_option( 'woocommerce_price_num_decimals', 2 ); \$p = wc_get_product( {$id['plain']} ); \$p->set_regular_price( '10.00' ); \$p->save();" );
$background();

$step( 'a subscription: renewals without the buyer count, without the buyer’s browser; a failed one does not' );
$ada           = $buyer( true );
list( $order ) = $shop->buy_classic( $ada, 'story_card', array( $id['plain'] => 1 ) );
$accounts->note( $order, 'first order of a subscription', $ada );
$subscription = $shop->run( "return story_subscribe( $order );" );
foreach ( array( 1, 2 ) as $month ) {
	$renewal = $shop->run( "return story_renew( $subscription );" );
	$accounts->note( $renewal, "renewal $month", $ada, array( 'absent' => array( 'ip', 'user_agent' ) ) );
}
$renewal = $shop->run( "return story_renew( $subscription, false );" );
$accounts->note( $renewal, 'renewal, card expired', $ada, array( 'why_not' => 'never paid' ) );

$step( 'the webhook comes first, the plugin after it' );
$ada           = $buyer();
list( $order ) = $shop->buy_classic( $ada, 'bacs', array( $id['mug'] => 1 ) );
$background();
$shop->run( "( new Tandem\\Journal() )->failed( 'for the story', time() ); wc_get_order( $order )->update_status( 'processing' );" );
$same( 1, $shop->waiting(), 'rows of the plugin' );
$shop->run( 'foreach ( as_get_scheduled_actions( array( "hook" => "woocommerce_deliver_webhook_async", "status" => "pending", "per_page" => -1 ), "ids" ) as $id ) { ActionScheduler_QueueRunner::instance()->process_action( $id ); }' );
$accounts->until_counted( $order );
$same( 1, $shop->waiting(), 'rows of the plugin' );
$shop->run( '( new Tandem\Journal() )->mended(); global $wpdb; $wpdb->query( "UPDATE {$wpdb->prefix}tandem_outbox SET due_at = 0" ); do_action( "tandem_sweep" );' );
$same( 0, $shop->waiting(), 'rows of the plugin afterwards' );
$accounts->note( $order, 'webhook first', $ada );

$step( 'the gateway is gone for a week, and nothing is lost' );
$background();
$same( 0, $waiting_webhooks(), 'webhooks before' );
$gateway->stop();
$goods = array( 'buy_classic' => 'story_card', 'buy_block' => 'cod' );
$late  = array();
for ( $day = 1; $day <= 6; $day++ ) {
	foreach ( $goods as $buy => $method ) {
		// The gateway does not hear of this visit: what it is not told of a browser it does not know.
		$ada           = $shop->visitor( array( 'tdv' => "late{$day}{$buy[4]}0123456789ab", 'ttclid' => "E.C.P.late-$day{$buy[4]}", '_ttp' => "ttp-late-$day{$buy[4]}" ) );
		$ada->ip       = "198.51.100.$day";
		$ada->billing  = array( 'email' => "Late.$day{$buy[4]}@Example.com", 'phone' => "0151 3456780$day" ) + Shop::BILLING;
		list( $order ) = $shop->$buy( $ada, $method, array( $id['mug'] => 1 ) );
		$late[]        = $order;
		$accounts->note( $order, "while the gateway was gone, day $day, $buy", $ada );
	}
	$shop->pass_hours( 27, $late );
	$background();
}
$same( 12, $shop->waiting(), 'rows of the week' );
$hooks = '$hooks = array_map( "wc_get_webhook", WC_Data_Store::load( "webhook" )->get_webhooks_ids() );';
$same( array( 'disabled', 'disabled' ), $shop->run( "$hooks return array_map( static function ( \$hook ) { return \$hook->get_status(); }, \$hooks );" ), 'WooCommerce has given its own webhooks up' );
$gateway->start();
$shop->pass_hours( 3, $late );
$background();
$same( 0, $shop->waiting(), 'rows afterwards' );
array_map( array( $accounts, 'until_counted' ), $late );
$shop->run( "$hooks foreach ( \$hooks as \$hook ) { \$hook->set_status( 'active' ); \$hook->set_failure_count( 0 ); \$hook->save(); }" );

$step( 'cash on delivery counts when the money is there, where the shop says so' );
$gateway->stop();
$gateway->start( 'gateways.cod.paid_statuses = ["completed"]' );
$same( true, $shop->run( 'return Tandem\Setup::check_again();' ), 'connection' );
$ada           = $buyer();
list( $order ) = $shop->buy_block( $ada, 'cod', array( $id['mug'] => 1 ) );
$same( 'processing', $shop->run( "return wc_get_order( $order )->get_status();" ), 'status' );
$accounts->note( $order, 'cash on delivery, on the way', $ada, array( 'why_not' => 'not paid yet' ) );
$ada           = $buyer();
list( $order ) = $shop->buy_classic( $ada, 'cod', array( $id['mug'] => 1 ) );
$shop->run( "wc_get_order( $order )->update_status( 'completed' );" );
$accounts->note( $order, 'cash on delivery, completed', $ada );

require __DIR__ . '/browsing.php';

$step( 'the audit: every order of the shop against what the platform counted' );
$background();
$same( array( 0, 0 ), array( $shop->waiting(), $waiting_webhooks() ), 'nothing waits in the shop' );
until(
	static function () use ( $gateway ) {
		return ! array_filter( array_column( $gateway->records( 'deliveries' ), 'state' ), static function ( $state ) { return 'waiting' === $state; } );
	},
	'the gateway to have nothing left to send'
);
list( $wrong, $orders ) = $accounts->audit();
foreach ( $wrong as $line ) {
	echo "   WRONG $line\n";
}
$notices = array_count_values( array_map( static function ( $row ) { return $row['source'] . ' ' . $row['kind'] . ' ' . ( $row['code'] ?? '' ); }, $gateway->records( 'notices' ) ) );
ksort( $notices );
echo '   notices at the gateway: ', json_encode( $notices ), "\n";
echo '   the platform complains of: ', json_encode( $gateway->complaints() ), "\n";
$same( array(), array_values( array_filter( $gateway->complaints(), static function ( $d ) { return 'Purchase' === $d['event'] && ! in_array( $d['name'], array( 'mismatched_event_id' ), true ); } ) ), 'complaints about purchases' );
$gateway->stop();
if ( $wrong ) {
	exit( 1 );
}
printf( "ok: %d steps, WordPress %s, WooCommerce %s, %d orders in %d s\n", $steps, $id['wordpress'], $id['woocommerce'], $orders, time() - $began );
