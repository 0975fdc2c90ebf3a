# shellcheck shell=bash
# Parts of a shop for tests, all in one temporary folder, all stopped at the end. Sourced by `test` and `e2e`.

# Makes the folder and sees to its end: `open_temp`.
open_temp() {
  temp=$(mktemp -d "${TMPDIR:-/tmp}/tandem-wordpress.XXXXXX")
  chmod 755 "$temp"
  # Processes of ours; and process groups that a story started, each in a file with its number.
  pids=()
  mkdir "$temp/groups"
  trap close_temp EXIT
}

close_temp() {
  local pid group
  for group in "$temp"/groups/*; do
    [ -f "$group" ] && { kill -KILL -- "-$(cat "$group")" 2>/dev/null || true; }
  done
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  [ -n "${KEEP:-}" ] && { echo "kept: $temp"; return; }
  rm -rf "$temp"
}

# Waits until a command succeeds, or the server that was started last has ended: `until_true COMMAND…`.
until_true() {
  local left
  for left in $(seq 1200); do
    if "$@" >/dev/null 2>&1; then return; fi
    kill -0 "${pids[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "in vain: $*" >&2
  find "$temp" -maxdepth 3 \( -name '*.log' -o -name '*.out' -o -name log \) -size +0 -exec tail -n 20 -v {} + >&2
  return 1
}

# A MariaDB of our own behind a socket, with an empty database `shop`.
start_database() {
  local as=()
  mkdir "$temp/data"
  if [ "$(id -u)" = 0 ]; then
    as=(--user=mysql)
    chown mysql "$temp/data"
  fi
  mkdir -m 777 "$temp/db"
  mariadb-install-db --no-defaults "${as[@]}" --datadir="$temp/data" --auth-root-authentication-method=normal \
    --skip-test-db >"$temp/db/install.log" 2>&1
  "$(type -P mariadbd || echo /usr/sbin/mariadbd)" --no-defaults "${as[@]}" --datadir="$temp/data" \
    --socket="$temp/db/socket" --pid-file="$temp/db/pid" --skip-networking >"$temp/db/log" 2>&1 &
  pids+=($!)
  until_true mariadb --no-defaults --socket="$temp/db/socket" -u root -e 'CREATE DATABASE IF NOT EXISTS shop'
}

# A WordPress of our own: `make_wordpress FOLDER SOURCE ADDRESS`, with our plugin in it, not yet active.
make_wordpress() {
  local folder=$1 source=$2 address=$3
  cp -rL "$source" "$folder"
  rm -f "$folder/wp-config.php"
  mkdir -p "$folder/wp-content/plugins" "$folder/wp-content/mu-plugins" "$folder/wp-content/uploads"
  ln -s "$plugin" "$folder/wp-content/plugins/tandem"
  cat >"$folder/wp-config.php" <<PHP
<?php
define( 'DB_NAME', 'shop' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:$temp/db/socket' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
foreach ( array( 'AUTH_KEY', 'SECURE_AUTH_KEY', 'LOGGED_IN_KEY', 'NONCE_KEY', 'AUTH_SALT', 'SECURE_AUTH_SALT', 'LOGGED_IN_SALT', 'NONCE_SALT' ) as \$name ) {
	define( \$name, 'test-' . \$name );
}
\$table_prefix = 'wp_';
define( 'WP_HOME', '$address' );
define( 'WP_SITEURL', '$address' );
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', '$temp/php.log' );
define( 'DISABLE_WP_CRON', true );
define( 'AUTOMATIC_UPDATER_DISABLED', true );
define( 'WP_HTTP_BLOCK_EXTERNAL', true );
define( 'WP_ACCESSIBLE_HOSTS', '127.0.0.1,localhost' );
defined( 'ABSPATH' ) || define( 'ABSPATH', __DIR__ . '/' );
require_once ABSPATH . 'wp-settings.php';
PHP
  php "$here/tests/install.php" "$folder" "$address"
}

# The stand-in of the gateway: `start_stand_in`. It writes what it gets into the folder $temp/gateway.
start_stand_in() {
  mkdir -p -m 777 "$temp/gateway"
  gateway_port=$(free_port)
  TANDEM_STAND_IN="$temp/gateway" php -S "127.0.0.1:$gateway_port" "$here/tests/stand-in.php" >"$temp/gateway/server.log" 2>&1 &
  pids+=($!)
  until_true curl -s -o "$temp/gateway/up" "http://127.0.0.1:$gateway_port/up"
}

# Fails when PHP complained of our own code, deprecations among it.
complaints() {
  if [ -f "$temp/php.log" ] && grep -E 'in \S*/tandem/\S+ on line' "$temp/php.log"; then
    echo "PHP complained of the plugin" >&2
    return 1
  fi
}

# A port that nobody listens on. Below the range that the system gives out by itself, so that nothing takes it until it is
# used, and never the same one twice: five servers asked for at once would, now and then, get one port between two.
free_port() {
  # shellcheck disable=SC2016 # These are PHP's variables.
  php -r '
    $given = is_file( $argv[1] ) ? file( $argv[1], FILE_IGNORE_NEW_LINES ) : array();
    do {
      $port = random_int( 20000, 32000 );
    } while ( in_array( (string) $port, $given, true ) || ! @stream_socket_server( "tcp://127.0.0.1:$port" ) );
    file_put_contents( $argv[1], "$port\n", FILE_APPEND );
    echo $port;' "$temp/ports"
}
