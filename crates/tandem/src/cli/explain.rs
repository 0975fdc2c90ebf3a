use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};
use tandem_core::consent::{Gate, Gates, OnUnknown};
use tandem_core::{Event, Site};
use tandem_destinations::{HttpRequest, PLATFORMS, Platform};
use tandem_gateway::clock::{Clock, SystemClock};
use tandem_gateway::rates::Desk;
use tandem_gateway::{Lane, SiteRuntime, SiteSetup, pipeline, shaping};
use tandem_sources::Decoded;
use tandem_store::LaneId;

use super::capture::{self, Input};
use crate::config;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Take settings from this file; without it a built-in site has every destination on, placeholder credentials,
    /// and consent granted.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The site in that file; the first one by default.
    #[arg(long)]
    site: Option<String>,
    /// Now (RFC 3339 or Unix seconds); the machine's time by default.
    #[arg(long, value_name = "TIME", value_parser = super::instant)]
    now: Option<i64>,
    /// The way in: browser, data_tag, events, ga4 or woocommerce.
    #[arg(long, required_unless_present = "event", conflicts_with = "event")]
    source: Option<String>,
    /// Address the request was sent to, for ways in that read it: https://shop.example/g/collect?v=2&tid=…
    #[arg(long, value_name = "URL", default_value = "")]
    url: String,
    /// A header of the request, as 'Name: value'; may be repeated.
    #[arg(long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The way out; all of the site's destinations by default.
    #[arg(long)]
    destination: Option<String>,
    /// The request's body: a file, or - for standard input. A captured delivery brings its headers along.
    #[arg(long, value_name = "FILE", required_unless_present = "event", conflicts_with = "event")]
    json: Option<String>,
    /// Instead of an input: an event on record, by its position in the log (`seq`). Asks the running gateway for it, and
    /// says what would be sent under the present configuration.
    #[arg(long, value_name = "SEQ", requires = "config")]
    event: Option<i64>,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some((seq, path)) = args.event.zip(args.config.as_deref()) {
        return stored(args, path, seq).await;
    }
    let (Some(name), Some(json)) = (&args.source, &args.json) else {
        anyhow::bail!("name the way in (--source) and the input (--json)");
    };
    let (setup, rates) = setup(args, args.site.as_deref())?;
    let mut headers = HeaderMap::new();
    let body = match capture::classify(capture::read(json)?) {
        Input::Webhook(capture) => {
            for (name, value) in capture.headers() {
                headers.append(name.parse::<HeaderName>()?, value.parse()?);
            }
            capture.bytes()?
        }
        Input::Events(bytes) => bytes,
    };
    for text in &args.headers {
        let (name, value) =
            text.split_once(':').with_context(|| format!("--header {text:?}: write 'Name: value'"))?;
        headers.insert(name.trim().parse::<HeaderName>()?, value.trim().parse::<HeaderValue>()?);
    }
    let source = setup.sources.iter().find(|s| s.name() == name);
    let source = source.with_context(|| format!("the site has no source {name:?}"))?;
    let now_s = now_s(args);
    let (address, query) = args.url.split_once('?').unwrap_or((&args.url, ""));
    let path =
        address.split_once("://").map_or(address, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let request = tandem_sources::Request {
        method: if body.is_empty() && !query.is_empty() { "GET" } else { "POST" },
        path,
        query,
        now_ms: now_s * 1_000,
        ..tandem_sources::Request::new(&headers, &body)
    };
    let decoded = source.decode(&request, &setup.site);
    let context = setup.site.rules.context(|name| request.header(name), &request.cookies());
    let (site, lanes) = (setup.site.clone(), lanes(args, &setup, rates)?);
    let runtime = SiteRuntime { site, sources: HashMap::new(), lanes, script: None };
    let (report, found) = explain(&runtime, Decoded { context, ..decoded }, now_s);
    say!("{}", serde_json::to_string_pretty(&report)?);
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn now_s(args: &Args) -> i64 {
    args.now.map_or_else(|| SystemClock::default().now_s(), |ms| ms.div_euclid(1_000))
}

/// The event as it is on record, where it may have been completed since it came in. Its network address is cut short there.
async fn stored(args: &Args, path: &Path, seq: i64) -> anyhow::Result<ExitCode> {
    let server = config::load_server(path).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let row = super::ask::get(&server, &format!("/api/events/{seq}")).await?;
    let event: Event = serde_json::from_value(row["body"].clone()).context("the event cannot be read")?;
    if let Some(site) = args.site.as_ref().filter(|site| **site != event.site) {
        anyhow::bail!("the event is of the site {}, not of {site}", event.site);
    }
    let (setup, rates) = setup(args, Some(&event.site))?;
    let mut report = explain_event(&lanes(args, &setup, rates)?, &event, now_s(args));
    report["on_record"] = row["deliveries"].clone();
    say!("{}", serde_json::to_string_pretty(&json!({ "events": [report], "rejections": [] }))?);
    Ok(ExitCode::SUCCESS)
}

fn setup(args: &Args, site: Option<&str>) -> anyhow::Result<(SiteSetup, Desk)> {
    let Some(path) = &args.config else { return Ok((built_in()?, Desk::default())) };
    let config = config::load(path).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let wanted = |s: &SiteSetup| site.is_none_or(|id| id == s.site.id);
    let desk = Desk::default();
    if let Some(held) = config.rates.as_ref().and_then(|source| source.on_disk().ok()) {
        desk.put(held);
    }
    let setup = config.sites.into_iter().find(wanted).context("the configuration has no such site")?;
    Ok((setup, desk))
}

/// Every source and destination on, placeholders for credentials, consent taken as granted.
fn built_in() -> anyhow::Result<SiteSetup> {
    let site = Site {
        id: "shop".to_owned(),
        currency: None,
        country: None,
        hybrid: false,
        gates: Gates(PLATFORMS.iter().map(granting).collect()),
        ..Site::default()
    };
    let sources = tandem_sources::NAMES.iter().map(|name| tandem_sources::configure(name, None));
    let destinations = PLATFORMS.iter().map(|p| (p.configure)(&(p.placeholder)()).map(Arc::from));
    Ok(SiteSetup {
        site,
        sources: sources.collect::<Result<_, _>>().map_err(anyhow::Error::msg)?,
        destinations: destinations.collect::<Result<_, _>>().map_err(anyhow::Error::msg)?,
    })
}

/// Whatever a platform asks for counts as granted unless the input says otherwise.
fn granting(platform: &Platform) -> Gate {
    let definition = platform.definition;
    Gate::new(definition.name, definition.requires, OnUnknown::Grant)
}

fn lanes(args: &Args, setup: &SiteSetup, rates: Desk) -> anyhow::Result<Vec<Lane>> {
    let wanted = |name: &str| args.destination.as_deref().is_none_or(|d| d == name);
    let chosen = setup.destinations.iter().filter(|d| wanted(d.definition().name));
    let lanes: Vec<Lane> = chosen
        .map(|destination| Lane {
            rates: rates.clone(),
            ..Lane::new(LaneId(0), &setup.site, destination.clone())
        })
        .collect();
    anyhow::ensure!(!lanes.is_empty() || args.destination.is_none(), "the site has no such destination");
    Ok(lanes)
}

/// `events`: each with its deliveries; `rejections`. And whether there is an event at all.
pub(super) fn explain(site: &SiteRuntime, decoded: Decoded, now_s: i64) -> (Value, bool) {
    let (mut events, mut rejections) = (Vec::new(), Vec::new());
    let admitted = pipeline::admit(&site.site, decoded.parts, now_s);
    for part in shaping::at_door(site, admitted, &decoded.context) {
        match part {
            Ok((event, _)) => events.push(explain_event(&site.lanes, &event, now_s)),
            Err(rejection) => rejections.push(json!(rejection)),
        }
    }
    let found = !events.is_empty();
    (json!({ "events": events, "rejections": rejections }), found)
}

fn explain_event(lanes: &[Lane], event: &Event, now_s: i64) -> Value {
    let mut findings = json!(event.findings);
    let deliveries: Vec<Value> = lanes
        .iter()
        .map(|lane| {
            let explained = pipeline::explain(lane, event, now_s);
            let mut shown = json!({
                "destination": lane.destination.definition().name,
                "consent": {
                    "ruling": explained.ruling.record(),
                    "reason": explained.ruling.reason,
                    "limited_data_use": explained.ruling.limited_data_use,
                    "may_change": explained.ruling.is_open,
                },
                "skip": explained.skip,
                "request": explained.request.as_ref().map(request),
                "findings": explained.findings,
            });
            if !explained.applied.is_empty() {
                shown["rules"] = json!(explained.applied);
            }
            shown
        })
        .collect();
    let mut shown = json!(event);
    if let Some(object) = shown.as_object_mut() {
        // Shown once, beside the event.
        object.remove("findings");
    }
    json!({ "event": shown, "findings": findings.take(), "deliveries": deliveries })
}

fn request(request: &HttpRequest) -> Value {
    let mut headers = Map::new();
    for (name, value) in &request.headers {
        let text = if value.is_sensitive() { "…" } else { value.to_str().unwrap_or("…") };
        headers.insert(name.to_string(), text.into());
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    json!({ "method": request.method.as_str(), "url": request.url, "headers": headers, "body": body })
}
