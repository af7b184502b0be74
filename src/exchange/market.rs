//! The market moves.

use super::Core;
use crate::protocol::{Bar, Depth, Mark, MarketData, MarketEvent, Quote, Trade};
use crate::types::{InstrumentId, Price, Qty, Rounding, Side};

/// Prices above this are garbage: a hundred thousand times the price of any listed coin.
pub(super) const MAX_PRICE: Price = Price::whole(10_000_000_000);

impl Core {
    /// Takes in a market event. What cannot be true is counted and dropped.
    pub(super) fn on_market(&mut self, event: &MarketEvent) {
        let id = event.instrument;
        self.prices_move();
        if self.is_known(id) && (self.boards[id.index()].halted || self.boards[id.index()].last.is_none()) {
            // Its price is about to move, or to be known, without anybody being looked at.
            self.disturb(id);
        }
        let used = self.is_known(id)
            && match &event.data {
                MarketData::Bar(bar) => self.on_bar(id, bar),
                MarketData::Quote(quote) => self.on_quote(id, quote),
                MarketData::Trade(trade) => self.on_trade(id, trade),
                MarketData::Mark(mark) => self.on_mark(id, mark),
                MarketData::Funding(funding) => self.on_funding(id, funding),
                MarketData::Depth(depth) => self.on_depth(id, depth),
                MarketData::History { bars, .. } => self.on_history(id, bars),
                MarketData::Tradable(tradable) => {
                    self.boards[id.index()].halted = !tradable;
                    true
                }
            };
        self.ignored += u64::from(!used);
        if !self.touched.is_empty() {
            self.after_trading();
        }
    }

    /// The price has moved: who can no longer pay is liquidated before anybody's trigger is looked at.
    pub(super) fn react(&mut self, id: InstrumentId) {
        self.disturb(id);
        self.liquidate_holders(id);
        self.fire_crossed(id);
        self.after_trading();
    }

    fn on_bar(&mut self, id: InstrumentId, bar: &Bar) -> bool {
        if !bar.is_consistent() || bar.high > MAX_PRICE {
            return false;
        }
        let board = &mut self.boards[id.index()];
        if self.shape.quotes || self.shape.trades || self.shape.depth {
            board.last.get_or_insert(bar.close);
        } else if board.is_idle() || board.halted || self.is_still(id, bar.low, bar.high) {
            let board = &mut self.boards[id.index()];
            board.taken.clear();
            board.move_to(bar.close);
        } else {
            self.walk_bar(id, bar);
        }
        true
    }

    fn on_quote(&mut self, id: InstrumentId, quote: &Quote) -> bool {
        let sizes = quote.bid_qty.is_negative() || quote.ask_qty.is_negative();
        if !is_price(quote.bid) || !is_price(quote.ask) || quote.bid >= quote.ask || sizes {
            return false;
        }
        let leads = self.book_leads(id);
        let board = &mut self.boards[id.index()];
        board.quote = Some(*quote);
        if leads {
            return true;
        }
        board.taken.clear();
        if !self.shape.trades {
            board.move_to(middle(quote.bid, quote.ask));
        }
        if !board.is_idle() && !board.halted && !self.is_still_at_last(id) {
            self.shrink_queues(id);
            self.cross(id);
            self.react(id);
        }
        true
    }

    fn on_depth(&mut self, id: InstrumentId, depth: &Depth) -> bool {
        let board = &mut self.boards[id.index()];
        board.book.apply(depth);
        board.taken.clear();
        if !self.book_leads(id) {
            return true;
        }
        let board = &mut self.boards[id.index()];
        if !self.shape.trades
            && let (Some((bid, _)), Some((ask, _))) = (board.book.best(Side::Buy), board.book.best(Side::Sell))
        {
            board.move_to(middle(bid, ask));
        }
        if !board.is_idle() && !board.halted {
            self.shrink_queues(id);
            self.cross(id);
            self.react(id);
        }
        true
    }

    fn on_trade(&mut self, id: InstrumentId, trade: &Trade) -> bool {
        if !is_price(trade.price) || trade.qty <= Qty::ZERO {
            return false;
        }
        let board = &mut self.boards[id.index()];
        board.move_to(trade.price);
        if !self.shape.quotes && !self.shape.depth {
            board.taken.clear();
        }
        if !board.is_idle() && !board.halted && !self.is_still_at_last(id) {
            self.print(id, trade);
            self.react(id);
        }
        true
    }

    fn on_mark(&mut self, id: InstrumentId, mark: &Mark) -> bool {
        if !is_price(mark.price) {
            return false;
        }
        self.boards[id.index()].mark = Some(*mark);
        self.learn_funding(id, mark);
        if !self.boards[id.index()].is_idle() {
            self.react(id);
        }
        true
    }

    fn is_still_at_last(&mut self, id: InstrumentId) -> bool {
        self.boards[id.index()].last.is_some_and(|last| self.is_still(id, last, last))
    }

    /// Warm-up gives a first price where nothing else has.
    fn on_history(&mut self, id: InstrumentId, bars: &[Bar]) -> bool {
        if let Some(bar) = bars.last().filter(|bar| bar.is_consistent() && bar.high <= MAX_PRICE) {
            self.boards[id.index()].last.get_or_insert(bar.close);
        }
        true
    }
}

pub(super) fn is_price(price: Price) -> bool {
    price.is_positive() && price <= MAX_PRICE
}

fn middle(bid: Price, ask: Price) -> Price {
    (bid + ask).divided_by(2, Rounding::Down)
}
