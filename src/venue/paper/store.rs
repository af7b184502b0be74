//! The paper venue's file, `paper-venue.sqlite`: the exchange's state as one blob that a restart goes on from,
//! and its orders, fills, cash movements and positions as rows, written in one transaction. It does not wait for
//! the disk's own cache: a killed process loses nothing, and a machine that loses power loses a simulation.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::MarketPosition;
use crate::exchange::{AccountId, Change, Exchange};
use crate::venue::VenueError;

/// The file's name in the state directory.
pub const FILE_NAME: &str = "paper-venue.sqlite";

/// Raised when the state blob or the tables change in a way that an old file does not have.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), market TEXT NOT NULL, exchange BLOB NOT NULL);
CREATE TABLE orders (
  client_id TEXT NOT NULL, venue_order_id INTEGER NOT NULL, instrument INTEGER NOT NULL, side TEXT NOT NULL,
  stage TEXT NOT NULL, filled TEXT NOT NULL, updated_ns INTEGER NOT NULL,
  PRIMARY KEY (instrument, venue_order_id)) WITHOUT ROWID;
CREATE INDEX orders_by_client_id ON orders (client_id);
CREATE TABLE fills (
  instrument INTEGER NOT NULL, trade_id INTEGER NOT NULL, client_id TEXT NOT NULL, side TEXT NOT NULL,
  price TEXT NOT NULL, qty TEXT NOT NULL, fee TEXT NOT NULL, maker INTEGER NOT NULL, at_ns INTEGER NOT NULL,
  PRIMARY KEY (instrument, trade_id)) WITHOUT ROWID;
CREATE TABLE cash (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, amount TEXT NOT NULL, at_ns INTEGER NOT NULL);
CREATE TABLE positions (
  instrument INTEGER PRIMARY KEY, qty TEXT NOT NULL, updated_ns INTEGER NOT NULL);
";

/// The open file.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    path: PathBuf,
    market: String,
    has_state: bool,
}

type Kept = (Exchange, AccountId, MarketPosition);

impl Store {
    /// Opens or begins the file, and gives back the exchange that it holds.
    pub(super) fn open(dir: &Path, market: &str) -> Result<(Store, Option<Kept>), VenueError> {
        let path = dir.join(FILE_NAME);
        let connection = Connection::open(&path).map_err(|error| broken(&path, error))?;
        let mut store = Store { connection, path, market: market.to_owned(), has_state: false };
        let kept = store.prepare()?;
        store.has_state = kept.is_some();
        Ok((store, kept))
    }

    pub(super) fn has_state(&self) -> bool {
        self.has_state
    }

    fn prepare(&mut self) -> Result<Option<Kept>, VenueError> {
        let broken = |error| broken(&self.path, error);
        self.connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 2000;")
            .map_err(broken)?;
        let version: i64 = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(broken)?;
        if version == 0 {
            self.connection.execute_batch(SCHEMA).map_err(broken)?;
            self.connection.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(broken)?;
        } else if version != SCHEMA_VERSION {
            return Err(VenueError::Settings(format!(
                "{} has version {version} and this program writes version {SCHEMA_VERSION}; start anew with --reset-paper",
                self.path.display()
            )));
        }
        let row: Option<(String, Vec<u8>)> = self
            .connection
            .query_row("SELECT market, exchange FROM state", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(broken)?;
        let Some((stored, blob)) = row else { return Ok(None) };
        if stored != self.market {
            let path = self.path.display().to_string();
            return Err(VenueError::OtherMarket { path, stored, wanted: self.market.clone() });
        }
        postcard::from_bytes(&blob).map(Some).map_err(|error| {
            VenueError::Settings(format!(
                "{} holds a state that cannot be read ({error}); start anew with --reset-paper",
                self.path.display()
            ))
        })
    }

    /// Writes what has changed and the state that it led to.
    pub(super) fn commit(
        &mut self,
        exchange: &Exchange,
        account: AccountId,
        position: MarketPosition,
        changes: &[Change],
    ) -> Result<(), VenueError> {
        let blob = postcard::to_stdvec(&(exchange, account, position))
            .map_err(|error| VenueError::Store { path: self.path.display().to_string(), reason: error.to_string() })?;
        write(&mut self.connection, &self.market, &blob, changes).map_err(|error| broken(&self.path, error))?;
        self.has_state = true;
        Ok(())
    }
}

fn write(connection: &mut Connection, market: &str, blob: &[u8], changes: &[Change]) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for change in changes {
        write_change(&transaction, change)?;
    }
    transaction
        .prepare_cached("INSERT OR REPLACE INTO state (one, market, exchange) VALUES (1, ?1, ?2)")?
        .execute(params![market, blob])?;
    transaction.commit()
}

