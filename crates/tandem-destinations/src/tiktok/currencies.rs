//! The currencies TikTok lists for `value`.

use tandem_core::Currency;

/// The 62 codes of TikTok's Events API reference and of its SDK's pixel documents (PHP is printed twice there).
/// What the API does with any other code is stated nowhere. Sorted, for the binary search.
const SUPPORTED: [&str; 62] = [
    "AED", "ARS", "AUD", "BDT", "BHD", "BIF", "BOB", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CRC", "CZK",
    "DKK", "DZD", "EGP", "EUR", "GBP", "GTQ", "HKD", "HNL", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES",
    "KHR", "KRW", "KWD", "KZT", "MAD", "MOP", "MXN", "MYR", "NGN", "NIO", "NOK", "NZD", "OMR", "PEN", "PHP",
    "PKR", "PLN", "PYG", "QAR", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VES",
    "VND", "ZAR",
];

/// Not listed, and known to be converted before sending by an integration that other shops run.
const REFUSED: [&str; 1] = ["UGX"];

/// Whether an amount in this currency is sent. What TikTok does with a currency it does not list is stated nowhere,
/// and a sale without its money is a loss for sure: so it is sent, and only left out when TikTok refuses it.
#[must_use]
pub fn sent(currency: Currency) -> bool {
    !REFUSED.contains(&currency.code())
}

/// Whether TikTok lists the currency.
#[must_use]
pub fn supported(currency: Currency) -> bool {
    SUPPORTED.binary_search(&currency.code()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_holds_real_codes() {
        assert!(SUPPORTED.is_sorted_by(|a, b| a < b));
        for code in SUPPORTED {
            assert!(Currency::parse(code).is_some_and(supported), "{code}");
        }
    }

    #[test]
    fn other_currencies_are_not_listed() {
        for code in ["UGX", "BGN", "GHS", "LKR"] {
            assert!(!Currency::parse(code).is_some_and(supported), "{code}");
        }
    }
}
