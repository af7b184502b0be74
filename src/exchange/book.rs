//! What the market offers on one instrument: the book where it is known, else the best quote with a curve behind it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::settings::DepthStep;
use crate::protocol::{Depth, Quote};
use crate::types::{Price, Qty, Rate, Rounding, Side};

/// The market of one instrument.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) quote: Option<Quote>,
    pub(super) last: Option<Price>,
    pub(super) mark: Option<Price>,
    pub(super) funding_rate: Option<Rate>,
    pub(super) halted: bool,
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

/// A part of a taker's fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    pub(super) price: Price,
    pub(super) qty: Qty,
}

impl Book {
    /// Sets the price of a market that is known by prices alone.
    pub(super) fn set_price(&mut self, price: Price, spread: Rate, tick: Price) {
        self.last = Some(price);
        let half = price.times(spread, Rounding::Down).divided_by(2, Rounding::Down);
        let bid = (price - half).round_to(tick, Rounding::Down).max(tick);
        let ask = (price + half).round_to(tick, Rounding::Up);
        self.quote = Some(Quote { bid, bid_qty: Qty::ZERO, ask, ask_qty: Qty::ZERO });
    }

    pub(super) fn apply_depth(&mut self, depth: &Depth) {
        if depth.snapshot {
            self.bids.clear();
            self.asks.clear();
        }
        for level in &depth.levels {
            let side = match level.side {
                Side::Buy => &mut self.bids,
                Side::Sell => &mut self.asks,
            };
            if level.qty.is_positive() {
                side.insert(level.price, level.qty);
            } else {
                side.remove(&level.price);
            }
        }
    }

    /// Quantity that others show at a price on one side; what is not known counts as nothing.
    pub(super) fn shown(&self, side: Side, price: Price) -> Qty {
        let (levels, best) = match side {
            Side::Buy => (&self.bids, self.quote.map(|quote| (quote.bid, quote.bid_qty))),
            Side::Sell => (&self.asks, self.quote.map(|quote| (quote.ask, quote.ask_qty))),
        };
        let at_best = best.filter(|(at, _)| *at == price).map(|(_, qty)| qty);
        levels.get(&price).copied().or(at_best).unwrap_or_default()
    }

    /// Best price for a taker of this side.
    pub(super) fn best_for(&self, taker: Side) -> Option<Price> {
        let level = match taker {
            Side::Buy => self.asks.first_key_value(),
            Side::Sell => self.bids.last_key_value(),
        };
        level.map(|(price, _)| *price).or(match taker {
            Side::Buy => self.quote.map(|quote| quote.ask),
            Side::Sell => self.quote.map(|quote| quote.bid),
        })
    }

    /// What a taker gets for `qty` up to `limit`, best prices first.
    pub(super) fn walk(
        &self,
        taker: Side,
        qty: Qty,
        limit: Option<Price>,
        curve: &[DepthStep],
        (tick, step): (Price, Qty),
    ) -> Vec<Slice> {
        let mut slices = Vec::new();
        let mut left = qty;
        let reaches = |price: Price| {
            limit.is_none_or(|limit| match taker {
                Side::Buy => price <= limit,
                Side::Sell => price >= limit,
            })
        };
        let mut take = |price: Price, offered: Qty, left: &mut Qty| {
            let part = offered.min(*left);
            if part.is_positive() && reaches(price) {
                *left -= part;
                slices.push(Slice { price, qty: part });
            }
        };
        match taker {
            Side::Buy if !self.asks.is_empty() => {
                self.asks.iter().for_each(|(price, offered)| take(*price, *offered, &mut left));
            }
            Side::Sell if !self.bids.is_empty() => {
                self.bids.iter().rev().for_each(|(price, offered)| take(*price, *offered, &mut left));
            }
            Side::Buy | Side::Sell => {
                for (price, offered) in self.curve(taker, curve, (tick, step)) {
                    take(price, offered, &mut left);
                }
            }
        }
        slices
    }

    /// The best quote's own quantity, and the curve behind it.
    fn curve(&self, taker: Side, curve: &[DepthStep], (tick, step): (Price, Qty)) -> Vec<(Price, Qty)> {
        let Some(quote) = self.quote else { return Vec::new() };
        let (best, shown) = match taker {
            Side::Buy => (quote.ask, quote.ask_qty),
            Side::Sell => (quote.bid, quote.bid_qty),
        };
        let behind = curve.iter().map(|one| {
            let away = best.times(one.distance, Rounding::Down);
            let price = match taker {
                Side::Buy => (best + away).round_to(tick, Rounding::Up),
                Side::Sell => (best - away).round_to(tick, Rounding::Down).max(tick),
            };
            (price, one.notional.per_price(price, Rounding::Down).round_to(step, Rounding::Down))
        });
        std::iter::once((best, shown)).chain(behind).collect()
    }

    /// Takes what was filled out of what is shown, until the market shows more.
    pub(super) fn consume(&mut self, taker: Side, slice: Slice) {
        let levels = match taker {
            Side::Buy => &mut self.asks,
            Side::Sell => &mut self.bids,
        };
        if let Some(offered) = levels.get_mut(&slice.price) {
            *offered -= slice.qty;
            if !offered.is_positive() {
                levels.remove(&slice.price);
            }
        } else if let Some(quote) = &mut self.quote {
            match taker {
                Side::Buy if quote.ask == slice.price => quote.ask_qty = (quote.ask_qty - slice.qty).max(Qty::ZERO),
                Side::Sell if quote.bid == slice.price => quote.bid_qty = (quote.bid_qty - slice.qty).max(Qty::ZERO),
                Side::Buy | Side::Sell => {}
            }
        }
    }
}
