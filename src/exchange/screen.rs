//! The rules that an order must keep to be accepted, with the codes that Binance gives.

use super::{AccountId, Exchange, same_close_position};
use crate::protocol::{Amount, OrderKind, OrderRequest, TimeInForce, TriggerBy};
use crate::types::{Price, Qty, Rounding, Side, Usdt};

/// A refusal: the venue's code and words.
pub(super) type Refusal = (i64, &'static str);

impl Exchange {
    /// Looks an order over. An order that passes is accepted.
    pub(super) fn look_over(&self, account: AccountId, order: &OrderRequest) -> Result<(), Refusal> {
        let one = &self.accounts[usize::from(account.0)];
        if self.books[order.instrument.index()].halted {
            return Err((-4108, "This symbol is currently in delivering or delivered or settling or closed."));
        }
        if one.open_by_client(&order.client_id).is_some() {
            return Err((-4116, "ClientOrderId is duplicated."));
        }
        if one.orders.len() >= self.settings.max_open_orders as usize {
            return Err((-2025, "Reach max open order limit."));
        }
        self.check_prices(order)?;
        self.check_quantity(order)?;
        self.check_reduction(account, order)?;
        self.check_margin(account, order)
    }

    fn check_prices(&self, order: &OrderRequest) -> Result<(), Refusal> {
        let rules = self.instruments.get(order.instrument);
        let price = match order.kind {
            OrderKind::Market => return Ok(()),
            OrderKind::Limit { price, .. } => price,
            OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => trigger,
        };
        if !price.is_positive() {
            return Err((-4013, "Price less than min price."));
        }
        if !price.is_multiple_of(rules.tick) {
            return Err((-4014, "Price not increased by tick size."));
        }
        let Some(mark) = self.mark(order.instrument) else { return Err((-1000, "There is no market yet.")) };
        match order.kind {
            OrderKind::Limit { price, tif } => {
                let band = mark.times(rules.percent_price, Rounding::Down);
                match order.side {
                    Side::Buy if price > mark + band => return Err((-4016, "Limit price can't be higher than allowed.")),
                    Side::Sell if price < mark - band => return Err((-4024, "Limit price can't be lower than allowed.")),
                    Side::Buy | Side::Sell => {}
                }
                if tif == TimeInForce::PostOnly && self.crosses(order, price) {
                    return Err((-5022, "Due to the order could not be executed as maker, the Post Only order will be rejected."));
                }
                Ok(())
            }
            OrderKind::Stop { trigger, by } | OrderKind::TakeProfit { trigger, by } => {
                let watched = self.watched(order, by).unwrap_or(mark);
                if is_triggered(&order.kind, order.side, trigger, watched) {
                    return Err((-2021, "Order would immediately trigger."));
                }
                Ok(())
            }
            OrderKind::Market => Ok(()),
        }
    }

    /// Would this limit take from the book at once?
    pub(super) fn crosses(&self, order: &OrderRequest, price: Price) -> bool {
        self.books[order.instrument.index()].best_for(order.side).is_some_and(|best| match order.side {
            Side::Buy => price >= best,
            Side::Sell => price <= best,
        })
    }

    /// The price that a conditional order watches.
    pub(super) fn watched(&self, order: &OrderRequest, by: TriggerBy) -> Option<Price> {
        match by {
            TriggerBy::Mark => self.mark(order.instrument),
            TriggerBy::Last => self.books[order.instrument.index()].last.or(self.mark(order.instrument)),
        }
    }

    fn check_quantity(&self, order: &OrderRequest) -> Result<(), Refusal> {
        let rules = self.instruments.get(order.instrument);
        let Amount::Qty(qty) = order.amount else {
            return if order.kind.is_conditional() {
                Ok(())
            } else {
                Err((-4136, "Target strategy invalid for orderType and closePosition."))
            };
        };
        let most = match order.kind {
            OrderKind::Limit { .. } => rules.max_qty,
            OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => rules.market_max_qty,
        };
        if !qty.is_positive() {
            return Err((-4003, "Quantity less than or equal to zero."));
        }
        if !qty.is_multiple_of(rules.step) {
            return Err((-1111, "Precision is over the maximum defined for this asset."));
        }
        if qty < rules.min_qty {
            return Err((-4004, "Quantity less than min quantity."));
        }
        if qty > most {
            return Err((-4005, "Quantity greater than max quantity."));
        }
        if !order.reduce_only && self.reference(order).notional(qty) < rules.min_notional {
            return Err((-4164, "Order's notional must be no smaller than the minimum unless it is reduce only."));
        }
        Ok(())
    }

    /// The price that margin and minimum are counted at.
    fn reference(&self, order: &OrderRequest) -> Price {
        match order.kind {
            OrderKind::Limit { price, .. } => price,
            OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => trigger,
            OrderKind::Market => self.mark(order.instrument).unwrap_or_default(),
        }
    }

    fn check_reduction(&self, account: AccountId, order: &OrderRequest) -> Result<(), Refusal> {
        let one = &self.accounts[usize::from(account.0)];
        let position = one.position(order.instrument, order.position_side);
        let closes = order.amount == Amount::ClosePosition;
        if !order.reduce_only && !closes {
            return Ok(());
        }
        let shrinks = match order.side {
            Side::Buy => position.is_negative(),
            Side::Sell => position.is_positive(),
        };
        if !shrinks {
            return Err((-2022, "ReduceOnly Order is rejected."));
        }
        let twin = one.orders.values().any(|other| {
            other.request.instrument == order.instrument
                && other.request.position_side == order.position_side
                && other.request.side == order.side
                && other.request.amount == Amount::ClosePosition
                && same_close_position(&other.request.kind, &order.kind)
        });
        if closes && twin {
            return Err((-4130, "An open stop or take profit order with closePosition in the direction is existing."));
        }
        Ok(())
    }

    fn check_margin(&self, account: AccountId, order: &OrderRequest) -> Result<(), Refusal> {
        let Amount::Qty(qty) = order.amount else { return Ok(()) };
        if order.reduce_only {
            return Ok(());
        }
        let one = &self.accounts[usize::from(account.0)];
        let position = one.position(order.instrument, order.position_side);
        let opposite = if order.side == Side::Buy { position.is_negative() } else { position.is_positive() };
        let growing = if opposite { (qty - position.abs()).max(Qty::ZERO) } else { qty };
        let notional = self.reference(order).notional(growing);
        let fee = notional.times(self.instruments.get(order.instrument).taker_fee, Rounding::Up);
        let needed = notional.divided_by(i64::from(one.config.leverage.max(1)), Rounding::Up) + fee;
        if growing.is_positive() && needed > self.available(account) {
            return Err((-2019, "Margin is insufficient."));
        }
        let tier = self.instruments.get(order.instrument).tier(notional);
        if growing.is_positive() && one.config.leverage > tier.max_leverage {
            return Err((-2027, "Exceeded the maximum allowable position at current leverage."));
        }
        Ok(())
    }

    /// Money that no position and no open order has claimed.
    pub(super) fn available(&self, account: AccountId) -> Usdt {
        let one = &self.accounts[usize::from(account.0)];
        let leverage = i64::from(one.config.leverage.max(1));
        let held: Usdt = one
            .positions
            .iter()
            .map(|((instrument, _), holding)| {
                let mark = self.mark(*instrument).unwrap_or_else(|| holding.entry_price());
                mark.notional(holding.qty.abs()).divided_by(leverage, Rounding::Up)
                    - holding.unrealised(mark).min(Usdt::ZERO)
            })
            .sum();
        let open: Usdt = one
            .orders
            .values()
            .filter(|order| !order.request.reduce_only && !order.request.kind.is_conditional())
            .map(|order| match order.request.amount {
                Amount::Qty(qty) => {
                    self.reference(&order.request).notional(qty - order.filled).divided_by(leverage, Rounding::Up)
                }
                Amount::ClosePosition => Usdt::ZERO,
            })
            .sum();
        one.cash - held - open
    }
}

/// Has the price reached a trigger? A stop is hit on the losing side, a take profit on the winning side.
pub(super) fn is_triggered(kind: &OrderKind, side: Side, trigger: Price, price: Price) -> bool {
    match (kind, side) {
        (OrderKind::Stop { .. }, Side::Sell) | (OrderKind::TakeProfit { .. }, Side::Buy) => price <= trigger,
        (OrderKind::Stop { .. }, Side::Buy) | (OrderKind::TakeProfit { .. }, Side::Sell) => price >= trigger,
        (OrderKind::Market | OrderKind::Limit { .. }, Side::Buy | Side::Sell) => false,
    }
}
