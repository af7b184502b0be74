//! Whether we may. Risk decides last and alone: only here is an [`Approved`] order made, and nothing changes it
//! afterwards. What cannot be evaluated counts as forbidden.

#![deny(clippy::float_arithmetic)]

mod approved;
mod breakers;
mod memory;
mod pace;
mod screen;
mod settings;
mod size;
mod state;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use approved::{Approved, Rejection, Skip};
pub use screen::Facts;
pub use settings::Settings;
pub use size::SizeInput;

use crate::protocol::{HealthStatus, TradingState};
use crate::types::{Instruments, Rate, Span, Timestamp, Usdt};
use memory::Memory;

/// Limits, breakers and the trading state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Risk {
    settings: Settings,
    instruments: Instruments,
    /// Does the capital cap what sizes are taken from?
    capped: bool,
    memory: Memory,
    /// Has the memory changed since it was last given away to be written?
    changed: bool,
    state: TradingState,
    reason: String,
    begun: bool,
    day_floor: Usdt,
    drawdown_floor: Usdt,
    /// Lowest equity since the peak.
    low: Usdt,
    max_drawdown: Rate,
    last_equity: Option<Usdt>,
    unknown_since: Option<Timestamp>,
    minute: VecDeque<Timestamp>,
    clock_uncertainty: Span,
    health: HealthStatus,
    health_reasons: Vec<String>,
}

/// How well the venue's clock is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Clock {
    /// Well enough.
    Fine,
    /// People should hear of it.
    Doubtful,
    /// Nothing is entered.
    Off,
}

impl Risk {
    /// With these limits and nothing to remember. [`Settings::check`] and [`Settings::check_with`] come first: limits
    /// that are missing or that limit nothing are no limits.
    pub fn new(settings: Settings, instruments: &Instruments) -> Risk {
        Risk {
            settings,
            instruments: instruments.clone(),
            capped: false,
            memory: Memory::default(),
            changed: false,
            state: TradingState::Active,
            reason: String::new(),
            begun: false,
            day_floor: Usdt::ZERO,
            drawdown_floor: Usdt::ZERO,
            low: Usdt::ZERO,
            max_drawdown: Rate::ZERO,
            last_equity: None,
            unknown_since: None,
            minute: VecDeque::new(),
            clock_uncertainty: Span::ZERO,
            health: HealthStatus::Healthy,
            health_reasons: Vec::new(),
        }
    }

    /// For real money: sizes and limits on notional are taken from no more than the capital that was set.
    #[must_use]
    pub fn capped_to_capital(mut self) -> Risk {
        self.capped = true;
        self
    }

    /// The limits as they are enforced, for people.
    pub fn limits_banner(&self) -> Vec<(&'static str, String)> {
        let s = &self.settings;
        let stake = s.position_usdt.map_or_else(String::new, |most| format!(", and at most {most} USDT"));
        let capital = if self.capped { "at most {} USDT" } else { "{} USDT" };
        vec![
            ("capital", capital.replace("{}", &s.capital_usdt.to_string())),
            ("risk per trade", s.risk_per_trade.to_string()),
            ("position notional", s.position_notional.to_string() + &stake),
            ("gross notional", s.gross_notional.to_string()),
            ("open positions", s.open_positions.to_string()),
            ("leverage", s.leverage.to_string()),
            ("daily loss", format!("{}, then reduce only until the next UTC day", s.daily_loss)),
            ("drawdown", format!("{}, then halted", s.drawdown)),
            ("stop-outs in a row", format!("{}, then {} of pause", s.stop_outs, s.stop_out_pause)),
            ("cooldown", format!("{}, unless price moves by {}", s.cooldown, s.cooldown_move)),
            ("orders", format!("{} a minute, {} a day", s.orders_per_minute, s.orders_per_day)),
            ("limit price", format!("within {} of the mark", s.price_distance)),
            (
                "clock uncertainty",
                format!("doubtful from {}, no entries from {}", s.clock_warning, s.clock_uncertainty),
            ),
            ("equity unknown", format!("no entries, and after {} reduce only", s.equity_unknown)),
            ("slippage allowance", s.slippage.to_string()),
        ]
    }

    /// Notes the monitor's judgement: critical health takes no entries.
    pub fn set_health(&mut self, status: HealthStatus, reasons: &[String]) {
        self.health = status;
        self.health_reasons = reasons.to_vec();
    }

    /// Notes how far the venue's clock may be off. A virtual session has one clock, which is never measured.
    pub fn set_clock(&mut self, uncertainty: Span) {
        self.clock_uncertainty = uncertainty;
    }

    /// How well the venue's clock is known.
    pub fn clock(&self) -> Clock {
        if self.clock_uncertainty >= self.settings.clock_uncertainty {
            Clock::Off
        } else if self.clock_uncertainty >= self.settings.clock_warning {
            Clock::Doubtful
        } else {
            Clock::Fine
        }
    }

    /// What must be remembered over a restart, as JSON.
    pub fn memory(&self) -> String {
        serde_json::to_string(&self.memory).expect("maps by text and plain values can always be written as JSON")
    }

    /// Has the memory changed since the last time that this was asked? Then it is to be written: with each closed minute,
    /// which carries what changes without a row of its own (the peak, the day, the counts).
    pub fn take_memory_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Leverage to be set at the venue.
    pub fn leverage(&self) -> u32 {
        self.settings.leverage
    }
}
