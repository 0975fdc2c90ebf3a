<?php
namespace Tandem\Tests;

require_once __DIR__ . '/wc-admin-settings.php';

use Tandem\Admin\Settings_Tab;
use Tandem\Connection;
use Tandem\Own_Address;
use Tandem\Settings;

/** Saving WooCommerce → Settings → Tandem. */
final class SettingsTabTest extends TestCase {

	protected function setUp(): void {
		parent::setUp();
		wp_set_current_user( 1 );
		wp_get_current_user()->add_cap( 'manage_woocommerce' );
		$_SERVER['SERVER_SOFTWARE'] = 'nginx/1.22.1';
		\WC_Admin_Settings::$said   = array();
	}

	protected function tearDown(): void {
		$_POST    = array();
		$_REQUEST = array();
		unset( $_SERVER['SERVER_SOFTWARE'] );
		wp_set_current_user( 0 );
	}

	/** Posts the form; gives what is said then. */
	private static function post( array $fields, ?string $nonce = null ): array {
		\WC_Admin_Settings::$said = array();
		$_POST                    = wp_slash( $fields );
		$_REQUEST                 = $_POST + array( '_wpnonce' => $nonce ?? wp_create_nonce( 'woocommerce-settings' ) );
		( new Settings_Tab() )->save();
		return \WC_Admin_Settings::$said;
	}

	public function test_pasting_checking_choosing_and_disconnecting() {
		$this->assertSame( array( array( 'message', 'The gateway answers and knows this shop.' ) ), self::post( array( 'save' => 'Save changes', 'tandem_connection_string' => ' ' . self::line() . "\n" ) ) );
		$this->assertTrue( Settings::get( 'connected' ) );
		$this->assertSame( 'auto', Settings::get( 'script_host' ), 'a form without the fields changes none of them' );

		self::post( array( 'save' => 'Save changes', 'tandem_script_host' => 'off', 'tandem_data_layer' => 'nonsense' ) );
		$this->assertSame( array( 'off', 'auto', '' ), array( Settings::get( 'script_host' ), Settings::get( 'data_layer' ), Settings::get( 'script' ) ) );

		$this->behave( '503 store_unavailable' );
		$this->assertSame( 'error', self::post( array( 'save' => 'check' ) )[0][0] );
		$this->assertTrue( Settings::get( 'connected' ) );

		$this->assertSame( 'message', self::post( array( 'save' => 'disconnect' ) )[0][0] );
		$this->assertNull( Connection::saved() );
	}

	public function test_nothing_pasted() {
		$this->assertSame( array( array( 'error', 'Paste the connection string first.' ) ), self::post( array( 'save' => 'Save changes' ) ) );
	}

	public function test_where_the_web_server_reaches_the_gateway() {
		self::post( array( 'save' => 'Save changes', 'tandem_connection_string' => self::line() ) );
		self::post( array( 'save' => 'Save changes', 'tandem_upstream' => ' http://10.0.0.5:8080/ ' ) );
		$this->assertSame( 'http://10.0.0.5:8080', Own_Address::upstream( Connection::saved() ) );
		$said = self::post( array( 'save' => 'Save changes', 'tandem_upstream' => 'http://10.0.0.6:8080"; evil' ) );
		$this->assertStringContainsString( 'without a path', $said[0][1] );
		$this->assertSame( 'http://10.0.0.5:8080', Own_Address::upstream( Connection::saved() ) );
	}

	public function test_htaccess_is_not_written_where_the_button_is_not_offered() {
		self::post( array( 'save' => 'Save changes', 'tandem_connection_string' => self::line() ) );
		$this->assertSame( array( array( 'message', 'The gateway answers and knows this shop.' ) ), self::post( array( 'save' => 'pass_on' ) ) );
		$this->assertFalse( \Tandem\Htaccess::is_there() );
	}

	public function test_only_with_the_capability_and_the_nonce() {
		wp_set_current_user( 0 );
		$this->assertSame( array(), self::post( array( 'save' => 'Save changes', 'tandem_connection_string' => self::line() ) ) );
		$this->assertNull( Connection::saved() );
		wp_set_current_user( 1 );
		wp_get_current_user()->add_cap( 'manage_woocommerce' );
		$stop = static function () {
			return static function () {
				throw new \RuntimeException( 'stopped' );
			};
		};
		add_filter( 'wp_die_handler', $stop );
		try {
			self::post( array( 'save' => 'Save changes', 'tandem_connection_string' => self::line() ), 'forged' );
			$this->fail( 'not stopped' );
		} catch ( \RuntimeException $e ) {
			$this->assertNull( Connection::saved() );
		} finally {
			remove_filter( 'wp_die_handler', $stop );
		}
	}
}
