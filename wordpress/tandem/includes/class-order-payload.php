<?php
/**
 * An order as the gateway reads it.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * An order in the form of WooCommerce's REST API, version 3, as in a webhook, so that both are read by the same rules.
 * Built of the order's getters, because WooCommerce's own builder needs a user. What the gateway has no use for stays here:
 * the order's key, payment links, transaction ids and notes.
 */
final class Order_Payload {

	/**
	 * Order meta that goes along.
	 */
	const META_PREFIXES = array( '_tandem_', '_subscription_renewal', '_wc_order_attribution_' );

	/**
	 * A line more or less is of no use to anybody in an order as long as this, and the gateway takes only so many bytes.
	 */
	const MAX_LINES = 300;

	/**
	 * Reads an order as it is now.
	 *
	 * @param int $order_id The order.
	 * @return array|null Null when there is no such order.
	 */
	public static function read( int $order_id ): ?array {
		$order = wc_get_order( $order_id );
		return $order instanceof \WC_Order && 'shop_order' === $order->get_type() ? self::of( $order ) : null;
	}

	/**
	 * Writes an order down.
	 *
	 * @param \WC_Order $order The order.
	 */
	public static function of( \WC_Order $order ): array {
		$placed = self::placed_with( $order );
		return array(
			'id'                  => $order->get_id(),
			'number'              => (string) $order->get_order_number(),
			'parent_id'           => $order->get_parent_id(),
			'status'              => $order->get_status(),
			'currency'            => $order->get_currency(),
			'prices_include_tax'  => $order->get_prices_include_tax(),
			'created_via'         => $placed->get_created_via(),
			'total'               => self::money( $order->get_total() ),
			'discount_total'      => self::money( $order->get_discount_total() ),
			'shipping_total'      => self::money( $order->get_shipping_total() ),
			'total_tax'           => self::money( $order->get_total_tax() ),
			'date_created_gmt'    => self::date( $order->get_date_created() ),
			'date_modified_gmt'   => self::date( $order->get_date_modified() ),
			'date_paid_gmt'       => self::date( $order->get_date_paid() ),
			'date_completed_gmt'  => self::date( $order->get_date_completed() ),
			'payment_method'      => $order->get_payment_method(),
			'customer_id'         => $order->get_customer_id(),
			'customer_ip_address' => self::buyers( $placed, Order_Meta::IP, $placed->get_customer_ip_address() ),
			'customer_user_agent' => self::buyers( $placed, Order_Meta::AGENT, $placed->get_customer_user_agent() ),
			'billing'             => $order->get_address( 'billing' ),
			'line_items'          => self::lines( $order ),
			'fee_lines'           => self::other_lines( $order, 'fee' ),
			'shipping_lines'      => self::other_lines( $order, 'shipping' ),
			'coupon_lines'        => self::coupons( $order ),
			'refunds'             => self::refunds( $order ),
			'meta_data'           => $placed === $order ? self::meta( $order ) : array_merge( self::meta( $order ), self::meta( $placed ) ),
		);
	}

	/**
	 * The order that the buyer placed. An upsell may be an order of its own under that one, made by a program with one click of
	 * the buyer's: then who bought, how they came and what they allowed stands with the first. A renewal has a copy of all
	 * that, and its buyer was not there.
	 *
	 * @param \WC_Order $order The order.
	 */
	private static function placed_with( \WC_Order $order ): \WC_Order {
		$renewal = 'subscription' === $order->get_created_via() || $order->get_meta( '_subscription_renewal' );
		$first   = $order->get_parent_id() && ! $renewal ? wc_get_order( $order->get_parent_id() ) : null;
		$same    = $first instanceof \WC_Order && 'shop_order' === $first->get_type()
			&& 0 === strcasecmp( $first->get_billing_email(), $order->get_billing_email() );
		return $same && ! array_filter( array_map( array( $order, 'get_meta' ), Order_Meta::keys() ) ) ? $first : $order;
	}

	/**
	 * The goods. A product that was deleted leaves its line without SKU.
	 *
	 * @param \WC_Order $order The order.
	 */
	private static function lines( \WC_Order $order ): array {
		$lines = array();
		foreach ( array_slice( $order->get_items(), 0, self::MAX_LINES ) as $item ) {
			if ( ! $item instanceof \WC_Order_Item_Product ) {
				continue;
			}
			$product  = $item->get_product();
			$product  = $product instanceof \WC_Product ? $product : null;
			$parent   = $product && $product->get_parent_id() ? wc_get_product( $product->get_parent_id() ) : null;
			$quantity = $item->get_quantity();
			$lines[]  = array(
				'id'           => $item->get_id(),
				'name'         => $item->get_name(),
				'product_id'   => self::sold_id( $item, 'product' ),
				'variation_id' => self::sold_id( $item, 'variation' ),
				'quantity'     => $quantity,
				'subtotal'     => self::money( $item->get_subtotal() ),
				'total'        => self::money( $item->get_total() ),
				'total_tax'    => self::money( $item->get_total_tax() ),
				'sku'          => $product ? (string) $product->get_sku() : '',
				'price'        => (float) $quantity ? (float) $item->get_total() / (float) $quantity : 0,
				'parent_name'  => $parent ? $parent->get_name() : null,
			);
		}
		return $lines;
	}

