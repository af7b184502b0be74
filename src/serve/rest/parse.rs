//! From parameters to orders: what is missing, malformed or not meant for the endpoint is refused here, under
//! Binance's numbers; whether the order can be is the exchange's to say.

use crate::exchange::{SelfTrade, Terms, ThenLimit, Trail};
use crate::protocol::{Amount, OrderKind, OrderRequest, TimeInForce, TriggerBy};
use crate::serve::call::Call;
use crate::serve::world::World;
use crate::types::{ClientOrderId, InstrumentId, PositionSide, Price, Qty, Rate, Rounding, Side, Timestamp};
use crate::venue::binance::error::ApiError;
use crate::venue::binance::words::{OrderType, PositionWord, PriceMatch, RespType, SideWord, Stp, Tif, WorkingType};

/// Characters of a name that the venue gives an order.
const GIVEN_NAME: usize = 22;
/// Bounds of a trailing stop's distance.
const CALLBACKS: (Rate, Rate) = (Rate::new(1, 3), Rate::percent(10));

/// An order that was understood.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub request: OrderRequest,
    pub terms: Terms,
    pub price_match: PriceMatch,
    pub resp: RespType,
}

/// An order for the endpoint of orders.
pub(crate) fn order(world: &mut World, call: &Call<'_>) -> Result<Parsed, ApiError> {
    let kind = order_type(call)?;
    if !matches!(kind, OrderType::Limit | OrderType::Market) {
        return Err(ApiError::of(-4120));
    }
    let mut parsed = common(world, call, "newClientOrderId")?;
    if call.flag("closePosition")? == Some(true) {
        return Err(ApiError::of(-4136));
    }
    let qty = call.qty("quantity")?.ok_or_else(|| ApiError::missing("quantity"))?;
    parsed.request.amount = Amount::Qty(qty);
    if kind == OrderType::Market {
        for unwanted in ["price", "timeInForce"] {
            if call.get(unwanted).is_some() {
                return Err(ApiError::unwanted(&unwanted.to_lowercase()));
            }
        }
        return Ok(parsed);
    }
    let (price, word) = (limit_price(world, call, &parsed)?, tif(call)?);
    let (tif, good_till) = rests(call, word.ok_or_else(|| ApiError::missing("timeInForce"))?)?;
    parsed.terms.good_till = good_till;
    parsed.request.kind = OrderKind::Limit { price, tif };
    Ok(parsed)
}

/// An order for the endpoint of conditional orders.
pub(crate) fn algo(world: &mut World, call: &Call<'_>) -> Result<Parsed, ApiError> {
    if call.need("algoType")? != "CONDITIONAL" {
        return Err(ApiError::malformed("algoType"));
    }
    let kind = order_type(call)?;
    if matches!(kind, OrderType::Limit | OrderType::Market) {
        return Err(ApiError::of(-1116));
    }
    let mut parsed = common(world, call, "clientAlgoId")?;
    parsed.request.amount = algo_amount(call, kind, parsed.request.reduce_only)?;
    let by = match read(call, "workingType", WorkingType::read)? {
        Some(WorkingType::Mark) => TriggerBy::Mark,
        Some(WorkingType::Contract) | None => TriggerBy::Last,
    };
    parsed.terms.protect = call.flag("priceProtect")?.unwrap_or(false);
    if let OrderType::Stop | OrderType::TakeProfit = kind {
        let price = limit_price(world, call, &parsed)?;
        let (tif, good_till) = rests(call, tif(call)?.unwrap_or(Tif::Gtc))?;
        parsed.terms.then_limit = Some(ThenLimit { price, tif });
        parsed.terms.good_till = good_till;
    }
    let trigger = match kind {
        OrderType::TrailingStopMarket => {
            let trail = trail(call)?;
            parsed.terms.trail = Some(trail);
            let id = parsed.request.instrument;
            let watched = match by {
                TriggerBy::Mark => world.exchange.mark_price(id),
                TriggerBy::Last => world.exchange.last_price(id),
            };
            let tick = world.exchange.instruments().get(id).tick;
            let price = trail.activation.or(watched).ok_or_else(|| ApiError::of(-4131))?;
            if trail.activation.is_some() { price } else { price.round_to(tick, Rounding::Down) }
        }
        _ => call.price("triggerPrice")?.ok_or_else(|| ApiError::missing("triggerPrice"))?,
    };
    parsed.request.kind = match kind {
        OrderType::TakeProfit | OrderType::TakeProfitMarket => OrderKind::TakeProfit { trigger, by },
        _ => OrderKind::Stop { trigger, by },
    };
    Ok(parsed)
}

/// What a limit order is changed to.
pub(crate) fn change(world: &mut World, call: &Call<'_>, id: InstrumentId) -> Result<(Price, Qty), ApiError> {
    let side: Side = read(call, "side", SideWord::read)?.ok_or_else(|| ApiError::missing("side"))?.into();
    let qty = call.qty("quantity")?.ok_or_else(|| ApiError::missing("quantity"))?;
    let price = match (call.price("price")?, price_match(call)?) {
        (Some(price), PriceMatch::None) => price,
        (None, PriceMatch::None) => return Err(ApiError::missing("price")),
        (Some(_), _) => return Err(ApiError::of(-1128)),
        (None, from_book) => matched(world, id, side, from_book)?,
    };
    Ok((price, qty))
}

