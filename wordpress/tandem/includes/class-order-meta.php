<?php
/**
 * The order meta that the plugin writes.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Keys of order meta.
 */
final class Order_Meta {

	const VISITOR = '_tandem_visitor';
	const CONSENT = '_tandem_consent';
	const IP      = '_tandem_ip';
	const AGENT   = '_tandem_agent';

	/**
	 * Click ids by the cookie they come from.
	 */
	const CLICK_IDS = array(
		'ttclid' => '_tandem_ttclid',
		'_ttp'   => '_tandem_ttp',
		'_fbc'   => '_tandem_fbc',
		'_fbp'   => '_tandem_fbp',
		'gclid'  => '_tandem_gclid',
	);

	/**
	 * All of them.
	 *
	 * @return string[]
	 */
	public static function keys(): array {
		return array_merge( array( self::VISITOR, self::CONSENT, self::IP, self::AGENT ), array_values( self::CLICK_IDS ) );
	}
}
