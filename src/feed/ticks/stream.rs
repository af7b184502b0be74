//! One symbol's ticks, and what follows from them.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::MAX_BARS_KEPT;
use super::block::{Event, Print, Touch};
use super::lane::Lane;
use super::minutes::{LATENESS, Minutes};
use super::published::DISORDER;
use super::sync::{Break, Sync};
use crate::feed::FeedError;
use crate::feed::book::middle;
use crate::protocol::{Bar, Depth, Funding, Mark, MarketData};
use crate::types::{Price, Rate, Span, Timestamp};

/// How ticks came to be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// As they arrived. They have no mark price, which they are given, with fundings of this rate and interval.
    Recorded { funding_rate: Rate, funding_interval: Span },
    /// By the exchange itself, in order.
    Published,
}

/// Ticks being read.
#[derive(Debug)]
pub(super) struct Stream {
    manner: Manner,
    /// Of events of one instant, those of the earlier lane come first.
    lanes: Vec<Lane>,
    /// The lane of the event that was looked at, and the instant at which it is said.
    turn: (usize, Timestamp),
    sync: Sync,
    minutes: Minutes,
    /// Bars of whole minutes so far, for history.
    bars: VecDeque<Bar>,
    /// What was read and not taken yet.
    ready: VecDeque<(Timestamp, MarketData)>,
    /// The latest instant read. Frames of different streams overtake each other; what is said does not.
    at: Timestamp,
    /// Before this nothing falls due that no event says: the end of the second, with which all else ends, too.
    due: Timestamp,
    quote: Option<Touch>,
    last_trade: Option<Print>,
    /// No frame of the file was seen yet.
    file_begins: bool,
    /// No trade of the file was seen yet.
    at_border: bool,
}

impl Stream {
    pub(super) fn new(lanes: Vec<Lane>, manner: Manner) -> Stream {
        Stream {
            manner,
            lanes,
            turn: (0, Timestamp::EPOCH),
            sync: Sync::new(),
            minutes: match manner {
                Manner::Recorded { .. } => Minutes::recorded(),
                Manner::Published => Minutes::published(),
            },
            bars: VecDeque::new(),
            ready: VecDeque::new(),
            at: Timestamp::EPOCH,
            due: Timestamp::EPOCH,
            quote: None,
            last_trade: None,
            file_begins: false,
            at_border: false,
        }
    }

    /// Begins anew.
    pub(super) fn rewind(&mut self) {
        let mut lanes = std::mem::take(&mut self.lanes);
        lanes.iter_mut().for_each(Lane::rewind);
        *self = Stream::new(lanes, self.manner);
    }

    /// The instant of the next record, which stays.
    pub(super) fn peek(&mut self) -> Result<Option<Timestamp>, FeedError> {
        loop {
            if let Some((at, _)) = self.ready.front() {
                return Ok(Some(*at));
            }
            let Some((lane, dated)) = self.first()? else {
                match self.minutes.end() {
                    Some(bar) => self.say_bars(self.at.max(bar.open_time + Span::MINUTE), vec![bar]),
                    None => return Ok(None),
                }
                continue;
            };
            let at = dated.max(self.at);
            if at < self.due && self.lanes[lane].is_plain() {
                self.turn = (lane, at);
                return Ok(Some(at));
            }
            self.read(lane, dated)?;
        }
    }

    /// Takes the record that was looked at.
    #[inline]
    pub(super) fn take(&mut self) -> Option<(Timestamp, MarketData)> {
        if !self.ready.is_empty() {
            return self.ready.pop_front();
        }
        let (lane, at) = self.turn;
        let data = match self.lanes.get_mut(lane)?.take()? {
            Event::Quote(touch) => {
                self.quote = Some(touch);
                MarketData::Quote(touch.quote())
            }
            Event::Trade(print) => {
                self.minutes.add(at, &print);
                self.last_trade = Some(print);
                MarketData::Trade(print.trade())
            }
            // It is not plain, so that it was read before it was looked at.
            Event::Update(_) | Event::Snapshot { .. } => return None,
        };
        self.at = at;
        Some((at, data))
    }

    /// Passes over everything up to an instant. What follows begins with the book as it is then.
    pub(super) fn skip(&mut self, until: Timestamp) -> Result<(), FeedError> {
        let mut passed = false;
        while self.peek()?.is_some_and(|at| at <= until) {
            self.take();
            passed = true;
        }
        let next_at = self.peek()?;
        if let (true, Some(at), Some(book)) = (passed, next_at, self.sync.book()) {
            let levels = book.levels().collect();
            self.ready.push_front((at, MarketData::Depth(Depth { snapshot: true, levels })));
        }
        Ok(())
    }

    /// The first file.
    pub(super) fn path(&self) -> PathBuf {
        self.lanes.iter().flat_map(Lane::sources).next().map(|source| source.path.clone()).unwrap_or_default()
    }

