//! The trading state: raised from anywhere, recorded, kept over a restart. A day's loss falls with the day; a halt
//! is lowered by a person alone.

use super::Risk;
use super::memory::Memory;
use crate::protocol::{StateRow, TradingState};
use crate::types::{Rate, Rounding, Span, Timestamp, Usdt};

impl Risk {
    /// Takes over what the ledger kept. What cannot be read halts.
    pub fn restore(&mut self, at: Timestamp, memory: Option<&str>, state: Option<&StateRow>) -> Vec<StateRow> {
        if let Some(state) = state {
            self.state = state.state;
            self.reason = state.reason.clone();
        }
        match memory.map(serde_json::from_str::<Memory>) {
            None => Vec::new(),
            Some(Ok(memory)) => {
                self.memory = memory;
                Vec::new()
            }
            Some(Err(error)) => {
                self.raise(at, TradingState::Halted, &format!("what risk remembered cannot be read: {error}"))
            }
        }
    }

    /// Trading begins with this equity.
    pub fn begin(&mut self, at: Timestamp, equity: Usdt) {
        self.begun = true;
        if self.memory.peak.is_zero() {
            self.memory.peak = equity;
        }
        if self.memory.day != at.day() {
            self.begin_day(at, equity);
        }
    }

    fn begin_day(&mut self, at: Timestamp, equity: Usdt) {
        self.memory.day = at.day();
        self.memory.day_start = equity;
        self.memory.day_orders = 0;
    }

    /// Looks at the breakers. Called whenever equity may have changed.
    pub fn evaluate(&mut self, at: Timestamp, equity: Usdt) -> Vec<StateRow> {
        if !self.begun {
            return Vec::new();
        }
        let mut changes = Vec::new();
        if self.memory.day != at.day() {
            self.begin_day(at, equity);
            if self.memory.by_daily_loss && self.state == TradingState::ReduceOnly {
                self.memory.by_daily_loss = false;
                changes.extend(self.set(at, TradingState::Active, "a new UTC day has begun"));
            }
        }
        self.memory.peak = self.memory.peak.max(equity);
        let drawdown = fall(self.memory.peak, equity);
        self.max_drawdown = self.max_drawdown.max(drawdown);
        let loss = fall(self.memory.day_start, equity);
        if loss >= self.settings.daily_loss && self.state < TradingState::ReduceOnly {
            self.memory.by_daily_loss = true;
            let reason = format!("the day's loss is {loss} and the limit is {}", self.settings.daily_loss);
            changes.extend(self.set(at, TradingState::ReduceOnly, &reason));
        }
        if drawdown >= self.settings.drawdown && self.state < TradingState::Halted {
            let reason = format!("the drawdown is {drawdown} and the limit is {}", self.settings.drawdown);
            changes.extend(self.set(at, TradingState::Halted, &reason));
        }
        changes
    }

    /// Raises the state to at least this.
    pub fn raise(&mut self, at: Timestamp, state: TradingState, reason: &str) -> Vec<StateRow> {
        if state <= self.state {
            return Vec::new();
        }
        self.memory.by_daily_loss = false;
        self.set(at, state, reason).into_iter().collect()
    }

    /// Lifts a pause, and nothing above it.
    pub fn resume(&mut self, at: Timestamp) -> Vec<StateRow> {
        if self.state != TradingState::Paused {
            return Vec::new();
        }
        self.set(at, TradingState::Active, "resumed by a person").into_iter().collect()
    }

    /// Lowers the state; the drawdown counts from this equity on, or the breaker would fall again at once.
    pub fn rearm(&mut self, at: Timestamp, reason: &str, equity: Usdt) -> Vec<StateRow> {
        self.memory.peak = equity;
        self.memory.by_daily_loss = false;
        self.begin_day(at, equity);
        self.set(at, TradingState::Active, &format!("re-armed: {reason}")).into_iter().collect()
    }

    /// When a breaker must be looked at if nothing happens: the day's end, for a state that falls with it.
    pub fn next_deadline(&self, at: Timestamp) -> Option<Timestamp> {
        let next_day = at.floor(Span::DAY) + Span::DAY;
        (self.begun && self.memory.by_daily_loss && self.state == TradingState::ReduceOnly).then_some(next_day)
    }

    fn set(&mut self, at: Timestamp, state: TradingState, reason: &str) -> Option<StateRow> {
        if state == self.state {
            return None;
        }
        self.state = state;
        self.reason = reason.to_owned();
        Some(StateRow { at, state, reason: reason.to_owned() })
    }
}

/// How far `now` is below `before`, as a ratio; a `before` that is not positive counts as a total loss.
fn fall(before: Usdt, now: Usdt) -> Rate {
    if now >= before {
        Rate::ZERO
    } else if before.is_positive() {
        (before - now).ratio_of(before, Rounding::Up)
    } else {
        Rate::ONE
    }
}
