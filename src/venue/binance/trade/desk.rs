//! What is asked of the venue, and what its answers come to. Every request is a task of its own: a slow answer about one
//! order holds up no stop of another. None is sent twice; what an unclear answer means is found out by `orders`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::super::read::order::{Algo, Order};
use super::super::rest::calls::orders::{self, Placing};
use super::super::rest::{Failure, Rest};
use super::answers::{self, AlgoStanding, Consequence};
use super::hearing::{is_conditional, numbered};
use super::money::Movements;
use super::names::Names;
use super::resting::Resting;
use super::watch::Watch;
use crate::clock::SessionClock;
use crate::protocol::{
    AccountReport, CancelOutcome, Command, DoneReason, Event, Lookup, OrderReport, OrderRequest, ReportBody, Stage,
    TradingState, VenueReport, VenueRequest,
};
use crate::types::{ClientOrderId, InstrumentId, Instruments, Qty, Span, Timestamp, VenueOrderId};
use crate::venue::inbox::Inbox;

/// The desk: everything that a request needs. Shared by its tasks.
#[derive(Debug)]
pub(super) struct Desk {
    pub rest: Rest,
    /// The same with connections of its own, for orders and cancels.
    pub orders: Rest,
    pub instruments: Instruments,
    pub inbox: Inbox<Event>,
    pub clock: SessionClock,
    /// Within how much session time a question is answered, or has failed.
    pub answer_deadline: Span,
    pub names: Mutex<Names>,
    pub watch: Mutex<Watch>,
    pub movements: Mutex<Movements>,
    pub resting: Mutex<Resting>,
    /// Rung when somebody has changed, or may have changed, what the keeper looks after.
    pub bell: Notify,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    /// Does what is asked, and puts the answer into the inbox. There always is one. A question that is not answered within
    /// its deadline has failed: an answer that came later would be one to an older question than `orders` takes it for.
    pub(super) async fn perform(&self, request: VenueRequest) {
        match request {
            VenueRequest::Submit(order) => self.submit(&order).await,
            VenueRequest::Cancel { client_id, instrument } => self.cancel(client_id, instrument).await,
            question @ (VenueRequest::QueryOrder { .. }
            | VenueRequest::OpenOrders
            | VenueRequest::Positions
            | VenueRequest::Balance
            | VenueRequest::Fills { .. }) => {
                let within = self.clock.wall_span(self.answer_deadline).to_std();
                if tokio::time::timeout(within, self.ask(&question)).await.is_err() {
                    self.turn_away(&question, "it was not answered in time");
                }
            }
        }
    }

    async fn ask(&self, question: &VenueRequest) {
        match *question {
            VenueRequest::QueryOrder { client_id, instrument } => self.query(client_id, instrument).await,
            VenueRequest::OpenOrders => self.poll("open orders", self.open_orders().await),
            VenueRequest::Positions => self.poll("positions", self.positions().await),
            VenueRequest::Balance => self.tell_balance().await,
            VenueRequest::Fills { since } => self.poll("fills", self.fills(since).await),
            VenueRequest::Submit(_) | VenueRequest::Cancel { .. } => {}
        }
    }

    /// The answer to a request that has none.
    pub(super) fn turn_away(&self, request: &VenueRequest, why: &str) {
        let reason = || why.to_owned();
        match request {
            VenueRequest::Submit(order) => {
                self.report(order.client_id, order.instrument, None, ReportBody::NotSent { reason: reason() });
            }
            VenueRequest::Cancel { client_id, instrument } => {
                let body = ReportBody::CancelAnswered(CancelOutcome::Unanswered);
                self.report(*client_id, *instrument, None, body);
            }
            VenueRequest::QueryOrder { client_id, .. } => self.poll_failed(format!("order {client_id}"), reason()),
            VenueRequest::OpenOrders => self.poll_failed("open orders".to_owned(), reason()),
            VenueRequest::Positions => self.poll_failed("positions".to_owned(), reason()),
            VenueRequest::Balance => self.poll_failed("balance".to_owned(), reason()),
            VenueRequest::Fills { .. } => self.poll_failed("fills".to_owned(), reason()),
        }
    }

