//! What is shown of one thing that happened, and which of them somebody wants to see.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A request came in from somebody we let in.
    Received,
    /// One was turned away as a whole.
    Refused,
    /// An event became part of the log, or did not.
    Event,
    /// Events went to a destination, or were kept back at the last moment.
    Attempt,
    /// A request that nothing of ours takes.
    Unclaimed,
}

/// An event that a record speaks of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventRef {
    /// Position in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
    /// Shared id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Standard name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    /// Order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Our visitor id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visitor: Option<String>,
    /// What became of this event: of an event at the door, of an attempt at the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
}

/// One line of the live view. Nothing personal is in it.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// Ascends; 0 for what was read from the store.
    pub id: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// What happened.
    pub kind: Kind,
    /// Site, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The way in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The way out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// `accepted`, `duplicate`, `ignored`, `rejected` of an event; `delivered`, `retry`, `rejected`, `stop`, `split`,
    /// `reshaped`, `skipped` of an attempt; a code of what was turned away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// One line for a person.
    pub summary: String,
    /// The request that brought it: the id of its record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// The label of the debug link that its visitor came by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Milliseconds a destination took to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<i64>,
    /// Events it speaks of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventRef>,
    /// The whole of it.
    pub detail: Value,
}

impl Record {
    /// One without anything but time and kind.
    #[must_use]
    pub fn new(at_ms: i64, kind: Kind) -> Self {
        Self {
            id: 0,
            at_ms,
            kind,
            site: None,
            source: None,
            destination: None,
            verdict: None,
            summary: String::new(),
            request: None,
            label: None,
            latency_ms: None,
            events: Vec::new(),
            detail: Value::Null,
        }
    }

    /// About how much memory it takes.
    pub(super) fn weight(&self) -> usize {
        400 + self.events.len() * 150 + self.detail_len()
    }

    fn detail_len(&self) -> usize {
        // Only the length is wanted; texts are what counts.
        fn size(value: &Value) -> usize {
            match value {
                Value::String(text) => 32 + text.len(),
                Value::Array(list) => 32 + list.iter().map(size).sum::<usize>(),
                Value::Object(map) => 32 + map.iter().map(|(k, v)| 64 + k.len() + size(v)).sum::<usize>(),
                _ => 32,
            }
        }
        size(&self.detail)
    }
}

/// What somebody wants to see; all that are set must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Site.
    pub site: String,
    /// Event name, without regard to case.
    pub event: String,
    /// Event id.
    pub id: String,
    /// Order id.
    pub order: String,
    /// Visitor id, or the label of a debug link.
    pub visitor: String,
    /// Destination.
    pub destination: String,
    /// Verdict.
    pub verdict: String,
    /// Kind.
    pub kind: String,
}

impl Filter {
    /// Without blanks around, and nothing longer than an id.
    #[must_use]
    pub fn tidied(mut self) -> Self {
        for field in self.fields_mut() {
            *field = field.trim().chars().take(200).collect();
        }
        self
    }

    fn fields_mut(&mut self) -> [&mut String; 8] {
        let Self { site, event, id, order, visitor, destination, verdict, kind } = self;
        [site, event, id, order, visitor, destination, verdict, kind]
    }

    /// Whether everything fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for single events, not for a whole stream of them.
    pub(super) fn is_narrow(&self) -> bool {
        !(self.id.is_empty() && self.order.is_empty() && self.visitor.is_empty())
    }

    /// Whether a record fits. What is asked of events must fit one and the same of them.
    #[must_use]
    pub fn fits(&self, record: &Record) -> bool {
        let is = |wanted: &str, have: &Option<String>| wanted.is_empty() || have.as_deref() == Some(wanted);
        is(&self.site, &record.site)
            && is(&self.destination, &record.destination)
            && (self.kind.is_empty() || self.kind == record.kind.name())
            && self.fits_events(record)
    }

    fn fits_events(&self, record: &Record) -> bool {
        let labelled = self.visitor.is_empty() || record.label.as_ref() == Some(&self.visitor);
        let verdict = self.verdict.is_empty() || record.verdict.as_ref() == Some(&self.verdict);
        let names_event = !(self.event.is_empty() && self.id.is_empty() && self.order.is_empty());
        if !names_event && labelled && verdict {
            return true;
        }
        record.events.iter().any(|event| self.fits_event(event, labelled, verdict))
    }

    fn fits_event(&self, event: &EventRef, labelled: bool, verdict: bool) -> bool {
        let is = |wanted: &str, have: &Option<String>| wanted.is_empty() || have.as_deref() == Some(wanted);
        let name = event.event_name.as_deref().unwrap_or_default();
        (self.event.is_empty() || name.eq_ignore_ascii_case(&self.event))
            && is(&self.id, &event.event_id)
            && is(&self.order, &event.order_id)
            && (labelled || is(&self.visitor, &event.visitor))
            && (verdict || is(&self.verdict, &event.verdict))
    }
}

impl Kind {
    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Refused => "refused",
            Self::Event => "event",
            Self::Attempt => "attempt",
            Self::Unclaimed => "unclaimed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_of_an_event_must_fit_one_event() {
        let event = |id: &str, order: &str, verdict: &str| EventRef {
            event_id: Some(id.into()),
            event_name: Some("Purchase".into()),
            order_id: Some(order.into()),
            visitor: Some(format!("v-{id}")),
            verdict: Some(verdict.into()),
            ..EventRef::default()
        };
        let record = Record {
            site: Some("shop".into()),
            destination: Some("tiktok".into()),
            verdict: Some("rejected".into()),
            label: Some("ada".into()),
            events: vec![event("a", "1", "delivered"), event("b", "2", "rejected")],
            ..Record::new(0, Kind::Attempt)
        };
        let fits = |change: fn(&mut Filter)| {
            let mut filter = Filter::default();
            change(&mut filter);
            filter.tidied().fits(&record)
        };
        assert!(fits(|_| {}));
        assert!(fits(|f| f.site = "shop".into()));
        assert!(!fits(|f| f.site = "other".into()));
        assert!(fits(|f| f.event = " purchase ".into()));
        assert!(fits(|f| f.id = "a".into()));
        assert!(!fits(|f| f.id = "c".into()));
        assert!(fits(|f| (f.id, f.order) = ("a".into(), "1".into())));
        assert!(!fits(|f| (f.id, f.order) = ("a".into(), "2".into())));
        assert!(fits(|f| f.visitor = "v-a".into()));
        assert!(fits(|f| f.visitor = "ada".into()));
        assert!(!fits(|f| f.visitor = "bob".into()));
        assert!(fits(|f| f.verdict = "rejected".into()));
        assert!(fits(|f| f.verdict = "delivered".into()));
        assert!(!fits(|f| f.verdict = "retry".into()));
        assert!(fits(|f| f.kind = "attempt".into()));
        assert!(!fits(|f| f.kind = "event".into()));
        assert!(!fits(|f| f.destination = "meta".into()));
    }
}
