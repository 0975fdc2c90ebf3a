<?php
/**
 * Our block in the shop's .htaccess.
 *
 * @package Tandem
 */

namespace Tandem;

defined( 'ABSPATH' ) || exit;

/**
 * Lets Apache pass the script's path on to the gateway, where the shop may say so in .htaccess. The block is tried in a folder
 * of its own first: what Apache does not take there would take the whole shop down.
 */
final class Htaccess {

	const MARKER = 'Tandem';

	/**
	 * The file that our block is in, while it is.
	 */
	const OPTION = 'tandem_htaccess';

	/**
	 * Writes the block, and takes it out again if the script does not come from there then.
	 *
	 * @param string $script   The script's path, such as /x7k2/s.js.
	 * @param string $upstream Where the web server reaches the gateway.
	 * @return string Why not; an empty text when all is well.
	 */
	public static function add( string $script, string $upstream ): string {
		require_once ABSPATH . 'wp-admin/includes/file.php';
		require_once ABSPATH . 'wp-admin/includes/misc.php';
		$file     = get_home_path() . '.htaccess';
		$obstacle = self::rehearse( $script, $upstream );
		if ( '' !== $obstacle ) {
			return $obstacle;
		}
		update_option( self::OPTION, $file, false );
		if ( ! insert_with_markers( $file, self::MARKER, self::lines( dirname( $script ), $upstream . '%1' ) ) ) {
			self::remove();
			return __( 'The shop’s .htaccess cannot be written.', 'tandem' );
		}
		$obstacle = Own_Address::obstacle( Own_Address::of( $script ) );
		if ( '' !== $obstacle ) {
			self::remove();
		}
		return $obstacle;
	}

	/**
	 * Whether the block is there.
	 */
	public static function is_there(): bool {
		return '' !== (string) get_option( self::OPTION, '' );
	}

	/**
	 * Takes the block out, and leaves the rest of the file as it is.
	 *
	 * @return bool Whether it is out.
	 */
	public static function remove(): bool {
		$file = (string) get_option( self::OPTION, '' );
		if ( '' !== $file && is_file( $file ) ) {
			// Opened as insert_with_markers() does it, so that the two wait for each other.
			// phpcs:disable WordPress.WP.AlternativeFunctions -- WP_Filesystem cannot lock.
			$open = is_writable( $file ) ? fopen( $file, 'r+' ) : false;
			if ( ! $open ) {
				return false;
			}
			flock( $open, LOCK_EX );
			$text = (string) stream_get_contents( $open );
			$rest = preg_replace( '/\n?^# BEGIN ' . self::MARKER . '$.*?^# END ' . self::MARKER . '$/ms', '', $text );
			if ( is_string( $rest ) && $rest !== $text ) {
				rewind( $open );
				ftruncate( $open, 0 );
				fwrite( $open, $rest );
			}
			fclose( $open );
			// phpcs:enable
		}
		delete_option( self::OPTION );
		return true;
	}

	/**
	 * Tries the block in a folder that nobody visits.
	 *
	 * @param string $script   The script's path.
	 * @param string $upstream The gateway.
	 * @return string Why it does not work, or an empty text.
	 */
	private static function rehearse( string $script, string $upstream ): string {
		$name   = 'tandem-check-' . strtolower( wp_generate_password( 12, false ) );
		$folder = get_home_path() . $name;
		if ( ! wp_mkdir_p( $folder ) ) {
			return __( 'The shop’s folder cannot be written.', 'tandem' );
		}
		$written  = insert_with_markers( "$folder/.htaccess", self::MARKER, self::lines( "/$name", $upstream . $script ) );
		$obstacle = $written ? Own_Address::obstacle( Own_Address::of( "/$name/s.js" ) ) : __( 'The shop’s folder cannot be written.', 'tandem' );
		wp_delete_file( "$folder/.htaccess" );
		rmdir( $folder ); // phpcs:ignore WordPress.WP.AlternativeFunctions.file_system_operations_rmdir -- WP_Filesystem may ask for a password.
		if ( '' === $obstacle ) {
			return '';
		}
		/* translators: %s: what went wrong. */
		return sprintf( __( 'Apache did not take the lines when they were tried in a folder of their own; the shop’s .htaccess was not touched. They need mod_rewrite, mod_proxy_http, mod_headers and mod_setenvif, and AllowOverride FileInfo. %s', 'tandem' ), $obstacle );
	}

	/**
	 * The block. Without one of the modules it does nothing at all: it passes nothing on unless it can keep cookies back.
	 *
	 * Inside <If> the shop's own rules do not apply, wherever in the file they are. X-Forwarded-For is only taken away, since
	 * mod_proxy adds the connection's address itself.
	 *
	 * @param string $folder What addresses begin with, without a slash at its end.
	 * @param string $target Where it leads; %1 is the path that was asked for.
	 * @return string[]
	 */
	private static function lines( string $folder, string $target ): array {
		$folder = str_replace( '.', '\\.', $folder );
		// What comes by http to a shop with https came by https to whatever stands in front of this server.
		$scheme = 'https' === wp_parse_url( home_url(), PHP_URL_SCHEME ) ? 'https' : 'expr=%{REQUEST_SCHEME}';
		return array(
			'<IfModule mod_rewrite.c>',
			'<IfModule mod_proxy_http.c>',
			'<IfModule mod_headers.c>',
			'<IfModule mod_setenvif.c>',
			'<If "%{REQUEST_URI} =~ m#^' . $folder . '/#">',
			'    RewriteEngine On',
			'    RewriteCond %{HTTP:Content-Length} -gt65536',
			'    RewriteRule "^" "-" [R=413,L]',
			'    RewriteCond %{REQUEST_URI} "^(' . $folder . '/[A-Za-z0-9._~/-]*)$"',
			'    RewriteRule "^" "' . $target . '" [P,L]',
			'    # The visitor\'s id and no other cookie: no log-in or session of the shop leaves it.',
			'    SetEnvIf Cookie "(?:^|;\s*)(tdv=[A-Za-z0-9_.-]+)" tandem_cookie=$1',
			'    RequestHeader unset Cookie',
			'    RequestHeader set Cookie "%{tandem_cookie}e" env=tandem_cookie',
			'    RequestHeader unset Authorization',
			'    # mod_proxy adds the connection\'s address.',
			'    RequestHeader unset X-Forwarded-For',
			'    RequestHeader unset X-Forwarded-Host',
			'    RequestHeader set X-Forwarded-Proto "' . $scheme . '"',
			'</If>',
			'</IfModule>',
			'</IfModule>',
			'</IfModule>',
			'</IfModule>',
		);
	}
}
