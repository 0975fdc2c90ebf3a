<?php
/**
 * Which orders the gateway has still to be told of.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

// phpcs:disable WordPress.DB.DirectDatabaseQuery -- our own table; a cache in front of a queue would be wrong.
// phpcs:disable WordPress.DB.PreparedSQL.InterpolatedNotPrepared -- the only thing put in is the table's name.
// phpcs:disable WordPress.DB.PreparedSQLPlaceholders -- lists of ids are made of as many placeholders.

/**
 * The rows of the outbox table.
 *
 * A row says only that an order changed; what is sent is read from the order when it is sent. A sender takes rows by
 * writing its lease on them in one statement, so that no two send the same row. A change that comes while a row is being
 * sent raises the row's revision, and the row stays.
 */
final class Outbox {

	/**
	 * How long a fresh row is left to the request that wrote it, which sends it after its response.
	 */
	const GRACE_SECONDS = 60;

	/**
	 * How long a sender may hold a row. Longer than any request to the gateway takes.
	 */
	const LEASE_SECONDS = 120;

	const FIRST_DELAY_SECONDS = 60;
	const LAST_DELAY_SECONDS  = 21600;

	/**
	 * The database.
	 *
	 * @var \wpdb
	 */
	private $db;

	/**
	 * The table's name.
	 *
	 * @var string
	 */
	private $table;

	/**
	 * Takes the database and the table.
	 *
	 * @param \wpdb  $db    The database.
	 * @param string $table The table's name.
	 */
	public function __construct( $db, string $table ) {
		$this->db    = $db;
		$this->table = $table;
	}

	/**
	 * The outbox of this site.
	 */
	public static function open(): self {
		global $wpdb;
		return new self( $wpdb, Schema::table() );
	}

	/**
	 * Notes that the gateway has to be told of an order. A row that waits for the gateway keeps its back-off.
	 *
	 * @param int $order_id The order.
	 * @param int $now      Unix time.
	 * @return bool Whether it was written.
	 */
	public function note( int $order_id, int $now ): bool {
		$quiet   = $this->db->suppress_errors( true );
		$written = $this->db->query(
			$this->db->prepare(
				"INSERT INTO {$this->table} (order_id, noted_at, due_at) VALUES (%d, %d, %d)
				ON DUPLICATE KEY UPDATE revision = revision + 1, due_at = IF(refused, %d, due_at), refused = 0",
				$order_id,
				$now,
				$now + self::GRACE_SECONDS,
				$now + self::GRACE_SECONDS
			)
		);
		$this->db->suppress_errors( $quiet );
		return false !== $written;
	}

	/**
	 * Takes rows that are due, oldest first.
	 *
	 * @param int $now   Unix time.
	 * @param int $limit How many at most.
	 * @return array Rows with order_id, revision, attempts, lease.
	 */
	public function claim( int $now, int $limit ): array {
		$lease = self::new_lease();
		$this->db->query(
			$this->db->prepare(
				"UPDATE {$this->table} SET lease = %s, lease_until = %d
				WHERE due_at <= %d AND lease_until <= %d ORDER BY due_at, order_id LIMIT %d",
				$lease,
				$now + self::LEASE_SECONDS,
				$now,
				$now,
				$limit
			)
		);
		return $this->leased( $lease );
	}

	/**
	 * Takes the rows of these orders, due or not, unless another sender has them.
	 *
	 * @param int[] $order_ids The orders.
	 * @param int   $now       Unix time.
	 * @return array Rows with order_id, revision, attempts, lease.
	 */
	public function claim_orders( array $order_ids, int $now ): array {
		if ( ! $order_ids ) {
			return array();
		}
		$lease  = self::new_lease();
		$places = implode( ',', array_fill( 0, count( $order_ids ), '%d' ) );
		$this->db->query(
			$this->db->prepare(
				"UPDATE {$this->table} SET lease = %s, lease_until = %d WHERE lease_until <= %d AND order_id IN ($places)",
				array_merge( array( $lease, $now + self::LEASE_SECONDS, $now ), array_map( 'intval', $order_ids ) )
			)
		);
		return $this->leased( $lease );
	}

