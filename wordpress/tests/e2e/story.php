<?php
/**
 * The whole story: php story.php BASE FOLDER GATEWAY-FOLDER MADE.json. Each step says what it saw; the first that is not as
 * it should be ends it.
 *
 * @package Tandem
 */

require __DIR__ . '/class-browser.php';
require __DIR__ . '/class-shop.php';

list( , $base, $folder, $gateway, $made ) = $argv;
$shop  = new Shop( $base, $folder, $gateway, json_decode( file_get_contents( $made ), true ) );
$id    = $shop->made;
$steps = 0;

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
$meta = static function ( array $order ): array {
	return array_column( $order['meta_data'], 'value', 'key' );
};
$pushed = static function ( string $page ): array {
	preg_match_all( '/dataLayer\.push\((\{"event".*?\})\);?\s*(\/\*|<\/script|\n|$)/s', $page, $found );
	return array_column( array_map( static function ( $json ) { return json_decode( $json, true ); }, $found[1] ), null, 'event' );
};
$clean = static function ( array $order ) use ( $same ) {
	$text = json_encode( $order );
	foreach ( array( 'order_key', 'payment_url', 'transaction_id', 'secret-transaction', 'wc_order_' ) as $never ) {
		$same( false, strpos( $text, $never ), "$never in what was sent" );
	}
};

$step( 'connects by the settings page, and shows no secret' );
$admin = new Browser( $base );
$admin->get( '/wp-login.php' );
$admin->post( '/wp-login.php', array( 'log' => 'admin', 'pwd' => 'admin', 'testcookie' => 1 ) );
$page = $admin->get( '/wp-admin/admin.php?page=wc-settings&tab=tandem' );
if ( ! preg_match( '/name="_wpnonce" value="(\w+)"/', $page, $nonce ) ) {
	echo "   no settings form (status $admin->status): ", substr( wp_text( $page ), 0, 300 ), json_encode( $admin->headers ), "\n";
	exit( 1 );
}
$answer = $admin->post( '/wp-admin/admin.php?page=wc-settings&tab=tandem', array( 'save' => 'Save', '_wpnonce' => $nonce[1], 'tandem_connection_string' => 'tandem1.x' ) );
$same( true, false !== strpos( $answer, 'is damaged' ), 'a damaged string is refused' );
$answer = $admin->post( '/wp-admin/admin.php?page=wc-settings&tab=tandem', array( 'save' => 'Save', '_wpnonce' => $nonce[1], 'tandem_connection_string' => $id['line'] ) );
$same( true, false !== strpos( $answer, 'The gateway answers and knows this shop' ), 'green' );
$page = $admin->get( '/wp-admin/admin.php?page=wc-settings&tab=tandem' );
$same( true, false !== strpos( $page, 'Orders waiting' ), 'status panel' );
foreach ( array( $answer, $page ) as $html ) {
	$same( false, strpos( $html, 'test-secret' ), 'secret on the page' );
	$same( false, strpos( $html, $id['line'] ), 'connection string on the page' );
}

$step( 'prints the tag from the shop’s own address, and the product for the data layer, the same for everybody' );
$one = $shop->visitor();
$other = new Browser( $base, array(), '198.51.100.9' );
$html = $one->get( '/?p=' . $id['mug'] . '&post_type=product' );
$html = 301 === $one->status ? $one->get( $one->headers['location'] ) : $html;
$same( 1, preg_match( '#<script[^>]* src="' . preg_quote( $base, '#' ) . '/x7k2/s\.js"#', $html ), 'tag' );
$view = $pushed( $html )['view_item'];
$same( array( 'item_id' => 'MUG-1', 'price' => 12.45 ), array_intersect_key( $view['ecommerce']['items'][0], array( 'item_id' => 1, 'price' => 1 ) ), 'view_item' );
$same( $shop->run( "return wc_get_product( {$id['mug']} )->get_name();" ), $view['ecommerce']['items'][0]['item_name'], 'a name with everything in it' );
$ours = static function ( $html ) {
	preg_match_all( '#<script[^>]*>[^<]*</script>#', $html, $found );
	return array_values( array_filter( $found[0], static function ( $part ) { return preg_match( '/tandem|s\.js|dataLayer/', $part ); } ) );
};
$same( 4, count( $ours( $html ) ), 'our parts of the page' );
$same( $ours( $html ), $ours( $other->get( $shop->run( "return get_permalink( {$id['mug']} );" ) ) ), 'page for another visitor' );

