//! Bars of every length, made of minutes while they are kept and of hours before.

use std::collections::VecDeque;

use crate::protocol::Bar;
use crate::types::{Price, Qty, Rounding, Span, Timestamp, Usdt};
use crate::venue::binance::interval::Interval;

/// Minutes kept: a week, so that bars below an hour go back that far.
const MAX_MINUTES: usize = 10_080;
/// Hours kept: over a year, so that bars of a day go back that far.
const MAX_HOURS: usize = 12_000;

/// A bar with what Binance tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candle {
    pub open_time: Timestamp,
    pub open: Price,
    pub high: Price,
    pub low: Price,
    pub close: Price,
    pub volume: Qty,
    pub quote: Usdt,
    pub trades: u64,
    /// What takers bought.
    pub bought: Qty,
    pub bought_quote: Usdt,
    /// First and last trade, zero without any.
    pub first: u64,
    pub last: u64,
}

impl Candle {
    pub(crate) fn flat(open_time: Timestamp, price: Price) -> Candle {
        Candle {
            open_time,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Qty::ZERO,
            quote: Usdt::ZERO,
            trades: 0,
            bought: Qty::ZERO,
            bought_quote: Usdt::ZERO,
            first: 0,
            last: 0,
        }
    }

    /// A bar that says less than Binance does: quote volume is taken at the mean of its prices, half of it bought.
    fn of_bar(bar: &Bar) -> Candle {
        let mean = (bar.open + bar.high + bar.low + bar.close).divided_by(4, Rounding::Down);
        let (quote, bought) = (mean.notional(bar.volume), bar.volume.divided_by(2, Rounding::Down));
        Candle {
            open_time: bar.open_time,
            open: bar.open,
            high: bar.high,
            low: bar.low,
            close: bar.close,
            volume: bar.volume,
            quote,
            trades: u64::from(bar.volume.is_positive()),
            bought,
            bought_quote: mean.notional(bought),
            first: 0,
            last: 0,
        }
    }

    pub(crate) fn trade(&mut self, id: u64, price: Price, qty: Qty, bought: bool) {
        if self.trades == 0 {
            (self.open, self.high, self.low, self.first) = (price, price, price, id);
        }
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
        self.volume += qty;
        self.quote += price.notional(qty);
        self.trades += 1;
        self.last = id;
        if bought {
            self.bought += qty;
            self.bought_quote += price.notional(qty);
        }
    }

    /// Takes in the bar after this one.
    pub(crate) fn join(&mut self, later: &Candle) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.quote += later.quote;
        self.trades += later.trades;
        self.bought += later.bought;
        self.bought_quote += later.bought_quote;
        self.first = if self.first == 0 { later.first } else { self.first };
        self.last = self.last.max(later.last);
    }
}

/// Which bars are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub limit: usize,
}

/// The bars of one instrument.
#[derive(Debug, Clone)]
pub(crate) struct Candles {
    hours: VecDeque<Candle>,
    minutes: VecDeque<Candle>,
    /// The minute that is open.
    pub current: Candle,
}

impl Candles {
    /// From history that ends before `now`; what is missing between is flat.
    pub(crate) fn new(hours: &[Bar], minutes: &[Bar], now: Timestamp, price: Price) -> Candles {
        let open = now.floor(Span::MINUTE);
        let first = minutes.first().map_or(open, |bar| bar.open_time);
        let boundary = if first.floor(Span::HOUR) == first { first } else { first.floor(Span::HOUR) + Span::HOUR };
        let older = hours.iter().filter(|bar| bar.open_time + Span::HOUR <= boundary);
        let mut candles = Candles {
            hours: older.map(Candle::of_bar).collect(),
            minutes: VecDeque::new(),
            current: Candle::flat(open, price),
        };
        for bar in minutes.iter().filter(|bar| bar.open_time < open) {
            candles.keep(Candle::of_bar(bar));
        }
        candles
    }

    /// The bar of the last closed minute, as the feed counted it.
    pub(crate) fn close_with(&mut self, bar: &Bar) -> Option<Candle> {
        let counted = |seen: &Candle| {
            let whole = seen.trades > 0 && seen.volume >= bar.volume;
            let told = Candle::of_bar(bar);
            let (high, low) = (bar.high.max(seen.high), bar.low.min(seen.low));
            if whole {
                Candle { open: bar.open, high, low, ..*seen }
            } else {
                Candle { first: seen.first, last: seen.last, ..told }
            }
        };
        if bar.open_time == self.current.open_time {
            self.current = counted(&self.current);
            return Some(self.roll());
        }
        if let Some(last) = self.minutes.back_mut().filter(|last| last.open_time == bar.open_time) {
            *last = counted(last);
        }
        None
    }

    /// Closes the minute that is open and opens the next.
    pub(crate) fn roll(&mut self) -> Candle {
        let closed = self.current;
        self.current = Candle::flat(closed.open_time + Span::MINUTE, closed.close);
        self.keep(closed);
        closed
    }

    fn keep(&mut self, minute: Candle) {
        self.minutes.push_back(minute);
        let hour = minute.open_time.floor(Span::HOUR);
        if minute.open_time + Span::MINUTE == hour + Span::HOUR {
            let mut inside = self.minutes.iter().rev().take_while(|one| one.open_time >= hour).collect::<Vec<_>>();
            inside.reverse();
            if let Some((first, rest)) = inside.split_first() {
                let mut whole = **first;
                rest.iter().for_each(|minute| whole.join(minute));
                whole.open_time = hour;
                self.hours.push_back(whole);
            }
        }
        while self.minutes.len() > MAX_MINUTES {
            self.minutes.pop_front();
        }
        while self.hours.len() > MAX_HOURS {
            self.hours.pop_front();
        }
    }

