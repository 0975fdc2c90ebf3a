//! The envelope and the events in it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tandem_core::consent::{Consent, Decision, Evidence, Reading, tools};
use tandem_core::door::{Draft, Rejection};
use tandem_core::identity::{ClickIds, IdHashes, Raw, RawIdentity};
use tandem_core::normalise::clicks;
use tandem_core::session::Supply;
use tandem_core::{Channel, Event, Page, Site, bots, page};

use super::cookies::{self, Jar};
use super::{Bots, NAME, Settings};
use crate::consent::{Told, said};
use crate::{Decoded, Request, Visit, events, values};

/// Most events in one body.
pub const MAX_EVENTS: usize = 50;

/// Most lines, further properties and remarks of one event: anybody can send one, and each costs the log room.
const MAX_LINES: usize = 100;
const MAX_PROPERTIES: usize = 20;
const MAX_FINDINGS: usize = 20;

/// A stored event is sent again for two days; older than this it is taken as of now.
const MAX_AGE_MS: i64 = 3 * 86_400_000;

/// Parts of an event that only the envelope or the connection may tell.
const NOT_THE_EVENTS: &[&str] = &[
    "user",
    "user_data",
    "cookies",
    "common_cookie",
    "click_ids",
    "consent",
    "consent_state",
    "channel",
    "session_id",
    "client_id",
    "ip",
    "user_agent",
];

/// The signal where a page only says a word.
const PAGE: &str = "page";

/// Everything around the events.
struct Envelope {
    visitor: Option<String>,
    sent_at: Option<i64>,
    page: Page,
    /// The page that click ids came with, else the present one.
    landing: Page,
    consent: Consent,
    /// What may be kept of the visitor.
    keeps: Decision,
    /// Click ids that came with an address.
    fresh: ClickIds,
    /// All of them, those of cookies and those made from others (`fbc`) among them.
    click_ids: ClickIds,
    supplied: BTreeMap<String, Supply>,
    email: Vec<Value>,
    phone: Vec<Value>,
    external_id: Vec<Value>,
    locale: Option<String>,
    bot: Option<Cow<'static, str>>,
    pixels: BTreeMap<String, String>,
}

/// Reads a body.
///
/// # Errors
/// A [`Rejection`] of the whole body.
pub(super) fn decode(request: &Request<'_>, site: &Site, settings: &Settings) -> Result<Decoded, Rejection> {
    let mut map = object(request.body)?;
    let events = match map.remove("events") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(Rejection::new("body_not_object", "events is not a list").on("events")),
    };
    if events.len() > MAX_EVENTS {
        let text = "a body of the page's script holds at most 50 events";
        return Err(Rejection::new("too_many_events", text).on("events"));
    }
    let given = given_cookies(request, &map, &settings.cookie);
    let pairs: Vec<(&str, &str)> = given.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let earlier: Vec<Page> = events.iter().map(|event| page_of(event.get("page"))).collect();
    let envelope = Envelope::read(&map, &earlier, request, site, settings, &pairs);
    let parts = events.into_iter().enumerate().map(|(index, event)| {
        let place = format!("events[{index}]");
        envelope
            .draft(event, request, site)
            .map(|d| Draft { place: place.clone(), ..d })
            .map_err(|r| r.at(&place))
    });
    let parts = parts.collect();
    let cookies = envelope.cookies(request, settings, &pairs);
    Ok(Decoded { parts, cookies, visit: envelope.visit(request), ..Decoded::default() })
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Rejection> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(Rejection::new("body_not_object", "the body is not a JSON object")),
        Err(error) => Err(Rejection::new(
            "json_invalid",
            format!("the body is not valid JSON, at line {}, byte {}", error.line(), error.column()),
        )),
    }
}

