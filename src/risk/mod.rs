//! Whether we may. Risk decides last and alone: only here is an [`Approved`] order made, and nothing changes it
//! afterwards. What cannot be evaluated counts as forbidden.

#![deny(clippy::float_arithmetic)]

mod memory;
mod screen;
mod settings;
mod size;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

pub use screen::{Approved, Facts, Rejection};
pub use settings::Settings;
pub use size::{SizeInput, Skip};

use crate::protocol::{ExitReason, HealthStatus, TradeRow, TradingState};
use crate::types::{InstrumentId, Instruments, Price, Rate, Rounding, Span, Symbol, Timestamp, Usdt};
use memory::Memory;

/// Limits, breakers and the trading state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Risk {
    settings: Settings,
    instruments: Instruments,
    state: TradingState,
    reason: String,
    memory: Memory,
    max_drawdown: Rate,
    last_entries: BTreeMap<(String, InstrumentId), (Timestamp, Price)>,
    minute: VecDeque<Timestamp>,
    clock_uncertainty: Span,
    health: HealthStatus,
    begun: bool,
}

impl Risk {
    /// With these limits and nothing to remember.
    pub fn new(settings: Settings, instruments: &Instruments) -> Risk {
        Risk {
            settings,
            instruments: instruments.clone(),
            state: TradingState::Active,
            reason: String::new(),
            memory: Memory::default(),
            max_drawdown: Rate::ZERO,
            last_entries: BTreeMap::new(),
            minute: VecDeque::new(),
            clock_uncertainty: Span::ZERO,
            health: HealthStatus::Healthy,
            begun: false,
        }
    }

    /// The limits as they are enforced, for people.
    pub fn limits_banner(&self) -> Vec<(&'static str, String)> {
        let s = &self.settings;
        vec![
            ("capital", format!("{} USDT", s.capital_usdt)),
            ("risk per trade", s.risk_per_trade.to_string()),
            ("position notional", s.position_notional.to_string()),
            ("gross notional", s.gross_notional.to_string()),
            ("open positions", s.open_positions.to_string()),
            ("leverage", s.leverage.to_string()),
            ("daily loss", s.daily_loss.to_string()),
            ("drawdown", s.drawdown.to_string()),
            ("stop-outs in a row", format!("{}, then {} of pause", s.stop_outs, s.stop_out_pause)),
            ("entries", format!("{} a minute, {} a day", s.orders_per_minute, s.orders_per_day)),
            ("price distance", s.price_distance.to_string()),
        ]
    }

    /// Notes the monitor's judgement: critical health takes no entries.
    pub fn set_health(&mut self, status: HealthStatus, _reasons: &[String]) {
        self.health = status;
    }

    /// Notes how far the venue's clock may be off.
    pub fn set_clock(&mut self, uncertainty: Span) {
        self.clock_uncertainty = uncertainty;
    }

    /// Money came in or went out: neither a gain nor a loss.
    pub fn transferred(&mut self, amount: Usdt) {
        self.memory.peak += amount;
        self.memory.day_start += amount;
    }

    /// A round trip is complete: stop-outs in a row are counted by symbol.
    pub fn trade_closed(&mut self, at: Timestamp, trade: &TradeRow) {
        let symbol = self.instruments.symbol(trade.instrument).clone();
        let pause = self.settings.stop_out_pause;
        let limit = self.settings.stop_outs;
        let streak = self.memory.streaks.entry(symbol.clone()).or_default();
        match trade.exit {
            ExitReason::StopLoss | ExitReason::Liquidation => *streak += 1,
            ExitReason::TakeProfit
            | ExitReason::TrailingStop
            | ExitReason::Time
            | ExitReason::Signal
            | ExitReason::Manual => *streak = 0,
        }
        if *streak >= limit {
            *streak = 0;
            self.memory.paused_until.insert(symbol, at + pause);
        }
    }

    /// Does the symbol pause after stop-outs?
    pub fn symbol_paused(&self, at: Timestamp, symbol: &Symbol) -> bool {
        self.memory.paused_until.get(symbol).is_some_and(|until| *until > at)
    }

    /// An entry was sent.
    pub fn entered(&mut self, at: Timestamp, strategy: &str, instrument: InstrumentId, price: Price) {
        self.last_entries.insert((strategy.to_owned(), instrument), (at, price));
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
        let Some((last, before)) = self.last_entries.get(&(strategy.to_owned(), instrument)) else { return Ok(()) };
        let moved = (price - *before).abs().ratio_of(*before, Rounding::Down);
        if at.since(*last) < self.settings.cooldown && moved < self.settings.cooldown_move {
            return Err(Rejection::new("cooldown", format!("{strategy} entered at {last} and price moved by {moved}")));
        }
        Ok(())
    }

    /// What must be remembered over a restart, as JSON.
    pub fn memory(&self) -> String {
        serde_json::to_string(&self.memory).unwrap_or_default()
    }

    /// Highest equity so far.
    pub fn peak(&self) -> Usdt {
        self.memory.peak
    }

    /// Largest distance from the peak in this session.
    pub fn max_drawdown(&self) -> Rate {
        self.max_drawdown
    }

    /// The trading state and why it is what it is.
    pub fn state(&self) -> (TradingState, &str) {
        (self.state, &self.reason)
    }

    /// Leverage to be set at the venue.
    pub fn leverage(&self) -> u32 {
        self.settings.leverage
    }
}
