//! Planned faults: which of the coming server requests go wrong, and how.

use serde::{Deserialize, Serialize};

/// Which requests a fault is for; an empty match is for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// Account of the request: `event_source_id`, pixel id or measurement id.
    pub pixel: Option<String>,
    /// Access token or secret of the request.
    pub token: Option<String>,
}

/// How a request goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// Refuse with a return code; nothing is remembered.
    Code {
        /// Return code of the body.
        code: u32,
        /// HTTP status; without one the one that usually goes with the code.
        #[serde(default)]
        http: Option<u16>,
    },
    /// Refuse with a code and a subcode; nothing is remembered. Only for platforms that have subcodes.
    Subcode {
        /// Code of the body.
        code: u32,
        /// Subcode of the body.
        subcode: u32,
        /// HTTP status; without one the one that usually goes with the code.
        #[serde(default)]
        http: Option<u16>,
    },
    /// Answer later, otherwise as usual. Other faults of the plan may still apply.
    Latency {
        /// Delay in milliseconds.
        ms: u64,
    },
    /// Never answer (until `hang_limit_s`); nothing is remembered.
    Hang,
    /// Cut the connection; nothing is remembered.
    Reset,
    /// Remember the events as usual, then cut the connection.
    ResetAfterAccept,
    /// HTTP 502 with an HTML page; nothing is remembered.
    Html502,
    /// HTTP 200 with an HTML page; nothing is remembered.
    Html200,
    /// Remember the events as usual, then answer with the first half of the JSON.
    TruncatedJson,
    /// Remember the events as usual, then answer 20001 with something in `data`. Only TikTok.
    Partial20001,
    /// A bare HTTP status without a body; nothing is remembered.
    Http {
        /// HTTP status.
        status: u16,
    },
}

/// One planned fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// For which requests.
    #[serde(rename = "match", default)]
    pub matching: Match,
    /// How often it applies; `null` (or left out) for always.
    #[serde(default)]
    pub next: Option<u64>,
    /// Only every so many matching requests; left out for each of them.
    #[serde(default)]
    pub every: Option<u64>,
    /// What happens.
    pub kind: FaultKind,
}

impl Fault {
    /// A fault that always hits every request.
    pub fn always(kind: FaultKind) -> Fault {
        Fault { matching: Match::default(), next: None, every: None, kind }
    }

    /// A fault that hits the next `n` requests.
    pub fn next(n: u64, kind: FaultKind) -> Fault {
        Fault { next: Some(n), ..Fault::always(kind) }
    }

    /// Only every `k`-th request.
    #[must_use]
    pub fn every(self, k: u64) -> Fault {
        Fault { every: Some(k), ..self }
    }

    /// Only requests for this pixel.
    #[must_use]
    pub fn for_pixel(self, pixel: impl Into<String>) -> Fault {
        let matching = Match { pixel: Some(pixel.into()), ..self.matching };
        Fault { matching, ..self }
    }

    /// Only requests with this token.
    #[must_use]
    pub fn for_token(self, token: impl Into<String>) -> Fault {
        let matching = Match { token: Some(token.into()), ..self.matching };
        Fault { matching, ..self }
    }
}

/// A fault of the plan with what it did so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The fault as it was set.
    pub fault: Fault,
    /// Requests that matched.
    pub seen: u64,
    /// Requests it was applied to.
    pub applied: u64,
}

/// A fault that cannot happen on a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{platform} cannot play this fault: {kind}")]
pub struct BadFault {
    /// The platform.
    pub platform: &'static str,
    /// The kind as JSON.
    pub kind: String,
}

/// The whole plan, in order: the first fault that is due decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) faults: Vec<Planned>,
}

/// What the plan has for one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) delay_ms: u64,
    pub(crate) kind: Option<FaultKind>,
}

impl Plan {
    pub(crate) fn new(faults: Vec<Fault>) -> Plan {
        Plan { faults: faults.into_iter().map(|fault| Planned { fault, seen: 0, applied: 0 }).collect() }
    }

    pub(crate) fn asks_for_pixel(&self) -> bool {
        self.faults.iter().any(|planned| planned.fault.matching.pixel.is_some())
    }

    pub(crate) fn take(&mut self, pixel: Option<&str>, token: Option<&str>) -> Due {
        let mut due = Due::default();
        for planned in &mut self.faults {
            let fault = &planned.fault;
            let fits = |wanted: &Option<String>, given: Option<&str>| {
                wanted.as_deref().is_none_or(|wanted| given == Some(wanted))
            };
            if !fits(&fault.matching.pixel, pixel) || !fits(&fault.matching.token, token) {
                continue;
            }
            planned.seen += 1;
            let exhausted = fault.next.is_some_and(|n| planned.applied >= n);
            let on_turn = fault.every.is_none_or(|k| planned.seen.is_multiple_of(k.max(1)));
            if exhausted || !on_turn {
                continue;
            }
            planned.applied += 1;
            match fault.kind {
                FaultKind::Latency { ms } => due.delay_ms += ms,
                ref kind => {
                    due.kind = Some(kind.clone());
                    break;
                }
            }
        }
        due
    }
}
