<?php
namespace Tandem\Tests;

use Tandem\Admin\Own_Address_Section;
use Tandem\Admin\Web_Server;
use Tandem\Connection;
use Tandem\Htaccess;
use Tandem\Own_Address;
use Tandem\Settings;
use Tandem\Setup;

/** The script under the shop's own address: real web servers, the gateway itself, and what is written for them. */
final class OwnAddressTest extends TestCase {

	const VISITOR = '203.0.113.7';

	/** @var string The shop's address in this test. */
	private $shop;

	protected function setUp(): void {
		parent::setUp();
		$this->shop = (string) getenv( 'TANDEM_APACHE' );
		add_filter( 'home_url', array( $this, 'home' ), 10, 2 );
		wp_set_current_user( 1 );
		$_SERVER['SERVER_SOFTWARE'] = 'Apache/2.4.1 (Debian)';
		$_SERVER['REMOTE_ADDR']     = '127.0.0.1';
	}

	protected function tearDown(): void {
		remove_filter( 'home_url', array( $this, 'home' ) );
		wp_set_current_user( 0 );
		Htaccess::remove();
		unset( $_SERVER['SERVER_SOFTWARE'], $_SERVER['HTTP_CF_CONNECTING_IP'] );
		delete_option( Own_Address::OPTION );
		delete_option( Own_Address::UPSTREAM );
	}

	public function home( $address, $path ) {
		return '' === $this->shop ? $address : $this->shop . '/' . ltrim( $path, '/' );
	}

	/** Asks a web server, as a visitor who tries things: status, headers, body. */
	private static function ask( string $address, ?string $body = null, string $cookies = '' ): array {
		$curl = curl_init( $address );
		curl_setopt_array(
			$curl,
			array(
				CURLOPT_RETURNTRANSFER => true,
				CURLOPT_HEADER         => true,
				CURLOPT_TIMEOUT        => 20,
				CURLOPT_HTTPHEADER     => array_filter(
					array(
						'X-Test-Visitor: ' . self::VISITOR,
						'X-Forwarded-For: 198.51.100.9, 198.51.100.10',
						'X-Forwarded-Proto: gopher',
						'Authorization: Basic c2hvcDpvd25lcg==',
						'Origin: http://127.0.0.1',
						'Content-Type: text/plain;charset=UTF-8',
						'' === $cookies ? '' : "Cookie: $cookies",
					)
				),
			) + ( null === $body ? array() : array( CURLOPT_POSTFIELDS => $body ) )
		);
		$answer = (string) curl_exec( $curl );
		list( $head, $rest ) = explode( "\r\n\r\n", $answer, 2 ) + array( '', '' );
		return array( curl_getinfo( $curl, CURLINFO_HTTP_CODE ), $head, $rest );
	}

	/** What the gateway says arrived of a request for events. */
	private static function arrived( string $shop, string $cookies ): array {
		$nonce = bin2hex( random_bytes( 8 ) );
		list( $status, $head ) = self::ask( "$shop/x7k2/a", '{"probe":"' . $nonce . '"}', $cookies );
		self::assertSame( 200, $status, $head );
		$answer = wp_remote_get( getenv( 'TANDEM_REAL_PRIVATE' ) . "/api/probes/$nonce", array( 'headers' => array( 'Authorization' => 'Bearer test' ) ) );
		return array( json_decode( wp_remote_retrieve_body( $answer ), true ), $head );
	}

	private static function runs_of_php(): string {
		return (string) file_get_contents( getenv( 'TANDEM_PHP_RUNS' ) );
	}

	private function need_servers(): void {
		if ( ! getenv( 'TANDEM_APACHE' ) ) {
			$this->markTestSkipped( 'The gateway has not been built.' );
		}
	}

	private static function htaccess(): string {
		return (string) file_get_contents( ABSPATH . '.htaccess' );
	}

