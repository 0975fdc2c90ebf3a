//! One order → one draft, or the reason why it is no purchase (yet).
//!
//! Not read, so that it cannot leave: `order_key` and `payment_url` (both open the order), notes, the shipping
//! address, transaction ids.

use serde_json::{Map, Value};
use tandem_core::claim::OrderReport;
use tandem_core::consent::{self, Consent, Policy};
use tandem_core::door::{self, Draft, Rejection};
use tandem_core::identity::{Raw, RawIdentity};
use tandem_core::names::PURCHASE;
use tandem_core::{Amount, Currency, Event, Finding, Page};

use super::settings::{Renewals, Settings, ValueOf};
use super::{NAME, lines, meta};
use crate::values;

/// Not placed yet, or thrown away.
const DRAFTS: &[&str] = &["checkout-draft", "auto-draft", "draft", "trash"];

const DAY_S: i64 = 86_400;

/// Reads an order.
pub(super) fn draft(
    order: Map<String, Value>,
    settings: &Settings,
    policy: &Policy,
) -> Result<Draft, Rejection> {
    let Some(id) = id(&order) else {
        return Err(
            Rejection::new("order_id_invalid", "the order has no id, or one that is no number").on("id")
        );
    };
    let number = order.get("number").and_then(values::id_text);
    let named = |mut rejection: Rejection| {
        rejection.order_id = Some(id.clone());
        rejection.order_number = door::order_number(number.clone(), Some(&id));
        rejection
    };
    let status = status(&order).map_err(named)?;
    check_status(&status, &order, settings).map_err(named)?;
    let meta = meta::Meta::of(&order);
    let event_name = event_name(&order, &meta, settings).map_err(named)?;
    paid(&order, &meta, settings, policy, Paid { id: id.clone(), number: number.clone(), status, event_name })
        .map_err(named)
}

/// WooCommerce's ids are numbers. Anything else may be about a person, and the id goes on record.
pub(super) fn id(order: &Map<String, Value>) -> Option<String> {
    let number = |id: &String| id != "0" && id.bytes().all(|b| b.is_ascii_digit());
    order.get("id").and_then(values::id_text).filter(number)
}

/// What is known before the rest is read.
struct Paid {
    id: String,
    number: Option<String>,
    status: String,
    event_name: String,
}

fn paid(
    order: &Map<String, Value>,
    meta: &meta::Meta<'_>,
    settings: &Settings,
    policy: &Policy,
    known: Paid,
) -> Result<Draft, Rejection> {
    let mut findings = Vec::new();
    let currency = currency(order, &mut findings);
    let (contents, subtotal) = lines::read(order, currency, settings.content_id, &mut findings);
    let value = match settings.value {
        ValueOf::Total => total(order)?,
        ValueOf::SubtotalAfterDiscount => subtotal.ok_or_else(|| {
            let text = "the order's lines do not add up: one has no readable total";
            Rejection::new("order_total_invalid", text).on("line_items")
        })?,
    };
    let event_time = event_time(order, &known.status, &mut findings);
    let event_id = settings.event_id.fill(&known.id, known.number.as_deref().unwrap_or(&known.id));
    let renewal = is_renewal(order, meta);
    let identity = identity(order, meta, settings, renewal, event_time, &mut findings);
    let told = meta.consent(&settings.consent_meta);
    findings.extend(told.findings("meta_data."));
    let consent = Consent { region: region(order), ..told.merge(&[], policy) };
    // The buyer said it when the order was placed; a renewal was placed by the shop, with a copy of an older word.
    let placed_s = if renewal { Some(0) } else { date(order, "date_created_gmt").or(event_time) };
    let consent = placed_s.map_or(consent.clone(), |s| consent.said_at(s.saturating_mul(1_000)));
    let event = Event {
        source: NAME.to_owned(),
        event_name: known.event_name,
        order_id: Some(known.id),
        order_number: known.number,
        parent_order_id: order.get("parent_id").and_then(values::id_text).filter(|id| id != "0"),
        value: Some(value),
        currency,
        content_type: (!contents.is_empty()).then(|| "product".to_owned()),
        contents,
        // A renewal has a copy of the first order's; its buyer was not there.
        unattended: renewal || text(order, "created_via") == Some("admin"),
        session_id: meta.visitor().filter(|_| !renewal),
        page: Page { referrer: meta.referrer().filter(|_| !renewal), ..Page::default() },
        consent,
        findings,
        ..Event::default()
    };
    let changed_at = date(order, "date_modified_gmt").or(event_time).unwrap_or_default();
    let order = Some(OrderReport::Snapshot { changed_at });
    Ok(Draft { event, event_id: Some(event_id), event_time, identity, order, place: String::new() })
}

