<?php
/**
 * How the hand-over goes.
 *
 * @package Tandem
 */

namespace Tandem\Admin;

use Tandem\Journal;
use Tandem\Outbox;
use Tandem\Settings;

defined( 'ABSPATH' ) || exit;

/**
 * The panel under the settings.
 */
final class Status {

	/**
	 * Prints it.
	 */
	public function output(): void {
		if ( ! Settings::get( 'connected' ) ) {
			return;
		}
		?>
		<h2><?php esc_html_e( 'Status', 'tandem' ); ?></h2>
		<table class="form-table tandem-status">
			<?php foreach ( $this->lines() as $label => $value ) : ?>
				<tr>
					<th scope="row" class="titledesc"><?php echo esc_html( $label ); ?></th>
					<td class="forminp"><?php echo esc_html( $value ); ?></td>
				</tr>
			<?php endforeach; ?>
		</table>
		<?php
	}

	/**
	 * Value by label.
	 *
	 * @return string[]
	 */
	private function lines(): array {
		$journal = ( new Journal() )->read();
		$outbox  = Outbox::open();
		$lines   = array(
			__( 'Last hand-over', 'tandem' )      => self::ago( $journal['succeeded_at'] ),
			__( 'Orders handed over', 'tandem' )  => number_format_i18n( $journal['handed_over'] ),
			__( 'Orders waiting', 'tandem' )      => number_format_i18n( $outbox->count() ),
			__( 'Last error', 'tandem' )          => '' === $journal['error'] ? __( 'none', 'tandem' ) : self::ago( $journal['failed_at'] ) . ': ' . $journal['error'],
			__( 'Script on the pages', 'tandem' ) => '' === Settings::get( 'script' ) ? __( 'none', 'tandem' ) : Settings::get( 'script' ),
		);
		foreach ( $outbox->refused( 5 ) as $row ) {
			/* translators: %d: id of an order. */
			$lines[ sprintf( __( 'Order %d', 'tandem' ), $row->order_id ) ] = $row->last_error;
		}
		return $lines;
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
