//! Deduplication: do page and server report under one id, what may count twice, and what did not thanks to us.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use tandem_core::{Amount, Currency, codes};
use tandem_store::insight::doubles::{Asked as Wanted, Both, CodeCount, Halves, Twins};

use crate::asked::Asked;
use crate::period::Scope;
use crate::session::Visitor;
use crate::shell::Entry;
use crate::{Inspector, format};

pub(crate) const ENTRY: Entry = Entry { path: "/deduplication", name: "Deduplication", group: "Quality" };

/// What two events show that one event counts twice.
const DOUBLES: [&str; 4] = ["id_near_miss", "order_under_two_ids", "order_under_two_names", "value_jump"];

/// What single events show: a pixel cannot have this id.
const RISKS: [&str; 4] = ["event_id_unpaired", "sale_id_differs", "event_id_missing", "names_mixed"];

/// What was kept from counting twice.
const REMOVED: [&str; 3] = ["duplicate", "event_id_unpaired", "page_reports"];

/// Pairs of one code that are looked at, and rows shown of all. Where there are more, what they have in common tells
/// about the others.
const LOOKED_AT: u32 = 200;
const SHOWN: usize = 50;

/// Percent of the events whose pixel is known that a page may report alone: those whose server half is late. Ours.
const MOST_PAGE_ONLY: i64 = 5;

/// Fewer pairs tell nothing about a set-up.
const LEAST: i64 = 5;

#[derive(Serialize)]
struct Page {
    scope: Scope,
    answer: (&'static str, String),
    double: Double,
    pairs: Vec<Pair>,
    pairs_more: i64,
    looked_at: u32,
    late: i64,
    late_pairs: Vec<Pair>,
    removed: Vec<Removed>,
    removed_sum: i64,
    halves: Vec<Print>,
    has_halves: bool,
    risks: Vec<Risk>,
}

/// What both a destination got, and what it is worth.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Double {
    events: i64,
    /// `267.00 EUR`, one for each currency.
    money: Vec<String>,
    /// Pairs that were seen, sent or not.
    seen: i64,
    /// Not all pairs were looked at: the other figures are what they come to if all are like those.
    is_projected: bool,
}

/// Of how many pairs how many were looked at.
#[derive(Debug, Clone, Copy)]
struct Sample {
    looked_at: i64,
    all: i64,
}

impl Sample {
    fn is_part(self) -> bool {
        self.looked_at > 0 && self.all > self.looked_at
    }

    fn project(self, number: i64) -> i64 {
        if !self.is_part() {
            return number;
        }
        let projected = i128::from(number) * i128::from(self.all) / i128::from(self.looked_at);
        i64::try_from(projected).unwrap_or(i64::MAX)
    }

    fn project_money(self, sum: Amount, currency: &str) -> Amount {
        let digits = Currency::parse(currency).and_then(|known| known.minor_digits()).unwrap_or(2);
        let times = sum.decimal().checked_mul(self.all.into()).filter(|_| self.is_part());
        let projected = times.and_then(|times| times.checked_div(self.looked_at.into()));
        projected.map_or(sum, |decimal| Amount::new(decimal.round_dp(digits)))
    }
}

#[derive(Serialize)]
struct Pair {
    at_ms: i64,
    site: String,
    code: String,
    one: Side,
    other: Option<Side>,
    /// Destinations that got both, or are about to.
    both: Both,
    message: String,
}

#[derive(Serialize)]
struct Side {
    seq: i64,
    event_name: String,
    source: String,
    value: String,
    /// What is the same, what differs, what is the same again.
    id: [String; 3],
}

#[derive(Serialize)]
struct Removed {
    code: String,
    count: i64,
    what: String,
}

#[derive(Serialize)]
struct Risk {
    code: String,
    count: i64,
    what: String,
    fix: String,
}

/// One name against the healthy fingerprint.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Print {
    halves: Halves,
    /// Of those whose pixel is known, in percent.
    both_share: Option<i64>,
    /// For a tag.
    state: &'static str,
    word: &'static str,
    why: &'static str,
}

