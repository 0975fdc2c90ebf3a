<?php
/**
 * Makes orders as WooCommerce Subscriptions and one-click upsells make them. A must-use plugin, for the story.
 *
 * A subscription is an order type of its own with a copy of the first order's meta, addresses and connection; a renewal is an
 * order with a copy of the subscription's, made and paid by the shop's clock.
 *
 * @package Tandem
 */

add_action(
	'init',
	static function () {
		if ( ! function_exists( 'wc_register_order_type' ) ) {
			return;
		}
		/**
		 * A subscription.
		 */
		final class Story_Subscription extends WC_Order {
			public $order_type = 'shop_subscription';
			public function get_type() {
				return 'shop_subscription';
			}
		}
		wc_register_order_type(
			'shop_subscription',
			array(
				'class_name'                       => 'Story_Subscription',
				'exclude_from_orders_screen'       => true,
				'exclude_from_order_count'         => true,
				'exclude_from_order_views'         => true,
				'exclude_from_order_webhooks'      => true,
				'exclude_from_order_reports'       => true,
				'exclude_from_order_sales_reports' => true,
			)
		);
	},
	20
);

/**
 * Copies what Subscriptions copies: everything but what makes an order itself.
 *
 * @param WC_Order $from An order or a subscription.
 * @param WC_Order $to   A new one.
 */
function story_copy_order( $from, $to ) {
	$to->set_customer_id( $from->get_customer_id() );
	$to->set_address( $from->get_address( 'billing' ), 'billing' );
	$to->set_address( $from->get_address( 'shipping' ), 'shipping' );
	$to->set_currency( $from->get_currency() );
	$to->set_payment_method( $from->get_payment_method() );
	$to->set_customer_ip_address( $from->get_customer_ip_address() );
	$to->set_customer_user_agent( $from->get_customer_user_agent() );
	foreach ( $from->get_meta_data() as $meta ) {
		if ( '_subscription_renewal' !== $meta->key ) {
			$to->update_meta_data( $meta->key, $meta->value );
		}
	}
	foreach ( $from->get_items( array( 'line_item', 'shipping', 'tax' ) ) as $item ) {
		$copy = clone $item;
		$copy->set_id( 0 );
		$copy->set_order_id( 0 );
		$to->add_item( $copy );
	}
	$to->calculate_totals();
	$to->save();
}

/**
 * Subscribes the buyer of an order.
 *
 * @param int $order_id The first order.
 * @return int The subscription.
 */
function story_subscribe( $order_id ) {
	$subscription = new Story_Subscription();
	$subscription->set_parent_id( $order_id );
	$subscription->set_created_via( 'checkout' );
	story_copy_order( wc_get_order( $order_id ), $subscription );
	$subscription->set_status( 'processing' );
	$subscription->save();
	return $subscription->get_id();
}

/**
 * A renewal, charged without the buyer.
 *
 * @param int  $subscription_id The subscription.
 * @param bool $paid            Whether the card is good.
 * @return int The renewal.
 */
function story_renew( $subscription_id, $paid = true ) {
	$renewal = wc_create_order( array( 'status' => 'pending', 'created_via' => 'subscription' ) );
	story_copy_order( wc_get_order( $subscription_id ), $renewal );
	$renewal->update_meta_data( '_subscription_renewal', $subscription_id );
	$renewal->save();
	if ( $paid ) {
		$renewal->payment_complete( 'renewal-transaction' );
	} else {
		$renewal->update_status( 'failed' );
	}
	return $renewal->get_id();
}

// A one-click offer after checkout, in the buyer's own request: an order of its own under the first, as upsell plugins make it.
add_action(
	'woocommerce_api_story_upsell',
	static function () {
		// phpcs:disable WordPress.Security
		$first = wc_get_order( absint( $_GET['order'] ) );
		if ( ! $first || $first->get_order_key() !== $_GET['key'] ) {
			die( 'no' );
		}
		$child = wc_create_order( array( 'customer_id' => $first->get_customer_id(), 'parent' => $first->get_id() ) );
		$child->set_address( $first->get_address( 'billing' ), 'billing' );
		$child->add_product( wc_get_product( absint( $_GET['product'] ) ), 1 );
		$child->set_payment_method( $first->get_payment_method() );
		$child->calculate_totals();
		$child->payment_complete( 'upsell-transaction' );
		die( (string) $child->get_id() );
		// phpcs:enable
	}
);