    /// The bar of a length that is open now.
    pub(crate) fn open_bar(&self, interval: Interval) -> Candle {
        let open = interval.open_of(self.current.open_time);
        let bars = self.list(interval, Window { from: Some(open), until: None, limit: 1 });
        bars.first().copied().unwrap_or(self.current)
    }

    /// Bars of a length, oldest first: the first ones from `from` on, or else the last ones up to `until`.
    pub(crate) fn list(&self, interval: Interval, window: Window) -> Vec<Candle> {
        let coarse = !matches!(interval, Interval::Minutes(count) if count < 60);
        let from = window.from.map(|from| {
            let open = interval.open_of(from);
            if open < from { interval.end_of(open) } else { open }
        });
        // Far enough back for `limit` bars, so that not everything is gone through.
        let last = window.until.unwrap_or(self.current.open_time).min(self.current.open_time);
        let back =
            interval.open_of(last - interval.longest() * i64::try_from(window.limit).unwrap_or(MAX_HOURS as i64));
        let begin = from.unwrap_or(back);
        let until = window.until.unwrap_or(Timestamp::MAX);
        let inside = |candle: &&Candle| candle.open_time >= begin && candle.open_time <= until;
        let mut bars: Vec<Candle> = Vec::new();
        let mut put = |candle: &Candle| {
            let open = interval.open_of(candle.open_time);
            match bars.last_mut() {
                Some(bar) if bar.open_time == open => bar.join(candle),
                Some(_) | None => bars.push(Candle { open_time: open, ..*candle }),
            }
        };
        let mut tail = Timestamp::EPOCH;
        if coarse {
            self.hours.iter().filter(inside).for_each(&mut put);
            tail = self.hours.back().map_or(tail, |hour| hour.open_time + Span::HOUR);
        }
        let at = self.minutes.partition_point(|minute| minute.open_time < begin.max(tail));
        self.minutes.range(at..).filter(inside).for_each(&mut put);
        Some(&self.current).filter(inside).into_iter().for_each(&mut put);
        if from.is_some() {
            bars.truncate(window.limit);
        } else if bars.len() > window.limit {
            bars.drain(..bars.len() - window.limit);
        }
        bars
    }

    /// The last 24 hours as one bar.
    pub(crate) fn day(&self) -> Candle {
        let from = self.current.open_time - Span::DAY;
        let at = self.minutes.partition_point(|minute| minute.open_time <= from);
        let mut all = self.minutes.range(at..).chain([&self.current]);
        let mut day = all.next().copied().unwrap_or(self.current);
        all.for_each(|minute| day.join(minute));
        day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_secs(1_700_006_400);

    fn bar(minute: i64, close: i64) -> Bar {
        let price = Price::whole(close);
        let (high, low) = (Price::whole(close + 1), Price::whole(close - 1));
        Bar { open_time: NOON + Span::mins(minute), open: price, high, low, close: price, volume: Qty::ONE }
    }

    #[test]
    fn longer_bars_are_made_of_hours_and_of_minutes_behind_them() {
        let hours: Vec<Bar> = (0..48).map(|hour| bar((hour - 72) * 60, 50)).collect();
        let minutes: Vec<Bar> = (0..1_445).map(|minute| bar(minute - 1_440, 100)).collect();
        let candles = Candles::new(&hours, &minutes, NOON + Span::mins(5), Price::whole(100));
        let ask = |name: &str, limit| {
            let window = Window { from: None, until: None, limit };
            candles.list(Interval::read(name).expect(name), window)
        };
        assert_eq!(ask("1m", 3).iter().map(|one| one.volume).collect::<Vec<_>>(), [Qty::ONE, Qty::ONE, Qty::ZERO]);
        let hours = ask("1h", 500);
        assert_eq!(hours.len(), 73);
        assert_eq!((hours[0].close, hours[71].volume), (Price::whole(50), Qty::whole(60)));
        assert_eq!(hours[72].volume, Qty::whole(5), "the hour that is open");
        let from = Window { from: Some(NOON - Span::mins(7)), until: None, limit: 2 };
        let bars = candles.list(Interval::Minutes(5), from);
        assert_eq!(bars.iter().map(|one| one.open_time).collect::<Vec<_>>(), [NOON - Span::mins(5), NOON]);
        assert_eq!(candles.day().volume, Qty::whole(1_439), "of 24 hours, less the minute that is open");
    }

    #[test]
    fn a_minute_is_counted_from_trades_and_closed_by_the_feeds_bar() {
        let mut candles = Candles::new(&[], &[], NOON, Price::whole(100));
        candles.current.trade(1, Price::whole(100), Qty::ONE, true);
        candles.current.trade(2, Price::whole(102), Qty::ONE, false);
        assert_eq!(candles.current.bought, Qty::ONE);
        let closed = candles.close_with(&bar(0, 101)).expect("the minute closes");
        assert_eq!((closed.high, closed.trades, closed.last), (Price::whole(102), 2, 2));
        assert_eq!(candles.close_with(&bar(0, 101)), None, "it is closed");
        assert_eq!(candles.current.open_time, NOON + Span::MINUTE);
    }
}
