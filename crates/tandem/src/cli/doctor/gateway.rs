//! The gateway on its private port, and that the port stays private.

use axum::http::{HeaderMap, HeaderValue, header};
use secrecy::ExposeSecret;
use serde_json::Value;
use tandem_core::words::counted;
use tandem_gateway::clock::{Clock, SystemClock};
use tandem_gateway::transport::{Fetched, Http};
use url::Url;

use super::check::Missing;
use super::subject::{Subject, get, text};
use super::{Check, resolve};
use crate::config::Server;

/// Deliveries due for longer than this are late: a platform may not merge them with the page's half any more.
const LATE_MS: i64 = 300_000;

/// For checks that need it.
pub(super) const NOT_RUNNING: Missing = Missing { what: "needs the running gateway", remedy: "" };

/// What the private port says.
pub(super) struct Running {
    address: String,
    health: Result<Fetched, String>,
    summary: Result<Fetched, String>,
    now_ms: i64,
}

/// Asks it.
pub(super) async fn running(http: &Http, server: &Server, clock: &SystemClock) -> Running {
    let (health, summary) =
        tokio::join!(private(http, server, "/healthz"), private(http, server, "/api/summary"));
    Running { address: server.private.to_string(), health, summary, now_ms: clock.now_ms() }
}

/// `GET` on the private port, with the token.
pub(super) async fn private(http: &Http, server: &Server, path: &str) -> Result<Fetched, String> {
    let mut headers = HeaderMap::new();
    let token = server.private_token.as_ref().map(|token| format!("Bearer {}", token.expose_secret()));
    if let Some(Ok(mut value)) = token.map(|text| HeaderValue::from_str(&text)) {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    get(http, &format!("http://{}{path}", server.private), headers).await
}

impl Running {
    /// What `/api/summary` says, if we were let in.
    pub(super) fn summary(&self) -> Option<Value> {
        let answer = self.summary.as_ref().ok().filter(|answer| answer.status == 200)?;
        serde_json::from_slice(&answer.body).ok()
    }

    pub(super) fn checks(&self) -> Vec<Check> {
        vec![self.answers(), self.writable()]
    }

    fn answers(&self) -> Check {
        let (name, address) = ("running", &self.address);
        match &self.summary {
            Err(why) => Check::fail(
                name,
                format!("nothing answers on the private port {address} ({why})"),
                "Start the gateway: tandem serve --config FILE. Or is server.private another one in its file?",
            ),
            Ok(answer) if answer.status == 401 => Check::fail(
                name,
                format!("the gateway on {address} does not know this private_token"),
                "Run the doctor with the file and environment of the gateway, or restart it after a change.",
            ),
            Ok(_) if self.summary().is_some() => Check::ok(name, format!("the gateway answers on {address}")),
            Ok(answer) => Check::fail(
                name,
                format!("what answers on {address} is no gateway (status {})", answer.status),
                "Something else has this port: choose another for server.private.",
            ),
        }
    }

    fn writable(&self) -> Check {
        let name = "store";
        let Some(summary) = self.summary() else { return Check::skipped(name, &NOT_RUNNING) };
        let healthy = self.health.as_ref().is_ok_and(|answer| answer.status == 200);
        if summary["writable"] == true && healthy {
            let events = summary["totals"]["events"].as_i64().unwrap_or_default();
            return Check::ok(name, format!("can be written; {} in the log", counted(events, "event")));
        }
        Check::fail(
            name,
            "the last write failed: nothing is taken until one succeeds",
            "Free space on the disk of store.path; it goes on by itself.",
        )
    }
}

/// The site's destinations in the running gateway.
pub(super) fn lanes(subject: &Subject, running: &Running) -> Vec<Check> {
    let Some(summary) = running.summary() else { return vec![Check::skipped("deliveries", &NOT_RUNNING)] };
    let lanes = summary["lanes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wanted = subject.setup.destinations.iter().map(|destination| destination.definition());
    wanted
        .map(|definition| {
            let ours = |lane: &&Value| {
                lane["site"] == subject.setup.site.id.as_str() && lane["destination"] == definition.name
            };
            lane(definition.title, lanes.iter().find(ours), running.now_ms)
        })
        .collect()
}

fn lane(title: &str, lane: Option<&Value>, now_ms: i64) -> Check {
    let name = "deliveries";
    let Some(lane) = lane else {
        return Check::fail(
            name,
            format!("the running gateway knows no {title} for this site"),
            "It runs with another configuration: restart it.",
        );
    };
    let waiting = lane["waiting"].as_i64().unwrap_or_default();
    if let Some(why) = lane["stopped"]["why"].as_str() {
        let what = format!("{title} is stopped, with {waiting} waiting: {why}");
        return Check::fail(
            name,
            what,
            "Mend that, then restart, or POST /api/lanes/LANE/resume (docs/operating.md).",
        );
    }
    if let Some(by) = lane["paused"]["by"].as_str() {
        let what = format!("{title} is paused by {by}, with {waiting} waiting");
        let remedy = "Resume it on the page Destinations of the private port when it may send again.";
        return Check::warn(name, what, remedy);
    }
    let late_ms = lane["oldest_due_ms"].as_i64().map_or(0, |due_ms| now_ms - due_ms);
    if late_ms > LATE_MS {
        return Check::warn(
            name,
            format!("{title} has {waiting} waiting, the oldest for {} minutes", late_ms / 60_000),
            "GET /api/records/attempts on the private port says what the platform answers.",
        );
    }
    Check::ok(name, format!("{title} takes deliveries; {waiting} under way"))
}

/// Nobody reaches the private port by the shop's addresses, and it listens to few.
pub(super) async fn hidden(subject: &Subject) -> Check {
    let (name, private) = ("private port", subject.server.private);
    let remedy = "Pass on only the site's path and /webhooks/, and set server.private to 127.0.0.1.";
    let page = subject.page.as_ref().and_then(|page| page.as_ref().ok()).map(|page| page.url.origin());
    let script =
        subject.script_url().ok().map(|url| url.origin()).filter(|origin| Some(origin) != page.as_ref());
    for origin in page.iter().chain(&script) {
        for path in ["/healthz", "/api/summary"] {
            let url = format!("{}{path}", origin.ascii_serialization());
            if get(&subject.http, &url, HeaderMap::new()).await.is_ok_and(|answer| is_private(&answer)) {
                return Check::fail(name, format!("{url} leads to the private port"), remedy);
            }
        }
    }
    match private.ip() {
        ip if ip.is_loopback() => Check::ok(name, format!("{private} is reached from this machine only")),
        ip if !ip.is_unspecified() && resolve::is_private(ip) => {
            Check::ok(name, format!("{private} is in a private network"))
        }
        _ => Check::warn(
            name,
            format!("{private} listens to the world"),
            format!("{remedy} Or let a firewall keep it."),
        ),
    }
}

/// As only the private port answers.
fn is_private(answer: &Fetched) -> bool {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let guarded = answer.status == 401
        && text(answer, "www-authenticate") == Some("Bearer")
        && body["error"]["code"] == "credentials_wrong";
    let healthy = answer.status == 200 && body == serde_json::json!({ "status": "ok" });
    guarded || healthy || body["error"]["code"] == "disk_full"
}

/// The address of the public port, for checks that no page leads to.
pub(super) fn public_url(server: &Server) -> Option<Url> {
    Url::parse(&format!("http://{}", server.public)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::check::Verdict;
    use super::*;

    fn answer(status: u16, body: &str) -> Result<Fetched, String> {
        Ok(Fetched { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() })
    }

    #[test]
    fn a_full_disk_shows() {
        let summary = r#"{"writable":false,"totals":{"events":3},"lanes":[]}"#;
        let full = Running {
            address: "127.0.0.1:8081".to_owned(),
            health: answer(503, "{}"),
            summary: answer(200, summary),
            now_ms: 0,
        };
        let verdicts: Vec<_> = full.checks().iter().map(|check| check.verdict).collect();
        assert_eq!(verdicts, [Verdict::Ok, Verdict::Fail]);
    }

    #[test]
    fn late_deliveries_show() {
        let late = serde_json::json!({ "waiting": 3, "oldest_due_ms": 0 });
        assert_eq!(lane("TikTok", Some(&late), LATE_MS).verdict, Verdict::Ok);
        assert_eq!(lane("TikTok", Some(&late), LATE_MS + 1).verdict, Verdict::Warn);
        assert_eq!(lane("TikTok", None, 0).verdict, Verdict::Fail);
    }
}
