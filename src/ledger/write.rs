//! One row of the journal, one statement or two.

use std::path::Path;

use rusqlite::{Connection, Transaction, params};

use super::text::{KindColumns, number, position_side, text, text_of};
use super::{Account, Identity, LedgerError, SessionStart};
use crate::protocol::{
    Amount, Command, DoneReason, EquityRow, FeeInKind, Fill, FundingPayment, Journal, Knowledge, OrderIntent, OrderRow,
    PositionRow, ShadowRow, SignalRow, Stage, StateRow, TradeRow, TradingState,
};
use crate::types::{InstrumentId, Qty, Symbol, Timestamp, Usdt};

/// Which step writes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) session: i64,
    pub(super) seq: u64,
    pub(super) at: Timestamp,
    pub(super) wall: Timestamp,
}

/// Why a write failed.
#[derive(Debug)]
pub(super) enum WriteError {
    Sqlite(rusqlite::Error),
    /// An instrument that is not of the session's table.
    Instrument(InstrumentId),
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> WriteError {
        WriteError::Sqlite(error)
    }
}

impl WriteError {
    pub(super) fn at(&self, path: &Path) -> LedgerError {
        match self {
            WriteError::Sqlite(error) => LedgerError::sqlite(path, error),
            WriteError::Instrument(id) => LedgerError::Contradiction {
                path: path.to_owned(),
                why: format!("instrument {id:?} is not of this session"),
            },
        }
    }
}

type Written = Result<(), WriteError>;

/// The rows that a new ledger is born with.
pub(super) fn birth(transaction: &Transaction<'_>, identity: &Identity, start: &SessionStart) -> rusqlite::Result<()> {
    let instance = String::from_utf8_lossy(&start.instance).into_owned();
    let created = start.wall.as_nanos().to_string();
    let pairs = [
        ("mode", &identity.mode),
        ("venue", &identity.venue),
        ("account", &identity.account),
        ("instance", &instance),
        ("created_wall", &created),
    ];
    for (key, value) in pairs {
        transaction.execute("INSERT INTO meta (key, value) VALUES (?1, ?2)", params![key, value])?;
    }
    transaction.execute("INSERT INTO account_rows (id, moved) VALUES (1, '0')", []).map(|_| ())
}

/// Writes one row and moves the wallet with it.
pub(super) fn journal(
    db: &Connection,
    symbols: &[Symbol],
    step: &Step,
    row: &Journal,
    wallet: &mut Account,
) -> Written {
    let symbol = |id: InstrumentId| symbols.get(id.index()).map(Symbol::as_str).ok_or(WriteError::Instrument(id));
    match row {
        Journal::Intent(intent) => {
            insert_intent(db, symbol(intent.request.instrument)?, step, intent, false)?;
            upsert_order(db, step, &fresh_order(intent))
        }
        Journal::Order(order) => write_order(db, symbol(order.intent.request.instrument)?, step, order),
        Journal::Fill { fill, realised, position } => {
            wallet.moved += *realised - fill.fee;
            insert_fill(db, symbol(fill.instrument)?, step, fill, *realised, *position)
        }
        Journal::Position(position) => write_position(db, symbol(position.instrument)?, step, position),
        Journal::Trade(trade) => insert_trade(db, symbol(trade.instrument)?, step, trade),
        Journal::Funding(payment) => {
            wallet.moved += payment.amount;
            insert_funding(db, symbol(payment.instrument)?, step, payment)
        }
        Journal::OpeningCash(balance) => {
            if wallet.opening.is_some() {
                return Ok(());
            }
            wallet.opening = Some(*balance - wallet.moved);
            opening(db, *wallet)
        }
        Journal::Transfer { id, amount } => {
            wallet.moved += *amount;
            insert_transfer(db, step, *id, *amount)
        }
        Journal::Adjustment { id, instrument, qty, cash, reason } => {
            wallet.moved += *cash;
            insert_adjustment(db, instrument.map(symbol).transpose()?, step, (id, *qty, *cash, reason))
        }
        Journal::Equity(equity) => insert_equity(db, step, equity),
        Journal::Signal(signal) => insert_signal(db, symbol(signal.instrument)?, step, signal),
        Journal::State(state) => insert_state(db, step, state),
        Journal::RiskMemory(memory) => {
            execute(db, "INSERT OR REPLACE INTO risk_memory_rows (id, memory) VALUES (1, ?1)", params![memory])
        }
        Journal::Shadow(row) => write_shadow(db, step, row),
        Journal::FeeInKind(fee) => insert_fee_in_kind(db, symbol(fee.instrument)?, step, fee),
        Journal::Halt { instrument, reason } => write_halt(db, symbol(*instrument)?, step, reason.as_deref()),
    }
}

