//! Taking in what is said of an order. Facts first: a fill is counted whatever state the order was thought to
//! be in, and evidence undoes a conclusion, never the other way round.

use super::alarm::Alarm;
use super::evidence::Evidence;
use super::id::Origin;
use super::order::Order;
use super::settings::Settings;
use super::table::Orders;
use crate::protocol::{CancelOutcome, DoneReason, Fill, OrderReport, OrderRow, ReportBody, Stage};
use crate::types::{ClientOrderId, InstrumentId, Qty, Span, Timestamp};

/// What came of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The instrument of the order, if its row changed.
    pub changed: Option<InstrumentId>,
    /// The row, if it changed and is asked for: to be journalled.
    pub row: Option<Box<OrderRow>>,
    /// A fill that had not been counted yet: to be taken into the books.
    pub fill: Option<Fill>,
    /// Something that must not happen did.
    pub alarm: Option<Alarm>,
    /// The venue answers again for this instrument, after a silence.
    pub back: Option<InstrumentId>,
    /// The order is not in the table: a liquidation, a manual order, another daemon, `flatten`.
    pub foreign: bool,
}

impl Orders {
    /// Takes in one report. Reports may come late, twice and in any order.
    pub fn apply(&mut self, at: Timestamp, report: &OrderReport) -> Applied {
        self.take_in(at, report, true)
    }

    /// The same; the changed row is only given if `rows` are asked for.
    pub fn take_in(&mut self, at: Timestamp, report: &OrderReport, rows: bool) -> Applied {
        let mut fill = None;
        if let ReportBody::Filled(told) = &report.body {
            if !told.qty.is_positive() || !told.price.is_positive() {
                let (client_id, instrument, trade_id) = (report.client_id, told.instrument, told.trade_id);
                let alarm = Some(Alarm::BadFill { client_id, instrument, trade_id });
                return Applied { alarm, ..Applied::default() };
            }
            fill = self.trades.count(told.instrument, told.trade_id).then_some(*told);
        }
        let back = self.listen(at, report);
        let Some(order) = self.orders.get_mut(report.client_id) else {
            return Applied { back, ..self.apply_to_stranger(report, fill) };
        };
        let before = order.row.stage;
        order.evidence.numbered(report.venue_order_id);
        match fill {
            Some(fill) => order.evidence.fill(&fill),
            None => order.learn(at, report, &self.settings, self.clock_bound),
        }
        let changed = order.refresh(at).then_some(order.row.intent.request.instrument);
        let row = changed.filter(|_| rows).map(|_| Box::new(order.row.clone()));
        let alarm = order.alarm_after(before, fill.as_ref());
        self.orders.file(report.client_id);
        self.orders.forget(at);
        Applied { changed, row, fill, alarm, back, foreign: false }
    }

    /// What a report tells of the line to the venue. The instrument, if it answers again.
    fn listen(&mut self, at: Timestamp, report: &OrderReport) -> Option<InstrumentId> {
        let instrument = report.instrument;
        match report.body {
            ReportBody::Sent => None,
            ReportBody::NotSent { .. }
            | ReportBody::Unanswered { .. }
            | ReportBody::CancelAnswered(CancelOutcome::Unanswered) => {
                self.line_failed(instrument, at);
                None
            }
            ReportBody::Accepted
            | ReportBody::Rejected { .. }
            | ReportBody::Triggered
            | ReportBody::Filled(_)
            | ReportBody::Ended { .. }
            | ReportBody::Status { .. }
            | ReportBody::NotFound { .. }
            | ReportBody::CancelAnswered(CancelOutcome::Accepted | CancelOutcome::NoSuchOrder) => {
                self.line_heard(instrument, at).then_some(instrument)
            }
        }
    }

    fn apply_to_stranger(&self, report: &OrderReport, fill: Option<Fill>) -> Applied {
        let at_work = match &report.body {
            ReportBody::Filled(_) => fill.is_some(),
            ReportBody::Accepted | ReportBody::Triggered => true,
            ReportBody::Status { stage, .. } => *stage == Stage::Working,
            ReportBody::Sent
            | ReportBody::NotSent { .. }
            | ReportBody::Rejected { .. }
            | ReportBody::Ended { .. }
            | ReportBody::NotFound { .. }
            | ReportBody::Unanswered { .. }
            | ReportBody::CancelAnswered(_) => false,
        };
        let alarm = if at_work { self.stranger(report.client_id, report.instrument) } else { None };
        Applied { changed: None, row: None, fill, alarm, back: None, foreign: true }
    }

