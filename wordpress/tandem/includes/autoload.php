<?php
/**
 * Finds a class in its file: Tandem\Order_Payload is includes/class-order-payload.php, Tandem\Admin\Status is
 * admin/class-status.php.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

spl_autoload_register(
	static function ( $class_name ) {
		if ( 0 !== strpos( $class_name, __NAMESPACE__ . '\\' ) ) {
			return;
		}
		$parts = explode( '\\', strtolower( str_replace( '_', '-', substr( $class_name, strlen( __NAMESPACE__ ) + 1 ) ) ) );
		$name  = array_pop( $parts );
		$file  = dirname( __DIR__ ) . '/' . ( $parts ? implode( '/', $parts ) : 'includes' ) . '/class-' . $name . '.php';
		if ( is_file( $file ) ) {
			require $file;
		}
	}
);
