//! What we own and owe, in integers. A position keeps its signed quantity and the cost of what is open; a fill that
//! grows it adds to the cost, a fill that shrinks it releases a share of the cost and realises the rest.

#![deny(clippy::float_arithmetic)]

mod cost;
pub mod statistics;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use cost::Cost;

use crate::protocol::{ExitReason, Fill, FundingPayment, PositionRow, ProtectionPlan, TradeRow};
use crate::types::{InstrumentId, Instruments, Price, Qty, Rounding, Side, Timestamp, Usdt};

/// Funding and transfer numbers that are remembered, so that each counts once: a year of fundings of four instruments.
const NUMBERS_KEPT: usize = 4_400;

/// One instrument's holding.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Holding {
    cost: Cost,
    mark: Option<Price>,
    unrealised: Usdt,
    row: Option<PositionRow>,
    exit_notional: Usdt,
    exit_qty: Qty,
}

/// Sums over the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Realised, fees and funding not included.
    pub realised: Usdt,
    /// Fees paid.
    pub fees: Usdt,
    /// Funding received (positive) or paid (negative).
    pub funding: Usdt,
}

/// What a fill did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillEffect {
    /// Realised by it, fee not included.
    pub realised: Usdt,
    /// The position after it, signed.
    pub position: Qty,
    /// Did it open a position?
    pub opened: bool,
    /// The round trip that it completed; the engine knows why.
    pub closed: Option<TradeRow>,
    /// The position's row after it; of quantity zero if it closed.
    pub row: PositionRow,
}

/// Cash and positions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Portfolio {
    cash: Usdt,
    unrealised: Usdt,
    holdings: Vec<Holding>,
    open: BTreeSet<InstrumentId>,
    numbers: BTreeSet<(InstrumentId, u64)>,
    transfers: BTreeSet<u64>,
    sums: Sums,
}

impl Portfolio {
    /// Nothing but cash.
    pub fn new(instruments: &Instruments, cash: Usdt) -> Portfolio {
        Portfolio {
            cash,
            unrealised: Usdt::ZERO,
            holdings: vec![Holding::default(); instruments.len()],
            open: BTreeSet::new(),
            numbers: BTreeSet::new(),
            transfers: BTreeSet::new(),
            sums: Sums::default(),
        }
    }

    /// Takes over what the ledger kept.
    pub fn restore(&mut self, rows: &[PositionRow], cash: Usdt, funding_ids: &[(InstrumentId, u64)]) {
        self.cash = cash;
        self.numbers.extend(funding_ids.iter().copied());
        let known = self.holdings.len();
        for row in rows.iter().filter(|row| row.instrument.index() < known && !row.qty.is_zero()) {
            let holding = &mut self.holdings[row.instrument.index()];
            holding.cost = Cost { qty: row.qty, cost: row.cost };
            holding.row = Some(row.clone());
            self.open.insert(row.instrument);
        }
    }

    /// Takes a fill into the books: a fact, whatever was thought of its order. `strategy` and `plan` are those of a position that it
    /// opens.
    pub fn apply_fill(&mut self, fill: &Fill, strategy: &str, plan: Option<ProtectionPlan>) -> FillEffect {
        let before = self.holdings[fill.instrument.index()].cost.qty;
        let flips = !before.is_zero() && (before.is_negative() != (fill.side == Side::Sell)) && fill.qty > before.abs();
        if flips {
            return self.flip(fill, strategy, plan, before.abs());
        }
        let holding = &mut self.holdings[fill.instrument.index()];
        let opened = before.is_zero();
        let realised = holding.cost.apply(fill.side, fill.price, fill.qty);
        self.cash += realised - fill.fee;
        self.sums.realised += realised;
        self.sums.fees += fill.fee;
        if opened {
            holding.row = Some(open_row(fill, strategy, plan));
            holding.exit_notional = Usdt::ZERO;
            holding.exit_qty = Qty::ZERO;
            self.open.insert(fill.instrument);
        }
        let grows = opened || before.is_negative() == (fill.side == Side::Sell);
        let mut row = holding.row.take().unwrap_or_else(|| open_row(fill, strategy, plan));
        row.qty = holding.cost.qty;
        row.cost = holding.cost.cost;
        row.max_qty = row.max_qty.max(row.qty.abs());
        row.realised += realised;
        row.fees += fill.fee;
        if grows {
            row.entry_price = holding.cost.average().unwrap_or(row.entry_price);
        } else {
            holding.exit_notional += fill.price.notional(fill.qty);
            holding.exit_qty += fill.qty;
        }
        let closed = row.qty.is_zero().then(|| trade_of(&row, holding, fill));
        if closed.is_some() {
            self.open.remove(&fill.instrument);
        } else {
            holding.row = Some(row.clone());
        }
        self.revalue(fill.instrument, Some(fill.price));
        FillEffect { realised, position: row.qty, opened, closed, row }
    }

    /// A fill through zero closes one position and opens the other; the fee is that of the close, in proportion.
    fn flip(&mut self, fill: &Fill, strategy: &str, plan: Option<ProtectionPlan>, held: Qty) -> FillEffect {
        let fee = fill.fee.share(held, fill.qty, Rounding::Up);
        let close = Fill { qty: held, fee, ..*fill };
        let open = Fill { qty: fill.qty - held, fee: fill.fee - fee, ..*fill };
        let first = self.apply_fill(&close, strategy, plan);
        let second = self.apply_fill(&open, strategy, plan);
        FillEffect { realised: first.realised + second.realised, closed: first.closed, ..second }
    }

