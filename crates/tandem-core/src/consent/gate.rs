//! What a record of consent means for one destination.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Categories, Consent, DENIED, GPC, Purpose, Status, UNKNOWN, VendorNames, region};

/// What a site does when nobody told us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Deny where the law asks for opt-in (and where the region is not known), grant elsewhere.
    #[default]
    ByRegion,
    /// As if denied.
    Deny,
    /// Send. For shops that only let consenting visitors buy, or are outside opt-in regions.
    Grant,
}

/// What becomes of an event that may not be sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDenied {
    /// It is not sent.
    #[default]
    Suppress,
    /// It is sent without anything that names a person, a browser or a click.
    Anonymise,
}

/// What Global Privacy Control means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gpc {
    /// No advertising, anywhere.
    #[default]
    Deny,
    /// No advertising where the law is one of opting out; where it asks for consent first, or nobody knows, consent decides.
    DenyInOptOutRegions,
    /// Limited data use.
    Limit,
}

/// One site's rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Regions that ask for consent first, beside those whose law is known to: `BR`, `CA-QC`.
    pub opt_in_regions: Vec<String>,
    /// What Global Privacy Control means.
    pub gpc: Gpc,
    /// Regions whose visitors' data are always sent with limited use.
    pub limit_in: Vec<String>,
    /// A tool's preset yes counts in opt-in regions too.
    pub accept_defaults: bool,
    /// What the shop's consent tool calls its categories.
    pub categories: Categories,
    /// What it calls the platforms.
    pub vendors: Vec<VendorNames>,
}

impl Policy {
    /// Whether Global Privacy Control is a no to advertising where the visitor is.
    #[must_use]
    pub fn gpc_denies(&self, region: Option<&str>) -> bool {
        match self.gpc {
            Gpc::Deny => true,
            Gpc::DenyInOptOutRegions => !region::is_opt_in(region, &self.opt_in_regions),
            Gpc::Limit => false,
        }
    }
}

/// One destination's rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// The destination.
    pub platform: Cow<'static, str>,
    /// Every one of them must be granted.
    pub requires: Vec<Purpose>,
    /// When it may not be sent as it is.
    pub on_denied: OnDenied,
    /// When nobody told us.
    pub on_unknown: OnUnknown,
    /// The site's rules.
    pub policy: Arc<Policy>,
}

/// What may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The event as it is.
    Send,
    /// Without what advertising needs: the destination asks for another purpose, and only that is granted.
    SendWithoutIdentity,
    /// Without anything that names a person, a browser or a click.
    Anonymise,
    /// Nothing; [`DENIED`] or [`UNKNOWN`].
    Suppress(&'static str),
}

/// A decision and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruling {
    /// What may be sent.
    pub decision: Decision,
    /// The signal that decided, or the rule in its absence.
    pub reason: Cow<'static, str>,
    /// A word of the visitor may still change it.
    pub is_open: bool,
    /// Restricted processing under US state laws.
    pub limited_data_use: bool,
}

impl Ruling {
    /// As it stands with a delivery: `send:cookiebot`, `suppress:gpc`, `anonymise+limited:most_restrictive`.
    #[must_use]
    pub fn record(&self) -> String {
        let decision = match self.decision {
            Decision::Send => "send",
            Decision::SendWithoutIdentity => "without_identity",
            Decision::Anonymise => "anonymise",
            Decision::Suppress(_) => "suppress",
        };
        let limited = if self.limited_data_use { "+limited" } else { "" };
        format!("{decision}{limited}:{}", self.reason)
    }
}

/// How one purpose stands.
enum Stand {
    Granted,
    Denied,
    Unknown,
}

impl Gate {
    /// The rule of a destination without settings.
    #[must_use]
    pub fn new(platform: impl Into<Cow<'static, str>>, requires: &[Purpose], on_unknown: OnUnknown) -> Self {
        let (on_denied, policy) = (OnDenied::default(), Arc::default());
        Self { platform: platform.into(), requires: requires.to_vec(), on_denied, on_unknown, policy }
    }

    /// Decides. Pure.
    #[must_use]
    pub fn rule(&self, consent: &Consent) -> Ruling {
        let limited_data_use =
            consent.opt_out_of_sale || consent.gpc || self.limits(consent.region.as_deref());
        let ruling = |decision, reason, is_open| Ruling { decision, reason, is_open, limited_data_use };
        let mut granted = Cow::Borrowed("no_signal");
        let mut unknown = None;
        for purpose in &self.requires {
            match self.stand(consent, *purpose) {
                (Stand::Granted, why) => granted = why,
                (Stand::Denied, why) => return ruling(self.denied(DENIED), why, false),
                (Stand::Unknown, why) => unknown = Some(why),
            }
        }
        if consent.refused {
            return ruling(self.denied(DENIED), consent.reason(), false);
        }
        if let Some(why) = unknown {
            return ruling(self.denied(UNKNOWN), why, true);
        }
        let advertising = || matches!(self.stand(consent, Purpose::Advertising).0, Stand::Granted);
        let decision = if advertising() { Decision::Send } else { Decision::SendWithoutIdentity };
        ruling(decision, granted, false)
    }

    /// Whether the visitor's silence counts as a yes.
    #[must_use]
    pub fn assumes(&self, region: Option<&str>) -> bool {
        match self.on_unknown {
            OnUnknown::Grant => true,
            OnUnknown::Deny => false,
            OnUnknown::ByRegion => !region::is_opt_in(region, &self.policy.opt_in_regions),
        }
    }