/// Cookies we know: from the header first, since the page cannot change those, else as the script read them (a proxy may
/// hand on the visitor's cookie only).
fn given_cookies(request: &Request<'_>, map: &Map<String, Value>, visitor: &str) -> Vec<(String, String)> {
    let header = request.cookies();
    let mut given: Vec<(String, String)> = cookies::parse(&header)
        .filter(|(name, _)| *name == visitor || clicks::reads_cookie(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let told = map.get("cookies").and_then(Value::as_object).into_iter().flatten();
    for (name, value) in told {
        if let Some(value) = value.as_str()
            && clicks::reads_cookie(name)
            && given.iter().all(|(n, _)| n != name)
        {
            given.push((name.clone(), value.to_owned()));
        }
    }
    given
}

impl Envelope {
    /// `earlier`: the pages of events that happened on another one, or before its address was tidied.
    fn read(
        map: &Map<String, Value>,
        earlier: &[Page],
        request: &Request<'_>,
        site: &Site,
        settings: &Settings,
        cookies: &[(&str, &str)],
    ) -> Self {
        let text = |name: &str| map.get(name).and_then(Value::as_str).filter(|t| !t.trim().is_empty());
        let page = page_of(map.get("page"));
        let (landing, mut fresh) = landing(&page, earlier);
        let mut held = clicks::capture(None, None, cookies).click_ids;
        let domain = settings.cookie_domain.clone().or_else(|| host_of(&page));
        renew_fbc(&mut fresh, &mut held, request.now_ms, domain.as_deref());
        let mut click_ids = fresh.clone();
        click_ids.fill_from(held);
        let cookie = cookies
            .iter()
            .find(|(name, _)| *name == settings.cookie)
            .and_then(|(_, v)| values::visitor_id(v));
        let consent = consent_of(map, request, site);
        let keeps = site.gates.widest(&consent);
        if !site.gates.may_measure(&consent) {
            click_ids.forget_analytics();
        }
        if keeps == Decision::Send && click_ids.fbp.is_none() && site.browser_ids.contains(&"fbp") {
            fresh.fbp = cookie.as_deref().map(|visitor| fbp_of(visitor, request.now_ms, domain.as_deref()));
            click_ids.fbp.clone_from(&fresh.fbp);
        }
        let automated = map.get("automated").and_then(Value::as_bool).unwrap_or_default();
        let bot = bots::reason(request.text("user-agent").as_deref(), automated)
            .filter(|_| settings.bots == Bots::Skip);
        let user = |name: &str| match map.get("user").and_then(|u| u.get(name)) {
            Some(Value::Array(list)) => list.iter().take(5).cloned().collect(),
            Some(one @ Value::String(_)) => vec![one.clone()],
            _ => Vec::new(),
        };
        Self {
            visitor: cookie.or_else(|| text("visitor").and_then(values::visitor_id)),
            sent_at: map.get("sent_at").and_then(Value::as_i64),
            keeps,
            consent,
            supplied: supplied(&click_ids, &fresh, request),
            page,
            landing,
            fresh,
            click_ids,
            email: user("email"),
            phone: user("phone"),
            external_id: user("external_id"),
            locale: text("locale").map(str::to_owned),
            bot: bot.map(Cow::Owned),
            pixels: pixels(map.get("pixels")),
        }
    }

    fn identity(&self, request: &Request<'_>) -> RawIdentity {
        let raws = |values: &[Value]| values.iter().filter_map(Raw::from_json).collect();
        let mut external_id: Vec<Raw> = raws(&self.external_id);
        external_id.extend(self.visitor.as_deref().map(Raw::new));
        RawIdentity {
            email: raws(&self.email),
            phone: raws(&self.phone),
            external_id,
            ip: request.client_ip.map(Raw::new),
            user_agent: request.text("user-agent").map(|agent| Raw::new(agent.into_owned())),
            locale: self.locale.as_deref().map(Raw::new),
            click_ids: self.click_ids.clone(),
            ..RawIdentity::default()
        }
    }

    fn is_refused(&self) -> bool {
        self.consent.is_refusal()
    }

    fn draft(&self, event: Value, request: &Request<'_>, site: &Site) -> Result<Draft, Rejection> {
        let Value::Object(mut map) = event else {
            return Err(Rejection::new(
                "event_not_object",
                "an event is a JSON object; this is something else",
            ));
        };
        map.retain(|name, _| !NOT_THE_EVENTS.contains(&name.as_str()));
        bound(&mut map);
        let happened_ms =
            happened_ms(self.sent_at, map.remove("at").as_ref().and_then(Value::as_i64), request.now_ms);
        map.insert("event_time".into(), happened_ms.div_euclid(1_000).into());
        let mut draft = events::read(map, site)?;
        if draft.event_id.is_none() {
            let text = "the page's script gives every event an id, and this one has none";
            return Err(Rejection::new("event_id_missing", text).on("event_id"));
        }
        let event = &mut draft.event;
        event.findings.truncate(MAX_FINDINGS);
        event.source = NAME.to_owned();
        event.channel = Channel::Browser;
        event.consent.clone_from(&self.consent);
        event.bot.clone_from(&self.bot);
        event.pixels.clone_from(&self.pixels);
        if event.page.url.is_none() {
            event.page = self.page.clone();
        }
        draft.identity = RawIdentity::default();
        match self.keeps {
            Decision::Send => {
                event.session_id.clone_from(&self.visitor);
                event.supplied.clone_from(&self.supplied);
                draft.identity = self.identity(request);
            }
            Decision::SendWithoutIdentity => {
                *event = Event { session_id: self.visitor.clone(), ..event.without_identity() };
                draft.identity.click_ids = self.click_ids.for_analytics();
            }
            // On record is that something happened, not to whom. The order stays: its own report must not be sent either.
            Decision::Anonymise | Decision::Suppress(_) => {
                *event = Event { order_id: event.order_id.take(), ..event.anonymous() };
            }
        }
        Ok(draft)
    }

    /// Nothing is remembered before it may be. Of a visitor who takes a yes back, only that is.
    fn visit(self, request: &Request<'_>) -> Option<Visit> {
        if self.is_refused() {
            let (visitor, at_ms) = (self.visitor?, request.now_ms);
            let keeps_visitor = self.keeps == Decision::SendWithoutIdentity;
            return Some(Visit {
                visitor,
                at_ms,
                consent: Some(self.consent),
                keeps_visitor,
                ..Visit::default()
            });
        }
        if self.bot.is_some() || self.keeps != Decision::Send {
            return None;
        }
        let identity = self.identity(request);
        Some(Visit {
            visitor: self.visitor?,
            at_ms: request.now_ms,
            identity,
            page: page::clean(self.landing),
            consent: Some(self.consent).filter(Consent::says_anything),
            keeps_visitor: true,
        })
    }

    /// Cookies are set only where they may be; a refusal takes them away.
    fn cookies(&self, request: &Request<'_>, settings: &Settings, given: &[(&str, &str)]) -> Vec<String> {
        let mut jar = Jar {
            domain: settings.cookie_domain.as_deref(),
            secure: request.secure,
            click_window_s: settings.click_window_days.saturating_mul(86_400),
            out: Vec::new(),
        };
        if self.is_refused() {
            // Whether they came along or a proxy kept them back.
            jar.remove_all(&settings.cookie);
        }
        if matches!(self.keeps, Decision::Send | Decision::SendWithoutIdentity)
            && let Some(visitor) = &self.visitor
        {
            jar.set(&settings.cookie, visitor);
        }
        if self.keeps == Decision::Send {
            jar.keep(&self.fresh, given);
        }
        jar.out
    }
}

fn bound(map: &mut Map<String, Value>) {
    for name in ["contents", "items", "content_ids"] {
        if let Some(Value::Array(lines)) = map.get_mut(name) {
            lines.truncate(MAX_LINES);
            lines.retain(|line| line.is_object() || line.is_string());
        }
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        let mut left = MAX_PROPERTIES;
        properties.retain(|_, value| {
            let keeps = left > 0 && !value.is_array() && !value.is_object();
            left -= usize::from(keeps);
            keeps
        });
    }
    let mut left = 2 * MAX_PROPERTIES;
    map.retain(|_, _| {
        let keeps = left > 0;
        left -= usize::from(keeps);
        keeps
    });
}

/// The first page whose address, or that of the page before it on the same host, has a click id.
fn landing(page: &Page, earlier: &[Page]) -> (Page, ClickIds) {
    let found = std::iter::once(page).chain(earlier).find_map(|page| {
        let ids = clicks::capture(page.url.as_deref(), page.referrer.as_deref(), &[]).click_ids;
        (!ids.is_empty()).then(|| (page.clone(), ids))
    });
    found.unwrap_or_else(|| (page.clone(), ClickIds::default()))
}

/// The click that an `_fbc` is made of, or the one that the browser holds while it is of the same click and still counts.
fn renew_fbc(fresh: &mut ClickIds, held: &mut ClickIds, now_ms: i64, domain: Option<&str>) {
    let known = held.fbc.take().filter(|fbc| clicks::is_fresh_fbc(fbc, now_ms));
    let fbc = clicks::fbc(fresh.fbclid.as_deref(), known.as_deref(), now_ms, domain);
    let fbc = fbc.map(std::borrow::Cow::into_owned);
    let place = if fbc == known { &mut held.fbc } else { &mut fresh.fbc };
    *place = fbc;
}

/// Meta's own pixel makes an `_fbp` when the page loads, so one is made only for a visitor whom we have seen before: a
/// browser must not have two.
fn fbp_of(visitor: &str, now_ms: i64, domain: Option<&str>) -> String {
    let random = IdHashes::of(visitor).sha256.get(..8).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    clicks::fbp_of(random.unwrap_or_default(), now_ms, domain)
}

/// Where a cookie without a domain is set.
fn host_of(page: &Page) -> Option<String> {
    let (_, rest) = page.url.as_deref()?.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(authority.rsplit('@').next()?.split(':').next()?.to_owned()).filter(|host| !host.is_empty())
}

fn page_of(value: Option<&Value>) -> Page {
    let text = |name: &str| value.and_then(|p| p.get(name)?.as_str()).map(str::to_owned);
    Page { url: text("url"), referrer: text("referrer"), title: text("title") }
}

/// What the script tells, and the same request's cookies: both are read, so that neither half trusts the other.
fn consent_of(map: &Map<String, Value>, request: &Request<'_>, site: &Site) -> Consent {
    let mut told = match map.get("consent") {
        None | Some(Value::Null) => Told::default(),
        Some(Value::Object(told)) => Told::read(told, |_, said| Evidence::new(PAGE, said)),
        Some(word) => Told::word(word, Evidence::new(PAGE, said(Some(word)))),
    };
    let gpc = map.get("gpc").and_then(Value::as_bool).unwrap_or_default()
        || request.header("sec-gpc").is_some_and(|v| v.trim() == "1");
    (told.gpc, told.region) = (gpc, request.region.map(str::to_owned));
    let sent_at = map.get("sent_at").and_then(Value::as_i64);
    for word in &mut told.words {
        // Anybody can write a body: on record are the names of signals that we know.
        if !tools::is_signal(&word.evidence.signal) {
            word.evidence = Evidence { at_ms: word.evidence.at_ms, ..Evidence::new(PAGE, "") };
        }
        word.evidence.value =
            word.evidence.value.as_deref().map(only_words).filter(|value| !value.is_empty());
        let at = word.evidence.at_ms.take();
        word.evidence.at_ms = Some(said_ms(sent_at, at, request.now_ms));
    }
    let header = request.cookies();
    let cookies: Vec<_> = cookies::parse(&header).filter(|(name, _)| tools::COOKIES.contains(name)).collect();
    let mut consent = told.merge(&cookies, &site.policy).said_at(request.now_ms);
    // A clock that runs ahead would make every later word void.
    if let Some(at_ms) = consent.evidence.as_mut().and_then(|evidence| evidence.at_ms.as_mut()) {
        *at_ms = request.now_ms.min(*at_ms);
    }
    consent.refused = !consent.is_refusal() && site.gates.are_closed(&consent);
    consent
}

/// Of what a page says a tool holds, the pairs that say yes or no: `marketing:true,method:explicit`.
fn only_words(value: &str) -> String {
    let plain = |id: &str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'$');
        (1..=40).contains(&id.len()) && id.bytes().all(is_plain) && !id.contains("E.C.P")
    };
    let says = |word: &str| matches!(word, "explicit" | "implied") || Reading::is_word(word);
    let pair = |part: &&str| part.rsplit_once([':', '=']).is_some_and(|(id, word)| plain(id) && says(word));
    value.split([',', ' ']).filter(pair).collect::<Vec<_>>().join(",")
}

