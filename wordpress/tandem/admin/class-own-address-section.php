<?php
/**
 * The page's script, and how it comes from the shop's own address.
 *
 * @package Tandem
 */

namespace Tandem\Admin;

use Tandem\Connection;
use Tandem\Htaccess;
use Tandem\Own_Address;
use Tandem\Settings;

defined( 'ABSPATH' ) || exit;

/**
 * A part of the settings tab: how it is now, why it matters, and the lines for the web server.
 */
final class Own_Address_Section {

	const FIELD = 'tandem_upstream';

	/**
	 * Prints it, inside the form of the settings.
	 */
	public function output(): void {
		$connection = Connection::saved();
		$found      = Own_Address::found();
		if ( ! $connection || '' === $found['script'] ) {
			return;
		}
		wp_enqueue_script( 'tandem-settings', plugins_url( 'assets/settings.js', \Tandem\PLUGIN_FILE ), array( 'clipboard', 'wp-a11y' ), \Tandem\VERSION, true );
		$upstream = Own_Address::upstream( $connection );
		?>
		<table class="form-table">
			<tr>
				<th scope="row" class="titledesc"><?php esc_html_e( 'Under the shop’s own address', 'tandem' ); ?></th>
				<td class="forminp">
					<?php $this->output_state( $found ); ?>
					<p class="description"><?php esc_html_e( 'Why it matters: Safari, and with it every browser on an iPhone, ends cookies after seven days unless they come from the address of the page itself. A visitor who comes back later is a new one then, and the click on the ad that brought them is forgotten. Under the shop’s own address cookies live as long as they say.', 'tandem' ); ?></p>
				</td>
			</tr>
			<tr>
				<th scope="row" class="titledesc"><label for="<?php echo esc_attr( self::FIELD ); ?>"><?php esc_html_e( 'Gateway, seen from the web server', 'tandem' ); ?></label></th>
				<td class="forminp">
					<input type="text" class="regular-text code" spellcheck="false" name="<?php echo esc_attr( self::FIELD ); ?>" id="<?php echo esc_attr( self::FIELD ); ?>"
						value="<?php echo esc_attr( $upstream ); ?>" aria-describedby="tandem-upstream-note" />
					<p class="description" id="tandem-upstream-note"><?php esc_html_e( 'Where the shop’s web server reaches the gateway’s public port. It stands in the lines below; save after you change it. On another machine, put this web server’s address into the gateway’s trusted_proxies.', 'tandem' ); ?></p>
				</td>
			</tr>
			<tr>
				<th scope="row" class="titledesc"><?php esc_html_e( 'Lines for the web server', 'tandem' ); ?></th>
				<td class="forminp">
					<p><?php esc_html_e( 'The web server hands this one path on to the gateway. No PHP runs for it, and no cookie of the shop, log-in or session, leaves with it.', 'tandem' ); ?></p>
					<?php if ( self::is_behind_proxy() ) : ?>
						<p class="tandem-warning"><span class="dashicons dashicons-warning" aria-hidden="true"></span>
							<?php esc_html_e( 'A proxy or CDN stands in front of this web server, and its address may be taken for the visitor’s. Let the web server take the visitor’s address from the proxy first: real_ip in nginx, mod_remoteip in Apache, trusted_proxies in Caddy, with the proxy’s addresses and nobody else’s.', 'tandem' ); ?></p>
					<?php endif; ?>
					<?php $this->output_lines( dirname( $found['script'] ), $upstream ); ?>
				</td>
			</tr>
		</table>
		<?php
	}