    /// Notes a mark price.
    pub fn mark(&mut self, instrument: InstrumentId, price: Price) {
        self.holdings[instrument.index()].mark = Some(price);
        if self.open.contains(&instrument) {
            self.revalue(instrument, None);
        }
    }

    fn revalue(&mut self, instrument: InstrumentId, fallback: Option<Price>) {
        let holding = &mut self.holdings[instrument.index()];
        let price = holding.mark.or(fallback);
        let now = price.map_or(Usdt::ZERO, |price| holding.cost.unrealised(price));
        self.unrealised += now - holding.unrealised;
        holding.unrealised = now;
    }

    /// Takes in a funding, once. Was it new?
    pub fn apply_funding(&mut self, payment: &FundingPayment) -> bool {
        if !self.numbers.insert((payment.instrument, payment.id)) {
            return false;
        }
        if self.numbers.len() > NUMBERS_KEPT {
            self.numbers.pop_first();
        }
        self.cash += payment.amount;
        self.sums.funding += payment.amount;
        if let Some(row) = &mut self.holdings[payment.instrument.index()].row {
            row.funding += payment.amount;
        }
        true
    }

    /// Takes in money moved in or out, once. Was it new?
    pub fn apply_transfer(&mut self, id: u64, amount: Usdt) -> bool {
        let new = self.transfers.insert(id);
        if self.transfers.len() > NUMBERS_KEPT {
            self.transfers.pop_first();
        }
        if new {
            self.cash += amount;
        }
        new
    }

    /// Sets the cash to what the venue says it is.
    pub fn set_cash(&mut self, cash: Usdt) {
        self.cash = cash;
    }

    /// Changes a position to agree with the venue, without a result; gives back its row.
    pub fn adjust_position(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        change: Qty,
        price: Price,
        id: crate::types::ClientOrderId,
    ) -> PositionRow {
        let holding = &mut self.holdings[instrument.index()];
        let qty = holding.cost.qty + change;
        holding.cost = Cost { qty, cost: price.notional(qty.abs()) };
        let mut row = holding.row.take().unwrap_or_else(|| found_row(at, instrument, price, id));
        row.qty = qty;
        row.cost = holding.cost.cost;
        row.entry_price = price;
        row.max_qty = row.max_qty.max(qty.abs());
        if qty.is_zero() {
            self.open.remove(&instrument);
        } else {
            holding.row = Some(row.clone());
            self.open.insert(instrument);
        }
        self.revalue(instrument, Some(price));
        row
    }

    /// An instrument's open position.
    pub fn position(&self, instrument: InstrumentId) -> Option<&PositionRow> {
        self.holdings[instrument.index()].row.as_ref()
    }

    /// The same, so that its plan can be changed.
    pub fn position_mut(&mut self, instrument: InstrumentId) -> Option<&mut PositionRow> {
        self.holdings[instrument.index()].row.as_mut()
    }

    /// All open positions, by instrument.
    pub fn positions(&self) -> impl Iterator<Item = &PositionRow> {
        self.open.iter().filter_map(|one| self.holdings[one.index()].row.as_ref())
    }

    /// Wallet balance.
    pub fn cash(&self) -> Usdt {
        self.cash
    }

    /// Unrealised result of all positions at the mark.
    pub fn unrealised(&self) -> Usdt {
        self.unrealised
    }

    /// Unrealised result of one position at the mark.
    pub fn unrealised_of(&self, instrument: InstrumentId) -> Usdt {
        self.holdings[instrument.index()].unrealised
    }

    /// I14: cash and unrealised results.
    pub fn equity(&self) -> Usdt {
        self.cash + self.unrealised
    }

    /// Σ |position| × mark.
    pub fn gross_notional(&self) -> Usdt {
        self.open.iter().map(|one| self.notional(*one)).sum()
    }

    /// |position| × mark of one instrument.
    pub fn notional(&self, instrument: InstrumentId) -> Usdt {
        let holding = &self.holdings[instrument.index()];
        let price = holding.mark.or(holding.cost.average()).unwrap_or_default();
        price.notional(holding.cost.qty.abs())
    }

    /// Sums over the session.
    pub fn totals(&self) -> Sums {
        self.sums
    }
}

fn open_row(fill: &Fill, strategy: &str, plan: Option<ProtectionPlan>) -> PositionRow {
    PositionRow {
        strategy: strategy.to_owned(),
        stop: plan.map(|plan| plan.stop),
        take_profit: plan.and_then(|plan| plan.take_profit),
        trailing: plan.and_then(|plan| plan.trailing),
        ..found_row(fill.at, fill.instrument, fill.price, fill.client_id)
    }
}

fn found_row(at: Timestamp, instrument: InstrumentId, price: Price, id: crate::types::ClientOrderId) -> PositionRow {
    PositionRow {
        instrument,
        qty: Qty::ZERO,
        cost: Usdt::ZERO,
        entry_price: price,
        opened_at: at,
        strategy: "adopted".to_owned(),
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

fn trade_of(row: &PositionRow, holding: &Holding, fill: &Fill) -> TradeRow {
    TradeRow {
        instrument: row.instrument,
        side: fill.side.closing(),
        strategy: row.strategy.clone(),
        entry_id: row.entry_id,
        qty: row.max_qty,
        entry_price: row.entry_price,
        exit_price: holding.exit_notional.per_qty(holding.exit_qty, Rounding::Down),
        opened_at: row.opened_at,
        closed_at: fill.at,
        realised: row.realised,
        fees: row.fees,
        funding: row.funding,
        exit: ExitReason::Manual,
        path_dependent: false,
    }
}