pub(crate) async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    let known = ["site", "period", "from", "to"];
    let scope = Asked::read(&uri, &known).and_then(|asked| Scope::read(&inspector, ENTRY.path, &asked, "7d"));
    let scope = match scope {
        Ok(scope) => scope,
        Err(text) => return inspector.shell.unclear(&visitor, &text),
    };
    let (site, days) = (Some(scope.site.clone()).filter(|site| !site.is_empty()), scope.period.days());
    let from_ms = scope.period.from_ms;
    let read = crate::read(&inspector, move |store| {
        let asked = Wanted { site: site.as_deref(), days };
        let mut twins = store.near_misses(asked, from_ms, LOOKED_AT)?;
        for code in DOUBLES {
            twins.extend(store.twins(asked, code, from_ms, LOOKED_AT)?);
        }
        let mut all = store.code_counts(asked, &DOUBLES)?;
        all.extend(store.notice_counts(asked, "near_miss")?);
        let looked_at = i64::try_from(twins.len()).unwrap_or(i64::MAX);
        let sample = Sample { looked_at, all: all.iter().map(|one| one.count).sum() };
        let mut removed = store.skips(asked, &REMOVED)?;
        removed.extend(store.notice_counts(asked, "duplicate")?);
        let findings = store.code_counts(asked, &RISKS)?;
        let late = store.code_counts(asked, &["late_pair"])?;
        let late_pairs = store.twins(asked, "late_pair", from_ms, 20)?;
        Ok(((twins, sample), removed, findings, late, late_pairs, store.halves(asked)?))
    });
    let Some(((twins, sample), removed, risks, late, late_pairs, halves)) = read.await else {
        return inspector.shell.no_answer(&visitor);
    };
    let twins = once_each(twins);
    let double = double(&twins, sample);
    let removed_sum = removed.iter().map(|one| one.count).sum();
    let pairs: Vec<Pair> = twins.into_iter().take(SHOWN).map(pair).collect();
    let page = Page {
        answer: answer(&double, removed_sum, &scope.period.words),
        pairs_more: double.seen.saturating_sub(i64::try_from(pairs.len()).unwrap_or(i64::MAX)),
        double,
        pairs,
        looked_at: LOOKED_AT,
        late: late.iter().map(|one| one.count).sum(),
        late_pairs: late_pairs.into_iter().map(pair).collect(),
        removed: removed.into_iter().map(removed_row).collect(),
        removed_sum,
        has_halves: halves.iter().any(|one| one.both + one.browser + one.server > 0),
        halves: halves.into_iter().map(print_of).collect(),
        risks: risks.into_iter().map(risk).collect(),
        scope,
    };
    inspector.shell.page(Some(&visitor), StatusCode::OK, "deduplication.html", ENTRY.name, &page)
}

fn answer(double: &Double, removed: i64, period: &str) -> (&'static str, String) {
    let kept = match removed {
        0 => String::new(),
        1 => " One repeat was not counted twice.".to_owned(),
        n => format!(" {} repeats were not counted twice.", format::count(n)),
    };
    match double.events {
        0 => ("good", format!("In {period} nothing that was sent looks counted twice.{kept}")),
        n => {
            let about = if double.is_projected { "about " } else { "" };
            let sales =
                if n == 1 { "1 event looks".to_owned() } else { format!("{} events look", format::count(n)) };
            let money = double.money.join(" and ");
            let money = if money.is_empty() { String::new() } else { format!(", worth {about}{money}") };
            let why = if double.is_projected {
                format!(", if all pairs are like the newest {LOOKED_AT} of each kind")
            } else {
                String::new()
            };
            ("bad", format!("In {period} {about}{sales} counted twice{money}{why}.{kept}"))
        }
    }
}

/// The same two events may be seen under two codes: the newest first, each pair once.
fn once_each(mut twins: Vec<Twins>) -> Vec<Twins> {
    twins.sort_by_key(|pair| std::cmp::Reverse(pair.at_ms));
    let mut seen = HashSet::new();
    twins.retain(|pair| match &pair.other {
        Some(other) if pair.one.seq > 0 => {
            seen.insert((pair.one.seq.min(other.seq), pair.one.seq.max(other.seq)))
        }
        _ => true,
    });
    twins
}

