//! An event completed from a session, or from a second report of the same sale; and by what it finds its session.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{PIXEL_UNDECIDED, Rules, Seen, Session, VISIT_MS};
use crate::consent::{Consent, Purpose, WITHDRAWN};
use crate::normalise::clicks;
use crate::{Channel, Event, Finding, names};

/// The shop's clock and ours may differ by this much.
const CLOCK_SLACK_MS: i64 = 600_000;

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
    /// `url`, `cookie`, `connection`, `session` or `order`.
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
/// may not be sent until somebody tells what the buyer allowed (`lacks_word`).
#[must_use]
pub fn lacks_browser_half(event: &Event, lacks_word: impl FnOnce() -> bool) -> bool {
    let no_click = !event.user.click_ids.iter().any(|(name, _)| clicks::is_click(name));
    event.channel == Channel::Server
        && event.order_id.is_some()
        && event.event_name == names::PURCHASE
        && (no_click || lacks_word())
}

/// Whether the event and the session may be of one browser: neither tells another address and another user agent than
/// the other. Anybody can name an order or an e-mail address; what a stranger does not know is how the buyer came.
#[must_use]
pub fn may_be_one_browser(event: &Event, session: &Session, address: Option<&str>) -> bool {
    let user = &event.user;
    let pairs = [(user.ip.as_deref(), address), (user.user_agent.as_deref(), session.user_agent.as_deref())];
    let mut known = pairs.into_iter().filter_map(|(own, other)| own.zip(other)).peekable();
    known.peek().is_none() || known.any(|(own, other)| own == other)
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
    // What was allowed in one browser was not allowed in another.
    if via != Via::Email || session.is_refused() || may_be_one_browser(join.event, session, address) {
        join.consent(session);
    }
    if session.is_refused() {
        return;
    }
    if via == Via::VisitorId {
        join.pixels(session);
    }
    // A click after the sale did not bring it about.
    let until_ms = join.event.event_time.saturating_mul(1_000).saturating_add(CLOCK_SLACK_MS);
    let may_measure = !join.event.consent.denies(Purpose::Analytics);
    for (name, touches) in
        session.clicks.iter().filter(|(name, _)| may_measure || !clicks::is_for_analytics(name))
    {
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
        if name == "ga_session_id" && self.event.event_time.saturating_mul(1_000) - seen.at_ms > VISIT_MS {
            return;
        }
        if age_ms > rules.click_window_ms && clicks::is_click(name) {
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

    /// A page that has just opened cannot tell yet what becomes of its pixel: most likely what became of it on those before.
    fn pixels(&mut self, session: &Session) {
        if self.event.event_time.saturating_mul(1_000) - session.last_ms > VISIT_MS {
            return;
        }
        let undecided = self.event.pixels.iter_mut().filter(|(_, state)| *state == PIXEL_UNDECIDED);
        for (name, state) in undecided {
            if let Some(before) = session.pixels.get(name) {
                state.clone_from(before);
            }
        }
    }

    /// An event that nobody told about takes the visitor's own word; what it knows itself only a later no takes back.
    fn consent(&mut self, session: &Session) {
        let Some(word) = &session.consent else { return };
        let takes_back = may_take_back(self.event, self.via) && withdraw(self.event, session);
        if self.event.consent.fill(word) || takes_back {
            self.supplied("consent", None);
        }
    }
}

/// An e-mail address is known to others than its owner: by it, nobody takes back what an order itself allows.
#[must_use]
pub fn may_take_back(event: &Event, via: Via) -> bool {
    let of_a_page = event.supplied.get("consent").is_some_and(|supply| supply.from == "session");
    via != Via::Email || of_a_page || !event.consent.has_choice()
}

/// Takes back what was allowed for this event, as far as the visitor has said no since.
pub fn withdraw(event: &mut Event, session: &Session) -> bool {
    let Some(word) = &session.consent else { return false };
    let said_ms = event.consent.said_ms().unwrap_or(event.event_time.saturating_mul(1_000));
    if session.said_ms() <= said_ms || !word.denies_beyond(&event.consent) {
        return false;
    }
    let had_yes = event.consent.lifts();
    event.consent.restrict(word);
    event.consent.fill(word);
    if had_yes {
        event.consent.evidence.get_or_insert_default().note = Some(WITHDRAWN.into());
    }
    true
}

/// A no that was told of the event's order.
pub fn refuse(event: &mut Event, no: &Consent) {
    event.consent.restrict(no);
    event.supplied.insert("consent".to_owned(), Supply::of("order"));
}

/// What was allowed for an order holds for everything that is reported of it, renewals among them: the first word stays,
/// and only a no can follow it.
pub fn freeze(event: &mut Event, with_order: &Consent) {
    let is_stricter = event.consent.has_choice() && with_order.denies_beyond(&event.consent);
    if is_stricter {
        event.consent.restrict(with_order);
    }
    if event.consent.fill(with_order) || is_stricter {
        event.supplied.insert("consent".to_owned(), Supply::of("order"));
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
    event.consent.fill(&other.consent);
    if other.consent.denies_beyond(&event.consent) {
        event.consent.restrict(&other.consent);
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
    use super::super::Touch;
    use super::super::tests::{DAY, session, touch};
    use super::*;
    use crate::consent::Status;

    const RULES: Rules = Rules { hold_ms: 5_000, click_window_ms: 28 * DAY, sales_come_otherwise: true };

    #[test]
    fn what_became_of_the_pixel_is_known_from_the_pages_before() {
        let told = |at_ms, state: &str| Touch {
            pixels: [("tiktok".to_owned(), state.to_owned())].into(),
            ..touch(at_ms, None, "/p")
        };
        let before = [told(DAY, "loading"), told(DAY + 1, "blocked"), told(DAY + 2, "loading")];
        for (touches, own, via, at_ms, expected) in [
            (&before[..], "loading", Via::VisitorId, DAY + 3_000, "blocked"),
            (&before, "loaded", Via::VisitorId, DAY + 3_000, "loaded"),
            (&before, "loading", Via::OrderId, DAY + 3_000, "loading"),
            // Another visit may be with another blocker.
            (&before, "loading", Via::VisitorId, 3 * DAY, "loading"),
            (
                &[told(DAY, "blocked"), told(3 * DAY, "loading")],
                "loading",
                Via::VisitorId,
                3 * DAY,
                "loading",
            ),
            (
                &[told(DAY, "blocked"), told(DAY + 1, "loaded")],
                "loading",
                Via::VisitorId,
                DAY + 3_000,
                "loaded",
            ),
            (&before[..1], "loading", Via::VisitorId, DAY + 3_000, "loading"),
        ] {
            let mut event = Event {
                event_time: at_ms / 1_000,
                pixels: [("tiktok".to_owned(), own.to_owned())].into(),
                ..Event::default()
            };
            join(&mut event, &session(touches), via, None, &RULES, at_ms);
            assert_eq!(event.pixels["tiktok"], expected, "{own} {via:?} {at_ms}");
        }
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
    fn an_event_without_a_word_takes_the_whole_of_the_visitors() {
        let word = Consent { advertising: Status::Granted, analytics: Status::Denied, ..Consent::default() };
        let mut known = session(&[touch(DAY, Some("A"), "/landing")]);
        known.consent = Some(word.clone().said_at(2 * DAY));
        let mut event = Event { event_time: DAY / 1_000, ..Event::default() };
        join(&mut event, &known, Via::Email, None, &RULES, 2 * DAY);
        assert_eq!((event.consent.advertising, event.consent.analytics), (Status::Granted, Status::Denied));
        // One that has its own loses what was taken back since, and gains nothing.
        let own = Consent { advertising: Status::Denied, analytics: Status::Granted, ..Consent::default() };
        let mut event = Event { consent: own.said_at(DAY), supplied: Default::default(), ..event };
        let before = event.consent.clone();
        join(&mut event, &known, Via::Email, None, &RULES, 2 * DAY);
        assert_eq!(event.consent.analytics, before.analytics);
        join(&mut event, &known, Via::VisitorId, None, &RULES, 2 * DAY);
        assert_eq!((event.consent.advertising, event.consent.analytics), (Status::Denied, Status::Denied));
        assert_eq!(event.consent.evidence.unwrap().note, None, "there was no yes to advertising");
    }

    #[test]
    fn ids_for_statistics_are_joined_while_the_visit_lasts_and_are_no_clicks() {
        let mut visit = touch(DAY, None, "/landing");
        visit.click_ids.ga_client_id = Some("1.2".into());
        visit.click_ids.ga_session_id = Some("86400".into());
        let known = session(std::slice::from_ref(&visit));
        let joined = |event: Event, at_ms: i64| {
            let mut event = Event { event_time: at_ms / 1_000, ..event };
            join(&mut event, &known, Via::VisitorId, None, &RULES, at_ms);
            event.user.click_ids
        };
        let soon = joined(Event::default(), DAY + 60_000);
        assert_eq!(
            (soon.ga_client_id.as_deref(), soon.ga_session_id.as_deref()),
            (Some("1.2"), Some("86400"))
        );
        let later = joined(Event::default(), 100 * DAY);
        assert_eq!((later.ga_client_id.as_deref(), later.ga_session_id.as_deref()), (Some("1.2"), None));
        let consent = Consent { analytics: Status::Denied, ..Consent::default() };
        assert!(joined(Event { consent: consent.clone(), ..Event::default() }, DAY).is_empty());
        // A no to statistics takes them out of the session, too.
        let no = super::super::Touch {
            consent: Some(consent.said_at(2 * DAY)),
            ..touch(2 * DAY, Some("A"), "/x")
        };
        let after = session(&[visit, no]);
        assert_eq!(after.clicks.keys().collect::<Vec<_>>(), ["ttclid"]);
        // A sale that knows nothing else still waits for its click.
        let mut sale =
            Event { event_name: names::PURCHASE.into(), order_id: Some("1".into()), ..Event::default() };
        sale.user.click_ids = soon;
        assert!(lacks_browser_half(&sale, || false));
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
