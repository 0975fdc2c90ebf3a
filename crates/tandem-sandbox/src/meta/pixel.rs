//! The browser half: `/tr`, the address Meta's pixel reports to, as an image or a form.

use std::{borrow::Cow, collections::BTreeMap};

use axum::{extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde_json::{Map, Value};

use crate::{
    Sandbox, State,
    answer::{self, TEXT, open},
    engine::{Arrival, Channel},
    keys::{KeySet, Oracle},
    log::RequestEntry,
    meta::{META, user},
    money, routes,
};

/// A transparent image of one pixel.
const IMAGE: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x01, 0x00, 0x01, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff,
    0xff, 0xff, 0x21, 0xf9, 0x04, 0x01, 0x00, 0x00, 0x00, 0x00, 0x2c, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
    0x01, 0x00, 0x00, 0x02, 0x02, 0x44, 0x01, 0x00, 0x3b,
];

/// One report of a page.
pub(crate) async fn hit(sandbox: &Sandbox, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(body) = routes::whole(body).await else { return open(answer::too_large()) };
    let at_ms = sandbox.now_ms();
    let State { rules, memory } = &mut *sandbox.state();
    let part = memory.part(&META);
    part.counters.hits += 1;
    let mut entry = RequestEntry::opened(&META, Channel::Pixel, &parts, at_ms);
    let fields = fields(&parts, &body);
    let read = read(&fields, rules.oracle(&META));
    if let Ok((pixel, event)) = &read {
        part.counters.events += 1;
        part.engine.record(&META.dedup(&rules.options), pixel, event, at_ms);
        (entry.pixel, entry.events) = (Some((*pixel).to_owned()), 1);
    }
    // The image comes in any case: nobody reads it.
    let (status, why) = (StatusCode::OK, read.err());
    if rules.options.keep_details {
        entry.carry(&parts, &body, &rules.options);
        entry.status = Some(status.as_u16());
        why.unwrap_or_default().clone_into(&mut entry.message);
        memory.log.push(entry, rules.options.log_requests);
    }
    let mut response = answer::respond(status, TEXT, Bytes::from_static(IMAGE));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    open(response)
}

/// Parameters of the address and of a form; the first of a name counts.
fn fields(parts: &Parts, body: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for source in [parts.uri.query().unwrap_or_default().as_bytes(), body] {
        for (name, text) in url::form_urlencoded::parse(source) {
            fields.entry(name.into_owned()).or_insert_with(|| text.into_owned());
        }
    }
    fields
}

fn read<'a>(
    fields: &'a BTreeMap<String, String>,
    oracle: &Oracle,
) -> Result<(&'a str, Arrival<'a>), &'static str> {
    let field = |name: &str| fields.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let pixel = field("id").ok_or("the hit has no id of a pixel")?;
    let name = field("ev").ok_or("the hit has no ev")?;

    let mut user: Map<String, Value> = fields
        .iter()
        .filter_map(|(name, text)| Some((name.strip_prefix("ud[")?.strip_suffix(']')?, text)))
        .map(|(name, text)| (name.to_owned(), text.as_str().into()))
        .collect();
    for name in ["fbp", "fbc"] {
        if let Some(text) = field(name) {
            user.insert(name.into(), text.into());
        }
    }
    let keys = user::read(&user, oracle, &Oracle::default());
    let mut event = Arrival::new(Channel::Pixel, name, field("eid"));
    // A browser cannot hide these two.
    event.keys = keys.present.with(KeySet::IP).with(KeySet::USER_AGENT);
    (event.unmatchable, event.matched, event.flaws) = (keys.unmatchable, keys.matched, keys.flaws);
    let visitor = [("fbp", keys.fbp), ("external_id", keys.external_id)];
    event.visitor = visitor.into_iter().filter_map(|(rule, id)| Some((rule, id?.into()))).collect();
    event.value = field("cd[value]").and_then(money::decimal);
    let currency = field("cd[currency]").map(str::to_ascii_uppercase).filter(|code| money::is_code(code));
    event.currency = currency.map(Cow::Owned);
    event.order_id = field("cd[order_id]").map(Cow::Borrowed);
    event.page_url = field("dl").map(Cow::Borrowed);
    Ok((pixel, event))
}
