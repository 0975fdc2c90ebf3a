//! All orders and counts of a window, added up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::judge::{Bench, Class, Order, Sale, Standing, State, add};
use super::platform::{Figure, Hints, PlatformDay, Sent};
use super::report::{At, Day, Difference, Report, Scope, Totals, sentence};
use super::words::{Kind, because};
use super::{DAY_MS, MAX_LISTED, PlatformCount, Zone, date_text};
use crate::Severity;
use crate::words::counted;

/// Takes orders one by one and adds them up.
#[derive(Debug)]
pub struct Reconciler {
    scope: Scope,
    days: Vec<Day>,
    /// By destination, orders of closed days with an unexplained difference.
    unexplained: Vec<u64>,
    /// By destination and day of the platform.
    sent: Vec<BTreeMap<i64, Sent>>,
    counting: Vec<Difference>,
    other: Vec<Difference>,
    unlisted: u64,
}

/// An order under judgement.
struct Case<'a> {
    order: &'a Order,
    at: usize,
    closed: bool,
    bench: Bench<'a>,
}

impl Reconciler {
    /// Nothing looked at yet.
    #[must_use]
    pub fn new(scope: Scope) -> Self {
        let day = |day: i64| Day {
            day,
            date: date_text(day),
            closed: scope.is_closed(day),
            at: scope
                .destinations
                .iter()
                .map(|name| At { destination: name.to_string(), ..At::default() })
                .collect(),
            ..Day::default()
        };
        let days = (scope.first_day()..=scope.today()).map(day).collect();
        let number = scope.destinations.len();
        let (unexplained, sent) = (vec![0; number], vec![BTreeMap::new(); number]);
        Self { scope, days, unexplained, sent, counting: Vec::new(), other: Vec::new(), unlisted: 0 }
    }

    /// Takes an order. One of a day outside the window counts for nothing but the platforms' days.
    pub fn order(&mut self, order: &Order) {
        self.note_sent(order);
        let day = self.scope.settings.zone.day_of(order.at_ms());
        let Ok(at) = usize::try_from(day - self.scope.first_day()) else { return };
        let Some(closed) = self.days.get(at).map(|day| day.closed) else { return };
        let statuses = self.scope.settings.paid_statuses.clone();
        let bench = Bench { own_statuses: &statuses, since_ms: self.scope.since_ms, closed };
        let case = Case { order, at, closed, bench };
        match order.standing(&bench) {
            Standing::Aside(kind) => self.set_aside(&case, kind),
            Standing::Counts => self.count(&case),
        }
    }

    /// What platforms got, by their days.
    fn note_sent(&mut self, order: &Order) {
        for sale in &order.sales {
            for delivery in sale.deliveries.iter().filter(|d| d.state == State::Delivered) {
                let place = self.scope.destinations.iter().position(|name| *name == delivery.destination);
                let Some(days) = place.and_then(|place| self.sent.get_mut(place)) else { continue };
                let happened = sale.at_ms.div_euclid(DAY_MS);
                let sent = delivery.sent_ms.map_or(happened, |at_ms| at_ms.div_euclid(DAY_MS));
                let day = days.entry(happened).or_default();
                day.events += 1;
                day.worth = day.worth.with(sale);
                if sent != happened {
                    day.left += 1;
                    days.entry(sent).or_default().joined += 1;
                }
            }
        }
    }

    fn set_aside(&mut self, case: &Case<'_>, kind: Kind) {
        if let Some(day) = self.days.get_mut(case.at) {
            *day.aside.entry(kind.code()).or_default() += 1;
        }
        let order = &case.order.order_id;
        let text = match kind {
            Kind::Unpaid => format!("Order {order} is not paid."),
            Kind::Refunded => format!("Order {order} was paid back."),
            Kind::UnknownStatus => {
                format!("Order {order} has a status that is neither known as paid nor as unpaid.")
            }
            _ => format!("Order {order} was reported before what is still on record."),
        };
        self.tell(case, kind, true, None, text);
    }

