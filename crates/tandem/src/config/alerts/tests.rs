use std::path::Path;

use tandem_core::alert::{Key, Rule, rule};
use tandem_gateway::alerts::Way;

use super::super::{Config, parse};
use super::*;

const SHOP: &str = r#"
    [server]
    private_token = "env:TOKEN"
    [[site]]
    id = "shop"
    [site.sources.events]
    write_keys = ["env:KEY"]
"#;

fn read(alerts: &str) -> Result<Config, Problems> {
    let env = |name: &str| {
        Some(match name {
            "HOOK" => "https://chat.example/hooks/T0KEN".to_owned(),
            "OWN_HOOK" => "https://own.example/hooks/T0KEN".to_owned(),
            other => format!("value-of-{other}"),
        })
    };
    parse(&format!("{SHOP}{alerts}"), Path::new("."), env)
}

fn problems(alerts: &str) -> Vec<String> {
    let told = read(alerts).err().map(|problems| problems.0).unwrap_or_default();
    told.into_iter().map(|p| format!("{}: {} → {}", p.path, p.what, p.remedy)).collect()
}

const EMAIL: &str = r#"
    [alerts.email]
    host = "mail.shop.example"
    username = "tandem"
    password = "env:PASSWORD"
    from = "Tandem <tandem@shop.example>"
    to = ["ops@shop.example", "Ada <ada@shop.example>"]
"#;

#[test]
fn without_a_table_all_rules_are_watched_and_nobody_is_told() {
    let settings = read("").map_err(|p| p.to_string()).unwrap().alerts;
    assert_eq!((settings.rules.len(), settings.channels.len(), settings.link), (0, 0, None));
}

#[test]
fn a_whole_table() {
    let text = format!(
        r#"
        [alerts]
        webhooks = ["env:HOOK", "http://127.0.0.1:9/x", "http://[::1]:9/x", "http://localhost/x"]
        secret = "env:SECRET"
        link = "https://tandem.shop.example/"
        {EMAIL}
        [alerts.rules.queue_age]
        raise = "5m"
        clear = "30s"
        raise_after = "0s"
        [alerts.rules.error_rate]
        raise = 1
        clear_after = "1d"
        [alerts.rules.emq_drop]
        enabled = false
        "#
    );
    let config = read(&text).map_err(|p| p.to_string()).unwrap();
    let settings = config.alerts;
    let titles: Vec<String> = settings.channels.iter().map(Channel::title).collect();
    assert_eq!(titles[0], "webhook at chat.example");
    assert_eq!(titles[4], "e-mail by mail.shop.example");
    assert_eq!(settings.link.as_deref(), Some("https://tandem.shop.example"));
    let Some(Channel::Mail(mailer)) = settings.channels.last() else { panic!("{titles:?}") };
    assert_eq!((mailer.port, mailer.encryption, mailer.to.len()), (587, Encryption::StartTls, 2));
    assert_eq!(mailer.login.as_ref().unwrap().1.expose_secret(), "value-of-PASSWORD");
    let queue = settings.rule(Key::QueueAge, "");
    assert_eq!((queue.raise, queue.clear, queue.raise_after_ms), (300.0, 30.0, 0));
    assert_eq!(queue.clear_after_ms, rule(Key::QueueAge).clear_after_ms);
    let rate = settings.rule(Key::ErrorRate, "");
    assert_eq!((rate.raise, rate.clear, rate.clear_after_ms), (1.0, 0.05, 86_400_000));
    assert!(!settings.rule(Key::EmqDrop, "").enabled && rate.enabled);
    let open: Vec<_> = config.remarks.into_iter().map(|remark| remark.path).collect();
    assert_eq!(open, ["alerts.webhooks[1]", "alerts.webhooks[2]", "alerts.webhooks[3]"]);
}

