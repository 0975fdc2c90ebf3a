<?php
/**
 * The gateway itself, and the stand-in of the platform behind it.
 *
 * @package Tandem
 */

/**
 * Starts and stops both, and tells what each of them has on record.
 */
final class Real_Gateway {

	const PIXEL          = 'STORYPIXEL0000000001';
	const TOKEN          = 'story';
	const WEBHOOK_SECRET = 'story-webhook-secret';

	private $program;
	private $folder;
	private $public;
	private $private;
	private $sandbox;
	private $running = array();

	/**
	 * @param string $program The binary.
	 * @param string $folder  Where its files go.
	 * @param int    $port    Its public port, which the shop's web server knows.
	 */
	public function __construct( string $program, string $folder, int $port ) {
		$this->program = $program;
		$this->folder  = $folder;
		$this->public  = $port;
		$this->private = self::free_port();
		$this->sandbox = self::free_port();
		file_put_contents( "$folder/sandbox.json", json_encode( array( 'log_requests' => 5000 ) ) );
		$this->run( 'sandbox', array( 'sandbox', '--port', (string) $this->sandbox, '--options', "$folder/sandbox.json" ) );
		until(
			function () {
				return null !== $this->ask( $this->sandbox, '/sandbox/requests' );
			},
			'the sandbox'
		);
	}

	/** Starts the gateway; `$rules` are further lines for its WooCommerce settings. */
	public function start( string $rules = '' ): void {
		$secret = self::WEBHOOK_SECRET;
		$pixel  = self::PIXEL;
		$token  = self::TOKEN;
		file_put_contents(
			"$this->folder/tandem.toml",
			<<<TOML
			[server]
			public = "127.0.0.1:$this->public"
			private = "127.0.0.1:$this->private"
			private_token = "$token"
			# All buyers of the story share a machine.
			page_requests_per_second = 0
			[store]
			path = "tandem.db"
			[[site]]
			id = "shop"
			currency = "EUR"
			country = "DE"
			consent.on_unknown = "deny"
			[site.sources.browser]
			hosts = ["127.0.0.1"]
			path = "/x7k2"
			bots = "send"
			[site.sources.woocommerce]
			secrets = ["$secret"]
			plugin_secrets = ["story-plugin-secret"]
			$rules
			[site.destinations.tiktok]
			pixel_id = "$pixel"
			access_token = "story-token"
			base_url = "http://127.0.0.1:$this->sandbox"
			TOML
		);
		$this->run( 'serve', array( 'serve', '--config', "$this->folder/tandem.toml" ) );
		until(
			function () {
				return null !== $this->ask( $this->private, '/healthz' );
			},
			'the gateway'
		);
	}

	/** Ends the gateway as an operator would. */
	public function stop(): void {
		$process = $this->running['serve'];
		proc_terminate( $process );
		until(
			static function () use ( $process ) {
				return ! proc_get_status( $process )['running'];
			},
			'the end of the gateway'
		);
		proc_close( $process );
	}

	/** The line that connects the plugin, as the program prints it. */
	public function line(): string {
		$words = array( $this->program, 'connect', '--config', "$this->folder/tandem.toml", '--url', "http://127.0.0.1:$this->public" );
		return trim( (string) shell_exec( implode( ' ', array_map( 'escapeshellarg', $words ) ) . ' 2>/dev/null' ) );
	}

	/** The conversions that the sandbox counted under a name. */
	public function counted( string $event ): array {
		return json_decode( $this->ask( $this->sandbox, '/sandbox/conversions?event=' . $event ), true )['conversions'];
	}

	/** What the sandbox has to complain of. */
	public function complaints(): array {
		return json_decode( $this->ask( $this->sandbox, '/sandbox/conversions?summary=1' ), true )['diagnostics'];
	}

	/** The events that the gateway sent and the sandbox took, as they were written, by name and id. */
	public function sent(): array {
		$sent = array();
		foreach ( json_decode( $this->ask( $this->sandbox, '/sandbox/requests' ), true ) as $request ) {
			if ( 0 === $request['code'] && is_array( $request['body']['data'] ?? null ) ) {
				foreach ( $request['body']['data'] as $event ) {
					$sent[ $event['event'] ][ $event['event_id'] ][] = $event;
				}
			}
		}
		return $sent;
	}

	/** Rows of the gateway's log: events, deliveries, attempts or notices. */
	public function records( string $view ): array {
		$rows = json_decode( (string) $this->ask( $this->private, "/api/records/$view?limit=1000" ), true );
		return $rows['rows'] ?? $rows;
	}

	/** Starts a process that is in a group of its own, and leaves word of it for whoever cleans up. */
	private function run( string $name, array $arguments ): void {
		$log                    = array( 'file', "$this->folder/$name.log", 'a' );
		$this->running[ $name ] = proc_open( array_merge( array( 'setsid', $this->program ), $arguments ), array( array( 'file', '/dev/null', 'r' ), $log, $log ), $pipes );
		file_put_contents( dirname( $this->folder ) . "/groups/$name", proc_get_status( $this->running[ $name ] )['pid'] );
	}

	private function ask( int $port, string $path ): ?string {
		$curl = curl_init( "http://127.0.0.1:$port$path" );
		curl_setopt_array( $curl, array( CURLOPT_RETURNTRANSFER => true, CURLOPT_TIMEOUT => 10, CURLOPT_HTTPHEADER => array( 'Authorization: Bearer ' . self::TOKEN ) ) );
		$answer = curl_exec( $curl );
		return 200 === curl_getinfo( $curl, CURLINFO_HTTP_CODE ) ? $answer : null;
	}

	/** Below the range that the system gives out by itself, so that nothing takes it until it is used; never one twice. */
	public static function free_port(): int {
		static $given = array();
		do {
			$port   = random_int( 20000, 32000 );
			$socket = in_array( $port, $given, true ) ? false : @stream_socket_server( "tcp://127.0.0.1:$port" );
		} while ( ! $socket );
		$given[] = $port;
		return $port;
	}
}

/** Waits until something is true, at most so many seconds; gives it. */
function until( callable $is, string $what, int $seconds = 60 ) {
	$end = microtime( true ) + $seconds;
	do {
		$value = $is();
		if ( $value ) {
			return $value;
		}
		usleep( 50000 );
	} while ( microtime( true ) < $end );
	throw new RuntimeException( "waited in vain for $what" );
}
