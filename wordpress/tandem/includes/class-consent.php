<?php
/**
 * What the visitor allowed, as the shop's consent tool keeps it.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Reads the cookies of consent tools by the same rules as the gateway: a choice counts, a preset does not, and one no
 * outweighs any number of yeses.
 */
final class Consent {

	const GRANTED = 'granted';
	const DENIED  = 'denied';
	const UNKNOWN = 'unknown';

	/**
	 * The answer to be kept with an order, or null when nobody said anything.
	 *
	 * @param string[] $cookies The visitor's cookies.
	 * @param bool     $gpc     Whether the browser sends Global Privacy Control.
	 * @param int      $now     Unix time.
	 * @return array|null
	 */
	public static function read( array $cookies, bool $gpc, int $now ): ?array {
		$told = array_filter(
			array(
				self::wp_consent_api( $cookies ),
				self::by_category( 'complianz', 'cmplz_', $cookies ),
				self::cookieyes( $cookies ),
				self::cookie_law_info( $cookies ),
				self::cookiebot( $cookies ),
				self::onetrust( $cookies ),
				self::borlabs( $cookies ),
			)
		);
		if ( ! $told && ! $gpc ) {
			return null;
		}
		$answer = array(
			'advertising' => self::most_restrictive( array_column( $told, 'advertising' ) ),
			'analytics'   => self::most_restrictive( array_column( $told, 'analytics' ) ),
		);
		foreach ( $told as $tool ) {
			if ( $tool['advertising'] === $answer['advertising'] ) {
				$answer['signal'] = $tool['signal'];
				$answer['value']  = substr( (string) preg_replace( '/[^\x20-\x7e]/', '?', $tool['value'] ), 0, 120 );
				break;
			}
		}
		$answer['at'] = $now * 1000;
		if ( $gpc ) {
			$answer['gpc'] = true;
			if ( ! $told ) {
				$answer['signal'] = 'gpc';
			}
		}
		return $answer;
	}

	/**
	 * The WP Consent API. Where a consent type is set and something decides for this visitor (a cookie, or a tool that
	 * answers for it in PHP), its own function tells.
	 *
	 * @param string[] $cookies The visitor's cookies.
	 */
	private static function wp_consent_api( array $cookies ): ?array {
		// phpcs:ignore WordPress.NamingConventions.PrefixAllGlobals.NonPrefixedHooknameFound -- the WP Consent API's filter.
		$prefix = (string) apply_filters( 'wp_consent_cookie_prefix', 'wp_consent' ) . '_';
		if ( ! function_exists( 'wp_has_consent' ) || ! function_exists( 'wp_get_consent_type' ) || ! wp_get_consent_type() ) {
			return self::by_category( 'wp_consent_api', $prefix, $cookies );
		}
		$of = static function ( $category ) use ( $cookies, $prefix ) {
			if ( ! isset( $cookies[ $prefix . $category ] ) && ! has_filter( 'wp_has_consent' ) ) {
				return self::UNKNOWN;
			}
			return wp_has_consent( $category ) ? self::GRANTED : self::DENIED;
		};
		return self::tool( 'wp_consent_api', 'type=' . wp_get_consent_type(), $of( 'marketing' ), $of( 'statistics' ) );
	}

	/**
	 * One cookie a category, allow or deny: WP Consent API, Complianz.
	 *
	 * @param string   $signal  The tool.
	 * @param string   $prefix  What its cookies begin with.
	 * @param string[] $cookies The visitor's cookies.
	 */
	private static function by_category( string $signal, string $prefix, array $cookies ): ?array {
		$value = static function ( $category ) use ( $prefix, $cookies ) {
			return isset( $cookies[ $prefix . $category ] ) ? $cookies[ $prefix . $category ] : '';
		};
		if ( '' === $value( 'marketing' ) . $value( 'statistics' ) ) {
			return null;
		}
		return self::tool(
			$signal,
			'marketing=' . $value( 'marketing' ) . ' statistics=' . $value( 'statistics' ),
			self::word( $value( 'marketing' ), 'allow', 'deny' ),
			self::word( $value( 'statistics' ), 'allow', 'deny' )
		);
	}

	/**
	 * CookieYes: a list of name:value; no answer before action is yes.
	 *
	 * @param string[] $cookies The visitor's cookies.
	 */
	private static function cookieyes( array $cookies ): ?array {
		if ( empty( $cookies['cookieyes-consent'] ) ) {
			return null;
		}
		$pairs    = self::pairs( rawurldecode( $cookies['cookieyes-consent'] ) ) + array_fill_keys( array( 'action', 'advertisement', 'analytics' ), '' );
		$answered = 'yes' === $pairs['action'];
		return self::tool(
			'cookieyes',
			"action={$pairs['action']} advertisement={$pairs['advertisement']} analytics={$pairs['analytics']}",
			self::word( $answered ? $pairs['advertisement'] : '', 'yes', 'no' ),
			self::word( $answered ? $pairs['analytics'] : '', 'yes', 'no' )
		);
	}

