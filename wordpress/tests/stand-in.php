<?php
/**
 * Stands in for the gateway, under PHP's own server. Checks signatures by the contract, not by the plugin's code; writes
 * every request into received.ndjson; behaves as the file `mode` says: ok (without the file), html, slow MILLISECONDS,
 * hang, or a status and a JSON text.
 *
 * @package Tandem
 */

$folder = getenv( 'TANDEM_STAND_IN' );
$path   = strtok( $_SERVER['REQUEST_URI'], '?' );

if ( '/up' === $path ) {
	return print 'up';
}
if ( '/x7k2/s.js' === $path ) {
	header( 'Content-Type: text/javascript' );
	return print '// script';
}

$body   = file_get_contents( 'php://input' );
$mode   = 0 === strpos( $path, '/slow/' ) ? 'slow 300' : ( is_file( "$folder/mode" ) ? file_get_contents( "$folder/mode" ) : 'ok' );
$header = static function ( $name ) {
	return $_SERVER[ 'HTTP_' . strtoupper( str_replace( '-', '_', $name ) ) ] ?? '';
};
$time   = $header( 'X-Tandem-Time' );
$nonce  = $header( 'X-Tandem-Nonce' );
$signed = 'v1=' . hash_hmac( 'sha256', "v1\n$time\n$nonce\n$body", 'test-secret' ) === $header( 'X-Tandem-Signature' );
$entry  = array(
	'path'   => $path,
	'signed' => $signed,
	'nonce'  => $nonce,
	'type'   => $_SERVER['CONTENT_TYPE'] ?? '',
	'mode'   => $mode,
	'body'   => json_decode( $body, true ),
);
file_put_contents( "$folder/received.ndjson", json_encode( $entry ) . "\n", FILE_APPEND | LOCK_EX );

$answer = static function ( $status, $json ) {
	http_response_code( $status );
	header( 'Content-Type: application/json' );
	echo json_encode( $json );
};
$refuse = static function ( $status, $code, $more = array() ) use ( $answer ) {
	$answer( $status, array( 'error' => array( 'code' => $code, 'message' => 'told by the stand-in' ) ) + $more );
};

if ( 'hang' === $mode ) {
	sleep( 30 );
	return;
}
if ( 0 === strpos( $mode, 'slow ' ) ) {
	usleep( 1000 * (int) substr( $mode, 5 ) );
}
if ( 'html' === $mode ) {
	return print '<p>hello</p>';
}
if ( preg_match( '/^(\d{3}) (\S+)( odd (\d+))?$/', $mode, $m ) ) {
	$ids = array_column( $entry['body']['orders'] ?? array(), 'id' );
	if ( ! isset( $m[4] ) || in_array( (int) $m[4], $ids, true ) ) {
		return $refuse( (int) $m[1], $m[2], 'time_off' === $m[2] ? array( 'now' => time() - 1000 ) : array() );
	}
}
if ( ! $signed ) {
	return $refuse( 401, 'credentials_wrong' );
}
if ( abs( time() - (int) $time ) > 300 ) {
	return $refuse( 401, 'time_off', array( 'now' => time() ) );
}
if ( ! preg_match( '/^[0-9a-f]{32}$/', $nonce ) || ! @mkdir( "$folder/nonce-$nonce" ) ) {
	return $refuse( 409, 'nonce_used' );
}
if ( 'ping' === $entry['body']['kind'] ) {
	return $answer(
		200,
		array(
			'status'            => 'ready',
			'version'           => '1.0.0',
			'site'              => 'shop',
			'script'            => '/x7k2/s.js',
			'purchase_event_id' => 'wc_order_{id}',
		)
	);
}
$answer(
	200,
	array(
		'orders' => array_map(
			static function ( $order ) {
				return array( 'id' => (string) $order['id'], 'status' => 'accepted', 'event_id' => 'wc_order_' . $order['id'] );
			},
			$entry['body']['orders']
		),
	)
);
