//! The script as a visitor's browser gets it.

use tandem_gateway::transport::Fetched;
use tandem_gateway::{LIBRARY, Script};
use url::Url;

use super::Check;
use super::check::{Missing, Verdict};
use super::subject::{Subject, text};

/// It has to be there first.
const NO_SCRIPT: Missing = Missing { what: "needs the script, which does not come", remedy: "" };

/// Seconds the script may be kept: what it says itself.
const MAX_AGE: u64 = 300;

pub(super) async fn checks(subject: &Subject) -> Vec<Check> {
    let names = ["script", "script's cache"];
    let (script, url) = match subject.pages().and_then(|found| Ok((found.1, subject.script_url()?))) {
        Ok(found) => found,
        Err(missing) => return names.map(|name| Check::skipped(name, &missing)).to_vec(),
    };
    match subject.get(&url).await {
        Err(why) => {
            let remedy =
                "The browser gets it no more than we do: is the host's name, port and certificate right?";
            let first = Check::fail(names[0], format!("{url} does not answer: {why}"), remedy);
            vec![first, Check::skipped(names[1], &NO_SCRIPT)]
        }
        Ok(answer) => {
            let first = served(names[0], &url, &answer, script);
            let second = match first.verdict {
                Verdict::Fail => Check::skipped(names[1], &NO_SCRIPT),
                _ => cache(names[1], &url, &answer, script),
            };
            vec![first, second]
        }
    }
}

/// The bare library, which never changes under its name.
fn is_library(url: &Url, script: &Script) -> bool {
    url.path().ends_with(&script.library)
}

fn served(name: &'static str, url: &Url, answer: &Fetched, script: &Script) -> Check {
    let kind = text(answer, "content-type").unwrap_or_default();
    let ours = if is_library(url, script) { LIBRARY.as_bytes() } else { &script.body };
    if answer.status == 200 && kind.contains("javascript") && answer.body == ours {
        return Check::ok(name, format!("{url} is ours and current"));
    }
    let not_passed_on =
        "Let the web server pass this path on to the gateway: examples/proxy, docs/same-origin.md.";
    let of_gateway = answer.body.starts_with(b"{\"error\"");
    match answer.status {
        200 if kind.contains("html") => {
            Check::fail(name, format!("{url} is a page of the shop, no script"), not_passed_on)
        }
        200 if !kind.contains("javascript") => Check::fail(
            name,
            format!("{url} comes as {kind:?}, which browsers do not run"),
            "Let the proxy keep the gateway's Content-Type.",
        ),
        200 => Check::warn(
            name,
            format!("{url} is not what this configuration would serve: an older one, or changed on the way"),
            "Restart the gateway after a change, empty the CDN's cache, and except the script from optimisers.",
        ),
        404 if of_gateway => Check::fail(
            name,
            format!("{url} reaches the gateway, which knows no such path"),
            "Restart the gateway after a change of path; put the line of tandem tag into the pages.",
        ),
        502..=504 => Check::fail(
            name,
            format!("{url} answers with status {}: the proxy does not reach the gateway", answer.status),
            "Is the gateway running, and is its address in the proxy's configuration that of server.public?",
        ),
        status => Check::fail(name, format!("{url} answers with status {status}"), not_passed_on),
    }
}

fn cache(name: &'static str, url: &Url, answer: &Fetched, script: &Script) -> Check {
    let control = text(answer, "cache-control").unwrap_or_default();
    let seconds = |directive: &str| {
        let value =
            control.split(',').find_map(|part| part.trim().strip_prefix(directive)?.strip_prefix('='));
        value.and_then(|v| v.trim().parse::<u64>().ok())
    };
    let age = text(answer, "age").and_then(|v| v.trim().parse::<u64>().ok()).unwrap_or_default();
    let kept =
        seconds("s-maxage").into_iter().chain(seconds("max-age")).chain([age]).max().unwrap_or_default();
    if is_library(url, script) || kept <= MAX_AGE {
        return Check::ok(name, "changed settings reach the pages within minutes");
    }
    Check::warn(
        name,
        format!("the script may be kept for {} minutes on the way to the visitor", kept / 60),
        "Let web server and CDN keep its own Cache-Control (max-age=300): changed settings arrive late otherwise.",
    )
}