/// The wallet and the place of the last durable step.
pub(super) fn account(db: &Connection, step: &Step, wallet: Account) -> Written {
    let sql = "UPDATE account_rows SET moved = ?1, cash = ?2, last_session = ?3, last_seq = ?4,
               last_at = max(?5, ifnull(last_at, ?5))";
    let place = (step.session, number(step.seq), step.at.as_nanos());
    execute(db, sql, params![text(wallet.moved), text_of(wallet.cash()), place.0, place.1, place.2])
}

pub(super) fn opening(db: &Connection, wallet: Account) -> Written {
    let sql = "UPDATE account_rows SET opening = ?1, cash = ?2";
    execute(db, sql, params![text_of(wallet.opening), text_of(wallet.cash())])
}

pub(super) fn command(
    db: &Connection,
    session: i64,
    at: Timestamp,
    wall: Timestamp,
    source: &str,
    command: &Command,
) -> Written {
    let sql = "INSERT INTO command_rows (session, at, source, command, asked_wall) VALUES (?1, ?2, ?3, ?4, ?5)";
    execute(db, sql, params![session, at.as_nanos(), source, command_text(command), wall.as_nanos()])
}

/// A change of the trading state. Back to `active` from `reduce_only` or above is a person's doing (a re-arm),
/// and takes note of the adjustments made until then.
pub(super) fn insert_state(db: &Connection, step: &Step, row: &StateRow) -> Written {
    if row.state == TradingState::Active {
        let rearmed = "UPDATE adjustment_rows SET acknowledged = 1 WHERE acknowledged = 0 AND
                       (SELECT state FROM state_rows ORDER BY id DESC LIMIT 1) IN ('reduce_only', 'halted')";
        execute(db, rearmed, [])?;
    }
    let sql = "INSERT INTO state_rows (session, seq, at, state, reason, changed_wall) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let values = params![
        step.session,
        number(step.seq),
        row.at.as_nanos(),
        row.state.as_str(),
        row.reason,
        step.wall.as_nanos()
    ];
    execute(db, sql, values)
}

/// An order that was written by an earlier session and followed again by this one is told of once, as it was last.
fn write_shadow(db: &Connection, step: &Step, row: &ShadowRow) -> Written {
    let sql =
        "INSERT OR REPLACE INTO shadow_rows (client_id, session, sent_at, live_end, live_qty, live_price, live_fee,
               live_at, paper_end, paper_qty, paper_price, paper_fee, paper_at, price_cost, fee_cost, delay)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let (live, paper, gap) = (&row.live, &row.paper, row.gap());
    let values = params![
        row.client_id.as_str(),
        step.session,
        row.sent_at.as_nanos(),
        live.end.map(DoneReason::as_str),
        text(live.filled),
        text_of(live.price()),
        text(live.fee),
        live.at.map(Timestamp::as_nanos),
        paper.end.map(DoneReason::as_str),
        text(paper.filled),
        text_of(paper.price()),
        text(paper.fee),
        paper.at.map(Timestamp::as_nanos),
        text_of(gap.map(|gap| gap.price)),
        text_of(gap.and_then(|gap| gap.fee)),
        gap.map(|gap| gap.delay.as_nanos()),
    ];
    execute(db, sql, values)
}

fn write_halt(db: &Connection, symbol: &str, step: &Step, reason: Option<&str>) -> Written {
    let Some(reason) = reason else { return execute(db, "DELETE FROM halt_rows WHERE symbol = ?1", params![symbol]) };
    let sql = "INSERT OR REPLACE INTO halt_rows (symbol, session, seq, at, reason) VALUES (?1, ?2, ?3, ?4, ?5)";
    execute(db, sql, params![symbol, step.session, number(step.seq), step.at.as_nanos(), reason])
}

