//! What a run came to, for people and machines. Money and prices are decimal texts, ratios bare numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::honesty::Checks;
use super::run::Outcome;
use crate::portfolio::statistics::{FIGURES, Figure, Record, Statistics};
use crate::protocol::{ExitReason, Fill, TradeRow};
use crate::types::{Instruments, Price, Qty, Side, Symbol, Timestamp, Usdt};

/// Everything that a report shows.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What was done: `backtest` or `replay`.
    pub kind: &'static str,
    /// Where the data came from.
    pub feed: String,
    /// CCXT unified symbols.
    pub symbols: Vec<Symbol>,
    /// Names of the strategies that ran.
    pub strategies: Vec<String>,
    /// What was assumed about the exchange and the account, for people.
    pub assumptions: Vec<Assumption>,
    /// When trading began, UTC.
    pub started_at: String,
    /// The last instant, UTC.
    pub ended_at: String,
    /// Why it ended before the data did, if it did.
    pub ended_early: Option<String>,
    /// Equity at the beginning.
    pub capital: Usdt,
    /// Equity at the end, open positions at the mark.
    pub equity: Usdt,
    /// Results of closed and reduced positions, without fees and funding.
    pub realised_pnl: Usdt,
    /// Of positions open at the end, at the mark.
    pub unrealised_pnl: Usdt,
    /// Fees paid.
    pub fees: Usdt,
    /// Funding received (positive) or paid (negative).
    pub funding: Usdt,
    /// Orders sent.
    pub orders: u64,
    /// Fills.
    pub fills: u64,
    /// Fills whose outcome rested on the path assumed inside a bar: of bars alone nobody knows whether the high or the low
    /// came first.
    pub path_dependent_fills: Vec<PathFill>,
    /// Positions open at the end.
    pub open_positions: usize,
    /// Signals that became orders.
    pub signals_accepted: u64,
    /// Signals that did not, by strategy and reason.
    pub signals_rejected: BTreeMap<String, BTreeMap<String, u64>>,
    /// Closed positions by reason; every reason is there.
    pub exits: BTreeMap<&'static str, u64>,
    /// Statistics of the curve and of the trades.
    pub statistics: Statistics,
    /// What each figure means, and where its definition comes from.
    pub definitions: Vec<Figure>,
    /// How far the results can be trusted; none if that was not asked.
    pub checks: Option<Checks>,
    /// Net results by symbol and strategy.
    pub groups: Vec<Group>,
    /// Changes of the trading state, with the reason.
    pub states: Vec<(String, &'static str, String)>,
    /// Closed positions, oldest first.
    pub trades: Vec<Trade>,
    /// How it was run; none of this takes part in the results.
    pub performance: Performance,
}

/// Something that was assumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// What it is about.
    pub about: &'static str,
    /// What it is.
    pub value: String,
}

/// A fill whose outcome rested on the path assumed inside a bar.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PathFill {
    /// When, UTC.
    pub at: String,
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// The order's client id.
    pub order: String,
    /// What the order was for; none if it was not ours.
    pub leg: Option<&'static str>,
    /// `buy` or `sell`.
    pub side: &'static str,
    /// Quantity.
    pub qty: Qty,
    /// Price.
    pub price: Price,
}

/// One strategy's results on one symbol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// The strategy.
    pub strategy: String,
    /// Closed positions.
    pub trades: u64,
    /// Those with a net gain.
    pub wins: u64,
    /// Results less fees, with funding.
    pub net: Usdt,
}

/// A closed position.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trade {
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// `long` or `short`.
    pub side: &'static str,
    /// Who opened it.
    pub strategy: String,
    /// The largest size that it had.
    pub qty: String,
    /// Mean price of what was opened.
    pub entry_price: String,
    /// Mean price of what was closed.
    pub exit_price: String,
    /// First fill, UTC.
    pub opened_at: String,
    /// Last fill, UTC.
    pub closed_at: String,
    /// Result without fees and funding.
    pub realised: Usdt,
    /// Fees paid.
    pub fees: Usdt,
    /// Funding received or paid.
    pub funding: Usdt,
    /// Result with all.
    pub net: Usdt,
    /// Why it was closed.
    pub exit: &'static str,
    /// Whether a fill rested on the path assumed inside a bar.
    pub path_dependent: bool,
}

/// How fast it went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Performance {
    /// Steps of the engine: records of the feed, answers of the venue, and timers.
    pub events: u64,
    /// Records of the feed.
    pub records: u64,
    /// Records of the feed by seconds of the run.
    pub events_per_second: f64,
    /// From the start of the process to the first record, in seconds of wall time.
    pub load_seconds: f64,
    /// From the first record to the last, in seconds of wall time.
    pub run_seconds: f64,
    /// Largest resident memory of the process.
    pub peak_rss_bytes: Option<u64>,
}

