//! Ratios as bare decimals, `"0.00010000"`, where our own settings want a unit.

use serde::{Deserialize, Deserializer, Serializer};

use crate::types::{Rate, Rounding, Usdt};

pub(crate) fn serialize<S: Serializer>(rate: &Rate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*rate))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
    Usdt::deserialize(deserializer).map(|bare| bare.ratio_of(Usdt::ONE, Rounding::Down))
}

/// Eight places, as Binance writes rates.
pub(crate) fn text(rate: Rate) -> String {
    let bare = rate.decimal();
    let (whole, places) = bare.split_once('.').unwrap_or((&bare, ""));
    if places.len() >= 8 { bare } else { format!("{whole}.{places:0<8}") }
}

/// A ratio as a JSON number, for the few places where Binance has one.
pub(crate) mod number {
    use serde::{Serialize, Serializer};

    use crate::types::Rate;

    pub(crate) fn serialize<S: Serializer>(rate: &Rate, serializer: S) -> Result<S::Ok, S::Error> {
        rate.to_f64().serialize(serializer)
    }
}

/// Money as a JSON number.
pub(crate) mod money {
    use serde::{Serialize, Serializer};

    use crate::types::Usdt;

    pub(crate) fn serialize<S: Serializer>(amount: &Usdt, serializer: S) -> Result<S::Ok, S::Error> {
        let value = amount.to_f64();
        // Whole sums have no point, as Binance's have not.
        match value.fract() == 0.0 && value.abs() < 9e15 {
            true => (value as i64).serialize(serializer),
            false => value.serialize(serializer),
        }
    }
}
