//! What the sandbox knows of a platform, and the list of those it plays.
//!
//! Listener, request log, faults, duplicate engine, report and page are common; a platform is a folder that
//! says how its requests are read and answered, and its line in [`PLATFORMS`].

use std::fmt;

use axum::Router;

use crate::{FaultKind, Options, Person, Sandbox, engine::Dedup, ga4, keys::KeySet, meta, tiktok};

/// The platforms, in the order of the page.
pub static PLATFORMS: [&Platform; 3] = [&tiktok::TIKTOK, &meta::META, &ga4::GA4];

/// One platform as the common parts see it.
pub struct Platform {
    /// Its name in addresses, as in `/sandbox/{name}/conversions`.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What its own tool calls the account events go to.
    pub source: &'static str,
    /// Remark for people under its heading.
    pub remark: &'static str,
    /// How to send the first event.
    pub(crate) first_event: &'static str,
    /// Names of its flaws, in the order of their bits.
    pub(crate) flaws: &'static [&'static str],
    /// The name an event is counted under.
    pub(crate) counted_name: fn(&str) -> &str,
    /// `standard`, `page_view` or `custom`.
    pub(crate) event_type: fn(&str) -> &'static str,
    /// Is the event worth little without money and a person?
    pub(crate) wants_value: fn(&str) -> bool,
    /// How it finds duplicates.
    pub(crate) dedup: fn(&Options) -> Dedup,
    /// The wire values that belong to a person.
    pub(crate) expected: fn(&Person) -> Vec<(KeySet, String)>,
    /// Can this fault happen here?
    pub(crate) plays: fn(&FaultKind) -> bool,
    /// Its addresses.
    pub(crate) routes: fn() -> Router<Sandbox>,
    /// The table of a configuration that sends to the sandbox at this address.
    pub(crate) settings: fn(&str) -> String,
}

impl Platform {
    /// The platform of this name.
    pub fn named(name: &str) -> Option<&'static Platform> {
        PLATFORMS.into_iter().find(|platform| platform.name == name)
    }

    /// How it finds duplicates under these options.
    pub fn dedup(&self, options: &Options) -> Dedup {
        (self.dedup)(options)
    }

    /// The table of a configuration that sends to the sandbox at `base`, for example `http://127.0.0.1:8090`.
    pub fn settings(&self, base: &str) -> String {
        (self.settings)(base)
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
