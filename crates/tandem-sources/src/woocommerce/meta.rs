//! What plugins, ours among them, and WooCommerce's own order attribution left in an order's meta.
//!
//! Keys that begin with an underscore are written by the shop's own code only: neither a form of the shop nor its REST
//! API lets a visitor choose them.

use serde_json::{Map, Value};
use tandem_core::consent::{Evidence, ORDER};
use tandem_core::identity::{ClickIds, Raw};
use tandem_core::normalise::clicks;

use super::settings::ClickIdMeta;
use crate::consent::{Told, said};
use crate::values;

const TTCLID: &[&str] = &["ttclid", "_ttclid", "tiktok_ttclid"];
const TTP: &[&str] = &["ttp", "_ttp"];

/// What our own plugin writes at checkout: this and the name of a click id, from the buyer's cookies.
const OURS: &str = "_tandem_";
const VISITOR: &str = "_tandem_visitor";
const CONSENT: &str = "_tandem_consent";

/// Address and user agent of the buyer's own request, where WooCommerce would keep those of a payment provider.
pub(super) const IP: &str = "_tandem_ip";
pub(super) const AGENT: &str = "_tandem_agent";

/// The visitor's landing page with its whole query, and where they came from.
const LANDING: &str = "_wc_order_attribution_session_entry";
const REFERRER: &str = "_wc_order_attribution_referrer";

/// An order's meta: pairs of key and value, of which the first of a key counts.
pub(super) struct Meta<'a> {
    pairs: Vec<(&'a str, &'a Value)>,
}

impl<'a> Meta<'a> {
    /// Takes the pairs that are readable; `meta_data` is full of other people's things.
    pub(super) fn of(order: &'a Map<String, Value>) -> Self {
        let list = order.get("meta_data").and_then(Value::as_array);
        let pair = |entry: &'a Value| Some((entry.get("key")?.as_str()?, entry.get("value")?));
        Self { pairs: list.into_iter().flatten().filter_map(pair).collect() }
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.pairs.iter().find(|(k, value)| *k == key && !values::is_blank(value)).map(|(_, value)| *value)
    }

    fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// Whether the key is there with a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key as it is.
    pub(super) fn raw(&self, key: &str) -> Option<Raw> {
        Raw::from_json(self.get(key)?)
    }

    /// Our own visitor id.
    pub(super) fn visitor(&self) -> Option<String> {
        values::visitor_id(self.text(VISITOR)?)
    }

    /// Where the visitor came from.
    pub(super) fn referrer(&self) -> Option<String> {
        self.text(REFERRER).map(str::to_owned)
    }

    /// Click ids: from the keys of the settings, from ours, from the usual ones, else out of the landing page's address.
    pub(super) fn click_ids(&self, extra: &ClickIdMeta) -> ClickIds {
        let mut ids = ClickIds {
            ttclid: self.first(extra.ttclid.iter().map(String::as_str)),
            ttp: self.first(extra.ttp.iter().map(String::as_str)),
            ..ClickIds::default()
        };
        ids.fill_from(self.ours());
        ids.fill_from(ClickIds {
            ttclid: self.first(TTCLID.iter().copied()),
            ttp: self.first(TTP.iter().copied()),
            ..ClickIds::default()
        });
        if let Some(landing) = self.text(LANDING) {
            ids.fill_from(clicks::from_url(landing));
        }
        ids
    }

    fn first<'k>(&self, mut keys: impl Iterator<Item = &'k str>) -> Option<String> {
        keys.find_map(|key| self.text(key)).map(str::to_owned)
    }

    fn ours(&self) -> ClickIds {
        let mut ids = ClickIds::default();
        for (key, _) in &self.pairs {
            if let Some(place) = key.strip_prefix(OURS).and_then(|name| ids.slot(name)) {
                *place = self.text(key).map(str::to_owned);
            }
        }
        ids
    }

    /// The buyer's consent as the shop kept it. One refusal outweighs any number of grants; a value nobody can read
    /// counts as a refusal. What our plugin kept is read whatever keys the settings name.
    pub(super) fn consent(&self, keys: &[String]) -> Told {
        let ours = Some(CONSENT).filter(|ours| keys.iter().all(|key| key != ours));
        let of = |key| self.pairs.iter().filter(move |(k, value)| *k == key && !values::is_blank(value));
        let keys = keys.iter().map(String::as_str).chain(ours);
        let said = keys.flat_map(|key| of(key).map(move |(_, value)| answer(key, value)));
        said.fold(Told::default(), Told::and)
    }
}

/// A plain word, an object, or an object as JSON text.
fn answer(key: &str, value: &Value) -> Told {
    let parsed: Option<Value> = value
        .as_str()
        .filter(|text| text.trim_start().starts_with('{'))
        .and_then(|t| serde_json::from_str(t).ok());
    let value = parsed.as_ref().unwrap_or(value);
    let evidence = |said: &str| Evidence::new(ORDER, format!("{key} {said}"));
    let Some(map) = value.as_object() else {
        return Told::word(value, evidence(&said(Some(value))));
    };
    let mut told = Told::read(map, |name, said| evidence(&format!("{name}={said}")));
    for word in &mut told.words {
        let given = &word.evidence;
        if given.signal != ORDER {
            let given_by = format!("{} {}", given.signal, given.value.as_deref().unwrap_or_default());
            word.evidence = Evidence { at_ms: given.at_ms, ..evidence(given_by.trim()) };
        }
    }
    told
}
