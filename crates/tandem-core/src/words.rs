//! Numbers in sentences.

use std::fmt::Display;

/// `1 event`, `2000 events`.
#[must_use]
pub fn counted<N: Display + PartialEq + From<u8>>(n: N, unit: &str) -> String {
    let end = if n == N::from(1) { "" } else { "s" };
    format!("{n} {unit}{end}")
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_told_from_more() {
        assert_eq!([counted(0_i64, "event"), counted(1_i64, "event")], ["0 events", "1 event"]);
        assert_eq!(counted(2_000_usize, "full hour"), "2000 full hours");
    }
}
