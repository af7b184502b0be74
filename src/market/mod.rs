//! What the market looks like: bars by timeframe, quotes, mark, funding, and how fresh they are.
//!
//! [`Market::absorb`] takes one piece of market data and says which bars closed with it. Bars of a timeframe
//! come out in order and each once: its history first, then what 1m bars build, aligned to UTC. A 1m bar that
//! is missing holds back the bars behind it until its filling comes; each instrument waits for itself alone.
//!
//! Strategies and risk read prices here and nowhere else, so what a feed lacks is made in one place: of bars
//! alone, the mark is the last close and the quote lies to either side of it.

#![deny(clippy::float_arithmetic)]

mod bars;
mod freshness;
pub mod indicator;
mod iteration;
mod lane;
mod prices;
mod settings;
#[cfg(test)]
pub(crate) mod tests;

use bars::{Bars, Refused};
use freshness::Ages;
pub use freshness::Freshness;
use iteration::Iterations;
use prices::Prices;
use serde::{Deserialize, Serialize};
pub use settings::{InvalidSetting, Settings};

use crate::protocol::{Bar, FeedShape, Funding, Mark, MarketData, MarketEvent, Quote};
use crate::types::{Calendar, InstrumentId, Instruments, Price, Rate, Span, Timeframe, Timestamp};

/// Closed bars of one timeframe that somebody wants to have seen before deciding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Their length.
    pub timeframe: Timeframe,
    /// How many.
    pub bars: u32,
}

/// What came of one piece of market data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absorbed {
    /// Of which instrument all of it is.
    pub instrument: InstrumentId,
    /// Bars that closed with it: oldest first, and of those that closed together the longest first.
    pub closed: Vec<ClosedBar>,
    /// 1m bars that are missing. Later bars are held back until they come as history, which may be short or
    /// empty if the source does not have them either. Each further bar asks again.
    pub gap: Option<Gap>,
    /// Open time of the minute that is now closed over all symbols that are not late: one iteration.
    pub iteration: Option<Timestamp>,
}

impl Absorbed {
    /// Nothing has come of anything of this instrument yet; the room for bars is kept.
    pub fn clear(&mut self, instrument: InstrumentId) {
        self.closed.clear();
        (self.instrument, self.gap, self.iteration) = (instrument, None, None);
    }
}

/// A bar that will not change any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedBar {
    /// Its length.
    pub timeframe: Timeframe,
    /// The bar.
    pub bar: Bar,
    /// May a decision be taken on it? Not on history, and not on a bar that closed longer ago than it lasted.
    pub live: bool,
}

/// Missing 1m bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Open time of the first missing bar.
    pub from: Timestamp,
    /// Open time of the first bar after it that is there.
    pub until: Timestamp,
}

/// Market data that was not taken, by what was wrong with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drops {
    /// Bars that had come before; of two that are still held back the later one counts.
    pub duplicate: u64,
    /// Bars older than one that already went out.
    pub older: u64,
    /// Bars, quotes, trades and marks that contradict themselves.
    pub inconsistent: u64,
    /// Bars that had not closed.
    pub unfinished: u64,
}

/// All instruments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    settings: Settings,
    shape: FeedShape,
    /// Laid out like [`Instruments`].
    books: Vec<Book>,
    /// Since when data is expected.
    expected_from: Option<Timestamp>,
    /// When each instrument's freshness next gets worse if nothing comes, or an earlier instant: see [`Book::punctual`].
    deadlines: Calendar,
    iterations: Iterations,
}

/// One instrument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Book {
    bars: Bars,
    prices: Prices,
    ages: Ages,
    /// Was nothing late when its deadline was last found? Then whatever comes only puts the deadline off, and it is found
    /// anew when it is asked for or has come.
    punctual: bool,
    tradable: bool,
    drops: Drops,
}

impl Market {
    /// A market without data yet, whose bars come out once the history that `needs` ask for has come.
    pub fn new(instruments: &Instruments, shape: FeedShape, needs: &[Need], settings: Settings) -> Market {
        let book = Book {
            bars: Bars::new(needs),
            prices: Prices::default(),
            ages: Ages::default(),
            punctual: false,
            tradable: true,
            drops: Drops::default(),
        };
        Market {
            settings,
            shape,
            books: vec![book; instruments.len()],
            expected_from: None,
            deadlines: Calendar::new(instruments.len()),
            iterations: Iterations::default(),
        }
    }

    /// Takes one piece of market data that came at `at`. One about an instrument of another table is ignored.
    pub fn absorb(&mut self, at: Timestamp, event: &MarketEvent) -> Absorbed {
        let mut out = Absorbed::default();
        self.absorb_into(at, event, &mut out);
        out
    }

