//! The door: a decoded draft goes in, a clean event or a rejection comes out. Raw identity ends here.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::claim::OrderReport;
use crate::consent::Purpose;
use crate::event::{Event, Item};
use crate::identity::{RawIdentity, hash_identity};
use crate::money::Amount;
use crate::normalise::{campaign, clicks, text};
use crate::{Channel, Finding, Site, names, page};

/// Web events older than this are kept but not sent on their own, in seconds. No platform publishes TikTok's limit;
/// seven days is what others chose, and Meta's, Reddit's and Microsoft's documented one.
pub const OLD_AFTER_S: i64 = 7 * 86_400;

/// Clocks of shops run ahead by this much before we remark on it, in seconds.
const CLOCK_SLACK_S: i64 = 300;

const MAX_ID_LEN: usize = 200;

/// A number of up to so many digits may be a count of orders; longer ones are times or drawn by lot.
const COUNTER_DIGITS: usize = 8;

/// What a source decoded: everything but the checks. The raw identity is consumed by [`admit`].
#[derive(Default)]
pub struct Draft {
    /// All fields that need no secrecy. `event_name` as given; `event_id` and `event_time` below.
    pub event: Event,
    /// As given; `None` when the sender has none.
    pub event_id: Option<String>,
    /// Unix seconds, or milliseconds by mistake; `None` when the sender has none.
    pub event_time: Option<i64>,
    /// Who did it.
    pub identity: RawIdentity,
    /// Set for a sale, see [`OrderReport`].
    pub order: Option<OrderReport>,
    /// Where the event stands in its request, e.g. `data[1]`; empty when it is the request.
    pub place: String,
}

/// Why an event, or a whole request, was not taken. Never repeats the value at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// Stable code.
    pub code: Cow<'static, str>,
    /// For a person: what is wrong and what to do.
    pub message: String,
    /// Path of the field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Name as given, when it is a plain one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    /// Id as given, when it is a plain one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The order it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Its number, see [`Event::order_number`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// Nothing is wrong: the request simply holds no conversion (an unpaid order, a product update).
    pub expected: bool,
}

impl Rejection {
    /// Something is wrong with the input.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            field: None,
            event_name: None,
            event_id: None,
            order_id: None,
            order_number: None,
            expected: false,
        }
    }

    /// Nothing is wrong, there is just nothing to report.
    pub fn expected(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { expected: true, ..Self::new(code, message) }
    }

    /// The same, about one field.
    #[must_use]
    pub fn on(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same, with its path inside an entry of the request: `data[1]`; empty when the entry is the request.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        if !place.is_empty() {
            let field = self.field.take().map_or_else(String::new, |field| format!(".{field}"));
            self.field = Some(format!("{place}{field}"));
        }
        self
    }

    fn of(self, draft: &Draft) -> Self {
        let mut named = self.at(&draft.place);
        let plain = |text: &String| !text.is_empty() && !unfit_id(text);
        named.event_name = Some(draft.event.event_name.clone()).filter(plain);
        named.event_id = draft.event_id.clone().filter(plain);
        named.order_id = draft.event.order_id.clone().filter(plain);
        named.order_number = order_number(draft.event.order_number.clone(), named.order_id.as_deref());
        named
    }
}

/// Turns a draft into an event: resolves names, checks and mends, hashes identity and forgets the raw values.
///
/// # Errors
/// A [`Rejection`] when no platform could use the event, or when it would count wrongly.
pub fn admit(mut draft: Draft, site: &Site, now_s: i64) -> Result<(Event, Option<OrderReport>), Rejection> {
    let mut findings = std::mem::take(&mut draft.event.findings);
    let name = name(&draft, &mut findings).map_err(|r| r.of(&draft))?;
    draft.event.event_name = name;
    draft.event_id = draft.event_id.and_then(usable_id);
    draft.event.order_id = draft.event.order_id.and_then(usable_id);
    draft.event.order_number = order_number(draft.event.order_number, draft.event.order_id.as_deref());
    let time = time(draft.event_time, now_s, &mut findings).map_err(|r| r.of(&draft))?;
    check_id(&draft, site, &mut findings).map_err(|r| r.of(&draft))?;
    check_money(&mut draft.event, site, &mut findings).map_err(|r| r.of(&draft))?;

    let Draft { mut event, event_id, mut identity, order, .. } = draft;
    event.site.clone_from(&site.id);
    event.event_time = time;
    event.page = page::clean(event.page);
    if let Some(url) = &event.page.url {
        identity.click_ids.fill_from(clicks::from_url(url));
    }
    if identity.default_country.is_none() && identity.country.is_none() {
        identity.default_country.clone_from(&site.country);
    }
    check_texts(&mut event, &mut findings);
    let (user, identity_findings) = hash_identity(identity);
    findings.extend(identity_findings);
    event.user = user;
    if !site.gates.may_measure(&event.consent) {
        event.user.click_ids.forget_analytics();
    }
    check_content(&event, &mut findings);
    check_campaign(&event, &mut findings);
    event.event_id = event_id.unwrap_or_else(|| made_id(&event));
    event.findings = findings;
    Ok((event, order))
}