    /// What an order at work that is not in the table means.
    pub(super) fn stranger(&self, client_id: ClientOrderId, instrument: InstrumentId) -> Option<Alarm> {
        match self.ids.origin(client_id) {
            Origin::Ours(_) => Some(Alarm::NotInLedger { client_id, instrument }),
            Origin::Flatten => Some(Alarm::Flattened { client_id }),
            Origin::OtherInstance { epoch } => {
                let we_are_older = self.ids.scope().epoch <= epoch;
                Some(Alarm::OtherInstance { client_id, epoch, we_are_older })
            }
            Origin::Foreign => None,
        }
    }
}

impl Order {
    /// Adds what the report says to the evidence, and to what is being asked. A fill is not among it: it was
    /// counted before.
    fn learn(&mut self, at: Timestamp, report: &OrderReport, settings: &Settings, clock_bound: Span) {
        match &report.body {
            ReportBody::Sent => self.evidence.sent(at),
            ReportBody::NotSent { .. } => self.evidence.never_left(at),
            ReportBody::Accepted => self.evidence.alive(at),
            ReportBody::Rejected { code, reason } => self.evidence.reject(*code, reason.clone(), at),
            ReportBody::Triggered => self.evidence.triggered(at),
            ReportBody::Ended { reason, filled } => self.ended(*reason, *filled, at),
            ReportBody::Status { stage: Stage::Working, filled } => {
                self.evidence.alive(at);
                self.evidence.told(*filled, at);
            }
            ReportBody::Status { stage: Stage::Done(reason), filled } => self.ended(*reason, *filled, at),
            ReportBody::Status { stage: Stage::Intended | Stage::Sent, .. } => {
                self.query_failed();
            }
            ReportBody::NotFound { endpoint } => {
                self.query_failed();
                let settled_from = self.settled_from(settings, clock_bound);
                if self.is_in_doubt() && settled_from.is_some_and(|from| at >= from) {
                    self.deny(*endpoint, report.venue_time);
                }
            }
            ReportBody::Unanswered { .. } => {
                if !self.query_failed() {
                    self.evidence.sent(at);
                    self.evidence.unanswered(at);
                }
            }
            ReportBody::CancelAnswered(outcome) => self.cancel_answered(*outcome, at, settings),
            ReportBody::Filled(_) => {}
        }
    }

    fn ended(&mut self, reason: DoneReason, filled: Qty, at: Timestamp) {
        match reason {
            // Conclusions that only we can draw; from a venue they say nothing.
            DoneReason::NotSent | DoneReason::Absent => {
                self.query_failed();
            }
            DoneReason::Rejected | DoneReason::Expired | DoneReason::Canceled | DoneReason::Filled => {
                self.evidence.end(reason, filled, at);
                self.unsettled = None;
            }
        }
    }

    /// A question about the order was answered without saying where it is. False if none was put.
    pub(super) fn query_failed(&mut self) -> bool {
        let Some(inquiry) = self.inquiry.as_mut().filter(|inquiry| inquiry.first_at.is_some()) else {
            return false;
        };
        inquiry.failed = true;
        true
    }

    fn cancel_answered(&mut self, outcome: CancelOutcome, at: Timestamp, settings: &Settings) {
        match outcome {
            CancelOutcome::Accepted => {
                if let Some(cancel) = &mut self.cancel {
                    (cancel.accepted, cancel.next_at) = (true, Some(at + settings.unanswered));
                }
            }
            CancelOutcome::NoSuchOrder => {
                self.evidence.doubt(at);
                if let Some(cancel) = &mut self.cancel {
                    cancel.next_at = None;
                }
            }
            CancelOutcome::Unanswered => {
                if let Some(cancel) = &mut self.cancel {
                    cancel.next_at = Some(at + settings.pause(cancel.asked));
                }
            }
        }
    }

    /// What must not have happened, given where the order stood before.
    pub(super) fn alarm_after(&self, before: Stage, fill: Option<&Fill>) -> Option<Alarm> {
        let request = &self.row.intent.request;
        let (client_id, instrument) = (request.client_id, request.instrument);
        let never_lived = |stage| match stage {
            Stage::Done(reason) if Evidence::never_lived(reason) => Some(reason),
            Stage::Done(_) | Stage::Intended | Stage::Sent | Stage::Working => None,
        };
        if let Some(from) = never_lived(before)
            && never_lived(self.row.stage).is_none()
        {
            return Some(Alarm::Revived { client_id, instrument, from });
        }
        let fill = fill?;
        if fill.side != request.side || fill.instrument != instrument {
            return Some(Alarm::StrangeFill { client_id, instrument: fill.instrument, trade_id: fill.trade_id });
        }
        let (quantity, filled) = (self.row.quantity()?, self.row.filled);
        (filled > quantity).then_some(Alarm::Overfilled { client_id, instrument, quantity, filled })
    }
}
