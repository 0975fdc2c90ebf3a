<?php
/**
 * Connects the shop to its gateway.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Checks a connection with the gateway and keeps what it tells. Only when an admin asks for it.
 */
final class Setup {

	/**
	 * Takes a new connection string, if the gateway agrees to it.
	 *
	 * @param string $text What was pasted.
	 * @return true|\WP_Error
	 */
	public static function connect( string $text ) {
		$connection = Connection::parse( $text );
		if ( is_wp_error( $connection ) ) {
			return $connection;
		}
		return self::check( $connection );
	}

	/**
	 * Checks the connection that is there.
	 *
	 * @return true|\WP_Error
	 */
	public static function check_again() {
		$connection = Connection::saved();
		if ( ! $connection ) {
			return new \WP_Error( 'tandem_connection', __( 'No connection string has been saved yet.', 'tandem' ) );
		}
		return self::check( $connection );
	}

	/**
	 * Forgets the gateway. What waits stays, for the next one.
	 */
	public static function disconnect(): void {
		Connection::forget();
		Htaccess::remove();
		delete_option( Own_Address::OPTION );
		delete_option( Own_Address::UPSTREAM );
		Settings::change(
			array(
				'connected' => false,
				'script'    => '',
			)
		);
	}

	/**
	 * Asks the gateway, and keeps what it tells. A connection that does not work is not kept; one that worked before is
	 * not lost by a bad day of the gateway.
	 *
	 * @param Connection $connection The connection.
	 * @return true|\WP_Error
	 */
	private static function check( Connection $connection ) {
		$reply = ( new Gateway( $connection ) )->ping();
		if ( ! $reply->ok ) {
			return new \WP_Error( 'tandem_ping', $reply->error );
		}
		$told   = $reply->body;
		$path   = isset( $told['script'] ) && is_string( $told['script'] ) ? $told['script'] : '';
		$before = Connection::saved();
		if ( ( $before && $before->url !== $connection->url ) || Own_Address::found()['script'] !== $path ) {
			Htaccess::remove();
		}
		$connection->save();
		Settings::change(
			array(
				'connected'         => true,
				'script'            => self::script( $connection, $path, (string) Settings::get( 'script_host' ) ),
				'purchase_event_id' => isset( $told['purchase_event_id'] ) && is_string( $told['purchase_event_id'] )
					? sanitize_text_field( $told['purchase_event_id'] ) : 'wc_order_{id}',
				'paid'              => Paid_Rule::of_answer( $told ),
			)
		);
		( new Journal() )->mended();
		Outbox::open()->hurry( time(), true );
		Retry_Queue::schedule( Outbox::open()->next_due() );
		return true;
	}

	/**
	 * From where pages load the script: under the shop's own host where that is passed on to the gateway, since a script
	 * from there keeps its cookies longest; else from the gateway.
	 *
	 * @param Connection $connection The connection.
	 * @param string     $path       The script's path, such as /x7k2/s.js, or an empty text.
	 * @param string     $host       Auto, shop, gateway or off.
	 */
	private static function script( Connection $connection, string $path, string $host ): string {
		if ( ! preg_match( '#^(/[A-Za-z0-9._~-]+)+$#D', $path ) ) {
			delete_option( Own_Address::OPTION );
			return '';
		}
		$works = Own_Address::works( $path );
		if ( 'off' === $host ) {
			return '';
		}
		return 'shop' === $host || ( 'auto' === $host && $works ) ? Own_Address::of( $path ) : $connection->url . $path;
	}
}
