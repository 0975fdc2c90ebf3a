//! One gateway with a site for every combination of settings.

use super::harness::{Gateway, Home, StandIn};
use super::oracle::{Gpc, OnUnknown, Rules};
use super::signals::TCF_VENDOR;
use tandem_sandbox::Options;

pub(crate) const SECRET: &str = "test-webhook-secret";

/// Every combination but one: where silence counts as a yes everywhere, a preset yes does, and `accept_defaults` adds nothing.
pub(crate) fn rules() -> Vec<Rules> {
    let mut rules = Vec::new();
    for (advertising, analytics) in [(true, false), (false, true), (true, true)] {
        for anonymises in [false, true] {
            for on_unknown in [OnUnknown::ByRegion, OnUnknown::Deny, OnUnknown::Grant] {
                for gpc in [Gpc::Deny, Gpc::DenyInOptOutRegions, Gpc::Limit] {
                    for accept_defaults in [false, true] {
                        if accept_defaults && on_unknown == OnUnknown::Grant {
                            continue;
                        }
                        rules.push(Rules {
                            advertising,
                            analytics,
                            anonymises,
                            on_unknown,
                            gpc,
                            accept_defaults,
                        });
                    }
                }
            }
        }
    }
    rules
}

pub(crate) fn pixel(site: usize) -> String {
    format!("CONSENTPIXEL{site:05}")
}

pub(crate) fn key(site: usize) -> String {
    format!("write-key-{site}")
}

fn toml(site: usize, rules: &Rules, base_url: &str) -> String {
    let requires: Vec<&str> = [(rules.advertising, "\"advertising\""), (rules.analytics, "\"analytics\"")]
        .iter()
        .filter_map(|(asked, name)| asked.then_some(*name))
        .collect();
    let on_unknown = match rules.on_unknown {
        OnUnknown::ByRegion => "by_region",
        OnUnknown::Deny => "deny",
        OnUnknown::Grant => "grant",
    };
    let gpc = match rules.gpc {
        Gpc::Deny => "deny",
        Gpc::DenyInOptOutRegions => "deny_in_opt_out_regions",
        Gpc::Limit => "limit",
    };
    format!(
        r#"
        [[site]]
        id = "site{site}"
        [site.consent]
        on_unknown = "{on_unknown}"
        gpc = "{gpc}"
        accept_defaults = {accept_defaults}
        opt_in_regions = ["BR"]
        limit_in = ["US-CA"]
        [site.sources.woocommerce]
        secrets = ["{SECRET}"]
        [site.sources.events]
        write_keys = ["{key}"]
        [site.sources.browser]
        hosts = ["shop.example"]
        path = "/x{site}"
        hold_seconds = 0
        sales = "send"
        [site.destinations.tiktok]
        pixel_id = "{pixel}"
        access_token = "test-access-token"
        base_url = "{base_url}"
        [site.destinations.tiktok.consent]
        requires = [{requires}]
        on_denied = "{on_denied}"
        tcf_vendor = {TCF_VENDOR}
        "#,
        accept_defaults = rules.accept_defaults,
        key = key(site),
        pixel = pixel(site),
        requires = requires.join(", "),
        on_denied = if rules.anonymises { "anonymise" } else { "suppress" },
    )
}

/// A stand-in that keeps every request as it arrived.
pub(crate) fn stand_in() -> StandIn {
    StandIn::with(Options {
        rate_per_s: None,
        log_requests: 1_000_000,
        log_body_limit: 1 << 24,
        log_text: true,
        ..Options::default()
    })
}

/// The shop's proxy tells where its visitors are.
pub(crate) fn with_country_headers(home: Home, more: &str) -> Home {
    let text = std::fs::read_to_string(home.config()).unwrap();
    let told = format!("country_header = \"X-Country\"\nstate_header = \"X-State\"\n{more}\n[store]");
    std::fs::write(home.config(), text.replace("[store]", &told)).unwrap();
    home
}

pub(crate) struct Shops {
    pub(crate) stand_in: StandIn,
    pub(crate) home: Home,
    pub(crate) gateway: Gateway,
}

pub(crate) fn open(rules: &[Rules]) -> Shops {
    let stand_in = stand_in();
    let base_url = stand_in.base_url();
    let sites: String = rules.iter().enumerate().map(|(site, rules)| toml(site, rules, &base_url)).collect();
    let home = with_country_headers(Home::new(&sites), "page_requests_per_second = 1000000");
    let gateway = home.start();
    Shops { stand_in, home, gateway }
}
