//! From a decoded request to log entries: the door, the consent gate, one delivery a destination.

use std::borrow::Cow;

use serde::Serialize;
use tandem_core::claim::{ClaimKey, OrderReport};
use tandem_core::codes::SERVER_HALF_REPORTS;
use tandem_core::consent::{self, Decision, Purpose, Ruling};
use tandem_core::door::{self, Draft, Rejection};
use tandem_core::rules::{Applied, Overrides};
use tandem_core::session;
use tandem_core::{Channel, Event, Finding, Site, names};
use tandem_destinations::{Destination, Skip, too_old};
use tandem_sources::{ON_PAGES, tags};
use tandem_store::{NewDelivery, NewEvent, Notice, NoticeKind, OrderClaim, OrderNumber, Outcome, Skipped};

use crate::shaping::Shaped;
use crate::{Lane, SiteRuntime, shaping};

/// What the sender is told about one event.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// `accepted`, `duplicate`, `ignored` or `rejected`.
    pub status: &'static str,
    /// The id it is known by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Name it is kept under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    /// Why it was not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What could be better.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Finding>,
}

/// A request made ready for the store, and the answers it will get.
#[derive(Debug, Default)]
pub struct Prepared {
    /// For the log.
    pub events: Vec<NewEvent>,
    /// For the record of what did not become one.
    pub notices: Vec<Notice>,
    /// Numbers of orders that are not their ids.
    pub numbers: Vec<OrderNumber>,
    /// One an event, in the request's order; those of accepted events wait for [`Prepared::settle`].
    answers: Vec<Answer>,
    /// For each entry of `events`, its place in `answers`.
    places: Vec<usize>,
}

/// An event that passed the door, and how it speaks of its order; or why it did not pass.
pub type Admitted = Result<(Event, Option<OrderReport>), Rejection>;

/// Runs every part of a decoded request through the door. Pure.
#[must_use]
pub fn admit(site: &Site, parts: Vec<Result<Draft, Rejection>>, now_s: i64) -> Vec<Admitted> {
    parts.into_iter().map(|part| part.and_then(|draft| door::admit(draft, site, now_s))).collect()
}

/// Makes log entries, one delivery a destination. Pure.
#[must_use]
pub fn prepare(site: &SiteRuntime, source: &'static str, admitted: Vec<Admitted>, now_s: i64) -> Prepared {
    let mut prepared = Prepared::default();
    for part in admitted {
        match part {
            Ok((mut event, order)) => {
                site.lanes.iter().for_each(|lane| shaping::note(lane, &mut event));
                prepared.places.push(prepared.answers.len());
                prepared.answers.push(answer_of(&event));
                prepared.numbers.extend(number_of(site, &event.order_number, &event.order_id));
                prepared.events.push(entry(site, source, event, order, now_s));
            }
            Err(rejection) => {
                prepared.notices.push(notice_of(site, source, &rejection));
                prepared.numbers.extend(number_of(site, &rejection.order_number, &rejection.order_id));
                prepared.answers.push(refusal(rejection));
            }
        }
    }
    prepared
}

fn number_of(site: &SiteRuntime, number: &Option<String>, order_id: &Option<String>) -> Option<OrderNumber> {
    let (number, order_id) = (number.clone()?, order_id.clone()?);
    Some(OrderNumber { site: site.site.id.clone(), number, order_id })
}

impl Prepared {
    /// The place of the n-th event among the answers.
    pub(crate) fn place(&self, event: usize) -> usize {
        self.places.get(event).copied().unwrap_or(usize::MAX)
    }

    /// The answers, once the store has spoken.
    #[must_use]
    pub fn settle(mut self, outcomes: Vec<Outcome>) -> Vec<Answer> {
        for (place, outcome) in self.places.iter().zip(outcomes) {
            let Some(answer) = self.answers.get_mut(*place) else { continue };
            match outcome {
                Outcome::Accepted { event_id: Some(id), .. } => answer.event_id = Some(id),
                Outcome::Accepted { .. } => {}
                Outcome::Duplicate { .. } => answer.status = "duplicate",
            }
        }
        self.answers
    }
}

/// An event as one destination may have it.
pub struct Cleared<'e> {
    /// The event, or what consent leaves of it.
    pub event: Cow<'e, Event>,
    /// Restricted processing under US state laws.
    pub limited_data_use: bool,
    /// What rules change of the platform's shape.
    pub overrides: Overrides,
}

/// What becomes of an event at one destination, before any claim: nothing stands in its way, or a skip.
///
/// # Errors
/// [`Skip`] with the reason on record.
pub fn gate<'e>(lane: &Lane, event: &'e Event, ruling: &Ruling) -> Result<Cleared<'e>, Skip> {
    if let Some(why) = &event.bot {
        let message = format!("no person: {why}");
        return Err(Skip { code: "bot", message, is_open: false });
    }
    let event = match ruling.decision {
        Decision::Send => Cow::Borrowed(event),
        Decision::SendWithoutIdentity => Cow::Owned(event.without_identity()),
        Decision::Anonymise => Cow::Owned(event.anonymous()),
        Decision::Suppress(code) => return Err(consent_skip(code, ruling)),
    };
    let Shaped { event, overrides, .. } = shaping::shape(lane, event)?;
    lane.destination.wants(&event)?;
    let limited_data_use = ruling.limited_data_use || event.limited_data_use;
    Ok(Cleared { event, limited_data_use, overrides })
}

