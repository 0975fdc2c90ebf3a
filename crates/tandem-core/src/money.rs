//! Amounts and currencies. Decimal from the first byte to the last: a float never holds money here.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};

/// A decimal amount in the currency's main unit (yen, dollars), as written by the shop.
///
/// Serialised as text (`"22.875"`) so that no reader can round it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Amount(Decimal);

/// Why a text or JSON value is not an amount. The codes are the public finding codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Letters or a currency sign, e.g. `$89.99`.
    #[error("has a currency sign or letters; send the bare number")]
    Symbol,
    /// A thousands separator or decimal comma: `1,234.56` and `1.234,56` cannot be told apart.
    #[error("has a thousands separator or decimal comma; send digits with a decimal point")]
    Separator,
    /// Not a number at all, or more digits than 28.
    #[error("is not a decimal number")]
    NotANumber,
}

impl AmountError {
    /// The finding code for an event's `value`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Symbol => "value_symbol",
            Self::Separator => "value_separator",
            Self::NotANumber => "value_invalid",
        }
    }
}

impl Amount {
    /// Nought.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Wraps a decimal.
    #[must_use]
    pub fn new(decimal: Decimal) -> Self {
        Self(decimal)
    }

    /// The decimal inside.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// Reads a JSON number or a numeric text. `Ok((amount, was_text))`.
    ///
    /// # Errors
    /// [`AmountError`] for anything that is not a plain decimal number; negative numbers are returned as they are.
    pub fn from_json(value: &Value) -> Result<(Self, bool), AmountError> {
        match value {
            Value::Number(n) => Self::parse_number(&n.to_string()).map(|a| (a, false)),
            Value::String(s) => s.parse().map(|a| (a, true)),
            _ => Err(AmountError::NotANumber),
        }
    }

    fn parse_number(text: &str) -> Result<Self, AmountError> {
        Decimal::from_str_exact(text)
            .or_else(|_| Decimal::from_str(text))
            .or_else(|_| Decimal::from_scientific(text))
            .map(Self)
            .map_err(|_| AmountError::NotANumber)
    }

    /// As a JSON number with no more digits than needed: an integer where it is one.
    #[must_use]
    pub fn to_json_number(self) -> Number {
        let plain = self.0.normalize();
        if plain.scale() == 0
            && let Ok(int) = i64::try_from(plain)
        {
            return int.into();
        }
        // Shortest round-trip printing gives back the same digits for up to 15 significant ones.
        plain.to_string().parse::<f64>().ok().and_then(Number::from_f64).unwrap_or_else(|| 0.into())
    }

    /// Difference, never below zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self((self.0 - other.0).max(Decimal::ZERO))
    }

    /// Whether this amount is more than `reported` by more than rounding explains.
    ///
    /// WooCommerce prints amounts with the shop's *current* number of decimals, so one order can read
    /// `22.875` today and `22.88` tomorrow. Both are compared at the coarser of the two scales.
    #[must_use]
    pub fn grew_from(self, reported: Self) -> bool {
        let scale = self.0.scale().min(reported.0.scale());
        let half_up = rust_decimal::RoundingStrategy::MidpointAwayFromZero;
        let step = Decimal::new(1, scale);
        let gap =
            self.0.round_dp_with_strategy(scale, half_up) - reported.0.round_dp_with_strategy(scale, half_up);
        // One step of the coarser scale may be a rounding leftover only when the scales differ.
        if self.0.scale() == reported.0.scale() { gap > Decimal::ZERO } else { gap > step }
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let text = text.trim();
        if text.contains(',') || text.contains('\'') || text.split_whitespace().count() > 1 {
            return Err(AmountError::Separator);
        }
        let exponent = |c: char| matches!(c, 'e' | 'E');
        if text.starts_with(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.')))
            || text.chars().any(|c| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.') || exponent(c)))
        {
            return Err(if text.is_empty() { AmountError::NotANumber } else { AmountError::Symbol });
        }
        Self::parse_number(text)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Decimal::from_str(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// An ISO 4217 currency code, upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads a code in any letter case; `None` when ISO 4217 does not know it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let upper = text.trim().to_ascii_uppercase();
        let bytes: [u8; 3] = upper.as_bytes().try_into().ok()?;
        iso_currency::Currency::from_code(&upper).map(|_| Self(bytes))
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Digits after the decimal point in this currency: JPY 0, EUR 2, KWD 3. `None` for units of account like XAU.
    #[must_use]
    pub fn minor_digits(&self) -> Option<u32> {
        iso_currency::Currency::from_code(self.code())?.exponent().map(u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an ISO 4217 currency code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_shops_write() {
        assert_eq!(amount("22.875").to_string(), "22.875");
        assert_eq!("$89.99".parse::<Amount>(), Err(AmountError::Symbol));
        assert_eq!("1,234.56".parse::<Amount>(), Err(AmountError::Separator));
        assert_eq!("1 234.56".parse::<Amount>(), Err(AmountError::Separator));
        assert_eq!("".parse::<Amount>(), Err(AmountError::NotANumber));
        assert_eq!("NaN".parse::<Amount>(), Err(AmountError::Symbol));
        assert_eq!(
            Amount::from_json(&serde_json::json!(1e3)).unwrap().0.to_json_number().to_string(),
            "1000"
        );
    }

    #[test]
    fn numbers_leave_without_noise() {
        assert_eq!(amount("6543.00").to_json_number().to_string(), "6543");
        assert_eq!(amount("16.61651266666667").to_json_number().to_string(), "16.61651266666667");
        assert_eq!(amount("0.00").to_json_number().to_string(), "0");
    }

    #[test]
    fn a_changed_decimals_setting_is_not_growth() {
        assert!(!amount("22.88").grew_from(amount("22.875")));
        assert!(!amount("6543.00").grew_from(amount("6543")));
        assert!(!amount("23").grew_from(amount("22.875")));
        assert!(amount("42.60").grew_from(amount("27.61")));
        assert!(amount("27.62").grew_from(amount("27.61")));
        assert!(!amount("20.00").grew_from(amount("27.61")));
    }

    #[test]
    fn minor_units_follow_iso_4217() {
        let digits = |code| Currency::parse(code).and_then(|c| c.minor_digits());
        assert_eq!(
            (digits("jpy"), digits("EUR"), digits("KWD"), digits("TND")),
            (Some(0), Some(2), Some(3), Some(3))
        );
        assert_eq!(Currency::parse("US"), None);
    }
}
