<?php
/**
 * Installs a WordPress: php install.php FOLDER ADDRESS.
 *
 * @package Tandem
 */

define( 'WP_INSTALLING', true );
$_SERVER['HTTP_HOST']       = preg_replace( '#^https?://#', '', $argv[2] );
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require $argv[1] . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';

/**
 * Sends no mail.
 */
function wp_new_blog_notification() {}

wp_install( 'Shop', 'admin', 'admin@shop.example', false, '', 'admin' );
update_option( 'active_plugins', array( 'tandem/tandem.php' ) );
