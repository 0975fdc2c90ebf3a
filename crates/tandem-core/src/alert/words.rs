//! What people read.

use super::{Key, News, Notice, Reading, Rule, Unit};

/// The message of a piece of news.
#[must_use]
pub fn notice(rule: &Rule, event: News, reading: &Reading) -> Notice {
    let place = place(reading);
    let (title, text, remedy) = match event {
        News::Raised => (sentence(rule.key).to_owned(), numbers(rule, reading), remedy(rule.key)),
        News::Reminder => {
            let title = format!("Still so: {}", lower_first(sentence(rule.key)));
            (title, numbers(rule, reading), remedy(rule.key))
        }
        News::Cleared if reading.enough => {
            let title = format!("Over: {}", lower_first(sentence(rule.key)));
            let limit = shown(rule.unit, rule.clear);
            let text = match rule.unit {
                Unit::Switch => String::new(),
                unit => format!("It is {} now; it counts as over at {limit}.", shown(unit, reading.value)),
            };
            (title, text, "")
        }
        News::Cleared => {
            let title = format!("Over: {}", lower_first(sentence(rule.key)));
            (title, "For a day there has been too little to measure it by.".to_owned(), "")
        }
    };
    let title = if place.is_empty() { title } else { format!("{place}: {title}") };
    Notice { event, title, text, remedy: remedy.to_owned() }
}

/// What is wrong, in a few words.
#[must_use]
pub fn sentence(key: Key) -> &'static str {
    match key {
        Key::QueueAge => "Events wait too long to be sent",
        Key::ErrorRate => "Too many deliveries fail",
        Key::Stopped => "The platform refuses the access token, and nothing is sent",
        Key::Paused => "The destination has been paused for a day",
        Key::PurchasesMissing => "Paid orders do not reach the platform",
        Key::PurchasesFall => "Far fewer purchases come in than usual",
        Key::EmqDrop => "The match quality of purchases fell",
        Key::DuplicateRate => "Sales look reported twice under different ids",
        Key::Disk => "The disk cannot be written, and events are turned away",
        Key::SourceSilent => "A way in has gone silent",
    }
}

/// What to do.
#[must_use]
pub fn remedy(key: Key) -> &'static str {
    match key {
        Key::QueueAge => {
            "See on the page of destinations what the platform last answered. Nothing is lost: events are sent once it \
             answers again; after five minutes a sale can no longer be merged with its browser half."
        }
        Key::ErrorRate => {
            "See on the page of destinations with which code they end; each code has a remedy. What was refused can be \
             sent again with `tandem replay` once it is mended."
        }
        Key::Stopped => {
            "Make a new access token at the platform, put it into the configuration, and send SIGHUP. The events wait; \
             they are sent once it is taken."
        }
        Key::Paused => "Resume it on the page of destinations, or take it out of the configuration.",
        Key::PurchasesMissing => {
            "Open the reconciliation page: it lists each order that is missing, and why."
        }
        Key::PurchasesFall => {
            "Place a test order. See whether the shop's webhooks still arrive (WooCommerce, Settings, Advanced, Webhooks \
             must say Active), whether the script is on the thank-you page, and run `tandem doctor`."
        }
        Key::EmqDrop => {
            "Open the page of match quality: it shows which key became rarer, and on which devices."
        }
        Key::DuplicateRate => {
            "Give browser and server the same event_id for an order; the page of deduplication lists the pairs."
        }
        Key::Disk => {
            "Make room on the disk of the store. Senders that repeat, as webhooks and the script do, bring again what was \
             turned away."
        }
        Key::SourceSilent => {
            "Run `tandem doctor`. See whether the shop still sends: webhooks that failed five times are disabled by \
             WooCommerce, a new theme may have lost the script."
        }
    }
}

/// What the value is of, for a list of rules.
#[must_use]
pub fn measure(key: Key) -> &'static str {
    match key {
        Key::QueueAge => "how long the oldest waiting event has been here",
        Key::ErrorRate => "refused and expired deliveries, of all that ended in this hour and the last",
        Key::Stopped => "the platform refuses the access token",
        Key::Paused => "a person paused the destination",
        Key::PurchasesMissing => "orders of 24 closed hours that the destination should have and has not",
        Key::PurchasesFall => {
            "how far purchases are below the least that the same hours of 4 weeks make plausible"
        }
        Key::EmqDrop => "how far today's estimate for purchases is below that of 14 days",
        Key::DuplicateRate => "doubles found today and yesterday, for each sale",
        Key::Disk => "the last write failed",
        Key::SourceSilent => "events that should have come since the last one",
    }
}

/// A value with its unit.
#[must_use]
pub fn shown(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Seconds if value < 120.0 => format!("{value:.0} s"),
        Unit::Seconds if value < 7_200.0 => format!("{:.0} min", value / 60.0),
        Unit::Seconds if value < 172_800.0 => format!("{:.1} h", value / 3_600.0),
        Unit::Seconds => format!("{:.1} d", value / 86_400.0),
        Unit::Share => format!("{:.0} %", value * 100.0),
        Unit::Points => format!("{value:.1} points"),
        Unit::Events => format!("{value:.0} events"),
        Unit::Switch if value >= 1.0 => "yes".to_owned(),
        Unit::Switch => "no".to_owned(),
    }
}

fn numbers(rule: &Rule, reading: &Reading) -> String {
    let limit = match rule.unit {
        Unit::Switch => String::new(),
        unit => format!(
            "It is {}; it counts as wrong from {} on.",
            shown(unit, reading.value),
            shown(unit, rule.raise)
        ),
    };
    [reading.detail.as_str(), &limit]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `shop, tiktok`.
fn place(reading: &Reading) -> String {
    let parts = [reading.site.as_str(), &reading.destination];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
