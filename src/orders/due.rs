//! What is late. Time by itself never decides what became of an order; it only makes us ask.

use super::order::{Cancel, Inquiry, Order};
use super::settings::Settings;
use super::table::Orders;
use crate::protocol::{DoneReason, OrderRow, Stage};
use crate::types::{ClientOrderId, InstrumentId, Span, Timestamp};

/// Something to be done about an order now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// The passing of time changed the order's row, such as from known to unknown: journal it.
    Changed(Box<OrderRow>),
    /// Ask the venue what became of it.
    Query {
        /// Which order.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
    },
    /// Send the cancel again.
    RepeatCancel {
        /// Which order.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
    },
    /// The full wait of the protocol has passed: the venue never had the order. Its row, to be journalled; who
    /// wanted it decides again, on fresh data, with a new id.
    Absent(Box<OrderRow>),
    /// Ask for our fills since then. The answer goes to [`Orders::reconcile_fills`], a failure to
    /// [`Orders::fills_poll_failed`].
    FetchFills {
        /// From this instant on.
        since: Timestamp,
    },
}

impl Orders {
    /// What is to be done at this instant, each thing once: asking is noted, and comes again after a pause. To be
    /// called at every step, once its reports are taken in; what it returns must be carried out.
    pub fn due(&mut self, at: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        self.probe(at);
        let restless: Vec<_> = self.orders.restless().map(|order| order.row.intent.request.client_id).collect();
        for id in restless {
            self.due_of(id, at, &mut due);
        }
        if let Some(since) = self.fills_poll.ask(at, &self.settings) {
            due.push(Due::FetchFills { since });
        }
        due
    }

    /// When [`Orders::due`] has something to do next; in the past if it has now. None if nothing is waited for.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let next = self.next_of(self.orders.restless());
        debug_assert_eq!(next, self.next_of(self.live()), "who is not restless waits for nothing");
        next
    }

    /// The same or an earlier instant, without going through the orders.
    pub fn earliest_deadline(&self) -> Option<Timestamp> {
        let order = self.orders.soonest().order_at(&self.settings);
        Timestamp::earliest([self.fills_poll.next_deadline(&self.settings), order])
    }

    /// The same as [`Orders::next_deadline`], and notes what was found.
    pub fn find_deadline(&mut self) -> Option<Timestamp> {
        self.orders.look_again();
        let found = if self.orders.soonest().is_certain() { self.earliest_deadline() } else { self.next_deadline() };
        debug_assert_eq!(found, self.next_deadline(), "what is noted of orders is what they wait for");
        found
    }

    /// When the oldest limit entry at work was decided, or an earlier instant; the former once [`Orders::find_deadline`] was
    /// called.
    pub fn limit_entry_since(&self) -> Option<Timestamp> {
        self.orders.soonest().entry_since()
    }

    fn next_of<'a>(&self, orders: impl Iterator<Item = &'a Order>) -> Option<Timestamp> {
        orders.fold(self.fills_poll.next_deadline(&self.settings), |earliest, order| {
            let cancel = order.cancel.as_ref().and_then(|cancel| cancel.next_at);
            let own = Timestamp::earliest([earliest, order.answer_due_at(&self.settings), cancel]);
            if order.inquiry.is_none() && order.awaits_fills_since().is_none() {
                return own;
            }
            Timestamp::earliest([
                own,
                self.is_concluded(order).then_some(Timestamp::EPOCH),
                order.inquiry.as_ref().map(|inquiry| inquiry.next_at),
                self.next_probe(order),
                self.fills_due_at(order),
            ])
        })
    }

    fn due_of(&mut self, id: ClientOrderId, at: Timestamp, due: &mut Vec<Due>) {
        let Some(order) = self.orders.get(id) else { return };
        let concluded = self.is_concluded(order);
        if self.fills_due_at(order).is_some_and(|when| when <= at) {
            self.fills_poll.want(order.row.intent.decided_at);
        }
        if order.answer_due_at(&self.settings).is_some_and(|when| when <= at) {
            self.line_failed(order.row.intent.request.instrument, at);
        }
        let Some(order) = self.orders.get_mut(id) else { return };
        if order.answer_due_at(&self.settings).is_some_and(|when| when <= at) {
            order.evidence.unanswered(at);
        }
        if let Some(cancel) = order.cancel.as_mut().filter(|cancel| cancel.accepted && cancel.is_due(at)) {
            (cancel.next_at, cancel.accepted) = (None, false);
            order.evidence.doubt(at);
        }
        if concluded {
            order.evidence.conclude(at);
        }
        if order.refresh(at) {
            let row = Box::new(order.row.clone());
            let absent = row.stage == Stage::Done(DoneReason::Absent);
            due.push(if absent { Due::Absent(row) } else { Due::Changed(row) });
        }
        order.ask(at, &self.settings, self.clock_bound, due);
        self.orders.file(id);
    }

    /// Is the wait over, with every answer against the order? The two endpoints have each denied it twice, and
    /// the lists of open orders and of fills, both asked for after it could no longer be accepted, lack it.
    fn is_concluded(&self, order: &Order) -> bool {
        self.settled_and_denied(order).is_some_and(|settled| {
            self.listed_at.is_some_and(|listed| listed >= settled)
                && self.fills_poll.covers(order.row.intent.decided_at, settled)
        })
    }

    fn settled_and_denied(&self, order: &Order) -> Option<Timestamp> {
        if !order.is_in_doubt() || !order.is_denied() {
            return None;
        }
        order.settled_from(&self.settings, self.clock_bound)
    }

    /// When to ask for the list of fills: for fills that were told of and have not come, or because nothing but
    /// that list is missing for a conclusion.
    fn fills_due_at(&self, order: &Order) -> Option<Timestamp> {
        if self.fills_poll.is_open() {
            return None;
        }
        let settled = self.settled_and_denied(order);
        let uncovered = settled.filter(|settled| !self.fills_poll.covers(order.row.intent.decided_at, *settled));
        let first = [order.fills_due_at(), uncovered].into_iter().flatten().min()?;
        let again = self.fills_poll.answered_at().map(|last| last + self.settings.query_every);
        Some(again.map_or(first, |again| again.max(first)))
    }
}

