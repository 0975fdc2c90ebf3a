//! What is searched for.

use std::collections::BTreeSet;

use serde_json::Value;

/// Names in the captures that are ordinary words, with where they stand for something else. Nothing else is left out.
const ORDINARY: &[&str] = &[
    "example",  // every address is under example.com
    "sample",   // Sampletown, a city; cities go out in the clear, as TikTok wants them
    "phone",    // the name of the match key, and iPhone in user agents
    "customer", // our own texts
    "account",  // our own texts
    "block",    // our own texts
    "new",      // New Delhi, a city
    "ension",   // stands in "dimensions", the name of a field
];

/// A value that must not be found, and what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Needle {
    pub(crate) text: String,
    /// Short names are searched for as whole words: three letters stand in every long hash.
    pub(crate) word: bool,
    pub(crate) what: &'static str,
}

#[derive(Default)]
pub(crate) struct Needles(pub(crate) BTreeSet<Needle>);

impl Needles {
    pub(crate) fn add(&mut self, what: &'static str, text: &str) {
        let text = text.trim().to_lowercase();
        if text.is_empty() || ORDINARY.contains(&text.as_str()) {
            return;
        }
        let word = text.is_ascii() && text.len() < 4;
        self.0.insert(Needle { text, word, what });
    }

    pub(crate) fn email(&mut self, email: &str) {
        self.add("e-mail", email);
        let local = email.trim().split('@').next().unwrap();
        self.add("e-mail's first part", local);
        if let Some((before_plus, _)) = local.split_once('+') {
            self.add("e-mail's first part", before_plus);
        }
        let bare: String = local.chars().filter(|c| *c != '.').collect();
        if bare.len() > 5 {
            self.add("e-mail without dots", &bare);
        }
    }

    /// As typed, and the end of its digits, which every spelling has in common.
    pub(crate) fn phone(&mut self, phone: &str) {
        self.add("phone as typed", phone);
        let without_extension = phone.split('#').next().unwrap();
        let digits: String =
            without_extension.chars().filter_map(|c| c.to_digit(10)).map(|d| d.to_string()).collect();
        let number = digits.trim_start_matches('0');
        self.add("phone", &number[number.len().saturating_sub(10)..]);
    }

    pub(crate) fn street(&mut self, street: &str) {
        self.add("street", street);
        let plain: String = street.chars().filter(|c| c.is_alphanumeric()).collect();
        self.add("street without blanks", &plain);
    }

    /// What a WooCommerce body says about people.
    pub(crate) fn of_delivery(&mut self, body: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for part in [body, &body["billing"], &body["shipping"]] {
            self.email(&text(&part["email"]));
            self.phone(&text(&part["phone"]));
            self.add("first name", &text(&part["first_name"]));
            self.add("last name", &text(&part["last_name"]));
            self.street(&text(&part["address_1"]));
            self.street(&text(&part["address_2"]));
            self.add("user name", &text(&part["username"]));
        }
        self.add("note", &text(&body["customer_note"]));
        self.add("transaction", &text(&body["transaction_id"]));
        self.add("order key", &text(&body["order_key"]));
        self.add("order key", text(&body["order_key"]).trim_start_matches("wc_order_"));
        self.add("payment address", &text(&body["payment_url"]));
    }
}
