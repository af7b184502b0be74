//! The trading state: raised from anywhere, recorded, kept over a restart. Each cause holds trading back by itself,
//! and the state is the strictest of what they ask for, so that lifting one never lifts another.

use serde::{Deserialize, Serialize};

use super::Risk;
use super::memory::Memory;
use crate::protocol::{StateRow, TradingState};
use crate::types::{Timestamp, Usdt};

/// What holds trading back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cause {
    /// The drawdown from the peak. Lifted by re-arming alone.
    Drawdown,
    /// Somebody, or something that went wrong, asked for it. Lifted by re-arming alone.
    Raised,
    /// The day's loss. Lifted by the next UTC day.
    DailyLoss,
    /// Equity cannot be computed. Lifted when it can be again.
    EquityUnknown,
    /// A person's pause. Lifted by the person.
    Pause,
}

/// How far a cause holds trading back, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hold {
    pub state: TradingState,
    pub reason: String,
    pub since: Timestamp,
}

impl Risk {
    /// Takes over what the ledger kept, and says how the state differs from the one recorded there. What cannot be read
    /// halts, since a breaker that has lost its peak has tripped.
    pub fn restore(&mut self, at: Timestamp, memory: Option<&str>, recorded: Option<&StateRow>) -> Vec<StateRow> {
        let mut damage = None;
        match memory.map(serde_json::from_str::<Memory>) {
            None => {}
            Some(Ok(memory)) => self.memory = memory,
            Some(Err(error)) => damage = Some(format!("what risk remembered cannot be read: {error}")),
        }
        if let Some(row) = recorded {
            self.state = row.state;
            self.reason = row.reason.clone();
            self.follow_rearming(row);
            if row.state > self.strictest() {
                self.hold(cause_of(row.state), row.state, &row.reason, row.at);
            }
        }
        if let Some(damage) = damage {
            self.hold(Cause::Raised, TradingState::Halted, &damage, at);
        }
        self.set_floors();
        self.settle(at, "nothing holds trading back")
    }

    /// State and memory are written together, so that a state which was lowered while something still holds trading back
    /// was lowered by a person, in the ledger of a stopped daemon. What held trading back until then is lifted, and
    /// losses count from the equity that trading begins with.
    fn follow_rearming(&mut self, row: &StateRow) {
        let holds = &mut self.memory.holds;
        let lowered = row.state == TradingState::Active && !holds.is_empty();
        if lowered && holds.values().all(|hold| hold.since <= row.at) {
            holds.clear();
            (self.memory.peak, self.memory.day) = (None, None);
            self.changed = true;
        }
    }

    /// Raises the state to at least this. A pause can be resumed; what is above it waits for [`Risk::rearm`].
    pub fn raise(&mut self, at: Timestamp, state: TradingState, reason: &str) -> Vec<StateRow> {
        if state == TradingState::Active {
            return Vec::new();
        }
        let cause = cause_of(state);
        if self.memory.holds.get(&cause).is_none_or(|hold| hold.state < state) {
            self.hold(cause, state, reason, at);
        }
        self.settle(at, reason)
    }

    /// Lifts a pause, and nothing else.
    pub fn resume(&mut self, at: Timestamp) -> Vec<StateRow> {
        self.lift(Cause::Pause);
        self.settle(at, "resumed by a person")
    }

    /// Lifts everything that holds trading back. Drawdown and the day's loss count from this equity on: they would
    /// trip again at once otherwise. Pauses of symbols stay. Always recorded.
    pub fn rearm(&mut self, at: Timestamp, reason: &str, equity: Usdt) -> Vec<StateRow> {
        self.memory.holds.clear();
        self.memory.peak = Some(equity);
        self.memory.day = Some(at.day());
        self.memory.day_start = equity;
        self.unknown_since = self.unknown_since.map(|_| at);
        self.low = equity;
        self.set_floors();
        self.state = TradingState::Active;
        self.reason = format!("re-armed: {reason}");
        self.changed = true;
        vec![StateRow { at, state: self.state, reason: self.reason.clone() }]
    }

    /// The trading state and why it is what it is.
    pub fn state(&self) -> (TradingState, &str) {
        (self.state, &self.reason)
    }

    pub(super) fn hold(&mut self, cause: Cause, state: TradingState, reason: &str, since: Timestamp) {
        self.memory.holds.insert(cause, Hold { state, reason: reason.to_owned(), since });
        self.changed = true;
    }

    pub(super) fn lift(&mut self, cause: Cause) {
        self.changed |= self.memory.holds.remove(&cause).is_some();
    }

    pub(super) fn holds(&self, cause: Cause) -> bool {
        self.memory.holds.contains_key(&cause)
    }

    /// Does nothing hold trading back, and is that known?
    pub(super) fn is_free(&self) -> bool {
        self.memory.holds.is_empty() && self.state == TradingState::Active
    }

    fn strictest(&self) -> TradingState {
        self.memory.holds.values().map(|hold| hold.state).max().unwrap_or_default()
    }

    /// Makes the state the strictest that is asked for; the oldest of equally strict causes is its reason, and
    /// `lifted` is if nothing is left. Gives back the change, if it is one.
    pub(super) fn settle(&mut self, at: Timestamp, lifted: &str) -> Vec<StateRow> {
        if self.is_free() {
            return Vec::new();
        }
        let state = self.strictest();
        let mut causes: Vec<_> = self.memory.holds.values().filter(|hold| hold.state == state).collect();
        causes.sort_by_key(|hold| hold.since);
        let reason = causes.first().map_or(lifted, |hold| hold.reason.as_str());
        if state == self.state && (causes.is_empty() || reason == self.reason) {
            return Vec::new();
        }
        self.reason = reason.to_owned();
        self.state = state;
        vec![StateRow { at, state, reason: self.reason.clone() }]
    }
}

fn cause_of(state: TradingState) -> Cause {
    match state {
        TradingState::Active | TradingState::Paused => Cause::Pause,
        TradingState::ReduceOnly | TradingState::Halted => Cause::Raised,
    }
}