    async fn submit(&self, order: &OrderRequest) {
        let (id, instrument) = (order.client_id, order.instrument);
        lock(&self.watch).sent(id);
        if lock(&self.resting).sent(order) {
            self.bell.notify_one();
        }
        let taken = match orders::place(order, self.symbol(instrument)) {
            Placing::Regular(call) => self.orders.call(call).await.map(|reply| self.placed(order, &reply)),
            Placing::Conditional(call) => self.orders.call(call).await.map(|reply| {
                self.report(id, instrument, Some(VenueOrderId(reply.algo_id)), ReportBody::Accepted);
            }),
        };
        match taken {
            Ok(()) => lock(&self.watch).taken(id, self.clock.clock().uptime()),
            Err(failure) => {
                lock(&self.watch).not_taken(id);
                self.report(id, instrument, None, answers::not_placed(&failure));
                self.follow(&failure).await;
            }
        }
    }

    fn placed(&self, order: &OrderRequest, reply: &Order) {
        let (id, instrument) = (order.client_id, order.instrument);
        lock(&self.names).learn(instrument, reply.order_id, id);
        let number = Some(VenueOrderId(reply.order_id));
        self.report(id, instrument, number, ReportBody::Accepted);
        match answers::standing(reply) {
            Some(ReportBody::Status { stage: Stage::Working, filled }) if filled.is_zero() => {}
            Some(body) => self.report(id, instrument, number, body),
            None => {}
        }
    }

    async fn cancel(&self, id: ClientOrderId, instrument: InstrumentId) {
        let answered = |outcome| self.report(id, instrument, None, ReportBody::CancelAnswered(outcome));
        let canceled = match id.parts() {
            Some(parts) if is_conditional(parts.leg) => {
                self.orders.call(orders::cancel_algo(&id)).await.map(|_| (None, Qty::ZERO))
            }
            Some(_) => self.cancel_regular(id, instrument).await,
            // Somebody else's, which may be of either service.
            None => match self.cancel_regular(id, instrument).await {
                Err(failure) if failure.is_no_such_order() => {
                    self.orders.call(orders::cancel_algo(&id)).await.map(|_| (None, Qty::ZERO))
                }
                outcome => outcome,
            },
        };
        match canceled {
            Ok((number, filled)) => {
                answered(CancelOutcome::Accepted);
                self.report(id, instrument, number, ReportBody::Ended { reason: DoneReason::Canceled, filled });
            }
            Err(failure) => {
                answered(answers::not_canceled(&failure));
                self.follow(&failure).await;
            }
        }
    }

    async fn cancel_regular(
        &self,
        id: ClientOrderId,
        instrument: InstrumentId,
    ) -> Result<(Option<VenueOrderId>, Qty), Failure> {
        let reply = self.orders.call(orders::cancel(self.symbol(instrument), &id)).await?;
        Ok((Some(VenueOrderId(reply.order_id)), reply.executed_qty))
    }

    /// Asks both services what became of an order, the likelier one first.
    async fn query(&self, id: ClientOrderId, instrument: InstrumentId) {
        let conditional = id.parts().is_some_and(|parts| is_conditional(parts.leg));
        let order =
            if conditional { [Lookup::Conditional, Lookup::Regular] } else { [Lookup::Regular, Lookup::Conditional] };
        let mut denied = Vec::new();
        for endpoint in order {
            let found = match endpoint {
                Lookup::Regular => self.query_regular(id, instrument).await,
                Lookup::Conditional => self.query_conditional(id, instrument).await,
            };
            match found {
                Ok(()) => return,
                Err(failure) if failure.is_no_such_order() => denied.push(endpoint),
                Err(failure) => {
                    self.poll_failed(format!("order {id}"), failure.to_string());
                    return self.follow(&failure).await;
                }
            }
        }
        for endpoint in denied {
            self.report(id, instrument, None, ReportBody::NotFound { endpoint });
        }
    }

    async fn query_regular(&self, id: ClientOrderId, instrument: InstrumentId) -> Result<(), Failure> {
        let reply = self.rest.call(orders::query(self.symbol(instrument), &id)).await?;
        self.found(id, instrument, &reply)
    }

