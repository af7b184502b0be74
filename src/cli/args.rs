//! Flags and commands. The comments of this file are the text of `--help`.

mod data;
mod sweep;

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::strategy::{self, StrategyChoice};
use super::values::{
    self, account, feed, log_format, pace, reason, restarts, seconds, share, speed, timeframe, timerange,
};
use crate::clock::Speed;
use crate::config::Override;
use crate::serve::AccountSpec;
use crate::telemetry::LogFormat;
use crate::types::{Rate, Span, Symbol, Timeframe};

pub use data::{DataCheckFlags, DataCommand, DataConvertFlags, DataFormat};
pub use sweep::SweepFlags;

const EXAMPLES: &str = "\
Examples:
  Trade on paper for a minute, on the embedded market; needs no network, keys or files:
      live_trading_launcher --paper --duration 60
  The same with a heartbeat line every 10 seconds:
      HEALTH_CHECK_INTERVAL=10 live_trading_launcher --paper --duration 60
  Recorded data as fast as the machine can:
      live_trading_launcher --feed file:data/binance --timerange 20241001-20241105 --speed max
  On paper, on the real market:
      live_trading_launcher --paper --feed binance
  With real money:
      BINANCE_KEY_FILE=key BINANCE_SECRET_FILE=secret live_trading_launcher --live --symbols BTC/USDT
  What is set, and by what:
      live_trading_launcher config show
  What the running daemon does, and how it did:
      live_trading_launcher status
      live_trading_launcher trades --last 20

Every setting can be given as a variable, LTL__SECTION__KEY; a flag comes before a variable, a variable before the
file, the file before the default. Exit codes: 0 clean, 1 the loop failed, 2 usage, 70 a contradiction of our own,
74 the ledger cannot be written, 75 try again later, 77 keys refused, 78 configuration, 79 halted by risk.";

const BACKTEST_EXAMPLES: &str = "\
Examples:
  The strategies of the configuration over a month of bars:
      live_trading_launcher backtest --feed file:data/binance --symbols BTC/USDT,ETH/USDT --timerange 20241001-20241101
  One strategy with settings of its own, on 5m bars, and a page with charts:
      live_trading_launcher backtest --feed file:data/binance --strategy ema_cross:fast=10,slow=30,timeframe=5m \
          --html report.html
  Over each trade and best price of a folder of Binance's public trades and bookTicker files:
      live_trading_launcher backtest --feed ticks:data/ticks --symbols BTC/USDT

By default the results are checked as well: decisions are made again with the future cut off, and after the declared
warm-up alone; the figures are split into sample and out of sample; and the drawdown is drawn in other orders of the trades.

Every other setting is read from the file and the environment as the daemon reads it: fees, latencies, depth, limits.";

const FLATTEN_HELP: &str = "\
It needs BINANCE_KEY and BINANCE_SECRET (or their _FILE forms) and the venue's address, and neither the daemon nor its
ledger. Regular orders are cancelled and positions closed at the market with orders that can only shrink them, again and
again, until the venue itself says that nothing is open; only then the stops are removed. Each step is printed. A daemon
that runs beside it sees the closing orders, and halts.

Exit codes: 0 the venue says flat, 75 not flat or not known to be: run it again, 77 keys refused, 78 configuration.";

const DOWNLOAD_EXAMPLES: &str = "\
Examples:
  A month of 1m bars, mark prices and fundings of two symbols:
      live_trading_launcher download --symbols BTC/USDT,ETH/USDT --timerange 20241001-20241101
  And what they are for:
      live_trading_launcher backtest --feed file:data/binance --symbols BTC/USDT,ETH/USDT

It needs no key. It uses less than half of the address's rate limit, so that a daemon beside it is not held up. Files are
written whole or not at all, and an interrupted download goes on where it ended.";

/// The port that the exchange listens on unless told otherwise.
const DEFAULT_PORT: u16 = 8_787;

const EXCHANGE_HELP: &str = "\
Examples:
  A market made from a seed, and one account with 10,000 USDT:
      live_trading_launcher exchange
  Recorded weeks, two accounts, kept over restarts:
      live_trading_launcher exchange --feed file:data/binance --timerange 20250301- \
          --account alice:secret1:5000 --account bob:secret2 --state exchange.db
  Rehearse faults:
      live_trading_launcher exchange --control
      curl -X POST localhost:8787/control/unknown -d '{\"count\": 1, \"executed\": true}'

