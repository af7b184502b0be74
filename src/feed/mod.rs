//! Where market data comes from. A [`Feed`] is pulled: whoever turns the session's crank asks for the instant
//! of the next record and takes it when its time has come, so that a feed needs no clock, no task and no queue. One
//! that listens to a real market has them behind it: its records are what has arrived, each at the instant of its arrival.
//!
//! Three feeds stand here: [`synthetic`], a market made from a seed; [`mod@file`], recorded 1m bars; and
//! [`ticks`], trades, best prices and order books as they were recorded or published. [`faults`] wraps any of them, and
//! [`excerpt`] holds a stretch of one.

pub mod book;
pub mod excerpt;
pub mod faults;
pub mod file;
pub mod instruments;
pub mod synthetic;
pub mod ticks;

mod aggregate;
mod cache;
mod error;
mod random;
mod settings;
mod spec;
mod tape;

use crate::protocol::{Bar, FeedShape, MarketData, MarketEvent};
use crate::types::{InstrumentId, Instruments, Span, Symbol, Timeframe, Timestamp};

pub use cache::Cache;
pub use error::{FeedError, Segment};
pub use file::fingerprint;
pub use settings::{Settings, SyntheticSettings};
pub use spec::{FeedSpec, TimeRange};
pub use tape::Tape;

/// Most bars that one call of [`Feed::history`] gives: 250-period indicators need 1,000, and ten times that
/// bounds what a mistaken caller can ask to be built.
pub const MAX_HISTORY_BARS: usize = 10_000;

/// Most 1m bars that one call of [`Feed::backfill`] gives: a week. A longer hole is a restart's warm-up.
pub const MAX_BACKFILL_BARS: usize = 10_080;

/// One piece of market data and its instant.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedRecord {
    /// When it is said. A 1m bar is said when it closes.
    pub at: Timestamp,
    /// What is said.
    pub event: MarketEvent,
}

/// A source of market data, in time order.
///
/// Records never go back in time. Within one instant they go by instrument, and within an instrument mark,
/// quote, depth and trade come before a funding, and the bar that closes then comes last, so that who decides
/// at a bar's close knows the prices of that instant. Ticks keep the order in which they were written down, and a bar made of
/// them comes before the ticks of the instant at which it closes, which are the next bar's.
pub trait Feed: Send {
    /// What the feed carries.
    fn shape(&self) -> FeedShape;

    /// What is traded, in the order of the symbols asked for.
    fn instruments(&self) -> &Instruments;

    /// A text that two feeds share exactly if they say the same things: kind, symbols, range, seed, contents of
    /// the files. A paper venue is bound to it.
    fn identity(&self) -> String;

    /// A line for people.
    fn describe(&self) -> String;

    /// When the session begins; warm-up ends here. Every record is after this instant.
    fn start_at(&self) -> Timestamp;

    /// The instant of the next record, or `None` at the end. An error waiting to be told counts as a record at
    /// the instant of the last one.
    fn next_at(&mut self) -> Option<Timestamp>;

    /// Has it said everything? One that listens to a real market never has: it only has nothing to say now, and the
    /// instant of its next record is none.
    fn has_ended(&mut self) -> bool {
        self.next_at().is_none()
    }

    /// How far what it says lies behind its source, in wall time, where the source tells.
    fn behind(&self) -> Span {
        Span::ZERO
    }

    /// The next record. After the end, and after an error, there is none.
    ///
    /// # Errors
    /// When the source is found damaged at this place.
    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>>;

    /// Up to `bars` bars that closed at or before `before`, oldest first: as many as the source holds without a
    /// hole of over an hour, and at most [`MAX_HISTORY_BARS`]. A higher bar with missing minutes is left out.
    ///
    /// # Errors
    /// When the source cannot be asked.
    fn history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError>;

