//! A panic is our own contradiction: it is logged, the log is written out, and the process leaves with 70.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::Write;
use std::panic::PanicHookInfo;
use std::time::Duration;

use super::Flusher;
use crate::types::Exit;

/// How long a panic waits for its own line to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// From now on a panic on any thread ends the process. The venue's stops protect what is open.
pub fn leave_on_panic(flusher: Flusher) {
    std::panic::set_hook(Box::new(move |info| leave(info, &flusher)));
}

#[expect(clippy::disallowed_methods, reason = "a contradiction cannot be unwound through the shutdown path")]
fn leave(info: &PanicHookInfo<'_>, flusher: &Flusher) {
    let reason = info.payload_as_str().unwrap_or("it gave no reason");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    tracing::error!(reason, location, thread, exit = Exit::Contradiction.code(), "panic: our own contradiction");
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        // Many lines for a developer who asked for them; if nobody reads them, nothing is lost.
        let _ = writeln!(std::io::stderr(), "{backtrace}");
    }
    flusher.flush(PATIENCE);
    std::process::exit(i32::from(Exit::Contradiction.code()));
}
