<?php
/**
 * Tools → Site Health.
 *
 * @package Tandem
 */

namespace Tandem\Admin;

use Tandem\After_Response;
use Tandem\Journal;
use Tandem\Outbox;
use Tandem\Own_Address;
use Tandem\Settings;

defined( 'ABSPATH' ) || exit;

/**
 * Is the shop connected, do orders arrive, do cookies live long enough, is anything counted twice?
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
			'tandem_connection'  => array( __( 'Tandem: connection', 'tandem' ), 'test_connection' ),
			'tandem_queue'       => array( __( 'Tandem: hand-over', 'tandem' ), 'test_queue' ),
			'tandem_own_address' => array( __( 'Tandem: the script’s address', 'tandem' ), 'test_own_address' ),
			'tandem_conflicts'   => array( __( 'Tandem: other plugins', 'tandem' ), 'test_conflicts' ),
		);
		if ( ! Settings::get( 'connected' ) ) {
			// What is not there cannot be ill.
			$own = array_slice( $own, 0, 1 );
		}
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
			return self::result( 'tandem_connection', 'good', __( 'Tandem is connected to its gateway', 'tandem' ), __( 'Orders are handed over as they come.', 'tandem' ) );
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
			$waiting = $outbox->count();
			return self::result(
				'tandem_queue',
				'critical',
				__( 'Orders wait for the Tandem gateway', 'tandem' ),
				sprintf(
					/* translators: 1: number of orders, 2: a span of time, 3: an error. */
					_n( '%1$d order waits, for %2$s now. It is kept, and sent as soon as the gateway takes it. Last error: %3$s', '%1$d orders wait, the first for %2$s. They are kept, and sent as soon as the gateway takes them. Last error: %3$s', $waiting, 'tandem' ),
					$waiting,
					human_time_diff( $oldest ),
					'' === $journal['error'] ? __( 'none', 'tandem' ) : $journal['error']
				)
			);
		}
		$note = After_Response::is_possible() ? __( 'They go after the buyer has the answer, so checkout does not wait.', 'tandem' ) : __( 'This PHP cannot end a response early, so orders are handed over in the background, a minute later. PHP-FPM or LiteSpeed can.', 'tandem' );
		return self::result( 'tandem_queue', 'good', __( 'Orders reach the Tandem gateway', 'tandem' ), $note );
	}

	/**
	 * Does the script come from where cookies live long?
	 */
	public function test_own_address(): array {
		$script = Settings::get( 'script' );
		$found  = Own_Address::found();
		if ( '' === $script || '' === $found['script'] ) {
			return self::result( 'tandem_own_address', 'good', __( 'Tandem’s script is not on the pages', 'tandem' ), __( 'Orders are reported by the shop’s server alone.', 'tandem' ) );
		}
		if ( Own_Address::of( $found['script'] ) !== $script ) {
			return self::result( 'tandem_own_address', 'recommended', __( 'Tandem’s script is not served under this shop’s own address', 'tandem' ), __( 'Safari may forget visitors, and the ad click that brought them, after seven days. The settings have the lines for your web server.', 'tandem' ) );
		}
		if ( ! $found['works'] ) {
			return self::result( 'tandem_own_address', 'critical', __( 'Tandem’s script is missing where pages ask for it', 'tandem' ), $found['obstacle'] );
		}
		return self::result( 'tandem_own_address', 'good', __( 'Tandem’s script is served under this shop’s own address', 'tandem' ), __( 'Cookies live as long as they say, in Safari too.', 'tandem' ) );
	}

	/**
	 * Is anything counted twice?
	 */
	public function test_conflicts(): array {
		$notes = Conflicts::found();
		if ( ! $notes ) {
			return self::result( 'tandem_conflicts', 'good', __( 'No other plugin reports the same sales as Tandem', 'tandem' ), __( 'None of those that we know is active.', 'tandem' ) );
		}
		return self::result( 'tandem_conflicts', 'recommended', __( 'Another plugin may report the same sales as Tandem', 'tandem' ), implode( "\n", $notes ) );
	}

	/**
	 * A result as WordPress wants it.
	 *
	 * @param string $test        The test.
	 * @param string $status      Good, recommended or critical.
	 * @param string $label       What was found.
	 * @param string $description What to do; each line is a paragraph.
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
			'description' => '<p>' . str_replace( "\n", '</p><p>', esc_html( $description ) ) . '</p>',
			'actions'     => sprintf( '<a href="%s">%s</a>', esc_url( Settings_Tab::address() ), esc_html__( 'Settings', 'tandem' ) ),
		);
	}
}