fn write_change(transaction: &rusqlite::Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Order { id, client_id, instrument, side, ended, filled, at, .. } => {
            let stage = ended.map_or("working", |reason| reason.as_str());
            transaction
                .prepare_cached("INSERT OR REPLACE INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute(params![
                    client_id.as_str(),
                    number(id.0),
                    instrument.0,
                    side.as_str(),
                    stage,
                    filled.to_string(),
                    at.as_nanos()
                ])?;
        }
        Change::Fill { fill, .. } => {
            transaction
                .prepare_cached("INSERT INTO fills VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
                .execute(params![
                    fill.instrument.0,
                    number(fill.trade_id.0),
                    fill.client_id.as_str(),
                    fill.side.as_str(),
                    fill.price.to_string(),
                    fill.qty.to_string(),
                    fill.fee.to_string(),
                    fill.maker,
                    fill.at.as_nanos()
                ])?;
        }
        Change::Cash { kind, amount, at, .. } => {
            transaction
                .prepare_cached("INSERT INTO cash (kind, amount, at_ns) VALUES (?1, ?2, ?3)")?
                .execute(params![kind, amount.to_string(), at.as_nanos()])?;
        }
        Change::Position { instrument, qty, at, .. } => {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO positions VALUES (?1, ?2, ?3)")?
                .execute(params![instrument.0, qty.to_string(), at.as_nanos()])?;
        }
    }
    Ok(())
}

/// SQLite's integers are signed; the simulated exchange counts from one.
fn number(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn broken(path: &Path, error: rusqlite::Error) -> VenueError {
    VenueError::Store { path: path.display().to_string(), reason: error.to_string() }
}

/// The venue's truth as a test or a comparison reads it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PaperBooks {
    /// Client order id, stage and filled quantity of every order, by id.
    pub orders: Vec<(String, String, String)>,
    /// Instrument, trade id, client order id, side, price, quantity and fee of every fill.
    pub fills: Vec<(u16, i64, String, String, String, String, String)>,
    /// Signed quantity of every position that is not flat.
    pub positions: Vec<(u16, String)>,
    /// Wallet balance: the sum of all cash movements, the opening one included.
    pub balance: crate::types::Usdt,
}

impl PaperBooks {
    /// Reads the file in `dir`, which a venue may have open.
    ///
    /// # Errors
    /// If there is no such file or it cannot be read.
    pub fn read(dir: &Path) -> Result<PaperBooks, VenueError> {
        let path = dir.join(FILE_NAME);
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let connection = Connection::open_with_flags(&path, flags).map_err(|error| broken(&path, error))?;
        read_books(&connection).map_err(|error| broken(&path, error))
    }
}

fn read_books(connection: &Connection) -> rusqlite::Result<PaperBooks> {
    let orders = connection
        .prepare("SELECT client_id, stage, filled FROM orders ORDER BY client_id, venue_order_id")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let fills = connection
        .prepare("SELECT instrument, trade_id, client_id, side, price, qty, fee FROM fills ORDER BY 1, 2")?
        .query_map([], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let positions = connection
        .prepare("SELECT instrument, qty FROM positions WHERE qty <> '0' ORDER BY instrument")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let amounts: Vec<String> =
        connection.prepare("SELECT amount FROM cash")?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let balance = amounts.iter().filter_map(|text| text.parse().ok()).sum();
    Ok(PaperBooks { orders, fills, positions, balance })
}
