//! A folder with a state directory, and the binary in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::replayed::assert_recordings_replay;
use crate::support::{self, Daemon, Ended, until};

/// The shipped binary.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_live_trading_launcher");

/// One test's folder. What the daemon recorded in it is replayed when it goes.
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub fn new() -> Bench {
        Bench { folder: tempfile::tempdir().expect("there is room for a folder") }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn state(&self) -> PathBuf {
        self.folder().join("state")
    }

    pub fn ledger(&self) -> PathBuf {
        self.state().join("ledger.sqlite")
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder().join(name);
        std::fs::write(&path, text).expect("the folder can be written");
        path.to_string_lossy().into_owned()
    }

    pub fn command(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
        let state = self.state();
        let state = state.to_string_lossy();
        let arguments = [["--state-dir", &*state].as_slice(), arguments].concat();
        support::command(Path::new(PROGRAM), self.folder(), variables, &arguments)
    }

    /// Starts the daemon.
    pub fn start(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Daemon {
        Daemon::start(self.command(variables, arguments))
    }

    /// Runs something to its end.
    pub fn run(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
        self.start(variables, arguments).end()
    }

    /// What a command prints; it must succeed.
    pub fn said(&self, arguments: &[&str]) -> String {
        let ended = self.run(&[], arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.text);
        ended.text
    }

    /// The running daemon's status; none while it does not answer.
    pub fn status(&self) -> Option<Value> {
        let ended = self.run(&[], &["status", "--json"]);
        if ended.code == Some(0) { serde_json::from_str(&ended.text).ok() } else { None }
    }

    /// Waits until the daemon holds a position.
    pub fn await_position(&self) -> Value {
        until("a position is open", || {
            self.status().filter(|status| status["view"]["positions"].as_array().is_some_and(|all| !all.is_empty()))
        })
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_recordings_replay(&self.state());
        }
    }
}
