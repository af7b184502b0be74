//! What has arrived and waits for the loop: one queue in the order of arrival, with the newest quote of each
//! instrument in place of all that came since it was last looked at. Connections overlap and repeat themselves, so each
//! thing is taken once; bars are let through without holes, and what is missing is asked for.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::super::read::stream::{AggTrade, BookTicker, KlineEvent, MarkUpdate};
use crate::clock::SessionClock;
use crate::feed::{FeedError, FeedRecord};
use crate::protocol::{Bar, Funding, Mark, MarketData, MarketEvent, Quote, Trade};
use crate::types::{InstrumentId, Instruments, Side, Span, Timestamp, TradeId};

/// Records that may wait. A loop that has not looked for so long has more than a second's worth of the busiest market
/// before it, and is better served by connections that begin anew.
const MAX_WAITING: usize = 65_536;
/// Bars that may wait for an older one: two hours, far beyond the time that a hole takes to be filled.
const MAX_AHEAD: usize = 120;
/// A hole that the venue has not filled after so many answers is the venue's own.
const MAX_ATTEMPTS: u32 = 5;
/// A bar that has not been said so long after its end has been missed: the venue says it within some tenths of a second.
const GRACE: Span = Span::secs(2);

/// There is no room: whoever listens must begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// The desk. Handles share it.
#[derive(Debug, Clone)]
pub(super) struct Desk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    time: SessionClock,
    /// Rung when there was nothing and now is something.
    arrivals: Arc<Notify>,
    /// Rung when a bar is missing.
    missing: Notify,
    names: BTreeMap<String, InstrumentId>,
    /// How old the last mark price was on arrival, in nanoseconds of session time.
    age: AtomicI64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<(Timestamp, Waiting)>,
    instruments: Vec<One>,
    last: Timestamp,
    conflated: u64,
}

#[derive(Debug)]
enum Waiting {
    Event(MarketEvent),
    /// Whatever the newest quote is.
    Quote(InstrumentId),
}

/// What is known of an instrument.
#[derive(Debug, Clone)]
struct One {
    quote: Option<Quote>,
    quote_mark: (u64, i64),
    trade_mark: (u64, i64),
    mark_made_at: i64,
    mark: Option<Mark>,
    /// When the next bar opens.
    expected: Timestamp,
    ahead: BTreeMap<Timestamp, Bar>,
    attempts: u32,
    tradable: bool,
}

