<?php
/**
 * A buyer's browser, as far as a shop's server sees it.
 *
 * @package Tandem
 */

/**
 * Keeps cookies, sends the buyer's address and name.
 */
class Browser {

	private $base;
	public $cookies;
	public $ip;
	public $agent;
	public $billing = Shop::BILLING;
	public $status;
	public $headers;
	public $seconds;
	public $to_first_byte;

	public function __construct( string $base, array $cookies = array(), string $ip = '203.0.113.7', string $agent = 'Mozilla/5.0 (Buyer)' ) {
		$this->base    = $base;
		$this->cookies = $cookies;
		$this->ip      = $ip;
		$this->agent   = $agent;
	}

	public function get( string $path, array $headers = array() ): string {
		return $this->ask( $path, null, $headers );
	}

	/** Posts a form (array) or a body (text). */
	public function post( string $path, $body, array $headers = array() ): string {
		return $this->ask( $path, is_array( $body ) ? http_build_query( $body ) : $body, $headers );
	}

	/** Comes by an ad and allows everything, as the page's script tells the gateway; the gateway's answer sets the cookies. */
	public function land( string $visitor, string $click, string $ttp ): void {
		$this->cookies += array( '_ttp' => $ttp, 'cmplz_marketing' => 'allow', 'cmplz_statistics' => 'allow' );
		$now  = (int) ( microtime( true ) * 1000 );
		$page = array( 'url' => $this->base . '/?ttclid=' . $click, 'referrer' => '', 'title' => 'Shop' );
		$this->post(
			'/x7k2/a',
			json_encode(
				array(
					'visitor' => $visitor,
					'sent_at' => $now,
					'page'    => $page,
					'locale'  => 'de-DE',
					'consent' => array( 'advertising' => 'granted', 'analytics' => 'granted' ),
					'cookies' => array( '_ttp' => $ttp ),
					'events'  => array( array( 'event_name' => 'Pageview', 'event_id' => 'view-' . $visitor, 'at' => $now ) ),
				)
			),
			array( 'Origin: ' . $this->base, 'Content-Type: text/plain;charset=UTF-8' )
		);
	}

	private function ask( string $path, ?string $body, array $headers ): string {
		$cookies = array();
		foreach ( $this->cookies as $name => $value ) {
			$cookies[] = $name . '=' . rawurlencode( $value );
		}
		$this->headers = array();
		$curl          = curl_init( 0 === strpos( $path, 'http' ) ? $path : $this->base . $path );
		curl_setopt_array(
			$curl,
			array(
				CURLOPT_RETURNTRANSFER => true,
				CURLOPT_TIMEOUT        => 60,
				CURLOPT_COOKIE         => implode( '; ', $cookies ),
				CURLOPT_USERAGENT      => $this->agent,
				CURLOPT_HTTPHEADER     => array_merge( array( 'X-Real-IP: ' . $this->ip, 'Expect:' ), $headers ),
				CURLOPT_HEADERFUNCTION => function ( $curl, $line ) {
					$parts = explode( ':', $line, 2 );
					if ( 2 === count( $parts ) ) {
						$name                   = strtolower( trim( $parts[0] ) );
						$this->headers[ $name ] = trim( $parts[1] );
						if ( 'set-cookie' === $name && preg_match( '/^\s*([^=]+)=([^;]*)/', $parts[1], $m ) ) {
							$this->cookies[ $m[1] ] = rawurldecode( $m[2] );
						}
					}
					return strlen( $line );
				},
			)
		);
		if ( null !== $body ) {
			curl_setopt( $curl, CURLOPT_POSTFIELDS, $body );
		}
		$answer              = (string) curl_exec( $curl );
		$this->status        = curl_getinfo( $curl, CURLINFO_HTTP_CODE );
		$this->seconds       = curl_getinfo( $curl, CURLINFO_TOTAL_TIME );
		$this->to_first_byte = curl_getinfo( $curl, CURLINFO_STARTTRANSFER_TIME );
		return $answer;
	}
}
