<?php
/**
 * The outbox table: made, brought up to date, removed.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * One row for each order that the gateway has still to be told of.
 */
final class Schema {

	const VERSION = 1;
	const OPTION  = 'tandem_schema';

	/**
	 * The table's name on this site.
	 */
	public static function table(): string {
		global $wpdb;
		return $wpdb->prefix . 'tandem_outbox';
	}

	/**
	 * Makes the table if this version of it is not there yet.
	 */
	public static function upgrade(): void {
		if ( (int) get_option( self::OPTION ) !== self::VERSION ) {
			self::create();
		}
	}

	/**
	 * Makes the table.
	 */
	public static function create(): void {
		global $wpdb;
		require_once ABSPATH . 'wp-admin/includes/upgrade.php';
		$table   = self::table();
		$collate = $wpdb->get_charset_collate();
		dbDelta(
			"CREATE TABLE $table (
			order_id bigint(20) unsigned NOT NULL,
			revision int(10) unsigned NOT NULL DEFAULT 1,
			noted_at int(10) unsigned NOT NULL,
			due_at int(10) unsigned NOT NULL,
			attempts smallint(5) unsigned NOT NULL DEFAULT 0,
			refused tinyint(1) unsigned NOT NULL DEFAULT 0,
			lease char(32) NOT NULL DEFAULT '',
			lease_until int(10) unsigned NOT NULL DEFAULT 0,
			last_error varchar(255) NOT NULL DEFAULT '',
			PRIMARY KEY  (order_id),
			KEY due_at (due_at),
			KEY lease (lease)
			) $collate;"
		);
		update_option( self::OPTION, self::VERSION );
	}

	/**
	 * Adds the table to those that go with a site of a network.
	 *
	 * @param string[] $tables Names of tables.
	 */
	public static function add_table( $tables ): array {
		return array_merge( (array) $tables, array( self::table() ) );
	}

	/**
	 * Removes the table.
	 */
	public static function drop(): void {
		global $wpdb;
		// phpcs:ignore WordPress.DB.DirectDatabaseQuery, WordPress.DB.PreparedSQL.NotPrepared -- our own table, on uninstall.
		$wpdb->query( 'DROP TABLE IF EXISTS ' . self::table() );
		delete_option( self::OPTION );
	}
}
