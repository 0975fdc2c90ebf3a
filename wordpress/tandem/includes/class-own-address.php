<?php
/**
 * The script under the shop's own address.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Whether the shop's web server passes the script's path on to the gateway. It is looked at when an admin saves or checks;
 * what was found is kept for the settings page.
 */
final class Own_Address {

	const OPTION = 'tandem_own_address';

	/**
	 * Where a gateway on the same machine listens, unless it was told otherwise.
	 */
	const USUAL = '127.0.0.1:8080';

	/**
	 * Where the web server reaches the gateway, if the admin said so.
	 */
	const UPSTREAM = 'tandem_upstream';

	/**
	 * The address of a path under the shop's host.
	 *
	 * @param string $path A path such as /x7k2/s.js.
	 */
	public static function of( string $path ): string {
		$home = wp_parse_url( home_url() );
		return $home['scheme'] . '://' . $home['host'] . ( isset( $home['port'] ) ? ':' . $home['port'] : '' ) . $path;
	}

	/**
	 * Whether the script comes from there. Keeps what stands in the way.
	 *
	 * @param string $path The script's path.
	 */
	public static function works( string $path ): bool {
		$obstacle = self::obstacle( self::of( $path ) );
		update_option(
			self::OPTION,
			array(
				'script'   => $path,
				'works'    => '' === $obstacle,
				'obstacle' => $obstacle,
			),
			false
		);
		return '' === $obstacle;
	}

	/**
	 * What was found when it was last looked at.
	 *
	 * @return array{script:string,works:bool,obstacle:string}
	 */
	public static function found(): array {
		$found = get_option( self::OPTION );
		return ( is_array( $found ) ? $found : array() ) + array(
			'script'   => '',
			'works'    => false,
			'obstacle' => '',
		);
	}

	/**
	 * What stands in the way of the script; an empty text when it is there.
	 *
	 * @param string $address An address of this shop.
	 */
	public static function obstacle( string $address ): string {
		$response = wp_remote_get(
			$address,
			array(
				'timeout'     => 3,
				'redirection' => 0,
				/** This filter is documented in wp-includes/class-wp-http-streams.php */
				'sslverify'   => apply_filters( 'https_local_ssl_verify', false ), // phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals.NonPrefixedHooknameFound -- a filter of WordPress.
			)
		);
		if ( is_wp_error( $response ) ) {
			/* translators: %s: an error. */
			return sprintf( __( 'The shop could not ask itself for the script: %s', 'tandem' ), $response->get_error_message() );
		}
		$status = (int) wp_remote_retrieve_response_code( $response );
		switch ( $status ) {
			case 200:
				return false !== strpos( (string) wp_remote_retrieve_header( $response, 'content-type' ), 'javascript' )
					? '' : __( 'Something else than the script answers there.', 'tandem' );
			case 404:
				return __( 'The web server does not pass this path on (status 404).', 'tandem' );
			case 502:
			case 503:
			case 504:
				/* translators: %d: HTTP status. */
				return sprintf( __( 'The web server passes this path on but does not reach the gateway (status %d).', 'tandem' ), $status );
		}
		/* translators: %d: HTTP status. */
		return sprintf( __( 'The web server answers with status %d there.', 'tandem' ), $status );
	}

	/**
	 * Where the web server reaches the gateway. By the address that orders go to, unless that is the shop's own.
	 *
	 * @param Connection $connection The connection.
	 */
	public static function upstream( Connection $connection ): string {
		$said = (string) get_option( self::UPSTREAM, '' );
		if ( self::is_upstream( $said ) ) {
			return $said;
		}
		$is_ours = wp_parse_url( $connection->url, PHP_URL_HOST ) === wp_parse_url( home_url(), PHP_URL_HOST )
			&& wp_parse_url( $connection->url, PHP_URL_PORT ) === wp_parse_url( home_url(), PHP_URL_PORT );
		return $is_ours || ! self::is_upstream( $connection->url ) ? 'http://' . self::USUAL : $connection->url;
	}

	/**
	 * Whether a text is an address that may stand in a web server's configuration.
	 *
	 * @param string $text The text.
	 */
	public static function is_upstream( string $text ): bool {
		return 1 === preg_match( '#^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?\z#', $text );
	}
}
