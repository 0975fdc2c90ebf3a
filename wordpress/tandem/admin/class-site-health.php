<?php
/**
 * Tools → Site Health.
 *
 * @package Tandem
 */

namespace Tandem\Admin;

use Tandem\After_Response;
use Tandem\Journal;
use Tandem\Other_Plugins;
use Tandem\Outbox;
use Tandem\Settings;

defined( 'ABSPATH' ) || exit;

/**
 * Three tests: is the shop connected, do orders arrive, is anything counted twice.
 */
final class Site_Health {

	/**
	 * Orders that wait longer than this are worth a look.
	 */
	const LATE_SECONDS = 3600;

	/**
	 * Adds the tests.
	 *
	 * @param array $tests WordPress's tests.
	 */
	public function add_tests( $tests ) {
		$own = array(
			'tandem_connection' => array( __( 'Tandem: connection', 'tandem' ), 'test_connection' ),
			'tandem_queue'      => array( __( 'Tandem: hand-over', 'tandem' ), 'test_queue' ),
			'tandem_conflicts'  => array( __( 'Tandem: other plugins', 'tandem' ), 'test_conflicts' ),
		);
		foreach ( $own as $name => $test ) {
			$tests['direct'][ $name ] = array(
				'label' => $test[0],
				'test'  => array( $this, $test[1] ),
			);
		}
		return $tests;
	}

	/**
	 * Is there a gateway?
	 */
	public function test_connection(): array {
		if ( Settings::get( 'connected' ) ) {
			return self::result( 'tandem_connection', 'good', __( 'Tandem is connected to its gateway', 'tandem' ), '' );
		}
		return self::result(
			'tandem_connection',
			'recommended',
			__( 'Tandem is not connected', 'tandem' ),
			__( 'No order is tracked until you paste a connection string under WooCommerce → Settings → Tandem.', 'tandem' )
		);
	}

	/**
	 * Do orders arrive?
	 */
	public function test_queue(): array {
		$outbox = Outbox::open();
		$oldest = $outbox->oldest();
		if ( null !== $oldest && time() - $oldest > self::LATE_SECONDS ) {
			$journal = ( new Journal() )->read();
			return self::result(
				'tandem_queue',
				'critical',
				__( 'Orders wait for the Tandem gateway', 'tandem' ),
				/* translators: 1: number of orders, 2: a span of time, 3: an error. */
				sprintf( __( '%1$d orders wait, the first for %2$s. They are kept and sent as soon as the gateway takes them. Last error: %3$s', 'tandem' ), $outbox->count(), human_time_diff( $oldest ), $journal['error'] )
			);
		}
		$note = After_Response::is_possible() ? '' : __( 'This PHP cannot end a response early, so orders are handed over in the background, a minute later. PHP-FPM or LiteSpeed can.', 'tandem' );
		return self::result( 'tandem_queue', 'good', __( 'Orders reach the Tandem gateway', 'tandem' ), $note );
	}

	/**
	 * Is anything counted twice?
	 */
	public function test_conflicts(): array {
		$notes = array_intersect_key( Conflicts::notes(), array_flip( Other_Plugins::active() ) );
		if ( ! $notes ) {
			return self::result( 'tandem_conflicts', 'good', __( 'No other plugin reports the same sales as Tandem', 'tandem' ), '' );
		}
		return self::result( 'tandem_conflicts', 'recommended', __( 'Another plugin may report the same sales as Tandem', 'tandem' ), implode( ' ', $notes ) );
	}

	/**
	 * A result as WordPress wants it.
	 *
	 * @param string $test        The test.
	 * @param string $status      Good, recommended or critical.
	 * @param string $label       What was found.
	 * @param string $description What to do.
	 */
	private static function result( string $test, string $status, string $label, string $description ): array {
		return array(
			'test'        => $test,
			'status'      => $status,
			'label'       => $label,
			'badge'       => array(
				'label' => __( 'Tandem', 'tandem' ),
				'color' => 'blue',
			),
			'description' => '<p>' . esc_html( $description ) . '</p>',
			'actions'     => sprintf( '<a href="%s">%s</a>', esc_url( Settings_Tab::address() ), esc_html__( 'Settings', 'tandem' ) ),
		);
	}
}
