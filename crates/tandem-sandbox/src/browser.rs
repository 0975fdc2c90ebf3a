//! Reading what the browser pixel posts to `/api/v2/pixel`.

use std::borrow::Cow;

use serde::Deserialize;

use crate::{
    engine::{Arrival, Channel},
    event::{PropertiesIn, UserIn, arrival, goods_of, keys_of},
    keys::{KeySet, Oracle},
    options::Options,
    raw::{Object, Raw},
    schema::Refusal,
};

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
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PixelIn<'a> {
    #[serde(borrow)]
    code: Raw<'a>,
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
        user.email = person.email;
        user.phone = person.phone_number;
        user.external_id = person.external_id;
        user.ttp = person.anonymous_id;
    }
    if let Some(ad) = context.and_then(|c| c.ad.get()) {
        user.ttclid = if ad.ttclid.is_absent() { ad.callback } else { ad.ttclid };
    }
    if let Some(context) = context {
        user.user_agent = context.user_agent;
    }
    let mut keys = keys_of(&user, oracle);
    // A browser cannot hide these two.
    keys.present = keys.present.with(KeySet::IP).with(KeySet::USER_AGENT);
    // Products and money of a hit are judged as on the server, but never refuse it.
    let goods = goods_of(0, &name, &hit.properties, options).unwrap_or_default();
    let ttp = user.ttp.filled();
    let event = arrival(Channel::Pixel, name, hit.event_id.filled(), keys, goods);
    Ok((pixel, Arrival { ttp, ..event }))
}
