//! The command line: what can be asked, in words that teach. Parsing alone; the launcher does what is asked.

pub mod tables;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::clock::Speed;
use crate::config::Override;
use crate::types::Symbol;

const EXAMPLES: &str = "\
Examples:
  live_trading_launcher --paper --duration 60
      trade on paper for a minute, on the embedded market
  HEALTH_CHECK_INTERVAL=10 live_trading_launcher --paper --duration 60
      the same, with a heartbeat every ten seconds
  live_trading_launcher --paper --feed file:data --timerange 20241001-20241105 --speed max
      a recorded month, as fast as the machine can
  live_trading_launcher trades --last 20
      the last trades of the ledger";

/// Trades USDT-margined perpetual futures, on paper, unattended.
#[derive(Debug, Parser)]
#[command(name = "live_trading_launcher", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without it, trade.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to trade.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Flags of the daemon.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// Trade on paper, against the simulated exchange (the default)
    #[arg(long)]
    pub paper: bool,
    /// Stop after so many seconds of wall time; fractions are allowed
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub duration: Option<f64>,
    /// Go on after errors of the loop, with back-off; a duration still ends it
    #[arg(long)]
    pub infinite: bool,
    /// Restart the loop in the same process after an error (not after a panic or a stall)
    #[arg(long)]
    pub auto_restart: bool,
    /// Most restarts of --auto-restart
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub max_restarts: u32,
    /// First wait of --auto-restart in seconds; doubled at each failure, up to 3600
    #[arg(long, value_name = "SECONDS", default_value_t = 30.0, value_parser = parse_seconds)]
    pub restart_delay: f64,
    /// Check everything as `doctor` does, then exit
    #[arg(long)]
    pub dry_run: bool,
    /// Log at DEBUG
    #[arg(long)]
    pub debug: bool,
    /// Settings and places that other commands share
    #[command(flatten)]
    pub common: CommonArgs,
    /// What is traded: CCXT unified symbols, separated by commas
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub symbols: Vec<Symbol>,
    /// Market data: `synthetic`, or `file:PATH` of recorded bars or frames
    #[arg(long, value_name = "NAME")]
    pub feed: Option<String>,
    /// Pace of a synthetic or recorded feed against the wall clock: a number, or `max` [default: 1; 60 for the
    /// embedded demo]
    #[arg(long, value_name = "X")]
    pub speed: Option<Speed>,
    /// Part of a recorded feed, in UTC days, the last one excluded: 20241001-20241105
    #[arg(long, value_name = "FROM-UNTIL")]
    pub timerange: Option<String>,
    /// Of the synthetic feed and of random faults [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Faults to rehearse: a TOML file with what `[faults]` holds in the configuration
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Set the paper venue's file and its ledger aside and start anew
    #[arg(long)]
    pub reset_paper: bool,
    /// Log format: pretty, json or journald
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Log into this file as well; it rotates and is capped
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Write the exit summary into this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub summary_json: Option<PathBuf>,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct CommonArgs {
    /// Configuration file [default: config/default.toml if there is one, else the embedded settings]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Ledger, recordings and lock [default: $STATE_DIRECTORY, else $XDG_STATE_HOME/live_trading_launcher, else
    /// ~/.local/state/live_trading_launcher]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Commands beside trading.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show, check or describe the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check configuration, state directory, disk and clock, as far as that can be known without a venue
    Doctor(CommonArgs),
    /// Ask the running daemon how it is
    Status(CommonArgs),
    /// Stop the running daemon in order
    Stop(CommonArgs),
    /// Take no more entries; stops and exits go on
    Pause(CommonArgs),
    /// Lift a pause (not a halt: see `rearm`)
    Resume(CommonArgs),
    /// List the ledger's trades
    Trades(TradesArgs),
    /// Lower the trading state again after a halt, with a reason; the daemon may run or not
    Rearm(RearmArgs),
    /// Run a recorded session through the engine again
    Replay(ReplayArgs),
    /// Write a completion script for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
}

/// What can be asked about the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// The effective settings with the source of each; secrets are not shown
    Show {
        /// As a table, or as TOML
        #[arg(long, value_parser = ["table", "toml", "template"], default_value = "table")]
        format: String,
        /// Where to look
        #[command(flatten)]
        common: CommonArgs,
    },
    /// Say whether the configuration can be used
    Check(CommonArgs),
    /// The JSON Schema of the configuration
    Schema,
}

/// Which trades, and how they are written.
#[derive(Debug, Clone, Args)]
pub struct TradesArgs {
    /// table, csv or json
    #[arg(long, value_parser = ["table", "csv", "json"], default_value = "table")]
    pub format: String,
    /// Of this symbol alone
    #[arg(long)]
    pub symbol: Option<Symbol>,
    /// The newest so many
    #[arg(long, value_name = "N")]
    pub last: Option<u32>,
    /// Where to look
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Why it is safe again.
#[derive(Debug, Clone, Args)]
pub struct RearmArgs {
    /// Why it is safe to trade again; it is kept in the ledger
    #[arg(long)]
    pub reason: String,
    /// Where to look
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Which session is replayed.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The session: its number, or the path of its recording
    pub session: String,
    /// Compare every decision with the recorded one
    #[arg(long)]
    pub verify: bool,
    /// Where to look
    #[command(flatten)]
    pub common: CommonArgs,
}

impl RunArgs {
    /// The settings that the flags give.
    pub fn overrides(&self) -> Vec<Override> {
        let mut all = Vec::new();
        let mut set = |setting, value: toml::Value, flag| all.push(Override { setting, value, flag });
        if !self.symbols.is_empty() {
            let symbols = self.symbols.iter().map(|symbol| toml::Value::from(symbol.as_str())).collect::<Vec<_>>();
            set("run.symbols", symbols.into(), "--symbols");
        }
        if let Some(feed) = &self.feed {
            set("feed.source", feed.as_str().into(), "--feed");
        }
        if let Some(range) = &self.timerange {
            set("feed.timerange", range.as_str().into(), "--timerange");
        }
        if let Some(seed) = self.seed {
            set("run.seed", i64::try_from(seed).unwrap_or(i64::MAX).into(), "--seed");
        }
        match self.speed {
            Some(Speed::Max) => set("run.speed", "max".into(), "--speed"),
            Some(Speed::X(factor)) => set("run.speed", factor.into(), "--speed"),
            None => {}
        }
        if let Some(format) = &self.log_format {
            set("telemetry.format", format.as_str().into(), "--log-format");
        }
        if let Some(file) = &self.log_file {
            set("telemetry.file", file.display().to_string().into(), "--log-file");
        }
        all
    }

    /// Is it the embedded demo: no feed chosen and no file of settings?
    pub fn is_demo(&self) -> bool {
        self.feed.is_none() && self.common.config.is_none()
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && (0.001..=1e9).contains(&seconds) => Ok(seconds),
        _ => Err(format!("`{text}` is not a number of seconds above 0, like `60` or `0.5`")),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_settings() {
        let cli = Cli::try_parse_from(["x", "--paper", "--symbols", "BTC/USDT,ETH/USDT:USDT", "--speed", "max"]);
        let overrides = cli.expect("good flags").run.overrides();
        let names: Vec<_> = overrides.iter().map(|one| one.setting).collect();
        assert_eq!(names, ["run.symbols", "run.speed"]);
    }

    #[test]
    fn bad_values_are_named() {
        for (flag, value) in [("--duration", "0"), ("--duration", "soon"), ("--symbols", "BTCUSDT"), ("--speed", "-1")] {
            let error = Cli::try_parse_from(["x", flag, value]).expect_err(value).to_string();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }
}
