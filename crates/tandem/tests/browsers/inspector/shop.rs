//! A shop with some days of traffic on record, most of it as it should be, for the inspector's pages to show.

use crate::stage::{Played, Scenario, folder, play};

/// Days of traffic.
const DAYS: i64 = 5;

/// Files of single findings whose requests are among the traffic.
const MISTAKES: &[&str] = &[
    "event_time_ms",
    "ttclid_unresolved_macro",
    "email_junk",
    "value_symbol",
    "currency_missing",
    "external_id_guest",
    "no_match_keys",
    "consent_invalid",
];

/// Files of two reports of one sale that name it differently.
const PAIRS: &[&str] = &["together/id_near_miss", "together/order_under_two_ids"];

const DESTINATIONS: &str = r#"
    currency = "EUR"
    [site.destinations.meta]
    pixel_id = "1000000000000001"
    access_token = "any-token"
    base_url = "{{stand_in}}"
    [site.destinations.ga4]
    measurement_id = "G-SANDBOX01"
    api_secret = "any-secret"
    send = "all"
    base_url = "{{stand_in}}"
"#;

/// A file's requests for one day, with orders and ids of that day.
fn of_day(file: &str, day: i64) -> Scenario {
    let path = folder().join(file).with_extension("json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    // Orders are numbered from 2001, those of the files of single findings are all called alike.
    let text = text.replace("200", &format!("2{day}0")).replace("3001", &format!("3{day}01"));
    let text = text.replace("lead-77", &format!("lead-{day}"));
    let thousand = 5 + PAIRS.iter().position(|pair| *pair == file).unwrap_or_default();
    let text = text.replace("1001", &format!("{thousand}{day}01"));
    let text = text.replace("T77421", &format!("T7742{day}"));
    let mut scenario: Scenario = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
    for (index, ask) in scenario.requests.iter_mut().enumerate() {
        ask.after_days = day;
        if MISTAKES.contains(&file) {
            let number = format!("{}-{day}{index}", file.replace('_', "-"));
            ask.body["event_id"] = format!("order_{number}").into();
            ask.body["order_id"] = number.into();
        }
    }
    scenario
}

/// The site `shop` with its own server, pages and WooCommerce, and `atelier` with mistakes of all kinds.
pub(crate) fn with_traffic() -> Played {
    let site = |name: &str, files: &[&str]| {
        let of_file = |file: &&str| (0..DAYS).flat_map(|day| of_day(file, day).requests).collect::<Vec<_>>();
        Scenario {
            name: name.to_owned(),
            site: DESTINATIONS.to_owned(),
            requests: files.iter().flat_map(of_file).collect(),
            ..of_day("clean-shop", 0)
        }
    };
    let atelier = [MISTAKES, PAIRS].concat();
    play(&[site("shop", &["clean-shop", "event_time_ms"]), site("atelier", &atelier)])
}
