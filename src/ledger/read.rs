//! What people's side reads, next to a running daemon; and the re-arming of a stopped one.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};
use serde::Serialize;

use super::recover::{self, rows};
use super::text::Cells;
use super::{KIND, LedgerError, StateLock, store, write};
use crate::protocol::{ExitReason, StateRow, TradingState};
use crate::types::{ClientOrderId, Price, Qty, Side, Symbol, Timestamp, Usdt};

/// Most trades that one call gives: a bound on memory, and far beyond what a person reads.
const MAX_TRADES: u32 = 1_000_000;

/// Which round trips.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TradeFilter {
    /// Of this symbol only.
    pub symbol: Option<Symbol>,
    /// Of this strategy only.
    pub strategy: Option<String>,
    /// Closed at this instant or later.
    pub since: Option<Timestamp>,
    /// Closed before this instant.
    pub until: Option<Timestamp>,
    /// The newest so many.
    pub limit: Option<u32>,
}

/// A completed round trip as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TradeRecord {
    /// Counts from 1.
    pub id: i64,
    /// The session that closed it.
    pub session: i64,
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// `Buy` for a long.
    pub side: Side,
    /// The strategy that owned it.
    pub strategy: String,
    /// The entry order that opened it.
    pub entry_id: ClientOrderId,
    /// Largest quantity it had.
    pub qty: Qty,
    /// Average entry price.
    pub entry_price: Price,
    /// Average exit price.
    pub exit_price: Price,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When it closed.
    pub closed_at: Timestamp,
    /// Realised result, fees and funding not included.
    pub realised: Usdt,
    /// Fees paid.
    pub fees: Usdt,
    /// Funding received (positive) or paid (negative).
    pub funding: Usdt,
    /// realised − fees + funding.
    pub net: Usdt,
    /// Why it closed.
    pub exit: ExitReason,
    /// Did the outcome depend on the path assumed inside a bar?
    pub path_dependent: bool,
}

/// A start of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRecord {
    /// Counts from 1.
    pub id: i64,
    /// The number in its client order ids.
    pub epoch: u32,
    /// The build.
    pub version: String,
    /// Of the effective configuration.
    pub config_hash: String,
    /// Of the synthetic feed and of random faults.
    pub seed: u64,
    /// Wall-clock time.
    pub started_wall: Timestamp,
    /// Wall-clock time; none while it runs, and if it was killed.
    pub ended_wall: Option<Timestamp>,
    /// Session time.
    pub ended_at: Option<Timestamp>,
    /// Why it ended.
    pub exit: Option<String>,
    /// Orders decided in it.
    pub orders: u64,
    /// Fills booked in it.
    pub fills: u64,
    /// Round trips completed in it.
    pub trades: u64,
}

/// Round trips, oldest first.
pub fn trades(dir: &Path, filter: &TradeFilter) -> Result<Vec<TradeRecord>, LedgerError> {
    let (db, path) = (store::open_for_reading(dir, &KIND)?, KIND.path(dir));
    let sql = "SELECT * FROM (SELECT * FROM trade_rows
                 WHERE (?1 IS NULL OR symbol = ?1) AND (?2 IS NULL OR strategy = ?2)
                   AND closed_at >= ?3 AND closed_at < ?4 ORDER BY id DESC LIMIT ?5)
               ORDER BY id";
    let values = (
        filter.symbol.as_ref().map(Symbol::as_str),
        filter.strategy.as_deref(),
        filter.since.map_or(i64::MIN, Timestamp::as_nanos),
        filter.until.map_or(i64::MAX, Timestamp::as_nanos),
        filter.limit.unwrap_or(MAX_TRADES).min(MAX_TRADES),
    );
    rows(&db, &path, "trade_rows", sql, values, read_trade)
}

/// Every start of the daemon, oldest first.
pub fn sessions(dir: &Path) -> Result<Vec<SessionRecord>, LedgerError> {
    let (db, path) = (store::open_for_reading(dir, &KIND)?, KIND.path(dir));
    let sql = "SELECT *,
                 (SELECT count(*) FROM intent_rows WHERE session = s.id) AS orders,
                 (SELECT count(*) FROM fill_rows WHERE session = s.id) AS fills,
                 (SELECT count(*) FROM trade_rows WHERE session = s.id) AS trades
               FROM session_rows s ORDER BY id";
    rows(&db, &path, "session_rows", sql, [], read_session)
}

/// The last trading state with its reason; none if it never changed.
pub fn last_state(dir: &Path) -> Result<Option<StateRow>, LedgerError> {
    last_state_in(&store::open_for_reading(dir, &KIND)?, &KIND.path(dir))
}

