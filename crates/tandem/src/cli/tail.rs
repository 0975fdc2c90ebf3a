use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use serde_json::Value;
use tandem_gateway::transport::Http;

use crate::config;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The running gateway's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only this site.
    #[arg(long)]
    site: Option<String>,
    /// Only events of this name.
    #[arg(long)]
    event: Option<String>,
    /// Only this event id.
    #[arg(long)]
    id: Option<String>,
    /// Only this order.
    #[arg(long)]
    order: Option<String>,
    /// Only this visitor, or the visits by this debug link.
    #[arg(long)]
    visitor: Option<String>,
    /// Only this destination.
    #[arg(long)]
    destination: Option<String>,
    /// Only this verdict: accepted, duplicate, rejected, delivered, retry, skipped, …
    #[arg(long)]
    verdict: Option<String>,
    /// Only this kind.
    #[arg(long, value_parser = ["received", "event", "attempt", "refused", "unclaimed"])]
    kind: Option<String>,
    /// Whole records as JSON, one a line.
    #[arg(long)]
    json: bool,
}

/// Runs until it is interrupted or the gateway ends.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let server = config::load_server(&args.config).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let filters = [
        ("site", &args.site),
        ("event", &args.event),
        ("id", &args.id),
        ("order", &args.order),
        ("visitor", &args.visitor),
        ("destination", &args.destination),
        ("verdict", &args.verdict),
        ("kind", &args.kind),
    ];
    for (name, value) in filters {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    let request = super::ask::request(&server, &format!("/live/stream?{}", query.finish()))?;
    let mut out = Lines { open: Vec::new(), json: args.json, colours: io::stdout().is_terminal() };
    let interruption = super::interruption()?;
    let http = Http::new()?;
    let streamed = http.stream(request, |bytes| out.take(bytes));
    tokio::select! {
        () = interruption => Ok(ExitCode::SUCCESS),
        ended = streamed => match ended {
            Ok(200) => {
                eprintln!("the gateway ended the stream");
                Ok(ExitCode::SUCCESS)
            }
            Ok(status) => anyhow::bail!("the gateway answers {status}; the log says why"),
            Err(why) => anyhow::bail!("{}", super::ask::no_gateway(&server, &why)),
        },
    }
}

/// Server-sent events, one line each.
struct Lines {
    /// What came of an event that is not complete.
    open: Vec<u8>,
    json: bool,
    colours: bool,
}

impl Lines {
    /// Whether more is wanted.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.open.extend_from_slice(bytes);
        let mut text = String::new();
        while let Some(end) = self.open.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = self.open.drain(..end + 2).collect();
            text.push_str(&self.line(&String::from_utf8_lossy(&event)).unwrap_or_default());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
    }

    fn line(&self, event: &str) -> Option<String> {
        let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        let data = field("data: ")?;
        if field("event: ") == Some("missed") {
            let missed: Value = serde_json::from_str(data).ok()?;
            return Some(if self.json {
                format!("{data}\n")
            } else {
                format!("… {} not shown\n", missed["count"])
            });
        }
        if self.json {
            return Some(format!("{data}\n"));
        }
        Some(self.summary(&serde_json::from_str(data).ok()?))
    }

    /// `14:03:09.120 attempt  shop → tiktok  Purchase wc_order_891  delivered  34 ms`
    fn summary(&self, record: &Value) -> String {
        let text = |name: &str| record[name].as_str().unwrap_or_default();
        let at = record["at_ms"].as_i64().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        let at = at.map(|at| at.strftime("%H:%M:%S%.3f").to_string()).unwrap_or_default();
        let way = match (text("destination"), text("source")) {
            ("", source) => format!("{} ← {source}", text("site")),
            (destination, _) => format!("{} → {destination}", text("site")),
        };
        let events = record["events"].as_array().map_or(&[][..], Vec::as_slice);
        let first = |name: &str| events.first().and_then(|e| e[name].as_str()).unwrap_or_default();
        let what = match events.len() {
            0 => text("summary").to_owned(),
            1 => format!("{} {}", first("event_name"), first("event_id")),
            n => format!("{} {} and {} more", first("event_name"), first("event_id"), n - 1),
        };
        let latency = record["latency_ms"].as_i64().map(|ms| format!("  {ms} ms")).unwrap_or_default();
        // Ids are a sender's choice, and a terminal obeys control characters.
        let line: String = format!("{at}  {:<9} {way}  {what}", text("kind"));
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        format!("{line}  {}{latency}\n", self.coloured(text("verdict")))
    }

    fn coloured(&self, verdict: &str) -> String {
        let colour = match verdict {
            "accepted" | "delivered" => 32,
            "duplicate" | "ignored" | "skipped" | "" => 90,
            "retry" | "split" | "reshaped" => 33,
            _ => 31,
        };
        if self.colours { format!("\u{1b}[{colour}m{verdict}\u{1b}[0m") } else { verdict.to_owned() }
    }
}
