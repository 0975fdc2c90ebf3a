<?php
namespace Tandem\Tests;

use Tandem\Connection;
use Tandem\Journal;
use Tandem\Settings;
use Tandem\Setup;

/** Pasting a connection string, and checking it. */
final class SetupTest extends TestCase {

	public function test_a_good_string_connects() {
		$this->assertTrue( Setup::connect( self::line() ) );
		list( $entry ) = $this->received();
		$this->assertTrue( $entry['signed'] );
		$this->assertSame( array( 1, 'ping', \Tandem\VERSION ), array( $entry['body']['version'], $entry['body']['kind'], $entry['body']['plugin'] ) );
		$this->assertTrue( Settings::get( 'connected' ) );
		$this->assertSame( getenv( 'TANDEM_GATEWAY' ) . '/x7k2/s.js', Settings::get( 'script' ) );
		$this->assertSame( 'wc_order_{id}', Settings::get( 'purchase_event_id' ) );
	}

	/** @dataProvider bad */
	public function test_anything_else_says_why_and_changes_nothing( $mode, $parts, $said ) {
		$this->assertTrue( Setup::connect( self::line() ) );
		$before = array( get_option( 'tandem_connection' ), Settings::all() );
		$this->behave( $mode );
		$result = Setup::connect( self::line( $parts ) );
		$this->assertStringContainsString( $said, $result->get_error_message() );
		$this->assertSame( $before, array( get_option( 'tandem_connection' ), Settings::all() ) );
	}

	public function bad() {
		return array(
			'wrong secret'  => array( 'ok', array( 'secret' => 'other' ), 'does not know this secret' ),
			'clock off'     => array( '401 time_off', array(), 'differ by 1000 seconds' ),
			'another page'  => array( 'html', array(), 'not a Tandem gateway' ),
			'nobody there'  => array( 'ok', array( 'url' => 'http://127.0.0.1:1' ), 'onnect' ),
			'in trouble'    => array( '503 store_unavailable', array(), 'store_unavailable' ),
			'damaged'       => array( 'ok', array( 'secret' => '' ), 'damaged' ),
		);
	}

	public function test_a_good_check_sends_what_waits() {
		Setup::connect( self::line() );
		( new Journal() )->failed( 'no answer', time() );
		$this->outbox->note( 7, time() );
		list( $row ) = $this->outbox->claim_orders( array( 7 ), time() );
		$this->outbox->failed( $row, 'odd', true, time() + 9000 );
		$this->assertTrue( Setup::check_again() );
		$this->assertSame( 0, ( new Journal() )->paused_until() );
		$this->assertLessThanOrEqual( time(), $this->outbox->next_due() );
	}

	public function test_where_pages_load_the_script_can_be_chosen() {
		Settings::change( array( 'script_host' => 'shop' ) );
		Setup::connect( self::line() );
		$this->assertSame( 'http://shop.test/x7k2/s.js', Settings::get( 'script' ) );
		Settings::change( array( 'script_host' => 'off' ) );
		Setup::check_again();
		$this->assertSame( '', Settings::get( 'script' ) );
	}

	public function test_under_the_shops_own_address_where_that_works() {
		$home = static function () {
			return getenv( 'TANDEM_GATEWAY' );
		};
		add_filter( 'home_url', $home );
		Setup::connect( self::line( array( 'url' => str_replace( '127.0.0.1', 'localhost', getenv( 'TANDEM_GATEWAY' ) ) ) ) );
		remove_filter( 'home_url', $home );
		$this->assertSame( getenv( 'TANDEM_GATEWAY' ) . '/x7k2/s.js', Settings::get( 'script' ) );
	}

	public function test_disconnecting_keeps_what_waits() {
		Setup::connect( self::line() );
		$this->outbox->note( 7, time() );
		Setup::disconnect();
		$this->assertNull( Connection::saved() );
		$this->assertFalse( Settings::get( 'connected' ) );
		$this->assertCount( 1, $this->rows() );
	}
}
