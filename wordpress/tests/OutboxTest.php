<?php
namespace Tandem\Tests;

use Tandem\Outbox;
use Tandem\Schema;

/** The queue: who may take a row, when, and what becomes of it. */
final class OutboxTest extends TestCase {

	public function test_an_order_has_one_row_however_often_it_changes() {
		foreach ( range( 1, 5 ) as $i ) {
			$this->assertTrue( $this->outbox->note( 7, self::NOW + $i ) );
		}
		$rows = $this->rows();
		$this->assertSame( array( 7 ), array_keys( $rows ) );
		$this->assertSame( '5', $rows[7]->revision );
		$this->assertSame( (string) ( self::NOW + 1 ), $rows[7]->noted_at );
	}

	public function test_a_fresh_row_is_left_to_the_request_that_wrote_it() {
		$this->outbox->note( 7, self::NOW );
		$this->assertSame( array(), $this->outbox->claim( self::NOW + 59, 50 ) );
		$this->assertCount( 1, $this->outbox->claim( self::NOW + 60, 50 ) );
	}

	public function test_its_own_request_takes_it_at_once() {
		$this->outbox->note( 7, self::NOW );
		$this->outbox->note( 8, self::NOW );
		$this->assertSame( array( '7' ), array_column( $this->outbox->claim_orders( array( 7 ), self::NOW ), 'order_id' ) );
	}

	public function test_no_two_senders_take_the_same_row() {
		foreach ( range( 1, 10 ) as $id ) {
			$this->outbox->note( $id, self::NOW );
		}
		$later  = self::NOW + 60;
		$first  = array_column( $this->outbox->claim( $later, 6 ), 'order_id' );
		$second = array_column( $this->outbox->claim( $later, 6 ), 'order_id' );
		$this->assertCount( 6, $first );
		$this->assertCount( 4, $second );
		$this->assertSame( array(), array_intersect( $first, $second ) );
		$this->assertSame( array(), $this->outbox->claim_orders( range( 1, 10 ), $later ) );
	}

	public function test_senders_on_connections_of_their_own_share_the_rows_out() {
		foreach ( range( 1, 40 ) as $id ) {
			$this->outbox->note( $id, self::NOW );
		}
		$senders = array();
		foreach ( range( 1, 4 ) as $i ) {
			$code      = 'require getenv("TANDEM_WORDPRESS")."/wp-load.php"; while ($rows = Tandem\Outbox::open()->claim(' . ( self::NOW + 60 ) . ', 3)) foreach ($rows as $row) echo $row->order_id, "\n";';
			$senders[] = popen( 'HTTP_HOST=shop.test ' . escapeshellarg( PHP_BINARY ) . ' -r ' . escapeshellarg( '$_SERVER["HTTP_HOST"]="shop.test";' . $code ), 'r' );
		}
		$taken = array();
		foreach ( $senders as $sender ) {
			$taken = array_merge( $taken, array_filter( explode( "\n", stream_get_contents( $sender ) ) ) );
			pclose( $sender );
		}
		sort( $taken, SORT_NUMERIC );
		$this->assertSame( array_map( 'strval', range( 1, 40 ) ), $taken );
	}

	public function test_a_lease_ends_when_its_sender_died() {
		$this->outbox->note( 7, self::NOW );
		$this->outbox->claim_orders( array( 7 ), self::NOW );
		$this->assertSame( array(), $this->outbox->claim( self::NOW + Outbox::LEASE_SECONDS - 1, 50 ) );
		$this->assertCount( 1, $this->outbox->claim( self::NOW + Outbox::LEASE_SECONDS, 50 ) );
	}

	public function test_delivered_rows_go() {
		$this->outbox->note( 7, self::NOW );
		list( $row ) = $this->outbox->claim_orders( array( 7 ), self::NOW );
		$this->outbox->delivered( $row, self::NOW );
		$this->assertSame( array(), $this->rows() );
		$this->assertNull( $this->outbox->next_due() );
	}

	public function test_a_change_while_it_is_being_sent_is_sent_again() {
		$this->outbox->note( 7, self::NOW );
		list( $row ) = $this->outbox->claim_orders( array( 7 ), self::NOW );
		$this->outbox->note( 7, self::NOW + 1 );
		$this->outbox->delivered( $row, self::NOW + 1 );
		$this->assertSame( self::NOW + 1, $this->outbox->next_due() );
		$this->assertCount( 1, $this->outbox->claim( self::NOW + 1, 50 ) );
	}

	public function test_a_sender_whose_lease_ended_changes_nothing_any_more() {
		$this->outbox->note( 7, self::NOW );
		list( $late ) = $this->outbox->claim_orders( array( 7 ), self::NOW );
		$this->outbox->claim( self::NOW + Outbox::LEASE_SECONDS, 50 );
		$before = $this->rows();
		$this->outbox->delivered( $late, self::NOW );
		$this->outbox->failed( $late, 'late', false, self::NOW );
		$this->assertEquals( $before, $this->rows() );
	}

	public function test_each_failure_waits_longer_up_to_six_hours() {
		$waits = array();
		$now   = self::NOW;
		$this->outbox->note( 7, $now );
		foreach ( range( 1, 11 ) as $i ) {
			list( $row ) = $this->outbox->claim_orders( array( 7 ), $now );
			$this->outbox->failed( $row, 'no answer', false, $now );
			$waits[] = $this->outbox->next_due() - $now;
			$now    += end( $waits );
		}
		$this->assertSame( array( 60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600 ), $waits );
		$this->assertSame( 'no answer', $this->rows()[7]->last_error );
		$this->assertSame( 21600, Outbox::delay( 65535 ) );
	}

	public function test_a_change_of_a_waiting_order_does_not_shorten_its_wait() {
		$this->outbox->note( 7, self::NOW );
		list( $row ) = $this->outbox->claim_orders( array( 7 ), self::NOW );
		$this->outbox->failed( $row, 'no answer', false, self::NOW + 1000 );
		$due = $this->outbox->next_due();
		$this->outbox->note( 7, self::NOW + 1001 );
		$this->assertSame( $due, $this->outbox->next_due() );
	}

	public function test_a_refused_order_gets_a_new_chance_when_it_changes() {
		$this->outbox->note( 7, self::NOW );
		foreach ( range( 1, 9 ) as $i ) {
			list( $row ) = $this->outbox->claim_orders( array( 7 ), self::NOW );
			$this->outbox->failed( $row, 'odd', true, self::NOW );
		}
		$this->outbox->hurry( self::NOW );
		$this->assertSame( self::NOW + 15360, $this->outbox->next_due() );
		$this->outbox->note( 7, self::NOW );
		$this->assertSame( self::NOW + 60, $this->outbox->next_due() );
	}

	public function test_when_the_gateway_is_back_nothing_waits() {
		foreach ( array( 7, 8 ) as $id ) {
			$this->outbox->note( $id, self::NOW );
			list( $row ) = $this->outbox->claim_orders( array( $id ), self::NOW );
			$this->outbox->failed( $row, 'no answer', 8 === $id, self::NOW + 5000 );
		}
		$this->outbox->hurry( self::NOW + 5001 );
		$this->assertSame( array( '7' ), array_column( $this->outbox->claim( self::NOW + 5001, 50 ), 'order_id' ) );
	}

	public function test_without_its_table_it_says_so_and_nothing_breaks() {
		Schema::drop();
		$this->assertFalse( $this->outbox->note( 7, self::NOW ) );
	}
}
