//! How much: what may be lost at the stop, cut to every limit, rounded down to the step. Never scaled up.

use super::{Rejection, Risk, Skip};
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
    /// At most one: a volatile market makes the size smaller, a calm one does not make it larger.
    pub volatility_factor: Rate,
    /// Cash and unrealised results.
    pub equity: Usdt,
    /// Worst-case notional of the instrument as it stands.
    pub symbol_notional: Usdt,
    /// Worst-case notional of everything as it stands, the instrument included.
    pub gross_notional: Usdt,
}

impl Risk {
    /// The quantity to enter with.
    ///
    /// # Errors
    /// If no quantity that the venue takes is within the limits: `no_equity`, `bad_stop`, `position_notional`,
    /// `gross_notional` or `below_minimum`.
    pub fn size(&self, input: &SizeInput<'_>) -> Result<Qty, Skip> {
        let equity = self.sizing_equity(input.equity);
        if !equity.is_positive() {
            return Rejection::err("no_equity", format!("equity is {equity}"));
        }
        let loss = self.loss_per_unit(input)?;
        let risk = equity.times(self.settings.risk_per_trade, Rounding::Down);
        let factor = input.volatility_factor.min(Rate::ONE).max(Rate::ZERO);
        let by_risk = risk.per_price(loss, Rounding::Down).times(factor, Rounding::Down);
        // A market order may fill above the expected price: room is counted at the worst that is allowed for.
        let worst = input.entry + input.entry.times(self.settings.slippage, Rounding::Up);
        let by_room =
            self.room(input.equity, input.symbol_notional, input.gross_notional)?.per_price(worst, Rounding::Down);
        let rules = input.rules;
        let most = rules.max_qty.min(rules.market_max_qty);
        let qty = by_risk.min(by_room).min(most).round_to(rules.step, Rounding::Down);
        if !is_tradable(rules, qty, input.entry) {
            let detail = format!("{qty} of {} at {} is below the venue's minimum", rules.symbol, input.entry);
            return Rejection::err("below_minimum", detail);
        }
        Ok(qty)
    }

    /// The equity that sizes and limits on notional are taken from: with real money, at most the capital.
    pub(super) fn sizing_equity(&self, equity: Usdt) -> Usdt {
        if self.capped { equity.min(self.settings.capital_usdt) } else { equity }
    }

    /// I8: the notional that may still be added to an instrument.
    pub(super) fn room(&self, equity: Usdt, symbol: Usdt, gross: Usdt) -> Result<Usdt, Rejection> {
        let equity = self.sizing_equity(equity);
        let by_equity = equity.times(self.settings.position_notional, Rounding::Down);
        let of_symbol = self.settings.position_usdt.map_or(by_equity, |most| most.min(by_equity));
        if of_symbol <= symbol {
            return Rejection::err("position_notional", format!("{symbol} of {of_symbol} are in use"));
        }
        let of_all = equity.times(self.settings.gross_notional, Rounding::Down);
        if of_all <= gross {
            return Rejection::err("gross_notional", format!("{gross} of {of_all} are in use"));
        }
        Ok((of_symbol - symbol).min(of_all - gross))
    }

    /// What one unit loses if the stop is hit, with fees and slippage both ways.
    fn loss_per_unit(&self, input: &SizeInput<'_>) -> Result<Price, Rejection> {
        let distance = match input.side {
            Side::Buy => input.entry - input.stop,
            Side::Sell => input.stop - input.entry,
        };
        if !distance.is_positive() || !input.stop.is_positive() || !input.entry.is_positive() {
            let detail = format!("{} at {} with a stop at {}", input.side, input.entry, input.stop);
            return Rejection::err("bad_stop", detail);
        }
        let cost = input.rules.taker_fee.max(Rate::ZERO) + self.settings.slippage;
        Ok(distance + (input.entry + input.stop).times(cost, Rounding::Up))
    }
}

/// Does the venue take an entry of this quantity at this price?
pub(super) fn is_tradable(rules: &Instrument, qty: Qty, price: Price) -> bool {
    qty.is_positive() && qty >= rules.min_qty && price.notional(qty) >= rules.min_notional
}
