//! A stop or a take profit as the protection plan sees it.

use crate::orders::order::Order;
use crate::orders::settings::Settings;
use crate::protocol::{Knowledge, OrderKind, PositionRow, Stage};
use crate::types::{ClientOrderId, Price, Qty, Side, Timestamp};

/// A conditional order at work that can only shrink a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protective {
    /// Its id.
    pub client_id: ClientOrderId,
    /// A stop, or else a take profit?
    pub stop: bool,
    /// Which way it trades.
    pub side: Side,
    /// Trigger price.
    pub trigger: Price,
    /// What is left of its quantity; none if it closes whatever there is.
    pub qty: Option<Qty>,
    /// How far it has come.
    pub phase: Phase,
    /// When it was decided.
    pub placed_at: Timestamp,
    /// When its trigger was crossed, or it was filled, if the venue said so.
    pub triggered_at: Option<Timestamp>,
}

/// How far a protective order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// On its way, without an answer yet.
    Pending,
    /// The venue holds it.
    Confirmed,
    /// It may or may not be at the venue.
    Doubtful {
        /// Was a question about it answered without saying so? Then another may follow.
        query_failed: bool,
    },
    /// It is being cancelled, and does not count.
    Leaving,
}

impl Protective {
    pub(in crate::orders) fn of(order: &Order, query_failed: bool) -> Option<Protective> {
        let row = &order.row;
        let (stop, trigger) = match row.intent.request.kind {
            OrderKind::Stop { trigger, .. } => (true, trigger),
            OrderKind::TakeProfit { trigger, .. } => (false, trigger),
            OrderKind::Market | OrderKind::Limit { .. } => return None,
        };
        let phase = match (row.stage, row.knowledge) {
            // It has ended, and what it traded is still on its way to us.
            (Stage::Done(_), Knowledge::Unknown { .. }) => Phase::Confirmed,
            (Stage::Done(_), Knowledge::Known) => return None,
            (Stage::Intended | Stage::Sent | Stage::Working, _) if row.cancel_pending => Phase::Leaving,
            (Stage::Intended | Stage::Sent | Stage::Working, Knowledge::Unknown { .. }) => {
                Phase::Doubtful { query_failed }
            }
            (Stage::Intended | Stage::Sent, Knowledge::Known) => Phase::Pending,
            (Stage::Working, Knowledge::Known) => Phase::Confirmed,
        };
        let filling_since = order.awaits_fills_since().filter(|_| order.is_done());
        row.only_reduces().then(|| Protective {
            client_id: row.intent.request.client_id,
            stop,
            side: row.intent.request.side,
            trigger,
            qty: row.remaining(),
            phase,
            placed_at: row.intent.decided_at,
            triggered_at: order.evidence.triggered_at.or(filling_since),
        })
    }

    /// Is it a stop, not a take profit?
    pub const fn is_stop(&self) -> bool {
        self.stop
    }

    /// Does it close a position of this size in full?
    pub fn covers(&self, size: Qty) -> bool {
        self.qty.is_none_or(|qty| qty >= size)
    }

    /// It has just been triggered: until when its fills may take to come.
    pub(super) fn executing_until(&self, settings: &Settings, at: Timestamp) -> Option<Timestamp> {
        self.triggered_at.map(|since| since + settings.stop_escalate).filter(|until| *until > at)
    }

    pub(super) fn is_exactly(&self, trigger: Price, size: Qty) -> bool {
        self.phase == Phase::Confirmed && self.trigger == trigger && self.qty.is_none_or(|qty| qty == size)
    }

    pub(super) const fn is_doubtful(&self) -> bool {
        matches!(self.phase, Phase::Doubtful { .. })
    }

    pub(super) const fn may_be_followed(&self) -> bool {
        matches!(self.phase, Phase::Doubtful { query_failed: true })
    }

    /// Confirmed or in doubt: neither on its way to the venue nor on its way out.
    pub(super) const fn is_settled(&self) -> bool {
        match self.phase {
            Phase::Confirmed | Phase::Doubtful { .. } => true,
            Phase::Pending | Phase::Leaving => false,
        }
    }
}

/// Is all of the position behind a stop that the venue has confirmed? A flat one needs none.
pub fn is_protected(position: &PositionRow, orders: &[Protective]) -> bool {
    let size = position.qty.abs();
    let closing = if position.qty.is_negative() { Side::Buy } else { Side::Sell };
    size.is_zero()
        || orders.iter().any(|order| {
            order.is_stop() && order.side == closing && order.phase == Phase::Confirmed && order.covers(size)
        })
}
