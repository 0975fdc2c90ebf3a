//! A notice to everybody who is told when something is wrong.

use tandem_gateway::alerts::{Channel, Settings, test};
use tandem_gateway::transport::Http;

use super::check::Check;

/// Sends a notice that says it is none to every channel.
pub(super) async fn told(settings: &Settings, http: &Http, at_ms: i64) -> Vec<Check> {
    if settings.channels.is_empty() {
        let remedy = "set webhooks or [alerts.email] in [alerts]; see tandem check --example";
        return vec![Check::fail("channels", "nobody is told when something is wrong", remedy)];
    }
    let answers = test(settings, http, at_ms).await;
    let checks = settings.channels.iter().zip(answers);
    checks.map(|(channel, (title, answer))| of_channel(channel, &title, answer)).collect()
}

fn of_channel(channel: &Channel, title: &str, answer: Result<String, String>) -> Check {
    let (name, remedy) = match channel {
        Channel::Webhook { .. } => {
            ("webhook", "see whether the address in alerts.webhooks is still good where it was made")
        }
        Channel::Mail(_) => ("e-mail", "compare [alerts.email] with what the mail server's provider says"),
    };
    match answer {
        Ok(words) => Check::ok(name, format!("{title} took a test notice: {words}")),
        Err(why) => Check::fail(name, format!("{title} did not take a test notice: {why}"), remedy),
    }
}
