//! What risk remembers over a restart, keyed by symbol since the configuration may change in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::types::{Symbol, Timestamp, Usdt};

/// Peaks, day starts, streaks and counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// Highest equity so far.
    pub peak: Usdt,
    /// The UTC day that `day_start` and `day_orders` are of.
    pub day: i64,
    /// Equity at the day's start, transfers taken out.
    pub day_start: Usdt,
    /// Entries of the day.
    pub day_orders: u32,
    /// The state was raised by the day's loss, and falls with the day.
    pub by_daily_loss: bool,
    /// Stop-outs in a row.
    pub streaks: BTreeMap<Symbol, u32>,
    /// Symbols that pause.
    pub paused_until: BTreeMap<Symbol, Timestamp>,
}
