//! Step two: may we trade? Breakers are evaluated whenever what they look at may have changed.

use super::absorb::notify;
use super::{Engine, OnHalt};
use crate::market::Freshness;
use crate::protocol::{Action, ConnectionState, EquityRow, Journal, Link, NoticeKind, StateRow, TradingState};
use crate::types::{Exit, Rounding, Span, Timestamp};

/// How often the age of every instrument's data is looked at: well within the shortest cadence's limits.
const FRESHNESS_EVERY: Span = Span::SECOND;

impl Engine {
    pub(super) fn judge(&mut self, at: Timestamp, out: &mut Vec<Action>) {
        let changes = self.risk.evaluate(at, self.portfolio.equity());
        self.tell_states(changes, out);
        self.watch_freshness(at, out);
    }

    /// A symbol whose data is lost is told of once, and its feed is restarted.
    fn watch_freshness(&mut self, at: Timestamp, out: &mut Vec<Action>) {
        if at.since(self.freshness_seen) < FRESHNESS_EVERY {
            return;
        }
        self.freshness_seen = at;
        for instrument in self.instruments.ids() {
            let lost = matches!(self.market.freshness(instrument, at), Freshness::Lost { .. });
            if lost && !self.slots[instrument.index()].lost_told {
                self.slot(instrument).lost_told = true;
                let symbol = self.instruments.symbol(instrument).clone();
                out.push(Action::RestartFeed { instrument });
                let text = format!("Market data of {symbol} is lost; its feed is restarted, and nothing is entered");
                out.push(notify(NoticeKind::Alarm, symbol.as_str(), text));
            }
        }
    }

    pub(super) fn absorb_connection(
        &mut self,
        at: Timestamp,
        link: Link,
        state: ConnectionState,
        out: &mut Vec<Action>,
    ) {
        match (link, state) {
            (Link::User, ConnectionState::Live) => self.reconciliation.begin_again(at),
            (Link::User, ConnectionState::Lost) => self.reconciliation.suspend(),
            (Link::User, ConnectionState::Connected | ConnectionState::Subscribed) | (Link::Market(_), _) => {}
        }
        let _ = out;
    }

    pub(super) fn raise(&mut self, at: Timestamp, state: TradingState, reason: &str, out: &mut Vec<Action>) {
        let changes = self.risk.raise(at, state, reason);
        self.tell_states(changes, out);
    }

    /// Writes changes of the trading state and does what they ask for.
    pub(super) fn tell_states(&mut self, changes: Vec<StateRow>, out: &mut Vec<Action>) {
        for change in changes {
            let text = format!("Trading state is now {}: {}", change.state.as_str(), change.reason);
            out.push(notify(NoticeKind::TradingState, change.state.as_str(), text));
            let halted = change.state == TradingState::Halted;
            let at = change.at;
            let reason = change.reason.clone();
            out.push(Action::Journal(Box::new(Journal::State(change))));
            out.push(Action::Journal(Box::new(Journal::RiskMemory(self.risk.memory()))));
            if halted {
                self.cancel_entries(at, out);
                if self.settings.on_halt == OnHalt::Exit {
                    out.push(Action::Leave { exit: Exit::HaltedByRisk, reason });
                }
            }
        }
    }

    pub(super) fn write_equity(&mut self, at: Timestamp, out: &mut Vec<Action>) {
        let (cash, unrealised) = (self.portfolio.cash(), self.portfolio.unrealised());
        let peak = self.risk.peak();
        let equity = cash + unrealised;
        let drawdown = (peak - equity).ratio_of(peak, Rounding::Up);
        let drawdown = drawdown.max(crate::types::Rate::ZERO);
        out.push(Action::Journal(Box::new(Journal::Equity(EquityRow { at, cash, unrealised, peak, drawdown }))));
    }
}