	/**
	 * CookieYes before version 3: a cookie for each box, presets until the banner is answered.
	 *
	 * @param string[] $cookies The visitor's cookies.
	 */
	private static function cookie_law_info( array $cookies ): ?array {
		$box = static function ( $name ) use ( $cookies ) {
			return isset( $cookies[ "cookielawinfo-checkbox-$name" ] ) ? $cookies[ "cookielawinfo-checkbox-$name" ] : '';
		};
		if ( '' === $box( 'advertisement' ) . $box( 'analytics' ) ) {
			return null;
		}
		$answered = isset( $cookies['viewed_cookie_policy'] ) && 'yes' === $cookies['viewed_cookie_policy'];
		return self::tool(
			'cookieyes_legacy',
			'advertisement=' . $box( 'advertisement' ) . ' analytics=' . $box( 'analytics' ),
			self::word( $answered ? $box( 'advertisement' ) : '', 'yes', 'no' ),
			self::word( $answered ? $box( 'analytics' ) : '', 'yes', 'no' )
		);
	}

	/**
	 * Cookiebot: a script object; only an explicit answer is a choice.
	 *
	 * @param string[] $cookies The visitor's cookies.
	 */
	private static function cookiebot( array $cookies ): ?array {
		if ( empty( $cookies['CookieConsent'] ) ) {
			return null;
		}
		$text     = trim( rawurldecode( $cookies['CookieConsent'] ) );
		$pairs    = self::pairs( trim( $text, '{}' ) ) + array_fill_keys( array( 'method', 'marketing', 'statistics', 'stamp' ), '' );
		$answered = 'explicit' === $pairs['method'] && '-1' !== $pairs['stamp'];
		return self::tool(
			'cookiebot',
			"marketing={$pairs['marketing']} statistics={$pairs['statistics']} method={$pairs['method']}",
			self::word( $answered ? $pairs['marketing'] : '', 'true', 'false' ),
			self::word( $answered ? $pairs['statistics'] : '', 'true', 'false' )
		);
	}

	/**
	 * OneTrust and CookiePro: a query string; presets until the banner is closed.
	 *
	 * @param string[] $cookies The visitor's cookies.
	 */
	private static function onetrust( array $cookies ): ?array {
		if ( empty( $cookies['OptanonConsent'] ) ) {
			return null;
		}
		$query = array();
		wp_parse_str( $cookies['OptanonConsent'], $query );
		$groups = isset( $query['groups'] ) && is_string( $query['groups'] ) ? $query['groups'] : '';
		$closed = ! empty( $cookies['OptanonAlertBoxClosed'] );
		$pairs  = self::pairs( $groups ) + array_fill_keys( array( 'C0004', 'C0002' ), '' );
		$gpc    = isset( $query['isGpcEnabled'] ) && '1' === $query['isGpcEnabled'];
		return self::tool(
			'onetrust',
			"groups=$groups",
			self::word( $closed ? ( $gpc ? '0' : $pairs['C0004'] ) : '', '1', '0' ),
			self::word( $closed ? $pairs['C0002'] : '', '1', '0' )
		);
	}

	/**
	 * Borlabs Cookie: the services agreed to, by category. What is not listed was not agreed to.
	 *
	 * @param string[] $cookies The visitor's cookies.
	 */
	private static function borlabs( array $cookies ): ?array {
		$text = isset( $cookies['borlabs-cookie'] ) ? $cookies['borlabs-cookie'] : '';
		$json = json_decode( $text, true );
		$json = is_array( $json ) ? $json : json_decode( rawurldecode( $text ), true );
		if ( ! isset( $json['consents'] ) || ! is_array( $json['consents'] ) ) {
			return null;
		}
		$agreed = array_keys( array_filter( $json['consents'] ) );
		return self::tool(
			'borlabs',
			'agreed=' . implode( ',', $agreed ),
			in_array( 'marketing', $agreed, true ) ? self::GRANTED : self::DENIED,
			in_array( 'statistics', $agreed, true ) ? self::GRANTED : self::DENIED
		);
	}

	/**
	 * What one tool says.
	 *
	 * @param string $signal      The tool, under the gateway's name of it.
	 * @param string $value       The part of its cookies that says it.
	 * @param string $advertising Granted, denied or unknown.
	 * @param string $analytics   Granted, denied or unknown.
	 */
	private static function tool( string $signal, string $value, string $advertising, string $analytics ): array {
		return array(
			'signal'      => $signal,
			'value'       => $value,
			'advertising' => $advertising,
			'analytics'   => $analytics,
		);
	}

	/**
	 * A tool's word for yes or no.
	 *
	 * @param string $word What it says.
	 * @param string $yes  Its yes.
	 * @param string $no   Its no.
	 */
	private static function word( string $word, string $yes, string $no ): string {
		if ( $word === $yes ) {
			return self::GRANTED;
		}
		return $word === $no ? self::DENIED : self::UNKNOWN;
	}

	/**
	 * One no outweighs any number of yeses.
	 *
	 * @param string[] $answers Granted, denied or unknown.
	 */
	private static function most_restrictive( array $answers ): string {
		foreach ( array( self::DENIED, self::GRANTED ) as $answer ) {
			if ( in_array( $answer, $answers, true ) ) {
				return $answer;
			}
		}
		return self::UNKNOWN;
	}

	/**
	 * Reads name:value,name:value, with or without quotes.
	 *
	 * @param string $text The list.
	 * @return string[]
	 */
	private static function pairs( string $text ): array {
		$pairs = array();
		foreach ( explode( ',', $text ) as $pair ) {
			$parts = explode( ':', $pair, 2 );
			if ( 2 === count( $parts ) ) {
				$pairs[ trim( $parts[0] ) ] = trim( $parts[1], " '\"" );
			}
		}
		return $pairs;
	}
}
