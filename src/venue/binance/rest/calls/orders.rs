//! Orders. Conditional ones have endpoints of their own: the venue's algo-order service.

use reqwest::Method;

use super::super::Priority;
use super::super::call::{Call, Security::Signed};
use super::market::{Page, paged};
use crate::protocol::{Amount, OrderKind, OrderRequest, TimeInForce, TriggerBy};
use crate::types::{ClientOrderId, PositionSide, Price, Span};
use crate::venue::binance::read::order::{Algo, AlgoCanceled, Countdown, Done, Order, UserTrade};
use crate::venue::binance::words::{OrderType, PositionWord, RespType, SideWord, Tif, WorkingType};

/// Most trades of one request.
pub(crate) const MAX_TRADES: usize = 1_000;

/// The request that places an order, by the service that takes it.
#[derive(Debug, Clone)]
pub(crate) enum Placing {
    Regular(Call<Order>),
    Conditional(Call<Algo>),
}

/// Places an order on `symbol`, which is the venue's name of the request's instrument.
pub(crate) fn place(request: &OrderRequest, symbol: &str) -> Placing {
    match request.kind {
        OrderKind::Market => Placing::Regular(regular(request, symbol, OrderType::Market, None)),
        OrderKind::Limit { price, tif } => {
            Placing::Regular(regular(request, symbol, OrderType::Limit, Some((price, tif))))
        }
        OrderKind::Stop { trigger, by } => {
            Placing::Conditional(conditional(request, symbol, OrderType::StopMarket, trigger, by))
        }
        OrderKind::TakeProfit { trigger, by } => {
            Placing::Conditional(conditional(request, symbol, OrderType::TakeProfitMarket, trigger, by))
        }
    }
}

fn regular(request: &OrderRequest, symbol: &str, kind: OrderType, limit: Option<(Price, TimeInForce)>) -> Call<Order> {
    let call = Call::new(Method::POST, "/fapi/v1/order", Signed, 0).order().counted().with_priority(claim(request));
    let call = common(call, request, symbol, kind)
        .with("newClientOrderId", request.client_id)
        .with("newOrderRespType", RespType::Result.as_str());
    match limit {
        Some((price, tif)) => call.with("price", price).with("timeInForce", word(tif).as_str()),
        None => call,
    }
}

fn conditional(request: &OrderRequest, symbol: &str, kind: OrderType, trigger: Price, by: TriggerBy) -> Call<Algo> {
    let call = Call::new(Method::POST, "/fapi/v1/algoOrder", Signed, 0).order().counted().with_priority(claim(request));
    let working = match by {
        TriggerBy::Mark => WorkingType::Mark,
        TriggerBy::Last => WorkingType::Contract,
    };
    common(call, request, symbol, kind)
        .with("algoType", "CONDITIONAL")
        .with("clientAlgoId", request.client_id)
        .with("triggerPrice", trigger)
        .with("workingType", working.as_str())
}

/// Whatever can only shrink a position may use what is kept in reserve.
fn claim(request: &OrderRequest) -> Priority {
    let closes = request.reduce_only || request.amount == Amount::ClosePosition;
    if closes { Priority::Reserved } else { Priority::Ordinary }
}

fn common<T>(call: Call<T>, request: &OrderRequest, symbol: &str, kind: OrderType) -> Call<T> {
    let call =
        call.with("symbol", symbol).with("side", SideWord::from(request.side).as_str()).with("type", kind.as_str());
    let call = match request.position_side {
        PositionSide::Both => call,
        side @ (PositionSide::Long | PositionSide::Short) => {
            call.with("positionSide", PositionWord::from(side).as_str())
        }
    };
    match request.amount {
        Amount::Qty(qty) if request.reduce_only => call.with("quantity", qty).with("reduceOnly", true),
        Amount::Qty(qty) => call.with("quantity", qty),
        // It takes neither a quantity nor `reduceOnly` beside it.
        Amount::ClosePosition => call.with("closePosition", true),
    }
}

const fn word(tif: TimeInForce) -> Tif {
    match tif {
        TimeInForce::Gtc => Tif::Gtc,
        TimeInForce::Ioc => Tif::Ioc,
        TimeInForce::Fok => Tif::Fok,
        TimeInForce::PostOnly => Tif::Gtx,
    }
}

