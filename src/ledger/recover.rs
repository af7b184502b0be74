//! What a restart must know, read back whole.

use std::collections::BTreeSet;
use std::path::Path;

use rusqlite::{Connection, Params};

use super::text::{Cells, KindColumns};
use super::{Account, LedgerError, read};
use crate::protocol::{Amount, Knowledge, OrderIntent, OrderRequest, OrderRow, PositionRow, Recovered, Trailing};
use crate::types::{InstrumentId, Instruments, Span, Symbol, Timestamp, TradeId, VenueOrderId};

/// Ended orders are given back for so long: a venue may still report on them.
const ENDED_ORDERS_FOR: Span = Span::DAY;
/// Trade ids given back for each instrument: five full pages of a venue's trade list (1,000 on Binance), more
/// than the overlap that is asked for after a restart.
const RECENT_TRADES: u32 = 5_000;
/// Funding ids given back for each instrument: over a month of them at one every eight hours.
const RECENT_FUNDINGS: u32 = 100;
/// Transfer ids given back: far more than anybody makes in the time that a venue is asked for.
const RECENT_TRANSFERS: u32 = 100;

/// Reads everything. An open order or position in an instrument that the session lacks is an error; what is
/// merely history of such an instrument is left out.
pub(super) fn recover(
    db: &Connection,
    path: &Path,
    instruments: &Instruments,
) -> Result<(Account, Recovered), LedgerError> {
    let (account, last_at) = read_account(db, path)?;
    let missing: Vec<String> = (open_symbols(db, path)?.iter())
        .filter(|symbol| instruments.find(symbol).is_none())
        .map(Symbol::to_string)
        .collect();
    if !missing.is_empty() {
        return Err(LedgerError::MissingSymbols { path: path.to_owned(), symbols: missing });
    }
    let recovered = Recovered {
        epoch: 0,
        orders: read_orders(db, path, instruments, last_at.unwrap_or(Timestamp::EPOCH) - ENDED_ORDERS_FOR)?,
        positions: read_positions(db, path, instruments)?,
        trade_ids: recent(db, path, instruments, "fill_rows", "trade_id", RECENT_TRADES)?
            .into_iter()
            .map(|(instrument, id)| (instrument, TradeId(id)))
            .collect(),
        funding_ids: recent(db, path, instruments, "funding_rows", "funding_id", RECENT_FUNDINGS)?,
        transfer_ids: recent_transfers(db, path)?,
        cash: account.cash(),
        state: read::last_state_in(db, path)?,
        risk_memory: rows(db, path, "risk_memory_rows", "SELECT memory FROM risk_memory_rows", [], |cells| {
            cells.get("memory")
        })?
        .pop(),
        halts: read_halts(db, path, instruments)?,
        unacknowledged_adjustments: unacknowledged(db, path)?,
        last_at,
    };
    Ok((account, recovered))
}

