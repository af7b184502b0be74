//! The log: one line an event, on standard output and, if asked for, in a file that rotates, or in systemd's
//! journal.
//!
//! Logging never holds trading up: a line is put into a bounded queue, and a thread of its own writes it. A reader
//! that is slow gets a moment's patience; one that is stuck gets nothing until it moves again, and what it missed
//! is counted. What was put in before the end is written before the process leaves, also after a panic.

mod format;
mod panic;
mod rotate;
mod settings;
mod sink;
mod spool;

use std::io::IsTerminal;
use std::time::Duration;

use secrecy::SecretString;
use tracing::Subscriber;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use self::format::{JournalEvents, PrettyEvents};
use self::sink::{JournalSink, Sink, StdoutSink};
use self::spool::{PATIENCE, Spool, SpoolWriter};

pub use panic::leave_on_panic;
pub use rotate::RotatingFile;
pub use settings::{LogFormat, LogLevel, Settings};
pub use spool::Flusher;

/// Everything of ours, in the filter's language.
const OURS: &str = env!("CARGO_CRATE_NAME");
/// How long the end of the process waits for the log. A reader that is stuck for longer has lost interest.
const FLUSH_AT_END: Duration = Duration::from_secs(2);

/// What the log is made from.
#[derive(Debug)]
pub struct Options<'a> {
    /// The room's settings.
    pub settings: &'a Settings,
    /// Was `--debug` given?
    pub debug: bool,
    /// `RUST_LOG`, if it is set.
    pub rust_log: Option<&'a str>,
    /// Are colours wanted? See [`colours_wanted`].
    pub colours: bool,
    /// Texts that are struck out wherever they would be written.
    pub secrets: Vec<SecretString>,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` cannot be understood.
    #[error("RUST_LOG=`{given}`: {why}; write a level such as `info`, or `live_trading_launcher=debug`")]
    Filter {
        /// The variable's value.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// The log file cannot be opened.
    #[error(
        "telemetry.file (--log-file) = {path}: it cannot be opened: {source}; name a file in a folder that can be written to"
    )]
    File {
        /// Where it should be.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// The journal does not listen.
    #[error(
        "telemetry.format (--log-format) = journald: {path} cannot be reached: {source}; use `pretty` or `json` where systemd does not run"
    )]
    Journal {
        /// Where its socket should be.
        path: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A log has been set up already.
    #[error("the log has been set up already")]
    Twice,
    /// The operating system gives no thread.
    #[error("no thread for the log: {0}")]
    Thread(std::io::Error),
}

/// The log of this process. Dropping it writes what is left.
#[derive(Debug)]
pub struct Telemetry {
    spools: Vec<Spool>,
}

impl Telemetry {
    /// Sets up the log for the whole process.
    ///
    /// # Errors
    /// If the filter cannot be understood, a place cannot be written to, or there is a log already.
    pub fn start(options: Options<'_>) -> Result<Telemetry, TelemetryError> {
        let (subscriber, telemetry) = assemble(options)?;
        subscriber.try_init().map_err(|_| TelemetryError::Twice)?;
        Ok(telemetry)
    }

    /// A handle for those that end the process by themselves: the panic hook and the watchdog.
    pub fn flusher(&self) -> Flusher {
        Flusher::of(&self.spools)
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.flusher().flush(FLUSH_AT_END);
    }
}

/// Colours are for people at a terminal who have not declined them (<https://no-color.org>).
pub fn colours_wanted(no_color: Option<&str>) -> bool {
    no_color.is_none_or(str::is_empty) && std::io::stdout().is_terminal()
}

type Ours = Box<dyn Layer<Registry> + Send + Sync>;

fn assemble(options: Options<'_>) -> Result<(impl Subscriber + Send + Sync, Telemetry), TelemetryError> {
    let filter = filter(options.settings.level, options.debug, options.rust_log)?;
    let format = options.settings.format;
    let mut spools = vec![Spool::start(main_sink(format)?, options.secrets.clone(), PATIENCE)?];
    let mut layers = vec![layer(format, options.colours, spools[0].writer())];
    if let Some(file) = options.settings.open_file()? {
        let spool = Spool::start(Box::new(file), options.secrets, PATIENCE)?;
        // The journal's own form is of no use in a file.
        let format = if format == LogFormat::Journald { LogFormat::Pretty } else { format };
        layers.push(layer(format, false, spool.writer()));
        spools.push(spool);
    }
    Ok((Registry::default().with(layers.with_filter(filter)), Telemetry { spools }))
}

fn main_sink(format: LogFormat) -> Result<Box<dyn Sink>, TelemetryError> {
    match format {
        LogFormat::Pretty | LogFormat::Json => Ok(Box::new(StdoutSink)),
        LogFormat::Journald => Ok(Box::new(JournalSink::connect()?)),
    }
}

fn layer(format: LogFormat, colours: bool, writer: SpoolWriter) -> Ours {
    let base = fmt::layer().with_ansi(colours).with_writer(writer);
    match format {
        LogFormat::Pretty => base.event_format(PrettyEvents).boxed(),
        LogFormat::Json => {
            base.json().flatten_event(true).with_current_span(false).with_span_list(true).with_ansi(false).boxed()
        }
        LogFormat::Journald => base.event_format(JournalEvents).boxed(),
    }
}

/// Ours at the level that is set, others' warnings; or what `RUST_LOG` says. `--debug` lowers ours in any case.
fn filter(level: LogLevel, debug: bool, rust_log: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    let usual = format!("warn,{OURS}={}", level.as_str());
    let given = rust_log.map(str::trim).filter(|text| !text.is_empty());
    let text =
        if debug { format!("{},{OURS}=debug", given.unwrap_or(&usual)) } else { given.unwrap_or(&usual).to_owned() };
    EnvFilter::builder().parse(text).map_err(|error| TelemetryError::Filter {
        given: given.unwrap_or_default().chars().take(80).collect(),
        why: error.to_string(),
    })
}

#[cfg(test)]
mod tests;
