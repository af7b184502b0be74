//! What risk remembers over a restart, by symbol and not by id, since the configuration may change in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::state::{Cause, Hold};
use crate::types::{Price, Symbol, Timestamp, Usdt};

/// Peaks, day starts, streaks and counts. No field has a default: a memory with holes is not to be believed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Highest equity since the beginning or since the last re-arming; none before the first evaluation.
    pub peak: Option<Usdt>,
    /// The UTC day that `day_start` and `day_orders` are of.
    pub day: Option<i64>,
    /// Equity at the day's start, transfers taken out.
    pub day_start: Usdt,
    /// Orders of the day.
    pub day_orders: u32,
    /// What holds trading back.
    pub holds: BTreeMap<Cause, Hold>,
    /// Stop-outs in a row; symbols without one are left out.
    pub streaks: BTreeMap<Symbol, u32>,
    /// Symbols that pause.
    pub paused_until: BTreeMap<Symbol, Timestamp>,
    /// Entries that may still be cooling down.
    pub entries: Vec<LastEntry>,
}

/// A strategy's latest entry in a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastEntry {
    /// Who entered.
    pub strategy: String,
    /// What.
    pub symbol: Symbol,
    /// When.
    pub at: Timestamp,
    /// At which price.
    pub price: Price,
}