fn name(draft: &Draft, findings: &mut Vec<Finding>) -> Result<String, Rejection> {
    let resolved = names::resolve(draft.event.event_name.trim())
        .map_err(|e| Rejection::new(e.code(), e.to_string()).on("event_name"))?;
    findings.extend(resolved.finding);
    Ok(resolved.name.into_owned())
}

fn time(given: Option<i64>, now_s: i64, findings: &mut Vec<Finding>) -> Result<i64, Rejection> {
    let Some(given) = given else {
        let text = "no event_time; the time of arrival is used";
        findings.push(Finding::info("event_time_missing", text).on("event_time"));
        return Ok(now_s);
    };
    let seconds = match given {
        ..=0 => {
            let text = "event_time is not a time: send Unix seconds";
            return Err(Rejection::new("event_time_invalid", text).on("event_time"));
        }
        1..100_000_000_000 => given,
        100_000_000_000..100_000_000_000_000 => given / 1_000,
        _ => given / 1_000_000,
    };
    if seconds != given {
        let text = "event_time was in milliseconds or finer; converted to seconds";
        findings.push(Finding::warning("event_time_ms", text).on("event_time"));
    }
    if seconds > now_s + CLOCK_SLACK_S {
        let text = "event_time lies in the future; the time of arrival is used. Check the sender's clock";
        findings.push(Finding::warning("event_time_future", text).on("event_time"));
    } else if seconds < now_s - OLD_AFTER_S {
        let text = "the event is older than 7 days: it is kept, but not sent on its own";
        findings.push(Finding::warning("event_time_old", text).on("event_time"));
    }
    Ok(seconds.min(now_s))
}

/// An id without blanks around it. What software writes for want of one (`undefined`) would make one event of all that have
/// it.
fn usable_id(id: String) -> Option<String> {
    let trimmed = id.trim();
    if text::is_placeholder(trimmed) {
        return None;
    }
    Some(if trimmed.len() == id.len() { id } else { trimmed.to_owned() })
}

/// The number of an order, if it tells more than the order's id.
#[must_use]
pub fn order_number(number: Option<String>, order_id: Option<&str>) -> Option<String> {
    let number = number.and_then(usable_id).filter(|number| !number.is_empty() && !unfit_id(number))?;
    order_id.is_some_and(|id| id != number).then_some(number)
}

pub(crate) fn unfit_id(id: &str) -> bool {
    id.len() > MAX_ID_LEN
        || id.chars().any(char::is_control)
        || page::is_personal_text(id)
        || id.contains('@')
}

fn check_id(draft: &Draft, site: &Site, findings: &mut Vec<Finding>) -> Result<(), Rejection> {
    if let Some(order) = &draft.event.order_id
        && unfit_id(order)
    {
        let text =
            "order_id is longer than 200 bytes, has control characters, or looks like an address or phone";
        return Err(Rejection::new("order_id_invalid", text).on("order_id"));
    }
    let Some(id) = &draft.event_id else {
        if site.hybrid {
            let text = "no event_id: this shop's pages report events too, and without the same id on both sides the \
                        event would count twice";
            return Err(Rejection::new("event_id_missing", text).on("event_id"));
        }
        let text = "no event_id; one was made from the event itself. It cannot pair with a browser pixel";
        findings.push(Finding::warning("event_id_missing", text).on("event_id"));
        return Ok(());
    };
    if id.trim().is_empty() {
        let text = "event_id is empty: leave it out, or send the id the browser uses";
        return Err(Rejection::new("event_id_missing", text).on("event_id"));
    }
    if unfit_id(id) {
        let text =
            "event_id is longer than 200 bytes, has control characters, or looks like an address or phone";
        return Err(Rejection::new("event_id_invalid", text).on("event_id"));
    }
    if id.len() <= COUNTER_DIGITS && id.bytes().all(|b| b.is_ascii_digit()) {
        let text = "event_id is a bare number: another shop or event under the same pixel may count to it, too, and would \
                    be taken for a repeat";
        findings.push(Finding::info("event_id_bare_number", text).on("event_id"));
    }
    let usual = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'-');
    if id.len() > 64 || !id.bytes().all(usual) {
        let text = "event_id should be up to 64 letters, digits, _ . : or -; it is passed on as it is";
        findings.push(Finding::info("event_id_format", text).on("event_id"));
    }
    Ok(())
}

