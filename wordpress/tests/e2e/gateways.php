<?php
/**
 * Payment methods for the story: a card that is charged at once, one that is declined, and a bank that calls back later. A
 * must-use plugin.
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
					WC()->cart->empty_cart();
					return array(
						'result'   => 'success',
						'redirect' => $this->get_return_url( $order ),
					);
				}
			}
			/**
			 * Always declined.
			 */
			final class Story_Declined extends Story_Gateway {
				public $id = 'story_declined';
				public function process_payment( $order_id ) {
					wc_get_order( $order_id )->update_status( 'failed' );
					wc_add_notice( 'Declined.', 'error' );
					return array( 'result' => 'failure' );
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
		return array_merge( $gateways, array( 'Story_Card', 'Story_Declined', 'Story_Bank' ) );
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

// The card in the block checkout's own form, for real browsers.
add_action(
	'woocommerce_blocks_payment_method_type_registration',
	static function ( $registry ) {
		/**
		 * What the form has to know of it.
		 */
		final class Story_Card_Block extends Automattic\WooCommerce\Blocks\Payments\Integrations\AbstractPaymentMethodType {
			protected $name = 'story_card';
			public function initialize() {}
			public function is_active() {
				return true;
			}
			public function get_payment_method_script_handles() {
				wp_register_script( 'story-card', false, array( 'wc-blocks-registry', 'wp-element' ), '1', true );
				wp_add_inline_script(
					'story-card',
					'wc.wcBlocksRegistry.registerPaymentMethod({name:"story_card",label:"Card",ariaLabel:"Card",content:wp.element.createElement("p",null,"Card"),'
					. 'edit:wp.element.createElement("p",null,"Card"),canMakePayment:function(){return true},supports:{features:["products"]}});'
				);
				return array( 'story-card' );
			}
		}
		$registry->register( new Story_Card_Block() );
	}
);

// A payment plugin that writes the provider's address and browser into the order as it is made.
add_action(
	'woocommerce_checkout_create_order',
	static function ( $order ) {
		if ( isset( $_COOKIE['story_provider'] ) ) {
			$order->set_customer_ip_address( '192.0.2.99' );
			$order->set_customer_user_agent( 'Bank/1.0' );
		}
	}
);
