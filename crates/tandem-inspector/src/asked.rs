//! What an address asks of a page: known parameters only, so that a slip is told and not passed over.

use axum::http::Uri;

use tandem_gateway::live::names_somebody;

use crate::format::in_address;

/// Longest value, in bytes.
const MAX_VALUE: usize = 512;

/// The parameters of a request, in the order of the address; empty ones (of a form) are left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked(Vec<(String, String)>);

impl Asked {
    /// Reads an address. What is wrong with it comes back as a sentence for the visitor.
    pub(crate) fn read(uri: &Uri, known: &[&str]) -> Result<Self, String> {
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            if !known.contains(&&*name) {
                return Err(format!("This page has no {}. {}.", quoted(&name), knows(known)));
            }
            let value = value.trim();
            if value.len() > MAX_VALUE {
                return Err(format!("The value of “{name}” is too long."));
            }
            if all.iter().any(|(before, _)| *before == name) {
                return Err(format!("“{name}” is there twice."));
            }
            if !value.is_empty() {
                all.push((name.into_owned(), value.to_owned()));
            }
        }
        Ok(Self(all))
    }

    /// The same for a page that looks for ids. What names somebody is no id, and must not come back on a page.
    pub(crate) fn read_ids(uri: &Uri, known: &[&str]) -> Result<Self, String> {
        let asked = Self::read(uri, known)?;
        asked.check_ids().map(|()| asked)
    }

    /// See [`Self::read_ids`].
    pub(crate) fn check_ids(&self) -> Result<(), String> {
        if self.0.iter().any(|(_, value)| names_somebody(value)) {
            return Err("Nothing is on record under an e-mail address or a phone number: look for the number of the order, \
                        or for an e-mail address alone under Events, where its hash is looked for."
                .to_owned());
        }
        Ok(())
    }

    /// The value, or nothing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The value, if there is one.
    pub(crate) fn some(&self, name: &str) -> Option<String> {
        Some(self.get(name).to_owned()).filter(|value| !value.is_empty())
    }

    /// A number of the log.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, String> {
        match self.get(name) {
            "" => Ok(None),
            text => {
                text.parse().map(Some).map_err(|_| format!("“{name}” is the number of a row, e.g. 1234."))
            }
        }
    }

    /// All but the named ones.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect())
    }

    /// With one set to another value; an empty one takes it away.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut all = self.without(&[name]);
        if !value.is_empty() {
            all.0.push((name.to_owned(), value.to_owned()));
        }
        all
    }

    /// Whether nothing is asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// `q=ORD-1&site=shop`.
    pub(crate) fn query(&self) -> String {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}={}", in_address(value))).collect();
        pairs.join("&")
    }

    /// The address of a page that is asked this.
    pub(crate) fn address(&self, path: &str) -> String {
        if self.0.is_empty() { path.to_owned() } else { format!("{path}?{}", self.query()) }
    }
}

/// What was typed, as far as a message may repeat it.
pub(crate) fn quoted(text: &str) -> String {
    let is_plain =
        text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if is_plain && !text.is_empty() { format!("“{text}”") } else { "such word".to_owned() }
}

fn knows(known: &[&str]) -> String {
    if known.is_empty() { "It knows none".to_owned() } else { format!("It knows {}", known.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(address: &str) -> Result<Asked, String> {
        Asked::read(&address.parse().unwrap(), &["q", "site"])
    }

    #[test]
    fn an_address_is_read_and_written() {
        let asked = read("/events?q=+a%26b+&site=").unwrap();
        assert_eq!((asked.get("q"), asked.get("site")), ("a&b", ""));
        assert_eq!(asked.with("site", "shop").address("/events"), "/events?q=a%26b&site=shop");
        assert_eq!(asked.with("q", "").address("/events"), "/events");
        assert!(read("/events").unwrap().is_empty());
    }

    #[test]
    fn a_slip_is_told() {
        assert_eq!(read("/events?colour=red").unwrap_err(), "This page has no “colour”. It knows q, site.");
        assert_eq!(
            read("/events?ada%40example.com=1").unwrap_err(),
            "This page has no such word. It knows q, site."
        );
        assert!(Asked::read_ids(&"/why?q=ada%40example.com".parse().unwrap(), &["q"]).is_err());
        assert!(Asked::read_ids(&"/why?q=order_891".parse().unwrap(), &["q"]).is_ok());
        assert_eq!(read("/events?q=a&q=b").unwrap_err(), "“q” is there twice.");
        assert!(read(&format!("/events?q={}", "x".repeat(600))).unwrap_err().contains("too long"));
        assert!(read("/events?q=x").unwrap().number("q").is_err());
    }
}
