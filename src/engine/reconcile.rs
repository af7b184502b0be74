//! The books are held against the venue's: at the start before anything is traded, at each reconnect, and every few
//! seconds in between. A difference is first asked about, then explained by a missing fill, and only then adjusted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::absorb::notify;
use super::{Engine, Foreign};
use crate::orders::{Origin, Reconciled};
use crate::protocol::{
    AccountReport, Action, Actions, Journal, NoticeKind, OrderSnapshot, PositionSnapshot, Recovered, Stage,
    TradingState, VenueRequest,
};
use crate::types::{Exit, InstrumentId, Leg, Qty, Span, Timestamp, Usdt};

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
    /// Since when the user stream is down, if it is.
    suspended: Option<Timestamp>,
    /// The answers that a comparison begins with: orders, positions, balance. Fills are `orders`' own to ask for.
    answered: [bool; 3],
    /// Everything is in agreement, since the start or the last reconnect.
    settled: bool,
    /// Everything was in agreement once.
    started: bool,
    next_orders: Option<Timestamp>,
    next_positions: Option<Timestamp>,
    /// How often in a row the position of an instrument differed.
    disputes: BTreeMap<InstrumentId, u32>,
    /// The same of the balance; none while it agrees.
    cash_dispute: Option<u32>,
    cash_known: bool,
    /// When the books were opened, if this session did it.
    opened_at: Option<Timestamp>,
}

const ORDERS: usize = 0;
const POSITIONS: usize = 1;
const BALANCE: usize = 2;

impl Reconciliation {
    /// May be traded on?
    pub(super) fn is_done(&self) -> bool {
        self.settled && self.suspended.is_none()
    }

    /// Is the position of this instrument in doubt?
    pub(super) fn disputes(&self, instrument: InstrumentId) -> bool {
        self.disputes.contains_key(&instrument)
    }

    /// When the next poll is due.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        if !self.recovered || self.suspended.is_some() {
            return None;
        }
        Timestamp::earliest([self.next_orders, self.next_positions])
    }

    /// The user stream is down: what we think of our orders may be old.
    pub(super) fn suspend(&mut self, at: Timestamp) {
        self.suspended.get_or_insert(at);
    }

    /// Has the opening balance not been told yet? It holds whatever moved before it.
    pub(super) fn opening(&self) -> bool {
        self.recovered && !self.cash_known
    }

    /// Is what was traded then in our books? What came before the first session is in its opening balance.
    pub(super) fn books_reach(&self, at: Timestamp) -> bool {
        self.opened_at.is_none_or(|opened| at >= opened)
    }

    /// What is still missing, in words.
    pub(super) fn waiting_for(&self) -> Vec<String> {
        let names = ["open orders", "positions", "balance"];
        let missing = names.iter().zip(self.answered).filter(|(_, answered)| !answered);
        let mut missing: Vec<String> = missing.map(|(name, _)| (*name).to_owned()).collect();
        if self.suspended.is_some() {
            missing.push("the user stream".to_owned());
        }
        if !self.disputes.is_empty() || self.cash_dispute.is_some() {
            missing.push("agreement with the venue's books".to_owned());
        }
        missing
    }

    /// A poll came to nothing: it is put again soon.
    fn ask_soon(&mut self, at: Timestamp, orders: bool) {
        let next = if orders { &mut self.next_orders } else { &mut self.next_positions };
        *next = Some(next.map_or(at + POLL_PATIENCE, |due| due.min(at + POLL_PATIENCE)));
    }
}