fn consent_skip(code: &'static str, ruling: &Ruling) -> Skip {
    let message = match (code, ruling.reason.as_ref()) {
        (consent::DENIED, consent::WITHDRAWN) => "the visitor allowed it first and took that back".to_owned(),
        (consent::DENIED, reason) => {
            format!("the visitor did not allow what this destination needs ({reason})")
        }
        (_, "no_signal") => {
            "nobody told us about consent, and this site then sends nothing (on_unknown)".to_owned()
        }
        (_, reason) => format!("the visitor has not chosen yet ({reason})"),
    };
    Skip { code, message, is_open: code == consent::UNKNOWN }
}

fn entry(
    site: &SiteRuntime,
    source: &'static str,
    mut event: Event,
    order: Option<OrderReport>,
    now_s: i64,
) -> NewEvent {
    let halves = Halves::of(&event, &site.site, now_s);
    // Its deliveries may be skipped for reasons of their own, such as consent.
    event.completes = halves == Halves::Completes;
    let unpaired = Unpaired::of(site, &event);
    let deliveries = site.lanes.iter().map(|lane| delivery(lane, &event, &halves, unpaired, now_s)).collect();
    let address = hide_address(&mut event);
    let reports = event.order_id.is_some() && halves != Halves::Completes;
    let order = order.filter(|_| reports).map(|report| OrderClaim {
        report,
        total: event.value,
        currency: event.currency,
        lines: event.contents.iter().filter_map(|i| i.line_id.clone()).collect(),
        event: Box::new(event.clone()),
    });
    NewEvent {
        site: event.site.clone(),
        source,
        event_name: event.event_name.clone(),
        event_id: event.event_id.clone(),
        event_time: event.event_time,
        order_id: event.order_id.clone(),
        // Events hold text, numbers and maps with text keys only: serialising cannot fail.
        body: serde_json::to_string(&event).unwrap_or_default(),
        address,
        deliveries,
        order,
    }
}

/// How an event stands to the other half of the hybrid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Halves {
    /// It goes out as it is.
    Alone,
    /// It waits so many milliseconds for what the page may still tell.
    Waits(i64),
    /// It is the page's word on a sale that the shop's server reports: it completes that one and is not sent.
    Completes,
}

impl Halves {
    fn of(event: &Event, site: &Site, now_s: i64) -> Self {
        let Some(rules) = &site.sessions else { return Self::Alone };
        // By its name, not by the order it names: without one it would take the claim of any order's id.
        let sale = event.event_name == names::PURCHASE;
        if sale && is_of_page(event) && rules.sales_come_otherwise {
            return Self::Completes;
        }
        if !session::lacks_browser_half(event, || site.gates.is_open(&event.consent)) {
            return Self::Alone;
        }
        // Late already: the platform would not merge the halves any more.
        let left_ms = session::MAX_HOLD_MS - (now_s - event.event_time) * 1_000;
        match rules.hold_ms.min(left_ms) {
            ..=0 => Self::Alone,
            hold_ms => Self::Waits(hold_ms),
        }
    }
}

/// Whether a visitor's browser told us, which anybody can do.
pub(crate) fn is_of_page(event: &Event) -> bool {
    event.channel == Channel::Browser && ON_PAGES.contains(&event.source.as_str())
}

/// How an event stands whose id nobody else can have (see [`tags`]) to what else reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unpaired {
    /// Nothing does.
    Alone,
    /// The shop's pages have another way to us, whose word counts first.
    Repeats,
    /// The shop's pages have pixels of their own.
    BesidePixel,
}

impl Unpaired {
    fn of(site: &SiteRuntime, event: &Event) -> Self {
        let unpaired = event.findings.iter().any(|finding| finding.code == tags::UNPAIRED);
        if !unpaired || !is_of_page(event) {
            return Self::Alone;
        }
        let first = ON_PAGES.iter().find(|name| site.sources.contains_key(*name));
        match first {
            Some(first) if *first != event.source => Self::Repeats,
            _ if site.site.hybrid => Self::BesidePixel,
            _ => Self::Alone,
        }
    }

    /// Only platforms that advertise have pixels.
    fn skip(self, lane: &Lane) -> Option<Skip> {
        let message = match self {
            Self::Repeats => {
                "another way in reports what happens on the shop's pages, and without an event_id that both \
                              share this would count twice"
            }
            Self::BesidePixel if lane.gate.requires.contains(&Purpose::Advertising) => {
                "the shop's pages have a pixel (hybrid), and without an event_id that both share this would count twice"
            }
            Self::Alone | Self::BesidePixel => return None,
        };
        Some(Skip { code: "event_id_unpaired", message: message.to_owned(), is_open: false })
    }
}

