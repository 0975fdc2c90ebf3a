<?php
namespace Tandem\Tests;

use Tandem\Checkout;
use Tandem\Consent;

/** What visitors' cookies say, and what is kept of it. */
final class ConsentTest extends TestCase {

	/** @dataProvider tools */
	public function test_tools( $cookies, $signal, $advertising, $analytics ) {
		$answer = Consent::read( $cookies, false, self::NOW );
		$this->assertSame( array( $signal, $advertising, $analytics ), array( $answer['signal'], $answer['advertising'], $answer['analytics'] ) );
		$this->assertSame( self::NOW * 1000, $answer['at'] );
		$this->assertLessThanOrEqual( 120, strlen( $answer['value'] ) );
	}

	public function tools() {
		$yes   = Consent::GRANTED;
		$no    = Consent::DENIED;
		$open  = Consent::UNKNOWN;
		$cky   = 'consentid:abc,consent:yes,action:%s,necessary:yes,functional:yes,analytics:no,performance:no,advertisement:yes,other:no';
		$bot   = "{stamp:'x',necessary:true,preferences:false,statistics:true,marketing:false,method:'%s',ver:1,utc:1790000000000,region:'de'}";
		$trust = 'isGpcEnabled=%d&interactionCount=1&groups=C0001%%3A1%%2CC0002%%3A0%%2CC0004%%3A1&AwaitingReconsent=false';
		$borl  = '{"consents":{"essential":["borlabs-cookie"],"marketing":["tiktok-pixel"]},"v3":true,"version":1}';
		return array(
			'wp consent api'             => array( array( 'wp_consent_marketing' => 'allow', 'wp_consent_statistics' => 'deny' ), 'wp_consent_api', $yes, $no ),
			'complianz'                  => array( array( 'cmplz_marketing' => 'deny', 'cmplz_statistics' => 'allow' ), 'complianz', $no, $yes ),
			'cookieyes'                  => array( array( 'cookieyes-consent' => sprintf( $cky, 'yes' ) ), 'cookieyes', $yes, $no ),
			'cookieyes, no choice yet'   => array( array( 'cookieyes-consent' => sprintf( $cky, '' ) ), 'cookieyes', $open, $open ),
			'cookie law info'            => array( array( 'cookielawinfo-checkbox-advertisement' => 'no', 'cookielawinfo-checkbox-analytics' => 'yes', 'viewed_cookie_policy' => 'yes' ), 'cookieyes_legacy', $no, $yes ),
			'cookie law info, presets'   => array( array( 'cookielawinfo-checkbox-advertisement' => 'yes' ), 'cookieyes_legacy', $open, $open ),
			'cookiebot'                  => array( array( 'CookieConsent' => sprintf( $bot, 'explicit' ) ), 'cookiebot', $no, $yes ),
			'cookiebot, encoded'         => array( array( 'CookieConsent' => rawurlencode( sprintf( $bot, 'explicit' ) ) ), 'cookiebot', $no, $yes ),
			'cookiebot, implied'         => array( array( 'CookieConsent' => sprintf( $bot, 'implied' ) ), 'cookiebot', $open, $open ),
			'cookiebot, elsewhere'       => array( array( 'CookieConsent' => '-1' ), 'cookiebot', $open, $open ),
			'onetrust'                   => array( array( 'OptanonConsent' => sprintf( $trust, 0 ), 'OptanonAlertBoxClosed' => '2026-01-01T00:00:00Z' ), 'onetrust', $yes, $no ),
			'onetrust, with gpc'         => array( array( 'OptanonConsent' => sprintf( $trust, 1 ), 'OptanonAlertBoxClosed' => '2026-01-01T00:00:00Z' ), 'onetrust', $no, $no ),
			'onetrust, banner open'      => array( array( 'OptanonConsent' => sprintf( $trust, 0 ) ), 'onetrust', $open, $open ),
			'borlabs'                    => array( array( 'borlabs-cookie' => $borl ), 'borlabs', $yes, $no ),
			'borlabs, encoded'           => array( array( 'borlabs-cookie' => rawurlencode( $borl ) ), 'borlabs', $yes, $no ),
			'one no outweighs a yes'     => array( array( 'cmplz_marketing' => 'allow', 'CookieConsent' => sprintf( $bot, 'explicit' ) ), 'cookiebot', $no, $yes ),
			'rubbish is no answer'       => array( array( 'cmplz_marketing' => "\xff<script>" ), 'complianz', $open, $open ),
		);
	}

	public function test_nobody_said_anything() {
		$this->assertNull( Consent::read( array( 'other' => 'x', 'borlabs-cookie' => 'no json', 'CookieConsent' => '' ), false, self::NOW ) );
	}

	public function test_global_privacy_control_is_told_beside_the_answer() {
		$this->assertSame(
			array( 'advertising' => 'unknown', 'analytics' => 'unknown', 'at' => self::NOW * 1000, 'gpc' => true, 'signal' => 'gpc' ),
			Consent::read( array(), true, self::NOW )
		);
		$this->assertTrue( Consent::read( array( 'cmplz_marketing' => 'allow' ), true, self::NOW )['gpc'] );
	}

	public function test_ids_are_kept_by_the_answer() {
		$ids = array( 'tdv' => str_repeat( 'a1', 10 ), 'ttclid' => 'E.C.P.x', '_ttp' => 'p', '_fbc' => 'fb.1.1.c', '_fbp' => 'fb.1.1.p', 'gclid' => 'g' );
		$kept = static function ( $more ) use ( $ids ) {
			$keys = array_keys( Checkout::values( $ids + $more, false, self::NOW ) );
			sort( $keys );
			return $keys;
		};
		$clicks = array( '_tandem_fbc', '_tandem_fbp', '_tandem_gclid', '_tandem_ttclid', '_tandem_ttp' );
		$this->assertSame( array_merge( $clicks, array( '_tandem_visitor' ) ), $kept( array() ) );
		$this->assertSame( array_merge( array( '_tandem_consent' ), $clicks, array( '_tandem_visitor' ) ), $kept( array( 'cmplz_marketing' => 'allow' ) ) );
		$this->assertSame( array( '_tandem_consent' ), $kept( array( 'cmplz_marketing' => 'deny' ) ) );
		$this->assertSame( array( '_tandem_consent', '_tandem_visitor' ), $kept( array( 'cmplz_marketing' => 'deny', 'cmplz_statistics' => 'allow' ) ) );
	}

	public function test_cookies_are_not_believed() {
		$this->assertSame( array(), Checkout::values( array( 'tdv' => '<script>', 'ttclid' => "a\nb", '_ttp' => str_repeat( 'x', 2000 ), 'gclid' => '' ), false, self::NOW ) );
	}
}
