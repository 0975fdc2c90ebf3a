//! Amounts as JSON numbers with exactly their own decimal digits.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tandem_core::{Amount, Currency};

/// Beyond this, a reader that keeps numbers as doubles loses cents, and no shop sold anything for it.
const ABSURD: i64 = 1_000_000_000_000_000;

/// Decimals of a piece's price: more than any currency has, since screws are sold by the thousand.
const PRICE_DECIMALS: u32 = 6;

/// Prints as a JSON number: `22.875`, `6543`, never `1e-7`, never by way of a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digits(Decimal);

impl Digits {
    /// `None` below zero: platforms want no sign and have no refund event.
    pub(crate) fn of(amount: Amount) -> Option<Self> {
        let plain = amount.decimal().normalize();
        (!plain.is_sign_negative()).then_some(Self(plain))
    }

    /// A whole number, as platforms want of counts.
    pub(crate) fn whole(amount: Amount) -> Option<Self> {
        Self::of(amount).filter(|d| d.0.scale() == 0)
    }

    /// A total with no more decimals than its currency has, rounded half up; `None` for an absurd one.
    pub(crate) fn total(amount: Amount, currency: Option<Currency>) -> Option<Self> {
        let decimals = currency.and_then(|c| c.minor_digits()).unwrap_or(PRICE_DECIMALS);
        Self::of(amount).filter(|d| d.0 < Decimal::from(ABSURD)).map(|d| d.rounded(decimals))
    }

    /// A piece's price, to a millionth; `None` for an absurd one.
    pub(crate) fn price(self) -> Option<Self> {
        (self.0 < Decimal::from(ABSURD)).then(|| self.rounded(PRICE_DECIMALS))
    }

    fn rounded(self, decimals: u32) -> Self {
        Self(self.0.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero).normalize())
    }

    pub(crate) fn decimal(self) -> Decimal {
        self.0
    }
}

impl Serialize for Digits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.scale() == 0
            && let Ok(int) = u64::try_from(self.0)
        {
            return serializer.serialize_u64(int);
        }
        RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_digits_of_the_shop() {
        for (given, expected) in [
            ("22.875", "22.875"),
            ("6543.00", "6543"),
            ("0.00", "0"),
            ("-0.00", "0"),
            ("0.0000001", "0.0000001"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
            ("0.1234567890123456789012345678", "0.1234567890123456789012345678"),
        ] {
            let digits = Digits::of(given.parse().unwrap()).unwrap();
            assert_eq!(serde_json::to_string(&digits).unwrap(), expected);
        }
        assert_eq!(Digits::of("-0.01".parse().unwrap()), None);
        assert_eq!(Digits::whole("0.75".parse().unwrap()), None);
    }

    #[test]
    fn totals_have_the_decimals_of_their_currency() {
        let total = |text: &str, code: &str| Digits::total(text.parse().unwrap(), Currency::parse(code));
        for (given, code, expected) in [
            ("22.875", "EUR", "22.88"),
            ("22.875", "KWD", "22.875"),
            ("6543.40", "JPY", "6543"),
            ("0.1000000000000000055", "EUR", "0.1"),
            ("1.5", "XAU", "1.5"),
        ] {
            assert_eq!(serde_json::to_string(&total(given, code)).unwrap(), expected, "{given} {code}");
        }
        assert_eq!(total("1e21", "EUR"), None);
        let price = Digits::of("33.33333333".parse().unwrap()).and_then(Digits::price);
        assert_eq!(serde_json::to_string(&price).unwrap(), "33.333333");
    }
}
