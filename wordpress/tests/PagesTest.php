<?php
namespace Tandem\Tests;

use Tandem\Admin\Conflicts;
use Tandem\Admin\Own_Address_Section;
use Tandem\Admin\Site_Health;
use Tandem\Admin\Status;
use Tandem\Data_Layer;
use Tandem\Journal;
use Tandem\Other_Plugins;
use Tandem\Own_Address;
use Tandem\Plugin;
use Tandem\Settings;
use Tandem\Setup;
use Tandem\Tag;

/** What is printed, and life without WooCommerce. */
final class PagesTest extends TestCase {

	private static function printed( callable $output ): string {
		ob_start();
		$output();
		return (string) ob_get_clean();
	}

	public function test_the_tag_is_one_line_and_the_same_for_everybody() {
		Setup::connect( self::line() );
		$_COOKIE['tdv'] = 'aaaaaaaaaaaaaaaaaaaa';
		wp_set_current_user( 1 );
		$line = self::printed( array( new Tag(), 'output' ) );
		wp_set_current_user( 0 );
		unset( $_COOKIE['tdv'] );
		$this->assertSame( $line, self::printed( array( new Tag(), 'output' ) ) );
		$this->assertMatchesRegularExpression( '#^<script [^<>]*></script>$#', trim( $line ) );
		foreach ( array( 'async', 'src="' . getenv( 'TANDEM_GATEWAY' ) . '/x7k2/s.js"', 'data-cfasync="false"', 'data-no-optimize="1"', 'data-no-minify="1"' ) as $part ) {
			$this->assertStringContainsString( $part, $line );
		}
		$this->assertStringNotContainsString( 'test-secret', $line );
	}

	public function test_no_tag_without_a_gateway_or_a_script() {
		$this->assertSame( '', self::printed( array( new Tag(), 'output' ) ) );
		Settings::change( array( 'connected' => true ) );
		$this->assertSame( '', self::printed( array( new Tag(), 'output' ) ) );
	}

	/** @dataProvider data_layers */
	public function test_the_data_layer_is_left_to_plugins_that_fill_it( $plugin, $option, $filling, $idle ) {
		$this->assertTrue( Data_Layer::is_wanted( 'auto' ) );
		update_option( 'active_plugins', array( 'tandem/tandem.php', $plugin ) );
		foreach ( array( array( $filling, false ), array( $idle, true ), array( null, true ) ) as list( $value, $is_wanted ) ) {
			null === $value ? delete_option( $option ) : update_option( $option, $value );
			$this->assertSame( $is_wanted, Data_Layer::is_wanted( 'auto' ), wp_json_encode( $value ) );
		}
		$this->assertTrue( Data_Layer::is_wanted( 'on' ) );
		$this->assertFalse( Data_Layer::is_wanted( 'off' ) );
		delete_option( $option );
	}

	public function data_layers() {
		return array(
			array( 'gtm-server-side/gtm-server-side.php', 'gtm_server_side_data_layer_ecommerce', 'yes', '' ),
			array( 'duracelltomi-google-tag-manager/duracelltomi-google-tag-manager-for-wordpress.php', 'gtm4wp-options', array( 'integrate-woocommerce-track-enhanced-ecommerce' => true ), array( 'integrate-woocommerce-track-enhanced-ecommerce' => false ) ),
			array( 'pixelyoursite/facebook-pixel-master.php', 'pys_gtm', array( 'enabled' => true, 'gtm_id' => array( 'GTM-A' ) ), array( 'enabled' => true, 'gtm_id' => array( '' ) ) ),
			array( 'woocommerce-google-analytics-integration/woocommerce-google-analytics-integration.php', 'woocommerce_google_analytics_settings', array( 'ga_id' => 'G-A' ), array( 'ga_id' => '' ) ),
		);
	}

	public function test_decorated_names_in_stapes_data_layer_leave_the_plain_ones_to_us() {
		update_option( 'active_plugins', array( 'gtm-server-side/gtm-server-side.php' ) );
		update_option( 'gtm_server_side_data_layer_ecommerce', 'yes' );
		update_option( 'gtm_server_side_data_layer_custom_event_name', 'yes' );
		$this->assertTrue( Data_Layer::is_wanted( 'auto' ) );
		delete_option( 'gtm_server_side_data_layer_ecommerce' );
		delete_option( 'gtm_server_side_data_layer_custom_event_name' );
	}

	public function test_the_thank_you_page_names_the_order_as_the_gateway_does() {
		$order = new class() {
			public function get_id() {
				return 70;
			}
			public function get_order_number() {
				return 'RIG-4070';
			}
		};
		$this->assertSame( '70', Data_Layer::transaction_id( $order, 'wc_order_{id}' ) );
		$this->assertSame( 'RIG-4070', Data_Layer::transaction_id( $order, 'shop_{number}' ) );
	}

