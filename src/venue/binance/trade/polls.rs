//! Questions about the account as a whole: what is open, what is held, what was traded.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::super::read::Said;
use super::super::read::account::Position;
use super::super::read::order::{Algo, Order, UserTrade};
use super::super::rest::calls::market::{Page, exchange_info};
use super::super::rest::calls::orders::MAX_TRADES;
use super::super::rest::calls::{account, orders};
use super::super::rest::{Failure, Rest};
use super::super::words::{OrderType, Tif, WorkingType};
use super::desk::{Desk, lock};
use super::hearing::{fee, fee_in_kind, own_id};
use crate::protocol::{
    AccountReport, Amount, Event, Fill, OrderKind, OrderRequest, OrderSnapshot, PositionSnapshot, TimeInForce,
    TriggerBy, VenueReport,
};
use crate::types::{
    ClientOrderId, InstrumentId, PositionSide, Price, Qty, Side, Span, Timestamp, TradeId, VenueOrderId,
};

/// With more instruments than this, one question for all symbols is cheaper than one for each.
const ASKED_ONE_BY_ONE: usize = 20;
/// Questions on their way at once for one that is put for every instrument.
const AT_ONCE: usize = 8;
/// Longest stretch of trades in one answer.
const TRADES_SPAN: Span = Span::secs(7 * 86_400 - 1);
/// The venue forgets trades after half a year.
const TRADES_KEPT: Span = Span::secs(180 * 86_400);

impl Desk {
    /// Every open order on our instruments. Conditional ones are asked for first: one that triggers in between is then
    /// listed twice rather than never.
    pub(super) async fn open_orders(&self) -> Result<AccountReport, Failure> {
        let algos = self.asked().into_iter().map(|of| self.open_algos(of));
        let algos: Vec<Vec<Algo>> = stream::iter(algos).buffered(AT_ONCE).try_collect().await?;
        let regular = self.asked().into_iter().map(|of| self.open_regular(of));
        let regular: Vec<Vec<Order>> = stream::iter(regular).buffered(AT_ONCE).try_collect().await?;
        let algos = algos.iter().flatten().filter_map(|algo| self.conditional(algo));
        let regular = regular.iter().flatten().filter_map(|order| self.regular(order));
        Ok(AccountReport::OpenOrders(algos.chain(regular).collect()))
    }

    /// Each instrument, or none for all symbols at once.
    fn asked(&self) -> Vec<Option<InstrumentId>> {
        if self.instruments.len() > ASKED_ONE_BY_ONE { vec![None] } else { self.instruments.ids().map(Some).collect() }
    }

    async fn open_algos(&self, of: Option<InstrumentId>) -> Result<Vec<Algo>, Failure> {
        self.rest.call(orders::open_algos(of.map(|of| self.symbol(of)))).await
    }

    async fn open_regular(&self, of: Option<InstrumentId>) -> Result<Vec<Order>, Failure> {
        self.rest.call(orders::open(of.map(|of| self.symbol(of)))).await
    }

    /// Positions that are not flat. The list must be whole: an answer that cannot be read is none.
    pub(super) async fn positions(&self) -> Result<AccountReport, Failure> {
        let replies: Vec<Position> = self.rest.call(account::positions()).await?;
        let held = replies.iter().filter(|one| !one.position_amt.is_zero());
        let snapshot = |one: &Position| {
            let instrument = self.instruments.find_venue(&one.symbol)?;
            Some(PositionSnapshot {
                instrument,
                position_side: one.position_side.known().map_or(PositionSide::Both, Into::into),
                qty: one.position_amt,
                entry_price: one.entry_price.unwrap_or_default(),
                updated_at: instant(one.update_time),
            })
        };
        Ok(AccountReport::Positions(held.filter_map(snapshot).collect()))
    }