	/** @dataProvider shops */
	public function test_a_hit_reaches_the_gateway_without_php_and_without_the_shops_cookies( $server ) {
		$this->need_servers();
		$shop = getenv( $server );
		if ( 'TANDEM_APACHE' === $server ) {
			$this->assertSame( '', Htaccess::add( '/x7k2/s.js', getenv( 'TANDEM_REAL' ) ) );
		}
		$before = self::runs_of_php();

		list( $status, $head, $script ) = self::ask( "$shop/x7k2/s.js" );
		$this->assertSame( 200, $status, $head );
		$this->assertMatchesRegularExpression( '#^content-type: text/javascript#mi', $head );
		$this->assertSame( md5( wp_remote_retrieve_body( wp_remote_get( getenv( 'TANDEM_REAL' ) . '/x7k2/s.js' ) ) ), md5( $script ) );

		list( $probe, $head ) = self::arrived( $shop, 'wordpress_logged_in_1=owner; xtdv=forged; tdv=mg3k2v1x9abc; wp_woocommerce_session_1=cart; PHPSESSID=open' );
		$this->assertSame( array( 'tdv' ), $probe['cookies'] );
		$this->assertSame( self::VISITOR, $probe['ip'], 'the visitor is who the connection says' );
		$this->assertSame( 1, $probe['hops'], 'nothing of what the visitor claims is handed on' );
		$this->assertSame( 'http', $probe['proto'] );
		$this->assertSame( 2, preg_match_all( '/^set-cookie: tdv_probe2?=1; Path=/mi', $head ), $head );

		list( $probe ) = self::arrived( $shop, 'wordpress_logged_in_1=owner' );
		$this->assertSame( array(), $probe['cookies'] );

		$this->assertSame( 413, self::ask( "$shop/x7k2/a", str_repeat( 'x', 70000 ) )[0] );
		$this->assertSame( $before, self::runs_of_php(), 'no PHP ran for any of it' );
		self::ask( "$shop/wp-login.php" );
		$this->assertNotSame( $before, self::runs_of_php(), 'the count counts' );
	}

	public function shops() {
		return array(
			'Apache, .htaccess'    => array( 'TANDEM_APACHE' ),
			'Apache, virtual host' => array( 'TANDEM_APACHE_PASTED' ),
			'nginx'                => array( 'TANDEM_NGINX' ),
		);
	}

	public function test_the_rest_of_htaccess_stays_as_it_is() {
		$this->need_servers();
		$before = self::htaccess();
		$this->assertSame( '', Htaccess::add( '/x7k2/s.js', getenv( 'TANDEM_REAL' ) ) );
		$this->assertStringStartsWith( $before, self::htaccess() );
		$this->assertTrue( Htaccess::is_there() );
		$this->assertSame( '', Htaccess::add( '/x7k2/s.js', getenv( 'TANDEM_REAL' ) ) );
		$this->assertSame( 1, substr_count( self::htaccess(), '# BEGIN Tandem' ) );
		$this->assertStringContainsString( 'wp-login', self::ask( $this->shop . '/wp-login.php' )[2], 'the shop is still there' );
		$this->assertTrue( Htaccess::remove() );
		$this->assertSame( $before, self::htaccess() );
		$this->assertFalse( Htaccess::is_there() );
	}

	/** @dataProvider shops_that_cannot */
	public function test_where_it_does_not_work_it_says_why_and_leaves_no_trace( $server, $upstream, $said ) {
		$this->need_servers();
		$this->shop = getenv( $server );
		$before     = self::htaccess();
		$this->assertStringContainsString( $said, Htaccess::add( '/x7k2/s.js', $upstream ? $upstream : getenv( 'TANDEM_REAL' ) ) );
		$this->assertSame( $before, self::htaccess() );
		$this->assertFalse( Htaccess::is_there() );
		$this->assertSame( array(), glob( ABSPATH . 'tandem-check-*' ) );
	}

