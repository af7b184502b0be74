//! Prices that lead to nothing. Where a step for a price has led to nothing, the steps for the prices after it lead to nothing
//! either, until something else happens or falls due, but for what follows from the price itself: what a position is worth,
//! and where its stop should be. As long as that asks for nothing, a price is only noted.
//!
//! In debug builds one such step in some is held against the long way.

use super::{Ending, Engine};
use crate::protocol::{Actions, MarketData, MarketEvent, PositionRow};
use crate::types::{InstrumentId, Side, Span, Timestamp};

/// In debug builds one calm step in so many is held against the long way, which copies the engine.
const CHECKED_EVERY: u64 = 64;

/// Until when prices lead to nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Calm {
    until: Timestamp,
    steps: u64,
}

impl Calm {
    /// Something happens that is no price.
    pub(super) fn end(&mut self) {
        self.until = Timestamp::EPOCH;
    }
}

impl Engine {
    /// Takes in a price that leads to nothing but itself. False if it may lead to more: then the step begins, or goes on
    /// with what follows from the price.
    pub(super) fn stays_calm(&mut self, at: Timestamp, event: &MarketEvent, out: &mut Actions) -> bool {
        let instrument = event.instrument;
        if at >= self.calm.until || !is_price(&event.data) || !self.knows(instrument) {
            self.attend(at);
            self.absorb_market(at, event, out);
            return false;
        }
        let the_long_way = self.is_to_be_checked().then(|| self.the_long_way(at, event));
        self.at = at;
        self.absorb_price(at, event);
        if self.is_looked_at(instrument) {
            self.stir_if_held(instrument);
            return false;
        }
        self.calm.steps += 1;
        if let Some(state) = the_long_way {
            assert_eq!(self.snapshot(), state, "a price that leads to nothing is noted, and nothing else");
        }
        true
    }

    /// A step has ended.
    pub(super) fn becalm(&mut self, at: Timestamp, event: &MarketEvent, out: &Actions) {
        let settled = self.reconciliation.is_done() && self.ending == Ending::No && self.risk.is_at_rest();
        if !is_price(&event.data) || !out.is_empty() || !settled {
            return self.calm.end();
        }
        let next_day = at.floor(Span::DAY) + Span::DAY;
        let looks = self.freshness_due().min(next_day);
        self.calm.until = self.earliest_deadline().map_or(looks, |deadline| deadline.min(looks));
    }

    /// Does something follow from the instrument's price?
    fn is_looked_at(&mut self, instrument: InstrumentId) -> bool {
        let Some(row) = self.portfolio.position(instrument) else { return false };
        let stopped = self.slots[instrument.index()].beyond_stop || self.is_beyond_stop(row);
        stopped || self.is_best(row) || !self.risk.rides_out(self.portfolio.equity())
    }

    /// Is the price the best that a trailing position has seen?
    fn is_best(&self, row: &PositionRow) -> bool {
        let price = self.market.price(row.instrument).filter(|_| row.trailing.is_some());
        price.is_some_and(|price| match super::decide::side_of(row.qty) {
            Side::Buy => price > row.best_price,
            Side::Sell => price < row.best_price,
        })
    }

    fn is_to_be_checked(&self) -> bool {
        cfg!(debug_assertions) && self.calm.steps.is_multiple_of(CHECKED_EVERY)
    }

    /// Where the engine would stand after a step without a shortcut.
    fn the_long_way(&self, at: Timestamp, event: &MarketEvent) -> Vec<u8> {
        let (mut engine, mut out) = (self.clone(), Actions::default());
        engine.calm.end();
        engine.on_market(at, event, &mut out);
        if out.is_empty() { engine.snapshot() } else { format!("{out:?}").into_bytes() }
    }
}

/// A best bid and ask, or a trade.
fn is_price(data: &MarketData) -> bool {
    matches!(data, MarketData::Quote(_) | MarketData::Trade(_))
}