    /// Our trades since then on every instrument, oldest first.
    pub(super) async fn fills(&self, since: Timestamp) -> Result<AccountReport, Failure> {
        lock(&self.movements).since(since);
        let traded = self.instruments.ids().map(|instrument| self.fills_of(instrument, since));
        let traded: Vec<Vec<Fill>> = stream::iter(traded).buffered(AT_ONCE).try_collect().await?;
        let mut fills: Vec<Fill> = traded.into_iter().flatten().collect();
        fills.sort_by_key(|fill| (fill.at, fill.trade_id));
        Ok(AccountReport::Fills(fills))
    }

    async fn fills_of(&self, instrument: InstrumentId, since: Timestamp) -> Result<Vec<Fill>, Failure> {
        let mut fills = Vec::new();
        for trade in trades_since(&self.rest, self.symbol(instrument), since).await? {
            let fill = self.fill(instrument, &trade).await?;
            let paid = trade.commission.unwrap_or_default();
            if let Some(fee) = fee_in_kind(&fill, paid, &trade.commission_asset) {
                self.inbox.answer(Event::Venue(VenueReport::Account(AccountReport::FeeInKind(fee))));
            }
            fills.push(fill);
        }
        Ok(fills)
    }

    async fn fill(&self, instrument: InstrumentId, trade: &UserTrade) -> Result<Fill, Failure> {
        let unreadable =
            || Failure::Unknown { code: None, reason: format!("the side of trade {} is unknown", trade.id) };
        Ok(Fill {
            trade_id: TradeId(trade.id),
            client_id: self.name_of(instrument, trade.order_id).await?,
            instrument,
            position_side: trade.position_side.known().map_or(PositionSide::Both, Into::into),
            side: trade.side.known().map(Side::from).ok_or_else(unreadable)?,
            price: trade.price,
            qty: trade.qty,
            fee: fee(trade.commission, &trade.commission_asset),
            maker: trade.maker,
            at: Timestamp::from_millis(trade.time),
            path_dependent: false,
        })
    }

    /// The id of the order with this number. One that a conditional order has become has the conditional one's id.
    async fn name_of(&self, instrument: InstrumentId, number: u64) -> Result<ClientOrderId, Failure> {
        if let Some(known) = lock(&self.names).get(instrument, number) {
            return Ok(known);
        }
        let symbol = self.symbol(instrument);
        let order = self.rest.call(orders::query_number(symbol, number)).await?;
        let mut id = own_id(&order.client_order_id, number);
        if id.parts().is_none() {
            let algos = self.rest.call(orders::all_algos(symbol)).await?;
            let became = algos.iter().find(|algo| algo.actual_order_id == Some(number));
            id = became.map_or(id, |algo| own_id(&algo.client_algo_id, algo.algo_id));
        }
        lock(&self.names).learn(instrument, number, id);
        Ok(id)
    }

    fn regular(&self, order: &Order) -> Option<OrderSnapshot> {
        let instrument = self.instruments.find_venue(&order.symbol)?;
        let own = own_id(&order.client_order_id, order.order_id);
        let client_id = lock(&self.names).get(instrument, order.order_id).unwrap_or(own);
        lock(&self.names).learn(instrument, order.order_id, client_id);
        let price = order.price.unwrap_or_default();
        let tif = match order.time_in_force {
            Said::Known(Tif::Ioc) => TimeInForce::Ioc,
            Said::Known(Tif::Fok) => TimeInForce::Fok,
            Said::Known(Tif::Gtx) => TimeInForce::PostOnly,
            Said::Known(Tif::Gtc | Tif::Gtd) | Said::Other(_) => TimeInForce::Gtc,
        };
        let kind = if order.kind.known() == Some(OrderType::Market) || price.is_zero() {
            OrderKind::Market
        } else {
            OrderKind::Limit { price, tif }
        };
        let request = OrderRequest {
            client_id,
            instrument,
            side: order.side.known()?.into(),
            position_side: order.position_side.known().map_or(PositionSide::Both, Into::into),
            kind,
            amount: Amount::Qty(order.orig_qty.unwrap_or_default()),
            reduce_only: order.reduce_only,
        };
        let venue_order_id = VenueOrderId(order.order_id);
        Some(OrderSnapshot { request, venue_order_id, filled: order.executed_qty, created_at: instant(order.time) })
    }

