//! Entries that rest in the book. Should this process die, nobody would cancel them; so while there are any, the venue is
//! told to cancel the symbol's regular orders unless it hears from us. Conditional orders are kept by another service and
//! stay: no stop is lost by it.

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::{OrderKind, OrderReport, OrderRequest, ReportBody, Stage};
use crate::types::{ClientOrderId, InstrumentId};

/// Entries that may be open, and the instruments for which the venue's countdown runs.
#[derive(Debug, Default)]
pub(super) struct Resting {
    entries: BTreeMap<ClientOrderId, InstrumentId>,
    armed: BTreeSet<InstrumentId>,
}

impl Resting {
    /// An order is about to be sent. Is it the first entry of its instrument that can rest?
    pub(super) fn sent(&mut self, order: &OrderRequest) -> bool {
        let rests = matches!(order.kind, OrderKind::Limit { .. }) && !order.reduce_only;
        if rests {
            self.entries.insert(order.client_id, order.instrument);
        }
        rests && !self.armed.contains(&order.instrument)
    }

    /// Something is said of an order.
    pub(super) fn hear(&mut self, report: &OrderReport) {
        let over = match &report.body {
            ReportBody::NotSent { .. } | ReportBody::Rejected { .. } | ReportBody::Ended { .. } => true,
            ReportBody::Status { stage, .. } => matches!(stage, Stage::Done(_)),
            ReportBody::Sent
            | ReportBody::Accepted
            | ReportBody::Filled(_)
            | ReportBody::Triggered
            | ReportBody::NotFound { .. }
            | ReportBody::Unanswered { .. }
            | ReportBody::CancelAnswered(_) => false,
        };
        if over {
            self.entries.remove(&report.client_id);
        }
    }

    /// Instruments whose countdown is to be begun or renewed, and those whose countdown is to end.
    pub(super) fn wanted(&self) -> (BTreeSet<InstrumentId>, BTreeSet<InstrumentId>) {
        let resting: BTreeSet<InstrumentId> = self.entries.values().copied().collect();
        let over = self.armed.difference(&resting).copied().collect();
        (resting, over)
    }

    /// The venue has taken a countdown, or its end.
    pub(super) fn set(&mut self, instrument: InstrumentId, armed: bool) {
        if armed {
            self.armed.insert(instrument);
        } else {
            self.armed.remove(&instrument);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Amount, DoneReason, TimeInForce};
    use crate::types::{PositionSide, Price, Qty, Side, Timestamp};

    fn order(id: &str, kind: OrderKind, reduce_only: bool) -> OrderRequest {
        OrderRequest {
            client_id: id.parse().expect("an id"),
            instrument: InstrumentId(0),
            side: Side::Buy,
            position_side: PositionSide::Both,
            kind,
            amount: Amount::Qty(Qty::ONE),
            reduce_only,
        }
    }

    fn report(id: &str, body: ReportBody) -> OrderReport {
        let (client_id, instrument) = (id.parse().expect("an id"), InstrumentId(0));
        OrderReport { client_id, instrument, venue_order_id: None, venue_time: Timestamp::EPOCH, body }
    }

    #[test]
    fn the_countdown_runs_exactly_while_an_entry_may_rest() {
        let limit = OrderKind::Limit { price: Price::ONE, tif: TimeInForce::Gtc };
        let mut resting = Resting::default();
        assert!(!resting.sent(&order("market", OrderKind::Market, false)));
        assert!(!resting.sent(&order("exit", limit, true)), "what closes is not cancelled by a dead man");
        assert!(resting.sent(&order("a", limit, false)));
        resting.set(InstrumentId(0), true);
        assert!(!resting.sent(&order("b", limit, false)), "it runs already");
        resting.hear(&report("a", ReportBody::Ended { reason: DoneReason::Filled, filled: Qty::ONE }));
        resting.hear(&report("b", ReportBody::Unanswered { reason: String::new() }));
        assert_eq!(resting.wanted(), ([InstrumentId(0)].into(), BTreeSet::new()), "one of them may be there");
        let gone = ReportBody::Status { stage: Stage::Done(DoneReason::Canceled), filled: Qty::ZERO };
        resting.hear(&report("b", gone));
        assert_eq!(resting.wanted(), (BTreeSet::new(), [InstrumentId(0)].into()));
        resting.set(InstrumentId(0), false);
        assert_eq!(resting.wanted(), (BTreeSet::new(), BTreeSet::new()));
    }
}
