<?php
/**
 * Fills the data layer where no other plugin does.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Tells the page's script what is looked at, put into the cart, checked out and bought, in the words of GA4. Product pages
 * may be cached, so they say only what is true of the product; everything about a visitor stands on pages that WooCommerce
 * keeps out of caches, or in answers to the visitor's own requests.
 */
final class Data_Layer {

	/**
	 * After this time the thank-you page tells no more of an order: it is being looked up, not bought.
	 */
	const THANK_YOU_SECONDS = 3600;

	/**
	 * Where an item waits for the next page when its own request ends in a redirect.
	 */
	const SESSION_KEY = 'tandem_added';

	/**
	 * How many items wait there at most, say where a visitor's browser runs no script.
	 */
	const MAX_WAITING = 20;

	/**
	 * What this request put into the cart.
	 *
	 * @var array[]
	 */
	private $added = array();

	/**
	 * The order that the page's template shows.
	 *
	 * @var \WC_Order|null
	 */
	private $shown;

	/**
	 * Listens, unless it is switched off or another plugin does this.
	 */
	public function listen(): void {
		$settings = Settings::all();
		if ( ! $settings['connected'] || ! self::is_wanted( (string) $settings['data_layer'] ) ) {
			return;
		}
		add_action( 'woocommerce_add_to_cart', array( $this, 'on_added' ), 10, 4 );
		add_filter( 'woocommerce_add_to_cart_fragments', array( $this, 'add_to_fragments' ) );
		add_action( 'wc_ajax_tandem_added', array( $this, 'answer_added' ) );
		add_action( 'wp_enqueue_scripts', array( $this, 'enqueue' ) );
		add_action( 'woocommerce_order_details_before_order_table', array( $this, 'on_shown' ) );
		add_action( 'wp_footer', array( $this, 'output' ), 5 );
	}

	/**
	 * Whether the data layer is ours to fill.
	 *
	 * @param string $setting Auto, on or off.
	 */
	public static function is_wanted( string $setting ): bool {
		return 'on' === $setting || ( 'off' !== $setting && ! Other_Plugins::filling_data_layer() );
	}

	/**
	 * Something was put into the cart. A request that leads to no page of its own keeps it for the next one.
	 *
	 * @param string $key          The cart line.
	 * @param int    $product_id   The product.
	 * @param int    $quantity     How many.
	 * @param int    $variation_id The variation or 0.
	 */
	public function on_added( $key, $product_id, $quantity, $variation_id = 0 ): void {
		try {
			$product = wc_get_product( $variation_id ? $variation_id : $product_id );
			if ( ! $product ) {
				return;
			}
			$this->added[] = Data_Layer_Items::of_product( $product, $quantity );
			if ( WC()->session ) {
				$waiting = array_merge( (array) WC()->session->get( self::SESSION_KEY, array() ), array( end( $this->added ) ) );
				WC()->session->set( self::SESSION_KEY, array_slice( $waiting, -self::MAX_WAITING ) );
			}
		} catch ( \Throwable $error ) {
			Log::error( $error );
		}
	}

	/**
	 * The page shows an order, its goods already read: that need not be done twice.
	 *
	 * @param \WC_Order $order The order.
	 */
	public function on_shown( $order ): void {
		$this->shown = $order;
	}

	/**
	 * The answer to a button in a list carries what was added; the page's listener takes it from there.
	 *
	 * @param array $fragments Parts of the page that changed.
	 */
	public function add_to_fragments( $fragments ) {
		if ( $this->added && is_array( $fragments ) ) {
			$fragments['tandem_added'] = $this->take_added();
		}
		return $fragments;
	}

	/**
	 * Answers the page's listener after a block put something into the cart: blocks get no fragments.
	 */
	public function answer_added(): void {
		nocache_headers();
		wp_send_json( $this->take_added() );
	}

	/**
	 * Loads the listener.
	 */
	public function enqueue(): void {
		wp_enqueue_script( 'tandem-data-layer', plugins_url( 'assets/data-layer.js', PLUGIN_FILE ), array(), VERSION, true );
		wp_add_inline_script(
			'tandem-data-layer',
			'window.tandemDataLayer=' . self::json(
				array(
					'added'    => \WC_AJAX::get_endpoint( 'tandem_added' ),
					'currency' => get_woocommerce_currency(),
				)
			) . ';',
			'before'
		);
	}

	/**
	 * Prints what this page is about.
	 */
	public function output(): void {
		try {
			foreach ( $this->events() as $event ) {
				wp_print_inline_script_tag(
					'window.dataLayer=window.dataLayer||[];dataLayer.push({ecommerce:null});dataLayer.push(' . self::json( $event ) . ');'
				);
			}
		} catch ( \Throwable $error ) {
			Log::error( $error );
		}
	}

