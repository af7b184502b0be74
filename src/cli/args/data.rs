//! Flags of `data`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::super::values::timerange;
use crate::types::{Symbol, Timeframe};

const CHECK_EXAMPLES: &str = "\
Examples:
  Everything that is wrong with the bars of a folder:
      live_trading_launcher data check data/binance
  For a script: exit code 0 if nothing is wrong, 78 if something is:
      live_trading_launcher data check BTCUSDT-1m-2024-10.csv --json | jq '.[].faults[0]'";

const CONVERT_EXAMPLES: &str = "\
Examples:
  Months of bars as Binance publishes them, into one feather file a symbol as freqtrade lays them out
  (data/binance/futures/BTC_USDT_USDT-1m-futures.feather):
      live_trading_launcher data convert downloads --to data/binance
  A day of public trades into 1m bars:
      live_trading_launcher data convert BTCUSDT-trades-2024-10-01.csv --to BTCUSDT_1m.csv
  5m bars for another program:
      live_trading_launcher data convert data/binance --symbols BTC/USDT --timeframe 5m --to btc-5m.parquet

What is read: CSV of bars with names (timestamp or date or open_time, open, high, low, close, volume) or as Binance
publishes them without, Binance's public trades and aggregated trades, all of them gzipped or not; feather and parquet
with the columns date, open, high, low, close, volume. Files of one symbol are joined; they may overlap, and not differ.";

/// What about recorded data.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum DataCommand {
    /// List gaps, duplicates, disorder and bad values of files of bars, trades or best prices
    #[command(after_help = CHECK_EXAMPLES)]
    Check(DataCheckFlags),
    /// Read bars or trades in one form and write bars in another
    #[command(after_help = CONVERT_EXAMPLES, visible_aliases = ["import", "export"])]
    Convert(DataConvertFlags),
}

/// What is checked.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct DataCheckFlags {
    /// A file, or a folder of files
    pub path: PathBuf,
    /// As JSON, for machines
    #[arg(long)]
    pub json: bool,
}

/// What is converted.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct DataConvertFlags {
    /// A file, or a folder of files
    pub path: PathBuf,
    /// A file that ends in .feather, .parquet or .csv; or a folder, which gets freqtrade's layout
    #[arg(long, value_name = "FILE|DIR")]
    pub to: PathBuf,
    /// How files in a folder are written
    #[arg(long, value_enum, default_value_t = DataFormat::Feather)]
    pub format: DataFormat,
    /// These alone: BTC/USDT:USDT, or BTC/USDT for short
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub symbols: Option<Vec<Symbol>>,
    /// Part of the data, in UTC days without the last: 20241001-20241105
    #[arg(long, value_name = "FROM-UNTIL", value_parser = timerange, allow_hyphen_values = true)]
    pub timerange: Option<String>,
    /// Length of the bars that are written; longer ones are whole or left out
    #[arg(long, value_name = "LENGTH", default_value = "1m")]
    pub timeframe: Timeframe,
}

/// How bars are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DataFormat {
    /// Arrow IPC with LZ4
    Feather,
    /// Parquet with Snappy
    Parquet,
    /// Comma-separated values
    Csv,
}
