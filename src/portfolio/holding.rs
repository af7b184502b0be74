//! What is held of one instrument, and how a fill changes it.

use serde::{Deserialize, Serialize};

use super::{Cost, FillEffect};
use crate::protocol::{ExitReason, Fill, PositionRow, ProtectionPlan, TradeRow};
use crate::types::{ClientOrderId, InstrumentId, Price, Qty, Rounding, Side, Timestamp, Usdt, Words};

/// One instrument's holding.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Holding {
    pub(super) cost: Cost,
    pub(super) row: Option<PositionRow>,
    mark: Option<Price>,
    unrealised: Usdt,
    /// Σ price × quantity of the fills that shrank the position, for the average exit price.
    exit_notional: Usdt,
    exit_qty: Qty,
}

impl Holding {
    /// Takes over a row of the ledger. What its exits brought so far follows from the rest: they took what the position
    /// has lost of its largest quantity, and their price is the one that explains the result.
    pub(super) fn restore(&mut self, row: &PositionRow) {
        self.cost = Cost { qty: row.qty, cost: row.cost };
        self.exit_qty = row.max_qty - row.qty.abs();
        let gain = if row.qty.is_negative() { -row.realised } else { row.realised };
        self.exit_notional = row.entry_price.notional(self.exit_qty) + gain;
        self.row = Some(row.clone());
        self.value();
    }

    /// A fill that opens, grows, shrinks or closes; it does not go through zero.
    pub(super) fn apply(&mut self, fill: &Fill, strategy: &Words, plan: Option<ProtectionPlan>) -> FillEffect {
        let opened = self.cost.qty.is_zero();
        let grows = opened || self.cost.qty.is_negative() == (fill.side == Side::Sell);
        let realised = self.cost.apply(fill.side, fill.price, fill.qty);
        if opened {
            self.row = Some(opened_row(fill, strategy, plan));
            self.exit_notional = Usdt::ZERO;
            self.exit_qty = Qty::ZERO;
        }
        let mut row = self.row.take().expect("a holding with a quantity has a row");
        row.qty = self.cost.qty;
        row.cost = self.cost.cost;
        row.max_qty = row.max_qty.max(row.qty.abs());
        row.realised += realised;
        row.fees += fill.fee;
        if grows {
            row.entry_price = self.cost.average().unwrap_or(fill.price);
        } else {
            self.exit_notional += fill.price.notional(fill.qty);
            self.exit_qty += fill.qty;
        }
        let closed = row.qty.is_zero().then(|| self.trade(&row, fill));
        self.row = closed.is_none().then(|| row.clone());
        self.value();
        FillEffect { realised, position: row.qty, opened, flipped: false, closed, row, refused: false }
    }

    /// Makes the position what the venue says it is, without a result.
    pub(super) fn adjust(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        to: Cost,
        id: ClientOrderId,
    ) -> PositionRow {
        let price = to.average().or(self.mark).unwrap_or_default();
        let same = |row: &PositionRow| to.qty.is_zero() || row.qty.is_negative() == to.qty.is_negative();
        let mut row = match self.row.take().filter(same) {
            Some(row) => row,
            None => {
                self.exit_notional = Usdt::ZERO;
                self.exit_qty = Qty::ZERO;
                found_row(at, instrument, price, id)
            }
        };
        row.qty = to.qty;
        row.cost = to.cost;
        row.entry_price = to.average().unwrap_or(row.entry_price);
        row.max_qty = row.max_qty.max(to.qty.abs());
        self.cost = to;
        self.row = (!to.qty.is_zero()).then(|| row.clone());
        self.value();
        row
    }

    /// Notes a mark price.
    pub(super) fn mark(&mut self, price: Price) {
        self.mark = Some(price);
        self.value();
    }

    pub(super) fn mark_price(&self) -> Option<Price> {
        self.mark
    }

    /// Is the position valued at a mark price, or is there nothing to value?
    pub(super) fn is_marked(&self) -> bool {
        self.mark.is_some() || self.cost.qty.is_zero()
    }

    /// The mark, or what the position cost as long as there is none.
    pub(super) fn price(&self) -> Option<Price> {
        self.mark.or(self.cost.average())
    }

    pub(super) fn unrealised(&self) -> Usdt {
        self.unrealised
    }

    /// Unsigned worth at the mark, or what it cost as long as there is none, rounded against us.
    pub(super) fn exposed(&self) -> Usdt {
        if self.mark.is_some() { (self.unrealised + self.cost.paid()).abs() } else { self.notional() }
    }

    pub(super) fn notional(&self) -> Usdt {
        self.price().map_or(Usdt::ZERO, |price| price.notional(self.cost.qty.abs()))
    }

    fn value(&mut self) {
        let held = self.mark.filter(|_| !self.cost.qty.is_zero());
        self.unrealised = held.map_or(Usdt::ZERO, |price| self.cost.unrealised(price));
    }

    fn trade(&self, row: &PositionRow, last: &Fill) -> TradeRow {
        TradeRow {
            instrument: row.instrument,
            side: last.side.closing(),
            strategy: row.strategy.clone(),
            entry_id: row.entry_id,
            qty: row.max_qty,
            entry_price: row.entry_price,
            exit_price: self.exit_notional.per_qty(self.exit_qty, Rounding::Down),
            opened_at: row.opened_at,
            closed_at: last.at,
            realised: row.realised,
            fees: row.fees,
            funding: row.funding,
            exit: ExitReason::Manual,
            path_dependent: last.path_dependent,
        }
    }
}

fn opened_row(fill: &Fill, strategy: &Words, plan: Option<ProtectionPlan>) -> PositionRow {
    PositionRow {
        strategy: strategy.clone(),
        stop: plan.map(|plan| plan.stop),
        take_profit: plan.and_then(|plan| plan.take_profit),
        trailing: plan.and_then(|plan| plan.trailing),
        ..found_row(fill.at, fill.instrument, fill.price, fill.client_id)
    }
}

/// A position that nobody planned.
pub(super) fn found_row(at: Timestamp, instrument: InstrumentId, price: Price, id: ClientOrderId) -> PositionRow {
    PositionRow {
        instrument,
        qty: Qty::ZERO,
        cost: Usdt::ZERO,
        entry_price: price,
        opened_at: at,
        strategy: "adopted".into(),
        entry_id: id,
        stop: None,
        take_profit: None,
        trailing: None,
        best_price: price,
        max_qty: Qty::ZERO,
        realised: Usdt::ZERO,
        fees: Usdt::ZERO,
        funding: Usdt::ZERO,
    }
}
