//! Stories as the store tells them, each with a name.

use tandem_core::consent::{Consent, Evidence, Status};
use tandem_core::diagnose::{
    Attempt, Candidate, Delivery, Ledgered, Noticed, Observed, Record, Searched, State, Story, WayIn,
};
use tandem_core::identity::{ClickIds, Raw, RawIdentity, hash_identity};
use tandem_core::quality::Key;
use tandem_core::session::Supply;
use tandem_core::{Channel, Currency, Event, Finding, Severity};

pub(crate) const NOW_MS: i64 = 1_795_356_189_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
pub(crate) const DAY_MS: i64 = 86_400_000;

pub(crate) const WEIGHTS: &[(Key, u16)] = &[
    (Key::Email, 300),
    (Key::Phone, 250),
    (Key::Ttclid, 250),
    (Key::ExternalId, 150),
    (Key::Ip, 80),
    (Key::UserAgent, 40),
];

/// The shop's server reports a sale of somebody who came by an ad and signed in.
pub(crate) fn sale() -> Event {
    let identity = RawIdentity {
        email: vec![Raw::new("ada@shop.example")],
        phone: vec![Raw::new("+4915123456789")],
        click_ids: ClickIds { ttclid: Some("E.C.P.abc".into()), ..ClickIds::default() },
        ..RawIdentity::default()
    };
    let evidence = Evidence { signal: "cookiebot".into(), ..Evidence::default() };
    Event {
        site: "shop".into(),
        source: "woocommerce".into(),
        event_name: "Purchase".into(),
        event_id: "wc_order_891".into(),
        event_time: NOW_MS / 1_000 - 120,
        order_id: Some("891".into()),
        value: "89.99".parse().ok(),
        currency: Currency::parse("EUR"),
        user: hash_identity(identity).0,
        consent: Consent { advertising: Status::Granted, evidence: Some(evidence), ..Consent::default() },
        ..Event::default()
    }
}

pub(crate) fn delivered() -> Delivery {
    let attempt = Attempt {
        seq: 5,
        started_ms: NOW_MS - MINUTE_MS,
        latency_ms: 80,
        status: Some(200),
        code: Some(0),
        verdict: "delivered".into(),
        events: 1,
        ..Attempt::default()
    };
    Delivery {
        seq: 9,
        lane: 1,
        destination: "tiktok".into(),
        title: "TikTok".into(),
        state: State::Delivered,
        ruling: Some("send:cookiebot".into()),
        due_ms: NOW_MS - MINUTE_MS,
        attempts: 1,
        attempt: Some(attempt),
        weights: WEIGHTS,
        ..Delivery::default()
    }
}

pub(crate) fn waiting() -> Delivery {
    Delivery { state: State::Waiting, attempts: 0, attempt: None, due_ms: NOW_MS - 1_000, ..delivered() }
}

pub(crate) fn ended(state: State, code: &str, message: &str) -> Delivery {
    Delivery { state, code: Some(code.into()), message: Some(message.into()), ..delivered() }
}

pub(crate) fn skipped(code: &str, message: &str) -> Delivery {
    Delivery { attempt: None, attempts: 0, ..ended(State::Skipped, code, message) }
}

pub(crate) fn record(event: Event, delivery: Delivery) -> Record {
    Record {
        seq: 17,
        received_ms: NOW_MS - 2 * MINUTE_MS,
        event,
        is_asked: true,
        deliveries: vec![delivery],
        ..Record::default()
    }
}

pub(crate) fn story(records: Vec<Record>) -> Story {
    let searched = Searched { sites: vec!["shop".into()], events: 1_000, notices: 20, ..Searched::default() };
    Story {
        question: "891".into(),
        events: records,
        searched,
        ways_in: ways(Some(NOW_MS - MINUTE_MS), true),
        ..Story::default()
    }
}

pub(crate) fn of(event: Event, delivery: Delivery) -> Story {
    story(vec![record(event, delivery)])
}

