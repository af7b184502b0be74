//! What a server in the protocol of a venue tells of an account and of the public book.

use std::collections::BTreeMap;

use super::Exchange;
use super::account::{AccountId, MarginMode};
use super::liquidity::is_better;
use crate::protocol::{BookLevel, FeedShape, Quote};
use crate::types::{InstrumentId, PositionSide, Price, Qty, Side, Timestamp, TradeId, Usdt};

/// One leg of an account: its position, and what its open orders add to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegView {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Which leg.
    pub side: PositionSide,
    /// Signed quantity.
    pub qty: Qty,
    /// Average entry price; zero when flat.
    pub entry_price: Price,
    /// Worth at the mark, signed like the quantity.
    pub notional: Usdt,
    /// Result at the mark.
    pub unrealised: Usdt,
    /// Margin set apart for it.
    pub isolated: Usdt,
    /// What stands behind it.
    pub mode: MarginMode,
    /// Initial margin of the position alone.
    pub position_margin: Usdt,
    /// What open orders add to the initial margin.
    pub order_margin: Usdt,
    /// Maintenance margin.
    pub maintenance: Usdt,
    /// Worth of the open buys.
    pub buys: Usdt,
    /// Worth of the open sells.
    pub sells: Usdt,
    /// When the position last changed.
    pub updated_at: Timestamp,
}

impl Exchange {
    /// Legs with a position or with open orders, by instrument.
    pub fn legs(&self, account: AccountId) -> Vec<LegView> {
        let legs = self.core.legs(account);
        let view = |(key, leg): (&(InstrumentId, PositionSide), &super::margin::Leg)| {
            let (id, side) = *key;
            let one = &self.core.accounts[account.index()];
            let position = one.position(id, side);
            let held = self.core.margin_of(account, id, leg.position.abs());
            LegView {
                instrument: id,
                side,
                qty: position.qty,
                entry_price: position.entry_price(),
                notional: leg.position,
                unrealised: position.unrealised(self.core.mark_of(id, &position)),
                isolated: position.isolated,
                mode: one.margin(id),
                position_margin: held,
                order_margin: self.core.margin_of(account, id, leg.exposure()) - held,
                maintenance: self.core.maintenance(id, &position),
                buys: leg.buys,
                sells: leg.sells,
                updated_at: position.updated_at,
            }
        };
        legs.iter().map(view).collect()
    }

    /// Cash that is not set apart for isolated positions.
    pub fn cross_wallet(&self, account: AccountId) -> Usdt {
        self.core.accounts[account.index()].cross_wallet()
    }

    /// Result at the mark of the positions that all of the account stands behind.
    pub fn cross_unrealised(&self, account: AccountId) -> Usdt {
        self.core.cross_unrealised(account)
    }

    /// The book as the public sees it: what the market offers and what participants have resting, best first.
    pub fn public_book(&self, id: InstrumentId, side: Side, levels: usize) -> Vec<BookLevel> {
        if !self.core.is_known(id) {
            return Vec::new();
        }
        let mut book: BTreeMap<Price, Qty> = self.core.offers(id, side.closing(), None).into_iter().collect();
        for order in self.core.boards[id.index()].resting(side).iter().filter_map(|id| self.core.orders.get(id)) {
            if let Some(price) = order.limit() {
                *book.entry(price).or_default() += order.left();
            }
        }
        let level = |(price, qty): (&Price, &Qty)| BookLevel { side, price: *price, qty: *qty };
        match side {
            Side::Buy => book.iter().rev().take(levels).map(level).collect(),
            Side::Sell => book.iter().take(levels).map(level).collect(),
        }
    }

    /// Best bid and ask of the market and of the participants together.
    pub fn public_best(&self, id: InstrumentId) -> Option<Quote> {
        let mut best = self.quote(id)?;
        for side in [Side::Buy, Side::Sell] {
            let Some((_, price)) = self.core.best_resting(id, side) else { continue };
            let (held, qty) = match side {
                Side::Buy => (&mut best.bid, &mut best.bid_qty),
                Side::Sell => (&mut best.ask, &mut best.ask_qty),
            };
            if is_better(side, price, *held) {
                (*held, *qty) = (price, Qty::ZERO);
            }
            if price == *held {
                let resting = self.core.boards[id.index()].resting(side).iter();
                let at_best = resting.filter_map(|id| self.core.orders.get(id));
                *qty += at_best.take_while(|order| order.limit() == Some(price)).map(|order| order.left()).sum();
            }
        }
        Some(best)
    }

    /// What the feed carries.
    pub fn shape(&self) -> FeedShape {
        self.core.shape
    }

    /// The next number of a trade, for a trade of others that a server tells of: its own trades then are among them
    /// in order.
    pub fn issue_trade_id(&mut self) -> TradeId {
        self.core.trade_id()
    }

    /// Has the venue stopped trading of an instrument?
    pub fn is_halted(&self, id: InstrumentId) -> bool {
        self.core.boards.get(id.index()).is_none_or(|board| board.halted)
    }

    /// Quantity of an instrument that is held long by all accounts together.
    pub fn held(&self, id: InstrumentId) -> Qty {
        let accounts = self.core.accounts.iter();
        let legs = accounts.flat_map(|one| &one.positions).filter(|((held, _), _)| *held == id);
        legs.map(|(_, position)| position.qty.max(Qty::ZERO)).sum()
    }
}
