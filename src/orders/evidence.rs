//! All that has been said of one order. Each field only ever grows (a set of facts, a maximum, a minimum), so
//! that reports may come in any order, late or twice, and the same state comes of them. Where an order stands
//! is read off the evidence; it is never stored as a judgement of its own.

use serde::{Deserialize, Serialize};

use crate::protocol::{Amount, DoneReason, Fill, OrderRequest, Stage};
use crate::types::{Qty, Timestamp, Usdt, VenueOrderId};

/// The facts about one order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Evidence {
    /// When it was handed to the network, at the latest.
    pub sent_at: Option<Timestamp>,
    /// It certainly never left.
    pub not_sent: bool,
    /// The venue's code and words when it refused; the largest, should it have refused twice.
    pub rejected: Option<(i64, String)>,
    /// When the venue last said that it is, or was, open.
    pub alive_at: Option<Timestamp>,
    /// When its trigger was crossed, by the first to say so.
    pub triggered_at: Option<Timestamp>,
    /// How the venue says it ended.
    pub ended: Option<DoneReason>,
    /// The most that the venue has said was filled.
    pub told_filled: Qty,
    /// When it said so.
    pub told_at: Option<Timestamp>,
    /// Σ quantity of the fills that came.
    pub filled: Qty,
    /// Σ price × quantity of the fills that came.
    pub filled_notional: Usdt,
    /// The venue's number.
    pub venue_order_id: Option<VenueOrderId>,
    /// Since when an answer to the order itself is overdue.
    pub unanswered_at: Option<Timestamp>,
    /// First and last time that something spoke against its being open.
    pub doubts: Option<(Timestamp, Timestamp)>,
    /// The full wait of the protocol ended with the conclusion that the venue never had it.
    pub absent: bool,
    /// When it ended with the conclusion that an order that had lived is open no more.
    pub vanished_at: Option<Timestamp>,
}

impl Evidence {
    pub fn sent(&mut self, at: Timestamp) {
        self.sent_at = self.sent_at.max(Some(at));
    }

    pub fn never_left(&mut self, at: Timestamp) {
        self.not_sent = true;
        self.doubt(at);
    }

    pub fn alive(&mut self, at: Timestamp) {
        self.alive_at = self.alive_at.max(Some(at));
    }

    pub fn triggered(&mut self, at: Timestamp) {
        self.triggered_at = Some(self.triggered_at.map_or(at, |known| known.min(at)));
        self.alive(at);
    }

    pub fn reject(&mut self, code: i64, reason: String, at: Timestamp) {
        self.rejected = self.rejected.take().max(Some((code, reason)));
        self.doubt(at);
    }

    pub fn unanswered(&mut self, at: Timestamp) {
        self.unanswered_at = Some(self.unanswered_at.map_or(at, |known| known.min(at)));
    }

    pub fn doubt(&mut self, at: Timestamp) {
        self.doubts = Some(self.doubts.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
    }

    /// The wait is over and the venue does not have it.
    pub fn conclude(&mut self, at: Timestamp) {
        if self.lived() {
            self.vanished_at = self.vanished_at.max(Some(at));
        } else {
            self.absent = true;
        }
        self.doubt(at);
    }

    pub fn told(&mut self, filled: Qty, at: Timestamp) {
        if filled > self.told_filled {
            (self.told_filled, self.told_at) = (filled, Some(at));
        } else if filled == self.told_filled && filled.is_positive() {
            self.told_at = Some(self.told_at.map_or(at, |known| known.min(at)));
        }
    }

    pub fn end(&mut self, reason: DoneReason, filled: Qty, at: Timestamp) {
        self.ended = self.ended.max(Some(reason));
        self.told(filled, at);
    }

    /// Adds a fill that has not been counted before.
    pub fn fill(&mut self, fill: &Fill) {
        self.filled += fill.qty;
        self.filled_notional += fill.price.notional(fill.qty);
    }

    pub fn numbered(&mut self, id: Option<VenueOrderId>) {
        self.venue_order_id = self.venue_order_id.max(id);
    }

    /// Has the venue shown in any way that it took the order?
    pub fn lived(&self) -> bool {
        self.alive_at.is_some() || self.ended.is_some() || self.told_filled.is_positive() || self.filled.is_positive()
    }

    /// Since when something speaks against its being open that nothing has outweighed since.
    pub fn doubted_since(&self) -> Option<Timestamp> {
        let (first, last) = self.doubts?;
        match self.alive_at {
            Some(alive) if alive >= last => None,
            Some(alive) if alive >= first => Some(last),
            _ => Some(first),
        }
    }

    /// Where the order stands.
    pub fn stage(&self, request: &OrderRequest) -> Stage {
        if let Amount::Qty(quantity) = request.amount
            && self.filled.max(self.told_filled) >= quantity
        {
            return Stage::Done(DoneReason::Filled);
        }
        if let Some(reason) = self.ended {
            return Stage::Done(reason);
        }
        if self.lived() {
            return if self.rejected.is_some() && request.kind.is_conditional() {
                // The venue looks at it a second time when the trigger turns it into a real order.
                Stage::Done(DoneReason::Rejected)
            } else if self.vanished_at > self.alive_at {
                Stage::Done(DoneReason::Expired)
            } else {
                Stage::Working
            };
        }
        if self.rejected.is_some() {
            Stage::Done(DoneReason::Rejected)
        } else if self.absent {
            Stage::Done(DoneReason::Absent)
        } else if self.not_sent {
            Stage::Done(DoneReason::NotSent)
        } else if self.sent_at.is_some() {
            Stage::Sent
        } else {
            Stage::Intended
        }
    }

    /// Was the end our own conclusion, or a refusal, rather than the end of an order that had lived? Then any
    /// sign of life speaks against it.
    pub fn never_lived(reason: DoneReason) -> bool {
        match reason {
            DoneReason::NotSent | DoneReason::Absent | DoneReason::Rejected => true,
            DoneReason::Expired | DoneReason::Canceled | DoneReason::Filled => false,
        }
    }
}
