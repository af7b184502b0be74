//! What a run came to, for people and machines. Money and prices are decimal texts, ratios bare numbers.

use std::collections::BTreeMap;

use serde::Serialize;

use super::run::Outcome;
use crate::portfolio::statistics::{Statistics, statistics};
use crate::protocol::{ExitReason, TradeRow};
use crate::types::{Instruments, Symbol, Usdt};

/// Everything that a report shows.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Where the data came from.
    pub feed: String,
    /// CCXT unified symbols.
    pub symbols: Vec<Symbol>,
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
    /// Fills whose outcome rested on the path assumed inside a bar.
    pub path_dependent_fills: u64,
    /// Positions open at the end.
    pub open_positions: usize,
    /// Signals that became orders.
    pub signals_accepted: u64,
    /// Signals that did not, by strategy and reason.
    pub signals_rejected: BTreeMap<String, BTreeMap<String, u64>>,
    /// Closed positions by reason; every reason is there.
    pub exits: BTreeMap<&'static str, u64>,
    /// Statistics of the curve and of the trades; `docs` of each field give its formula.
    pub statistics: Statistics,
    /// Net results by symbol and strategy.
    pub groups: Vec<Group>,
    /// Changes of the trading state, with the reason.
    pub states: Vec<(String, &'static str, String)>,
    /// Closed positions, oldest first.
    pub trades: Vec<Trade>,
    /// How it was run; none of this takes part in the results.
    pub performance: Performance,
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

impl Report {
    /// A report of a run over a feed.
    pub fn new(feed: String, instruments: &Instruments, capital: Usdt, outcome: Outcome, run: Performance) -> Report {
        let Outcome { started_at, ended_at, view, books, left, .. } = outcome;
        let mut rejected: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for ((strategy, reason), count) in books.rejected {
            rejected.entry(strategy.into_owned()).or_default().insert(reason.into_owned(), count);
        }
        Report {
            feed,
            symbols: instruments.iter().map(|(_, one)| one.symbol.clone()).collect(),
            started_at: started_at.to_string(),
            ended_at: ended_at.to_string(),
            ended_early: left,
            capital,
            equity: view.equity,
            realised_pnl: view.realised_pnl,
            unrealised_pnl: view.unrealised_pnl,
            fees: view.fees,
            funding: view.funding,
            orders: view.orders,
            fills: view.fills,
            path_dependent_fills: books.path_dependent_fills,
            open_positions: view.positions.len(),
            signals_accepted: view.signals_accepted,
            signals_rejected: rejected,
            exits: ExitReason::ALL
                .into_iter()
                .map(|why| (why.as_str(), view.exits.get(&why).copied().unwrap_or(0)))
                .collect(),
            statistics: statistics(&books.equity, &books.trades),
            groups: groups(instruments, &books.trades),
            states: books.states.into_iter().map(|row| (row.at.to_string(), row.state.as_str(), row.reason)).collect(),
            trades: books.trades.iter().map(|trade| Trade::new(instruments, trade)).collect(),
            performance: run,
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
