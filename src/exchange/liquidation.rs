//! Liquidation. An account with cross margin is liquidated when its equity is no more than the maintenance
//! margin of all its positions; an isolated position when its own margin and unrealised result are no more than
//! its maintenance margin. Then the open orders concerned expire and the positions are closed at the mark, all
//! of each at once (Binance closes large ones in steps), under an id that begins with `autoclose-`. The fee is
//! the taker's and the liquidation's. What is missing is made good by the insurance fund: an isolated position
//! costs at most its margin, and a flat account is never below zero.

use super::Core;
use super::account::{AccountId, MarginMode};
use super::changes::{CashKind, Change};
use super::order::Order;
use super::position::Position;
use crate::protocol::{AccountReport, Amount, DoneReason, Fill, OrderKind, OrderRequest, ReportBody, Stage};
use crate::types::{ClientOrderId, InstrumentId, PositionSide, Price, Rate, Rounding, Side, Usdt, VenueOrderId};

/// A position's place.
type Key = (InstrumentId, PositionSide);

/// Why a position is closed by force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Forced {
    Liquidation,
    /// Somebody else's liquidation needs a counterparty.
    Deleveraging,
}

impl Forced {
    /// How the ids of such orders begin.
    const fn prefix(self) -> &'static str {
        match self {
            Forced::Liquidation => "autoclose-",
            Forced::Deleveraging => "adl_autoclose-",
        }
    }
}

impl Core {
    /// Liquidates whoever holds a position here and can no longer keep it.
    pub(super) fn liquidate_holders(&mut self, id: InstrumentId) {
        for at in (0..self.boards[id.index()].holders.len()).rev() {
            if let Some(account) = self.boards[id.index()].holders.get(at).copied() {
                self.liquidate_if_due(account);
                self.make_good(account);
            }
        }
    }

    pub(super) fn liquidate_if_due(&mut self, account: AccountId) {
        self.find_standing(account);
        if !self.fails(account) {
            return;
        }
        let doomed = self.failing(account);
        let cross = self.fails_as_a_whole(account);
        let one = &self.accounts[account.index()];
        let concerned = |id: &u64| {
            let Some(instrument) = self.orders.get(id).map(|order| order.request.instrument) else { return false };
            let shared = cross && one.margin(instrument) == MarginMode::Cross;
            shared || doomed.iter().any(|(doomed, _)| *doomed == instrument)
        };
        for id in one.open.values().copied().filter(concerned).collect::<Vec<_>>() {
            self.end(id, DoneReason::Expired);
        }
        for key in doomed {
            self.close_by_force(account, key, Forced::Liquidation);
        }
        let wallet = self.accounts[account.index()].cross_wallet();
        if cross && wallet.is_negative() {
            self.insure(account, -wallet);
        }
    }

    /// Is the account, or one of its isolated positions, to be liquidated?
    pub(super) fn fails(&self, account: AccountId) -> bool {
        let one = &self.accounts[account.index()];
        if let Some(standing) = self.standing(account) {
            let left = one.balance + standing.sums.unrealised;
            return !one.positions.is_empty() && left <= standing.sums.maintenance;
        }
        let alone = |key: &Key| one.margin(key.0) == MarginMode::Isolated;
        self.fails_as_a_whole(account)
            || one.positions.iter().any(|(key, position)| alone(key) && self.fails_alone(key.0, position))
    }

    /// The insurance fund pays what a flat account owes.
    pub(super) fn make_good(&mut self, account: AccountId) {
        let one = &self.accounts[account.index()];
        if one.positions.is_empty() && one.balance.is_negative() {
            let missing = -one.balance;
            self.insure(account, missing);
        }
    }

    fn fails_as_a_whole(&self, account: AccountId) -> bool {
        let one = &self.accounts[account.index()];
        let maintenance: Usdt = one.crossed().map(|(key, position)| self.maintenance(key.0, position)).sum();
        one.crossed().next().is_some() && one.cross_wallet() + self.cross_unrealised(account) <= maintenance
    }

    fn fails_alone(&self, id: InstrumentId, position: &Position) -> bool {
        position.isolated + position.unrealised(self.mark_of(id, position)) <= self.maintenance(id, position)
    }

    fn failing(&self, account: AccountId) -> Vec<Key> {
        let one = &self.accounts[account.index()];
        let cross = self.fails_as_a_whole(account);
        let positions = one.positions.iter().filter(|(key, position)| match one.margin(key.0) {
            MarginMode::Cross => cross,
            MarginMode::Isolated => self.fails_alone(key.0, position),
        });
        positions.map(|(key, _)| *key).collect()
    }

    /// Liquidates every position of an account, whether or not it could be kept.
    pub(super) fn liquidate_all(&mut self, account: AccountId) {
        for id in self.accounts[account.index()].open.values().copied().collect::<Vec<_>>() {
            self.end(id, DoneReason::Expired);
        }
        for key in self.accounts[account.index()].positions.keys().copied().collect::<Vec<_>>() {
            self.close_by_force(account, key, Forced::Liquidation);
        }
    }

