use std::path::PathBuf;
use std::process::ExitCode;

use axum::http::Method;
use clap::Args as ClapArgs;
use serde_json::Value;
use tandem_destinations::{HttpReply, HttpRequest};
use tandem_gateway::transport::{Http, Transport};

use super::ask;
use crate::config::{self, Server};

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// An event id or an order id.
    #[arg(value_name = "ORDER|EVENT_ID")]
    question: String,
    /// Only this site; all of them by default.
    #[arg(long)]
    site: Option<String>,
    /// The running gateway's configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The whole answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Asks the running gateway, and first lets its index come up to date. Ends with 0 when the platforms count it, with 1 when
/// one of them does not, and with 2 when nothing is found.
pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let server = config::load_server(&args.config).map_err(|problems| anyhow::anyhow!("{problems}"))?;
    catch_up(&server).await?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("q", &args.question);
    if let Some(site) = &args.site {
        query.append_pair("site", site);
    }
    let found = ask::get(&server, &format!("/api/why?{}", query.finish())).await?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        say_bare!("{}", told(&found));
    }
    Ok(exit_code(&found))
}

/// A gateway from before there was an index has none to wait for.
async fn catch_up(server: &Server) -> anyhow::Result<()> {
    let request = HttpRequest { method: Method::POST, ..ask::request(server, "/api/catch-up")? };
    match Http::new()?.send(request).await {
        HttpReply::Answer { status: 200 | 404, .. } => Ok(()),
        HttpReply::Answer { status, body } => {
            anyhow::bail!("the gateway says {}", super::send::line(status, &body))
        }
        HttpReply::NoAnswer { why, .. } => anyhow::bail!("{}", ask::no_gateway(server, &why)),
    }
}

fn exit_code(found: &Value) -> ExitCode {
    match text(&found["verdict"]) {
        "counted" | "counted_weakly" => ExitCode::SUCCESS,
        _ if found["event"].is_null()
            && found["steps"].as_array().is_none_or(|s| s.iter().all(is_search)) =>
        {
            ExitCode::from(2)
        }
        _ => ExitCode::from(1),
    }
}

/// A step that only says where it was looked for, or what else came in.
fn is_search(step: &Value) -> bool {
    matches!(text(&step["what"]), "searched" | "way_in" | "around")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The path, then the sentence and what to do.
fn told(found: &Value) -> String {
    let mut out = String::new();
    let mut add = |line: &str| {
        out.push_str(line);
        out.push('\n');
    };
    let mut last = String::new();
    for step in list(&found["steps"]) {
        let destination = text(&step["destination"]);
        if destination != last {
            last = destination.to_owned();
            if !last.is_empty() {
                add(&format!("  → {last}"));
            }
        }
        let mark = match text(&step["state"]) {
            "done" => "ok  ",
            "problem" => "!   ",
            "skipped" => "-   ",
            _ => "?   ",
        };
        let at = step["at_ms"].as_i64().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        let at = at.map(|at| format!("{}  ", at.strftime("%Y-%m-%d %H:%M:%S UTC"))).unwrap_or_default();
        add(&format!("  {mark}{at}{}", text(&step["text"])));
    }
    for one in list(&found["candidates"]) {
        let what = if one["is_order"] == Value::Bool(true) { "order" } else { "event id" };
        add(&format!("  ?   {what} {} of {}: {}", text(&one["text"]), text(&one["site"]), text(&one["why"])));
    }
    let at = list(&found["destinations"]);
    if at.len() > 1 {
        add("");
        for one in at {
            let verdict = text(&one["verdict"]).replace('_', " ");
            add(&format!("  {}: {verdict}. {}", text(&one["title"]), text(&one["sentence"])));
        }
    }
    for one in list(&found["also"]) {
        add("");
        add(&format!("  Also ({}): {}", text(&one["cause"]), text(&one["sentence"])));
        add(&format!("    {}", text(&one["remedy"])));
    }
    add("");
    let verdict = text(&found["verdict"]).replace('_', " ");
    add(&format!("{} ({verdict}, {})", text(&found["sentence"]), text(&found["cause"])));
    add(&format!("What to do: {}", text(&found["remedy"])));
    out
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_path_stands_before_the_sentence() {
        let found = json!({
            "verdict": "not_sent", "cause": "consent_denied", "sentence": "TikTok does not get it.", "remedy": "Nothing.",
            "event": 1,
            "steps": [
                { "what": "arrived", "state": "done", "at_ms": 1_795_356_189_120_i64, "text": "It came." },
                { "what": "sent", "state": "skipped", "text": "It is not sent.", "destination": "TikTok" }
            ],
        });
        let expected = "  ok  2026-11-22 14:03:09 UTC  It came.\n  → TikTok\n  -   It is not sent.\n\nTikTok does not get it. \
                        (not sent, consent_denied)\nWhat to do: Nothing.\n";
        assert_eq!(told(&found), expected);
        assert_eq!(exit_code(&found), ExitCode::from(1));
    }

    #[test]
    fn what_was_only_searched_is_not_found() {
        let code = |found: Value| exit_code(&found);
        let searched = json!({ "verdict": "not_received", "event": null, "steps": [{ "what": "searched" }] });
        let refused = json!({ "verdict": "not_received", "event": null, "steps": [{ "what": "door" }] });
        assert_eq!(code(searched), ExitCode::from(2));
        assert_eq!(code(refused), ExitCode::from(1));
        assert_eq!(code(json!({ "verdict": "counted_weakly", "event": 3 })), ExitCode::SUCCESS);
    }
}