    /// The same into `out`, in place of what is there.
    pub fn absorb_into(&mut self, at: Timestamp, event: &MarketEvent, out: &mut Absorbed) {
        out.clear(event.instrument);
        let Some(book) = self.books.get_mut(event.instrument.index()) else { return };
        let arrived = book.absorb(at, &event.data, out);
        if arrived && self.expected_from.is_none() {
            self.expect_data(at);
        } else if arrived && !book.punctual {
            self.schedule(at, event.instrument.index());
        }
        if !out.closed.is_empty() {
            self.count_iterations(at, out);
        }
    }

    /// Time has come to `at`: what was due by then is due no more. To be called at every step.
    pub fn pass(&mut self, at: Timestamp) {
        while let Some(place) = self.deadlines.take_due(at) {
            self.schedule(at, place);
        }
    }

    /// From `at` on data is expected of every instrument. Without this it is from the first that comes.
    pub fn expect_data(&mut self, at: Timestamp) {
        self.expected_from = Some(at);
        (0..self.books.len()).for_each(|place| self.schedule(at, place));
    }

    /// The feed has no more history of this instrument than what came. Bars that waited for more come out.
    pub fn mark_history_complete(&mut self, at: Timestamp, id: InstrumentId) -> Absorbed {
        let mut out = Absorbed { instrument: id, ..Absorbed::default() };
        if let Some(book) = self.books.get_mut(id.index()) {
            book.bars.complete(at, &mut out);
        }
        self.count_iterations(at, &mut out);
        out
    }

    /// What to load before trading at `at`, longest timeframe first. It is at least what was needed, and of
    /// 1m bars the minutes so far of every longer bar in the making.
    pub fn history_plan(&self, at: Timestamp) -> Vec<Need> {
        self.books.first().map(|book| book.bars.plan(at)).unwrap_or_default()
    }

    /// Has history of every timeframe come, however long it was?
    pub fn has_history(&self, id: InstrumentId) -> bool {
        self.book(id).is_some_and(|book| book.bars.has_history())
    }

    /// Has every need been met, by history, by live bars, or by [`Market::mark_history_complete`]?
    pub fn is_warm(&self, id: InstrumentId) -> bool {
        self.book(id).is_some_and(|book| book.bars.is_warm())
    }

    /// The missing bars that the instrument waits for.
    pub fn gap(&self, id: InstrumentId) -> Option<Gap> {
        self.book(id)?.bars.gap()
    }

    /// The price to value positions at: the mark, or the last price until one came.
    pub fn price(&self, id: InstrumentId) -> Option<Price> {
        self.mark(id).or_else(|| self.last(id))
    }

    /// The venue's mark price; where the feed has none, the last price.
    pub fn mark(&self, id: InstrumentId) -> Option<Price> {
        self.book(id)?.prices.mark(self.shape)
    }

    /// The last price that was traded at, be it known from a trade or from a bar.
    pub fn last(&self, id: InstrumentId) -> Option<Price> {
        self.book(id)?.prices.last()
    }

    /// Best bid and ask; where the feed has none, made from the last price, with quantities of zero.
    pub fn quote(&self, id: InstrumentId) -> Option<Quote> {
        self.book(id)?.prices.quote(self.shape, self.settings.bar_spread)
    }

    /// The funding to come, if the feed says.
    pub fn next_funding(&self, id: InstrumentId) -> Option<(Rate, Timestamp)> {
        self.book(id)?.prices.mark.map(|mark| (mark.funding_rate, mark.next_funding))
    }

    /// The funding that was last settled, if the feed said.
    pub fn last_funding(&self, id: InstrumentId) -> Option<Funding> {
        self.book(id)?.prices.funding
    }

    /// Open time of the last closed 1m bar that went out.
    pub fn last_bar(&self, id: InstrumentId) -> Option<Timestamp> {
        self.book(id)?.bars.last_minute()
    }

    /// When data of the instrument last came; history does not count.
    pub fn last_data(&self, id: InstrumentId) -> Option<Timestamp> {
        self.book(id)?.ages.any
    }

    /// Does the venue trade the instrument now?
    pub fn tradable(&self, id: InstrumentId) -> bool {
        self.book(id).is_some_and(|book| book.tradable)
    }

    /// Is the instrument's data young enough?
    pub fn freshness(&self, id: InstrumentId, at: Timestamp) -> Freshness {
        if self.books.len() <= id.index() {
            return Freshness::Lost { since: at };
        }
        self.judge(at, id.index())
    }

    /// The next instant at which some instrument's freshness gets worse if nothing comes.
    pub fn next_deadline(&mut self) -> Option<Timestamp> {
        let mut found = None;
        loop {
            let (at, place) = self.deadlines.first()?;
            if found == Some(place) || !self.books[place].punctual {
                return Some(at);
            }
            // Data exactly at its limit is in time, so that nothing is late at the instant before.
            self.schedule(at - Span::nanos(1), place);
            found = Some(place);
        }
    }