	public function shops_that_cannot() {
		return array(
			'.htaccess is not read'      => array( 'TANDEM_APACHE_DEAF', '', 'status 404' ),
			'.htaccess may not say it'   => array( 'TANDEM_APACHE_STRICT', '', 'status 500' ),
			'no mod_headers'             => array( 'TANDEM_APACHE_POOR', '', 'mod_headers' ),
			'no gateway there'           => array( 'TANDEM_APACHE', 'http://127.0.0.1:1', 'does not reach the gateway (status 503)' ),
		);
	}

	public function test_what_fails_only_in_the_shops_own_file_is_taken_out_again() {
		$this->need_servers();
		$before = self::htaccess();
		// The rehearsal goes well, the real request does not.
		$lose = static function ( $answer, $arguments, $address ) {
			return false !== strpos( $address, '/x7k2/' ) ? array( 'response' => array( 'code' => 500 ), 'headers' => array(), 'body' => '' ) : $answer;
		};
		add_filter( 'pre_http_request', $lose, 10, 3 );
		$said = Htaccess::add( '/x7k2/s.js', getenv( 'TANDEM_REAL' ) );
		remove_filter( 'pre_http_request', $lose );
		$this->assertStringContainsString( 'status 500', $said );
		$this->assertSame( $before, self::htaccess() );
	}

	public function test_a_path_of_odd_letters_is_taken_literally() {
		$this->need_servers();
		$this->assertStringContainsString( 'status 404', Htaccess::add( '/x.7-k~2/s.js', getenv( 'TANDEM_REAL' ) ), 'Apache takes the lines, the gateway has no such path' );
	}

	public function test_disconnecting_and_another_gateway_take_the_lines_out() {
		$this->need_servers();
		$line = static function ( $url ) {
			return self::line( array( 'url' => $url ) );
		};
		$this->assertTrue( Setup::connect( $line( getenv( 'TANDEM_GATEWAY' ) ) ) );
		$this->assertSame( getenv( 'TANDEM_GATEWAY' ) . '/x7k2/s.js', Settings::get( 'script' ) );
		$this->assertSame( '', Htaccess::add( '/x7k2/s.js', getenv( 'TANDEM_REAL' ) ) );
		$this->assertTrue( Setup::check_again() );
		$this->assertSame( $this->shop . '/x7k2/s.js', Settings::get( 'script' ) );
		$this->assertTrue( Htaccess::is_there() );

		$this->assertTrue( Setup::connect( $line( str_replace( '127.0.0.1', 'localhost', getenv( 'TANDEM_GATEWAY' ) ) ) ) );
		$this->assertFalse( Htaccess::is_there() );
		$this->assertStringNotContainsString( 'Tandem', self::htaccess() );

		$this->assertSame( '', Htaccess::add( '/x7k2/s.js', getenv( 'TANDEM_REAL' ) ) );
		Setup::disconnect();
		$this->assertStringNotContainsString( 'Tandem', self::htaccess() );
		$this->assertSame( array(), $GLOBALS['wpdb']->get_col( "SELECT option_name FROM {$GLOBALS['wpdb']->options} WHERE option_name IN ('tandem_own_address','tandem_upstream','tandem_htaccess')" ) );
	}

	public function test_who_may_write_htaccess() {
		$this->assertSame( '', Own_Address_Section::why_not_htaccess() );
		$_SERVER['HTTP_CF_CONNECTING_IP'] = '198.51.100.1';
		$this->assertStringContainsString( 'proxy', Own_Address_Section::why_not_htaccess() );
		unset( $_SERVER['HTTP_CF_CONNECTING_IP'] );
		$this->shop = 'http://shop.test/below';
		$this->assertStringContainsString( 'below a path', Own_Address_Section::why_not_htaccess() );
		$this->shop = '';
		wp_set_current_user( 0 );
		$this->assertStringContainsString( 'may not change', Own_Address_Section::why_not_htaccess() );
		$_SERVER['SERVER_SOFTWARE'] = 'nginx/1.22.1';
		$this->assertStringContainsString( 'Apache', Own_Address_Section::why_not_htaccess() );
	}

