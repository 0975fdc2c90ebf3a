//! What an expression sees of an event. Never a raw value, a hash, an address of a person, a click id or a visitor's id:
//! a rule that copied one into a property would carry it past consent.

use minijinja::value::Value;
use url::Url;

use super::expression::number;
use crate::consent::Purpose;
use crate::{Amount, Channel, Event, Item, page};

/// What the request brought along that the site's rules may see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// Cookies by their own names.
    pub cookies: Vec<(String, String)>,
    /// Headers by lower-case names.
    pub headers: Vec<(String, String)>,
}

/// How a name is written after a dot: `x-market` is `headers.x_market`.
pub(super) fn plain_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

/// The names an expression can use, with their values; what is absent is left out.
pub(super) struct Scope {
    fields: Vec<(&'static str, Value)>,
}

impl Scope {
    pub(super) fn of(event: &Event, context: &Context, destination: Option<&str>) -> Self {
        let mut fields = Vec::with_capacity(24);
        let mut put = |name, value: Option<Value>| fields.extend(value.map(|value| (name, value)));
        put("event_name", Some(event.event_name.as_str().into()));
        put("event_id", Some(event.event_id.as_str().into()));
        put("event_time", Some(event.event_time.into()));
        put("site", Some(event.site.as_str().into()));
        put("source", Some(event.source.as_str().into()));
        put("channel", Some(channel(event.channel).into()));
        put("destination", destination.map(Value::from));
        put("order_id", event.order_id.as_deref().map(Value::from));
        put("value", event.value.map(amount));
        put("currency", event.currency.map(|c| Value::from(c.code())));
        put("content_type", event.content_type.as_deref().map(Value::from));
        put("contents", Some(event.contents.iter().map(item).collect()));
        put("num_items", event.num_items().map(amount));
        put("search_string", event.search_string.as_deref().map(Value::from));
        put("description", event.description.as_deref().map(Value::from));
        put(
            "properties",
            Some(Value::from_pairs(event.properties.iter().map(|(k, v)| (k.as_str(), scalar(v))))),
        );
        put("page", Some(page_of(event)));
        put("user", Some(user(event)));
        let status = |purpose: Purpose| (purpose.text(), Value::from(event.consent.of(purpose).text()));
        put("consent", Some(Value::from_pairs(Purpose::ALL.into_iter().map(status))));
        put("cookies", Some(named(&context.cookies)));
        put("headers", Some(named(&context.headers)));
        Self { fields }
    }

    /// The same with the site's variables.
    pub(super) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.fields.push((name, value));
        self
    }

    /// For [`minijinja::Expression::eval`].
    pub(super) fn value(&self) -> Value {
        Value::from_pairs(self.fields.iter().map(|(name, value)| (*name, value.clone())))
    }

    /// The same for an expression about one line.
    pub(super) fn value_with_item(&self, line: &Item) -> Value {
        let fields = self.fields.iter().map(|(name, value)| (*name, value.clone()));
        Value::from_pairs(fields.chain([("item", item(line))]))
    }
}

fn named(pairs: &[(String, String)]) -> Value {
    Value::from_pairs(pairs.iter().map(|(name, value)| (plain_name(name), value.as_str())))
}

fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Browser => "browser",
        Channel::Server => "server",
        Channel::Offline => "offline",
    }
}

fn amount(amount: Amount) -> Value {
    number(amount.decimal())
}

/// A text, number or boolean; anything else is none.
pub(super) fn scalar(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Bool(yes) => Value::from(*yes),
        serde_json::Value::Number(n) => {
            n.as_i64().map_or_else(|| Value::from(n.as_f64().unwrap_or_default()), Value::from)
        }
        serde_json::Value::String(text) => Value::from(text.as_str()),
        _ => Value::from(()),
    }
}

fn item(item: &Item) -> Value {
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let id = Some(item.content_id.as_str()).filter(|id| !id.is_empty());
    let fields = [
        ("content_id", id.map(Value::from)),
        ("content_name", text(&item.content_name)),
        ("content_category", text(&item.content_category)),
        ("brand", text(&item.brand)),
        ("price", item.price.map(amount)),
        ("quantity", item.quantity.map(amount)),
    ];
    Value::from_pairs(fields.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

fn page_of(event: &Event) -> Value {
    let page = &event.page;
    let url = page.url.as_deref().map(page::without_clicks);
    let parsed = url.as_deref().and_then(|url| Url::parse(url).ok());
    let pairs = parsed.iter().flat_map(Url::query_pairs).map(|(k, v)| (k.into_owned(), v.into_owned()));
    let query = Value::from_pairs(pairs);
    let fields: [(&str, Option<Value>); 6] = [
        ("path", parsed.as_ref().map(|url| Value::from(url.path()))),
        ("host", parsed.as_ref().and_then(|url| url.host_str().map(Value::from))),
        ("query", Some(query)),
        ("url", url.map(Value::from)),
        ("referrer", page.referrer.as_deref().map(|url| Value::from(page::without_clicks(url)))),
        ("title", page.title.as_deref().map(Value::from)),
    ];
    Value::from_pairs(fields.into_iter().filter_map(|(name, value)| Some((name, value?))))
}

fn user(event: &Event) -> Value {
    let has: Value = event.user.present().into_iter().map(Value::from).collect();
    let country = event.user.country_code().map(|code| ("country", Value::from(code.to_ascii_uppercase())));
    Value::from_pairs(country.into_iter().chain([("has", has)]))
}
