<?php
/**
 * Part of counted.php: real browsers in the shop, by its pages and buttons, with the script on every page.
 *
 * @package Tandem
 */

if ( ! Web_Driver::is_there() ) {
	echo "-- LEFT OUT: real browsers (there is no chromium and chromedriver)\n";
	return;
}

$temp = dirname( $files );
$mug  = $shop->run( "return get_permalink( {$id['mug']} );" );
$list = $shop->run( "return get_permalink( {$id['list']} );" );
// Somebody at a real browser, who came by an ad and has allowed everything in the banner.
$window = static function ( string $name ) use ( $temp, $base ) {
	$window = new Web_Driver( $temp, $name );
	$window->go( "$base/license.txt" );
	$window->set_cookie( 'cmplz_marketing', 'allow' );
	$window->set_cookie( 'cmplz_statistics', 'allow' );
	$window->go( "$base/?ttclid=E.C.P.$name" );
	until(
		static function () use ( $window ) {
			return isset( $window->cookies()['tdv'], $window->cookies()['_ttp'], $window->cookies()['ttclid'] );
		},
		'cookies of the gateway and the pixel'
	);
	return $window;
};
// The same person as the audit wants to know them. Who says nothing of an address is given this one by the web server.
$person = static function ( Web_Driver $window, string $name, array $billing ) use ( $base ) {
	$person          = new Browser( $base, $window->cookies(), '198.51.100.77', Web_Driver::AGENT . " $name" );
	$person->billing = $billing + Shop::BILLING;
	return $person;
};
// Events of a visitor that came to the platform from both sides, and in which goods they were.
$seen = static function ( string $event, Web_Driver $window ) use ( $gateway ) {
	$who  = hash( 'sha256', $window->cookies()['tdv'] );
	$both = array();
	foreach ( $gateway->counted( $event ) as $conversion ) {
		foreach ( $gateway->sent()[ $event ][ $conversion['event_id'] ] ?? array() as $sent ) {
			if ( in_array( $who, (array) ( $sent['user']['external_id'] ?? array() ), true ) && 2 === count( $conversion['channels'] ) ) {
				$both[ $conversion['event_id'] ] = array( implode( ' ', array_column( $sent['properties']['contents'] ?? array(), 'content_id' ) ), $conversion['value'] );
			}
		}
	}
	return $both;
};
$until_seen = static function ( string $event, Web_Driver $window, array $goods ) use ( $seen, $same ) {
	$found = array();
	try {
		until(
			static function () use ( $seen, $event, $window, $goods, &$found ) {
				$found = array_values( $seen( $event, $window ) );
				sort( $found );
				return $goods == $found;
			},
			"$event from both sides"
		);
	} catch ( RuntimeException $error ) {
		$same( $goods, $found, $error->getMessage() );
	}
};
$silent = static function ( Web_Driver $window, string $where ) use ( $same ) {
	$errors = array_filter( $window->console(), static function ( $entry ) { return in_array( $entry['level'], array( 'SEVERE', 'WARNING' ), true ); } );
	$ours   = array_filter( array_column( $errors, 'message' ), static function ( $text ) { return preg_match( '#/x7k2/|plugins/tandem|dataLayer|/pixel#', $text ); } );
	$same( array(), array_values( $ours ), "console, $where" );
};
$ordered = static function ( Web_Driver $window ) {
	$window->until( '/order-received/.test(location.href)', 'the thank-you page' );
	return (int) preg_replace( '#.*order-received/(\d+).*#', '$1', $window->address() );
};
$fill = static function ( Web_Driver $window, string $prefix, array $billing ) {
	foreach ( array( 'first_name', 'last_name', 'address_1', 'postcode', 'city', 'phone' ) as $field ) {
		$window->type( "#$prefix$field", $billing[ $field ] );
	}
};
// Product page, cart and the block checkout; gives the order.
$buy_by_blocks = static function ( Web_Driver $window, array $billing, string $method ) use ( $shop, $id, $mug, $fill, $ordered ) {
	$window->go( $mug );
	$window->press( '.single_add_to_cart_button' );
	$window->until( 'document.querySelector(".woocommerce-message, .wc-block-components-notice-banner")', 'word that it is in the cart' );
	$window->go( $shop->run( "return get_permalink( {$id['block']} );" ) );
	$window->type( '#email', $billing['email'] );
	$fill( $window, 'shipping-', $billing );
	$window->press( "label[for='radio-control-wc-payment-method-options-$method']" );
	$window->until( '!document.querySelector(".wc-block-components-loading-mask, .wc-block-components-checkout-place-order-button[disabled]")', 'the total' );
	$window->press( '.wc-block-components-checkout-place-order-button' );
	return $ordered( $window );
};

