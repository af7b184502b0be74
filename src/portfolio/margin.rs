//! Margins of a cross-margined one-way account, and where it would be liquidated.

use super::Portfolio;
use crate::types::{Instrument, InstrumentId, MarginTier, Price, Rate, Rounding, Usdt};

impl Portfolio {
    /// Margin that opening today's positions takes at this leverage: Σ notional ÷ leverage, rounded up.
    pub fn initial_margin(&self, leverage: u32) -> Usdt {
        self.gross_notional().divided_by(i64::from(leverage.max(1)), Rounding::Up)
    }

    /// Margin that the venue asks for to leave the positions open, by its table of brackets.
    pub fn maintenance_margin(&self) -> Usdt {
        self.open.iter().map(|one| self.maintenance_margin_of(*one)).sum()
    }

    /// The same of one position.
    pub fn maintenance_margin_of(&self, instrument: InstrumentId) -> Usdt {
        maintenance(self.instruments.get(instrument), self.notional(instrument))
    }

    /// What is left of equity for further positions at this leverage; never negative.
    pub fn available(&self, leverage: u32) -> Usdt {
        (self.equity() - self.initial_margin(leverage)).max(Usdt::ZERO)
    }

    /// The mark price at which the account's equity would fall to its maintenance margin, if only this price moved.
    /// None without a position, or if no price above zero does that. An estimate on the safe side: what is lost in
    /// rounding brings it nearer to the market.
    ///
    /// Source: the venue's liquidation price of cross positions in one-way mode. With the position's size `q`, its
    /// cost `c`, the bracket's rate `m` and amount `a`, and `e` = equity − this position's unrealised result −
    /// maintenance margin of the others: a long has `(c − e − a) ÷ q(1 − m)`, a short `(c + e + a) ÷ q(1 + m)`.
    pub fn liquidation_price(&self, instrument: InstrumentId) -> Option<Price> {
        let held = self.holdings[instrument.index()].cost;
        if held.qty.is_zero() {
            return None;
        }
        let others = self.open.iter().filter(|one| **one != instrument);
        let reserved: Usdt = others.map(|one| self.maintenance_margin_of(*one)).sum();
        let free = self.equity() - self.unrealised_of(instrument) - reserved;
        let at = |tier: &MarginTier| {
            let (size, amount) = (held.qty.abs(), tier.maintenance_amount);
            if held.qty.is_negative() {
                let weight = size.times(Rate::ONE + tier.maintenance_rate, Rounding::Up);
                (held.cost + free + amount).per_qty(weight, Rounding::Down)
            } else {
                let weight = size.times(Rate::ONE - tier.maintenance_rate, Rounding::Down);
                (held.cost - free - amount).per_qty(weight, Rounding::Up)
            }
        };
        let rules = self.instruments.get(instrument);
        let fits = |tier: &&MarginTier| {
            let notional = at(tier).notional(held.qty.abs());
            tier.notional_floor <= notional && notional <= tier.notional_cap
        };
        let tier = rules.tiers.iter().find(fits).unwrap_or_else(|| rules.tier(self.notional(instrument)));
        Some(at(tier)).filter(|price| price.is_positive())
    }
}

/// Notional × the bracket's rate − the bracket's amount, rounded up.
fn maintenance(rules: &Instrument, notional: Usdt) -> Usdt {
    let tier = rules.tier(notional);
    (notional.times(tier.maintenance_rate, Rounding::Up) - tier.maintenance_amount).max(Usdt::ZERO)
}
