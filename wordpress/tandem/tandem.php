<?php
/**
 * Plugin Name:          Tandem – Conversion Tracking for WooCommerce
 * Description:          Hands every order to your own Tandem gateway, once and with all its match keys, without making checkout wait.
 * Version:              0.1.0
 * Requires at least:    6.1
 * Requires PHP:         7.4
 * Requires Plugins:     woocommerce
 * WC requires at least: 8.2
 * WC tested up to:      11.0
 * Author:               Tandem
 * License:              GPL-2.0-or-later
 * License URI:          https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:          tandem
 * Domain Path:          /languages
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

const VERSION     = '0.1.0';
const PLUGIN_FILE = __FILE__;

require_once __DIR__ . '/includes/autoload.php';

register_activation_hook( __FILE__, array( Schema::class, 'create' ) );
register_deactivation_hook( __FILE__, array( Retry_Queue::class, 'unschedule' ) );

add_action( 'before_woocommerce_init', array( Plugin::class, 'declare_compatibility' ) );
add_action( 'plugins_loaded', array( Plugin::class, 'boot' ) );
