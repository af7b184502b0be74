//! Public market data: bars, trades, the book, marks and fundings of every instrument, and the streams of them.
//!
//! What the feed does not have is made from what it has: trades from the path of a bar, the index price from the
//! mark. The exchange's own trades are on the tape like those of the feed.

pub(crate) mod candles;
pub(crate) mod ladder;
pub(crate) mod messages;
mod speak;
pub(crate) mod tape;

use std::collections::VecDeque;

use candles::{Candle, Candles};
use ladder::Ladder;
use tape::{Print, Tape};

use super::hub::Hub;
use crate::exchange::Exchange;
use crate::protocol::{Bar, MarketData, MarketEvent, Quote, Trade};
use crate::types::{InstrumentId, Price, Qty, Rate, Rounding, Side, Span, Timestamp};
use crate::venue::binance::padded::Places;

/// Fundings kept: a year of one every eight hours.
const MAX_FUNDINGS: usize = 1_100;
/// Minutes of history whose closes stand as first trades on the tape.
const SEED_PRINTS: usize = 1_000;

/// A funding that was settled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Funded {
    pub at: Timestamp,
    pub rate: Rate,
    pub mark: Price,
}

/// The public side of an instrument.
#[derive(Debug)]
pub(crate) struct Listing {
    pub id: InstrumentId,
    /// As Binance spells it.
    pub symbol: String,
    /// Places that its prices and quantities are written with.
    places: Places,
    pub candles: Candles,
    pub tape: Tape,
    pub ladder: Ladder,
    pub fundings: VecDeque<Funded>,
    /// Rate of the next funding, and when it is settled.
    pub funding_rate: Rate,
    pub next_funding: Timestamp,
    /// Best bid and ask as last told.
    best: Option<Quote>,
    /// Does the feed have trades? Else bars make them.
    has_trades: bool,
    /// Has the open minute's bar changed since it was last told?
    stirred: bool,
    /// Minutes that have closed and were not told yet, each with the instant of it.
    closed: VecDeque<(Timestamp, Candle)>,
}

/// The public side of all instruments.
#[derive(Debug)]
pub(crate) struct Market {
    pub listings: Vec<Listing>,
    /// When the server's market began.
    pub began: Timestamp,
    /// When what is told at a cadence was last looked at.
    pub spoke_at: Timestamp,
}

/// What an instrument begins with.
pub(crate) struct Past {
    pub hours: Vec<Bar>,
    pub minutes: Vec<Bar>,
    pub next_funding: Timestamp,
}

impl Listing {
    /// An instrument with its past.
    pub(crate) fn new(exchange: &mut Exchange, id: InstrumentId, past: &Past, now: Timestamp) -> Listing {
        let symbol = exchange.instruments().get(id).venue_symbol.clone();
        let places = Places::of(exchange.instruments().get(id).tick, exchange.instruments().get(id).step);
        let last = past.minutes.last().map(|bar| bar.close);
        let price = last.or(exchange.last_price(id)).unwrap_or(exchange.instruments().get(id).tick);
        let mut tape = Tape::default();
        for bar in past.minutes.iter().rev().take(SEED_PRINTS).rev().filter(|bar| bar.volume.is_positive()) {
            let at = bar.open_time + Span::MINUTE - Span::millis(1);
            let buyer_made = bar.close < bar.open;
            tape.push(Print { id: exchange.issue_trade_id().0, price: bar.close, qty: bar.volume, at, buyer_made });
        }
        let rate = exchange.settings().funding_rate;
        let interval = exchange.instruments().get(id).funding_interval;
        let candles = Candles::new(&past.hours, &past.minutes, now, price);
        let rate = (rate * interval.as_secs()).divided_by(8 * 3_600, Rounding::Up);
        let fundings = earlier_fundings(&candles, past.next_funding, interval, rate);
        Listing {
            id,
            symbol,
            places,
            candles,
            tape,
            // Numbers that go on after a restart, since they follow the clock.
            ladder: Ladder::after(u64::try_from(now.as_millis()).unwrap_or(1)),
            fundings,
            funding_rate: rate,
            next_funding: past.next_funding,
            best: None,
            has_trades: exchange.shape().trades,
            stirred: false,
            closed: VecDeque::new(),
        }
    }
}