fn check_money(event: &mut Event, site: &Site, findings: &mut Vec<Finding>) -> Result<(), Rejection> {
    let Some(value) = event.value else {
        if event.event_name == names::PURCHASE {
            let text = "a Purchase without a value cannot be used for return on ad spend";
            findings.push(Finding::warning("value_missing", text).on("value"));
        }
        return Ok(());
    };
    if value < Amount::ZERO {
        let text = "value is negative: platforms have no refund event, so a refund is not sent";
        return Err(Rejection::new("value_negative", text).on("value"));
    }
    if value == Amount::ZERO {
        findings.push(Finding::info("value_zero", "a free order: sent with value 0").on("value"));
    }
    if event.currency.is_none() {
        // One that could not be read is not the site's own: a wrong currency is worse than none.
        let own = site.currency.filter(|_| findings.iter().all(|f| f.code != "currency_invalid"));
        let text = match own {
            Some(_) => "value without currency; the site's own is used",
            None => "value without currency: return on ad spend cannot be computed",
        };
        findings.push(Finding::warning("currency_missing", text).on("currency"));
        event.currency = own;
    }
    check_scale(event, value, findings);
    Ok(())
}

/// A value in cents, or lines that do not add up.
fn check_scale(event: &Event, value: Amount, findings: &mut Vec<Finding>) {
    let digits = event.currency.and_then(|c| c.minor_digits());
    let hundred = rust_decimal::Decimal::ONE_HUNDRED;
    let items = event.items_total();
    let in_minor_units = items.is_some_and(|i| {
        i > Amount::ZERO && i.decimal().checked_mul(hundred).is_some_and(|cents| cents == value.decimal())
    });
    if in_minor_units || digits.is_some_and(|d| value.decimal().normalize().scale() > d) {
        let text = "value does not fit the currency's minor unit; send the main unit (yen, not sen)";
        findings.push(Finding::warning("value_minor_units", text).on("value"));
    }
    // Shipping and tax make the value larger than the lines, a coupon smaller; a quarter is beyond both.
    let limit = value.decimal().checked_mul(rust_decimal::Decimal::new(125, 2));
    if items.zip(limit).is_some_and(|(items, limit)| items.decimal() > limit) {
        let text =
            "the lines add up to much more than value: is price the line's total instead of one piece's?";
        findings.push(Finding::warning("value_mismatch", text).on("value"));
    }
}

fn check_texts(event: &mut Event, findings: &mut Vec<Finding>) {
    const REMOVED: &str = "holds an e-mail address or phone number, which is not kept";
    for (field, text) in [
        ("search_string", &mut event.search_string),
        ("description", &mut event.description),
        ("session_id", &mut event.session_id),
    ] {
        if text.as_deref().is_some_and(page::is_personal_text) {
            *text = None;
            findings.push(Finding::warning("text_personal", REMOVED).on(field));
        }
    }
    if event.contents.iter_mut().map(forget_person).fold(false, |any, one| any | one) {
        findings.push(Finding::warning("text_personal", REMOVED).on("contents"));
    }
    let given = event.properties.len();
    event.properties =
        std::mem::take(&mut event.properties).into_iter().filter(|(k, v)| keeps(k, v)).collect::<Map<_, _>>();
    if event.properties.len() < given {
        let message = "extra properties that are nested, very long, or may name a person were left out";
        findings.push(Finding::info("property_dropped", message).on("properties"));
    }
}

/// Takes out of a line whatever names a person; whether there was something.
fn forget_person(item: &mut Item) -> bool {
    let mut found = false;
    for text in [&mut item.content_name, &mut item.content_category, &mut item.brand, &mut item.line_id] {
        if text.as_deref().is_some_and(page::names_person) {
            *text = None;
            found = true;
        }
    }
    if page::names_person(&item.content_id) {
        item.content_id.clear();
        found = true;
    }
    found
}