    /// The bars of whole minutes read so far.
    pub(super) fn bars(&self) -> impl Iterator<Item = &Bar> {
        self.bars.iter()
    }

    /// The lane whose event comes next, and the instant that the event is dated by.
    fn first(&mut self) -> Result<Option<(usize, Timestamp)>, FeedError> {
        let (mut first, mut begun) = (None, false);
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if let Some(at) = lane.peek(|| begun = true)?
                && first.is_none_or(|(_, earliest)| at < earliest)
            {
                first = Some((index, at));
            }
        }
        if begun {
            self.due = Timestamp::EPOCH;
            if self.manner != Manner::Published {
                self.sync.begin_file();
                (self.file_begins, self.at_border) = (true, true);
            }
        }
        Ok(first)
    }

    /// Takes an event of a lane and says what it says, after what falls due before it.
    fn read(&mut self, lane: usize, dated: Timestamp) -> Result<(), FeedError> {
        let Some(event) = self.lanes[lane].take() else { return Ok(()) };
        if self.manner == Manner::Published && dated + DISORDER < self.at {
            let (path, line) = self.lanes[lane].place();
            let why = format!("is before the {} that the files before it came to", self.at);
            let remedy = "keep one file of each kind for each stretch of time";
            return Err(FeedError::Malformed { path, line, field: "time", value: dated.to_string(), why, remedy });
        }
        self.take_event(event, dated).map_err(|broken| {
            let (path, line) = self.lanes[lane].place();
            let Break { field, expected, found } = broken;
            FeedError::Sequence { path, line, field, expected, found }
        })?;
        let waits = self.at_border || self.minutes.is_over(self.at);
        self.due = if waits { Timestamp::EPOCH } else { self.at.floor(Span::SECOND) + Span::SECOND };
        Ok(())
    }

    fn take_event(&mut self, event: Event, dated: Timestamp) -> Result<(), Break> {
        match event {
            Event::Snapshot { last_update, levels } => {
                let said = self.sync.snapshot(last_update, levels)?;
                let at = self.pass(dated);
                self.ready.extend(said.into_iter().map(|depth| (at, MarketData::Depth(depth))));
            }
            Event::Update(update) => {
                let at = self.pass(dated);
                if let Some(depth) = self.sync.update(update)? {
                    self.ready.push_back((at, MarketData::Depth(depth)));
                }
            }
            Event::Quote(touch) => {
                let at = self.pass(dated);
                self.quote = Some(touch);
                self.ready.push_back((at, MarketData::Quote(touch.quote())));
            }
            Event::Trade(print) => self.take_trade(dated, print),
        }
        Ok(())
    }

    fn take_trade(&mut self, traded: Timestamp, print: Print) {
        let follows = self.last_trade.is_none_or(|last| print.id == last.id.saturating_add(1));
        if std::mem::take(&mut self.at_border) && !follows {
            self.minutes.interrupt();
        }
        let at = self.pass(traded);
        let bars = self.minutes.trade(traded, &print);
        self.say_bars(at, bars);
        self.last_trade = Some(print);
        self.ready.push_back((at, MarketData::Trade(print.trade())));
    }

    /// Lets time pass to an event's instant, never backwards, and says what falls due: bars of minutes that are
    /// over, the mark of the second, a funding. Gives the instant at which the event is said.
    fn pass(&mut self, to: Timestamp) -> Timestamp {
        let (from, at) = (self.at, self.at.max(to));
        self.at = at;
        if std::mem::take(&mut self.file_begins) && at - from > LATENESS {
            self.minutes.interrupt();
        }
        for bar in self.minutes.pass(at) {
            let due = bar.open_time + Span::MINUTE + self.minutes.lateness();
            self.say_bars(due.max(from), vec![bar]);
        }
        if let Manner::Recorded { funding_rate, funding_interval } = self.manner
            && let Some(price) = self.price()
        {
            let second = at.floor(Span::SECOND);
            if second > from {
                let next_funding = second.floor(funding_interval) + funding_interval;
                self.ready.push_back((second, MarketData::Mark(Mark { price, funding_rate, next_funding })));
            }
            if at.floor(funding_interval) > from {
                self.ready.push_back((second, MarketData::Funding(Funding { rate: funding_rate, mark: price })));
            }
        }
        at
    }

    /// What stands for the mark price.
    fn price(&self) -> Option<Price> {
        let quoted = self.quote.map(|touch| middle(&touch.quote()));
        quoted.or_else(|| self.last_trade.map(|print| print.price()))
    }

    fn say_bars(&mut self, at: Timestamp, bars: Vec<Bar>) {
        for bar in bars {
            if self.bars.len() == MAX_BARS_KEPT {
                self.bars.pop_front();
            }
            self.bars.push_back(bar);
            self.ready.push_back((at, MarketData::Bar(bar)));
        }
    }
}
