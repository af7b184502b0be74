//! Requests on their way in, and what is answered.

use super::faults::{self, Kind};
use super::{AccountId, Change, Exchange, Fate, OpenOrder, Task, random};
use crate::protocol::{
    AccountReport, CancelOutcome, DoneReason, Lookup, OrderReport, OrderSnapshot, PositionSnapshot, ReportBody, Stage,
    VenueReport, VenueRequest,
};
use crate::types::{ClientOrderId, InstrumentId, Qty, Span, Symbol, Timestamp, VenueOrderId};

impl Exchange {
    pub(super) fn send_through_faults(&mut self, at: Timestamp, account: AccountId, request: VenueRequest) {
        self.at = self.at.max(at);
        let symbol = instrument_of(&request).map(|one| self.instruments.symbol(one).clone());
        let submits = matches!(request, VenueRequest::Submit(_));
        if self.strikes(Kind::Outage, symbol.as_ref()) || (submits && self.strikes(Kind::OrderLost, symbol.as_ref())) {
            self.unanswered(account, &request);
            return;
        }
        if self.strikes(Kind::RateLimit, symbol.as_ref()) {
            self.refuse_request(account, &request, -1003, "Too many requests.");
            return;
        }
        if submits && self.strikes(Kind::Reject, symbol.as_ref()) {
            self.refuse_request(account, &request, -2010, "NEW_ORDER_REJECTED");
            return;
        }
        let fate = Fate {
            answer_lost: submits && self.strikes(Kind::AnswerLost, symbol.as_ref()),
            late_fill: matches!(request, VenueRequest::Cancel { .. }) && self.strikes(Kind::LateFill, symbol.as_ref()),
            clock_off: self.strikes(Kind::ClockJump, symbol.as_ref()),
        };
        let latency = random::pick_us(&mut self.rng, &self.settings.request_latency_us);
        let latency = if self.spikes() { latency * faults::SPIKE } else { latency };
        self.enqueue(at + latency, Task::Arrive { account, request, sent_at: at, fate });
    }

    fn strikes(&mut self, kind: Kind, symbol: Option<&Symbol>) -> bool {
        let since = faults::since(self.started, self.at);
        self.settings.faults.strikes(kind, since, symbol, &mut self.rng)
    }

    /// The client hears that it heard nothing.
    fn unanswered(&mut self, account: AccountId, request: &VenueRequest) {
        let reason = "no answer came in time".to_owned();
        let report = match request {
            VenueRequest::Submit(order) => {
                self.order_report(order.client_id, order.instrument, None, ReportBody::Unanswered { reason })
            }
            VenueRequest::Cancel { client_id, instrument } => {
                let body = ReportBody::CancelAnswered(CancelOutcome::Unanswered);
                self.order_report(*client_id, *instrument, None, body)
            }
            VenueRequest::QueryOrder { client_id, instrument } => {
                self.order_report(*client_id, *instrument, None, ReportBody::Unanswered { reason })
            }
            VenueRequest::OpenOrders | VenueRequest::Positions | VenueRequest::Balance | VenueRequest::Fills { .. } => {
                VenueReport::Account(AccountReport::PollFailed { what: poll_name(request).to_owned(), reason })
            }
        };
        self.report(account, report, faults::ANSWER_TIMEOUT);
    }

    fn refuse_request(&mut self, account: AccountId, request: &VenueRequest, code: i64, words: &str) {
        let report = match request {
            VenueRequest::Submit(order) => {
                let body = ReportBody::Rejected { code, reason: words.to_owned() };
                self.order_report(order.client_id, order.instrument, None, body)
            }
            VenueRequest::Cancel { client_id, instrument } => {
                let body = ReportBody::CancelAnswered(CancelOutcome::Unanswered);
                self.order_report(*client_id, *instrument, None, body)
            }
            VenueRequest::QueryOrder { .. } => return,
            VenueRequest::OpenOrders | VenueRequest::Positions | VenueRequest::Balance | VenueRequest::Fills { .. } => {
                let what = poll_name(request).to_owned();
                VenueReport::Account(AccountReport::PollFailed { what, reason: format!("{code} {words}") })
            }
        };
        self.report(account, report, Span::ZERO);
    }

