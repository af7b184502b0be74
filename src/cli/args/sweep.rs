//! Flags of `sweep`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args};

use super::super::strategy::{self, StrategyChoice};
use super::super::values::{self, feed, timerange};
use super::{named, seed, symbols, text};
use crate::backtest::sweep::{Metric, WalkForward};
use crate::config::Override;
use crate::types::Symbol;

const EXAMPLES: &str = "\
Examples:
  Two periods of a strategy, every combination, on all cores:
      live_trading_launcher sweep --feed file:data/binance --symbols BTC/USDT --strategy ema_cross:timeframe=5m \\
          --set strategy.ema_cross.fast=5..20:5 --set strategy.ema_cross.slow=30..90:15
  200 combinations drawn from wide ranges, ranked by Calmar ratio, with a table for a spreadsheet and a picture:
      live_trading_launcher sweep --feed file:data/binance --strategy ema_cross --random 200 --rank calmar \\
          --set strategy.ema_cross.fast=5..50 --set strategy.ema_cross.slow=20..200 \\
          --set risk.risk_per_trade=0.25%..2% --table runs.csv --map map.svg
  Chosen on 30 days and judged on the 7 days after them, again and again:
      live_trading_launcher sweep --feed file:data/binance --sweep ranges.toml --walk-forward 30d:7d

Values: `5..20:5` is 5, 10, 15, 20; `5,10,30` is a list; units go along: `0.5%..2%:0.5%`, `1m,5m,15m`. A single value sets
the setting for all runs. A file for --sweep is written like the configuration, with such texts or lists as values:
      [strategy.ema_cross]
      fast = \"5..20:5\"
      slow = [30, 60, 90]

A sweep that was ended goes on where it was when the same command is given again. The deflated Sharpe ratio is the
probability that the best run is more than the luck of so many trials (Bailey and López de Prado, 2014).";

/// Many backtests over ranges of settings.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = EXAMPLES)]
#[command(group(ArgGroup::new("what varies").required(true).multiple(true).args(["set", "sweep"])))]
pub struct SweepFlags {
    /// Recorded data: `file:PATH`, a file or a folder of bars, of trades of which bars are made, or of raw recordings;
    /// `ticks:PATH`, trades and best prices themselves; or `synthetic`
    #[arg(long, value_name = "NAME", value_parser = feed)]
    pub feed: String,
    /// What is traded, as CCXT unified symbols: BTC/USDT:USDT, or BTC/USDT for short
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub symbols: Option<Vec<Symbol>>,
    /// Part of the data, in UTC days without the last: 20241001-20241105
    #[arg(long, value_name = "FROM-UNTIL", value_parser = timerange, allow_hyphen_values = true)]
    pub timerange: Option<String>,
    /// A strategy, with settings of its own after a colon; may be repeated, and then these alone run
    #[arg(long = "strategy", value_name = "NAME[:KEY=VALUE,…]", value_parser = strategy::choice)]
    pub strategies: Vec<StrategyChoice>,
    /// A setting and the values that it takes; may be repeated. `config show` lists the settings
    #[arg(long, value_name = "SETTING=VALUES", value_parser = setting, allow_hyphen_values = true)]
    pub set: Vec<(String, String)>,
    /// A TOML file of settings and the values that they take
    #[arg(long, value_name = "FILE")]
    pub sweep: Option<PathBuf>,
    /// Draw so many combinations in place of running all of them
    #[arg(long, value_name = "N")]
    pub random: Option<usize>,
    /// Seed of the draw, of the simulated latencies, and of the synthetic feed: the same seed, the same sweep [default: 1]
    #[arg(long, value_name = "N", value_parser = values::seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// What runs are ranked by
    #[arg(long, value_name = "FIGURE", default_value = "sharpe", value_parser = metric())]
    pub rank: Metric,
    /// How many rows of the ranking are printed
    #[arg(long, value_name = "N", default_value = "20")]
    pub top: usize,
    /// Choose on a stretch and judge on the one after it, in windows over all of the data: 30d:7d
    #[arg(long, value_name = "CHOOSE:JUDGE")]
    pub walk_forward: Option<WalkForward>,
    /// Each window of the walk-forward chooses on everything before what it judges on
    #[arg(long, requires = "walk_forward")]
    pub anchored: bool,
    /// Runs under way at once [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Write every run to a file, which ends in .csv or .parquet
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Write the whole report to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw the figure over two of the settings, into a file that ends in .svg
    #[arg(long, value_name = "FILE")]
    pub map: Option<PathBuf>,
    /// The two settings of the map, across and up [default: the first two that vary]
    #[arg(long, value_name = "X,Y", requires = "map", value_parser = pair)]
    pub map_axes: Option<(String, String)>,
    /// Where finished runs are written down [default: a file of its own for every sweep, below the state directory]
    #[arg(long, value_name = "FILE")]
    pub journal: Option<PathBuf>,
    /// Begin anew, and forget the runs that the journal has
    #[arg(long)]
    pub restart: bool,
    /// Read the files themselves, and leave the cache alone
    #[arg(long)]
    pub no_cache: bool,
}

fn metric() -> impl TypedValueParser<Value = Metric> {
    PossibleValuesParser::new(Metric::ALL.map(Metric::as_str)).map(|name| {
        let found = Metric::ALL.into_iter().find(|metric| metric.as_str() == name);
        found.expect("the parser lets through the names of metrics only")
    })
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once(',') {
        Some((x, y)) if !y.contains(',') => Ok((x.trim().to_owned(), y.trim().to_owned())),
        Some(_) | None => Err("write two settings with a comma between them".to_owned()),
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let wrong = "write a setting and its values, like `strategy.ema_cross.fast=5..20:5`";
    match text.split_once('=') {
        Some((name, values)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), values.to_owned())),
        Some(_) | None => Err(wrong.to_owned()),
    }
}

impl SweepFlags {
    /// The flags that stand for settings. Where strategies are named, those alone run.
    pub fn overrides(&self) -> Vec<Override> {
        let mut all = named([
            ("feed.source", Some(text(&self.feed)), "--feed"),
            ("feed.timerange", self.timerange.as_ref().map(text), "--timerange"),
            ("run.symbols", self.symbols.as_deref().map(symbols), "--symbols"),
            ("run.seed", self.seed.map(seed), "--seed"),
        ]);
        if !self.strategies.is_empty() {
            all.extend(strategy::overrides(&self.strategies));
        }
        all
    }
}
