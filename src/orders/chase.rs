//! What is late is asked about. An order's absence is concluded only when the old request can no longer be accepted and
//! every place that could show it has twice said that it is not there.

use super::{Order, Orders};
use crate::protocol::{DoneReason, OrderRow, Stage};
use crate::types::{ClientOrderId, InstrumentId, Span, Timestamp};

/// First wait between two queries; doubled at each, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Span = Span::secs(2);
/// Longest wait between two queries or cancels: an answer is worth a request every half minute.
const LONGEST_WAIT: Span = Span::secs(30);
/// Definite answers in a row that are needed from each endpoint.
const ABSENCES_NEEDED: u32 = 2;

/// What is to be done about an order that is late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Ask what became of it.
    Query {
        /// Which.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
    },
    /// Ask again to end it.
    RepeatCancel {
        /// Which.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
    },
    /// Its row changed by the passing of time.
    Changed(OrderRow),
    /// Fills are missing: list them from this instant on.
    FetchFills {
        /// From when.
        since: Timestamp,
    },
}

impl Orders {
    /// When something becomes late.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.iter().filter_map(next_of).min()
    }

    /// What is late by now. The waits that follow are set as if it were done.
    pub fn due(&mut self, at: Timestamp) -> Vec<Due> {
        let late: Vec<ClientOrderId> = self
            .iter()
            .filter(|order| next_of(order).is_some_and(|due| due <= at))
            .map(|order| order.row.intent.request.client_id)
            .collect();
        let mut dues = Vec::new();
        for id in late {
            self.chase(&id, at, &mut dues);
            self.file(&id);
        }
        dues
    }

    fn chase(&mut self, id: &ClientOrderId, at: Timestamp, dues: &mut Vec<Due>) {
        let gone = self.orders.get(id).is_some_and(|order| self.is_certainly_absent(order, at));
        let blind = self.settings.blind_period();
        let Some(order) = self.orders.get_mut(id) else { return };
        let (client_id, instrument) = (*id, order.row.intent.request.instrument);
        if gone {
            give_up(order, at, dues);
            return;
        }
        if order.query_at.is_some_and(|due| due <= at) {
            let known_before = !order.is_unknown();
            order.doubt(at);
            if known_before && order.is_unknown() {
                order.row.updated_at = at;
                dues.push(Due::Changed(order.row.clone()));
            }
            dues.push(Due::Query { client_id, instrument });
            if order.absences.iter().all(|count| *count >= ABSENCES_NEEDED) {
                dues.push(Due::FetchFills { since: order.row.intent.decided_at });
            }
            order.query_at = Some(next_query(order, at, blind));
            order.queries = order.queries.saturating_add(1);
        }
        if order.cancel_at.is_some_and(|due| due <= at) {
            dues.push(Due::RepeatCancel { client_id, instrument });
            order.cancels = order.cancels.saturating_add(1);
            order.cancel_at = Some(at + backoff(order.cancels));
        }
        if order.fetch_at.is_some_and(|due| due <= at) {
            dues.push(Due::FetchFills { since: order.row.intent.decided_at });
            order.queries = order.queries.saturating_add(1);
            order.fetch_at = Some(at + backoff(order.queries));
        }
    }

    /// The whole condition of the protocol: the request is dead, both endpoints have said so twice in a row, and the
    /// lists of open orders and of fills that came since do not show it.
    fn is_certainly_absent(&self, order: &Order, at: Timestamp) -> bool {
        let dead = order.row.intent.decided_at + self.settings.blind_period();
        at > dead
            && order.is_unknown()
            && order.absences.iter().all(|count| *count >= ABSENCES_NEEDED)
            && self.listed_orders_at > dead
            && self.listed_fills_at > dead
    }
}

/// An order that the venue never showed is absent; one that it did show, and has forgotten, has ended.
fn give_up(order: &mut Order, at: Timestamp, dues: &mut Vec<Due>) {
    if order.row.stage < Stage::Working {
        order.end_unseen(DoneReason::Absent);
    } else {
        order.row.stage = Stage::Done(DoneReason::Expired);
        order.row.knowledge = crate::protocol::Knowledge::Known;
    }
    order.row.cancel_pending = false;
    order.row.updated_at = at;
    order.query_at = None;
    order.cancel_at = None;
    dues.push(Due::Changed(order.row.clone()));
}

/// The next query: soon at first; absence counts only after the blind period, so a query is set right behind it.
fn next_query(order: &Order, at: Timestamp, blind: Span) -> Timestamp {
    let dead = order.row.intent.decided_at + blind + Span::millis(1);
    let next = at + backoff(order.queries);
    if at < dead && next > dead { dead } else { next }
}

fn backoff(tries: u32) -> Span {
    (FIRST_WAIT * (1_i64 << tries.min(4))).min(LONGEST_WAIT)
}

fn next_of(order: &Order) -> Option<Timestamp> {
    [
        order.query_at.filter(|_| order.row.stage < Stage::Working || order.is_unknown() || order.row.cancel_pending),
        order.cancel_at,
        order.fetch_at,
    ]
    .into_iter()
    .flatten()
    .min()
}
