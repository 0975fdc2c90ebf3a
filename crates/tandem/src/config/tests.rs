use std::path::Path;

use super::*;

fn env(name: &str) -> Option<String> {
    (name != "MISSING").then(|| format!("value-of-{name}"))
}

fn problems(text: &str) -> Vec<String> {
    match parse(text, Path::new("."), env) {
        Ok(_) => vec![],
        Err(problems) => problems.0.into_iter().map(|p| format!("{}: {}", p.path, p.what)).collect(),
    }
}

const GOOD: &str = r#"
[server]
private_token = "env:TOKEN"
[[site]]
id = "shop"
[site.sources.events]
write_keys = ["env:KEY"]
[site.destinations.tiktok]
pixel_id = "P"
access_token = "env:TT"
"#;

#[test]
fn the_shipped_example_is_fine_and_has_no_secret_in_the_open() {
    let config = parse(EXAMPLE, Path::new("/srv"), env).map_err(|p| p.to_string()).unwrap();
    assert_eq!(config.remarks, []);
    assert_eq!(config.store.path, Path::new("/srv/tandem.db"));
    assert_eq!(config.sites.len(), 1);
}

#[test]
fn every_mistake_is_named_with_its_path_in_one_go() {
    let text = r#"
        surplus = 1
        [server]
        public = "no address"
        [log]
        colour = "blue"
        [[site]]
        id = "Not Short"
        currency = "EURO"
        country = "Germany"
        [site.sources.events]
        write_keys = ["env:MISSING"]
        [site.sources.fax]
        [site.destinations.tiktok]
        pixel_id = "P"
        access_token = "t"
        pixle = "x"
        [site.destinations.myspace]
        [[site]]
        id = "empty"
    "#;
    let found = problems(text).join("\n");
    for path in [
        "surplus: unknown table",
        "server.public: ",
        "log: unknown field `colour`",
        "site[0].id: ",
        "site[0].currency: ",
        "site[0].country: ",
        "site[0].sources.events.write_keys[0]: the environment has no MISSING",
        "site[0].sources.fax: ",
        "site[0].destinations.tiktok: ",
        "site[0].destinations.myspace: unknown destination",
        "site[1].sources: no way in",
        "server.private_token: missing",
    ] {
        let seen =
            found.contains(path) || path.starts_with("log: ") && found.contains("log.colour: unknown field");
        assert!(seen, "{path} not in\n{found}");
    }
}

#[test]
fn sites_have_names_of_their_own_and_literal_secrets_are_remarked() {
    assert_eq!(problems(GOOD), [""; 0]);
    let twice = format!("{GOOD}\n[[site]]\nid = \"shop\"\n[site.sources.events]\nwrite_keys = [\"k\"]\n");
    assert_eq!(problems(&twice), ["site[1].id: used twice"]);
    let open = GOOD.replace("env:TT", "literal");
    let config = parse(&open, Path::new("."), env).map_err(|p| p.to_string()).unwrap();
    assert_eq!(config.remarks[0].path, "site[0].destinations.tiktok.access_token");
}

#[test]
fn a_write_key_belongs_to_one_site() {
    let text =
        format!("{GOOD}\n[[site]]\nid = \"other\"\n[site.sources.events]\nwrite_keys = [\"env:KEY\"]\n");
    assert_eq!(problems(&text), ["site[1].sources.events.write_keys: a key is used twice"]);
}

#[test]
fn a_plugin_secret_belongs_to_one_site_and_is_not_short() {
    let woocommerce = |secrets: &str| format!("[site.sources.woocommerce]\nplugin_secrets = {secrets}\n");
    let two =
        |a: &str, b: &str| format!("{GOOD}{}[[site]]\nid = \"other\"\n{}", woocommerce(a), woocommerce(b));
    assert_eq!(problems(&two("[\"env:A_SECRET\", \"env:B_SECRET\"]", "[\"env:C_SECRET\"]")), [""; 0]);
    let found = problems(&two("[\"env:A_SECRET\"]", "[\"env:B_SECRET\", \"env:A_SECRET\"]"));
    assert_eq!(found, ["site[1].sources.woocommerce.plugin_secrets: a key is used twice"]);
    let found = problems(&two("[\"short\"]", "[]")).join("\n");
    assert!(found.contains("site[0].sources.woocommerce: ") && found.contains("tandem connect"), "{found}");
    assert!(!found.contains("\"short\""), "{found}");
    let open = format!("{GOOD}{}", woocommerce("[\"0123456789abcdef\"]"));
    let config = parse(&open, Path::new("."), env).map_err(|p| p.to_string()).unwrap();
    assert_eq!(config.remarks[0].path, "site[0].sources.woocommerce.plugin_secrets[0]");
}

#[test]
fn broken_toml_is_one_clear_problem() {
    let found = problems("[server\npublic = 1");
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("line 1"), "{found:?}");
}

