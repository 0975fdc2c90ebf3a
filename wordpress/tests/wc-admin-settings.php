<?php
/**
 * In the place of WooCommerce's own class, where there is no WooCommerce: keeps what is said to the admin.
 *
 * @package Tandem
 */

if ( ! class_exists( 'WC_Admin_Settings' ) ) {
	class WC_Admin_Settings {

		public static $said = array();

		public static function add_message( $text ) {
			self::$said[] = array( 'message', $text );
		}

		public static function add_error( $text ) {
			self::$said[] = array( 'error', $text );
		}
	}
}
