//! Event ids that were meant to be one: spelled otherwise, or with a letter wrong.

/// Words that one side puts in front of an order's number and the other leaves out.
const PREFIXES: &[&str] = &[
    "wc",
    "woo",
    "woocommerce",
    "shopify",
    "order",
    "orderid",
    "purchase",
    "event",
    "eventid",
    "evt",
    "id",
    "tx",
];

/// Longer ids are not looked at: they are drawn by lot, or hold more than an order's number.
const LONGEST: usize = 64;

/// What is left of an id without case, separators, zeros in front of numbers, and the usual words before a number:
/// `order-891`, `WC_Order_00891` and `891` are all `891`. Runs of letters and of digits stay apart: `1_23` is not `12_3`.
///
/// `None` for ids that cannot have a second spelling of anybody's making: random ones, and those without a digit.
#[must_use]
pub fn folded(id: &str) -> Option<String> {
    if is_random(id) || !id.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let runs = runs(id);
    let words = runs.iter().take_while(|run| PREFIXES.contains(&run.as_str())).count();
    let rest = runs.get(words..).filter(|rest| !rest.is_empty())?;
    Some(rest.join("-"))
}

/// Whether an id was drawn by lot (a UUID, a hash): no two of those are alike unless they are equal.
#[must_use]
pub fn is_random(id: &str) -> bool {
    if id.len() > LONGEST || ["made_", "hit_"].iter().any(|prefix| id.starts_with(prefix)) {
        return true;
    }
    // Long runs of mixed letters and digits; separators of a UUID do not count.
    let plain: Vec<u8> = id.bytes().filter(|b| *b != b'-').collect();
    let part = |bytes: &[u8]| {
        let changes = bytes
            .windows(2)
            .filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()));
        bytes.len() >= 16 && changes.count() >= 4
    };
    plain.split(|b| !b.is_ascii_alphanumeric()).any(part)
}

/// Runs of letters and of digits, in lower case, without zeros in front of a number.
fn runs(id: &str) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    let mut last = None;
    for c in id.chars() {
        let kind = c.is_alphanumeric().then(|| c.is_ascii_digit());
        match (kind, runs.last_mut()) {
            (None, _) => {}
            (Some(_), Some(run)) if kind == last => run.extend(c.to_lowercase()),
            (Some(_), _) => runs.push(c.to_lowercase().collect()),
        }
        last = kind;
    }
    for run in &mut runs {
        let digits = run.trim_start_matches('0');
        if digits.len() < run.len() {
            *run = if digits.is_empty() { "0".to_owned() } else { digits.to_owned() };
        }
    }
    runs
}

/// Whether one id is the other with something behind: `order_891` and `order_891_upsell_1`, the way a further sale of one
/// order is told from the first.
#[must_use]
pub fn is_extended(a: &str, b: &str) -> bool {
    extends(a, b) || extends(b, a)
}

/// Whether the second id is the first with something behind.
#[must_use]
pub fn extends(first: &str, id: &str) -> bool {
    id.strip_prefix(first).and_then(|rest| rest.chars().next()).is_some_and(|c| !c.is_alphanumeric())
}

/// Whether both are parts of one order: what is left of them before the last word or number is the same, and has the order's
/// number in it. `order_891_upsell_1` and `order_891_upsell_2`, or `891-deposit` and `891-balance`.
#[must_use]
pub fn are_parts(a: &str, b: &str) -> bool {
    let whole = |id: &str| folded(id)?.rsplit_once('-').map(|(order, _)| order.to_owned());
    whole(a).is_some_and(|order| order.contains(|c: char| c.is_ascii_digit()) && whole(b) == Some(order))
}

/// Whether one character more, less or other makes one of the other.
#[must_use]
pub fn is_one_letter_off(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if long.len() - short.len() > 1 || a == b {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(a, b)| a == b).count();
    let skip = usize::from(short.len() == long.len());
    short.get(same + skip..) == long.get(same + 1..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_id_fold_into_one() {
        for id in ["order-891", "order_891", "Order891", "WC_Order_00891", "891", "000891", "wc.891"] {
            assert_eq!(folded(id).as_deref(), Some("891"), "{id}");
        }
        let others = [
            ("order_8910", Some("8910")),
            ("order_891_bump_1", Some("891-bump-1")),
            ("lead_891", Some("lead-891")),
            ("cart_1_23", Some("cart-1-23")),
            ("cart_12_3", Some("cart-12-3")),
            ("INV-2026-0007", Some("inv-2026-7")),
            ("order_0", Some("0")),
            ("no-digits", None),
            ("order", None),
            ("", None),
            ("made_0123456789abcdef01234567", None),
            ("3f2b8c1e-7a4d-4f6b-9c0e-5d1a2b3c4d5e", None),
            ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", None),
        ];
        for (id, expected) in others {
            assert_eq!(folded(id).as_deref(), expected, "{id}");
        }
    }

    #[test]
    fn one_letter_and_a_suffix_are_told_apart() {
        assert!(is_one_letter_off("order_891", "order_892"));
        assert!(is_one_letter_off("order_891", "order_8911"));
        assert!(is_one_letter_off("orde_891", "order_891"));
        assert!(!is_one_letter_off("order_891", "order_891"));
        assert!(!is_one_letter_off("order_891", "order_903"));
        assert!(!is_one_letter_off("order_891", "order_891_1"));
        assert!(is_extended("order_891", "order_891_bump_1"));
        assert!(is_extended("order_891_bump_1", "order_891"));
        assert!(extends("order_891", "order_891_bump_1") && !extends("order_891_bump_1", "order_891"));
        assert!(!is_extended("order_891", "order_8912"));
        assert!(!is_extended("order_891", "order_891"));
        assert!(are_parts("order_891_upsell_1", "order_891_upsell_2"));
        assert!(are_parts("891-deposit", "order_891_balance"));
        assert!(!are_parts("order_891", "order_892"));
        assert!(!are_parts("order_891_1", "order_892_1"));
    }
}
