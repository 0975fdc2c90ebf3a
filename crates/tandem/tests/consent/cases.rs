//! Every combination of signals, as it comes in by each of the three ways.

use serde_json::{Map, Value, json};

use super::oracle::{Answer, Said};
use super::signals::{self, Says};

/// One event of every site.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) said: Said,
    pub(crate) told: Told,
}

/// How it is told.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// Events API: the consent object, cookies, and the region by the person's country.
    Api { consent: Value, cookies: Value },
    /// The page's script: its word, the cookie header, and what the browser and the shop's proxy add.
    Page { word: Value, cookie: String },
    /// A webhook: order meta; the region is the billing country.
    Order { meta: Value },
}

/// What every site is told.
pub(crate) fn everywhere() -> Vec<Case> {
    let mut cases = purposes();
    cases.extend(pages(&signals::cookies()[..1]));
    cases.extend(orders());
    cases
}

/// What some sites are told besides: signals become one record before any setting is looked at, and what records become under
/// each setting is asked everywhere.
pub(crate) fn somewhere() -> Vec<Case> {
    let mut cases = signals_together();
    cases.extend(signals_alone());
    cases.extend(pages(&signals::cookies()[1..]));
    cases
}

/// Country and state of a region.
pub(crate) fn places(region: Option<&'static str>) -> (Option<&'static str>, Option<&'static str>) {
    match region.map(|region| region.split_once('-').map_or((region, None), |(c, s)| (c, Some(s)))) {
        Some((country, state)) => (Some(country), state),
        None => (None, None),
    }
}

/// A consent object with these answers; presets are listed.
fn object(advertising: Answer, analytics: Answer, vendor: Option<bool>) -> Map<String, Value> {
    let mut object = Map::new();
    let mut presets = Vec::new();
    for (name, answer) in [("advertising", advertising), ("analytics", analytics)] {
        if let Some(word) = answer.word() {
            object.insert(name.into(), word.into());
        }
        if answer.is_preset() {
            presets.push(name);
        }
    }
    if !presets.is_empty() {
        object.insert("by_default".into(), json!(presets));
    }
    if let Some(yes) = vendor {
        object.insert("vendors".into(), json!({ "tiktok": if yes { "granted" } else { "denied" } }));
    }
    object
}

/// Each answer to each purpose, by choice or preset, with the platform's own and privacy control, where the law asks first
/// and where it does not.
fn purposes() -> Vec<Case> {
    let mut cases = Vec::new();
    for (advertising, analytics) in product(&Answer::ALL, &Answer::ALL) {
        for vendor in [None, Some(true), Some(false)] {
            for (gpc, region) in product(&[false, true], &[Some("DE"), Some("US")]) {
                // A no to the platform itself needs no second one beside it.
                if !(gpc && vendor == Some(false)) {
                    cases.push(purpose(Said {
                        advertising,
                        analytics,
                        vendor,
                        gpc,
                        region,
                        ..Said::default()
                    }));
                }
            }
        }
    }
    // A region is one or the other, and limits the use of data or not; it is nothing else to any answer.
    for (advertising, region) in product(&Answer::ALL, &[None, Some("BR"), Some("US-CA")]) {
        for gpc in [false, true] {
            cases.push(purpose(Said { advertising, analytics: advertising, gpc, region, ..Said::default() }));
        }
    }
    for (advertising, region) in
        product(&[Answer::Yes, Answer::No, Answer::Silent], &[Some("DE"), Some("US"), Some("US-CA")])
    {
        let mut consent = object(advertising, advertising, None);
        consent.insert("opt_out_of_sale".into(), true.into());
        let said =
            Said { advertising, analytics: advertising, opt_out_of_sale: true, region, ..Said::default() };
        cases.push(api(said, consent, &[]));
    }
    cases
}

fn purpose(said: Said) -> Case {
    let mut consent = object(said.advertising, said.analytics, said.vendor);
    if said.gpc {
        consent.insert("gpc".into(), true.into());
    }
    api(said, consent, &[])
}

/// A word, consent mode, the IAB's string and a tool's cookie, agreeing and disagreeing.
fn signals_together() -> Vec<Case> {
    let mut cases = Vec::new();
    for word in [Answer::Silent, Answer::Yes, Answer::No] {
        for (gcd, by_gcd) in signals::gcds() {
            for (tc, by_tc) in signals::tc_strings() {
                for (cookies, by_cookie) in signals::cookies() {
                    for region in [Some("DE"), Some("US")] {
                        let mut consent = object(word, word, None);
                        put(&mut consent, gcd.as_deref(), tc.as_deref());
                        let said = merged(&[(word, word, None), by_gcd, by_tc, by_cookie], region);
                        cases.push(api(said, consent, &cookies));
                    }
                }
            }
        }
    }
    cases
}