$step( 'adds to the cart by a button, and tells the data layer' );
$cart = json_decode( $one->post( '/?wc-ajax=add_to_cart', array( 'product_id' => $id['mug'], 'quantity' => 2 ) ), true );
$same( array( 'MUG-1', 2 ), array( $cart['fragments']['tandem_added'][0]['item_id'], $cart['fragments']['tandem_added'][0]['quantity'] ), 'fragment' );
$same( array(), json_decode( $one->get( '/?wc-ajax=tandem_added' ), true ), 'told once' );

$step( 'classic checkout, guest, card: handed over after the response with every key, right to the cent' );
$buyer = $shop->visitor();
list( $order, $next ) = $shop->buy_classic( $buyer, 'story_card', array( $id['mug'] => 2, $id['plain'] => 1 ), 'ten' );
list( $told ) = $shop->told( $order );
$same( array( 'processing', 'EUR', 'checkout' ), array( $told['status'], $told['currency'], $told['created_via'] ), 'order' );
// (2 × 12.45 + 10) less ten per cent, and 4.95 for the post, and 19 per cent on all of it.
$same( '43.27', $told['total'], 'total' );
$same( $shop->run( "return wc_get_order( $order )->get_total();" ), $told['total'], 'total in the shop' );
$same( array( 'Ada@Example.com', '0151 23456789', '203.0.113.7', 'Mozilla/5.0 (Buyer)' ), array( $told['billing']['email'], $told['billing']['phone'], $told['customer_ip_address'], $told['customer_user_agent'] ), 'match keys' );
$kept = $meta( $told );
$same( array( 'visitor0123456789abc', 'E.C.P.click', 'ttp-1', 'fb.1.2.c', 'fb.1.2.p', 'g-1' ), array( $kept['_tandem_visitor'], $kept['_tandem_ttclid'], $kept['_tandem_ttp'], $kept['_tandem_fbc'], $kept['_tandem_fbp'], $kept['_tandem_gclid'] ), 'ids' );
$same( array( 'granted', 'complianz' ), array( $kept['_tandem_consent']['advertising'], $kept['_tandem_consent']['signal'] ), 'consent' );
$same( array( 'MUG-1', '' ), array_column( $told['line_items'], 'sku' ), 'SKUs' );
$clean( $told );
$same( 0, $shop->waiting(), 'rows left' );
$same( 'ttp-1', $shop->run( "return wc_get_order( $order )->get_meta( '_tandem_ttp' );" ), 'meta by the order’s own means (HPOS)' );

$step( 'its body says what WooCommerce’s own webhook says' );
$theirs = $shop->run( "wp_set_current_user( 1 ); \$_GET['context'] = 'edit'; \$r = new WP_REST_Request( 'GET', '/wc/v3/orders/$order' ); return rest_do_request( \$r )->get_data();" );
foreach ( array( 'id', 'number', 'parent_id', 'status', 'currency', 'total', 'discount_total', 'shipping_total', 'total_tax', 'date_created_gmt', 'date_paid_gmt', 'date_completed_gmt', 'payment_method', 'created_via', 'customer_id', 'customer_ip_address', 'customer_user_agent', 'prices_include_tax' ) as $field ) {
	$same( $theirs[ $field ], $told[ $field ], $field );
}
foreach ( $theirs['billing'] as $field => $value ) {
	$same( $value, $told['billing'][ $field ], "billing $field" );
}
foreach ( $told['line_items'] as $i => $line ) {
	foreach ( $line as $field => $value ) {
		$same( json_encode( $theirs['line_items'][ $i ][ $field ] ?? null ), json_encode( $value ), "line $field" );
	}
}

