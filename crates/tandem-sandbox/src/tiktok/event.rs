//! The parts of an event that both halves (server and browser) share, and how they are read.

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{
    engine::{Arrival, Channel, Flaws},
    keys::{KEY_NAMES, KeySet, Oracle, is_hash},
    money::{self, decimal},
    options::Options,
    raw::{List, Object, Raw, Shape, Typed},
    tiktok::{
        INVALID_CONTENT_TYPE, INVALID_CUSTOM_EVENT_TYPE, MISSING_CONTENT_ID, MISSING_VALUE_OR_CURRENCY,
        UNSUPPORTED_CURRENCY, schema::Refusal, vocabulary,
    },
};

/// Fields of `user`, in the order of the key bits.
pub(crate) const USER_FIELDS: [&str; 18] = {
    let (fields, _) = KEY_NAMES.split_at(18);
    let mut names = [""; 18];
    let mut index = 0;
    while index < names.len() {
        names[index] = fields[index];
        index += 1;
    }
    names
};
/// Keys TikTok wants hashed.
const HASHED: KeySet = KeySet::of(0b111 | (0b111 << 8));

/// `user` of a server event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct UserIn<'a> {
    #[serde(borrow)]
    pub(crate) email: Raw<'a>,
    #[serde(borrow)]
    pub(crate) phone: Raw<'a>,
    #[serde(borrow)]
    pub(crate) external_id: Raw<'a>,
    #[serde(borrow)]
    pub(crate) ttclid: Raw<'a>,
    #[serde(borrow)]
    pub(crate) ttp: Raw<'a>,
    #[serde(borrow)]
    pub(crate) ip: Raw<'a>,
    #[serde(borrow)]
    pub(crate) user_agent: Raw<'a>,
    #[serde(borrow)]
    locale: Raw<'a>,
    #[serde(borrow)]
    first_name: Raw<'a>,
    #[serde(borrow)]
    last_name: Raw<'a>,
    #[serde(borrow)]
    zip_code: Raw<'a>,
    #[serde(borrow)]
    city: Raw<'a>,
    #[serde(borrow)]
    state: Raw<'a>,
    #[serde(borrow)]
    country: Raw<'a>,
    #[serde(borrow)]
    idfa: Raw<'a>,
    #[serde(borrow)]
    idfv: Raw<'a>,
    #[serde(borrow)]
    gaid: Raw<'a>,
    #[serde(borrow)]
    att_status: Raw<'a>,
}

impl<'a> UserIn<'a> {
    /// The fields in the order of the key bits.
    fn fields(&self) -> [Raw<'a>; 18] {
        [
            self.email,
            self.phone,
            self.external_id,
            self.ttclid,
            self.ttp,
            self.ip,
            self.user_agent,
            self.locale,
            self.first_name,
            self.last_name,
            self.zip_code,
            self.city,
            self.state,
            self.country,
            self.idfa,
            self.idfv,
            self.gaid,
            self.att_status,
        ]
    }
}

/// `properties` of an event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PropertiesIn<'a> {
    #[serde(borrow)]
    value: Raw<'a>,
    #[serde(borrow)]
    currency: Raw<'a>,
    #[serde(borrow)]
    order_id: Raw<'a>,
    #[serde(borrow)]
    content_type: Raw<'a>,
    #[serde(borrow)]
    content_ids: Raw<'a>,
    #[serde(borrow)]
    contents: List<Object<ContentIn<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ContentIn<'a> {
    #[serde(borrow)]
    content_id: Raw<'a>,
}

/// Which match keys came, which of them can never match, and which belong to a known person.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keys {
    pub(crate) present: KeySet,
    pub(crate) unmatchable: KeySet,
    pub(crate) matched: KeySet,
}

/// Reads the match keys of a user.
pub(crate) fn keys_of(user: &UserIn<'_>, oracle: &Oracle) -> Keys {
    let mut keys = Keys::default();
    for (index, raw) in user.fields().into_iter().enumerate() {
        let key = KeySet::bit(index);
        let must_be_hash = key.meets(HASHED);
        let (mut filled, mut usable) = (false, false);
        raw.each_string(|text| {
            filled |= !text.is_empty();
            usable |= !must_be_hash || is_hash(text);
            if !oracle.knows_nobody() && oracle.matches(key, text) {
                keys.matched = keys.matched.with(key);
            }
        });
        if filled {
            keys.present = keys.present.with(key);
            if !usable {
                keys.unmatchable = keys.unmatchable.with(key);
            }
        }
    }
    keys
}

/// What is read of `properties`.
#[derive(Debug, Default)]
pub(crate) struct Goods<'a> {
    value: Option<Decimal>,
    currency: Option<Cow<'a, str>>,
    order_id: Option<Cow<'a, str>>,
    flaws: Flaws,
}

