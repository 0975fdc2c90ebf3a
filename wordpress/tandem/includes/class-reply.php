<?php
/**
 * What the gateway answered, and what that means.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * An answer of the gateway, or the lack of one.
 */
final class Reply {

	/**
	 * Whether the gateway has what was sent.
	 *
	 * @var bool
	 */
	public $ok;

	/**
	 * Whether what was sent is at fault, rather than the connection or the gateway.
	 *
	 * @var bool
	 */
	public $refused;

	/**
	 * Why not, for the shop's admin.
	 *
	 * @var string
	 */
	public $error;

	/**
	 * The answer's JSON.
	 *
	 * @var array
	 */
	public $body;

	/**
	 * Takes the parts.
	 *
	 * @param bool   $ok      Whether the gateway has it.
	 * @param string $error   Why not.
	 * @param bool   $refused Whether what was sent is at fault.
	 * @param array  $body    The answer's JSON.
	 */
	private function __construct( bool $ok, string $error, bool $refused = false, array $body = array() ) {
		$this->ok      = $ok;
		$this->error   = $error;
		$this->refused = $refused;
		$this->body    = $body;
	}

	/**
	 * Reads WordPress's answer.
	 *
	 * @param array|\WP_Error $response From wp_remote_post().
	 */
	public static function of( $response ): self {
		if ( is_wp_error( $response ) ) {
			return new self( false, $response->get_error_message() );
		}
		$status = (int) wp_remote_retrieve_response_code( $response );
		$body   = json_decode( wp_remote_retrieve_body( $response ), true );
		$body   = is_array( $body ) ? $body : array();
		if ( 200 === $status ) {
			return new self( true, '', false, $body );
		}
		return new self( false, self::reason( $status, $body ), in_array( $status, array( 400, 413, 422 ), true ), $body );
	}

	/**
	 * An answer that some other program gave.
	 */
	public static function not_the_gateway(): self {
		return new self( false, __( 'Something answered at the gateway’s address, but it is not a Tandem gateway. Is the address right, and does a proxy pass /plugin/ on?', 'tandem' ) );
	}

	/**
	 * What was to be said cannot be written as JSON.
	 */
	public static function unsendable(): self {
		return new self( false, __( 'The order holds text that cannot be sent.', 'tandem' ), true );
	}

	/**
	 * The gateway's words, with what to do about the usual ones.
	 *
	 * @param int   $status The HTTP status.
	 * @param array $body   The answer's JSON.
	 */
	private static function reason( int $status, array $body ): string {
		$error   = isset( $body['error'] ) && is_array( $body['error'] ) ? $body['error'] : $body;
		$code    = isset( $error['code'] ) && is_string( $error['code'] ) ? sanitize_key( $error['code'] ) : '';
		$message = isset( $error['message'] ) && is_string( $error['message'] ) ? sanitize_text_field( $error['message'] ) : '';
		switch ( $code ) {
			case 'credentials_missing':
			case 'credentials_wrong':
				return __( 'The gateway does not know this secret. Print a new connection string with “tandem connect” and paste it here.', 'tandem' );
			case 'time_off':
				$now = isset( $body['now'] ) ? $body['now'] : ( isset( $error['now'] ) ? $error['now'] : null );
				$off = is_numeric( $now ) ? abs( time() - (int) $now ) : 0;
				/* translators: %d: number of seconds. */
				return sprintf( __( 'The clocks of this server and of the gateway differ by %d seconds. Let both ask a time server.', 'tandem' ), $off );
		}
		/* translators: 1: HTTP status, 2: code, 3: message. */
		return trim( sprintf( __( 'The gateway answered with status %1$d %2$s %3$s', 'tandem' ), $status, $code, $message ) );
	}
}
