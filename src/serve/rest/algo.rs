//! Conditional orders, which Binance keeps in a service of their own.

use super::parse;
use crate::protocol::DoneReason;
use crate::serve::books::replies;
use crate::serve::books::rows::{FIRST_ALGO, OrderRow};
use crate::serve::call::{Answer, Call, json};
use crate::serve::world::World;
use crate::types::Timestamp;
use crate::venue::binance::algo::AlgoCanceled;
use crate::venue::binance::error::ApiError;
use crate::venue::binance::order::Done;
use crate::venue::binance::words::AlgoStatus;

pub(crate) fn place(world: &mut World, call: &Call<'_>) -> Answer {
    let parsed = parse::algo(world, call)?;
    let id = world.exchange.place(call.at, call.account, &parsed.request, parsed.terms)?;
    world.tell();
    let book = world.books.of(call.account);
    book.annotate(id, |row| row.price_match = parsed.price_match);
    let row = world.books.get(call.account).and_then(|book| book.order(id.0, call.at));
    let row = row.ok_or_else(|| ApiError::of(-1000))?;
    let reply = replies::algo(row, world.exchange.instruments(), false);
    json(&crate::venue::binance::algo::AlgoReply { algo_status: AlgoStatus::New, ..reply })
}

pub(crate) fn query(world: &mut World, call: &Call<'_>) -> Answer {
    let row = find(world, call)?.ok_or_else(|| ApiError::of(-2013))?;
    json(&replies::algo(row, world.exchange.instruments(), true))
}

pub(crate) fn cancel(world: &mut World, call: &Call<'_>) -> Answer {
    let waiting = find(world, call)?.filter(|row| row.is_open() && !row.change.triggered);
    let (id, algo_id, name) = match waiting {
        Some(row) => (row.change.venue_order_id, row.algo_id(), row.change.request.client_id.to_string()),
        None => return Err(ApiError::of(-2011)),
    };
    world.exchange.withdraw(call.at, call.account, id, DoneReason::Canceled);
    world.tell();
    json(&AlgoCanceled { algo_id, client_algo_id: name, code: "200".to_owned(), msg: "success".to_owned() })
}

pub(crate) fn cancel_all(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    world.cancel_all(call.at, call.account, id, true);
    json(&Done::new("The operation of cancel all open order is done."))
}

pub(crate) fn open(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.some_instrument(world.exchange.instruments())?;
    let algo_id = call.number("algoId")?;
    let book = world.books.get(call.account);
    let open = book.into_iter().flat_map(|book| book.open()).filter(|row| row.is_algo() && !row.change.triggered);
    let wanted = open
        .filter(|row| id.is_none_or(|id| id == row.change.request.instrument))
        .filter(|row| algo_id.is_none_or(|algo_id| algo_id == row.algo_id()));
    json(&wanted.map(|row| replies::algo(row, world.exchange.instruments(), true)).collect::<Vec<_>>())
}

pub(crate) fn all(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let (first, limit) = (call.number("algoId")?, call.limit(500, 1_000)?);
    let (from, until) = (call.time("startTime")?, call.time("endTime")?);
    let book = world.books.get(call.account);
    let all = book.into_iter().flat_map(|book| book.orders(call.at)).filter(|row| row.is_algo());
    let inside = |at: Timestamp| at >= from.unwrap_or_default() && at <= until.unwrap_or(Timestamp::MAX);
    let mut rows: Vec<&OrderRow> = all
        .filter(|row| row.change.request.instrument == id && row.algo_id() >= first.unwrap_or(0))
        .filter(|row| inside(row.change.created_at))
        .collect();
    if first.is_some() || from.is_some() {
        rows.truncate(limit);
    } else if rows.len() > limit {
        rows.drain(..rows.len() - limit);
    }
    json(&rows.into_iter().map(|row| replies::algo(row, world.exchange.instruments(), true)).collect::<Vec<_>>())
}

/// The conditional order that is named by its number or by its client's.
fn find<'a>(world: &'a World, call: &Call<'_>) -> Result<Option<&'a OrderRow>, ApiError> {
    let book = world.books.get(call.account);
    let row = match (call.number("algoId")?, call.get("clientAlgoId")) {
        (Some(number), _) => {
            let id = number.checked_sub(FIRST_ALGO);
            book.and_then(|book| book.order(id?, call.at))
        }
        (None, Some(name)) => book.and_then(|book| book.named(name, call.at)),
        (None, None) => {
            let msg = "Param 'clientAlgoId' or 'algoId' must be sent, but both were empty/null!";
            return Err(ApiError::new(-1102, msg));
        }
    };
    Ok(row.filter(|row| row.is_algo()))
}
