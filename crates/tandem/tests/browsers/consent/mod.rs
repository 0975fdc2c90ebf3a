//! What a visitor allows, and what leaves the browser and the gateway then. Both halves are looked at by themselves: what
//! pages ask for stands on the front's record, what the platform gets in the stand-in's log.

mod ends;
mod tools;
mod visits;
mod ways;

pub(crate) use ends::*;
pub(crate) use visits::*;
pub(crate) use ways::*;

use std::collections::BTreeSet;

use axum::response::Html;
use serde_json::{Value, json};

use crate::driver::Kind;
use crate::front::Seen;
use crate::harness::until;
use crate::shop::{Setup, Shop, TAG, page};

/// Calls may come before the script.
const STUB: &str = "<script>window.tandem = window.tandem || function () { (tandem.q = tandem.q || []).push(arguments) }</script>";

/// The script has begun: it follows the history, and has done all that it does at first in the same task.
const HAS_BEGUN: &str = "!/native code/.test(history.pushState)";

/// What an ad's link adds to the address.
const CLICK: &str = "?ttclid=E.C.P.click-0001";

/// Which ways an event went: from the page to the gateway, from the page to the platform, from the gateway to it.
#[derive(Debug, PartialEq, Eq)]
struct Went {
    told: bool,
    hit: bool,
    sent: bool,
}

const NOWHERE: Went = Went { told: false, hit: false, sent: false };
const EVERYWHERE: Went = Went { told: true, hit: true, sent: true };
/// Only to the gateway, which keeps it.
const TOLD: Went = Went { told: true, ..NOWHERE };

/// A shop whose pages each scenario writes itself.
struct Stage {
    shop: Shop,
}

impl Stage {
    /// One that waits for the visitor's word, wherever that is.
    fn open(kind: Kind) -> Self {
        Self::with(kind, &Setup { consent: "deny", ..Setup::default() })
    }

    fn with(kind: Kind, setup: &Setup) -> Self {
        let stage = Self { shop: Shop::with(kind, setup) };
        stage.shop.origin.on("/blank", |_| Html("<!doctype html><title>Blank</title>"));
        stage
    }

    /// Opens a page that runs `before` and reports an event under `id`, both ahead of our script.
    fn visit(&self, id: &str, before: &str) {
        let head = format!("{STUB}<script>{before}</script><script>{}</script>{TAG}", cart(id));
        let path = format!("/visit/{id}");
        self.shop.origin.on(&path, move |_| Html(page(&head, "<h1>Visit</h1>")));
        self.shop.browser.goto(&self.shop.origin.url(&format!("{path}{CLICK}")));
        self.shop.browser.wait_until(HAS_BEGUN);
    }

    /// Reports an event.
    fn track(&self, id: &str) {
        self.shop.browser.run(&cart(id));
    }

    /// Runs something that the script hears of, and lets it finish: its own task was queued before ours.
    fn change(&self, script: &str) {
        self.shop.browser.run_async(&format!("{script}; await new Promise(done => setTimeout(done))"));
    }

    /// Leaves the page, whose last words are out then, and tells what it has left behind: cookies and storage.
    fn leave(&self) -> BTreeSet<String> {
        self.shop.browser.goto(&self.shop.origin.url("/blank"));
        let kept =
            self.shop.browser.run("return [...Object.keys(localStorage), ...Object.keys(sessionStorage)]");
        let kept: Vec<String> = serde_json::from_value(kept).expect("names");
        // One that is taken away just now is still listed, without its value.
        let cookies = self.shop.browser.cookies().into_iter().filter(|cookie| !cookie.value().is_empty());
        cookies.map(|cookie| cookie.name().to_owned()).chain(kept).collect()
    }

    /// Another visitor.
    fn forget(&self) {
        self.shop.browser.run("localStorage.clear(); sessionStorage.clear()");
        self.shop.browser.delete_cookies();
    }

    fn went(&self, id: &str) -> Went {
        let is_it = |event: &&Value| event["event_id"] == id;
        let bodies = self.shop.told();
        let told =
            bodies.iter().flat_map(|body| body["events"].as_array().into_iter().flatten()).any(|e| is_it(&e));
        Went { told, hit: !self.hits(id).is_empty(), sent: !self.sent(id).is_empty() }
    }