    pub(super) fn order_report(
        &self,
        client_id: ClientOrderId,
        instrument: InstrumentId,
        venue_order_id: Option<VenueOrderId>,
        body: ReportBody,
    ) -> VenueReport {
        VenueReport::Order(OrderReport { client_id, instrument, venue_order_id, venue_time: self.at, body })
    }

    /// A request has reached the exchange.
    pub(super) fn arrive(&mut self, account: AccountId, request: VenueRequest, sent_at: Timestamp, fate: Fate) {
        if self.at - sent_at > self.settings.recv_window || fate.clock_off {
            self.refuse_request(account, &request, -1021, "Timestamp for this request is outside of the recvWindow.");
            return;
        }
        match request {
            VenueRequest::Submit(order) => self.submit(account, order, fate.answer_lost),
            VenueRequest::Cancel { client_id, instrument } => {
                self.cancel(account, client_id, instrument, fate.late_fill);
            }
            VenueRequest::QueryOrder { client_id, instrument } => self.tell_order(account, client_id, instrument),
            VenueRequest::OpenOrders => self.tell_orders(account),
            VenueRequest::Positions => self.tell_positions(account),
            VenueRequest::Balance => {
                let balance = self.balance(account);
                self.report(account, VenueReport::Account(AccountReport::Balance(balance)), Span::ZERO);
            }
            VenueRequest::Fills { since } => {
                let fills = self.accounts[usize::from(account.0)].fills.iter();
                let fills = fills.filter(|fill| fill.at >= since).copied().collect();
                self.report(account, VenueReport::Account(AccountReport::Fills(fills)), Span::ZERO);
            }
        }
    }

    fn cancel(&mut self, account: AccountId, client_id: ClientOrderId, instrument: InstrumentId, late_fill: bool) {
        let open = self.accounts[usize::from(account.0)].open_by_client(&client_id).cloned();
        let Some(order) = open else {
            let body = ReportBody::CancelAnswered(CancelOutcome::NoSuchOrder);
            let report = self.order_report(client_id, instrument, None, body);
            self.report(account, report, Span::ZERO);
            return;
        };
        if late_fill && !order.request.kind.is_conditional() {
            self.fill_at_last_moment(account, &order);
            return;
        }
        let body = ReportBody::CancelAnswered(CancelOutcome::Accepted);
        let report = self.order_report(client_id, instrument, Some(order.id), body);
        self.report(account, report, Span::ZERO);
        self.end(account, order.id, DoneReason::Canceled);
    }

    /// Takes an order off the books and says so.
    pub(super) fn end(&mut self, account: AccountId, id: VenueOrderId, reason: DoneReason) {
        let Some(order) = self.accounts[usize::from(account.0)].orders.remove(&id) else { return };
        self.note_end(account, &order, reason);
        let body = ReportBody::Ended { reason, filled: order.filled };
        let report = self.order_report(order.request.client_id, order.request.instrument, Some(id), body);
        self.report(account, report, Span::ZERO);
    }

    /// Remembers how an order ended, without a word to its owner.
    pub(super) fn note_end(&mut self, account: AccountId, order: &OpenOrder, reason: DoneReason) {
        let ended =
            super::EndedOrder { client_id: order.request.client_id, id: order.id, reason, filled: order.filled };
        self.accounts[usize::from(account.0)].remember_end(ended);
        self.note_order(account, order, Some(reason));
    }

    pub(super) fn note_order(&mut self, account: AccountId, order: &OpenOrder, ended: Option<DoneReason>) {
        self.changes.push(Change::Order {
            account,
            id: order.id,
            client_id: order.request.client_id,
            instrument: order.request.instrument,
            side: order.request.side,
            ended,
            filled: order.filled,
            at: self.at,
        });
    }

