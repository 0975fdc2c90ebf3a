//! The shop's own list of orders, asked for by REST: the net under webhooks and plugin, for orders that neither brought.
//!
//! Every order modified since the last look is read as if it had been delivered; those that were are duplicates, and stay
//! that. Orders that are found only here say so, since something between shop and gateway is broken then.
//!
//! `GET /wp-json/wc/v3/orders` with `modified_after`, `modified_before` and `dates_are_gmt` as WooCommerce's REST API v3
//! has them (WooCommerce 5.8 and later).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::value::RawValue;
use tandem_core::Finding;
use tandem_core::consent::Policy;
use tandem_core::door::{Draft, Rejection};
use url::Url;

use super::settings::Settings;
use super::{object, order};

/// Orders of one answer.
pub const PAGE: usize = 50;

/// Where and how often to look.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepSettings {
    /// The shop's address, e.g. `https://shop.example`.
    pub url: Url,
    /// A key of WooCommerce, Settings, Advanced, REST API, with permission to read.
    pub consumer_key: SecretString,
    /// Its secret.
    pub consumer_secret: SecretString,
    /// Minutes from one look to the next.
    #[serde(default = "SweepSettings::usual_minutes")]
    pub every_minutes: u32,
}

impl SweepSettings {
    fn usual_minutes() -> u32 {
        15
    }

    /// Refuses what would tell the key to everybody on the way, and looks that are no use.
    pub(super) fn check(&self) -> Result<(), String> {
        let here = matches!(self.url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if self.url.scheme() != "https" && !(self.url.scheme() == "http" && here) {
            return Err(
                "sweep.url must begin with https://, since the key goes with every question".to_owned()
            );
        }
        if !(1..=1_440).contains(&self.every_minutes) {
            return Err("sweep.every_minutes must be from 1 to 1440".to_owned());
        }
        Ok(())
    }
}

/// A shop that can be asked.
#[derive(Clone, Copy)]
pub struct Sweep<'a> {
    settings: &'a Settings,
    sweep: &'a SweepSettings,
}

/// A stretch of time, Unix seconds; orders modified within it are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Modified after this moment.
    pub after_s: i64,
    /// And before this one.
    pub before_s: i64,
    /// Which page of the answer, from 1; the first unless [`PAGE`] orders were modified in the same second.
    pub page: u32,
}

/// What the shop answered.
pub struct Swept {
    /// Of each order, what became of it.
    pub parts: Vec<Result<Draft, Rejection>>,
    /// What to ask next; `None` when that was the last of the stretch.
    pub next: Option<Stretch>,
}

/// Why an answer is no list of orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// The key is not known, or may not read orders.
    #[error(
        "the shop refuses the key (HTTP {0}): make one under WooCommerce, Settings, Advanced, REST API, with permission to read"
    )]
    Refused(u16),
    /// No REST API there.
    #[error(
        "there is no WooCommerce REST API at this address (HTTP {0}): is sweep.url the shop's address, and are permalinks on?"
    )]
    NotThere(u16),
    /// Trouble of the shop's.
    #[error("the shop answered with HTTP {0}")]
    Status(u16),
    /// Something else than a list.
    #[error("the shop's answer is no list of orders, or longer than is read")]
    Unreadable,
}

impl<'a> Sweep<'a> {
    pub(super) fn of(settings: &'a Settings) -> Option<Self> {
        Some(Self { settings, sweep: settings.sweep.as_ref()? })
    }

    /// Minutes from one look to the next.
    #[must_use]
    pub fn every_minutes(&self) -> u32 {
        self.sweep.every_minutes
    }

    /// The address to ask.
    #[must_use]
    pub fn url(&self, stretch: Stretch) -> String {
        let mut url = self.sweep.url.clone();
        let folder = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{folder}/wp-json/wc/v3/orders"));
        url.query_pairs_mut()
            .append_pair("modified_after", &time(stretch.after_s))
            .append_pair("modified_before", &time(stretch.before_s))
            .append_pair("dates_are_gmt", "true")
            .append_pair("orderby", "modified")
            .append_pair("order", "asc")
            .append_pair("per_page", &PAGE.to_string())
            .append_pair("page", &stretch.page.to_string());
        url.into()
    }

    /// `Authorization` for it; secret.
    #[must_use]
    pub fn authorization(&self) -> String {
        let SweepSettings { consumer_key, consumer_secret, .. } = self.sweep;
        let pair = format!("{}:{}", consumer_key.expose_secret(), consumer_secret.expose_secret());
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    }

    /// Reads the answer. A bad order is a [`Rejection`] among the others.
    ///
    /// # Errors
    /// [`SweepError`] when it is no list of orders.
    pub fn read(
        &self,
        asked: Stretch,
        status: u16,
        body: &[u8],
        policy: &Policy,
    ) -> Result<Swept, SweepError> {
        match status {
            200 => {}
            401 | 403 => return Err(SweepError::Refused(status)),
            404 => return Err(SweepError::NotThere(status)),
            _ => return Err(SweepError::Status(status)),
        }
        let orders: Vec<&RawValue> = serde_json::from_slice(body).map_err(|_| SweepError::Unreadable)?;
        let newest_s = orders.iter().filter_map(|raw| modified_s(raw)).max();
        let parts = orders.iter().enumerate().map(|(at, raw)| self.order(at, raw, policy)).collect();
        Ok(Swept { parts, next: asked.next(orders.len(), newest_s) })
    }

    fn order(&self, at: usize, raw: &RawValue, policy: &Policy) -> Result<Draft, Rejection> {
        let map = object(raw.get().as_bytes()).map_err(|rejection| rejection.at(&format!("[{at}]")))?;
        let mut draft = order::draft(map, self.settings, policy)?;
        draft.event.findings.push(found_by_sweep());
        Ok(draft)
    }
}

impl Stretch {
    /// Goes on behind the newest order of a full page: orders that change meanwhile move to the list's end, and would
    /// shift every page after them.
    fn next(self, orders: usize, newest_s: Option<i64>) -> Option<Self> {
        if orders < PAGE {
            return None;
        }
        // `modified_after` leaves out its own second.
        let after_s = newest_s.map_or(self.after_s, |newest| newest - 1);
        if after_s > self.after_s {
            return Some(Self { after_s, page: 1, ..self });
        }
        Some(Self { page: self.page + 1, ..self })
    }
}

/// The remark on an order that neither webhook nor plugin brought.
fn found_by_sweep() -> Finding {
    let text = "neither webhook nor plugin brought this order; it was found in the shop's list. Look at WooCommerce, \
                Status, Logs, and whether the webhook is still active";
    Finding::warning("found_by_sweep", text)
}

#[derive(Deserialize)]
struct Modified<'a> {
    #[serde(borrow, default)]
    date_modified_gmt: Option<std::borrow::Cow<'a, str>>,
}

fn modified_s(raw: &RawValue) -> Option<i64> {
    let Modified { date_modified_gmt } = serde_json::from_str(raw.get()).ok()?;
    let text = date_modified_gmt?;
    let text = format!("{}Z", text.trim_end_matches('Z'));
    Some(text.parse::<jiff::Timestamp>().ok()?.as_second())
}

/// `2026-11-22T14:00:00`, as WordPress reads it.
fn time(unix_s: i64) -> String {
    let at = jiff::Timestamp::from_second(unix_s).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}
