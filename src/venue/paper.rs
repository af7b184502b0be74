//! The paper venue: the simulated exchange with a file of its own. What it has done is committed before it says
//! so, and a restart goes on where the file stands. The daemon learns of it only through [`Venue`], so that the
//! ledger and this file can be held against each other.

mod store;

use std::path::Path;

use super::{Venue, VenueError};
use crate::exchange::{AccountConfig, AccountId, Exchange};
use crate::protocol::{Event, FeedShape, MarketEvent, VenueRequest};
use crate::types::{Instruments, Timestamp};

use store::Store;
pub use store::{FILE_NAME, PaperBooks};

/// How far the venue has worked through its market: all records before `at`, and this many of those at `at`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MarketPosition {
    /// The instant of the last record.
    pub at: Timestamp,
    /// How many records of that instant.
    pub records: u32,
}

/// A simulated exchange whose truth outlives the process.
#[derive(Debug)]
pub struct PaperVenue {
    exchange: Exchange,
    account: AccountId,
    store: Store,
    position: MarketPosition,
}

impl PaperVenue {
    /// Opens the venue's file in `dir`, or begins one. `market` names the feed, its range and seed.
    ///
    /// # Errors
    /// If the file is of another market, damaged, or cannot be used; if the settings are wrong.
    pub fn open(
        dir: &Path,
        market: &str,
        settings: crate::exchange::Settings,
        instruments: &Instruments,
        shape: FeedShape,
        seed: u64,
        account: AccountConfig,
    ) -> Result<PaperVenue, VenueError> {
        let (store, kept) = Store::open(dir, market)?;
        if let Some((exchange, account, position)) = kept {
            return Ok(PaperVenue { exchange, account, store, position });
        }
        let mut exchange = Exchange::new(settings, instruments.clone(), shape, seed);
        let account = exchange.open_account(account);
        let mut venue = PaperVenue { exchange, account, store, position: MarketPosition::default() };
        venue.keep()?;
        Ok(venue)
    }

    /// Sets what goes wrong, counted from the session's start.
    pub fn rehearse(&mut self, faults: crate::exchange::faults::Settings, start: Timestamp) {
        self.exchange.set_faults(faults, start);
    }

    /// Where a restart goes on.
    pub fn position(&self) -> MarketPosition {
        self.position
    }

    /// The exchange, to be looked at.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Commits what the exchange has done since the last time, if it has done anything.
    fn keep(&mut self) -> Result<(), VenueError> {
        let changes = self.exchange.drain_changes();
        if changes.is_empty() && self.store.has_state() {
            return Ok(());
        }
        self.store.commit(&self.exchange, self.account, self.position, &changes)
    }
}

impl Venue for PaperVenue {
    fn name(&self) -> &str {
        "paper"
    }

    fn on_market(&mut self, at: Timestamp, event: &MarketEvent) -> Result<(), VenueError> {
        self.exchange.on_market(at, event);
        let records = if at == self.position.at { self.position.records.saturating_add(1) } else { 1 };
        self.position = MarketPosition { at, records };
        self.keep()
    }

    fn send(&mut self, at: Timestamp, request: VenueRequest) -> Result<(), VenueError> {
        self.exchange.send(at, self.account, request);
        Ok(())
    }

    fn next_due(&self) -> Option<Timestamp> {
        self.exchange.next_due()
    }

    fn poll(&mut self, until: Timestamp) -> Result<Option<(Timestamp, Event)>, VenueError> {
        let delivery = self.exchange.poll(until);
        self.keep()?;
        Ok(delivery.map(|delivery| (delivery.at, Event::Venue(delivery.report))))
    }
}
