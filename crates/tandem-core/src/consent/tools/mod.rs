//! The cookies of consent tools, as far as cookies can be trusted; what the tool's own script says reaches us through ours.
//!
//! Adding a tool: a file here, and a line in [`TOOLS`].

use std::borrow::Cow;

use super::merge::{Answer, Reading};
use super::{Categories, Evidence, Purpose, Status};
use crate::normalise::clicks::percent_decode;

mod axeptio;
mod borlabs;
mod cookiebot;
mod cookieyes;
mod didomi;
mod onetrust;
mod shopify;
mod wordpress;

/// Larger cookies are not read, in bytes; browsers keep none above 4 KiB.
const MAX_COOKIE: usize = 8 * 1024;

/// Reads one tool's cookies; `None` when the tool is not there.
type Read = fn(&Jar<'_>, &Categories) -> Option<Reading>;

/// All known tools by the name they have on record.
const TOOLS: &[(&str, Read)] = &[
    ("wp_consent_api", wordpress::consent_api),
    ("complianz", wordpress::complianz),
    ("cookieyes", cookieyes::current),
    ("cookieyes_legacy", cookieyes::legacy),
    ("cookiebot", cookiebot::read),
    ("onetrust", onetrust::read),
    ("borlabs", borlabs::read),
    ("axeptio", axeptio::read),
    ("didomi", didomi::read),
    ("shopify", shopify::read),
];

/// The cookie in which most tools keep the TC string.
pub(super) const TCF_COOKIE: &str = "euconsent-v2";

/// Names of all cookies that are read here.
pub const COOKIES: &[&str] = &[
    TCF_COOKIE,
    "wp_consent_marketing",
    "wp_consent_statistics",
    "wp_consent_preferences",
    "cmplz_marketing",
    "cmplz_statistics",
    "cmplz_preferences",
    "cmplz_rt_marketing",
    "cmplz_rt_statistics",
    "cmplz_rt_preferences",
    "cookieyes-consent",
    "viewed_cookie_policy",
    "cookielawinfo-checkbox-advertisement",
    "cookielawinfo-checkbox-analytics",
    "cookielawinfo-checkbox-functional",
    "CookieConsent",
    "OptanonConsent",
    "OptanonAlertBoxClosed",
    "borlabs-cookie",
    "axeptio_cookies",
    "didomi_token",
    "_tracking_consent",
];

/// What tools call the purposes, for the page's script: categories, groups and purposes of all of them. Ids of one tool
/// mean nothing in another.
pub const IDS: [(Purpose, &[&str]); 3] = [
    (
        Purpose::Advertising,
        &[
            "C0004",
            "marketing",
            "m",
            "advertising",
            "advertisement",
            "ad_storage",
            "ad_user_data",
            "create_ads_profile",
            "select_personalized_ads",
            "measure_ad_performance",
            "advertising_personalization",
        ],
    ),
    (
        Purpose::Analytics,
        &[
            "C0002",
            "statistics",
            "a",
            "analytics",
            "analytics_storage",
            "audience_measurement",
            "market_research",
        ],
    ),
    (
        Purpose::Functional,
        &["C0003", "preferences", "p", "functional", "functionality_storage", "external-media"],
    ),
];

/// Events in which tools tell the page of a choice, separated by blanks. Those of Cookiebot, Shopify, Usercentrics and
/// OneTrust are in their documentation; the others were read in public code.
pub const EVENTS: &str = "wp_listen_for_consent_change cmplz_status_change cookieyes_consent_update cli_consent_update \
    CookiebotOnAccept CookiebotOnDecline OneTrustGroupsUpdated borlabs-cookie-consent-saved visitorConsentCollected \
    UC_UI_INITIALIZED UC_UI_CMP_EVENT UC_CONSENT";

/// Signals that only a page can hear.
const IN_PAGES: &[&str] = &["page", "another_tab", "gpc", "consent_mode", "tcf", "usercentrics"];

/// Whether the page's script names a signal so.
#[must_use]
pub fn is_signal(name: &str) -> bool {
    IN_PAGES.contains(&name) || TOOLS.iter().any(|(tool, _)| *tool == name)
}

/// Reads the cookies of every tool that is there, in a fixed order.
#[must_use]
pub fn read(cookies: &[(&str, &str)], categories: &Categories) -> Vec<Reading> {
    let mut readings = read_jar(&Jar(cookies), categories);
    // A cookie may be there twice, of two paths or domains. Which of them the tool reads nobody knows: both count.
    let twice = |(at, (name, value)): (usize, &(&str, &str))| {
        cookies[..at].iter().any(|(n, v)| n == name && v != value)
    };
    if cookies.iter().enumerate().any(twice) {
        let reversed: Vec<(&str, &str)> = cookies.iter().rev().copied().collect();
        readings.extend(read_jar(&Jar(&reversed), categories));
    }
    readings
}

fn read_jar(jar: &Jar<'_>, categories: &Categories) -> Vec<Reading> {
    let named = |(name, read): &(&'static str, Read)| {
        let mut reading = read(jar, categories)?;
        reading.evidence.signal = Cow::Borrowed(name);
        Some(reading)
    };
    TOOLS.iter().filter_map(named).collect()
}

/// A request's cookies, as they stand in the header.
pub(super) struct Jar<'a>(pub(super) &'a [(&'a str, &'a str)]);

impl Jar<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(n, value)| *n == name && !value.is_empty())?;
        Some(*value).filter(|value| value.len() <= MAX_COOKIE)
    }

    /// Percent-decoded until nothing is left to decode, twice at most: some tools encode what is encoded.
    fn decoded(&self, name: &str) -> Option<String> {
        let mut text = Cow::Borrowed(self.get(name)?);
        for _ in 0..2 {
            text = percent_decode(&text)?.into_owned().into();
        }
        Some(text.into_owned())
    }

    fn json(&self, name: &str) -> Option<serde_json::Value> {
        serde_json::from_str(&self.decoded(name)?).ok()
    }
}

/// A choice between two words; anything else says nothing.
fn choice(word: Option<&str>, yes: &str, no: &str) -> Answer {
    match word {
        Some(word) if word == yes => Answer::chosen(Status::Granted),
        Some(word) if word == no => Answer::chosen(Status::Denied),
        _ => Answer::default(),
    }
}

/// The raw values that decided, for the record.
fn excerpt(parts: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>) -> Evidence {
    let parts: Vec<String> =
        parts.into_iter().map(|(name, value)| format!("{}={}", name.as_ref(), value.as_ref())).collect();
    Evidence::new("", parts.join(" "))
}