/// Every row of a query, each turned by `read`.
pub(super) fn rows<T>(
    db: &Connection,
    path: &Path,
    table: &'static str,
    sql: &str,
    values: impl Params,
    read: impl Fn(&Cells<'_>) -> Result<T, LedgerError>,
) -> Result<Vec<T>, LedgerError> {
    let mut all = Vec::new();
    each(db, path, table, sql, values, |cells| {
        all.push(read(cells)?);
        Ok(())
    })?;
    Ok(all)
}

/// Every row of a query in turn, however many there are.
pub(super) fn each(
    db: &Connection,
    path: &Path,
    table: &'static str,
    sql: &str,
    values: impl Params,
    mut read: impl FnMut(&Cells<'_>) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    let failed = |error: rusqlite::Error| LedgerError::reading(path, &error);
    let mut statement = db.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        read(&Cells { row, path, table })?;
    }
    Ok(())
}

/// The wallet, and session time of the last durable fact.
pub(super) fn read_account(db: &Connection, path: &Path) -> Result<(Account, Option<Timestamp>), LedgerError> {
    let sql = "SELECT opening, moved, cash, last_at FROM account_rows";
    let mut found = rows(db, path, "account_rows", sql, [], |cells| {
        let account = Account { opening: cells.parse_opt("opening")?, moved: cells.parse("moved")? };
        if account.cash() != cells.parse_opt("cash")? {
            return Err(cells.bad("cash", "it is not opening + moved"));
        }
        Ok((account, cells.at_opt("last_at")?))
    })?;
    found.pop().ok_or_else(|| LedgerError::damaged(path, "account_rows is empty"))
}

/// In the order of the symbols' names.
fn read_halts(
    db: &Connection,
    path: &Path,
    instruments: &Instruments,
) -> Result<Vec<(InstrumentId, String)>, LedgerError> {
    let sql = "SELECT symbol, reason FROM halt_rows ORDER BY symbol";
    let halts = rows(db, path, "halt_rows", sql, [], |cells| {
        let reason: String = cells.get("reason")?;
        Ok(find(cells, instruments)?.map(|instrument| (instrument, reason)))
    })?;
    Ok(halts.into_iter().flatten().collect())
}

fn unacknowledged(db: &Connection, path: &Path) -> Result<bool, LedgerError> {
    let sql = "SELECT 1 FROM adjustment_rows WHERE acknowledged = 0 LIMIT 1";
    rows(db, path, "adjustment_rows", sql, [], |_| Ok(())).map(|found| !found.is_empty())
}

fn read_orders(
    db: &Connection,
    path: &Path,
    instruments: &Instruments,
    ended_since: Timestamp,
) -> Result<Vec<OrderRow>, LedgerError> {
    let sql = "SELECT * FROM intent_rows i JOIN order_rows o USING (client_id)
               WHERE o.client_id IN (SELECT client_id FROM order_rows WHERE ended = 0
                                     UNION SELECT client_id FROM order_rows WHERE updated_at >= ?1)
               ORDER BY i.id";
    let orders = rows(db, path, "orders", sql, [ended_since.as_nanos()], |cells| {
        find(cells, instruments)?.map(|instrument| read_order(cells, instrument)).transpose()
    })?;
    Ok(orders.into_iter().flatten().collect())
}

fn read_order(cells: &Cells<'_>, instrument: InstrumentId) -> Result<OrderRow, LedgerError> {
    let request = OrderRequest {
        client_id: cells.parse("client_id")?,
        instrument,
        side: cells.name("side")?,
        position_side: cells.name("position_side")?,
        kind: KindColumns::read(cells)?,
        amount: cells.parse_opt("qty")?.map_or(Amount::ClosePosition, Amount::Qty),
        reduce_only: cells.get("reduce_only")?,
    };
    let intent = OrderIntent {
        request,
        leg: cells.name("leg")?,
        strategy: cells.get("strategy")?,
        reason: cells.get("reason")?,
        decided_at: cells.at("decided_at")?,
        reference_price: cells.parse("reference_price")?,
        plan: cells
            .get::<Option<String>>("plan")?
            .map(|text| serde_json::from_str(&text).map_err(|error| cells.bad("plan", error)))
            .transpose()?,
    };
    let reject_reason: Option<String> = cells.get("reject_reason")?;
    Ok(OrderRow {
        intent,
        venue_order_id: cells.number_opt("venue_order_id")?.map(VenueOrderId),
        stage: cells.name("stage")?,
        knowledge: cells.at_opt("unknown_since")?.map_or(Knowledge::Known, |since| Knowledge::Unknown { since }),
        cancel_pending: cells.get("cancel_pending")?,
        filled: cells.parse("filled")?,
        filled_notional: cells.parse("filled_notional")?,
        reject: cells.get::<Option<i64>>("reject_code")?.map(|code| (code, reject_reason.unwrap_or_default())),
        updated_at: cells.at("updated_at")?,
    })
}

fn read_positions(db: &Connection, path: &Path, instruments: &Instruments) -> Result<Vec<PositionRow>, LedgerError> {
    let sql = "SELECT * FROM position_rows ORDER BY symbol";
    let found = rows(db, path, "position_rows", sql, [], |cells| {
        find(cells, instruments)?.map(|instrument| read_position(cells, instrument)).transpose()
    })?;
    let mut positions: Vec<PositionRow> = found.into_iter().flatten().collect();
    positions.sort_by_key(|position| position.instrument);
    Ok(positions)
}

fn read_position(cells: &Cells<'_>, instrument: InstrumentId) -> Result<PositionRow, LedgerError> {
    let trailing = match cells.parse_opt("trailing_activation")? {
        Some(activation) => Some(Trailing {
            activation,
            distance: cells.parse("trailing_distance")?,
            min_move: cells.parse("trailing_min_move")?,
        }),
        None => None,
    };
    Ok(PositionRow {
        instrument,
        qty: cells.parse("qty")?,
        cost: cells.parse("cost")?,
        entry_price: cells.parse("entry_price")?,
        opened_at: cells.at("opened_at")?,
        strategy: cells.get("strategy")?,
        entry_id: cells.parse("entry_id")?,
        stop: cells.parse_opt("stop")?,
        take_profit: cells.parse_opt("take_profit")?,
        trailing,
        best_price: cells.parse("best_price")?,
        max_qty: cells.parse("max_qty")?,
        realised: cells.parse("realised")?,
        fees: cells.parse("fees")?,
        funding: cells.parse("funding")?,
    })
}

/// The newest numbers of each instrument, oldest first.
fn recent(
    db: &Connection,
    path: &Path,
    instruments: &Instruments,
    table: &'static str,
    column: &'static str,
    limit: u32,
) -> Result<Vec<(InstrumentId, u64)>, LedgerError> {
    let sql = format!("SELECT {column} FROM {table} WHERE symbol = ?1 ORDER BY id DESC LIMIT {limit}");
    let mut all = Vec::new();
    for (instrument, rules) in instruments.iter() {
        let newest = rows(db, path, table, &sql, [rules.symbol.as_str()], |cells| cells.number(column))?;
        all.extend(newest.into_iter().rev().map(|id| (instrument, id)));
    }
    Ok(all)
}

/// The newest transfers, oldest first.
fn recent_transfers(db: &Connection, path: &Path) -> Result<Vec<u64>, LedgerError> {
    let sql = format!("SELECT transfer_id FROM transfer_rows ORDER BY id DESC LIMIT {RECENT_TRANSFERS}");
    let mut newest = rows(db, path, "transfer_rows", &sql, [], |cells| cells.number("transfer_id"))?;
    newest.reverse();
    Ok(newest)
}

/// The session's id of a row's symbol, if it has that instrument.
fn find(cells: &Cells<'_>, instruments: &Instruments) -> Result<Option<InstrumentId>, LedgerError> {
    cells.parse::<Symbol>("symbol").map(|symbol| instruments.find(&symbol))
}

/// Symbols with an open position or an order that has not ended, in alphabetical order.
pub(super) fn open_symbols(db: &Connection, path: &Path) -> Result<Vec<Symbol>, LedgerError> {
    let sql = "SELECT symbol FROM position_rows UNION
               SELECT symbol FROM order_rows JOIN intent_rows USING (client_id) WHERE ended = 0";
    let found = rows(db, path, "positions and orders", sql, [], |cells| cells.parse("symbol"))?;
    Ok(BTreeSet::from_iter(found).into_iter().collect())
}
