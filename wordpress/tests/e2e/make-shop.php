<?php
/**
 * Makes a shop of an installed WordPress: php make-shop.php FOLDER HOST:PORT GATEWAY. Prints what the story needs as JSON.
 *
 * @package Tandem
 */

$_SERVER['HTTP_HOST'] = $argv[2];
require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';
add_filter( 'pre_wp_mail', '__return_true' );

$options = array(
	'woocommerce_custom_orders_table_enabled' => 'yes',
	'woocommerce_coming_soon'                 => 'no',
	'woocommerce_calc_taxes'                  => 'yes',
	'woocommerce_default_country'             => 'DE',
	'woocommerce_currency'                    => 'EUR',
	'woocommerce_enable_coupons'              => 'yes',
	'woocommerce_enable_guest_checkout'       => 'yes',
	'woocommerce_cart_redirect_after_add'     => 'no',
	'permalink_structure'                     => '/%postname%/',
	'woocommerce_bacs_settings'               => array( 'enabled' => 'yes', 'title' => 'bacs' ),
	'woocommerce_cheque_settings'             => array( 'enabled' => 'yes', 'title' => 'cheque' ),
	'woocommerce_cod_settings'                => array( 'enabled' => 'yes', 'title' => 'cod', 'enable_for_virtual' => 'yes' ),
);
foreach ( $options as $name => $value ) {
	update_option( $name, $value );
}
WC_Install::install();
WC_Install::create_pages();
update_option( 'woocommerce_custom_orders_table_enabled', 'yes' );

WC_Tax::_insert_tax_rate( array( 'tax_rate_country' => '', 'tax_rate_state' => '', 'tax_rate' => '19.0000', 'tax_rate_name' => 'VAT', 'tax_rate_priority' => 1, 'tax_rate_compound' => 0, 'tax_rate_shipping' => 1, 'tax_rate_order' => 1, 'tax_rate_class' => '' ) );
$zone   = new WC_Shipping_Zone( 0 );
$method = $zone->add_shipping_method( 'flat_rate' );
update_option( "woocommerce_flat_rate_{$method}_settings", array( 'title' => 'Post', 'cost' => '4.95', 'tax_status' => 'taxable' ) );

kses_remove_filters();
$coupon = new WC_Coupon();
$coupon->set_code( 'ten' );
$coupon->set_discount_type( 'percent' );
$coupon->set_amount( 10 );
$coupon->save();

$product = static function ( $name, $price, $sku ) {
	$product = new WC_Product_Simple();
	$product->set_name( $name );
	$product->set_regular_price( $price );
	$product->set_sku( $sku );
	$product->set_status( 'publish' );
	return $product->save();
};
$attribute = new WC_Product_Attribute();
$attribute->set_name( 'Size' );
$attribute->set_options( array( 'S' ) );
$attribute->set_variation( true );
$parent = new WC_Product_Variable();
$parent->set_name( 'Shirt' );
$parent->set_sku( 'SHIRT' );
$parent->set_attributes( array( $attribute ) );
$parent->set_status( 'publish' );
$parent->save();
$variation = new WC_Product_Variation();
$variation->set_parent_id( $parent->get_id() );
$variation->set_attributes( array( 'size' => 'S' ) );
$variation->set_regular_price( '20.00' );
$variation->save();

$page = static function ( $title, $content ) {
	return wp_insert_post( array( 'post_type' => 'page', 'post_title' => $title, 'post_content' => $content, 'post_status' => 'publish' ) );
};
$classic = $page( 'Classic checkout', '[woocommerce_checkout]' );
$list    = $page( 'All', '[products]' );
delete_transient( '_wc_activation_redirect' );
wc_create_new_customer( 'member@shop.example', 'member', 'member' );
wp_insert_post( array( 'post_title' => 'Post', 'post_status' => 'publish' ) );
flush_rewrite_rules();

$line    = 'tandem1.' . rtrim( strtr( base64_encode( wp_json_encode( array( 'url' => $argv[3], 'site' => 'shop', 'secret' => 'test-secret', 'path' => '/x7k2' ) ) ), '+/', '-_' ), '=' );
echo wp_json_encode(
	array(
		'mug'        => $product( 'Mug </script> & "Co" ’😀', '12.45', 'MUG-1' ),
		'plain'      => $product( 'No SKU', '10.00', '' ),
		'doomed'     => $product( 'Doomed', '30.00', 'DOOM' ),
		'variation'  => $variation->get_id(),
		'classic'    => $classic,
		'list'       => $list,
		'block'      => wc_get_page_id( 'checkout' ),
		'line'       => $line,
		'wordpress'  => get_bloginfo( 'version' ),
		'woocommerce' => WC_VERSION,
	)
);
