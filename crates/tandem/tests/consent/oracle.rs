//! What docs/consent.md says must become of an event, written down once more and without a look at the gate.

use std::fmt;

/// What one signal, or all of them together, say of a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Answer {
    Yes,
    No,
    /// By the shop's tool, before anybody chose.
    PresetYes,
    PresetNo,
    #[default]
    Silent,
}

impl Answer {
    pub(crate) const ALL: [Self; 5] = [Self::Silent, Self::Yes, Self::No, Self::PresetYes, Self::PresetNo];

    /// A visitor's choice outweighs a preset, one no any number of yeses.
    pub(crate) fn of(signals: &[Self]) -> Self {
        let order = [Self::No, Self::Yes, Self::PresetNo, Self::PresetYes];
        order.into_iter().find(|answer| signals.contains(answer)).unwrap_or(Self::Silent)
    }

    pub(crate) fn word(self) -> Option<&'static str> {
        match self {
            Self::Yes | Self::PresetYes => Some("granted"),
            Self::No | Self::PresetNo => Some("denied"),
            Self::Silent => None,
        }
    }

    pub(crate) fn is_preset(self) -> bool {
        matches!(self, Self::PresetYes | Self::PresetNo)
    }
}

/// All that is known of an event's consent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Said {
    pub(crate) advertising: Answer,
    pub(crate) analytics: Answer,
    /// Of the platform itself.
    pub(crate) vendor: Option<bool>,
    pub(crate) gpc: bool,
    pub(crate) opt_out_of_sale: bool,
    pub(crate) region: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gpc {
    Deny,
    DenyInOptOutRegions,
    Limit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnUnknown {
    ByRegion,
    Deny,
    Grant,
}

/// One site's settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) advertising: bool,
    pub(crate) analytics: bool,
    pub(crate) anonymises: bool,
    pub(crate) on_unknown: OnUnknown,
    pub(crate) gpc: Gpc,
    pub(crate) accept_defaults: bool,
}

/// What the platform gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    AsItIs,
    WithoutIdentity,
    Anonymous,
    Nothing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) fate: Fate,
    pub(crate) limited: bool,
}

impl fmt::Display for Verdict {
    /// How the record begins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fate = match self.fate {
            Fate::AsItIs => "send",
            Fate::WithoutIdentity => "without_identity",
            Fate::Anonymous => "anonymise",
            Fate::Nothing => "suppress",
        };
        write!(f, "{fate}{}:", if self.limited { "+limited" } else { "" })
    }
}

/// Of the regions that the tests use; every site has `opt_in_regions = ["BR"]` and `limit_in = ["US-CA"]`.
fn asks_first(region: Option<&str>) -> bool {
    matches!(region, None | Some("DE" | "BR"))
}

#[derive(PartialEq, Eq)]
enum Standing {
    Allowed,
    Refused,
    Open,
}

impl Rules {
    pub(crate) fn verdict(&self, said: &Said) -> Verdict {
        // Of whom only the country is known may be in California.
        let may_be_californian = matches!(said.region, Some("US" | "US-CA"));
        let limited = said.gpc || said.opt_out_of_sale || may_be_californian;
        let advertising = self.standing(said, said.advertising, true);
        let required = [
            self.advertising.then(|| self.standing(said, said.advertising, true)),
            self.analytics.then(|| self.standing(said, said.analytics, false)),
        ];
        let all_allowed = required.iter().flatten().all(|standing| *standing == Standing::Allowed);
        let fate = match (all_allowed, self.anonymises) {
            (true, _) if advertising == Standing::Allowed => Fate::AsItIs,
            (true, _) => Fate::WithoutIdentity,
            (false, true) => Fate::Anonymous,
            (false, false) => Fate::Nothing,
        };
        Verdict { fate, limited }
    }

    fn standing(&self, said: &Said, answer: Answer, is_advertising: bool) -> Standing {
        let privacy_control = match self.gpc {
            Gpc::Deny => true,
            Gpc::DenyInOptOutRegions => !asks_first(said.region),
            Gpc::Limit => false,
        };
        if is_advertising && said.gpc && privacy_control {
            return Standing::Refused;
        }
        if answer == Answer::No || said.vendor == Some(false) {
            return Standing::Refused;
        }
        if answer == Answer::Yes || said.vendor == Some(true) {
            return Standing::Allowed;
        }
        let silence = self.silence_is_a_yes(said.region);
        match answer {
            Answer::PresetYes if silence || self.accept_defaults => Standing::Allowed,
            Answer::Silent if silence => Standing::Allowed,
            _ => Standing::Open,
        }
    }

    fn silence_is_a_yes(&self, region: Option<&str>) -> bool {
        match self.on_unknown {
            OnUnknown::ByRegion => !asks_first(region),
            OnUnknown::Deny => false,
            OnUnknown::Grant => true,
        }
    }
}
