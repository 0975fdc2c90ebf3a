//! What a shop's consent tool calls things: its categories, and the platforms.

use serde::{Deserialize, Serialize};

use super::{Purpose, Status};

/// Ids of the tool's categories, groups or purposes beside those that are known; shops rename them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Categories {
    /// For advertising.
    pub advertising: Vec<String>,
    /// For statistics.
    pub analytics: Vec<String>,
    /// For comfort.
    pub functional: Vec<String>,
}

impl Categories {
    /// The same with those that are known.
    #[must_use]
    pub fn with_known(&self, known: &[(Purpose, &[&str])]) -> Self {
        let all = |purpose: Purpose| {
            let known = known.iter().filter(|(of, _)| *of == purpose).flat_map(|(_, ids)| ids.iter());
            known.map(|id| (*id).to_owned()).chain(self.of(purpose).iter().cloned()).collect()
        };
        Self {
            advertising: all(Purpose::Advertising),
            analytics: all(Purpose::Analytics),
            functional: all(Purpose::Functional),
        }
    }

    fn of(&self, purpose: Purpose) -> &[String] {
        match purpose {
            Purpose::Advertising => &self.advertising,
            Purpose::Analytics => &self.analytics,
            Purpose::Functional => &self.functional,
        }
    }

    /// What the answers to single categories say of a purpose: no, if any of them does. `known`: ids that mean this
    /// purpose in any shop.
    pub(super) fn status<'a>(
        &self,
        purpose: Purpose,
        known: &[&str],
        answers: impl Iterator<Item = (&'a str, bool)>,
    ) -> Status {
        let is_meant = |id: &str| known.contains(&id) || self.of(purpose).iter().any(|own| own == id);
        let mut status = Status::Unknown;
        for (_, yes) in answers.filter(|(id, _)| is_meant(id)) {
            if !yes {
                return Status::Denied;
            }
            status = Status::Granted;
        }
        status
    }
}

/// How consent tools name one platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VendorNames {
    /// Our name of it.
    pub platform: String,
    /// Names in tools, see [`VendorNames::is_called`].
    pub names: Vec<String>,
    /// Id on the IAB's vendor list.
    pub tcf: Option<u16>,
}

impl VendorNames {
    /// Whether a tool's vendor id means this platform: the name's words stand in it one after the other. `tiktok` is
    /// meant by `tiktok-pixel`, `c:tiktok-KZAU` and `TikTok Pixel`.
    #[must_use]
    pub fn is_called(&self, id: &str) -> bool {
        let id = words(id);
        self.names.iter().any(|name| {
            let name = words(name);
            name.len() > 1 && id.contains(&name)
        })
    }
}

/// `TikTok Pixel` → `-tiktok-pixel-`.
fn words(text: &str) -> String {
    let mut words = String::from("-");
    for c in text.chars() {
        match c.is_ascii_alphanumeric() {
            true => words.push(c.to_ascii_lowercase()),
            false if !words.ends_with('-') => words.push('-'),
            false => {}
        }
    }
    if !words.ends_with('-') {
        words.push('-');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_found_by_its_words() {
        let names = |names: &[&str]| VendorNames {
            names: names.iter().map(|&n| n.to_owned()).collect(),
            ..VendorNames::default()
        };
        let tiktok = names(&["tiktok"]);
        for id in ["tiktok", "tiktok-pixel", "c:tiktok-KZAU", "TikTok Pixel", "tiktok_pixel"] {
            assert!(tiktok.is_called(id), "{id}");
        }
        assert!(!tiktok.is_called("tiktokanalytics") && !tiktok.is_called("") && !tiktok.is_called("my"));
        let ga4 = names(&["google analytics"]);
        assert!(
            ga4.is_called("google-analytics")
                && ga4.is_called("Google Analytics 4")
                && !ga4.is_called("google-ads")
        );
        assert!(!names(&["", "!"]).is_called("anything"));
    }
}