	/**
	 * What was sold in a line. WooCommerce gives 0 where the product was deleted since; its id stands in the line's meta still.
	 *
	 * @param \WC_Order_Item_Product $item A line.
	 * @param string                 $what Product or variation.
	 */
	public static function sold_id( \WC_Order_Item_Product $item, string $what ): int {
		$id = (int) ( 'variation' === $what ? $item->get_variation_id() : $item->get_product_id() );
		return $id ? $id : (int) wc_get_order_item_meta( $item->get_id(), "_{$what}_id" );
	}

	/**
	 * Fees or shipping.
	 *
	 * @param \WC_Order $order The order.
	 * @param string    $type  Which.
	 */
	private static function other_lines( \WC_Order $order, string $type ): array {
		$lines = array();
		foreach ( $order->get_items( $type ) as $item ) {
			$lines[] = array(
				'id'        => $item->get_id(),
				'name'      => $item->get_name(),
				'total'     => self::money( $item->get_total() ),
				'total_tax' => self::money( $item->get_total_tax() ),
			);
		}
		return $lines;
	}

	/**
	 * Coupons.
	 *
	 * @param \WC_Order $order The order.
	 */
	private static function coupons( \WC_Order $order ): array {
		$lines = array();
		foreach ( $order->get_items( 'coupon' ) as $item ) {
			$lines[] = array(
				'id'       => $item->get_id(),
				'code'     => $item->get_code(),
				'discount' => self::money( $item->get_discount() ),
			);
		}
		return $lines;
	}

	/**
	 * Refunds, as negative totals.
	 *
	 * @param \WC_Order $order The order.
	 */
	private static function refunds( \WC_Order $order ): array {
		$refunds = array();
		foreach ( $order->get_refunds() as $refund ) {
			$refunds[] = array(
				'id'    => $refund->get_id(),
				'total' => '-' . self::money( $refund->get_amount() ),
			);
		}
		return $refunds;
	}

	/**
	 * The meta that goes along; what is kept as JSON text is sent as what it says.
	 *
	 * @param \WC_Order $order The order.
	 */
	private static function meta( \WC_Order $order ): array {
		$entries = array();
		foreach ( $order->get_meta_data() as $entry ) {
			$data = $entry->get_data();
			if ( ! self::goes_along( (string) $data['key'] ) ) {
				continue;
			}
			$value     = $data['value'];
			$json      = Order_Meta::CONSENT === $data['key'] && is_string( $value ) ? json_decode( $value, true ) : null;
			$entries[] = array(
				'id'    => $data['id'],
				'key'   => $data['key'],
				'value' => is_array( $json ) ? $json : $value,
			);
		}
		return $entries;
	}

	/**
	 * Whether meta of this key goes along.
	 *
	 * @param string $key A key.
	 */
	private static function goes_along( string $key ): bool {
		foreach ( self::META_PREFIXES as $prefix ) {
			if ( 0 === strpos( $key, $prefix ) ) {
				return true;
			}
		}
		return false;
	}

	/**
	 * What was kept of the buyer's own request, else what WooCommerce has.
	 *
	 * @param \WC_Order $order The order.
	 * @param string    $key   Meta key of ours.
	 * @param string    $other WooCommerce's value.
	 */
	private static function buyers( \WC_Order $order, string $key, $other ): string {
		$kept = $order->get_meta( $key );
		return is_string( $kept ) && '' !== $kept ? $kept : (string) $other;
	}

	/**
	 * An amount as text, with as many digits as WooCommerce's own webhooks have: both must tell the same total.
	 *
	 * @param mixed $amount An amount.
	 */
	private static function money( $amount ): string {
		return (string) wc_format_decimal( $amount, wc_get_price_decimals() );
	}

	/**
	 * A time in UTC, without a zone, as in webhooks.
	 *
	 * @param \WC_DateTime|null $time A time.
	 */
	private static function date( $time ): ?string {
		return $time ? gmdate( 'Y-m-d\TH:i:s', $time->getTimestamp() ) : null;
	}
}