/// Extra properties pass when they are scalars and cannot be about a person.
pub(crate) fn keeps(key: &str, value: &Value) -> bool {
    const PERSONAL: &[&str] = &[
        "mail", "phone", "name", "address", "street", "zip", "postcode", "birth", "gender", "customer",
        "user", "ip",
    ];
    let key_lower = key.to_ascii_lowercase();
    let harmless_name =
        matches!(key_lower.as_str(), "content_name" | "item_name" | "list_name" | "promotion_name");
    let plain =
        key.len() <= 50 && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    let personal = !harmless_name
        && (PERSONAL.iter().any(|p| *p != "ip" && key_lower.contains(p))
            || key_lower.split(['_', '-', '.']).any(|part| part == "ip" || part == "tel"));
    let fits = match value {
        Value::Bool(_) | Value::Number(_) => true,
        Value::String(s) => !s.is_empty() && s.len() <= 300 && !s.contains('@') && !page::is_personal_text(s),
        _ => false,
    };
    plain && !personal && fits
}

fn check_content(event: &Event, findings: &mut Vec<Finding>) {
    let sells =
        matches!(event.event_name.as_str(), "Purchase" | "AddToCart" | "ViewContent" | "InitiateCheckout");
    if sells && event.contents.iter().all(|i| i.content_id.is_empty()) {
        let text = "no content_id: catalogue ads cannot use the event";
        findings.push(Finding::info("content_id_missing", text).on("contents"));
    }
    if event.user.is_empty() {
        let text = "no match key at all: accepted by platforms, but credited to nobody";
        findings.push(Finding::warning("no_match_keys", text).on("user"));
    }
}

/// A visit that an ad was paid for, without the ad's click id.
fn check_campaign(event: &Event, findings: &mut Vec<Finding>) {
    let Some(url) = event.page.url.as_deref().filter(|_| event.channel == Channel::Browser) else { return };
    let referrer = event.page.referrer.as_deref();
    let Some(network) = campaign::stripped(url, referrer, &event.user.click_ids) else { return };
    // Without leave it is not to be kept; and one that came and was no good has a finding of its own.
    let unusable = findings.iter().any(|finding| finding.code.starts_with(network.parameter));
    if unusable || event.consent.denies(Purpose::Advertising) {
        return;
    }
    let text = format!(
        "the address says that the visit came by an ad on {}, and it has no {}: something between the ad and {} drops it",
        network.title,
        network.parameter,
        page::without_query(url)
    );
    findings.push(Finding::warning("click_id_stripped", text).on("page.url"));
}

/// The same event sent again gets the same id, so that a sender's own retry does not count twice.
fn made_id(event: &Event) -> String {
    let mut hasher = Sha256::new();
    // Without an event_time a repeat would get another one; for an order it is the order that tells.
    let time = event.order_id.is_none().then_some(event.event_time);
    let body = serde_json::to_vec(&(
        (&event.site, &event.event_name, time, &event.order_id, &event.value),
        (&event.contents, &event.page, &event.user, &event.search_string, &event.session_id),
    ));
    hasher.update(body.unwrap_or_default());
    let digest = hasher.finalize();
    format!("made_{}", hex::encode(&digest[..12]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_currency_that_cannot_be_read_is_not_replaced_by_another() {
        let site = Site {
            id: "shop".into(),
            currency: crate::Currency::parse("EUR"),
            country: None,
            hybrid: false,
            ..Site::default()
        };
        let draft = |findings: Vec<Finding>| Draft {
            event: Event {
                event_name: "Purchase".into(),
                value: Some(Amount::new(10_000.into())),
                findings,
                ..Event::default()
            },
            ..Draft::default()
        };
        let currency = |findings| admit(draft(findings), &site, 1_800_000_000).unwrap().0.currency;
        assert_eq!(currency(vec![]), site.currency);
        assert_eq!(currency(vec![Finding::error("currency_invalid", "left out")]), None);
    }

    #[test]
    fn properties_about_people_do_not_pass() {
        assert!(keeps("coupon_code", &json!("SAVE10")));
        assert!(keeps("shipping", &json!(4.5)));
        for (key, value) in [
            ("customer_email", json!("x")),
            ("note", json!("ada@example.com")),
            ("client_ip", json!("1.2.3.4")),
            ("nested", json!({"a": 1})),
            ("Phone", json!(123)),
            ("pass through", json!(1)),
        ] {
            assert!(!keeps(key, &value), "{key}");
        }
    }
}
