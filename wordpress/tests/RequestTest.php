<?php
namespace Tandem\Tests;

use Tandem\After_Response;
use Tandem\Order_Watch;
use Tandem\Settings;

/** What a buyer's request does: it notes, answers, and only then sends. */
final class RequestTest extends TestCase {

	private function order( int $id, string $status, array $changes = array() ) {
		return new class( $id, $status, $changes ) {
			private $all;
			public function __construct( ...$all ) {
				$this->all = $all;
			}
			public function get_id() {
				return $this->all[0];
			}
			public function get_status() {
				return $this->all[1];
			}
			public function get_changes() {
				return $this->all[2];
			}
		};
	}

	public function test_nothing_is_sent_before_the_response_has_ended() {
		$watch = new Order_Watch( $this->outbox );
		$watch->on_status( 7, 'pending', 'processing' );
		$this->assertCount( 1, $this->rows() );
		$sent_before = null;
		$end         = function () use ( &$sent_before ) {
			$sent_before = count( $this->received() );
			return true;
		};
		( new After_Response( $watch, $this->handover(), $end ) )->run();
		$this->assertSame( 0, $sent_before );
		$this->assertSame( array( array( 7 ) ), $this->received_ids() );
		$this->assertSame( array(), $this->rows() );
	}

	public function test_where_a_response_cannot_be_ended_early_nothing_is_sent() {
		$watch = new Order_Watch( $this->outbox );
		$watch->note( 7 );
		( new After_Response( $watch, $this->handover(), '__return_false' ) )->run();
		$this->assertSame( array(), $this->received() );
		$this->assertCount( 1, $this->rows() );
	}

	public function test_requests_without_orders_do_nothing_at_their_end() {
		$end = function () {
			$this->fail( 'the response was ended' );
		};
		( new After_Response( new Order_Watch( $this->outbox ), $this->handover(), $end ) )->run();
		$this->assertSame( array(), $this->received() );
	}

	public function test_many_changes_in_one_request_are_one_row_written_once() {
		$watch   = new Order_Watch( $this->outbox );
		$queries = $GLOBALS['wpdb']->num_queries;
		$watch->on_status( 7, 'pending', 'processing' );
		$watch->note( 7 );
		$watch->on_status( 7, 'processing', 'completed' );
		$this->assertSame( 1, $GLOBALS['wpdb']->num_queries - $queries );
		$this->assertSame( '1', $this->rows()[7]->revision );
	}

	/** @dataProvider changes */
	public function test_what_is_noted( bool $noted, callable $change ) {
		$change( new Order_Watch( $this->outbox ), $this );
		$this->assertSame( $noted ? array( 7 ) : array(), array_keys( $this->rows() ) );
	}

	public function changes() {
		$order = function ( ...$of ) {
			return $this->order( 7, ...$of );
		};
		$status = static function ( $from, $to ) {
			return static function ( $watch ) use ( $from, $to ) {
				$watch->on_status( 7, $from, $to );
			};
		};
		$saved = static function ( $status, $changes ) use ( $order ) {
			return static function ( $watch ) use ( $order, $status, $changes ) {
				$watch->before_save( $order( $status, $changes ) );
				$watch->after_save( $order( $status, array() ) );
			};
		};
		$new = static function ( $status ) use ( $order ) {
			return static function ( $watch ) use ( $order, $status ) {
				$watch->on_new( 7, $order( $status ) );
			};
		};
		return array(
			'paid'                          => array( true, $status( 'pending', 'processing' ) ),
			'waits for a transfer'          => array( true, $status( 'pending', 'on-hold' ) ),
			'a status of another plugin'    => array( true, $status( 'pending', 'wfocu-pri-order' ) ),
			'cancelled'                     => array( true, $status( 'processing', 'cancelled' ) ),
			'opened again'                  => array( true, $status( 'on-hold', 'pending' ) ),
			'placed, not paid'              => array( false, $status( 'checkout-draft', 'pending' ) ),
			'made by hand, paid'            => array( true, $new( 'completed' ) ),
			'made at checkout'              => array( false, $new( 'pending' ) ),
			'a draft'                       => array( false, $new( 'checkout-draft' ) ),
			'grew after payment'            => array( true, $saved( 'processing', array( 'total' => '99' ) ) ),
			'another note, the same total'  => array( false, $saved( 'processing', array( 'customer_note' => 'x' ) ) ),
			'total before payment'          => array( false, $saved( 'pending', array( 'total' => '99' ) ) ),
			'refund taken back'             => array(
				true,
				static function ( $watch ) {
					$watch->on_refund_deleted( 8, 7 );
				},
			),
			'nonsense'                      => array(
				false,
				static function ( $watch ) {
					$watch->note( 'x' );
					$watch->note( null );
					$watch->on_new( 7 );
				},
			),
		);
	}

	public function test_without_a_gateway_nobody_listens() {
		( new Order_Watch( $this->outbox ) )->listen();
		$this->assertFalse( has_action( 'woocommerce_order_status_changed' ) );
		Settings::change( array( 'connected' => true ) );
		( new Order_Watch( $this->outbox ) )->listen();
		$this->assertTrue( has_action( 'woocommerce_order_status_changed' ) );
		remove_all_actions( 'woocommerce_order_status_changed' );
	}
}
