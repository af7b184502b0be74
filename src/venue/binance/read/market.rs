//! Market data, as REST tells it.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{amount, optional, rate};
use crate::protocol::Bar;
use crate::types::{Price, Qty, Rate, Timestamp};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerTime {
    #[serde(deserialize_with = "amount")]
    pub server_time: i64,
}

/// A bar. What follows the volume is not used, and may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kline(pub Bar);

impl<'de> Deserialize<'de> for Kline {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Kline, D::Error> {
        struct Row;
        impl<'de> serde::de::Visitor<'de> for Row {
            type Value = Kline;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a bar: opening time, open, high, low, close, volume, …")
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut row: A) -> Result<Kline, A::Error> {
                let mut field = 0;
                let mut missing = || {
                    field += 1;
                    serde::de::Error::invalid_length(field - 1, &Row)
                };
                let open_time: Number<i64> = row.next_element()?.ok_or_else(&mut missing)?;
                let mut price = || row.next_element::<Number<Price>>()?.map(|n| n.0).ok_or_else(&mut missing);
                let (open, high, low, close) = (price()?, price()?, price()?, price()?);
                let volume: Number<Qty> = row.next_element()?.ok_or_else(&mut missing)?;
                while row.next_element::<IgnoredAny>()?.is_some() {}
                let open_time = Timestamp::from_millis(open_time.0);
                Ok(Kline(Bar { open_time, open, high, low, close, volume: volume.0 }))
            }
        }
        deserializer.deserialize_seq(Row)
    }
}

/// One number by itself.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(bound(deserialize = "T: std::str::FromStr"))]
struct Number<T>(#[serde(deserialize_with = "amount")] T);

/// Mark price and the funding to come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PremiumIndex {
    pub symbol: String,
    #[serde(deserialize_with = "amount")]
    pub mark_price: Price,
    #[serde(default, deserialize_with = "rate")]
    pub last_funding_rate: Rate,
    #[serde(default, deserialize_with = "optional")]
    pub next_funding_time: Option<i64>,
    #[serde(default, deserialize_with = "optional")]
    pub time: Option<i64>,
}

/// A settled funding.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FundingRate {
    pub symbol: String,
    #[serde(deserialize_with = "rate")]
    pub funding_rate: Rate,
    #[serde(deserialize_with = "amount")]
    pub funding_time: i64,
    /// Not of old ones.
    #[serde(default, deserialize_with = "optional")]
    pub mark_price: Option<Price>,
}

/// How often a symbol is funded, of those symbols that differ from eight hours or once did.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FundingInfo {
    pub symbol: String,
    #[serde(deserialize_with = "amount")]
    pub funding_interval_hours: i64,
}
