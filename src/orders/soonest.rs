//! When time may first change something about an order, without going through all of them: what each of them waits for is
//! noted when it is filed, and found anew only when the noted instant has come.

use super::order::Order;
use super::settings::Settings;
use crate::protocol::OrderKind;
use crate::types::{Leg, Timestamp};

/// Instants that are none too late; not known at first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Soonest {
    /// Since when an order waits for its answer.
    unanswered_since: Timestamp,
    /// When something is done about a cancel; long ago while there are orders in doubt, whose questions depend on more.
    asked_at: Timestamp,
    /// When a limit entry was decided.
    entry_since: Timestamp,
}

/// It follows from the orders, so that tables with the same orders are the same.
impl PartialEq for Soonest {
    fn eq(&self, _: &Soonest) -> bool {
        true
    }
}

impl Eq for Soonest {}

impl Soonest {
    /// As long as there are no orders.
    pub(super) fn of_nothing() -> Soonest {
        Soonest { unanswered_since: Timestamp::MAX, asked_at: Timestamp::MAX, entry_since: Timestamp::MAX }
    }

    /// Notes what an order waits for.
    pub(super) fn note(&mut self, order: &Order) {
        if let Some(since) = order.unanswered_since() {
            self.unanswered_since = self.unanswered_since.min(since);
        }
        if order.inquiry.is_some() || order.awaits_fills_since().is_some() {
            self.asked_at = Timestamp::EPOCH;
        } else if let Some(at) = order.cancel.as_ref().and_then(|cancel| cancel.next_at) {
            self.asked_at = self.asked_at.min(at);
        }
        let intent = &order.row.intent;
        let rests = intent.leg == Leg::Entry && matches!(intent.request.kind, OrderKind::Limit { .. });
        if rests && !order.row.cancel_pending && !order.is_done() {
            self.entry_since = self.entry_since.min(intent.decided_at);
        }
    }

    /// When something about an order is due, if any of them waits.
    pub(super) fn order_at(&self, settings: &Settings) -> Option<Timestamp> {
        let answer = Some(self.unanswered_since).filter(|since| *since < Timestamp::MAX);
        let asked = Some(self.asked_at).filter(|at| *at < Timestamp::MAX);
        Timestamp::earliest([answer.map(|since| since + settings.unanswered), asked])
    }

    /// Are there no orders in doubt, so that what is noted is all?
    pub(super) fn is_certain(&self) -> bool {
        self.asked_at > Timestamp::EPOCH
    }

    /// When the oldest limit entry at work was decided.
    pub(super) fn entry_since(&self) -> Option<Timestamp> {
        Some(self.entry_since).filter(|since| *since < Timestamp::MAX)
    }
}
