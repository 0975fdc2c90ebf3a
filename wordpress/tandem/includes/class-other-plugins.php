<?php
/**
 * Plugins that do some of the same.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Knows tracking plugins by the folder they are installed in.
 */
final class Other_Plugins {

	const TIKTOK        = 'tiktok';
	const STAPE         = 'stape';
	const GTM4WP        = 'gtm4wp';
	const PIXELYOURSITE = 'pixelyoursite';

	/**
	 * Name by folder.
	 */
	const FOLDERS = array(
		'tiktok-for-business'                      => self::TIKTOK,
		'gtm-server-side'                          => self::STAPE,
		'duracelltomi-google-tag-manager'          => self::GTM4WP,
		'pixelyoursite'                            => self::PIXELYOURSITE,
		'pixelyoursite-pro'                        => self::PIXELYOURSITE,
		'gtm-kit'                                  => 'gtm_kit',
		'woocommerce-google-analytics-integration' => 'google_analytics',
		'google-listings-and-ads'                  => 'google_ads',
	);

	/**
	 * Those that are active.
	 *
	 * @return string[]
	 */
	public static function active(): array {
		$files = (array) get_option( 'active_plugins', array() );
		if ( is_multisite() ) {
			$files = array_merge( $files, array_keys( (array) get_site_option( 'active_sitewide_plugins', array() ) ) );
		}
		$found = array();
		foreach ( $files as $file ) {
			$folder = explode( '/', (string) $file )[0];
			if ( isset( self::FOLDERS[ $folder ] ) ) {
				$found[] = self::FOLDERS[ $folder ];
			}
		}
		return array_values( array_unique( $found ) );
	}

	/**
	 * Whether one of them fills the data layer, with GA4's events under their own names. Most do so only when they are set up
	 * for it.
	 */
	public static function filling_data_layer(): bool {
		foreach ( self::active() as $plugin ) {
			if ( self::is_filling( $plugin ) ) {
				return true;
			}
		}
		return false;
	}

	/**
	 * Whether a plugin that is active fills the data layer, as its options say.
	 *
	 * @param string $plugin Its name.
	 */
	private static function is_filling( string $plugin ): bool {
		switch ( $plugin ) {
			case self::STAPE:
				// It may hang "_stape" to every name, and does so unless told otherwise; then the plain names are free.
				return 'yes' === get_option( 'gtm_server_side_data_layer_ecommerce' )
					&& 'yes' !== get_option( 'gtm_server_side_data_layer_custom_event_name' );
			case self::GTM4WP:
				return self::has( 'gtm4wp-options', 'integrate-woocommerce-track-enhanced-ecommerce' );
			case self::PIXELYOURSITE:
				return self::has( 'pys_gtm', 'enabled' ) && ( self::has( 'pys_gtm', 'gtm_id' ) || self::has( 'pys_gtm', 'gtm_just_data_layer' ) );
			case 'google_analytics':
				return self::has( 'woocommerce_google_analytics_settings', 'ga_id' );
			case 'gtm_kit':
			case 'google_ads':
				return true;
		}
		return false;
	}

	/**
	 * Whether there is something under a key of another plugin's option.
	 *
	 * @param string $option The option.
	 * @param string $key    The key.
	 */
	private static function has( string $option, string $key ): bool {
		$values = get_option( $option );
		$value  = is_array( $values ) && isset( $values[ $key ] ) ? $values[ $key ] : '';
		return is_array( $value ) ? (bool) array_filter( $value ) : $value && 'no' !== $value;
	}
}
