//! Binance's market as a [`Feed`]: best prices, trades, mark prices, fundings and 1m bars, in real time.
//!
//! ```text
//!  connections (lane) ─► desk ─► the loop
//!  REST (history)     ─┘  one queue, bars without holes, the newest quote of each symbol
//! ```
//!
//! Everything runs in tasks; the loop only looks at the desk, and `arrivals` wakes it. Books are not read:
//! the loop decides on best prices, and an exchange that simulates fills beside it makes its depth from them.

mod desk;
mod history;
mod lane;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::rest::calls::market::exchange_info;
use super::rest::{Failure, Rest, RestError, START};
use super::rules::{Rules, RulesError};
use super::settings::{Schemes, Settings};
use crate::clock::SessionClock;
use crate::feed::{Feed, FeedError, FeedRecord};
use crate::protocol::{Bar, ConnectionState, FeedShape};
use crate::types::{InstrumentId, Instruments, Span, Symbol, Timeframe, Timestamp};

use desk::Desk;
use history::{Historian, Wanted};
use lane::Line;
use plan::{Lane, plan};

/// How often it is asked which symbols are traded.
const RULES_EVERY: Duration = Duration::from_secs(60);

/// Why the feed cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The venue could not be asked.
    #[error("Binance's rules could not be asked for: {0}")]
    Unreachable(String),
    /// A symbol or the plan of connections does not fit.
    #[error("{0}")]
    Symbols(String),
}

impl From<Failure> for OpenError {
    fn from(failure: Failure) -> OpenError {
        OpenError::Unreachable(failure.to_string())
    }
}

impl From<RulesError> for OpenError {
    fn from(error: RulesError) -> OpenError {
        OpenError::Symbols(error.to_string())
    }
}

/// The market of Binance.
#[derive(Debug)]
pub struct BinanceFeed {
    instruments: Arc<Instruments>,
    start: Timestamp,
    shape: FeedShape,
    host: String,
    desk: Desk,
    historian: Historian,
    lanes: Vec<Connection>,
    tasks: Tasks,
}

/// What runs for a feed, and what ends it.
#[derive(Debug)]
struct Tasks {
    tracker: TaskTracker,
    cancel: CancellationToken,
    beside: Handle,
}

impl Tasks {
    fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        let work = async move { cancel.run_until_cancelled(work).await };
        self.tracker.spawn_on(work, &self.beside);
    }
}

#[derive(Debug)]
struct Connection {
    lane: Arc<Lane>,
    restart: Arc<Notify>,
    stage: watch::Receiver<ConnectionState>,
}

/// What a feed needs beside its settings.
#[derive(Debug)]
pub struct Surroundings {
    /// With keys, brackets and fees are the account's.
    pub(crate) rest: Rest,
    /// Stamps what arrives.
    pub time: SessionClock,
    /// Told when something has arrived.
    pub arrivals: Arc<Notify>,
    /// Joins every task of the feed.
    pub tracker: TaskTracker,
    /// Ends them.
    pub cancel: CancellationToken,
    /// Where its questions are asked. Streams are heard where the feed is opened, which is best the loop's own thread: no other
    /// has to wake it for what they say.
    pub beside: Handle,
}

impl Surroundings {
    /// Those of a feed that needs no key.
    ///
    /// # Errors
    /// If an address of the settings cannot be used.
    pub fn without_keys(
        settings: &Settings,
        time: SessionClock,
        arrivals: Arc<Notify>,
        tracker: TaskTracker,
        cancel: CancellationToken,
    ) -> Result<Surroundings, RestError> {
        let rest = Rest::new(settings, None, time, None)?;
        Ok(Surroundings { rest, time, arrivals, tracker, cancel, beside: Handle::current() })
    }
}

