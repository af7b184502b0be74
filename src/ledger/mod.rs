//! The durable truth about ourselves: one SQLite file, `ledger.sqlite`, written by one process and readable by all.
//! Every table, view and column is described in [`SCHEMA`]. What a restart must know comes back from
//! [`Ledger::open`] as [`Recovered`]; people's side reads through the functions of
//! this module or with `sqlite3`.
//!
//! A commit that returned is on the disk (`synchronous=FULL`); one that failed has left nothing, and closes the
//! ledger for the rest of the session: a hole in the books would be worse than their end.

mod aside;
mod audit;
mod compare;
mod error;
mod lock;
mod outbox;
mod read;
mod recover;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod write;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

pub use aside::set_aside;
pub use audit::{Audit, audit};
pub use compare::{Difference, WALL_CLOCK_COLUMNS, compare};
pub use error::LedgerError;
pub use lock::{LOCK_FILE, LockError, StateLock};
pub use outbox::{OUTBOX_FILE, Outbox, OutboxCounts, OutboxLimits, Pending, Put};
pub use read::{SessionRecord, TradeFilter, TradeRecord, last_state, open_symbols, rearm, sessions, trades};

use crate::protocol::{Command, Journal, Recovered};
use crate::types::{Instruments, Symbol, Timestamp, Usdt};
use store::Kind;

/// The ledger's file in the state directory.
pub const LEDGER_FILE: &str = "ledger.sqlite";
/// The paper venue's own file; set aside together with the ledger.
pub const PAPER_VENUE_FILE: &str = "paper-venue.sqlite";
/// The schema with a description of every table, view and column: what each version adds to the one before.
pub const SCHEMA: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];
/// The mode under which a ledger may be set aside.
pub const PAPER: &str = "paper";
/// The mode of a ledger of real money.
pub const LIVE: &str = "live";

const KIND: Kind = Kind { file: LEDGER_FILE, application_id: 0x4c54_4c31, migrations: SCHEMA };
/// The instant that the epochs of real venues are counted from: 2025-01-01 00:00 UTC, in Unix seconds.
const EPOCH_ORIGIN_SECS: i64 = 1_735_689_600;

/// What a ledger belongs to, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// [`PAPER`] or `live`.
    pub mode: String,
    /// The venue's name.
    pub venue: String,
    /// The account there.
    pub account: String,
}

/// How the number of this start is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpochRule {
    /// One more than the last; 1 for the first. For virtual sessions, so that equal runs have equal ids.
    Counted,
    /// The larger of that and the minutes since 2025-01-01 UTC, so that a lost state directory does not
    /// bring ids back that the venue has seen.
    Minutes,
}

/// What is to be remembered of this start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionStart {
    /// Wall-clock time.
    pub wall: Timestamp,
    /// The build.
    pub version: String,
    /// Of the effective configuration.
    pub config_hash: String,
    /// Of the synthetic feed and of random faults.
    pub seed: u64,
    /// Two letters or digits for the client order ids. Used if the ledger is made now; else it keeps its own.
    pub instance: [u8; 2],
    /// How the epoch is found.
    pub epoch: EpochRule,
}

/// The open ledger: the only writer.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    connection: Connection,
    symbols: Vec<Symbol>,
    session: i64,
    epoch: u32,
    instance: [u8; 2],
    account: Account,
    /// A write has failed: nothing more is accepted.
    closed_by: Option<String>,
}

/// What a commit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitStats {
    /// Rows of the journal written.
    pub rows: usize,
    /// Wallet balance after it; none until the opening balance is known.
    pub cash: Option<Usdt>,
}

/// The wallet: `opening + moved`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Account {
    opening: Option<Usdt>,
    moved: Usdt,
}

impl Account {
    fn cash(self) -> Option<Usdt> {
        self.opening.map(|opening| opening + self.moved)
    }
}

impl Ledger {
    /// Opens the ledger of a state directory, makes it if there is none, and begins a session in it. The caller
    /// holds the directory's [`StateLock`]. An error has changed no row.
    pub fn open(
        dir: &Path,
        identity: &Identity,
        instruments: &Instruments,
        start: &SessionStart,
    ) -> Result<(Ledger, Recovered), LedgerError> {
        let path = KIND.path(dir);
        let mut connection = store::open(dir, &KIND, |transaction| write::birth(transaction, identity, start))?;
        let instance = check_identity(&connection, &path, identity)?;
        store::migrate(&mut connection, &path, &KIND)?;
        let (account, mut recovered) = recover::recover(&connection, &path, instruments)?;
        let (session, epoch) =
            begin_session(&mut connection, start).map_err(|error| LedgerError::sqlite(&path, &error))?;
        recovered.epoch = epoch;
        let symbols = instruments.iter().map(|(_, instrument)| instrument.symbol.clone()).collect();
        Ok((Ledger { path, connection, symbols, session, epoch, instance, account, closed_by: None }, recovered))
    }