/// Only what one destination really got twice counts, whoever sent it.
fn double(twins: &[Twins], sample: Sample) -> Double {
    let mut money: BTreeMap<String, Amount> = BTreeMap::new();
    let sent: Vec<&Twins> = twins.iter().filter(|pair| got_both(&pair.both)).collect();
    for pair in &sent {
        let told =
            [Some(&pair.one), pair.other.as_ref()].into_iter().flatten().find(|one| one.value.is_some());
        let Some(told) = told else { continue };
        let Some(value) = told.value.as_deref().and_then(|text| text.parse::<Amount>().ok()) else {
            continue;
        };
        let sum = money.entry(told.currency.clone().unwrap_or_default()).or_default();
        *sum = sum.decimal().checked_add(value.decimal()).map_or(*sum, Amount::new);
    }
    let written = |(currency, sum): (String, Amount)| {
        let sum = sample.project_money(sum, &currency);
        format!("{} {currency}", format::money(&sum.to_string())).trim_end().to_owned()
    };
    let project = |number: usize| sample.project(i64::try_from(number).unwrap_or(i64::MAX));
    Double {
        events: project(sent.len()),
        seen: project(twins.len()),
        money: money.into_iter().map(written).collect(),
        is_projected: sample.is_part(),
    }
}

fn got_both(both: &Both) -> bool {
    !(both.sent_to.is_empty() && both.pixel_sent_to.is_empty())
}

fn pair(twins: Twins) -> Pair {
    let other_id = twins.other.as_ref().map_or("", |other| other.event_id.as_str());
    let (one_id, other_id) = differing(&twins.one.event_id, other_id);
    let side = |twin: tandem_store::insight::doubles::Twin, id| Side {
        seq: twin.seq,
        event_name: twin.event_name,
        source: twin.source,
        value: twin.value.map_or_else(String::new, |value| {
            format!("{} {}", format::money(&value), twin.currency.unwrap_or_default())
        }),
        id,
    };
    Pair {
        at_ms: twins.at_ms,
        site: twins.site,
        code: twins.code,
        other: twins.other.map(|other| side(other, other_id)),
        one: side(twins.one, one_id),
        both: twins.both,
        message: twins.message,
    }
}

/// Two ids, each as what both begin with, what differs, and what both end with.
fn differing(a: &str, b: &str) -> ([String; 3], [String; 3]) {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let same = |(a, b): &(&char, &char)| a == b;
    let head = a.iter().zip(&b).take_while(same).count();
    let (rest_a, rest_b) = (a.get(head..).unwrap_or_default(), b.get(head..).unwrap_or_default());
    let tail = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(same).count();
    let cut = |all: &[char]| {
        let middle = all.len().saturating_sub(tail);
        let text = |from: usize, to: usize| all.get(from..to).unwrap_or_default().iter().collect();
        [text(0, head), text(head, middle), text(middle, all.len())]
    };
    (cut(&a), cut(&b))
}

fn explained(code: &str) -> (String, String) {
    let plain = |text: &str| text.replace('`', "");
    codes::find(code).map(|found| (plain(&found.what), plain(&found.fix))).unwrap_or_default()
}

fn removed_row(of: CodeCount) -> Removed {
    let skip = codes::find_as(codes::Kind::Skip, &of.code).or_else(|| codes::find(&of.code));
    Removed {
        what: skip.map(|code| code.what.replace('`', "")).unwrap_or_default(),
        count: of.count,
        code: of.code,
    }
}

fn risk(of: CodeCount) -> Risk {
    let (what, fix) = explained(&of.code);
    Risk { what, fix, count: of.count, code: of.code }
}

/// The healthy fingerprint: both halves of most events arrive, and next to none comes from the page alone. Events that no
/// page told of, as renewals, say nothing.
fn print_of(halves: Halves) -> Print {
    let (both, browser, server) = (halves.both, halves.browser, halves.server);
    let known = both + browser + server;
    let share = (known > 0).then(|| both * 100 / known);
    let (state, word, why) = match share {
        None => ("", "not known", "No page told what became of its pixel, so there is nothing to compare."),
        Some(_) if known < LEAST => ("", "too few", "Too few events to tell."),
        Some(_) if browser.saturating_mul(100) > known.saturating_mul(MOST_PAGE_ONLY) => (
            "bad",
            "server lacks events",
            "The page's pixel reports what we do not report under the same id: the server's events are missing, or have \
             other ids.",
        ),
        Some(share) if share < 50 => (
            "wait",
            "few pairs",
            "Most pixels were blocked or not loaded. The server's half counts alone: look at consent and at the pixel.",
        ),
        Some(_) => {
            ("good", "healthy", "Most events have both halves, and the server reports what the page does.")
        }
    };
    Print { both_share: share, state, word, why, halves }
}

