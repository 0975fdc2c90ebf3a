<?php
/**
 * A real browser, over plain WebDriver.
 *
 * @package Tandem
 */

/**
 * Chromium without a window, with a fresh profile; it talks to this machine only.
 */
final class Web_Driver {

	const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';
	const AGENT   = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36';

	private static $server;
	private $session;

	/** Whether this machine has one. */
	public static function is_there(): bool {
		return '' !== trim( (string) shell_exec( 'command -v chromedriver' ) ) && '' !== trim( (string) shell_exec( 'command -v chromium' ) );
	}

	/** Opens a window of its own, with a profile in this folder. */
	public function __construct( string $temp, string $name ) {
		self::$server  = self::$server ?? self::start( $temp );
		$arguments     = array(
			'--headless=new',
			'--no-sandbox',
			'--disable-gpu',
			'--disable-dev-shm-usage',
			'--no-first-run',
			'--disable-background-networking',
			'--disable-component-update',
			'--disable-sync',
			'--disable-quic',
			'--no-proxy-server',
			'--window-size=1280,1600',
			"--user-data-dir=$temp/profile-$name",
			'--user-agent=' . self::AGENT . " $name",
		);
		$options       = array(
			'args'   => $arguments,
			'binary' => trim( (string) shell_exec( 'command -v chromium' ) ),
		);
		$this->session = '';
		$this->session = '/' . $this->ask(
			'POST',
			'',
			array(
				'capabilities' => array(
					'alwaysMatch' => array(
						'goog:chromeOptions' => $options,
						'goog:loggingPrefs'  => array( 'browser' => 'ALL' ),
					),
				),
			)
		)['sessionId'];
	}

	/** Starts the server for all windows, in a process group that goes with the story. */
	private static function start( string $temp ): string {
		$port    = Real_Gateway::free_port();
		$log     = array( 'file', "$temp/chromedriver.log", 'a' );
		$process = proc_open( array( 'setsid', 'chromedriver', "--port=$port" ), array( array( 'file', '/dev/null', 'r' ), $log, $log ), $pipes, null, array( 'HOME' => $temp, 'PATH' => getenv( 'PATH' ) ) );
		file_put_contents( "$temp/groups/chromedriver", proc_get_status( $process )['pid'] );
		// Otherwise PHP would wait for it at its own end.
		$GLOBALS['story_processes'][] = $process;
		register_shutdown_function( 'proc_terminate', $process );
		until(
			static function () use ( $port ) {
				return false !== strpos( (string) @file_get_contents( "http://127.0.0.1:$port/status" ), '"ready":true' );
			},
			'chromedriver'
		);
		return "http://127.0.0.1:$port";
	}

	public function go( string $address ): void {
		$this->ask( 'POST', '/url', array( 'url' => $address ) );
	}

	public function address(): string {
		return $this->ask( 'GET', '/url' );
	}

	/** Runs a script in the page; gives what it returns. */
	public function run( string $script ) {
		return $this->ask( 'POST', '/execute/sync', array( 'script' => $script, 'args' => array() ) );
	}

	/** Waits for an element, and presses it; what moves away under the pointer is tried again. */
	public function press( string $selector ): void {
		until(
			function () use ( $selector ) {
				try {
					$this->ask( 'POST', '/element/' . $this->find( $selector ) . '/click', array() );
					return true;
				} catch ( RuntimeException $error ) {
					return false;
				}
			},
			"$selector to press"
		);
	}

	/** Types into a field, in place of what is there. */
	public function type( string $selector, string $text ): void {
		$field = until(
			function () use ( $selector ) {
				try {
					return $this->find( $selector );
				} catch ( RuntimeException $error ) {
					return false;
				}
			},
			$selector
		);
		$this->run( 'document.querySelector(' . json_encode( $selector ) . ').select()' );
		$this->ask( 'POST', "/element/$field/value", array( 'text' => $text ) );
	}

	/** Waits until a script in the page returns something true. */
	public function until( string $script, string $what ) {
		return until(
			function () use ( $script ) {
				return $this->run( "return $script;" );
			},
			$what
		);
	}

	/** All cookies by name. */
	public function cookies(): array {
		return array_map( 'rawurldecode', array_column( $this->ask( 'GET', '/cookie' ), 'value', 'name' ) );
	}

	public function set_cookie( string $name, string $value ): void {
		$this->ask( 'POST', '/cookie', array( 'cookie' => array( 'name' => $name, 'value' => $value, 'path' => '/' ) ) );
	}

	/** What the console said since the last time. */
	public function console(): array {
		return $this->ask( 'POST', '/se/log', array( 'type' => 'browser' ) );
	}

	public function close(): void {
		$this->ask( 'DELETE', '' );
	}

	private function find( string $selector ): string {
		return $this->ask( 'POST', '/element', array( 'using' => 'css selector', 'value' => $selector ) )[ self::ELEMENT ];
	}

	private function ask( string $method, string $path, ?array $body = null ) {
		$curl = curl_init( self::$server . '/session' . $this->session . $path );
		curl_setopt_array( $curl, array( CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 60, CURLOPT_CUSTOMREQUEST => $method ) );
		if ( null !== $body ) {
			curl_setopt_array( $curl, array( CURLOPT_POSTFIELDS => json_encode( (object) $body ), CURLOPT_HTTPHEADER => array( 'Content-Type: application/json' ) ) );
		}
		$value = json_decode( (string) curl_exec( $curl ), true )['value'] ?? null;
		if ( 200 !== curl_getinfo( $curl, CURLINFO_HTTP_CODE ) ) {
			throw new RuntimeException( "the browser, $method $path: " . substr( $value['message'] ?? 'no answer', 0, 300 ) );
		}
		return $value;
	}
}