    fn count(&mut self, case: &Case<'_>) {
        let order = case.order;
        let odd = self.oddities(case);
        if let Some(day) = self.days.get_mut(case.at) {
            day.orders += 1;
            let listed = order.listed.as_ref().and_then(|l| Some((l.total?, l.currency)));
            let money = listed.or_else(|| order.reported());
            add(&mut day.value, money.map(|(value, _)| value), money.and_then(|(_, currency)| currency));
        }
        let mut told = false;
        for (place, name) in self.scope.destinations.clone().iter().enumerate() {
            let class = order.class(name, &case.bench);
            let twice = order.twice_at(name).map(|second| second.event_id.clone());
            let unexplained = matches!(class, Class::NotSent { explained: false, .. });
            if case.closed && (unexplained || odd || twice.is_some()) {
                self.unexplained.get_mut(place).into_iter().for_each(|count| *count += 1);
            }
            // What is so for the order as a whole is told once.
            if !told || !order.sales.is_empty() {
                self.tell_class(case, name, &class);
                told = true;
            }
            if let Some(second) = twice {
                let text = format!(
                    "Order {} went to {name} twice, the second time under the id {second}: it counts twice there.",
                    order.order_id
                );
                self.tell(case, Kind::Twice, false, Some(name), text);
            }
            self.classify(case, place, class);
        }
    }

    fn classify(&mut self, case: &Case<'_>, place: usize, class: Class) {
        let Some(at) = self.days.get_mut(case.at).and_then(|day| day.at.get_mut(place)) else { return };
        match class {
            Class::Delivered => {
                at.delivered += 1;
                let money = case.order.reported();
                add(&mut at.delivered_value, money.map(|(value, _)| value), money.and_then(|(_, c)| c));
            }
            Class::Moving => at.moving += 1,
            Class::NotSent { reason, .. } => *at.not_sent.entry(reason.into_owned()).or_default() += 1,
        }
    }

    fn tell_class(&mut self, case: &Case<'_>, destination: &Arc<str>, class: &Class) {
        let order = &case.order.order_id;
        let heard = !case.order.sales.is_empty();
        let place = heard.then_some(destination);
        match class {
            Class::Delivered => {}
            Class::Moving if heard => {
                let text = format!("Order {order} is on its way to {destination}.");
                self.tell(case, Kind::Moving, true, place, text);
            }
            Class::Moving => {
                let text = format!("Order {order} was not heard of yet; the sweep may still find it.");
                self.tell(case, Kind::Moving, true, None, text);
            }
            Class::NotSent { reason, .. } if *reason == Kind::Missing.code() => {
                let text = format!(
                    "Order {order} is paid in the shop's list, and nothing was ever heard of it here."
                );
                self.tell(case, Kind::Missing, false, None, text);
            }
            Class::NotSent { reason, .. } if *reason == Kind::BeforeStart.code() => {
                let text = format!("Order {order} is older than what is on record.");
                self.tell(case, Kind::BeforeStart, true, None, text);
            }
            Class::NotSent { reason, .. } if *reason == Kind::NoDestination.code() => {
                let text = format!("Order {order} has no delivery to {destination}.");
                self.tell(case, Kind::NoDestination, true, place, text);
            }
            Class::NotSent { reason, explained } => {
                let to = if heard { format!(" to {destination}") } else { String::new() };
                let text = format!("Order {order} was not sent{to}: {}.", because(reason));
                let mut difference = self.difference(case, Kind::NotSent, *explained, place, text);
                if *explained {
                    // Its own code says more, and it is nobody's fault.
                    difference.code = reason.to_string();
                    difference.severity = Severity::Info;
                    difference.remedy = "Nothing: it follows from a choice or a setting.".to_owned();
                }
                self.list(difference);
            }
        }
    }

