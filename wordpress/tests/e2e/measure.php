<?php
/**
 * How long buyers wait for the plugin: php measure.php BASE FOLDER GATEWAY-FOLDER MADE.json. Conditions are interleaved run
 * by run, in another order each time. Nothing is asked for before all that was asked for earlier has ended, work after the
 * response among it; only the thank-you page is asked for twice: at once after the order, and (of another order) in peace.
 * At the end two pages are asked for again and again, by turns with the plugin, without, and without again: the last two
 * differ by chance alone. Prints tables and, under them, every number. RUNS=25 and PAIRS=100 say how often.
 *
 * @package Tandem
 */

// phpcs:disable
require __DIR__ . '/class-browser.php';
require __DIR__ . '/class-shop.php';

list( , $base, $folder, $gateway, $made ) = $argv;
$runs   = (int) ( getenv( 'RUNS' ) ?: 25 );
$pairs  = (int) ( getenv( 'PAIRS' ) ?: 100 );
$shop   = new Shop( $base, $folder, $gateway, json_decode( file_get_contents( $made ), true ) );
$id     = $shop->made;
$silent = stream_socket_server( 'tcp://127.0.0.1:0' );
$url    = json_decode( base64_decode( substr( $id['line'], 8 ) ), true )['url'];
$shop->run( "return Tandem\\Setup::connect( '{$id['line']}' );" );

$conditions = array(
	'no plugin'               => 'none',
	'gateway answers at once' => $url,
	'after 300 ms'            => "$url/slow",
	'refuses connections'     => 'http://127.0.0.1:1',
	'never answers'           => 'http://' . stream_socket_get_name( $silent, false ),
);

/** A browser whose requests are all under one condition, and which knows what became of each. */
final class Measured extends Browser {

	public $condition;
	public $file;
	/** The requests that have not ended yet, as far as we know. */
	private $open = array();
	private static $count = 0;

	public function get( string $path, array $headers = array() ): string {
		return parent::get( $path, array_merge( $headers, $this->next() ) );
	}

	public function post( string $path, $body, array $headers = array() ): string {
		return parent::post( $path, $body, array_merge( $headers, $this->next() ) );
	}

	private function next(): array {
		$this->open[] = ++self::$count;
		return array( 'X-Story-Gateway: ' . $this->condition, 'X-Story-Request: ' . self::$count );
	}

	/** Waits until every request has ended; gives what was written of each. */
	public function rest(): array {
		$lines = array();
		for ( $i = 0; $this->open && $i < 2000; $i++ ) {
			foreach ( file( $this->file ) as $line ) {
				$line = json_decode( $line, true );
				if ( $line && in_array( (int) $line['request'], $this->open, true ) ) {
					$lines[ $line['request'] ] = $line;
				}
			}
			$this->open = array_values( array_diff( $this->open, array_keys( $lines ) ) );
			usleep( 5000 );
		}
		if ( $this->open ) {
			throw new RuntimeException( 'requests without an end: ' . implode( ', ', $this->open ) );
		}
		file_put_contents( $this->file, '' );
		ksort( $lines );
		return array_values( $lines );
	}
}

/** The middle of a list. */
function median( array $numbers ): float {
	sort( $numbers );
	$half = intdiv( count( $numbers ), 2 );
	return count( $numbers ) % 2 ? $numbers[ $half ] : ( $numbers[ $half - 1 ] + $numbers[ $half ] ) / 2;
}

/** The middle of what each number is more than its partner. */
function more( array $with, array $without ): float {
	return median( array_map( static function ( $one, $other ) { return $one - $other; }, $with, $without ) );
}

$numbers = array();
$hooks   = array();
$product = $shop->run( "return get_permalink( {$id['mug']} );" );
$inside  = dirname( $folder ) . '/inside';
for ( $run = -3; $run < $runs; $run++ ) {
	$names = array_keys( $conditions );
	shuffle( $names );
	foreach ( $names as $name ) {
		$visitor = static function () use ( $base, $shop, $conditions, $name, $inside ) {
			$browser            = new Measured( $base, $shop->visitor()->cookies );
			$browser->condition = $conditions[ $name ];
			$browser->file      = $inside;
			return $browser;
		};
		$note = static function ( $request, $seconds, $line ) use ( &$numbers, $name, $run ) {
			if ( $run >= 0 ) {
				$numbers[ $request ][ $name ][] = array( 'waits' => round( 1000 * $seconds, 1 ) ) + array_diff_key( $line, array( 'request' => 1 ) );
			}
		};
		$last = static function ( $request, $browser ) use ( $note ) {
			$lines = $browser->rest();
			$note( $request, $browser->seconds, end( $lines ) );
		};
		$classic = static function () use ( $visitor, $last, $product, $shop, $id, $note ) {
			$browser = $visitor();
			$browser->get( $product );
			$last( 'product page', $browser );
			$browser->post( '/?wc-ajax=add_to_cart', array( 'product_id' => $id['mug'], 'quantity' => 1 ) );
			$last( 'add to cart', $browser );
			list( , $next ) = $shop->buy_classic( $browser, 'story_card', array() );
			$seconds        = $browser->seconds;
			$browser->get( $next );
			$lines = $browser->rest();
			$note( 'place order', $seconds, $lines[ count( $lines ) - 2 ] );
			$note( 'thank-you page, at once', $browser->seconds, end( $lines ) );
		};
		$rested = static function () use ( $visitor, $last, $shop, $id ) {
			$browser        = $visitor();
			list( , $next ) = $shop->buy_classic( $browser, 'story_card', array( $id['mug'] => 1 ) );
			$browser->rest();
			$browser->get( $next );
			$last( 'thank-you page, in peace', $browser );
		};
		$blocks = static function () use ( $visitor, $last, $shop, $id ) {
			$browser = $visitor();
			$shop->buy_block( $browser, 'story_card', array( $id['mug'] => 1 ) );
			$last( 'place order, blocks', $browser );
		};
		$parts = array( $classic, $rested, $blocks );
		shuffle( $parts );
		foreach ( $parts as $part ) {
			$part();
		}
	}
}

