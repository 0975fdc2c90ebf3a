//! What plugins and WooCommerce's own order attribution left in an order's meta.

use std::borrow::Cow;

use serde_json::{Map, Value};
use tandem_core::Finding;
use tandem_core::consent::{Consent, Status};
use tandem_core::identity::ClickIds;
use tandem_core::normalise::clicks;

use super::settings::ClickIdMeta;
use crate::values;

const TTCLID: &[&str] = &["ttclid", "_ttclid", "tiktok_ttclid", "_tandem_ttclid"];
const TTP: &[&str] = &["ttp", "_ttp", "_tandem_ttp"];

/// The visitor's landing page with its whole query, and where they came from.
const LANDING: &str = "_wc_order_attribution_session_entry";
const REFERRER: &str = "_wc_order_attribution_referrer";

/// Names of the answer inside a consent object.
const ANSWERS: [&str; 4] = ["marketing", "advertising", "ad_user_data", "ad_storage"];

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

    /// Where the visitor came from.
    pub(super) fn referrer(&self) -> Option<String> {
        self.text(REFERRER).map(str::to_owned)
    }

    /// Click ids: from keys of their own, else out of the landing page's address.
    pub(super) fn click_ids(&self, extra: &ClickIdMeta) -> ClickIds {
        let first = |extra: &[String], usual: &[&str]| {
            let mut keys = extra.iter().map(String::as_str).chain(usual.iter().copied());
            keys.find_map(|key| self.text(key)).map(str::to_owned)
        };
        let mut ids = ClickIds {
            ttclid: first(&extra.ttclid, TTCLID),
            ttp: first(&extra.ttp, TTP),
            ..ClickIds::default()
        };
        if let Some(landing) = self.text(LANDING) {
            ids.fill_from(clicks::from_url(landing));
        }
        ids
    }

    /// The buyer's consent as the shop kept it. One refusal outweighs any number of grants; a value nobody can read
    /// counts as a refusal.
    pub(super) fn consent(
        &self,
        keys: &[String],
        region: Option<String>,
        findings: &mut Vec<Finding>,
    ) -> Consent {
        let mut consent = Consent { region, ..Consent::default() };
        for key in keys {
            let Some(value) = self.get(key) else { continue };
            let answer = Answer::of(value);
            let status = answer.status.unwrap_or_else(|| {
                let text = "the order's consent cannot be read as a yes or no, so it is taken as a no";
                findings.push(Finding::error("consent_invalid", text).on("meta_data"));
                Status::Denied
            });
            consent.opt_out_of_sale |= answer.opt_out_of_sale;
            let known = consent.advertising;
            if status == Status::Denied && known != Status::Denied
                || known == Status::Unknown && status != known
            {
                consent.advertising = status;
                consent.evidence = Some(Cow::Owned(format!("order meta {key}")));
            }
        }
        consent
    }
}

struct Answer {
    /// `None` when it cannot be read.
    status: Option<Status>,
    opt_out_of_sale: bool,
}

impl Answer {
    /// A plain word, an object, or an object as JSON text.
    fn of(value: &Value) -> Self {
        let parsed: Option<Value> = value
            .as_str()
            .filter(|text| text.trim_start().starts_with('{'))
            .and_then(|t| serde_json::from_str(t).ok());
        let value = parsed.as_ref().unwrap_or(value);
        let Some(map) = value.as_object() else {
            return Self { status: values::consent_status(value), opt_out_of_sale: false };
        };
        let mut status = Some(Status::Unknown);
        for answer in ANSWERS.iter().filter_map(|name| map.get(*name)).map(values::consent_status) {
            status = match (status, answer) {
                (Some(Status::Denied), _) | (_, Some(Status::Denied)) => Some(Status::Denied),
                (None, _) | (_, None) => None,
                (Some(Status::Granted), _) | (_, Some(Status::Granted)) => Some(Status::Granted),
                _ => Some(Status::Unknown),
            };
        }
        let opt_out_of_sale = map.get("opt_out_of_sale").and_then(values::truth).unwrap_or_default();
        Self { status, opt_out_of_sale }
    }
}