    async fn query_conditional(&self, id: ClientOrderId, instrument: InstrumentId) -> Result<(), Failure> {
        let reply: Algo = self.rest.call(orders::query_algo(&id)).await?;
        let number = Some(VenueOrderId(reply.algo_id));
        match answers::algo_standing(&reply) {
            AlgoStanding::Is(body) => self.report(id, instrument, number, body),
            AlgoStanding::Became(actual, body) => {
                lock(&self.names).learn(instrument, actual, id);
                self.report(id, instrument, number, ReportBody::Triggered);
                match self.rest.call(orders::query_number(self.symbol(instrument), actual)).await {
                    Ok(order) => return self.found(id, instrument, &order),
                    // What the service itself says of it is less, and true.
                    Err(_) => self.report(id, instrument, number, body),
                }
            }
            AlgoStanding::Unclear => {
                let reason = format!("algoStatus {:?}", reply.algo_status);
                return Err(Failure::Unknown { code: None, reason });
            }
        }
        Ok(())
    }

    fn found(&self, id: ClientOrderId, instrument: InstrumentId, order: &Order) -> Result<(), Failure> {
        lock(&self.names).learn(instrument, order.order_id, id);
        let Some(body) = answers::standing(order) else {
            let reason = format!("status {:?}", order.status);
            return Err(Failure::Unknown { code: None, reason });
        };
        if let ReportBody::Status { stage: Stage::Done(_), .. } = body
            && let Some(changed) = order.update_time
        {
            let ago = self.rest.now().since(Timestamp::from_millis(changed));
            lock(&self.watch).found_ended(id, self.clock.wall_span(ago));
        }
        self.report(id, instrument, numbered(id, order.order_id), body);
        Ok(())
    }

    /// What a failure asks for beside the order that it is of.
    async fn follow(&self, failure: &Failure) {
        match answers::consequence(failure) {
            Some(Consequence::Halt(reason)) => self.raise(TradingState::Halted, reason),
            Some(Consequence::LookAtRules(reason)) => self.look_at_rules(&reason).await,
            None => {}
        }
    }

    /// An order of ours broke a rule: either we are wrong, or the rules have changed since the start. In both cases
    /// nothing more is entered until a person has looked; exits that are refused have their own ladder.
    async fn look_at_rules(&self, refusal: &str) {
        let changed = match self.changed_rules().await {
            Ok(changed) => changed,
            Err(failure) => vec![format!("the rules could not be asked for: {failure}")],
        };
        let changed = if changed.is_empty() { "the rules are as they were".to_owned() } else { changed.join("; ") };
        self.raise(TradingState::ReduceOnly, format!("an order broke the venue's rules ({refusal}); {changed}"));
    }

    /// The trading state is raised: told to the engine like a person's word.
    pub(super) fn raise(&self, state: TradingState, reason: String) {
        tracing::warn!(state = state.as_str(), reason, "the venue asks for a halt");
        self.inbox.answer(Event::Command(Command::Raise { state, reason }));
    }

    pub(super) fn poll(&self, what: &str, outcome: Result<AccountReport, Failure>) {
        match outcome {
            Ok(report) => self.inbox.answer(Event::Venue(VenueReport::Account(report))),
            Err(failure) => {
                if let Some(Consequence::Halt(reason)) = answers::consequence(&failure) {
                    self.raise(TradingState::Halted, reason);
                }
                self.poll_failed(what.to_owned(), failure.to_string());
            }
        }
    }

    fn poll_failed(&self, what: String, reason: String) {
        tracing::debug!(what, reason, "a question to the venue failed");
        self.inbox.answer(Event::Venue(VenueReport::Account(AccountReport::PollFailed { what, reason })));
    }

    /// Notes what is said of an order, whoever says it.
    pub(super) fn hear(&self, report: &VenueReport) {
        if let VenueReport::Order(report) = report {
            lock(&self.resting).hear(report);
        }
    }

    pub(super) fn report(
        &self,
        client_id: ClientOrderId,
        instrument: InstrumentId,
        venue_order_id: Option<VenueOrderId>,
        body: ReportBody,
    ) {
        let venue_time = self.rest.now();
        let report = OrderReport { client_id, instrument, venue_order_id, venue_time, body };
        let report = VenueReport::Order(report);
        self.hear(&report);
        self.inbox.answer(Event::Venue(report));
    }

    /// The venue's name of an instrument.
    pub(super) fn symbol(&self, instrument: InstrumentId) -> &str {
        &self.instruments.get(instrument).venue_symbol
    }
}
