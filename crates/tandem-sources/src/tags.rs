//! What tags of other makers have in common: they sit in the shop's pages, send to us because somebody changed an address,
//! and know nothing of our ids.
//!
//! The rule for ids: the id that the page gives both to its pixel and to its tag (`event_id`) counts. A purchase without one
//! has the id the site gives its orders, made from the transaction id. Anything else gets an id made from the request, the
//! same for a repeat, and a remark: no pixel can know it.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tandem_core::consent::Evidence;
use tandem_core::door::{Draft, Rejection};
use tandem_core::identity::RawIdentity;
use tandem_core::{Finding, Page, Site, names};

use crate::browser::body::bound;
use crate::browser::settings::{check_cookies, check_hold, check_host};
use crate::browser::{Bots, Sales};
use crate::consent::Told;
use crate::envelope::{self, Body, Envelope, Keeping};
use crate::{AuthError, Decoded, Remembering, Request, events, values};

/// Marks an event whose id no pixel can share.
pub use tandem_core::finding::UNPAIRED;

/// Most bytes of one value.
pub(crate) const MAX_VALUE: usize = 8 * 1024;

/// Most items of one event.
pub(crate) const MAX_ITEMS: usize = 200;

/// A source that is found by what its requests look like.
pub trait Tag: Send + Sync {
    /// Whether the request is in this format and for this site.
    fn claims(&self, request: &Request<'_>) -> bool;

    /// Whether the request is in this format, for whichever site.
    fn knows(&self, request: &Request<'_>) -> bool;

    /// Whether a server sends it, for all its visitors, and not a page.
    fn is_from_server(&self, _request: &Request<'_>) -> bool {
        false
    }

    /// Whether a page of this origin may read the answer.
    fn allows(&self, origin: &str) -> bool;

    /// What makes requests this site's: no two sites may share one. Each with the setting it stands in.
    fn marks(&self) -> Vec<(&'static str, String)>;
}

/// Settings that all tags have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Hosts of the shop's pages, e.g. `shop.example`; a port only if it matters.
    pub hosts: Vec<String>,
    /// Name of the visitor cookie; the same as that of our script, if the shop has both.
    pub cookie: String,
    /// `Domain` of our cookies.
    pub cookie_domain: Option<String>,
    /// Machines among the visitors.
    pub bots: Bots,
    /// What a Purchase of the page is for. By default it completes where another source reports orders, else it is sent.
    pub sales: Option<Sales>,
    /// Seconds a sale without a click id waits for its browser half.
    pub hold_seconds: u32,
    /// Days after which a click id is not joined to an order any more.
    pub click_window_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            cookie: "tdv".to_owned(),
            cookie_domain: None,
            bots: Bots::default(),
            sales: None,
            hold_seconds: 5,
            click_window_days: tandem_core::session::CLICK_WINDOW_DAYS,
        }
    }
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), String> {
        self.hosts.iter().try_for_each(|host| check_host(host))?;
        check_cookies(&self.cookie, self.cookie_domain.as_deref(), &self.hosts)?;
        check_hold(self.hold_seconds)
    }

    pub(crate) fn remembering(&self) -> Remembering<'_> {
        let Self { hosts, sales, hold_seconds, click_window_days, .. } = self;
        Remembering {
            hosts,
            sales: *sales,
            hold_seconds: *hold_seconds,
            click_window_days: *click_window_days,
        }
    }

    pub(crate) fn allows(&self, origin: &str) -> bool {
        values::is_of_hosts(origin, &self.hosts)
    }

    /// By the page's origin, where the browser tells one: an image that a page asks for has none, and with a strict referrer
    /// policy no address either. What this keeps out is pages of other sites, and those cannot hide that they are.
    pub(crate) fn authenticate(&self, request: &Request<'_>) -> Result<(), AuthError> {
        let origin = request.header("origin").filter(|o| *o != "null").or_else(|| request.header("referer"));
        let is_other = match origin {
            Some(origin) => !self.allows(origin),
            None => request.header("sec-fetch-site") == Some("cross-site"),
        };
        if is_other {
            return Err(AuthError::Origin("the page is on none of the site's hosts (hosts of this source)"));
        }
        Ok(())
    }

    fn keeping(&self) -> Keeping<'_> {
        Keeping {
            cookie: &self.cookie,
            cookie_domain: self.cookie_domain.as_deref(),
            click_window_days: self.click_window_days,
            bots: self.bots,
        }
    }
}

/// Takes one setting out of the table.
pub(crate) fn take<T: DeserializeOwned + Default>(settings: &mut Value, name: &str) -> Result<T, String> {
    let value = settings.as_object_mut().and_then(|map| map.remove(name));
    value.map_or_else(|| Ok(T::default()), |v| serde_json::from_value(v).map_err(|e| format!("{name}: {e}")))
}

/// One event of a tag's request.
pub(crate) struct Hit {
    /// Where it stands in the request.
    pub(crate) place: String,
    /// In the form of the events API, what it says of the person among it.
    pub(crate) fields: Map<String, Value>,
    /// What the made id is made of: the same for a repeat.
    pub(crate) seed: String,
    /// What it says of consent, and the name that goes on record for it.
    pub(crate) consent: Map<String, Value>,
    pub(crate) signal: &'static str,
    /// The rest.
    pub(crate) body: Body,
}

