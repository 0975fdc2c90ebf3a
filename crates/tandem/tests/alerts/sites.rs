//! What a site has of its own: thresholds, and who hears of it alone.

use serde_json::Value;
use tandem_sandbox::{Fault, FaultKind};

use super::*;
use crate::letters::Mail;

const OWN_SECRET: &str = "secret-of-the-south";

/// Stands behind the other site's table.
fn own(webhook: &Webhook) -> String {
    let address = webhook.address;
    format!(
        r#"
        [site.alerts]
        webhooks = ["http://{address}/{HIDDEN}"]
        secret = "{OWN_SECRET}"
        to = ["Owner <owner@south.example>"]
        [site.alerts.rules.queue_age]
        raise = "5m"
        "#
    )
}

/// The site and kind of each notice.
fn told(posted: &[Posted]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    posted
        .iter()
        .map(|posted| posted.json())
        .map(|body| (text(&body["site"]), text(&body["event"])))
        .collect()
}

/// From which age on events wait too long at a site.
fn threshold(stands: &Value, site: &str) -> Value {
    let all = stands["alerts"].as_array().unwrap();
    let of_site = |alert: &&Value| alert["key"] == "queue_age" && alert["site"] == site;
    all.iter().find(of_site).unwrap()["raise"].clone()
}

#[test]
fn each_site_hears_of_itself_by_its_own_threshold_and_those_of_all_hear_everything() {
    let stand_in = stand_in();
    stand_in.sandbox.set_faults(vec![Fault::always(FaultKind::Http { status: 503 })]);
    let (all, souths, server) = (Webhook::answering(200), Webhook::answering(200), MailServer::open());
    let at_once = "[alerts.rules.queue_age]\nraise_after = \"0s\"\n";
    let sites = site(&stand_in, harness::ACCESS_TOKEN) + &south(&stand_in);
    let for_all = webhooks(&[all.address]) + &email(&server) + at_once + &sites;
    let home = Home::new(&for_all);
    let gateway = home.start();
    assert_eq!(gateway.post_events(&purchase("sale-4711")).status, 200);
    sell_in_the_south(&gateway);
    until("both sales were tried", || gateway.records("attempts").len() >= 2);
    assert!(gateway.stop().success());

    // Six minutes on by its clock: too long by the south's own threshold only, which the running program reads.
    let start = now_s();
    let gateway = home.start_with(&["--now", &(start + 360).to_string()]);
    assert_eq!(notices(&look(&gateway)), Vec::<&str>::new());
    home.write(&(for_all + &own(&souths)));
    gateway.hang_up();
    let stands = look(&gateway);
    assert_eq!(notices(&stands), ["raised"], "{stands:#}");
    assert_eq!((threshold(&stands, "south"), threshold(&stands, "shop")), (json!("5 min"), json!("10 min")));
    all_told(&gateway);
    assert!(gateway.stop().success());

    // Twenty minutes on it is too long for everybody.
    let gateway = home.start_with(&["--now", &(start + 1_200).to_string()]);
    assert_eq!(notices(&look(&gateway)), ["raised", "raised"]);
    all_told(&gateway);
    assert!(gateway.stop().success());

    let raised = |site: &str| (site.to_owned(), "raised".to_owned());
    assert_eq!(told(&all.posted()), [raised("south"), raised("shop")]);
    let posted = souths.posted();
    assert_eq!(told(&posted), [raised("south")]);
    assert_eq!(posted[0].signature.as_deref(), Some(signature_by(OWN_SECRET, &posted[0].bytes).as_str()));
    nothing_personal(&posted[0].text());
    let mails = server.mails();
    let to = |who: &[&str]| -> Vec<&Mail> { mails.iter().filter(|mail| mail.to == who).collect() };
    let (of_all, of_south) = (to(&["ops@shop.example", "boss@shop.example"]), to(&["owner@south.example"]));
    assert_eq!((of_all.len(), of_south.len(), mails.len()), (2, 1, 3), "{mails:?}");
    assert_eq!(of_south[0].header("Subject"), "[Tandem] south, tiktok: Events wait too long to be sent");
    assert_eq!(of_south[0].header("To"), "Owner <owner@south.example>", "nobody learns who else is told");
    nothing_personal(&of_south[0].text());
}

#[test]
fn the_doctor_tries_the_channels_of_sites_too() {
    let (stand_in, all, broken) = (stand_in(), Webhook::answering(200), Webhook::answering(500));
    let (server, home) = (MailServer::open(), Home::new(""));
    let sites = site(&stand_in, harness::ACCESS_TOKEN) + &south(&stand_in);
    let text = doctor(&home, &(webhooks(&[all.address]) + &email(&server) + &sites + &own(&broken)));
    for line in [
        "✓ ok webhook: webhook at 127.0.0.1 took a test notice: HTTP 200",
        "✓ ok e-mail: e-mail by 127.0.0.1 took a test notice: 250 2.0.0 taken",
        "✗ fail webhook: webhook at 127.0.0.1 for south did not take a test notice: it answers HTTP 500 → see whether the \
         address in webhooks of [site.alerts] of south is still good",
        "✓ ok e-mail: e-mail by 127.0.0.1 for south took a test notice: 250 2.0.0 taken",
    ] {
        assert!(text.contains(line), "{line:?} is not in {text}");
    }
    assert_eq!(
        (told(&all.posted()), told(&broken.posted())),
        (vec![("".into(), "raised".into())], vec![("south".into(), "raised".into())])
    );

    let only_south = own(&all).replace("to = ", "# to = ");
    let text = doctor(&home, &(sites + &only_south));
    assert!(text.contains("! look channels: only sites with channels of their own are told of"), "{text}");
    assert!(
        text.contains("✓ ok webhook: webhook at 127.0.0.1 for south took a test notice: HTTP 200"),
        "{text}"
    );
}