$step( 'the thank-you page tells the same purchase, to nobody without the key, and no person' );
$html = $buyer->get( $next );
$sale = $pushed( $html )['purchase']['ecommerce'];
$same( array( (string) $order, 43.27, 'EUR', 2 ), array( $sale['transaction_id'], $sale['value'], $sale['currency'], count( $sale['items'] ) ), 'purchase' );
$push = json_encode( $sale );
foreach ( array( 'Ada', 'example.com', '0151', 'wc_order_' ) as $never ) {
	$same( false, strpos( $push, $never ), "$never in the data layer" );
}
$same( true, empty( $pushed( $buyer->get( preg_replace( '/key=\w+/', 'key=wrong', $next ) ) )['purchase'] ), 'with a wrong key' );
$same( true, empty( $pushed( $buyer->get( preg_replace( '/[?&]key=\w+/', '', $next ) ) )['purchase'] ), 'without key' );

$step( 'block checkout, member, card' );
$member = $shop->visitor();
$member->get( '/wp-login.php' );
$member->post( '/wp-login.php', array( 'log' => 'member', 'pwd' => 'member', 'testcookie' => 1 ) );
list( $order, $next ) = $shop->buy_block( $member, 'story_card', array( $id['variation'] => 1 ) );
list( $told ) = $shop->told( $order );
$same( array( 'processing', 'store-api', 'SHIRT', $id['variation'] ), array( $told['status'], $told['created_via'], $told['line_items'][0]['sku'], $told['line_items'][0]['variation_id'] ), 'order' );
$same( true, $told['customer_id'] > 0, 'member' );
$same( array( 'visitor0123456789abc', 'E.C.P.click' ), array( $meta( $told )['_tandem_visitor'], $meta( $told )['_tandem_ttclid'] ), 'ids' );
$same( (string) $order, $pushed( $member->get( $next ) )['purchase']['ecommerce']['transaction_id'], 'purchase on the thank-you page' );

$step( 'a block theme: cart page by the theme’s own blocks, checkout, thank-you page' );
$shop->run( "switch_theme( 'twentytwentyfive' );" );
$buyer = $shop->visitor();
$html  = $buyer->get( $shop->run( "return get_permalink( {$id['mug']} );" ) );
$same( 'MUG-1', $pushed( $html )['view_item']['ecommerce']['items'][0]['item_id'], 'view_item' );
$buyer->get( '/wp-json/wc/store/v1/cart' );
$buyer->post( '/wp-json/wc/store/v1/cart/add-item', json_encode( array( 'id' => $id['mug'], 'quantity' => 3 ) ), array( 'Content-Type: application/json', 'Nonce: ' . $buyer->headers['nonce'] ) );
$added = json_decode( $buyer->get( '/?wc-ajax=tandem_added' ), true );
$same( array( 'MUG-1', 3 ), array( $added[0]['item_id'], $added[0]['quantity'] ), 'what a block added' );
$same( 'MUG-1', $pushed( $buyer->get( '/cart/' ) )['view_cart']['ecommerce']['items'][0]['item_id'], 'view_cart' );
$same( 37.35, $pushed( $buyer->get( '/checkout/' ) )['begin_checkout']['ecommerce']['value'], 'begin_checkout' );
list( $order, $next ) = $shop->buy_block( $buyer, 'story_card', array() );
$same( (string) $order, $pushed( $buyer->get( $next ) )['purchase']['ecommerce']['transaction_id'], 'purchase' );
$shop->told( $order );
$shop->run( "switch_theme( 'plain' );" );

