//! Texts of others that may repeat what was sent: hashes are cut, and network addresses shortened, before such a text is
//! kept or shown. It is recognised by its shape, since nobody knows who writes what into a message.

use std::net::IpAddr;

use tandem_destinations::{Reply, Verdict};

use crate::pipeline;

/// Hexadecimal digits of SHA-256.
const HASH: usize = 64;

/// Digits of a hash that are left: enough to see that two are the same.
const OF_A_HASH: usize = 8;

/// The text without whole hashes (SHA-256 as 64 hexadecimal digits) and full network addresses.
#[must_use]
pub fn cut(text: &str) -> String {
    let of_address = |c: char| c.is_ascii_hexdigit() || matches!(c, '.' | ':');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(of_address) {
        let (before, run) = rest.split_at(start);
        let (run, after) = run.split_at(run.find(|c| !of_address(c)).unwrap_or(run.len()));
        out.push_str(before);
        // Digits in the middle of a word are a part of it.
        let hangs = out.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        if hangs {
            out.push_str(run)
        } else {
            push(&mut out, run)
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// A platform may repeat in its words what it was sent.
pub(crate) fn in_words(reply: Reply) -> Reply {
    let cut_in = |verdict: Verdict| match verdict {
        Verdict::Delivered { warning } => Verdict::Delivered { warning: warning.as_deref().map(cut) },
        Verdict::Retry { pace, after_ms, code, why } => {
            Verdict::Retry { pace, after_ms, code, why: cut(&why) }
        }
        Verdict::Rejected { code, why } => Verdict::Rejected { code, why: cut(&why) },
        Verdict::StopDestination { code, why } => Verdict::StopDestination { code, why: cut(&why) },
    };
    match reply {
        Reply::Whole(verdict) => Reply::Whole(cut_in(verdict)),
        Reply::Each(each) => Reply::Each(each.into_iter().map(cut_in).collect()),
    }
}

fn push(out: &mut String, run: &str) {
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    // A sentence or a pair may end with what addresses are made of.
    let bare = run.trim_matches(|c| matches!(c, '.' | ':'));
    let bare = if is_address(run) { run } else { bare };
    if is_address(bare) && bare.len() > "::".len() {
        let (before, after) = run.split_once(bare).unwrap_or_default();
        out.push_str(before);
        out.push_str(&pipeline::shortened(bare));
        out.push_str(after);
        return;
    }
    for part in run.split_inclusive(['.', ':']) {
        let digits = part.trim_end_matches(['.', ':']);
        match digits.get(..OF_A_HASH).filter(|_| digits.len() == HASH) {
            Some(start) => {
                out.push_str(start);
                out.push('…');
                out.push_str(part.get(digits.len()..).unwrap_or_default());
            }
            None => out.push_str(part),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::cut;

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn hashes_and_addresses_are_cut_wherever_they_stand() {
        for (text, shown) in [
            (format!("{{\"em\":[\"{HASH}\"]}}"), "{\"em\":[\"9f86d081…\"]}"),
            (format!("bad hash {}.", HASH.to_uppercase()), "bad hash 9F86D081…."),
            (format!("{HASH}:{HASH}"), "9f86d081…:9f86d081…"),
            (
                "client_ip_address: 93.184.216.34, and more".to_owned(),
                "client_ip_address: 93.184.216.0, and more",
            ),
            ("from 93.184.216.34.".to_owned(), "from 93.184.216.0."),
            ("ip=2001:db8:1:2:3:4:5:6;".to_owned(), "ip=2001:db8:1::;"),
        ] {
            assert_eq!(cut(&text), shown);
        }
    }

    #[test]
    fn what_is_neither_stays() {
        for text in [
            "",
            "The token is wrong (40105): see v1.3, at 12:30:09.",
            "order_1234567890abcdef1234567890abcdef1234",
            "https://graph.example/v24.0/123456789/events",
            "é 1.2.3 ::",
        ] {
            assert_eq!(cut(text), text);
        }
    }
}
