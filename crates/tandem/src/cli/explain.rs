use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use clap::Args as ClapArgs;
use serde_json::{Map, Value, json};
use tandem_core::consent::{Gates, OnUnknown};
use tandem_core::door;
use tandem_core::{Event, Site};
use tandem_destinations::{HttpRequest, PLATFORMS};
use tandem_gateway::clock::{Clock, SystemClock};
use tandem_gateway::{Lane, SiteSetup, pipeline};
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
    #[arg(long)]
    source: String,
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
    #[arg(long, value_name = "FILE")]
    json: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let setup = setup(args)?;
    let mut headers = HeaderMap::new();
    let body = match capture::classify(capture::read(&args.json)?) {
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
    let source = setup.sources.iter().find(|s| s.name() == args.source);
    let source = source.with_context(|| format!("the site has no source {:?}", args.source))?;
    let now_s = args.now.map_or_else(|| SystemClock::default().now_s(), |ms| ms.div_euclid(1_000));
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
    let (report, found) = explain(&setup.site, &lanes(args, &setup)?, decoded, now_s);
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn setup(args: &Args) -> anyhow::Result<SiteSetup> {
    let Some(path) = &args.config else { return built_in() };
    let config = config::load(path).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let wanted = |s: &SiteSetup| args.site.as_ref().is_none_or(|id| *id == s.site.id);
    config.sites.into_iter().find(wanted).context("the configuration has no such site")
}

/// Every source and destination on, placeholders for credentials, consent taken as granted.
fn built_in() -> anyhow::Result<SiteSetup> {
    let site = Site {
        id: "shop".to_owned(),
        currency: None,
        country: None,
        hybrid: false,
        gates: Gates::advertising(OnUnknown::Grant),
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

fn lanes(args: &Args, setup: &SiteSetup) -> anyhow::Result<Vec<Lane>> {
    let wanted = |name: &str| args.destination.as_deref().is_none_or(|d| d == name);
    let chosen = setup.destinations.iter().filter(|d| wanted(d.definition().name));
    let lanes: Vec<Lane> =
        chosen.map(|destination| Lane::new(LaneId(0), &setup.site, destination.clone())).collect();
    anyhow::ensure!(!lanes.is_empty() || args.destination.is_none(), "the site has no such destination");
    Ok(lanes)
}

fn explain(site: &Site, lanes: &[Lane], decoded: Decoded, now_s: i64) -> (Value, bool) {
    let (mut events, mut rejections) = (Vec::new(), Vec::new());
    for part in decoded.parts {
        match part.and_then(|draft| door::admit(draft, site, now_s)) {
            Ok((event, _)) => events.push(explain_event(lanes, &event, now_s)),
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
            json!({
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
            })
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
