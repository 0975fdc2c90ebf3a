//! The browser half: `/g/collect`, as Google's tag sends it. Google does not document this form; it is read leniently.

use std::{borrow::Cow, collections::BTreeMap};

use axum::{extract::Request, response::Response};
use http::StatusCode;

use crate::{
    Sandbox, State,
    answer::{self, open},
    engine::{Arrival, Channel},
    ga4::{GA4, MISSING_TRANSACTION_ID, PERSONAL_DATA, personal},
    keys::KeySet,
    log::RequestEntry,
    money, routes,
};

type Fields = BTreeMap<String, String>;

/// One request of a page: the event of its address, or one event for each line of its body.
pub(crate) async fn hit(sandbox: &Sandbox, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(body) = routes::whole(body).await else { return open(answer::too_large()) };
    let at_ms = sandbox.now_ms();
    let State { rules, memory } = &mut *sandbox.state();
    let part = memory.part(&GA4);
    part.counters.hits += 1;
    let mut entry = RequestEntry::opened(&GA4, Channel::Pixel, &parts, at_ms);
    let dedup = GA4.dedup(&rules.options);
    for fields in events(parts.uri.query().unwrap_or_default(), &body) {
        let stream = fields.get("tid").map_or("–", String::as_str);
        let property = rules.options.ga4.property(stream);
        let name = fields.get("en").map_or("–", String::as_str);
        entry.events += 1;
        entry.pixel = Some(property.to_owned());
        match lost(&fields, rules.options.ga4.knows(stream)) {
            Some(why) => {
                entry.discarded += 1;
                entry.notes.push(format!("discarded {name}: {why}"));
                part.discard(property, name, why);
            }
            None => part.record(&dedup, property, &[arrival(&fields, name)], at_ms),
        }
    }
    let status = StatusCode::NO_CONTENT;
    if rules.options.keep_details {
        entry.carry(&parts, &body, &rules.options);
        entry.status = Some(status.as_u16());
        memory.log.push(entry, rules.options.log_requests);
    }
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = status;
    open(response)
}

/// The parameters of each event; a line's own win over those of the address.
fn events(query: &str, body: &[u8]) -> Vec<Fields> {
    let pairs = |text: &[u8]| url::form_urlencoded::parse(text).into_owned().collect::<Vec<_>>();
    let shared: Fields = pairs(query.as_bytes()).into_iter().collect();
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let mut events: Vec<Fields> = lines
        .map(|line| {
            let mut fields = shared.clone();
            fields.extend(pairs(line));
            fields
        })
        .collect();
    if events.is_empty() {
        events.push(shared);
    }
    events
}

fn lost(fields: &Fields, known_stream: bool) -> Option<&'static str> {
    let has = |name: &str| fields.get(name).is_some_and(|text| !text.is_empty());
    match () {
        () if fields.get("v").map(String::as_str) != Some("2") => Some("not_version_2"),
        () if !known_stream => Some("unknown_measurement_id"),
        () if !has("cid") => Some("missing_client_id"),
        () if !has("en") => Some("missing_name"),
        () => None,
    }
}

fn arrival<'a>(fields: &'a Fields, name: &'a str) -> Arrival<'a> {
    let field = |name: &str| fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let mut event = Arrival::new(Channel::Pixel, name, None);
    let transaction = field("ep.transaction_id").or(field("epn.transaction_id"));
    event.event_id = transaction.filter(|_| name == "purchase").map(Cow::Borrowed);
    event.order_id = transaction.map(Cow::Borrowed);
    event.value = field("epn.value").or(field("ep.value")).and_then(money::decimal);
    event.currency = field("cu").map(|code| Cow::Owned(code.to_ascii_uppercase()));
    event.page_url = field("dl").map(Cow::Borrowed);
    event.flaws.note(MISSING_TRANSACTION_ID, name == "purchase" && transaction.is_none());
    let own = |name: &str| name.starts_with("ep.") || name.starts_with("up.") || matches!(name, "dl" | "uid");
    let personal = fields.iter().any(|(name, text)| own(name) && personal::looks_personal(text));
    event.flaws.note(PERSONAL_DATA, personal);
    let named = [("cid", "client_id"), ("uid", "user_id"), ("sid", "session_id")];
    let present = named.into_iter().filter(|(wire, _)| field(wire).is_some());
    // A browser cannot hide these two.
    let seen = KeySet::IP.with(KeySet::USER_AGENT);
    event.keys = present.fold(seen, |keys, (_, name)| keys.with(KeySet::named(name)));
    // Digests: `tv.1~em.<digest>~pn.<digest>`.
    for piece in field("em").unwrap_or_default().split('~') {
        let key = match piece.split_once('.') {
            Some(("em", digest)) if digest.len() >= 43 => "email",
            Some(("pn", digest)) if digest.len() >= 43 => "phone",
            _ => continue,
        };
        event.keys = event.keys.with(KeySet::named(key));
    }
    event
}
