//! Requests: how they travel, what befalls them on the way, and who answers them.

use serde::{Deserialize, Serialize};

use super::Core;
use super::account::AccountId;
use super::codes::Refusal;
use super::faults::FaultKind;
use super::memory::Memory;
use super::terms::Terms;
use crate::protocol::{AccountReport, CancelOutcome, ReportBody, VenueReport, VenueRequest};
use crate::types::{InstrumentId, Span, Symbol, Timestamp};

/// Requests on their way at once: Binance takes 300 orders in ten seconds, and no request travels that long.
const MAX_IN_FLIGHT: usize = 4_096;
/// A request may be stamped this far ahead of the venue's clock, as at Binance.
const MAX_AHEAD: Span = Span::SECOND;

/// A request on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inbound {
    account: AccountId,
    sent: Timestamp,
    stamp: Timestamp,
    request: VenueRequest,
    fate: Fate,
}

/// What befalls a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Fate {
    /// It is carried out and answered.
    Answered,
    /// It is carried out; the answer is lost.
    Silent,
    /// It is refused on arrival, whatever it is.
    Rejected,
    /// It is refused on arrival for the rate of requests.
    RateLimited,
    /// It is a conditional order, and is refused on arrival as if it would trigger.
    StopRejected,
    /// It never arrives.
    Lost,
}

impl Core {
    /// Sends a request on its way from a client, now.
    pub(super) fn dispatch(&mut self, stamp: Timestamp, account: AccountId, request: VenueRequest) {
        if account.index() >= self.accounts.len() {
            self.ignored += 1;
            return;
        }
        if self.inbound.len() >= MAX_IN_FLIGHT {
            self.refuse(account, &request, Refusal::TOO_MANY_IN_FLIGHT);
            return;
        }
        let sent = self.now;
        let symbol = self.symbol_of(&request);
        self.faults.begin_lasting(sent);
        let mut arrival = sent + self.dice.delay(&self.settings.request_latency) + self.faults.spike(sent);
        let mut fate = self.draw_fate(&request, symbol.as_ref());
        if fate == Fate::Answered && self.faults.strikes(FaultKind::RequestLate, sent, symbol.as_ref()) {
            arrival = arrival.max(self.faults.late_arrival(sent, self.settings.recv_window));
            fate = Fate::Silent;
        }
        match fate {
            Fate::Silent | Fate::Lost => self.conclude_unanswered(sent, account, &request),
            Fate::Answered | Fate::Rejected | Fate::RateLimited | Fate::StopRejected => {}
        }
        if fate != Fate::Lost {
            let key = (arrival, self.sequence());
            self.inbound.insert(key, Inbound { account, sent, stamp, request, fate });
        }
    }

    /// A request has arrived.
    pub(super) fn arrive(&mut self, memory: &Memory, inbound: Inbound) {
        let Inbound { account, sent, stamp, request, fate } = inbound;
        let symbol = self.symbol_of(&request);
        if self.faults.holds_until(FaultKind::Outage, self.now, symbol.as_ref()).is_some() {
            if fate != Fate::Silent {
                self.conclude_unanswered(sent, account, &request);
            }
            return;
        }
        let heard = match fate {
            Fate::Answered => true,
            Fate::Silent => false,
            Fate::Rejected => return self.refuse(account, &request, Refusal::NEW_ORDER_REJECTED),
            Fate::RateLimited => return self.refuse(account, &request, Refusal::RATE_LIMITED),
            Fate::StopRejected => return self.refuse(account, &request, Refusal::WOULD_TRIGGER),
            Fate::Lost => return,
        };
        let server = self.now + self.faults.clock_offset(self.now);
        if stamp >= server + MAX_AHEAD || server.since(stamp) > self.settings.recv_window {
            if heard {
                self.refuse(account, &request, Refusal::OUTSIDE_WINDOW);
            }
            return;
        }
        let stalls = matches!(request, VenueRequest::Submit(_) | VenueRequest::Cancel { .. });
        if stalls && !heard {
            let until = self.now + self.faults.settings.stream_hold;
            let one = &mut self.accounts[account.index()];
            one.stalled_until = one.stalled_until.max(until);
        }
        match request {
            VenueRequest::Submit(order) => {
                if let Err(refusal) = self.submit(memory, account, &order, Terms::default())
                    && heard
                {
                    self.refuse(account, &VenueRequest::Submit(order), refusal);
                }
            }
            VenueRequest::Cancel { client_id, instrument } => self.cancel(account, client_id, instrument, heard),
            VenueRequest::QueryOrder { client_id, instrument } if heard => {
                self.query_order(memory, account, client_id, instrument);
            }
            VenueRequest::OpenOrders if heard => self.list_open_orders(account),
            VenueRequest::Positions if heard => self.list_positions(account),
            VenueRequest::Balance if heard => self.tell_balance(account),
            VenueRequest::Fills { since } if heard => {
                self.answer(account, VenueReport::Account(AccountReport::Fills(memory.fills(account, since))));
            }
            VenueRequest::QueryOrder { .. }
            | VenueRequest::OpenOrders
            | VenueRequest::Positions
            | VenueRequest::Balance
            | VenueRequest::Fills { .. } => {}
        }
        self.after_trading();
    }