/// Fundings before the server's market began: the usual rate, at the price of the hour.
fn earlier_fundings(candles: &Candles, next: Timestamp, interval: Span, rate: Rate) -> VecDeque<Funded> {
    let window = candles::Window { from: None, until: None, limit: 2_400 };
    let hours = candles.list(crate::venue::binance::interval::Interval::Minutes(60), window);
    let at_funding =
        hours.iter().filter(|hour| hour.open_time.floor(interval) == hour.open_time && hour.open_time < next);
    at_funding.map(|hour| Funded { at: hour.open_time, rate, mark: hour.open }).collect()
}

impl Market {
    /// Takes in the feed's trades, before the exchange does: what they set off there are later trades.
    pub(crate) fn on_prints(&mut self, at: Timestamp, event: &MarketEvent, exchange: &mut Exchange, hub: &mut Hub) {
        let Some(listing) = self.listings.get_mut(event.instrument.index()) else { return };
        match &event.data {
            MarketData::Bar(bar) => listing.on_bar(at, bar, exchange, hub),
            MarketData::Trade(trade) => {
                let id = exchange.issue_trade_id().0;
                listing.print(at, id, trade, hub);
            }
            MarketData::Mark(_)
            | MarketData::Funding(_)
            | MarketData::Quote(_)
            | MarketData::Depth(_)
            | MarketData::History { .. }
            | MarketData::Tradable(_) => {}
        }
    }

    /// Takes in what else the feed said, after the exchange has.
    pub(crate) fn on_event(&mut self, at: Timestamp, event: &MarketEvent, exchange: &Exchange, hub: &mut Hub) {
        let Some(listing) = self.listings.get_mut(event.instrument.index()) else { return };
        match &event.data {
            MarketData::Mark(mark) => {
                listing.fund_until(at, exchange);
                listing.funding_rate = mark.funding_rate;
                listing.next_funding = mark.next_funding;
            }
            MarketData::Funding(funding) => {
                let due = at.floor(Span::HOUR);
                let funded = Funded { at: due, rate: funding.rate, mark: funding.mark };
                match listing.fundings.back_mut().filter(|last| last.at == due) {
                    Some(last) => *last = funded,
                    None => listing.fund(funded),
                }
            }
            MarketData::Bar(_)
            | MarketData::Trade(_)
            | MarketData::Quote(_)
            | MarketData::Depth(_)
            | MarketData::History { .. } => {}
            MarketData::Tradable(_) => listing.speak_contract(at, exchange, hub),
        }
        self.on_book(at, event.instrument, exchange, hub);
    }

    /// A trade in which one of the exchange's accounts took.
    pub(crate) fn on_own_trade(&mut self, at: Timestamp, id: InstrumentId, number: u64, trade: &Trade, hub: &mut Hub) {
        if let Some(listing) = self.listings.get_mut(id.index()) {
            listing.print(at, number, trade, hub);
        }
    }

    /// The book of an instrument may have changed.
    pub(crate) fn on_book(&mut self, at: Timestamp, id: InstrumentId, exchange: &Exchange, hub: &mut Hub) {
        if let Some(listing) = self.listings.get_mut(id.index()) {
            listing.speak_best(at, exchange, hub);
        }
    }

    /// Every 100 ms: what is told at a cadence.
    pub(crate) fn on_tick(&mut self, at: Timestamp, tick: u64, exchange: &Exchange, hub: &mut Hub) {
        for listing in &mut self.listings {
            listing.close_minutes(at);
            listing.fund_until(at, exchange);
        }
        self.speak(at, tick, exchange, hub);
    }

    /// An instrument by Binance's spelling.
    pub(crate) fn find(&self, symbol: &str) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.symbol == symbol)
    }
}

impl Listing {
    fn print(&mut self, at: Timestamp, id: u64, trade: &Trade, hub: &mut Hub) {
        self.close_minutes_before(at);
        let bought = trade.taker == Side::Buy;
        let print = Print { id, price: trade.price, qty: trade.qty, at, buyer_made: !bought };
        self.tape.push(print);
        self.candles.current.trade(id, trade.price, trade.qty, bought);
        self.stirred = true;
        self.speak_trade(&print, at, hub);
    }