/// What a report is about, beside what came of the run.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What was done: `backtest` or `replay`.
    pub kind: &'static str,
    /// Where the data came from.
    pub feed: String,
    /// What was traded.
    pub instruments: Instruments,
    /// Names of the strategies that ran.
    pub strategies: Vec<String>,
    /// What was assumed.
    pub assumptions: Vec<Assumption>,
    /// Equity at the beginning.
    pub capital: Usdt,
}

impl Report {
    /// A report of what came of a run.
    pub fn new(subject: Subject, outcome: &Outcome, checks: Option<Checks>, performance: Performance) -> Report {
        let Outcome { started_at, ended_at, view, books, left, .. } = outcome;
        let Subject { kind, feed, instruments, strategies, assumptions, capital } = subject;
        let mut rejected: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for ((strategy, reason), count) in &books.rejected {
            rejected.entry(strategy.to_string()).or_default().insert(reason.to_string(), *count);
        }
        let exits = ExitReason::ALL.map(|why| (why.as_str(), view.exits.get(&why).copied().unwrap_or(0)));
        let states = books.states.iter().map(|row| (row.at.to_string(), row.state.as_str(), row.reason.clone()));
        Report {
            kind,
            feed,
            symbols: instruments.iter().map(|(_, one)| one.symbol.clone()).collect(),
            strategies,
            assumptions,
            started_at: started_at.to_string(),
            ended_at: ended_at.to_string(),
            ended_early: left.clone(),
            capital,
            equity: view.equity,
            realised_pnl: view.realised_pnl,
            unrealised_pnl: view.unrealised_pnl,
            fees: view.fees,
            funding: view.funding,
            orders: view.orders,
            fills: view.fills,
            path_dependent_fills: books.path_dependent.iter().map(|fill| PathFill::new(&instruments, fill)).collect(),
            open_positions: view.positions.len(),
            signals_accepted: view.signals_accepted,
            signals_rejected: rejected,
            exits: exits.into_iter().collect(),
            statistics: outcome.statistics(),
            definitions: FIGURES.to_vec(),
            checks,
            groups: groups(&instruments, &books.trades),
            states: states.collect(),
            trades: books.trades.iter().map(|trade| Trade::new(&instruments, trade)).collect(),
            performance,
        }
    }
}

impl Outcome {
    /// The figures of the run.
    pub fn statistics(&self) -> Statistics {
        let open_since: Vec<Timestamp> = self.view.positions.iter().map(|position| position.opened_at).collect();
        let books = &self.books;
        let (curve, trades, traded) = (books.equity.as_slice(), books.trades.as_slice(), books.turnover);
        Record { curve, trades, open_since: &open_since, traded }.statistics()
    }
}

impl PathFill {
    fn new(instruments: &Instruments, fill: &Fill) -> PathFill {
        PathFill {
            at: fill.at.to_string(),
            symbol: instruments.symbol(fill.instrument).clone(),
            order: fill.client_id.as_str().to_owned(),
            leg: fill.client_id.parts().map(|parts| parts.leg.as_str()),
            side: if fill.side == Side::Buy { "buy" } else { "sell" },
            qty: fill.qty,
            price: fill.price,
        }
    }
}

impl Trade {
    fn new(instruments: &Instruments, trade: &TradeRow) -> Trade {
        Trade {
            symbol: instruments.symbol(trade.instrument).clone(),
            side: trade.side.position_str(),
            strategy: trade.strategy.to_string(),
            qty: trade.qty.to_string(),
            entry_price: trade.entry_price.to_string(),
            exit_price: trade.exit_price.to_string(),
            opened_at: trade.opened_at.to_string(),
            closed_at: trade.closed_at.to_string(),
            realised: trade.realised,
            fees: trade.fees,
            funding: trade.funding,
            net: trade.net(),
            exit: trade.exit.as_str(),
            path_dependent: trade.path_dependent,
        }
    }
}

fn groups(instruments: &Instruments, trades: &[TradeRow]) -> Vec<Group> {
    let mut groups: BTreeMap<_, (u64, u64, Usdt)> = BTreeMap::new();
    for trade in trades {
        let (count, wins, net) = groups.entry((trade.instrument, trade.strategy.to_string())).or_default();
        *count += 1;
        *wins += u64::from(trade.net().is_positive());
        *net += trade.net();
    }
    let group = |((instrument, strategy), (trades, wins, net))| Group {
        symbol: instruments.symbol(instrument).clone(),
        strategy,
        trades,
        wins,
        net,
    };
    groups.into_iter().map(group).collect()
}
