//! Orders: placing, changing, cancelling and asking for them, one by one and in batches.

use serde::Serialize;
use serde_json::value::RawValue;

use super::parse;
use crate::exchange::OrderChange;
use crate::protocol::{DoneReason, OrderKind, Stage};
use crate::serve::books::OrderRow;
use crate::serve::books::replies::{self, Answering};
use crate::serve::call::{Answer, Call, json};
use crate::serve::world::World;
use crate::types::{Qty, Span, Usdt, VenueOrderId};
use crate::venue::binance::error::ApiError;
use crate::venue::binance::form::Form;
use crate::venue::binance::order::{Countdown, Done, OrderReply};
use crate::venue::binance::words::{OrderStatus, RespType};

/// Most orders of a batch that is placed or changed, and of one that is cancelled.
const MAX_BATCH: usize = 5;
const MAX_CANCELS: usize = 10;

pub(crate) fn place(world: &mut World, call: &Call<'_>) -> Answer {
    json(&placed(world, call)?)
}

/// Says what would be said if the order were placed. Its number is that of no order.
pub(crate) fn test(world: &mut World, call: &Call<'_>) -> Answer {
    let parsed = parse::order(world, call)?;
    world.exchange.would_place(call.account, &parsed.request, &parsed.terms)?;
    let mut row = OrderRow::new(&OrderChange {
        account: call.account,
        venue_order_id: VenueOrderId(0),
        request: parsed.request,
        stage: Stage::Working,
        triggered: false,
        terms: parsed.terms,
        met_own: false,
        filled: Qty::ZERO,
        filled_notional: Usdt::ZERO,
        created_at: call.at,
        updated_at: call.at,
    });
    row.price_match = parsed.price_match;
    json(&replies::order(&row, world.exchange.instruments(), Answering::Act))
}

pub(crate) fn modify(world: &mut World, call: &Call<'_>) -> Answer {
    json(&modified(world, call)?)
}

pub(crate) fn cancel(world: &mut World, call: &Call<'_>) -> Answer {
    let id = named(world, call)?;
    json(&canceled(world, call, id)?)
}

pub(crate) fn query(world: &mut World, call: &Call<'_>) -> Answer {
    call.instrument(world.exchange.instruments())?;
    let row = find(world, call)?.filter(|row| row.is_actual()).ok_or_else(|| ApiError::of(-2013))?;
    json(&replies::order(row, world.exchange.instruments(), Answering::Query))
}

pub(crate) fn query_open(world: &mut World, call: &Call<'_>) -> Answer {
    call.instrument(world.exchange.instruments())?;
    let open = find(world, call)?.filter(|row| row.is_actual() && row.is_open());
    let row = open.ok_or_else(|| ApiError::of(-2013))?;
    json(&replies::order(row, world.exchange.instruments(), Answering::Query))
}

pub(crate) fn open_orders(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.some_instrument(world.exchange.instruments())?;
    let open = world.books.get(call.account).into_iter().flat_map(|book| book.open());
    let wanted = open.filter(|row| row.is_actual() && id.is_none_or(|id| id == row.change.request.instrument));
    let instruments = world.exchange.instruments();
    json(&wanted.map(|row| replies::order(row, instruments, Answering::Query)).collect::<Vec<_>>())
}

pub(crate) fn cancel_all(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    world.cancel_all(call.at, call.account, id, false);
    json(&Done::new("The operation of cancel all open order is done."))
}

pub(crate) fn countdown(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let millis = call.number("countdownTime")?.ok_or_else(|| ApiError::missing("countdownTime"))?;
    let span = Span::millis(i64::try_from(millis).unwrap_or(i64::MAX).min(Span::DAY.as_millis()));
    world.set_countdown(call.account, id, (millis > 0).then(|| call.at + span));
    json(&Countdown { symbol: call.need("symbol")?.to_owned(), countdown_time: millis.to_string() })
}

pub(crate) fn place_batch(world: &mut World, call: &Call<'_>) -> Answer {
    batch(world, call, placed)
}

pub(crate) fn modify_batch(world: &mut World, call: &Call<'_>) -> Answer {
    batch(world, call, modified)
}

pub(crate) fn cancel_batch(world: &mut World, call: &Call<'_>) -> Answer {
    call.instrument(world.exchange.instruments())?;
    let list = |names: [&str; 2]| names.into_iter().find_map(|name| call.get(name));
    let (numbers, names) =
        (list(["orderIdList", "orderidlist"]), list(["origClientOrderIdList", "origclientorderidlist"]));
    let ids: Vec<Result<VenueOrderId, ApiError>> = match (numbers, names) {
        (Some(numbers), _) => {
            let numbers: Vec<u64> = serde_json::from_str(numbers).map_err(|_| ApiError::malformed("orderIdList"))?;
            numbers.into_iter().map(|number| Ok(VenueOrderId(number))).collect()
        }
        (None, Some(names)) => {
            let names: Vec<String> =
                serde_json::from_str(names).map_err(|_| ApiError::malformed("origClientOrderIdList"))?;
            let book = world.books.get(call.account);
            let find =
                |name: &String| book.and_then(|book| book.named(name, call.at)).map(|row| VenueOrderId(row.id()));
            names.iter().map(|name| find(name).ok_or_else(|| ApiError::of(-2011))).collect()
        }
        (None, None) => return Err(ApiError::missing("orderIdList")),
    };
    if ids.is_empty() || ids.len() > MAX_CANCELS {
        return Err(ApiError::of(-4082));
    }
    let each: Vec<Each<OrderReply>> =
        ids.into_iter().map(|id| id.and_then(|id| canceled(world, call, id)).into()).collect();
    json(&each)
}

