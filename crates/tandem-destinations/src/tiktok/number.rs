//! Amounts as JSON numbers with exactly their own decimal digits.

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tandem_core::Amount;

/// Prints as a JSON number: `22.875`, `6543`, never `1e-7`, never by way of a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digits(Decimal);

impl Digits {
    /// `None` below zero: TikTok wants no sign and has no refund event.
    pub(super) fn of(amount: Amount) -> Option<Self> {
        let plain = amount.decimal().normalize();
        (!plain.is_sign_negative()).then_some(Self(plain))
    }

    /// A whole number, as TikTok wants of counts.
    pub(super) fn whole(amount: Amount) -> Option<Self> {
        Self::of(amount).filter(|d| d.0.scale() == 0)
    }

    pub(super) fn decimal(self) -> Decimal {
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
}