$step( 'a bank that calls back: nothing before, the buyer’s own keys after' );
foreach ( array( 'buy_classic', 'buy_block' ) as $buy ) {
	list( $order ) = $shop->$buy( $shop->visitor(), 'story_bank', array( $id['mug'] => 1 ) );
	$same( 0, $shop->waiting(), 'rows before payment' );
	$bank = new Browser( $base, array(), '192.0.2.99', 'Bank/1.0' );
	$same( 'OK', $bank->get( "/?wc-api=story_bank&order=$order" ), 'call' );
	list( $told ) = $shop->told( $order );
	$same( array( 'processing', '203.0.113.7', 'Mozilla/5.0 (Buyer)', 'E.C.P.click' ), array( $told['status'], $told['customer_ip_address'], $told['customer_user_agent'], $meta( $told )['_tandem_ttclid'] ), $buy );
}

$step( 'bank transfer and cheque: on hold, then confirmed; cash on delivery at once' );
foreach ( array( 'bacs', 'cheque' ) as $method ) {
	list( $order, $next ) = $shop->buy_classic( $shop->visitor(), $method, array( $id['mug'] => 1 ) );
	$same( 'on-hold', $shop->told( $order )[0]['status'], $method );
	$same( true, empty( $pushed( $shop->visitor()->get( $next ) )['purchase'] ), "$method is not paid yet" );
	$shop->run( "wc_get_order( $order )->update_status( 'processing' );" );
	$told = $shop->told( $order, 2 );
	$same( 'processing', end( $told )['status'], $method );
}
list( $order ) = $shop->buy_block( $shop->visitor(), 'cod', array( $id['mug'] => 1 ) );
$same( array( 'processing', null ), array( $shop->told( $order )[0]['status'], $shop->told( $order )[0]['date_paid_gmt'] ), 'cash on delivery' );

$step( 'who declined is not followed' );
list( $order ) = $shop->buy_classic( $shop->visitor( array( 'cmplz_marketing' => 'deny', 'cmplz_statistics' => 'deny' ) ), 'cod', array( $id['mug'] => 1 ) );
list( $told ) = $shop->told( $order );
$keys = array_filter( array_keys( $meta( $told ) ), static function ( $key ) { return 0 === strpos( $key, '_tandem_' ); } );
$same( array( '_tandem_consent' ), array_values( $keys ), 'meta' );
$same( 'denied', $meta( $told )['_tandem_consent']['advertising'], 'consent' );

$step( 'upsell, partial and full refund' );
list( $order ) = $shop->buy_classic( $shop->visitor(), 'story_card', array( $id['mug'] => 1 ) );
$first = $shop->told( $order )[0]['total'];
$shop->run( "\$o = wc_get_order( $order ); \$o->add_product( wc_get_product( {$id['plain']} ), 1 ); \$o->calculate_totals(); \$o->save();" );
$told = $shop->told( $order, 2 );
$same( '11.90', number_format( end( $told )['total'] - $first, 2 ), 'growth' );
$shop->run( "wc_create_refund( array( 'order_id' => $order, 'amount' => '5.00' ) );" );
$told = $shop->told( $order, 3 );
$same( '-5.00', end( $told )['refunds'][0]['total'], 'partial refund' );
$shop->run( "\$o = wc_get_order( $order ); wc_create_refund( array( 'order_id' => $order, 'amount' => \$o->get_remaining_refund_amount() ) );" );
$told = $shop->told( $order, 4 );
$same( array( 'refunded', 2 ), array( end( $told )['status'], count( end( $told )['refunds'] ) ), 'full refund' );

