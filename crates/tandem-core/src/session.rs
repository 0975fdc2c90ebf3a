//! What is remembered of a visitor, and how it completes an event that came without it.
//!
//! A webhook knows the buyer's name and money, the browser knows the click. A session holds what the browser told, under
//! our own visitor id; orders and hashed e-mail addresses point to it, so that guests are found too. Everything in it is
//! a hash, a click id or a cleaned address.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::consent::{self, Consent, Decision, OnUnknown, Status};
use crate::identity::{ClickIds, EmailHashes, IdHashes, PhoneHashes};
use crate::normalise::clicks;
use crate::{Channel, Event, Finding, names};

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

/// The shop's clock and ours may differ by this much.
const CLOCK_SLACK_MS: i64 = 600_000;

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
}

impl Touch {
    /// Whether it is a no, which ends what is remembered.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.consent.as_ref().is_some_and(|consent| consent.advertising == Status::Denied)
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
}

impl Session {
    /// Adds a visit's news; touches may come out of order. A visitor who said no is forgotten but for that word, which
    /// holds until a newer one.
    pub fn add(&mut self, touch: &Touch) {
        let newest = touch.at_ms >= self.last_ms;
        if touch.is_refusal() {
            if newest {
                *self = Self {
                    first_ms: if self.first_ms == 0 { touch.at_ms } else { self.first_ms },
                    last_ms: touch.at_ms,
                    consent: touch.consent.clone(),
                    ..Self::default()
                };
            }
            return;
        }
        if self.is_refused() && !newest {
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
            self.last_ms = touch.at_ms;
            keep_newer(&mut self.page, &touch.page);
            keep_newer(&mut self.locale, &touch.locale);
            keep_newer(&mut self.user_agent, &touch.user_agent);
            self.hear(touch.consent.as_ref());
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
        self.consent.as_ref().is_some_and(|consent| consent.advertising == Status::Denied)
    }

    /// A word replaces an older one; an opt-out without a word only adds to it.
    fn hear(&mut self, word: Option<&Consent>) {
        let Some(word) = word else { return };
        match &mut self.consent {
            Some(known) if word.advertising == Status::Unknown => {
                known.opt_out_of_sale |= word.opt_out_of_sale
            }
            known => *known = Some(word.clone()),
        }
    }

    /// Whether a page told of the visitor, not only orders that carry the visitor id.
    #[must_use]
    pub fn was_on_a_page(&self) -> bool {
        self.page.is_some() || self.user_agent.is_some()
    }

    /// Whether the visitor said yes or no to advertising.
    #[must_use]
    pub fn has_word(&self) -> bool {
        self.consent.as_ref().is_some_and(|consent| consent.advertising != Status::Unknown)
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

/// How an event found its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The event carries the visitor id.
    VisitorId,
    /// The order was seen on the visitor's page.
    OrderId,
    /// The same hashed e-mail address.
    Email,
}

impl Via {
    /// For people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::VisitorId => "the visitor id",
            Self::OrderId => "the order id",
            Self::Email => "the hashed e-mail address",
        }
    }
}

/// Where a match key came from, when it did not come with the event itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supply {
    /// `url`, `cookie`, `connection` or `session`.
    pub from: Cow<'static, str>,
    /// How the session was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// When it was first seen, Unix milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_ms: Option<i64>,
    /// The page it was seen on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl Supply {
    /// From the request itself.
    #[must_use]
    pub fn of(from: &'static str) -> Self {
        Self { from: from.into(), via: None, seen_ms: None, page: None }
    }
}

/// By what an event may find its session, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Clues {
    /// Our own visitor id.
    pub visitor: Option<String>,
    /// The order.
    pub order_id: Option<String>,
    /// SHA-256 of e-mail addresses.
    pub email: Vec<String>,
}

/// What to look for.
#[must_use]
pub fn clues(event: &Event) -> Clues {
    Clues {
        visitor: event.session_id.clone(),
        order_id: event.order_id.clone(),
        email: event.user.emails().map(str::to_owned).collect(),
    }
}

