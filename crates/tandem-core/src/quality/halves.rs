//! Which halves of an event there were: the platform's own pixel in the browser, and our report from the server.

use serde::{Deserialize, Serialize};

use crate::{Channel, Event};

/// Whether a half was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Yes.
    There,
    /// No.
    Missing,
    /// Nobody told.
    #[default]
    Unknown,
}

/// What is known of both halves of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Halves {
    /// A platform's pixel on the page.
    pub browser: Side,
    /// Our own report to the platform.
    pub server: bool,
}

impl Halves {
    /// What two reports of one event tell together: what one of them saw was there.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let browser = match (self.browser, other.browser) {
            (Side::There, _) | (_, Side::There) => Side::There,
            (Side::Missing, _) | (_, Side::Missing) => Side::Missing,
            (Side::Unknown, Side::Unknown) => Side::Unknown,
        };
        Self { browser, server: self.server || other.server }
    }

    /// `both`, `browser`, `server`, or `unknown` where nobody told of the pixel.
    #[must_use]
    pub fn word(self) -> &'static str {
        match (self.browser, self.server) {
            (Side::There, true) => "both",
            (Side::There, false) => "browser",
            (Side::Missing, true) => "server",
            (Side::Missing, false) | (Side::Unknown, _) => "unknown",
        }
    }
}

/// What one event tells of its halves. `completes`: it is the page's word on a sale that the shop's server reports, so that
/// it is not sent itself.
///
/// A pixel that had loaded when the page told us fired under the same id. One that was blocked did not; one that was still
/// loading may have, later.
#[must_use]
pub fn halves(event: &Event, completes: bool) -> Halves {
    let is = |state: &str| event.pixels.values().any(|pixel| pixel == state);
    let browser = match () {
        () if is("loaded") => Side::There,
        () if event.pixels.is_empty() || is("loading") => Side::Unknown,
        () => Side::Missing,
    };
    Halves { browser, server: !(completes && event.channel == Channel::Browser) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pixels<'a> = &'a [(&'a str, &'a str)];

    fn of(channel: Channel, pixels: Pixels<'_>, completes: bool) -> Halves {
        let pixels = pixels.iter().map(|(name, state)| ((*name).into(), (*state).into())).collect();
        halves(&Event { channel, pixels, ..Event::default() }, completes)
    }

    #[test]
    fn a_loaded_pixel_is_the_browser_half() {
        use Channel::{Browser, Server};
        let cases: [(Channel, Pixels<'_>, bool, &str); 8] = [
            (Browser, &[("tiktok", "loaded")], false, "both"),
            (Browser, &[("tiktok", "blocked"), ("meta", "loaded")], false, "both"),
            (Browser, &[("tiktok", "blocked")], false, "server"),
            (Browser, &[("tiktok", "loading")], false, "unknown"),
            (Browser, &[], false, "unknown"),
            (Browser, &[("tiktok", "loaded")], true, "browser"),
            (Browser, &[("tiktok", "blocked")], true, "unknown"),
            (Server, &[], false, "unknown"),
        ];
        for (channel, pixels, completes, expected) in cases {
            assert_eq!(of(channel, pixels, completes).word(), expected, "{channel:?} {pixels:?} {completes}");
        }
    }

    #[test]
    fn two_reports_make_a_pair() {
        let server = of(Channel::Server, &[], false);
        assert_eq!(server.and(of(Channel::Browser, &[("tiktok", "loaded")], true)).word(), "both");
        assert_eq!(of(Channel::Browser, &[("tiktok", "blocked")], true).and(server).word(), "server");
        assert_eq!(server.and(server).word(), "unknown");
    }
}
