<?php
/**
 * How the hand-over goes.
 *
 * @package Tandem
 */

namespace Tandem\Admin;

use Tandem\Journal;
use Tandem\Outbox;

defined( 'ABSPATH' ) || exit;

/**
 * The panel under the settings.
 */
final class Status {

	const REFUSED_SHOWN = 5;

	/**
	 * Prints it.
	 */
	public function output(): void {
		$journal = ( new Journal() )->read();
		$outbox  = Outbox::open();
		$refused = $outbox->refused( self::REFUSED_SHOWN );
		?>
		<h2><?php esc_html_e( 'Status', 'tandem' ); ?></h2>
		<table class="form-table tandem-status">
			<tr>
				<th scope="row" class="titledesc"><?php esc_html_e( 'Hand-over', 'tandem' ); ?></th>
				<td class="forminp"><?php self::output_state( $journal, $outbox->oldest(), (bool) $refused ); ?></td>
			</tr>
			<?php foreach ( self::lines( $journal, $outbox ) as $label => $value ) : ?>
				<tr>
					<th scope="row" class="titledesc"><?php echo esc_html( $label ); ?></th>
					<td class="forminp"><?php echo esc_html( $value ); ?></td>
				</tr>
			<?php endforeach; ?>
			<?php if ( $refused ) : ?>
				<tr>
					<th scope="row" class="titledesc"><?php esc_html_e( 'Refused by the gateway', 'tandem' ); ?></th>
					<td class="forminp">
						<ul>
							<?php foreach ( $refused as $row ) : ?>
								<li><?php self::output_refused( (int) $row->order_id, (string) $row->last_error ); ?></li>
							<?php endforeach; ?>
						</ul>
						<p class="description"><?php esc_html_e( 'They are tried again, at longer and longer intervals, and whenever you press “Check”.', 'tandem' ); ?></p>
					</td>
				</tr>
			<?php endif; ?>
		</table>
		<?php
	}

	/**
	 * Prints a sentence with a mark before it.
	 *
	 * @param string $kind Good, bad or open.
	 * @param string $text The sentence, which says it all without the mark.
	 */
	public static function output_mark( string $kind, string $text ): void {
		$icons = array(
			'good' => 'yes-alt',
			'bad'  => 'warning',
			'open' => 'info-outline',
		);
		printf(
			'<p class="tandem-mark tandem-mark-%1$s"><span class="dashicons dashicons-%2$s" aria-hidden="true"></span><span>%3$s</span></p>',
			esc_attr( $kind ),
			esc_attr( $icons[ $kind ] ),
			esc_html( $text )
		);
	}

	/**
	 * All of it in one sentence.
	 *
	 * @param array    $journal What the journal has.
	 * @param int|null $oldest  Since when the first order waits.
	 * @param bool     $refused Whether the gateway refuses some.
	 */
	private static function output_state( array $journal, ?int $oldest, bool $refused ): void {
		if ( $journal['failures'] ) {
			self::output_mark( 'bad', __( 'The gateway cannot be reached, or does not take orders. They are kept, and sent as soon as it does.', 'tandem' ) );
		} elseif ( $refused ) {
			self::output_mark( 'bad', __( 'The gateway takes orders, but refuses those named below.', 'tandem' ) );
		} elseif ( null !== $oldest && time() - $oldest > Site_Health::LATE_SECONDS ) {
			self::output_mark( 'bad', __( 'Orders have waited for more than an hour. Are scheduled actions being run (WooCommerce → Status → Scheduled Actions)?', 'tandem' ) );
		} elseif ( ! $journal['succeeded_at'] ) {
			self::output_mark( 'open', __( 'Connected. No order has come up yet.', 'tandem' ) );
		} else {
			self::output_mark( 'good', __( 'Orders reach the gateway.', 'tandem' ) );
		}
	}

	/**
	 * Value by label.
	 *
	 * @param array  $journal What the journal has.
	 * @param Outbox $outbox  The queue.
	 * @return string[]
	 */
	private static function lines( array $journal, Outbox $outbox ): array {
		$waiting = number_format_i18n( $outbox->count() );
		$oldest  = $outbox->oldest();
		$due     = $outbox->next_due();
		if ( null !== $oldest ) {
			/* translators: 1: number of orders, 2: a span of time. */
			$waiting = sprintf( __( '%1$s, the first for %2$s', 'tandem' ), $waiting, human_time_diff( $oldest ) );
		}
		$lines = array(
			__( 'Last hand-over', 'tandem' )     => self::ago( $journal['succeeded_at'] ),
			__( 'Orders handed over', 'tandem' ) => number_format_i18n( $journal['handed_over'] ),
			__( 'Orders waiting', 'tandem' )     => $waiting,
		);
		if ( null !== $due ) {
			/* translators: %s: a span of time. */
			$lines[ __( 'Next try', 'tandem' ) ] = $due <= time() ? __( 'as soon as scheduled actions run', 'tandem' ) : sprintf( __( 'in %s', 'tandem' ), human_time_diff( time(), $due ) );
		}
		$lines[ __( 'Last error', 'tandem' ) ] = '' === $journal['error'] ? __( 'none', 'tandem' ) : self::ago( $journal['failed_at'] ) . ': ' . $journal['error'];
		return $lines;
	}

	/**
	 * One order, with a way to it.
	 *
	 * @param int    $id    The order's id.
	 * @param string $error Why it was refused.
	 */
	private static function output_refused( int $id, string $error ): void {
		/* translators: %d: id of an order. */
		$name  = sprintf( __( 'Order %d', 'tandem' ), $id );
		$order = function_exists( 'wc_get_order' ) ? wc_get_order( $id ) : null;
		if ( $order instanceof \WC_Order ) {
			printf( '<a href="%s">%s</a>: %s', esc_url( $order->get_edit_order_url() ), esc_html( $name ), esc_html( $error ) );
		} else {
			echo esc_html( "$name: $error" );
		}
	}

	/**
	 * How long ago, in words.
	 *
	 * @param int $time Unix time or 0.
	 */
	private static function ago( int $time ): string {
		if ( ! $time ) {
			return __( 'never', 'tandem' );
		}
		/* translators: %s: a span of time, such as “5 minutes”. */
		return sprintf( __( '%s ago', 'tandem' ), human_time_diff( $time ) );
	}
}
