//! What orders at work could still do to a position, at worst (I8).

use crate::protocol::{OrderKind, OrderRow, Stage};
use crate::types::{Price, Qty, Side, Usdt};

/// The worst that the open orders on one instrument can add, each side by itself: nothing says which of them
/// fill. An order in doubt counts in full, and orders that only reduce do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exposure {
    /// Base currency that could still be bought.
    pub buy: Qty,
    /// Base currency that could still be sold.
    pub sell: Qty,
    /// The same at the orders' limits, or at the prices they were decided at, whichever is higher.
    pub buy_notional: Usdt,
    /// Likewise for the sells.
    pub sell_notional: Usdt,
}

impl Exposure {
    /// Adds an order of which `missing` was filled according to the venue without a fill having come.
    pub(super) fn add(&mut self, row: &OrderRow, missing: Qty) {
        if row.only_reduces() {
            return;
        }
        let qty = match row.stage {
            Stage::Intended | Stage::Sent | Stage::Working => row.remaining().unwrap_or(Qty::ZERO).max(missing),
            Stage::Done(_) => missing,
        };
        let notional = worst_price(row).notional(qty);
        match row.intent.request.side {
            Side::Buy => (self.buy, self.buy_notional) = (self.buy + qty, self.buy_notional + notional),
            Side::Sell => (self.sell, self.sell_notional) = (self.sell + qty, self.sell_notional + notional),
        }
    }

    /// What could be added on one side.
    pub const fn on(&self, side: Side) -> Qty {
        match side {
            Side::Buy => self.buy,
            Side::Sell => self.sell,
        }
    }

    /// The larger of what the position could become, as a notional at `price`, whichever side fills.
    pub fn worst_notional(&self, position: Qty, price: Price) -> Usdt {
        let position = price.notional(position);
        (position + self.buy_notional).abs().max((position - self.sell_notional).abs()).max(position.abs())
    }
}

fn worst_price(row: &OrderRow) -> Price {
    let own = match row.intent.request.kind {
        OrderKind::Market => Price::ZERO,
        OrderKind::Limit { price, .. } => price,
        OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => trigger,
    };
    own.max(row.intent.reference_price)
}