	/**
	 * Takes what was posted, and writes or removes the lines if that was asked for. The form's nonce has been checked.
	 *
	 * @param string $asked Which button was pressed.
	 * @return true|string|null Whether it worked, or why not; null where nothing was asked for.
	 */
	public static function save( string $asked ) {
		$connection = Connection::saved();
		if ( ! $connection ) {
			return null;
		}
		$before = Own_Address::upstream( $connection );
		// phpcs:ignore WordPress.Security.NonceVerification.Missing -- Settings_Tab::save() has checked it.
		$upstream = isset( $_POST[ self::FIELD ] ) ? untrailingslashit( sanitize_text_field( wp_unslash( $_POST[ self::FIELD ] ) ) ) : '';
		if ( '' !== $upstream ) {
			if ( ! Own_Address::is_upstream( $upstream ) ) {
				/* translators: %s: an address. */
				return sprintf( __( 'The gateway, seen from the web server: write it as %s, without a path.', 'tandem' ), 'http://' . Own_Address::USUAL );
			}
			update_option( Own_Address::UPSTREAM, $upstream, false );
			if ( $upstream !== $before && Htaccess::is_there() && 'take_back' !== $asked ) {
				// What stands in .htaccess leads elsewhere.
				$asked = 'pass_on';
			}
		}
		if ( 'pass_on' === $asked && '' === self::why_not_htaccess() ) {
			$obstacle = Htaccess::add( Own_Address::found()['script'], Own_Address::upstream( $connection ) );
			return '' === $obstacle ? true : $obstacle;
		}
		if ( 'take_back' === $asked && current_user_can( 'manage_options' ) ) {
			return Htaccess::remove() ? true : __( 'The shop’s .htaccess cannot be written.', 'tandem' );
		}
		return null;
	}

	/**
	 * How it is now.
	 *
	 * @param array $found What was found last.
	 */
	private function output_state( array $found ): void {
		$in_use = Settings::get( 'script' ) === Own_Address::of( $found['script'] );
		if ( $found['works'] ) {
			$text = $in_use
				? __( 'The script is served under this shop’s own address.', 'tandem' )
				: __( 'The script could be served under this shop’s own address, but is set to something else above.', 'tandem' );
		} else {
			$text = ( $in_use
				? __( 'Pages ask for the script under this shop’s own address, but it is not there.', 'tandem' )
				: __( 'The script is not served under this shop’s own address.', 'tandem' ) ) . ' ' . $found['obstacle'];
		}
		Status::output_mark( $found['works'] ? 'good' : ( $in_use ? 'bad' : 'open' ), $text );
		printf( '<p><code>%s</code></p>', esc_html( Own_Address::of( $found['script'] ) ) );
	}

	/**
	 * The lines for every web server, those for this one open.
	 *
	 * @param string $path     The script's path without its name.
	 * @param string $upstream The gateway.
	 */
	private function output_lines( string $path, string $upstream ): void {
		$https  = 'https' === wp_parse_url( home_url(), PHP_URL_SCHEME );
		$here   = Web_Server::detect( self::software() );
		$titles = array(
			Web_Server::NGINX     => array( 'nginx', __( 'In the shop’s “server { … }”, then reload nginx:', 'tandem' ) ),
			Web_Server::APACHE    => array( 'Apache', __( 'In the shop’s <VirtualHost>, above its own RewriteRules, then reload Apache. Add env=!tandem to the end of its CustomLog line to keep this path out of the access log:', 'tandem' ) ),
			Web_Server::CADDY     => array( 'Caddy', __( 'In the shop’s site block, with everything that was there before inside “handle { … }”:', 'tandem' ) ),
			Web_Server::LITESPEED => array( 'LiteSpeed', __( 'LiteSpeed Enterprise reads Apache’s configuration: have your host put the lines for Apache into the virtual host. For OpenLiteSpeed we know no tested way to pass a path on and keep the shop’s log-in cookies back; use the gateway’s own address there, or a CDN in front that passes the path on.', 'tandem' ) ),
		);
		if ( isset( $titles[ $here ] ) ) {
			$titles = array( $here => $titles[ $here ] ) + $titles;
		}
		foreach ( $titles as $server => $title ) {
			$lines = Web_Server::lines( $server, $path, $upstream, $https );
			$id    = 'tandem-lines-' . $server;
			printf( '<details class="tandem-lines"%1$s><summary>%2$s</summary>', $server === $here ? ' open' : '', esc_html( $server === $here ? $title[0] . ' – ' . __( 'this shop’s web server', 'tandem' ) : $title[0] ) );
			if ( Web_Server::APACHE === $server && $server === $here ) {
				$this->output_htaccess();
			}
			printf( '<p><label for="%1$s">%2$s</label></p>', esc_attr( $id ), esc_html( $title[1] ) );
			if ( '' !== $lines ) {
				printf( '<textarea id="%1$s" class="large-text code" rows="12" readonly spellcheck="false" wrap="off">%2$s</textarea>', esc_attr( $id ), esc_textarea( $lines ) );
				printf( '<p><button type="button" class="button tandem-copy" data-clipboard-target="#%1$s" data-copied="%2$s">%3$s</button></p>', esc_attr( $id ), esc_attr__( 'Copied', 'tandem' ), esc_html__( 'Copy', 'tandem' ) );
			}
			echo '</details>';
		}
		echo '<p class="description">' . esc_html__( 'Another server, or none that you can change? The gateway’s documentation (docs/same-origin.md) says what any proxy must do, and has a Worker for Cloudflare.', 'tandem' ) . '</p>';
	}

