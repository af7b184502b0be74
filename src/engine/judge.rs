//! Step two: may we trade? Breakers are evaluated whenever what they look at may have changed.

use super::absorb::notify;
use super::{Engine, OnHalt};
use crate::market::Freshness;
use crate::protocol::{Action, Actions, ConnectionState, EquityRow, Journal, Link, NoticeKind, StateRow, TradingState};
use crate::risk::Clock as ClockState;
use crate::types::{Exit, Span, Timestamp};

/// How often the age of every instrument's data is looked at: well within the shortest cadence's limits.
const FRESHNESS_EVERY: Span = Span::SECOND;

impl Engine {
    pub(super) fn judge(&mut self, at: Timestamp, woken: bool, out: &mut Actions) {
        self.risk.set_equity_known(at, self.portfolio.is_marked());
        let changes = self.risk.evaluate(at, self.portfolio.equity());
        if !changes.is_empty() {
            self.tell_states(changes, out);
        }
        if woken || at >= self.freshness_due() {
            self.watch_freshness(at, out);
        }
    }

    /// When the age of every instrument's data is to be looked at again.
    pub(super) fn freshness_due(&self) -> Timestamp {
        self.freshness_seen + FRESHNESS_EVERY
    }

    /// A symbol whose data is lost is told of once, until all of it is there again, and its feed is restarted.
    fn watch_freshness(&mut self, at: Timestamp, out: &mut Actions) {
        self.freshness_seen = at;
        self.calm.nobody_is_lost = true;
        for instrument in self.instruments.ids() {
            let lost = matches!(self.market.freshness(instrument, at), Freshness::Lost { .. });
            self.calm.nobody_is_lost &= !lost;
            let told = std::mem::replace(&mut self.slots[instrument.index()].lost_told, lost);
            if lost && !told {
                let symbol = self.instruments.symbol(instrument).clone();
                out.push(Action::RestartFeed { instrument });
                let text = format!("Market data of {symbol} is lost; its feed is restarted, and nothing is entered");
                out.push(notify(NoticeKind::Alarm, symbol.as_str(), text));
            }
        }
    }

    pub(super) fn absorb_connection(&mut self, at: Timestamp, link: Link, state: ConnectionState) {
        match (link, state) {
            (Link::User, ConnectionState::Live) => self.compare_again(at),
            (Link::User, ConnectionState::Lost) => self.reconciliation.suspend(at),
            (Link::User, ConnectionState::Connected | ConnectionState::Subscribed) | (Link::Market(_), _) => {}
        }
    }

    /// The venue's clock was measured. How far off it may be is how much longer an order can stay in doubt.
    pub(super) fn absorb_clock(&mut self, uncertainty: Span, out: &mut Actions) {
        let before = self.risk.clock();
        self.risk.set_clock(uncertainty);
        self.orders.clock_measured(uncertainty);
        let now = self.risk.clock();
        if now > before {
            let effect = match now {
                ClockState::Fine | ClockState::Doubtful => "",
                ClockState::Off => ", and nothing is entered",
            };
            out.push(notify(
                NoticeKind::Alarm,
                "clock",
                format!("The venue's clock is uncertain by {uncertainty}{effect}"),
            ));
        }
    }

    pub(super) fn raise(&mut self, at: Timestamp, state: TradingState, reason: &str, out: &mut Actions) {
        let changes = self.risk.raise(at, state, reason);
        self.tell_states(changes, out);
    }

    /// Writes changes of the trading state and does what they ask for.
    pub(super) fn tell_states(&mut self, changes: Vec<StateRow>, out: &mut Actions) {
        for change in changes {
            let text = format!("Trading state is now {}: {}", change.state.as_str(), change.reason);
            out.push(notify(NoticeKind::TradingState, change.state.as_str(), text));
            let halted = change.state == TradingState::Halted;
            let at = change.at;
            let reason = change.reason.clone();
            out.row(Journal::State(change));
            self.write_memory(out);
            if halted {
                self.cancel_entries(at, |_| true, out);
                if self.settings.on_halt == OnHalt::Exit {
                    out.push(Action::Leave { exit: Exit::HaltedByRisk, reason });
                }
            }
        }
    }

    /// Writes what risk must remember, if it has changed.
    pub(super) fn write_memory(&mut self, out: &mut Actions) {
        if self.risk.take_memory_changed() {
            out.durable(|| Journal::RiskMemory(self.risk.memory()));
        }
    }

    pub(super) fn write_equity(&mut self, at: Timestamp, out: &mut Actions) {
        let (cash, unrealised) = (self.portfolio.cash(), self.portfolio.unrealised());
        let peak = self.risk.peak();
        out.row(Journal::Equity(EquityRow { at, cash, unrealised, peak }));
    }
}
