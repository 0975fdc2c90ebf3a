<?php
namespace Tandem\Tests;

use Tandem\Connection;
use Tandem\Gateway;
use Tandem\Handover;
use Tandem\Journal;

/** Orders on their way to a real HTTP server that stands in for the gateway. */
final class HandoverTest extends TestCase {

	private function note( int ...$ids ): void {
		foreach ( $ids as $id ) {
			$this->outbox->note( $id, self::NOW );
		}
	}

	public function test_after_the_response_the_gateway_has_the_order_and_the_row_is_gone() {
		$this->note( 7 );
		$this->handover()->after_response( array( 7 ), self::NOW );
		list( $entry ) = $this->received();
		$this->assertTrue( $entry['signed'] );
		$this->assertSame( '/plugin/shop', $entry['path'] );
		$this->assertSame( 'application/json', $entry['type'] );
		$this->assertSame( 1, $entry['body']['version'] );
		$this->assertSame( 'orders', $entry['body']['kind'] );
		$this->assertSame( array(), $this->rows() );
		$this->assertSame( 1, ( new Journal() )->read()['handed_over'] );
	}

	public function test_every_request_has_a_nonce_of_its_own() {
		$this->note( 7, 8 );
		$this->handover()->after_response( array( 7 ), self::NOW );
		$this->handover()->after_response( array( 8 ), self::NOW );
		$this->assertCount( 2, array_unique( array_column( $this->received(), 'nonce' ) ) );
		$this->assertSame( array(), $this->rows() );
	}

	public function test_the_background_leaves_fresh_rows_alone_and_takes_them_later() {
		$this->note( 7 );
		$this->handover()->in_background( self::NOW + 59 );
		$this->assertSame( array(), $this->received() );
		$this->handover()->in_background( self::NOW + 60 );
		$this->assertSame( array( array( 7 ) ), $this->received_ids() );
	}

	/** @dataProvider away */
	public function test_what_the_gateway_does_not_take_is_kept( $mode, $said ) {
		$this->behave( $mode );
		$this->note( 7 );
		$this->handover()->after_response( array( 7 ), self::NOW );
		$this->assertStringContainsString( $said, $this->rows()[7]->last_error );
		$this->assertSame( '0', $this->rows()[7]->refused );
		$this->assertSame( self::NOW + 60, $this->handover()->next_time( self::NOW ) );
	}

	public function away() {
		return array(
			'in trouble'       => array( '503 store_unavailable', '503' ),
			'too busy'         => array( '429 slow_down', '429' ),
			'too slow'         => array( '408 body_slow', '408' ),
			'secret unknown'   => array( '401 credentials_wrong', 'does not know this secret' ),
			'clock off'        => array( '401 time_off', 'differ by 1000 seconds' ),
			'no such path'     => array( '404 not_found', '404' ),
			'somebody else’s'  => array( 'html', 'not a Tandem gateway' ),
		);
	}

	public function test_a_dead_gateway_keeps_the_order() {
		$this->note( 7 );
		$this->handover( array( 'url' => 'http://127.0.0.1:1' ) )->after_response( array( 7 ), self::NOW );
		$this->assertNotSame( '', $this->rows()[7]->last_error );
	}

	public function test_a_gateway_that_never_answers_is_given_up() {
		$silent = stream_socket_server( 'tcp://127.0.0.1:0' );
		$this->note( 7 );
		$this->handover( array( 'url' => 'http://' . stream_socket_get_name( $silent, false ) ) )->after_response( array( 7 ), self::NOW );
		$this->assertStringContainsString( 'timed out', $this->rows()[7]->last_error );
	}

