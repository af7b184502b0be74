//! How much: what may be lost at the stop, cut to every limit, rounded down to the step. Never scaled up.

use super::Risk;
use crate::types::{Instrument, InstrumentId, Price, Qty, Rate, Rounding, Side, Usdt};

/// What a size is made from.
#[derive(Debug, Clone)]
pub struct SizeInput<'a> {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Its rules.
    pub rules: &'a Instrument,
    /// Which way.
    pub side: Side,
    /// The price that the entry is expected at.
    pub entry: Price,
    /// The stop.
    pub stop: Price,
    /// At most one: a volatile market makes the size smaller.
    pub volatility_factor: Rate,
    /// Cash and unrealised results.
    pub equity: Usdt,
    /// Worst-case notional of the instrument as it stands.
    pub symbol_notional: Usdt,
    /// Worst-case notional of everything as it stands.
    pub gross_notional: Usdt,
}

/// Why nothing is entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// A word that can be counted.
    pub reason: &'static str,
    /// The figures.
    pub detail: String,
}

impl Risk {
    /// The quantity to enter with.
    ///
    /// # Errors
    /// If no quantity that the venue takes is within the limits.
    pub fn size(&self, input: &SizeInput<'_>) -> Result<Qty, Skip> {
        let skip = |reason, detail| Err(Skip { reason, detail });
        let equity = input.equity.min(self.settings.capital_usdt);
        if !equity.is_positive() || !input.entry.is_positive() {
            return skip("no_equity", format!("equity is {equity}"));
        }
        let factor = input.volatility_factor.min(Rate::ONE);
        let risk = equity.times(self.settings.risk_per_trade, Rounding::Down).times(factor, Rounding::Down);
        let per_unit = self.loss_per_unit(input);
        let by_risk = risk.per_price(per_unit, Rounding::Down);
        let symbol_room = equity.times(self.settings.position_notional, Rounding::Down) - input.symbol_notional;
        let gross_room = equity.times(self.settings.gross_notional, Rounding::Down) - input.gross_notional;
        let room = symbol_room.min(gross_room);
        if !room.is_positive() {
            return skip("no_room", format!("notional left for {} is {room}", input.rules.symbol));
        }
        // Slippage may fill above the expected price: room is counted at the worst price that is allowed for.
        let worst = input.entry + input.entry.times(self.settings.slippage, Rounding::Up);
        let by_room = room.per_price(worst, Rounding::Down);
        let qty = by_risk.min(by_room).min(input.rules.market_max_qty).round_to(input.rules.step, Rounding::Down);
        let notional = input.entry.notional(qty);
        if !qty.is_positive() || qty < input.rules.min_qty || notional < input.rules.min_notional {
            return skip("below_minimum", format!("{qty} at {} is below the venue's minimum", input.entry));
        }
        Ok(qty)
    }

    /// What one unit loses if the stop is hit, with fees and slippage both ways.
    fn loss_per_unit(&self, input: &SizeInput<'_>) -> Price {
        let distance = (input.entry - input.stop).abs();
        let cost = input.rules.taker_fee + self.settings.slippage;
        distance + input.entry.times(cost, Rounding::Up) + input.stop.times(cost, Rounding::Up)
    }
}
