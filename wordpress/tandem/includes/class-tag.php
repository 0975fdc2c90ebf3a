<?php
/**
 * The line in the head of every page.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Prints the page's script. The line is the same for everybody, so that whole pages may be cached.
 */
final class Tag {

	/**
	 * Listens.
	 */
	public function listen(): void {
		add_action( 'wp_head', array( $this, 'output' ), 1 );
	}

	/**
	 * Prints the line, where the gateway has a script for this site.
	 */
	public function output(): void {
		$script = Settings::get( 'script' );
		if ( ! Settings::get( 'connected' ) || '' === $script || is_customize_preview() || is_preview() ) {
			return;
		}
		// Optimisers that merge, copy or delay scripts leave this one alone: it finds the gateway by its own address.
		wp_print_script_tag(
			array(
				'async'            => true,
				'src'              => esc_url( $script ),
				'data-cfasync'     => 'false', // Cloudflare's Rocket Loader.
				'data-no-optimize' => '1',     // LiteSpeed Cache.
				'data-no-minify'   => '1',     // WP Rocket.
			)
		);
	}
}