printf( "WordPress %s, WooCommerce %s, PHP %s, %d runs of each\n\n", $id['wordpress'], $id['woocommerce'], PHP_VERSION, $runs );
echo "| request | condition | inside the plugin, ms | at most | its order meta, ms | processor, ms | more than without | buyer waits, ms | more than without | after the response, ms |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
foreach ( $numbers as $request => $by_condition ) {
	$without = $by_condition['no plugin'];
	foreach ( $conditions as $name => $_ ) {
		$with = $by_condition[ $name ];
		$of   = static function ( $what ) use ( $with ) {
			return array_column( $with, $what );
		};
		$processor = median( $of( 'processor' ) ) / 1000;
		if ( 'no plugin' === $name ) {
			printf( "| %s | %s |  |  |  | %.1f |  | %.1f |  | %.1f |\n", $request, $name, $processor, median( $of( 'waits' ) ), median( $of( 'after' ) ) / 1000 );
			continue;
		}
		printf(
			"| %s | %s | %.2f | %.2f | %s | %.1f | %+.1f | %.1f | %+.1f | %.1f |\n",
			$request, $name, median( $of( 'inside' ) ) / 1000, max( $of( 'inside' ) ) / 1000, max( $of( 'meta' ) ) ? sprintf( '%.2f', median( $of( 'meta' ) ) / 1000 ) : '',
			$processor, more( $of( 'processor' ), array_column( $without, 'processor' ) ) / 1000,
			median( $of( 'waits' ) ), more( $of( 'waits' ), array_column( $without, 'waits' ) ), median( $of( 'after' ) ) / 1000
		);
	}
	foreach ( array_keys( array_merge( ...array_column( $by_condition['gateway answers at once'], 'parts' ) ) ) as $hook ) {
		$hooks[ $request ][ $hook ] = median( array_map( static function ( $line ) use ( $hook ) { return $line['parts'][ $hook ] ?? 0; }, $by_condition['gateway answers at once'] ) );
	}
}
echo "\nWhere the time inside goes, gateway answers at once, median microseconds by hook:\n";
foreach ( $hooks as $request => $by_hook ) {
	arsort( $by_hook );
	echo "$request: ", implode( ', ', array_map( static function ( $hook, $spent ) { return "$hook $spent"; }, array_keys( $by_hook ), $by_hook ) ), "\n";
}

$again   = array();
$turns   = array( 'with' => $url, 'without' => 'none', 'without again' => 'none' );
$browser = $visitor();
$browser->condition = $url;
list( , $next ) = $shop->buy_classic( $browser, 'story_card', array( $id['mug'] => 1 ) );
$browser->rest();
foreach ( array( 'product page' => $product, 'thank-you page' => $next ) as $request => $address ) {
	for ( $pair = -5; $pair < $pairs; $pair++ ) {
		$names = array_keys( $turns );
		shuffle( $names );
		foreach ( $names as $name ) {
			$browser->condition = $turns[ $name ];
			$browser->get( $address );
			list( $line ) = $browser->rest();
			if ( $pair >= 0 ) {
				$again[ $request ][ $name ][] = array( 'waits' => round( 1000 * $browser->seconds, 1 ), 'processor' => $line['processor'], 'inside' => $line['inside'] );
			}
		}
	}
}
echo "\nThe same page again and again, $pairs times each, median of paired differences, ms:\n\n| page | inside | processor, with to without | without to without | buyer waits, with to without | without to without |\n| --- | --- | --- | --- | --- | --- |\n";
foreach ( $again as $request => $by_turn ) {
	$column = static function ( $turn, $what ) use ( $by_turn ) {
		return array_column( $by_turn[ $turn ], $what );
	};
	printf( "| %s | %.2f |", $request, median( $column( 'with', 'inside' ) ) / 1000 );
	foreach ( array( 'processor' => 1000, 'waits' => 1 ) as $what => $unit ) {
		printf( ' %+.1f | %+.1f |', more( $column( 'with', $what ), $column( 'without', $what ) ) / $unit, more( $column( 'without again', $what ), $column( 'without', $what ) ) / $unit );
	}
	echo "\n";
}

/** Lists by what was measured; milliseconds of waiting, else microseconds. */
function columns( array $by_request ): array {
	foreach ( $by_request as $request => $by_condition ) {
		foreach ( $by_condition as $name => $lines ) {
			$columns = array();
			foreach ( array_diff( array_keys( $lines[0] ), array( 'parts' ) ) as $what ) {
				$columns[ $what ] = array_column( $lines, $what );
			}
			$by_request[ $request ][ $name ] = $columns;
		}
	}
	return $by_request;
}
echo "\nraw: ", json_encode( array( 'conditions' => columns( $numbers ), 'again' => columns( $again ) ) ), "\n";