/// Symbols with an open position or an order that has not ended, which a session must include. Empty if
/// there is no ledger yet.
pub fn open_symbols(dir: &Path) -> Result<Vec<Symbol>, LedgerError> {
    match store::open_for_reading(dir, &KIND) {
        Ok(db) => recover::open_symbols(&db, &KIND.path(dir)),
        Err(LedgerError::Absent { .. }) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Lowers the trading state of a stopped daemon to `active`, acknowledges adjustments and lifts halts of symbols. Takes the state
/// directory's lock, so that a running daemon must be asked itself.
pub fn rearm(dir: &Path, reason: &str, wall: Timestamp) -> Result<(), LedgerError> {
    let path = KIND.path(dir);
    if !path.try_exists().map_err(|error| LedgerError::io(&path, &error))? {
        return Err(LedgerError::Absent { path });
    }
    let _lock = StateLock::acquire(dir)?;
    let mut db = store::open(dir, &KIND, |_| Ok(()))?;
    store::migrate(&mut db, &path, &KIND)?;
    let step = last_step(&db, &path, wall)?;
    let row = StateRow { at: step.at, state: TradingState::Active, reason: format!("re-armed: {reason}") };
    let written = (|| {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("UPDATE adjustment_rows SET acknowledged = 1 WHERE acknowledged = 0", [])?;
        transaction.execute("DELETE FROM halt_rows", [])?;
        write::insert_state(&transaction, &step, &row)?;
        transaction.commit().map_err(write::WriteError::from)
    })();
    written.map_err(|error| error.at(&path))
}

/// A value of the table `meta`.
pub(super) fn meta(db: &Connection, path: &Path, key: &str) -> Result<String, LedgerError> {
    let found = rows(db, path, "meta", "SELECT value FROM meta WHERE key = ?1", [key], |cells| cells.get("value"))?;
    found.into_iter().next().ok_or_else(|| LedgerError::damaged(path, format!("meta has no `{key}`")))
}

pub(super) fn last_state_in(db: &Connection, path: &Path) -> Result<Option<StateRow>, LedgerError> {
    let sql = "SELECT at, state, reason FROM state_rows ORDER BY id DESC LIMIT 1";
    let mut found = rows(db, path, "state_rows", sql, [], |cells| {
        Ok(StateRow { at: cells.at("at")?, state: cells.name("state")?, reason: cells.get("reason")? })
    })?;
    Ok(found.pop())
}

/// The place of the last durable step, or of the beginning of the last session.
fn last_step(db: &Connection, path: &Path, wall: Timestamp) -> Result<write::Step, LedgerError> {
    let sql = "SELECT session, last_seq, last_at FROM account_rows
               JOIN (SELECT max(id) AS session FROM session_rows) ON session IS NOT NULL";
    let mut found = rows(db, path, "account_rows", sql, [], |cells| {
        Ok(write::Step {
            session: cells.get("session")?,
            seq: cells.number_opt("last_seq")?.unwrap_or(0),
            at: cells.at_opt("last_at")?.unwrap_or(wall),
            wall,
        })
    })?;
    found.pop().ok_or_else(|| LedgerError::Absent { path: path.to_owned() })
}

fn read_trade(cells: &Cells<'_>) -> Result<TradeRecord, LedgerError> {
    Ok(TradeRecord {
        id: cells.get("id")?,
        session: cells.get("session")?,
        symbol: cells.parse("symbol")?,
        side: cells.name("side")?,
        strategy: cells.get("strategy")?,
        entry_id: cells.parse("entry_id")?,
        qty: cells.parse("qty")?,
        entry_price: cells.parse("entry_price")?,
        exit_price: cells.parse("exit_price")?,
        opened_at: cells.at("opened_at")?,
        closed_at: cells.at("closed_at")?,
        realised: cells.parse("realised")?,
        fees: cells.parse("fees")?,
        funding: cells.parse("funding")?,
        net: cells.parse("net")?,
        exit: cells.name("exit")?,
        path_dependent: cells.get("path_dependent")?,
    })
}

fn read_session(cells: &Cells<'_>) -> Result<SessionRecord, LedgerError> {
    Ok(SessionRecord {
        id: cells.get("id")?,
        epoch: cells.get("epoch")?,
        version: cells.get("version")?,
        config_hash: cells.get("config_hash")?,
        seed: cells.number("seed")?,
        started_wall: cells.at("started_wall")?,
        ended_wall: cells.at_opt("ended_wall")?,
        ended_at: cells.at_opt("ended_at")?,
        exit: cells.get("exit")?,
        orders: cells.number("orders")?,
        fills: cells.number("fills")?,
        trades: cells.number("trades")?,
    })
}
