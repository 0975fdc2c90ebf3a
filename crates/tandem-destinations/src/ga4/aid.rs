//! What to look at when nothing arrives.

use secrecy::ExposeSecret;

use super::settings::Settings;
use crate::Aid;

/// Google's tag, by its own address and by its call.
const PAGE_TRACES: &[&str] = &["googletagmanager.com/gtag/js", "gtag("];

const TEST_CODE: &str = "Google Analytics has no codes; with any word it says whether an event is well formed, but looks at \
                         neither measurement_id nor api_secret. Use Realtime in Google Analytics for that";

pub(super) fn of(settings: &Settings) -> Aid {
    let mut doubts = Vec::new();
    let id = &settings.measurement_id;
    let plain = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    if !id.strip_prefix("G-").is_some_and(|rest| rest.len() >= 6 && rest.bytes().all(plain)) {
        let what = format!("measurement_id {id:?} is not G- with capital letters and digits");
        let remedy =
            "Copy the measurement id of the data stream; ids with UA-, GTM- or AW- are others.".to_owned();
        doubts.push((what, remedy));
    }
    if settings.api_secret.expose_secret().len() < 16 {
        let what = "api_secret is shorter than the secrets of Google Analytics".to_owned();
        let remedy = "Copy its value from Admin, Data streams, the stream, Measurement Protocol API secrets. Google \
                      Analytics does not say when it is wrong.";
        doubts.push((what, remedy.to_owned()));
    }
    Aid { doubts, page_traces: PAGE_TRACES, test_code: Some(TEST_CODE) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_usual_forms_raise_no_doubt() {
        let doubts = |id: &str, secret: &str| {
            of(&Settings::read(&json!({"measurement_id": id, "api_secret": secret})).unwrap()).doubts.len()
        };
        assert_eq!(doubts("G-ABC1234567", "abcDEF0123456789abcDEF"), 0);
        assert_eq!(doubts("UA-1234567-1", "abcDEF0123456789abcDEF"), 1);
        assert_eq!(doubts("G-ABC1234567", "short"), 1);
    }
}
