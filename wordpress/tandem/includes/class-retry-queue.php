<?php
/**
 * Sends in the background what was not sent after a response.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * One job in WooCommerce's Action Scheduler, set for when something is due, and WordPress's hourly cron as the net under
 * it: for requests that were killed, and shops whose scheduler lost the job.
 */
final class Retry_Queue {

	const HOOK  = 'tandem_hand_over';
	const SWEEP = 'tandem_sweep';
	const GROUP = 'tandem';

	/**
	 * Listens for the job and the net. Buyers' requests need not look after the net.
	 */
	public static function listen(): void {
		add_action( self::HOOK, array( self::class, 'run' ) );
		add_action( self::SWEEP, array( self::class, 'run' ) );
		if ( is_admin() || wp_doing_cron() ) {
			add_action( 'init', array( self::class, 'keep_sweeping' ) );
		}
	}

	/**
	 * Sends what is due, and sets the job for what is not. Never fails: a failed job would be forgotten.
	 */
	public static function run(): void {
		try {
			$handover = Handover::open();
			$handover->in_background( time() );
			self::schedule( $handover->next_time( time() ) );
		} catch ( \Throwable $error ) {
			Log::error( $error );
			self::schedule( time() + HOUR_IN_SECONDS );
		}
	}

	/**
	 * Sets the job, unless it is set for an earlier time.
	 *
	 * @param int|null $at Unix time; null when there is nothing to do.
	 */
	public static function schedule( ?int $at ): void {
		if ( null === $at || ! function_exists( 'as_schedule_single_action' ) || ! did_action( 'action_scheduler_init' ) ) {
			return;
		}
		$set = as_get_scheduled_actions(
			array(
				'hook'         => self::HOOK,
				'group'        => self::GROUP,
				'status'       => \ActionScheduler_Store::STATUS_PENDING,
				'date'         => gmdate( 'Y-m-d H:i:s', $at ),
				'date_compare' => '<=',
				'per_page'     => 1,
			),
			'ids'
		);
		if ( ! $set ) {
			as_unschedule_all_actions( self::HOOK, array(), self::GROUP );
			as_schedule_single_action( $at, self::HOOK, array(), self::GROUP );
		}
	}

	/**
	 * Keeps the net hung.
	 */
	public static function keep_sweeping(): void {
		if ( ! wp_next_scheduled( self::SWEEP ) ) {
			wp_schedule_event( time() + HOUR_IN_SECONDS, 'hourly', self::SWEEP );
		}
	}

	/**
	 * Takes job and net away.
	 */
	public static function unschedule(): void {
		wp_clear_scheduled_hook( self::SWEEP );
		if ( function_exists( 'as_unschedule_all_actions' ) && did_action( 'action_scheduler_init' ) ) {
			as_unschedule_all_actions( self::HOOK );
		}
	}
}