    /// Prices first: the bar itself is told with the others, a moment later.
    fn on_bar(&mut self, at: Timestamp, bar: &Bar, exchange: &mut Exchange, hub: &mut Hub) {
        if !self.has_trades {
            self.print_path(at, bar, exchange, hub);
        }
        if let Some(closed) = self.candles.close_with(bar) {
            self.closed.push_back((at, closed));
        }
    }

    /// A bar without trades stands for four, one at each of its prices in the order that the exchange assumes.
    fn print_path(&mut self, at: Timestamp, bar: &Bar, exchange: &mut Exchange, hub: &mut Hub) {
        if !bar.volume.is_positive() {
            return;
        }
        let low_first = bar.open - bar.low <= bar.high - bar.open;
        let (near, far) = if low_first { (bar.low, bar.high) } else { (bar.high, bar.low) };
        let step = exchange.instruments().get(self.id).step;
        let part = bar.volume.divided_by(4, Rounding::Down).round_to(step, Rounding::Down);
        let mut before = bar.open;
        for (price, qty) in [(bar.open, part), (near, part), (far, part), (bar.close, bar.volume - part * 3)] {
            if qty.is_positive() {
                let buyer_made = price < before;
                let print = Print { id: exchange.issue_trade_id().0, price, qty, at, buyer_made };
                self.tape.push(print);
                self.speak_trade(&print, at, hub);
            }
            before = price;
        }
    }

    /// Closes minutes that nothing more is said about: the feed's bar is waited for a moment.
    fn close_minutes(&mut self, at: Timestamp) {
        /// A raw recording's bar comes with the first trade of a later minute, or a second after its end.
        const PATIENCE: Span = Span::secs(2);
        self.close_minutes_before(at - PATIENCE);
    }

    fn close_minutes_before(&mut self, at: Timestamp) {
        /// After a longer silence than a day there is nobody to tell each minute to.
        const LONGEST: Span = Span::DAY;
        if at.since(self.candles.current.open_time) > LONGEST {
            self.candles.current.open_time = at.floor(Span::MINUTE);
        }
        while self.candles.current.open_time + Span::MINUTE <= at {
            let closed = self.candles.roll();
            self.closed.push_back((at, closed));
        }
    }

    /// Notes fundings whose time has come.
    fn fund_until(&mut self, at: Timestamp, exchange: &Exchange) {
        let interval = exchange.instruments().get(self.id).funding_interval;
        while self.next_funding <= at && interval >= Span::MINUTE {
            let mark = exchange.mark_price(self.id).unwrap_or_default();
            if self.fundings.back().is_none_or(|last| last.at < self.next_funding) {
                self.fund(Funded { at: self.next_funding, rate: self.funding_rate, mark });
            }
            self.next_funding = self.next_funding.max(at.floor(interval)) + interval;
        }
    }

    fn fund(&mut self, funded: Funded) {
        self.fundings.push_back(funded);
        while self.fundings.len() > MAX_FUNDINGS {
            self.fundings.pop_front();
        }
    }

    /// Last price: that of the last trade, or what stands in for it.
    pub(crate) fn last(&self, exchange: &Exchange) -> Price {
        exchange.last_price(self.id).unwrap_or(self.candles.current.close)
    }

    /// The last 24 hours as one bar, up to the last price.
    pub(crate) fn day(&self, exchange: &Exchange) -> Candle {
        let (day, last) = (self.candles.day(), self.last(exchange));
        Candle { close: last, high: day.high.max(last), low: day.low.min(last), ..day }
    }

    /// Mark price.
    pub(crate) fn mark(&self, exchange: &Exchange) -> Price {
        exchange.mark_price(self.id).unwrap_or(self.candles.current.close)
    }

    /// Best bid and ask of the market and the participants.
    pub(crate) fn best(&self, exchange: &Exchange) -> Quote {
        let price = self.candles.current.close;
        let none = Quote { bid: price, bid_qty: Qty::ZERO, ask: price, ask_qty: Qty::ZERO };
        exchange.public_best(self.id).unwrap_or(none)
    }
}
