//! A file of ticks, as it lies there or as the cache keeps it: both give the same blocks.

use std::path::{Path, PathBuf};

use super::block::Block;
use super::kept::{self, Kept, NotKept, SHELF};
use super::published::Published;
use super::recording::Recording;
use crate::feed::FeedError;
use crate::feed::cache::{Cache, key};
use crate::feed::file::fingerprint;

/// A file, how it is written, and what stands for its contents.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    form: Form,
    pub(super) fingerprint: u64,
    /// Another one as soon as the file is another one.
    key: u64,
    cache: Cache,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// Raw frames of the streams of a symbol, as the venue writes it.
    Recording(String),
    /// Trades or best prices, as Binance publishes them.
    Published,
}

impl Source {
    /// Looks at a file, and keeps it in the cache if it is not there yet.
    ///
    /// # Errors
    /// If it cannot be read. What is wrong with its lines is told where they are come to.
    pub(super) fn open(path: &Path, form: Form, cache: &Cache) -> Result<Source, FeedError> {
        let key = key(path).map_err(|error| FeedError::io(path, error))?;
        let mut source = Source { path: path.to_owned(), form, fingerprint: 0, key, cache: cache.clone() };
        let Some(place) = cache.place(SHELF, path) else {
            source.fingerprint = fingerprint(path)?;
            return Ok(source);
        };
        match Kept::open(&place, key) {
            Ok(Some(kept)) => {
                source.fingerprint = kept.fingerprint;
                return Ok(source);
            }
            Ok(None) => {}
            Err(why) => cache.tell(format!("{}: {why}; the ticks are read anew", place.display())),
        }
        source.fingerprint = fingerprint(path)?;
        let progress = |events| cache.progress(path, events);
        match kept::keep(&place, key, source.fingerprint, &mut source.plain()?, progress) {
            Ok(()) | Err(NotKept::Source(_)) => {}
            Err(error @ (NotKept::Cache(_) | NotKept::TooLarge)) => {
                cache.tell(format!("{}: the ticks are not kept for the next time: {error}", path.display()));
            }
        }
        Ok(source)
    }

    /// Reads it from the beginning.
    pub(super) fn read(&self) -> Result<Blocks, FeedError> {
        let kept = self.cache.place(SHELF, &self.path).and_then(|place| Kept::open(&place, self.key).ok().flatten());
        let origin = match kept {
            Some(kept) => Origin::Kept(kept),
            None => Origin::Plain(Box::new(self.plain()?)),
        };
        Ok(Blocks { source: self.clone(), origin, given: 0 })
    }

    fn plain(&self) -> Result<Plain, FeedError> {
        let lines = match &self.form {
            Form::Recording(venue_symbol) => Lines::Recording(Recording::open(&self.path, venue_symbol)?),
            Form::Published => Lines::Published(Published::open(&self.path)?),
        };
        Ok(Plain { lines, failed: None })
    }
}

/// The blocks of a file, one after the other.
#[derive(Debug)]
pub(super) struct Blocks {
    source: Source,
    origin: Origin,
    given: u64,
}

#[derive(Debug)]
enum Origin {
    Kept(Kept),
    Plain(Box<Plain>),
}

impl Blocks {
    /// Fills the block with what comes next; false at the end.
    ///
    /// # Errors
    /// When the file is found damaged at this place. What came before it was given.
    pub(super) fn next(&mut self, block: &mut Block) -> Result<bool, FeedError> {
        let more = match &mut self.origin {
            Origin::Plain(plain) => plain.next(block)?,
            Origin::Kept(kept) => match kept.next(block) {
                Ok(more) => more,
                Err(why) => {
                    let mut plain = self.leave_the_cache(&why)?;
                    let more = plain.next(block);
                    self.origin = Origin::Plain(Box::new(plain));
                    more?
                }
            },
        };
        self.given += u64::from(more);
        Ok(more)
    }

    /// The file itself, after the blocks that were given.
    fn leave_the_cache(&self, why: &str) -> Result<Plain, FeedError> {
        let Source { path, key: known, cache, .. } = &self.source;
        if key(path).map_err(|error| FeedError::io(path, error))? != *known {
            let what = "it was changed while it was read; run again".to_owned();
            return Err(FeedError::Damaged { path: path.clone(), what });
        }
        if let Some(place) = cache.place(SHELF, path) {
            cache.tell(format!("{}: {why}; the ticks are read from {} itself", place.display(), path.display()));
            // So that the next start makes it anew. If it cannot be removed, the next start finds the same damage.
            let _ = std::fs::remove_file(&place);
        }
        let (mut plain, mut passed) = (self.source.plain()?, Block::default());
        for _ in 0..self.given {
            plain.next(&mut passed)?;
        }
        Ok(plain)
    }
}

/// The blocks of the file itself.
#[derive(Debug)]
pub(super) struct Plain {
    lines: Lines,
    /// What was found wrong after the events of the last block.
    failed: Option<FeedError>,
}

#[derive(Debug)]
enum Lines {
    Recording(Recording),
    Published(Published),
}

impl Plain {
    /// Fills the block with what comes next; false at the end.
    ///
    /// # Errors
    /// When a line is wrong. What came before it was given.
    pub(super) fn next(&mut self, block: &mut Block) -> Result<bool, FeedError> {
        block.clear();
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        while !block.is_full() {
            let read = match &mut self.lines {
                Lines::Recording(lines) => lines.read(block),
                Lines::Published(lines) => lines.read(block),
            };
            match read {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if block.is_empty() => return Err(error),
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(!block.is_empty())
    }
}
