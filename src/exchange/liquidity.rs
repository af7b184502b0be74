//! What the market offers: the feed's book, or its best quote, or a quote made from the last price; beyond the
//! best price the assumed depth of the settings where there is no book.

use super::Core;
use super::account::AccountId;
use super::order::reduces;
use crate::protocol::{Amount, OrderRequest, Quote, TriggerBy};
use crate::types::{InstrumentId, Price, Qty, Rate, Rounding, Side, Usdt};

impl Core {
    /// Is the feed's book what orders of this instrument are matched with?
    pub(super) fn book_leads(&self, id: InstrumentId) -> bool {
        self.shape.depth && self.boards[id.index()].book.is_whole()
    }

    /// The mark: the feed's, else the last price.
    pub(super) fn mark_price(&self, id: InstrumentId) -> Option<Price> {
        let board = &self.boards[id.index()];
        board.mark.map(|mark| mark.price).or(board.last)
    }

    /// The price that conditional orders of a kind watch.
    pub(super) fn trigger_price(&self, id: InstrumentId, by: TriggerBy) -> Option<Price> {
        match by {
            TriggerBy::Mark => self.mark_price(id),
            TriggerBy::Last => self.boards[id.index()].last_price(),
        }
    }

    /// Best bid and ask of the market, without our participants' orders.
    pub(super) fn quote(&self, id: InstrumentId) -> Option<Quote> {
        let board = &self.boards[id.index()];
        if self.book_leads(id) {
            let ((bid, bid_qty), (ask, ask_qty)) = board.book.best(Side::Buy).zip(board.book.best(Side::Sell))?;
            return Some(Quote { bid, bid_qty, ask, ask_qty });
        }
        board.quote.or_else(|| self.made_quote(id, board.last?))
    }

    /// The best price that the market gives a taker.
    pub(super) fn touch(&self, id: InstrumentId, taker: Side) -> Option<Price> {
        self.best(id, taker, |_| Qty::ZERO).map(|(price, _)| price)
    }

    /// The same with its quantity, which is found by `made_qty` where the feed has no quotes.
    fn best(&self, id: InstrumentId, taker: Side, made_qty: impl Fn(Price) -> Qty) -> Option<(Price, Qty)> {
        let board = &self.boards[id.index()];
        if board.quote.is_none() && !self.book_leads(id) {
            let (bid, ask) = self.made_prices(id, board.last?)?;
            let price = if taker == Side::Buy { ask } else { bid };
            return Some((price, made_qty(price)));
        }
        self.quote(id).map(|quote| match taker {
            Side::Buy => (quote.ask, quote.ask_qty),
            Side::Sell => (quote.bid, quote.bid_qty),
        })
    }

    /// Half the spread to each side of the last price, rounded outwards to the tick.
    fn made_prices(&self, id: InstrumentId, last: Price) -> Option<(Price, Price)> {
        let tick = self.instruments.get(id).tick;
        let half = self.settings.spread.divided_by(2, Rounding::Up);
        let bid = last.times(Rate::ONE - half, Rounding::Down).round_to(tick, Rounding::Down);
        let ask = last.times(Rate::ONE + half, Rounding::Up).round_to(tick, Rounding::Up);
        (bid.is_positive() && !self.settings.depth.is_empty()).then_some((bid, ask))
    }

    fn made_quote(&self, id: InstrumentId, last: Price) -> Option<Quote> {
        let (bid, ask) = self.made_prices(id, last)?;
        Some(Quote { bid, bid_qty: self.made_qty(id, bid), ask, ask_qty: self.made_qty(id, ask) })
    }

    /// What is assumed to stand at a best price that was made.
    fn made_qty(&self, id: InstrumentId, price: Price) -> Qty {
        self.settings.depth.first().map_or(Qty::ZERO, |point| self.depth_qty(id, point.notional, price))
    }

    /// Levels that a taker can walk, best first: all of them, or as many as hold `enough`.
    pub(super) fn offers(&self, id: InstrumentId, taker: Side, enough: Option<Qty>) -> Vec<(Price, Qty)> {
        let board = &self.boards[id.index()];
        let offered = taker.closing();
        if let Some((price, qty)) = enough.and_then(|enough| self.best_holds(id, taker, enough)) {
            return vec![(price, qty)];
        }
        let mut levels =
            if self.book_leads(id) { board.book.levels(offered) } else { self.assumed_levels(id, offered) };
        for (price, qty) in &mut levels {
            *qty = board.taken.left(offered, *price, *qty);
        }
        levels.retain(|(_, qty)| qty.is_positive());
        levels
    }