    fn denied(&self, code: &'static str) -> Decision {
        match self.on_denied {
            OnDenied::Suppress => Decision::Suppress(code),
            OnDenied::Anonymise => Decision::Anonymise,
        }
    }

    fn limits(&self, region: Option<&str>) -> bool {
        region.is_some_and(|region| self.policy.limit_in.iter().any(|of| region::is_within(region, of)))
    }

    fn stand(&self, consent: &Consent, purpose: Purpose) -> (Stand, Cow<'static, str>) {
        let assumes = self.assumes(consent.region.as_deref());
        if purpose == Purpose::Advertising && consent.gpc && self.policy.gpc_denies(consent.region.as_deref())
        {
            return (Stand::Denied, GPC.into());
        }
        let why = || consent.reason();
        let by_default = consent.by_default.contains(&purpose);
        let vendor = consent.vendors.get(self.platform.as_ref()).copied().unwrap_or_default();
        match (consent.of(purpose), vendor) {
            (Status::Denied, _) if !by_default => (Stand::Denied, why()),
            (_, Status::Denied) => (Stand::Denied, "vendor_denied".into()),
            (Status::Granted, _) if !by_default => (Stand::Granted, consent.signal()),
            (_, Status::Granted) if purpose != Purpose::Functional => {
                (Stand::Granted, "vendor_granted".into())
            }
            (Status::Granted, _) if self.policy.accept_defaults || assumes => {
                (Stand::Granted, consent.signal())
            }
            (Status::Granted, _) => (Stand::Unknown, "default_without_choice".into()),
            // A preset no waits for the visitor.
            (Status::Denied, _) => (Stand::Unknown, why()),
            (Status::Unknown, _) if !assumes => (Stand::Unknown, "no_signal".into()),
            (Status::Unknown, _) if self.on_unknown == OnUnknown::Grant => {
                (Stand::Granted, "on_unknown_grant".into())
            }
            (Status::Unknown, _) => (Stand::Granted, "opt_out_default".into()),
        }
    }
}

impl Consent {
    /// The signal that decided.
    fn signal(&self) -> Cow<'static, str> {
        self.evidence.as_ref().map_or("unnamed_signal".into(), |e| e.signal.clone())
    }

    /// The signal that decided, or how.
    fn reason(&self) -> Cow<'static, str> {
        self.evidence.as_ref().map_or("unnamed_signal".into(), |e| e.note.clone().unwrap_or(e.signal.clone()))
    }
}

/// All gates of a site, for what is kept of a visitor before any destination is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gates(pub Vec<Gate>);

/// A site that sends nowhere yet treats visitors as one with an advertising platform.
impl Default for Gates {
    fn default() -> Self {
        Self::advertising(OnUnknown::default())
    }
}

impl Gates {
    /// One platform that asks for advertising.
    #[must_use]
    pub fn advertising(on_unknown: OnUnknown) -> Self {
        Self(vec![Gate::new("", &[Purpose::Advertising], on_unknown)])
    }

    /// The rule of a platform; without one of its own, that of a platform without a name.
    #[must_use]
    pub fn of(&self, platform: &str) -> Option<Gate> {
        let named = |name: &str| self.0.iter().find(|gate| gate.platform == name).cloned();
        named(platform).or_else(|| Some(Gate { platform: platform.to_owned().into(), ..named("")? }))
    }

    /// The most that any destination may get: [`Decision::Send`] means that everything may be kept,
    /// [`Decision::SendWithoutIdentity`] the visitor's id, else nothing.
    #[must_use]
    pub fn widest(&self, consent: &Consent) -> Decision {
        let rank = |decision: &Decision| match decision {
            Decision::Send => 3,
            Decision::SendWithoutIdentity => 2,
            Decision::Anonymise => 1,
            Decision::Suppress(_) => 0,
        };
        let all = self.0.iter().map(|gate| gate.rule(consent).decision);
        all.max_by_key(rank).unwrap_or(Decision::Suppress(UNKNOWN))
    }

    /// Whether ids for statistics may be kept: a destination that asks for analytics may have the event, or may yet.
    #[must_use]
    pub fn may_measure(&self, consent: &Consent) -> bool {
        let may = |ruling: Ruling| {
            ruling.is_open || matches!(ruling.decision, Decision::Send | Decision::SendWithoutIdentity)
        };
        let asks = |gate: &&Gate| gate.requires.contains(&Purpose::Analytics);
        self.0.iter().filter(asks).any(|gate| may(gate.rule(consent)))
    }

    /// Whether a word of the visitor could still open one.
    #[must_use]
    pub fn is_open(&self, consent: &Consent) -> bool {
        self.0.iter().any(|gate| gate.rule(consent).is_open)
    }

    /// Whether the visitor has closed all of them by choice.
    #[must_use]
    pub fn are_closed(&self, consent: &Consent) -> bool {
        self.0.iter().map(|gate| gate.rule(consent)).all(|ruling| {
            !ruling.is_open && !matches!(ruling.decision, Decision::Send | Decision::SendWithoutIdentity)
        })
    }

    /// Whether silence may count as a yes for any of them. Where the visitor is, only the order may tell.
    #[must_use]
    pub fn may_assume(&self) -> bool {
        self.0.iter().any(|gate| gate.on_unknown != OnUnknown::Deny)
    }

    /// Whether any of them sends anonymous events after a no.
    #[must_use]
    pub fn anonymises(&self) -> bool {
        self.0.iter().any(|gate| gate.on_denied == OnDenied::Anonymise)
    }
}