impl BinanceFeed {
    /// Opens the feed: measures the venue's clock, asks for its rules, plans the connections and begins them. With keys,
    /// brackets and fees are the account's.
    ///
    /// # Errors
    /// If the venue cannot be asked, a symbol is not traded, or the plan does not fit the venue's limits.
    pub async fn open(settings: &Settings, symbols: &[Symbol], around: Surroundings) -> Result<BinanceFeed, OpenError> {
        let Surroundings { rest, time, arrivals, tracker, cancel, beside } = around;
        rest.with_room(START, async || rest.sync_clock().await).await?;
        let mut rules = Rules::ask(&rest, START).await?;
        if rest.has_keys() {
            rules.ask_account(&rest, symbols).await?;
        }
        let instruments = Arc::new(rules.instruments(symbols)?);
        let lanes = plan(&instruments, settings.trades).map_err(OpenError::Symbols)?;
        let base = Schemes::STREAM.read("stream_url", &settings.stream_url).map_err(OpenError::Symbols)?;
        // The history ends with the minute in which the session begins by our clock, and the streams go by the venue's: by
        // the earlier of both, no bar falls between them.
        let start = time.now();
        let desk = Desk::new(&instruments, start.min(rest.now()), time, arrivals);
        let historian = Historian::new(rest.clone(), desk.clone(), instruments.clone());
        let line = Arc::new(Line {
            base,
            silence: settings.silence_limit.to_std(),
            renew_after: settings.renew_after.to_std(),
            desk: desk.clone(),
            tracker: tracker.clone(),
            cancel: cancel.clone(),
            rest,
        });
        let lanes = lanes.into_iter().map(|lane| begin(lane, &line)).collect();
        let tasks = Tasks { tracker, cancel, beside };
        tasks.run(historian.clone().repair());
        tasks.run(watch_rules(historian.clone()));
        let shape = FeedShape { quotes: true, trades: settings.trades, mark: true, depth: false };
        let host = settings.rest_url.clone();
        Ok(BinanceFeed { instruments, start, shape, host, desk, historian, lanes, tasks })
    }

    /// How far each connection has come.
    pub fn stages(&self) -> Vec<ConnectionState> {
        self.lanes.iter().map(|one| *one.stage.borrow()).collect()
    }

    /// Quotes that gave way to newer ones before anybody looked.
    pub fn conflated(&self) -> u64 {
        self.desk.conflated()
    }

    fn ask(&self, wanted: Wanted) {
        self.tasks.run(self.historian.clone().answer(wanted));
    }
}

fn begin(lane: Lane, line: &Arc<Line>) -> Connection {
    let (lane, restart) = (Arc::new(lane), Arc::new(Notify::new()));
    let (sender, stage) = watch::channel(ConnectionState::Lost);
    line.tracker.spawn(lane::keep(lane.clone(), line.clone(), restart.clone(), sender));
    Connection { lane, restart, stage }
}

/// Tells the desk which symbols are traded, and keeps up with the venue's clock.
async fn watch_rules(historian: Historian) {
    loop {
        tokio::time::sleep(RULES_EVERY).await;
        if let Err(failure) = historian.rest.sync_clock().await {
            tracing::debug!(%failure, "the venue's clock could not be asked for");
        }
        match historian.rest.call(exchange_info()).await {
            Ok(info) => {
                historian.rest.learn_limits(&info);
                for (id, one) in historian.instruments.iter() {
                    let listed = info.symbols.iter().find(|info| info.symbol == one.venue_symbol);
                    historian.desk.tradable(id, listed.is_some_and(|info| info.status == "TRADING"));
                }
            }
            Err(failure) => tracing::warn!(%failure, "the venue's rules could not be asked for"),
        }
    }
}

impl Feed for BinanceFeed {
    fn shape(&self) -> FeedShape {
        self.shape
    }

    fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    fn identity(&self) -> String {
        let symbols: Vec<_> = self.instruments.iter().map(|(_, one)| one.venue_symbol.as_str()).collect();
        format!("binance {} {}", self.host, symbols.join(","))
    }

    fn describe(&self) -> String {
        let count = self.instruments.len();
        format!("Binance USDⓈ-M, {count} symbols over {} connections ({})", self.lanes.len(), self.host)
    }

    fn start_at(&self) -> Timestamp {
        self.start
    }

    fn next_at(&mut self) -> Option<Timestamp> {
        self.desk.head()
    }

    fn has_ended(&mut self) -> bool {
        false
    }

    fn behind(&self) -> Span {
        self.desk.behind()
    }

    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        self.desk.take()
    }

    fn history(&mut self, _: InstrumentId, _: Timeframe, _: usize, _: Timestamp) -> Result<Vec<Bar>, FeedError> {
        Err(FeedError::NotAtHand)
    }

    fn backfill(&mut self, _: InstrumentId, _: Timestamp, _: Timestamp) -> Result<Vec<Bar>, FeedError> {
        Err(FeedError::NotAtHand)
    }

    fn ask_history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        self.ask(Wanted::history(instrument, timeframe, bars, before));
        Ok(None)
    }

    fn ask_backfill(
        &mut self,
        instrument: InstrumentId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        self.ask(Wanted::backfill(instrument, from, until));
        Ok(None)
    }

    /// A market that is listened to cannot be wound back.
    fn seek(&mut self, _: Timestamp) -> Result<(), FeedError> {
        Ok(())
    }

    fn restart(&mut self, instrument: InstrumentId) {
        for one in self.lanes.iter().filter(|one| one.lane.instruments.contains(&instrument)) {
            one.restart.notify_one();
        }
    }
}

impl Drop for BinanceFeed {
    fn drop(&mut self) {
        self.tasks.cancel.cancel();
    }
}

#[cfg(test)]
mod tests;