Point a client at http://127.0.0.1:8787 for REST, ws://127.0.0.1:8787 for streams, and ws://127.0.0.1:8787/ws-fapi/v1
for orders over WebSocket.";

/// Trades USDT-margined perpetual futures unattended; on paper unless told otherwise.
///
/// Without a command it runs the daemon: it recovers what it knew, warms up on history, trades, and protects every
/// position with a stop at the venue. SIGINT and SIGTERM end it cleanly, a second one at once.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "live_trading_launcher", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Invocation {
    /// Configuration file (TOML). Without it, config/default.toml is read if it is there
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Where the ledger, the recordings and the lock are [default: $STATE_DIRECTORY, else
    /// $XDG_STATE_HOME/live_trading_launcher, else ~/.local/state/live_trading_launcher]
    #[arg(long, value_name = "DIR", global = true)]
    pub state_dir: Option<PathBuf>,
    /// Flags of the daemon.
    #[command(flatten)]
    pub run: RunFlags,
    /// What to do; the daemon is run if none is given.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// Flags of the daemon.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "The daemon")]
pub struct RunFlags {
    /// Trade on paper, against the simulated exchange. This is the default
    #[arg(long)]
    pub paper: bool,
    /// Trade with real money; needs BINANCE_KEY and BINANCE_SECRET, and a key that cannot withdraw
    #[arg(long, conflicts_with_all = ["paper", "reset_paper"])]
    pub live: bool,
    /// The venue that real money is traded at
    #[arg(long, value_name = "NAME", value_parser = ["binance"], requires = "live")]
    pub venue: Option<String>,
    /// Stop after so many seconds of wall time; fractions are allowed
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub duration: Option<Span>,
    /// Recover from errors of the loop with back-off in place of ending; --duration still ends it
    #[arg(long)]
    pub infinite: bool,
    /// Start the loop anew after an error; never after a panic or a stall, which end the process
    #[arg(long)]
    pub auto_restart: bool,
    /// How often the loop is started anew at most
    #[arg(long, value_name = "N", default_value = "1000", value_parser = restarts, allow_negative_numbers = true)]
    pub max_restarts: u32,
    /// Wait in seconds before the first new start; doubled after each, up to an hour
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds, allow_negative_numbers = true)]
    pub restart_delay: Span,
    /// Check everything as `doctor` does, and leave
    #[arg(long)]
    pub dry_run: bool,
    /// Log at DEBUG
    #[arg(long)]
    pub debug: bool,
    /// What is traded, as CCXT unified symbols: BTC/USDT:USDT, or BTC/USDT for short
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub symbols: Option<Vec<Symbol>>,
    /// Where market data comes from: `synthetic`, the embedded market; `binance`, its market in real time; `file:PATH`,
    /// recorded data; or `ticks:PATH`, its trades and best prices in place of bars [default: synthetic; binance with --live]
    #[arg(long, value_name = "NAME", value_parser = feed)]
    pub feed: Option<String>,
    /// Pace against the wall clock: a number, or `max` [default: 1; 60 for the embedded demo]
    #[arg(long, value_name = "X|max", value_parser = speed, allow_negative_numbers = true)]
    pub speed: Option<Speed>,
    /// Part of a recorded feed, in UTC days without the last: 20241001-20241105
    #[arg(long, value_name = "FROM-UNTIL", value_parser = timerange, allow_hyphen_values = true)]
    pub timerange: Option<String>,
    /// Seed of the synthetic feed and of random faults: the same seed, the same session [default: 1]
    #[arg(long, value_name = "N", value_parser = values::seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Rehearse what goes wrong: a TOML file that has a section `faults`
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Set the paper venue's file and its ledger aside, and start anew
    #[arg(long)]
    pub reset_paper: bool,
    /// How log lines are written
    #[arg(long, value_name = "FORMAT", value_parser = log_format())]
    pub log_format: Option<LogFormat>,
    /// A file that gets every log line as well; it rotates and is capped
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Write the summary of the session to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub summary_json: Option<PathBuf>,
}