impl Order {
    /// Repeats a cancel, and asks what became of the order, if it is time.
    fn ask(&mut self, at: Timestamp, settings: &Settings, clock_bound: Span, due: &mut Vec<Due>) {
        let (client_id, instrument) = (self.row.intent.request.client_id, self.row.intent.request.instrument);
        if let Some(cancel) = self.cancel.as_mut().filter(|cancel| cancel.is_due(at)) {
            cancel.next_at = Some(at + settings.pause(cancel.asked).max(settings.unanswered));
            cancel.asked = cancel.asked.saturating_add(1);
            due.push(Due::RepeatCancel { client_id, instrument });
        }
        let settled_from = self.settled_from(settings, clock_bound);
        if let Some(inquiry) = self.inquiry.as_mut().filter(|inquiry| inquiry.next_at <= at) {
            inquiry.put(at, settled_from, settings);
            due.push(Due::Query { client_id, instrument });
        }
    }
}

impl Cancel {
    fn is_due(&self, at: Timestamp) -> bool {
        self.next_at.is_some_and(|when| when <= at)
    }
}

impl Inquiry {
    /// Notes a question, and when to put the next: after a growing pause, which begins anew once the answers
    /// count.
    fn put(&mut self, at: Timestamp, settled_from: Option<Timestamp>, settings: &Settings) {
        if !self.settled && settled_from.is_some_and(|from| at >= from) {
            (self.settled, self.asked) = (true, 0);
        }
        self.first_at = self.first_at.or(Some(at));
        self.next_at = at + settings.pause(self.asked);
        if let Some(from) = settled_from.filter(|from| *from > at) {
            self.next_at = self.next_at.min(from);
        }
        self.asked = self.asked.saturating_add(1);
    }
}