impl Engine {
    /// Takes over what the ledger knew when the session began.
    pub(super) fn take_over(&mut self, at: Timestamp, recovered: &Recovered, out: &mut Actions) {
        let known = self.slots.len();
        let ours = |instrument: InstrumentId| instrument.index() < known;
        let mut rows = recovered.orders.clone();
        rows.retain(|row| ours(row.intent.request.instrument));
        self.orders.restore(recovered.epoch, &rows, &recovered.trade_ids, at);
        let cash = recovered.cash.unwrap_or(Usdt::ZERO);
        self.portfolio.restore(&recovered.positions, cash, &recovered.funding_ids, &recovered.transfer_ids);
        let changes = self.risk.restore(at, recovered.risk_memory.as_deref(), recovered.state.as_ref());
        self.tell_states(changes, out);
        if recovered.unacknowledged_adjustments {
            self.raise(at, TradingState::ReduceOnly, "the books were adjusted and nobody has acknowledged it", out);
        }
        for (instrument, reason) in recovered.halts.iter().filter(|(instrument, _)| ours(*instrument)) {
            let symbol = self.instruments.symbol(*instrument).clone();
            let text = format!("{symbol} still takes no entries: {reason}");
            out.push(notify(NoticeKind::Alarm, symbol.as_str(), text));
            self.slot(*instrument).halted = Some(reason.clone());
        }
        for row in recovered.positions.iter().filter(|row| ours(row.instrument)) {
            self.slot(row.instrument).touched = true;
        }
        self.market.expect_data(at);
        self.reconciliation.recovered = true;
        self.reconciliation.cash_known = recovered.cash.is_some();
        // Before the first session nothing was ours: what was traded then is in the balance and the positions.
        self.reconciliation.opened_at = recovered.last_at.is_none().then_some(at);
        self.orders.want_fills(recovered.last_at.map_or(at, |last| last - FILL_OVERLAP));
        self.ask_orders(at, out);
        self.ask_positions(at, out);
    }

    /// The user stream is back: everything is compared anew before anything is entered.
    pub(super) fn compare_again(&mut self, at: Timestamp) {
        let state = &mut self.reconciliation;
        let since = state.suspended.take().unwrap_or(at);
        state.settled = false;
        state.answered = [false; 3];
        (state.next_orders, state.next_positions) = (Some(at), Some(at));
        if state.recovered {
            self.orders.want_fills(since - FILL_OVERLAP);
        }
    }

    fn ask_orders(&mut self, at: Timestamp, out: &mut Actions) {
        out.push(Action::Send(VenueRequest::OpenOrders));
        let busy = self.orders.open().next().is_some();
        self.reconciliation.next_orders = Some(at + self.interval(self.settings.poll_orders, busy));
    }

