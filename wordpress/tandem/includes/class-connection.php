<?php
/**
 * The connection string, and where its parts are kept.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Where the gateway is, which of its sites this shop is, and the secret both share.
 */
final class Connection {

	const OPTION = 'tandem_connection';
	const PREFIX = 'tandem1.';

	/**
	 * The gateway's address, without a slash at its end.
	 *
	 * @var string
	 */
	public $url;

	/**
	 * The site's id at the gateway.
	 *
	 * @var string
	 */
	public $site;

	/**
	 * The shared secret. Never printed.
	 *
	 * @var string
	 */
	private $secret;

	/**
	 * The path of the page's script, such as /x7k2, or an empty text.
	 *
	 * @var string
	 */
	public $path;

	/**
	 * Takes checked parts.
	 *
	 * @param string $url    The gateway's address.
	 * @param string $site   The site's id.
	 * @param string $secret The shared secret.
	 * @param string $path   The script's path or an empty text.
	 */
	private function __construct( string $url, string $site, string $secret, string $path ) {
		$this->url    = $url;
		$this->site   = $site;
		$this->secret = $secret;
		$this->path   = $path;
	}

	/**
	 * Reads what `tandem connect` printed.
	 *
	 * @param string $text The connection string.
	 * @return self|\WP_Error
	 */
	public static function parse( string $text ) {
		$text = preg_replace( '/\s+/', '', $text );
		if ( 0 !== strpos( $text, self::PREFIX ) ) {
			return new \WP_Error( 'tandem_connection', __( 'This is not a connection string. It begins with “tandem1.” and is printed by “tandem connect”.', 'tandem' ) );
		}
		// phpcs:ignore WordPress.PHP.DiscouragedPHPFunctions.obfuscation_base64_decode -- the form of the connection string.
		$json  = base64_decode( strtr( substr( $text, strlen( self::PREFIX ) ), '-_', '+/' ), true );
		$parts = json_decode( (string) $json, true );
		$found = is_array( $parts ) ? self::from_parts( $parts ) : null;
		if ( ! $found ) {
			return new \WP_Error( 'tandem_connection', __( 'The connection string is damaged. Copy the whole line again.', 'tandem' ) );
		}
		return $found;
	}

	/**
	 * The connection that was saved, or null.
	 */
	public static function saved(): ?self {
		$parts = get_option( self::OPTION );
		return is_array( $parts ) ? self::from_parts( $parts ) : null;
	}

	/**
	 * Saves it, out of reach of what WordPress loads for every page.
	 */
	public function save(): void {
		update_option(
			self::OPTION,
			array(
				'url'    => $this->url,
				'site'   => $this->site,
				'secret' => $this->secret,
				'path'   => $this->path,
			),
			false
		);
	}

	/**
	 * Forgets it.
	 */
	public static function forget(): void {
		delete_option( self::OPTION );
	}

	/**
	 * Where orders and pings go.
	 */
	public function endpoint(): string {
		return $this->url . '/plugin/' . rawurlencode( $this->site );
	}

	/**
	 * The headers that prove a body comes from this shop.
	 *
	 * @param string $body  The body as it is sent.
	 * @param int    $time  Unix time.
	 * @param string $nonce 32 hexadecimal digits, never used before.
	 * @return string[] By name.
	 */
	public function sign( string $body, int $time, string $nonce ): array {
		$signed = hash_hmac( 'sha256', "v1\n$time\n$nonce\n$body", $this->secret );
		return array(
			'X-Tandem-Time'      => (string) $time,
			'X-Tandem-Nonce'     => $nonce,
			'X-Tandem-Signature' => 'v1=' . $signed,
		);
	}

	/**
	 * Checks the parts.
	 *
	 * @param array $parts By name.
	 */
	private static function from_parts( array $parts ): ?self {
		$of     = static function ( $name ) use ( $parts ) {
			return isset( $parts[ $name ] ) && is_string( $parts[ $name ] ) ? $parts[ $name ] : '';
		};
		$url    = rtrim( $of( 'url' ), '/' );
		$scheme = wp_parse_url( $url, PHP_URL_SCHEME );
		$path   = rtrim( $of( 'path' ), '/' );
		if ( ! in_array( $scheme, array( 'http', 'https' ), true ) || ! wp_parse_url( $url, PHP_URL_HOST )
			|| esc_url_raw( $url ) !== $url
			|| ! preg_match( '/^[A-Za-z0-9._-]{1,100}$/D', $of( 'site' ) ) || '' === $of( 'secret' )
			|| ! preg_match( '#^(/[A-Za-z0-9._~-]+)*$#D', $path ) ) {
			return null;
		}
		return new self( $url, $of( 'site' ), $of( 'secret' ), $path );
	}
}