/// Whether a browser half may still complete the event: a sale from the shop's server without a click id, or one that
/// may not be sent until somebody tells what the buyer allowed.
#[must_use]
pub fn lacks_browser_half(event: &Event, on_unknown: OnUnknown) -> bool {
    let no_click = event.user.click_ids.iter().all(|(name, _)| clicks::names_browser(name));
    let no_word = || matches!(consent::decide(&event.consent, on_unknown), Decision::Skip(consent::UNKNOWN));
    event.channel == Channel::Server
        && event.order_id.is_some()
        && event.event_name == names::PURCHASE
        && (no_click || no_word())
}

/// Completes an event with what its session knows; the event's own values always win. `address` is the session's
/// network address, while it is still kept.
pub fn join(
    event: &mut Event,
    session: &Session,
    via: Via,
    address: Option<&str>,
    rules: &Rules,
    now_ms: i64,
) {
    let mut join = Join { event, via };
    join.consent(session);
    if session.is_refused() {
        return;
    }
    // A click after the sale did not bring it about.
    let until_ms = join.event.event_time.saturating_mul(1_000).saturating_add(CLOCK_SLACK_MS);
    for (name, touches) in &session.clicks {
        let in_time = [touches.last(), &touches.first].into_iter().find(|seen| seen.at_ms <= until_ms);
        if let Some(seen) = in_time {
            join.click(name, seen, rules, now_ms);
        }
    }
    // Everybody who shares an address shares a person; only the visitor's own page is this very browser.
    let same_browser = via != Via::Email;
    let user = &mut join.event.user;
    let mut filled = Vec::new();
    if user.email.is_empty() && !session.email.is_empty() {
        user.email = session.email[..1].to_vec();
        filled.push("email");
    }
    if user.phone.is_empty() && !session.phone.is_empty() {
        user.phone = session.phone[..1].to_vec();
        filled.push("phone");
    }
    let known = user.external_id.len();
    for id in &session.external_id {
        if !user.external_id.iter().any(|known| known.sha256 == id.sha256) {
            user.external_id.push(id.clone());
        }
    }
    if user.external_id.len() > known {
        filled.push("external_id");
    }
    if same_browser {
        let texts = [
            ("ip", &mut user.ip, address),
            ("user_agent", &mut user.user_agent, session.user_agent.as_deref()),
            ("locale", &mut user.locale, session.locale.as_deref()),
        ];
        for (name, place, value) in texts {
            if place.is_none() && value.is_some() {
                *place = value.map(str::to_owned);
                filled.push(name);
            }
        }
    }
    if join.event.page.url.is_none() && session.page.is_some() {
        join.event.page.url.clone_from(&session.page);
        filled.push("page");
    }
    for name in filled {
        join.supplied(name, None);
    }
}

struct Join<'a> {
    event: &'a mut Event,
    via: Via,
}

impl Join<'_> {
    fn supplied(&mut self, key: &str, seen: Option<&Seen>) {
        let supply = Supply {
            from: "session".into(),
            via: Some(self.via),
            seen_ms: seen.map(|s| s.at_ms),
            page: seen.and_then(|s| s.page.clone()),
        };
        self.event.supplied.insert(key.to_owned(), supply);
    }

    fn click(&mut self, name: &str, seen: &Seen, rules: &Rules, now_ms: i64) {
        let Some(place) = self.event.user.click_ids.slot(name).filter(|place| place.is_none()) else {
            return;
        };
        let age_ms = now_ms - seen.at_ms;
        if age_ms > rules.click_window_ms && !clicks::names_browser(name) {
            let days = age_ms / 86_400_000;
            let on = seen.page.as_deref().unwrap_or("a page that is not known");
            let text =
                format!("last seen {days} days ago on {on}: outside the attribution window, so not sent");
            let finding = Finding::info("click_id_expired", text).on(format!("user.{name}"));
            if !self.event.findings.contains(&finding) {
                self.event.findings.push(finding);
            }
            return;
        }
        *place = Some(seen.value.clone());
        self.supplied(name, Some(seen));
    }

    /// An event that nobody told about takes the visitor's own word.
    fn consent(&mut self, session: &Session) {
        let Some(word) = &session.consent else { return };
        let own = &mut self.event.consent;
        // An opt-out of sale is no question of who asked first.
        own.opt_out_of_sale |= word.opt_out_of_sale;
        if own.advertising != Status::Unknown || word.advertising == Status::Unknown {
            return;
        }
        own.advertising = word.advertising;
        let evidence = word.evidence.as_deref().unwrap_or("a signal of the page");
        own.evidence = Some(format!("{evidence}, on the visitor's page").into());
        if own.region.is_none() {
            own.region.clone_from(&word.region);
        }
        self.supplied("consent", None);
    }
}