	public function test_conflicts_are_told_each_admin_until_they_are_read() {
		update_option( 'active_plugins', array( 'tiktok-for-business/tiktok-for-woocommerce.php', 'gtm-server-side/gtm-server-side.php', 'pixelyoursite/facebook-pixel-master.php' ) );
		$this->assertSame( array( 'tiktok', 'stape', 'pixelyoursite' ), Other_Plugins::active() );
		set_current_screen( 'plugins' );
		wp_set_current_user( 1 );
		wp_get_current_user()->add_cap( 'manage_woocommerce' );
		$output = array( new Conflicts(), 'output' );
		$notice = self::printed( $output );
		$this->assertStringContainsString( 'TikTok’s own plugin', $notice );
		$this->assertStringContainsString( '_wpnonce=', $notice );

		update_user_meta( 1, Conflicts::DISMISSED, array( 'tiktok', 'stape' ) );
		$this->assertStringContainsString( 'PixelYourSite', self::printed( $output ), 'a plugin that came later' );
		update_user_meta( 1, Conflicts::DISMISSED, array( 'tiktok', 'stape', 'pixelyoursite', 'gtm4wp' ) );
		$this->assertSame( '', self::printed( $output ) );

		$other = wp_insert_user( array( 'user_login' => 'second', 'user_pass' => 'x', 'role' => 'administrator' ) );
		wp_set_current_user( $other );
		wp_get_current_user()->add_cap( 'manage_woocommerce' );
		$this->assertNotSame( '', self::printed( $output ), 'another admin has not read it' );
		set_current_screen( 'woocommerce_page_wc-settings' );
		$this->assertSame( '', self::printed( $output ), 'another tab of the settings' );
		$_GET['tab'] = 'tandem';
		$this->assertNotSame( '', self::printed( $output ) );
		unset( $_GET['tab'] );
		set_current_screen( 'dashboard' );
		$this->assertSame( '', self::printed( $output ) );

		wp_set_current_user( 0 );
		set_current_screen( 'plugins' );
		$this->assertSame( '', self::printed( $output ), 'not a matter of everybody' );
		wp_delete_user( $other );
		delete_user_meta( 1, Conflicts::DISMISSED );
	}

	public function test_dismissing_needs_the_nonce() {
		wp_set_current_user( 1 );
		$stop = static function () {
			return static function () {
				throw new \RuntimeException( 'stopped' );
			};
		};
		add_filter( 'wp_die_handler', $stop );
		try {
			( new Conflicts() )->dismiss();
			$this->fail( 'not stopped' );
		} catch ( \RuntimeException $e ) {
			$this->assertSame( '', get_user_meta( 1, Conflicts::DISMISSED, true ) );
		}
		remove_filter( 'wp_die_handler', $stop );
		wp_set_current_user( 0 );
	}

	public function test_site_health_says_what_is_wrong() {
		$health = new Site_Health();
		$none   = array( 'direct' => array(), 'async' => array() );
		$this->assertSame( 'recommended', $health->test_connection()['status'] );
		$this->assertSame( array( 'tandem_connection' ), array_keys( $health->add_tests( $none )['direct'] ), 'what is not there cannot be ill' );
		Setup::connect( self::line() );
		$this->assertSame( 'good', $health->test_connection()['status'] );
		$this->assertSame( 'good', $health->test_queue()['status'] );
		$this->outbox->note( 7, time() - 4000 );
		$this->assertSame( 'critical', $health->test_queue()['status'] );
		$this->assertStringContainsString( 'Last error: none', $health->test_queue()['description'] );
		$this->assertSame( 'good', $health->test_conflicts()['status'] );
		update_option( 'active_plugins', array( 'pixelyoursite-pro/x.php' ) );
		$this->assertSame( 'recommended', $health->test_conflicts()['status'] );
		$this->assertCount( 4, $health->add_tests( $none )['direct'] );

		$this->assertSame( 'recommended', $health->test_own_address()['status'], 'the script comes from the gateway' );
		Settings::change( array( 'script' => 'http://shop.test/x7k2/s.js' ) );
		$this->assertSame( 'critical', $health->test_own_address()['status'], 'asked for where it is not' );
		update_option( Own_Address::OPTION, array( 'works' => true ) + Own_Address::found() );
		$this->assertSame( 'good', $health->test_own_address()['status'] );
		Settings::change( array( 'script' => '' ) );
		$this->assertSame( 'good', $health->test_own_address()['status'] );
	}

