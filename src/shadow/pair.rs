//! One order in two places.

use crate::protocol::{Course, DoneReason, OrderRequest, ShadowRow};
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
    pub paper: Course,
    /// Was it asked to end on paper?
    pub is_cancelled: bool,
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
            paper: Course::default(),
            is_cancelled: false,
        }
    }

    /// Was all of it filled at the venue, and told, and is it over on paper? Fills may come after the end that they make.
    pub(super) fn is_whole(&self) -> bool {
        self.live.end == Some(DoneReason::Filled) && self.live.filled >= self.qty && self.paper.end.is_some()
    }

    /// Did the venue fill it, and tell no fill?
    pub(super) fn lacks_fills(&self) -> bool {
        self.live.end == Some(DoneReason::Filled) && self.live.at.is_none()
    }

    pub(super) fn row(&self, client_id: ClientOrderId) -> ShadowRow {
        ShadowRow { client_id, side: self.side, sent_at: self.sent_at, live: self.live, paper: self.paper }
    }
}
