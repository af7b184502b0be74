//! The cost of an open position, from which every result is realised.

use serde::{Deserialize, Serialize};

use crate::types::{Price, Qty, Rounding, Side, Usdt};

/// A signed quantity and what its open part cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Signed: a short is negative.
    pub qty: Qty,
    /// Σ price × quantity of what is open, positive for longs and shorts alike.
    pub cost: Usdt,
}

impl Cost {
    /// Takes in a trade that does not cross zero. Gives back what it realised. A trade that shrinks the position
    /// releases `cost × traded ÷ held`, rounded so that the result is against us to the last digit; one that closes
    /// it releases all. What rounding took is still in the cost, so that over a round trip nothing is lost.
    pub fn apply(&mut self, side: Side, price: Price, qty: Qty) -> Usdt {
        let signed = qty * side.sign();
        let notional = price.notional(qty);
        if self.qty.is_zero() || self.qty.is_negative() == signed.is_negative() {
            self.qty += signed;
            self.cost += notional;
            return Usdt::ZERO;
        }
        let long = self.qty.is_positive();
        let held = self.qty.abs();
        assert!(qty <= held, "a trade through zero is taken apart before it comes here");
        let rounding = if long { Rounding::Up } else { Rounding::Down };
        let released = if qty == held { self.cost } else { self.cost.share(qty, held, rounding) };
        self.qty += signed;
        self.cost -= released;
        if long { notional - released } else { released - notional }
    }

    /// Average price of what is open, rounded against us: up for a long, down for a short.
    pub fn average(&self) -> Option<Price> {
        let rounding = if self.qty.is_negative() { Rounding::Down } else { Rounding::Up };
        (!self.qty.is_zero()).then(|| self.cost.per_qty(self.qty.abs(), rounding))
    }

    /// Result if all of it were closed at this price, rounded against us.
    pub fn unrealised(&self, price: Price) -> Usdt {
        price.notional(self.qty) - self.paid()
    }

    /// What was paid for it; negative if that much was received.
    pub(super) fn paid(&self) -> Usdt {
        if self.qty.is_negative() { -self.cost } else { self.cost }
    }
}
