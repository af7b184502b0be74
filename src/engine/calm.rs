//! Market data that leads to nothing. Where a step for a price has led to nothing, the steps for the prices after it lead to
//! nothing either, until something else happens or falls due, but for what follows from the price itself: what a position is
//! worth, and where its stop should be. As long as that asks for nothing, a price is only noted, and the strategies alone are
//! asked about a bar.
//!
//! In debug builds such steps are held against the long way.

use super::decide::side_of;
use super::{Ending, Engine};
use crate::protocol::{Actions, MarketData, MarketEvent, PositionRow};
use crate::types::{InstrumentId, Side, Span, Timestamp};

/// In debug builds one calm step in so many is held against the long way, which copies the engine; in this crate's tests each.
const CHECKED_EVERY: u64 = if cfg!(test) { 1 } else { 256 };

/// Until when prices lead to nothing, as long as nobody's data gets too old.
#[derive(Debug, Clone, Default)]
pub(super) struct Calm {
    until: Timestamp,
    /// Was nobody's data lost when that was last looked at?
    pub(super) nobody_is_lost: bool,
    steps: u64,
}

impl Calm {
    /// Something happens that is no price.
    pub(super) fn end(&mut self) {
        self.until = Timestamp::EPOCH;
    }
}

impl Engine {
    /// Takes in market data. Does nothing follow from it but what the strategies make of the bars that it closed?
    pub(super) fn stays_calm(&mut self, at: Timestamp, event: &MarketEvent, out: &mut Actions) -> bool {
        let instrument = event.instrument;
        let due = at >= self.calm.until || self.market.earliest_deadline().is_some_and(|due| at >= due);
        if due || !is_calm(&event.data) || !self.knows(instrument) {
            self.attend(at);
            self.absorb_market(at, event, out);
            return false;
        }
        self.at = at;
        self.absorb_price(at, event);
        let calm = self.absorbed.gap.is_none() && !self.is_looked_at(instrument);
        if !calm {
            self.stir_if_held(instrument);
        }
        self.note_gap(instrument, out);
        self.calm.steps += 1;
        calm
    }

    /// A step has ended, which may have changed anything.
    pub(super) fn becalm(&mut self, at: Timestamp, event: &MarketEvent, quiet: bool) {
        let settled = || self.reconciliation.is_done() && self.ending == Ending::No;
        let at_rest = || self.risk.is_at_rest(at, self.portfolio.equity());
        if !is_calm(&event.data) || !quiet || !settled() || !at_rest() {
            return self.calm.end();
        }
        let next_day = at.floor(Span::DAY) + Span::DAY;
        let next_look = if self.calm.nobody_is_lost { next_day } else { self.freshness_due() };
        self.calm.until = self.own_deadline().unwrap_or(next_day).min(next_day).min(next_look);
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
        price.is_some_and(|price| match side_of(row.qty) {
            Side::Buy => price > row.best_price,
            Side::Sell => price < row.best_price,
        })
    }

    /// Where a step without a shortcut would lead, and what it would want done, if this one is to be held against it.
    pub(super) fn the_long_way(&self, at: Timestamp, event: &MarketEvent, out: &Actions) -> Option<(Engine, Actions)> {
        let checked = cfg!(debug_assertions) && at < self.calm.until && self.calm.steps.is_multiple_of(CHECKED_EVERY);
        checked.then(|| {
            let (mut engine, mut out) = (self.clone(), out.emptied());
            engine.calm.end();
            engine.on_market(at, event, &mut out);
            (engine, out)
        })
    }

    /// # Panics
    /// If the step at hand has led elsewhere.
    pub(super) fn assert_same(&self, out: &Actions, other: (Engine, Actions)) {
        let (mut engine, wanted) = other;
        // Whoever is asked less often about what has not changed says the same.
        engine.freshness_seen = self.freshness_seen;
        assert_eq!(**out, *wanted, "market data that leads to nothing leads to nothing the long way");
        assert_eq!(self.snapshot(), engine.snapshot(), "market data that leads to nothing is noted, and nothing else");
    }
}

/// A best bid and ask, a trade, or a bar.
fn is_calm(data: &MarketData) -> bool {
    matches!(data, MarketData::Quote(_) | MarketData::Trade(_) | MarketData::Bar(_))
}
