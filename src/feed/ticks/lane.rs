//! Files of one kind of one symbol, one after the other, event by event.

use std::path::PathBuf;

use super::block::{Block, Cursor, Event};
use super::source::{Blocks, Source};
use crate::feed::FeedError;
use crate::types::Timestamp;

/// Files in order of time.
#[derive(Debug)]
pub(super) struct Lane {
    sources: Vec<Source>,
    /// The file after the one being read.
    next_source: usize,
    blocks: Option<Blocks>,
    block: Block,
    cursor: Cursor,
}

impl Lane {
    pub(super) fn new(sources: Vec<Source>) -> Lane {
        Lane { sources, next_source: 0, blocks: None, block: Block::default(), cursor: Cursor::default() }
    }

    /// Begins anew.
    pub(super) fn rewind(&mut self) {
        *self = Lane::new(std::mem::take(&mut self.sources));
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The instant of the next event; none at the end of the last file. `on_file` is called whenever another file begins.
    #[inline]
    pub(super) fn peek(&mut self, on_file: impl FnMut()) -> Result<Option<Timestamp>, FeedError> {
        match self.cursor.at(&self.block) {
            Some(at) => Ok(Some(at)),
            None => self.refill(on_file),
        }
    }

    fn refill(&mut self, mut on_file: impl FnMut()) -> Result<Option<Timestamp>, FeedError> {
        loop {
            let mut blocks = match self.blocks.take() {
                Some(blocks) => blocks,
                None => {
                    let Some(source) = self.sources.get(self.next_source) else { return Ok(None) };
                    self.next_source += 1;
                    on_file();
                    source.read()?
                }
            };
            self.cursor = Cursor::default();
            if blocks.next(&mut self.block)? {
                self.blocks = Some(blocks);
                return Ok(self.cursor.at(&self.block));
            }
        }
    }

    /// Takes the event that was looked at.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Event> {
        self.cursor.take(&self.block)
    }

    /// Is the event that was looked at a quote or a trade?
    pub(super) fn is_plain(&self) -> bool {
        self.cursor.is_plain(&self.block)
    }

    /// The file and the line of the event that was taken last.
    pub(super) fn place(&self) -> (PathBuf, u64) {
        let source = self.next_source.checked_sub(1).and_then(|last| self.sources.get(last));
        (source.map(|source| source.path.clone()).unwrap_or_default(), self.cursor.line(&self.block))
    }
}