    /// What is odd about the order whatever the destination; whether anything is.
    fn oddities(&mut self, case: &Case<'_>) -> bool {
        let order = case.order;
        let id = &order.order_id;
        let mut odd = false;
        if let Some((listed, reported)) = order.other_currency() {
            let text =
                format!("Order {id} is in {listed} in the shop's list and was reported in {reported}.");
            self.tell(case, Kind::Currency, false, None, text);
            odd = true;
        }
        if let Some((total, reported, currency)) =
            order.other_value().filter(|_| !self.scope.settings.other_values)
        {
            let unit = currency.map_or_else(String::new, |c| format!(" {c}"));
            let text = format!(
                "Order {id} is {total}{unit} in the shop's list and was reported with {reported}{unit}."
            );
            let mut difference = self.difference(case, Kind::Value, false, None, text);
            let gap = if total > reported {
                total.saturating_sub(reported)
            } else {
                reported.saturating_sub(total)
            };
            (difference.amount, difference.currency) = (Some(gap), currency);
            self.list(difference);
            odd = true;
        }
        let delivered = |sale: &Sale| sale.deliveries.iter().any(|d| d.state == State::Delivered);
        if order.listed.is_none() && self.scope.list_has(order.at_ms()) && order.sales.iter().any(delivered) {
            let text = format!("Order {id} was delivered, and the shop's list does not have it.");
            self.tell(case, Kind::Unknown, false, None, text);
            odd = true;
        }
        odd
    }

    fn tell(&mut self, case: &Case<'_>, kind: Kind, explained: bool, at: Option<&Arc<str>>, text: String) {
        let difference = self.difference(case, kind, explained, at, text);
        self.list(difference);
    }

    fn difference(
        &self,
        case: &Case<'_>,
        kind: Kind,
        explained: bool,
        destination: Option<&Arc<str>>,
        sentence: String,
    ) -> Difference {
        let order = case.order;
        let listed = order.listed.as_ref().and_then(|listed| Some((listed.total?, listed.currency)));
        let money = listed.or_else(|| order.reported());
        Difference {
            code: kind.code().to_owned(),
            severity: kind.severity(),
            explained,
            closed: case.closed,
            date: self.days.get(case.at).map(|day| day.date.clone()).unwrap_or_default(),
            order_id: Some(order.order_id.clone()),
            order_number: None,
            event_seq: order.sales.first().map(|sale| sale.event_seq),
            destination: destination.map(ToString::to_string),
            amount: money.map(|(amount, _)| amount),
            currency: money.and_then(|(_, currency)| currency),
            sentence,
            remedy: kind.remedy().to_owned(),
        }
    }

    fn list(&mut self, difference: Difference) {
        let counts = difference.closed && !difference.explained;
        let list = if counts { &mut self.counting } else { &mut self.other };
        if list.len() < MAX_LISTED { list.push(difference) } else { self.unlisted += 1 }
    }

    /// Compares the platforms' own figures, and adds everything up.
    #[must_use]
    pub fn finish(mut self, counts: &[PlatformCount], hints: &Hints) -> Report {
        self.compare_platforms(counts, hints);
        let totals: Vec<Totals> = (0..self.scope.destinations.len()).map(|place| self.total(place)).collect();
        let Self { scope, days, counting, other, mut unlisted, .. } = self;
        let mut differences = counting;
        // Open days' first, then what is explained.
        let (open, explained): (Vec<_>, Vec<_>) = other.into_iter().partition(|d| !d.explained);
        differences.extend(open.into_iter().chain(explained));
        unlisted += differences.len().saturating_sub(MAX_LISTED) as u64;
        differences.truncate(MAX_LISTED);
        let closed = days.iter().filter(|day| day.closed);
        Report {
            zone: scope.settings.zone.name(),
            from: date_text(scope.first_day()),
            to: date_text(scope.today()),
            closed_days: closed.clone().count() as u64,
            has_list: scope.list.is_some(),
            orders: closed.map(|day| day.orders).sum(),
            share: totals.iter().map(|t| t.share).fold(0.0, f64::max),
            totals,
            days,
            differences,
            unlisted,
        }
    }

    /// Lays every platform day that lies whole in the window beside what was sent for it.
    fn compare_platforms(&mut self, counts: &[PlatformCount], hints: &Hints) {
        let whole = |day: i64| Zone::default().start_of(day) >= self.scope.from_ms();
        let mut compared = Vec::new();
        for (place, name) in self.scope.destinations.iter().enumerate() {
            let own: BTreeMap<i64, &PlatformCount> = counts
                .iter()
                .filter(|count| count.destination == **name)
                .map(|count| (count.day, count))
                .collect();
            let sent = self.sent.get(place);
            let sent = |day: i64| sent.and_then(|days| days.get(&day)).copied().unwrap_or_default();
            let days = own.iter().filter(|(day, _)| whole(**day));
            compared.extend(
                days.map(|(day, count)| PlatformDay::compare(count, sent(*day), hints, self.scope.now_ms)),
            );
        }
        for day in compared {
            self.tell_platform(&day);
            if let Some(row) = self.days.iter_mut().find(|row| row.day == day.day) {
                row.platform.push(day);
            }
        }
    }

