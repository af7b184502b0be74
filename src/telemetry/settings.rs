//! What can be set about the log.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{RotatingFile, TelemetryError};

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How lines are written: `pretty`, `json`, or `journald` for systemd's journal. `--log-format` comes before it.
    pub format: LogFormat,
    /// What is logged of our own: `error`, `warn`, `info`, `debug` or `trace`. `--debug` and `RUST_LOG` come before
    /// it.
    pub level: LogLevel,
    /// A file that gets every line as well. `--log-file` comes before it.
    pub file: Option<PathBuf>,
    /// When the log file has grown to so many MiB, a new one is begun. From 1 to 10000.
    pub file_size_mib: u32,
    /// So many log files are kept, the current one included; older ones are removed. From 1 to 100.
    pub files: u32,
}

/// How lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
    /// To systemd's journal, with fields.
    Journald,
}

/// The least important level that is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What is broken.
    Error,
    /// What somebody should be woken for.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// Why it happens.
    Debug,
    /// Everything.
    Trace,
}

impl LogFormat {
    /// Its name in settings and flags.
    pub const fn as_str(self) -> &'static str {
        match self {
            LogFormat::Pretty => "pretty",
            LogFormat::Json => "json",
            LogFormat::Journald => "journald",
        }
    }
}

impl LogLevel {
    /// Its name in settings and filters.
    pub const fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

impl Default for Settings {
    /// Half a GiB of files holds months of ordinary lines.
    fn default() -> Settings {
        Settings { format: LogFormat::Pretty, level: LogLevel::Info, file: None, file_size_mib: 50, files: 10 }
    }
}

impl Settings {
    /// Is every value in its range?
    ///
    /// # Errors
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=10_000).contains(&self.file_size_mib) {
            return Err(format!("telemetry.file_size_mib = {}: give a value from 1 to 10000", self.file_size_mib));
        }
        if !(1..=100).contains(&self.files) {
            return Err(format!("telemetry.files = {}: give a value from 1 to 100", self.files));
        }
        if self.file.as_ref().is_some_and(|path| path.file_name().is_none()) {
            return Err("telemetry.file names no file: give a path such as `log/daemon.log`".to_owned());
        }
        Ok(())
    }

    /// Opens the log file, if there is to be one.
    pub(super) fn open_file(&self) -> Result<Option<RotatingFile>, TelemetryError> {
        let Some(path) = &self.file else { return Ok(None) };
        RotatingFile::open(path, u64::from(self.file_size_mib) << 20, self.files)
            .map(Some)
            .map_err(|source| TelemetryError::File { path: path.display().to_string(), source })
    }
}