    fn draw_fate(&mut self, request: &VenueRequest, symbol: Option<&Symbol>) -> Fate {
        let at = self.now;
        if self.faults.holds_until(FaultKind::Outage, at, symbol).is_some() {
            return Fate::Lost;
        }
        let mut strikes = |kind| self.faults.strikes(kind, at, symbol);
        if strikes(FaultKind::RequestLost) {
            return Fate::Lost;
        }
        if let VenueRequest::Submit(order) = request {
            if order.kind.is_conditional() && strikes(FaultKind::StopRejected) {
                return Fate::StopRejected;
            }
            if strikes(FaultKind::Reject) {
                return Fate::Rejected;
            }
        }
        if strikes(FaultKind::RateLimit) {
            return Fate::RateLimited;
        }
        if strikes(FaultKind::AnswerLost) { Fate::Silent } else { Fate::Answered }
    }

    /// Answers a request that was not carried out.
    fn refuse(&mut self, account: AccountId, request: &VenueRequest, refusal: Refusal) {
        let report = match request {
            VenueRequest::Submit(order) => {
                let body = ReportBody::Rejected { code: refusal.code, reason: refusal.words.to_owned() };
                self.order_report(order.client_id, order.instrument, None, body)
            }
            VenueRequest::Cancel { .. }
            | VenueRequest::QueryOrder { .. }
            | VenueRequest::OpenOrders
            | VenueRequest::Positions
            | VenueRequest::Balance
            | VenueRequest::Fills { .. } => self.failure(request, &refusal.to_string()),
        };
        self.answer(account, report);
    }

    /// The client's edge gives up waiting.
    fn conclude_unanswered(&mut self, sent: Timestamp, account: AccountId, request: &VenueRequest) {
        let report = self.failure(request, "no answer came in time");
        let due = (sent + self.faults.settings.answer_timeout).max(self.now);
        self.deliver(due, account, report);
    }

    /// What a client makes of a request without a usable answer.
    fn failure(&self, request: &VenueRequest, reason: &str) -> VenueReport {
        let failed = |what: String| VenueReport::Account(AccountReport::PollFailed { what, reason: reason.to_owned() });
        match request {
            VenueRequest::Submit(order) => {
                let body = ReportBody::Unanswered { reason: reason.to_owned() };
                self.order_report(order.client_id, order.instrument, None, body)
            }
            VenueRequest::Cancel { client_id, instrument } => {
                let body = ReportBody::CancelAnswered(CancelOutcome::Unanswered);
                self.order_report(*client_id, *instrument, None, body)
            }
            VenueRequest::QueryOrder { client_id, .. } => failed(format!("order {client_id}")),
            VenueRequest::OpenOrders => failed("open orders".to_owned()),
            VenueRequest::Positions => failed("positions".to_owned()),
            VenueRequest::Balance => failed("balance".to_owned()),
            VenueRequest::Fills { .. } => failed("fills".to_owned()),
        }
    }

    fn symbol_of(&self, request: &VenueRequest) -> Option<Symbol> {
        let symbol = |id: InstrumentId| (id.index() < self.boards.len()).then(|| self.instruments.symbol(id).clone());
        match request {
            VenueRequest::Submit(order) => symbol(order.instrument),
            VenueRequest::Cancel { instrument, .. } | VenueRequest::QueryOrder { instrument, .. } => {
                symbol(*instrument)
            }
            VenueRequest::OpenOrders | VenueRequest::Positions | VenueRequest::Balance | VenueRequest::Fills { .. } => {
                None
            }
        }
    }
}