	/**
	 * The button for shops whose .htaccess we may write.
	 */
	private function output_htaccess(): void {
		if ( Htaccess::is_there() ) {
			echo '<p>' . esc_html__( 'The lines are in this shop’s .htaccess.', 'tandem' ) . '</p>';
			printf( '<p><button type="submit" name="save" value="take_back" class="button">%s</button></p>', esc_html__( 'Take them out of .htaccess', 'tandem' ) );
			return;
		}
		$why_not = self::why_not_htaccess();
		if ( '' !== $why_not ) {
			echo '<p class="description">' . esc_html( $why_not ) . '</p>';
			return;
		}
		echo '<p>' . esc_html__( 'We can write what is needed into this shop’s .htaccess. It is tried in a folder of its own first, and taken out again if the script does not come then. In the virtual host the lines below are better still: they also set short time limits and keep this path out of the logs.', 'tandem' ) . '</p>';
		printf( '<p><button type="submit" name="save" value="pass_on" class="button button-secondary">%s</button></p>', esc_html__( 'Write into .htaccess', 'tandem' ) );
	}

	/**
	 * Why .htaccess is not ours to write; an empty text when it is.
	 */
	public static function why_not_htaccess(): string {
		require_once ABSPATH . 'wp-admin/includes/file.php';
		$file = get_home_path() . '.htaccess';
		$home = wp_parse_url( home_url( '/' ) );
		if ( Web_Server::APACHE !== Web_Server::detect( self::software() ) ) {
			return __( '.htaccess is Apache’s.', 'tandem' );
		}
		if ( ! current_user_can( 'manage_options' ) || ! wp_is_file_mod_allowed( 'tandem_htaccess' ) ) {
			return __( 'You may not change this shop’s files.', 'tandem' );
		}
		if ( is_multisite() ) {
			return __( 'The shops of a network share one .htaccess, so it is not written here.', 'tandem' );
		}
		if ( isset( $home['path'] ) && '/' !== $home['path'] ) {
			return __( 'The shop lives below a path, so its .htaccess does not reach the script’s.', 'tandem' );
		}
		if ( ! wp_is_writable( file_exists( $file ) ? $file : dirname( $file ) ) || ! wp_is_writable( dirname( $file ) ) ) {
			return __( 'WordPress may not write this shop’s .htaccess.', 'tandem' );
		}
		if ( self::is_behind_proxy() ) {
			return __( 'Behind a proxy .htaccess is not written here, since the proxy’s address would pass for every visitor’s.', 'tandem' );
		}
		if ( function_exists( 'apache_get_modules' ) ) {
			$missing = array_diff( array( 'mod_rewrite', 'mod_proxy_http', 'mod_headers', 'mod_setenvif' ), apache_get_modules() );
			if ( $missing ) {
				/* translators: %s: names of modules. */
				return sprintf( __( 'For .htaccess, Apache lacks: %s.', 'tandem' ), implode( ', ', $missing ) );
			}
		}
		return '';
	}

	/**
	 * What the web server calls itself.
	 */
	private static function software(): string {
		return isset( $_SERVER['SERVER_SOFTWARE'] ) ? sanitize_text_field( wp_unslash( $_SERVER['SERVER_SOFTWARE'] ) ) : '';
	}

	/**
	 * Whether this request came through something that tells of another visitor than the web server does.
	 */
	private static function is_behind_proxy(): bool {
		$here = isset( $_SERVER['REMOTE_ADDR'] ) ? sanitize_text_field( wp_unslash( $_SERVER['REMOTE_ADDR'] ) ) : '';
		if ( '' === $here ) {
			return false;
		}
		foreach ( array( 'HTTP_CF_CONNECTING_IP', 'HTTP_X_REAL_IP', 'HTTP_X_FORWARDED_FOR' ) as $name ) {
			$told = isset( $_SERVER[ $name ] ) ? sanitize_text_field( wp_unslash( $_SERVER[ $name ] ) ) : '';
			if ( '' !== $told && false === strpos( $told, $here ) ) {
				return true;
			}
		}
		return false;
	}
}
