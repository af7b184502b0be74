//! Lines of a file, plain or gzipped, of bounded length: an archive that unpacks to one endless line is refused
//! before it fills the memory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use xxhash_rust::xxh3::Xxh3;

use super::super::FeedError;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";
/// A read of this size keeps the system calls rare and the memory small.
const BUFFER_BYTES: usize = 64 << 10;

/// The lines of one file.
pub struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    /// Where in the buffer the line begins.
    begin: usize,
    number: u64,
    longest: usize,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lines").field("path", &self.path).field("number", &self.number).finish_non_exhaustive()
    }
}

impl Lines {
    /// Opens a file whose lines are at most `longest` bytes. Whether it is gzipped is seen from its first bytes.
    pub(in crate::feed) fn open(path: &Path, longest: usize) -> Result<Lines, FeedError> {
        let io = |error| FeedError::io(path, error);
        let mut file = BufReader::with_capacity(BUFFER_BYTES, File::open(path).map_err(io)?);
        let zipped = file.fill_buf().map_err(io)?.starts_with(&GZIP_MAGIC);
        let reader: Box<dyn BufRead + Send> = if zipped {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Lines { path: path.to_owned(), reader, buffer: Vec::new(), begin: 0, number: 0, longest })
    }

    /// Which file.
    pub(in crate::feed) fn path(&self) -> &Path {
        &self.path
    }

    /// The next line and its number; `None` at the end of the file.
    pub(in crate::feed) fn next(&mut self) -> Result<Option<(u64, &[u8])>, FeedError> {
        Ok(if self.advance()? { Some(self.line()) } else { None })
    }

    /// Goes on to the next line; false at the end of the file.
    pub(in crate::feed) fn advance(&mut self) -> Result<bool, FeedError> {
        self.buffer.clear();
        let limit = self.longest as u64 + 1;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.buffer);
        if read.map_err(|error| FeedError::io(&self.path, format!("after line {}: {error}", self.number)))? == 0 {
            return Ok(false);
        }
        self.number += 1;
        let ended = self.buffer.pop_if(|last| *last == b'\n').is_some();
        if !ended && self.buffer.len() > self.longest {
            let limit = format!("{} bytes in line {}", self.longest, self.number);
            return Err(FeedError::TooLarge { path: self.path.clone(), limit });
        }
        self.buffer.pop_if(|last| *last == b'\r');
        let marked = self.number == 1 && self.buffer.starts_with(UTF8_MARK);
        self.begin = if marked { UTF8_MARK.len() } else { 0 };
        Ok(true)
    }

    /// The line that was come to and its number, without its end.
    pub(in crate::feed) fn line(&self) -> (u64, &[u8]) {
        (self.number, &self.buffer[self.begin..])
    }
}

/// Does the file begin as raw recordings do: an instant in digits, a space, and a JSON object?
pub(super) fn is_recording(path: &Path) -> Result<bool, FeedError> {
    let mut lines = Lines::open(path, super::super::ticks::LONGEST_LINE)?;
    Ok(lines.next()?.is_some_and(|(_, line)| {
        let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
        digits > 0 && line[digits..].starts_with(b" {")
    }))
}

/// A number that stands for the contents of a file as they lie on the disk.
///
/// # Errors
/// If it cannot be read.
pub fn fingerprint(path: &Path) -> Result<u64, FeedError> {
    let io = |error| FeedError::io(path, error);
    let mut file = File::open(path).map_err(io)?;
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; BUFFER_BYTES]);
    loop {
        match file.read(&mut buffer).map_err(io)? {
            0 => return Ok(hash.digest()),
            read => hash.update(&buffer[..read]),
        }
    }
}
