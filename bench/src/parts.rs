//! What is measured, and against which budget.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::Value;

use crate::load::{self, Load, Outcome};
use crate::procs::{self, Proc};

#[allow(clippy::disallowed_methods)] // Event times of the load.
fn now_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(0)
}

struct Bench {
    binary: PathBuf,
    folder: PathBuf,
    seconds: u64,
}

pub(crate) async fn run(args: &crate::Args) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = args.folder.clone().unwrap_or_else(|| temporary.path().to_owned());
    let binary = args.binary.clone().map_or_else(procs::build, Ok)?;
    let bench = Bench { binary, folder, seconds: args.seconds };
    let wanted = |part: &str| args.only.is_empty() || args.only.iter().any(|o| o == part);
    if wanted("pipeline") {
        crate::pipeline::run()?;
    }
    if wanted("single") {
        bench.accept("single-event POST, 64 connections", 1).await?;
    }
    if wanted("batch") {
        bench.accept("batches of 100, 64 connections", 100).await?;
    }
    if wanted("delivery") {
        bench.delivery().await?;
    }
    if wanted("memory") {
        bench.memory().await?;
    }
    if wanted("growth") {
        for million in &args.millions {
            bench.growth(*million).await?;
        }
    }
    Ok(())
}

impl Bench {
    fn fresh(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    fn load(&self, batch: usize, max_events: u64, first_id: u64) -> Load {
        let duration = Duration::from_secs(if max_events == u64::MAX { self.seconds } else { 3_600 });
        Load { connections: 64, batch, duration, max_events, first_id, event_time: now_s(), is_mixed: false }
    }

    /// The bare endpoint, the gateway without a destination, the gateway delivering to the stand-in: one after another.
    async fn accept(&self, title: &str, batch: usize) -> anyhow::Result<()> {
        println!("\n## {title}");
        let bare = procs::child("bare")?;
        let baseline = load::run(bare.public, self.load(batch, u64::MAX, 0)).await?;
        drop(bare);
        show("bare axum endpoint, parses the JSON", &baseline, None);
        let gateway = procs::gateway(&self.binary, &self.fresh("accept")?, None)?;
        let durable = load::run(gateway.public, self.load(batch, u64::MAX, 0)).await?;
        drop(gateway);
        show("tandem, durable", &durable, Some(&baseline));
        let sandbox = procs::child("sandbox")?;
        let gateway = procs::gateway(&self.binary, &self.fresh("accept")?, Some(sandbox.public))?;
        let delivering = load::run(gateway.public, self.load(batch, u64::MAX, 0)).await?;
        show("tandem, durable, delivering meanwhile", &delivering, Some(&baseline));
        Ok(())
    }

    /// From accepted to delivered, under full load and at an easy pace.
    async fn delivery(&self) -> anyhow::Result<()> {
        println!("\n## accepted to delivered");
        let sandbox = procs::child("sandbox")?;
        let folder = self.fresh("delivery")?;
        let gateway = procs::gateway(&self.binary, &folder, Some(sandbox.public))?;
        let count = 300_000;
        let began = Instant::now();
        load::run(gateway.public, self.load(100, count, 0)).await?;
        let accepted = began.elapsed().as_secs_f64();
        drained(&gateway).await?;
        let all = began.elapsed().as_secs_f64();
        #[allow(clippy::cast_precision_loss)]
        let rate = count as f64 / all;
        println!(
            "{count} events accepted in {accepted:.1} s, all delivered after {all:.1} s: {rate:.0} events/s"
        );
        counted(sandbox.public, count).await?;

        let easy = Load { connections: 1, ..self.load(1, 2_000, 10_000_000) };
        load::run(gateway.public, easy).await?;
        drained(&gateway).await?;
        let db = rusqlite::Connection::open(folder.join("tandem.db"))?;
        let median: i64 = db.query_row(
            "SELECT a.started_ms + a.latency_ms - e.received_ms AS age FROM deliveries AS d
               JOIN events AS e ON e.seq = d.event_seq JOIN attempts AS a ON a.seq = d.attempt
             WHERE e.seq > ?1 ORDER BY age LIMIT 1 OFFSET 1000",
            [count],
            |r| r.get(0),
        )?;
        println!("one sender, one event after another: median age at delivery {median} ms");
        Ok(())
    }

    async fn memory(&self) -> anyhow::Result<()> {
        println!("\n## memory and start");
        let folder = self.fresh("memory")?;
        let began = Instant::now();
        let gateway = procs::gateway(&self.binary, &folder, Some(nowhere()))?;
        println!("start with an empty file: {:.0} ms", ms(began));
        println!("idle: {:.1} MiB", gateway.rss_mib()?);
        load::run(gateway.public, self.load(100, 1_000_000, 0)).await?;
        println!("after 1,000,000 accepted, all waiting: {:.1} MiB", gateway.rss_mib()?);
        let busy = load::run(gateway.public, self.load(1, u64::MAX, 2_000_000)).await?;
        println!(
            "under single-event load meanwhile ({:.0}/s): {:.1} MiB",
            busy.requests_per_s(),
            gateway.rss_mib()?
        );
        let mut gateway = gateway;
        gateway.kill()?;
        drop(gateway);
        let began = Instant::now();
        let gateway = procs::gateway(&self.binary, &folder, Some(nowhere()))?;
        println!("start after kill -9 with 1,000,000 waiting: {:.0} ms", ms(began));
        load::run(gateway.public, Load { connections: 1, ..self.load(1, 1, 90_000_000) }).await?;
        println!("first event answered: {:.0} ms after the start", ms(began));
        Ok(())
    }

    /// The accept rate with many events in the file, against that with none; then what is read of them.
    async fn growth(&self, millions: f64) -> anyhow::Result<()> {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let events = (millions * 1_000_000.0) as u64;
        println!("\n## growth: {events} events in the file");
        let mixed = |max_events, first_id| Load { is_mixed: true, ..self.load(100, max_events, first_id) };
        let alone = procs::gateway_alone(&self.binary, &self.fresh("growth")?)?;
        let bare = load::run(alone.public, mixed(u64::MAX, 0)).await?;
        drop(alone);
        show("batches of 100, empty file, log only", &bare, None);
        let counted = procs::gateway(&self.binary, &self.fresh("growth")?, None)?;
        let counting = load::run(counted.public, mixed(u64::MAX, 0)).await?;
        drop(counted);
        show("the same, counted meanwhile", &counting, Some(&bare));
        let folder = self.fresh("growth")?;
        let sink = procs::child("sink")?;
        let gateway = procs::gateway(&self.binary, &folder, Some(sink.public))?;
        let empty = load::run(gateway.public, mixed(u64::MAX, 0)).await?;
        show("the same, counted and delivered meanwhile", &empty, Some(&bare));
        let began = Instant::now();
        load::run(gateway.public, mixed(events, 1_000_000_000)).await?;
        println!("filled in {:.0} s", began.elapsed().as_secs_f64());
        drained(&gateway).await?;
        println!("all delivered after {:.0} s", began.elapsed().as_secs_f64());
        let full = load::run(gateway.public, mixed(u64::MAX, 5_000_000_000)).await?;
        show("batches of 100, full file, counted and delivered meanwhile", &full, Some(&empty));
        drained(&gateway).await?;
        let private = gateway.private.context("private")?;
        let caught_up = load::call(private, "POST", "/api/catch-up").await?;
        anyhow::ensure!(
            caught_up.status == 200,
            "catch-up answered {}: {}",
            caught_up.status,
            caught_up.body
        );
        println!("everything counted {:.1} s after the last event", caught_up.ms / 1_000.0);
        let size = |name: &str| Ok::<_, anyhow::Error>(std::fs::metadata(folder.join(name))?.len() >> 20);
        let (log, insight) = (size("tandem.db")?, size("tandem.insight.db")?);
        println!("file {log} MiB, insight file {insight} MiB, memory {:.1} MiB", gateway.rss_mib()?);
        for path in ["/api/records/events?limit=100", "/api/records/deliveries?limit=100", "/api/events/1000"]
            .iter()
            .chain(PAGES)
        {
            page(private, path).await?;
        }
        drop(gateway);
        std::fs::remove_file(folder.join("tandem.insight.db"))?;
        let gateway = procs::gateway(&self.binary, &folder, Some(sink.public))?;
        let anew = load::call(gateway.private.context("private")?, "POST", "/api/catch-up").await?;
        println!("insight file made anew in {:.1} s", anew.ms / 1_000.0);
        Ok(())
    }
}

/// The pages for people and what else reads much, with terms that make them read what they can.
const PAGES: &[&str] = &[
    "/",
    "/live",
    "/events",
    "/events?q=0199aef2-7c55-7e31-9a66-00003b9aca00",
    "/events?source=nothing",
    "/events/1000",
    "/orders",
    "/why?q=0199aef2-7c55-7e31-9a66-00003b9aca00",
    "/findings",
    "/quality",
    "/deduplication",
    "/consent",
    "/reconciliation",
    "/destinations",
    "/sites",
    "/sql",
    "/alerts",
    "/api/search?q=0199aef2-7c55-7e31-9a66-00003b9aca00",
    "/api/search?source=nothing",
    "/api/findings",
    "/api/observations",
];

/// How often each is read.
const TIMES: usize = 20;

/// How long a path takes, nineteen times of twenty, and how long the first time, when nothing of it was read yet.
async fn page(private: SocketAddr, path: &str) -> anyhow::Result<()> {
    let (mut took, mut status) = (Vec::new(), 0);
    for _ in 0..TIMES {
        let answer = load::call(private, "GET", path).await?;
        took.push(answer.ms);
        status = answer.status;
    }
    let first = took.first().copied().unwrap_or_default();
    took.sort_by(f64::total_cmp);
    let p95 = took.get(TIMES * 95 / 100 - 1).copied().unwrap_or_default();
    let remark = if status == 200 { String::new() } else { format!("  answered {status}") };
    println!("GET {path}: p95 {p95:.1} ms, the first {first:.1} ms{remark}");
    Ok(())
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1_000.0
}

/// A port that refuses connections.
fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

fn show(what: &str, outcome: &Outcome, baseline: Option<&Outcome>) {
    let ratio = baseline
        .map_or_else(String::new, |b| format!("  ratio {:.2}", outcome.events_per_s() / b.events_per_s()));
    let refused = if outcome.refused > 0 { format!("  REFUSED {}", outcome.refused) } else { String::new() };
    println!(
        "{what:<42} {:>9.0} requests/s {:>10.0} events/s  p50 {:.2} ms  p99 {:.2} ms{ratio}{refused}",
        outcome.requests_per_s(),
        outcome.events_per_s(),
        outcome.p50_ms,
        outcome.p99_ms
    );
}

/// Until nothing waits.
async fn drained(gateway: &Proc) -> anyhow::Result<()> {
    let private = gateway.private.context("private")?;
    loop {
        let (_, body) = load::get(private, "/api/summary").await?;
        let summary: Value = serde_json::from_str(&body).with_context(|| body.clone())?;
        let waiting: i64 =
            summary["lanes"].as_array().into_iter().flatten().filter_map(|l| l["waiting"].as_i64()).sum();
        if waiting == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// The stand-in must have counted every event once, or the figures mean nothing.
async fn counted(sandbox: SocketAddr, expected: u64) -> anyhow::Result<()> {
    let (_, body) = load::get(sandbox, "/sandbox/conversions?summary=1").await?;
    let report: Value = serde_json::from_str(&body)?;
    let counted = report["counts"]["P"]["ViewContent"]["counted"].as_u64();
    anyhow::ensure!(counted == Some(expected), "the stand-in counted {counted:?}, not {expected}");
    Ok(())
}
