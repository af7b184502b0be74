//! The instrument's filters: tick, step, quantities, notional, distance from the mark, and whether it trades.

use super::Core;
use super::codes::Refusal;
use super::order::reduces;
use super::terms::Terms;
use crate::protocol::{Amount, OrderKind, OrderRequest};
use crate::types::{Instrument, InstrumentId, Price, Qty, Rate, Rounding, Side};

impl Core {
    /// Checks an order against the filters of its instrument.
    pub(super) fn check_filters(&self, request: &OrderRequest, terms: &Terms) -> Result<(), Refusal> {
        let instrument = self.instruments.get(request.instrument);
        match request.amount {
            Amount::Qty(qty) => check_qty(instrument, qty, matches!(request.kind, OrderKind::Limit { .. }))?,
            Amount::ClosePosition => {}
        }
        match request.kind {
            OrderKind::Market => {}
            OrderKind::Limit { price, .. } => {
                check_price(instrument, price, Refusal::PRICE_NOT_POSITIVE)?;
                self.check_percent_price(request, price)?;
            }
            OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => {
                check_price(instrument, trigger, Refusal::TRIGGER_NOT_POSITIVE)?;
                if let Some(limit) = terms.then_limit {
                    check_price(instrument, limit.price, Refusal::PRICE_NOT_POSITIVE)?;
                }
            }
        }
        if self.boards[request.instrument.index()].halted {
            return Err(Refusal::NOT_TRADABLE);
        }
        self.check_notional(request)
    }

    /// The worst price a taker may trade at: the percent-price limit around the mark. None if there is no limit.
    pub(super) fn price_bound(&self, id: InstrumentId, side: Side) -> Option<Price> {
        let instrument = self.instruments.get(id);
        if !instrument.percent_price.is_positive() {
            return None;
        }
        let mark = self.mark_price(id)?;
        Some(match side {
            Side::Buy => mark.times(Rate::ONE + instrument.percent_price, Rounding::Down),
            Side::Sell => mark.times(Rate::ONE - instrument.percent_price, Rounding::Up),
        })
    }

    fn check_percent_price(&self, request: &OrderRequest, price: Price) -> Result<(), Refusal> {
        let Some(bound) = self.price_bound(request.instrument, request.side) else { return Ok(()) };
        match request.side {
            Side::Buy if price > bound => Err(Refusal::PRICE_TOO_HIGH),
            Side::Sell if price < bound => Err(Refusal::PRICE_TOO_LOW),
            Side::Buy | Side::Sell => Ok(()),
        }
    }

    /// The smallest notional does not bind orders that reduce. A market order is worth its quantity at the mark.
    fn check_notional(&self, request: &OrderRequest) -> Result<(), Refusal> {
        let Amount::Qty(qty) = request.amount else { return Ok(()) };
        if reduces(request) {
            return Ok(());
        }
        let price = match request.kind {
            OrderKind::Limit { price, .. } => Some(price),
            OrderKind::Market => self.mark_price(request.instrument),
            OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => Some(trigger),
        };
        match price {
            Some(price) if price.notional(qty) < self.instruments.get(request.instrument).min_notional => {
                Err(Refusal::NOTIONAL_TOO_SMALL)
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn check_qty(instrument: &Instrument, qty: Qty, limit: bool) -> Result<(), Refusal> {
    if !qty.is_positive() {
        return Err(Refusal::QTY_NOT_POSITIVE);
    }
    if !qty.is_multiple_of(instrument.step) {
        let places = places_of(|unit| instrument.step.is_multiple_of(Qty::new(1, unit)));
        let precise = qty.is_multiple_of(Qty::new(1, places));
        return Err(if precise { Refusal::OFF_STEP } else { Refusal::PRECISION });
    }
    if qty < instrument.min_qty {
        return Err(Refusal::QTY_TOO_SMALL);
    }
    let max = if limit { instrument.max_qty } else { instrument.market_max_qty };
    if max.is_positive() && qty > max {
        return Err(Refusal::QTY_TOO_LARGE);
    }
    Ok(())
}

fn check_price(instrument: &Instrument, price: Price, not_positive: Refusal) -> Result<(), Refusal> {
    if !price.is_positive() {
        return Err(not_positive);
    }
    if price.is_multiple_of(instrument.tick) {
        return Ok(());
    }
    let places = places_of(|unit| instrument.tick.is_multiple_of(Price::new(1, unit)));
    let precise = price.is_multiple_of(Price::new(1, places));
    Err(if precise { Refusal::OFF_TICK } else { Refusal::PRECISION })
}

/// Decimal places of a step, of which all twelve fit.
fn places_of(fits: impl Fn(u32) -> bool) -> u32 {
    (0..12).find(|places| fits(*places)).unwrap_or(12)
}
