//! Real money's orders on paper: each is put to the simulated exchange as well, which sees the same market, and what came of it
//! is held against what came of it at the venue.
//!
//! It is told what happened and tells nobody what to do. Being told is all that happens at once; the work is done when there is
//! nothing else to do ([`Shadow::work`]). What it could not be told for want of room it does not guess: everything that it
//! followed then is let go, and counted.
//!
//! **Like with like.** Each order stands alone: paper may have filled one that the venue has not, so that its position would say
//! nothing of the next, and is forgotten. The account has more money than any order needs, the smallest notional binds nothing, and an order that
//! may only shrink a position goes for its own quantity. A close-position order follows the position at the venue until it
//! triggers. Stops and take-profits are conditional orders here as there; cancels are passed on.
#![deny(clippy::float_arithmetic)]

mod pair;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use crate::exchange::{AccountConfig, AccountId, Exchange, MarginMode, Settings};
use crate::protocol::{
    Action, Amount, DoneReason, Event, FeedShape, Fill, Journal, MarketData, MarketEvent, OrderReport, OrderRequest,
    Recovered, ReportBody, ShadowRow, ShadowTally, Stage, VenueReport, VenueRequest,
};
use crate::types::{ClientOrderId, InstrumentId, Instruments, Qty, Queue, Span, Timestamp, Usdt};
use pair::Pair;

/// What may wait to be worked through: more than a second of a busy market. A loop that is a second behind enters nothing.
const MAX_HEARD: usize = 16_384;
/// Orders followed at once: the venue lets 200 of each kind be open. Beyond, the oldest is let go.
const MAX_PAIRS: usize = 1_024;
/// An order that has ended at the venue is followed for so long: its fills may be told later, and on paper it may go on, since
/// triggers there and here see the same mark within seconds.
const PATIENCE: Span = Span::MINUTE;
/// What the account on paper has: no order is refused for want of money, and sums of such amounts are far from the largest.
const BALANCE: Usdt = Usdt::whole(1_000_000_000_000);

/// Something that it was told.
#[derive(Debug)]
enum Heard {
    Market(MarketEvent),
    Submitted(OrderRequest),
    CancelAsked(ClientOrderId, InstrumentId),
    Filled(Fill),
    PaidInKind(ClientOrderId),
    Ended(ClientOrderId, DoneReason),
    Holds(InstrumentId, Qty),
    ClockIsOff(Span),
}

/// The simulated exchange beside a real one.
#[derive(Debug)]
pub struct Shadow {
    exchange: Exchange,
    account: AccountId,
    heard: VecDeque<(Timestamp, Heard)>,
    /// Something came for which there was no room.
    missed: bool,
    pairs: BTreeMap<ClientOrderId, Pair>,
    /// Pairs that have ended at the venue, by how long they are followed.
    ending: Queue<Timestamp, ClientOrderId>,
    /// What is held at the venue, signed.
    positions: BTreeMap<InstrumentId, Qty>,
    /// Venue time minus session time.
    clock_offset: Span,
    /// What the venue did before was not seen here.
    begun: Timestamp,
    now: Timestamp,
    finished: Vec<ShadowRow>,
    tally: ShadowTally,
}

impl Shadow {
    /// Begins at `at` with what the ledger knows: conditional orders that rest at the venue are put to the exchange anew.
    pub fn new(
        settings: Settings,
        instruments: &Instruments,
        shape: FeedShape,
        seed: u64,
        at: Timestamp,
        known: &Recovered,
    ) -> Shadow {
        let mut exchange = Exchange::new(settings, instruments.without_min_notional(), shape, seed);
        let account = AccountConfig { balance: BALANCE, leverage: 1, hedge: false, margin: MarginMode::Cross };
        let account = exchange.open_account(account);
        let resting = known.orders.iter().filter(|row| row.stage == Stage::Working && row.filled.is_zero());
        let resting = resting.map(|row| &row.intent.request).filter(|request| request.kind.is_conditional());
        Shadow {
            exchange,
            account,
            heard: resting.map(|request| (at, Heard::Submitted(request.clone()))).collect(),
            missed: false,
            pairs: BTreeMap::new(),
            ending: Queue::default(),
            positions: known.positions.iter().map(|row| (row.instrument, row.qty)).collect(),
            clock_offset: Span::ZERO,
            begun: at,
            now: at,
            finished: Vec::new(),
            tally: ShadowTally::default(),
        }
    }

