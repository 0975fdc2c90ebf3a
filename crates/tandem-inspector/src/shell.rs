//! What all pages have in common: layout, navigation, policy, error pages, style sheet and script.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::session::Visitor;
use crate::{
    Inspector, alerts, consent, deduplication, destinations, events, explained, findings, format, live,
    orders, overview, quality, reconciliation, sites, sql, why,
};

/// A page in the navigation. Its file says so itself, in an `ENTRY`.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    /// Its address.
    pub(crate) path: &'static str,
    /// Its name, which is also the title of the page.
    pub(crate) name: &'static str,
    /// Entries of one group stand together: `Now`, `Records`, `Quality` or `Set-up`.
    pub(crate) group: &'static str,
}

/// Pages at the side of every page, in this order.
pub(crate) const NAVIGATION: &[Entry] = &[
    overview::ENTRY,
    live::ENTRY,
    alerts::ENTRY,
    why::ENTRY,
    events::ENTRY,
    orders::ENTRY,
    findings::ENTRY,
    quality::ENTRY,
    deduplication::ENTRY,
    consent::ENTRY,
    reconciliation::ENTRY,
    destinations::ENTRY,
    sites::ENTRY,
    sql::ENTRY,
];

const TEMPLATES: &[(&str, &str)] = &[
    ("layout.html", include_str!("../templates/layout.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("error.html", include_str!("../templates/error.html")),
    ("login.html", include_str!("../templates/login.html")),
    ("overview.html", include_str!("../templates/overview.html")),
    ("events.html", include_str!("../templates/events.html")),
    ("orders.html", include_str!("../templates/orders.html")),
    ("findings.html", include_str!("../templates/findings.html")),
    ("finding.html", include_str!("../templates/finding.html")),
    ("alerts.html", include_str!("../templates/alerts.html")),
    ("live.html", include_str!("../templates/live.html")),
    ("quality.html", include_str!("../templates/quality.html")),
    ("deduplication.html", include_str!("../templates/deduplication.html")),
    ("consent.html", include_str!("../templates/consent.html")),
    ("destinations.html", include_str!("../templates/destinations.html")),
    ("destination.html", include_str!("../templates/destination.html")),
    ("sites.html", include_str!("../templates/sites.html")),
    ("sql.html", include_str!("../templates/sql.html")),
    ("record.html", include_str!("../templates/record.html")),
    ("answer.html", include_str!("../templates/answer.html")),
    ("why.html", include_str!("../templates/why.html")),
    ("event.html", include_str!("../templates/event.html")),
    ("reconciliation.html", include_str!("../templates/reconciliation.html")),
];

/// Name, type and content of what pages load.
const ASSETS: &[(&str, &str, &str)] = &[
    ("style.css", "text/css; charset=utf-8", include_str!("../assets/style.css")),
    ("live.js", "text/javascript; charset=utf-8", include_str!("../assets/live.js")),
    ("icon.svg", "image/svg+xml", include_str!("../assets/icon.svg")),
];

/// No inline script or style, nothing from elsewhere, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Makes pages.
pub(crate) struct Shell {
    templates: Environment<'static>,
    /// Changes with the assets: they are kept for ever under a name that has it.
    version: String,
    /// The navigation by groups.
    navigation: Vec<(&'static str, Vec<&'static Entry>)>,
}

/// A page's own values, with the layout's.
#[derive(Serialize)]
struct Page<'a, T> {
    title: &'a str,
    active: &'a str,
    navigation: &'a [(&'a str, Vec<&'a Entry>)],
    /// Of whoever is signed in.
    form_key: Option<&'a str>,
    assets: &'a str,
    program: &'a str,
    page: &'a T,
}

impl Shell {
    pub(crate) fn new() -> Result<Self, minijinja::Error> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        templates.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        for (name, text) in TEMPLATES {
            templates.add_template(name, text)?;
        }
        templates.add_filter("time", format::time);
        templates.add_filter("day_time", format::day_time);
        templates.add_filter("clock", format::clock);
        templates.add_filter("count", format::count);
        templates.add_filter("many", |number: i64, one: &str, more: &str| format::many(number, one, more));
        templates.add_filter("in_address", format::in_address);
        templates.add_function("difference_link", |order: Option<String>, seq: Option<i64>, site: String| {
            crate::reconciliation::link(order, seq, &site)
        });
        templates.add_filter("marked", explained::marked);
        templates.add_filter("span", format::span);
        templates.add_filter("day", format::day);
        templates.add_filter("second", format::second);
        templates.add_filter("money", format::money);
        let mut digest = Sha256::new();
        ASSETS.iter().for_each(|(_, _, text)| digest.update(text.as_bytes()));
        let version = hex::encode(&digest.finalize()[..6]);
        let mut navigation: Vec<(&str, Vec<&Entry>)> = Vec::new();
        for entry in NAVIGATION {
            match navigation.iter_mut().find(|(group, _)| *group == entry.group) {
                Some((_, entries)) => entries.push(entry),
                None => navigation.push((entry.group, vec![entry])),
            }
        }
        Ok(Self { templates, version, navigation })
    }

    /// A part of a page.
    pub(crate) fn part(&self, name: &str, values: &impl Serialize) -> Result<String, minijinja::Error> {
        self.templates.get_template(name)?.render(Value::from(Serde(values)))
    }

    /// A whole page; `title` is its name in the navigation, if it is there.
    pub(crate) fn page<T: Serialize>(
        &self,
        visitor: Option<&Visitor>,
        status: StatusCode,
        name: &str,
        title: &str,
        page: &T,
    ) -> Response {
        let active = NAVIGATION.iter().find(|entry| entry.name == title).map_or("", |entry| entry.path);
        self.page_below(active, visitor, status, name, title, page)
    }

    /// A whole page that is not in the navigation itself, but belongs to the one at `active`.
    pub(crate) fn page_below<T: Serialize>(
        &self,
        active: &str,
        visitor: Option<&Visitor>,
        status: StatusCode,
        name: &str,
        title: &str,
        page: &T,
    ) -> Response {
        let form_key = match visitor {
            Some(Visitor::Person(session)) => Some(session.form_key.as_str()),
            _ => None,
        };
        let navigation: &[_] = if visitor.is_some() { &self.navigation } else { &[] };
        let program = concat!("Tandem ", env!("CARGO_PKG_VERSION"));
        let values = Page { title, active, navigation, form_key, assets: &self.version, program, page };
        match self.part(name, &values) {
            Ok(text) => (status, [(header::CACHE_CONTROL, "no-store")], Html(text)).into_response(),
            Err(error) => {
                tracing::error!(%error, page = name, "a page of the inspector");
                (StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be made; see the log").into_response()
            }
        }
    }

    /// The page was asked something that it does not understand; `text` says what.
    pub(crate) fn unclear(&self, visitor: &Visitor, text: &str) -> Response {
        self.problem(Some(visitor), StatusCode::BAD_REQUEST, "Not understood", text)
    }

    /// The store could not be read.
    pub(crate) fn no_answer(&self, visitor: &Visitor) -> Response {
        let text = "The store does not answer. The log says why.";
        self.problem(Some(visitor), StatusCode::SERVICE_UNAVAILABLE, "No answer", text)
    }

    /// A page that says what is wrong.
    pub(crate) fn problem(
        &self,
        visitor: Option<&Visitor>,
        status: StatusCode,
        title: &str,
        text: &str,
    ) -> Response {
        #[derive(Serialize)]
        struct Problem<'a> {
            text: &'a str,
        }
        self.page(visitor, status, "error.html", title, &Problem { text })
    }
}

/// On every answer, whatever it is.
pub(crate) async fn with_policy(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// `VERSION-style.css` and so on.
pub(crate) async fn asset(
    State(inspector): State<Arc<Inspector>>,
    file: Result<Path<String>, PathRejection>,
) -> Response {
    let Ok(Path(file)) = file else { return tandem_gateway::private::not_found() };
    let name = file.strip_prefix(&inspector.shell.version).and_then(|name| name.strip_prefix('-'));
    let Some((_, kind, text)) = ASSETS.iter().find(|(known, ..)| Some(*known) == name) else {
        return tandem_gateway::private::not_found();
    };
    let headers =
        [(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, *text).into_response()
}
