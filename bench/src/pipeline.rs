//! The CPU cost of each pure step, on one thread, without sockets and disk.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use tandem_core::consent::{Gates, OnUnknown};
use tandem_core::rules::{Context, RuleSettings, Rules, Settings};
use tandem_core::{Event, Site, door};
use tandem_destinations::Destination;
use tandem_gateway::{Lane, SiteRuntime, pipeline};
use tandem_sources::{Decoded, Request, events};
use tandem_store::LaneId;

const NOW: i64 = 1_800_000_000;
const COUNT: u64 = 100_000;

pub(crate) fn run() -> anyhow::Result<()> {
    println!("\n## pure steps, one thread, microseconds an event");
    let source = tandem_sources::configure(events::NAME, None).map_err(anyhow::Error::msg)?;
    let bodies: Vec<String> = (0..1_000).map(|id| crate::load::event(id, NOW - 5)).collect();
    let site = site()?;
    let headers = http::HeaderMap::new();
    let request = |id: u64| Request::new(&headers, bodies[index(id)].as_bytes());
    step("parse into a JSON value", |id| {
        black_box(serde_json::from_str::<serde_json::Value>(&bodies[index(id)]).ok());
    });
    step("decode into a draft", |id| {
        black_box(source.decode(&request(id), &site.site));
    });
    step("decode, through the door", |id| {
        for draft in source.decode(&request(id), &site.site).parts.into_iter().flatten() {
            black_box(door::admit(draft, &site.site, NOW).ok());
        }
    });
    step("decode, door, gate, serialise", |id| {
        black_box(prepare(&site, source.decode(&request(id), &site.site)));
    });
    let stored: Vec<String> = bodies
        .iter()
        .flat_map(|body| {
            let request = Request::new(&headers, body.as_bytes());
            prepare(&site, source.decode(&request, &site.site)).events
        })
        .map(|event| event.body)
        .collect();
    println!("a stored event is {} bytes of JSON", stored[0].len());
    let rules = rules()?;
    let events: Vec<Event> = stored.iter().filter_map(|body| serde_json::from_str(body).ok()).collect();
    step("ten rules, four of which apply", |id| {
        let mut event = events[index(id)].clone();
        black_box(rules.at_door(&mut event, &Context::default()));
    });
    let tiktok: &dyn Destination = site.lanes[0].destination.as_ref();
    step("read back and map for TikTok", |id| {
        if let Ok(event) = serde_json::from_str::<Event>(&stored[index(id)]) {
            black_box(tiktok.map(&event, false));
        }
    });
    Ok(())
}

/// Everything between a decoded request and the store.
fn prepare(site: &SiteRuntime, decoded: Decoded) -> pipeline::Prepared {
    pipeline::prepare(site, events::NAME, pipeline::admit(&site.site, decoded.parts, NOW), NOW)
}

fn rules() -> anyhow::Result<Rules> {
    let rule = |n: usize| RuleSettings {
        name: format!("rule {n}"),
        when: Some(match n {
            0..4 => format!("event_name == 'Purchase' and value > {n}"),
            _ => format!("'/survey/{n}' in page.path or properties.tier == 'gold'"),
        }),
        set: [(format!("properties.p{n}"), "value|times('0.3')|round(2)".to_owned())].into(),
        ..RuleSettings::default()
    };
    let settings = Settings { rules: (0..10).map(rule).collect(), ..Settings::default() };
    Rules::compile(settings).map_err(|mistakes| anyhow::anyhow!("{mistakes:?}"))
}

fn index(id: u64) -> usize {
    usize::try_from(id % 1_000).unwrap_or(0)
}

fn site() -> anyhow::Result<SiteRuntime> {
    let site = Site {
        id: "shop".to_owned(),
        currency: None,
        country: None,
        hybrid: false,
        gates: Gates::advertising(OnUnknown::Grant),
        ..Site::default()
    };
    let platform = &tandem_destinations::PLATFORMS[0];
    let destination: Arc<dyn Destination> =
        (platform.configure)(&(platform.placeholder)()).map_err(anyhow::Error::msg)?.into();
    let lane = Lane::new(LaneId(1), &site, destination);
    Ok(SiteRuntime { site, sources: HashMap::new(), lanes: vec![lane], script: None })
}

#[allow(clippy::cast_precision_loss)]
fn step(what: &str, mut run: impl FnMut(u64)) {
    (0..1_000).for_each(&mut run);
    let began = Instant::now();
    (0..COUNT).for_each(&mut run);
    println!("{what:<36} {:>6.2}", began.elapsed().as_secs_f64() * 1e6 / COUNT as f64);
}
