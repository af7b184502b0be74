//! Reports on their way to the clients, and rows for the journal.
//!
//! Reports of one account arrive in the order in which they happened, answers and pushed events alike. Two
//! faults break that on purpose: a stalled stream holds pushed events back while answers pass it, and a late
//! fill arrives after the end of its order.

use serde::{Deserialize, Serialize};

use super::Core;
use super::account::AccountId;
use super::changes::{CashChange, CashKind, Change, PositionChange};
use super::faults::FaultKind;
use super::order::Order;
use crate::protocol::{AccountReport, OrderReport, ReportBody, Stage, VenueReport};
use crate::types::{ClientOrderId, InstrumentId, PositionSide, Span, Timestamp, Usdt, VenueOrderId};

/// A report with the instant at which its client gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// When it arrives.
    pub at: Timestamp,
    /// At whose client.
    pub account: AccountId,
    /// What it says.
    pub report: VenueReport,
}

impl Core {
    /// Sends an answer to a request.
    pub(super) fn answer(&mut self, account: AccountId, report: VenueReport) {
        let due = self.arrival_at_client(account);
        self.accounts[account.index()].tail = due;
        self.deliver(due, account, report);
    }

    /// Pushes an event.
    pub(super) fn push(&mut self, account: AccountId, report: VenueReport) {
        let due = self.arrival_at_client(account);
        let outage = self.faults.holds_until(FaultKind::Outage, self.now, None).unwrap_or_default();
        let one = &mut self.accounts[account.index()];
        one.tail = due;
        one.stream_tail = due.max(one.stalled_until).max(one.stream_tail).max(outage);
        let due = one.stream_tail;
        self.deliver(due, account, report);
    }

    /// Pushes an event that others overtake.
    pub(super) fn push_late(&mut self, account: AccountId, report: VenueReport, after: Span) {
        let due = self.arrival_at_client(account) + after;
        self.deliver(due, account, report);
    }

    pub(super) fn push_order(&mut self, order: &Order, body: ReportBody) {
        let report = self.order_report(order.request.client_id, order.request.instrument, Some(order.id), body);
        self.push(order.account, report);
    }

    pub(super) fn push_account(&mut self, account: AccountId, report: AccountReport) {
        self.push(account, VenueReport::Account(report));
    }

    pub(super) fn order_report(
        &self,
        client_id: ClientOrderId,
        instrument: InstrumentId,
        id: Option<u64>,
        body: ReportBody,
    ) -> VenueReport {
        let venue_order_id = id.map(VenueOrderId);
        VenueReport::Order(OrderReport { client_id, instrument, venue_order_id, venue_time: self.now, body })
    }

    /// Moves money and writes it down.
    pub(super) fn move_cash(
        &mut self,
        account: AccountId,
        kind: CashKind,
        amount: Usdt,
        reference: u64,
        instrument: Option<InstrumentId>,
    ) {
        if amount.is_zero() {
            return;
        }
        self.accounts[account.index()].balance += amount;
        let row = CashChange { account, amount, kind, reference, instrument, at: self.now };
        self.changes.push(Change::Cash(row));
    }

    pub(super) fn journal_order(&mut self, order: &Order, stage: Stage) {
        self.changes.push(Change::Order(order.row(stage)));
    }

    pub(super) fn journal_position(&mut self, account: AccountId, instrument: InstrumentId, leg: PositionSide) {
        let position = self.accounts[account.index()].position(instrument, leg);
        self.changes.push(Change::Position(PositionChange {
            account,
            instrument,
            position_side: leg,
            qty: position.qty,
            entry_price: position.entry_price(),
            updated_at: self.now,
        }));
    }

    fn arrival_at_client(&mut self, account: AccountId) -> Timestamp {
        // What happened within a bar had come to the client by the bar's end.
        let usual = if self.inside_bar { Span::ZERO } else { self.dice.delay(&self.settings.report_latency) };
        (self.now + usual + self.faults.spike(self.now)).max(self.accounts[account.index()].tail)
    }

    /// Hands a report over at `due`, whatever else is on its way.
    pub(super) fn deliver(&mut self, due: Timestamp, account: AccountId, report: VenueReport) {
        let key = (due, self.sequence());
        self.outbox.insert(key, Delivery { at: due, account, report });
    }
}
