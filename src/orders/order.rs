//! One order: its row, the evidence that the row is read from, and what is being asked about it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::planner::Change;
use super::settings::Settings;
use crate::protocol::{Amount, DoneReason, Knowledge, Lookup, OrderIntent, OrderRow, Stage};
use crate::types::{InstrumentId, Qty, Span, Timestamp, Usdt};

/// Fills that the venue has told of are usually on their way; after this long they are asked for.
const FILLS_ON_THEIR_WAY: Span = Span::SECOND;

/// An order in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Order {
    pub row: OrderRow,
    pub evidence: Evidence,
    pub inquiry: Option<Inquiry>,
    pub cancel: Option<Cancel>,
    pub denials: BTreeMap<Lookup, Denial>,
    /// A fill that was told of, and that the venue's own list of fills does not have.
    pub written_off: Qty,
    /// When it was restored as ended with fills to come, of which nobody remembers how many.
    pub unsettled: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// Questions about an order in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inquiry {
    /// When to ask next.
    pub next_at: Timestamp,
    /// How often it was asked, for the length of the pauses.
    pub asked: u32,
    /// When it was asked first.
    pub first_at: Option<Timestamp>,
    /// Was a question answered without saying where the order is?
    pub failed: bool,
    /// Have the last questions, those that count for an absence, begun?
    pub settled: bool,
}

/// A cancel on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cancel {
    /// When to act next: repeat it, or, if the venue took it, ask what became of the order. None while the
    /// order itself is in doubt, since only an answer to that says whether there is anything to cancel.
    pub next_at: Option<Timestamp>,
    pub asked: u32,
    pub accepted: bool,
}

/// Definite answers that there is no such order, by the venue time of the first and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Denial {
    pub first: Timestamp,
    pub last: Timestamp,
}

impl Order {
    pub fn new(intent: OrderIntent, at: Timestamp) -> Order {
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

    fn from_row(row: OrderRow) -> Order {
        Order {
            row,
            evidence: Evidence::default(),
            inquiry: None,
            cancel: None,
            denials: BTreeMap::new(),
            written_off: Qty::ZERO,
            unsettled: None,
            ended_at: None,
        }
    }

    /// From the ledger, after a restart. Whatever had no answer then is in doubt now; and since a dead process
    /// sends nothing more, the restart is the latest that it can have been sent.
    pub fn restored(row: &OrderRow, at: Timestamp) -> Order {
        let mut order = Order::from_row(row.clone());
        let seen = &mut order.evidence;
        (seen.filled, seen.filled_notional) = (row.filled, row.filled_notional);
        seen.rejected.clone_from(&row.reject);
        seen.venue_order_id = row.venue_order_id;
        match row.stage {
            Stage::Intended | Stage::Sent => {
                seen.sent(at);
                seen.unanswered(at);
            }
            // A doubt that was noted at this very instant must outweigh it.
            Stage::Working => seen.alive(row.updated_at - Span::nanos(1)),
            Stage::Done(DoneReason::NotSent) => seen.not_sent = true,
            Stage::Done(DoneReason::Absent) => seen.absent = true,
            Stage::Done(DoneReason::Rejected) if row.reject.is_some() && row.filled.is_zero() => {}
            Stage::Done(reason) => seen.ended = Some(reason),
        }
        if let Knowledge::Unknown { .. } = row.knowledge {
            match row.stage {
                Stage::Done(_) => order.unsettled = Some(at),
                Stage::Intended | Stage::Sent | Stage::Working => seen.doubt(at),
            }
        }
        if row.cancel_pending {
            order.cancel = Some(Cancel { next_at: Some(at), asked: 0, accepted: false });
        }
        order.refresh(row.updated_at);
        order.ended_at = order.is_done().then_some(row.updated_at);
        order
    }

    pub fn is_done(&self) -> bool {
        matches!(self.row.stage, Stage::Done(_))
    }

    /// May it be open, or not? One that is over can be in doubt too, as to how much of it was filled.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self.row.knowledge, Knowledge::Unknown { .. }) && !self.is_done()
    }

    /// Is it an order that shrinks the position now, or has shrunk it by more than we have seen?
    pub fn is_exit_on(&self, instrument: InstrumentId) -> bool {
        let request = &self.row.intent.request;
        let at_work = !self.is_done() && !request.kind.is_conditional();
        request.instrument == instrument && self.row.only_reduces() && (at_work || self.awaits_fills_since().is_some())
    }

    /// What it can still change the position by, as far as we have seen.
    pub fn still_trades(&self) -> Change {
        let open = if self.is_done() { None } else { self.row.remaining() };
        Change { side: self.row.intent.request.side, qty: open.unwrap_or(Qty::ZERO).max(self.missing_fills()) }
    }

    /// Handed over, or about to be, and not yet answered.
    pub fn is_unanswered(&self) -> bool {
        matches!(self.row.stage, Stage::Intended | Stage::Sent)
    }

    /// Is it filled further than the fills say that came? Since when, if so.
    pub fn awaits_fills_since(&self) -> Option<Timestamp> {
        let told = self.evidence.told_filled > self.evidence.filled.max(self.written_off);
        let all_there = self.row.quantity().is_some_and(|quantity| self.evidence.filled >= quantity);
        if told { self.evidence.told_at } else { self.unsettled.filter(|_| !all_there) }
    }