$step( 'a product deleted between order and payment, and other odd orders, break nothing' );
list( $order ) = $shop->buy_classic( $shop->visitor(), 'story_bank', array( $id['doomed'] => 1 ) );
$shop->run( "wp_delete_post( {$id['doomed']}, true );" );
$same( 'OK', ( new Browser( $base ) )->get( "/?wc-api=story_bank&order=$order" ), 'call' );
list( $line ) = $shop->told( $order )[0]['line_items'];
$same( array( '', 'Doomed', $id['doomed'], 0 ), array( $line['sku'], $line['name'], $line['product_id'], $line['variation_id'] ), 'line without product' );
$buyer = $shop->visitor();
$html = $buyer->get( $shop->run( "return wc_get_order( $order )->get_checkout_order_received_url();" ) );
$sale = $pushed( $html )['purchase']['ecommerce'];
$same( array( 200, (string) $order, (string) $id['doomed'] ), array( $buyer->status, $sale['transaction_id'], $sale['items'][0]['item_id'] ), 'thank-you page' );
$order = $shop->run( '$o = wc_create_order(); $o->set_status( "completed" ); $o->save(); return $o->get_id();' );
$same( array( '0.00', array() ), array( $shop->told( $order )[0]['total'], $shop->told( $order )[0]['line_items'] ), 'an empty order' );
$order = $shop->run( '$o = wc_create_order(); $o->set_status( "on-hold" ); $o->save(); $o->delete( true ); return $o->get_id();' );
$same( 0, $shop->waiting(), 'an order that is gone' );

$step( 'yen and dinar' );
foreach ( array( 'JPY' => 0, 'KWD' => 3 ) as $currency => $decimals ) {
	$shop->run( "update_option( 'woocommerce_currency', '$currency' ); update_option( 'woocommerce_price_num_decimals', $decimals );" );
	list( $order ) = $shop->buy_block( $shop->visitor(), 'cod', array( $id['plain'] => 1 ) );
	$told = $shop->told( $order )[0];
	$same( array( $currency, $shop->run( "return wc_format_decimal( wc_get_order( $order )->get_total(), $decimals );" ) ), array( $told['currency'], $told['total'] ), $currency );
}
$shop->run( "update_option( 'woocommerce_currency', 'EUR' ); update_option( 'woocommerce_price_num_decimals', 2 );" );

$step( 'the gateway is gone: checkout works, the order waits, and arrives by the scheduler when it is back' );
$shop->behave( '503 store_unavailable' );
list( $order ) = $shop->buy_classic( $shop->visitor(), 'story_card', array( $id['mug'] => 1 ) );
$shop->told( $order );
list( $second ) = $shop->buy_block( $shop->visitor(), 'story_card', array( $id['mug'] => 1 ) );
$same( 2, $shop->waiting(), 'rows' );
$jobs = 'return count( as_get_scheduled_actions( array( "hook" => "tandem_hand_over", "status" => "pending", "per_page" => -1 ), "ids" ) );';
$same( 1, $shop->run( $jobs ), 'jobs' );
$shop->behave( 'ok' );
$shop->run( 'global $wpdb; $wpdb->query( "UPDATE {$wpdb->prefix}tandem_outbox SET due_at = due_at - 3600, noted_at = noted_at - 3600" ); $j = get_option( "tandem_journal" ); $j["failed_at"] -= 3600; update_option( "tandem_journal", $j ); foreach ( as_get_scheduled_actions( array( "hook" => "tandem_hand_over", "status" => "pending" ), "ids" ) as $id ) { ActionScheduler_QueueRunner::instance()->process_action( $id ); }' );
$same( 'processing', $shop->told( $second )[0]['status'], 'second order' );
$same( 0, $shop->waiting(), 'rows afterwards' );
$same( 0, $shop->run( $jobs ), 'jobs afterwards' );

$step( 'every request was signed, under a nonce of its own' );
$same( array( true ), array_values( array_unique( array_column( $shop->requests(), 'signed' ) ) ), 'signed' );
$same( count( $shop->requests() ), count( array_unique( array_column( $shop->requests(), 'nonce' ) ) ), 'nonces' );

echo "ok: $steps steps, WordPress {$id['wordpress']}, WooCommerce {$id['woocommerce']}, ", count( $shop->requests() ), " requests at the gateway\n";
