//! The rules of the venue: `exchangeInfo`.

use serde::Deserialize;

use super::optional;
use crate::types::{Price, Qty, Rate, Usdt};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangeInfo {
    #[serde(default)]
    pub rate_limits: Vec<RateLimit>,
    pub symbols: Vec<SymbolInfo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RateLimit {
    #[serde(default)]
    pub rate_limit_type: String,
    #[serde(default)]
    pub interval: String,
    #[serde(default, deserialize_with = "optional")]
    pub interval_num: Option<u32>,
    #[serde(default, deserialize_with = "optional")]
    pub limit: Option<u32>,
}

/// A symbol with its rules. `pricePrecision` and `quantityPrecision` are not read: they are of the display, and
/// coarser or finer than the filters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SymbolInfo {
    pub symbol: String,
    #[serde(default)]
    pub contract_type: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub base_asset: String,
    #[serde(default)]
    pub quote_asset: String,
    #[serde(default)]
    pub margin_asset: String,
    #[serde(default, deserialize_with = "super::rate")]
    pub liquidation_fee: Rate,
    #[serde(default)]
    pub filters: Vec<Filter>,
}

/// A rule. All kinds are read alike, since kinds unknown here must not fail; each kind has some of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Filter {
    pub filter_type: String,
    #[serde(deserialize_with = "optional")]
    pub tick_size: Option<Price>,
    #[serde(deserialize_with = "optional")]
    pub min_qty: Option<Qty>,
    #[serde(deserialize_with = "optional")]
    pub max_qty: Option<Qty>,
    #[serde(deserialize_with = "optional")]
    pub step_size: Option<Qty>,
    #[serde(deserialize_with = "optional")]
    pub notional: Option<Usdt>,
    #[serde(deserialize_with = "optional")]
    pub multiplier_up: Option<Usdt>,
}

impl SymbolInfo {
    /// The rule of this kind.
    pub(crate) fn filter(&self, kind: &str) -> Option<&Filter> {
        self.filters.iter().find(|filter| filter.filter_type == kind)
    }
}
