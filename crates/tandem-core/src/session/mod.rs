//! What is remembered of a visitor, and how it completes an event that came without it.
//!
//! A webhook knows the buyer's name and money, the browser knows the click. A session holds what the browser told, under
//! our own visitor id; orders and hashed e-mail addresses point to it, so that guests are found too. Everything in it is
//! a hash, a click id or a cleaned address.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::consent::{Consent, Purpose};
use crate::identity::{ClickIds, EmailHashes, IdHashes, PhoneHashes};
use crate::normalise::clicks;

mod join;

pub use join::{
    Clues, Supply, Via, clues, complete, freeze, join, lacks_browser_half, may_be_one_browser, may_take_back,
    no_session, refuse, withdraw,
};

/// Rules of one site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How long a sale without a click id waits for its browser half, in milliseconds.
    pub hold_ms: i64,
    /// Click ids older than this are not joined to an event, in milliseconds.
    pub click_window_ms: i64,
    /// Another source than the page reports the sales, so the page's own report only completes it.
    pub sales_come_otherwise: bool,
}

/// TikTok merges pixel and server only within five minutes; a hold ends a minute before that.
pub const MAX_HOLD_MS: i64 = 240_000;

/// TikTok credits clicks for 28 days at most.
pub const CLICK_WINDOW_DAYS: u32 = 28;

/// A visit to the shop is over after this at the latest: what happens later is none of it.
const VISIT_MS: i64 = 86_400_000;

/// What a page says of a pixel of which it cannot say yet what becomes of it.
const PIXEL_UNDECIDED: &str = "loading";

/// Most values of one kind that are kept of one visitor.
const MAX_KEYS: usize = 5;

/// A click id as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The id.
    pub value: String,
    /// When it came with an address, or was first found in a cookie; Unix milliseconds.
    pub at_ms: i64,
    /// The page it was on, cleaned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// First and last touch of one click id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touches {
    /// The first one seen.
    pub first: Seen,
    /// The newest one; absent while it is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Seen>,
}

impl Touches {
    /// The newest one.
    #[must_use]
    pub fn last(&self) -> &Seen {
        self.last.as_ref().unwrap_or(&self.first)
    }
}

/// One visit's news: what one request of a visitor's page, or an order with a visitor's id, told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Touch {
    /// Our own visitor id.
    pub visitor: String,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Click ids at hand, from the address and from cookies.
    pub click_ids: ClickIds,
    /// Page, cleaned.
    pub page: Option<String>,
    /// Where the visitor came from, cleaned.
    pub referrer: Option<String>,
    /// Language tag.
    pub locale: Option<String>,
    /// User agent.
    pub user_agent: Option<String>,
    /// Full public network address.
    pub address: Option<String>,
    /// Hashed e-mail addresses.
    pub email: Vec<EmailHashes>,
    /// Hashed phone numbers.
    pub phone: Vec<PhoneHashes>,
    /// Hashed ids of the shop's, and the visitor id itself.
    pub external_id: Vec<IdHashes>,
    /// What the visitor allowed, if the request told.
    pub consent: Option<Consent>,
    /// Orders seen on the page.
    pub orders: Vec<String>,
    /// See [`crate::Event::pixels`].
    pub pixels: BTreeMap<String, String>,
    /// The visitor id may be kept though the word is a no to advertising: something else was allowed under it.
    pub keeps_visitor: bool,
}

impl Touch {
    /// Whether it is a no, which ends what is remembered.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.consent.as_ref().is_some_and(Consent::is_refusal)
    }

    /// When what it tells of consent was said, Unix milliseconds.
    fn said_ms(&self) -> i64 {
        self.consent.as_ref().and_then(Consent::said_ms).unwrap_or(self.at_ms)
    }
}

/// What is remembered of one visitor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// First seen, Unix milliseconds.
    pub first_ms: i64,
    /// Last seen, Unix milliseconds.
    pub last_ms: i64,
    /// By the name of the click id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub clicks: BTreeMap<String, Touches>,
    /// First page of the first visit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing: Option<String>,
    /// Where the visitor came from then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
    /// Newest page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Language tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// User agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Hashed e-mail addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub email: Vec<EmailHashes>,
    /// Hashed phone numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phone: Vec<PhoneHashes>,
    /// Hashed ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_id: Vec<IdHashes>,
    /// Newest word on consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
    /// What became of platforms' pixels on the pages of this visit: `loaded` or `blocked`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pixels: BTreeMap<String, String>,
}

