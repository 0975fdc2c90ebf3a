//! One sentence for each code of a delivered event, and remedies of codes that the document does not explain.

use super::inner;

/// What a code means for an event that the platform has. `message` is what was said when it was found.
pub(super) fn of(code: &str, name: &str, message: &str) -> String {
    let because = inner(message);
    match code {
        "test_code_in_production" => format!(
            "{name} got it as a test and counts it nowhere, because a test_event_code is set at the destination."
        ),
        "order_other_id" => format!("{name} may count the order twice: {because}."),
        "order_under_two_ids" | "order_under_two_names" => {
            format!("{name} counts the order twice: {because}.")
        }
        "id_near_miss" => format!(
            "{name} counts it twice, since two ids that differ only in spelling are two events to it: {because}."
        ),
        "sale_id_differs" => format!("{name} counts the sale twice if a pixel has the other id: {because}."),
        "upsell_same_id" => format!("{name} has the first sale only: {because}."),
        "names_mixed" | "legacy_event_name" => {
            format!("{name} has it, and a pixel that uses the other name counts beside it: {because}.")
        }
        "no_match_keys" | "guest_without_keys" => {
            format!("{name} has it and can match it with nobody: {because}.")
        }
        "phone_hash_differs" => format!(
            "{name} has it and cannot match its phone number, because the hash was made of another spelling: {because}."
        ),
        "email_hash_differs" => format!(
            "{name} has it and cannot match its e-mail address, because the hash was made of another spelling: {because}."
        ),
        "click_id_lost" | "click_id_stripped" => format!(
            "{name} has it without the click that led to it, because the click id got lost on the way: {because}."
        ),
        "session_not_found" => format!(
            "{name} has it without a click id, because no visit of the buyer is known by visitor id, order or e-mail address."
        ),
        "click_id_expired" | "click_ids_expired" => format!(
            "{name} has it without its click id, because the click is too old to be credited: {because}."
        ),
        "currency_changed" => format!("{name} has it with money that does not fit the rest: {because}."),
        "value_minor_units" | "value_jump" | "value_mismatch" => {
            format!("{name} has it with an amount that is probably wrong: {because}.")
        }
        "currency_missing" | "value_missing" | "value_symbol" | "value_separator" | "value_invalid"
        | "currency_invalid" => {
            format!("{name} has it and cannot compute its worth: {because}.")
        }
        "late_pair" | "clock_skew" => format!("{name} has both halves and does not merge them: {because}."),
        "event_id_type" => {
            format!("{name} has it, and it is no failure that the id came as a number: {because}.")
        }
        "event_time_ms" => format!("{name} has it with the right time: {because}."),
        _ if is_of_a_key(code) => format!("{name} has it without one of its match keys: {because}."),
        _ => format!("{name} has it; one remark: {because}."),
    }
}

/// Endings of codes that say that a value was left out, see docs/findings.md on match keys.
fn is_of_a_key(code: &str) -> bool {
    const FIELDS: &[&str] = &[
        "email_",
        "phone_",
        "external_id_",
        "ip_",
        "user_agent_",
        "ttclid_",
        "ttp_",
        "fbc_",
        "fbp_",
        "fbclid_",
        "gclid_",
    ];
    FIELDS.iter().any(|field| code.starts_with(field))
}

/// What to do about a code that docs/findings.md says nothing of: an older file may have codes that are gone.
pub(super) const REMEDY: &str = "Read the message; this version does not know the code.";