	public function test_for_a_minute_after_a_failure_no_request_even_tries() {
		$this->behave( '503 store_unavailable' );
		$this->note( 7, 8 );
		$this->handover()->after_response( array( 7 ), self::NOW );
		$this->handover()->after_response( array( 8 ), self::NOW + 59 );
		$this->assertCount( 1, $this->received() );
		$this->assertSame( '0', $this->rows()[8]->attempts );
		$this->handover()->after_response( array( 8 ), self::NOW + 60 );
		$this->assertCount( 2, $this->received() );
	}

	public function test_a_week_without_gateway_loses_nothing_and_asks_rarely() {
		$this->behave( '503 store_unavailable' );
		$this->note( ...range( 1, 120 ) );
		$now = self::NOW + 60;
		$end = self::NOW + WEEK_IN_SECONDS;
		while ( $now < $end ) {
			$this->handover()->in_background( $now );
			$next = $this->handover()->next_time( $now );
			$this->assertGreaterThan( $now, $next );
			$now = $next;
		}
		$this->assertLessThan( 45, count( $this->received() ) );
		$this->assertSame( 120, $this->outbox->count() );

		$this->behave( 'ok' );
		@unlink( self::folder() . '/received.ndjson' );
		$this->handover()->in_background( $now );
		$ids = array_merge( ...$this->received_ids() );
		sort( $ids );
		$this->assertSame( range( 1, 120 ), $ids );
		$this->assertSame( array(), $this->rows() );
		$this->assertNull( $this->handover()->next_time( $now ) );
	}

	public function test_one_odd_order_does_not_hold_up_the_others() {
		$this->behave( '422 event_invalid odd 8' );
		$this->note( 7, 8, 9 );
		$this->handover()->in_background( self::NOW + 60 );
		$rows = $this->rows();
		$this->assertSame( array( 8 ), array_keys( $rows ) );
		$this->assertSame( '1', $rows[8]->refused );
		$this->assertStringContainsString( 'event_invalid', $rows[8]->last_error );
		$this->assertSame( array( '8' ), array_column( $this->outbox->refused( 5 ), 'order_id' ) );
	}

	public function test_an_order_that_cannot_be_read_waits_alone_and_one_that_is_gone_is_done_with() {
		$this->note( 7, 666, 901 );
		$this->handover()->in_background( self::NOW + 60 );
		$this->assertSame( array( array( 7 ) ), $this->received_ids() );
		$this->assertSame( array( 666 ), array_keys( $this->rows() ) );
		$this->assertSame( 'an odd order', $this->rows()[666]->last_error );
	}

	public function test_parcels_are_no_larger_than_the_gateway_takes() {
		$this->note( ...range( 1, 60 ) );
		$this->handover( array(), 20000 )->in_background( self::NOW + 60 );
		$this->assertSame( array(), $this->rows() );
		foreach ( $this->received() as $entry ) {
			$this->assertLessThan( 256 * 1024, strlen( wp_json_encode( $entry['body'] ) ) );
		}
	}

	public function test_a_request_makes_one_attempt_and_leaves_the_rest_to_the_background() {
		$this->note( ...range( 1, 30 ) );
		$this->handover( array(), 20000 )->after_response( range( 1, 30 ), self::NOW );
		$this->assertCount( 1, $this->received() );
		$this->assertSame( self::NOW, $this->outbox->next_due() );
		$this->assertSame( 30, count( $this->received_ids()[0] ) + $this->outbox->count() );
	}

	public function test_without_a_connection_nothing_happens_and_the_rows_stay() {
		$this->note( 7 );
		$handover = Handover::open();
		$handover->after_response( array( 7 ), self::NOW );
		$handover->in_background( self::NOW + 600 );
		$this->assertCount( 1, $this->rows() );
		$this->assertSame( '0', $this->rows()[7]->lease_until );
	}

	public function test_redirects_are_not_followed_with_orders_in_hand() {
		$this->behave( '302 elsewhere' );
		$this->assertFalse( ( new Gateway( Connection::parse( self::line() ) ) )->hand_over( array( array( 'id' => 1 ) ), 5 )->ok );
	}
}
