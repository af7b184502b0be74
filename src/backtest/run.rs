//! Strategies over recorded data: the engine and the simulated exchange that trade on paper, without a runtime, a ledger or
//! a recorder around them.

use super::books::Books;
use crate::engine::{Engine, Identity, Rooms};
use crate::exchange::{self, AccountConfig, AccountId, Exchange, MarginMode};
use crate::feed::{Feed, FeedError};
use crate::protocol::{
    Action, Actions, Event, Journal, Keep, MarketData, MarketEvent, OrderReport, ReportBody, VenueReport, VenueRequest,
    View,
};
use crate::session::{Session, Source};
use crate::strategy::Guest;
use crate::types::{Exit, InstrumentId, Span, Timeframe, Timestamp};

/// Who trades in a backtest; two runs have the same client order ids.
const IDENTITY: Identity = Identity { account: *b"back", instance: *b"00" };
/// Session time that the start may take: the simulated venue answers within tenths of a second.
const START_PATIENCE: Span = Span::mins(5);
/// The books are compared with the venue's this often. On paper it is every few seconds, to find what an answer that was lost
/// kept from us; here nothing is lost on the way, and what is asked for changes nothing.
const POLL_EVERY: Span = Span::HOUR;
/// Records of the feed between two words of progress.
const PROGRESS_EVERY: u64 = 1 << 14;

/// What is run.
pub struct Plan {
    /// Where market data comes from.
    pub feed: Box<dyn Feed>,
    /// The engine's rooms.
    pub rooms: Rooms,
    /// Strategies that come as code, beside those of the rooms.
    pub guests: Vec<Guest>,
    /// The simulated exchange.
    pub exchange: exchange::Settings,
    /// Of the exchange's latencies.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// When the first record could be traded on.
    pub started_at: Timestamp,
    /// The instant of the last record.
    pub ended_at: Timestamp,
    /// Records that the feed gave.
    pub records: u64,
    /// Steps of the engine: records, answers of the venue, and timers.
    pub events: u64,
    /// The engine at the end.
    pub view: View,
    /// What was written down.
    pub books: Books,
    /// Why the engine ended the run before the feed did, if it did.
    pub left: Option<String>,
}

/// Why a backtest cannot be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// The data is damaged.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The engine did not get ready.
    #[error("the engine was not ready after {START_PATIENCE} of session time: it waited for {0}")]
    NotReady(String),
}

impl BacktestError {
    /// The exit code of it.
    pub const fn exit(&self) -> Exit {
        match self {
            BacktestError::Feed(_) => Exit::Configuration,
            BacktestError::NotReady(_) => Exit::Failed,
        }
    }
}

/// Runs a plan to the end of its feed. `progress` hears the session time now and then.
///
/// # Errors
/// If the data is damaged, or the engine does not get ready.
pub fn run(plan: Plan, mut progress: impl FnMut(Timestamp)) -> Result<Outcome, BacktestError> {
    let mut run = Run::begin(plan, Keep::Results)?;
    while run.left.is_none() && run.feed_at.is_some() {
        run.turn()?;
        if run.records.is_multiple_of(PROGRESS_EVERY) {
            progress(run.session.at());
        }
    }
    Ok(run.end())
}

/// Runs a plan and gives every row that a ledger would have of it, in place of what came of it.
///
/// # Errors
/// As [`run`].
pub fn journal(plan: Plan) -> Result<Vec<Journal>, BacktestError> {
    let mut run = Run::begin(plan, Keep::Everything)?;
    while run.left.is_none() && run.feed_at.is_some() {
        run.turn()?;
    }
    Ok(run.books.rows.unwrap_or_default())
}

/// A backtest under way.
struct Run {
    session: Session,
    feed: Box<dyn Feed>,
    exchange: Exchange,
    account: AccountId,
    books: Books,
    started_at: Timestamp,
    records: u64,
    left: Option<String>,
    /// What the step at hand wants done.
    actions: Actions,
    /// When the feed goes on.
    feed_at: Option<Timestamp>,
}

impl Run {
    /// Everything until the engine is ready to trade.
    fn begin(plan: Plan, keep: Keep) -> Result<Run, BacktestError> {
        let Plan { mut feed, mut rooms, guests, exchange, seed } = plan;
        (rooms.engine.poll_orders, rooms.engine.poll_positions) = (POLL_EVERY, POLL_EVERY);
        let (instruments, shape, started_at) = (feed.instruments().clone(), feed.shape(), feed.start_at());
        let account = AccountConfig {
            balance: rooms.risk.capital_usdt,
            leverage: rooms.risk.leverage,
            hedge: false,
            margin: MarginMode::Cross,
        };
        let mut exchange = Exchange::new(exchange, instruments.clone(), shape, seed);
        let account = exchange.open_account(account);
        let engine = Engine::with_guests(rooms, guests, IDENTITY, &instruments, shape);
        let session = Session::new(engine, started_at, 0);
        let books = Books::new(keep);
        let actions = Actions::new(keep);
        let feed_at = feed.next_at();
        let mut run =
            Run { session, feed, exchange, account, books, started_at, records: 0, left: None, actions, feed_at };
        run.session.push(started_at, Source::Ledger, Event::Recovered(Box::default()));
        run.warm_up()?;
        run.reconcile()?;
        Ok(run)
    }