#[cfg(test)]
mod tests {
    use tandem_store::insight::doubles::Twin;

    use super::*;

    fn twins(one: i64, other: i64, sent_to: &str, value: &str) -> Twins {
        let twin = |seq: i64| Twin {
            seq,
            event_id: format!("order_{seq}"),
            value: Some(value.to_owned()),
            currency: Some("EUR".to_owned()),
            ..Twin::default()
        };
        Twins {
            code: "id_near_miss".into(),
            message: String::new(),
            at_ms: one,
            site: "shop".into(),
            one: twin(one),
            other: Some(twin(other)),
            both: Both { sent_to: sent_to.into(), ..Both::default() },
        }
    }

    #[test]
    fn only_what_was_sent_twice_is_double() {
        let all = [twins(2, 1, "tiktok", "89.99"), twins(4, 3, "", "10"), twins(6, 5, "meta", "0.01")];
        let whole = Sample { looked_at: 3, all: 3 };
        let found = double(&all, whole);
        assert_eq!((found.events, found.seen, found.money), (2, 3, vec!["90.00 EUR".to_owned()]));
        let by_pixel = Both { pixel_sent_to: "tiktok".into(), ..Both::default() };
        assert_eq!(double(&[Twins { both: by_pixel, ..all[1].clone() }], whole).money, ["10 EUR"]);
        let (mood, text) = answer(&double(&all, whole), 212, "the last 7 days");
        assert_eq!(mood, "bad");
        assert!(text.ends_with("worth 90.00 EUR. 212 repeats were not counted twice."), "{text}");
        assert_eq!(answer(&double(&all[1..2], whole), 0, "x").0, "good");
    }

    #[test]
    fn what_was_not_looked_at_is_reckoned_by_what_was() {
        let all = [twins(2, 1, "tiktok", "89.99"), twins(4, 3, "", "10")];
        let found = double(&all, Sample { looked_at: 2, all: 1_337 });
        assert_eq!((found.events, found.seen, found.is_projected), (668, 1_337, true));
        assert_eq!(found.money, ["60,158.32 EUR"]);
        let (_, text) = answer(&found, 0, "the last 7 days");
        assert!(
            text.contains("about 668 events look counted twice, worth about 60,158.32 EUR, if all"),
            "{text}"
        );
        // Counts of the period may lag behind the pairs, and nothing seen tells nothing.
        for sample in [Sample { looked_at: 2, all: 1 }, Sample { looked_at: 0, all: 7 }] {
            assert_eq!(double(&all, sample).events, 1);
        }
    }

    #[test]
    fn a_pair_seen_under_two_codes_is_one() {
        let all = vec![twins(2, 1, "tiktok", "1"), twins(1, 2, "tiktok", "1"), twins(3, 1, "", "1")];
        assert_eq!(once_each(all).len(), 2);
    }

    #[test]
    fn what_differs_is_marked() {
        let texts = |parts: [String; 3]| parts.join("|");
        for (a, b, marked_a, marked_b) in [
            ("order-891", "order_891", "order|-|891", "order|_|891"),
            ("891", "wc_891", "||891", "|wc_|891"),
            ("aa", "aaa", "aa||", "aa|a|"),
            ("x", "", "|x|", "||"),
            ("é1", "é2", "é|1|", "é|2|"),
        ] {
            let (one, other) = differing(a, b);
            assert_eq!((texts(one).as_str(), texts(other).as_str()), (marked_a, marked_b), "{a} {b}");
        }
    }

    #[test]
    fn the_fingerprint_is_read() {
        let print =
            |both, browser, server| print_of(Halves { both, browser, server, ..Halves::default() }).word;
        assert_eq!(print(80, 2, 18), "healthy");
        assert_eq!(print(80, 30, 1), "server lacks events");
        // Sales that no page told of are as many as you like.
        assert_eq!(print(200, 10, 0), "healthy");
        assert_eq!(print(20, 10, 0), "server lacks events");
        assert_eq!(print(20, 0, 80), "few pairs");
        assert_eq!(print(1, 0, 0), "too few");
        assert_eq!(print(0, 0, 0), "not known");
    }
}
