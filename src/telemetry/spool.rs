//! A bounded queue of lines and the thread that writes them.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::fmt::MakeWriter;

use super::TelemetryError;
use super::sink::Sink;

/// Lines that wait at most: a burst of some seconds of `--debug`, and a few MiB.
const MAX_LINES: usize = 8_192;
/// Longest line. What is longer came from outside, and its beginning tells enough.
const MAX_LINE_BYTES: usize = 64 << 10;
/// How long a full queue holds a caller up, once: the writer is only busy. After that it counts as stuck, and
/// lines are lost without waiting until it moves again.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);
/// Shorter secrets would strike out ordinary words. No token or key is shorter.
const SHORTEST_SECRET: usize = 8;

/// A sink with its queue and its thread.
#[derive(Debug)]
pub(super) struct Spool {
    shared: Arc<Shared>,
}

/// Puts lines into the queue.
#[derive(Debug, Clone)]
pub(super) struct SpoolWriter {
    shared: Arc<Shared>,
}

/// Waits until everything logged so far has been written.
#[derive(Debug, Clone)]
pub struct Flusher {
    spools: Vec<Arc<Shared>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    patience: Duration,
    /// There is something to write, or the end has come.
    wake: Condvar,
    /// A batch has been written.
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    writing: bool,
    stuck: bool,
    closed: bool,
    lost: u64,
    writer: Option<ThreadId>,
}

impl Spool {
    /// Starts the thread. A full queue holds a caller up for `patience` at most.
    pub(super) fn start(
        sink: Box<dyn Sink>,
        secrets: Vec<SecretString>,
        patience: Duration,
    ) -> Result<Spool, TelemetryError> {
        let (state, wake, moved) = (Mutex::new(State::default()), Condvar::new(), Condvar::new());
        let shared = Arc::new(Shared { state, patience, wake, moved });
        let for_thread = shared.clone();
        let run = move || write_lines(&for_thread, sink, &secrets);
        thread::Builder::new().name("log".into()).spawn(run).map_err(TelemetryError::Thread)?;
        Ok(Spool { shared })
    }

    pub(super) fn writer(&self) -> SpoolWriter {
        SpoolWriter { shared: self.shared.clone() }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

impl Flusher {
    pub(super) fn of(spools: &[Spool]) -> Flusher {
        Flusher { spools: spools.iter().map(|spool| spool.shared.clone()).collect() }
    }

    /// Waits until all lines have been written, or for so long. Says whether they have.
    pub fn flush(&self, within: Duration) -> bool {
        let stuck = self.spools.iter().filter(|shared| !shared.drained(within)).count();
        stuck == 0
    }

    /// Lines that could not be written so far: the reader was stuck, or the disk was full.
    pub fn lost(&self) -> u64 {
        self.spools.iter().map(|shared| shared.lock().lost).sum()
    }
}

impl Shared {
    /// A panic while the lock was held leaves the lines as they are, and they should still be written.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mut line: Vec<u8>) {
        if line.len() > MAX_LINE_BYTES {
            line.truncate(MAX_LINE_BYTES);
            line.extend_from_slice("…\n".as_bytes());
        }
        let mut state = self.lock();
        let own_thread = state.writer == Some(thread::current().id());
        if state.lines.len() >= MAX_LINES && !state.stuck && !own_thread {
            let full = |state: &mut State| state.lines.len() >= MAX_LINES;
            let waited = self.moved.wait_timeout_while(state, self.patience, full);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.lines.len() >= MAX_LINES {
            state.stuck = true;
            state.lost += 1;
            return;
        }
        state.lines.push_back(line);
        drop(state);
        self.wake.notify_one();
    }

    fn drained(&self, within: Duration) -> bool {
        let state = self.lock();
        if state.writer == Some(thread::current().id()) {
            return false;
        }
        let busy = |state: &mut State| state.writing || !state.lines.is_empty();
        let waited = self.moved.wait_timeout_while(state, within, busy);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        !busy(&mut state)
    }
}

fn write_lines(shared: &Shared, mut sink: Box<dyn Sink>, secrets: &[SecretString]) {
    shared.lock().writer = Some(thread::current().id());
    loop {
        let idle = |state: &mut State| state.lines.is_empty() && !state.closed;
        let mut state = shared.wake.wait_while(shared.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        if state.lines.is_empty() {
            return;
        }
        let mut lines: Vec<Vec<u8>> = std::mem::take(&mut state.lines).into();
        state.writing = true;
        drop(state);
        lines.iter_mut().for_each(|line| strike_out(line, secrets));
        let failed = sink.write_lines(&lines);
        let mut state = shared.lock();
        state.writing = false;
        state.lost += failed;
        let was_stuck = std::mem::take(&mut state.stuck);
        let lost = state.lost;
        drop(state);
        shared.moved.notify_all();
        if was_stuck {
            tracing::warn!(lines_lost = lost, "the log could not be written fast enough");
        }
    }
}

/// The last guard against a leak: no secret is written, whoever logged it.
fn strike_out(line: &mut Vec<u8>, secrets: &[SecretString]) {
    for secret in secrets.iter().map(|secret| secret.expose_secret().as_bytes()) {
        while let Some(at) = line.windows(secret.len().max(1)).position(|part| part == secret) {
            if secret.len() < SHORTEST_SECRET {
                break;
            }
            line.splice(at..at + secret.len(), *b"[redacted]");
        }
    }
}

impl io::Write for SpoolWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.shared.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for SpoolWriter {
    type Writer = SpoolWriter;

    fn make_writer(&'a self) -> SpoolWriter {
        self.clone()
    }
}
