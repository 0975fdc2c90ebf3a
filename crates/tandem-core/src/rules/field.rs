//! The fields that rules can set.

use minijinja::value::Value;

use super::expression::{decimal, rounded};
use super::trace::Change;
use crate::door;
use crate::event::{Event, Item};
use crate::finding;
use crate::identity::{Raw, RawIdentity, hash_identity};
use crate::money::{Amount, Currency};
use crate::page;

/// What a line of the cart has, in expressions and as `contents[].NAME`.
pub(super) const ITEM_FIELDS: &[&str] =
    &["content_id", "content_name", "content_category", "brand", "price", "quantity"];

/// Longest text of a field, in bytes.
const MAX_TEXT: usize = 300;

/// A field that `set` writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Value,
    Currency,
    ContentType,
    SearchString,
    Description,
    PageUrl,
    PageReferrer,
    PageTitle,
    EventId,
    LimitedDataUse,
    Property(String),
    Item(&'static str),
    User(&'static str),
}

const USER_FIELDS: &[&str] = &[
    "email",
    "phone",
    "external_id",
    "first_name",
    "last_name",
    "street",
    "city",
    "state",
    "zip_code",
    "country",
    "gender",
    "date_of_birth",
    "user_agent",
    "locale",
];

impl Target {
    pub(super) fn parse(path: &str, at_door: bool) -> Result<Self, String> {
        if let Some(name) = path.strip_prefix("properties.") {
            if !door::keeps(name, &true.into()) {
                return Err("is no name for a property: up to 50 letters, digits, _ . -, and none that may be about a \
                            person"
                    .to_owned());
            }
            return Ok(Self::Property(name.to_owned()));
        }
        if let Some(name) = path.strip_prefix("contents[].") {
            let field = ITEM_FIELDS.iter().find(|field| **field == name);
            return field
                .map(|f| Self::Item(f))
                .ok_or_else(|| format!("lines have {}", ITEM_FIELDS.join(", ")));
        }
        if let Some(name) = path.strip_prefix("user.") {
            if !at_door {
                return Err("who the visitor is can only be told at the door, where it is hashed".to_owned());
            }
            let field = USER_FIELDS.iter().find(|field| **field == name);
            return field
                .map(|f| Self::User(f))
                .ok_or_else(|| format!("user has {}", USER_FIELDS.join(", ")));
        }
        Ok(match path {
            "value" => Self::Value,
            "currency" => Self::Currency,
            "content_type" => Self::ContentType,
            "search_string" => Self::SearchString,
            "description" => Self::Description,
            "page.url" => Self::PageUrl,
            "page.referrer" => Self::PageReferrer,
            "page.title" => Self::PageTitle,
            "limited_data_use" => Self::LimitedDataUse,
            "event_id" if at_door => Self::EventId,
            "event_id" => {
                return Err("the id can only be changed at the door: duplicates are told by it".to_owned());
            }
            "event_name" => return Err("use rename".to_owned()),
            "site" | "source" | "channel" | "consent" | "event_time" | "order_id" | "session_id" => {
                return Err("is not for rules to change".to_owned());
            }
            _ => {
                return Err("can be value, currency, content_type, search_string, description, page.url, \
                            page.referrer, page.title, limited_data_use, properties.NAME, contents[].NAME; at the door \
                            also event_id and user.NAME"
                    .to_owned());
            }
        })
    }
}

/// A value ready to be written.
pub(super) enum Write {
    Value(Option<Amount>),
    Currency(Option<Currency>),
    Text(Target, Option<String>),
    Property(String, Option<serde_json::Value>),
    Items(&'static str, Vec<Option<String>>),
    EventId(String),
    LimitedDataUse,
    User(&'static str, Raw),
    /// It would have carried what names a person.
    Personal(String),
}

/// Checks what an expression gave for a field. `currency` is that of the event afterwards.
///
/// Errors are sentences that repeat no value.
pub(super) fn write(target: &Target, value: &Value, currency: Option<Currency>) -> Result<Write, String> {
    match target {
        Target::Value => Ok(Write::Value(money(value, currency)?)),
        Target::Currency => currency_of(value).map(Write::Currency),
        Target::LimitedDataUse => match value.is_true() {
            true => Ok(Write::LimitedDataUse),
            false => Err("limited_data_use can only be switched on".to_owned()),
        },
        Target::EventId => {
            let id = text_of(value).unwrap_or_default();
            if id.trim().is_empty() || door::unfit_id(&id) {
                return Err("the id is empty, too long, or looks like an address or phone".to_owned());
            }
            Ok(Write::EventId(id))
        }
        Target::Property(name) => {
            let Some(json) = scalar(value)? else { return Ok(Write::Property(name.clone(), None)) };
            if !door::keeps(name, &json) {
                return Ok(Write::Personal(format!("properties.{name}")));
            }
            Ok(Write::Property(name.clone(), Some(json)))
        }
        Target::User(field) => {
            let text = text_of(value).ok_or("gave no text")?;
            Ok(Write::User(field, Raw::new(text)))
        }
        Target::Item(_) => Err("is for lines".to_owned()),
        _ => {
            let text = text_of(value).filter(|text| !text.trim().is_empty());
            if text.as_deref().is_some_and(page::is_personal_text) {
                return Ok(Write::Personal(path_of(target).to_owned()));
            }
            if matches!(target, Target::ContentType)
                && text.as_deref().is_some_and(|t| !matches!(t, "product" | "product_group"))
            {
                return Err("content_type is product or product_group".to_owned());
            }
            let address = matches!(target, Target::PageUrl | Target::PageReferrer);
            if !address && text.as_deref().is_some_and(|t| t.len() > MAX_TEXT) {
                return Err(format!("the text is longer than {MAX_TEXT} bytes"));
            }
            let text = if address {
                text.map(|t| page::clean_url(&t).ok_or("gave no address")).transpose()?
            } else {
                text
            };
            Ok(Write::Text(target.clone(), text))
        }
    }
}

/// The same for one line of the cart; amounts as their texts.
pub(super) fn line(field: &str, value: &Value, currency: Option<Currency>) -> Result<Option<String>, String> {
    if matches!(field, "price" | "quantity") {
        let digits = if field == "price" { currency } else { None };
        return Ok(money(value, digits)?.map(|amount| amount.to_string()));
    }
    let text = text_of(value).filter(|text| !text.trim().is_empty());
    if text.as_deref().is_some_and(page::names_person) || text.as_ref().is_some_and(|t| t.len() > MAX_TEXT) {
        return Err("the text is too long, or holds an e-mail address or phone number".to_owned());
    }
    Ok(text)
}

fn money(value: &Value, currency: Option<Currency>) -> Result<Option<Amount>, String> {
    if value.is_none() {
        return Ok(None);
    }
    let number = decimal(value).ok_or("gave no number")?;
    if number.is_sign_negative() && !number.is_zero() {
        return Err("gave a negative number".to_owned());
    }
    let digits = currency.and_then(|c| c.minor_digits());
    Ok(Some(Amount::new(digits.map_or(number, |digits| rounded(number, digits)))))
}

fn currency_of(value: &Value) -> Result<Option<Currency>, String> {
    if value.is_none() {
        return Ok(None);
    }
    let currency = value.as_str().and_then(Currency::parse);
    currency.map(Some).ok_or_else(|| "gave no ISO 4217 currency code".to_owned())
}

fn text_of(value: &Value) -> Option<String> {
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    decimal(value).map(|number| number.normalize().to_string())
}

/// A property's value: nothing, a text, a number or a boolean.
fn scalar(value: &Value) -> Result<Option<serde_json::Value>, String> {
    if value.is_none() {
        return Ok(None);
    }
    json(value)
        .filter(|json| !json.is_array() && !json.is_object())
        .map(Some)
        .ok_or_else(|| "gave a list".to_owned())
}

/// What an expression gave as JSON, its numbers without noise.
pub(super) fn json(value: &Value) -> Option<serde_json::Value> {
    if value.is_none() {
        return Some(serde_json::Value::Null);
    }
    if let Some(text) = value.as_str() {
        return Some(text.into());
    }
    if value.is_number() {
        return decimal(value).map(|d| Amount::new(d).to_json_number().into());
    }
    let given = serde_json::to_value(value).ok()?;
    match given {
        serde_json::Value::Array(_) => {
            value.try_iter().ok()?.map(|one| json(&one)).collect::<Option<Vec<_>>>().map(Into::into)
        }
        serde_json::Value::Object(_) => {
            let pairs =
                value.try_iter().ok()?.map(|key| Some((key.to_string(), json(&value.get_item(&key).ok()?)?)));
            pairs.collect::<Option<serde_json::Map<_, _>>>().map(Into::into)
        }
        other => Some(other),
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Property(name) => write!(f, "properties.{name}"),
            Self::Item(field) => write!(f, "contents[].{field}"),
            Self::User(field) => write!(f, "user.{field}"),
            plain => f.write_str(path_of(plain)),
        }
    }
}

fn path_of(target: &Target) -> &'static str {
    match target {
        Target::Value => "value",
        Target::Currency => "currency",
        Target::ContentType => "content_type",
        Target::SearchString => "search_string",
        Target::Description => "description",
        Target::PageUrl => "page.url",
        Target::PageReferrer => "page.referrer",
        Target::PageTitle => "page.title",
        Target::EventId => "event_id",
        Target::LimitedDataUse => "limited_data_use",
        Target::Property(_) => "properties",
        Target::Item(_) => "contents",
        Target::User(_) => "user",
    }
}

impl Write {
    /// Writes it, and says what was there.
    pub(super) fn apply(self, event: &mut Event) -> Option<Change> {
        let set = |field: &str, was: Option<serde_json::Value>| Some(Change::new(field, "set").from(was));
        match self {
            Self::Value(amount) => {
                let was = std::mem::replace(&mut event.value, amount);
                set("value", was.map(|a| a.to_json_number().into()))
            }
            Self::Currency(currency) => {
                let was = std::mem::replace(&mut event.currency, currency);
                set("currency", was.map(|c| c.code().into()))
            }
            Self::Text(target, text) => {
                let slot = match target {
                    Target::ContentType => &mut event.content_type,
                    Target::SearchString => &mut event.search_string,
                    Target::Description => &mut event.description,
                    Target::PageUrl => &mut event.page.url,
                    Target::PageReferrer => &mut event.page.referrer,
                    _ => &mut event.page.title,
                };
                let was = std::mem::replace(slot, text);
                // A later rule, or a withdrawal, may take click ids out of the event: none stays behind in its notes.
                let address = matches!(target, Target::PageUrl | Target::PageReferrer);
                let was = if address { was.as_deref().map(page::without_query) } else { was };
                set(path_of(&target), was.map(Into::into))
            }
            Self::Property(name, Some(json)) => {
                let was = event.properties.insert(name.clone(), json);
                set(&format!("properties.{name}"), was)
            }
            Self::Property(name, None) => {
                event.properties.remove(&name).map(|_| Change::new(format!("properties.{name}"), "removed"))
            }
            Self::Items(field, values) => {
                for (item, text) in event.contents.iter_mut().zip(values) {
                    set_line(item, field, text);
                }
                (!event.contents.is_empty()).then(|| Change::new(format!("contents[].{field}"), "set"))
            }
            Self::EventId(id) => {
                let was = std::mem::replace(&mut event.event_id, id);
                if !event.event_id.contains(&was) {
                    event.findings.retain(|finding| finding.code != finding::UNPAIRED);
                }
                set("event_id", Some(was.into()))
            }
            Self::LimitedDataUse => {
                event.limited_data_use = true;
                set("limited_data_use", None)
            }
            Self::User(field, raw) => {
                tell(event, field, raw);
                set(&format!("user.{field}"), None)
            }
            Self::Personal(_) => None,
        }
    }
}

pub(super) fn set_line(item: &mut Item, field: &str, text: Option<String>) {
    let amount = |text: &Option<String>| text.as_ref().and_then(|text| text.parse().ok());
    match field {
        "content_id" => item.content_id = text.unwrap_or_default(),
        "content_name" => item.content_name = text,
        "content_category" => item.content_category = text,
        "brand" => item.brand = text,
        "price" => item.price = amount(&text),
        _ => item.quantity = amount(&text),
    }
}

/// A key of the visitor, hashed as at the door; what is there already makes room.
fn tell(event: &mut Event, field: &str, raw: Raw) {
    let default_country = event.user.country_code().map(str::to_ascii_uppercase);
    let mut identity = RawIdentity { default_country, ..RawIdentity::default() };
    match field {
        "email" => identity.email.push(raw),
        "phone" => identity.phone.push(raw),
        "external_id" => identity.external_id.push(raw),
        "first_name" => identity.first_name = Some(raw),
        "last_name" => identity.last_name = Some(raw),
        "street" => identity.street = Some(raw),
        "city" => identity.city = Some(raw),
        "state" => identity.state = Some(raw),
        "zip_code" => identity.zip_code = Some(raw),
        "country" => identity.country = Some(raw),
        "gender" => identity.gender = Some(raw),
        "date_of_birth" => identity.date_of_birth = Some(raw),
        "user_agent" => identity.user_agent = Some(raw),
        _ => identity.locale = Some(raw),
    }
    let (mut told, findings) = hash_identity(identity);
    event.findings.extend(findings);
    event.user.take_key(field, &mut told);
}