$step( 'a real browser, classic theme: product, button in a list, variable product, cart, checkout, thank-you page' );
$grace   = $window( 'Grace' );
$billing = array( 'email' => 'Grace@Example.com', 'phone' => '0151 90000001' ) + Shop::BILLING;
$grace->go( $mug );
$grace->go( $list );
$grace->press( ".ajax_add_to_cart[data-product_id='{$id['mug']}']" );
$grace->until( 'document.querySelector(".added_to_cart")', 'the button’s answer' );
$grace->go( $shop->run( "return get_permalink( wc_get_product( {$id['variation']} )->get_parent_id() );" ) );
$grace->until( 'document.querySelector("select[name=attribute_size]")', 'sizes' );
$grace->run( 'var size = document.querySelector("select[name=attribute_size]"); size.value = "S"; jQuery(size).trigger("change");' );
$grace->press( '.single_add_to_cart_button:not(.disabled)' );
$grace->until( 'document.querySelector(".woocommerce-message, .wc-block-components-notice-banner")', 'word that it is in the cart' );
$grace->go( "$base/cart/" );
$grace->until( 'document.querySelector(".wc-block-cart__submit, .wc-block-components-totals-item")', 'the cart' );
$grace->go( $shop->run( "return get_permalink( {$id['classic']} );" ) );
$fill( $grace, 'billing_', $billing );
$grace->type( '#billing_email', $billing['email'] );
$grace->until( '!document.querySelector(".blockUI") && document.querySelector("#payment_method_story_card")', 'ways to pay' );
$grace->run( 'document.querySelector("#payment_method_story_card").click()' );
$grace->press( '#place_order' );
$order = $ordered( $grace );
$accounts->until_counted( $order );
$until_seen( 'ViewContent', $grace, array( array( 'MUG-1', '12.45' ), array( 'SHIRT', '20' ), array( 'SHIRT', '20' ) ) );
$until_seen( 'AddToCart', $grace, array( array( 'MUG-1', '12.45' ), array( 'SHIRT', '20' ) ) );
$until_seen( 'InitiateCheckout', $grace, array( array( 'MUG-1 SHIRT', '32.45' ) ) );
$until_seen( 'Purchase', $grace, array( array( 'MUG-1 SHIRT', '44.51' ) ) );
$grace->go( $grace->address() );
$silent( $grace, 'classic' );
$accounts->note( $order, 'real browser, classic checkout', $person( $grace, 'Grace', $billing ), array( 'both' => true ) );

$step( 'a real browser, block theme: product page, block checkout, thank-you page' );
$shop->run( "switch_theme( 'twentytwentyfive' );" );
$shop->empty_cache( $temp );
$joan    = $window( 'Joan' );
$billing = array( 'email' => 'Joan@Example.com', 'phone' => '0151 90000002' ) + Shop::BILLING;
$order   = $buy_by_blocks( $joan, $billing, 'story_card' );
$accounts->until_counted( $order );
$until_seen( 'AddToCart', $joan, array( array( 'MUG-1', '12.45' ) ) );
$until_seen( 'InitiateCheckout', $joan, array( array( 'MUG-1', '12.45' ) ) );
$until_seen( 'Purchase', $joan, array( array( 'MUG-1', '20.71' ) ) );
$silent( $joan, 'blocks' );
$accounts->note( $order, 'real browser, block checkout', $person( $joan, 'Joan', $billing ), array( 'both' => true ) );
$joan->close();
$grace->close();

$step( 'a real browser, cash on delivery that counts when it is completed: the thank-you page does not tell of it before' );
$hedy    = $window( 'Hedy' );
$billing = array( 'email' => 'Hedy@Example.com', 'phone' => '0151 90000003' ) + Shop::BILLING;
$order   = $buy_by_blocks( $hedy, $billing, 'cod' );
until(
	static function () use ( $gateway, $order ) {
		return array_filter( array_column( $gateway->counted( 'Pageview' ), 'page_url' ), static function ( $url ) use ( $order ) { return false !== strpos( (string) $url, "/order-received/$order" ); } );
	},
	'the thank-you page at the platform'
);
$same( array(), array_keys( array_column( $gateway->counted( 'Purchase' ), 'order_id' ), (string) $order, true ), 'purchases before it is completed' );
$shop->run( "wc_get_order( $order )->update_status( 'completed' );" );
$accounts->note( $order, 'real browser, cash on delivery, completed', $person( $hedy, 'Hedy', $billing ) );
$accounts->until_counted( $order );
$hedy->close();
$shop->run( "switch_theme( 'plain' );" );
$shop->empty_cache( $temp );

$step( 'full-page cache: one HTML for all, and each visitor’s own events' );
$one = $window( 'Ruth' );
$two = $window( 'Vera' );
$one->go( $mug );
$two->go( $mug );
$pages = array();
foreach ( array( $one, $two ) as $visitor ) {
	$until_seen( 'ViewContent', $visitor, array( array( 'MUG-1', '12.45' ) ) );
	$reader  = new Browser( $base, $visitor->cookies() );
	$pages[] = $reader->get( $mug );
	$same( array( 200, 'HIT', false ), array( $reader->status, $reader->headers['x-cache'] ?? '', isset( $reader->headers['set-cookie'] ) ), 'page from the cache' );
	$silent( $visitor, 'cached page' );
}
$same( true, $pages[0] === $pages[1], 'the same page' );
$events = array_merge( array_keys( $seen( 'ViewContent', $one ) ), array_keys( $seen( 'ViewContent', $two ) ) );
$same( 2, count( array_unique( $events ) ), 'ids of the two visits' );
$never = array_merge( $events, array_values( $one->cookies() ), array_values( $two->cookies() ), array( '198.51.100.77', 'story-plugin-secret', 'Example.com' ) );
foreach ( array_diff( $never, array( 'allow', '1' ) ) as $text ) {
	$same( false, strpos( $pages[0], (string) $text ), "$text in a cached page" );
}
$one->close();
$two->close();
