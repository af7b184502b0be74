//! One order in two places.

use crate::protocol::{Course, OrderRequest, ShadowRow};
use crate::types::{ClientOrderId, InstrumentId, Qty, Side, Timestamp};

/// An order that is followed.
#[derive(Debug)]
pub(super) struct Pair {
    pub instrument: InstrumentId,
    side: Side,
    /// What it is for, on paper.
    pub qty: Qty,
    /// Is it for whatever the position is?
    pub follows_position: bool,
    pub sent_at: Timestamp,
    pub live: Course,
    /// Fills that the venue has told of by its end; they may come after it.
    pub live_owed: Qty,
    pub paper: Course,
    /// Was it asked to end on paper?
    pub is_cancelled: bool,
    /// Does its end on paper have a deadline?
    pub is_waited_for: bool,
}

impl Pair {
    pub(super) fn new(request: &OrderRequest, qty: Qty, follows_position: bool, sent_at: Timestamp) -> Pair {
        Pair {
            instrument: request.instrument,
            side: request.side,
            qty,
            follows_position,
            sent_at,
            live: Course::default(),
            live_owed: Qty::ZERO,
            paper: Course::default(),
            is_cancelled: false,
            is_waited_for: false,
        }
    }

    /// Is it over at the venue, and has every fill been told?
    pub(super) fn live_is_over(&self) -> bool {
        self.live.end.is_some() && self.live.filled >= self.live_owed
    }

    pub(super) fn row(&self, client_id: ClientOrderId) -> ShadowRow {
        ShadowRow { client_id, side: self.side, sent_at: self.sent_at, live: self.live, paper: self.paper }
    }
}
