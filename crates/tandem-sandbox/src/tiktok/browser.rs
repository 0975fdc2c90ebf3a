//! The browser half: the pixel script, and what it posts to `/api/v2/pixel`.

use std::borrow::Cow;

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde::Deserialize;

use crate::{
    Sandbox, State,
    answer::{self, JSON, SCRIPT, open},
    engine::{Arrival, Channel},
    keys::{KeySet, Oracle},
    log::RequestEntry,
    options::Options,
    raw::{Object, Raw},
    routes,
    tiktok::{
        TIKTOK,
        answer::Envelope,
        event::{PropertiesIn, UserIn, arrival, goods_of, keys_of},
        schema::Refusal,
    },
};

/// `GET /i18n/pixel/events.js`; the pixel code in its address is read by the script itself.
pub(crate) async fn script() -> Response {
    let headers = [(header::CONTENT_TYPE, SCRIPT), (header::CACHE_CONTROL, "no-cache")];
    open((headers, include_str!("pixel.js")).into_response())
}

/// `OPTIONS /api/v2/pixel`: a browser asks first if a script does not send plain text.
pub(crate) async fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    open((StatusCode::NO_CONTENT, headers).into_response())
}

/// `POST /api/v2/pixel`.
pub(crate) async fn hit(sandbox: &Sandbox, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Some(body) = routes::whole(body).await else { return open(answer::too_large()) };
    let at_ms = sandbox.now_ms();
    let State { rules, memory } = &mut *sandbox.state();
    let part = memory.part(&TIKTOK);
    part.counters.hits += 1;
    let mut entry = RequestEntry::opened(&TIKTOK, Channel::Pixel, &parts, at_ms);
    let (status, envelope) = match read(&body, &rules.options, rules.oracle(&TIKTOK)) {
        Ok((pixel, event)) => {
            part.counters.events += 1;
            part.engine.record(&TIKTOK.dedup(&rules.options), &pixel, &event, at_ms);
            (entry.pixel, entry.events) = (Some(pixel.into_owned()), 1);
            (StatusCode::OK, Envelope::ok(&entry.request_id))
        }
        Err(refusal) => (StatusCode::BAD_REQUEST, Envelope::refusal(refusal, &entry.request_id)),
    };
    let text = envelope.text();
    if rules.options.keep_details {
        entry.carry(&parts, &body, &rules.options);
        (entry.status, entry.code) = (Some(status.as_u16()), Some(envelope.code));
        (entry.message, entry.answer) = (envelope.message, text.clone());
        memory.log.push(entry, rules.options.log_requests);
    }
    open(answer::respond(status, JSON, text))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HitIn<'a> {
    #[serde(borrow)]
    event: Raw<'a>,
    #[serde(borrow)]
    event_id: Raw<'a>,
    #[serde(borrow)]
    context: Object<ContextIn<'a>>,
    #[serde(borrow)]
    properties: Object<PropertiesIn<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContextIn<'a> {
    #[serde(borrow)]
    ad: Object<AdIn<'a>>,
    #[serde(borrow)]
    user: Object<PersonIn<'a>>,
    #[serde(borrow)]
    pixel: Object<PixelIn<'a>>,
    #[serde(borrow)]
    page: Object<PageIn<'a>>,
    #[serde(borrow, rename = "userAgent")]
    user_agent: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AdIn<'a> {
    #[serde(borrow)]
    callback: Raw<'a>,
    #[serde(borrow)]
    ttclid: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PersonIn<'a> {
    #[serde(borrow)]
    anonymous_id: Raw<'a>,
    #[serde(borrow)]
    email: Raw<'a>,
    #[serde(borrow)]
    phone_number: Raw<'a>,
    #[serde(borrow)]
    external_id: Raw<'a>,
    #[serde(borrow)]
    sha256_email: Raw<'a>,
    #[serde(borrow)]
    sha256_phone_number: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PixelIn<'a> {
    #[serde(borrow)]
    code: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PageIn<'a> {
    #[serde(borrow)]
    url: Raw<'a>,
}

/// Reads one hit; the browser script of TikTok is lenient, so only what cannot be counted is refused.
pub(crate) fn read<'a>(
    body: &'a [u8],
    options: &Options,
    oracle: &Oracle,
) -> Result<(Cow<'a, str>, Arrival<'a>), Refusal> {
    let bad = || Refusal::parameter("The pixel body is not the JSON of a hit.");
    let text = std::str::from_utf8(body).map_err(|_| bad())?;
    let hit: Object<HitIn<'a>> = serde_json::from_str(text).map_err(|_| bad())?;
    let hit = hit.get().ok_or_else(bad)?;
    let context = hit.context.get();
    let pixel = context
        .and_then(|c| c.pixel.get())
        .and_then(|p| p.code.filled())
        .ok_or_else(|| Refusal::parameter("Missing context.pixel.code."))?;
    let name = hit.event.filled().ok_or_else(|| Refusal::parameter("Missing event."))?;

    let mut user = UserIn::default();
    if let Some(person) = context.and_then(|c| c.user.get()) {
        user.email = first(person.email, person.sha256_email);
        user.phone = first(person.phone_number, person.sha256_phone_number);
        user.external_id = person.external_id;
        user.ttp = person.anonymous_id;
    }
    if let Some(ad) = context.and_then(|c| c.ad.get()) {
        user.ttclid = first(ad.ttclid, ad.callback);
    }
    if let Some(context) = context {
        user.user_agent = context.user_agent;
    }
    let mut keys = keys_of(&user, oracle);
    // A browser cannot hide these two.
    keys.present = keys.present.with(KeySet::IP).with(KeySet::USER_AGENT);
    // Products and money of a hit are judged as on the server, but never refuse it.
    let goods = goods_of(0, &name, &hit.properties, options).unwrap_or_default();
    let visitor = user.ttp.filled().map(|ttp| ("ttp", ttp)).into_iter().collect();
    let page_url = context.and_then(|c| c.page.get()).and_then(|page| page.url.filled());
    let event = arrival(Channel::Pixel, name, hit.event_id.filled(), keys, goods);
    Ok((pixel, Arrival { visitor, page_url, ..event }))
}

/// The second name of a field counts where the first one is not used.
fn first<'a>(one: Raw<'a>, other: Raw<'a>) -> Raw<'a> {
    if one.is_absent() { other } else { one }
}
