//! `GET /open_api/v1.3/pixel/event/stats/`: what was counted, by day and event. The path and the five kinds of counts are
//! TikTok's; names of parameters and fields are this stand-in's choice.

use std::collections::BTreeMap;

use axum::{extract::Request, response::Response};
use http::StatusCode;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{
    Sandbox, State,
    answer::{JSON, respond},
    call::filled,
    engine::{Channel, Conversion},
    routes::RequestId,
    tiktok::{
        TIKTOK,
        answer::{Envelope, status, words},
        schema::Refusal,
        vocabulary,
    },
};

/// Most days of a question.
const MAX_DAYS: i32 = 30;

/// Most pixels of a question.
const MAX_PIXELS: usize = 10;

#[derive(Default)]
struct Counts {
    total: u64,
    browser: u64,
    server: u64,
    attributed: u64,
}

pub(crate) async fn stats(sandbox: Sandbox, request: Request) -> Response {
    let id = request.extensions().get::<RequestId>().cloned().unwrap_or_default().0;
    let token = request.headers().get("access-token").and_then(|value| value.to_str().ok()).and_then(filled);
    let State { rules, memory } = &mut *sandbox.state();
    let envelope =
        match count(request.uri().query().unwrap_or_default(), token.as_deref(), &rules.options, memory) {
            Ok(data) => Envelope { data, ..Envelope::ok(&id) },
            Err(refusal) => Envelope::refusal(refusal, &id),
        };
    let code: StatusCode = status(&rules.options, envelope.code);
    respond(code, JSON, envelope.text())
}

fn count(
    query: &str,
    token: Option<&str>,
    options: &crate::Options,
    memory: &mut crate::Memory,
) -> Result<Value, Refusal> {
    let token = token.ok_or_else(|| Refusal::new(40104, words(40104)))?;
    if !options.token_is_good(token) {
        return Err(Refusal::new(40105, words(40105)));
    }
    let asked: BTreeMap<String, String> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let missing = |name: &str| Refusal::parameter(format!("Missing required field(s): {name}."));
    let given = |name: &str| asked.get(name).ok_or_else(|| missing(name));
    given("advertiser_id")?;
    let bad = |name: &str| Refusal::parameter(format!("Invalid value for {name}."));
    let pixels: Vec<String> = serde_json::from_str(given("pixel_ids")?).map_err(|_| bad("pixel_ids"))?;
    let range: BTreeMap<String, Date> =
        serde_json::from_str::<BTreeMap<String, String>>(given("date_range")?)
            .map_err(|_| bad("date_range"))?
            .into_iter()
            .filter_map(|(name, date)| Some((name, date.parse().ok()?)))
            .collect();
    let (Some(&first), Some(&last)) = (range.get("start_date"), range.get("end_date")) else {
        return Err(bad("date_range"));
    };
    let days = last.since(first).map_err(|_| bad("date_range"))?.get_days();
    if !(0..MAX_DAYS).contains(&days) || pixels.is_empty() || pixels.len() > MAX_PIXELS {
        return Err(bad("date_range or pixel_ids"));
    }
    let mut rows: BTreeMap<(String, Date, String), Counts> = BTreeMap::new();
    let engine = &memory.part(&TIKTOK).engine;
    for (pixel, names) in
        engine.index.iter().filter(|(pixel, _)| pixels.iter().any(|wanted| **wanted == ***pixel))
    {
        for (name, place) in names {
            for conversion in &engine.series[*place].conversions {
                let Some(date) = date_of(conversion).filter(|date| (first..=last).contains(date)) else {
                    continue;
                };
                let event = vocabulary::counted_name(name).to_owned();
                rows.entry((pixel.to_string(), date, event)).or_default().add(conversion);
            }
        }
    }
    let row = |((pixel, date, event), counts): ((String, Date, String), Counts)| {
        json!({
            "pixel_id": pixel, "date": date.to_string(), "event": event, "total_count": counts.total,
            "browser_count": counts.browser, "server_count": counts.server, "attributed_count": counts.attributed,
            "preview_count": 0,
        })
    };
    Ok(json!({ "statistics": rows.into_iter().map(row).collect::<Vec<_>>() }))
}

/// The day (UTC) on which it happened, as its sender says; of its arrival where nobody kept that.
fn date_of(conversion: &Conversion) -> Option<Date> {
    let told = conversion.detail.as_ref().and_then(|detail| detail.event_time);
    let at = told.and_then(|s| Timestamp::from_second(s).ok());
    let at = at.or_else(|| Timestamp::from_millisecond(conversion.first_ms).ok())?;
    Some(TimeZone::UTC.to_datetime(at).date())
}

impl Counts {
    fn add(&mut self, conversion: &Conversion) {
        let came = |channel| conversion.first == channel || conversion.other_ms.is_some();
        self.total += 1;
        self.browser += u64::from(came(Channel::Pixel));
        self.server += u64::from(came(Channel::Server));
        // An ad's click is all that a stand-in can credit it by.
        self.attributed += u64::from(conversion.keys.names().iter().any(|key| key == "ttclid"));
    }
}
