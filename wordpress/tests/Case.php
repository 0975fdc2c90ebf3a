<?php
/**
 * What tests share.
 *
 * @package Tandem
 */

namespace Tandem\Tests;

use Tandem\Connection;
use Tandem\Gateway;
use Tandem\Handover;
use Tandem\Journal;
use Tandem\Outbox;
use Tandem\Schema;

/**
 * Each test begins with an empty outbox, no options, and a well-behaved gateway.
 */
abstract class TestCase extends \PHPUnit\Framework\TestCase {

	const NOW = 1800000000;

	/**
	 * The queue.
	 *
	 * @var Outbox
	 */
	protected $outbox;

	protected function setUp(): void {
		Schema::create();
		$GLOBALS['wpdb']->query( 'TRUNCATE TABLE ' . Schema::table() );
		foreach ( array( 'tandem_connection', 'tandem_settings', 'tandem_journal', 'tandem_own_address', 'tandem_upstream' ) as $option ) {
			delete_option( $option );
		}
		update_option( 'active_plugins', array( 'tandem/tandem.php' ) );
		@unlink( self::folder() . '/received.ndjson' );
		$this->behave( 'ok' );
		$this->outbox = Outbox::open();
	}

	/** Where the stand-in writes. */
	protected static function folder(): string {
		return getenv( 'TANDEM_STAND_IN' );
	}

	/** Tells the stand-in how to behave. */
	protected function behave( string $mode ): void {
		file_put_contents( self::folder() . '/mode', $mode );
	}

	/** What the stand-in got. */
	protected function received(): array {
		$file = self::folder() . '/received.ndjson';
		return is_file( $file ) ? array_map(
			static function ( $line ) {
				return json_decode( $line, true );
			},
			file( $file, FILE_IGNORE_NEW_LINES )
		) : array();
	}

	/** The ids of the orders in each request that the stand-in got. */
	protected function received_ids(): array {
		return array_map(
			static function ( $entry ) {
				return array_column( $entry['body']['orders'], 'id' );
			},
			$this->received()
		);
	}

	/** A connection string. */
	protected static function line( array $parts = array() ): string {
		$parts += array( 'url' => getenv( 'TANDEM_GATEWAY' ), 'site' => 'shop', 'secret' => 'test-secret', 'path' => '/x7k2' );
		return 'tandem1.' . rtrim( strtr( base64_encode( json_encode( $parts ) ), '+/', '-_' ), '=' );
	}

	/** A hand-over to the stand-in. Orders with an id over 900 are gone, 666 cannot be read. */
	protected function handover( array $parts = array(), int $padding = 0 ): Handover {
		$connection = Connection::parse( self::line( $parts ) );
		return new Handover(
			$this->outbox,
			new Journal(),
			static function () use ( $connection ) {
				return new Gateway( $connection );
			},
			static function ( $id ) use ( $padding ) {
				if ( 666 === $id ) {
					throw new \RuntimeException( 'an odd order' );
				}
				return $id > 900 ? null : array( 'id' => $id, 'padding' => str_repeat( 'x', $padding ) );
			}
		);
	}

	/** Every row of the outbox, by order. */
	protected function rows(): array {
		return $GLOBALS['wpdb']->get_results( 'SELECT * FROM ' . Schema::table() . ' ORDER BY order_id', OBJECT_K );
	}
}