/// Cancels a regular order.
pub(crate) fn cancel(symbol: &str, id: &ClientOrderId) -> Call<Order> {
    let call = Call::new(Method::DELETE, "/fapi/v1/order", Signed, 1).order().with_priority(Priority::Reserved);
    call.with("symbol", symbol).with("origClientOrderId", id)
}

/// Cancels a conditional order.
pub(crate) fn cancel_algo(id: &ClientOrderId) -> Call<AlgoCanceled> {
    let call = Call::new(Method::DELETE, "/fapi/v1/algoOrder", Signed, 1).order().with_priority(Priority::Reserved);
    call.with("clientAlgoId", id)
}

/// Cancels all regular orders of a symbol; conditional ones stay.
pub(crate) fn cancel_all(symbol: &str) -> Call<Done> {
    let call = Call::new(Method::DELETE, "/fapi/v1/allOpenOrders", Signed, 1).order();
    call.with_priority(Priority::Reserved).with("symbol", symbol)
}

/// Cancels all conditional orders of a symbol.
pub(crate) fn cancel_all_algos(symbol: &str) -> Call<Done> {
    let call = Call::new(Method::DELETE, "/fapi/v1/algoOpenOrders", Signed, 1).order();
    call.with_priority(Priority::Reserved).with("symbol", symbol)
}

/// Asks for a regular order. Ended ones without fills are forgotten after three days.
pub(crate) fn query(symbol: &str, id: &ClientOrderId) -> Call<Order> {
    let call = Call::get("/fapi/v1/order", Signed, 1).with_priority(Priority::Reserved);
    call.with("symbol", symbol).with("origClientOrderId", id)
}

/// Asks for a regular order by the venue's number.
pub(crate) fn query_number(symbol: &str, number: u64) -> Call<Order> {
    let call = Call::get("/fapi/v1/order", Signed, 1).with_priority(Priority::Reserved);
    call.with("symbol", symbol).with("orderId", number)
}

/// Conditional orders of a symbol over the last days, ended ones included.
pub(crate) fn all_algos(symbol: &str) -> Call<Vec<Algo>> {
    Call::get("/fapi/v1/allAlgoOrders", Signed, 5).with("symbol", symbol).with("limit", MAX_TRADES)
}

/// Asks for a conditional order.
pub(crate) fn query_algo(id: &ClientOrderId) -> Call<Algo> {
    let call = Call::get("/fapi/v1/algoOrder", Signed, 1).with_priority(Priority::Reserved);
    call.with("clientAlgoId", id)
}

/// Open regular orders, of one symbol or of all.
pub(crate) fn open(symbol: Option<&str>) -> Call<Vec<Order>> {
    Call::get("/fapi/v1/openOrders", Signed, one_or_forty(symbol)).with_some("symbol", symbol)
}

/// Open conditional orders, of one symbol or of all.
pub(crate) fn open_algos(symbol: Option<&str>) -> Call<Vec<Algo>> {
    Call::get("/fapi/v1/openAlgoOrders", Signed, one_or_forty(symbol)).with_some("symbol", symbol)
}

const fn one_or_forty(symbol: Option<&str>) -> u32 {
    if symbol.is_some() { 1 } else { 40 }
}

/// Our trades of a symbol, oldest first, over at most seven days.
pub(crate) fn trades(symbol: &str, page: Page) -> Call<Vec<UserTrade>> {
    let call = Call::get("/fapi/v1/userTrades", Signed, 5).with("symbol", symbol);
    paged(call, page).with("limit", page.limit.clamp(1, MAX_TRADES))
}

/// Our trades of a symbol from a trade's number on.
pub(crate) fn trades_from(symbol: &str, from_id: u64, limit: usize) -> Call<Vec<UserTrade>> {
    let call = Call::get("/fapi/v1/userTrades", Signed, 5).with("symbol", symbol).with("fromId", from_id);
    call.with("limit", limit.clamp(1, MAX_TRADES))
}

/// The dead man's switch: all regular orders of the symbol are cancelled unless this is repeated within `countdown`;
/// zero switches it off. It does not touch conditional orders, and so no stop.
pub(crate) fn countdown_cancel_all(symbol: &str, countdown: Span) -> Call<Countdown> {
    let call = Call::new(Method::POST, "/fapi/v1/countdownCancelAll", Signed, 10);
    call.with("symbol", symbol).with("countdownTime", countdown.as_millis().max(0))
}