    /// Writes all rows of a step in one transaction: after `Ok` they are on the disk, after an error none of
    /// them is. `at` is session time and `wall` the wall clock. Without rows nothing is written.
    pub fn commit(
        &mut self,
        seq: u64,
        at: Timestamp,
        wall: Timestamp,
        rows: &[Journal],
    ) -> Result<CommitStats, LedgerError> {
        if rows.is_empty() {
            return Ok(CommitStats { rows: 0, cash: self.account.cash() });
        }
        let step = write::Step { session: self.session, seq, at, wall };
        let account = self.transact(|transaction, symbols, mut account| {
            for row in rows {
                write::journal(transaction, symbols, &step, row, &mut account)?;
            }
            write::account(transaction, &step, account)?;
            Ok(account)
        })?;
        self.account = account;
        Ok(CommitStats { rows: rows.len(), cash: account.cash() })
    }

    /// Remembers what a person asked for, and through which door.
    pub fn record_command(
        &mut self,
        at: Timestamp,
        wall: Timestamp,
        source: &str,
        command: &Command,
    ) -> Result<(), LedgerError> {
        let session = self.session;
        self.transact(|transaction, _, _| write::command(transaction, session, at, wall, source, command))
    }

    /// Ends the session with the reason and folds the write-ahead log into the file.
    pub fn finish(mut self, at: Timestamp, wall: Timestamp, exit: &str) -> Result<(), LedgerError> {
        let session = self.session;
        self.transact(|transaction, _, _| {
            let sql = "UPDATE session_rows SET ended_wall = ?2, ended_at = ?3, exit = ?4 WHERE id = ?1";
            Ok(transaction.execute(sql, params![session, wall.as_nanos(), at.as_nanos(), exit]).map(|_| ())?)
        })?;
        let path = self.path;
        self.connection.close().map_err(|(_, error)| LedgerError::sqlite(&path, &error))
    }

    /// Number of this session, from 1.
    pub fn session(&self) -> i64 {
        self.session
    }

    /// Number of this start in client order ids.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The two characters in client order ids that this state directory was made with.
    pub fn instance(&self) -> [u8; 2] {
        self.instance
    }

    /// Wallet balance; none until the opening balance is known.
    pub fn cash(&self) -> Option<Usdt> {
        self.account.cash()
    }

    /// Rehearses a full disk: the file may hold at most so many pages more than it has now.
    pub fn rehearse_full_disk(&mut self, spare_pages: u32) -> Result<(), LedgerError> {
        let limit = (|| {
            let pages: u32 = self.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            let limit = pages.saturating_add(spare_pages);
            self.connection.pragma_update_and_check(None, "max_page_count", limit, |row| row.get::<_, u32>(0))
        })();
        limit.map(|_| ()).map_err(|error| LedgerError::sqlite(&self.path, &error))
    }

    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, &[Symbol], Account) -> Result<T, write::WriteError>,
    ) -> Result<T, LedgerError> {
        if let Some(why) = &self.closed_by {
            let why = format!("an earlier write failed ({why})");
            return Err(LedgerError::Unwritable { path: self.path.clone(), why });
        }
        let (symbols, account) = (&self.symbols, self.account);
        let done = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let done = done.map_err(write::WriteError::from).and_then(|transaction| {
            let value = work(&transaction, symbols, account)?;
            transaction.commit()?;
            Ok(value)
        });
        done.map_err(|error| {
            let error = error.at(&self.path);
            self.closed_by = Some(error.to_string());
            error
        })
    }
}

/// The ledger's instance tag, if it belongs to this mode, venue and account.
fn check_identity(connection: &Connection, path: &Path, identity: &Identity) -> Result<[u8; 2], LedgerError> {
    let asked = [("mode", &identity.mode), ("venue", &identity.venue), ("account", &identity.account)];
    for (field, asked) in asked {
        let found = read::meta(connection, path, field)?;
        if found != *asked {
            return Err(LedgerError::Foreign { path: path.to_owned(), field, found, asked: asked.clone() });
        }
    }
    let instance = read::meta(connection, path, "instance")?;
    instance.into_bytes().try_into().map_err(|_| LedgerError::damaged(path, "meta.instance is not two characters"))
}

/// Writes the session's row, with an epoch that was never used in this ledger.
fn begin_session(connection: &mut Connection, start: &SessionStart) -> rusqlite::Result<(i64, u32)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let last: Option<u32> =
        transaction.query_row("SELECT max(epoch) FROM session_rows", [], |row| row.get(0)).optional()?.flatten();
    let counted = last.unwrap_or(0).saturating_add(1);
    let epoch = match start.epoch {
        EpochRule::Counted => counted,
        EpochRule::Minutes => counted.max(minutes_since_origin(start.wall)),
    };
    transaction.execute(
        "INSERT INTO session_rows (epoch, version, config_hash, seed, started_wall) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![epoch, start.version, start.config_hash, text::number(start.seed), start.wall.as_nanos()],
    )?;
    let session = transaction.last_insert_rowid();
    transaction.commit()?;
    Ok((session, epoch))
}

fn minutes_since_origin(wall: Timestamp) -> u32 {
    u32::try_from((wall.as_secs() - EPOCH_ORIGIN_SECS).div_euclid(60)).unwrap_or(0)
}
