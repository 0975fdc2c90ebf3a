//! By what earlier events are found, and for which new ones it pays to look.

use serde::{Deserialize, Serialize};

use super::{DAY_MS, DUPLICATE_WINDOW_MS};
use crate::quality::emq;
use crate::quality::ids;
use crate::{Event, names};

/// Something that two events can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// The event id, as it is.
    Id,
    /// The event id, folded by [`ids::folded`].
    Near,
    /// The order.
    Order,
    /// Our own visitor id.
    Visitor,
    /// SHA-256 of an e-mail address.
    Email,
    /// SHA-256 of an id of the shop's.
    External,
    /// The event's name; not kept of page and product views.
    Name,
}

impl Link {
    /// The stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Near => "near",
            Self::Order => "order",
            Self::Visitor => "visitor",
            Self::Email => "email",
            Self::External => "external",
            Self::Name => "name",
        }
    }
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The kind of link.
    pub link: Link,
    /// What must be equal.
    pub text: String,
    /// Not more than so many, the newest; more would not change what is seen.
    pub most: usize,
    /// None that came in longer ago than this, in milliseconds.
    pub within_ms: i64,
}

/// Under what an event can be found.
#[must_use]
pub fn entries(event: &Event) -> Vec<(Link, String)> {
    let mut entries = vec![(Link::Id, event.event_id.clone())];
    if !is_view(event) {
        entries.extend(ids::folded(&event.event_id).map(|id| (Link::Near, id)));
        entries.push((Link::Name, event.event_name.clone()));
    }
    entries.extend(event.order_id.clone().map(|order| (Link::Order, order)));
    entries.extend(event.session_id.clone().map(|visitor| (Link::Visitor, visitor)));
    entries.extend(event.user.emails().map(|email| (Link::Email, email.to_owned())));
    entries.extend(event.user.external_ids().map(|id| (Link::External, id.to_owned())));
    entries
}

/// What to look for when an event is compared. A view costs one look for its id; only sales and forms, of which there are
/// few, are compared with what the same person did before.
#[must_use]
pub fn lookups(event: &Event) -> Vec<Lookup> {
    let is_named = emq::expected(&event.event_name).is_owed;
    let wanted = |link: Link| match link {
        Link::Id => Some((8, 28 * DAY_MS)),
        Link::Near => Some((8, DUPLICATE_WINDOW_MS)),
        Link::Order => Some((16, 28 * DAY_MS)),
        Link::Visitor => is_named.then_some((40, 28 * DAY_MS)),
        Link::Email | Link::External => is_named.then_some((10, 28 * DAY_MS)),
        Link::Name => (event.event_name == names::PURCHASE).then_some((12, DAY_MS)),
    };
    let lookup = |(link, text): (Link, String)| {
        wanted(link).map(|(most, within_ms)| Lookup { link, text, most, within_ms })
    };
    entries(event).into_iter().filter_map(lookup).collect()
}

fn is_view(event: &Event) -> bool {
    matches!(event.event_name.as_str(), "Pageview" | "ViewContent")
}
