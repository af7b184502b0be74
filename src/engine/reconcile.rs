//! The books are held against the venue's: at the start before anything is traded, at each reconnect, and every few
//! seconds in between. A difference is first asked about, then explained by a missing fill, and only then adjusted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::absorb::notify;
use super::{Engine, Foreign};
use crate::orders::Reconciled;
use crate::protocol::{
    AccountReport, Action, Journal, NoticeKind, PositionSnapshot, Recovered, TradingState, VenueRequest,
};
use crate::types::{Exit, IdScope, InstrumentId, Qty, Span, Timestamp, Usdt};

/// Fills are asked for from this long before the last one we know, so that none falls between.
const FILL_OVERLAP: Span = Span::mins(10);
/// A poll without an answer for this long is asked again.
const POLL_PATIENCE: Span = Span::secs(5);
/// With nothing open, polls come this many times more seldom.
const IDLE_FACTOR: i64 = 10;
/// So many comparisons in a row must show the same difference before the books are adjusted.
const TRIES_BEFORE_ADJUSTING: u32 = 3;

/// How far the comparison has come.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Reconciliation {
    recovered: bool,
    suspended: bool,
    /// The four answers of the start: orders, positions, balance, fills.
    answered: [bool; 4],
    /// Everything was in agreement once.
    settled: bool,
    next_orders: Option<Timestamp>,
    next_positions: Option<Timestamp>,
    /// How often in a row the position of an instrument differed.
    disputes: BTreeMap<InstrumentId, u32>,
    cash_dispute: u32,
    cash_known: bool,
}

const ORDERS: usize = 0;
const POSITIONS: usize = 1;
const BALANCE: usize = 2;
const FILLS: usize = 3;

impl Reconciliation {
    /// May be traded on?
    pub(super) fn is_done(&self) -> bool {
        self.settled && !self.suspended
    }

    /// Is the position of this instrument in doubt?
    pub(super) fn disputes(&self, instrument: InstrumentId) -> bool {
        self.disputes.contains_key(&instrument)
    }

    /// When the next poll is due.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        if !self.recovered || self.suspended {
            return None;
        }
        self.next_orders.into_iter().chain(self.next_positions).min()
    }

    /// The user stream is back: everything is compared anew before anything is traded.
    pub(super) fn begin_again(&mut self, at: Timestamp) {
        self.suspended = false;
        self.settled = false;
        self.answered = [false; 4];
        self.next_orders = Some(at);
        self.next_positions = Some(at);
    }

    /// The user stream is down: what we think of our orders may be old.
    pub(super) fn suspend(&mut self) {
        self.suspended = true;
    }

    /// What is still missing, in words.
    pub(super) fn waiting_for(&self) -> Vec<String> {
        let names = ["open orders", "positions", "balance", "fills"];
        let missing = names.iter().zip(self.answered).filter(|(_, answered)| !answered);
        missing.map(|(name, _)| (*name).to_owned()).collect()
    }
}

impl Engine {
    /// Takes over what the ledger knew when the session began.
    pub(super) fn take_over(&mut self, at: Timestamp, recovered: &Recovered, out: &mut Vec<Action>) {
        let scope =
            IdScope { account: self.identity.account, instance: self.identity.instance, epoch: recovered.epoch };
        self.ids = crate::orders::IdSource::new(scope);
        self.orders.restore(at, &recovered.orders, &recovered.trade_ids);
        self.portfolio.restore(&recovered.positions, recovered.cash.unwrap_or(Usdt::ZERO), &recovered.funding_ids);
        let changes = self.risk.restore(at, recovered.risk_memory.as_deref(), recovered.state.as_ref());
        self.tell_states(changes, out);
        if recovered.unacknowledged_adjustments {
            self.raise(at, TradingState::ReduceOnly, "the books were adjusted and nobody has acknowledged it", out);
        }
        for row in &recovered.positions {
            let slot = self.slot(row.instrument);
            slot.touched = true;
            slot.protection.position_opened(at);
        }
        self.reconciliation.recovered = true;
        self.reconciliation.cash_known = recovered.cash.is_some();
        let since = recovered.last_at.map_or(at, |last| last - FILL_OVERLAP);
        out.push(Action::Send(VenueRequest::Fills { since }));
        self.ask_orders(at, out);
        self.ask_positions(at, out);
    }

