//! A shop behind a real web server with the snippet from `examples/proxy` in its configuration: as shipped, but for
//! addresses and folders. Every server runs in the foreground, in a folder of its own, as root or not.
#![allow(dead_code)] // Every test file uses a part of it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::port::Port;

/// Far beyond what a start takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the snippets call the gateway, the site's path and nginx's log.
const GATEWAY: &str = "127.0.0.1:8080";
const PATH: &str = "/x7k2/";
const NGINX_LOG: &str = "/var/log/nginx/error.log";

/// A web server that has a snippet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Nginx,
    Caddy,
    Apache,
    /// Cloudflare's Worker, run by Node.
    Worker,
}

impl Server {
    /// Program, Debian package, snippet.
    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Nginx => ("nginx", "nginx", "nginx.conf"),
            Self::Caddy => ("caddy", "caddy", "Caddyfile"),
            Self::Apache => ("apache2", "apache2-bin", "apache.conf"),
            Self::Worker => ("node", "nodejs (20 or newer)", "cloudflare-worker.js"),
        }
    }

    /// Where the program is; a user's PATH often lacks the folders of servers.
    fn program(self) -> PathBuf {
        let (name, package, _) = self.names();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
        let found = std::env::split_paths(&path).chain(usual).map(|f| f.join(name)).find(|f| f.is_file());
        found.unwrap_or_else(|| panic!("{name} is not installed: apt-get install {package}"))
    }
}

/// A running one. Dropping it ends it.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    child: Child,
    folder: TempDir,
    _port: Port,
}

impl Front {
    /// In front of `gateway`, for the path of the examples.
    pub(crate) fn start(server: Server, gateway: SocketAddr) -> Self {
        Self::start_for(server, gateway, PATH)
    }

    /// The same for another path, with a slash at both ends.
    pub(crate) fn start_for(server: Server, gateway: SocketAddr, path: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = Port::keep();
        let home = Home { root: folder.path(), port: port.address().port(), gateway };
        home.write(server, path).expect("its files");
        let log = fs::File::create(folder.path().join("logs/output")).expect("a log");
        let errors = log.try_clone().expect("the log twice");
        let mut command = home.command(server, &server.program());
        let child =
            command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("the server starts");
        let mut front = Self { address: port.address(), child, folder, _port: port };
        front.wait(server);
        front
    }

    /// Until the shop's own page comes from it.
    fn wait(&mut self, server: Server) {
        let end = Instant::now() + DEADLINE;
        let ours = self.folder.path().display().to_string();
        while !get(self.address, "/ready.txt").is_some_and(|answer| answer.contains(&ours)) {
            let ended = self.child.try_wait().expect("its status");
            assert!(ended.is_none(), "{server:?} does not start: {ended:?}");
            assert!(Instant::now() < end, "{server:?} never answered");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The folder of the shop's pages.
    pub(crate) fn shop(&self) -> PathBuf {
        self.folder.path().join("shop")
    }

    /// Everything the server wrote anywhere: logs, and bodies it put aside.
    pub(crate) fn written(&self) -> String {
        fn read(folder: &Path, into: &mut String) {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    read(&path, into);
                } else {
                    into.push_str(&String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()));
                }
            }
        }
        let mut text = String::new();
        read(&self.folder.path().join("logs"), &mut text);
        text
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- what the web server wrote\n{}---", self.written());
        }
    }
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream
        .write_all(
            format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// The folder of one server, with its shop.
struct Home<'a> {
    root: &'a Path,
    port: u16,
    gateway: SocketAddr,
}

