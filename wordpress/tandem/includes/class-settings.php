<?php
/**
 * What the admin chose and the gateway told, as far as pages need it.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Settings without any secret; WordPress loads them with every page.
 */
final class Settings {

	const OPTION = 'tandem_settings';

	/**
	 * All of them.
	 *
	 * @return array{connected:bool,script:string,purchase_event_id:string,paid:array,data_layer:string,script_host:string}
	 */
	public static function all(): array {
		$saved = get_option( self::OPTION );
		return ( is_array( $saved ) ? $saved : array() ) + array(
			// Whether a connection is saved, so that orders are noted.
			'connected'         => false,
			// The address of the page's script, or an empty text.
			'script'            => '',
			// How the gateway makes a purchase's event id of an order.
			'purchase_event_id' => 'wc_order_{id}',
			// When the gateway takes an order for a sale: see Paid_Rule.
			'paid'              => array(),
			// Whether we fill the data layer: auto, on, off.
			'data_layer'        => 'auto',
			// From where pages load the script: auto, shop, gateway, off.
			'script_host'       => 'auto',
		);
	}

	/**
	 * One of them.
	 *
	 * @param string $name Its name.
	 * @return mixed
	 */
	public static function get( string $name ) {
		return self::all()[ $name ];
	}

	/**
	 * Changes some of them.
	 *
	 * @param array $changes By name.
	 */
	public static function change( array $changes ): void {
		update_option( self::OPTION, $changes + self::all(), true );
	}
}
