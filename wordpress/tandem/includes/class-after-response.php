<?php
/**
 * Sends when the buyer has the answer.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * The end of a request in which orders were noted. Nothing goes out before the response is with the buyer; where PHP
 * cannot end a response early, the background does all of it.
 */
final class After_Response {

	/**
	 * What was noted.
	 *
	 * @var Order_Watch
	 */
	private $watch;

	/**
	 * Sends.
	 *
	 * @var Handover
	 */
	private $handover;

	/**
	 * Ends the response; false when that is not possible.
	 *
	 * @var callable
	 */
	private $end_response;

	/**
	 * Takes the parts.
	 *
	 * @param Order_Watch $watch        What was noted.
	 * @param Handover    $handover     Sends.
	 * @param callable    $end_response Ends the response, for tests.
	 */
	public function __construct( Order_Watch $watch, Handover $handover, ?callable $end_response = null ) {
		$this->watch        = $watch;
		$this->handover     = $handover;
		$this->end_response = $end_response ? $end_response : array( self::class, 'end_response' );
	}

	/**
	 * Hands over what this request noted. Never fails.
	 */
	public function run(): void {
		if ( ! $this->watch->has_noted() ) {
			return;
		}
		try {
			$ended     = ( $this->end_response )();
			$order_ids = $this->watch->take_noted();
			if ( ! $ended ) {
				Retry_Queue::schedule( time() + Outbox::GRACE_SECONDS );
				return;
			}
			$this->handover->after_response( $order_ids, time() );
			Retry_Queue::schedule( $this->handover->next_time( time() ) );
		} catch ( \Throwable $error ) {
			Log::error( $error );
		}
	}

	/**
	 * Ends the response, so that nobody waits for what comes after it.
	 *
	 * @return bool Whether nobody waits.
	 */
	public static function end_response(): bool {
		if ( 'cli' === PHP_SAPI ) {
			return true;
		}
		$end = null;
		foreach ( array( 'fastcgi_finish_request', 'litespeed_finish_request' ) as $function ) {
			if ( function_exists( $function ) ) {
				$end = $function;
				break;
			}
		}
		if ( ! $end ) {
			return false;
		}
		ignore_user_abort( true );
		if ( function_exists( 'session_status' ) && PHP_SESSION_ACTIVE === session_status() ) {
			// Another plugin's session file would keep the buyer's next request waiting.
			session_write_close();
		}
		$end();
		return true;
	}

	/**
	 * Whether this PHP can end a response early.
	 */
	public static function is_possible(): bool {
		return function_exists( 'fastcgi_finish_request' ) || function_exists( 'litespeed_finish_request' );
	}
}