    fn ask_orders(&mut self, at: Timestamp, out: &mut Vec<Action>) {
        out.push(Action::Send(VenueRequest::OpenOrders));
        let busy = self.orders.iter().any(|order| order.is_open());
        self.reconciliation.next_orders = Some(at + self.interval(self.settings.poll_orders, busy));
    }

    fn ask_positions(&mut self, at: Timestamp, out: &mut Vec<Action>) {
        out.push(Action::Send(VenueRequest::Positions));
        out.push(Action::Send(VenueRequest::Balance));
        let busy = self.portfolio.positions().next().is_some();
        self.reconciliation.next_positions = Some(at + self.interval(self.settings.poll_positions, busy));
    }

    fn interval(&self, usual: Span, busy: bool) -> Span {
        if !self.reconciliation.settled {
            POLL_PATIENCE
        } else if busy {
            usual
        } else {
            usual * IDLE_FACTOR
        }
    }

    /// Asks what is due, and notes when everything has come to agree.
    pub(super) fn reconcile(&mut self, at: Timestamp, out: &mut Vec<Action>) {
        if !self.reconciliation.recovered || self.reconciliation.suspended {
            return;
        }
        if self.reconciliation.next_orders.is_some_and(|due| due <= at) {
            self.ask_orders(at, out);
            if !self.reconciliation.answered[FILLS] {
                out.push(Action::Send(VenueRequest::Fills { since: at - FILL_OVERLAP }));
            }
        }
        if self.reconciliation.next_positions.is_some_and(|due| due <= at) {
            self.ask_positions(at, out);
        }
        if !self.reconciliation.settled
            && self.reconciliation.answered.iter().all(|answered| *answered)
            && self.reconciliation.disputes.is_empty()
            && self.orders.in_flight() == 0
            && self.all_protected()
        {
            self.reconciliation.settled = true;
            self.cancel_old_entries(at, out);
            self.risk.begin(at, self.portfolio.equity());
        }
    }

    /// Entries of earlier starts are not waited for: what they were decided on is old.
    fn cancel_old_entries(&mut self, at: Timestamp, out: &mut Vec<Action>) {
        self.cancel_entries(at, out);
    }

    /// Holds an answer of the venue against our books.
    pub(super) fn compare(&mut self, at: Timestamp, report: &AccountReport, out: &mut Vec<Action>) {
        match report {
            AccountReport::OpenOrders(orders) => {
                let found = self.orders.reconcile_open_orders(at, self.ids.scope(), orders, self.settings.settle);
                self.reconciliation.answered[ORDERS] = true;
                self.take_found(at, found, out);
            }
            AccountReport::Fills(fills) => {
                for report in self.orders.reconcile_fills(at, fills) {
                    self.absorb_report(at, &report, out);
                }
                self.reconciliation.answered[FILLS] = true;
            }
            AccountReport::Positions(positions) => {
                self.compare_positions(at, positions, out);
                self.reconciliation.answered[POSITIONS] = true;
            }
            AccountReport::Balance(balance) => {
                self.compare_cash(at, *balance, out);
                self.reconciliation.answered[BALANCE] = true;
            }
            AccountReport::PollFailed { .. }
            | AccountReport::Funding(_)
            | AccountReport::Transfer { .. }
            | AccountReport::Liquidated { .. } => {}
        }
    }

    fn take_found(&mut self, at: Timestamp, found: Reconciled, out: &mut Vec<Action>) {
        for row in found.changed {
            let instrument = row.intent.request.instrument;
            self.slot(instrument).touched = true;
            self.slot(instrument).moved_at = at;
            out.push(Action::Journal(Box::new(Journal::Order(row))));
        }
        if !found.foreign.is_empty() && self.settings.foreign == Foreign::Refuse {
            let reason = format!(
                "{} open orders on this account are not ours; end them, or set `engine.foreign` to \"ignore\"",
                found.foreign.len()
            );
            self.raise(at, TradingState::Halted, &reason, out);
            out.push(Action::Leave { exit: Exit::Configuration, reason });
        }
        if found.other_instance {
            self.raise(at, TradingState::Halted, "another daemon trades on this account", out);
        }
    }