/// Commands beside running the daemon.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Task {
    /// Show, check or describe the settings
    Config {
        /// What about them.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Check configuration, files and disk; with the keys of a venue also what they may do, its clock, its modes and its
    /// rules. Nothing is changed
    Doctor,
    /// Close everything at the venue and cancel every order, whether the daemon runs, hangs or is gone
    Flatten(FlattenFlags),
    /// Get history from Binance into the data folder, and go on where an earlier download ended
    Download(DownloadFlags),
    /// Ask the running daemon how it is
    Status {
        /// As JSON, for machines
        #[arg(long)]
        json: bool,
    },
    /// End the running daemon: entries are cancelled, stops stay at the venue
    Stop,
    /// No more entries, until `resume`; stops and exits stay
    Pause,
    /// Lift a pause. A halt is lifted by `rearm` only
    Resume,
    /// Print the ledger's trades
    Trades(TradesFlags),
    /// Lower the trading state after a halt, and acknowledge adjustments
    Rearm {
        /// Why it is safe again; kept in the ledger
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: String,
    },
    /// Run strategies over recorded data, with the engine and the simulated exchange that trade on paper
    Backtest(BacktestFlags),
    /// Run many backtests over ranges of settings, on all cores, and rank them
    Sweep(Box<SweepFlags>),
    /// Check recorded data, and convert it: CSV, feather, parquet, and what Binance publishes
    Data {
        /// What about it.
        #[command(subcommand)]
        command: DataCommand,
    },
    /// Run a recorded session through the engine again
    Replay {
        /// The session: its name in the state directory's recordings, or the path of its folder
        session: PathBuf,
        /// Compare every decision with the recorded one
        #[arg(long)]
        verify: bool,
        /// Write what happened to a file as one page for a browser, with charts; it needs no network
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Serve the simulated exchange to anyone's client, in the protocol of Binance USDⓈ-M futures
    Exchange(Box<ExchangeFlags>),
    /// Print the completion script of a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
}

/// How long is tried.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = FLATTEN_HELP)]
pub struct FlattenFlags {
    /// Go on for so many seconds, if the venue does not say that it is flat before
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds, allow_negative_numbers = true)]
    pub patience: Span,
}

/// Which history, and where to.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(after_help = DOWNLOAD_EXAMPLES)]
pub struct DownloadFlags {
    /// Of what, as CCXT unified symbols: BTC/USDT:USDT, or BTC/USDT for short [default: the configured ones]
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub symbols: Option<Vec<Symbol>>,
    /// Which part, in UTC days without the last: 20241001-20241105 [default: the last 30 days]
    #[arg(long, value_name = "FROM-UNTIL", value_parser = timerange, allow_hyphen_values = true)]
    pub timerange: Option<String>,
    /// Length of the bars; backtests and the daemon read 1m
    #[arg(long, value_name = "TIMEFRAME", default_value = "1m", value_parser = timeframe)]
    pub timeframe: Timeframe,
    /// The data folder; files come into binance/futures below it
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data_dir: PathBuf,
}

/// The simulated exchange as a server.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = EXCHANGE_HELP)]
pub struct ExchangeFlags {
    /// Port to listen on, for HTTP and WebSocket alike; 0 takes any that is free
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PORT)]
    pub port: u16,
    /// Address to listen on; any but the loopback lets other machines in
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: IpAddr,
    /// An account, its key and the secret that it signs with; may be repeated [default: demo-key:demo-secret:10000]
    #[arg(long = "account", value_name = "KEY:SECRET[:BALANCE]", value_parser = account)]
    pub accounts: Vec<AccountSpec>,
    /// More accounts, from a TOML file: `[[account]]` with key, secret, and balance, leverage, hedge, margin (cross or
    /// isolated) and read_only where they are not as usual
    #[arg(long = "accounts", value_name = "FILE")]
    pub accounts_file: Option<PathBuf>,
    /// Where market data comes from: `synthetic`, `file:PATH` or `ticks:PATH`; its start becomes now
    #[arg(long, value_name = "NAME", value_parser = feed)]
    pub feed: Option<String>,
    /// What can be traded: BTC/USDT:USDT, or BTC/USDT for short
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub symbols: Option<Vec<Symbol>>,
    /// Part of a recorded feed, in UTC days without the last: 20241001-20241105
    #[arg(long, value_name = "FROM-UNTIL", value_parser = timerange, allow_hyphen_values = true)]
    pub timerange: Option<String>,
    /// Seconds of market time in a second. Above 1 the server's clock leaves the wall's, and signed requests have to
    /// be stamped with the server's time
    #[arg(long, value_name = "X", default_value = "1", value_parser = pace, allow_negative_numbers = true)]
    pub speed: f64,
    /// Seed of the synthetic feed and of the exchange
    #[arg(long, value_name = "N", value_parser = values::seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Keep accounts, orders and balances in a file, and go on from it after a restart
    #[arg(long = "state", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Hold nobody to the rate limits
    #[arg(long)]
    pub no_rate_limits: bool,
    /// Serve /control/…, which makes things go wrong; to this machine only
    #[arg(long)]
    pub control: bool,
    /// Streams of /market stay away from /ws and /stream, as at Binance since April 2026
    #[arg(long)]
    pub strict_routes: bool,
    /// Begin the server's clock at the feed's start, so that bars, hours and fundings stand where they were recorded. Clients
    /// have to take the server's time
    #[arg(long)]
    pub recorded_time: bool,
    /// Stop after so many seconds of wall time; fractions are allowed
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub duration: Option<Span>,
}

