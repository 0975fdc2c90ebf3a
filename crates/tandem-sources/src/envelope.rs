//! What surrounds the events of a request from a visitor's page, whoever wrote the page's code: who it is, where, what was
//! allowed, and what follows from that. All ways in that live on pages share it, so that the same action makes the same event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use tandem_core::consent::{Consent, Decision, tools};
use tandem_core::door::Draft;
use tandem_core::identity::{ClickIds, IdHashes, Raw, RawIdentity};
use tandem_core::normalise::{clicks, ga};
use tandem_core::session::Supply;
use tandem_core::{Channel, Event, Page, Site, bots, page};

use crate::browser::Bots;
use crate::consent::Told;
use crate::cookies::{self, Jar};
use crate::tags::UNPAIRED;
use crate::{Request, Visit, values};

/// Most remarks of one event: anybody can send one, and each costs the log room.
const MAX_FINDINGS: usize = 20;

/// How cookies are called and kept.
#[derive(Clone, Copy)]
pub(crate) struct Keeping<'a> {
    /// Name of the visitor cookie.
    pub(crate) cookie: &'a str,
    pub(crate) cookie_domain: Option<&'a str>,
    pub(crate) click_window_days: u32,
    pub(crate) bots: Bots,
}

/// What a body tells beside its events.
#[derive(Default)]
pub(crate) struct Body {
    /// Our visitor id as the page knows it; the cookie's counts before it.
    pub(crate) visitor: Option<String>,
    pub(crate) page: Page,
    /// The pages of events that happened on another one, or before its address was tidied.
    pub(crate) earlier: Vec<Page>,
    pub(crate) consent: Consent,
    pub(crate) email: Vec<Value>,
    pub(crate) phone: Vec<Value>,
    pub(crate) external_id: Vec<Value>,
    pub(crate) locale: Option<String>,
    /// The page says that a program drives it.
    pub(crate) automated: bool,
    pub(crate) pixels: BTreeMap<String, String>,
    /// Google Analytics' ids, where the body has them.
    pub(crate) ga: ga::Ids,
    /// The visitor asked for the address to be left out.
    pub(crate) hides_address: bool,
}

/// Everything around the events.
pub(crate) struct Envelope {
    source: &'static str,
    pub(crate) visitor: Option<String>,
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
    hides_address: bool,
}

impl Envelope {
    /// `cookies`: those we know, see [`given_cookies`].
    pub(crate) fn new(
        source: &'static str,
        body: Body,
        request: &Request<'_>,
        site: &Site,
        keeping: Keeping<'_>,
        cookies: &[(&str, &str)],
    ) -> Self {
        let (landing, mut fresh) = landing(&body.page, &body.earlier);
        let mut held = clicks::capture(None, None, cookies).click_ids;
        let domain = keeping.cookie_domain.map(str::to_owned).or_else(|| host_of(&body.page));
        renew_fbc(&mut fresh, &mut held, request.now_ms, domain.as_deref());
        let mut click_ids = fresh.clone();
        click_ids.fill_from(held);
        let cookie =
            cookies.iter().find(|(name, _)| *name == keeping.cookie).and_then(|(_, v)| values::visitor_id(v));
        let bot = bots::reason(request.text("user-agent").as_deref(), body.automated)
            .filter(|_| keeping.bots == Bots::Skip);
        let keeps = site.gates.widest(&body.consent);
        // Who refuses statistics has no such id; one that is there all the same is left from before.
        click_ids.forget_analytics();
        if site.gates.may_measure(&body.consent) {
            let pairs = cookies.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let known = body.ga.or(ga::Ids::of_cookies(pairs));
            (click_ids.ga_client_id, click_ids.ga_session_id) = (known.client_id, known.session_id);
        }
        if keeps == Decision::Send && click_ids.fbp.is_none() && site.browser_ids.contains(&"fbp") {
            fresh.fbp = cookie.as_deref().map(|visitor| fbp_of(visitor, request.now_ms, domain.as_deref()));
            click_ids.fbp.clone_from(&fresh.fbp);
        }
        let supplied = supplied(&click_ids, &fresh, request, body.hides_address);
        Self {
            source,
            visitor: cookie.or(body.visitor),
            keeps,
            consent: body.consent,
            supplied,
            page: body.page,
            landing,
            fresh,
            click_ids,
            email: body.email,
            phone: body.phone,
            external_id: body.external_id,
            locale: body.locale,
            bot: bot.map(Cow::Owned),
            pixels: body.pixels,
            hides_address: body.hides_address,
        }
    }

