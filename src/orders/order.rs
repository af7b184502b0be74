//! One order, and how what is said of it is merged. Merging is a lattice join: the same reports in any order, any
//! number of times, lead to the same order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::protocol::{
    Amount, DoneReason, Fill, Knowledge, Lookup, OrderIntent, OrderReport, OrderRow, ReportBody, Stage,
};
use crate::types::{Price, Qty, Timestamp, TradeId, Usdt};

/// An order of ours.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub(super) row: OrderRow,
    /// The most that the venue ever said was filled; fills up to it may still be on their way.
    pub(super) told_filled: Qty,
    pub(super) trades: BTreeMap<TradeId, Qty>,
    /// When the next query, cancel or fetch of fills is due.
    pub(super) query_at: Option<Timestamp>,
    pub(super) queries: u32,
    pub(super) cancel_at: Option<Timestamp>,
    pub(super) cancels: u32,
    /// Definite "no such order" answers in a row, from the regular and from the conditional endpoint.
    pub(super) absences: [u32; 2],
    /// Fills are missing: ask for them at this instant.
    pub(super) fetch_at: Option<Timestamp>,
}

/// What a report changed.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) changed: bool,
    pub(super) fill: Option<Fill>,
    /// The order had been given up, and now there is a sign of it.
    pub(super) revived: bool,
    /// More was filled than was ordered.
    pub(super) overfilled: bool,
}

impl Order {
    pub(super) fn new(intent: OrderIntent, at: Timestamp) -> Order {
        let row = OrderRow {
            intent,
            venue_order_id: None,
            stage: Stage::Intended,
            knowledge: Knowledge::Known,
            cancel_pending: false,
            filled: Qty::ZERO,
            filled_notional: Usdt::ZERO,
            reject: None,
            updated_at: at,
        };
        Order::from_row(row)
    }

    pub(super) fn from_row(row: OrderRow) -> Order {
        Order {
            told_filled: row.filled,
            row,
            trades: BTreeMap::new(),
            query_at: None,
            queries: 0,
            cancel_at: None,
            cancels: 0,
            absences: [0; 2],
            fetch_at: None,
        }
    }

    /// As the ledger keeps it.
    pub fn row(&self) -> &OrderRow {
        &self.row
    }

    /// Has it not ended yet, as far as we know?
    pub fn is_open(&self) -> bool {
        !matches!(self.row.stage, Stage::Done(_))
    }

    /// Is there something about it that we do not know yet?
    pub fn is_in_flight(&self) -> bool {
        match self.row.stage {
            Stage::Intended | Stage::Sent => true,
            Stage::Working => self.row.cancel_pending || self.is_unknown(),
            Stage::Done(_) => self.told_filled > self.row.filled,
        }
    }

    /// Is its fate unknown?
    pub fn is_unknown(&self) -> bool {
        matches!(self.row.knowledge, Knowledge::Unknown { .. })
    }

    /// What of it may still be filled; nothing for one that closes whatever the position is.
    pub fn remaining(&self) -> Qty {
        match self.row.intent.request.amount {
            Amount::Qty(qty) => (qty - self.row.filled).max(Qty::ZERO),
            Amount::ClosePosition => Qty::ZERO,
        }
    }

    pub(super) fn merge(&mut self, at: Timestamp, report: &OrderReport) -> Merged {
        let before = self.row.clone();
        let mut merged = Merged::default();
        if self.row.venue_order_id.is_none() {
            self.row.venue_order_id = report.venue_order_id;
        }
        match &report.body {
            ReportBody::Sent => self.advance(Stage::Sent),
            ReportBody::NotSent { .. } => self.end_unseen(DoneReason::NotSent),
            ReportBody::Accepted | ReportBody::Triggered => merged.revived = self.seen(Stage::Working),
            ReportBody::Rejected { code, reason } => {
                merged.revived = self.seen(Stage::Done(DoneReason::Rejected));
                self.row.reject.get_or_insert_with(|| (*code, reason.clone()));
            }
            ReportBody::Filled(fill) => {
                merged.revived = self.seen(Stage::Working);
                merged.fill = self.take_fill(fill);
                merged.overfilled = self.is_overfilled();
            }
            ReportBody::Ended { reason, filled } => {
                merged.revived = self.seen(Stage::Done(*reason));
                self.told_filled = self.told_filled.max(*filled);
            }
            ReportBody::Status { stage, filled } => {
                merged.revived = self.seen((*stage).max(Stage::Working));
                self.told_filled = self.told_filled.max(*filled);
            }
            ReportBody::NotFound { endpoint } => self.count_absence(*endpoint),
            ReportBody::Unanswered { .. } => self.doubt(at),
            ReportBody::CancelAnswered(outcome) => self.cancel_answered(at, *outcome),
        }
        self.settle(at);
        merged.changed = self.row != before;
        if merged.changed {
            self.row.updated_at = at;
        }
        merged
    }

