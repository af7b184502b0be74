//! The paper venue's file, `paper-venue.sqlite`: the exchange's state as one blob and the rows of its journal, which a
//! restart goes on from, and orders, fills, cash movements and positions as tables, all written in one transaction. It does not wait for
//! the disk's own cache: a killed process loses nothing, and a machine that loses power loses a simulation.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, params};

use super::MarketPosition;
use crate::exchange::{AccountId, Change, Core, Exchange, FillChange};
use crate::venue::VenueError;

/// Rows of the journal that a restart reads: what the exchange's own memory of ended orders and fills holds at most.
const JOURNAL_READ: u32 = 40_000;

/// The file's name in the state directory.
pub const FILE_NAME: &str = "paper-venue.sqlite";

/// Raised when the state blob or the tables change in a way that an old file does not have.
const SCHEMA_VERSION: i64 = 3;

const SCHEMA: &str = "
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), market TEXT NOT NULL, exchange BLOB NOT NULL);
CREATE TABLE journal (id INTEGER PRIMARY KEY, row BLOB NOT NULL);
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
        self.connection.execute_batch("PRAGMA busy_timeout = 2000;").map_err(broken)?;
        let version: i64 = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(broken)?;
        if version == 0 {
            begin(&mut self.connection).map_err(broken)?;
        }
        self.connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;").map_err(broken)?;
        if version != 0 && version != SCHEMA_VERSION {
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
        let unreadable = |error: postcard::Error| {
            VenueError::Settings(format!(
                "{} holds a state that cannot be read ({error}); start anew with --reset-paper",
                self.path.display()
            ))
        };
        let (core, account, position): (Core, AccountId, MarketPosition) =
            postcard::from_bytes(&blob).map_err(unreadable)?;
        let mut rows = Vec::new();
        for row in self.journal().map_err(broken)? {
            rows.push(postcard::from_bytes::<Change>(&row).map_err(unreadable)?);
        }
        Ok(Some((Exchange::revive(core, rows), account, position)))
    }

    /// The newest rows of the journal, oldest first.
    fn journal(&self) -> rusqlite::Result<Vec<Vec<u8>>> {
        let sql = "SELECT row FROM (SELECT id, row FROM journal ORDER BY id DESC LIMIT ?1) ORDER BY id";
        self.connection.prepare(sql)?.query_map([JOURNAL_READ], |row| row.get(0))?.collect()
    }

    /// Writes what has changed and the state that it led to.
    pub(super) fn commit(
        &mut self,
        exchange: &Exchange,
        account: AccountId,
        position: MarketPosition,
        changes: &[Change],
    ) -> Result<(), VenueError> {
        let blob = postcard::to_stdvec(&(exchange.core(), account, position))
            .map_err(|error| VenueError::Store { path: self.path.display().to_string(), reason: error.to_string() })?;
        write(&mut self.connection, &self.market, &blob, changes).map_err(|error| broken(&self.path, error))?;
        self.has_state = true;
        Ok(())
    }
}

/// Makes the tables, all or none. Nothing is waited for: a file that holds nothing yet can be made again.
fn begin(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = WAL;")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
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
    let row = postcard::to_stdvec(change).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    transaction.prepare_cached("INSERT INTO journal (row) VALUES (?1)")?.execute([row])?;
    match change {
        Change::Order(order) => {
            let request = &order.request;
            transaction.prepare_cached("INSERT OR REPLACE INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
                params![
                    request.client_id.as_str(),
                    number(order.venue_order_id.0),
                    request.instrument.0,
                    request.side.as_str(),
                    order.stage.as_str(),
                    order.filled.to_string(),
                    order.updated_at.as_nanos()
                ],
            )?;
        }
        Change::Fill(FillChange { fill, .. }) => {
            transaction.prepare_cached("INSERT INTO fills VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?.execute(
                params![
                    fill.instrument.0,
                    number(fill.trade_id.0),
                    fill.client_id.as_str(),
                    fill.side.as_str(),
                    fill.price.to_string(),
                    fill.qty.to_string(),
                    fill.fee.to_string(),
                    fill.maker,
                    fill.at.as_nanos()
                ],
            )?;
        }
        Change::Cash(cash) => {
            transaction
                .prepare_cached("INSERT INTO cash (kind, amount, at_ns) VALUES (?1, ?2, ?3)")?
                .execute(params![cash.kind.as_str(), cash.amount.to_string(), cash.at.as_nanos()])?;
        }
        Change::Position(position) => {
            transaction.prepare_cached("INSERT OR REPLACE INTO positions VALUES (?1, ?2, ?3)")?.execute(params![
                position.instrument.0,
                position.qty.to_string(),
                position.updated_at.as_nanos()
            ])?;
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
    let amounts: Vec<String> = connection
        .prepare("SELECT amount FROM cash")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let balance = amounts.iter().filter_map(|text| text.parse().ok()).sum();
    Ok(PaperBooks { orders, fills, positions, balance })
}
