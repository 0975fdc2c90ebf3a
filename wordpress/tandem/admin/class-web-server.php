<?php
/**
 * What to tell each web server.
 *
 * @package Tandem
 */

namespace Tandem\Admin;

defined( 'ABSPATH' ) || exit;

/**
 * The lines that make a web server pass the script's path on to the gateway, without PHP. They are those of the gateway's
 * own documentation, with this shop's path and address in them.
 */
final class Web_Server {

	const NGINX     = 'nginx';
	const APACHE    = 'apache';
	const CADDY     = 'caddy';
	const LITESPEED = 'litespeed';

	/**
	 * Which one runs this shop, or an empty text.
	 *
	 * @param string $software What the server calls itself.
	 */
	public static function detect( string $software ): string {
		foreach ( array( self::LITESPEED, self::NGINX, self::APACHE, self::CADDY ) as $server ) {
			if ( false !== stripos( $software, $server ) ) {
				return $server;
			}
		}
		return '';
	}

	/**
	 * The lines.
	 *
	 * @param string $server   NGINX, APACHE or CADDY.
	 * @param string $path     The script's path without a slash at its end, such as /x7k2.
	 * @param string $upstream Where the web server reaches the gateway, without a path.
	 * @param bool   $https    Whether visitors come by https in any case, also where something in front ends it.
	 */
	public static function lines( string $server, string $path, string $upstream, bool $https ): string {
		$host = (string) preg_replace( '#^https?://|/.*$#', '', $upstream );
		// A gateway behind TLS has a web server of its own, which goes by the name it is asked for.
		$tls = 0 === strpos( $upstream, 'https://' );
		switch ( $server ) {
			case self::NGINX:
				return self::nginx( $path, $upstream, $tls ? "$host;\n    proxy_ssl_server_name on" : '$host', $https ? 'https' : '$scheme' );
			case self::APACHE:
				return self::apache( $path, $upstream, $tls ? "ProxyPreserveHost Off\n    SSLProxyEngine On" : 'ProxyPreserveHost On', $https ? 'https' : 'expr=%{REQUEST_SCHEME}' );
			case self::CADDY:
				return self::caddy( $path, $upstream, ( $tls ? "\n            header_up Host {upstream_hostport}" : '' ) . ( $https ? "\n            header_up X-Forwarded-Proto https" : '' ) );
		}
		return '';
	}

	/**
	 * In the shop's server block.
	 *
	 * @param string $path     The script's path.
	 * @param string $upstream The gateway.
	 * @param string $host     What to call it.
	 * @param string $scheme   How visitors come.
	 */
	private static function nginx( string $path, string $upstream, string $host, string $scheme ): string {
		return <<<CONF
location ^~ $path/ {
    proxy_pass $upstream;

    proxy_set_header Host $host;
    # The connection's address, not what the visitor claims.
    proxy_set_header X-Forwarded-For \$remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;

    # The visitor's id and no other cookie: no log-in or session of the shop leaves it.
    set \$tandem_cookie "";
    if (\$cookie_tdv) {
        set \$tandem_cookie "tdv=\$cookie_tdv";
    }
    proxy_set_header Cookie \$tandem_cookie;
    proxy_set_header Authorization "";

    client_max_body_size 64k;
    client_body_buffer_size 64k;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_cache off;
    expires off;

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 2s;
    proxy_send_timeout 10s;
    proxy_read_timeout 10s;
    proxy_intercept_errors off;

    # Addresses of pages hold click ids.
    access_log off;
    error_log /var/log/nginx/error.log crit;
}
CONF;
	}

	/**
	 * In the shop's virtual host.
	 *
	 * @param string $path     The script's path.
	 * @param string $upstream The gateway.
	 * @param string $host     What to call it.
	 * @param string $scheme   How visitors come.
	 */
	private static function apache( string $path, string $upstream, string $host, string $scheme ): string {
		return <<<CONF
# Once: a2enmod proxy proxy_http headers setenvif alias
SetEnvIf Request_URI "^$path/" tandem

<IfModule mod_rewrite.c>
    RewriteRule "^$path/" "-" [END]
</IfModule>

<Location "$path/">
    ProxyPass "$upstream$path/" connectiontimeout=2 timeout=10 retry=0
    $host
    ProxyErrorOverride Off

    # The connection's address, not what the visitor claims.
    ProxyAddHeaders Off
    RequestHeader set X-Forwarded-For "expr=%{REMOTE_ADDR}"
    RequestHeader set X-Forwarded-Proto "$scheme"

    # The visitor's id and no other cookie: no log-in or session of the shop leaves it.
    SetEnvIf Cookie "(?:^|;\s*)(tdv=[A-Za-z0-9_.-]+)" tandem_cookie=$1
    RequestHeader unset Cookie
    RequestHeader set Cookie "%{tandem_cookie}e" env=tandem_cookie
    RequestHeader unset Authorization

    <If "%{HTTP:Content-Length} -gt 65536">
        Redirect 413
    </If>
    <IfModule mod_cache.c>
        CacheDisable on
    </IfModule>

    LogLevel crit
</Location>
CONF;
	}

	/**
	 * In the shop's site block.
	 *
	 * @param string $path     The script's path.
	 * @param string $upstream The gateway.
	 * @param string $headers  Lines that change headers.
	 */
	private static function caddy( string $path, string $upstream, string $headers ): string {
		return <<<CONF
handle $path/* {
    route {
        vars {
            log_skip true
            skip_log true
            visitor {http.request.cookie.tdv}
        }
        # The visitor's id and no other cookie: no log-in or session of the shop leaves it.
        request_header -Cookie
        request_header -Authorization
        @known vars_regexp {http.vars.visitor} ^[A-Za-z0-9_.-]+$
        request_header @known Cookie "tdv={http.vars.visitor}"
        @large header_regexp Content-Length ^([7-9][0-9]{4}|[0-9]{6,})$
        respond @large 413
        request_body {
            max_size 64KiB
        }
        reverse_proxy $upstream {
            flush_interval -1$headers
            transport http {
                dial_timeout 2s
                response_header_timeout 10s
            }
        }
    }
}
CONF;
	}
}
