//! Every combination of signals under every combination of settings: what arrived is what may arrive.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tandem_sandbox::RequestEntry;

use super::cases::{self, Case, Told};
use super::harness::Client;
use super::oracle::{Fate, Gpc, OnUnknown, Rules};
use super::planted::{Planted, Trace, traces};
use super::sites::{self, Shops};
use super::ways::{self, Sender};

/// Events in a request.
const BATCH: usize = 250;

#[test]
fn what_arrives_is_what_the_visitor_allowed() {
    let began = Instant::now();
    let plan = Plan { rules: sites::rules(), everywhere: cases::everywhere(), somewhere: cases::somewhere() };
    let shops = sites::open(&plan.rules);
    send_all(&plan, &shops);
    shops.gateway.drain();
    let sent = began.elapsed();
    let mut check = Check { plan: &plan, arrived: BTreeMap::new(), wrong: Vec::new() };
    shops.stand_in.sandbox.requests().iter().for_each(|request| check.request(request));
    let counts = check.all_there();
    assert!(shops.gateway.stop().success());
    check.record(shops.home.store());
    println!(
        "{} sites, {} ways to say it, {counts:?}, sent in {:.1} s, checked in {:.1} s",
        plan.rules.len(),
        plan.everywhere.len() + plan.somewhere.len(),
        sent.as_secs_f64(),
        (began.elapsed() - sent).as_secs_f64()
    );
    let wrong = check.wrong;
    assert!(wrong.is_empty(), "{} wrong, among others: {:#?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}

/// Who sends what where.
struct Plan {
    rules: Vec<Rules>,
    everywhere: Vec<Case>,
    somewhere: Vec<Case>,
}

impl Plan {
    fn cases(&self) -> usize {
        self.everywhere.len() + self.somewhere.len()
    }

    fn case(&self, at: usize) -> &Case {
        self.everywhere.get(at).unwrap_or_else(|| &self.somewhere[at - self.everywhere.len()])
    }

    /// Everybody of a site. What is told somewhere goes to one site for each of what is required and what a no does.
    fn people(&self, site: usize) -> impl Iterator<Item = Planted> {
        let Rules { on_unknown, gpc, accept_defaults, .. } = self.rules[site];
        let is_usual = (on_unknown, gpc, accept_defaults) == (OnUnknown::ByRegion, Gpc::Deny, false);
        let count = if is_usual { self.cases() } else { self.everywhere.len() };
        let first = site * self.cases();
        (first..first + count).map(Planted)
    }

    fn site_of(&self, who: Planted) -> usize {
        who.0 / self.cases()
    }

    fn of(&self, who: Planted) -> (&Rules, &Case) {
        (&self.rules[self.site_of(who)], self.case(who.0 % self.cases()))
    }

    fn fate(&self, who: Planted) -> Fate {
        let (rules, case) = self.of(who);
        rules.verdict(&case.said).fate
    }
}

fn send_all(plan: &Plan, shops: &Shops) {
    let next = AtomicUsize::new(0);
    let sender = || {
        while let site = next.fetch_add(1, Ordering::Relaxed)
            && site < plan.rules.len()
        {
            send_site(plan, &mut Sender { site, client: Client::new(shops.gateway.public) });
        }
    };
    std::thread::scope(|scope| {
        (0..8).for_each(|_| {
            scope.spawn(sender);
        });
    });
}

fn send_site(plan: &Plan, sender: &mut Sender) {
    let mut events = Vec::new();
    for who in plan.people(sender.site) {
        let case = plan.of(who).1;
        match &case.told {
            Told::Api { consent, cookies } => events.push(ways::api_event(case, who, consent, cookies)),
            Told::Page { word, cookie } => sender.page(case, who, word, cookie),
            Told::Order { meta } => sender.order(case, who, meta),
        }
    }
    events.chunks(BATCH).for_each(|events| sender.api(events));
}

/// A request, its events as the text they are.
#[derive(Deserialize)]
struct Body<'a> {
    event_source_id: String,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

/// An event as it arrived.
struct Arrived<'a> {
    raw: &'a str,
    json: Value,
    /// What it tells of anybody; places count from its start.
    traces: Vec<Trace>,
}

struct Check<'p> {
    plan: &'p Plan,
    /// How often each event arrived.
    arrived: BTreeMap<usize, usize>,
    wrong: Vec<String>,
}