    /// The pixel's hits with this event, as the platform got them.
    fn hits(&self, id: &str) -> Vec<Value> {
        let log = self.shop.stand_in.sandbox.requests();
        let hits = log.into_iter().filter(|entry| entry.path == "/api/v2/pixel").map(|entry| entry.body);
        hits.filter(|hit| hit["event_id"] == id).collect()
    }

    /// What the gateway sent of this event, whatever the platform answered.
    fn sent(&self, id: &str) -> Vec<Value> {
        let log = self.shop.stand_in.sandbox.requests();
        let bodies =
            log.into_iter().filter(|entry| entry.path.contains("/event/track/")).map(|entry| entry.body);
        let events = bodies.flat_map(|body| body["data"].as_array().cloned().unwrap_or_default());
        events.filter(|event| event["event_id"] == id).collect()
    }

    fn until(&self, id: &str, went: &Went) {
        until(&format!("{id} is {went:?}"), || self.went(id) == *went);
    }

    /// After all that was asked of browser and gateway before: a visitor who agrees.
    fn marker(&self, id: &str) {
        self.visit(id, "tandem('consent', 'granted')");
        self.until(id, &EVERYWHERE);
        self.shop.gateway.drain();
    }

    /// The requests of the page that is marked by `id` and of all after it, up to the page marked by `end`.
    fn asked(&self, id: &str, end: &str) -> Vec<Seen> {
        let seen = self.shop.front.seen();
        let of = |id: &str| seen.iter().position(|s| s.path == format!("/visit/{id}")).expect("the page");
        seen[of(id)..of(end)].to_vec()
    }

    /// The page's posts with this event, or with none at all when there is no id.
    fn posts(&self, id: Option<&str>) -> Vec<(Seen, Value)> {
        let posts = self.shop.front.seen_at("/x7k2/a").into_iter();
        let read =
            posts.filter_map(|seen| Some((seen.clone(), serde_json::from_slice::<Value>(&seen.body).ok()?)));
        read.filter(|(_, body)| {
            let mut events = body["events"].as_array().into_iter().flatten().peekable();
            match id {
                Some(id) => events.any(|event| event["event_id"] == id),
                None => events.peek().is_none(),
            }
        })
        .collect()
    }

    /// The gateway's record of the event's delivery; of a sale, that of the shop's own report.
    fn delivery(&self, id: &str) -> Value {
        let mut found = None;
        until(&format!("{id} is on record"), || {
            let events =
                self.shop.gateway.records("events").into_iter().filter(|event| event["event_id"] == id);
            let event = events.min_by_key(|event| event["source"] == "browser");
            let is_its =
                |delivery: &Value| event.as_ref().is_some_and(|event| delivery["event_seq"] == event["seq"]);
            found = self.shop.gateway.records("deliveries").into_iter().find(is_its);
            found.is_some()
        });
        found.expect("just seen")
    }

    /// What the gateway remembers of a visitor.
    fn remembered(&self, visitor: &str) -> String {
        self.shop.gateway.get(&format!("/api/visitors/shop/{visitor}")).text()
    }

    fn visitor(&self) -> String {
        self.shop.wait_for_script();
        self.shop.browser.cookie("tdv").expect("the visitor").value().to_owned()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seen = self.shop.front.seen();
            let lines =
                seen.iter().rev().take(12).rev().map(|s| format!("{} {} {}", s.method, s.path, s.text()));
            eprintln!("--- the last requests\n{}\n---", lines.collect::<Vec<_>>().join("\n"));
        }
    }
}

/// Reports a product in the cart under this id.
fn cart(id: &str) -> String {
    let goods = json!({
        "value": 18, "currency": "USD",
        "contents": [{"content_id": "MUG-01", "content_name": "Stoneware Mug", "price": 18, "quantity": 1}],
    });
    format!("tandem('track', 'AddToCart', {goods}, {{event_id: '{id}'}})")
}
