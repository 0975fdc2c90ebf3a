<?php
/**
 * What went wrong inside the plugin.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * WooCommerce's log, under the name tandem (WooCommerce → Status → Logs).
 */
final class Log {

	/**
	 * Writes an error down. Trouble of ours is never the shop's trouble.
	 *
	 * @param \Throwable $error What happened.
	 */
	public static function error( \Throwable $error ): void {
		if ( function_exists( 'wc_get_logger' ) ) {
			wc_get_logger()->error(
				$error->getMessage() . ' (' . basename( $error->getFile() ) . ':' . $error->getLine() . ')',
				array( 'source' => 'tandem' )
			);
		}
	}
}