    fn warm_up(&mut self) -> Result<(), BacktestError> {
        let needs = self.session.engine().history_plan(self.started_at);
        let instruments: Vec<InstrumentId> = self.feed.instruments().ids().collect();
        for instrument in instruments {
            for need in &needs {
                let wanted = usize::try_from(need.bars).unwrap_or(usize::MAX);
                let bars = self.feed.history(instrument, need.timeframe, wanted, self.started_at)?;
                self.tell(self.started_at, instrument, MarketData::History { timeframe: need.timeframe, bars });
            }
        }
        Ok(())
    }

    fn reconcile(&mut self) -> Result<(), BacktestError> {
        while !self.session.engine().is_ready() {
            let late = self.session.at() - self.started_at > START_PATIENCE;
            if late || !self.turn()? {
                return Err(BacktestError::NotReady(self.session.engine().view().waiting_for.join(", ")));
            }
        }
        Ok(())
    }

    /// Takes what is earliest: a step of the engine, else a word of the venue, else a record of the feed. False if there is
    /// nothing left.
    fn turn(&mut self) -> Result<bool, BacktestError> {
        let venue = self.exchange.next_due();
        let outside = Timestamp::earliest([venue, self.feed_at]);
        let until = outside.unwrap_or(Timestamp::MAX);
        if !self.session.is_idle_until(until) && self.session.next_at().is_some_and(|at| at <= until) {
            self.step()?;
        } else if outside.is_none() {
            return Ok(false);
        } else if venue == outside {
            self.hear_venue(until);
        } else {
            self.take_record()?;
        }
        Ok(true)
    }

    /// Takes the next record of the feed, before which nothing is due.
    fn take_record(&mut self) -> Result<(), BacktestError> {
        let next = self.feed.next();
        let record = match next {
            Some(Ok(ref record)) => record,
            Some(Err(error)) => return Err(error.into()),
            None => return Ok(()),
        };
        self.feed_at = self.feed.next_at();
        self.records += 1;
        self.exchange.on_market(record.at, &record.event);
        let decides = !matches!(record.event.data, MarketData::Depth(_));
        if !self.exchange.is_idle_until(record.at) {
            // It happened within what the record tells, and is known before it.
            while self.hear_venue(record.at) {}
            if decides {
                self.session.push(record.at, Source::Market, Event::Market(record.event.clone()));
            }
            while self.session.next_at().is_some_and(|at| at <= record.at) {
                self.step()?;
            }
        } else if decides {
            self.session.take(record.at, &record.event, &mut self.actions);
            if !self.actions.is_empty() {
                self.carry_out(record.at)?;
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), BacktestError> {
        match self.session.step(&mut self.actions) {
            Some(stamped) if !self.actions.is_empty() => self.carry_out(stamped.at),
            Some(_) | None => Ok(()),
        }
    }

    /// Queues the next word of the exchange until an instant. False if there is none.
    fn hear_venue(&mut self, until: Timestamp) -> bool {
        let delivery = self.exchange.poll(until);
        self.exchange.drop_changes();
        let Some(delivery) = delivery else { return false };
        self.session.push(delivery.at, Source::Venue, Event::Venue(delivery.report));
        true
    }

    fn carry_out(&mut self, at: Timestamp) -> Result<(), BacktestError> {
        let actions = std::mem::take(&mut self.actions);
        for action in &*actions {
            match action {
                Action::Journal(row) => self.books.write(row),
                Action::Send(request) => self.send(at, request),
                Action::Backfill { instrument, from, until } => {
                    let bars = self.feed.backfill(*instrument, *from, *until)?;
                    self.tell(at, *instrument, MarketData::History { timeframe: Timeframe::M1, bars });
                }
                Action::RestartFeed { instrument } => {
                    self.feed.restart(*instrument);
                    self.feed_at = self.feed.next_at();
                }
                Action::Leave { exit: _, reason } => self.left = Some(reason.clone()),
                Action::Notify(_) => {}
            }
        }
        self.actions = actions;
        Ok(())
    }

    fn send(&mut self, at: Timestamp, request: &VenueRequest) {
        if let VenueRequest::Submit(order) = request {
            let report = OrderReport {
                client_id: order.client_id,
                instrument: order.instrument,
                venue_order_id: None,
                venue_time: at,
                body: ReportBody::Sent,
            };
            self.session.push(at, Source::Venue, Event::Venue(VenueReport::Order(report)));
        }
        self.exchange.send(at, self.account, request.clone());
    }

    fn tell(&mut self, at: Timestamp, instrument: InstrumentId, data: MarketData) {
        self.session.push(at, Source::Market, Event::Market(MarketEvent { instrument, data }));
    }

    fn end(mut self) -> Outcome {
        self.books.close();
        Outcome {
            started_at: self.started_at,
            ended_at: self.session.at(),
            records: self.records,
            events: self.session.seq(),
            view: self.session.engine().view(),
            books: self.books,
            left: self.left,
        }
    }
}