impl Session {
    /// Adds a visit's news; touches may come out of order. A visitor who said no is forgotten but for that word, which
    /// holds until a newer one.
    pub fn add(&mut self, touch: &Touch) {
        let newest = touch.at_ms >= self.last_ms;
        if touch.is_refusal() {
            if touch.said_ms() >= self.said_ms() {
                *self = Self {
                    first_ms: if self.first_ms == 0 { touch.at_ms } else { self.first_ms },
                    last_ms: touch.at_ms,
                    consent: touch.consent.clone(),
                    ..Self::default()
                };
            }
            return;
        }
        // A page that has not heard of the no yet still posts under the yes before it.
        let lifts = touch.consent.as_ref().is_some_and(Consent::lifts);
        if self.is_refused() && !(lifts && touch.said_ms() > self.said_ms()) {
            return;
        }
        if self.first_ms == 0 || touch.at_ms < self.first_ms {
            self.first_ms = touch.at_ms;
            self.landing = touch.page.clone().or(self.landing.take());
            self.referrer = touch.referrer.clone().or(self.referrer.take());
        }
        for (name, value) in touch.click_ids.iter() {
            self.click(name, Seen { value: value.to_owned(), at_ms: touch.at_ms, page: touch.page.clone() });
        }
        if newest {
            self.see_pixels(touch);
            self.last_ms = touch.at_ms;
            keep_newer(&mut self.page, &touch.page);
            keep_newer(&mut self.locale, &touch.locale);
            keep_newer(&mut self.user_agent, &touch.user_agent);
        }
        self.hear(touch);
        if self.consent.as_ref().is_some_and(|word| word.denies(Purpose::Analytics)) {
            self.clicks.retain(|name, _| !clicks::is_for_analytics(name));
        }
        remember(&mut self.email, &touch.email);
        remember(&mut self.phone, &touch.phone);
        remember(&mut self.external_id, &touch.external_id);
    }

    /// Whether it says more than `before`, of which it was made by adding touches. The time of the last visit counts by
    /// the minute: a visitor who reads on need not be written down with every page.
    #[must_use]
    pub fn is_news_after(&self, before: &Self) -> bool {
        const MINUTE: i64 = 60_000;
        self.last_ms / MINUTE != before.last_ms / MINUTE
            || Self { last_ms: before.last_ms, ..self.clone() } != *before
    }

    /// Whether the visitor's newest word is a no.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.consent.as_ref().is_some_and(Consent::is_refusal)
    }

    /// When the visitor's newest word was said, Unix milliseconds.
    #[must_use]
    pub fn said_ms(&self) -> i64 {
        self.consent.as_ref().and_then(Consent::said_ms).unwrap_or(self.last_ms)
    }

    /// A word replaces one that was said before it, whenever it comes in; an opt-out without a word only adds to it.
    fn hear(&mut self, touch: &Touch) {
        let Some(word) = &touch.consent else { return };
        let is_later = touch.said_ms() >= self.said_ms() || !self.has_word();
        match &mut self.consent {
            Some(known) if !word.has_word() || !is_later => known.opt_out_like(word),
            known => known.get_or_insert_default().take(word),
        }
    }

    /// A later visit may be with another blocker.
    fn see_pixels(&mut self, touch: &Touch) {
        if touch.at_ms - self.last_ms > VISIT_MS {
            self.pixels.clear();
        }
        let decided = touch.pixels.iter().filter(|(_, state)| *state != PIXEL_UNDECIDED);
        self.pixels.extend(decided.map(|(name, state)| (name.clone(), state.clone())));
    }

    /// Whether a page told of the visitor, not only orders that carry the visitor id.
    #[must_use]
    pub fn was_on_a_page(&self) -> bool {
        self.page.is_some() || self.user_agent.is_some()
    }

    /// Whether the visitor said yes or no to anything.
    #[must_use]
    pub fn has_word(&self) -> bool {
        self.consent.as_ref().is_some_and(Consent::has_word)
    }

    fn click(&mut self, name: &str, seen: Seen) {
        let Some(known) = self.clicks.get_mut(name) else {
            self.clicks.insert(name.to_owned(), Touches { first: seen, last: None });
            return;
        };
        // A cookie shows the same click on every page: only another id is another click.
        if known.last().value == seen.value || known.first.value == seen.value {
            return;
        }
        if seen.at_ms < known.first.at_ms {
            let first = std::mem::replace(&mut known.first, seen);
            known.last.get_or_insert(first);
        } else if seen.at_ms >= known.last().at_ms {
            known.last = Some(seen);
        }
    }
}

