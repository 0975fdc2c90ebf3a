<?php
/**
 * Installs a WordPress: php install.php FOLDER ADDRESS.
 *
 * @package Tandem
 */

define( 'WP_INSTALLING', true );
$_SERVER['HTTP_HOST']       = wp_test_host( $argv[2] );
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter( 'pre_wp_mail', '__return_true' );
wp_install( 'Shop', 'admin', 'admin@shop.example', false, '', 'admin' );

/**
 * Host and port of an address.
 *
 * @param string $address An address.
 */
function wp_test_host( $address ) {
	return preg_replace( '#^https?://#', '', $address );
}
