<?php
/**
 * Goods as GA4 writes them.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Items of the data layer, under the ids that the gateway gives them in orders: the SKU, else the variation's id, else the
 * product's.
 */
final class Data_Layer_Items {

	/**
	 * A product.
	 *
	 * @param \WC_Product $product  The product or variation.
	 * @param float       $quantity How many.
	 */
	public static function of_product( $product, $quantity ): array {
		return self::item( (string) $product->get_sku(), $product->get_id(), $product->get_name(), wc_get_price_to_display( $product ), $quantity );
	}

	/**
	 * The cart.
	 *
	 * @param \WC_Cart $cart The cart.
	 * @return array[]
	 */
	public static function of_cart( $cart ): array {
		$items = array();
		foreach ( $cart->get_cart() as $line ) {
			if ( isset( $line['data'], $line['quantity'] ) && $line['data'] instanceof \WC_Product ) {
				$items[] = self::of_product( $line['data'], $line['quantity'] );
			}
		}
		return $items;
	}

	/**
	 * An order, as it was paid: after discounts, without tax, as the gateway reports it. Products may be gone.
	 *
	 * @param \WC_Order $order The order.
	 * @return array[]
	 */
	public static function of_order( $order ): array {
		$items = array();
		foreach ( $order->get_items() as $line ) {
			if ( ! $line instanceof \WC_Order_Item_Product || ! (float) $line->get_quantity() ) {
				continue;
			}
			$product = $line->get_product();
			$id      = Order_Payload::sold_id( $line, 'variation' );
			$id      = $id ? $id : Order_Payload::sold_id( $line, 'product' );
			$price   = (float) $line->get_total() / (float) $line->get_quantity();
			$items[] = self::item( $product ? (string) $product->get_sku() : '', $id, $line->get_name(), $price, $line->get_quantity() );
		}
		return $items;
	}

	/**
	 * What items are worth together.
	 *
	 * @param array[] $items Items.
	 */
	public static function worth( array $items ): float {
		$worth = 0.0;
		foreach ( $items as $item ) {
			$worth += $item['price'] * $item['quantity'];
		}
		return round( $worth, 4 );
	}

	/**
	 * One item.
	 *
	 * @param string $sku      Its SKU or an empty text.
	 * @param int    $id       Its id.
	 * @param string $name     Its name.
	 * @param mixed  $price    Of one piece.
	 * @param mixed  $quantity How many.
	 */
	private static function item( string $sku, int $id, string $name, $price, $quantity ): array {
		return array(
			'item_id'   => '' !== $sku ? $sku : (string) $id,
			'item_name' => $name,
			'price'     => round( (float) $price, 4 ),
			'quantity'  => (float) $quantity,
		);
	}
}
