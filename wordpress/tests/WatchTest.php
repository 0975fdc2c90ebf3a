<?php
namespace Tandem\Tests;

use Tandem\After_Response;
use Tandem\Connection;
use Tandem\Gateway;
use Tandem\Handover;
use Tandem\Journal;
use Tandem\Order_Watch;
use Tandem\Outbox;
use Tandem\Schema;

/** No change of an order gets lost between requests, other plugins and databases. */
final class WatchTest extends TestCase {

	public function test_a_change_after_another_request_sent_the_order_is_sent_too() {
		$watch = new Order_Watch( $this->outbox );
		$watch->on_status( 7, 'pending', 'on-hold' );
		// The payment provider calls while the buyer's request still runs.
		$call = new Order_Watch( $this->outbox );
		$call->on_status( 7, 'on-hold', 'processing' );
		( new After_Response( $call, $this->handover(), '__return_true' ) )->run();
		$this->assertSame( array(), $this->rows() );
		$watch->on_status( 7, 'processing', 'completed' );
		( new After_Response( $watch, $this->handover(), '__return_true' ) )->run();
		$this->assertSame( array( array( 7 ), array( 7 ) ), $this->received_ids() );
		$this->assertFalse( $watch->has_noted() );
	}

	public function test_a_change_after_another_request_sent_the_order_waits_where_a_response_cannot_be_ended() {
		$watch = new Order_Watch( $this->outbox );
		$watch->note( 7 );
		$this->handover()->after_response( array( 7 ), time() );
		$watch->note( 7 );
		( new After_Response( $watch, $this->handover(), '__return_false' ) )->run();
		$this->assertSame( array( 7 ), array_keys( $this->rows() ) );
	}

	public function test_orders_are_read_as_they_are_now_not_as_this_request_knew_them() {
		$known = null;
		$read  = static function ( $id ) use ( &$known ) {
			$known = wp_cache_get( $id, 'orders' );
			return array( 'id' => $id );
		};
		$gateway = static function () {
			return new Gateway( Connection::parse( self::line() ) );
		};
		$this->outbox->note( 7, self::NOW );
		wp_cache_set( 7, 'on-hold', 'orders' );
		( new Handover( $this->outbox, new Journal(), $gateway, $read ) )->after_response( array( 7 ), self::NOW );
		$this->assertFalse( $known );
		$this->assertSame( array( array( 7 ) ), $this->received_ids() );
	}

	public function test_a_status_is_noted_when_the_order_is_saved_though_other_listeners_may_fail() {
		$order = new class() {
			public function get_id() {
				return 7;
			}
			public function get_status() {
				return 'processing';
			}
			public function get_changes() {
				return array( 'status' => 'processing' );
			}
		};
		$watch = new Order_Watch( $this->outbox );
		$watch->before_save( $order );
		$this->assertSame( array(), $this->rows() );
		$watch->after_save( $order );
		$this->assertSame( array( 7 ), array_keys( $this->rows() ) );
	}

	public function test_a_lost_table_is_made_again_and_the_order_noted() {
		Schema::drop();
		( new Order_Watch( Outbox::open() ) )->note( 7 );
		$this->assertSame( array( 7 ), array_keys( $this->rows() ) );
	}

	public function test_the_table_goes_with_a_site_of_a_network() {
		$this->assertSame( array( 'wp_posts', Schema::table() ), Schema::add_table( array( 'wp_posts' ) ) );
	}

	public function test_classes_that_are_known_to_be_there_are() {
		foreach ( \Tandem\KNOWN_CLASSES as $name ) {
			$this->assertTrue( class_exists( "Tandem\\$name" ), $name );
		}
		$this->assertFalse( class_exists( 'Tandem\Nobody' ) );
	}
}