	public function test_servers_are_known_by_what_they_call_themselves() {
		$names = array( 'nginx/1.22.1', 'Apache/2.4.71 (Debian)', 'LiteSpeed', 'Caddy/v2.6.2', 'PHP 8.2 Development Server', '' );
		$this->assertSame( array( 'nginx', 'apache', 'litespeed', 'caddy', '', '' ), array_map( array( Web_Server::class, 'detect' ), $names ) );
	}

	/** @dataProvider published */
	public function test_the_lines_are_those_of_the_documentation( $server, $file, $end ) {
		$published = file_get_contents( dirname( __DIR__, 2 ) . "/examples/proxy/$file" );
		$published = substr( $published, 0, strpos( $published, $end ) );
		// Ours has no part for orders.
		$published = str_replace( "    RewriteRule \"^/(webhooks|plugin)/\" \"-\" [END]\n", '', $published );
		$lines     = Web_Server::lines( $server, '/x7k2', 'http://127.0.0.1:8080', false );
		$this->assertSame( self::bare( $published ), self::bare( $lines ) );
	}

	public function published() {
		return array(
			array( Web_Server::NGINX, 'nginx.conf', '# Orders,' ),
			array( Web_Server::APACHE, 'apache.conf', '# Orders,' ),
			array( Web_Server::CADDY, 'Caddyfile', '# Orders,' ),
		);
	}

	/** Without comments, empty lines and indentation; Caddy's examples name the address without its scheme. */
	private static function bare( string $text ): array {
		$lines = array_map( 'trim', explode( "\n", str_replace( 'reverse_proxy http://', 'reverse_proxy ', $text ) ) );
		return array_values(
			array_filter(
				$lines,
				static function ( $line ) {
					return '' !== $line && '#' !== $line[0];
				}
			)
		);
	}

	public function test_a_gateway_behind_tls_is_asked_for_by_its_name() {
		$nginx = Web_Server::lines( Web_Server::NGINX, '/x7k2', 'https://gateway.example', true );
		$this->assertStringContainsString( "proxy_set_header Host gateway.example;\n    proxy_ssl_server_name on;", $nginx );
		$this->assertStringContainsString( 'X-Forwarded-Proto https;', $nginx );
		$apache = Web_Server::lines( Web_Server::APACHE, '/x7k2', 'https://gateway.example', true );
		$this->assertStringContainsString( "ProxyPreserveHost Off\n    SSLProxyEngine On", $apache );
		$this->assertStringContainsString( 'header_up Host {upstream_hostport}', Web_Server::lines( Web_Server::CADDY, '/x7k2', 'https://gateway.example', true ) );
	}

	public function test_where_the_web_server_reaches_the_gateway() {
		$of         = static function ( $url ) {
			return Own_Address::upstream( Connection::parse( self::line( array( 'url' => $url ) ) ) );
		};
		$this->shop = 'https://shop.example';
		$this->assertSame( 'https://gateway.example', $of( 'https://gateway.example/' ) );
		$this->assertSame( 'http://127.0.0.1:8080', $of( 'https://shop.example' ), 'the shop would ask itself' );
		$this->assertSame( 'http://shop.example:8080', $of( 'http://shop.example:8080' ) );
		update_option( Own_Address::UPSTREAM, 'http://10.0.0.5:8080' );
		$this->assertSame( 'http://10.0.0.5:8080', $of( 'https://gateway.example' ) );
		foreach ( array( 'http://a b', "http://a\n", 'http://a;', 'http://a"', 'a:8080', 'http://a/b', 'http://$host' ) as $bad ) {
			$this->assertFalse( Own_Address::is_upstream( $bad ), $bad );
		}
		$this->assertTrue( Own_Address::is_upstream( 'http://[::1]:8080' ) );
	}
}
