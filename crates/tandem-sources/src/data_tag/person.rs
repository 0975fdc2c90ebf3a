//! People in a Data Tag's event: under `user_data`, as server containers write it, or flat under the names that data layers
//! use.

use serde_json::{Map, Value, json};

use crate::values;

/// Flat names and their place; those of an address stand in `address`.
const FLAT: &[(&str, bool, &[&str])] = &[
    ("email_address", false, &["email_address", "email", "userEmail", "user_email", "mail", "emailAddress"]),
    (
        "phone_number",
        false,
        &["phone_number", "phone", "userPhone", "user_phone", "phoneNumber", "telephone", "tel"],
    ),
    ("first_name", true, &["first_name", "firstName", "nameFirst", "userFirstName", "user_first_name"]),
    ("last_name", true, &["last_name", "lastName", "nameLast", "userLastName", "user_last_name", "surname"]),
    ("street", true, &["street", "streetAddress", "userStreet", "user_street"]),
    ("city", true, &["city", "userCity", "user_city"]),
    ("region", true, &["region", "state", "userRegion", "userState", "user_state", "user_region"]),
    (
        "postal_code",
        true,
        &["postal_code", "zip", "zip_code", "postalCode", "userZip", "user_zip", "postcode"],
    ),
    ("country", true, &["country", "countryCode", "userCountry", "user_country", "country_code"]),
];

/// Takes everything about the person out of an event, in the form of server containers. What stands under `user_data`
/// counts before a flat name.
pub(super) fn take(event: &mut Map<String, Value>) -> Map<String, Value> {
    let mut person = match event.remove("user_data") {
        Some(Value::Object(person)) => person,
        _ => Map::new(),
    };
    let mut address = match person.remove("address") {
        Some(Value::Array(list)) => match list.into_iter().next() {
            Some(Value::Object(first)) => first,
            _ => Map::new(),
        },
        Some(Value::Object(one)) => one,
        _ => Map::new(),
    };
    for (field, is_of_address, names) in FLAT {
        for name in *names {
            let within = person.remove(*name).filter(|value| !values::is_blank(value));
            let flat = event.remove(*name).filter(|value| !values::is_blank(value));
            let target = if *is_of_address { &mut address } else { &mut person };
            if let Some(value) = within.or(flat)
                && !target.contains_key(&format!("sha256_{field}"))
            {
                target.entry(*field).or_insert(value);
            }
        }
    }
    if !address.is_empty() {
        person.insert("address".to_owned(), json!([address]));
    }
    person
}