fn keep_newer<T: Clone>(old: &mut Option<T>, new: &Option<T>) {
    if new.is_some() {
        old.clone_from(new);
    }
}

/// The newest stand first.
fn remember<T: Clone + PartialEq>(known: &mut Vec<T>, new: &[T]) {
    for value in new.iter().rev() {
        known.retain(|k| k != value);
        known.insert(0, value.clone());
    }
    known.truncate(MAX_KEYS);
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const DAY: i64 = 86_400_000;

    pub(super) fn touch(at_ms: i64, ttclid: Option<&str>, page: &str) -> Touch {
        Touch {
            visitor: "v".into(),
            at_ms,
            click_ids: ClickIds { ttclid: ttclid.map(str::to_owned), ..ClickIds::default() },
            page: Some(page.into()),
            ..Touch::default()
        }
    }

    pub(super) fn session(touches: &[Touch]) -> Session {
        let mut session = Session::default();
        touches.iter().for_each(|touch| session.add(touch));
        session
    }

    #[test]
    fn first_and_last_touch_in_any_order_of_arrival() {
        let visits =
            [touch(DAY, Some("A"), "/a"), touch(2 * DAY, Some("A"), "/b"), touch(3 * DAY, Some("B"), "/c")];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let session = session(&order.map(|i| visits[i].clone()));
            let clicks = &session.clicks["ttclid"];
            assert_eq!((clicks.first.value.as_str(), clicks.last().value.as_str()), ("A", "B"), "{order:?}");
            assert_eq!((session.first_ms, session.last_ms), (DAY, 3 * DAY));
            assert_eq!((session.landing.as_deref(), session.page.as_deref()), (Some("/a"), Some("/c")));
        }
    }

    #[test]
    fn words_count_in_the_order_they_were_said() {
        let word = |status, said_ms| Consent { advertising: status, ..Consent::default() }.said_at(said_ms);
        let told = |at_ms, status, said_ms| Touch {
            consent: Some(word(status, said_ms)),
            ..touch(at_ms, Some("A"), "/a")
        };
        use crate::consent::Status::{Denied, Granted};
        // A page that has not heard of the no still posts, later, under its older yes.
        let mut known = session(&[told(100, Granted, 100), told(200, Denied, 200), told(300, Granted, 100)]);
        assert!(known.is_refused() && known.clicks.is_empty());
        // A newer yes lifts it, though its post was made before another one that came first.
        known.add(&told(150, Granted, 250));
        assert!(!known.is_refused() && !known.clicks.is_empty());
        known.add(&told(400, Denied, 240));
        assert!(!known.is_refused());
    }

    #[test]
    fn a_cookie_on_every_page_is_no_new_click() {
        let session = session(&[touch(DAY, Some("A"), "/landing"), touch(5 * DAY, Some("A"), "/cart")]);
        assert_eq!(session.clicks["ttclid"].last().at_ms, DAY);
        assert_eq!(session.clicks["ttclid"].last().page.as_deref(), Some("/landing"));
    }

    #[test]
    fn reading_on_within_a_minute_is_no_news() {
        let before = session(&[touch(DAY, Some("A"), "/a")]);
        let after = |at_ms: i64, page: &str| {
            let mut after = before.clone();
            after.add(&touch(at_ms, Some("A"), page));
            after.is_news_after(&before)
        };
        assert!(!after(DAY + 59_999, "/a"));
        assert!(after(DAY + 59_999, "/b"));
        assert!(after(DAY + 60_000, "/a"));
    }
}