/// What became of one order of a batch.
#[derive(Serialize)]
#[serde(untagged)]
enum Each<T> {
    Done(Box<T>),
    Refused(ApiError),
}

impl<T> From<Result<T, ApiError>> for Each<T> {
    fn from(result: Result<T, ApiError>) -> Each<T> {
        match result {
            Ok(done) => Each::Done(Box::new(done)),
            Err(error) => Each::Refused(error),
        }
    }
}

/// Does one thing for every order of the list.
fn batch(
    world: &mut World,
    call: &Call<'_>,
    each: fn(&mut World, &Call<'_>) -> Result<OrderReply, ApiError>,
) -> Answer {
    let list = call.need("batchOrders")?;
    let items: Vec<std::collections::BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(list).map_err(|_| ApiError::malformed("batchOrders"))?;
    if items.is_empty() || items.len() > MAX_BATCH {
        return Err(ApiError::of(-4082));
    }
    let mut done: Vec<Each<OrderReply>> = Vec::new();
    for item in items {
        let params = Form::of(item.into_iter().map(|(name, value)| (name, plain(&value))).collect());
        done.push(each(world, &Call { params: &params, ..*call }).into());
    }
    json(&done)
}

/// A JSON value as a parameter would have it: a text without its quotes, anything else as it is written.
pub(crate) fn plain(value: &RawValue) -> String {
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| match value.get() {
        "null" => String::new(),
        other => other.to_owned(),
    })
}

fn placed(world: &mut World, call: &Call<'_>) -> Result<OrderReply, ApiError> {
    let parsed = parse::order(world, call)?;
    let id = world.exchange.place(call.at, call.account, &parsed.request, parsed.terms)?;
    world.tell();
    world.books.of(call.account).annotate(id, |row| row.price_match = parsed.price_match);
    let row = world.books.get(call.account).and_then(|book| book.order(id.0, call.at));
    let row = row.ok_or_else(|| ApiError::of(-1000))?;
    let reply = replies::order(row, world.exchange.instruments(), Answering::Act);
    Ok(match parsed.resp {
        RespType::Result => reply,
        // An acknowledgement says how the order came in, not what became of it.
        RespType::Ack => OrderReply {
            status: OrderStatus::New,
            executed_qty: Qty::ZERO,
            cum_qty: Some(Qty::ZERO),
            update_time: row.change.created_at.as_millis(),
            ..reply
        },
    })
}

fn modified(world: &mut World, call: &Call<'_>) -> Result<OrderReply, ApiError> {
    let id = call.instrument(world.exchange.instruments())?;
    let (price, qty) = parse::change(world, call, id)?;
    let row = find(world, call)?.filter(|row| row.is_actual() && row.is_open());
    let row = row.filter(|row| matches!(row.change.request.kind, OrderKind::Limit { .. }));
    let order = row.map(|row| row.change.venue_order_id).ok_or_else(|| ApiError::of(-2013))?;
    let modify_id = call.number("modifyId")?;
    world.exchange.amend(call.at, call.account, order, price, qty)?;
    world.tell();
    let book = world.books.of(call.account);
    if let Some(last) = book.amendments.back_mut().filter(|last| last.order == order.0) {
        last.modify_id = modify_id;
    }
    let row = book.order(order.0, call.at).ok_or_else(|| ApiError::of(-2013))?;
    let reply = replies::order(row, world.exchange.instruments(), Answering::Change(modify_id));
    // Over WebSocket the pair is left out.
    Ok(OrderReply { pair: reply.pair.filter(|_| !call.socket), ..reply })
}

fn canceled(world: &mut World, call: &Call<'_>, id: VenueOrderId) -> Result<OrderReply, ApiError> {
    let instrument = call.instrument(world.exchange.instruments())?;
    let known = world.books.get(call.account).and_then(|book| book.order(id.0, call.at));
    let open = known.is_some_and(|row| row.is_actual() && row.change.request.instrument == instrument);
    if !open || !world.exchange.withdraw(call.at, call.account, id, DoneReason::Canceled) {
        return Err(ApiError::of(-2011));
    }
    world.tell();
    let row = world.books.get(call.account).and_then(|book| book.order(id.0, call.at));
    let row = row.ok_or_else(|| ApiError::of(-2011))?;
    Ok(replies::order(row, world.exchange.instruments(), Answering::Act))
}

/// The number of the order that is named; an order that is not there is told of by whoever looks for it.
fn named(world: &World, call: &Call<'_>) -> Result<VenueOrderId, ApiError> {
    call.instrument(world.exchange.instruments())?;
    let row = find(world, call)?;
    row.map(|row| row.change.venue_order_id).ok_or_else(|| ApiError::of(-2011))
}

/// The order that is named by its number or by its client's.
fn find<'a>(world: &'a World, call: &Call<'_>) -> Result<Option<&'a OrderRow>, ApiError> {
    let id = call.instrument(world.exchange.instruments())?;
    let book = world.books.get(call.account);
    let row = match (call.number("orderId")?, call.get("origClientOrderId")) {
        (Some(number), _) => book.and_then(|book| book.order(number, call.at)),
        (None, Some(name)) => book.and_then(|book| book.named(name, call.at)),
        (None, None) => {
            let msg = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!";
            return Err(ApiError::new(-1102, msg));
        }
    };
    Ok(row.filter(|row| row.change.request.instrument == id))
}