impl Home<'_> {
    fn write(&self, server: Server, path: &str) -> std::io::Result<()> {
        for folder in ["shop", "logs", "state"] {
            fs::create_dir(self.root.join(folder))?;
        }
        open_to_all(self.root)?;
        fs::write(self.root.join("shop/ready.txt"), self.root.display().to_string())?;
        fs::write(self.root.join("shop/index.html"), "the shop")?;
        let snippet =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/proxy").join(server.names().2);
        let shipped = fs::read_to_string(snippet)?;
        assert!(shipped.contains(PATH), "{server:?}: the snippet has another path");
        let snippet = shipped
            .replace(PATH, path)
            .replace(GATEWAY, &self.gateway.to_string())
            .replace(NGINX_LOG, &self.at("logs/error.log"));
        fs::write(self.root.join("snippet.mjs"), &snippet)?;
        fs::write(self.root.join("config"), self.config(server))
    }

    fn at(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    fn command(&self, server: Server, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root);
        match server {
            // One process: killing it leaves nothing behind.
            Server::Nginx => command
                .args(["-p", &self.at(""), "-e", &self.at("logs/error.log"), "-c", &self.at("config")])
                .args(["-g", "daemon off; master_process off;"]),
            Server::Caddy => command
                .args(["run", "--adapter", "caddyfile", "--config", &self.at("config")])
                .envs(["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"].map(|name| (name, self.at("state")))),
            Server::Apache => command.args(["-X", "-f", &self.at("config")]),
            Server::Worker => command
                .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/front/worker.mjs"))
                .args([&self.at("snippet.mjs"), &self.at("shop"), &self.port.to_string()])
                .arg(format!("http://{}", self.gateway)),
        };
        command
    }

    /// A shop as found in the wild: its own rules for scripts and images, and everything else to one index page.
    fn config(&self, server: Server) -> String {
        let (port, root) = (self.port, self.root.display());
        match server {
            Server::Nginx => format!(
                r#"
pid {root}/state/pid;
events {{ worker_connections 256; }}
http {{
    access_log {root}/logs/access.log;
    client_body_temp_path {root}/logs/body;
    proxy_temp_path {root}/logs/answers;
    fastcgi_temp_path {root}/state/f;
    uwsgi_temp_path {root}/state/u;
    scgi_temp_path {root}/state/s;
    default_type text/html;
    server {{
        listen 127.0.0.1:{port};
        root {root}/shop;
        expires 30d;
        add_header X-Shop yes;
        include {root}/snippet.mjs;
        location / {{ try_files $uri $uri/ /index.html; }}
        location ~* \.(js|gif|php)$ {{ return 200 "the shop"; }}
    }}
}}
"#
            ),
            Server::Caddy => format!(
                r#"
{{
    admin off
    auto_https off
    log {{
        format filter {{
            wrap json
            fields {{
                request>headers>Referer delete
                request>uri regexp "[?].*" ""
            }}
        }}
    }}
}}
http://:{port} {{
    bind 127.0.0.1
    log {{
        output file {root}/logs/access.log
    }}
    import {root}/snippet.mjs
    handle {{
        root * {root}/shop
        try_files {{path}} /index.html
        file_server
    }}
}}
"#
            ),
            Server::Apache => format!(
                r#"
ServerRoot {root}
ServerName shop.example
PidFile {root}/state/pid
DefaultRuntimeDir {root}/state
Listen 127.0.0.1:{port}
{}
<IfModule unixd_module>
    User nobody
    Group nogroup
</IfModule>
ErrorLog {root}/logs/error.log
LogFormat "%h %r %{{Referer}}i" combined
Define APACHE_LOG_DIR {root}/logs
<VirtualHost *:{port}>
    DocumentRoot {root}/shop
    Include {root}/snippet.mjs
    RewriteEngine On
    RewriteRule ^/index\.html$ - [L]
    RewriteCond %{{DOCUMENT_ROOT}}%{{REQUEST_URI}} !-f
    RewriteRule . /index.html [L]
    <Directory {root}/shop>
        Require all granted
    </Directory>
    CustomLog ${{APACHE_LOG_DIR}}/access.log combined env=!tandem
</VirtualHost>
"#,
                [
                    "mpm_event",
                    "authz_core",
                    "proxy",
                    "proxy_http",
                    "headers",
                    "setenvif",
                    "rewrite",
                    "dir",
                    "alias",
                    "cache"
                ]
                .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"))
                .join("\n")
            ),
            Server::Worker => String::new(),
        }
    }
}

/// As root, Apache reads the shop's pages as nobody.
fn open_to_all(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))
}
