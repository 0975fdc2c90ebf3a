//! The programs under load, each a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;

/// A child that is ended with its handle.
pub(crate) struct Proc {
    child: Child,
    pub(crate) public: SocketAddr,
    pub(crate) private: Option<SocketAddr>,
}

impl Drop for Proc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Proc {
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Resident memory in MiB.
    pub(crate) fn rss_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kib: f64 = line.split_whitespace().next().context("VmRSS")?.parse()?;
        Ok(kib / 1024.0)
    }
}

/// Builds the release binary once.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let status = Command::new("cargo").args(["build", "--release", "-q", "-p", "tandem"]).status()?;
    anyhow::ensure!(status.success(), "the build failed");
    let own = std::env::current_exe()?;
    Ok(own.parent().context("own folder")?.join("tandem"))
}

pub(crate) fn child(name: &str) -> anyhow::Result<Proc> {
    let mut child =
        Command::new(std::env::current_exe()?).args(["--child", name]).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
    Ok(Proc { child, public: line.trim().parse()?, private: None })
}

/// Starts the gateway; `sandbox` is where TikTok's place is taken, if anywhere.
pub(crate) fn gateway(binary: &Path, folder: &Path, sandbox: Option<SocketAddr>) -> anyhow::Result<Proc> {
    start(binary, folder, sandbox, true)
}

/// The same without a destination, and without what follows the log.
pub(crate) fn gateway_alone(binary: &Path, folder: &Path) -> anyhow::Result<Proc> {
    start(binary, folder, None, false)
}

fn start(binary: &Path, folder: &Path, sandbox: Option<SocketAddr>, insight: bool) -> anyhow::Result<Proc> {
    let destination = sandbox.map_or_else(String::new, |s| {
        format!(
            "[site.destinations.tiktok]\npixel_id = \"P\"\naccess_token = \"t\"\nbase_url = \"http://{s}\"\n"
        )
    });
    let config = format!(
        "[server]\npublic = \"127.0.0.1:0\"\nprivate = \"127.0.0.1:0\"\nprivate_token = \"bench\"\n\
         [store]\ninsight = {insight}\n[[site]]\nid = \"shop\"\nconsent.on_unknown = \"grant\"\n\
         [site.sources.events]\nwrite_keys = [\"bench\"]\n{destination}"
    );
    let path = folder.join("tandem.toml");
    std::fs::write(&path, config)?;
    let mut child =
        Command::new(binary).arg("serve").arg("--config").arg(&path).stderr(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stderr.take().context("stderr")?);
    let (mut line, mut found) = (String::new(), None);
    while found.is_none() {
        line.clear();
        anyhow::ensure!(lines.read_line(&mut line)? > 0, "the gateway ended");
        let plain = strip(&line);
        let part = |key: &str| plain.split(key).nth(1)?.split_whitespace().next()?.parse::<SocketAddr>().ok();
        found = part("public=").zip(part("private="));
    }
    // Keep the pipe open, or the child's log would fail.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    let (public, private) = found.context("addresses")?;
    Ok(Proc { child, public, private: Some(private) })
}

/// Without colours.
fn strip(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(|c| *c == 'm');
        } else {
            out.push(c);
        }
    }
    out
}

async fn announce(listener: &tokio::net::TcpListener) -> anyhow::Result<()> {
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    Ok(())
}

/// Parses the JSON and answers: what any endpoint must do at least.
pub(crate) async fn bare() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(&listener).await?;
    let app = Router::new().route(
        "/v1/events",
        post(|body: axum::body::Bytes| async move {
            match serde_json::from_slice::<serde_json::Value>(&body) {
                Ok(_) => StatusCode::NO_CONTENT,
                Err(_) => StatusCode::BAD_REQUEST,
            }
        }),
    );
    Ok(axum::serve(listener, app).await?)
}

/// A platform that takes everything and remembers nothing: for more events than the stand-in could count.
pub(crate) async fn sink() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(&listener).await?;
    let taken = || async {
        ([("content-type", "application/json")], r#"{"code":0,"message":"OK","request_id":"1"}"#)
    };
    Ok(axum::serve(listener, Router::new().fallback(taken)).await?)
}

pub(crate) async fn sandbox() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(&listener).await?;
    let options = tandem_sandbox::Options { keep_details: false, rate_per_s: None, ..Default::default() };
    #[allow(clippy::disallowed_methods)] // The stand-in's clock, in a program of its own.
    let now = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    Ok(tandem_sandbox::Sandbox::new(options, Arc::new(now)).serve(listener).await?)
}