    fn tell_order(&mut self, account: AccountId, client_id: ClientOrderId, instrument: InstrumentId) {
        let one = &self.accounts[usize::from(account.0)];
        let open = one.open_by_client(&client_id).map(|order| (order.id, Stage::Working, order.filled));
        let ended = || {
            let found = one.ended.iter().rev().find(|ended| ended.client_id == client_id);
            found.map(|ended| (ended.id, Stage::Done(ended.reason), ended.filled))
        };
        match open.or_else(ended) {
            Some((id, stage, filled)) => {
                let body = ReportBody::Status { stage, filled };
                let report = self.order_report(client_id, instrument, Some(id), body);
                self.report(account, report, Span::ZERO);
            }
            None => {
                for endpoint in [Lookup::Regular, Lookup::Conditional] {
                    let report = self.order_report(client_id, instrument, None, ReportBody::NotFound { endpoint });
                    self.report(account, report, Span::ZERO);
                }
            }
        }
    }

    fn tell_orders(&mut self, account: AccountId) {
        let orders = self.open_orders(account);
        let list = orders
            .map(|order| OrderSnapshot {
                request: order.request.clone(),
                venue_order_id: order.id,
                filled: order.filled,
                created_at: order.created_at,
            })
            .collect();
        self.report(account, VenueReport::Account(AccountReport::OpenOrders(list)), Span::ZERO);
    }

    fn tell_positions(&mut self, account: AccountId) {
        let positions = self.positions(account);
        let list = positions
            .map(|(instrument, position_side, holding)| PositionSnapshot {
                instrument,
                position_side,
                qty: holding.qty,
                entry_price: holding.entry_price(),
                updated_at: holding.updated_at,
            })
            .collect();
        self.report(account, VenueReport::Account(AccountReport::Positions(list)), Span::ZERO);
    }

    /// The remaining quantity was filled just before the cancel came; the fill is reported long after the end.
    fn fill_at_last_moment(&mut self, account: AccountId, order: &OpenOrder) {
        let qty = match order.request.amount {
            crate::protocol::Amount::Qty(qty) => qty - order.filled,
            crate::protocol::Amount::ClosePosition => Qty::ZERO,
        };
        let crate::protocol::OrderKind::Limit { price, .. } = order.request.kind else { return };
        let fill = self.book_fill(account, order, price, qty, true);
        let id = order.id;
        if let Some(mut gone) = self.accounts[usize::from(account.0)].orders.remove(&id) {
            gone.filled += qty;
            self.note_end(account, &gone, DoneReason::Filled);
            let body = ReportBody::Ended { reason: DoneReason::Canceled, filled: gone.filled };
            let report = self.order_report(gone.request.client_id, gone.request.instrument, Some(id), body);
            self.report(account, report, Span::ZERO);
        }
        let report =
            self.order_report(order.request.client_id, order.request.instrument, Some(id), ReportBody::Filled(fill));
        self.report(account, report, faults::LATE_FILL);
    }
}

fn instrument_of(request: &VenueRequest) -> Option<InstrumentId> {
    match request {
        VenueRequest::Submit(order) => Some(order.instrument),
        VenueRequest::Cancel { instrument, .. } | VenueRequest::QueryOrder { instrument, .. } => Some(*instrument),
        VenueRequest::OpenOrders | VenueRequest::Positions | VenueRequest::Balance | VenueRequest::Fills { .. } => None,
    }
}

fn poll_name(request: &VenueRequest) -> &'static str {
    match request {
        VenueRequest::OpenOrders => "open orders",
        VenueRequest::Positions => "positions",
        VenueRequest::Balance => "balance",
        VenueRequest::Fills { .. } => "fills",
        VenueRequest::Submit(_) | VenueRequest::Cancel { .. } | VenueRequest::QueryOrder { .. } => "order",
    }
}
