<?php
namespace Tandem\Tests;

use Tandem\Paid_Rule;
use Tandem\Settings;

/** When the thank-you page may tell of a sale. */
final class PaidRuleTest extends TestCase {

	public function test_the_gateways_rule_decides_also_by_payment_method() {
		$told = array(
			'paid_statuses' => array( 'wc-processing', 'completed', 5 ),
			'gateways'      => array(
				'cod'  => array( 'paid_statuses' => array( 'completed' ) ),
				'bacs' => array( 'paid_statuses' => 'odd' ),
				'odd'  => 'odd',
			),
		);
		$rule = Paid_Rule::of_answer( $told );
		$this->assertSame(
			array(
				''    => array( 'processing', 'completed' ),
				'cod' => array( 'completed' ),
			),
			$rule
		);
		Settings::change( array( 'paid' => $rule ) );
		foreach ( array( 'card processing' => true, 'cod processing' => false, 'cod completed' => true, ' completed' => true, 'bacs on-hold' => false ) as $order => $counts ) {
			list( $method, $status ) = explode( ' ', $order );
			$this->assertSame( $counts, Paid_Rule::counts( self::order( $method, $status, ! $counts ) ), $order );
		}
	}

	public function test_without_a_rule_woocommerce_decides() {
		foreach ( array( array(), array( 'paid_statuses' => null, 'gateways' => 'odd' ) ) as $told ) {
			Settings::change( array( 'paid' => Paid_Rule::of_answer( $told ) ) );
			$this->assertTrue( Paid_Rule::counts( self::order( 'cod', 'processing', true ) ) );
			$this->assertFalse( Paid_Rule::counts( self::order( 'cod', 'pending', false ) ) );
		}
	}

	/** As much of an order as is asked for. */
	private static function order( string $method, string $status, bool $paid ) {
		return new class( $method, $status, $paid ) {
			private $told;
			public function __construct( ...$told ) {
				$this->told = $told;
			}
			public function get_payment_method() {
				return $this->told[0];
			}
			public function get_status() {
				return $this->told[1];
			}
			public function is_paid() {
				return $this->told[2];
			}
		};
	}
}
