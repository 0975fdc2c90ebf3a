<?php
/**
 * Takes away what the plugin keeps, on every site of a network: the table, the options, the scheduled jobs. The meta of
 * orders stays with the orders, as the rest of their history does.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

require_once __DIR__ . '/includes/autoload.php';

/**
 * Cleans one site.
 */
function uninstall_site(): void {
	Schema::drop();
	Htaccess::remove();
	foreach ( array( Connection::OPTION, Settings::OPTION, Journal::OPTION, Own_Address::OPTION, Own_Address::UPSTREAM, Htaccess::OPTION ) as $option ) {
		delete_option( $option );
	}
	Retry_Queue::unschedule();
}

if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $tandem_site ) { // phpcs:ignore WordPress.Arrays.ArrayDeclarationSpacing.AssociativeArrayFound -- one line says it.
		switch_to_blog( $tandem_site );
		uninstall_site();
		restore_current_blog();
	}
} else {
	uninstall_site();
}
// Which notes each user has read.
delete_metadata( 'user', 0, Admin\Conflicts::DISMISSED, '', true );