    /// Is told of market data.
    pub fn hear_market(&mut self, at: Timestamp, event: &MarketEvent) {
        match event.data {
            // Bars of the past: they move no price.
            MarketData::History { .. } => {}
            MarketData::Bar(_)
            | MarketData::Quote(_)
            | MarketData::Trade(_)
            | MarketData::Mark(_)
            | MarketData::Funding(_)
            | MarketData::Depth(_)
            | MarketData::Tradable(_) => self.note(at, Heard::Market(event.clone())),
        }
    }

    /// Is told of a step of the engine: the event, and what came of it.
    pub fn hear_step(&mut self, at: Timestamp, event: &Event, actions: &[Action]) {
        if let Event::Clock { offset, .. } = event {
            self.note(at, Heard::ClockIsOff(*offset));
        }
        for action in actions {
            if let Some(heard) = heard_of(action) {
                self.note(at, heard);
            }
        }
    }

    fn note(&mut self, at: Timestamp, heard: Heard) {
        if self.heard.len() < MAX_HEARD {
            self.heard.push_back((at, heard));
        } else {
            self.missed = true;
            self.tally.let_go += u64::from(matches!(heard, Heard::Submitted(_)));
        }
    }

    /// Works through what it was told, at most so many things. Says whether some are left.
    pub fn work(&mut self, most: usize) -> bool {
        if std::mem::take(&mut self.missed) {
            self.give_up();
        }
        for _ in 0..most {
            let Some((at, heard)) = self.heard.pop_front() else { return false };
            self.now = self.now.max(at);
            self.take(heard);
            self.listen();
            self.lose_patience();
        }
        !self.heard.is_empty()
    }

    /// Works through everything, and closes what is over at the venue. What rests in both places the next session takes up.
    pub fn close(&mut self) {
        while self.work(MAX_HEARD) {}
        for (client_id, pair) in std::mem::take(&mut self.pairs) {
            if pair.live.end.is_some() {
                self.finish(client_id, &pair);
            } else if pair.live.at.is_some() || pair.paper.at.is_some() {
                self.tally.let_go += 1;
            }
        }
    }

    /// Orders that are over since the last call.
    pub fn take_rows(&mut self) -> Vec<ShadowRow> {
        std::mem::take(&mut self.finished)
    }

    /// What all orders came to so far.
    pub fn tally(&self) -> ShadowTally {
        self.tally
    }

    fn take(&mut self, heard: Heard) {
        match heard {
            Heard::Market(event) => self.exchange.on_market(self.now, &event),
            Heard::Submitted(request) => self.put(request),
            Heard::CancelAsked(client_id, instrument) => self.cancel(client_id, instrument),
            Heard::Filled(fill) => self.live_filled(&fill),
            Heard::PaidInKind(client_id) => {
                if let Some(pair) = self.pairs.get_mut(&client_id) {
                    pair.live.fee_in_kind = true;
                }
            }
            Heard::Ended(client_id, reason) => self.live_ended(client_id, reason),
            Heard::Holds(instrument, qty) => self.hold(instrument, qty),
            Heard::ClockIsOff(offset) => self.clock_offset = offset,
        }
    }

