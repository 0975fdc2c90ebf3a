<?php
/**
 * Loads the real WordPress that `test` made, without WooCommerce, and the plugin in it.
 *
 * @package Tandem
 */

$_SERVER['HTTP_HOST']       = 'shop.test';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require getenv( 'TANDEM_WORDPRESS' ) . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/admin.php';
require_once __DIR__ . '/Case.php';