/// When a word was said, however long ago: an old yes must not seem newer than a no.
fn said_ms(sent_at: Option<i64>, at: Option<i64>, now_ms: i64) -> i64 {
    let age_ms = sent_at.zip(at).map_or(0, |(sent, at)| sent.saturating_sub(at));
    now_ms.saturating_sub(age_ms.max(0)).max(0)
}

/// The page's clock may be wrong by years; how long ago it was, it knows well.
fn happened_ms(sent_at: Option<i64>, at: Option<i64>, now_ms: i64) -> i64 {
    let age_ms = sent_at.zip(at).and_then(|(sent, at)| sent.checked_sub(at)).unwrap_or(0);
    if (0..=MAX_AGE_MS).contains(&age_ms) { now_ms - age_ms } else { now_ms }
}

fn pixels(value: Option<&Value>) -> BTreeMap<String, String> {
    let states = ["loaded", "loading", "blocked"];
    let told = value.and_then(Value::as_object).into_iter().flatten();
    let plain = |name: &&String| name.len() <= 20 && name.bytes().all(|b| b.is_ascii_lowercase());
    told.take(10)
        .filter(|(name, _)| plain(name))
        .filter_map(|(name, state)| {
            Some((name.clone(), state.as_str().filter(|s| states.contains(s))?.to_owned()))
        })
        .collect()
}

/// Which way each key came that is not part of the event.
fn supplied(click_ids: &ClickIds, fresh: &ClickIds, request: &Request<'_>) -> BTreeMap<String, Supply> {
    let from_url = |name: &str| fresh.iter().any(|(n, _)| n == name);
    let clicks = click_ids.iter().map(|(name, _)| (name, if from_url(name) { "url" } else { "cookie" }));
    let connection =
        [("ip", request.client_ip.is_some()), ("user_agent", request.headers.contains_key("user-agent"))];
    let connection = connection.into_iter().filter(|(_, there)| *there).map(|(name, _)| (name, "connection"));
    clicks.chain(connection).map(|(name, from)| (name.to_owned(), Supply::of(from))).collect()
}