pub(crate) fn found(code: &'static str, severity: Severity, message: &'static str) -> Story {
    let mut event = sale();
    event.findings.push(Finding::new(severity, code, message));
    of(event, delivered())
}

pub(crate) fn warned(code: &'static str, message: &'static str) -> Story {
    found(code, Severity::Warning, message)
}

pub(crate) fn seen(code: &str, message: &str) -> Story {
    let mut record = record(sale(), delivered());
    let (code, message) = (code.to_owned(), message.to_owned());
    record.observations.push(Observed { code, severity: Severity::Warning, message, other_seq: Some(3) });
    story(vec![record])
}

pub(crate) fn noticed(kind: &str, code: &str, message: &str) -> Noticed {
    Noticed {
        seq: 4,
        at_ms: NOW_MS - MINUTE_MS,
        site: "shop".into(),
        source: "woocommerce".into(),
        kind: kind.into(),
        code: code.into(),
        message: message.into(),
        field: None,
    }
}

pub(crate) fn only_notice(kind: &str, code: &str, message: &str) -> Story {
    Story { notices: vec![noticed(kind, code, message)], ..story(vec![]) }
}

pub(crate) fn ways(last_ms: Option<i64>, sweeps: bool) -> Vec<WayIn> {
    vec![WayIn { site: "shop".into(), source: "woocommerce".into(), last_ms, reports_orders: true, sweeps }]
}

/// The page's word on the sale, with the shop's report of it, if any.
pub(crate) fn pages_word(server: Option<Event>) -> Story {
    let page =
        Event { channel: Channel::Browser, source: "browser".into(), event_id: "order-891".into(), ..sale() };
    let word =
        skipped("server_half_reports", "the shop's server reports this sale; the page's word completes it");
    let mut records = vec![Record { seq: 16, ..record(page, word) }];
    records.extend(server.map(|event| Record { is_asked: false, ..record(event, delivered()) }));
    story(records)
}

pub(crate) fn with_pixel(platform: &str, state: &str) -> Story {
    let mut story = pages_word(Some(sale()));
    story.events[0].event.pixels = [(platform.to_owned(), state.to_owned())].into();
    story
}

pub(crate) fn upsell() -> Story {
    let first = Record { seq: 11, ..record(sale(), delivered()) };
    let grown = Event { value: "109.99".parse().ok(), source: "events".into(), ..sale() };
    story(vec![first, record(grown, skipped("duplicate", "the same event came in before, as number 11"))])
}

pub(crate) fn guest() -> Event {
    let user = hash_identity(RawIdentity { ip: Some(Raw::new("203.0.113.7")), ..RawIdentity::default() }).0;
    Event { user, ..sale() }
}

pub(crate) fn paused(by: &str) -> Delivery {
    Delivery { paused_by: Some(by.into()), ..waiting() }
}

pub(crate) fn stopped() -> Delivery {
    let why = "TikTok 40105: the access token is wrong or has ended. Generate a new one";
    Delivery { stopped: Some((why.into(), NOW_MS - DAY_MS)), ..waiting() }
}

pub(crate) fn test_code() -> Delivery {
    let text = "the destination has a test_event_code: events are shown in Test Events and counted nowhere";
    Delivery { remarks: vec![Finding::warning("test_code_in_production", text)], ..delivered() }
}

pub(crate) fn session() -> Event {
    let mut event = sale();
    event.supplied.insert(
        "ttclid".into(),
        Supply { via: Some(tandem_core::session::Via::OrderId), ..Supply::of("session") },
    );
    event.pixels.insert("tiktok".into(), "loaded".into());
    event
}