fn delivery(lane: &Lane, event: &Event, halves: &Halves, unpaired: Unpaired, now_s: i64) -> NewDelivery {
    let definition = lane.destination.definition();
    let ruling = lane.gate.rule(&event.consent);
    let mut skip = gate(lane, event, &ruling)
        .err()
        .or_else(|| too_old(definition, event, now_s))
        .or_else(|| unpaired.skip(lane));
    let hold_ms = match halves {
        Halves::Alone => 0,
        Halves::Waits(hold_ms) => {
            // The page may still say what the buyer allowed, or who it was; the lane asks again.
            skip = skip.filter(|skip| !skip.is_open);
            *hold_ms
        }
        Halves::Completes => {
            let message = "the shop's server reports this sale; the page's word completes it".to_owned();
            skip = skip.or(Some(Skip { code: SERVER_HALF_REPORTS, message, is_open: false }));
            0
        }
    };
    NewDelivery {
        lane: lane.id,
        destination: definition.name,
        claim: ClaimKey::new(&event.site, definition.name, &shaping::sent_name(lane, event), &event.event_id),
        // A repeat may arrive while the first one still waits for its last retry, and the platform's own window
        // begins only when it gets that.
        window_ms: definition.duplicate_window_ms + definition.retry_horizon_ms,
        hold_ms,
        consent: ruling.record(),
        skip: skip.map(|s| Skipped { code: s.code.into(), message: s.message }),
    }
}

/// Cuts the event's address short, and gives the full one, which is kept apart.
pub(crate) fn hide_address(event: &mut Event) -> Option<String> {
    let address = event.user.ip.take();
    event.user.ip = address.as_deref().map(shortened);
    address
}

/// `203.0.113.7` → `203.0.113.0`, an IPv6 address to its first three groups.
pub(crate) fn shortened(address: &str) -> String {
    match address.parse() {
        Ok(std::net::IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0")
        }
        Ok(std::net::IpAddr::V6(v6)) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::")
        }
        Err(_) => String::new(),
    }
}

fn answer_of(event: &Event) -> Answer {
    Answer {
        status: "accepted",
        event_id: Some(event.event_id.clone()),
        event_name: Some(event.event_name.clone()),
        code: None,
        message: None,
        field: None,
        warnings: event.findings.clone(),
    }
}

fn refusal(rejection: Rejection) -> Answer {
    Answer {
        status: if rejection.expected { "ignored" } else { "rejected" },
        event_id: rejection.event_id,
        event_name: rejection.event_name,
        code: Some(rejection.code.into_owned()),
        message: Some(rejection.message),
        field: rejection.field,
        warnings: Vec::new(),
    }
}

fn notice_of(site: &SiteRuntime, source: &'static str, rejection: &Rejection) -> Notice {
    Notice {
        site: site.site.id.clone(),
        source: source.into(),
        kind: if rejection.expected { NoticeKind::Ignored } else { NoticeKind::Rejected },
        code: rejection.code.clone(),
        message: rejection.message.clone(),
        field: rejection.field.clone(),
        event_name: rejection.event_name.clone(),
        event_id: rejection.event_id.clone(),
        order_id: rejection.order_id.clone(),
    }
}

/// An event's request to one destination, or the reason there is none; what `tandem explain` shows.
pub struct Explained {
    /// What consent says, and why.
    pub ruling: Ruling,
    /// Set when the event would not be sent.
    pub skip: Option<Skip>,
    /// The request; also for an event skipped for its age, since that is a matter of when.
    pub request: Option<tandem_destinations::HttpRequest>,
    /// The destination's own remarks.
    pub findings: Vec<Finding>,
    /// What the destination's rules did.
    pub applied: Vec<Applied>,
}

/// What would be sent. Pure.
#[must_use]
pub fn explain(lane: &Lane, event: &Event, now_s: i64) -> Explained {
    let destination: &dyn Destination = lane.destination.as_ref();
    let (mut findings, mut applied) = (Vec::new(), Vec::new());
    let ruling = lane.gate.rule(&event.consent);
    let (skip, request) = match gate(lane, event, &ruling) {
        Err(skip) => (Some(skip), None),
        Ok(cleared) => {
            let mapped = destination.map(&cleared.event, cleared.limited_data_use);
            let mapped = shaping::overridden(&cleared, mapped);
            (too_old(destination.definition(), event, now_s), Some(destination.request(&[mapped])))
        }
    };
    if let Ok(shaped) = shaping::shape(lane, Cow::Borrowed(event)) {
        findings.extend(destination.lint(&shaped.event));
        findings.extend(shaped.findings);
        applied = shaped.applied;
    }
    Explained { ruling, skip, request, findings, applied }
}
