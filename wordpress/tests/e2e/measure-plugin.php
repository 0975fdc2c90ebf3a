<?php
/**
 * Measures, as a must-use plugin: the plugin is there or not, and its gateway is one or another, by a header of the request.
 * Writes the time spent inside the plugin’s code before the response, in microseconds, into the file `inside`.
 *
 * @package Tandem
 */

// phpcs:disable
$GLOBALS['tandem_inside'] = 0.0;

$story_gateway = $_SERVER['HTTP_X_STORY_GATEWAY'] ?? null;
if ( 'none' === $story_gateway ) {
	add_filter( 'option_active_plugins', static function ( $files ) {
		return array_values( array_diff( $files, array( 'tandem/tandem.php' ) ) );
	} );
} elseif ( $story_gateway ) {
	add_filter( 'option_tandem_connection', static function ( $parts ) use ( $story_gateway ) {
		return array( 'url' => $story_gateway ) + $parts;
	} );
	// Every request tries, as if none had failed before.
	add_filter( 'option_tandem_journal', '__return_empty_array' );
}

// An empty plugin is loaded just before ours; what lies between is ours.
add_action( 'plugin_loaded', static function ( $file ) {
	if ( false !== strpos( $file, '/tandem/' ) ) {
		$GLOBALS['tandem_inside'] += microtime( true ) - $GLOBALS['tandem_load'];
		story_watch();
	}
	$GLOBALS['tandem_load'] = microtime( true );
} );
add_action( 'plugins_loaded', 'story_watch', PHP_INT_MAX );

/** Puts a clock around every callback of the plugin but the one that runs after the response. */
function story_watch() {
	global $wp_filter;
	foreach ( $wp_filter as $name => $hook ) {
		foreach ( $hook->callbacks as $priority => $callbacks ) {
			foreach ( $callbacks as $id => $callback ) {
				$function = $callback['function'];
				$class    = is_array( $function ) ? ( is_object( $function[0] ) ? get_class( $function[0] ) : $function[0] ) : '';
				if ( 0 !== strpos( $class, 'Tandem\\' ) || 'shutdown' === $name ) {
					continue;
				}
				$wp_filter[ $name ]->callbacks[ $priority ][ $id ]['function'] = static function ( ...$given ) use ( $function ) {
					$begin  = microtime( true );
					$result = $function( ...$given );
					$GLOBALS['tandem_inside'] += microtime( true ) - $begin;
					return $result;
				};
			}
		}
	}
}

// Written before the response ends, so that it is in time for the next request of the one who measures.
add_action( 'shutdown', static function () {
	file_put_contents( dirname( WP_DEBUG_LOG ) . '/inside', (string) round( $GLOBALS['tandem_inside'] * 1e6 ) );
}, PHP_INT_MAX - 1 );
