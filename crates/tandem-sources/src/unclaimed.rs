//! Requests that no way in takes: what they look like, in words that help the person who meant to reach one.
//!
//! Whatever is said here is made from what the request looks like, never from a value in it: a query may hold anything about
//! a person.

use crate::Request;
use crate::ga4::{is_measurement_id, parameter};

/// Why nobody took a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclaimed {
    /// Stable code.
    pub code: &'static str,
    /// What it looks like, and what to do.
    pub message: String,
}

/// What a request looks like.
#[must_use]
pub fn explain(request: &Request<'_>) -> Unclaimed {
    let (path, query) = (request.path, request.query);
    let text = |name| parameter(query, name);
    let seems = |code, message: &str| Unclaimed { code, message: message.to_owned() };
    if path.ends_with("/mp/collect") {
        let id = text("measurement_id").filter(|id| is_measurement_id(id));
        return of_stream(id, "a Measurement Protocol request");
    }
    if path.ends_with("/g/collect") {
        let version = text("v");
        if version.as_deref() == Some("1") || text("tid").is_some_and(|id| id.starts_with("UA-")) {
            return universal();
        }
        if request.method == "OPTIONS" {
            let text = "the question of a page's browser whether it may send GA4 hits, from a page that no site's \
                        sources.ga4.hosts lists. Add the page's host";
            return seems("origin_unknown", text);
        }
        let id = text("tid").filter(|id| is_measurement_id(id));
        if version.as_deref() != Some("2") || id.is_none() {
            let text = "it came to GA4's address without v=2 and a measurement id like G-ABC1234567 (tid), so it cannot \
                        be a GA4 hit of a web page. Look at what sends it";
            return seems("ga4_unreadable", text);
        }
        return of_stream(id, "a GA4 hit");
    }
    if path.ends_with("/collect") {
        return universal();
    }
    if path.ends_with("/gtm.js") || path.ends_with("/gtag/js") || path.ends_with("/gtag.js") {
        let text = "a page asks for Google's own script. Tandem does not serve others' scripts: load it from Google, and \
                    point only server_container_url here";
        return seems("script_of_google", text);
    }
    if path.ends_with("/data") {
        let text = "it looks like a Data Tag's request, and no site takes those under this path from this host. Set \
                    sources.data_tag.hosts (and path) of the site";
        return seems("data_tag_unknown_host", text);
    }
    if path == "/healthy" || path == "/healthz" {
        let text = "a health check came to the public port; /healthz is on the private one";
        return seems("health_check", text);
    }
    let text = "no site has anything at this path. If it is a page's or a shop's request, compare the path with the \
                configuration; strangers who try usual paths are no cause for worry";
    seems("no_such_path", text)
}

fn universal() -> Unclaimed {
    let message = "a Universal Analytics hit (v=1), which Google switched off in 2023 and 2024. Take the old tag out of the \
                   pages, or replace it by a GA4 tag";
    Unclaimed { code: "universal_analytics", message: message.to_owned() }
}

fn of_stream(id: Option<String>, what: &str) -> Unclaimed {
    let message = match id {
        Some(id) => format!(
            "{what} for {id}, which no site lists. Add it to sources.ga4.measurement_ids of its site, or correct the tag"
        ),
        None => format!("{what} without a measurement id like G-ABC1234567. Add it to the address"),
    };
    Unclaimed { code: "measurement_id_unknown", message }
}