    fn is_still(&self, at: Timestamp, instrument: InstrumentId) -> bool {
        at.since(self.slots[instrument.index()].moved_at) >= self.settings.settle
            && !self.orders.is_unknown(instrument)
            && !self.orders.is_in_flight(instrument)
    }

    fn compare_positions(&mut self, at: Timestamp, theirs: &[PositionSnapshot], out: &mut Vec<Action>) {
        for instrument in self.instruments.ids() {
            let venue: Qty = theirs.iter().filter(|one| one.instrument == instrument).map(|one| one.qty).sum();
            let ours = self.portfolio.position(instrument).map_or(Qty::ZERO, |row| row.qty);
            if venue == ours {
                self.reconciliation.disputes.remove(&instrument);
                continue;
            }
            if self.reconciliation.settled && !self.is_still(at, instrument) {
                continue;
            }
            let tries = self.reconciliation.disputes.entry(instrument).or_default();
            *tries += 1;
            if *tries < TRIES_BEFORE_ADJUSTING {
                out.push(Action::Send(VenueRequest::Fills { since: at - FILL_OVERLAP }));
                self.reconciliation.next_positions = Some(at + POLL_PATIENCE);
                continue;
            }
            self.reconciliation.disputes.remove(&instrument);
            let entry = theirs.iter().find(|one| one.instrument == instrument).map(|one| one.entry_price);
            self.adjust_position(at, instrument, venue - ours, entry, out);
        }
    }

    fn adjust_position(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        qty: Qty,
        entry: Option<crate::types::Price>,
        out: &mut Vec<Action>,
    ) {
        let symbol = self.instruments.symbol(instrument).clone();
        let price = entry.or(self.market.price(instrument)).unwrap_or_default();
        let entry_id = self.ids.next(crate::types::Leg::Entry);
        let row = self.portfolio.adjust_position(at, instrument, qty, price, entry_id);
        let reason = format!("the venue's position of {symbol} differs by {qty} and no fill explains it");
        let id = format!("{symbol}-{}", at.as_nanos());
        out.push(Action::Journal(Box::new(Journal::Adjustment {
            id,
            instrument: Some(instrument),
            qty,
            cash: Usdt::ZERO,
            reason: reason.clone(),
        })));
        out.push(Action::Journal(Box::new(Journal::Position(row))));
        let slot = self.slot(instrument);
        slot.touched = true;
        slot.protection.position_opened(at);
        out.push(notify(NoticeKind::Alarm, symbol.as_str(), reason.clone()));
        self.raise(at, TradingState::ReduceOnly, &reason, out);
    }

    fn compare_cash(&mut self, at: Timestamp, balance: Usdt, out: &mut Vec<Action>) {
        if !self.reconciliation.cash_known {
            self.reconciliation.cash_known = true;
            self.portfolio.set_cash(balance);
            out.push(Action::Journal(Box::new(Journal::OpeningCash(balance))));
            return;
        }
        let difference = balance - self.portfolio.cash();
        if difference.is_zero() {
            self.reconciliation.cash_dispute = 0;
            return;
        }
        let still = self.instruments.ids().all(|one| self.is_still(at, one));
        if self.reconciliation.settled && !still {
            return;
        }
        self.reconciliation.cash_dispute += 1;
        if self.reconciliation.cash_dispute < TRIES_BEFORE_ADJUSTING {
            out.push(Action::Send(VenueRequest::Fills { since: at - FILL_OVERLAP }));
            self.reconciliation.next_positions = Some(at + POLL_PATIENCE);
            return;
        }
        self.reconciliation.cash_dispute = 0;
        self.portfolio.set_cash(balance);
        let reason = format!("the venue's balance differs by {difference} USDT and no fill or funding explains it");
        out.push(Action::Journal(Box::new(Journal::Adjustment {
            id: format!("cash-{}", at.as_nanos()),
            instrument: None,
            qty: Qty::ZERO,
            cash: difference,
            reason: reason.clone(),
        })));
        out.push(notify(NoticeKind::Alarm, "cash", reason.clone()));
        self.raise(at, TradingState::ReduceOnly, &reason, out);
    }
}