/// Checks and reads the properties of the event at `index`; the error names the field in TikTok's words.
pub(crate) fn goods_of<'a>(
    index: usize,
    event: &str,
    properties: &Object<PropertiesIn<'a>>,
    options: &Options,
) -> Result<Goods<'a>, Refusal> {
    let mut goods = Goods::default();
    let Some(properties) = properties.get() else {
        if matches!(properties, Typed::Wrong) {
            return Err(Refusal::parameter(format!("Batch.{index}.properties: Invalid input type")));
        }
        goods.flaws = flaws_of_nothing(event);
        return Ok(goods);
    };
    let has_content_id = contents(index, &properties.contents)?;
    goods.value = value(index, properties.value, options)?;
    goods.currency = currency(index, properties.currency, options)?;
    goods.order_id = properties.order_id.filled();

    let supported =
        goods.currency.as_deref().is_none_or(|c| vocabulary::is_supported_currency(&c.to_ascii_uppercase()));
    goods.flaws.note(UNSUPPORTED_CURRENCY, !supported);
    let no_products = !has_content_id && properties.content_ids.shape() != Shape::List;
    goods.flaws.note(MISSING_CONTENT_ID, no_products && vocabulary::wants_products(event));
    let no_money = goods.value.is_none() || goods.currency.is_none();
    goods.flaws.note(MISSING_VALUE_OR_CURRENCY, no_money && vocabulary::wants_value(event));
    let known_type =
        properties.content_type.string().is_none_or(|t| matches!(&*t, "product" | "product_group"));
    goods.flaws.note(INVALID_CONTENT_TYPE, !known_type);
    Ok(goods)
}

fn flaws_of_nothing(event: &str) -> Flaws {
    let mut flaws = Flaws::default();
    flaws.note(MISSING_CONTENT_ID, vocabulary::wants_products(event));
    flaws.note(MISSING_VALUE_OR_CURRENCY, vocabulary::wants_value(event));
    flaws
}

/// Checks the product lines; says whether one has an id.
fn contents(index: usize, contents: &List<Object<ContentIn<'_>>>) -> Result<bool, Refusal> {
    let lines = match contents {
        Typed::Missing => return Ok(false),
        Typed::Is(lines) => lines,
        Typed::Null | Typed::Wrong => {
            return Err(Refusal::parameter(format!("Batch.{index}.properties.contents: Not a valid list")));
        }
    };
    let mut has_id = false;
    for (line_index, line) in lines.iter().enumerate() {
        let place = || format!("Batch.{index}.properties.contents.{line_index}");
        let Some(line) = line.get() else {
            return Err(Refusal::parameter(format!("{}: Invalid input type", place())));
        };
        match line.content_id.shape() {
            Shape::Missing => {}
            Shape::Text => has_id = true,
            _ => return Err(Refusal::parameter(format!("{}.content_id: Not a valid string", place()))),
        }
    }
    Ok(has_id)
}

fn value(index: usize, raw: Raw<'_>, options: &Options) -> Result<Option<Decimal>, Refusal> {
    let parsed = match raw.shape() {
        Shape::Missing => return Ok(None),
        Shape::Number => decimal(raw.source()),
        Shape::Text if options.accept_numeric_string_value => raw.string().and_then(|text| decimal(&text)),
        _ => None,
    };
    parsed
        .map(Some)
        .ok_or_else(|| Refusal::parameter(format!("Batch.{index}.properties.value: Not a valid number")))
}

fn currency<'a>(index: usize, raw: Raw<'a>, options: &Options) -> Result<Option<Cow<'a, str>>, Refusal> {
    if raw.is_absent() {
        return Ok(None);
    }
    let Some(code) = raw.string() else {
        return Err(Refusal::parameter(format!("Batch.{index}.properties.currency: Not a valid string")));
    };
    if code.is_empty() {
        return Ok(None);
    }
    let upper = code.to_ascii_uppercase();
    let no_code = !money::is_code(&upper);
    let unlisted = options.refuse_unsupported_currency && !vocabulary::is_supported_currency(&upper);
    if no_code || unlisted || options.refused_currencies.contains(&upper) {
        let text = format!("Batch.{index}.properties.currency: Not a valid choice: {code}");
        return Err(Refusal::parameter(text));
    }
    Ok(Some(if *code == *upper { code } else { Cow::Owned(upper) }))
}

/// Puts the parts together.
pub(crate) fn arrival<'a>(
    channel: Channel,
    name: Cow<'a, str>,
    event_id: Option<Cow<'a, str>>,
    keys: Keys,
    goods: Goods<'a>,
) -> Arrival<'a> {
    let mut flaws = goods.flaws;
    let custom = !vocabulary::is_standard(&name) && !vocabulary::is_page_view(&name);
    flaws.note(INVALID_CUSTOM_EVENT_TYPE, custom && !vocabulary::is_valid_custom(&name));
    Arrival {
        channel,
        event: name,
        event_id,
        event_time: None,
        value: goods.value,
        currency: goods.currency,
        order_id: goods.order_id,
        visitor: Vec::new(),
        page_url: None,
        keys: keys.present,
        unmatchable: keys.unmatchable,
        matched: keys.matched,
        flaws,
    }
}
