<?php
/**
 * What other plugins would count a second time.
 *
 * @package Tandem
 */

namespace Tandem\Admin;

use Tandem\Other_Plugins;

defined( 'ABSPATH' ) || exit;

/**
 * A notice on the list of plugins and on our settings, until each admin has read it for the plugins that are there.
 */
final class Conflicts {

	/**
	 * Of a user: the plugins whose notes they have read.
	 */
	const DISMISSED = 'tandem_conflicts_seen';
	const ACTION    = 'tandem_dismiss_conflicts';

	/**
	 * Listens.
	 */
	public function listen(): void {
		add_action( 'admin_notices', array( $this, 'output' ) );
		add_action( 'admin_post_' . self::ACTION, array( $this, 'dismiss' ) );
	}

	/**
	 * What to know of each plugin. Menus and options are called as the plugins call them.
	 *
	 * @return string[]
	 */
	public static function notes(): array {
		return array(
			Other_Plugins::TIKTOK        => __( 'TikTok’s own plugin reports purchases from the page and from the server under ids of its own, so TikTok counts them beside Tandem’s. Disconnect it under Marketing → TikTok, or deactivate it. The catalogue can be kept in TikTok’s own catalogue manager.', 'tandem' ),
			Other_Plugins::STAPE         => __( 'Stape’s plugin tells a Tag Manager server container of purchases. If a TikTok tag runs there, each purchase counts twice: take that tag out of the container, or switch “Send webhooks to server GTM container” off under Settings → Stape Conversion Tracking → Webhooks. Its data layer can stay.', 'tandem' ),
			Other_Plugins::GTM4WP        => __( 'GTM4WP reports nothing to TikTok itself, but the Tag Manager container it loads (Settings → Google Tag Manager) may. If a TikTok tag or pixel runs in that container, each purchase counts twice: pause that tag there. GTM4WP and its data layer can stay.', 'tandem' ),
			Other_Plugins::PIXELYOURSITE => __( 'PixelYourSite Professional can run TikTok’s pixel and API under ids of its own; each purchase would count twice. Take the TikTok tag out on the plugin’s page “PixelYourSite”; its other pixels can stay. The free version has no TikTok; there, only look for a TikTok tag in a Tag Manager container that it loads.', 'tandem' ),
		);
	}

	/**
	 * The notes on the plugins that are active.
	 *
	 * @return string[]
	 */
	public static function found(): array {
		return array_intersect_key( self::notes(), array_flip( Other_Plugins::active() ) );
	}

	/**
	 * Prints the notice.
	 */
	public function output(): void {
		$found = self::is_our_screen() && current_user_can( 'manage_woocommerce' ) ? self::found() : array();
		$seen  = (array) get_user_meta( get_current_user_id(), self::DISMISSED, true );
		if ( ! array_diff( array_keys( $found ), $seen ) ) {
			return;
		}
		echo '<div class="notice notice-warning"><p><strong>' . esc_html__( 'Tandem: another plugin may report the same sales', 'tandem' ) . '</strong></p>';
		foreach ( $found as $note ) {
			echo '<p>' . esc_html( $note ) . '</p>';
		}
		$address = wp_nonce_url( admin_url( 'admin-post.php?action=' . self::ACTION ), self::ACTION );
		echo '<p><a class="button" href="' . esc_url( $address ) . '">' . esc_html__( 'Understood, do not show this again', 'tandem' ) . '</a></p></div>';
	}

	/**
	 * The user has read it. Another plugin brings it back.
	 */
	public function dismiss(): void {
		check_admin_referer( self::ACTION );
		if ( current_user_can( 'manage_woocommerce' ) ) {
			update_user_meta( get_current_user_id(), self::DISMISSED, array_keys( self::found() ) );
		}
		$from = wp_get_referer();
		wp_safe_redirect( $from ? $from : Settings_Tab::address() );
		exit;
	}

	/**
	 * Whether this page is the list of plugins or our settings.
	 */
	private static function is_our_screen(): bool {
		$screen = get_current_screen();
		if ( ! $screen ) {
			return false;
		}
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- only which page is shown.
		$tab = isset( $_GET['tab'] ) ? sanitize_key( wp_unslash( $_GET['tab'] ) ) : '';
		return 'plugins' === $screen->id || ( 'woocommerce_page_wc-settings' === $screen->id && Settings_Tab::TAB === $tab );
	}
}
