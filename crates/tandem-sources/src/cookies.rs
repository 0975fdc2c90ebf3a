//! Cookies of the shop's own origin: read from the request, set by the answer.
//!
//! Safari lets a cookie that a script wrote live for seven days; one that came with an answer of the page's own host
//! keeps its time. So only answers write.

use tandem_core::identity::ClickIds;
use tandem_core::normalise::clicks;

/// Chrome lets no cookie live longer: 400 days, in seconds.
const MAX_AGE_S: u32 = 34_560_000;

/// Name and value pairs of a `Cookie` header, surrounding quotes removed.
pub(crate) fn parse(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim().trim_matches('"')))
    })
}

/// Writes `Set-Cookie` values.
///
/// Not `HttpOnly`: the platforms' own scripts read theirs, and the visitor id goes to them as `external_id` from the
/// page too, or both halves would name different people.
pub(crate) struct Jar<'a> {
    pub(crate) domain: Option<&'a str>,
    pub(crate) secure: bool,
    /// How long a click counts, in seconds.
    pub(crate) click_window_s: u32,
    pub(crate) out: Vec<String>,
}

impl Jar<'_> {
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.write(name, value, MAX_AGE_S);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.write(name, "", 0);
    }

    /// Takes away every cookie that is ours to write or to renew.
    pub(crate) fn remove_all(&mut self, visitor: &str) {
        self.remove(visitor);
        clicks::kept_cookie_names().for_each(|name| self.remove(name));
    }

    fn write(&mut self, name: &str, value: &str, max_age_s: u32) {
        let domain = self.domain.map(|domain| format!("; Domain={domain}")).unwrap_or_default();
        let secure = if self.secure { "; Secure" } else { "" };
        self.out.push(format!("{name}={value}; Path=/; Max-Age={max_age_s}; SameSite=Lax{domain}{secure}"));
    }

    /// Keeps click ids that came with the address for as long as a click counts, and renews what names the browser. A
    /// click out of a cookie is as old as it is: renewing it would make it younger.
    pub(crate) fn keep(&mut self, fresh: &ClickIds, cookies: &[(&str, &str)]) {
        for (key, value) in fresh.iter() {
            if let Some(cookie) = clicks::cookie_of(key)
                && clicks::held_by(cookie, value).is_some()
            {
                let life_s = if clicks::names_browser(key) { MAX_AGE_S } else { self.click_window_s };
                self.write(cookie, value, life_s);
            }
        }
        for (name, value) in cookies {
            if clicks::held_by(name, value).is_some_and(clicks::names_browser) {
                self.set(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes() {
        let mut jar = Jar { domain: Some("shop.example"), secure: true, click_window_s: 0, out: vec![] };
        jar.set("tdv", "abc");
        assert_eq!(
            jar.out[0],
            "tdv=abc; Path=/; Max-Age=34560000; SameSite=Lax; Domain=shop.example; Secure"
        );
    }

    #[test]
    fn a_new_click_replaces_the_old_cookie_and_the_browsers_ids_are_renewed() {
        let mut jar = Jar { domain: None, secure: false, click_window_s: 86_400, out: vec![] };
        let fresh = ClickIds { ttclid: Some("NEW".into()), ..ClickIds::default() };
        jar.keep(
            &fresh,
            &[
                ("ttclid", "OLD"),
                ("gclid", "OLD"),
                ("_ttp", "abc.tt.1"),
                ("session", "secret"),
                ("_fbp", "junk"),
            ],
        );
        assert_eq!(
            jar.out,
            [
                "ttclid=NEW; Path=/; Max-Age=86400; SameSite=Lax",
                "_ttp=abc.tt.1; Path=/; Max-Age=34560000; SameSite=Lax"
            ]
        );
    }
}
