//! The names of differences and what to do about each.

use serde::{Serialize, Serializer};

use crate::Severity;
use crate::codes::SERVER_HALF_REPORTS;

/// What is different. The codes are public: they never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Paid in the shop's list, never heard of here.
    Missing,
    /// Heard of, not delivered, and no setting or choice of the buyer's explains it.
    NotSent,
    /// Delivered with another value than the shop's list has.
    Value,
    /// Delivered in another currency.
    Currency,
    /// Delivered under two ids to one destination.
    Twice,
    /// Delivered, and not in the shop's list.
    Unknown,
    /// The platform counts fewer than were delivered.
    PlatformLess,
    /// The platform counts more than were delivered.
    PlatformMore,
    /// The platform counts as many as were delivered, with another value.
    PlatformValue,
    /// Still on its way, on a day that is not closed.
    Moving,
    /// The destination was not set up when the order came.
    NoDestination,
    /// Placed before the first event on record.
    BeforeStart,
    /// The shop's list has a status that nobody explained.
    UnknownStatus,
    /// The shop's list says that it is not paid.
    Unpaid,
    /// The shop's list says that it was paid back.
    Refunded,
}

impl Kind {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "order_missing",
            Self::NotSent => "order_not_sent",
            Self::Value => "order_value_differs",
            Self::Currency => "order_currency_differs",
            Self::Twice => "order_twice",
            Self::Unknown => "order_unknown_to_shop",
            Self::PlatformLess => "platform_counts_less",
            Self::PlatformMore => "platform_counts_more",
            Self::PlatformValue => "platform_value_differs",
            Self::Moving => "order_still_moving",
            Self::NoDestination => "no_destination",
            Self::BeforeStart => "order_before_start",
            Self::UnknownStatus => "order_status_unknown",
            Self::Unpaid => "order_not_paid",
            Self::Refunded => "order_refunded",
        }
    }

    /// How bad it is where nothing explains it.
    #[must_use]
    pub fn severity(self) -> Severity {
        match self {
            Self::Missing | Self::NotSent | Self::Twice => Severity::Error,
            Self::Value
            | Self::Currency
            | Self::Unknown
            | Self::PlatformLess
            | Self::PlatformMore
            | Self::PlatformValue
            | Self::UnknownStatus => Severity::Warning,
            Self::Moving | Self::NoDestination | Self::BeforeStart | Self::Unpaid | Self::Refunded => {
                Severity::Info
            }
        }
    }

    /// What to do, in one sentence.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Missing => {
                "Look whether webhook or plugin reach the gateway (tandem doctor), and switch on the sweep, which finds \
                 such orders by itself."
            }
            Self::NotSent => "Open the order: its deliveries say why.",
            Self::Value => {
                "Look whether the order was edited after it was reported, or a rule or setting reports another value."
            }
            Self::Currency => "See that shop and page report the currency the order was placed in.",
            Self::Twice => "Let everything that reports the order use one event id.",
            Self::Unknown => {
                "Look whether it is a test order or one that was deleted, and whether the list has all orders of the day."
            }
            Self::PlatformLess => {
                "Look into the platform's diagnostics of that day; deliveries it took and did not count are named there."
            }
            Self::PlatformMore => {
                "Look for a second pixel, or another integration that reports sales to the same pixel."
            }
            Self::PlatformValue => {
                "Look whether a rule changes the value for this destination, whether the platform converted the currency, \
                 and whether another integration reports the same sales first, with a value of its own."
            }
            Self::Moving => "Wait until the day is closed.",
            Self::NoDestination => "Nothing, if the destination was added later.",
            Self::BeforeStart => "Nothing: it is older than the log.",
            Self::UnknownStatus => "If it means paid, add it to paid_statuses in [site.reconcile].",
            Self::Unpaid => "Nothing: it is reported once it is paid.",
            Self::Refunded => "Nothing: platforms have no event for refunds.",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

/// Skips that follow from a choice: the visitor's, the shop's, or what the platform takes at all. Whatever else keeps an
/// order from a destination is a fault somewhere.
const CHOSEN: &[&str] = &[
    "bot",
    "channel_not_supported",
    "consent_denied",
    "consent_unknown",
    "event_not_selected",
    "event_not_supported",
    "event_too_old",
    "order_renewal",
    "page_reports",
    "rule",
    "rule_drop",
];

/// Whether a reason explains by itself why an order was not sent.
pub(super) fn is_chosen(reason: &str) -> bool {
    CHOSEN.contains(&reason)
}

/// A skip or rejection in words, for a sentence that begins with the order.
pub(super) fn because(reason: &str) -> String {
    match reason {
        "bot" => "a machine placed it".to_owned(),
        "channel_not_supported" => "it was no sale on the web".to_owned(),
        "consent_denied" => "the buyer said no".to_owned(),
        "consent_unknown" => "nothing is known of the buyer's consent".to_owned(),
        "event_not_selected" | "rule" | "rule_drop" => "the site's settings leave it out".to_owned(),
        "event_too_old" => "it was too old when it came".to_owned(),
        "order_renewal" => "it is a renewal, which this site does not report".to_owned(),
        "page_reports" => "the page reports it itself".to_owned(),
        SERVER_HALF_REPORTS => "only a page told of it: the shop's server never did".to_owned(),
        "order_not_paid" => "nobody told the gateway that it was paid".to_owned(),
        "waiting" => "it still waits".to_owned(),
        "expired" => "the platform could not be reached until retries ended".to_owned(),
        "rejected" => "the platform refused it".to_owned(),
        other => format!("the reason is {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_told_in_words() {
        for reason in CHOSEN.iter().filter(|reason| **reason != "event_not_supported") {
            assert!(!because(reason).contains(reason), "{reason}");
        }
        assert_eq!(because("money_missing"), "the reason is money_missing");
    }
}
