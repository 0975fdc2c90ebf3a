<?php
namespace Tandem\Tests;

use Tandem\Admin\Conflicts;
use Tandem\Admin\Site_Health;
use Tandem\Data_Layer;
use Tandem\Other_Plugins;
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
		$this->assertMatchesRegularExpression( '#^<script (type=[\'"]text/javascript[\'"] )?async(="async")? src="' . preg_quote( getenv( 'TANDEM_GATEWAY' ), '#' ) . '/x7k2/s\.js"( type="text/javascript")?></script>$#', trim( $line ) );
		$this->assertStringNotContainsString( 'test-secret', $line );
	}

	public function test_no_tag_without_a_gateway_or_a_script() {
		$this->assertSame( '', self::printed( array( new Tag(), 'output' ) ) );
		Settings::change( array( 'connected' => true ) );
		$this->assertSame( '', self::printed( array( new Tag(), 'output' ) ) );
	}

	public function test_the_data_layer_is_left_to_plugins_that_fill_it() {
		$this->assertTrue( Data_Layer::is_wanted( 'auto' ) );
		update_option( 'active_plugins', array( 'tandem/tandem.php', 'duracelltomi-google-tag-manager/duracelltomi-google-tag-manager-for-wordpress.php' ) );
		$this->assertFalse( Data_Layer::is_wanted( 'auto' ) );
		$this->assertTrue( Data_Layer::is_wanted( 'on' ) );
		update_option( 'active_plugins', array() );
		$this->assertFalse( Data_Layer::is_wanted( 'off' ) );
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

	public function test_conflicts_are_told_until_they_are_read() {
		update_option( 'active_plugins', array( 'tiktok-for-business/tiktok-for-woocommerce.php', 'gtm-server-side/gtm-server-side.php', 'pixelyoursite/facebook-pixel-master.php' ) );
		$this->assertSame( array( 'tiktok', 'stape', 'pixelyoursite' ), Other_Plugins::active() );
		set_current_screen( 'plugins' );
		wp_set_current_user( 1 );
		wp_get_current_user()->add_cap( 'manage_woocommerce' );
		$notice = self::printed( array( new Conflicts(), 'output' ) );
		$this->assertStringContainsString( 'TikTok’s own plugin', $notice );
		$this->assertStringContainsString( '_wpnonce=', $notice );
		update_option( Conflicts::DISMISSED, 'tiktok,stape,pixelyoursite' );
		$this->assertSame( '', self::printed( array( new Conflicts(), 'output' ) ) );
		wp_set_current_user( 0 );
		delete_option( Conflicts::DISMISSED );
		$this->assertSame( '', self::printed( array( new Conflicts(), 'output' ) ) );
	}

	public function test_site_health_says_what_is_wrong() {
		$health = new Site_Health();
		$this->assertSame( 'recommended', $health->test_connection()['status'] );
		Setup::connect( self::line() );
		$this->assertSame( 'good', $health->test_connection()['status'] );
		$this->assertSame( 'good', $health->test_queue()['status'] );
		$this->outbox->note( 7, time() - 4000 );
		$this->assertSame( 'critical', $health->test_queue()['status'] );
		$this->assertSame( 'good', $health->test_conflicts()['status'] );
		update_option( 'active_plugins', array( 'pixelyoursite-pro/x.php' ) );
		$this->assertSame( 'recommended', $health->test_conflicts()['status'] );
		$tests = $health->add_tests( array( 'direct' => array(), 'async' => array() ) );
		$this->assertCount( 3, $tests['direct'] );
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
		define( 'WP_UNINSTALL_PLUGIN', 'tandem/tandem.php' );
		require WP_PLUGIN_DIR . '/tandem/uninstall.php';
		$this->assertSame( array(), $wpdb->get_col( "SELECT option_name FROM $wpdb->options WHERE option_name LIKE '%tandem%' AND option_name NOT LIKE '%transient%'" ) );
		$this->assertNull( $wpdb->get_var( "SHOW TABLES LIKE '%tandem%'" ) );
		$this->assertFalse( wp_next_scheduled( \Tandem\Retry_Queue::SWEEP ) );
	}
}
