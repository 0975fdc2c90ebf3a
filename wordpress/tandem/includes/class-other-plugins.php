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
	 * Those that fill a data layer with GA4's events.
	 */
	const DATA_LAYER = array( self::STAPE, self::GTM4WP, self::PIXELYOURSITE, 'gtm_kit', 'google_analytics', 'google_ads' );

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
	 * Whether one of them fills the data layer.
	 */
	public static function filling_data_layer(): bool {
		return (bool) array_intersect( self::active(), self::DATA_LAYER );
	}
}