pub(crate) fn cases() -> Vec<(&'static str, Story)> {
    let consent_no = "the visitor did not allow what this destination needs (cookiebot)";
    vec![
        ("counted", of(session(), delivered())),
        ("renewal without a browser", of(Event { unattended: true, ..sale() }, delivered())),
        ("integer id", found("event_id_type", Severity::Info, "event_id was a number; turned into text")),
        (
            "milliseconds",
            warned("event_time_ms", "event_time was in milliseconds or finer; converted to seconds"),
        ),
        (
            "remark of the platform",
            of(sale(), ended(State::Delivered, "platform_warning", "TikTok 20001: a part was not taken")),
        ),
        (
            "one character of the id",
            seen("id_near_miss", "the ids order-891 and wc_order_891 differ in spelling"),
        ),
        (
            "one order, two ids",
            seen("order_under_two_ids", "one order's Purchase has the id a in event 3 and b here"),
        ),
        (
            "order under another id",
            Story {
                notices: vec![noticed(
                    "near_miss",
                    "order_other_id",
                    "order reported before as a; taken, since its value differs",
                )],
                ..of(sale(), delivered())
            },
        ),
        ("currency mismatch", seen("currency_changed", "the page says EUR and the server USD")),
        (
            "cents",
            warned("value_minor_units", "value does not fit the currency's minor unit; send the main unit"),
        ),
        (
            "no currency",
            warned("currency_missing", "value without currency: return on ad spend cannot be computed"),
        ),
        (
            "hash of the raw phone",
            seen("phone_hash_differs", "the hash here was made of the digits without the plus"),
        ),
        (
            "phone without country",
            warned("phone_no_country", "phone is a national number and there is no country"),
        ),
        ("click id lost", seen("click_id_lost", "ttclid was last seen on /landing and is gone since /cart")),
        (
            "click id stripped",
            warned("click_id_stripped", "the page has campaign parameters and no click id"),
        ),
        ("no session", found("session_not_found", Severity::Info, "no visit of the buyer is known")),
        (
            "click too old",
            found(
                "click_id_expired",
                Severity::Info,
                "last seen 40 days ago on /sale: outside the attribution window, so not sent",
            ),
        ),
        ("upsell under the same id", upsell()),
        ("upsell seen together", seen("upsell_same_id", "event 17 has the id of event 3 and a larger value")),
        ("order again", only_notice("duplicate", "order_reported", "this order was reported before")),
        (
            "order again under another id",
            Story {
                events: vec![Record { is_asked: false, ..record(sale(), delivered()) }],
                ..only_notice("duplicate", "order_reported", "this order was reported before")
            },
        ),
        (
            "upsell under the first id",
            Story {
                notices: vec![noticed(
                    "duplicate",
                    "upsell_same_id",
                    "reported before under this id with a smaller value",
                )],
                ..of(sale(), delivered())
            },
        ),
        (
            "guest, seen beside others",
            seen(
                "guest_without_keys",
                "neither e-mail, phone nor click id, while 9 of the last 10 sales had one",
            ),
        ),
        (
            "nothing to match by",
            warned("no_match_keys", "no match key at all: accepted by platforms, but credited to nobody"),
        ),
        ("few keys", of(guest(), delivered())),
        ("deprecated name", warned("legacy_event_name", "CompletePayment was renamed; kept as Purchase")),
        (
            "names mixed",
            seen("names_mixed", "event 3 is called CompletePayment and event 17 of the same day Purchase"),
        ),
        ("late pair", seen("late_pair", "the halves came 9 minutes apart")),
        ("test code", of(sale(), test_code())),
        (
            "consent denied",
            of(
                sale(),
                Delivery {
                    ruling: Some("suppress:cookiebot".into()),
                    ..skipped("consent_denied", consent_no)
                },
            ),
        ),
        (
            "consent withdrawn",
            of(
                sale(),
                Delivery {
                    ruling: Some("suppress:withdrawn".into()),
                    ..skipped("consent_denied", "the visitor allowed it first and took that back")
                },
            ),
        ),
        (
            "consent unknown",
            of(
                sale(),
                skipped(
                    "consent_unknown",
                    "nobody told us about consent, and this site then sends nothing (on_unknown)",
                ),
            ),
        ),
        ("bot", of(sale(), skipped("bot", "no person: the user agent says HeadlessChrome"))),
        (
            "too old",
            of(
                Event { event_time: NOW_MS / 1_000 - 9 * 86_400, ..sale() },
                skipped("event_too_old", "the event is 9 days old"),
            ),
        ),
        ("rule", of(sale(), skipped("rule", "wholesale orders stay here (rule \"wholesale\")"))),
        (
            "not selected",
            of(sale(), skipped("event_not_selected", "the destination's events do not list it")),
        ),
        ("page reports", of(sale(), skipped("page_reports", "the page's own tag reports it"))),
        ("sent twice", of(sale(), skipped("duplicate", "the same event came in before, as number 3"))),
        ("money missing", of(sale(), skipped("money_missing", "a Purchase without value or currency"))),
        ("no server half", pages_word(None)),
        ("halves under two ids", pages_word(Some(sale()))),
        ("of which the pixel's never went", with_pixel("tiktok", "blocked")),
        ("and the page has no pixel that we know of", with_pixel("meta", "loaded")),
        ("token refused", of(sale(), stopped())),
        ("paused", of(sale(), paused("ada"))),
        ("due", of(sale(), waiting())),
        ("held", of(sale(), Delivery { due_ms: NOW_MS + 4_000, ..waiting() })),
        ("late", of(sale(), Delivery { due_ms: NOW_MS - 10 * MINUTE_MS, ..waiting() })),
        (
            "retried",
            of(
                sale(),
                Delivery {
                    attempts: 3,
                    code: Some("retry".into()),
                    message: Some("TikTok 50002: trouble at TikTok".into()),
                    due_ms: NOW_MS + 15 * MINUTE_MS,
                    ..waiting()
                },
            ),
        ),
        (
            "refused",
            of(
                sale(),
                ended(
                    State::Rejected,
                    "platform_rejected",
                    "TikTok 40002: data.0.properties.value: must be a number",
                ),
            ),
        ),
        ("expired", of(sale(), ended(State::Expired, "retry_horizon", "no answer within 30 seconds"))),
        ("no destination", story(vec![Record { deliveries: vec![], ..record(sale(), delivered()) }])),
        (
            "refused at the door",
            only_notice("rejected", "value_negative", "value is negative: platforms have no refund event"),
        ),
        ("unpaid", only_notice("ignored", "order_not_paid", "the order's status pending does not mean paid")),
        ("dropped by a rule", only_notice("ignored", "rule_drop", "staff orders (rule \"staff\")")),
        (
            "past its retention",
            Story {
                orders: vec![Ledgered {
                    site: "shop".into(),
                    order_id: "891".into(),
                    at_ms: NOW_MS - 200 * DAY_MS,
                    reported: "89.99".parse().ok(),
                    currency: Currency::parse("EUR"),
                    event_ids: vec!["wc_order_891".into()],
                }],
                ..story(vec![])
            },
        ),
        (
            "nearly the same id",
            Story {
                candidates: vec![Candidate {
                    text: "wc_order_891".into(),
                    is_order: false,
                    site: "shop".into(),
                    seq: Some(17),
                    why: "the two differ only in case, separators, leading zeros or a usual prefix",
                }],
                ..story(vec![])
            },
        ),
        (
            "index behind",
            Story { searched: Searched { unseen: 70_000, ..Searched::default() }, ..story(vec![]) },
        ),
        (
            "wrong key",
            Story {
                turned_away: vec![noticed(
                    "unclaimed",
                    "credentials_wrong",
                    "the key or signature does not fit",
                )],
                ..story(vec![])
            },
        ),
        ("no way in", Story { ways_in: vec![], ..story(vec![]) }),
        ("webhook never set up", Story { ways_in: ways(None, false), ..story(vec![]) }),
        ("webhook silent", Story { ways_in: ways(Some(NOW_MS - 5 * DAY_MS), true), ..story(vec![]) }),
        (
            "refused lately",
            Story {
                turned_away: vec![noticed("rejected", "json_invalid", "the body is not JSON")],
                ..story(vec![])
            },
        ),
        ("sweep off", Story { ways_in: ways(Some(NOW_MS - MINUTE_MS), false), ..story(vec![]) }),
        ("never came", story(vec![])),
    ]
}
