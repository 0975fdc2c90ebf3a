//! What to look at when nothing arrives.

use crate::Aid;

/// Characters of a pixel id, in every one seen.
const PIXEL_ID_LENGTH: usize = 20;

/// TikTok's base code loads the one, and every variant of it calls the other.
const PAGE_TRACES: &[&str] = &["analytics.tiktok.com/i18n/pixel", "ttq.load("];

const TEST_CODE: &str =
    "TikTok Ads Manager, Events Manager, your pixel, tab Test Events: the code stands there, like TEST12345";

pub(super) fn of(pixel_id: &str) -> Aid {
    let usual = pixel_id.len() == PIXEL_ID_LENGTH
        && pixel_id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    let doubt = || {
        let what = format!(
            "pixel_id {pixel_id:?} is not {PIXEL_ID_LENGTH} capital letters and digits, as pixel ids are"
        );
        (what, "Copy the id from Events Manager; the number in an address there is another id.".to_owned())
    };
    Aid {
        doubts: if usual { Vec::new() } else { vec![doubt()] },
        page_traces: PAGE_TRACES,
        test_code: Some(TEST_CODE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_pixel_id() {
        assert!(of("C4ABCDEFGHIJ0123456G").doubts.is_empty());
        for odd in ["7123456789012345678", "c4abcdefghij0123456g", "C4ABCDEFGHIJ0123456", "pixel"] {
            assert_eq!(of(odd).doubts.len(), 1, "{odd}");
        }
    }
}
