<?php
/**
 * A person's requests to see or remove what the shop keeps.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Lets WooCommerce's own export and removal of personal data know our order meta.
 */
final class Order_Privacy {

	/**
	 * What is taken away with an order's personal data.
	 *
	 * @param array $meta Kind of data by meta key.
	 */
	public static function removed( $meta ): array {
		return array_fill_keys( array_diff( Order_Meta::keys(), array( Order_Meta::CONSENT ) ), 'text' ) + (array) $meta;
	}

	/**
	 * What is shown to the person.
	 *
	 * @param array $meta Label by meta key.
	 */
	public static function exported( $meta ): array {
		$labels = array(
			Order_Meta::VISITOR => __( 'Visitor id', 'tandem' ),
			Order_Meta::CONSENT => __( 'Consent at checkout', 'tandem' ),
			Order_Meta::IP      => __( 'Network address at checkout', 'tandem' ),
			Order_Meta::AGENT   => __( 'Browser at checkout', 'tandem' ),
		);
		foreach ( Order_Meta::CLICK_IDS as $cookie => $key ) {
			/* translators: %s: name of a cookie. */
			$labels[ $key ] = sprintf( __( 'Click id (%s)', 'tandem' ), $cookie );
		}
		return $labels + (array) $meta;
	}
}