    /// Puts an event into it. `told`: what the event itself says of the person.
    pub(crate) fn finish(&self, mut draft: Draft, told: RawIdentity, request: &Request<'_>) -> Draft {
        let event = &mut draft.event;
        // This one decides whether the event is sent: it is not lost among remarks on a long cart.
        if let Some(at) = event.findings.iter().position(|finding| finding.code == UNPAIRED)
            && at >= MAX_FINDINGS
        {
            event.findings.swap(MAX_FINDINGS - 1, at);
        }
        event.findings.truncate(MAX_FINDINGS);
        event.source = self.source.to_owned();
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
                draft.identity = self.identity(told, request);
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
        draft
    }

    /// What the request tells of the person; `told` is what the event says, and counts first.
    fn identity(&self, told: RawIdentity, request: &Request<'_>) -> RawIdentity {
        fn raws(values: &[Value]) -> impl Iterator<Item = Raw> {
            values.iter().filter_map(Raw::from_json)
        }
        let mut identity = told;
        identity.email.extend(raws(&self.email));
        identity.phone.extend(raws(&self.phone));
        identity.external_id.extend(raws(&self.external_id));
        identity.external_id.extend(self.visitor.as_deref().map(Raw::new));
        identity.ip = request.client_ip.filter(|_| !self.hides_address).map(Raw::new);
        identity.user_agent = request.text("user-agent").map(|agent| Raw::new(agent.into_owned()));
        identity.locale = self.locale.as_deref().map(Raw::new);
        let of_event = std::mem::replace(&mut identity.click_ids, self.click_ids.clone());
        identity.click_ids.fill_from(of_event);
        identity
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.consent.is_refusal()
    }

    /// Nothing is remembered before it may be. Of a visitor who takes a yes back, only that is.
    pub(crate) fn visit(self, told: RawIdentity, request: &Request<'_>) -> Option<Visit> {
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
        let identity = self.identity(told, request);
        Some(Visit {
            visitor: self.visitor?,
            at_ms: request.now_ms,
            identity,
            page: page::clean(self.landing),
            consent: Some(self.consent).filter(Consent::says_anything),
            keeps_visitor: true,
            pixels: self.pixels,
        })
    }

    /// Cookies are set only where they may be; a refusal takes them away.
    pub(crate) fn cookies(
        &self,
        request: &Request<'_>,
        settings: Keeping<'_>,
        given: &[(&str, &str)],
    ) -> Vec<String> {
        let mut jar = Jar {
            domain: settings.cookie_domain,
            secure: request.secure,
            click_window_s: settings.click_window_days.saturating_mul(86_400),
            out: Vec::new(),
        };
        if self.is_refused() {
            // Whether they came along or a proxy kept them back.
            jar.remove_all(settings.cookie);
        }
        if matches!(self.keeps, Decision::Send | Decision::SendWithoutIdentity)
            && let Some(visitor) = &self.visitor
        {
            jar.set(settings.cookie, visitor);
        }
        if self.keeps == Decision::Send {
            jar.keep(&self.fresh, given);
        }
        jar.out
    }
}

/// Cookies we know: from the header first, since the page cannot change those, else as the page's code read them (a proxy
/// may hand on the visitor's cookie only).
pub(crate) fn given_cookies<'a>(
    request: &Request<'_>,
    told: impl Iterator<Item = (&'a String, &'a Value)>,
    visitor: &str,
) -> Vec<(String, String)> {
    let mut given: Vec<(String, String)> = request
        .cookie_pairs()
        .into_iter()
        .filter(|(name, _)| name == visitor || clicks::reads_cookie(name))
        .collect();
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

/// What a page tells of consent, and the same request's cookies: both are read, so that neither half trusts the other.
pub(crate) fn consent(mut told: Told, request: &Request<'_>, site: &Site) -> Consent {
    told.gpc |= request.header("sec-gpc").is_some_and(|v| v.trim() == "1");
    told.region = request.region.map(str::to_owned);
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
    let fbc = fbc.map(Cow::into_owned);
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

/// Which way each key came that is not part of the event.
fn supplied(
    click_ids: &ClickIds,
    fresh: &ClickIds,
    request: &Request<'_>,
    hides_address: bool,
) -> BTreeMap<String, Supply> {
    let from_url = |name: &str| fresh.iter().any(|(n, _)| n == name);
    // Of Google Analytics' ids the hit itself speaks, or its cookies: nobody has to be told which.
    let clicks = click_ids
        .iter()
        .filter(|(name, _)| !clicks::is_for_analytics(name))
        .map(|(name, _)| (name, if from_url(name) { "url" } else { "cookie" }));
    let connection = [
        ("ip", request.client_ip.is_some() && !hides_address),
        ("user_agent", request.headers.contains_key("user-agent")),
    ];
    let connection = connection.into_iter().filter(|(_, there)| *there).map(|(name, _)| (name, "connection"));
    clicks.chain(connection).map(|(name, from)| (name.to_owned(), Supply::of(from))).collect()
}