#[test]
fn consent_of_a_site_and_of_one_destination() {
    use tandem_core::consent::{Gpc, OnDenied, OnUnknown, Purpose};
    let text = format!(
        r#"{GOOD}
        [site.destinations.tiktok.consent]
        requires = ["advertising", "analytics"]
        on_denied = "anonymise"
        on_unknown = "deny"
        vendors = ["tt pixel"]
        tcf_vendor = 7
        [site.consent]
        on_unknown = "grant"
        opt_in_regions = ["BR", "CA-QC"]
        gpc = "limit"
        [site.consent.categories]
        advertising = ["C0007"]
        "#
    );
    let config = parse(&text, Path::new("."), env).map_err(|p| p.to_string()).unwrap();
    let site = &config.sites[0].site;
    let gate = site.gates.of("tiktok").unwrap();
    assert_eq!(gate.requires, [Purpose::Advertising, Purpose::Analytics]);
    assert_eq!((gate.on_denied, gate.on_unknown), (OnDenied::Anonymise, OnUnknown::Deny));
    assert_eq!((site.policy.gpc, site.policy.opt_in_regions.len()), (Gpc::Limit, 2));
    let names = &site.policy.vendors[0];
    assert_eq!((names.platform.as_str(), names.tcf), ("tiktok", Some(7)));
    assert!(names.is_called("TT Pixel") && names.is_called("tiktok-pixel"));
    // What a destination leaves out is the site's.
    let config = parse(&format!("{GOOD}[site.consent]\non_unknown = \"grant\""), Path::new("."), env);
    let gates = config.map_err(|p| p.to_string()).unwrap().sites.remove(0).site.gates;
    assert_eq!(gates.of("tiktok").unwrap().on_unknown, OnUnknown::Grant);
    assert_eq!(gates.of("tiktok").unwrap().requires, [Purpose::Advertising]);
}

#[test]
fn mistakes_in_consent_are_named() {
    for (lines, expected) in [
        (
            "[site.consent]\nopt_in_regions = [\"Brazil\"]",
            "site[0].consent.opt_in_regions: \"Brazil\" is no region",
        ),
        ("[site.consent]\nlimit_in = [\"us-ca\"]", "site[0].consent.limit_in: \"us-ca\" is no region"),
        ("[site.consent]\ngpc = \"ignore\"", "site[0].consent.gpc: "),
        ("[site.consent]\non_denied = \"suppress\"", "site[0].consent"),
        (
            "[site.destinations.tiktok.consent]\nrequires = []",
            "site[0].destinations.tiktok.consent.requires: an empty list would send whatever the visitor says",
        ),
        (
            "[site.destinations.tiktok.consent]\nrequires = [\"marketing\"]",
            "site[0].destinations.tiktok.consent.requires",
        ),
        (
            "[site.destinations.tiktok.consent]\non_denied = \"drop\"",
            "site[0].destinations.tiktok.consent.on_denied",
        ),
    ] {
        let found = problems(&format!("{GOOD}{lines}")).join("\n");
        assert!(found.contains(expected), "{expected} not in\n{found}");
    }
}

#[test]
fn a_measurement_id_and_a_data_tags_host_belong_to_one_site() {
    let tags = |id: &str, host: &str| {
        format!(
            "[site.sources.ga4]\nmeasurement_ids = [\"{id}\"]\nhosts = [\"{host}\"]\n[site.sources.data_tag]\nhosts = [\"{host}\"]\n"
        )
    };
    let two = |id: &str, host: &str| {
        format!("{GOOD}{}[[site]]\nid = \"other\"\n{}", tags("G-ABC1234567", "shop.example"), tags(id, host))
    };
    assert_eq!(problems(&two("G-OTHER12345", "other.example")), [""; 0]);
    assert_eq!(
        problems(&two("G-ABC1234567", "shop.example")),
        ["site[1].sources.data_tag.hosts: used twice", "site[1].sources.ga4.measurement_ids: used twice",]
    );
    let config = parse(&two("G-OTHER12345", "other.example"), Path::new("."), env);
    let config = config.map_err(|p| p.to_string()).unwrap();
    let remark = &config.remarks[0];
    assert_eq!((remark.path.as_str(), config.remarks.len()), ("site[0].sources", 2));
    assert!(
        remark.what.contains("data_tag and ga4") && remark.remedy.starts_with("data_tag counts"),
        "{remark}"
    );
    // A tag alone opens sessions; the shop's own server reports its sales.
    let site = &config.sites[0].site;
    assert!(site.sessions.is_some_and(|rules| rules.sales_come_otherwise) && !site.hybrid);
}

#[test]
fn tags_without_marks_are_named() {
    for (lines, expected) in [
        (
            "[site.sources.ga4]\nhosts = [\"shop.example\"]",
            "site[0].sources.ga4: nothing makes a request this site's",
        ),
        ("[site.sources.ga4]\nmeasurement_ids = [\"G-ABC1234567\"]", "site[0].sources.ga4.hosts: no host"),
        ("[site.sources.ga4]\nmeasurement_ids = [\"UA-1-1\"]", "is not like G-ABC1234567"),
        ("[site.sources.ga4]\nmeasurement_id = \"G-ABC1234567\"", "unknown field"),
        ("[site.sources.data_tag]", "site[0].sources.data_tag.hosts: no host"),
        ("[site.sources.data_tag]\npath = \"/v1/events\"", "taken by the gateway"),
        ("[site.sources.data_tag]\npath = \"data\"", "path is like /data"),
    ] {
        let found = problems(&format!("{GOOD}{lines}")).join("\n");
        assert!(found.contains(expected), "{expected} not in\n{found}");
    }
}
