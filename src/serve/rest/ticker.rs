//! Prices, marks, fundings and statistics: of one instrument as an object, of all as a list.

use serde::Serialize;

use crate::serve::call::{Answer, Call, json};
use crate::serve::market::Listing;
use crate::serve::market::messages::percent;
use crate::serve::world::World;
use crate::types::{Price, Rate, Rounding, Timestamp};
use crate::venue::binance::error::ApiError;
use crate::venue::binance::market::{
    BookTickerReply, FundingInfo, FundingRateReply, OpenInterest, PremiumIndex, PriceReply, Ticker24,
};

/// Fundings are usually bounded by these at eight hours: Binance's cap for its largest instruments.
const FUNDING_CAP: Rate = Rate::percent(2);

pub(crate) fn day(world: &mut World, call: &Call<'_>) -> Answer {
    one_or_all(world, call, |world, listing| {
        let day = listing.day(&world.exchange);
        let change = day.close - day.open;
        Ticker24 {
            symbol: listing.symbol.clone(),
            price_change: change,
            price_change_percent: percent(change.ratio_of(day.open, Rounding::Down)),
            weighted_avg_price: day
                .quote
                .per_qty(day.volume, Rounding::Down)
                .round_to(Price::new(1, 8), Rounding::Down),
            last_price: day.close,
            last_qty: listing.tape.last().map(|last| last.qty).unwrap_or_default(),
            open_price: day.open,
            high_price: day.high,
            low_price: day.low,
            volume: day.volume,
            quote_volume: day.quote,
            open_time: day.open_time.as_millis(),
            close_time: call.told.as_millis(),
            first_id: day.first,
            last_id: day.last,
            count: day.trades,
        }
    })
}

pub(crate) fn price(world: &mut World, call: &Call<'_>) -> Answer {
    one_or_all(world, call, |world, listing| {
        let time = listing.tape.last().map_or(call.told, |last| last.at).as_millis();
        PriceReply { symbol: listing.symbol.clone(), price: listing.last(&world.exchange), time }
    })
}

pub(crate) fn book(world: &mut World, call: &Call<'_>) -> Answer {
    one_or_all(world, call, |world, listing| {
        let best = listing.best(&world.exchange);
        BookTickerReply {
            last_update_id: call.socket.then(|| listing.ladder.last()),
            symbol: listing.symbol.clone(),
            bid_price: best.bid,
            bid_qty: best.bid_qty,
            ask_price: best.ask,
            ask_qty: best.ask_qty,
            time: call.told.as_millis(),
        }
    })
}

pub(crate) fn premium_index(world: &mut World, call: &Call<'_>) -> Answer {
    one_or_all(world, call, |world, listing| {
        let mark = listing.mark(&world.exchange);
        PremiumIndex {
            symbol: listing.symbol.clone(),
            mark_price: mark,
            index_price: mark,
            estimated_settle_price: mark,
            last_funding_rate: listing.funding_rate,
            interest_rate: Rate::bps(1),
            next_funding_time: listing.next_funding.as_millis(),
            time: call.told.as_millis(),
        }
    })
}

pub(crate) fn open_interest(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let symbol = world.market.listings[id.index()].symbol.clone();
    json(&OpenInterest { open_interest: world.exchange.held(id), symbol, time: call.told.as_millis() })
}

pub(crate) fn funding_rates(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.some_instrument(world.exchange.instruments())?;
    let (from, until) = (call.time("startTime")?, call.time("endTime")?);
    let limit = call.limit(100, 1_000)?;
    let listings = world.market.listings.iter().filter(|listing| id.is_none_or(|id| id == listing.id));
    let mut all: Vec<FundingRateReply> = Vec::new();
    for listing in listings {
        let wanted = listing
            .fundings
            .iter()
            .filter(|funded| funded.at >= from.unwrap_or_default() && funded.at <= until.unwrap_or(Timestamp::MAX));
        all.extend(wanted.map(|funded| FundingRateReply {
            symbol: listing.symbol.clone(),
            funding_rate: funded.rate,
            funding_time: funded.at.as_millis(),
            mark_price: funded.mark,
            rate_type: "Regular".to_owned(),
        }));
    }
    all.sort_by_key(|one| one.funding_time);
    if from.is_some() {
        all.truncate(limit);
    } else if all.len() > limit {
        all.drain(..all.len() - limit);
    }
    json(&all)
}

pub(crate) fn funding_info(world: &mut World, _: &Call<'_>) -> Answer {
    let instruments = world.exchange.instruments().iter();
    let info = instruments.map(|(_, one)| FundingInfo {
        symbol: one.venue_symbol.clone(),
        adjusted_funding_rate_cap: FUNDING_CAP,
        adjusted_funding_rate_floor: -FUNDING_CAP,
        funding_interval_hours: one.funding_interval.as_secs() / 3_600,
        disclaimer: false,
    });
    json(&info.collect::<Vec<_>>())
}

/// The instrument that is named, or all of them.
fn one_or_all<T: Serialize>(world: &World, call: &Call<'_>, make: impl Fn(&World, &Listing) -> T) -> Answer {
    match call.get("symbol") {
        Some(symbol) => {
            let listing = world.market.find(symbol).ok_or_else(|| ApiError::of(-1121))?;
            json(&make(world, listing))
        }
        None => json(&world.market.listings.iter().map(|listing| make(world, listing)).collect::<Vec<_>>()),
    }
}
