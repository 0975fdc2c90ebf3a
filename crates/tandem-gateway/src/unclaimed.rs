//! Requests that no way in takes: all are counted, and enough of each kind is kept to see what it is. Strangers who try
//! thousands of paths must not fill the disk, nor hide the one request that was meant for us.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tandem_core::page;
use tandem_sources::Request;
use tandem_sources::unclaimed::{self, Unclaimed};
use tandem_store::{Batch, Notice, NoticeKind};

use crate::Gateway;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// New notices of one reason in a minute, and in a day.
const A_MINUTE: u32 = 5;
const A_DAY: u32 = 100;

/// Longest path that is kept, in characters.
const MAX_PATH: usize = 120;

/// How many notices there were.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<HashMap<&'static str, Kept>>);

#[derive(Debug, Default)]
struct Kept {
    minute: i64,
    in_minute: u32,
    day: i64,
    in_day: u32,
    /// Places of this day, each kept once.
    places: Vec<String>,
}

impl Strangers {
    /// Whether to keep one more of this reason.
    fn keeps(&self, code: &'static str, place: &str, now_ms: i64) -> bool {
        // Nothing in here panics half-way through a change.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.entry(code).or_default();
        let (minute, day) = (now_ms.div_euclid(MINUTE_MS), now_ms.div_euclid(DAY_MS));
        if kept.minute != minute {
            (kept.minute, kept.in_minute) = (minute, 0);
        }
        if kept.day != day {
            (kept.day, kept.in_day) = (day, 0);
            kept.places.clear();
        }
        let is_new = kept.places.iter().all(|known| known != place);
        if !is_new || kept.in_minute >= A_MINUTE || kept.in_day >= A_DAY {
            return false;
        }
        (kept.in_minute, kept.in_day) = (kept.in_minute + 1, kept.in_day + 1);
        kept.places.push(place.to_owned());
        true
    }
}

/// Method, host and path, without anything that may name a person; never the query.
fn place(request: &Request<'_>) -> String {
    let host = request.header("host").unwrap_or_default().to_ascii_lowercase();
    let plain_host =
        host.len() <= 100 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    let path: String = request.path.chars().take(MAX_PATH).collect();
    let plain = |c: char| c.is_ascii_graphic() && c != '@' && c != '%';
    let path =
        if path.chars().all(plain) && !page::is_personal_text(&path) { path } else { "/…".to_owned() };
    format!("{} {}{path}", request.method, if plain_host { host.as_str() } else { "" })
}

/// Path and query, for those who watch: they see it without its values.
fn with_query(request: &Request<'_>) -> String {
    if request.query.is_empty() {
        request.path.to_owned()
    } else {
        format!("{}?{}", request.path, request.query)
    }
}

impl Gateway {
    /// Puts on record that nobody took a request, and why. `site` is the one it was meant for, if that is known.
    pub(crate) async fn unclaimed(&self, request: &Request<'_>, site: Option<&str>, why: Unclaimed) {
        let Unclaimed { code, message } = why;
        self.metrics.unclaimed(code);
        let (place, now_ms) = (place(request), self.clock.now_ms());
        self.live.unclaimed(now_ms, request.method, &with_query(request), &message);
        if !self.strangers.keeps(code, &place, now_ms) {
            return;
        }
        let notice = Notice {
            site: site.unwrap_or_default().to_owned(),
            source: "".into(),
            kind: NoticeKind::Unclaimed,
            code: code.into(),
            message,
            field: Some(place),
            event_name: None,
            event_id: None,
            order_id: None,
        };
        let batch = Batch { notices: vec![notice], ..Batch::default() };
        if let Err(error) = self.store.append(batch, now_ms).await {
            tracing::warn!(%error, "cannot keep a notice of an unclaimed request");
        }
    }

    /// The same, with the reason made out from what the request looks like.
    pub(crate) async fn unclaimed_as_it_looks(&self, request: &Request<'_>) {
        self.unclaimed(request, None, unclaimed::explain(request)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_little_and_hides_nothing() {
        let strangers = Strangers::default();
        let kept = (0..100_000_i64)
            .filter(|i| strangers.keeps("no_such_path", &format!("GET /{i}"), i * 100))
            .count();
        assert_eq!(kept, usize::try_from(A_DAY).unwrap());
        assert!(strangers.keeps("measurement_id_unknown", "GET /g/collect", 10_000_000));
        assert!(!strangers.keeps("measurement_id_unknown", "GET /g/collect", 10_000_001));
        assert!(strangers.keeps("measurement_id_unknown", "GET /g/collect", 10_000_000 + DAY_MS));
    }

    #[test]
    fn nothing_of_a_person_is_in_the_place() {
        let headers = http::HeaderMap::from_iter([(http::header::HOST, "Shop.example".parse().unwrap())]);
        let of =
            |path| place(&Request { method: "GET", path, query: "email=ada", ..Request::new(&headers, b"") });
        assert_eq!(of("/collect"), "GET shop.example/collect");
        for personal in ["/user/ada@example.com", "/user/ada%40example.com", "/tel/+4915123456789"] {
            assert_eq!(of(personal), "GET shop.example/…");
        }
    }
}
