<?php
/**
 * How the hand-over has gone lately.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * The last success and the last failure. Read and written only after a response or in the background.
 */
final class Journal {

	const OPTION = 'tandem_journal';

	/**
	 * The hand-over worked.
	 *
	 * @param int $orders How many orders went over.
	 * @param int $now    Unix time.
	 */
	public function succeeded( int $orders, int $now ): void {
		$entry = $this->read();
		update_option(
			self::OPTION,
			array(
				'succeeded_at' => $now,
				'handed_over'  => $entry['handed_over'] + $orders,
				'failures'     => 0,
			) + $entry,
			false
		);
	}

	/**
	 * The hand-over failed.
	 *
	 * @param string $error Why.
	 * @param int    $now   Unix time.
	 */
	public function failed( string $error, int $now ): void {
		$entry = $this->read();
		update_option(
			self::OPTION,
			array(
				'failed_at' => $now,
				'error'     => mb_substr( $error, 0, 500 ),
				'failures'  => $entry['failures'] + 1,
			) + $entry,
			false
		);
	}

	/**
	 * The connection was checked and is good: nothing needs to wait any longer.
	 */
	public function mended(): void {
		update_option( self::OPTION, array( 'failures' => 0 ) + $this->read(), false );
	}

	/**
	 * Until when the gateway is left alone (Unix time) because it failed.
	 */
	public function paused_until(): int {
		$entry = $this->read();
		return $entry['failures'] ? $entry['failed_at'] + Outbox::delay( $entry['failures'] ) : 0;
	}

	/**
	 * Whether it failed less than a minute ago.
	 *
	 * @param int $now Unix time.
	 */
	public function failed_just_now( int $now ): bool {
		$entry = $this->read();
		return $entry['failures'] && $entry['failed_at'] + MINUTE_IN_SECONDS > $now;
	}

	/**
	 * All of it.
	 *
	 * @return array{succeeded_at:int,handed_over:int,failed_at:int,failures:int,error:string}
	 */
	public function read(): array {
		$entry = get_option( self::OPTION );
		return ( is_array( $entry ) ? $entry : array() ) + array(
			'succeeded_at' => 0,
			'handed_over'  => 0,
			'failed_at'    => 0,
			'failures'     => 0,
			'error'        => '',
		);
	}
}
