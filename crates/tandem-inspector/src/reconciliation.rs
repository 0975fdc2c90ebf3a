//! Orders, deliveries and what platforms counted, by day; every difference leads on.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Extension;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use minijinja::value::Value;
use serde::Serialize;
use tandem_core::reconcile::MAX_DAYS;
use tandem_gateway::reconcile::fetch::Fetched;
use tandem_gateway::reconcile::{Error, Imported, MAX_LIST, Reading};

use crate::asked;
use crate::session::Visitor;
use crate::{Inspector, format};

pub(crate) const ENTRY: crate::shell::Entry =
    crate::shell::Entry { path: "/reconciliation", name: "Reconciliation", group: "Quality" };

#[derive(Debug, Clone, Default)]
struct Asked {
    site: String,
    days: Option<u32>,
}

impl Asked {
    fn read(uri: &Uri) -> Result<Self, String> {
        let asked = asked::Asked::read(uri, &["site", "days"])?;
        Ok(Self { site: asked.get("site").to_owned(), days: days(asked.get("days"))? })
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
    destinations: Vec<String>,
    /// The comparison as the API gives it.
    report: Value,
    chart: Value,
    /// Events that the figures do not have yet.
    behind: i64,
    percent: String,
    above: bool,
    notice: Option<Notice>,
}

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
    match inspector.gateway.reconcile(&site, asked.days, None).await {
        Ok(report) => {
            let page = Page {
                chart: Value::from_safe_string(chart(&report.days)),
                destinations: report.totals.iter().map(|total| total.destination.clone()).collect(),
                days: asked.days.unwrap_or(tandem_gateway::reconcile::DAYS),
                behind: inspector.gateway.store.insight_behind(),
                percent: format!("{:.1}", report.share * 100.0),
                above: report.share > tandem_gateway::reconcile::LIMIT,
                report: Value::from(minijinja::value::Serde(&report)),
                site,
                sites,
                notice,
            };
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

/// Wide enough for a phone's width to scale it down and still be read.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 140.0;

/// A column a day: paid orders behind, those that the first destination got in front. Numbers are in the table below.
fn chart(days: &[tandem_gateway::reconcile::Day]) -> String {
    let highest = days.iter().map(|day| day.orders).max().unwrap_or(0);
    if highest == 0 {
        return String::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "a picture's pixels")]
    let (scale, step) = (HEIGHT / highest as f64, WIDTH / days.len().max(1) as f64);
    let mut svg = format!(
        "<svg class=\"days\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"Paid orders a day, and how many of them \
         were delivered; the numbers are in the table below.\">",
        HEIGHT + 24.0
    );
    for (place, day) in days.iter().enumerate() {
        let got = day.at.iter().map(|at| at.delivered).min().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "a picture's pixels")]
        let (left, all, got) = (place as f64 * step + 2.0, day.orders as f64 * scale, got as f64 * scale);
        let state = if day.closed { "" } else { " open" };
        for (class, tall) in [("orders", all), ("got", got)] {
            let _ = write!(
                svg,
                "<rect class=\"{class}{state}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{tall:.1}\"/>",
                HEIGHT - tall,
                (step - 4.0).max(1.0)
            );
        }
        if place == 0 || place + 1 == days.len() {
            let (at, anchor) = if place == 0 { (left, "start") } else { (left + step - 4.0, "end") };
            let _ = write!(
                svg,
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                HEIGHT + 18.0,
                day.date
            );
        }
    }
    svg.push_str("</svg>");
    svg
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

    #[test]
    fn a_chart_has_a_column_for_orders_and_deliveries_of_each_day() {
        let day = |orders, delivered| tandem_gateway::reconcile::Day {
            orders,
            date: "2026-11-20".into(),
            at: vec![tandem_gateway::reconcile::At { delivered, ..Default::default() }],
            ..Default::default()
        };
        let svg = chart(&[day(4, 2), day(2, 2)]);
        assert_eq!(svg.matches("<rect").count(), 4);
        assert!(svg.contains("height=\"140.0\"") && svg.contains("height=\"70.0\""), "{svg}");
        assert_eq!(chart(&[day(0, 0)]), "");
    }

    #[test]
    fn a_difference_leads_to_its_order_first() {
        assert_eq!(link(Some("A 1".into()), Some(7), "shop"), "/why?q=A+1&site=shop");
        assert_eq!(link(None, Some(7), "shop"), "/events/7");
        assert_eq!(link(None, None, "shop"), "/destinations?site=shop");
    }
}
