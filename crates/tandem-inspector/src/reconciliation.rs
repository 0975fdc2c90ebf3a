//! Orders, deliveries and what platforms counted, by day; every difference leads on.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, get};
use minijinja::value::Value;
use serde::Serialize;
use tandem_core::reconcile::MAX_DAYS;
use tandem_gateway::reconcile::fetch::Fetched;
use tandem_gateway::reconcile::{Compared, Error, Imported, MAX_LIST, Reading};

use crate::asked;
use crate::session::Visitor;
use crate::{Inspector, format};

mod show;

pub(crate) const ENTRY: crate::shell::Entry =
    crate::shell::Entry { path: "/reconciliation", name: "Reconciliation", group: "Quality" };

#[derive(Debug, Clone, Default)]
struct Asked {
    site: String,
    days: Option<u32>,
    /// Not what is kept.
    fresh: bool,
}

impl Asked {
    fn read(uri: &Uri) -> Result<Self, String> {
        let asked = asked::Asked::read(uri, &["site", "days", "fresh"])?;
        let (site, fresh) = (asked.get("site").to_owned(), asked.get("fresh") == "1");
        Ok(Self { site, days: days(asked.get("days"))?, fresh })
    }
}

fn days(text: &str) -> Result<Option<u32>, String> {
    let wrong = || format!("“days” is a number from 1 to {MAX_DAYS}.");
    match text.trim() {
        "" => Ok(None),
        text => {
            let days = text.parse().ok().filter(|days| (1..=MAX_DAYS).contains(days));
            days.map(Some).ok_or_else(wrong)
        }
    }
}

#[derive(Serialize)]
struct Page {
    site: String,
    sites: Vec<String>,
    days: u32,
    /// Name, address, and whether it is the present one.
    periods: Vec<(String, String, bool)>,
    /// None while the first comparison is being made.
    seen: Option<Seen>,
    notice: Option<Notice>,
}

#[derive(Serialize)]
struct Seen {
    /// The comparison as the API gives it.
    report: Value,
    shown: show::Shown,
    /// Events that the figures do not have.
    behind: i64,
    compared_ms: i64,
    /// A newer comparison is being made.
    is_renewed: bool,
}

impl Seen {
    fn of(Compared { comparison, is_renewed }: &Compared) -> Self {
        Self {
            report: Value::from(minijinja::value::Serde(&comparison.report)),
            shown: show::shown(&comparison.report),
            behind: comparison.behind,
            compared_ms: comparison.made_ms,
            is_renewed: *is_renewed,
        }
    }
}

/// Who waits longer is told that it takes a while. The comparison goes on meanwhile.
const PATIENCE: Duration = Duration::from_secs(2);

/// What became of a form.
#[derive(Default, Serialize)]
struct Notice {
    problem: Option<String>,
    imported: Option<Imported>,
    fetched: Vec<Fetched>,
}

/// Only this page takes files.
pub(crate) fn routes() -> MethodRouter<Arc<Inspector>> {
    get(page).post(act).layer(DefaultBodyLimit::max(MAX_LIST))
}

async fn page(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    uri: Uri,
) -> Response {
    match Asked::read(&uri) {
        Ok(asked) => show(&inspector, &visitor, asked, StatusCode::OK, None).await,
        Err(text) => inspector.shell.unclear(&visitor, &text),
    }
}

async fn show(
    inspector: &Inspector,
    visitor: &Visitor,
    asked: Asked,
    status: StatusCode,
    notice: Option<Notice>,
) -> Response {
    let mut sites: Vec<String> = inspector.gateway.sites().iter().map(|site| site.site.id.clone()).collect();
    sites.sort_unstable();
    let site = if asked.site.is_empty() { sites.first().cloned().unwrap_or_default() } else { asked.site };
    let title = "Reconciliation";
    let compared = inspector.gateway.compared(&site, asked.days, asked.fresh);
    match tokio::time::timeout(PATIENCE, compared).await.map_or(Ok(None), |compared| compared.map(Some)) {
        // So that loading the page again, or a bookmark of it, compares nothing.
        Ok(_) if asked.fresh => Redirect::to(&address(&site, asked.days)).into_response(),
        Ok(compared) => {
            let days = asked.days.unwrap_or(tandem_gateway::reconcile::DAYS);
            let (periods, seen) = (show::periods(&site, days), compared.as_ref().map(Seen::of));
            let page = Page { site, sites, days, periods, seen, notice };
            inspector.shell.page(Some(visitor), status, "reconciliation.html", title, &page)
        }
        Err(Error::NoSite) => {
            let text = "There is no such site in the configuration.";
            inspector.shell.problem(Some(visitor), StatusCode::NOT_FOUND, title, text)
        }
        Err(error) => {
            tracing::error!(%error, "the page of reconciliation");
            let text = "The store does not answer; see the log.";
            inspector.shell.problem(Some(visitor), StatusCode::SERVICE_UNAVAILABLE, title, text)
        }
    }
}

