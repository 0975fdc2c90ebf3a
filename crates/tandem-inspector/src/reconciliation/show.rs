//! How a comparison reads: the answer, the first numbers, each destination, and a column a day.

use std::collections::BTreeMap;

use minijinja::Value;
use serde::Serialize;
use tandem_gateway::reconcile::{Day, LIMIT, Report, Totals};

use crate::chart::{self, Series};
use crate::format;

/// Lengths of the switch, in days; the second is what is shown without a choice.
const CHOICES: [u32; 4] = [7, 14, 28, 90];

/// Currencies among the first numbers.
const CURRENCIES: usize = 3;

#[derive(Serialize)]
pub(super) struct Shown {
    mood: &'static str,
    answer: String,
    figures: Vec<Figure>,
    totals: Vec<Destination>,
    chart: Option<Value>,
    /// What people call each destination.
    titles: BTreeMap<String, &'static str>,
}

#[derive(Serialize)]
struct Figure {
    name: String,
    value: String,
    note: String,
    mood: &'static str,
}

/// Closed days of one destination.
#[derive(Serialize)]
struct Destination {
    title: &'static str,
    orders: u64,
    delivered: u64,
    /// Per cent.
    rate: String,
    not_sent: BTreeMap<String, u64>,
    unexplained: u64,
    /// Of its own figures, if there are any.
    platform: String,
}

/// Name and address of each length of the switch, and whether it is the present one.
pub(super) fn periods(site: &str, days: u32) -> Vec<(String, String, bool)> {
    let period = |choice: u32| (format!("{choice} days"), super::address(site, Some(choice)), choice == days);
    CHOICES.into_iter().map(period).collect()
}

pub(super) fn shown(report: &Report) -> Shown {
    let titles = report.totals.iter().map(|total| (total.destination.clone(), title(&total.destination)));
    let (mood, answer) = answer(report);
    Shown {
        mood,
        answer,
        figures: figures(report),
        totals: report.totals.iter().map(destination).collect(),
        chart: drawn(&report.days),
        titles: titles.collect(),
    }
}

fn title(destination: &str) -> &'static str {
    tandem_destinations::platform(destination).map_or("", |platform| platform.definition.title)
}

fn answer(report: &Report) -> (&'static str, String) {
    if report.totals.is_empty() {
        let text =
            "The site has no destination: events are kept and sent nowhere. There is nothing to compare.";
        return ("", text.to_owned());
    }
    if report.orders == 0 {
        let text = "There is no paid order on a closed day yet. A day is closed 48 hours after its end.";
        return ("", text.to_owned());
    }
    if report.share <= 0.0 {
        let all = if report.orders == 1 { "The one paid order" } else { "Every paid order" };
        return ("good", format!("{all} of the closed days is accounted for."));
    }
    let text = format!(
        "{:.1} % of closed days' orders have a difference that nothing explains. {:.0} % is the limit.",
        report.share * 100.0,
        LIMIT * 100.0
    );
    (if report.share > LIMIT { "bad" } else { "wait" }, text)
}

fn number(orders: u64) -> i64 {
    i64::try_from(orders).unwrap_or(i64::MAX)
}

fn figures(report: &Report) -> Vec<Figure> {
    let plain = |name: &str, value: u64, note: String| Figure {
        name: name.to_owned(),
        value: format::count(number(value)),
        note,
        mood: "",
    };
    let open: Vec<&Day> = report.days.iter().filter(|day| !day.closed).collect();
    let closed = report.days.len() - open.len();
    let mut figures = vec![plain("Paid orders", report.orders, on(closed, "closed day", "closed days"))];
    figures.extend(report.value().into_iter().take(CURRENCIES).map(|(currency, value)| Figure {
        name: format!("Their value, {currency}"),
        value: format::money(&value.to_string()),
        note: String::new(),
        mood: "",
    }));
    let worst = report.totals.iter().map(|total| total.orders_unexplained).max().unwrap_or(0);
    figures.push(Figure {
        mood: if worst == 0 { "" } else { "bad" },
        ..plain("Unexplained", worst, "orders, at the worst destination".to_owned())
    });
    let moving = open.iter().map(|day| day.orders).sum();
    figures.push(plain(
        "Not judged yet",
        moving,
        on(open.len(), "day that is still moving", "days that are still moving"),
    ));
    figures
}