    /// The 1m bars that opened at or after `from` and before `until`, oldest first: those the source holds, and
    /// of more than [`MAX_BACKFILL_BARS`] the newest.
    ///
    /// # Errors
    /// When the source cannot be asked.
    fn backfill(&mut self, instrument: InstrumentId, from: Timestamp, until: Timestamp) -> Result<Vec<Bar>, FeedError>;

    /// Asks for [`Feed::history`] without waiting for it. The bars, if the feed has them at hand; else none, and they
    /// come as a record of [`MarketData::History`].
    ///
    /// # Errors
    /// When the source cannot be asked.
    fn ask_history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        self.history(instrument, timeframe, bars, before).map(Some)
    }

    /// Asks for [`Feed::backfill`] in the same way; what comes is of 1m bars.
    ///
    /// # Errors
    /// When the source cannot be asked.
    fn ask_backfill(
        &mut self,
        instrument: InstrumentId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        self.backfill(instrument, from, until).map(Some)
    }

    /// Goes on with the first record strictly after `at`, exactly as if all before had been taken.
    ///
    /// # Errors
    /// When the source is damaged on the way there.
    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError>;

    /// Asked for when an instrument's data is lost. Feeds without a connection have nothing to restart.
    fn restart(&mut self, _instrument: InstrumentId) {}
}

impl Feed for Box<dyn Feed> {
    fn shape(&self) -> FeedShape {
        (**self).shape()
    }
    fn instruments(&self) -> &Instruments {
        (**self).instruments()
    }
    fn identity(&self) -> String {
        (**self).identity()
    }
    fn describe(&self) -> String {
        (**self).describe()
    }
    fn start_at(&self) -> Timestamp {
        (**self).start_at()
    }
    fn next_at(&mut self) -> Option<Timestamp> {
        (**self).next_at()
    }
    fn has_ended(&mut self) -> bool {
        (**self).has_ended()
    }
    fn behind(&self) -> Span {
        (**self).behind()
    }
    fn next(&mut self) -> Option<Result<FeedRecord, FeedError>> {
        (**self).next()
    }
    fn history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Vec<Bar>, FeedError> {
        (**self).history(instrument, timeframe, bars, before)
    }
    fn backfill(&mut self, instrument: InstrumentId, from: Timestamp, until: Timestamp) -> Result<Vec<Bar>, FeedError> {
        (**self).backfill(instrument, from, until)
    }
    fn ask_history(
        &mut self,
        instrument: InstrumentId,
        timeframe: Timeframe,
        bars: usize,
        before: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        (**self).ask_history(instrument, timeframe, bars, before)
    }
    fn ask_backfill(
        &mut self,
        instrument: InstrumentId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Vec<Bar>>, FeedError> {
        (**self).ask_backfill(instrument, from, until)
    }
    fn seek(&mut self, at: Timestamp) -> Result<(), FeedError> {
        (**self).seek(at)
    }
    fn restart(&mut self, instrument: InstrumentId) {
        (**self).restart(instrument);
    }
}

/// Opens the feed that `spec` names: `synthetic`, or `file:PATH` or `ticks:PATH`, where the path is a file or a folder of
/// recorded data. The synthetic market alone reads `seed`.
///
/// # Errors
/// When the spec, the settings, a symbol or a file is wrong; see [`FeedError`].
pub fn open(
    settings: &Settings,
    spec: &str,
    symbols: &[Symbol],
    timerange: Option<TimeRange>,
    seed: u64,
) -> Result<Box<dyn Feed>, FeedError> {
    Tape::open(settings, spec, symbols, timerange, seed, &Cache::off())?.feed()
}

/// The place of a kind of record among an instrument's records of one instant.
fn rank(data: &MarketData) -> u8 {
    match data {
        MarketData::Tradable(_) => 0,
        MarketData::Mark(_) => 1,
        MarketData::Quote(_) => 2,
        MarketData::Depth(_) => 3,
        MarketData::Trade(_) => 4,
        MarketData::Funding(_) => 5,
        MarketData::History { .. } => 6,
        MarketData::Bar(_) => 7,
    }
}
