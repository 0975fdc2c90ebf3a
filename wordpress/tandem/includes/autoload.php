<?php
/**
 * Finds a class in its file: Tandem\Order_Payload is includes/class-order-payload.php, Tandem\Admin\Status is
 * admin/class-status.php.
 *
 * Classes that buyers' requests need are known to be there: to ask the disk each time costs more than OPcache needs to load them.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

const KNOWN_CLASSES = array(
	'After_Response',
	'Checkout',
	'Consent',
	'Data_Layer',
	'Data_Layer_Items',
	'Handover',
	'Journal',
	'Order_Meta',
	'Order_Payload',
	'Order_Watch',
	'Other_Plugins',
	'Outbox',
	'Paid_Rule',
	'Plugin',
	'Retry_Queue',
	'Schema',
	'Settings',
	'Tag',
);

spl_autoload_register(
	static function ( $class_name ) {
		if ( 0 !== strpos( $class_name, __NAMESPACE__ . '\\' ) ) {
			return;
		}
		$own   = substr( $class_name, strlen( __NAMESPACE__ ) + 1 );
		$parts = explode( '\\', strtolower( str_replace( '_', '-', $own ) ) );
		$name  = array_pop( $parts );
		$file  = dirname( __DIR__ ) . '/' . ( $parts ? implode( '/', $parts ) : 'includes' ) . '/class-' . $name . '.php';
		if ( in_array( $own, KNOWN_CLASSES, true ) || is_file( $file ) ) {
			require $file;
		}
	}
);
