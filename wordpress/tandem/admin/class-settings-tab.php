<?php
/**
 * WooCommerce → Settings → Tandem.
 *
 * @package Tandem
 */

namespace Tandem\Admin;

use Tandem\Connection;
use Tandem\Htaccess;
use Tandem\Journal;
use Tandem\Settings;
use Tandem\Setup;

defined( 'ABSPATH' ) || exit;

/**
 * The settings tab. WooCommerce checks its nonce and the capability manage_woocommerce before it saves.
 */
final class Settings_Tab {

	const TAB = 'tandem';

	/**
	 * Listens.
	 */
	public function listen(): void {
		add_filter( 'woocommerce_settings_tabs_array', array( $this, 'add_tab' ), 60 );
		add_action( 'woocommerce_settings_' . self::TAB, array( $this, 'output' ) );
		add_action( 'woocommerce_update_options_' . self::TAB, array( $this, 'save' ) );
		add_action( 'woocommerce_admin_field_tandem_connection', array( $this, 'output_connection' ) );
		add_filter( 'plugin_action_links_' . plugin_basename( \Tandem\PLUGIN_FILE ), array( $this, 'add_link' ) );
	}

	/**
	 * Adds the tab.
	 *
	 * @param array $tabs Label by tab.
	 */
	public function add_tab( $tabs ): array {
		return (array) $tabs + array( self::TAB => __( 'Tandem', 'tandem' ) );
	}

	/**
	 * Adds a link to the list of plugins.
	 *
	 * @param array $links Links.
	 */
	public function add_link( $links ): array {
		$link = sprintf( '<a href="%s">%s</a>', esc_url( self::address() ), esc_html__( 'Settings', 'tandem' ) );
		return array_merge( array( $link ), (array) $links );
	}

	/**
	 * Where the tab is.
	 */
	public static function address(): string {
		return admin_url( 'admin.php?page=wc-settings&tab=' . self::TAB );
	}

	/**
	 * Prints the tab. A shop that is not connected sees only how to connect.
	 */
	public function output(): void {
		wp_enqueue_style( 'tandem-settings', plugins_url( 'assets/settings.css', \Tandem\PLUGIN_FILE ), array(), \Tandem\VERSION );
		echo '<div class="tandem-section">';
		woocommerce_admin_fields( self::connection_fields() );
		if ( Connection::saved() ) {
			( new Status() )->output();
			woocommerce_admin_fields( self::script_fields() );
			( new Own_Address_Section() )->output();
		}
		echo '</div>';
	}

	/**
	 * Prints the field of the connection string. What is saved is never printed.
	 *
	 * @param array $field WooCommerce's description of the field.
	 */
	public function output_connection( $field ): void {
		$saved = Connection::saved();
		?>
		<tr valign="top">
			<th scope="row" class="titledesc">
				<label for="tandem_connection_string"><?php echo esc_html( $field['title'] ); ?></label>
			</th>
			<td class="forminp">
				<?php if ( $saved ) : ?>
					<?php
					/* translators: 1: address of the gateway, 2: name of the site there. */
					Status::output_mark( ( new Journal() )->read()['failures'] ? 'open' : 'good', sprintf( __( 'Connected to %1$s as “%2$s”.', 'tandem' ), $saved->url, $saved->site ) );
					?>
				<?php endif; ?>
				<input type="password" autocomplete="off" spellcheck="false" class="regular-text" name="tandem_connection_string" id="tandem_connection_string" value=""
					aria-describedby="tandem-connection-note" placeholder="<?php echo esc_attr( $saved ? __( 'Paste another one to replace it', 'tandem' ) : 'tandem1.…' ); ?>" />
				<?php if ( $saved ) : ?>
					<button type="submit" name="save" value="check" class="button"><?php esc_html_e( 'Check', 'tandem' ); ?></button>
					<button type="submit" name="save" value="disconnect" class="button-link button-link-delete"><?php esc_html_e( 'Disconnect', 'tandem' ); ?></button>
				<?php endif; ?>
				<p class="description" id="tandem-connection-note">
					<?php esc_html_e( 'The line that “tandem connect” prints at your gateway. It holds a secret, so it is not shown again.', 'tandem' ); ?>
				</p>
			</td>
		</tr>
		<?php
	}