fn text<'a>(order: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    order.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn status(order: &Map<String, Value>) -> Result<String, Rejection> {
    let plain = |status: &&str| {
        status.len() <= 40 && status.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    match text(order, "status").map(|s| s.strip_prefix("wc-").unwrap_or(s)).filter(plain) {
        Some(status) => Ok(status.to_ascii_lowercase()),
        None => Err(Rejection::new("order_invalid", "the body is no order: it has no status").on("status")),
    }
}

fn check_status(status: &str, order: &Map<String, Value>, settings: &Settings) -> Result<(), Rejection> {
    if DRAFTS.contains(&status) {
        let text = format!("the order is not placed: its status is {status}");
        return Err(Rejection::expected("order_draft", text).on("status"));
    }
    if status == "refunded" {
        let text = "the order is refunded; platforms have no event for that";
        return Err(Rejection::expected("order_refunded", text).on("status"));
    }
    let gateway = text(order, "payment_method").and_then(|method| settings.gateways.get(method));
    let paid = gateway.map_or(&settings.paid_statuses, |gateway| &gateway.paid_statuses);
    if paid.iter().any(|s| s.strip_prefix("wc-").unwrap_or(s).eq_ignore_ascii_case(status)) {
        return Ok(());
    }
    let text = format!(
        "the order's status is {status}, which does not mean paid (paid is {}); it is reported once it is paid",
        paid.join(", ")
    );
    Err(Rejection::expected("order_not_paid", text).on("status"))
}

fn event_name(
    order: &Map<String, Value>,
    meta: &meta::Meta<'_>,
    settings: &Settings,
) -> Result<String, Rejection> {
    if !is_renewal(order, meta) {
        return Ok(PURCHASE.to_owned());
    }
    match &settings.renewals {
        Renewals::Purchase => Ok(PURCHASE.to_owned()),
        Renewals::Named(name) => Ok(name.clone()),
        Renewals::Skip => {
            let text = "a subscription renewal; this site does not report them (setting renewals)";
            Err(Rejection::expected("order_renewal", text))
        }
    }
}

/// A renewal is an order of its own, made by the shop's clock with the meta of the first order copied over.
fn is_renewal(order: &Map<String, Value>, meta: &meta::Meta<'_>) -> bool {
    text(order, "created_via") == Some("subscription") || meta.has("_subscription_renewal")
}

fn total(order: &Map<String, Value>) -> Result<Amount, Rejection> {
    let invalid =
        |text: &str| Rejection::new("order_total_invalid", format!("the order's total {text}")).on("total");
    let total =
        order.get("total").filter(|total| !values::is_blank(total)).ok_or_else(|| invalid("is missing"))?;
    Amount::from_json(total).map(|(amount, _)| amount).map_err(|error| invalid(&error.to_string()))
}

fn currency(order: &Map<String, Value>, findings: &mut Vec<Finding>) -> Option<Currency> {
    let currency = text(order, "currency").and_then(Currency::parse);
    if currency.is_none() {
        let text = "the order's currency is missing or not an ISO 4217 code; left out";
        findings.push(Finding::error("currency_invalid", text).on("currency"));
    }
    currency
}

