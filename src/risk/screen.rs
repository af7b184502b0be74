//! The last word: an order is approved as it is, cut to what it may be, or rejected with a reason that can be counted.

use std::ops::Deref;

use super::Risk;
use crate::protocol::{Amount, HealthStatus, OrderKind, OrderRequest, TradingState};
use crate::types::{Leg, Price, Qty, Rounding, Side, Span, Timestamp, Usdt};

/// Something that risk has approved. Nothing else can make one, and nobody can change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// Gives it away to be sent.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Approved<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Why an order is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// A word that can be counted.
    pub reason: &'static str,
    /// The figures.
    pub detail: String,
}

impl Rejection {
    pub(super) fn new(reason: &'static str, detail: impl Into<String>) -> Rejection {
        Rejection { reason, detail: detail.into() }
    }
}

/// What risk judges an order by.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Session time.
    pub at: Timestamp,
    /// What the order is for.
    pub leg: Leg,
    /// The position as it is, signed.
    pub position: Qty,
    /// Quantity that open exits already take from it.
    pub reducing: Qty,
    /// Mark price.
    pub mark: Option<Price>,
    /// Cash and unrealised results.
    pub equity: Usdt,
    /// Worst-case notional of the instrument.
    pub symbol_notional: Usdt,
    /// Worst-case notional of everything.
    pub gross_notional: Usdt,
    /// Positions that are open, and entries that may become one.
    pub open_positions: usize,
    /// What the rooms that know the market and the books say against an entry.
    pub block: Option<&'static str>,
}

/// Window of the limit on entries in a minute.
const MINUTE: Span = Span::MINUTE;

impl Risk {
    /// Judges an order.
    ///
    /// # Errors
    /// The limit that it would break.
    pub fn screen(&mut self, request: OrderRequest, facts: &Facts) -> Result<Approved<OrderRequest>, Rejection> {
        if request.reduce_only || facts.leg != Leg::Entry {
            return reduce(request, facts);
        }
        self.gate(&request, facts)?;
        self.count(facts.at)?;
        Ok(Approved(request))
    }

    /// I11 and I8: whether anything may be entered, and whether this fits.
    fn gate(&self, request: &OrderRequest, facts: &Facts) -> Result<(), Rejection> {
        if self.state != TradingState::Active {
            return Err(Rejection::new("state", format!("the trading state is {}", self.state.as_str())));
        }
        if !self.begun {
            return Err(Rejection::new("reconciliation_pending", "the books are not yet compared with the venue's"));
        }
        if let Some(block) = facts.block {
            return Err(Rejection::new(block, "the market or the books do not allow an entry now"));
        }
        if self.health == HealthStatus::Critical {
            return Err(Rejection::new("health_critical", "health is critical"));
        }
        if self.clock_uncertainty >= self.settings.clock_uncertainty {
            let detail = format!("the venue's clock is uncertain by {}", self.clock_uncertainty);
            return Err(Rejection::new("clock", detail));
        }
        let symbol = self.instruments.symbol(request.instrument);
        if self.symbol_paused(facts.at, symbol) {
            return Err(Rejection::new("symbol_paused", format!("{symbol} pauses after stop-outs")));
        }
        if facts.open_positions >= self.settings.open_positions as usize {
            return Err(Rejection::new("open_positions", format!("{} are open", facts.open_positions)));
        }
        let Some(mark) = facts.mark else { return Err(Rejection::new("no_mark", "there is no mark price")) };
        let price = self.price_of(request, mark)?;
        self.fits(request, facts, price)
    }

    /// The price that the order counts at: the limit, which may not be far from the mark, or the mark.
    fn price_of(&self, request: &OrderRequest, mark: Price) -> Result<Price, Rejection> {
        let OrderKind::Limit { price, .. } = request.kind else { return Ok(mark) };
        let distance = (price - mark).abs().ratio_of(mark, Rounding::Up);
        if distance > self.settings.price_distance {
            return Err(Rejection::new("price_distance", format!("{price} is {distance} from the mark {mark}")));
        }
        Ok(price.max(mark))
    }

    fn fits(&self, request: &OrderRequest, facts: &Facts, price: Price) -> Result<(), Rejection> {
        let Amount::Qty(qty) = request.amount else {
            return Err(Rejection::new("amount", "an entry needs a quantity"));
        };
        if !qty.is_positive() {
            return Err(Rejection::new("amount", format!("{qty} is no quantity")));
        }
        let equity = facts.equity.min(self.settings.capital_usdt);
        let notional = price.notional(qty);
        let symbol_limit = equity.times(self.settings.position_notional, Rounding::Down);
        if facts.symbol_notional + notional > symbol_limit {
            return Err(Rejection::new("position_notional", format!("{notional} more is above {symbol_limit}")));
        }
        let gross_limit = equity.times(self.settings.gross_notional, Rounding::Down);
        if facts.gross_notional + notional > gross_limit {
            return Err(Rejection::new("gross_notional", format!("{notional} more is above {gross_limit}")));
        }
        Ok(())
    }

    /// Entries are counted by minute and by day; cancels, exits and stops never are.
    fn count(&mut self, at: Timestamp) -> Result<(), Rejection> {
        while self.minute.front().is_some_and(|first| at.since(*first) >= MINUTE) {
            self.minute.pop_front();
        }
        if self.minute.len() >= self.settings.orders_per_minute as usize {
            return Err(Rejection::new("orders_per_minute", format!("{} in the last minute", self.minute.len())));
        }
        if self.memory.day_orders >= self.settings.orders_per_day {
            return Err(Rejection::new("orders_per_day", format!("{} today", self.memory.day_orders)));
        }
        self.minute.push_back(at);
        self.memory.day_orders += 1;
        Ok(())
    }
}

/// I9: an order that is not an entry only ever shrinks the position: it is flagged so, and cut to what is left of it.
fn reduce(mut request: OrderRequest, facts: &Facts) -> Result<Approved<OrderRequest>, Rejection> {
    request.reduce_only = true;
    let closing = if facts.position.is_negative() { Side::Buy } else { Side::Sell };
    if facts.position.is_zero() || request.side != closing {
        return Err(Rejection::new("nothing_to_reduce", format!("the position is {}", facts.position)));
    }
    if let Amount::Qty(qty) = request.amount {
        let open = match facts.leg {
            Leg::Exit | Leg::Flatten => facts.position.abs() - facts.reducing,
            Leg::Entry | Leg::Stop | Leg::TakeProfit => facts.position.abs(),
        };
        let cut = qty.min(open);
        if !cut.is_positive() {
            return Err(Rejection::new("already_reducing", format!("open exits cover {}", facts.reducing)));
        }
        assert!(cut <= facts.position.abs(), "I9: a reduce-only order never grows a position");
        request.amount = Amount::Qty(cut);
    }
    Ok(Approved(request))
}
