//! What a run writes down: the engine's journal, of which a backtest keeps what a report needs, in memory.

use std::collections::BTreeMap;

use crate::portfolio::statistics::Point;
use crate::protocol::{EquityRow, Fill, Journal, Keep, SignalRow, StateRow, TradeRow};
use crate::types::{Usdt, Words};

/// The kept part of the journal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Books {
    /// Closed positions, oldest first.
    pub trades: Vec<TradeRow>,
    /// Equity after each closed minute at which it had changed, and after the last one.
    pub equity: Vec<Point>,
    /// Signals that were not acted on, by strategy and reason.
    pub rejected: BTreeMap<(Words, Words), u64>,
    /// Changes of the trading state.
    pub states: Vec<StateRow>,
    /// Fills whose outcome rested on the path assumed inside a bar.
    pub path_dependent: Vec<Fill>,
    /// Notional of all fills.
    pub turnover: Usdt,
    /// Every row; kept only where runs are held against each other.
    pub(super) rows: Option<Vec<Journal>>,
    last: Option<Point>,
}

impl Books {
    /// Empty books, which keep every row if every row is made.
    pub(super) fn new(keep: Keep) -> Books {
        Books { rows: (keep == Keep::Everything).then(Vec::new), ..Books::default() }
    }

    /// Takes in a row.
    pub(super) fn write(&mut self, row: &Journal) {
        if let Some(rows) = &mut self.rows {
            rows.push(row.clone());
        }
        match row {
            Journal::Trade(trade) => self.trades.push((**trade).clone()),
            Journal::Equity(row) => self.write_equity(row),
            Journal::Signal(row) => self.write_signal(row),
            Journal::State(row) => self.states.push(row.clone()),
            Journal::Fill { fill, .. } => {
                self.path_dependent.extend(Some(*fill).filter(|fill| fill.path_dependent));
                self.turnover += fill.price.notional(fill.qty);
            }
            Journal::Intent(_)
            | Journal::Order(_)
            | Journal::Position(_)
            | Journal::Funding(_)
            | Journal::OpeningCash(_)
            | Journal::Transfer { .. }
            | Journal::Adjustment { .. }
            | Journal::Halt { .. }
            | Journal::Shadow(_)
            | Journal::FeeInKind(_)
            | Journal::RiskMemory(_) => {}
        }
    }

    /// The last point is told even if equity had not changed until then: the curve is as long as the run.
    pub(super) fn close(&mut self) {
        if let Some(last) = self.last.take().filter(|last| self.equity.last() != Some(last)) {
            self.equity.push(last);
        }
    }

    fn write_equity(&mut self, row: &EquityRow) {
        let point = Point { at: row.at, equity: row.cash + row.unrealised };
        if self.equity.last().is_none_or(|before| before.equity != point.equity) {
            self.equity.push(point);
        }
        self.last = Some(point);
    }

    fn write_signal(&mut self, row: &SignalRow) {
        if let Some(reason) = &row.rejected {
            *self.rejected.entry((row.strategy.clone(), reason.clone())).or_default() += 1;
        }
    }
}