#[test]
fn each_mistake_has_its_path_and_a_remedy() {
    for (text, told) in [
        ("[alerts]\nwebhooks = [\"http://chat.example/T0KEN\"]", "alerts.webhooks[0]: notices would go over"),
        ("[alerts]\nwebhooks = [\"http://localhost.example/\"]", "alerts.webhooks[0]: notices would go over"),
        ("[alerts]\nwebhooks = [\"chat.example/T0KEN\"]", "alerts.webhooks[0]: not a web address"),
        ("[alerts]\nwebhooks = [\"ftp://chat.example/\"]", "alerts.webhooks[0]: not a web address"),
        ("[alerts]\nwebhooks = [\"env:HOOK\", \"env:HOOK\"]", "alerts.webhooks[1]: given twice"),
        ("[alerts]\nsecret = \"\"", "alerts.secret: empty"),
        ("[alerts]\nlink = \"tandem.shop.example\"", "alerts.link: not the address"),
        ("[alerts]\nlink = \"https://tandem.shop.example/?a=b\"", "alerts.link: not the address"),
        ("[alerts]\nwebhoks = []", "alerts.webhoks: unknown field"),
        ("[alerts.rules.queue]\nraise = \"1m\"", "alerts.rules.queue: unknown rule → known are queue_age,"),
        ("[alerts.rules.queue_age]\nraise = 600", "alerts.rules.queue_age.raise: not a duration"),
        ("[alerts.rules.queue_age]\nraise = \"m\"", "alerts.rules.queue_age.raise: not a duration"),
        ("[alerts.rules.queue_age]\nraise = \"+5m\"", "alerts.rules.queue_age.raise: not a duration"),
        ("[alerts.rules.queue_age]\nraise = \"9é\"", "alerts.rules.queue_age.raise: not a duration"),
        ("[alerts.rules.queue_age]\nraise_after = \"31d\"", "alerts.rules.queue_age.raise_after: not a dur"),
        (
            "[alerts.rules.queue_age]\nraise = \"2m\"",
            "alerts.rules.queue_age.clear: raised from 2 min on, and over at 2 min",
        ),
        (
            "[alerts.rules.error_rate]\nclear = 0.3",
            "alerts.rules.error_rate.clear: raised from 20 % on, and over at 30 %",
        ),
        (
            "[alerts.rules.error_rate]\nraise = 20",
            "alerts.rules.error_rate.raise: out of range → write a share",
        ),
        ("[alerts.rules.error_rate]\nraise = nan", "alerts.rules.error_rate.raise: out of range"),
        ("[alerts.rules.stopped]\nraise = 1", "alerts.rules.stopped.raise: it is either so or not"),
        ("[alerts.rules.stopped]\nenabled = \"no\"", "alerts.rules.stopped.enabled: "),
    ] {
        let found = problems(text);
        assert!(found.len() == 1 && found[0].starts_with(told), "{text}: {found:?}");
        assert!(!found[0].contains("T0KEN") && !found[0].ends_with("→ "), "{found:?}");
    }
}

#[test]
fn each_mistake_in_e_mail_has_its_path_and_a_remedy() {
    assert_eq!(problems(EMAIL), Vec::<String>::new());
    for (old, new, told) in [
        ("host = \"mail", "tls = \"none\"\nhost = \"mail", "tls: mail and password would go"),
        ("host = \"mail", "tls = \"ssl\"\nhost = \"mail", "tls: unknown variant"),
        ("mail.shop.example", "mail.shop.example:587", "host: not a host name"),
        ("mail.shop.example", "", "host: not a host name"),
        ("host =", "port = 0\nhost =", "port: no port"),
        ("password = ", "#", "password: missing: there is a username"),
        ("username = ", "#", "username: missing: there is a password"),
        ("Tandem <tandem@shop.example>", "Tandem", "from: not a mail address"),
        ("\"ops@shop.example\"", "\"ops\"", "to[0]: not a mail address"),
        ("to = [\"ops@shop.example\", \"Ada <ada@shop.example>\"]", "to = []", "to: nobody gets it"),
        ("Ada <ada@shop.example>", "Ops <ops@shop.example>", "to[1]: given twice"),
        ("host =", "authority = \"no certificate\"\nhost =", "authority: TLS cannot be set up"),
    ] {
        let text = EMAIL.replace(old, new);
        assert_ne!(text, EMAIL);
        let found = problems(&text);
        let told = format!("alerts.email.{told}");
        assert!(found.len() == 1 && found[0].starts_with(&told), "{text}: {found:?}");
    }
    let own = EMAIL.replace("host = \"mail.shop.example\"", "host = \"::1\"\ntls = \"none\"\nport = 2525");
    assert_eq!(problems(&own), Vec::<String>::new());
}

/// The shop's own table, and another site.
const OWN: &str = r#"
    [site.alerts]
    webhooks = ["env:OWN_HOOK"]
    secret = "env:OWN_SECRET"
    to = ["Shop <hello@shop.example>"]
    [site.alerts.rules.queue_age]
    raise = "3m"
    [site.alerts.rules.emq_drop]
    enabled = true
    [[site]]
    id = "other"
    [site.sources.events]
    write_keys = ["env:OTHER_KEY"]
    [alerts.rules.queue_age]
    raise = "5m"
    clear = "30s"
    [alerts.rules.emq_drop]
    enabled = false
"#;

