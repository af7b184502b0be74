//! The last word: an order is approved as it is, cut to what it may be, or rejected with a reason that can be counted.

use super::size::is_tradable;
use super::{Approved, Clock, Rejection, Risk};
use crate::protocol::{Amount, HealthStatus, OrderKind, OrderRequest, TradingState};
use crate::types::{Leg, Price, Qty, Rounding, Side, Timestamp, Usdt};

/// What risk judges an order by.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Session time.
    pub at: Timestamp,
    /// What the order is for.
    pub leg: Leg,
    /// The position as it is, signed.
    pub position: Qty,
    /// Quantity that open exits already take from it. Resting stops and take profits do not count (at most one of
    /// them will fill, and a moved stop stands beside the old one), nor exits that are followed up because nobody
    /// knows of them.
    pub reducing: Qty,
    /// Mark price.
    pub mark: Option<Price>,
    /// Cash and unrealised results.
    pub equity: Usdt,
    /// Worst-case notional of the instrument: position, open, in flight, unknown.
    pub symbol_notional: Usdt,
    /// Worst-case notional of everything, the instrument included.
    pub gross_notional: Usdt,
    /// Positions that are open, and entries that may become one.
    pub open_positions: usize,
    /// What the rooms that know the market and the books say against an entry.
    pub block: Option<&'static str>,
}

impl Risk {
    /// Judges an order. Entries pass every gate, are cut to what the limits leave, and count. Everything else only ever
    /// shrinks the position, in every trading state.
    ///
    /// # Errors
    /// The limit that it would break.
    pub fn screen(&mut self, request: OrderRequest, facts: &Facts) -> Result<Approved<OrderRequest>, Rejection> {
        let approved = if request.reduce_only || facts.leg != Leg::Entry {
            self.reduce(request, facts)?
        } else {
            self.enter(request, facts)?
        };
        self.count(facts.at);
        Ok(Approved::new(approved))
    }

    fn enter(&self, mut request: OrderRequest, facts: &Facts) -> Result<OrderRequest, Rejection> {
        self.gate(&request, facts)?;
        self.admits_another(facts.at)?;
        let Amount::Qty(qty) = request.amount else {
            return Rejection::err("malformed", "an entry needs a quantity");
        };
        let Some(mark) = facts.mark else { return Rejection::err("no_mark", "there is no mark price") };
        let (price, most) = self.worst_price(&request, mark)?;
        let rules = self.instruments.get(request.instrument);
        let room = self.room(facts.equity, facts.symbol_notional, facts.gross_notional)?;
        let cut = qty.min(room.per_price(price, Rounding::Down)).min(most).round_to(rules.step, Rounding::Down);
        if !is_tradable(rules, cut, price) {
            let detail = format!("{qty} of {} cut to {cut} is below the venue's minimum", rules.symbol);
            return Rejection::err("below_minimum", detail);
        }
        assert!(price.notional(cut) <= room && cut <= qty, "I8: an entry stays within what the limits leave");
        request.amount = Amount::Qty(cut);
        Ok(request)
    }

    /// I9 and I11: whether anything may be entered at all.
    fn gate(&self, request: &OrderRequest, facts: &Facts) -> Result<(), Rejection> {
        match self.state {
            TradingState::Active => {}
            state @ (TradingState::Paused | TradingState::ReduceOnly | TradingState::Halted) => {
                return Rejection::err(state.as_str(), self.reason.as_str());
            }
        }
        if !self.begun {
            return Rejection::err("reconciliation_pending", "the books are not yet compared with the venue's");
        }
        if let Some(block) = facts.block {
            return Rejection::err(block, "the market or the books do not allow an entry now");
        }
        if self.unknown_since.is_some() {
            return Rejection::err("equity_unknown", "a position has no mark price, so equity cannot be told");
        }
        if self.health == HealthStatus::Critical {
            return Rejection::err("health_critical", self.health_reasons.join("; "));
        }
        if self.clock() == Clock::Off {
            return Rejection::err("clock", format!("the venue's clock is uncertain by {}", self.clock_uncertainty));
        }
        let symbol = self.instruments.symbol(request.instrument);
        if self.symbol_paused(facts.at, symbol) {
            return Rejection::err("symbol_paused", format!("{symbol} pauses after stop-outs"));
        }
        if !facts.position.is_zero() && facts.position.is_negative() != (request.side == Side::Sell) {
            return Rejection::err("opposite_position", format!("the position is {}", facts.position));
        }
        if facts.position.is_zero() && facts.open_positions >= self.settings.open_positions as usize {
            return Rejection::err("open_positions", format!("{} are open", facts.open_positions));
        }
        Ok(())
    }

    /// The price that an entry counts at, which is the worse of its limit and the mark, and the most that the venue
    /// takes in one order.
    fn worst_price(&self, request: &OrderRequest, mark: Price) -> Result<(Price, Qty), Rejection> {
        let rules = self.instruments.get(request.instrument);
        match request.kind {
            OrderKind::Market => Ok((mark, rules.market_max_qty)),
            OrderKind::Limit { price, .. } => {
                self.near(price, mark)?;
                if !price.is_multiple_of(rules.tick) {
                    return Rejection::err("malformed", format!("{price} is not a multiple of {}", rules.tick));
                }
                Ok((price.max(mark), rules.max_qty))
            }
            OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => {
                Rejection::err("malformed", "an entry does not wait for a trigger")
            }
        }
    }

    /// A limit far from the mark is a slip of the finger, whichever way.
    fn near(&self, price: Price, mark: Price) -> Result<(), Rejection> {
        let distance = (price - mark).abs().ratio_of(mark, Rounding::Up);
        if distance > self.settings.price_distance || !price.is_positive() {
            return Rejection::err("price_distance", format!("{price} is {distance} away from the mark {mark}"));
        }
        Ok(())
    }

    /// I9: what is not an entry only ever shrinks the position: it is flagged so, and cut to what is left of it. What
    /// the venue does not take in one order is left for the next.
    fn reduce(&self, mut request: OrderRequest, facts: &Facts) -> Result<OrderRequest, Rejection> {
        let held = facts.position.abs();
        let closing = if facts.position.is_negative() { Side::Buy } else { Side::Sell };
        if held.is_zero() || request.side != closing {
            return Rejection::err("nothing_to_reduce", format!("the position is {}", facts.position));
        }
        request.reduce_only = true;
        let rules = self.instruments.get(request.instrument);
        let most = match request.kind {
            OrderKind::Limit { price, .. } => {
                facts.mark.map_or(Ok(()), |mark| self.near(price, mark))?;
                rules.max_qty
            }
            OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => rules.market_max_qty,
        };
        match request.amount {
            Amount::ClosePosition if request.kind.is_conditional() => {}
            Amount::ClosePosition => return Rejection::err("malformed", "only a trigger can close whatever is there"),
            Amount::Qty(qty) => {
                let taken = if request.kind.is_conditional() { Qty::ZERO } else { facts.reducing.max(Qty::ZERO) };
                let cut = qty.min(held - taken).min(most).round_to(rules.step, Rounding::Down);
                if !cut.is_positive() {
                    return Rejection::err("already_reducing", format!("{taken} of {held} are being closed"));
                }
                assert!(cut <= held, "I9: a reducing order never grows a position");
                request.amount = Amount::Qty(cut);
            }
        }
        Ok(request)
    }
}
