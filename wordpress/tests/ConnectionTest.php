<?php
namespace Tandem\Tests;

use Tandem\Connection;

/** The connection string and the signature. */
final class ConnectionTest extends TestCase {

	public function test_it_reads_what_the_gateway_prints() {
		$connection = Connection::parse( " \n" . chunk_split( self::line( array( 'url' => 'https://gateway.example/' ) ), 30 ) );
		$this->assertSame( 'https://gateway.example/plugin/shop', $connection->endpoint() );
		$this->assertSame( '/x7k2', $connection->path );
	}

	public function test_a_site_without_script_has_no_path() {
		$this->assertSame( '', Connection::parse( self::line( array( 'path' => '' ) ) )->path );
	}

	/** @dataProvider damaged */
	public function test_it_refuses_anything_else( $text ) {
		$this->assertInstanceOf( \WP_Error::class, Connection::parse( $text ) );
	}

	public function damaged() {
		return array(
			'nothing'          => array( '' ),
			'something else'   => array( 'https://gateway.example' ),
			'cut'              => array( substr( self::line(), 0, 40 ) ),
			'not base64'       => array( 'tandem1.!!!!' ),
			'no secret'        => array( self::line( array( 'secret' => '' ) ) ),
			'a list'           => array( 'tandem1.' . base64_encode( '[1]' ) ),
			'a file'           => array( self::line( array( 'url' => 'file:///etc/passwd' ) ) ),
			'a script'         => array( self::line( array( 'url' => 'javascript:alert(1)' ) ) ),
			'a path with HTML' => array( self::line( array( 'path' => '/"><script>' ) ) ),
			'an odd site'      => array( self::line( array( 'site' => '../x' ) ) ),
		);
	}

	/** Fixed vectors, made with openssl; the gateway is tested with the same. */
	public function test_it_signs_as_the_contract_says() {
		$connection = Connection::parse( self::line( array( 'secret' => 'a secret & <ü>' ) ) );
		$headers    = $connection->sign( '{"version":1}', 1800000000, '000102030405060708090a0b0c0d0e0f' );
		$this->assertSame( 'v1=108e11e47677a50f2477e9b3ef6a70106195d7db28ddf1922928a982fe11a214', $headers['X-Tandem-Signature'] );
		$headers = Connection::parse( self::line() )->sign( '', 1, str_repeat( 'f', 32 ) );
		$this->assertSame(
			array(
				'X-Tandem-Time'      => '1',
				'X-Tandem-Nonce'     => str_repeat( 'f', 32 ),
				'X-Tandem-Signature' => 'v1=ccbb4334a6d7e5252583fd5faed14ce4bc18298532e33d4ee00b7cd8db412f22',
			),
			$headers
		);
	}

	public function test_the_secret_is_not_loaded_with_every_page_and_is_not_dumped_by_accident() {
		Connection::parse( self::line() )->save();
		$this->assertArrayNotHasKey( 'tandem_connection', wp_load_alloptions( true ) );
		$this->assertSame( 'shop', Connection::saved()->site );
		$this->assertStringNotContainsString( 'test-secret', json_encode( Connection::saved() ) );
	}
}
