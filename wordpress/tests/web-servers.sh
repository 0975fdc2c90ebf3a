# shellcheck shell=bash
# The gateway itself, and web servers of our own before the WordPress in $temp/wordpress, each in another state. Sourced by
# `test` after shop.sh. Every server listens on 127.0.0.1; who asks says in X-Test-Visitor for whom, as a CDN does.

# Starts all: `start_web_servers PROGRAM`, with the gateway's program.
start_web_servers() {
  local program=$1
  web=$temp/web
  mkdir -p -m 755 "$web"
  start_gateway "$program"
  start_fpm
  # Apache as shops have it; where .htaccess counts for nothing; where it may not say such things; without mod_headers.
  apache_port=$(free_port) deaf_port=$(free_port) strict_port=$(free_port) pasted_port=$(free_port) poor_port=$(free_port)
  lines apache >"$web/pasted.conf"
  {
    apache_site "$apache_port" FileInfo
    apache_site "$deaf_port" None
    apache_site "$strict_port" AuthConfig
    apache_site "$pasted_port" None "Include $web/pasted.conf"
  } >"$web/sites.conf"
  start_apache apache headers "$apache_port" "$deaf_port" "$strict_port" "$pasted_port"
  apache_site "$poor_port" FileInfo >"$web/sites.conf"
  start_apache poor '' "$poor_port"
  start_nginx
  printf '<IfModule mod_rewrite.c>\nRewriteEngine On\nRewriteRule ^index\\.php$ - [L]\nRewriteCond %%{REQUEST_FILENAME} !-f\nRewriteCond %%{REQUEST_FILENAME} !-d\nRewriteRule . /index.php [L]\n</IfModule>\n' \
    >"$temp/wordpress/.htaccess"
  chmod 644 "$temp/wordpress/.htaccess"
  export TANDEM_APACHE=http://127.0.0.1:$apache_port TANDEM_APACHE_DEAF=http://127.0.0.1:$deaf_port
  export TANDEM_APACHE_STRICT=http://127.0.0.1:$strict_port TANDEM_APACHE_POOR=http://127.0.0.1:$poor_port
  export TANDEM_APACHE_PASTED=http://127.0.0.1:$pasted_port TANDEM_NGINX=http://127.0.0.1:$nginx_port
  export TANDEM_REAL=http://127.0.0.1:$public_port TANDEM_REAL_PRIVATE=http://127.0.0.1:$private_port TANDEM_PHP_RUNS=$web/php-runs
}

# What the settings page shows for a web server: `lines SERVER`.
lines() {
  # shellcheck disable=SC2016 # These are PHP's variables.
  php -r 'define( "ABSPATH", "/" ); require $argv[1] . "/admin/class-web-server.php";
    echo Tandem\Admin\Web_Server::lines( $argv[2], "/x7k2", $argv[3], false ), "\n";' "$plugin" "$1" "http://127.0.0.1:$public_port" |
    sed "s|/var/log/nginx/error.log|$web/nginx.log|"
}

start_gateway() {
  public_port=$(free_port) private_port=$(free_port)
  mkdir "$web/gateway"
  cat >"$web/gateway/tandem.toml" <<TOML
[server]
public = "127.0.0.1:$public_port"
private = "127.0.0.1:$private_port"
private_token = "test"
[store]
path = "tandem.db"
[[site]]
id = "shop"
currency = "EUR"
country = "DE"
[site.sources.browser]
hosts = ["127.0.0.1"]
path = "/x7k2"
[site.sources.woocommerce]
plugin_secrets = ["test-plugin-secret"]
[site.destinations.tiktok]
pixel_id = "TESTPIXEL00000000001"
access_token = "test"
base_url = "http://127.0.0.1:1"
TOML
  "$1" serve --config "$web/gateway/tandem.toml" >"$web/gateway/log" 2>&1 &
  pids+=($!)
  until_true curl -sf -o /dev/null "http://127.0.0.1:$public_port/x7k2/s.js"
}