/// What all orders have.
fn common(world: &mut World, call: &Call<'_>, name: &str) -> Result<Parsed, ApiError> {
    let instrument = call.instrument(world.exchange.instruments())?;
    let side = match call.need("side").map(SideWord::read)? {
        Some(side) => side.into(),
        None => return Err(ApiError::of(-1117)),
    };
    let position_side: PositionSide = match call.get("positionSide").map(PositionWord::read) {
        Some(Some(word)) => word.into(),
        Some(None) => return Err(ApiError::of(-4060)),
        None => PositionSide::Both,
    };
    let client_id = match call.get(name) {
        Some(text) => text.parse().map_err(|_| ApiError::of(-4015))?,
        None => given_name(world)?,
    };
    let self_trade = match read(call, "selfTradePreventionMode", Stp::read)? {
        Some(Stp::Taker) => SelfTrade::Taker,
        Some(Stp::Both) => SelfTrade::Both,
        Some(Stp::Maker | Stp::None) | None => SelfTrade::Maker,
    };
    let resp = match call.get("newOrderRespType") {
        None => RespType::Ack,
        Some(text) => RespType::read(text).ok_or_else(|| ApiError::of(-1136))?,
    };
    let request = OrderRequest {
        client_id,
        instrument,
        side,
        position_side,
        kind: OrderKind::Market,
        amount: Amount::ClosePosition,
        reduce_only: call.flag("reduceOnly")?.unwrap_or(false),
    };
    let terms = Terms { self_trade, ..Terms::default() };
    Ok(Parsed { request, terms, price_match: price_match(call)?, resp })
}

fn order_type(call: &Call<'_>) -> Result<OrderType, ApiError> {
    OrderType::read(call.need("type")?).ok_or_else(|| ApiError::of(-1116))
}

fn given_name(world: &mut World) -> Result<ClientOrderId, ApiError> {
    world.listen.word(GIVEN_NAME).parse().map_err(|_| ApiError::of(-1000))
}

/// How much a conditional order is for.
fn algo_amount(call: &Call<'_>, kind: OrderType, reduces: bool) -> Result<Amount, ApiError> {
    let qty = call.qty("quantity")?;
    if call.flag("closePosition")? != Some(true) {
        return qty.map(Amount::Qty).ok_or_else(|| ApiError::missing("quantity"));
    }
    if !matches!(kind, OrderType::StopMarket | OrderType::TakeProfitMarket) {
        return Err(ApiError::of(-4136));
    }
    if qty.is_some_and(|qty| !qty.is_zero()) {
        return Err(ApiError::of(-4137));
    }
    if reduces {
        return Err(ApiError::unwanted("reduceonly"));
    }
    Ok(Amount::ClosePosition)
}

fn trail(call: &Call<'_>) -> Result<Trail, ApiError> {
    let callback = call.percent("callbackRate")?.ok_or_else(|| ApiError::missing("callbackRate"))?;
    if callback < CALLBACKS.0 || callback > CALLBACKS.1 {
        return Err(ApiError::new(-2007, "Invalid callBack rate."));
    }
    let activation = call.price("activatePrice")?.or(call.price("activationPrice")?);
    Ok(Trail { callback, activation, best: None })
}

fn tif(call: &Call<'_>) -> Result<Option<Tif>, ApiError> {
    call.get("timeInForce").map(|text| Tif::read(text).ok_or_else(|| ApiError::of(-1115))).transpose()
}

/// How a limit order rests, and until when.
fn rests(call: &Call<'_>, word: Tif) -> Result<(TimeInForce, Option<Timestamp>), ApiError> {
    let good_till = call.time("goodTillDate")?;
    Ok(match word {
        Tif::Gtc => (TimeInForce::Gtc, None),
        Tif::Ioc => (TimeInForce::Ioc, None),
        Tif::Fok => (TimeInForce::Fok, None),
        Tif::Gtx => (TimeInForce::PostOnly, None),
        Tif::Gtd => {
            let at = good_till.ok_or_else(|| ApiError::missing("goodTillDate"))?;
            if at <= call.at {
                return Err(ApiError::malformed("goodTillDate"));
            }
            (TimeInForce::Gtc, Some(at))
        }
    })
}

fn price_match(call: &Call<'_>) -> Result<PriceMatch, ApiError> {
    Ok(read(call, "priceMatch", PriceMatch::read)?.unwrap_or(PriceMatch::None))
}

/// The limit that is given, or the one that the book gives.
fn limit_price(world: &World, call: &Call<'_>, parsed: &Parsed) -> Result<Price, ApiError> {
    match (call.price("price")?, parsed.price_match) {
        (Some(price), PriceMatch::None) => Ok(price),
        (None, PriceMatch::None) => Err(ApiError::missing("price")),
        (Some(_), _) => Err(ApiError::of(-1128)),
        (None, from_book) => matched(world, parsed.request.instrument, parsed.request.side, from_book),
    }
}

/// A price of the book: the other side's for an opponent's, one's own for the queue's.
fn matched(world: &World, id: InstrumentId, side: Side, from_book: PriceMatch) -> Result<Price, ApiError> {
    let (of, level) = match from_book {
        PriceMatch::None | PriceMatch::Opponent => (side.closing(), 1),
        PriceMatch::Opponent5 => (side.closing(), 5),
        PriceMatch::Opponent10 => (side.closing(), 10),
        PriceMatch::Opponent20 => (side.closing(), 20),
        PriceMatch::Queue => (side, 1),
        PriceMatch::Queue5 => (side, 5),
        PriceMatch::Queue10 => (side, 10),
        PriceMatch::Queue20 => (side, 20),
    };
    let book = world.exchange.public_book(id, of, level);
    book.last().map(|level| level.price).ok_or_else(|| ApiError::of(-4131))
}

fn read<T>(call: &Call<'_>, name: &str, word: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
    call.get(name).map(|text| word(text).ok_or_else(|| ApiError::malformed(name))).transpose()
}
