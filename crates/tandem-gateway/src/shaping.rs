//! The site's rules and reporting currency at work: at the door for everybody, and for what one destination gets.

use std::borrow::Cow;

use tandem_core::claim::OrderReport;
use tandem_core::consent::Decision;
use tandem_core::door::Rejection;
use tandem_core::rules::{Applied, Context, Overrides, Stopped};
use tandem_core::{Event, Finding, names, rates};
use tandem_destinations::{Mapped, Skip};

use crate::pipeline::{self, Admitted, Cleared};
use crate::{Lane, SiteRuntime};

/// An event as rules and reporting currency of one destination want it.
pub(crate) struct Shaped<'e> {
    pub(crate) event: Cow<'e, Event>,
    pub(crate) overrides: Overrides,
    pub(crate) applied: Vec<Applied>,
    pub(crate) findings: Vec<Finding>,
}

/// Runs the door's rules over what was admitted. The events they add stand at the end. Pure.
#[must_use]
pub fn at_door(site: &SiteRuntime, admitted: Vec<Admitted>, context: &Context) -> Vec<Admitted> {
    let rules = &site.site.rules;
    if rules.is_empty() {
        return admitted;
    }
    let mut added = Vec::new();
    let one = |part: Admitted| -> Admitted {
        let (mut event, order) = part?;
        let name = event.event_name.clone();
        let done = rules.at_door(&mut event, context);
        added.extend(done.emitted.into_iter().map(|event| allowed(site, event)));
        event = allowed(site, event);
        if let Some(stopped) = done.dropped {
            return Err(dropped(&event, &stopped));
        }
        let order = if event.event_name == name { order } else { order_of(&event, order) };
        Ok((event, order))
    };
    let mut parts: Vec<Admitted> = admitted.into_iter().map(one).collect();
    parts.extend(added.into_iter().map(|event| Ok((event, None))));
    parts
}

/// What the door took from a visitor's event for want of consent, no rule puts back.
fn allowed(site: &SiteRuntime, mut event: Event) -> Event {
    if !pipeline::is_of_page(&event) {
        return event;
    }
    match site.site.gates.widest(&event.consent) {
        Decision::Send => event,
        Decision::SendWithoutIdentity => event.without_identity(),
        Decision::Anonymise | Decision::Suppress(_) => {
            Event { order_id: event.order_id.take(), ..event.anonymous() }
        }
    }
}

/// A renamed event is another thing to the order ledger.
fn order_of(event: &Event, order: Option<OrderReport>) -> Option<OrderReport> {
    let sale = event.event_name == names::PURCHASE && event.order_id.is_some();
    sale.then(|| order.unwrap_or(OrderReport::Sale))
}

fn dropped(event: &Event, stopped: &Stopped) -> Rejection {
    let message = format!("{} (rule {:?})", stopped.reason, stopped.rule);
    Rejection {
        event_name: Some(event.event_name.clone()),
        event_id: Some(event.event_id.clone()),
        order_id: event.order_id.clone(),
        ..Rejection::expected("rule_drop", message)
    }
}

/// What this destination is to get of an event, before it is mapped. Pure.
///
/// # Errors
/// [`Skip`] when a rule keeps the event from it.
pub(crate) fn shape<'e>(lane: &Lane, event: Cow<'e, Event>) -> Result<Shaped<'e>, Skip> {
    let name = lane.destination.definition().name;
    let outgoing = lane.rules.for_destination(name, &event).map_err(|stopped| Skip {
        code: "rule",
        message: format!("{} (rule {:?})", stopped.reason, stopped.rule),
        // The rule is asked again when the page has completed the event.
        is_open: true,
    })?;
    let mut shaped = match outgoing {
        None => Shaped { event, overrides: Overrides::default(), applied: vec![], findings: vec![] },
        Some(outgoing) => Shaped {
            event: Cow::Owned(outgoing.event),
            overrides: outgoing.overrides,
            applied: outgoing.applied,
            findings: outgoing.findings,
        },
    };
    if let Some(to) = lane.reporting.filter(|to| shaped.event.currency.is_some_and(|from| from != *to)) {
        let known = lane.rates.get();
        // Rates are judged by when the event happened: the same event gets the same answer whenever it is asked.
        let happened_s = shaped.event.event_time;
        match rates::convert(shaped.event.to_mut(), to, known.as_deref(), happened_s) {
            Ok(applied) => {
                let of = |applied| Applied { destination: Some(name.to_owned()), ..applied };
                shaped.applied.extend(applied.map(of));
            }
            Err(finding) => shaped.findings.push(finding),
        }
    }
    Ok(shaped)
}

/// What the record says of it all: the event is kept as it came through the door, with notes.
pub(crate) fn note(lane: &Lane, event: &mut Event) {
    let Ok(shaped) = shape(lane, Cow::Borrowed(event)) else { return };
    let mut remarks = lane.destination.lint(&shaped.event);
    let Shaped { applied, findings, .. } = shaped;
    remarks.extend(findings);
    event.findings.extend(remarks);
    event.rules.extend(applied);
}

/// The name under which this destination counts the event, by which duplicates are told.
pub(crate) fn sent_name<'e>(lane: &Lane, event: &'e Event) -> Cow<'e, str> {
    match shape(lane, Cow::Borrowed(event)).map(|shaped| shaped.event) {
        Ok(Cow::Owned(event)) => Cow::Owned(event.event_name),
        _ => Cow::Borrowed(event.event_name.as_str()),
    }
}

/// The platform's shape with what rules change of it.
pub(crate) fn overridden(cleared: &Cleared<'_>, mapped: Mapped) -> Mapped {
    if cleared.overrides.is_empty() {
        return mapped;
    }
    let Mapped { json, .. } = mapped;
    Mapped { json: cleared.overrides.apply(json), ..mapped }
}
