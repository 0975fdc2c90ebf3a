//! Whether the played orders came to what they should.

use serde_json::Value;

use super::captures::{COUNTED, NOT_SENT};
use super::shop;

/// What became of the played purchases.
pub(super) struct Verdict {
    counts: Vec<Count>,
    counted: usize,
    kept_back: Vec<Option<KeptBack>>,
}

struct Count {
    once: bool,
    keys: usize,
}

/// A purchase that nobody was told of, as the gateway has it on record.
struct KeptBack {
    code: String,
    ruling: String,
    message: String,
}

impl Verdict {
    /// Of a report of the stand-in and the gateway's deliveries; what the demo's shop sold meanwhile is left out.
    pub(super) fn of(report: &Value, deliveries: &[Value]) -> Self {
        let all = report["conversions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let played: Vec<&Value> = all.iter().filter(|c| !shop::is_of_a_visitor(c)).collect();
        let count = |(id, value, currency): &(&str, &str, &str)| {
            let found: Vec<_> = played.iter().filter(|c| c["event_id"] == *id).collect();
            let same = |c: &&&&Value| c["currency"] == *currency && same(&c["value"], value);
            let keys = found.first().and_then(|c| c["user_keys"].as_array()).map_or(0, Vec::len);
            Count { once: found.len() == 1 && found.iter().all(|c| same(&c)), keys }
        };
        Self {
            counts: COUNTED.iter().map(count).collect(),
            counted: played.len(),
            kept_back: NOT_SENT.iter().map(|(id, ..)| KeptBack::find(deliveries, id)).collect(),
        }
    }

    /// Everything once, and nothing else; and what must not be sent is on record for the right reason.
    pub(super) fn right(&self) -> bool {
        let counted = self.counted == COUNTED.len() && self.counts.iter().all(|count| count.once);
        counted && self.kept_back_rightly() == NOT_SENT.len()
    }

    fn kept_back_rightly(&self) -> usize {
        NOT_SENT.iter().zip(&self.kept_back).filter(|(expected, kept)| fits(expected, kept.as_ref())).count()
    }

    /// Prints each purchase beside what should have become of it.
    pub(super) fn show(&self) {
        say!("\nWhat TikTok counts:\n");
        for ((id, value, currency), count) in COUNTED.iter().zip(&self.counts) {
            let word = if count.once { "once" } else { "WRONG" };
            say!("  Purchase  {id:<14} {value:>8} {currency}   {word:<6} {} match keys", count.keys);
        }
        say!("\nWhat it is not told, and why:\n");
        for (expected, kept) in NOT_SENT.iter().zip(&self.kept_back) {
            let Some(KeptBack { code, ruling, message }) = kept else {
                say!("  Purchase  {:<14} WRONG: not on record as kept back", expected.0);
                continue;
            };
            let word = if fits(expected, kept.as_ref()) { "" } else { "WRONG: " };
            say!("  Purchase  {:<14} {word}{code} ({ruling})\n      {message}", expected.0);
        }
        say!("\n  {self}");
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} purchases counted, {} expected, once each.", self.counted, COUNTED.len())?;
        writeln!(
            f,
            "  {} not sent, {} expected: one buyer declined, one never answered.",
            self.kept_back_rightly(),
            NOT_SENT.len()
        )?;
        write!(f, "  Order 53 (never paid) and the deleted one count nothing.")
    }
}

impl KeptBack {
    fn find(deliveries: &[Value], event_id: &str) -> Option<Self> {
        let is_it = |row: &&Value| {
            row["event_id"] == event_id && row["destination"] == super::CHECKED && row["state"] == "skipped"
        };
        let row = deliveries.iter().find(is_it)?;
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        Some(Self { code: text("code"), ruling: text("consent"), message: text("message") })
    }
}

fn fits((_, code, ruling): &(&str, &str, &str), kept: Option<&KeptBack>) -> bool {
    kept.is_some_and(|kept| kept.code == *code && kept.ruling == *ruling)
}

fn same(counted: &Value, expected: &str) -> bool {
    let text = counted.as_str().map_or_else(|| counted.to_string(), str::to_owned);
    let number = |t: &str| t.parse::<tandem_core::Amount>().map(|a| a.decimal().normalize()).ok();
    number(&text) == number(expected)
}