/// What is rarer, without another signal beside it.
fn signals_alone() -> Vec<Case> {
    let mut cases = Vec::new();
    for region in [Some("DE"), Some("US")] {
        let gcds = signals::odd_gcds().into_iter().map(|(text, says)| (text, None, vec![], says));
        let strings = signals::odd_tc_strings().into_iter().map(|(text, says)| (None, text, vec![], says));
        let tools = signals::tools().into_iter().map(|(cookies, says)| (None, None, cookies, says));
        for (gcd, tc, cookies, says) in gcds.chain(strings).chain(tools) {
            let mut consent = Map::new();
            put(&mut consent, gcd.as_deref(), tc.as_deref());
            cases.push(api(merged(&[says], region), consent, &cookies));
        }
    }
    cases
}

fn put(consent: &mut Map<String, Value>, gcd: Option<&str>, tc: Option<&str>) {
    for (name, text) in [("gcd", gcd), ("tc_string", tc)] {
        if let Some(text) = text {
            consent.insert(name.into(), text.into());
        }
    }
}

fn api(said: Said, consent: Map<String, Value>, cookies: &[(&'static str, String)]) -> Case {
    let cookies: Map<String, Value> =
        cookies.iter().map(|(n, v)| ((*n).to_owned(), v.as_str().into())).collect();
    Case { said, told: Told::Api { consent: consent.into(), cookies: cookies.into() } }
}

fn pages(cookies: &[(Vec<(&'static str, String)>, Says)]) -> Vec<Case> {
    let (yes, no, silent) = (Answer::Yes, Answer::No, Answer::Silent);
    let words = [
        (silent, silent, None),
        (yes, yes, None),
        (no, no, None),
        (yes, no, None),
        (no, yes, None),
        (Answer::PresetYes, Answer::PresetYes, None),
        (yes, yes, Some(false)),
    ];
    let mut cases = Vec::new();
    for says in words {
        for (cookies, by_cookie) in cookies {
            for (gpc, region) in product(&[false, true], &[None, Some("US"), Some("US-CA")]) {
                let word = Value::from(object(says.0, says.1, says.2));
                let cookie: Vec<String> =
                    cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let said = Said { gpc, ..merged(&[says, *by_cookie], region) };
                cases.push(Case { said, told: Told::Page { word, cookie: cookie.join("; ") } });
            }
        }
    }
    cases
}

fn orders() -> Vec<Case> {
    let (yes, no, silent) = (Answer::Yes, Answer::No, Answer::Silent);
    let text = |says: Says| Value::from(Value::from(object(says.0, says.1, says.2)).to_string());
    let preset = (Answer::PresetYes, Answer::PresetYes, None);
    let metas = [
        (Value::Null, (silent, silent, None)),
        ("granted".into(), (yes, silent, None)),
        ("denied".into(), (no, silent, None)),
        ("can't say".into(), (no, silent, None)),
        (text((yes, yes, None)), (yes, yes, None)),
        (text((yes, no, None)), (yes, no, None)),
        (text((no, yes, None)), (no, yes, None)),
        (text(preset), preset),
        (text((silent, silent, Some(true))), (silent, silent, Some(true))),
    ];
    let mut cases = Vec::new();
    for (meta, says) in metas {
        for region in [None, Some("DE"), Some("US")] {
            let said = merged(&[says], region);
            cases.push(Case { said, told: Told::Order { meta: meta.clone() } });
        }
    }
    cases
}

fn merged(signals: &[Says], region: Option<&'static str>) -> Said {
    let advertising: Vec<Answer> = signals.iter().map(|says| says.0).collect();
    let analytics: Vec<Answer> = signals.iter().map(|says| says.1).collect();
    let vendors: Vec<bool> = signals.iter().filter_map(|says| says.2).collect();
    Said {
        advertising: Answer::of(&advertising),
        analytics: Answer::of(&analytics),
        vendor: (!vendors.is_empty()).then(|| vendors.iter().all(|yes| *yes)),
        region,
        ..Said::default()
    }
}

fn product<A: Copy, B: Copy>(a: &[A], b: &[B]) -> Vec<(A, B)> {
    a.iter().flat_map(|a| b.iter().map(|b| (*a, *b))).collect()
}
