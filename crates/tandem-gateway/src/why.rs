//! Why an event did not count: what is on record, completed with how sites and destinations are set up now.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;
use tandem_core::diagnose::{self, Attempt, Delivery, Diagnosis, Story, WayIn};
use tandem_core::rules::Applied;
use tandem_core::{Event, Finding};
use tandem_store::StoreError;

use crate::{Gateway, Lane, Sites, live, pipeline, shaping};

/// Longest id that is looked for, in bytes; the door takes none that is longer than 200.
const MAX_QUESTION: usize = 300;

/// Answers for an event id or an order id; of all sites, or of one.
///
/// # Errors
/// [`StoreError`].
pub fn ask(gateway: &Gateway, question: &str, site: Option<&str>) -> Result<Diagnosis, StoreError> {
    let question = question.get(..question.floor_char_boundary(MAX_QUESTION)).unwrap_or_default();
    let mut story = gateway.store.story(question, site)?;
    complete(&mut story, &gateway.sites());
    Ok(diagnose::diagnose(&story, gateway.clock.now_ms()))
}

/// The story of one event of the log, and its diagnosis; `None` when it is not there.
///
/// # Errors
/// [`StoreError`].
pub fn ask_of(gateway: &Gateway, seq: i64) -> Result<Option<(Story, Diagnosis)>, StoreError> {
    let Some(mut story) = gateway.store.story_of(seq)? else { return Ok(None) };
    complete(&mut story, &gateway.sites());
    let diagnosis = diagnose::diagnose(&story, gateway.clock.now_ms());
    Ok(Some((story, diagnosis)))
}

/// The calls of each of an event's deliveries as they may be shown, oldest first, each with the number of its delivery.
///
/// # Errors
/// [`StoreError`].
pub fn calls_of(gateway: &Gateway, seq: i64) -> Result<Vec<(i64, Attempt)>, StoreError> {
    let mut calls = gateway.store.calls_of(seq)?;
    calls.iter_mut().for_each(|(_, call)| said(call));
    Ok(calls)
}

/// What one destination would be sent of an event as it stands now, and what it makes of it.
#[derive(Debug)]
pub struct Sent {
    /// Name of the destination.
    pub destination: &'static str,
    /// The same for people.
    pub title: &'static str,
    /// Why nothing would be sent, if so.
    pub skip: Option<String>,
    /// The request as it may be shown: without secrets, the network address cut short.
    pub request: Option<Value>,
    /// What rules of the destination do to it.
    pub applied: Vec<Applied>,
}

/// What each destination of the event's site would be sent under the present settings. Pure but for the settings.
#[must_use]
pub fn sent(gateway: &Gateway, event: &Event) -> Vec<Sent> {
    let sites = gateway.sites();
    let now_s = gateway.clock.now_s();
    let lanes = sites.get(&event.site).map(|site| site.lanes.as_slice()).unwrap_or_default();
    let one = |lane: &Lane| {
        let definition = lane.destination.definition();
        let explained = pipeline::explain(lane, event, now_s);
        Sent {
            destination: definition.name,
            title: definition.title,
            skip: explained.skip.map(|skip| skip.message),
            request: explained.request.as_ref().map(live::shown_request),
            applied: explained.applied,
        }
    };
    lanes.iter().map(one).collect()
}

fn complete(story: &mut Story, sites: &Sites) {
    let mut asked: BTreeSet<String> = story.searched.sites.iter().cloned().collect();
    if story.site.is_none() {
        asked.extend(sites.iter().map(|site| site.site.id.clone()));
        story.searched.sites = asked.iter().cloned().collect();
    }
    if story.events.is_empty() {
        story.ways_in = ways_in(&story.ways_in, &asked, sites);
    }
    for record in &mut story.events {
        let site = sites.get(&record.event.site);
        for delivery in &mut record.deliveries {
            shown(delivery);
            let lane = site.and_then(|site| site.lanes.iter().find(|lane| lane.id.0 == delivery.lane));
            if let Some(lane) = lane {
                set_up(delivery, lane, &record.event);
            }
        }
    }
}

/// A platform may repeat in its words what it was sent.
fn shown(delivery: &mut Delivery) {
    delivery.message = delivery.message.take().map(|text| live::shown_text(&text));
    delivery.attempt.iter_mut().for_each(said);
}

fn said(call: &mut Attempt) {
    call.message = live::shown_text(&call.message);
    call.reply = call.reply.take().map(|text| live::shown_text(&text));
}

fn set_up(delivery: &mut Delivery, lane: &Lane, event: &Event) {
    let definition = lane.destination.definition();
    delivery.title = definition.title.to_owned();
    delivery.weights = definition.match_weights;
    delivery.remarks = remarks(lane, event);
}

/// What the destination remarks on the event as it would get it.
fn remarks(lane: &Lane, event: &Event) -> Vec<Finding> {
    let Ok(shaped) = shaping::shape(lane, Cow::Borrowed(event)) else { return Vec::new() };
    let mut remarks = lane.destination.lint(&shaped.event);
    remarks.extend(shaped.findings);
    remarks
}

/// The ways in that are set up, with what is known of their traffic.
fn ways_in(heard: &[WayIn], asked: &BTreeSet<String>, sites: &Sites) -> Vec<WayIn> {
    let mut ways = Vec::new();
    for site in sites.iter().filter(|site| asked.contains(&site.site.id)) {
        for (name, source) in &site.sources {
            let known = heard.iter().find(|way| way.site == site.site.id && way.source == *name);
            ways.push(WayIn {
                site: site.site.id.clone(),
                source: (*name).to_owned(),
                last_ms: known.and_then(|way| way.last_ms),
                reports_orders: source.sale_event_id().is_some(),
                sweeps: source.sweep().is_some(),
            });
        }
    }
    ways.sort_by(|a, b| (&a.site, &a.source).cmp(&(&b.site, &b.source)));
    ways
}