    fn ask_positions(&mut self, at: Timestamp, out: &mut Actions) {
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
    pub(super) fn reconcile(&mut self, at: Timestamp, out: &mut Actions) {
        if !self.reconciliation.recovered || self.reconciliation.suspended.is_some() {
            return;
        }
        self.poll_what_is_busy(at);
        if self.reconciliation.next_orders.is_some_and(|due| due <= at) {
            self.ask_orders(at, out);
        }
        if self.reconciliation.next_positions.is_some_and(|due| due <= at) {
            self.ask_positions(at, out);
        }
        if !self.reconciliation.settled && self.agrees() {
            self.reconciliation.settled = true;
            self.cancel_left_over(at, out);
            if !self.reconciliation.started {
                self.reconciliation.started = true;
                self.risk.begin(at, self.portfolio.equity());
            }
        }
    }

    /// A poll that was put off while nothing was open comes as soon as what has been opened since asks for it.
    fn poll_what_is_busy(&mut self, at: Timestamp) {
        let (orders, positions) = (at + self.settings.poll_orders, at + self.settings.poll_positions);
        let late = |next: Option<Timestamp>, usual| next.is_some_and(|due| due > usual);
        if late(self.reconciliation.next_orders, orders) && self.orders.open().next().is_some() {
            self.reconciliation.next_orders = Some(orders);
        }
        if late(self.reconciliation.next_positions, positions) && self.portfolio.positions().next().is_some() {
            self.reconciliation.next_positions = Some(positions);
        }
    }

    fn agrees(&self) -> bool {
        let state = &self.reconciliation;
        state.answered.iter().all(|answered| *answered)
            && state.disputes.is_empty()
            && state.cash_dispute.is_none()
            && !self.orders.awaits_fills()
            && self.orders.in_flight() == 0
            && self.all_protected()
    }

    /// Entries of earlier starts are not waited for: what they were decided on is old.
    fn cancel_left_over(&mut self, at: Timestamp, out: &mut Actions) {
        let old: Vec<_> = self.orders.left_over().map(|row| row.intent.request.client_id).collect();
        for client_id in old {
            self.cancel(at, client_id, out);
        }
    }

    /// Holds an answer of the venue against our books.
    pub(super) fn compare(&mut self, at: Timestamp, report: &AccountReport, out: &mut Actions) {
        match report {
            AccountReport::OpenOrders(listed) => {
                let mut listed = listed.clone();
                listed.retain(|snapshot| self.knows(snapshot.request.instrument));
                let found = self.orders.reconcile_open_orders(at, &listed);
                self.reconciliation.answered[ORDERS] = true;
                self.take_found(at, found, out);
            }
            AccountReport::Fills(fills) => {
                let mut fills = fills.clone();
                fills.retain(|fill| self.knows(fill.instrument) && self.reconciliation.books_reach(fill.at));
                for applied in self.orders.reconcile_fills(at, &fills) {
                    self.absorb_applied(at, applied, out);
                }
            }
            AccountReport::Positions(positions) => {
                self.compare_positions(at, positions, out);
                self.reconciliation.answered[POSITIONS] = true;
            }
            AccountReport::Balance(balance) => {
                self.compare_cash(at, *balance, out);
                self.reconciliation.answered[BALANCE] = true;
            }
            AccountReport::PollFailed { what, reason: _ } => match what.as_str() {
                "fills" => self.orders.fills_poll_failed(at),
                "open orders" => self.reconciliation.ask_soon(at, true),
                "positions" | "balance" => self.reconciliation.ask_soon(at, false),
                question => self.absorb_failed_question(at, question),
            },
            AccountReport::Funding(_)
            | AccountReport::Transfer { .. }
            | AccountReport::Liquidated { .. }
            | AccountReport::FeeInKind(_) => {}
        }
    }

    /// A question about one order has failed, which `orders` puts again by itself.
    fn absorb_failed_question(&mut self, at: Timestamp, question: &str) {
        let asked_about = question.strip_prefix("order ").and_then(|id| id.parse().ok());
        if let Some(client_id) = asked_about {
            self.orders.question_failed(client_id, at);
            self.follow_up(at, client_id);
        }
    }

    fn take_found(&mut self, at: Timestamp, found: Reconciled, out: &mut Actions) {
        for row in found.changed.into_iter().chain(found.adopt) {
            self.note_row(at, Box::new(row), out);
        }
        for alarm in &found.alarms {
            self.raise_alarm(at, alarm, out);
        }
        self.judge_foreign(at, &found.foreign, out);
        if self.reconciliation.settled {
            self.cancel_left_over(at, out);
        }
    }

    /// Somebody else trades the same symbols. Orders of another daemon and of `flatten` have their alarms.
    fn judge_foreign(&mut self, at: Timestamp, found: &[OrderSnapshot], out: &mut Actions) {
        let ids = self.orders.ids().clone();
        let foreign = found.iter().filter(|one| ids.origin(one.request.client_id) == Origin::Foreign);
        match self.settings.foreign {
            Foreign::Ignore => {}
            Foreign::Adopt => {
                for snapshot in foreign {
                    let row = self.orders.adopt(at, snapshot);
                    self.note_row(at, Box::new(row), out);
                }
            }
            Foreign::Refuse if self.reconciliation.started => {
                for snapshot in foreign {
                    let reason = format!("order {} of somebody else is open", snapshot.request.client_id);
                    self.halt_symbol(at, snapshot.request.instrument, &reason, out);
                }
            }
            Foreign::Refuse => {
                let count = foreign.count();
                if count > 0 {
                    let reason = format!(
                        "{count} open orders on this account are not ours; end them, or set `engine.foreign` to \"ignore\""
                    );
                    self.raise(at, TradingState::Halted, &reason, out);
                    out.push(Action::Leave { exit: Exit::Configuration, reason });
                }
            }
        }
    }

    /// Is nothing of the instrument on its way, in doubt, or just moved, so that a difference means something?
    fn is_still(&self, at: Timestamp, instrument: InstrumentId) -> bool {
        let answered = self.orders.open_of(instrument).all(|row| row.stage == Stage::Working);
        at.since(self.slots[instrument.index()].moved_at) >= self.settings.settle
            && answered
            && !self.orders.is_unknown(instrument)
            && !self.orders.awaits_fills()
    }

    fn compare_positions(&mut self, at: Timestamp, theirs: &[PositionSnapshot], out: &mut Actions) {
        for instrument in self.instruments.ids() {
            let venue: Qty = theirs.iter().filter(|one| one.instrument == instrument).map(|one| one.qty).sum();
            let ours = self.portfolio.position(instrument).map_or(Qty::ZERO, |row| row.qty);
            if venue == ours {
                self.reconciliation.disputes.remove(&instrument);
                continue;
            }
            if !self.is_still(at, instrument) {
                if !self.reconciliation.settled {
                    self.reconciliation.disputes.entry(instrument).or_default();
                    self.reconciliation.ask_soon(at, false);
                }
                continue;
            }
            let tries = self.reconciliation.disputes.entry(instrument).or_default();
            *tries += 1;
            if *tries < TRIES_BEFORE_ADJUSTING {
                self.orders.want_fills(at - FILL_OVERLAP);
                self.reconciliation.ask_soon(at, false);
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
        out: &mut Actions,
    ) {
        let symbol = self.instruments.symbol(instrument).clone();
        let price = entry.or(self.market.price(instrument)).unwrap_or_default();
        let entry_id = self.orders.next_id(Leg::Entry);
        let row = self.portfolio.adjust_position(at, instrument, qty, price, entry_id);
        let reason = format!("the venue's position of {symbol} differs by {qty} and no fill explains it");
        let id = format!("{symbol}-{}", at.as_nanos());
        out.row(Journal::Adjustment {
            id,
            instrument: Some(instrument),
            qty,
            cash: Usdt::ZERO,
            reason: reason.clone(),
        });
        out.durable(|| Journal::Position(Box::new(row)));
        let flat = self.portfolio.position(instrument).is_none();
        let slot = self.slot(instrument);
        (slot.touched, slot.moved_at) = (true, at);
        if flat {
            slot.not_closing();
        }
        out.push(notify(NoticeKind::Alarm, symbol.as_str(), reason.clone()));
        self.raise(at, TradingState::ReduceOnly, &reason, out);
    }

    fn compare_cash(&mut self, at: Timestamp, balance: Usdt, out: &mut Actions) {
        if !self.reconciliation.cash_known {
            self.reconciliation.cash_known = true;
            self.portfolio.set_cash(balance);
            out.row(Journal::OpeningCash(balance));
            return;
        }
        let difference = balance - self.portfolio.cash();
        if difference.is_zero() {
            self.reconciliation.cash_dispute = None;
            return;
        }
        if !self.instruments.ids().all(|one| self.is_still(at, one)) {
            if !self.reconciliation.settled {
                self.reconciliation.cash_dispute.get_or_insert(0);
                self.reconciliation.ask_soon(at, false);
            }
            return;
        }
        let tries = self.reconciliation.cash_dispute.unwrap_or(0) + 1;
        if tries < TRIES_BEFORE_ADJUSTING {
            self.reconciliation.cash_dispute = Some(tries);
            self.orders.want_fills(at - FILL_OVERLAP);
            self.reconciliation.ask_soon(at, false);
            return;
        }
        self.reconciliation.cash_dispute = None;
        self.portfolio.set_cash(balance);
        let reason = format!("the venue's balance differs by {difference} USDT and no fill or funding explains it");
        out.row(Journal::Adjustment {
            id: format!("cash-{}", at.as_nanos()),
            instrument: None,
            qty: Qty::ZERO,
            cash: difference,
            reason: reason.clone(),
        });
        out.push(notify(NoticeKind::Alarm, "cash", reason.clone()));
        self.raise(at, TradingState::ReduceOnly, &reason, out);
    }
}
