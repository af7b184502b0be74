//! Keeping the book by Binance's rules: a snapshot, then the updates that continue it, each naming the one before
//! (<https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams/How-to-manage-a-local-order-book-correctly>).

use std::collections::VecDeque;

use super::super::book::Book;
use super::block::Update;
use crate::protocol::{BookLevel, Depth};

/// Most updates kept while the snapshot is awaited: at ten a second a quarter of an hour.
const MAX_PENDING: usize = 10_000;

/// How far the book has come.
#[derive(Debug)]
enum State {
    /// No snapshot yet.
    Waiting,
    /// A snapshot, and no update that continues it yet.
    Fresh(u64),
    /// The last update.
    Following(u64),
}

/// A book and its place among the updates.
#[derive(Debug)]
pub(super) struct Sync {
    book: Book,
    state: State,
    pending: VecDeque<Update>,
    /// A new file began, so that updates may be missing without the file being damaged.
    at_border: bool,
}

/// Updates are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Break {
    pub(super) field: &'static str,
    pub(super) expected: u64,
    pub(super) found: u64,
}

impl Sync {
    pub(super) fn new() -> Sync {
        Sync { book: Book::default(), state: State::Waiting, pending: VecDeque::new(), at_border: false }
    }

    pub(super) fn begin_file(&mut self) {
        self.at_border = true;
    }

    /// The book, if it stands on a snapshot.
    pub(super) fn book(&self) -> Option<&Book> {
        match self.state {
            State::Waiting => None,
            State::Fresh(_) | State::Following(_) => Some(&self.book),
        }
    }

    /// Takes a snapshot, and the updates that came before it and continue it. Older than the book, it is ignored.
    pub(super) fn snapshot(&mut self, last_update: u64, levels: Vec<BookLevel>) -> Result<Vec<Depth>, Break> {
        match self.state {
            State::Fresh(at) | State::Following(at) if last_update <= at => return Ok(Vec::new()),
            State::Waiting | State::Fresh(_) | State::Following(_) => {}
        }
        self.book.clear();
        levels.iter().for_each(|level| self.book.set(*level));
        self.state = State::Fresh(last_update);
        let mut said = vec![Depth { snapshot: true, levels }];
        for update in std::mem::take(&mut self.pending) {
            said.extend(self.update(update)?);
        }
        Ok(said)
    }

    /// Takes an update; gives what changed, or nothing for one that is older than the snapshot or has none yet.
    pub(super) fn update(&mut self, update: Update) -> Result<Option<Depth>, Break> {
        let border = std::mem::take(&mut self.at_border);
        match self.state {
            State::Waiting => {
                if self.pending.len() == MAX_PENDING {
                    self.pending.pop_front();
                }
                self.pending.push_back(update);
                return Ok(None);
            }
            State::Fresh(at) if update.numbers.last < at => return Ok(None),
            State::Fresh(at) if update.numbers.first > at.saturating_add(1) => {
                return Err(Break { field: "U", expected: at, found: update.numbers.first });
            }
            State::Following(at) if update.numbers.previous != at && border => {
                self.state = State::Waiting;
                self.pending.push_back(update);
                return Ok(Some(Depth { snapshot: true, levels: Vec::new() }));
            }
            State::Following(at) if update.numbers.previous != at => {
                return Err(Break { field: "pu", expected: at, found: update.numbers.previous });
            }
            State::Fresh(_) | State::Following(_) => {}
        }
        self.state = State::Following(update.numbers.last);
        update.levels.iter().for_each(|level| self.book.set(*level));
        Ok(Some(Depth { snapshot: false, levels: update.levels }))
    }
}