#[test]
fn a_site_has_its_own_rules_and_channels_beside_those_of_all() {
    let all = "[alerts]\nwebhooks = [\"env:HOOK\"]\nsecret = \"env:SECRET\"\n";
    let config = read(&format!("{OWN}{all}{EMAIL}")).map_err(|p| p.to_string()).unwrap();
    assert_eq!(config.remarks, []);
    let settings = config.alerts;
    let queue = |site| {
        let Rule { raise, clear, raise_after_ms, .. } = settings.rule(Key::QueueAge, site);
        (raise, clear, raise_after_ms)
    };
    let held = rule(Key::QueueAge).raise_after_ms;
    assert_eq!([queue("shop"), queue("other")], [(180.0, 30.0, held), (300.0, 30.0, held)]);
    let emq = |site| settings.rule(Key::EmqDrop, site).enabled;
    assert_eq!([emq("shop"), emq("other"), emq("")], [true, false, false]);

    let titles = |site| settings.ways(site).map(|way| way.title()).collect::<Vec<_>>();
    let of_all = ["webhook at chat.example", "e-mail by mail.shop.example"];
    let own = ["webhook at own.example for shop", "e-mail by mail.shop.example for shop"];
    assert_eq!(titles("shop"), [of_all, own].concat());
    assert_eq!([titles("other"), titles("")], [of_all, of_all]);
    let own: Vec<&Channel> =
        settings.ways("shop").filter(|way| way.site.is_some()).map(|way| way.channel).collect();
    let [Channel::Webhook { secret, .. }, Channel::Mail(mailer)] = own.as_slice() else { panic!("{own:?}") };
    assert_eq!(secret.as_ref().unwrap().expose_secret(), "value-of-OWN_SECRET");
    assert_eq!(mailer.to, [Address::parse("Shop <hello@shop.example>").unwrap()]);
    assert!(mailer.login.is_some() && mailer.from == Address::parse("Tandem <tandem@shop.example>").unwrap());
    let ids: Vec<String> = settings.every_way().map(|way: Way<'_>| way.id()).collect();
    let distinct: std::collections::HashSet<&String> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (4, 4));
}

#[test]
fn a_site_without_anything_of_its_own_is_not_named() {
    let settings = read("[site.alerts]\nto = []").map_err(|p| p.to_string()).unwrap().alerts;
    assert!(settings.sites.is_empty());
}

#[test]
fn each_mistake_of_a_site_has_its_path_and_a_remedy() {
    let all = "[alerts]\nwebhooks = [\"env:HOOK\"]\n";
    for (own, told) in [
        ("webhooks = [\"http://chat.example/T0KEN\"]", "webhooks[0]: notices would go over"),
        ("webhooks = [\"env:HOOK\"]", "webhooks[0]: given twice → leave one out"),
        ("secret = \"\"", "secret: empty"),
        ("to = [\"hello\"]", "to[0]: not a mail address → write"),
        ("to = [\"Boss <ada@shop.example>\"]", "to[0]: given twice"),
        ("link = \"https://shop.example\"", "link: unknown field"),
        ("email = {}", "email: unknown field"),
        ("rules.queue.raise = \"1m\"", "rules.queue: unknown rule → known are queue_age,"),
        ("rules.queue_age.raise = 600", "rules.queue_age.raise: not a duration"),
        ("rules.queue_age.raise = \"2m\"", "rules.queue_age.clear: raised from 2 min on, and over at 2 min"),
        (
            "rules.disk.enabled = false",
            "rules.disk: it is about the whole gateway, not about one site → set it in [alerts.rules.disk]",
        ),
    ] {
        let found = problems(&format!("[site.alerts]\n{own}\n{all}{EMAIL}"));
        let told = format!("site[0].alerts.{told}");
        assert!(found.len() == 1 && found[0].starts_with(&told), "{own}: {found:?}");
        assert!(!found[0].contains("T0KEN") && !found[0].ends_with("→ "), "{found:?}");
    }
}

#[test]
fn a_site_sends_mail_by_the_server_of_all_or_not_at_all() {
    let own = "[site.alerts]\nto = [\"hello@shop.example\"]\n";
    let found = problems(own);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("site[0].alerts.to: there is no mail server to send by → set [alerts.email]")
    );
    // A server with a mistake is there, and told of once.
    let found = problems(&format!("{own}{}", EMAIL.replace("mail.shop.example", "")));
    assert!(found.len() == 1 && found[0].starts_with("alerts.email.host: "), "{found:?}");
    // So is a rule: what a site changes of it starts from what is right.
    let found = problems(
        "[site.alerts]\nrules.queue_age.raise_after = \"0s\"\n[alerts]\nrules.queue_age.raise = \"1s\"",
    );
    assert!(found.len() == 1 && found[0].starts_with("alerts.rules.queue_age.clear: "), "{found:?}");
}