    /// Puts an order to the exchange.
    fn put(&mut self, request: OrderRequest) {
        let (qty, follows_position) = match request.amount {
            Amount::Qty(qty) => (qty, false),
            Amount::ClosePosition => (self.positions.get(&request.instrument).copied().unwrap_or_default().abs(), true),
        };
        if qty.is_zero() {
            self.tally.let_go += 1;
            return;
        }
        if self.pairs.len() >= MAX_PAIRS {
            self.forget_the_oldest();
        }
        let pair = Pair::new(&request, qty, follows_position, self.now);
        self.pairs.insert(request.client_id, pair);
        let alone = OrderRequest { amount: Amount::Qty(qty), reduce_only: false, ..request };
        self.exchange.send_copy(self.now, self.account, alone);
    }

    fn cancel(&mut self, client_id: ClientOrderId, instrument: InstrumentId) {
        if let Some(pair) = self.pairs.get_mut(&client_id) {
            pair.is_cancelled = true;
        }
        self.exchange.send(self.now, self.account, VenueRequest::Cancel { client_id, instrument });
    }

    fn live_filled(&mut self, fill: &Fill) {
        let at = fill.at - self.clock_offset;
        if at < self.begun {
            return self.let_go(fill.client_id);
        }
        let Some(pair) = self.pairs.get_mut(&fill.client_id) else { return };
        pair.live.fill(fill.price, fill.qty, fill.fee, at);
        self.look_at(fill.client_id);
    }

    fn live_ended(&mut self, client_id: ClientOrderId, reason: DoneReason) {
        let Some(pair) = self.pairs.get_mut(&client_id) else { return };
        if pair.live.end.replace(reason).is_none() {
            self.ending.insert(self.now + PATIENCE, client_id);
        }
        self.look_at(client_id);
    }

    /// The position at the venue has changed, and with it what its close-position orders are for.
    fn hold(&mut self, instrument: InstrumentId, qty: Qty) {
        self.positions.insert(instrument, qty);
        if qty.is_zero() {
            return;
        }
        for (client_id, pair) in &mut self.pairs {
            let untouched = pair.live.end.is_none() && pair.live.at.is_none();
            if pair.follows_position && pair.instrument == instrument && untouched {
                pair.qty = qty.abs();
                self.exchange.resize(self.account, *client_id, pair.qty);
            }
        }
    }

    /// Takes in what the exchange has to say by now.
    fn listen(&mut self) {
        while let Some(delivery) = self.exchange.poll(self.now) {
            match delivery.report {
                VenueReport::Order(report) => self.paper_says(&report),
                VenueReport::Account(_) => {}
            }
        }
        self.exchange.drop_changes();
    }

    fn paper_says(&mut self, report: &OrderReport) {
        let accepted = report.body == ReportBody::Accepted;
        let Some(pair) = self.pairs.get_mut(&report.client_id) else {
            if accepted {
                self.cancel(report.client_id, report.instrument);
            }
            return;
        };
        match &report.body {
            // Requests overtake each other: what was asked while the order was on its way is asked again.
            ReportBody::Accepted if pair.is_cancelled => self.cancel(report.client_id, report.instrument),
            ReportBody::Accepted if pair.follows_position => {
                self.exchange.resize(self.account, report.client_id, pair.qty);
            }
            ReportBody::Accepted => {}
            ReportBody::Filled(fill) => {
                pair.paper.fill(fill.price, fill.qty, fill.fee, fill.at);
                if pair.paper.filled >= pair.qty {
                    pair.paper.end = Some(DoneReason::Filled);
                }
                self.exchange.forget_position(self.account, fill.instrument);
            }
            ReportBody::Rejected { .. } => pair.paper.end = Some(DoneReason::Rejected),
            ReportBody::Ended { reason, .. } => pair.paper.end = Some(*reason),
            ReportBody::Sent
            | ReportBody::NotSent { .. }
            | ReportBody::Triggered
            | ReportBody::Status { .. }
            | ReportBody::NotFound { .. }
            | ReportBody::Unanswered { .. }
            | ReportBody::CancelAnswered(_) => {}
        }
        self.look_at(report.client_id);
    }

