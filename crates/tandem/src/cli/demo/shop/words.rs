//! What to say to the visitor about an order.

use super::outcome::Stage;
use super::ruling::Ruling;
use super::{Answer, Said};

/// All that the words depend on.
pub(super) struct Facts<'a> {
    pub(super) stage: Stage,
    /// What is missing will not come any more.
    pub(super) late: bool,
    /// The pixel cannot load.
    pub(super) blocked: bool,
    /// How the server half came to its click id.
    pub(super) joined: Option<&'static str>,
    pub(super) ruling: Option<&'a Ruling>,
    /// What the buyer had said when the order was placed.
    pub(super) with_order: Said,
    /// What the buyer says now.
    pub(super) now: Said,
}

/// How the buyer stands to this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    Accepted,
    AcceptedLater,
    Declined,
    DeclinedLater,
    DeclinedByBrowser,
    TookBack,
    Silent,
}

impl Facts<'_> {
    /// As the gateway has it on record; before that, as the order has it.
    pub(super) fn stand(&self) -> Stand {
        let of_order = match self.with_order.answer {
            _ if self.with_order.gpc => Stand::DeclinedByBrowser,
            Some(Answer::Accepted) => Stand::Accepted,
            Some(Answer::Declined) => Stand::Declined,
            None => match self.now.answer {
                Some(Answer::Accepted) => Stand::AcceptedLater,
                Some(Answer::Declined) => Stand::DeclinedLater,
                None => Stand::Silent,
            },
        };
        match self.ruling.filter(|ruling| ruling.is_kept_back()).map(Ruling::reason) {
            Some("gpc") => Stand::DeclinedByBrowser,
            Some("withdrawn") => Stand::TookBack,
            _ => of_order,
        }
    }

    pub(super) fn headline(&self) -> &'static str {
        match (self.stage, self.late) {
            (Stage::Unpaid, _) => "Not paid, so nothing is reported",
            (Stage::NotSent, _) if self.stand() == Stand::AcceptedLater => "Neither half was sent yet",
            (Stage::NotSent, _) => "Neither half was sent",
            (Stage::Waiting, true) => "Nothing has arrived yet",
            (Stage::Waiting, false) => match self.stand() {
                Stand::Accepted | Stand::AcceptedLater => "Both halves are on their way",
                Stand::Silent => "The gateway waits for your answer",
                _ => "Nothing is being sent",
            },
            (Stage::BrowserOnly, _) if self.is_kept_back() => "Only the browser half was sent",
            (Stage::BrowserOnly, false) => "The browser half is here",
            (Stage::BrowserOnly, true) => "Only the browser half came",
            (Stage::ServerOnly, _) if self.blocked => "Your blocker stopped the pixel",
            (Stage::ServerOnly, false) => "The server half is here",
            (Stage::ServerOnly, true) => "Only the server half came",
            (Stage::Both, _) => "Reported twice, counted once",
        }
    }

    pub(super) fn detail(&self) -> String {
        let mut detail = match (self.stage, self.ruling) {
            (Stage::NotSent, Some(ruling)) => {
                format!("{} It is on record as {} ({}).", self.why_not(), ruling.code, ruling.reason())
            }
            _ => self.progress().to_owned(),
        };
        if let Some(how) = self.joined.filter(|_| matches!(self.stage, Stage::Both | Stage::ServerOnly)) {
            detail.push_str(
                " The shop’s webhook knew no click id: the gateway added it from a visit of this buyer, ",
            );
            detail.push_str(how);
            detail.push('.');
        } else if self.stage == Stage::Both && self.stand() == Stand::AcceptedLater {
            detail.push_str(" No click id came along: before you answered, none was kept.");
        }
        detail
    }

    fn is_kept_back(&self) -> bool {
        self.ruling.is_some_and(Ruling::is_kept_back)
    }

    fn progress(&self) -> &'static str {
        match (self.stage, self.late) {
            (Stage::Unpaid, _) => "An order counts once the money is there.",
            (Stage::Waiting, false) if self.stand() == Stand::Silent => {
                "It holds the shop’s report for up to three seconds, in case the page tells."
            }
            (Stage::Waiting, true) => {
                "The server half leaves within seconds of the payment; the gateway’s record says what holds it."
            }
            (Stage::BrowserOnly, _) if self.is_kept_back() => {
                "You accepted after you had ordered, and then the page told. The order itself keeps the answer it was \
                 placed under, so the gateway keeps the server half back."
            }
            (Stage::BrowserOnly, false) => {
                "The server half waits up to three seconds for what the page can add to it."
            }
            (Stage::BrowserOnly, true) => "The gateway’s record says what became of the server half.",
            (Stage::ServerOnly, _) if self.blocked => "The server half counted the sale all the same.",
            (Stage::ServerOnly, false) => "The browser half should follow.",
            (Stage::ServerOnly, true) => {
                "The pixel never reported it: a blocker, a page that did not load, or no script. \
                 The server half counted the sale all the same."
            }
            (Stage::Both, _) => "Both halves carry the same event id.",
            (Stage::Waiting | Stage::NotSent, _) => "",
        }
    }

    fn why_not(&self) -> &'static str {
        match self.stand() {
            Stand::Declined => {
                "Your browser loaded no pixel and told the gateway nothing. The shop’s report carries your no, and the \
                 gateway kept it back: now, and whatever becomes of this order later."
            }
            Stand::DeclinedByBrowser => {
                "Your browser sends Global Privacy Control, and that outweighs any answer to the banner. The pixel did \
                 not load, and the gateway kept the shop’s report back."
            }
            Stand::DeclinedLater => {
                "The order was placed before you answered, so it has no yes of yours, and now you declined. The pixel \
                 did not load, and the gateway kept the shop’s report back."
            }
            Stand::TookBack => {
                "You took your yes back before the shop’s report went out, so the gateway kept it back."
            }
            Stand::Silent => {
                "This shop asks first, and silence is no yes: the pixel did not load, and the gateway kept the shop’s \
                 report back. Accept now, and it takes this order up again."
            }
            Stand::AcceptedLater => {
                "You have accepted since. The gateway takes this order up again as soon as its thank-you page tells."
            }
            Stand::Accepted => "The gateway’s record says what kept it back.",
        }
    }
}

impl Stand {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Accepted => "You accepted",
            Self::AcceptedLater => "You accepted after you ordered",
            Self::Declined => "You declined",
            Self::DeclinedLater => "You declined after you ordered",
            Self::DeclinedByBrowser => "Your browser declined for you",
            Self::TookBack => "You took your yes back",
            Self::Silent => "You have not answered",
        }
    }
}