	/**
	 * Saves the tab, and asks the gateway.
	 */
	public function save(): void {
		if ( ! current_user_can( 'manage_woocommerce' ) ) {
			return;
		}
		check_admin_referer( 'woocommerce-settings' );
		// phpcs:ignore WordPress.Security.NonceVerification.Missing -- just checked.
		$asked = isset( $_POST['save'] ) ? sanitize_key( wp_unslash( $_POST['save'] ) ) : '';
		if ( 'disconnect' === $asked ) {
			Setup::disconnect();
			self::say( Htaccess::is_there() ? __( 'The lines in .htaccess could not be taken out: WordPress may not write it. Take out what is between “BEGIN Tandem” and “END Tandem” yourself.', 'tandem' ) : true, __( 'Disconnected. Orders are no longer handed over.', 'tandem' ) );
			return;
		}
		Settings::change(
			array_filter(
				array(
					'script_host' => self::chosen( 'tandem_script_host', array_keys( self::script_hosts() ) ),
					'data_layer'  => self::chosen( 'tandem_data_layer', array_keys( self::data_layers() ) ),
				)
			)
		);
		$lines = Own_Address_Section::save( $asked );
		if ( null !== $lines ) {
			self::say( $lines, 'take_back' === $asked ? __( 'The lines are out of .htaccess.', 'tandem' ) : __( 'The lines are in .htaccess, and the script comes from there.', 'tandem' ) );
		}
		// phpcs:ignore WordPress.Security.NonceVerification.Missing -- checked above.
		$text = isset( $_POST['tandem_connection_string'] ) ? sanitize_text_field( wp_unslash( $_POST['tandem_connection_string'] ) ) : '';
		if ( '' === $text && ! Connection::saved() ) {
			self::say( __( 'Paste the connection string first.', 'tandem' ), '' );
			return;
		}
		$result = '' !== $text ? Setup::connect( $text ) : Setup::check_again();
		self::say( is_wp_error( $result ) ? $result->get_error_message() : true, __( 'The gateway answers and knows this shop.', 'tandem' ) );
	}

	/**
	 * Says how it went.
	 *
	 * @param true|string $result Whether it worked, or why not.
	 * @param string      $good   What to say if it worked.
	 */
	private static function say( $result, string $good ): void {
		if ( true === $result ) {
			\WC_Admin_Settings::add_message( $good );
		} else {
			\WC_Admin_Settings::add_error( $result );
		}
	}

	/**
	 * The field that connects. A section must not have the tab's id: WooCommerce would print the tab inside it, and again
	 * inside that.
	 */
	private static function connection_fields(): array {
		return array(
			array(
				'type'  => 'title',
				'id'    => 'tandem_connect',
				'title' => __( 'Tandem', 'tandem' ),
				'desc'  => __( 'Every order goes to your own gateway after the buyer has the answer, so checkout never waits for it.', 'tandem' ),
			),
			array(
				'type'  => 'tandem_connection',
				'id'    => 'tandem_connection_string',
				'title' => __( 'Connection string', 'tandem' ),
			),
			array(
				'type' => 'sectionend',
				'id'   => 'tandem_connect',
			),
		);
	}

	/**
	 * The fields of what stands on the pages.
	 */
	private static function script_fields(): array {
		return array(
			array(
				'type'  => 'title',
				'id'    => 'tandem_script',
				'title' => __( 'The script on the pages', 'tandem' ),
			),
			array(
				'type'    => 'select',
				'id'      => 'tandem_data_layer',
				'title'   => __( 'Data layer', 'tandem' ),
				'desc'    => __( 'Tells the script what is looked at, put into the cart and bought, as a tag manager expects it.', 'tandem' ),
				'options' => self::data_layers(),
				'value'   => Settings::get( 'data_layer' ),
			),
			array(
				'type'    => 'select',
				'id'      => 'tandem_script_host',
				'title'   => __( 'Pages load it', 'tandem' ),
				'desc'    => '' === Settings::get( 'script' ) ? __( 'No page loads it now.', 'tandem' ) : Settings::get( 'script' ),
				'options' => self::script_hosts(),
				'value'   => Settings::get( 'script_host' ),
			),
			array(
				'type' => 'sectionend',
				'id'   => 'tandem_script',
			),
		);
	}

	/**
	 * From where pages may load the script.
	 */
	private static function script_hosts(): array {
		return array(
			'auto'    => __( 'From the shop if that works, else the gateway', 'tandem' ),
			'shop'    => __( 'From the shop’s own address', 'tandem' ),
			'gateway' => __( 'From the gateway’s address', 'tandem' ),
			'off'     => __( 'Not at all', 'tandem' ),
		);
	}

	/**
	 * Who may fill the data layer.
	 */
	private static function data_layers(): array {
		return array(
			'auto' => __( 'Fill it unless another plugin does', 'tandem' ),
			'on'   => __( 'Fill it', 'tandem' ),
			'off'  => __( 'Leave it alone', 'tandem' ),
		);
	}

	/**
	 * A choice that was posted, if it is one of the choices; else an empty text.
	 *
	 * @param string   $name    The field.
	 * @param string[] $choices What may be chosen.
	 */
	private static function chosen( string $name, array $choices ): string {
		// phpcs:ignore WordPress.Security.NonceVerification.Missing -- save() has checked it.
		$value = isset( $_POST[ $name ] ) ? sanitize_key( wp_unslash( $_POST[ $name ] ) ) : '';
		return in_array( $value, $choices, true ) ? $value : '';
	}
}
