//! What happened in a recorded session, gathered while it is replayed, in the form in which a backtest is reported.

use std::collections::BTreeSet;

use super::books::Books;
use super::candles::Candles;
use super::report::{Performance, Report, Subject};
use super::run::Outcome;
use crate::protocol::{Action, Event, Journal, Stamped, View};
use crate::types::{Instruments, Timestamp, Usdt};

/// What has happened so far.
#[derive(Debug, Clone)]
pub struct Story {
    instruments: Instruments,
    books: Books,
    candles: Candles,
    strategies: BTreeSet<String>,
    opening_cash: Option<Usdt>,
    started_at: Timestamp,
    ended_at: Timestamp,
    records: u64,
    events: u64,
    left: Option<String>,
}

impl Story {
    pub(super) fn new(instruments: &Instruments, started_at: Timestamp) -> Story {
        Story {
            instruments: instruments.clone(),
            books: Books::default(),
            candles: Candles::new(instruments),
            strategies: BTreeSet::new(),
            opening_cash: None,
            started_at,
            ended_at: started_at,
            records: 0,
            events: 0,
            left: None,
        }
    }

    pub(super) fn hear(&mut self, stamped: &Stamped<Event>, actions: &[Action]) {
        self.ended_at = stamped.at;
        self.events += 1;
        if let Event::Market(event) = &stamped.event {
            self.records += 1;
            self.candles.hear(event);
        }
        for action in actions {
            match action {
                Action::Journal(row) => self.write(row),
                Action::Leave { exit: _, reason } => self.left = Some(reason.clone()),
                Action::Send(_) | Action::Backfill { .. } | Action::RestartFeed { .. } | Action::Notify(_) => {}
            }
        }
    }

    fn write(&mut self, row: &Journal) {
        match row {
            Journal::OpeningCash(cash) => self.opening_cash = Some(*cash),
            Journal::Signal(signal) => {
                self.strategies.insert(signal.strategy.to_string());
            }
            Journal::Trade(trade) => {
                self.strategies.insert(trade.strategy.to_string());
            }
            Journal::Intent(_)
            | Journal::Order(_)
            | Journal::Fill { .. }
            | Journal::Position(_)
            | Journal::Funding(_)
            | Journal::Transfer { .. }
            | Journal::Adjustment { .. }
            | Journal::Equity(_)
            | Journal::State(_)
            | Journal::RiskMemory(_)
            | Journal::Halt { .. }
            | Journal::Shadow(_)
            | Journal::FeeInKind(_) => {}
        }
        self.books.write(row);
    }

    /// The report of it, what it was made from, and its candles. `feed` says where it was recorded, `view` is the engine at
    /// the end.
    pub fn finish(mut self, feed: String, view: View, seconds: f64) -> (Report, Outcome, Candles) {
        self.books.close();
        let first = self.books.equity.first().map(|point| point.equity);
        let capital = self.opening_cash.or(first).unwrap_or(view.equity);
        let outcome = Outcome {
            started_at: self.started_at,
            ended_at: self.ended_at,
            records: self.records,
            events: self.events,
            view,
            books: self.books,
            left: self.left,
        };
        let performance = Performance {
            events: self.events,
            records: self.records,
            events_per_second: self.records as f64 / seconds,
            load_seconds: 0.0,
            run_seconds: seconds,
            peak_rss_bytes: None,
        };
        let subject = Subject {
            kind: "replay",
            feed,
            instruments: self.instruments,
            strategies: self.strategies.into_iter().collect(),
            assumptions: Vec::new(),
            capital,
        };
        (Report::new(subject, &outcome, None, performance), outcome, self.candles)
    }
}
