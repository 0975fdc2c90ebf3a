//! An event of the log as the follower reads it, and what it adds to each count.

use rusqlite::Row;
use tandem_core::consent::is_opt_in;
use tandem_core::quality::{self, Keys, relate};
use tandem_core::{Channel, Event, Severity, names};

use super::lookup::{Fresh, Kind};
use super::tally::{Cell, Tally, text};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

/// Days since 1970 of a time, Unix milliseconds.
pub(super) fn day_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(DAY_MS)
}

/// Hours since 1970.
pub(super) fn hour_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(HOUR_MS)
}

/// Of [`Logged::read`].
pub(super) const COLUMNS: &str =
    "e.seq, e.received_ms, e.site, e.source, e.event_name, e.event_id, e.order_id, e.body";

/// One event, as its row and its body say. What both say counts as the row has it.
#[derive(Debug)]
pub(super) struct Logged {
    pub(super) seq: i64,
    pub(super) received_ms: i64,
    pub(super) site: String,
    pub(super) source: String,
    pub(super) event_name: String,
    pub(super) event_id: String,
    pub(super) order_id: Option<String>,
    /// `None` when it cannot be read.
    pub(super) body: Option<Box<Event>>,
}

impl Logged {
    /// From a row of [`COLUMNS`].
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            received_ms: row.get(1)?,
            site: row.get(2)?,
            source: row.get(3)?,
            event_name: row.get(4)?,
            event_id: row.get(5)?,
            order_id: row.get(6)?,
            body: parsed(row.get_ref(7)?.as_str()?),
        })
    }

    /// The same event with the body it had before.
    pub(super) fn before(&self, body: &str) -> Self {
        Self {
            site: self.site.clone(),
            source: self.source.clone(),
            event_name: self.event_name.clone(),
            event_id: self.event_id.clone(),
            order_id: self.order_id.clone(),
            body: parsed(body),
            ..*self
        }
    }

    pub(super) fn is_sale(&self) -> bool {
        self.event_name == names::PURCHASE
    }

    /// Whether it was only looked at: most of what there is, and nothing it is compared with.
    pub(super) fn is_view(&self) -> bool {
        is_view(&self.event_name)
    }

    /// What it is found by.
    pub(super) fn note_keys(&self, fresh: &mut Fresh) {
        fresh.note(Kind::Id, &self.event_id, self.seq);
        if !self.is_view() {
            fresh.note(Kind::Act, &self.event_id, self.seq);
        }
        if let Some(order_id) = &self.order_id {
            fresh.note(Kind::Order, order_id, self.seq);
        }
        for (code, _) in self.findings() {
            fresh.note(Kind::Finding, code, self.seq);
        }
        if let Some(body) = &self.body {
            relate::entries(body).iter().for_each(|(link, text)| fresh.note((*link).into(), text, self.seq));
        }
    }

    /// Codes and severities of the remarks made at the door, each once.
    pub(super) fn findings(&self) -> Vec<(&str, Severity)> {
        let all = self.body.iter().flat_map(|b| &b.findings);
        let mut found: Vec<_> = all.map(|f| (f.code.as_ref(), f.severity)).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Adds it to the counts, or takes it away again: `by` is 1 or -1. `repeats`: it is no sale of its own.
    /// `completes`: it is the page's word on a sale that the shop's server reports. That is sent nowhere, so its match keys
    /// count for nothing, and it is no second sale.
    pub(super) fn count(&self, tally: &mut Tally, by: i64, repeats: bool, completes: bool) {
        let (day, hour) = (Cell::Int(day_of(self.received_ms)), Cell::Int(hour_of(self.received_ms)));
        let (site, source) = (tally.text(&self.site), tally.text(&self.source));
        let name = tally.text(&self.event_name);
        let channel = text(self.body.as_ref().map_or("unknown", |b| channel(b.channel)));
        let arrived_by = if completes { text(HALF) } else { channel.clone() };
        let group = [hour, site.clone(), name.clone(), source.clone(), arrived_by];
        tally.arrivals.add(group, by);
        let Some(body) = &self.body else { return };
        let device = text(quality::device(body.user.user_agent.as_deref()));
        let keys = Cell::Int(Keys::of(body).bits().into());
        let group = [day.clone(), site.clone(), name.clone(), channel, source.clone(), device, keys];
        if !completes {
            tally.coverage.add(group, by);
        }
        let signal = tally.text(body.consent.evidence.as_ref().map_or("", |e| e.signal.as_ref()));
        let (law, word) = (text(law(body)), text(body.consent.advertising.text()));
        tally.consent.add([day.clone(), site.clone(), law, word, signal], by);
        for (code, severity) in self.findings() {
            let (code, severity) = (tally.text(code), text(severity_text(severity)));
            let group = [day.clone(), site.clone(), code, severity, name.clone(), source.clone()];
            tally.findings.add_at(group, by, self.seq);
        }
        if self.is_sale() && !repeats {
            let currency = body.currency.map(|c| c.to_string()).unwrap_or_default();
            let currency = tally.text(&currency);
            tally.revenue.add([day, site, name, currency], by, body.value);
        }
    }
}

fn parsed(body: &str) -> Option<Box<Event>> {
    serde_json::from_str(body).ok()
}

/// Channel, among arrivals, of a page's word on a sale that the shop's server reports.
const HALF: &str = "half";

/// Looking such events up by name would be as good as walking the log.
pub(super) fn is_view(event_name: &str) -> bool {
    matches!(event_name, "Pageview" | "ViewContent")
}

pub(super) fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Browser => "browser",
        Channel::Server => "server",
        Channel::Offline => "offline",
    }
}

pub(super) fn severity_text(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Whether consent must be asked for where the visitor is, as far as that is known.
fn law(body: &Event) -> &'static str {
    match body.consent.region.as_deref() {
        None => "unknown",
        region if is_opt_in(region, &[]) => "opt_in",
        Some(_) => "opt_out",
    }
}
