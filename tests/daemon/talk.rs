//! Listening to a daemon while it runs, and signalling to it.

#![expect(clippy::disallowed_methods, reason = "a test waits for another process in real time")]

use std::time::{Duration, Instant};

use crate::support::{Daemon, Ended};

impl Daemon {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, and says how long that took from now.
    pub fn timed_end(self) -> (Ended, Duration) {
        let from = Instant::now();
        (self.end(), from.elapsed())
    }

    /// Sends a signal by its name, like `TERM`.
    pub fn signal(&self, name: &str) {
        let signal = match name {
            "INT" => rustix::process::Signal::INT,
            "TERM" => rustix::process::Signal::TERM,
            other => panic!("no test sends {other}"),
        };
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("the process is there");
    }
}