/// Completes an event that waits with what a second report of the same sale knows; its own values win.
pub fn complete(event: &mut Event, other: &Event) {
    let (own, more) = (&mut event.user, &other.user);
    own.click_ids.fill_from(more.click_ids.clone());
    if own.email.is_empty() {
        own.email.clone_from(&more.email);
    }
    if own.phone.is_empty() {
        own.phone.clone_from(&more.phone);
    }
    if own.external_id.is_empty() {
        own.external_id.clone_from(&more.external_id);
    }
    for (own, more) in [
        (&mut own.ip, &more.ip),
        (&mut own.user_agent, &more.user_agent),
        (&mut own.locale, &more.locale),
        (&mut event.page.url, &other.page.url),
    ] {
        if own.is_none() {
            own.clone_from(more);
        }
    }
    if event.consent.advertising == Status::Unknown {
        let opted_out = event.consent.opt_out_of_sale;
        event.consent.clone_from(&other.consent);
        event.consent.opt_out_of_sale |= opted_out;
    }
    for (key, supply) in &other.supplied {
        event.supplied.entry(key.clone()).or_insert_with(|| supply.clone());
    }
}

/// The remark on a sale that found no session: the page's half is missing.
#[must_use]
pub fn no_session() -> Finding {
    let text = "no visit of this buyer is known by visitor id, order or e-mail: is the script on all pages, the \
                thank-you page among them?";
    Finding::info("session_not_found", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const RULES: Rules = Rules { hold_ms: 5_000, click_window_ms: 28 * DAY, sales_come_otherwise: true };

    fn touch(at_ms: i64, ttclid: Option<&str>, page: &str) -> Touch {
        Touch {
            visitor: "v".into(),
            at_ms,
            click_ids: ClickIds { ttclid: ttclid.map(str::to_owned), ..ClickIds::default() },
            page: Some(page.into()),
            ..Touch::default()
        }
    }

    fn session(touches: &[Touch]) -> Session {
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

    #[test]
    fn an_event_is_completed_and_says_from_where() {
        let mut session = session(&[touch(DAY, Some("A"), "/landing")]);
        session.consent = Some(Consent { advertising: Status::Granted, ..Consent::default() });
        session.user_agent = Some("Mozilla/5.0".into());
        let mut event = Event { event_time: 2 * DAY / 1_000, ..Event::default() };
        join(&mut event, &session, Via::OrderId, Some("203.0.113.7"), &RULES, 2 * DAY);
        assert_eq!(event.user.click_ids.ttclid.as_deref(), Some("A"));
        assert_eq!(event.user.ip.as_deref(), Some("203.0.113.7"));
        assert_eq!(event.consent.advertising, Status::Granted);
        let supply = &event.supplied["ttclid"];
        assert_eq!((supply.via, supply.seen_ms), (Some(Via::OrderId), Some(DAY)));
        assert_eq!(supply.page.as_deref(), Some("/landing"));

        let mut own = Event::default();
        own.user.click_ids.ttclid = Some("OWN".into());
        own.consent.advertising = Status::Denied;
        join(&mut own, &session, Via::VisitorId, None, &RULES, 2 * DAY);
        assert_eq!(own.user.click_ids.ttclid.as_deref(), Some("OWN"));
        assert_eq!(own.consent.advertising, Status::Denied);
    }

    #[test]
    fn an_old_click_is_not_joined_but_named() {
        let session = session(&[touch(DAY, Some("A"), "https://s.example/landing")]);
        let mut event = Event { event_time: 40 * DAY / 1_000, ..Event::default() };
        join(&mut event, &session, Via::VisitorId, None, &RULES, 40 * DAY);
        assert_eq!(event.user.click_ids.ttclid, None);
        assert_eq!(event.findings[0].code, "click_id_expired");
        assert!(event.findings[0].message.contains("39 days ago on https://s.example/landing"));
    }

    #[test]
    fn an_e_mail_address_does_not_make_two_browsers_one() {
        let mut session = session(&[touch(DAY, Some("A"), "/landing")]);
        session.user_agent = Some("Mozilla/5.0".into());
        let mut event = Event { event_time: 2 * DAY / 1_000, ..Event::default() };
        join(&mut event, &session, Via::Email, Some("203.0.113.7"), &RULES, 2 * DAY);
        assert_eq!((event.user.ip, event.user.user_agent), (None, None));
        assert_eq!(event.user.click_ids.ttclid.as_deref(), Some("A"));
    }

    #[test]
    fn a_no_forgets_everything_but_itself_and_holds() {
        let word = |status| Some(Consent { advertising: status, ..Consent::default() });
        let mut known = session(&[touch(DAY, Some("A"), "/landing")]);
        known.add(&Touch { at_ms: 2 * DAY, consent: word(Status::Denied), ..touch(0, Some("B"), "/x") });
        assert!(known.clicks.is_empty() && known.landing.is_none() && known.is_refused());
        // What was told before and comes late changes nothing.
        known.add(&touch(DAY + 1, Some("A"), "/landing"));
        assert!(known.clicks.is_empty());
        let mut event = Event { event_time: 3 * DAY / 1_000, ..Event::default() };
        join(&mut event, &known, Via::Email, Some("203.0.113.7"), &RULES, 3 * DAY);
        assert_eq!(event.consent.advertising, Status::Denied);
        assert_eq!(event.user.ip, None);
        // A newer yes begins anew.
        known.add(&Touch { consent: word(Status::Granted), ..touch(4 * DAY, Some("C"), "/again") });
        assert_eq!(known.clicks["ttclid"].first.value, "C");
    }

    #[test]
    fn an_opt_out_of_sale_is_added_to_whatever_was_said() {
        let opted_out = Some(Consent { opt_out_of_sale: true, ..Consent::default() });
        let mut known = session(&[touch(DAY, None, "/a")]);
        known.consent = Some(Consent { advertising: Status::Granted, ..Consent::default() });
        known.add(&Touch { consent: opted_out, ..touch(2 * DAY, None, "/b") });
        let mut event = Event { event_time: 3 * DAY / 1_000, ..Event::default() };
        event.consent.advertising = Status::Granted;
        join(&mut event, &known, Via::OrderId, None, &RULES, 3 * DAY);
        assert!(event.consent.opt_out_of_sale);
        assert_eq!(known.consent.map(|c| c.advertising), Some(Status::Granted));
    }

    #[test]
    fn a_click_after_the_sale_is_not_its_click() {
        let session = session(&[touch(DAY, Some("A"), "/a"), touch(5 * DAY, Some("B"), "/b")]);
        let mut event = Event { event_time: 3 * DAY / 1_000, ..Event::default() };
        join(&mut event, &session, Via::VisitorId, None, &RULES, 5 * DAY);
        assert_eq!(event.user.click_ids.ttclid.as_deref(), Some("A"));
    }
}
