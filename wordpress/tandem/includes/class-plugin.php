<?php
/**
 * Puts the parts together.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * The list of everything that listens to WordPress and WooCommerce.
 */
final class Plugin {

	/**
	 * Tells WooCommerce that orders may live in its own tables, and that the block checkout is served.
	 */
	public static function declare_compatibility(): void {
		if ( ! class_exists( '\Automattic\WooCommerce\Utilities\FeaturesUtil' ) ) {
			return;
		}
		\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'custom_order_tables', PLUGIN_FILE, true );
		\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'cart_checkout_blocks', PLUGIN_FILE, true );
	}

	/**
	 * Starts the parts. Without WooCommerce there is nothing to do but to say so.
	 */
	public static function boot(): void {
		Schema::upgrade();
		if ( ! class_exists( 'WooCommerce' ) ) {
			add_action( 'admin_notices', array( self::class, 'say_woocommerce_is_missing' ) );
			return;
		}

		( new Tag() )->listen();
		( new Data_Layer() )->listen();
		( new Checkout() )->listen();
		( new Order_Privacy() )->listen();

		$watch = new Order_Watch( Outbox::open() );
		$watch->listen();
		( new After_Response( $watch, Handover::open() ) )->listen();
		( new Retry_Queue( Handover::open() ) )->listen();

		if ( is_admin() ) {
			( new Admin\Settings_Tab() )->listen();
			( new Admin\Conflicts() )->listen();
		}
		( new Admin\Site_Health() )->listen();
	}

	/**
	 * The notice where WooCommerce is not active.
	 */
	public static function say_woocommerce_is_missing(): void {
		if ( ! current_user_can( 'activate_plugins' ) ) {
			return;
		}
		printf(
			'<div class="notice notice-warning"><p>%s</p></div>',
			esc_html__( 'Tandem needs WooCommerce, which is not active. Nothing is tracked.', 'tandem' )
		);
	}
}
