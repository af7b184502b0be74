//! Where lines go. A sink that fails loses lines and says how many; it never panics.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::TelemetryError;

/// Bytes that are written at once at most.
const CHUNK_BYTES: usize = 64 << 10;
/// Where systemd's journal listens.
const JOURNAL: &str = "/run/systemd/journal/socket";
/// How long the journal may take for a line before the line is given up.
const JOURNAL_PATIENCE: Duration = Duration::from_secs(1);

/// A place for lines.
pub(super) trait Sink: Send {
    /// Writes them; gives the number that could not be written.
    fn write_lines(&mut self, lines: &[Vec<u8>]) -> u64;
}

/// Standard output. Nobody need be reading it: a closed pipe is no reason to stop trading.
pub(super) struct StdoutSink;

impl Sink for StdoutSink {
    fn write_lines(&mut self, lines: &[Vec<u8>]) -> u64 {
        let mut out = io::stdout().lock();
        in_chunks(lines, |chunk| out.write_all(chunk).and_then(|()| out.flush()))
    }
}

/// Writes whole lines, several at a time; gives the number of lines that could not be written.
pub(super) fn in_chunks(lines: &[Vec<u8>], mut write: impl FnMut(&[u8]) -> io::Result<()>) -> u64 {
    let mut lost = 0;
    let mut chunk = Vec::new();
    let mut count = 0;
    for (at, line) in lines.iter().enumerate() {
        chunk.extend_from_slice(line);
        count += 1;
        let next = lines.get(at + 1).map_or(CHUNK_BYTES, Vec::len);
        if chunk.len() + next > CHUNK_BYTES {
            lost += if write(&chunk).is_ok() { 0 } else { count };
            chunk.clear();
            count = 0;
        }
    }
    lost
}

/// systemd's journal, a datagram a line.
pub(super) struct JournalSink {
    socket: UnixDatagram,
}

impl JournalSink {
    pub(super) fn connect() -> Result<JournalSink, TelemetryError> {
        let connect = || {
            let socket = UnixDatagram::unbound()?;
            socket.connect(JOURNAL)?;
            socket.set_write_timeout(Some(JOURNAL_PATIENCE))?;
            Ok(socket)
        };
        connect()
            .map(|socket| JournalSink { socket })
            .map_err(|source| TelemetryError::Journal { path: JOURNAL, source })
    }
}

impl Sink for JournalSink {
    fn write_lines(&mut self, lines: &[Vec<u8>]) -> u64 {
        let mut lost = 0;
        for line in lines {
            // A journal that was restarted has a new socket behind the old path.
            let sent = self.socket.send(line).or_else(|_| {
                self.socket.connect(JOURNAL)?;
                self.socket.send(line)
            });
            lost += u64::from(sent.is_err());
        }
        lost
    }
}