fn execute(db: &Connection, sql: &str, values: impl rusqlite::Params) -> Written {
    db.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn command_text(command: &Command) -> String {
    match command {
        Command::Pause => "pause".to_owned(),
        Command::Resume => "resume".to_owned(),
        Command::Raise { state, reason } => format!("raise to {}: {reason}", state.as_str()),
        Command::Rearm { reason } => format!("rearm: {reason}"),
        Command::Close { instrument: Some(id) } => format!("close instrument {id:?}"),
        Command::Close { instrument: None } => "close all".to_owned(),
        Command::Shutdown { flatten: true, reason } => format!("flatten and shut down: {reason}"),
        Command::Shutdown { flatten: false, reason } => format!("shut down: {reason}"),
    }
}

fn insert_intent(db: &Connection, symbol: &str, step: &Step, intent: &OrderIntent, adopted: bool) -> Written {
    let sql = "INSERT INTO intent_rows (client_id, session, seq, symbol, side, position_side, kind, price, tif,
               trigger_price, trigger_by, qty, reduce_only, leg, strategy, reason, decided_at, reference_price, plan,
               adopted, decided_wall)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";
    let request = &intent.request;
    let kind = KindColumns::of(&request.kind);
    let qty = match request.amount {
        Amount::Qty(qty) => Some(qty),
        Amount::ClosePosition => None,
    };
    let values = params![
        request.client_id.as_str(),
        step.session,
        number(step.seq),
        symbol,
        request.side.as_str(),
        position_side(request.position_side),
        kind.kind,
        text_of(kind.price),
        kind.tif,
        text_of(kind.trigger_price),
        kind.trigger_by,
        text_of(qty),
        request.reduce_only,
        intent.leg.as_str(),
        intent.strategy,
        intent.reason,
        intent.decided_at.as_nanos(),
        text(intent.reference_price),
        intent.plan.and_then(|plan| serde_json::to_string(&plan).ok()),
        adopted,
        step.wall.as_nanos(),
    ];
    execute(db, sql, values)
}

/// What is known of an order the moment it is decided.
fn fresh_order(intent: &OrderIntent) -> OrderRow {
    OrderRow {
        intent: intent.clone(),
        venue_order_id: None,
        stage: Stage::Intended,
        knowledge: Knowledge::Known,
        cancel_pending: false,
        filled: Qty::ZERO,
        filled_notional: Usdt::ZERO,
        reject: None,
        updated_at: intent.decided_at,
    }
}

/// Brings an order's row up to date. An order without an intent of ours was found at the venue: it is adopted.
fn write_order(db: &Connection, symbol: &str, step: &Step, order: &OrderRow) -> Written {
    let client_id = order.intent.request.client_id;
    let known = db.prepare_cached("SELECT 1 FROM intent_rows WHERE client_id = ?1")?.exists([client_id.as_str()])?;
    if !known {
        insert_intent(db, symbol, step, &order.intent, true)?;
    }
    upsert_order(db, step, order)
}

fn upsert_order(db: &Connection, step: &Step, order: &OrderRow) -> Written {
    let sql = "INSERT INTO order_rows (client_id, venue_order_id, stage, ended, unknown_since, cancel_pending, filled,
               filled_notional, reject_code, reject_reason, updated_at, updated_wall)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
               ON CONFLICT (client_id) DO UPDATE SET venue_order_id = excluded.venue_order_id, stage = excluded.stage,
               ended = excluded.ended, unknown_since = excluded.unknown_since, cancel_pending = excluded.cancel_pending,
               filled = excluded.filled, filled_notional = excluded.filled_notional, reject_code = excluded.reject_code,
               reject_reason = excluded.reject_reason, updated_at = excluded.updated_at,
               updated_wall = excluded.updated_wall";
    let unknown_since = match order.knowledge {
        Knowledge::Known => None,
        Knowledge::Unknown { since } => Some(since.as_nanos()),
    };
    let values = params![
        order.intent.request.client_id.as_str(),
        order.venue_order_id.map(|id| number(id.0)),
        order.stage.as_str(),
        matches!(order.stage, Stage::Done(_)),
        unknown_since,
        order.cancel_pending,
        text(order.filled),
        text(order.filled_notional),
        order.reject.as_ref().map(|(code, _)| *code),
        order.reject.as_ref().map(|(_, reason)| reason),
        order.updated_at.as_nanos(),
        step.wall.as_nanos(),
    ];
    execute(db, sql, values)
}

fn insert_fill(db: &Connection, symbol: &str, step: &Step, fill: &Fill, realised: Usdt, position: Qty) -> Written {
    let sql = "INSERT INTO fill_rows (session, seq, symbol, trade_id, client_id, position_side, side, price, qty, fee,
               maker, at, path_dependent, realised, position, booked_wall)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let values = params![
        step.session,
        number(step.seq),
        symbol,
        number(fill.trade_id.0),
        fill.client_id.as_str(),
        position_side(fill.position_side),
        fill.side.as_str(),
        text(fill.price),
        text(fill.qty),
        text(fill.fee),
        fill.maker,
        fill.at.as_nanos(),
        fill.path_dependent,
        text(realised),
        text(position),
        step.wall.as_nanos(),
    ];
    execute(db, sql, values)
}