/// A stretch of bars that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    pub instrument: InstrumentId,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Desk {
    /// A desk whose first bars open at `start` or, if that is within a minute, at the beginning of that minute.
    pub(super) fn new(instruments: &Instruments, start: Timestamp, time: SessionClock, arrivals: Arc<Notify>) -> Desk {
        let one = One {
            quote: None,
            quote_mark: (0, 0),
            trade_mark: (0, 0),
            mark_made_at: 0,
            mark: None,
            expected: start.floor(Span::MINUTE),
            ahead: BTreeMap::new(),
            attempts: 0,
            tradable: true,
        };
        let names = instruments.iter().map(|(id, one)| (one.venue_symbol.clone(), id)).collect();
        let state =
            State { queue: VecDeque::new(), instruments: vec![one; instruments.len()], last: start, conflated: 0 };
        Desk(Arc::new(Shared {
            time,
            arrivals,
            missing: Notify::new(),
            names,
            age: AtomicI64::new(0),
            state: Mutex::new(state),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, symbol: &str) -> Option<InstrumentId> {
        self.0.names.get(symbol).copied()
    }

    /// When the oldest record arrived.
    pub(super) fn head(&self) -> Option<Timestamp> {
        self.state().queue.front().map(|(at, _)| *at)
    }

    /// The oldest record.
    pub(super) fn take(&self) -> Option<Result<FeedRecord, FeedError>> {
        let mut state = self.state();
        let (at, waiting) = state.queue.pop_front()?;
        Some(match waiting {
            Waiting::Event(event) => Ok(FeedRecord { at, event }),
            Waiting::Quote(instrument) => {
                let one = state.instruments.get_mut(instrument.index())?;
                let quote = one.quote.take()?;
                Ok(FeedRecord { at, event: MarketEvent { instrument, data: MarketData::Quote(quote) } })
            }
        })
    }

    /// A mark price that was made so long ago has come.
    pub(super) fn dated(&self, age: Span) {
        self.0.age.store(age.as_nanos(), Relaxed);
    }

    /// How far what arrives lies behind the venue, in wall time. Every symbol's mark price comes once in a second, and with them
    /// this is known anew.
    pub(super) fn behind(&self) -> Span {
        self.0.time.wall_span(Span::nanos(self.0.age.load(Relaxed)).max(Span::ZERO))
    }

    /// Quotes that gave way to newer ones before the loop looked.
    pub(super) fn conflated(&self) -> u64 {
        self.state().conflated
    }

    fn put(&self, state: &mut State, waiting: Waiting) -> Result<(), Full> {
        if state.queue.len() >= MAX_WAITING {
            return Err(Full);
        }
        self.push(state, waiting);
        Ok(())
    }

    /// Adds without asking for room: answers to what the loop has asked.
    fn push(&self, state: &mut State, waiting: Waiting) {
        // The wall's clock can be set back; the queue's instants do not go back.
        let at = self.0.time.now().max(state.last);
        state.last = at;
        state.queue.push_back((at, waiting));
        self.0.arrivals.notify_one();
    }

    /// Bars that the loop has asked for.
    pub(super) fn answer(&self, event: MarketEvent) {
        self.push(&mut self.state(), Waiting::Event(event));
    }

    pub(super) fn quote(&self, said: &BookTicker<'_>) -> Result<(), Full> {
        let Some(instrument) = self.id(&said.s) else { return Ok(()) };
        let mut state = self.state();
        let one = &mut state.instruments[instrument.index()];
        let mark = (said.u.unwrap_or(u64::MAX), said.T.unwrap_or(i64::MAX));
        // A server that began anew counts from the start, later.
        if mark.0 <= one.quote_mark.0 && mark.1 <= one.quote_mark.1 && mark.0 != u64::MAX {
            return Ok(());
        }
        one.quote_mark = mark;
        let quote = Quote { bid: said.b, bid_qty: said.B, ask: said.a, ask_qty: said.A };
        if one.quote.replace(quote).is_some() {
            state.conflated += 1;
            return Ok(());
        }
        let put = self.put(&mut state, Waiting::Quote(instrument));
        if put.is_err() {
            // A quote that found no room waits for nothing.
            state.instruments[instrument.index()].quote = None;
        }
        put
    }

    pub(super) fn trade(&self, said: &AggTrade<'_>) -> Result<(), Full> {
        let Some(instrument) = self.id(&said.s) else { return Ok(()) };
        let mut state = self.state();
        let one = &mut state.instruments[instrument.index()];
        if said.a <= one.trade_mark.0 && said.T <= one.trade_mark.1 {
            return Ok(());
        }
        one.trade_mark = (said.a, said.T);
        let taker = if said.m { Side::Sell } else { Side::Buy };
        let trade = Trade { id: TradeId(said.a), price: said.p, qty: said.q, taker };
        let data = MarketData::Trade(trade);
        self.put(&mut state, Waiting::Event(MarketEvent { instrument, data }))
    }

    /// A mark price; and the funding, once the time of the next one has moved on.
    pub(super) fn mark(&self, said: &MarkUpdate<'_>) -> Result<(), Full> {
        let Some(instrument) = self.id(&said.s) else { return Ok(()) };
        let mut state = self.state();
        let one = &mut state.instruments[instrument.index()];
        let made_at = said.E.unwrap_or(i64::MAX);
        if made_at <= one.mark_made_at && made_at != i64::MAX {
            return Ok(());
        }
        one.mark_made_at = made_at;
        let next_funding = said.T.filter(|at| *at > 0).map_or(Timestamp::EPOCH, Timestamp::from_millis);
        let mark = Mark { price: said.p, funding_rate: said.r, next_funding };
        let settled = one
            .mark
            .replace(mark)
            .filter(|last| last.next_funding > Timestamp::EPOCH && next_funding > last.next_funding);
        self.put(&mut state, Waiting::Event(MarketEvent { instrument, data: MarketData::Mark(mark) }))?;
        if let Some(last) = settled {
            let funding = Funding { rate: last.funding_rate, mark: last.price };
            self.put(&mut state, Waiting::Event(MarketEvent { instrument, data: MarketData::Funding(funding) }))?;
        }
        Ok(())
    }

    /// A bar, if it has closed.
    pub(super) fn kline(&self, said: &KlineEvent<'_>) -> Result<(), Full> {
        let Some(instrument) = self.id(&said.s).filter(|_| said.k.x && &*said.k.i == "1m") else { return Ok(()) };
        let k = &said.k;
        let bar =
            Bar { open_time: Timestamp::from_millis(k.t), open: k.o, high: k.h, low: k.l, close: k.c, volume: k.v };
        self.bar(&mut self.state(), instrument, bar)
    }

    fn bar(&self, state: &mut State, instrument: InstrumentId, bar: Bar) -> Result<(), Full> {
        let one = &mut state.instruments[instrument.index()];
        if bar.open_time < one.expected || bar.open_time.floor(Span::MINUTE) != bar.open_time || !bar.is_consistent() {
            return Ok(());
        }
        if one.ahead.len() >= MAX_AHEAD {
            return Err(Full);
        }
        one.ahead.insert(bar.open_time, bar);
        self.let_through(state, instrument)?;
        if !state.instruments[instrument.index()].ahead.is_empty() {
            self.0.missing.notify_one();
        }
        Ok(())
    }

    fn let_through(&self, state: &mut State, instrument: InstrumentId) -> Result<(), Full> {
        loop {
            let one = &mut state.instruments[instrument.index()];
            let Some(bar) = one.ahead.remove(&one.expected) else { return Ok(()) };
            one.expected = bar.open_time + Span::MINUTE;
            one.attempts = 0;
            self.put(state, Waiting::Event(MarketEvent { instrument, data: MarketData::Bar(bar) }))?;
        }
    }

    /// The bars that should be here and are not, by the venue's clock.
    pub(super) fn holes(&self, venue_now: Timestamp) -> Vec<Hole> {
        let state = self.state();
        let holes = state.instruments.iter().zip(self.ids()).filter_map(|(one, instrument)| {
            let due = venue_now >= one.expected + Span::MINUTE + GRACE;
            let until = one.ahead.keys().next().copied().or_else(|| due.then(|| venue_now.floor(Span::MINUTE)))?;
            (until > one.expected).then_some(Hole { instrument, from: one.expected, until })
        });
        holes.collect()
    }

    fn ids(&self) -> impl Iterator<Item = InstrumentId> + use<> {
        let count = self.0.names.len();
        (0..count).map(|at| InstrumentId(u16::try_from(at).unwrap_or(u16::MAX)))
    }

    /// What the venue has of a hole. Bars that it does not have either are passed over in the end.
    pub(super) fn fill(&self, hole: Hole, bars: &[Bar]) -> Result<(), Full> {
        let mut state = self.state();
        for bar in bars.iter().filter(|bar| bar.open_time < hole.until) {
            self.bar(&mut state, hole.instrument, *bar)?;
        }
        let one = &mut state.instruments[hole.instrument.index()];
        if one.expected >= hole.until {
            return Ok(());
        }
        one.attempts += 1;
        if one.attempts < MAX_ATTEMPTS {
            return Ok(());
        }
        one.attempts = 0;
        let next = one.ahead.keys().next().copied().unwrap_or(hole.until);
        let (from, until) = (one.expected, next);
        one.expected = next;
        tracing::warn!(instrument = ?hole.instrument, %from, %until, "the venue has no bars of this time");
        self.let_through(&mut state, hole.instrument)
    }

    /// The venue stopped or resumed trading of an instrument.
    pub(super) fn tradable(&self, instrument: InstrumentId, tradable: bool) {
        let mut state = self.state();
        let one = &mut state.instruments[instrument.index()];
        if std::mem::replace(&mut one.tradable, tradable) != tradable {
            self.push(&mut state, Waiting::Event(MarketEvent { instrument, data: MarketData::Tradable(tradable) }));
        }
    }

    /// Waits until a bar is found missing.
    pub(super) async fn missing(&self) {
        self.0.missing.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::many;
    use super::*;
    use crate::clock::Clock;
    use crate::venue::binance::read::stream::{MarketEvent as Said, Message, parse};

    const START: Timestamp = Timestamp::from_secs(1_700_000_040);

    fn desk() -> Desk {
        let time = SessionClock::wall(Clock::following_runtime(START));
        Desk::new(&many(2), START, time, Arc::new(Notify::new()))
    }

    fn say(desk: &Desk, text: &str) -> Result<(), Full> {
        match parse(text.as_bytes()).expect("a message") {
            Message::Event(Said::BookTicker(said)) => desk.quote(&said),
            Message::Event(Said::AggTrade(said)) => desk.trade(&said),
            Message::Event(Said::Mark(said)) => desk.mark(&said),
            Message::Event(Said::Kline(said)) => desk.kline(&said),
            other => panic!("{other:?}"),
        }
    }

    fn quote(u: u64, at: i64, bid: &str) -> String {
        format!(r#"{{"e":"bookTicker","u":{u},"s":"A0USDT","b":"{bid}","B":"1","a":"200","A":"2","T":{at},"E":{at}}}"#)
    }

    fn mark(made_at: i64, next: i64) -> String {
        format!(
            r#"{{"e":"markPriceUpdate","E":{made_at},"s":"A0USDT","p":"100.5","i":"1","P":"1","r":"0.0001","T":{next}}}"#
        )
    }

    fn kline(minute: i64, closed: bool) -> String {
        let open = (START.floor(Span::MINUTE) + Span::mins(minute)).as_millis();
        format!(
            r#"{{"e":"kline","E":1,"s":"A1USDT","k":{{"t":{open},"T":1,"s":"A1USDT","i":"1m","f":1,"L":2,"o":"1","c":"2","h":"3","l":"0.5","v":"7","n":1,"x":{closed},"q":"1","V":"1","Q":"1","B":"0"}}}}"#
        )
    }

    fn bar(minute: i64) -> Bar {
        let (open, high, low, close) = (1, 3, 1, 2);
        let [open, high, low, close] = [open, high, low, close].map(crate::types::Price::whole);
        let open_time = START.floor(Span::MINUTE) + Span::mins(minute);
        Bar { open_time, open, high, low, close, volume: crate::types::Qty::ZERO }
    }

    fn taken(desk: &Desk) -> Vec<String> {
        let mut all = Vec::new();
        while let Some(record) = desk.take() {
            all.push(match record.expect("a record").event.data {
                MarketData::Quote(quote) => format!("quote {}", quote.bid),
                MarketData::Trade(trade) => format!("trade {} {}", trade.id.0, trade.taker),
                MarketData::Mark(mark) => format!("mark {}", mark.price),
                MarketData::Funding(funding) => format!("funding {}", funding.rate),
                MarketData::Bar(bar) => {
                    format!("bar {}", (bar.open_time - START.floor(Span::MINUTE)).as_secs() / 60)
                }
                other => format!("{other:?}"),
            });
        }
        all
    }

    #[test]
    fn the_newest_quote_stands_for_all_and_repetitions_count_once() {
        let desk = desk();
        for (u, at, bid) in [(5, 50, "100"), (6, 60, "101"), (6, 60, "101"), (5, 50, "100"), (7, 70, "102")] {
            assert_eq!(say(&desk, &quote(u, at, bid)), Ok(()));
        }
        assert_eq!(taken(&desk), ["quote 102"]);
        assert_eq!(desk.conflated(), 2);
        say(&desk, &quote(7, 70, "102")).expect("room");
        assert!(taken(&desk).is_empty());
        say(&desk, &quote(1, 80, "99")).expect("a venue that began anew counts from the start");
        assert_eq!(taken(&desk), ["quote 99"]);
        let trade = r#"{"e":"aggTrade","E":1,"s":"A0USDT","a":9,"p":"1","q":"2","f":1,"l":1,"T":5,"m":true}"#;
        say(&desk, trade).expect("room");
        say(&desk, trade).expect("room");
        assert_eq!(taken(&desk), ["trade 9 sell"]);
    }

    #[test]
    fn a_funding_is_said_when_the_time_of_the_next_moves_on() {
        let desk = desk();
        for (made_at, next) in [(1, 1_000), (2, 1_000), (2, 1_000), (3, 9_000), (4, 9_000)] {
            say(&desk, &mark(made_at, next)).expect("room");
        }
        assert_eq!(taken(&desk), ["mark 100.5", "mark 100.5", "mark 100.5", "funding 0.01%", "mark 100.5"]);
    }

    /// A reconnect leaves no gap in the bars.
    #[test]
    fn bars_come_once_in_order_and_without_holes() {
        let desk = desk();
        say(&desk, &kline(0, false)).expect("room");
        assert!(taken(&desk).is_empty(), "it is forming");
        say(&desk, &kline(0, true)).expect("room");
        say(&desk, &kline(0, true)).expect("room");
        say(&desk, &kline(3, true)).expect("room");
        assert_eq!(taken(&desk), ["bar 0"]);
        let (from, until) = (bar(1).open_time, bar(3).open_time);
        let hole = Hole { instrument: InstrumentId(1), from, until };
        assert_eq!(desk.holes(START), [hole]);
        desk.fill(hole, &[bar(1), bar(2), bar(3)]).expect("room");
        assert_eq!(taken(&desk), ["bar 1", "bar 2", "bar 3"]);
        assert!(desk.holes(START).is_empty());
    }

    #[test]
    fn a_bar_that_nobody_says_is_missed_and_one_that_the_venue_lacks_is_passed_over() {
        let desk = desk();
        let due = START.floor(Span::MINUTE) + Span::MINUTE;
        assert!(desk.holes(due + GRACE - Span::millis(1)).is_empty());
        let holes = desk.holes(due + GRACE);
        assert_eq!(holes.len(), 2, "of both instruments");
        for _ in 0..MAX_ATTEMPTS {
            desk.fill(holes[1], &[]).expect("room");
        }
        assert_eq!(desk.holes(due + GRACE).len(), 1);
        say(&desk, &kline(1, true)).expect("room");
        assert_eq!(taken(&desk), ["bar 1"]);
    }

    #[test]
    fn a_loop_that_does_not_look_ends_the_connections() {
        let desk = desk();
        let mut trades = 0_u64;
        while trades < 2 * MAX_WAITING as u64 {
            trades += 1;
            let text = format!(
                r#"{{"e":"aggTrade","E":1,"s":"A0USDT","a":{trades},"p":"1","q":"2","f":1,"l":1,"T":{trades},"m":false}}"#
            );
            if say(&desk, &text).is_err() {
                break;
            }
        }
        assert_eq!(trades, MAX_WAITING as u64 + 1);
    }
}