fn address(site: &str, days: Option<u32>) -> String {
    let days = days.map(|days| format!("&days={days}")).unwrap_or_default();
    format!("/reconciliation?site={}{days}", format::in_address(site))
}

/// What the forms of this page send.
#[derive(Default)]
struct Form {
    form_key: String,
    action: String,
    asked: Asked,
    destination: String,
    list: Vec<u8>,
    reading: Reading,
}

async fn read(mut parts: Multipart) -> Result<Form, MultipartError> {
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        if name == "file" || name == "text" {
            let bytes = part.bytes().await?;
            // A form sends both: whichever holds something counts.
            if !bytes.trim_ascii().is_empty() {
                form.list = bytes.into();
            }
            continue;
        }
        let value = part.text().await?;
        match name.as_str() {
            "form_key" => form.form_key = value,
            "action" => form.action = value,
            "site" => form.asked.site = value,
            "days" => form.asked.days = value.parse().ok(),
            "destination" => form.destination = value,
            "date_format" => form.reading.date_format = Some(value),
            "decimal" => form.reading.decimal = Some(value),
            "columns" => form.reading.columns = Some(value),
            "event" => form.reading.event = Some(value),
            _ => {}
        }
    }
    Ok(form)
}

/// A list is imported, or platforms are asked; then the page again.
async fn act(
    State(inspector): State<Arc<Inspector>>,
    Extension(visitor): Extension<Visitor>,
    parts: Multipart,
) -> Response {
    let form = match read(parts).await {
        Ok(form) => form,
        Err(_) => {
            let text = "The form could not be read. A file has 64 MiB at most.";
            return inspector.shell.problem(Some(&visitor), StatusCode::BAD_REQUEST, "Not done", text);
        }
    };
    let Visitor::Person(session) = &visitor else {
        let text =
            "Programs use the API: POST /api/import/orders, /api/import/platform and /api/reconcile/fetch.";
        return inspector.shell.problem(Some(&visitor), StatusCode::FORBIDDEN, "Not done", text);
    };
    if !inspector.sessions.sent_by(session, &form.form_key) {
        let text = "This did not come from a page of your session. Go back, reload the page and try again.";
        return inspector.shell.problem(Some(&visitor), StatusCode::FORBIDDEN, "Not done", text);
    }
    let (gateway, site) = (&inspector.gateway, form.asked.site.as_str());
    let mut notice = Notice::default();
    let done = match form.action.as_str() {
        "orders" => gateway
            .import_orders(site, form.list, &form.reading)
            .await
            .map(|told| notice.imported = Some(told)),
        "platform" => {
            let told = gateway.import_platform(site, &form.destination, form.list, &form.reading).await;
            told.map(|told| notice.imported = Some(told))
        }
        "fetch" => gateway.fetch_counts(site, form.asked.days).await.map(|told| notice.fetched = told),
        _ => return inspector.shell.unclear(&visitor, "There is no such button."),
    };
    let status = if done.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    notice.problem = done.err().map(|error| format!("{error}."));
    show(&inspector, &visitor, form.asked, status, Some(notice)).await
}

/// Where a difference leads: to its order, or to its event.
pub(crate) fn link(order_id: Option<String>, event_seq: Option<i64>, site: &str) -> String {
    match (order_id, event_seq) {
        (Some(order), _) => {
            format!("/why?q={}&site={}", format::in_address(&order), format::in_address(site))
        }
        (None, Some(seq)) => format!("/events/{seq}"),
        (None, None) => format!("/destinations?site={}", format::in_address(site)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_told_and_may_look_again() {
        let shell = crate::shell::Shell::new().unwrap();
        let imported = Imported { rows: 3, bad: 0, problems: vec![], columns: vec![] };
        let page = Page {
            site: "a b".to_owned(),
            sites: vec!["a b".to_owned(), "c".to_owned()],
            days: 14,
            periods: show::periods("a b", 14),
            seen: None,
            notice: Some(Notice { imported: Some(imported), ..Notice::default() }),
        };
        let answer = shell.page(
            Some(&Visitor::Program),
            StatusCode::OK,
            "reconciliation.html",
            "Reconciliation",
            &page,
        );
        assert_eq!(answer.status(), StatusCode::OK);
        let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        for part in ["these 14 days are being compared", "site=a+b&amp;days=14\">Look again", "3 rows kept"] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert!(!text.contains("Compared at"), "{text}");
    }

    #[test]
    fn a_difference_leads_to_its_order_first() {
        assert_eq!(link(Some("A 1".into()), Some(7), "shop"), "/why?q=A+1&site=shop");
        assert_eq!(link(None, Some(7), "shop"), "/events/7");
        assert_eq!(link(None, None, "shop"), "/destinations?site=shop");
    }
}
