//! The script for a shop's pages, with the shop's settings in it.

use base64::Engine;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384};
use tandem_core::Site;
use tandem_core::consent::{Gate, OnUnknown, Purpose, tools};
use tandem_core::normalise::{clicks, phone};
use tandem_sources::Source;
use tandem_sources::browser::Pages;

use crate::{Lane, Limits};

/// The library as built from `browser/`; no Node is needed to build the program.
pub const LIBRARY: &str = include_str!("../../../browser/dist/tandem.js");

/// Where the settings go in the library; without them it reads its own tag's `data-settings`.
const PLACE: &str = "\"__TANDEM_SETTINGS__\"";

/// What a site's pages load.
pub struct Script {
    /// Path below which everything lives, e.g. `/x7k2`.
    pub path: String,
    /// The site's settings, as the library takes them.
    pub settings: Value,
    /// `s.js`: the library with the settings inside.
    pub body: Bytes,
    /// Changes with the body.
    pub etag: String,
    /// `s.<hash>.js`: the name of the bare library.
    pub library: String,
    /// `sha384-…` of the bare library, for Subresource Integrity.
    pub integrity: String,
}

impl Script {
    /// The script of a site whose pages have one.
    #[must_use]
    pub fn of(site: &Site, sources: &[Box<dyn Source>], lanes: &[Lane], limits: &Limits) -> Option<Self> {
        let pages = sources.iter().find_map(|source| source.pages())?;
        let settings = settings(site, pages, sources, lanes, limits);
        // Inside a script a line separator would end a text, and inside a page "</script>" would end the script.
        let text = settings.to_string().replace('<', "\\u003c").replace('\u{2028}', "\\u2028");
        let body = Bytes::from(LIBRARY.replacen(PLACE, &text, 1));
        let digest = |bytes: &[u8]| hex_start(&Sha256::digest(bytes));
        let integrity = base64::engine::general_purpose::STANDARD.encode(Sha384::digest(LIBRARY));
        Some(Self {
            path: pages.path.clone(),
            etag: format!("\"{}\"", digest(&body)),
            library: format!("s.{}.js", digest(LIBRARY.as_bytes())),
            integrity: format!("sha384-{integrity}"),
            body,
            settings,
        })
    }

    /// The one line for every page's head.
    #[must_use]
    pub fn tag(&self, origin: &str) -> String {
        format!("<script async src=\"{origin}{}/s.js\"></script>", self.path)
    }

    /// The same for a page with a strict Content-Security-Policy and Subresource Integrity: the file never changes under
    /// its name, and the settings stand in the page.
    #[must_use]
    pub fn strict_tag(&self, origin: &str) -> String {
        let settings =
            self.settings.to_string().replace('&', "&amp;").replace('\'', "&#39;").replace('<', "&lt;");
        format!(
            "<script async src=\"{origin}{}/{}\" integrity=\"{}\" crossorigin=\"anonymous\" data-settings='{settings}'></script>",
            self.path, self.library, self.integrity
        )
    }
}

/// What one destination asks of the visitor's consent. By region: the page asks us where the visitor is, if anybody tells
/// us.
fn lane(gate: &Gate, knows_regions: bool) -> Value {
    let unknown = match gate.on_unknown {
        OnUnknown::ByRegion if knows_regions => "ask",
        OnUnknown::ByRegion | OnUnknown::Deny => "wait",
        OnUnknown::Grant => "assume",
    };
    let mut lane = json!({ "platform": gate.platform, "requires": gate.requires, "unknown": unknown });
    if let Some(names) = gate.policy.vendors.iter().find(|names| names.platform == gate.platform) {
        lane["vendors"] = json!(names.names);
        if let Some(id) = names.tcf {
            lane["tcf_vendor"] = id.into();
        }
    }
    lane
}

fn hex_start(digest: &[u8]) -> String {
    digest.iter().take(8).map(|b| format!("{b:02x}")).collect()
}

fn settings(
    site: &Site,
    pages: &Pages,
    sources: &[Box<dyn Source>],
    lanes: &[Lane],
    limits: &Limits,
) -> Value {
    let own = &pages.settings;
    let of_orders = || sources.iter().find_map(|s| s.sale_event_id());
    let sale_event_id =
        own.sale_event_id.as_deref().or_else(of_orders).unwrap_or(tandem_core::site::SALE_EVENT_ID);
    // A platform's own pixel takes whatever it finds, so it needs leave to advertise, whatever its destination asks for.
    let advertises = |lane: &&Lane| lane.gate.requires.contains(&Purpose::Advertising);
    let pixels: Vec<_> =
        lanes.iter().filter(advertises).filter_map(|lane| lane.destination.page_pixel()).collect();
    let calling_code = site.country.as_deref().and_then(phone::calling_code).map(|code| code.to_string());
    let knows_regions = limits.country_header.is_some();
    let asked: Vec<_> = site.gates.0.iter().map(|gate| lane(gate, knows_regions)).collect();
    json!({
        "cookie": own.cookie,
        "lanes": asked,
        "gpc": site.policy.gpc,
        "accept_defaults": site.policy.accept_defaults,
        "anonymous": site.gates.anonymises(),
        "refused_orders": site.gates.may_assume(),
        "categories": site.policy.categories.with_known(&tools::IDS),
        "consent_events": tools::EVENTS,
        "data_layer": Some(&own.data_layer).filter(|name| !name.is_empty()),
        "forms": own.forms,
        "respect_blockers": own.respect_blockers,
        "single_page": own.single_page,
        "purchase_event_id": sale_event_id,
        "currency": site.currency,
        "country": site.country,
        "calling_code": calling_code,
        "cookies": clicks::cookie_names().collect::<Vec<_>>(),
        "click_ids": clicks::parameter_names().collect::<Vec<_>>(),
        "pixels": pixels,
    })
}