/// Names of an event's fields that only the envelope or the connection may tell.
pub(crate) const NOT_THE_HITS: &[&str] = &[
    "event",
    "eventName",
    "event_time",
    "timestamp",
    "channel",
    "session_id",
    "client_id",
    "user",
    "cookies",
    "common_cookie",
    "click_ids",
    "page",
    "properties",
    "consent",
    "consent_state",
    "context",
    "pixel_code",
    "data",
    "ip",
    "ip_override",
    "client_ip_address",
    "user_agent",
    "client_user_agent",
    "locale",
    "language",
    "limited_data_use",
];

/// Visitor id of a browser that a tag knows by its own client id, for as long as it has no cookie of ours: the first
/// requests of a page may come side by side, and all of them must name the same visitor.
pub(crate) fn visitor_of(site: &Site, client_id: &str) -> String {
    let digest = Sha256::digest(format!("visitor\n{}\n{client_id}", site.id));
    hex::encode(digest.get(..16).unwrap_or_default())
}

/// Turns hits into drafts, and what they tell of the visitor into one visit. `told`: cookies as the page's code read them.
pub(crate) fn decode(
    source: &'static str,
    settings: &Settings,
    hits: Vec<Result<Hit, Rejection>>,
    told: &Map<String, Value>,
    request: &Request<'_>,
    site: &Site,
) -> Decoded {
    let given = envelope::given_cookies(request, told.iter(), &settings.cookie);
    let cookies: Vec<(&str, &str)> = given.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let pages: Vec<Page> = hits.iter().flatten().map(|hit| hit.body.page.clone()).collect();
    let (mut parts, mut envelopes, mut person) = (Vec::with_capacity(hits.len()), Vec::new(), None);
    for hit in hits {
        let Hit { place, mut fields, seed, consent, signal, mut body } = match hit {
            Ok(hit) => hit,
            Err(rejection) => {
                parts.push(Err(rejection));
                continue;
            }
        };
        body.earlier.clone_from(&pages);
        let said = Told::read(&consent, |_, said| Evidence::new(signal, said));
        body.consent = envelope::consent(said, request, site);
        let envelope = Envelope::new(source, body, request, site, settings.keeping(), &cookies);
        if person.is_none() && fields.get("user_data").is_some() {
            person = fields.get("user_data").cloned();
        }
        bound(&mut fields);
        let draft = draft(fields, &seed, &envelope, request, site);
        parts.push(draft.map(|d| Draft { place: place.clone(), ..d }).map_err(|r| r.at(&place)));
        envelopes.push(envelope);
    }
    let speaker = envelopes.iter().position(Envelope::is_refused).unwrap_or_default();
    let Some(envelope) = envelopes.into_iter().nth(speaker) else {
        return Decoded { parts, ..Decoded::default() };
    };
    let cookies = envelope.cookies(request, settings.keeping(), &cookies);
    let visit = envelope.visit(identity_of(person, site), request);
    Decoded { parts, visit, cookies, ..Decoded::default() }
}

/// What a hit says of the person, once more: the first reading went into the event.
fn identity_of(person: Option<Value>, site: &Site) -> RawIdentity {
    let Some(person) = person else { return RawIdentity::default() };
    let fields = json!({ "event_name": "visit", "user_data": person });
    let Value::Object(fields) = fields else { return RawIdentity::default() };
    events::read(fields, site).map(|draft| draft.identity).unwrap_or_default()
}

fn draft(
    mut fields: Map<String, Value>,
    seed: &str,
    envelope: &Envelope,
    request: &Request<'_>,
    site: &Site,
) -> Result<Draft, Rejection> {
    fields.insert("event_time".to_owned(), request.now_ms.div_euclid(1_000).into());
    let mut draft = events::read(fields, site)?;
    pair(&mut draft, site, || format!("hit_{}", hex::encode(digest(&format!("{}\n{seed}", site.id)))));
    let told = std::mem::take(&mut draft.identity);
    Ok(envelope.finish(draft, told, request))
}

fn digest(text: &str) -> Vec<u8> {
    Sha256::digest(text).iter().take(12).copied().collect()
}

/// Sees to it that the event has an id, by the rule above.
pub(crate) fn pair(draft: &mut Draft, site: &Site, made: impl FnOnce() -> String) {
    let name =
        names::resolve(draft.event.event_name.trim()).map(|resolved| resolved.name).unwrap_or_default();
    let order = draft.event.order_id.as_deref().filter(|_| name == names::PURCHASE);
    let of_sale = order.map(|order| site.sale_id(order));
    match (&draft.event_id, of_sale) {
        (Some(id), Some(of_sale)) if *id != of_sale && reported_otherwise(site) => {
            let text = "the page gives this sale another id than the shop's own report of it has: a pixel with this id \
                        counts it again. Leave event_id out of purchases, or make it like the setting event_id";
            draft.event.findings.push(Finding::warning("sale_id_differs", text).on("event_id"));
        }
        (Some(_), _) => {}
        (None, Some(of_sale)) => draft.event_id = Some(of_sale),
        (None, None) => {
            draft.event_id = Some(made());
            if names::is_standard(&name) {
                let text = "no event_id that a pixel could share: one was made. Give the tag and the pixel the same \
                            event_id, see docs/ga4.md";
                draft.event.findings.push(Finding::warning("event_id_unpaired", text).on("event_id"));
            }
        }
    }
}

fn reported_otherwise(site: &Site) -> bool {
    site.sessions.is_some_and(|rules| rules.sales_come_otherwise)
}
