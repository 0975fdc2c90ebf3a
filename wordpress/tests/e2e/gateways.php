<?php
/**
 * Payment methods for the story: a card that is charged at once, and a bank that calls back later. A must-use plugin.
 *
 * @package Tandem
 */

add_filter( 'pre_wp_mail', '__return_true' );

add_filter(
	'woocommerce_payment_gateways',
	static function ( $gateways ) {
		if ( ! class_exists( 'Story_Gateway' ) ) {
			/**
			 * What both share.
			 */
			abstract class Story_Gateway extends WC_Payment_Gateway {
				public function __construct() {
					$this->title      = $this->id;
					$this->has_fields = false;
					$this->enabled    = 'yes';
				}
			}
			/**
			 * Charged in the checkout request.
			 */
			final class Story_Card extends Story_Gateway {
				public $id = 'story_card';
				public function process_payment( $order_id ) {
					$order = wc_get_order( $order_id );
					$order->payment_complete( 'secret-transaction' );
					return array(
						'result'   => 'success',
						'redirect' => $this->get_return_url( $order ),
					);
				}
			}
			/**
			 * Paid elsewhere.
			 */
			final class Story_Bank extends Story_Gateway {
				public $id = 'story_bank';
				public function process_payment( $order_id ) {
					return array(
						'result'   => 'success',
						'redirect' => 'https://bank.example/pay/' . $order_id,
					);
				}
			}
		}
		return array_merge( $gateways, array( 'Story_Card', 'Story_Bank' ) );
	}
);

add_action(
	'woocommerce_api_story_bank',
	static function () {
		$order = wc_get_order( absint( $_GET['order'] ) ); // phpcs:ignore
		$order->payment_complete( 'bank-transaction' );
		die( 'OK' );
	}
);
