<?php
/**
 * When the gateway takes an order for a sale.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * The statuses that mean paid, as the gateway's settings have them. The page and the shop's server report a sale under one id;
 * were the page days before the server, say where cash on delivery counts when it is completed, the platform would count both.
 */
final class Paid_Rule {

	/**
	 * Reads it from what the gateway tells a plugin that connects.
	 *
	 * @param array $told The gateway's answer.
	 * @return array[] Statuses by payment method, under an empty text those of all others; empty when it tells of none.
	 */
	public static function of_answer( array $told ): array {
		$rules = array( '' => $told['paid_statuses'] ?? null );
		foreach ( isset( $told['gateways'] ) && is_array( $told['gateways'] ) ? $told['gateways'] : array() as $method => $rule ) {
			$rules[ $method ] = is_array( $rule ) && isset( $rule['paid_statuses'] ) ? $rule['paid_statuses'] : null;
		}
		return array_map( array( self::class, 'statuses' ), array_filter( $rules, 'is_array' ) );
	}

	/**
	 * Whether an order counts as it is now.
	 *
	 * @param \WC_Order $order The order.
	 */
	public static function counts( $order ): bool {
		$rules  = (array) Settings::get( 'paid' );
		$method = (string) $order->get_payment_method();
		foreach ( array( $method, '' ) as $name ) {
			if ( isset( $rules[ $name ] ) ) {
				return in_array( $order->get_status(), $rules[ $name ], true );
			}
		}
		return $order->is_paid();
	}

	/**
	 * Statuses as WooCommerce's orders tell them.
	 *
	 * @param array $texts What the gateway told.
	 * @return string[]
	 */
	private static function statuses( array $texts ): array {
		$statuses = array();
		foreach ( array_filter( $texts, 'is_string' ) as $text ) {
			$statuses[] = preg_replace( '/^wc-/', '', sanitize_key( $text ) );
		}
		return $statuses;
	}
}