/// What about the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// The effective settings, each with its source: default, file, variable or flag; secrets are not shown
    Show {
        /// How
        #[arg(long, value_enum, default_value_t = ConfigFormat::Table)]
        format: ConfigFormat,
    },
    /// Say what is wrong with the settings, if anything is
    Check,
    /// The JSON Schema of the configuration file
    Schema,
}

/// How settings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConfigFormat {
    /// A table
    Table,
    /// A configuration file
    Toml,
    /// The documented defaults: every setting, commented out
    Template,
}

/// What is run over which data, and where the report goes.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(after_help = BACKTEST_EXAMPLES)]
pub struct BacktestFlags {
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
    /// Seed of the simulated latencies, and of the synthetic feed: the same seed, the same run [default: 1]
    #[arg(long, value_name = "N", value_parser = values::seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,
    /// Write the report to a file, as JSON: every figure, trade and check
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report to a file as one page for a browser, with charts; it needs no network
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print what each figure means, and where its definition comes from
    #[arg(long)]
    pub define: bool,
    /// Share of the time that counts as the sample; the rest is out of it [default: 70%]
    #[arg(long, value_name = "RATIO", value_parser = share)]
    pub split: Option<Rate>,
    /// Leave out the checks for look-ahead and warm-up, the out-of-sample split, and the other orders of the trades
    #[arg(long, conflicts_with = "split")]
    pub no_checks: bool,
    /// Read the files themselves, and leave the cache alone
    #[arg(long)]
    pub no_cache: bool,
}

/// Which trades, and how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct TradesFlags {
    /// How
    #[arg(long, value_enum, default_value_t = TradesFormat::Table)]
    pub format: TradesFormat,
    /// Of this symbol only
    #[arg(long)]
    pub symbol: Option<Symbol>,
    /// The newest N only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub last: Option<u32>,
}

/// How trades are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TradesFormat {
    /// A table
    Table,
    /// Comma-separated values
    Csv,
    /// A JSON array
    Json,
}

impl RunFlags {
    /// The flags that stand for settings.
    pub fn overrides(&self) -> Vec<Override> {
        let market = self.live.then(|| "binance".to_owned());
        fn path(value: &std::path::Path) -> toml::Value {
            toml::Value::String(value.to_string_lossy().into_owned())
        }
        named([
            ("run.symbols", self.symbols.as_deref().map(symbols), "--symbols"),
            ("run.seed", self.seed.map(seed), "--seed"),
            ("run.speed", self.speed.as_ref().map(text), "--speed"),
            ("feed.source", market.as_ref().map(text), "--live"),
            ("feed.source", self.feed.as_ref().map(text), "--feed"),
            ("feed.timerange", self.timerange.as_ref().map(text), "--timerange"),
            ("telemetry.format", self.log_format.map(|format| text(&format.as_str())), "--log-format"),
            ("telemetry.file", self.log_file.as_deref().map(path), "--log-file"),
        ])
    }
}

impl BacktestFlags {
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

fn named<const N: usize>(flags: [(&str, Option<toml::Value>, &'static str); N]) -> Vec<Override> {
    let given = flags.into_iter().filter_map(|(setting, value, flag)| Some((setting.to_owned(), value?, flag)));
    given.map(|(setting, value, flag)| Override { setting, value, flag }).collect()
}

fn text(value: &impl ToString) -> toml::Value {
    toml::Value::String(value.to_string())
}

fn symbols(symbols: &[Symbol]) -> toml::Value {
    toml::Value::Array(symbols.iter().map(text).collect())
}

/// The flag's parser keeps the seed within TOML's integers.
fn seed(seed: u64) -> toml::Value {
    toml::Value::Integer(i64::try_from(seed).unwrap_or(i64::MAX))
}
