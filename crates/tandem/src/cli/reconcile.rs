use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use axum::http::Method;
use clap::Args as ClapArgs;
use serde_json::Value;
use tandem_core::reconcile::THRESHOLD;
use tandem_destinations::HttpRequest;
use tandem_gateway::transport::{Fetched, Http};

use crate::config::{self, Server};

/// Bytes of an answer: five hundred differences, and a day in ninety for each of many destinations.
const MAX_ANSWER: usize = 16 << 20;

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The running gateway's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The site in that file; the first one by default.
    #[arg(long)]
    site: Option<String>,
    /// How many days, today among them; the last two and today are still moving.
    #[arg(long, default_value_t = tandem_core::reconcile::DEFAULT_DAYS)]
    days: u32,
    /// Only this destination.
    #[arg(long)]
    destination: Option<String>,
    /// The shop's own list of orders, CSV, to be imported first. An order that is there already is replaced.
    #[arg(long, value_name = "FILE")]
    orders: Option<PathBuf>,
    /// A platform's own report, CSV, to be imported first: tiktok=report.csv. May be repeated.
    #[arg(long, value_name = "DESTINATION=FILE")]
    platform: Vec<String>,
    /// Ask the platforms first what they counted, where that is set up.
    #[arg(long)]
    fetch: bool,
    /// How dates with / are written in the files, where no row settles it: dmy or mdy.
    #[arg(long, value_name = "FORM")]
    date_format: Option<String>,
    /// What stands before the cents in the files, where no row settles it: point or comma.
    #[arg(long, value_name = "SIGN")]
    decimal: Option<String>,
    /// Columns of a platform's report: date, event, events, browser, server, attributed, value, currency, as
    /// events=Total,date=Day.
    #[arg(long, value_name = "OURS=THEIRS,…")]
    columns: Option<String>,
    /// The event of a platform's report that names none.
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// End with 1 when more than this share of closed days' orders has an unexplained difference.
    #[arg(long, default_value_t = THRESHOLD)]
    threshold: f64,
    /// The whole comparison as JSON.
    #[arg(long)]
    json: bool,
}

/// 0: within the threshold, 1: above it, 2: something of the input cannot be used.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match compare(&args).await {
        Ok(above) => Ok(ExitCode::from(u8::from(above))),
        Err(error) => {
            eprintln!("{error:#}");
            Ok(ExitCode::from(2))
        }
    }
}

async fn compare(args: &Args) -> anyhow::Result<bool> {
    anyhow::ensure!(args.threshold >= 0.0, "--threshold is a share, e.g. 0.02");
    let server = config::load_server(&args.config).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let site = match &args.site {
        Some(site) => site.clone(),
        None => first_site(args)?,
    };
    let asker = Asker { server, http: Http::new()?, site };
    if let Some(path) = &args.orders {
        let list = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let told = asker.import("orders", &[], args, list).await?;
        tell_import(&path.display().to_string(), &told);
    }
    for named in &args.platform {
        let (destination, path) = named.split_once('=').context("--platform is DESTINATION=FILE")?;
        let report = std::fs::read(path).with_context(|| format!("cannot read {path}"))?;
        let told = asker.import("platform", &[("destination", destination)], args, report).await?;
        tell_import(path, &told);
    }
    let days = args.days.to_string();
    if args.fetch {
        let told = asker.ask(Method::POST, "/api/reconcile/fetch", &[("days", &days)], Vec::new()).await?;
        tell_fetch(&told);
    }
    asker.ask(Method::POST, "/api/catch-up", &[], Vec::new()).await?;
    let mut query = vec![("days", days.as_str())];
    query.extend(args.destination.as_deref().map(|name| ("destination", name)));
    let report = asker.ask(Method::GET, "/api/reconcile", &query, Vec::new()).await?;
    let share = report["share"].as_f64().context("the gateway's answer cannot be read")?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        say_bare!("{}", show(&report, args.threshold));
    }
    Ok(share > args.threshold)
}

fn first_site(args: &Args) -> anyhow::Result<String> {
    let config = config::load(&args.config).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    let site = config.sites.into_iter().next().context("the configuration has no site")?;
    Ok(site.site.id)
}

/// Talks to the running gateway about one site.
struct Asker {
    server: Server,
    http: Http,
    site: String,
}

