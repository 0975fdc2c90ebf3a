<?php
/**
 * Measures, as a must-use plugin: the plugin is there or not, and its gateway is one or another, by headers of the request.
 * At the very end of each request a line goes into the file `inside`: the time inside the plugin's own code before the
 * response, the time WooCommerce took to write its order meta, the processor's time until then, and how long the request
 * went on after its response, in microseconds.
 *
 * @package Tandem
 */

// phpcs:disable
$GLOBALS['story_inside'] = 0.0;

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

// Order meta of ours is written by WooCommerce, key by key: from the first such query until WooCommerce asks for something else.
add_filter( 'query', static function ( $query ) {
	static $begin = null;
	if ( null !== $begin ) {
		$GLOBALS['story_meta'] = ( $GLOBALS['story_meta'] ?? 0 ) + hrtime( true ) - $begin;
	}
	$begin = false !== strpos( $query, "'_tandem_" ) ? hrtime( true ) : null;
	return $query;
} );

/** The processor's time of this process, in microseconds. */
function story_processor() {
	$used = getrusage();
	return 1e6 * ( $used['ru_utime.tv_sec'] + $used['ru_stime.tv_sec'] ) + $used['ru_utime.tv_usec'] + $used['ru_stime.tv_usec'];
}
$GLOBALS['story_processor'] = story_processor();

// An empty plugin is loaded just before ours; what lies between is ours. To look for callbacks takes time too, so it is done
// without the plugin as well.
add_action( 'plugin_loaded', static function ( $file ) use ( $story_gateway ) {
	$ours = false !== strpos( $file, '/tandem/' );
	if ( $ours ) {
		$GLOBALS['story_inside'] += hrtime( true ) - $GLOBALS['story_load'];
	}
	if ( $ours || ( 'none' === $story_gateway && 'aaa.php' === basename( $file ) ) ) {
		story_watch();
	}
	$GLOBALS['story_load'] = hrtime( true );
} );
add_action( 'plugins_loaded', 'story_watch', PHP_INT_MAX );

// WooCommerce makes the list of its features once in every request, for whoever asks first. Here that is not us.
add_action( 'before_woocommerce_init', static function () {
	\Automattic\WooCommerce\Utilities\FeaturesUtil::declare_compatibility( 'custom_order_tables', WP_PLUGIN_DIR . '/aaa.php' );
}, 0 );

/** Whether a callback is the plugin's: a method, or a function without a name. */
function story_is_ours( $function ) {
	if ( is_array( $function ) ) {
		return 0 === strpos( is_object( $function[0] ) ? get_class( $function[0] ) : $function[0], 'Tandem\\' );
	}
	return $function instanceof Closure && false !== strpos( ( new ReflectionFunction( $function ) )->getFileName(), '/tandem/' );
}

/** Puts a clock around every callback of the plugin but the one that runs after the response. */
function story_watch() {
	global $wp_filter;
	foreach ( $wp_filter as $name => $hook ) {
		foreach ( $hook->callbacks as $priority => $callbacks ) {
			foreach ( $callbacks as $id => $callback ) {
				$function = $callback['function'];
				if ( 'shutdown' === $name || ! story_is_ours( $function ) ) {
					continue;
				}
				$wp_filter[ $name ]->callbacks[ $priority ][ $id ]['function'] = static function ( ...$given ) use ( $function, $name ) {
					$begin  = hrtime( true );
					$result = $function( ...$given );
					$spent  = hrtime( true ) - $begin;
					$GLOBALS['story_inside'] += $spent;
					$GLOBALS['story_parts'][ $name ] = ( $GLOBALS['story_parts'][ $name ] ?? 0 ) + $spent;
					return $result;
				};
			}
		}
	}
}

// The last thing before the response ends; what comes later, comes last of all.
add_action( 'shutdown', static function () {
	$line = array(
		'request'   => $_SERVER['HTTP_X_STORY_REQUEST'] ?? '',
		'inside'    => (int) round( $GLOBALS['story_inside'] / 1000 ),
		'meta'      => (int) round( ( $GLOBALS['story_meta'] ?? 0 ) / 1000 ),
		'processor' => (int) round( story_processor() - $GLOBALS['story_processor'] ),
		'parts'     => array_map( static function ( $spent ) { return (int) round( $spent / 1000 ); }, $GLOBALS['story_parts'] ?? array() ),
	);
	$end = hrtime( true );
	register_shutdown_function( static function () use ( $line, $end ) {
		$line['after'] = (int) round( ( hrtime( true ) - $end ) / 1000 );
		file_put_contents( dirname( WP_DEBUG_LOG ) . '/inside', json_encode( $line ) . "\n", FILE_APPEND | LOCK_EX );
	} );
}, PHP_INT_MAX - 1 );
