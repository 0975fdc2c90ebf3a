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
 * A notice on the pages of plugins and of our settings, until it is dismissed for the plugins that are there.
 */
final class Conflicts {

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
	 * What to know of each plugin.
	 *
	 * @return string[]
	 */
	public static function notes(): array {
		return array(
			Other_Plugins::TIKTOK        => __( 'TikTok’s own plugin reports each purchase from the server, under ids of its own, so TikTok counts it beside Tandem’s. Disconnect the pixel in TikTok → Settings or deactivate the plugin; your catalogue can be kept in TikTok’s catalogue manager.', 'tandem' ),
			Other_Plugins::STAPE         => __( 'Stape’s plugin sends purchases to a server container. If that container has a TikTok tag, each purchase counts twice: switch off “Send webhooks” in Stape → Webhooks, or take the TikTok tag out of the container. Its data layer can stay; Tandem reads it.', 'tandem' ),
			Other_Plugins::GTM4WP        => __( 'GTM4WP fills the data layer, which Tandem reads and leaves to it. If your container has a TikTok pixel tag, take it out: Tandem runs the pixel under the ids that its server half has.', 'tandem' ),
			Other_Plugins::PIXELYOURSITE => __( 'PixelYourSite can run TikTok’s pixel and its Events API under ids of its own, so TikTok would count each purchase twice. Switch TikTok off in PixelYourSite → Dashboard; its other pixels can stay.', 'tandem' ),
		);
	}

	/**
	 * Prints the notice.
	 */
	public function output(): void {
		$screen = get_current_screen();
		if ( ! $screen || ! in_array( $screen->id, array( 'plugins', 'woocommerce_page_wc-settings' ), true ) || ! current_user_can( 'manage_woocommerce' ) ) {
			return;
		}
		$found = array_intersect_key( self::notes(), array_flip( Other_Plugins::active() ) );
		if ( ! $found || get_option( self::DISMISSED ) === implode( ',', array_keys( $found ) ) ) {
			return;
		}
		echo '<div class="notice notice-warning"><p><strong>' . esc_html__( 'Tandem: another plugin may report the same sales', 'tandem' ) . '</strong></p>';
		foreach ( $found as $note ) {
			echo '<p>' . esc_html( $note ) . '</p>';
		}
		$address = wp_nonce_url( admin_url( 'admin-post.php?action=' . self::ACTION ), self::ACTION );
		echo '<p><a href="' . esc_url( $address ) . '">' . esc_html__( 'Understood', 'tandem' ) . '</a></p></div>';
	}

	/**
	 * The admin has read it. Another plugin brings it back.
	 */
	public function dismiss(): void {
		check_admin_referer( self::ACTION );
		if ( current_user_can( 'manage_woocommerce' ) ) {
			$found = array_intersect_key( self::notes(), array_flip( Other_Plugins::active() ) );
			update_option( self::DISMISSED, implode( ',', array_keys( $found ) ), false );
		}
		wp_safe_redirect( Settings_Tab::address() );
		exit;
	}
}