    /// The best level, if there is as much left of it. Assumed depth at the same price would only add to it.
    fn best_holds(&self, id: InstrumentId, taker: Side, enough: Qty) -> Option<(Price, Qty)> {
        let (price, qty) = self.best(id, taker, |price| self.made_qty(id, price))?;
        let left = self.boards[id.index()].taken.left(taker.closing(), price, qty);
        (left >= enough && left.is_positive()).then_some((price, left))
    }

    fn assumed_levels(&self, id: InstrumentId, offered: Side) -> Vec<(Price, Qty)> {
        let Some(quote) = self.quote(id) else { return Vec::new() };
        let (best, best_qty, outwards) = match offered {
            Side::Buy => (quote.bid, quote.bid_qty, Rounding::Down),
            Side::Sell => (quote.ask, quote.ask_qty, Rounding::Up),
        };
        let tick = self.instruments.get(id).tick;
        let mut levels = vec![(best, best_qty)];
        let known = usize::from(self.settings.depth.first().is_some_and(|point| point.distance.is_zero()));
        for point in self.settings.depth.iter().skip(known) {
            let factor = match offered {
                Side::Buy => Rate::ONE - point.distance,
                Side::Sell => Rate::ONE + point.distance,
            };
            let price = best.times(factor, outwards).round_to(tick, outwards);
            let qty = self.depth_qty(id, point.notional, price);
            match levels.last_mut() {
                Some((last, sum)) if *last == price => *sum += qty,
                Some(_) | None => levels.push((price, qty)),
            }
        }
        levels.retain(|(price, _)| price.is_positive());
        levels
    }

    fn depth_qty(&self, id: InstrumentId, notional: Usdt, price: Price) -> Qty {
        notional.per_price(price, Rounding::Down).round_to(self.instruments.get(id).step, Rounding::Down)
    }

    /// What the market displays at a price that an order is about to join; none if the feed does not say.
    pub(super) fn displayed(&self, id: InstrumentId, side: Side, price: Price) -> Option<Qty> {
        let board = &self.boards[id.index()];
        if self.book_leads(id) {
            return Some(board.book.at(side, price));
        }
        let quote = board.quote?;
        let (best, qty) = match side {
            Side::Buy => (quote.bid, quote.bid_qty),
            Side::Sell => (quote.ask, quote.ask_qty),
        };
        match price {
            _ if price == best => Some(qty),
            _ if is_better(side, price, best) => Some(Qty::ZERO),
            _ => None,
        }
    }

    /// Is there anything that this order would trade with at once, at `limit` or better?
    pub(super) fn is_offered(&self, request: &OrderRequest, limit: Option<Price>) -> bool {
        let within = |price| limit.is_none_or(|limit| reaches(request.side, limit, price));
        let market = self.offers(request.instrument, request.side, Some(Qty::EPSILON)).first().map(|(price, _)| *price);
        let resting = self.best_resting(request.instrument, request.side.closing()).map(|(_, price)| price);
        market.into_iter().chain(resting).any(within)
    }

    /// Is all of it offered at `limit` or better? Orders of the same account do not count.
    pub(super) fn offered_within(&self, account: AccountId, request: &OrderRequest, limit: Price) -> bool {
        let Amount::Qty(qty) = request.amount else { return false };
        let within = |price: &Price| reaches(request.side, limit, *price);
        let offers = self.offers(request.instrument, request.side, None);
        let market: Qty = offers.iter().filter(|(price, _)| within(price)).map(|(_, qty)| *qty).sum();
        let resting = self.boards[request.instrument.index()].resting(request.side.closing());
        let orders = resting.iter().filter_map(|id| self.orders.get(id));
        let others = orders.filter(|order| order.account != account && order.limit().as_ref().is_some_and(within));
        let others: Qty = others.map(|order| self.executable(order)).sum();
        let wanted = if reduces(request) { qty.min(self.reducible(account, request)) } else { qty };
        market + others >= wanted
    }
}

/// Does `price` stand before `other` on its side: a higher bid, a lower ask?
pub(super) fn is_better(side: Side, price: Price, other: Price) -> bool {
    match side {
        Side::Buy => price > other,
        Side::Sell => price < other,
    }
}

/// Does a taker with this limit trade at `price`?
pub(super) fn reaches(taker: Side, limit: Price, price: Price) -> bool {
    !is_better(taker, price, limit)
}