    fn tell_platform(&mut self, day: &PlatformDay) {
        let kind = match day.difference {
            0 if day.value_differs => return self.tell_value(day),
            0 => return,
            ..0 => Kind::PlatformLess,
            1.. => Kind::PlatformMore,
        };
        let by = day.difference.unsigned_abs();
        let (destination, date) = (&day.destination, &day.date);
        let mut sentence = format!(
            "On {date} (UTC) {} {} delivered to {destination}, and it counted {} ({}): {by} {}.",
            counted(day.delivered, "sale"),
            if day.delivered == 1 { "was" } else { "were" },
            day.counted,
            day.figure.text(),
            if day.difference < 0 { "fewer" } else { "more" },
        );
        if !day.reasons.is_empty() {
            sentence.push_str(&format!(" Probably: {}.", day.reasons.join("; ")));
        }
        let explained = day.unexplained == 0 || day.figure == Figure::Attributed && day.difference < 0;
        let severity = if explained { Severity::Info } else { kind.severity() };
        self.list(Difference { severity, explained, ..of_platform(kind, day, sentence) });
    }

    /// The number of sales is the same, and what they are worth is not. It counts no order as different: which of them it
    /// is, nobody can tell.
    fn tell_value(&mut self, day: &PlatformDay) {
        let (Some(ours), Some(theirs), Some(currency)) = (day.delivered_value, day.value, day.currency)
        else {
            return;
        };
        let (destination, date) = (&day.destination, &day.date);
        let gap = if ours > theirs { ours.saturating_sub(theirs) } else { theirs.saturating_sub(ours) };
        let sentence = format!(
            "On {date} (UTC) {destination} counted as many sales as were delivered ({}), with a value of {theirs} {currency} \
             in place of {ours} {currency}.",
            day.delivered,
        );
        let (amount, currency) = (Some(gap), Some(currency));
        self.list(Difference { amount, currency, ..of_platform(Kind::PlatformValue, day, sentence) });
    }

    fn total(&self, place: usize) -> Totals {
        let destination = self.scope.destinations.get(place).map(ToString::to_string).unwrap_or_default();
        let mut total = Totals { destination, ..Totals::default() };
        total.orders_unexplained = self.unexplained.get(place).copied().unwrap_or_default();
        for day in &self.days {
            let judged = day.platform.iter().filter(|p| p.judged && p.destination == total.destination);
            for platform in judged {
                total.platform_days += 1;
                total.platform_value_days += u64::from(platform.value_differs);
                total.platform_unexplained += platform.unexplained;
            }
            let Some(at) = day.at.get(place).filter(|_| day.closed) else { continue };
            total.orders += day.orders;
            total.delivered += at.delivered;
            for (reason, number) in &at.not_sent {
                *total.not_sent.entry(reason.clone()).or_default() += number;
            }
        }
        let unexplained = total.orders_unexplained + total.platform_unexplained;
        #[expect(clippy::cast_precision_loss, reason = "a share is rounded anyway")]
        {
            total.share = unexplained as f64 / total.orders.max(1) as f64;
        }
        let closed = self.days.iter().filter(|day| day.closed).count();
        total.sentence = sentence(&total, closed);
        total
    }
}

/// A difference that is about a platform's day, as yet without an explanation.
fn of_platform(kind: Kind, day: &PlatformDay, sentence: String) -> Difference {
    Difference {
        code: kind.code().to_owned(),
        severity: kind.severity(),
        explained: false,
        closed: day.judged,
        date: day.date.clone(),
        order_id: None,
        order_number: None,
        event_seq: None,
        destination: Some(day.destination.clone()),
        amount: None,
        currency: None,
        sentence,
        remedy: kind.remedy().to_owned(),
    }
}