impl Check<'_> {
    fn request(&mut self, request: &RequestEntry) {
        assert!(!request.body_cut && request.status == Some(200), "{}", request.message);
        for (name, value) in &request.headers {
            let number = ["content-length", "host"].contains(&name.as_str());
            assert!(number || traces(value).is_empty(), "{name}: {value}");
        }
        let text = request.body.as_str().unwrap();
        let body: Body<'_> = serde_json::from_str(text).unwrap();
        let mut traces = traces(text);
        for raw in body.data.iter().map(|event| event.get()) {
            let start = raw.as_ptr() as usize - text.as_ptr() as usize;
            let own = traces.extract_if(.., |trace| (start..start + raw.len()).contains(&trace.at));
            let traces = own.map(|trace| Trace { at: trace.at - start, ..trace }).collect();
            let arrived = Arrived { raw, json: serde_json::from_str(raw).unwrap(), traces };
            let who = who(arrived.json["event_id"].as_str().unwrap());
            *self.arrived.entry(who.0).or_default() += 1;
            if let Err(what) = self.event(&body.event_source_id, who, &arrived) {
                self.wrong(who, &format!("{what}: {raw}"));
            }
        }
        assert_eq!(traces, [], "it stands outside of the events");
    }

    fn wrong(&mut self, who: Planted, what: &str) {
        let (rules, Case { said, told }) = self.plan.of(who);
        self.wrong.push(format!("{what}\n  of {} {rules:?}\n  {said:?}\n  {told:?}", who.word()));
    }

    fn event(&self, pixel: &str, who: Planted, arrived: &Arrived<'_>) -> Result<(), String> {
        let (rules, case) = self.plan.of(who);
        let verdict = rules.verdict(&case.said);
        let json = &arrived.json;
        let holds = |holds: bool, what: &str| holds.then_some(()).ok_or_else(|| what.to_owned());
        holds(verdict.fate != Fate::Nothing, "it may not be sent")?;
        holds(pixel == sites::pixel(self.plan.site_of(who)), "it is another site's")?;
        holds(json["event_id"] == ways::event_id(case, who), "another id")?;
        holds((json["limited_data_use"] == true) == verdict.limited, "limited_data_use is wrong")?;
        holds(json["properties"]["value"] == 89.99, "the value is gone")?;
        if verdict.fate == Fate::AsItIs {
            holds(json["user"] == ways::user(case, who), "it has not all of its keys")?;
            holds(json["page"]["referrer"] == who.referrer(), "its page is gone")?;
            let word = who.word();
            let strange = arrived.traces.iter().find(|t| t.text.starts_with("qz") && t.text != word);
            return holds(strange.is_none(), "it tells of somebody else");
        }
        holds(json.get("user").is_none(), "it has a user")?;
        if verdict.fate == Fate::WithoutIdentity {
            return without_identity(arrived, who).map_err(|what| format!("it tells {what}"));
        }
        let telling: Vec<&Trace> =
            arrived.traces.iter().filter(|trace| !is_id_or_time(arrived, trace)).collect();
        holds(telling.is_empty(), &format!("{:?} tells of somebody {telling:?}", verdict.fate))
    }

    /// What may arrive did, once; how many there were of each.
    fn all_there(&mut self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for who in (0..self.plan.rules.len()).flat_map(|site| self.plan.people(site)) {
            let fate = self.plan.fate(who);
            *counts.entry(format!("{fate:?}")).or_default() += 1;
            let times = self.arrived.get(&who.0).copied().unwrap_or_default();
            if times != usize::from(fate != Fate::Nothing) {
                self.wrong(who, &format!("arrived {times} times, though it is {fate:?}"));
            }
        }
        counts
    }

    /// What stands with each delivery is what arrived.
    fn record(&mut self, store: &Path) {
        let conn = Connection::open(store).unwrap();
        let sql = "SELECT event_id, state, consent, coalesce(code, '') FROM v_deliveries";
        let mut select = conn.prepare(sql).unwrap();
        let rows = select.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))).unwrap();
        let rows: Vec<(String, String, String, String)> = rows.collect::<Result<_, _>>().unwrap();
        for (id, state, consent, code) in &rows {
            let who = who(id);
            let (rules, case) = self.plan.of(who);
            let verdict = rules.verdict(&case.said);
            let expected = match verdict.fate {
                Fate::Nothing => state == "skipped" && code.starts_with("consent_"),
                _ => state == "delivered" && code.is_empty(),
            };
            if !expected || !consent.starts_with(&verdict.to_string()) {
                self.wrong(
                    who,
                    &format!("on record it is {state} {code} {consent}, and should be {verdict}"),
                );
            }
        }
        let people = (0..self.plan.rules.len()).map(|site| self.plan.people(site).count()).sum::<usize>();
        assert_eq!(rows.len(), people, "each has one delivery");
    }
}

fn who(event_id: &str) -> Planted {
    let order =
        event_id.strip_prefix("wc_order_").map(|n| n.parse::<usize>().unwrap() - Planted(0).order_number());
    Planted(order.unwrap_or_else(|| event_id.strip_prefix("e-").unwrap().parse().unwrap()))
}

/// Name, id and time stay; they stand before everything else. The id of an order's event may hold the order's number.
/// For statistics the order, what was looked for and where the visitor came from may be told: nothing that an ad platform
/// knows a person, a browser or a click by.
fn without_identity(arrived: &Arrived<'_>, who: Planted) -> Result<(), String> {
    let raw = arrived.raw.to_ascii_lowercase();
    let person = [who.email(), who.external_id(), who.ttclid(), who.ttp(), who.agent(), who.visitor()];
    let named = person.into_iter().find(|key| raw.contains(&key.to_ascii_lowercase()));
    let plain =
        |trace: &&Trace| !trace.text.starts_with("qz") && trace.text != who.order_number().to_string();
    let other = arrived.traces.iter().filter(plain).find(|trace| !is_id_or_time(arrived, trace));
    let told = named.or_else(|| other.map(|trace| trace.text.clone()));
    let strange = || arrived.traces.iter().find(|t| t.text.starts_with("qz") && t.text != who.word());
    told.or_else(|| strange().map(|trace| trace.text.clone())).map_or(Ok(()), Err)
}

fn is_id_or_time(arrived: &Arrived<'_>, trace: &Trace) -> bool {
    let known =
        [arrived.json["event_id"].as_str().unwrap().to_owned(), arrived.json["event_time"].to_string()];
    let rest =
        ["\"user\"", "\"page\"", "\"properties\""].iter().filter_map(|part| arrived.raw.find(part)).min();
    rest.is_none_or(|rest| trace.at < rest) && known.iter().any(|known| known.ends_with(&trace.text))
}