    /// Evidence from the venue: the order is at least here, and its fate is known. Was it thought never to have
    /// arrived?
    fn seen(&mut self, stage: Stage) -> bool {
        let revived = self.row.stage == Stage::Done(DoneReason::Absent);
        if revived {
            self.row.stage = stage;
        }
        self.advance(stage);
        self.row.knowledge = Knowledge::Known;
        self.absences = [0; 2];
        self.queries = 0;
        self.query_at = None;
        revived
    }

    fn advance(&mut self, stage: Stage) {
        self.row.stage = self.row.stage.max(stage);
    }

    /// Ends an order that the venue has shown no sign of.
    pub(super) fn end_unseen(&mut self, reason: DoneReason) {
        if self.row.stage < Stage::Working {
            self.row.stage = Stage::Done(reason);
            self.row.knowledge = Knowledge::Known;
        }
    }

    fn take_fill(&mut self, fill: &Fill) -> Option<Fill> {
        if self.trades.insert(fill.trade_id, fill.qty).is_some() {
            return None;
        }
        self.row.filled += fill.qty;
        self.row.filled_notional += fill.price.notional(fill.qty);
        Some(*fill)
    }

    fn is_overfilled(&self) -> bool {
        matches!(self.row.intent.request.amount, Amount::Qty(qty) if self.row.filled > qty)
    }

    /// Nobody answered: unless the venue has shown the order before, its fate is unknown.
    pub(super) fn doubt(&mut self, at: Timestamp) {
        if self.row.stage < Stage::Working && !self.is_unknown() {
            self.row.stage = self.row.stage.max(Stage::Sent);
            self.row.knowledge = Knowledge::Unknown { since: at };
            self.query_at = Some(at);
        }
    }

    /// The venue does not list an order that we think open: ask, and conclude nothing.
    pub(super) fn question(&mut self, at: Timestamp) {
        if self.is_open() && !self.is_unknown() {
            self.row.knowledge = Knowledge::Unknown { since: at };
            self.row.updated_at = at;
            self.query_at = Some(at);
        }
    }

    fn count_absence(&mut self, endpoint: Lookup) {
        let place = match endpoint {
            Lookup::Regular => 0,
            Lookup::Conditional => 1,
        };
        self.absences[place] = self.absences[place].saturating_add(1);
    }

    fn cancel_answered(&mut self, at: Timestamp, outcome: crate::protocol::CancelOutcome) {
        use crate::protocol::CancelOutcome;
        match outcome {
            CancelOutcome::Accepted | CancelOutcome::Unanswered => {}
            CancelOutcome::NoSuchOrder => {
                if self.is_open() {
                    self.query_at = Some(at);
                }
            }
        }
    }

    /// Brings what follows from the facts in line with them.
    fn settle(&mut self, at: Timestamp) {
        self.told_filled = self.told_filled.max(self.row.filled);
        if let Amount::Qty(qty) = self.row.intent.request.amount
            && self.row.filled >= qty
        {
            self.row.stage = Stage::Done(DoneReason::Filled);
        }
        if self.is_open() {
            return;
        }
        self.row.cancel_pending = false;
        self.cancel_at = None;
        self.query_at = None;
        if self.told_filled > self.row.filled {
            self.fetch_at.get_or_insert(at + FETCH_AFTER);
        } else {
            self.fetch_at = None;
        }
    }

    /// The price that its exposure is counted at.
    pub(super) fn exposure_price(&self) -> Price {
        match self.row.intent.request.kind {
            crate::protocol::OrderKind::Limit { price, .. } => price.max(self.row.intent.reference_price),
            crate::protocol::OrderKind::Market
            | crate::protocol::OrderKind::Stop { .. }
            | crate::protocol::OrderKind::TakeProfit { .. } => self.row.intent.reference_price,
        }
    }
}

/// Fills usually come right behind the end of an order; they are asked for if they have not come by then.
pub(super) const FETCH_AFTER: crate::types::Span = crate::types::Span::secs(2);
