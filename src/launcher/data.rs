//! The `data` command: what is wrong with recorded data, and data in another form.

use std::path::Path;

use super::Failure;
use super::commands::print;
use crate::cli::{self, DataCheckFlags, DataCommand, DataConvertFlags, DataFormat};
use crate::columns::Format;
use crate::feed::file::{self, Checked, Conversion, ConvertError};
use crate::feed::{FeedError, TimeRange};
use crate::types::{Exit, Symbol};

pub(super) fn run(command: &DataCommand) -> Result<Exit, Failure> {
    match command {
        DataCommand::Check(flags) => check(flags),
        DataCommand::Convert(flags) => convert(flags),
    }
}

fn check(flags: &DataCheckFlags) -> Result<Exit, Failure> {
    let files = file::tables(&flags.path).map_err(unreadable)?;
    let bar = bar(files.len(), "{bar:30} {pos} of {len} files, {msg}");
    let each = |path: &std::path::PathBuf| {
        let name = short(path);
        bar.set_message(name.clone());
        let checked = file::check(path, |rows| bar.set_message(format!("{name}: {rows} rows")));
        bar.inc(1);
        checked
    };
    let checked: Vec<Checked> = files.iter().map(each).collect();
    bar.finish_and_clear();
    if flags.json {
        let text = serde_json::to_string_pretty(&checked).map_err(|error| Failure::new(Exit::Failed, error))?;
        print(&text)?;
    } else {
        print(&cli::checked_text(&checked))?;
    }
    Ok(if checked.iter().all(Checked::is_good) { Exit::Clean } else { Exit::Configuration })
}

fn convert(flags: &DataConvertFlags) -> Result<Exit, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let range = flags.timerange.as_deref().map_or(Ok(TimeRange::default()), str::parse).map_err(unreadable)?;
    let ending = flags.to.extension().and_then(|ending| ending.to_str());
    let by_ending = match ending {
        Some("feather") => Some(DataFormat::Feather),
        Some("parquet") => Some(DataFormat::Parquet),
        Some("csv") => Some(DataFormat::Csv),
        Some(_) | None => None,
    };
    if let (None, Some(ending), false) = (by_ending, ending, flags.to.is_dir()) {
        let to = flags.to.display();
        return Err(usage(format!(
            "--to {to}: .{ending} is not written; name a file that ends in .feather, .parquet or .csv"
        )));
    }
    let format = match by_ending.unwrap_or(flags.format) {
        DataFormat::Feather => Some(Format::Feather),
        DataFormat::Parquet => Some(Format::Parquet),
        DataFormat::Csv => None,
    };
    let symbols = flags.symbols.iter().flatten().map(venue_symbol).collect();
    let (to, single, timeframe) = (flags.to.clone(), by_ending.is_some(), flags.timeframe);
    let what = Conversion { to, format, single, symbols, range, timeframe };
    let bar = bar(0, "{bar:30} {pos} of {len} files, {elapsed} gone, {msg}");
    let written = file::convert(&flags.path, &what, |path, done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        bar.set_message(short(path));
    });
    bar.finish_and_clear();
    let written = written.map_err(|error| {
        let exit = match error {
            ConvertError::Write(_) => Exit::LedgerUnwritable,
            ConvertError::Read(_) | ConvertError::Nothing(_) => Exit::Configuration,
        };
        Failure::new(exit, error)
    })?;
    print(&cli::written_text(&written))
}

/// `BTC/USDT:USDT` as a venue writes it: `BTCUSDT`.
fn venue_symbol(symbol: &Symbol) -> String {
    symbol.as_str().split(':').next().unwrap_or_default().replace('/', "")
}

fn short(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn bar(length: usize, template: &str) -> indicatif::ProgressBar {
    let style = indicatif::ProgressStyle::with_template(template).expect("the templates are constants");
    indicatif::ProgressBar::new(length as u64).with_style(style)
}

fn unreadable(error: FeedError) -> Failure {
    Failure::new(Exit::Configuration, error)
}