    /// How much of it was, or at worst may have been, filled without a fill having come.
    pub fn missing_fills(&self) -> Qty {
        let worst = match (self.awaits_fills_since(), self.unsettled) {
            (None, _) => Qty::ZERO,
            (Some(_), Some(_)) => self.row.remaining().unwrap_or(Qty::ZERO),
            (Some(_), None) => self.evidence.told_filled - self.evidence.filled,
        };
        worst.max(Qty::ZERO)
    }

    /// When to ask for the fills that are missing.
    pub fn fills_due_at(&self) -> Option<Timestamp> {
        self.awaits_fills_since().map(|since| since + FILLS_ON_THEIR_WAY)
    }

    /// Nothing more is expected of it.
    pub fn is_over(&self) -> bool {
        self.is_done() && self.awaits_fills_since().is_none()
    }

    /// May something become of it by the passing of time alone?
    pub fn is_restless(&self) -> bool {
        self.is_unanswered() || self.cancel.is_some() || self.inquiry.is_some() || self.awaits_fills_since().is_some()
    }

    /// Since when its answer is waited for.
    pub fn unanswered_since(&self) -> Option<Timestamp> {
        let waiting = self.is_unanswered() && !self.is_in_doubt();
        waiting.then(|| self.evidence.sent_at.unwrap_or(self.row.intent.decided_at))
    }

    /// When its answer is overdue.
    pub fn answer_due_at(&self, settings: &Settings) -> Option<Timestamp> {
        self.unanswered_since().map(|since| since + settings.unanswered)
    }

    /// From when on an answer counts for the conclusion that the order is not at the venue: the request can no
    /// longer be accepted, the venue's lookup has caught up, and each answer is to a question that was put
    /// after both. None while nobody has said that the request left: it might yet leave.
    pub fn settled_from(&self, settings: &Settings, clock_bound: Span) -> Option<Timestamp> {
        let quiet = settings.lag_allowance + settings.answer_deadline;
        if self.evidence.lived() {
            return self.evidence.doubted_since().map(|since| since + quiet);
        }
        self.evidence.sent_at.map(|sent| sent + settings.recv_window + clock_bound * 2 + quiet)
    }

    /// Has each endpoint said twice that it does not know the order?
    pub fn is_denied(&self) -> bool {
        let twice = |lookup| self.denials.get(&lookup).is_some_and(|denial| denial.last > denial.first);
        twice(Lookup::Regular) && twice(Lookup::Conditional)
    }

    pub fn deny(&mut self, endpoint: Lookup, venue_time: Timestamp) {
        let denial = self.denials.entry(endpoint).or_insert(Denial { first: venue_time, last: venue_time });
        *denial = Denial { first: denial.first.min(venue_time), last: denial.last.max(venue_time) };
    }

    /// Reads the row off the evidence again. True if it changed.
    pub fn refresh(&mut self, at: Timestamp) -> bool {
        let stage = self.evidence.stage(&self.row.intent.request);
        let knowledge = self.knowledge(stage);
        let cancel_pending = self.cancel.is_some() && !matches!(stage, Stage::Done(_));
        let (row, seen) = (&mut self.row, &self.evidence);
        let shown = (row.venue_order_id, row.stage, row.knowledge, row.cancel_pending, row.filled, row.filled_notional);
        let read = (seen.venue_order_id, stage, knowledge, cancel_pending, seen.filled, seen.filled_notional);
        let changed = shown != read || row.reject != seen.rejected;
        if changed {
            (row.venue_order_id, row.stage, row.knowledge, row.cancel_pending, row.filled, row.filled_notional) = read;
            row.reject.clone_from(&seen.rejected);
            row.updated_at = at;
        }
        self.follow(at);
        changed
    }

    fn knowledge(&self, stage: Stage) -> Knowledge {
        let since = match stage {
            Stage::Done(_) => self.awaits_fills_since(),
            Stage::Intended | Stage::Sent => self.evidence.unanswered_at,
            Stage::Working => self.evidence.doubted_since(),
        };
        since.map_or(Knowledge::Known, |since| Knowledge::Unknown { since })
    }

    /// Begins or ends the questions that the state asks for.
    fn follow(&mut self, at: Timestamp) {
        if self.is_done() {
            (self.ended_at, self.cancel) = (self.ended_at.or(Some(at)), None);
        } else {
            self.ended_at = None;
        }
        if let Some(cancel) = self.cancel.as_mut().filter(|cancel| cancel.next_at.is_none())
            && self.row.stage == Stage::Working
            && self.row.knowledge == Knowledge::Known
        {
            (cancel.next_at, cancel.accepted) = (Some(at), false);
        }
        if self.is_in_doubt() {
            let begin = Inquiry { next_at: at, asked: 0, first_at: None, failed: false, settled: false };
            self.inquiry.get_or_insert(begin);
        } else {
            self.inquiry = None;
            self.denials.clear();
        }
    }
}

impl OrderRow {
    /// The quantity that was asked for; none if it is whatever the position will be.
    pub fn quantity(&self) -> Option<Qty> {
        match self.intent.request.amount {
            Amount::Qty(quantity) => Some(quantity),
            Amount::ClosePosition => None,
        }
    }

    /// What may still be filled of it; none if it is whatever the position will be.
    pub fn remaining(&self) -> Option<Qty> {
        self.quantity().map(|quantity| (quantity - self.filled).max(Qty::ZERO))
    }

    /// Can it only shrink a position?
    pub fn only_reduces(&self) -> bool {
        self.intent.request.reduce_only || self.intent.request.amount == Amount::ClosePosition
    }
}