# PHP-FPM that writes down each of its runs.
start_fpm() {
  local fpm as=''
  fpm=$(compgen -c php-fpm | sort | tail -1)
  [ "$(id -u)" = 0 ] && as=$'user = www-data\ngroup = www-data\nlisten.owner = www-data'
  # shellcheck disable=SC2016
  echo '<?php file_put_contents( getenv( "TANDEM_PHP_RUNS" ), $_SERVER["REQUEST_URI"] . "\n", FILE_APPEND );' >"$web/note.php"
  touch "$web/php-runs"
  chmod 666 "$web/php-runs"
  cat >"$web/fpm.conf" <<CONF
[global]
error_log = $web/fpm.log
daemonize = no
[shop]
$as
listen = $web/fpm.sock
pm = static
pm.max_children = 2
env[TANDEM_PHP_RUNS] = $web/php-runs
php_admin_value[auto_prepend_file] = $web/note.php
CONF
  "$fpm" -y "$web/fpm.conf" >"$web/fpm.out" 2>&1 &
  pids+=($!)
}

# The shop on a port: `apache_site PORT ALLOWOVERRIDE [LINE]`.
apache_site() {
  cat <<CONF
Listen 127.0.0.1:$1
<VirtualHost 127.0.0.1:$1>
  DocumentRoot $temp/wordpress
  RewriteEngine On
  <Directory $temp/wordpress>
    AllowOverride $2
    Options FollowSymLinks
    Require all granted
  </Directory>
  <FilesMatch "\.php$">
    SetHandler "proxy:unix:$web/fpm.sock|fcgi://localhost"
  </FilesMatch>
  ${3:-}
</VirtualHost>
CONF
}

# Apache with the sites in $web/sites.conf: `start_apache NAME MORE_MODULES PORT…`.
start_apache() {
  local name=$1 more=$2 module port
  shift 2
  {
    echo "ServerRoot $web"
    echo "ServerName shop.test"
    echo "PidFile $web/$name.pid"
    echo "ErrorLog $web/$name.log"
    echo "DefaultRuntimeDir $web"
    for module in mpm_event authz_core dir mime rewrite proxy proxy_http proxy_fcgi setenvif alias remoteip $more; do
      echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
    done
    if [ "$(id -u)" = 0 ]; then printf 'User www-data\nGroup www-data\n'; fi
    echo "TypesConfig /etc/mime.types"
    echo "DirectoryIndex index.php"
    echo "RemoteIPHeader X-Test-Visitor"
    echo "RemoteIPInternalProxy 127.0.0.1"
    cat "$web/sites.conf"
  } >"$web/$name.conf"
  apache2 -f "$web/$name.conf" -DFOREGROUND >"$web/$name.out" 2>&1 &
  pids+=($!)
  for port in "$@"; do until_true curl -s -o /dev/null "http://127.0.0.1:$port/readme.html"; done
}

start_nginx() {
  nginx_port=$(free_port)
  cat >"$web/nginx.conf" <<CONF
daemon off;
pid $web/nginx.pid;
worker_processes 1;
$([ "$(id -u)" = 0 ] && echo 'user www-data;')
events { worker_connections 64; }
http {
  include /etc/nginx/mime.types;
  access_log off;
  client_body_temp_path $web/nginx-body;
  fastcgi_temp_path $web/nginx-fastcgi;
  proxy_temp_path $web/nginx-proxy;
  uwsgi_temp_path $web/nginx-uwsgi;
  scgi_temp_path $web/nginx-scgi;
  server {
    listen 127.0.0.1:$nginx_port;
    root $temp/wordpress;
    index index.php;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Test-Visitor;
$(lines nginx)
    location / { try_files \$uri \$uri/ /index.php?\$args; }
    location ~ \.php\$ {
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;
      fastcgi_pass unix:$web/fpm.sock;
    }
  }
}
CONF
  nginx -c "$web/nginx.conf" -e "$web/nginx.log" >"$web/nginx.out" 2>&1 &
  pids+=($!)
  until_true curl -s -o /dev/null "http://127.0.0.1:$nginx_port/readme.html"
}
