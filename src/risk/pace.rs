//! How often: orders by minute and day, the cooldown of a strategy on a symbol, and the pause after stop-outs.

use super::memory::LastEntry;
use super::{Rejection, Risk};
use crate::protocol::{ExitReason, TradeRow};
use crate::types::{InstrumentId, Price, Rounding, Span, Symbol, Timestamp};

impl Risk {
    /// An entry was sent.
    pub fn entered(&mut self, at: Timestamp, strategy: &str, instrument: InstrumentId, price: Price) {
        let symbol = self.instruments.symbol(instrument).clone();
        let cooldown = self.settings.cooldown;
        self.memory
            .entries
            .retain(|entry| at.since(entry.at) < cooldown && !(entry.strategy == strategy && entry.symbol == symbol));
        self.memory.entries.push(LastEntry { strategy: strategy.to_owned(), symbol, at, price });
        self.changed = true;
    }

    /// May this strategy enter this symbol again already?
    ///
    /// # Errors
    /// If it entered too lately and the price has not moved enough since.
    pub fn cooled_down(
        &self,
        at: Timestamp,
        strategy: &str,
        instrument: InstrumentId,
        price: Price,
    ) -> Result<(), Rejection> {
        let symbol = self.instruments.symbol(instrument);
        let last = self.memory.entries.iter().find(|entry| entry.strategy == strategy && entry.symbol == *symbol);
        let Some(last) = last else { return Ok(()) };
        let moved = (price - last.price).abs().ratio_of(last.price, Rounding::Down);
        if at.since(last.at) < self.settings.cooldown && moved < self.settings.cooldown_move {
            let detail = format!("{strategy} entered {symbol} at {}, and price has moved by {moved} since", last.at);
            return Rejection::err("cooldown", detail);
        }
        Ok(())
    }

    /// A round trip is complete: stop-outs in a row are counted by symbol. A trailing stop that ended in a loss is one
    /// as well; one that ended in a gain is not.
    pub fn trade_closed(&mut self, at: Timestamp, trade: &TradeRow) {
        let symbol = self.instruments.symbol(trade.instrument).clone();
        let stopped_out = match trade.exit {
            ExitReason::StopLoss | ExitReason::Liquidation => true,
            ExitReason::TrailingStop => trade.net().is_negative(),
            ExitReason::TakeProfit | ExitReason::Time | ExitReason::Signal | ExitReason::Manual => false,
        };
        let before = self.memory.streaks.remove(&symbol).unwrap_or_default();
        let streak = if stopped_out { before.saturating_add(1) } else { 0 };
        self.memory.paused_until.retain(|_, until| *until > at);
        if streak >= self.settings.stop_outs {
            self.memory.paused_until.insert(symbol, at + self.settings.stop_out_pause);
        } else if streak > 0 {
            self.memory.streaks.insert(symbol, streak);
        }
        self.changed = true;
    }

    /// Does the symbol pause after stop-outs?
    pub fn symbol_paused(&self, at: Timestamp, symbol: &Symbol) -> bool {
        self.memory.paused_until.get(symbol).is_some_and(|until| *until > at)
    }

    /// I12: is there room for another order that may wait? Cancels, exits and stops are counted and never asked.
    pub(super) fn admits_another(&self, at: Timestamp) -> Result<(), Rejection> {
        let recent = self.minute.len() - self.minute.partition_point(|sent| at.since(*sent) >= Span::MINUTE);
        if recent >= self.settings.orders_per_minute as usize {
            return Rejection::err("orders_per_minute", format!("{recent} in the last minute"));
        }
        let today = self.memory.day_orders;
        if self.memory.day == Some(at.day()) && today >= self.settings.orders_per_day {
            return Rejection::err("orders_per_day", format!("{today} today"));
        }
        Ok(())
    }

    /// Counts an order. The instants of the last minute are kept, and no more than its limit, which is all that it takes to
    /// know whether it is used up.
    pub(super) fn count(&mut self, at: Timestamp) {
        self.minute.push_back(at);
        let most = self.settings.orders_per_minute as usize;
        let is_old = |sent: &Timestamp| at.since(*sent) >= Span::MINUTE;
        while self.minute.len() > most || self.minute.front().is_some_and(is_old) {
            self.minute.pop_front();
        }
        self.memory.day_orders = self.memory.day_orders.saturating_add(1);
        self.changed = true;
    }
}
