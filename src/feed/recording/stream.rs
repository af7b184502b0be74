//! One symbol's recording, frame by frame.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::super::FeedError;
use super::super::book::middle;
use super::super::file::lines::Lines;
use super::frame::{self, Frame};
use super::minutes::{LATENESS, Minutes};
use super::sync::Sync;
use super::{LONGEST_LINE, MAX_BARS_KEPT};
use crate::protocol::{Bar, Depth, Funding, Mark, MarketData, Trade};
use crate::types::{Price, Rate, Span, Timestamp, TradeId};

const REMEDY: &str = "remove the line, or record anew";

/// What is the same for all of a recording.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// In order of time.
    pub(super) files: Vec<PathBuf>,
    pub(super) venue_symbol: String,
    pub(super) funding_rate: Rate,
    pub(super) funding_interval: Span,
}

/// A recording being read.
#[derive(Debug)]
pub(super) struct Stream {
    source: Source,
    next_file: usize,
    lines: Option<Lines>,
    sync: Sync,
    minutes: Minutes,
    /// Bars of whole minutes so far, for history.
    bars: VecDeque<Bar>,
    /// What was read and not taken yet.
    ready: VecDeque<(Timestamp, MarketData)>,
    /// The latest instant read. Frames of different streams overtake each other; what is said does not.
    at: Timestamp,
    /// The middle of the last quote, or the price of the last trade where there is none.
    price: Option<Price>,
    quoted: bool,
    last_trade: Option<TradeId>,
    /// No frame of the file was seen yet.
    file_begins: bool,
    /// No trade of the file was seen yet.
    at_border: bool,
}

impl Stream {
    pub(super) fn new(source: Source) -> Stream {
        Stream {
            source,
            next_file: 0,
            lines: None,
            sync: Sync::new(),
            minutes: Minutes::new(),
            bars: VecDeque::new(),
            ready: VecDeque::new(),
            at: Timestamp::EPOCH,
            price: None,
            quoted: false,
            last_trade: None,
            file_begins: false,
            at_border: false,
        }
    }

    /// Begins anew.
    pub(super) fn rewind(&mut self) {
        *self = Stream::new(self.source.clone());
    }

    /// The next record, which stays.
    pub(super) fn peek(&mut self) -> Result<Option<&(Timestamp, MarketData)>, FeedError> {
        while self.ready.is_empty() {
            if !self.read_line()? {
                return Ok(None);
            }
        }
        Ok(self.ready.front())
    }

    /// Takes the record that was looked at.
    pub(super) fn take(&mut self) -> Option<(Timestamp, MarketData)> {
        self.ready.pop_front()
    }

    /// Passes over everything up to an instant. What follows begins with the book as it is then.
    pub(super) fn skip(&mut self, until: Timestamp) -> Result<(), FeedError> {
        let mut passed = false;
        while self.peek()?.is_some_and(|(at, _)| *at <= until) {
            self.take();
            passed = true;
        }
        let next_at = self.peek()?.map(|(at, _)| *at);
        if let (true, Some(at), Some(book)) = (passed, next_at, self.sync.book()) {
            let levels = book.levels().collect();
            self.ready.push_front((at, MarketData::Depth(Depth { snapshot: true, levels })));
        }
        Ok(())
    }

    /// The recording's first file.
    pub(super) fn path(&self) -> PathBuf {
        self.source.files.first().cloned().unwrap_or_default()
    }

    /// The bars of whole minutes read so far.
    pub(super) fn bars(&self) -> impl Iterator<Item = &Bar> {
        self.bars.iter()
    }

    /// Reads a line; false at the end of the last file.
    fn read_line(&mut self) -> Result<bool, FeedError> {
        let mut lines = match self.lines.take() {
            Some(lines) => lines,
            None => match self.source.files.get(self.next_file) {
                Some(path) => {
                    self.next_file += 1;
                    self.sync.begin_file();
                    (self.file_begins, self.at_border) = (true, true);
                    Lines::open(path, LONGEST_LINE)?
                }
                None => return Ok(false),
            },
        };
        let Some((line, text)) = lines.next()? else { return Ok(true) };
        let frame = frame::parse(text, &self.source.venue_symbol).map_err(|wrong| FeedError::Malformed {
            path: lines.path().to_owned(),
            line,
            field: wrong.field,
            value: wrong.value,
            why: wrong.why,
            remedy: REMEDY,
        })?;
        self.take_frame(frame).map_err(|broken| FeedError::Sequence {
            path: lines.path().to_owned(),
            line,
            field: broken.field,
            expected: broken.expected,
            found: broken.found,
        })?;
        self.lines = Some(lines);
        Ok(true)
    }

    fn take_frame(&mut self, frame: Frame) -> Result<(), super::sync::Break> {
        match frame {
            Frame::Snapshot { at, last_update, levels } => {
                let said = self.sync.snapshot(last_update, levels)?;
                let at = self.pass(at);
                self.ready.extend(said.into_iter().map(|depth| (at, MarketData::Depth(depth))));
            }
            Frame::Depth(update) => {
                let at = self.pass(update.at);
                if let Some(depth) = self.sync.update(update)? {
                    self.ready.push_back((at, MarketData::Depth(depth)));
                }
            }
            Frame::Quote { at, update: _, quote } => {
                let at = self.pass(at);
                (self.price, self.quoted) = (Some(middle(&quote)), true);
                self.ready.push_back((at, MarketData::Quote(quote)));
            }
            Frame::Trade { at, trade } => self.take_trade(at, trade),
            Frame::Other => {}
        }
        Ok(())
    }

    fn take_trade(&mut self, traded: Timestamp, trade: Trade) {
        let follows = self.last_trade.is_none_or(|last| trade.id.0 == last.0.saturating_add(1));
        if std::mem::take(&mut self.at_border) && !follows {
            self.minutes.interrupt();
        }
        self.last_trade = Some(trade.id);
        let at = self.pass(traded);
        let bars = self.minutes.trade(traded, &trade);
        self.say_bars(at, bars);
        if !self.quoted {
            self.price = Some(trade.price);
        }
        self.ready.push_back((at, MarketData::Trade(trade)));
    }

    /// Lets time pass to a frame's instant, never backwards, and says what falls due: bars of minutes that are
    /// over, the mark of the second, a funding. Gives the instant at which the frame is said.
    fn pass(&mut self, to: Timestamp) -> Timestamp {
        let (from, at) = (self.at, self.at.max(to));
        self.at = at;
        if std::mem::take(&mut self.file_begins) && at - from > LATENESS {
            self.minutes.interrupt();
        }
        for bar in self.minutes.pass(at) {
            let due = bar.open_time + Span::MINUTE + LATENESS;
            self.say_bars(due.max(from), vec![bar]);
        }
        if let Some(price) = self.price {
            let second = at.floor(Span::SECOND);
            if second > from {
                self.ready.push_back((second, MarketData::Mark(self.mark(price, second))));
            }
            if at.floor(self.source.funding_interval) > from {
                let funding = Funding { rate: self.source.funding_rate, mark: price };
                self.ready.push_back((second, MarketData::Funding(funding)));
            }
        }
        at
    }

    fn mark(&self, price: Price, at: Timestamp) -> Mark {
        let interval = self.source.funding_interval;
        Mark { price, funding_rate: self.source.funding_rate, next_funding: at.floor(interval) + interval }
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
