//! The script on the shop's pages: what it sends, and the cookies it is answered with.
//!
//! A body is an envelope (visitor, page, cookies, consent) around events in the form of the events API. Anybody can send
//! one: it must come from one of the shop's hosts, and a Purchase in it is a hint, never the truth, where the shop's
//! server reports its orders.

pub(crate) mod body;
pub(crate) mod settings;

use tandem_core::Site;

pub use body::MAX_EVENTS;
pub use settings::{Bots, Sales, Settings, listed_word};

use crate::{AuthError, Decoded, Remembering, Request, Source, values};

/// Name in configuration, records and metrics.
pub const NAME: &str = "browser";

/// What the gateway needs to serve the script and to join sessions.
#[derive(Debug)]
pub struct Pages {
    /// Where script and intake live.
    pub path: String,
    /// The rest.
    pub settings: Settings,
}

/// The pages of one shop.
pub struct Browser {
    pages: Pages,
}

impl Browser {
    /// Sets it up.
    ///
    /// # Errors
    /// A text that names the setting at fault.
    pub fn new(settings: Settings) -> Result<Self, String> {
        settings.check()?;
        Ok(Self { pages: Pages { path: settings.path(), settings } })
    }
}

impl Pages {
    /// Whether a page of this origin (`https://shop.example`) is one of the shop's.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        values::is_of_hosts(origin, &self.settings.hosts)
    }
}

impl Source for Browser {
    fn name(&self) -> &'static str {
        NAME
    }

    /// By the page's origin, which a browser does not let a page choose.
    fn authenticate(&self, request: &Request<'_>) -> Result<(), AuthError> {
        let origin = request.header("origin").filter(|o| *o != "null").or_else(|| request.header("referer"));
        match origin {
            // Firefox names no origin for the last words of a page with a strict referrer policy, but says this.
            None if request.header("sec-fetch-site") == Some("same-origin") => Ok(()),
            None => Err(AuthError::Origin("the request names no page it comes from (Origin)")),
            Some(origin) if self.pages.allows(origin) => Ok(()),
            Some(_) => {
                Err(AuthError::Origin("the page is on none of the site's hosts (sources.browser.hosts)"))
            }
        }
    }

    fn decode(&self, request: &Request<'_>, site: &Site) -> Decoded {
        body::decode(request, site, &self.pages.settings).unwrap_or_else(Decoded::rejected)
    }

    fn pages(&self) -> Option<&Pages> {
        Some(&self.pages)
    }

    fn remembering(&self) -> Option<Remembering<'_>> {
        let Settings { hosts, sales, hold_seconds, click_window_days, .. } = &self.pages.settings;
        Some(Remembering {
            hosts,
            sales: *sales,
            hold_seconds: *hold_seconds,
            click_window_days: *click_window_days,
        })
    }
}
