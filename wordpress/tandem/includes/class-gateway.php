<?php
/**
 * Speaks with the gateway.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * The two things that are said to the gateway: that we are here, and which orders changed.
 */
final class Gateway {

	const PING_SECONDS = 5;

	/**
	 * The connection.
	 *
	 * @var Connection
	 */
	private $connection;

	/**
	 * Takes the connection.
	 *
	 * @param Connection $connection Where the gateway is.
	 */
	public function __construct( Connection $connection ) {
		$this->connection = $connection;
	}

	/**
	 * Asks whether the gateway is there and knows this shop. The asking admin waits for it, nobody else.
	 */
	public function ping(): Reply {
		$reply = $this->post(
			array(
				'version'     => 1,
				'kind'        => 'ping',
				'plugin'      => VERSION,
				'wordpress'   => get_bloginfo( 'version' ),
				'woocommerce' => defined( 'WC_VERSION' ) ? WC_VERSION : null,
				'php'         => PHP_VERSION,
			),
			self::PING_SECONDS
		);
		$ready = isset( $reply->body['status'] ) && 'ready' === $reply->body['status'];
		return $reply->ok && ! $ready ? Reply::not_the_gateway() : $reply;
	}

	/**
	 * Hands orders over. A good reply means that the gateway has all of them.
	 *
	 * @param array $orders  Orders in the form of WooCommerce's REST API.
	 * @param int   $seconds How long all of it may take.
	 */
	public function hand_over( array $orders, int $seconds ): Reply {
		$reply    = $this->post(
			array(
				'version' => 1,
				'kind'    => 'orders',
				'orders'  => array_values( $orders ),
			),
			$seconds
		);
		$answered = isset( $reply->body['orders'] ) && is_array( $reply->body['orders'] ) && count( $reply->body['orders'] ) === count( $orders );
		return $reply->ok && ! $answered ? Reply::not_the_gateway() : $reply;
	}

	/**
	 * Posts a signed body.
	 *
	 * @param array $message What to say.
	 * @param int   $seconds How long all of it may take.
	 */
	private function post( array $message, int $seconds ): Reply {
		$body = wp_json_encode( $message );
		if ( false === $body ) {
			return Reply::unsendable();
		}
		$headers  = $this->connection->sign( $body, time(), bin2hex( random_bytes( 16 ) ) );
		$response = wp_remote_post(
			$this->connection->endpoint(),
			array(
				'body'        => $body,
				'headers'     => array( 'Content-Type' => 'application/json' ) + $headers,
				'timeout'     => $seconds,
				'redirection' => 0,
				'user-agent'  => 'Tandem/' . VERSION,
			)
		);
		return Reply::of( $response );
	}
}
