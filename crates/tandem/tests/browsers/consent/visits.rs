//! Every consent tool: answered before our script is there, and while it runs.

use super::tools::{self, IDS, Tool};
use super::*;

pub(crate) fn cookies_that_are_there_before(kind: Kind) {
    let stage = Stage::open(kind);
    for tool in tools::with_cookies() {
        answered_before(&stage, &tool);
    }
    no_ids_on_record(&stage);
}

pub(crate) fn a_cookie_of_shopify(kind: Kind) {
    let stage = Stage::open(kind);
    answered_before(&stage, &tools::shopify());
    no_ids_on_record(&stage);
}

/// Where silence is a yes, that of a tool which was there on an earlier page is none, whatever its cookie says.
pub(crate) fn a_tool_of_the_iab_that_has_not_spoken(kind: Kind) {
    let stage = Stage::with(kind, &Setup { consent: "grant", ..Setup::default() });
    let cookie = tools::tcf_cookie();
    for (id, state) in [("tcf-denied", &cookie.denied), ("tcf-granted", &cookie.granted)] {
        stage.visit(id, state);
        stage.leave();
        stage.forget();
    }
    stage.visit("marker", "");
    stage.until("marker", &EVERYWHERE);
    assert_eq!((stage.went("tcf-denied"), stage.went("tcf-granted")), (NOWHERE, NOWHERE));
}

pub(crate) fn cookies_that_change(kind: Kind) {
    let stage = Stage::open(kind);
    let tools = tools::with_cookies();
    // Our script is told first, and the cookie comes in the same task: some tools work in that order.
    tools.iter().for_each(|tool| answers_later(&stage, tool, |state| format!("{}; {state}", tool.change)));
    stage.marker("marker");
    tools.iter().for_each(|tool| only_what_was_agreed_to(&stage, tool));
    no_ids_on_record(&stage);
}

pub(crate) fn answers_that_are_there_before(kind: Kind) {
    let stage = Stage::open(kind);
    for tool in tools::with_an_api() {
        answered_before(&stage, &tool);
    }
    no_ids_on_record(&stage);
}

pub(crate) fn answers_that_come_later(kind: Kind) {
    let stage = Stage::open(kind);
    let tools = tools::with_an_api();
    tools.iter().for_each(|tool| answers_later(&stage, tool, |state| format!("{state}; {}", tool.change)));
    stage.marker("marker");
    tools.iter().for_each(|tool| only_what_was_agreed_to(&stage, tool));
}

/// Three visitors: one who has not answered, one who has refused, one who has agreed.
fn answered_before(stage: &Stage, tool: &Tool) {
    let [unknown, denied, granted] = ["unknown", "denied", "granted"].map(|state| id(tool, state));
    for (id, state) in [(&unknown, &tool.unknown), (&denied, &tool.denied)] {
        stage.visit(id, state);
        let own = names_of(state);
        assert_eq!(stage.leave(), own, "{id} leaves something behind");
        stage.forget();
    }
    stage.visit(&granted, &tool.granted);
    stage.until(&granted, &EVERYWHERE);
    // Only now, when a later visitor's events are there, is it certain that nothing came of the earlier ones.
    for id in [&unknown, &denied] {
        assert_eq!(stage.went(id), NOWHERE, "{id}");
    }
    let own = ["/favicon.ico", "/blank", "/x7k2/s.js"];
    let asked = stage.asked(&unknown, &granted);
    let more: Vec<_> = asked
        .iter()
        .map(|s| &s.path)
        .filter(|p| !p.starts_with("/visit/") && !own.contains(&p.as_str()))
        .collect();
    assert!(more.is_empty(), "{}: {more:?}", tool.name);
    let (_, body) = stage.posts(Some(&granted)).remove(0);
    assert_eq!(body["consent"]["signal"], tool.name, "{body}");
    assert_eq!(stage.delivery(&granted)["consent"], format!("send:{}", tool.sends));
    stage.leave();
    stage.forget();
}

/// One visitor who says nothing, no, yes, and no again, on one page. `script`: what tells the page of a new state.
fn answers_later(stage: &Stage, tool: &Tool, script: impl Fn(&str) -> String) {
    // Where the tool says so itself, it is not the browser that is to tell of its cookies.
    let deaf = if tool.change.is_empty() {
        ""
    } else {
        "Object.defineProperty(window, 'cookieStore', {value: undefined});"
    };
    stage.visit(&id(tool, "first"), &format!("{deaf}{}", tool.stub));
    if !tool.change.is_empty() {
        stage.change(&script(&tool.unknown));
        stage.change(&script(&tool.denied));
        stage.track(&id(tool, "refused"));
    }
    stage.change(&script(&tool.granted));
    stage.track(&id(tool, "agreed"));
    stage.until(&id(tool, "agreed"), &EVERYWHERE);
    let visitor = stage.visitor();
    assert!(stage.remembered(&visitor).contains("E.C.P.click-0001"));
    stage.shop.browser.run(
        "const revoke = ttq.revokeConsent; window.revoked = 0; ttq.revokeConsent = () => { window.revoked++; return revoke() }",
    );
    stage.change(&script(&tool.denied));
    stage.shop.browser.wait_until("!document.cookie.includes('tdv=')");
    assert_eq!(stage.shop.browser.run("return window.revoked"), 1, "{}: the pixel is told", tool.name);
    stage.track(&id(tool, "withdrawn"));
    let own: BTreeSet<_> =
        [&tool.unknown, &tool.denied, &tool.granted].iter().flat_map(|s| names_of(s)).collect();
    let left = stage.leave();
    assert!(left.is_subset(&own), "{}: {left:?}", tool.name);
    let remembered = stage.remembered(&visitor);
    assert!(!remembered.contains("E.C.P.click") && remembered.contains("denied"), "{remembered}");
    stage.forget();
}

/// A no drops what waits. A tool that does not say when it was answered is heard by the cookie, when it is answered first.
fn only_what_was_agreed_to(stage: &Stage, tool: &Tool) {
    for what in ["first", "refused", "withdrawn"] {
        let released = tool.change.is_empty() && what == "first";
        let went = if released { EVERYWHERE } else { NOWHERE };
        assert_eq!(stage.went(&id(tool, what)), went, "{} {what}", tool.name);
    }
}

fn no_ids_on_record(stage: &Stage) {
    stage.shop.gateway.drain();
    let told: String = stage.shop.told().iter().map(Value::to_string).collect();
    let records = json!(stage.shop.gateway.records("events")).to_string();
    for id in IDS {
        assert!(!told.contains(id), "{id} is told");
        assert!(!records.contains(id), "{id} is on record");
    }
}

fn id(tool: &Tool, what: &str) -> String {
    format!("{}-{what}", tool.id)
}

/// Of the cookies that a script sets.
fn names_of(script: &str) -> BTreeSet<String> {
    let set = script.split("document.cookie = `").skip(1);
    set.filter_map(|rest| Some(rest.split_once('=')?.0.to_owned())).collect()
}