    /// Is nothing more to come of this order?
    fn look_at(&mut self, client_id: ClientOrderId) {
        if self.pairs.get(&client_id).is_some_and(Pair::is_whole)
            && let Some(pair) = self.pairs.remove(&client_id)
        {
            self.finish(client_id, &pair);
        }
    }

    /// Closes those that were waited for long enough.
    fn lose_patience(&mut self) {
        while self.ending.next().is_some_and(|due| due <= self.now) {
            let Some((_, client_id)) = self.ending.take() else { return };
            if let Some(pair) = self.pairs.remove(&client_id) {
                self.cancel(client_id, pair.instrument);
                self.finish(client_id, &pair);
            }
        }
    }

    fn finish(&mut self, client_id: ClientOrderId, pair: &Pair) {
        if pair.lacks_fills() {
            self.tally.let_go += 1;
            return;
        }
        let row = pair.row(client_id);
        self.tally.count(&row);
        if row.live.at.is_some() || row.paper.at.is_some() {
            self.finished.push(row);
        }
    }

    fn forget_the_oldest(&mut self) {
        let oldest = self.pairs.iter().min_by_key(|(_, pair)| pair.sent_at).map(|(client_id, _)| *client_id);
        if let Some(client_id) = oldest {
            self.let_go(client_id);
        }
    }

    fn let_go(&mut self, client_id: ClientOrderId) {
        if let Some(pair) = self.pairs.remove(&client_id) {
            self.cancel(client_id, pair.instrument);
            self.tally.let_go += 1;
        }
    }

    /// Something was missed: nothing that is followed can be told of any more, and what is held is not known.
    fn give_up(&mut self) {
        let waiting = self.heard.drain(..).filter(|(_, heard)| matches!(heard, Heard::Submitted(_)));
        self.tally.let_go += waiting.count() as u64;
        let followed: Vec<_> = self.pairs.keys().copied().collect();
        followed.into_iter().for_each(|client_id| self.let_go(client_id));
        self.ending.clear();
        self.positions.clear();
    }
}

/// What of an action matters here.
fn heard_of(action: &Action) -> Option<Heard> {
    match action {
        Action::Send(VenueRequest::Submit(request)) => Some(Heard::Submitted(request.clone())),
        Action::Send(VenueRequest::Cancel { client_id, instrument }) => {
            Some(Heard::CancelAsked(*client_id, *instrument))
        }
        Action::Journal(row) => heard_of_row(row),
        Action::Send(
            VenueRequest::QueryOrder { .. }
            | VenueRequest::OpenOrders
            | VenueRequest::Positions
            | VenueRequest::Balance
            | VenueRequest::Fills { .. },
        )
        | Action::Notify(_)
        | Action::Backfill { .. }
        | Action::RestartFeed { .. }
        | Action::Leave { .. } => None,
    }
}

fn heard_of_row(row: &Journal) -> Option<Heard> {
    match row {
        Journal::Fill { fill, .. } => Some(Heard::Filled(*fill)),
        Journal::Order(order) => match order.stage {
            Stage::Done(reason) => {
                let client_id = order.intent.request.client_id;
                Some(Heard::Ended(client_id, reason))
            }
            Stage::Intended | Stage::Sent | Stage::Working => None,
        },
        Journal::FeeInKind(fee) => Some(Heard::PaidInKind(fee.client_id)),
        Journal::Position(position) => Some(Heard::Holds(position.instrument, position.qty)),
        Journal::Intent(_)
        | Journal::Trade(_)
        | Journal::Funding(_)
        | Journal::OpeningCash(_)
        | Journal::Transfer { .. }
        | Journal::Adjustment { .. }
        | Journal::Equity(_)
        | Journal::Signal(_)
        | Journal::State(_)
        | Journal::RiskMemory(_)
        | Journal::Halt { .. }
        | Journal::Shadow(_) => None,
    }
}