    /// Closes an account's positions on an instrument against somebody else's liquidation.
    pub(super) fn deleverage(&mut self, account: AccountId, id: InstrumentId) {
        for side in [PositionSide::Both, PositionSide::Long, PositionSide::Short] {
            self.close_by_force(account, (id, side), Forced::Deleveraging);
        }
    }

    fn close_by_force(&mut self, account: AccountId, key: Key, forced: Forced) {
        let position = self.accounts[account.index()].position(key.0, key.1);
        let Some(held) = position.side() else { return };
        let instrument = self.instruments.get(key.0);
        let against = match held {
            Side::Buy => Rounding::Down,
            Side::Sell => Rounding::Up,
        };
        let price = self.mark_of(key.0, &position).round_to(instrument.tick, against);
        let fee_rate = match forced {
            Forced::Liquidation => instrument.taker_fee + instrument.liquidation_fee,
            Forced::Deleveraging => Rate::ZERO,
        };
        let order = self.forced_order(account, key, held.closing(), &position, forced);
        let fill = Fill {
            trade_id: self.trade_id(),
            client_id: order.request.client_id,
            instrument: key.0,
            position_side: key.1,
            side: held.closing(),
            price,
            qty: order.qty,
            fee: price.notional(order.qty).times(fee_rate, Rounding::Up),
            maker: false,
            at: self.now,
            path_dependent: self.path_dependent.contains(&account),
        };
        self.push_account(account, AccountReport::Liquidated { instrument: key.0 });
        let realised = self.settle(account, VenueOrderId(order.id), fill);
        self.push_order(&order, ReportBody::Filled(fill));
        let filled = Order { filled: order.qty, filled_notional: price.notional(order.qty), ..order };
        self.changes.push(Change::Order(filled.row(Stage::Done(DoneReason::Filled))));
        if self.accounts[account.index()].margin(key.0) == MarginMode::Isolated {
            let left = position.isolated + realised - fill.fee;
            self.insure(account, (-left).max(Usdt::ZERO));
        }
    }

    fn forced_order(&mut self, account: AccountId, key: Key, side: Side, position: &Position, forced: Forced) -> Order {
        self.numbers.order += 1;
        let id = self.numbers.order;
        let client_id: ClientOrderId =
            format!("{}{id}", forced.prefix()).parse().expect("fourteen letters and at most twenty digits are an id");
        let request = OrderRequest {
            client_id,
            instrument: key.0,
            side,
            position_side: key.1,
            kind: OrderKind::Market,
            amount: Amount::Qty(position.qty.abs()),
            reduce_only: true,
        };
        Order::new(id, account, request, self.now)
    }

    fn insure(&mut self, account: AccountId, amount: Usdt) {
        if amount.is_zero() {
            return;
        }
        self.numbers.transfer += 1;
        let id = self.numbers.transfer;
        self.move_cash(account, CashKind::Liquidation, amount, id, None);
        self.push_account(account, AccountReport::Transfer { id, amount });
    }

    /// The mark at which a position would be liquidated if nothing else moved: for a long
    /// `(cost − W − amount) ÷ (qty × (1 − rate))`, for a short `(cost + W + amount) ÷ (qty × (1 + rate))`, where W
    /// is what stands behind it after the other positions, and rate and amount are of the tier that the result
    /// falls in. None if no price above zero would do it. Source: Binance, "How to calculate liquidation price".
    pub(super) fn liquidation_price(&self, account: AccountId, key: Key) -> Option<Price> {
        let one = &self.accounts[account.index()];
        let position = one.positions.get(&key)?;
        let behind = match one.margin(key.0) {
            MarginMode::Isolated => position.isolated,
            MarginMode::Cross => {
                let others = one.crossed().filter(|(other, _)| **other != key);
                let rest = others.map(|(other, position)| {
                    position.unrealised(self.mark_of(other.0, position)) - self.maintenance(other.0, position)
                });
                one.cross_wallet() + rest.sum()
            }
        };
        let (side, qty) = (position.side()?, position.qty.abs());
        let tiers = &self.instruments.get(key.0).tiers;
        tiers.iter().enumerate().find_map(|(at, tier)| {
            let price = match side {
                Side::Buy => (position.cost - behind - tier.maintenance_amount)
                    .per_qty(qty.times(Rate::ONE - tier.maintenance_rate, Rounding::Down), Rounding::Up),
                Side::Sell => (position.cost + behind + tier.maintenance_amount)
                    .per_qty(qty.times(Rate::ONE + tier.maintenance_rate, Rounding::Up), Rounding::Down),
            };
            let notional = price.notional(qty);
            let inside = notional <= tier.notional_cap || at + 1 == tiers.len();
            (inside && (at == 0 || notional > tier.notional_floor) && price.is_positive()).then_some(price)
        })
    }
}