	public function test_the_status_panel_says_how_it_is() {
		$status  = array( new Status(), 'output' );
		$journal = new Journal();
		Setup::connect( self::line() );
		$this->assertStringContainsString( 'No order has come up yet', self::printed( $status ) );
		$journal->succeeded( 2, time() - 60 );
		$this->assertStringContainsString( 'Orders reach the gateway.', self::printed( $status ) );
		$this->outbox->note( 7, time() - 4000 );
		$this->assertStringContainsString( 'more than an hour', self::printed( $status ) );
		list( $row ) = $this->outbox->claim_orders( array( 7 ), time() );
		$this->outbox->failed( $row, 'an <odd> order', true, time() );
		$panel = self::printed( $status );
		$this->assertStringContainsString( 'refuses those named below', $panel );
		$this->assertStringContainsString( 'Order 7: an &lt;odd&gt; order', $panel );
		$journal->failed( 'no answer', time() );
		$panel = self::printed( $status );
		$this->assertStringContainsString( 'cannot be reached', $panel );
		$this->assertStringContainsString( 'no answer', $panel );
	}

	public function test_the_settings_page_fills_in_the_lines_for_this_server() {
		Setup::connect( self::line( array( 'url' => 'http://127.0.0.1:' . wp_parse_url( getenv( 'TANDEM_GATEWAY' ), PHP_URL_PORT ) ) ) );
		$_SERVER['SERVER_SOFTWARE'] = 'nginx/1.22.1';
		$section = self::printed( array( new Own_Address_Section(), 'output' ) );
		$this->assertStringContainsString( 'The script is not served under this shop’s own address.', $section );
		$this->assertStringContainsString( 'proxy_pass ' . getenv( 'TANDEM_GATEWAY' ) . ';', $section );
		$this->assertMatchesRegularExpression( '#<details class="tandem-lines" open><summary>nginx#', $section );
		$this->assertSame( 1, substr_count( $section, '<details class="tandem-lines" open>' ) );
		$this->assertStringNotContainsString( 'value="pass_on"', $section );
		$this->assertStringNotContainsString( 'test-secret', $section );
		unset( $_SERVER['SERVER_SOFTWARE'] );
		Setup::disconnect();
		$this->assertSame( '', self::printed( array( new Own_Address_Section(), 'output' ) ) );
	}

	public function test_without_woocommerce_it_only_says_so() {
		$this->assertFalse( class_exists( 'WooCommerce' ) );
		$this->assertNotFalse( has_action( 'admin_notices', array( Plugin::class, 'say_woocommerce_is_missing' ) ) );
		$this->assertFalse( has_action( 'wp_head', array( Tag::class, 'output' ) ) );
		wp_set_current_user( 1 );
		$this->assertStringContainsString( 'needs WooCommerce', self::printed( array( Plugin::class, 'say_woocommerce_is_missing' ) ) );
		wp_set_current_user( 0 );
		\Tandem\Retry_Queue::schedule( time() );
		\Tandem\Log::error( new \RuntimeException( 'x' ) );
	}

	public function test_uninstalling_leaves_nothing() {
		global $wpdb;
		Setup::connect( self::line() );
		( new \Tandem\Journal() )->failed( 'x', 1 );
		\Tandem\Retry_Queue::keep_sweeping();
		$this->assertNotFalse( wp_next_scheduled( \Tandem\Retry_Queue::SWEEP ) );
		update_user_meta( 1, Conflicts::DISMISSED, array( 'tiktok' ) );
		file_put_contents( ABSPATH . '.htaccess', "one\n# BEGIN Tandem\nx\n# END Tandem\ntwo\n" );
		update_option( \Tandem\Htaccess::OPTION, ABSPATH . '.htaccess' );
		define( 'WP_UNINSTALL_PLUGIN', 'tandem/tandem.php' );
		require WP_PLUGIN_DIR . '/tandem/uninstall.php';
		$this->assertSame( array(), $wpdb->get_col( "SELECT option_name FROM $wpdb->options WHERE option_name LIKE '%tandem%' AND option_name NOT LIKE '%transient%'" ) );
		$this->assertNull( $wpdb->get_var( "SHOW TABLES LIKE '%tandem%'" ) );
		$this->assertSame( array(), $wpdb->get_col( "SELECT user_id FROM $wpdb->usermeta WHERE meta_key LIKE '%tandem%'" ) );
		$this->assertSame( "one\ntwo\n", file_get_contents( ABSPATH . '.htaccess' ) );
		$this->assertFalse( wp_next_scheduled( \Tandem\Retry_Queue::SWEEP ) );
	}
}
