//! A notice to everybody who is told when something is wrong.

use tandem_gateway::alerts::{Channel, Settings, Way, test};
use tandem_gateway::transport::Http;

use super::check::Check;

/// Sends a notice that says it is none to every channel.
pub(super) async fn told(settings: &Settings, http: &Http, at_ms: i64) -> Vec<Check> {
    let remedy = "set webhooks or [alerts.email] in [alerts]; see tandem check --example";
    if settings.every_way().next().is_none() {
        return vec![Check::fail("channels", "nobody is told when something is wrong", remedy)];
    }
    let mut checks = Vec::new();
    if settings.channels.is_empty() {
        let what =
            "only sites with channels of their own are told of; of the others and of the disk nobody is";
        checks.push(Check::warn("channels", what, remedy));
    }
    checks.extend(test(settings, http, at_ms).await.into_iter().map(|(way, answer)| of_way(way, answer)));
    checks
}

fn of_way(way: Way<'_>, answer: Result<String, String>) -> Check {
    let (name, remedy) = match (way.channel, way.site) {
        (Channel::Webhook { .. }, site) => {
            let table = site.map_or("[alerts]".to_owned(), |site| format!("[site.alerts] of {site}"));
            let remedy =
                format!("see whether the address in webhooks of {table} is still good where it was made");
            ("webhook", remedy)
        }
        (Channel::Mail(_), _) => {
            ("e-mail", "compare [alerts.email] with what the mail server's provider says".to_owned())
        }
    };
    let title = way.title();
    match answer {
        Ok(words) => Check::ok(name, format!("{title} took a test notice: {words}")),
        Err(why) => Check::fail(name, format!("{title} did not take a test notice: {why}"), remedy),
    }
}
