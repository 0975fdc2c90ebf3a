<?php
/**
 * How long buyers wait for the plugin: php measure.php BASE FOLDER GATEWAY-FOLDER MADE.json [RUNS]. Conditions are interleaved
 * run by run. Prints a table and, under it, every number.
 *
 * @package Tandem
 */

require __DIR__ . '/class-browser.php';
require __DIR__ . '/class-shop.php';

list( , $base, $folder, $gateway, $made ) = $argv;
$runs   = (int) ( getenv( 'RUNS' ) ?: 25 );
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
$seconds = array();
$inside  = array();

/** A browser whose requests are all under one condition. */
final class Measured extends Browser {

	public $condition;

	public function get( string $path, array $headers = array() ): string {
		return parent::get( $path, array_merge( $headers, array( 'X-Story-Gateway: ' . $this->condition ) ) );
	}

	public function post( string $path, $body, array $headers = array() ): string {
		return parent::post( $path, $body, array_merge( $headers, array( 'X-Story-Gateway: ' . $this->condition ) ) );
	}
}

$product = $shop->run( "return get_permalink( {$id['mug']} );" );
for ( $run = -2; $run < $runs; $run++ ) {
	$names = array_keys( $conditions );
	shuffle( $names );
	foreach ( $names as $name ) {
		$browser            = new Measured( $base, $shop->visitor()->cookies );
		$browser->condition = $conditions[ $name ];
		$note               = static function ( $request ) use ( &$seconds, &$inside, $browser, $name, $run, $folder ) {
			if ( $run >= 0 ) {
				$seconds[ $request ][ $name ][] = round( 1000 * $browser->seconds, 1 );
				$inside[ $request ][ $name ][]  = (int) file_get_contents( dirname( $folder ) . '/inside' );
			}
		};
		$browser->get( $product );
		$note( 'product page' );
		$browser->post( '/?wc-ajax=add_to_cart', array( 'product_id' => $id['mug'], 'quantity' => 1 ) );
		$note( 'add to cart' );
		list( , $next ) = $shop->buy_classic( $browser, 'story_card', array() );
		$note( 'place order' );
		$browser->get( $next );
		$note( 'thank-you page' );
	}
}

/** The middle of a list. */
function median( array $numbers ): float {
	sort( $numbers );
	$half = intdiv( count( $numbers ), 2 );
	return count( $numbers ) % 2 ? $numbers[ $half ] : ( $numbers[ $half - 1 ] + $numbers[ $half ] ) / 2;
}

printf( "WordPress %s, WooCommerce %s, PHP %s, %d runs of each\n\n", $id['wordpress'], $id['woocommerce'], PHP_VERSION, $runs );
echo "| request | condition | buyer waits, median ms | paired difference to no plugin, median ms | inside the plugin, median ms | at most |\n| --- | --- | --- | --- | --- | --- |\n";
foreach ( $seconds as $request => $by_condition ) {
	foreach ( $conditions as $name => $_ ) {
		$differences = array_map(
			static function ( $with, $without ) {
				return $with - $without;
			},
			$by_condition[ $name ],
			$by_condition['no plugin']
		);
		$spent = $inside[ $request ][ $name ];
		printf( "| %s | %s | %.1f | %s | %s | %s |\n", $request, $name, median( $by_condition[ $name ] ), 'no plugin' === $name ? '' : sprintf( '%+.1f', median( $differences ) ), 'no plugin' === $name ? '' : sprintf( '%.2f', median( $spent ) / 1000 ), 'no plugin' === $name ? '' : sprintf( '%.2f', max( $spent ) / 1000 ) );
	}
}
echo "\nraw: ", json_encode( array( 'milliseconds' => $seconds, 'microseconds_inside' => $inside ) ), "\n";