	/**
	 * The gateway has the order: the row goes, unless the order changed since the row was taken.
	 *
	 * @param object $row A row as it was taken.
	 * @param int    $now Unix time.
	 */
	public function delivered( $row, int $now ): void {
		$gone = $this->db->query(
			$this->db->prepare(
				"DELETE FROM {$this->table} WHERE order_id = %d AND lease = %s AND revision = %d",
				$row->order_id,
				$row->lease,
				$row->revision
			)
		);
		if ( ! $gone ) {
			$this->db->query(
				$this->db->prepare(
					"UPDATE {$this->table} SET lease = '', lease_until = 0, attempts = 0, refused = 0, last_error = '', due_at = %d
					WHERE order_id = %d AND lease = %s",
					$now,
					$row->order_id,
					$row->lease
				)
			);
		}
	}

	/**
	 * The gateway does not have the order: the row waits, each time longer.
	 *
	 * @param object $row     A row as it was taken.
	 * @param string $error   Why, for the shop's admin.
	 * @param bool   $refused Whether the gateway did not want this very order.
	 * @param int    $now     Unix time.
	 */
	public function failed( $row, string $error, bool $refused, int $now ): void {
		$this->db->query(
			$this->db->prepare(
				"UPDATE {$this->table} SET lease = '', lease_until = 0, attempts = LEAST(attempts + 1, 60000), refused = %d,
				last_error = %s, due_at = %d WHERE order_id = %d AND lease = %s",
				$refused ? 1 : 0,
				mb_substr( $error, 0, 250 ),
				$now + self::delay( (int) $row->attempts + 1 ),
				$row->order_id,
				$row->lease
			)
		);
	}

	/**
	 * Gives rows back as they were, to be sent by somebody else.
	 *
	 * @param array $rows Rows as they were taken.
	 * @param int   $now  Unix time.
	 */
	public function release( array $rows, int $now ): void {
		foreach ( $rows as $row ) {
			$this->db->query(
				$this->db->prepare(
					"UPDATE {$this->table} SET lease = '', lease_until = 0, due_at = LEAST(due_at, %d) WHERE order_id = %d AND lease = %s",
					$now,
					$row->order_id,
					$row->lease
				)
			);
		}
	}

	/**
	 * The gateway is there again: what waited for it need not wait longer.
	 *
	 * @param int  $now          Unix time.
	 * @param bool $also_refused Also what the gateway refused, say after a new connection.
	 */
	public function hurry( int $now, bool $also_refused = false ): void {
		$this->db->query(
			$this->db->prepare(
				"UPDATE {$this->table} SET due_at = %d WHERE due_at > %d AND attempts > 0 AND refused <= %d",
				$now,
				$now,
				$also_refused ? 1 : 0
			)
		);
	}

	/**
	 * How many orders wait.
	 */
	public function count(): int {
		return (int) $this->db->get_var( "SELECT COUNT(*) FROM {$this->table}" );
	}

	/**
	 * When the next row is due (Unix time), or null when none waits. A row that a sender holds is due when its lease ends.
	 */
	public function next_due(): ?int {
		$due = $this->db->get_var( "SELECT MIN(GREATEST(due_at, lease_until)) FROM {$this->table}" );
		return null === $due ? null : (int) $due;
	}

	/**
	 * When the order that waits longest was noted (Unix time), or null.
	 */
	public function oldest(): ?int {
		$noted = $this->db->get_var( "SELECT MIN(noted_at) FROM {$this->table}" );
		return null === $noted ? null : (int) $noted;
	}

	/**
	 * The orders that the gateway did not want, with its words.
	 *
	 * @param int $limit How many at most.
	 * @return array Rows with order_id and last_error.
	 */
	public function refused( int $limit ): array {
		return (array) $this->db->get_results(
			$this->db->prepare( "SELECT order_id, last_error FROM {$this->table} WHERE refused = 1 ORDER BY order_id LIMIT %d", $limit )
		);
	}

	/**
	 * How long to wait after so many failed attempts: a minute, then twice as long each time, up to six hours.
	 *
	 * @param int $attempts Failed attempts in a row, from 1.
	 */
	public static function delay( int $attempts ): int {
		return (int) min( self::LAST_DELAY_SECONDS, self::FIRST_DELAY_SECONDS * pow( 2, max( 0, min( $attempts, 20 ) - 1 ) ) );
	}

	/**
	 * The rows under a lease.
	 *
	 * @param string $lease The sender's mark.
	 */
	private function leased( string $lease ): array {
		return (array) $this->db->get_results(
			$this->db->prepare( "SELECT order_id, revision, attempts, lease FROM {$this->table} WHERE lease = %s ORDER BY order_id", $lease )
		);
	}

	/**
	 * A mark that no other sender has.
	 */
	private static function new_lease(): string {
		return bin2hex( random_bytes( 16 ) );
	}
}
