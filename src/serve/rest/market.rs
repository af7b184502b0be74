//! The book, the trades and the bars.

use crate::serve::call::{Answer, Call, json};
use crate::serve::market::candles::{Candle, Window};
use crate::serve::market::tape::Print;
use crate::serve::market::{Listing, ladder};
use crate::serve::world::World;
use crate::types::{Price, Qty, Side, Span, Usdt};
use crate::venue::binance::error::ApiError;
use crate::venue::binance::interval::Interval;
use crate::venue::binance::market::{AggTradeReply, DepthReply, KlineReply, TradeReply};

/// The depths that can be asked for.
const DEPTHS: [usize; 7] = [5, 10, 20, 50, 100, 500, ladder::MAX_LEVELS];

pub(crate) fn depth(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let limit = call.limit(500, usize::MAX)?;
    if !DEPTHS.contains(&limit) {
        return Err(ApiError::new(-4021, format!("{limit} is not valid depth limit.")));
    }
    let listing = &mut world.market.listings[id.index()];
    listing.ladder.refresh(&world.exchange, id, call.at);
    json(&DepthReply {
        last_update_id: listing.ladder.last() + 1,
        event_time: call.told.as_millis(),
        time: listing.ladder.changed_at.max(world.market.began).as_millis(),
        bids: listing.ladder.top(Side::Buy, limit),
        asks: listing.ladder.top(Side::Sell, limit),
    })
}

pub(crate) fn trades(world: &mut World, call: &Call<'_>) -> Answer {
    let listing = listing(world, call)?;
    let prints = listing.tape.recent(call.limit(500, 1_000)?);
    json(&prints.map(trade).collect::<Vec<_>>())
}

pub(crate) fn old_trades(world: &mut World, call: &Call<'_>) -> Answer {
    let listing = listing(world, call)?;
    let limit = call.limit(100, 500)?;
    let prints: Vec<_> = match call.number("fromId")? {
        Some(id) => listing.tape.since_id(id, limit).map(trade).collect(),
        None => listing.tape.recent(limit).map(trade).collect(),
    };
    json(&prints)
}

pub(crate) fn agg_trades(world: &mut World, call: &Call<'_>) -> Answer {
    let listing = listing(world, call)?;
    let limit = call.limit(500, 1_000)?;
    let (from, until) = (call.time("startTime")?, call.time("endTime")?);
    if let (Some(from), Some(until)) = (from, until)
        && until.since(from) > Span::HOUR
    {
        return Err(ApiError::new(-1127, "More than 1 hours between startTime and endTime."));
    }
    let prints: Vec<_> = match (call.number("fromId")?, from, until) {
        (Some(id), _, _) => listing.tape.since_id(id, limit).map(aggregated).collect(),
        (None, None, None) => listing.tape.recent(limit).map(aggregated).collect(),
        (None, from, until) => {
            let from = from.unwrap_or_default();
            let until = until.unwrap_or(crate::types::Timestamp::MAX);
            listing.tape.between(from, until, limit).map(aggregated).collect()
        }
    };
    json(&prints)
}

pub(crate) fn klines(world: &mut World, call: &Call<'_>) -> Answer {
    bars(listing(world, call)?, call, kline)
}

pub(crate) fn continuous_klines(world: &mut World, call: &Call<'_>) -> Answer {
    if call.need("contractType")? != "PERPETUAL" {
        return json(&[(); 0]);
    }
    bars(by_pair(world, call)?, call, kline)
}

pub(crate) fn mark_klines(world: &mut World, call: &Call<'_>) -> Answer {
    bars(listing(world, call)?, call, volumeless)
}

pub(crate) fn index_klines(world: &mut World, call: &Call<'_>) -> Answer {
    bars(by_pair(world, call)?, call, volumeless)
}

/// Index and mark are one here, so that the premium is nothing.
pub(crate) fn premium_klines(world: &mut World, call: &Call<'_>) -> Answer {
    bars(listing(world, call)?, call, |candle, interval| {
        let (open, .., end, _, _, _, _, _) = kline(candle, interval);
        let none = Price::ZERO;
        (open, none, none, none, none, Qty::ZERO, end, Usdt::ZERO, 0, Qty::ZERO, Usdt::ZERO, "0")
    })
}

fn bars(listing: &Listing, call: &Call<'_>, form: impl Fn(&Candle, Interval) -> KlineReply) -> Answer {
    let interval = Interval::read(call.need("interval")?).ok_or_else(|| ApiError::of(-1120))?;
    let window = Window { from: call.time("startTime")?, until: call.time("endTime")?, limit: call.limit(500, 1_500)? };
    let candles = listing.candles.list(interval, window);
    json(&candles.iter().map(|candle| form(candle, interval)).collect::<Vec<_>>())
}

fn kline(candle: &Candle, interval: Interval) -> KlineReply {
    (
        candle.open_time.as_millis(),
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        (interval.end_of(candle.open_time) - Span::millis(1)).as_millis(),
        candle.quote,
        candle.trades,
        candle.bought,
        candle.bought_quote,
        "0",
    )
}

/// Bars of a price that nothing is traded at.
fn volumeless(candle: &Candle, interval: Interval) -> KlineReply {
    let (open, o, h, l, c, _, end, _, count, _, _, unused) = kline(candle, interval);
    (open, o, h, l, c, Qty::ZERO, end, Usdt::ZERO, count, Qty::ZERO, Usdt::ZERO, unused)
}

fn trade(print: &Print) -> TradeReply {
    TradeReply {
        id: print.id,
        price: print.price,
        qty: print.qty,
        quote_qty: print.price.notional(print.qty),
        time: print.at.as_millis(),
        is_buyer_maker: print.buyer_made,
        is_rpi_trade: false,
    }
}

fn aggregated(print: &Print) -> AggTradeReply {
    AggTradeReply {
        id: print.id,
        price: print.price,
        qty: print.qty,
        normal_qty: print.qty,
        first: print.id,
        last: print.id,
        time: print.at.as_millis(),
        buyer_is_maker: print.buyer_made,
    }
}

fn listing<'a>(world: &'a World, call: &Call<'_>) -> Result<&'a Listing, ApiError> {
    let symbol = call.need("symbol")?;
    world.market.find(symbol).ok_or_else(|| ApiError::of(-1121))
}

fn by_pair<'a>(world: &'a World, call: &Call<'_>) -> Result<&'a Listing, ApiError> {
    let pair = call.need("pair")?;
    world.market.find(pair).ok_or_else(|| ApiError::of(-4144))
}