fn write_position(db: &Connection, symbol: &str, step: &Step, row: &PositionRow) -> Written {
    if row.qty.is_zero() {
        return execute(db, "DELETE FROM position_rows WHERE symbol = ?1", [symbol]);
    }
    let sql =
        "INSERT OR REPLACE INTO position_rows (symbol, qty, cost, entry_price, opened_at, strategy, entry_id, stop,
               take_profit, trailing_activation, trailing_distance, trailing_min_move, best_price, max_qty, realised,
               fees, funding, updated_wall)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
    let values = params![
        symbol,
        text(row.qty),
        text(row.cost),
        text(row.entry_price),
        row.opened_at.as_nanos(),
        row.strategy,
        row.entry_id.as_str(),
        text_of(row.stop),
        text_of(row.take_profit),
        text_of(row.trailing.map(|trailing| trailing.activation)),
        text_of(row.trailing.map(|trailing| trailing.distance)),
        text_of(row.trailing.map(|trailing| trailing.min_move)),
        text(row.best_price),
        text(row.max_qty),
        text(row.realised),
        text(row.fees),
        text(row.funding),
        step.wall.as_nanos(),
    ];
    execute(db, sql, values)
}

fn insert_trade(db: &Connection, symbol: &str, step: &Step, row: &TradeRow) -> Written {
    let sql = "INSERT INTO trade_rows (session, seq, symbol, side, strategy, entry_id, qty, entry_price, exit_price,
               opened_at, closed_at, realised, fees, funding, net, exit, path_dependent)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";
    let values = params![
        step.session,
        number(step.seq),
        symbol,
        row.side.as_str(),
        row.strategy,
        row.entry_id.as_str(),
        text(row.qty),
        text(row.entry_price),
        text(row.exit_price),
        row.opened_at.as_nanos(),
        row.closed_at.as_nanos(),
        text(row.realised),
        text(row.fees),
        text(row.funding),
        text(row.net()),
        row.exit.as_str(),
        row.path_dependent,
    ];
    execute(db, sql, values)
}

fn insert_funding(db: &Connection, symbol: &str, step: &Step, payment: &FundingPayment) -> Written {
    let sql = "INSERT INTO funding_rows (session, seq, symbol, funding_id, rate, amount, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = params![
        step.session,
        number(step.seq),
        symbol,
        number(payment.id),
        payment.rate.decimal(),
        text(payment.amount),
        payment.at.as_nanos(),
    ];
    execute(db, sql, values)
}

/// A fee whose trade was not written before the process was killed is told again.
fn insert_fee_in_kind(db: &Connection, symbol: &str, step: &Step, fee: &FeeInKind) -> Written {
    let sql = "INSERT OR IGNORE INTO fee_in_kind_rows (session, seq, symbol, trade_id, client_id, asset, amount, at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let values = params![
        step.session,
        number(step.seq),
        symbol,
        number(fee.trade_id.0),
        fee.client_id.as_str(),
        fee.asset,
        text(fee.amount),
        fee.at.as_nanos(),
    ];
    execute(db, sql, values)
}

fn insert_transfer(db: &Connection, step: &Step, id: u64, amount: Usdt) -> Written {
    let sql = "INSERT INTO transfer_rows (session, seq, transfer_id, amount, at) VALUES (?1, ?2, ?3, ?4, ?5)";
    execute(db, sql, params![step.session, number(step.seq), number(id), text(amount), step.at.as_nanos()])
}

fn insert_adjustment(
    db: &Connection,
    symbol: Option<&str>,
    step: &Step,
    (id, qty, cash, reason): (&str, Qty, Usdt, &str),
) -> Written {
    let sql = "INSERT INTO adjustment_rows (session, seq, adjustment_id, symbol, qty, cash, reason, at, acknowledged)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)";
    let seq = number(step.seq);
    execute(db, sql, params![step.session, seq, id, symbol, text(qty), text(cash), reason, step.at.as_nanos()])
}

fn insert_equity(db: &Connection, step: &Step, row: &EquityRow) -> Written {
    let sql = "INSERT INTO equity_rows (session, at, cash, unrealised, equity, peak, drawdown)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = params![
        step.session,
        row.at.as_nanos(),
        text(row.cash),
        text(row.unrealised),
        text(row.cash + row.unrealised),
        text(row.peak),
        row.drawdown().decimal(),
    ];
    execute(db, sql, values)
}

fn insert_signal(db: &Connection, symbol: &str, step: &Step, row: &SignalRow) -> Written {
    let sql = "INSERT INTO signal_rows (session, seq, at, symbol, strategy, side, entry, stop, take_profit, reason,
               rejected) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    let values = params![
        step.session,
        number(step.seq),
        row.at.as_nanos(),
        symbol,
        row.strategy,
        row.side.as_str(),
        text(row.entry),
        text(row.stop),
        text_of(row.take_profit),
        row.reason,
        row.rejected,
    ];
    execute(db, sql, values)
}
