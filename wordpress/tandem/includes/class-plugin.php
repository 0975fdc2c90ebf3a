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
	 * Starts the parts. Those that few requests need are only named, and loaded when their turn comes. Without WooCommerce
	 * there is nothing to do but to say so.
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

		$watch = new Order_Watch( Outbox::open() );
		$watch->listen();
		// Comes last of all that happens at the end of a request.
		add_action(
			'shutdown',
			static function () use ( $watch ) {
				if ( $watch->has_noted() ) {
					( new After_Response( $watch, Handover::open() ) )->run();
				}
			},
			PHP_INT_MAX
		);
		Retry_Queue::listen();

		add_filter( 'woocommerce_privacy_remove_order_personal_data_meta', array( Order_Privacy::class, 'removed' ) );
		add_filter( 'woocommerce_privacy_export_order_personal_data_meta', array( Order_Privacy::class, 'exported' ) );
		add_filter( 'wpmu_drop_tables', array( Schema::class, 'add_table' ) );
		add_filter( 'site_status_tests', array( self::class, 'add_health_tests' ) );
		if ( is_admin() ) {
			( new Admin\Settings_Tab() )->listen();
			( new Admin\Conflicts() )->listen();
		}
	}

	/**
	 * Adds our part of Tools → Site Health.
	 *
	 * @param array $tests WordPress's tests.
	 */
	public static function add_health_tests( $tests ) {
		return ( new Admin\Site_Health() )->add_tests( $tests );
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
