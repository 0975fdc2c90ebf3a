//! The answer to the first question, in one sentence.

use serde::Serialize;

use super::lanes::Destination;
use crate::format;

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Answer {
    /// `good`, `wait`, `bad`, or nothing while there is nothing to judge.
    pub(super) mood: &'static str,
    pub(super) text: String,
}

/// Something to do about it, with where.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Remark {
    pub(super) mood: &'static str,
    pub(super) text: String,
    pub(super) href: &'static str,
    pub(super) link: &'static str,
}

/// `meta`, or `meta of shop` where several sites have one.
fn name(one: &Destination, all: &[Destination]) -> String {
    let is_only = all.iter().all(|other| other.site == one.site);
    if is_only { one.title.clone() } else { format!("{} of {}", one.title, one.site) }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn named<'a>(all: &'a [Destination], state: &'a str) -> Vec<String> {
    all.iter().filter(|one| one.state == state).map(|one| name(one, all)).collect()
}

/// `All 3 destinations deliver; 1 event waits since 22 Nov 14:02.`
pub(super) fn answer(all: &[Destination], alerts: usize, writable: bool, has_events: bool) -> Answer {
    if !writable {
        let text = "The disk cannot be written: events are turned away until it can.".to_owned();
        return Answer { mood: "bad", text };
    }
    if !has_events {
        let text = "Ready. Nothing has come in yet.".to_owned();
        return Answer { mood: "", text };
    }
    let mut parts = vec![deliver(all)];
    parts.extend(waits(all));
    if alerts > 0 {
        parts.push(if alerts == 1 {
            "1 alert is firing".to_owned()
        } else {
            format!("{alerts} alerts are firing")
        });
    }
    let losses = all.iter().any(|one| one.mood == "bad");
    let mood = match () {
        () if all.iter().any(|one| one.state == "stopped") || losses => "bad",
        () if alerts > 0 || all.iter().any(|one| one.state != "running" || !one.mood.is_empty()) => "wait",
        () => "good",
    };
    Answer { mood, text: format!("{}.", parts.join("; ")) }
}

fn deliver(all: &[Destination]) -> String {
    let refused: Vec<String> = all
        .iter()
        .filter(|one| one.state == "running" && one.mood == "bad")
        .map(|one| name(one, all))
        .collect();
    let (stopped, paused, late) = (named(all, "stopped"), named(all, "paused"), named(all, "late"));
    let troubled = stopped.len() + paused.len() + late.len() + refused.len();
    let mut reasons = Vec::new();
    let verb = |names: &[String], one: &'static str, several: &'static str| {
        if names.len() == 1 { one } else { several }
    };
    for (names, one, several) in [
        (&stopped, "stands still", "stand still"),
        (&paused, "is paused", "are paused"),
        (&late, "is late", "are late"),
        (&refused, "refuses much", "refuse much"),
    ] {
        if !names.is_empty() {
            reasons.push(format!("{} {}", listed(names), verb(names, one, several)));
        }
    }
    let whole = match (all.len(), troubled) {
        (0, _) => return "Events are kept; no destination is set up".to_owned(),
        (1, 0) => format!("{} delivers", name_of_first(all)),
        (2, 0) => "Both destinations deliver".to_owned(),
        (n, 0) => format!("All {n} destinations deliver"),
        (1, _) => String::new(),
        (n, _) => format!("{} of {n} destinations deliver", n - troubled),
    };
    match (whole.is_empty(), reasons.is_empty()) {
        (_, true) => whole,
        (true, _) => reasons.join("; "),
        (false, false) => format!("{whole}: {}", reasons.join("; ")),
    }
}

fn name_of_first(all: &[Destination]) -> String {
    all.first().map(|one| name(one, all)).unwrap_or_default()
}

/// What is late, and since when: of all destinations together.
fn waits(all: &[Destination]) -> Option<String> {
    let late: Vec<&Destination> =
        all.iter().filter(|one| one.state != "running" && one.waiting > 0).collect();
    let waiting: i64 = late.iter().map(|one| one.waiting).sum();
    let since_ms = late.iter().filter_map(|one| one.late_since_ms).min()?;
    let verb = if waiting == 1 { "event waits" } else { "events wait" };
    Some(format!("{} {verb} since {}", format::count(waiting), format::day_time(since_ms)))
}

/// What a person has to do something about.
pub(super) fn remarks(all: &[Destination], writable: bool) -> Vec<Remark> {
    let mut remarks = Vec::new();
    if !writable {
        let text =
            "Make room on the disk. Senders try again, so nothing is lost as long as they do.".to_owned();
        remarks.push(Remark { mood: "bad", text, href: "", link: "" });
    }
    for one in all {
        if let Some((why, since_ms)) = &one.stopped {
            let text =
                format!("{} stands still since {}: {why}", name(one, all), format::day_time(*since_ms));
            remarks.push(Remark { mood: "bad", text, href: "/destinations", link: "Mend and go on" });
        } else if let Some(who) = &one.paused_by {
            let text = format!("{} is paused by {who}; its events wait.", name(one, all));
            remarks.push(Remark { mood: "wait", text, href: "/destinations", link: "Let it go on" });
        } else if one.mood == "bad" {
            let lost = format::many(one.rejected + one.expired, "event", "events");
            let text = format!("{} did not take {lost} in this time.", name(one, all));
            remarks.push(Remark { mood: "bad", text, href: "/findings#not-sent", link: "See why" });
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(title: &str, state: &'static str) -> Destination {
        Destination { site: "shop".into(), title: title.into(), state, ..Destination::default() }
    }

    fn said(all: &[Destination]) -> (&'static str, String) {
        let answer = answer(all, 0, true, true);
        (answer.mood, answer.text)
    }

    #[test]
    fn the_first_line_answers() {
        let three = || vec![one("A", "running"), one("B", "running"), one("C", "running")];
        assert_eq!(said(&three()), ("good", "All 3 destinations deliver.".into()));
        assert_eq!(said(&three()[..2]), ("good", "Both destinations deliver.".into()));
        assert_eq!(said(&three()[..1]), ("good", "A delivers.".into()));
        assert_eq!(said(&[]), ("good", "Events are kept; no destination is set up.".into()));
        let mut late = three();
        late[1] = Destination { waiting: 1_200, late_since_ms: Some(1_795_356_189_120), ..one("B", "late") };
        let text = "2 of 3 destinations deliver: B is late; 1,200 events wait since 22 Nov 14:03.";
        assert_eq!(said(&late), ("wait", text.into()));
        late[2].state = "stopped";
        assert_eq!(said(&late).0, "bad");
        assert!(said(&late).1.starts_with("1 of 3 destinations deliver: C stands still; B is late"));
        assert_eq!(answer(&three(), 2, true, true).text, "All 3 destinations deliver; 2 alerts are firing.");
    }

    #[test]
    fn a_full_disk_comes_before_everything_and_an_empty_log_is_no_fault() {
        assert_eq!(answer(&[one("A", "running")], 0, false, true).mood, "bad");
        assert_eq!(answer(&[one("A", "running")], 0, true, false).mood, "");
        assert_eq!(remarks(&[], false).len(), 1);
    }

    #[test]
    fn sites_are_named_where_there_are_several() {
        let mut all = vec![one("A", "stopped"), one("A", "running")];
        all[1].site = "other".into();
        assert_eq!(said(&all).1, "1 of 2 destinations deliver: A of shop stands still.");
    }
}
