<?php
/**
 * Keeps on the order what only the buyer's own request knows.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * At checkout, classic and blocks: visitor id, click ids, consent, and the buyer's address and browser where the order has
 * somebody else's. Later requests about the order may be the payment provider's.
 */
final class Checkout {

	/**
	 * Listens to both kinds of checkout. Both save the order afterwards.
	 */
	public function listen(): void {
		add_action( 'woocommerce_checkout_create_order', array( $this, 'keep' ), 20 );
		add_action( 'woocommerce_store_api_checkout_update_order_meta', array( $this, 'keep' ), 20 );
	}

	/**
	 * Writes the meta. Never fails.
	 *
	 * @param \WC_Order $order The order that is being placed.
	 */
	public function keep( $order ): void {
		try {
			$values = self::values( self::cookies(), self::has_gpc(), time() ) + self::connection( $order );
			foreach ( Order_Meta::keys() as $key ) {
				if ( isset( $values[ $key ] ) ) {
					$order->update_meta_data( $key, $values[ $key ] );
				} elseif ( $order->get_meta( $key ) ) {
					// A second try to pay, after the visitor withdrew.
					$order->delete_meta_data( $key );
				}
			}
		} catch ( \Throwable $error ) {
			Log::error( $error );
		}
	}

	/**
	 * What a visitor's cookies say, by meta key. Who said no is not followed.
	 *
	 * @param string[] $cookies The visitor's cookies.
	 * @param bool     $gpc     Whether the browser sends Global Privacy Control.
	 * @param int      $now     Unix time.
	 * @return string[]
	 */
	public static function values( array $cookies, bool $gpc, int $now ): array {
		$values  = array();
		$consent = Consent::read( $cookies, $gpc, $now );
		if ( $consent ) {
			$values[ Order_Meta::CONSENT ] = (string) wp_json_encode( $consent );
		}
		$advertising = $consent ? $consent['advertising'] : Consent::UNKNOWN;
		$analytics   = $consent ? $consent['analytics'] : Consent::UNKNOWN;
		if ( Consent::DENIED !== $advertising || Consent::GRANTED === $analytics ) {
			$visitor = isset( $cookies['tdv'] ) ? $cookies['tdv'] : '';
			if ( preg_match( '/^[a-z0-9]{16,64}$/', $visitor ) ) {
				$values[ Order_Meta::VISITOR ] = $visitor;
			}
		}
		if ( Consent::DENIED !== $advertising ) {
			foreach ( Order_Meta::CLICK_IDS as $cookie => $key ) {
				if ( isset( $cookies[ $cookie ] ) && preg_match( '/^[\x21-\x7e]{1,1024}$/', $cookies[ $cookie ] ) ) {
					$values[ $key ] = $cookies[ $cookie ];
				}
			}
		}
		return $values;
	}

	/**
	 * The buyer's address and browser, where the order does not have them.
	 *
	 * @param \WC_Order $order The order.
	 * @return string[]
	 */
	private static function connection( $order ): array {
		$ip    = class_exists( 'WC_Geolocation' ) ? \WC_Geolocation::get_ip_address() : '';
		$agent = wc_get_user_agent();
		return array_filter(
			array(
				Order_Meta::IP    => $ip === $order->get_customer_ip_address() ? '' : $ip,
				Order_Meta::AGENT => $agent === $order->get_customer_user_agent() ? '' : mb_substr( $agent, 0, 1000 ),
			)
		);
	}

	/**
	 * The visitor's cookies as the browser has them.
	 *
	 * @return string[]
	 */
	private static function cookies(): array {
		// phpcs:ignore WordPress.Security.ValidatedSanitizedInput -- each value is checked where it is read.
		return array_filter( wp_unslash( $_COOKIE ), 'is_string' );
	}

	/**
	 * Whether the browser sends Global Privacy Control.
	 */
	private static function has_gpc(): bool {
		return isset( $_SERVER['HTTP_SEC_GPC'] ) && '1' === $_SERVER['HTTP_SEC_GPC'];
	}
}
