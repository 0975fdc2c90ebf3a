//! What to look at when nothing arrives.

use super::settings::Settings;
use crate::Aid;

/// Meta's base code loads the one and calls the other.
const PAGE_TRACES: &[&str] = &["connect.facebook.net", "fbq("];

const TEST_CODE: &str =
    "Meta Events Manager, your data set, tab Test Events: the code stands there, like TEST12345";

pub(super) fn of(settings: &Settings) -> Aid {
    let mut doubts = Vec::new();
    let pixel_id = &settings.pixel_id;
    if !(pixel_id.len() >= 13 && pixel_id.bytes().all(|b| b.is_ascii_digit())) {
        let what =
            format!("pixel_id {pixel_id:?} is not 13 digits or more, as ids of pixels and data sets are");
        doubts.push((what, "Copy the id of the data set from Events Manager.".to_owned()));
    }
    if !settings.has_usual_token() {
        let what = "access_token is not a long text that begins with EAA, as Meta's tokens are".to_owned();
        let remedy = "Generate one in Events Manager: the data set, Settings, Conversions API.".to_owned();
        doubts.push((what, remedy));
    }
    Aid { doubts, page_traces: PAGE_TRACES, test_code: Some(TEST_CODE) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_usual_forms_raise_no_doubt() {
        let doubts = |pixel_id: &str, token: &str| {
            of(&Settings::read(&json!({"pixel_id": pixel_id, "access_token": token})).unwrap()).doubts.len()
        };
        let token = format!("EAA{}", "x".repeat(100));
        assert_eq!(doubts("1234567890123456", &token), 0);
        assert_eq!(doubts("C4ABCDEFGHIJ0123456G", &token), 1);
        assert_eq!(doubts("1234567890123456", "token"), 1);
    }
}