impl Asker {
    async fn import(
        &self,
        what: &str,
        more: &[(&str, &str)],
        args: &Args,
        list: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let options = [
            ("date_format", &args.date_format),
            ("decimal", &args.decimal),
            ("columns", &args.columns),
            ("event", &args.event),
        ];
        let given = options.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?)));
        let query: Vec<_> = more.iter().copied().chain(given).collect();
        self.ask(Method::POST, &format!("/api/import/{what}"), &query, list).await
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let pairs = [("site", self.site.as_str())].into_iter().chain(query.iter().copied());
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let plain = super::ask::request(&self.server, &format!("{path}?{query}"))?;
        let request = HttpRequest { method, body, ..plain };
        match self.http.fetch(request, MAX_ANSWER).await {
            Ok(Fetched { status: 200, body, .. }) => Ok(serde_json::from_slice(&body)?),
            Ok(Fetched { status, body, .. }) => {
                anyhow::bail!("the gateway says {}", super::send::line(status, &body))
            }
            Err(why) => anyhow::bail!("{}", super::ask::no_gateway(&self.server, &why)),
        }
    }
}

/// Remarks on a file go to standard error, so that standard output is the comparison alone.
fn tell_import(name: &str, told: &Value) {
    let rows = if told["rows"] == 1 { "row" } else { "rows" };
    eprintln!("{name}: {} {rows} kept, {} left out", told["rows"], told["bad"]);
    for problem in list(&told["problems"]) {
        eprintln!("  line {}: {}", problem["line"], text(&problem["what"]));
    }
}

fn tell_fetch(told: &Value) {
    for one in list(told) {
        match one["problem"].as_str() {
            Some(problem) => eprintln!("{}: {problem}", text(&one["destination"])),
            None => {
                let days = if one["days"] == 1 { "day" } else { "days" };
                eprintln!("{}: {} {days} fetched", text(&one["destination"]), one["days"]);
            }
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn show(report: &Value, threshold: f64) -> String {
    let mut out =
        format!("{} to {}, days of {}.\n", text(&report["from"]), text(&report["to"]), text(&report["zone"]));
    if report["has_list"] == false {
        out.push_str("The shop's own list was not imported: orders that never arrived cannot be seen.\n");
    }
    for total in list(&report["totals"]) {
        out.push_str(&format!("{}\n", text(&total["sentence"])));
    }
    out.push('\n');
    out.push_str(&table(report));
    let differences = list(&report["differences"]);
    if !differences.is_empty() {
        out.push_str("\nDifferences\n");
    }
    for difference in differences {
        let mark = match (difference["explained"] == true, difference["closed"] == true) {
            (true, _) => "explained",
            (false, true) => "UNEXPLAINED",
            (false, false) => "still open",
        };
        let (date, code) = (text(&difference["date"]), text(&difference["code"]));
        let number = difference["order_number"].as_str().map(|number| format!(" Its number is {number}."));
        let sentence = text(&difference["sentence"]);
        out.push_str(&format!("{date}  {mark:<11}  {code}: {sentence}{}\n", number.unwrap_or_default()));
        if difference["explained"] == false {
            out.push_str(&format!("            {}\n", text(&difference["remedy"])));
        }
    }
    match report["unlisted"].as_u64() {
        Some(0) | None => {}
        Some(more) => out.push_str(&format!("and {more} more\n")),
    }
    let share = report["share"].as_f64().unwrap_or_default();
    let verdict = if share > threshold { "above" } else { "within" };
    let (share, threshold) = (share * 100.0, threshold * 100.0);
    out.push_str(&format!(
        "\nUnexplained on closed days: {share:.1} %, {verdict} the threshold of {threshold:.1} %.\n"
    ));
    out
}

fn table(report: &Value) -> String {
    let mut rows = vec![
        ["day", "orders", "destination", "delivered", "moving", "not sent", "counted there"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for day in list(&report["days"]) {
        let date = format!("{}{}", text(&day["date"]), if day["closed"] == true { "" } else { " *" });
        for at in list(&day["at"]) {
            let name = text(&at["destination"]);
            let platform = list(&day["platform"]).iter().find(|p| p["destination"] == name);
            let not_sent: u64 =
                at["not_sent"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
            let counted = platform.map_or_else(
                || "-".to_owned(),
                |p| format!("{} of {} ({})", p["counted"], p["delivered"], text(&p["figure"])),
            );
            let number = |value: &Value| value.to_string();
            rows.push(vec![
                date.clone(),
                number(&day["orders"]),
                name.to_owned(),
                number(&at["delivered"]),
                number(&at["moving"]),
                not_sent.to_string(),
                counted,
            ]);
        }
    }
    let widths: Vec<usize> = (0..7)
        .map(|i| rows.iter().filter_map(|row| row.get(i)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut out: String = rows.iter().map(line).collect();
    out.push_str("* still moving: a day is closed 48 hours after its end. The platform's days are UTC's.\n");
    out
}