    /// The same or an earlier instant, without searching.
    pub fn earliest_deadline(&self) -> Option<Timestamp> {
        self.deadlines.next()
    }

    /// Closed minutes over all symbols so far.
    pub fn iterations(&self) -> u64 {
        self.iterations.done
    }

    /// What was not taken of the instrument's data.
    pub fn drops(&self, id: InstrumentId) -> Drops {
        self.book(id).map(|book| book.drops).unwrap_or_default()
    }

    /// What the feed carries.
    pub fn shape(&self) -> FeedShape {
        self.shape
    }

    fn book(&self, id: InstrumentId) -> Option<&Book> {
        self.books.get(id.index())
    }

    fn judge(&self, at: Timestamp, place: usize) -> Freshness {
        let book = &self.books[place];
        if book.punctual && self.deadlines.of(place).is_some_and(|deadline| at < deadline) {
            return Freshness::Live;
        }
        book.ages.judge(at, self.expected_from, (&self.settings, self.shape))
    }

    fn schedule(&mut self, at: Timestamp, place: usize) {
        let (rule, book) = ((&self.settings, self.shape), &mut self.books[place]);
        let (change, punctual) = book.ages.next_change(at, self.expected_from, rule);
        book.punctual = punctual;
        self.deadlines.set(place, change);
    }

    fn count_iterations(&mut self, at: Timestamp, out: &mut Absorbed) {
        let mut iterations = std::mem::take(&mut self.iterations);
        let minutes = out.closed.iter().filter(|closed| closed.timeframe == Timeframe::M1 && closed.live);
        for minute in minutes.map(|closed| closed.bar.open_time) {
            let closed = |book: &Book| book.bars.last_minute().is_some_and(|last| last >= minute);
            let is_done =
                |place: usize| self.books.get(place).map(|book| closed(book) || !self.judge(at, place).is_live());
            out.iteration = iterations.closed(minute, is_done).or(out.iteration);
        }
        self.iterations = iterations;
    }
}

impl Book {
    /// Takes one piece of data in; did it come live, and well?
    fn absorb(&mut self, at: Timestamp, data: &MarketData, out: &mut Absorbed) -> bool {
        let taken = match data {
            MarketData::Bar(bar) => self.bar(at, bar, out),
            MarketData::Quote(quote) => {
                let good = prices::is_consistent(quote);
                if good {
                    self.prices.quote = Some(*quote);
                    self.ages.quote = Some(at);
                }
                good
            }
            MarketData::Trade(trade) => {
                let good = trade.price.is_positive() && !trade.qty.is_negative();
                if good {
                    self.prices.traded(at, trade.price);
                }
                good
            }
            MarketData::Mark(mark) => self.mark(at, mark),
            MarketData::Funding(funding) => {
                self.prices.funding = Some(*funding);
                return false;
            }
            MarketData::History { timeframe, bars } => {
                self.history(at, *timeframe, bars, out);
                return false;
            }
            MarketData::Tradable(tradable) => {
                self.tradable = *tradable;
                return false;
            }
            MarketData::Depth(_) => return false,
        };
        if taken {
            self.ages.any = Some(at);
        } else if !matches!(data, MarketData::Bar(_)) {
            self.drops.inconsistent += 1;
        }
        taken
    }

    fn bar(&mut self, at: Timestamp, bar: &Bar, out: &mut Absorbed) -> bool {
        match self.bars.bar(at, bar, out) {
            Ok(()) => {
                let closed = (bar.open_time + Span::MINUTE).min(at);
                self.prices.traded(closed, bar.close);
                self.ages.bar = self.ages.bar.max(Some(closed));
                return true;
            }
            Err(Refused::Duplicate) => self.drops.duplicate += 1,
            Err(Refused::Older) => self.drops.older += 1,
            Err(Refused::Inconsistent) => self.drops.inconsistent += 1,
            Err(Refused::Unfinished) => self.drops.unfinished += 1,
        }
        false
    }

    fn mark(&mut self, at: Timestamp, mark: &Mark) -> bool {
        let good = mark.price.is_positive();
        if good {
            self.prices.mark = Some(*mark);
            self.ages.mark = Some(at);
        }
        good
    }

    fn history(&mut self, at: Timestamp, timeframe: Timeframe, bars: &[Bar], out: &mut Absorbed) {
        self.drops.inconsistent += self.bars.history(at, timeframe, bars, out);
        // Before the feed has said anything the last close of the history is the best price there is.
        let last = out.closed.iter().rev().find(|closed| closed.timeframe == Timeframe::M1);
        if let Some(ClosedBar { bar, .. }) = last {
            self.prices.traded((bar.open_time + Span::MINUTE).min(at), bar.close);
        }
    }
}
