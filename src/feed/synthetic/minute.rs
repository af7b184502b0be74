//! The inside of a minute: a bridge from where it opens to where it ends, with quotes, marks and trades on it.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::Rng;

use super::super::random;
use super::market::Market;
use super::walk::Step;
use crate::protocol::{Bar, Funding, Mark, MarketData, Quote, Trade};
use crate::types::{Price, Qty, Rate, Side, Span, Timestamp, TradeId};

const SECONDS: usize = 60;
/// Room for the trades of a minute within a trade's number.
const TRADES_PER_MINUTE: u64 = 100;
/// What the kind of a draw is called in its key.
const INSIDE: u64 = 10;
const FUNDING: u64 = 11;
const PREMIUM: u64 = 12;

/// Every record of the minute in no particular order: quotes and marks at the end of each second, the bar at the
/// end of the minute, a funding if the minute ends with one.
pub(super) fn records(market: &Market, step: &Step, mut put: impl FnMut(Timestamp, MarketData)) {
    let mut rng = inside(market, step);
    let points = bridge(market, step, &mut rng);
    let trades = trades(market, step, &points, &mut rng);
    let premium = 1.0 + 0.0001 * random::normal(&mut random::generator(key(market, PREMIUM, step.opened)));
    for (second, ticks) in points.iter().enumerate().skip(1) {
        let at = step.opened + Span::secs(second as i64);
        put(at, MarketData::Quote(quote(market, *ticks, &mut rng)));
        put(at, MarketData::Mark(mark(market, *ticks * premium, at)));
    }
    for (after, trade) in &trades {
        put(step.opened + *after, MarketData::Trade(*trade));
    }
    let end = step.opened + Span::MINUTE;
    if end.floor(market.funding_interval) == end {
        let rate = funding_rate(market, end);
        put(end, MarketData::Funding(Funding { rate, mark: market.price(points[SECONDS] * premium) }));
    }
    put(end, MarketData::Bar(recount(step, &trades)));
}

/// The minute's bar alone, the same as among its records.
pub(super) fn bar(market: &Market, step: &Step) -> Bar {
    let mut rng = inside(market, step);
    let points = bridge(market, step, &mut rng);
    recount(step, &trades(market, step, &points, &mut rng))
}

fn key(market: &Market, kind: u64, at: Timestamp) -> u64 {
    random::key(&[market.key, kind, at.as_secs() as u64])
}

fn inside(market: &Market, step: &Step) -> Xoshiro256PlusPlus {
    random::generator(key(market, INSIDE, step.opened))
}

/// The middle of the book, in ticks, at the start of the minute and after each second: a Brownian bridge, so that
/// its end is the walk's and its variance that of the regime.
fn bridge(market: &Market, step: &Step, rng: &mut Xoshiro256PlusPlus) -> [f64; SECONDS + 1] {
    let sigma = step.sigma / (SECONDS as f64).sqrt();
    let mut free = [0.0; SECONDS + 1];
    for second in 1..=SECONDS {
        free[second] = free[second - 1] + sigma * random::normal(rng);
    }
    let miss = step.to - step.from - free[SECONDS];
    std::array::from_fn(|second| market.ticks(step.from + free[second] + miss * second as f64 / SECONDS as f64))
}

/// Bid and ask in whole ticks, at least one apart.
fn touch(market: &Market, ticks: f64) -> (f64, f64) {
    let wide = (2.0 * market.half_spread * ticks).round().max(1.0);
    let bid = (ticks - wide / 2.0).round().max(1.0);
    (bid, bid + wide)
}

fn quote(market: &Market, ticks: f64, rng: &mut Xoshiro256PlusPlus) -> Quote {
    let (bid, ask) = touch(market, ticks);
    let bits = rng.next_u64();
    let size = |bits: u64| market.lot * (10 + (bits % 90) as i64);
    Quote { bid: market.price(bid), bid_qty: size(bits & 0xffff), ask: market.price(ask), ask_qty: size(bits >> 32) }
}

fn mark(market: &Market, ticks: f64, at: Timestamp) -> Mark {
    let next_funding = at.floor(market.funding_interval) + market.funding_interval;
    Mark { price: market.price(ticks), funding_rate: funding_rate(market, next_funding), next_funding }
}

/// The rate settled at an instant: about 1 bps, within ±5 bps, in steps of 0.01 bps.
fn funding_rate(market: &Market, settled: Timestamp) -> Rate {
    let draw = random::normal(&mut random::generator(key(market, FUNDING, settled)));
    Rate::new(100 + (draw * 100.0).round() as i64, 6)
}

/// A trade every one to three seconds, at the touch of the second it falls in, small more often than large.
fn trades(
    market: &Market,
    step: &Step,
    points: &[f64; SECONDS + 1],
    rng: &mut Xoshiro256PlusPlus,
) -> Vec<(Span, Trade)> {
    let first_id = (step.opened.as_secs() / 60) as u64 * TRADES_PER_MINUTE;
    let mut trades = Vec::with_capacity(SECONDS);
    let mut after_ms = rng.next_u64() % 1_000;
    while after_ms < 60_000 {
        let bits = rng.next_u64();
        let (bid, ask) = touch(market, points[(after_ms / 1_000) as usize]);
        let (taker, price) = if bits & 1 == 0 { (Side::Buy, ask) } else { (Side::Sell, bid) };
        let lots = 1 + (bits >> 8) % 10 * ((bits >> 16) % 10) / 4;
        let id = TradeId(first_id + trades.len() as u64);
        let trade = Trade { id, price: market.price(price), qty: market.lot * lots as i64, taker };
        trades.push((Span::millis(after_ms as i64), trade));
        after_ms += 1_000 + (bits >> 32) % 2_001;
    }
    trades
}

/// What the trades of a minute make. There always are some: the first comes within a second.
fn recount(step: &Step, trades: &[(Span, Trade)]) -> Bar {
    let prices = || trades.iter().map(|(_, trade)| trade.price);
    Bar {
        open_time: step.opened,
        open: prices().next().unwrap_or(Price::EPSILON),
        high: prices().max().unwrap_or(Price::EPSILON),
        low: prices().min().unwrap_or(Price::EPSILON),
        close: prices().next_back().unwrap_or(Price::EPSILON),
        volume: trades.iter().map(|(_, trade)| trade.qty).sum::<Qty>(),
    }
}