/// When it was paid. Cash on delivery has no payment date until the order is completed; then its making counts.
fn event_time(order: &Map<String, Value>, status: &str, findings: &mut Vec<Finding>) -> Option<i64> {
    let completed = || date(order, "date_completed_gmt").filter(|_| status == "completed");
    let gmt = date(order, "date_paid_gmt").or_else(completed).or_else(|| date(order, "date_created_gmt"));
    if gmt.is_some() {
        return gmt;
    }
    let local = date(order, "date_paid").or_else(|| date(order, "date_created"))?;
    let text = "the order has only local times, without a zone; read as UTC, so it may be hours off";
    findings.push(Finding::warning("event_time_local", text).on("date_created"));
    Some(local)
}

fn date(order: &Map<String, Value>, name: &str) -> Option<i64> {
    text(order, name).and_then(values::moment).map(|(seconds, _)| seconds).filter(|seconds| *seconds > 0)
}

fn region(order: &Map<String, Value>) -> Option<String> {
    let billing = address(order, "billing")?;
    consent::region(text(billing, "country"), text(billing, "state"))
}

fn address<'a>(order: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    order.get(name).and_then(Value::as_object)
}

fn identity(
    order: &Map<String, Value>,
    meta: &meta::Meta<'_>,
    settings: &Settings,
    renewal: bool,
    event_time: Option<i64>,
    findings: &mut Vec<Finding>,
) -> RawIdentity {
    let empty = Map::new();
    let billing = address(order, "billing").unwrap_or(&empty);
    let raw = |map: &Map<String, Value>, name: &str| {
        map.get(name).filter(|value| !values::is_blank(value)).and_then(Raw::from_json)
    };
    // Orders made in the back office or by a plugin carry the address of whoever ran that code.
    let by_buyer = !renewal && matches!(text(order, "created_via"), Some("checkout" | "store-api"));
    let connection =
        |ours: &str, name: &str| by_buyer.then(|| meta.raw(ours).or_else(|| raw(order, name))).flatten();
    let country = text(billing, "country");
    let country =
        country.or_else(|| address(order, "shipping").and_then(|shipping| text(shipping, "country")));
    let customer = order.get("customer_id").and_then(values::id_text).filter(|id| id != "0");
    let mut identity = RawIdentity {
        email: raw(billing, "email").into_iter().collect(),
        phone: raw(billing, "phone").into_iter().collect(),
        external_id: customer.map(Raw::new).into_iter().collect(),
        first_name: raw(billing, "first_name"),
        last_name: raw(billing, "last_name"),
        street: raw(billing, "address_1"),
        city: raw(billing, "city"),
        state: raw(billing, "state"),
        zip_code: raw(billing, "postcode"),
        country: raw(billing, "country"),
        ip: connection(meta::IP, "customer_ip_address"),
        user_agent: connection(meta::AGENT, "customer_user_agent"),
        default_country: country.map(str::to_owned),
        ..RawIdentity::default()
    };
    if !renewal {
        identity.click_ids = meta.click_ids(&settings.click_id_meta);
        if !identity.click_ids.is_empty() && is_stale(order, event_time, settings) {
            let text =
                "the order was paid long after it was placed; click ids that old are not credited, left out";
            findings.push(Finding::info("click_ids_expired", text).on("meta_data"));
            identity.click_ids = tandem_core::identity::ClickIds::default();
        }
    }
    identity
}

/// Whether the click, which came before the order, is out of every attribution window.
fn is_stale(order: &Map<String, Value>, event_time: Option<i64>, settings: &Settings) -> bool {
    let window = i64::from(settings.attribution_window_days) * DAY_S;
    event_time.zip(date(order, "date_created_gmt")).is_some_and(|(paid, created)| paid - created > window)
}
