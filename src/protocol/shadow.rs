//! An order of real money beside the same order on paper.

use serde::{Deserialize, Serialize};

use super::DoneReason;
use crate::types::{ClientOrderId, Price, Qty, Rate, Rounding, Side, Span, Timestamp, Usdt};

/// What became of an order in one of the two places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Course {
    /// How it ended; none if nobody waited for it.
    pub end: Option<DoneReason>,
    /// Filled.
    pub filled: Qty,
    /// Σ price × quantity of its fills.
    pub notional: Usdt,
    /// Fees of its fills.
    pub fee: Usdt,
    /// Were some of them paid in another asset, and are not in the sum?
    pub fee_in_kind: bool,
    /// When it was last filled, in session time.
    pub at: Option<Timestamp>,
}

impl Course {
    /// A trade of so much.
    pub fn fill(&mut self, price: Price, qty: Qty, fee: Usdt, at: Timestamp) {
        self.filled += qty;
        self.notional += price.notional(qty);
        self.fee += fee;
        self.at = self.at.max(Some(at));
    }

    /// Average price of its fills; none without any.
    pub fn price(&self) -> Option<Price> {
        (!self.filled.is_zero()).then(|| self.notional.per_qty(self.filled, Rounding::Down))
    }
}

/// An order that was filled in at least one of the two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowRow {
    /// Which.
    pub client_id: ClientOrderId,
    /// Which way.
    pub side: Side,
    /// Since when both places have had it.
    pub sent_at: Timestamp,
    /// At the venue.
    pub live: Course,
    /// At the simulated exchange.
    pub paper: Course,
}

/// How much worse an order went at the venue than on paper; what is negative went better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Because of the price of what was filled at the venue.
    pub price: Usdt,
    /// Because of its fee; none if that was paid in another asset.
    pub fee: Option<Usdt>,
    /// How much later it was filled.
    pub delay: Span,
}

impl ShadowRow {
    /// What paper says of the quantity that the venue filled, held against what the venue says; none unless it was filled in
    /// both places. Rounded so that the venue looks no better than it was.
    pub fn gap(&self) -> Option<Gap> {
        let (live, paper) = (&self.live, &self.paper);
        let delay = live.at? - paper.at?;
        let scaled = |amount: Usdt, rounding| amount.share(live.filled, paper.filled, rounding);
        let price = match self.side {
            Side::Buy => live.notional - scaled(paper.notional, Rounding::Down),
            Side::Sell => scaled(paper.notional, Rounding::Up) - live.notional,
        };
        let fee = (!live.fee_in_kind).then(|| live.fee - scaled(paper.fee, Rounding::Down));
        Some(Gap { price, fee, delay })
    }
}

/// What the orders of a session came to, at the venue and on paper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowTally {
    /// Filled in both places; the amounts below are of these.
    pub compared: u64,
    /// Filled at the venue alone.
    pub live_only: u64,
    /// Filled on paper alone.
    pub paper_only: u64,
    /// Filled in neither.
    pub unfilled: u64,
    /// Not followed to their end.
    pub let_go: u64,
    /// What was traded at the venue.
    pub notional: Usdt,
    /// What the prices of the venue cost more than those on paper; negative if they were better.
    pub price_cost: Usdt,
    /// The same of the fees that were paid in USDT.
    pub fee_cost: Usdt,
    /// How much later the venue filled, over all of them, in microseconds.
    pub delay_us: i64,
    /// How much later it filled the one that was latest.
    pub delay_us_max: i64,
}

impl ShadowTally {
    /// Takes in an order that is over in both places.
    pub fn count(&mut self, row: &ShadowRow) {
        match (row.gap(), row.live.at, row.paper.at) {
            (Some(gap), _, _) => {
                let delay = gap.delay.as_nanos() / 1_000;
                self.delay_us_max = if self.compared == 0 { delay } else { self.delay_us_max.max(delay) };
                self.delay_us = self.delay_us.saturating_add(delay);
                self.compared += 1;
                self.notional += row.live.notional;
                self.price_cost += gap.price;
                self.fee_cost += gap.fee.unwrap_or_default();
            }
            (None, Some(_), _) => self.live_only += 1,
            (None, None, Some(_)) => self.paper_only += 1,
            (None, None, None) => self.unfilled += 1,
        }
    }

    /// How much later the venue filled, on average, in microseconds; zero if nothing was compared.
    pub fn delay_us_mean(&self) -> i64 {
        self.delay_us.checked_div(self.compared as i64).unwrap_or_default()
    }

    /// What prices cost more than on paper, as a ratio of what was traded.
    pub fn price_cost_ratio(&self) -> Rate {
        self.price_cost.ratio_of(self.notional, Rounding::Up)
    }
}