	/**
	 * The events of this page.
	 *
	 * @return array[]
	 */
	private function events(): array {
		$events = array();
		// A page that may be cached must not look at a session.
		if ( $this->added || is_cart() || is_checkout() ) {
			$added = $this->take_added();
			if ( $added ) {
				$events[] = self::event( 'add_to_cart', Data_Layer_Items::worth( $added ), get_woocommerce_currency(), $added );
			}
		}
		if ( is_product() ) {
			$product = self::product_of_page();
			if ( $product ) {
				$item     = Data_Layer_Items::of_product( $product, 1 );
				$events[] = self::event( 'view_item', $item['price'], get_woocommerce_currency(), array( $item ) );
			}
		} elseif ( is_order_received_page() ) {
			$events[] = $this->purchase();
		} elseif ( ( is_cart() || is_checkout() ) && ! is_checkout_pay_page() && WC()->cart && ! WC()->cart->is_empty() ) {
			$items    = Data_Layer_Items::of_cart( WC()->cart );
			$events[] = self::event( is_cart() ? 'view_cart' : 'begin_checkout', Data_Layer_Items::worth( $items ), get_woocommerce_currency(), $items );
		}
		return array_filter( $events );
	}

	/**
	 * The product of a product page, as the page's template has already read it.
	 *
	 * @return \WC_Product|false|null
	 */
	private static function product_of_page() {
		global $product;
		$id = get_queried_object_id();
		return $product instanceof \WC_Product && $product->get_id() === $id ? $product : wc_get_product( $id );
	}

	/**
	 * The order that has just been placed and paid, told to nobody but who has its key. The gateway gets the sale from the
	 * shop's server in any case; this is the half that the page's pixel reports, under the same id.
	 */
	private function purchase(): ?array {
		global $wp;
		$id    = absint( $wp->query_vars['order-received'] ?? 0 );
		$order = $this->shown instanceof \WC_Order && $this->shown->get_id() === $id ? $this->shown : wc_get_order( $id );
		// phpcs:ignore WordPress.Security.NonceVerification.Recommended -- the order's key is what proves it.
		$key = isset( $_GET['key'] ) ? sanitize_text_field( wp_unslash( $_GET['key'] ) ) : '';
		if ( ! $order instanceof \WC_Order || '' === $key || ! hash_equals( $order->get_order_key(), $key ) ) {
			return null;
		}
		$placed = $order->get_date_paid() ? $order->get_date_paid() : $order->get_date_created();
		$fresh  = $placed && time() - $placed->getTimestamp() < self::THANK_YOU_SECONDS;
		/**
		 * Whether the thank-you page tells of the purchase: by default when the gateway takes the order for a sale.
		 *
		 * @param bool      $tell  Whether it does.
		 * @param \WC_Order $order The order.
		 */
		if ( ! apply_filters( 'tandem_thank_you_purchase', $fresh && Paid_Rule::counts( $order ), $order ) ) {
			return null;
		}
		$event = self::event( 'purchase', (float) $order->get_total(), $order->get_currency(), Data_Layer_Items::of_order( $order ) );

		$event['ecommerce']['transaction_id'] = self::transaction_id( $order, (string) Settings::get( 'purchase_event_id' ) );
		return $event;
	}

	/**
	 * The order's id or number, whichever the gateway makes the event's id of.
	 *
	 * @param \WC_Order $order    The order.
	 * @param string    $template The gateway's template.
	 */
	public static function transaction_id( $order, string $template ): string {
		return false !== strpos( $template, '{number}' ) ? (string) $order->get_order_number() : (string) $order->get_id();
	}

	/**
	 * What was added and not yet told.
	 *
	 * @return array[]
	 */
	private function take_added(): array {
		$added = $this->added;
		if ( WC()->session ) {
			$added = (array) WC()->session->get( self::SESSION_KEY, array() );
			if ( $added ) {
				WC()->session->set( self::SESSION_KEY, null );
			}
		}
		$this->added = array();
		return $added;
	}

	/**
	 * An entry of the data layer.
	 *
	 * @param string  $name     GA4's name.
	 * @param float   $value    What it is worth.
	 * @param string  $currency In which currency.
	 * @param array[] $items    The goods.
	 */
	private static function event( string $name, float $value, string $currency, array $items ): array {
		return array(
			'event'     => $name,
			'ecommerce' => array(
				'currency' => $currency,
				'value'    => $value,
				'items'    => $items,
			),
		);
	}

	/**
	 * JSON that may stand inside a script element.
	 *
	 * @param mixed $value Anything.
	 */
	private static function json( $value ): string {
		return (string) wp_json_encode( $value, JSON_HEX_TAG | JSON_HEX_AMP | JSON_UNESCAPED_SLASHES );
	}
}
