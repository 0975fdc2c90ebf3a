//! What rules leave out: the patterns that name fields, and what names nobody any more.

use super::field::{ITEM_FIELDS, set_line};
use crate::event::Event;
use crate::page;

/// Parameters that `keep` decides on, beside `properties.…`.
const PARAMETERS: &[&str] = &[
    "value",
    "currency",
    "contents",
    "content_type",
    "search_string",
    "description",
    "page.url",
    "page.referrer",
    "page.title",
];

/// What `anonymise` knows.
pub const PRESETS: &[&str] =
    &["ip", "user_agent", "click_ids", "page_query", "referrer", "location", "visitor"];

/// Fields to leave out: a name, or the beginning of some with a `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) String);

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (stem, star) = text.strip_suffix('*').map_or((text, false), |stem| (stem, true));
        if stem.contains('*') {
            return Err("a * can only stand at the end".to_owned());
        }
        if !star && text == "currency" {
            return Err(
                "a value without its currency would be read in another one: leave out value".to_owned()
            );
        }
        let own = stem.starts_with("properties.") || stem.starts_with("user.");
        let lines = ITEM_FIELDS.iter().map(|field| format!("contents[].{field}"));
        let pattern = Self(text.to_owned());
        let mut known = PARAMETERS.iter().map(|name| (*name).to_owned()).chain(lines);
        if own || known.any(|name| pattern.fits(&name)) {
            return Ok(pattern);
        }
        Err(format!("can be {}, contents[].NAME, properties.NAME, user.NAME", PARAMETERS.join(", ")))
    }

    pub(super) fn fits(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(stem) => name.starts_with(stem),
            None => self.0 == name,
        }
    }

    /// Takes out what fits; whether there was something.
    pub(super) fn remove(&self, event: &mut Event) -> bool {
        let before = (event.properties.len(), event.user.present().len());
        let mut found = false;
        for name in PARAMETERS.iter().filter(|name| self.fits(name)) {
            found |= clear(event, name);
        }
        for field in ITEM_FIELDS.iter().filter(|field| self.fits(&format!("contents[].{field}"))) {
            found |= !event.contents.is_empty();
            event.contents.iter_mut().for_each(|item| set_line(item, field, None));
        }
        event.properties.retain(|name, _| !self.fits(&format!("properties.{name}")));
        for name in event.user.present() {
            if self.fits(&format!("user.{name}")) {
                event.user.forget(name);
                event.supplied.remove(name);
            }
        }
        found || before != (event.properties.len(), event.user.present().len())
    }
}

fn clear(event: &mut Event, name: &str) -> bool {
    match name {
        // One without the other would be read wrongly.
        "value" | "currency" => {
            event.currency = None;
            event.value.take().is_some()
        }
        "contents" => !std::mem::take(&mut event.contents).is_empty(),
        "content_type" => event.content_type.take().is_some(),
        "search_string" => event.search_string.take().is_some(),
        "description" => event.description.take().is_some(),
        "page.url" => event.page.url.take().is_some(),
        "page.referrer" => event.page.referrer.take().is_some(),
        _ => event.page.title.take().is_some(),
    }
}

/// Leaves only the listed parameters; the visitor's keys are not parameters. Names what went.
pub(super) fn keep(event: &mut Event, listed: &[Pattern]) -> Vec<String> {
    let kept = |name: &str| {
        listed.iter().any(|pattern| pattern.fits(name) || name == "currency" && pattern.fits("value"))
    };
    let mut gone: Vec<String> = Vec::new();
    for name in PARAMETERS.iter().filter(|name| !kept(name)) {
        let lines = *name == "contents" && listed.iter().any(|p| p.0.starts_with("contents"));
        if !lines && clear(event, name) {
            gone.push((*name).to_owned());
        }
    }
    if !kept("contents") {
        let lines = !event.contents.is_empty();
        for field in ITEM_FIELDS.iter().filter(|f| lines && !kept(&format!("contents[].{f}"))) {
            event.contents.iter_mut().for_each(|item| set_line(item, field, None));
            gone.push(format!("contents[].{field}"));
        }
    }
    event.properties.retain(|name, _| {
        let path = format!("properties.{name}");
        let stays = kept(&path);
        if !stays {
            gone.push(path);
        }
        stays
    });
    gone
}

/// One of [`PRESETS`].
pub(super) fn anonymise(event: &mut Event, preset: &str) {
    match preset {
        "ip" => event.user.ip = None,
        "user_agent" => event.user.user_agent = None,
        "click_ids" => {
            let ids: Vec<&str> = event.user.click_ids.iter().map(|(name, _)| name).collect();
            ids.iter().for_each(|name| {
                event.user.forget(name);
                event.supplied.remove(*name);
            });
            event.page.url = event.page.url.as_deref().map(page::without_clicks);
            event.page.referrer = event.page.referrer.as_deref().map(page::without_clicks);
        }
        "page_query" => {
            event.page.url = event.page.url.as_deref().map(page::without_query);
            event.page.referrer = event.page.referrer.as_deref().map(page::without_query);
        }
        "referrer" => event.page.referrer = None,
        "location" => ["street", "city", "state", "zip_code"].iter().for_each(|name| event.user.forget(name)),
        _ => {
            event.session_id = None;
            event.user.forget("external_id");
        }
    }
}

/// Country, language and goods stay.
pub(super) fn drop_person_data(event: &mut Event) {
    let mut user = std::mem::take(&mut event.user);
    user.anonymise();
    let mut bare = event.without_identity();
    bare.user = user;
    bare.session_id = None;
    *event = bare;
}
