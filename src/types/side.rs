//! Which way an order or a position faces.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The side of an order, a fill or the taker of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Buys the base currency; opens or grows a long.
    Buy,
    /// Sells the base currency; opens or grows a short.
    Sell,
}

impl Side {
    /// The side that undoes this one.
    pub const fn closing(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }

    /// +1 for a buy, −1 for a sell.
    pub const fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }

    /// `buy` or `sell`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }

    /// `long` or `short`: what a position opened on this side is called.
    pub const fn position_str(self) -> &'static str {
        match self {
            Side::Buy => "long",
            Side::Sell => "short",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The leg of a hedge-mode account that an order or position belongs to; `Both` in one-way mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionSide {
    /// One-way mode: one net position per instrument.
    #[default]
    Both,
    /// The long leg in hedge mode.
    Long,
    /// The short leg in hedge mode.
    Short,
}
