//! What TikTok says it counted: its statistics of pixel events.
//!
//! Known from copies of its developer documents: the path, that days are UTC's, up to 30 of them and 10 pixels in one
//! question, and that the figures are total, browser, server, attributed and preview counts. How parameters and fields
//! are called is in no source we have. The names here are assumed in the manner of TikTok's other reporting calls; each
//! is in this table and nowhere else.

use serde::Deserialize;
use serde_json::Value;
use tandem_core::{names, reconcile};

use super::{Class, Settings, reply};
use crate::{Counted, HttpReply, REPORT_DAYS, Verdict};

/// Path of the call.
pub const PATH: &str = "/open_api/v1.3/pixel/event/stats/";

/// Assumed: names of the question's parameters. Lists and objects go as JSON, as in other calls of this version.
const ADVERTISER: &str = "advertiser_id";
const PIXELS: &str = "pixel_ids";
const DATES: &str = "date_range";

/// Assumed: `data.statistics[]` has one row a pixel, day and event.
#[derive(Debug, Deserialize)]
struct Data {
    #[serde(default, alias = "list")]
    statistics: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    #[serde(default, alias = "pixel_code")]
    pixel_id: Option<String>,
    /// `2026-11-22`, perhaps with a time behind it.
    #[serde(alias = "stat_time_day")]
    date: String,
    #[serde(alias = "event_type")]
    event: String,
    total_count: i64,
    #[serde(default)]
    browser_count: Option<i64>,
    #[serde(default)]
    server_count: Option<i64>,
    #[serde(default)]
    attributed_count: Option<i64>,
}

/// The address with its parameters; `None` without an advertiser account, or for no day at all.
pub(super) fn url(settings: &Settings, first_day: i64, last_day: i64) -> Option<String> {
    let advertiser = settings.advertiser_id.as_deref()?;
    if last_day < first_day {
        return None;
    }
    let first_day = first_day.max(last_day - REPORT_DAYS + 1);
    let dates = serde_json::json!({
        "start_date": reconcile::date_text(first_day), "end_date": reconcile::date_text(last_day),
    });
    let mut url = url::Url::parse(&settings.base_url).ok()?;
    let path = format!("{}{PATH}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url.query_pairs_mut()
        .append_pair(ADVERTISER, advertiser)
        .append_pair(PIXELS, &serde_json::json!([settings.pixel_id]).to_string())
        .append_pair(DATES, &dates.to_string());
    Some(url.into())
}

/// The counts of this pixel. An unknown shape is an error, never a nought.
pub(super) fn read(reply: &HttpReply, pixel: &str) -> Result<Vec<Counted>, String> {
    match reply::read(reply) {
        (Class::Delivered | Class::DeliveredWithWarning, _) => {}
        (_, Verdict::StopDestination { why, .. }) => {
            return Err(format!(
                "{why} Reading statistics may need another token than sending events: set report_token."
            ));
        }
        (_, Verdict::Retry { why, .. } | Verdict::Rejected { why, .. }) => return Err(why),
        (_, Verdict::Delivered { .. }) => return Err("TikTok's answer cannot be read".to_owned()),
    }
    let HttpReply::Answer { body, .. } = reply else { return Err("no answer from TikTok".to_owned()) };
    let shape =
        |_| "TikTok's statistics have another shape than we know: import its report as CSV".to_owned();
    let mut envelope: Value = serde_json::from_slice(body).map_err(shape)?;
    let data = envelope.get_mut("data").map(Value::take).unwrap_or_default();
    let data: Data = serde_json::from_value(data).map_err(shape)?;
    let own = |row: &Row| row.pixel_id.as_deref().is_none_or(|id| id == pixel);
    data.statistics.into_iter().filter(own).map(counted).collect()
}

fn counted(row: Row) -> Result<Counted, String> {
    let day = row
        .date
        .get(..10)
        .and_then(reconcile::day_of_text)
        .ok_or("TikTok's statistics have a date that cannot be read")?;
    let name = names::resolve(&row.event).map(|found| found.name.into_owned()).unwrap_or(row.event);
    Ok(Counted {
        day,
        event_name: name,
        events: row.total_count,
        browser: row.browser_count,
        server: row.server_count,
        attributed: row.attributed_count,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(more: Value) -> Settings {
        let mut all = json!({"pixel_id": "PIXEL1", "access_token": "SECRET", "base_url": "https://host/tt/"});
        if let (Some(all), Value::Object(more)) = (all.as_object_mut(), more) {
            all.extend(more);
        }
        Settings::read(&all).unwrap()
    }

    fn told(body: &Value) -> Result<Vec<Counted>, String> {
        read(&HttpReply::Answer { status: 200, body: body.to_string().into_bytes() }, "PIXEL1")
    }

    #[test]
    fn nobody_is_asked_without_an_account() {
        assert_eq!(url(&settings(json!({})), 20_000, 20_010), None);
        let known = settings(json!({"advertiser_id": "7000"}));
        let url = url(&known, 20_000, 20_060).unwrap();
        let parts = url::Url::parse(&url).unwrap();
        assert_eq!(parts.path(), "/tt/open_api/v1.3/pixel/event/stats/");
        let pairs: Vec<_> = parts.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            pairs,
            [
                "advertiser_id=7000",
                "pixel_ids=[\"PIXEL1\"]",
                "date_range={\"end_date\":\"2024-12-03\",\"start_date\":\"2024-11-04\"}"
            ],
            "the last 30 days"
        );
    }

    #[test]
    fn counts_are_read_and_anything_else_is_no_nought() {
        let row = |event: &str, pixel: &str| {
            json!({"pixel_id": pixel, "date": "2026-11-20", "event": event, "total_count": 9, "browser_count": 4,
                   "server_count": 8, "attributed_count": 1, "preview_count": 0})
        };
        let rows = json!([row("CompletePayment", "PIXEL1"), row("CompletePayment", "OTHER")]);
        let counted = told(&json!({"code": 0, "message": "OK", "data": {"statistics": rows}})).unwrap();
        assert_eq!(counted.len(), 1);
        assert_eq!(
            (counted[0].event_name.as_str(), counted[0].events, counted[0].server),
            ("Purchase", 9, Some(8))
        );
        assert_eq!(told(&json!({"code": 0, "data": {"statistics": []}})), Ok(vec![]));
        for (body, word) in [
            (json!({"code": 0, "data": {"statistics": [{"date": "x"}]}}), "another shape"),
            (json!({"code": 40105, "message": "wrong"}), "report_token"),
            (json!({"code": 50000, "message": "later"}), "later"),
            (json!("?"), "readable"),
        ] {
            assert!(told(&body).unwrap_err().contains(word), "{body}: {:?}", told(&body));
        }
        let silence = HttpReply::NoAnswer { why: "timed out".into(), reached: true };
        assert!(read(&silence, "PIXEL1").unwrap_err().contains("timed out"));
    }
}