/// `on 3 closed days`.
fn on(days: usize, one: &str, more: &str) -> String {
    format!("on {}", format::many(i64::try_from(days).unwrap_or(i64::MAX), one, more))
}

fn destination(total: &Totals) -> Destination {
    let rate = format::percent(number(total.delivered), number(total.orders));
    Destination {
        title: title(&total.destination),
        orders: total.orders,
        delivered: total.delivered,
        rate: rate.map_or_else(|| "–".to_owned(), |rate| format!("{rate} %")),
        not_sent: total.not_sent.clone(),
        unexplained: total.orders_unexplained,
        platform: match (total.platform_days, total.platform_unexplained) {
            (0, _) => "not known".to_owned(),
            (known, 0) => {
                let agree = format!("agree on {}", format::many(number(known), "day", "days"));
                match total.platform_value_days {
                    0 => agree,
                    days => format!("{agree}, with another value on {}", format::count(number(days))),
                }
            }
            (_, off) => format!("{} off", format::count(number(off))),
        },
    }
}

/// A column a day. Nothing, where there was no order.
fn drawn(days: &[Day]) -> Option<Value> {
    if days.iter().all(|day| day.orders == 0) {
        return None;
    }
    let everywhere = |day: &Day| day.at.iter().map(|at| at.delivered).min().unwrap_or(0);
    let column = |of: &dyn Fn(&Day) -> u64| days.iter().map(|day| number(of(day))).collect();
    let series = [
        Series {
            name: "delivered everywhere",
            class: "accent",
            values: column(&|day| if day.closed { everywhere(day) } else { 0 }),
        },
        Series {
            name: "not everywhere",
            class: "bad",
            values: column(&|day| if day.closed { day.orders.saturating_sub(everywhere(day)) } else { 0 }),
        },
        Series {
            name: "still moving",
            class: "quiet",
            values: column(&|day| if day.closed { 0 } else { day.orders }),
        },
    ];
    let labels: Vec<String> = days.iter().map(|day| format::day(day.day)).collect();
    let words =
        "Paid orders a day, by whether every destination got them; the numbers are in the table below.";
    Some(chart::bars("Paid orders by day", words, &labels, &series))
}

#[cfg(test)]
mod tests {
    use tandem_gateway::reconcile::At;

    use super::*;

    fn day(orders: u64, delivered: u64, closed: bool) -> Day {
        let at = |delivered| At { delivered, ..At::default() };
        Day { orders, closed, at: vec![at(orders), at(delivered)], ..Day::default() }
    }

    #[test]
    fn the_chart_tells_what_is_judged_from_what_is_not() {
        let svg = drawn(&[day(4, 2, true), day(2, 0, false)]).unwrap().to_string();
        for text in
            ["2 delivered everywhere, 2 not everywhere, 0 still moving", "0 not everywhere, 2 still moving"]
        {
            assert!(svg.contains(text), "{text} is not in {svg}");
        }
        assert!(drawn(&[day(0, 0, true)]).is_none());
    }

    #[test]
    fn numbers_of_days_are_written_as_people_do() {
        let closed = |days| on(days, "closed day", "closed days");
        assert_eq!([closed(1), closed(0)], ["on 1 closed day", "on 0 closed days"]);
        let moving = on(3, "day that is still moving", "days that are still moving");
        assert_eq!(moving, "on 3 days that are still moving");
    }

    #[test]
    fn the_rate_is_never_rounded_up_to_all() {
        let rate = |delivered, orders| destination(&Totals { delivered, orders, ..Totals::default() }).rate;
        assert_eq!([rate(9_999, 10_000), rate(5, 5), rate(0, 0)], ["99.9 %", "100 %", "–"]);
    }
}
