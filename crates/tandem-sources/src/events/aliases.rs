//! The names a field is accepted under: our own, those of server containers, and TikTok's.
//!
//! One line a field; the first name that holds something wins, the others are taken out and forgotten.

/// A part of an event in which names are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The event object itself.
    Top,
    /// `properties`, TikTok's place for everything about the sale.
    Properties,
    /// `user`, ours and TikTok's.
    User,
    /// `user_data`, the server containers' place for people.
    UserData,
    /// `user_data.address` or `user.address`, or the first of them.
    Address,
    /// `page`.
    Page,
    /// `click_ids`.
    ClickIds,
    /// `consent` and `consent_state`.
    Consent,
}

impl Place {
    /// How many there are.
    pub(super) const COUNT: usize = 8;

    /// Prefix of a path in the input.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Properties => "properties.",
            Self::User => "user.",
            Self::UserData => "user_data.",
            Self::Address => "user_data.address.",
            Self::Page => "page.",
            Self::ClickIds => "click_ids.",
            Self::Consent => "consent.",
        }
    }
}

/// One name in one place.
pub(super) type Alias = (Place, &'static str);

use Place::{Address, ClickIds, Page, Properties, Top, User, UserData};

pub(super) const EVENT_NAME: &[Alias] =
    &[(Top, "event_name"), (Top, "event"), (Top, "eventName"), (Top, "en")];
pub(super) const EVENT_ID: &[Alias] = &[
    (Top, "event_id"),
    (Top, "eventID"),
    (Top, "eventId"),
    (Top, "client_dedup_id"),
    (Properties, "event_id"),
];
pub(super) const EVENT_TIME: &[Alias] = &[(Top, "event_time"), (Top, "timestamp")];
pub(super) const CHANNEL: &[Alias] = &[(Top, "channel")];
pub(super) const SESSION_ID: &[Alias] = &[(Top, "session_id"), (User, "client_id"), (Top, "client_id")];
pub(super) const ORDER_NUMBER: &[Alias] = &[(Top, "order_number"), (Properties, "order_number")];
pub(super) const PARENT_ORDER_ID: &[Alias] = &[(Top, "parent_order_id"), (Properties, "parent_order_id")];
pub(super) const LIMITED_DATA_USE: &[Alias] = &[(Top, "limited_data_use"), (Properties, "limited_data_use")];
pub(super) const TEST_CODE: &[Alias] = &[(Top, "test_event_code"), (Properties, "test_event_code")];

pub(super) const ORDER_ID: &[Alias] =
    &[(Top, "order_id"), (Properties, "order_id"), (Top, "transaction_id"), (Properties, "transaction_id")];
pub(super) const VALUE: &[Alias] = &[(Top, "value"), (Properties, "value")];
pub(super) const CURRENCY: &[Alias] = &[(Top, "currency"), (Properties, "currency")];
pub(super) const CONTENT_TYPE: &[Alias] = &[(Top, "content_type"), (Properties, "content_type")];
pub(super) const CONTENTS: &[Alias] =
    &[(Top, "contents"), (Properties, "contents"), (Top, "items"), (Properties, "items")];
pub(super) const CONTENT_IDS: &[Alias] =
    &[(Top, "content_ids"), (Properties, "content_ids"), (Top, "content_id"), (Properties, "content_id")];
pub(super) const NUM_ITEMS: &[Alias] = &[(Top, "num_items"), (Properties, "num_items")];
pub(super) const SEARCH_STRING: &[Alias] = &[
    (Top, "search_string"),
    (Properties, "search_string"),
    (Top, "search_term"),
    (Properties, "search_term"),
    (Top, "query"),
    (Properties, "query"),
];
pub(super) const DESCRIPTION: &[Alias] = &[(Top, "description"), (Properties, "description")];

pub(super) const PAGE_URL: &[Alias] = &[
    (Page, "url"),
    (Top, "page_location"),
    (Page, "page_location"),
    (Top, "page_url"),
    (Top, "event_source_url"),
];
pub(super) const PAGE_REFERRER: &[Alias] =
    &[(Page, "referrer"), (Top, "page_referrer"), (Page, "page_referrer"), (Top, "referrer_url")];
pub(super) const PAGE_TITLE: &[Alias] = &[(Page, "title"), (Top, "page_title"), (Page, "page_title")];

pub(super) const EMAIL: &[Alias] = &[
    (User, "email"),
    (UserData, "email_address"),
    (UserData, "sha256_email_address"),
    (UserData, "email"),
    (User, "email_address"),
    (User, "sha256_email_address"),
    (Top, "email"),
    (Top, "email_address"),
];
pub(super) const PHONE: &[Alias] = &[
    (User, "phone"),
    (User, "phone_number"),
    (UserData, "phone_number"),
    (UserData, "sha256_phone_number"),
    (UserData, "phone"),
    (User, "sha256_phone_number"),
    (Top, "phone"),
    (Top, "phone_number"),
];
pub(super) const EXTERNAL_ID: &[Alias] = &[
    (User, "external_id"),
    (User, "user_id"),
    (UserData, "external_id"),
    (UserData, "user_id"),
    (Top, "external_id"),
    (Top, "user_id"),
];
pub(super) const FIRST_NAME: &[Alias] = &[
    (User, "first_name"),
    (Address, "first_name"),
    (Address, "sha256_first_name"),
    (UserData, "first_name"),
    (Top, "first_name"),
];
pub(super) const LAST_NAME: &[Alias] = &[
    (User, "last_name"),
    (Address, "last_name"),
    (Address, "sha256_last_name"),
    (UserData, "last_name"),
    (Top, "last_name"),
];
pub(super) const STREET: &[Alias] = &[
    (User, "street"),
    (Address, "street"),
    (Address, "sha256_street"),
    (UserData, "street"),
    (Top, "street"),
];
pub(super) const CITY: &[Alias] = &[(User, "city"), (Address, "city"), (UserData, "city"), (Top, "city")];
pub(super) const STATE: &[Alias] = &[
    (User, "state"),
    (User, "region"),
    (Address, "region"),
    (Address, "state"),
    (UserData, "region"),
    (UserData, "state"),
    (Top, "state"),
];
pub(super) const ZIP_CODE: &[Alias] = &[
    (User, "zip_code"),
    (User, "zip"),
    (User, "postal_code"),
    (Address, "postal_code"),
    (Address, "zip_code"),
    (UserData, "postal_code"),
    (UserData, "zip_code"),
    (Top, "zip_code"),
    (Top, "postal_code"),
];
pub(super) const COUNTRY: &[Alias] =
    &[(User, "country"), (Address, "country"), (UserData, "country"), (Top, "country")];
pub(super) const GENDER: &[Alias] = &[(User, "gender"), (UserData, "gender"), (Top, "gender")];
pub(super) const DATE_OF_BIRTH: &[Alias] =
    &[(User, "date_of_birth"), (UserData, "date_of_birth"), (Top, "date_of_birth")];
pub(super) const IP: &[Alias] = &[
    (User, "ip"),
    (User, "client_ip_address"),
    (User, "ip_override"),
    (UserData, "client_ip_address"),
    (Top, "ip_override"),
    (Top, "client_ip_address"),
    (Top, "ip"),
];
pub(super) const USER_AGENT: &[Alias] = &[
    (User, "user_agent"),
    (User, "client_user_agent"),
    (UserData, "client_user_agent"),
    (Top, "user_agent"),
    (Top, "client_user_agent"),
];
pub(super) const LOCALE: &[Alias] =
    &[(User, "locale"), (User, "language"), (Top, "locale"), (Top, "language")];

/// Where a click id stands under its own name.
pub(super) const CLICK_ID_PLACES: [Place; 4] = [User, ClickIds, UserData, Top];

/// Names at the top that describe the hit or the visit, or that we write ourselves; none is a property of the sale.
pub(super) const NOT_PROPERTIES: &[&str] = &[
    "action_source",
    "engagement_time_msec",
    "event_source",
    "event_source_id",
    "findings",
    "ga_session_id",
    "ga_session_number",
    "page_encoding",
    "page_hostname",
    "page_path",
    "partner_name",
    "rules",
    "screen_resolution",
    "site",
    "source",
    "type",
    "viewport_size",
];

/// Beginnings of such names.
pub(super) const NOT_PROPERTY_PREFIXES: &[&str] = &["x-ga-", "x-sst-", "x-gtm-"];

/// One line of a cart: names inside an entry of `contents` or `items`.
pub(super) mod line {
    pub(in crate::events) const CONTENT_ID: &[&str] = &["content_id", "item_id", "id", "sku", "product_id"];
    pub(in crate::events) const CONTENT_NAME: &[&str] = &["content_name", "item_name", "name"];
    pub(in crate::events) const CONTENT_CATEGORY: &[&str] =
        &["content_category", "item_category", "category"];
    pub(in crate::events) const BRAND: &[&str] = &["brand", "item_brand"];
    pub(in crate::events) const PRICE: &[&str] = &["price", "item_price"];
    pub(in crate::events) const QUANTITY: &[&str] = &["quantity", "qty"];
    pub(in crate::events) const LINE_ID: &[&str] = &["line_id"];
}