    fn conditional(&self, algo: &Algo) -> Option<OrderSnapshot> {
        let instrument = self.instruments.find_venue(&algo.symbol)?;
        let trigger: Price = algo.trigger_price.unwrap_or_default();
        let by = match algo.working_type {
            Said::Known(WorkingType::Mark) => TriggerBy::Mark,
            Said::Known(WorkingType::Contract) | Said::Other(_) => TriggerBy::Last,
        };
        let kind = match algo.order_type {
            Said::Known(OrderType::TakeProfit | OrderType::TakeProfitMarket) => OrderKind::TakeProfit { trigger, by },
            Said::Known(
                OrderType::Stop
                | OrderType::StopMarket
                | OrderType::TrailingStopMarket
                | OrderType::Limit
                | OrderType::Market,
            )
            | Said::Other(_) => OrderKind::Stop { trigger, by },
        };
        let amount = match algo.quantity {
            Some(qty) if !algo.close_position => Amount::Qty(qty),
            Some(_) | None => Amount::ClosePosition,
        };
        let request = OrderRequest {
            client_id: own_id(&algo.client_algo_id, algo.algo_id),
            instrument,
            side: algo.side.known()?.into(),
            position_side: algo.position_side.known().map_or(PositionSide::Both, Into::into),
            kind,
            amount,
            reduce_only: algo.reduce_only || algo.close_position,
        };
        Some(OrderSnapshot {
            request,
            venue_order_id: VenueOrderId(algo.algo_id),
            filled: Qty::ZERO,
            created_at: instant(algo.create_time),
        })
    }

    /// Rules of our instruments that are not what they were at the start, in words.
    pub(super) async fn changed_rules(&self) -> Result<Vec<String>, Failure> {
        let info = self.rest.call(exchange_info()).await?;
        let mut changed = Vec::new();
        for (_, one) in self.instruments.iter() {
            let Some(now) = info.symbols.iter().find(|now| now.symbol == one.venue_symbol) else {
                changed.push(format!("{} is not listed any more", one.symbol));
                continue;
            };
            let tick = now.filter("PRICE_FILTER").and_then(|filter| filter.tick_size);
            if let Some(tick) = tick.filter(|tick| *tick != one.tick) {
                changed
                    .push(format!("the tick of {} is {tick} and was {}; start the daemon anew", one.symbol, one.tick));
            }
            let step = now.filter("LOT_SIZE").and_then(|filter| filter.step_size);
            if let Some(step) = step.filter(|step| *step != one.step) {
                changed
                    .push(format!("the step of {} is {step} and was {}; start the daemon anew", one.symbol, one.step));
            }
        }
        Ok(changed)
    }
}

/// Trades since then, page after page.
async fn trades_since(rest: &Rest, symbol: &str, since: Timestamp) -> Result<Vec<UserTrade>, Failure> {
    let now = rest.now();
    let mut from = since.max(now - TRADES_KEPT);
    let mut trades: Vec<UserTrade> = Vec::new();
    loop {
        let until = from + TRADES_SPAN;
        let page = Page { from: Some(from), until: Some(until), limit: MAX_TRADES };
        let mut found = rest.call(orders::trades(symbol, page)).await?;
        // A full page may have left some out: the rest is asked for by number.
        while let (true, Some(last)) = (found.len() >= MAX_TRADES, found.last().map(|trade| trade.id)) {
            trades.append(&mut found);
            found = rest.call(orders::trades_from(symbol, last + 1, MAX_TRADES)).await?;
        }
        trades.append(&mut found);
        if until >= now {
            trades.sort_by_key(|trade| trade.id);
            trades.dedup_by_key(|trade| trade.id);
            return Ok(trades);
        }
        from = until;
    }
}

pub(super) fn instant(millis: Option<i64>) -> Timestamp {
    millis.map_or(Timestamp::EPOCH, Timestamp::from_millis)
}
