//! What people's side reads and may do.

use rusqlite::Connection;

use super::sample::*;
use crate::ledger::{
    Ledger, LedgerError, LockError, OUTBOX_FILE, PAPER_VENUE_FILE, SessionStart, StateLock, TradeFilter,
    WALL_CLOCK_COLUMNS, audit, compare, last_state, open_symbols, rearm, sessions, set_aside, trades,
};
use crate::protocol::{Command, Journal, TradingState};
use crate::types::{Exit, Side};

#[test]
fn views_are_readable_while_the_daemon_writes() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    super::sample::open_cash(&mut ledger, "1000".parse().unwrap());
    ledger.commit(1, at(1), at(1), &one_of_each()).unwrap();
    ledger.record_command(at(1), at(2), "socket", &Command::Pause).unwrap();
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    for (sql, expect) in [
        (
            "SELECT symbol||' '||side||' '||net||' '||closed_at||' '||exit FROM trades",
            "BTC/USDT:USDT short 2.2061 2025-01-01T00:00:20.000Z take_profit",
        ),
        (
            "SELECT symbol||' '||leg||' '||stage||' '||filled||' '||venue_order_id||' '||updated_at FROM orders",
            "BTC/USDT:USDT entry working 0.001 18446744073709551615 2025-01-01T00:00:06.000Z",
        ),
        (
            "SELECT group_concat(symbol||' '||side||' '||qty, ', ') FROM positions",
            "BTC/USDT:USDT long 0.003, ETH/USDT:USDT short -2",
        ),
        ("SELECT at||' '||cash||' '||equity||' '||drawdown FROM equity", "2025-01-01T00:01:00.000Z 1000 998.5 0.0015"),
        ("SELECT source||' '||command FROM commands", "socket pause"),
        ("SELECT cash FROM account", "1049.3972997"),
        ("SELECT rate||' '||amount FROM funding", "0.0001 -0.01"),
        ("SELECT state||' '||reason FROM states", "reduce_only drawdown"),
        ("SELECT rejected FROM signals", "cooldown"),
    ] {
        assert_eq!(db.query_row(sql, [], |row| row.get::<_, String>(0)).as_deref(), Ok(expect), "{sql}");
    }
}

#[test]
fn the_schema_describes_every_table_and_view() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    let mut statement = db.prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").unwrap();
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    for view in ["trades", "orders", "positions", "equity", "sessions", "intent_rows", "fill_rows"] {
        assert!(names.iter().any(|name| name == view), "{view}");
    }
    for (table, column) in WALL_CLOCK_COLUMNS {
        let sql = format!("SELECT count(*) FROM pragma_table_info('{table}') WHERE name = '{column}'");
        assert_eq!(db.query_row(&sql, [], |row| row.get(0)), Ok(1), "{table}.{column}");
    }
    let columns = "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c
                   WHERE m.type = 'table' AND c.name LIKE '%wall'";
    let mut statement = db.prepare(columns).unwrap();
    for column in statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap) {
        let listed = WALL_CLOCK_COLUMNS.iter().any(|(table, name)| format!("{table}.{name}") == column);
        assert!(listed, "{column} is not in WALL_CLOCK_COLUMNS");
    }
}

#[test]
fn equal_runs_compare_equal_but_for_the_wall_clock() {
    let run = |wall: i64, rows: &[Journal]| {
        let dir = tempfile::tempdir().unwrap();
        let start = SessionStart { wall: at(wall), ..start() };
        let (mut ledger, _) = Ledger::open(dir.path(), &identity(), &both(), &start).unwrap();
        super::sample::open_cash(&mut ledger, "1000".parse().unwrap());
        ledger.commit(1, at(1), at(wall), rows).unwrap();
        ledger.record_command(at(1), at(wall), "socket", &Command::Pause).unwrap();
        ledger.finish(at(1), at(wall + 3), "duration").unwrap();
        dir
    };
    let rows = one_of_each();
    let (left, right) = (run(10, &rows), run(99, &rows));
    assert_eq!(compare(left.path(), right.path()).unwrap(), []);
    let other = run(10, &[&rows[..13], &rows[14..], &[Journal::RiskMemory("{}".to_owned()), equity(61)]].concat());
    let shown: Vec<String> = compare(left.path(), other.path()).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "equity_rows, row 2: no row against a row",
            "risk_memory_rows, row 1, column memory: `{\"losses\":3}` against `{}`",
        ]
    );
}

#[test]
fn trades_are_filtered() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    let rows =
        [(10, BTC), (20, ETH), (30, BTC), (40, BTC)].map(|(closed, id)| Journal::Trade(Box::new(trade(closed, id))));
    ledger.commit(1, at(1), at(1), &rows).unwrap();
    let all = TradeFilter::default();
    let symbol = "BTC/USDT:USDT".parse().ok();
    for (filter, expect) in [
        (all.clone(), vec![1, 2, 3, 4]),
        (TradeFilter { symbol: symbol.clone(), ..all.clone() }, vec![1, 3, 4]),
        (TradeFilter { symbol, limit: Some(2), ..all.clone() }, vec![3, 4]),
        (TradeFilter { since: Some(at(20)), until: Some(at(40)), ..all.clone() }, vec![2, 3]),
        (TradeFilter { strategy: Some("trend".to_owned()), ..all.clone() }, vec![]),
    ] {
        let found: Vec<i64> = trades(dir.path(), &filter).unwrap().iter().map(|trade| trade.id).collect();
        assert_eq!(found, expect, "{filter:?}");
    }
    let first = &trades(dir.path(), &all).unwrap()[0];
    assert_eq!((first.net, first.side, first.closed_at), (trade(10, BTC).net(), Side::Sell, at(10)));
}

#[test]
fn sessions_are_listed_with_their_ends() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let (mut ledger, _) = open(dir.path());
    ledger.commit(1, at(1), at(1), &one_of_each()).unwrap();
    ledger.finish(at(90), at(91), "duration").unwrap();
    let found = sessions(dir.path()).unwrap();
    assert_eq!((found[0].id, found[0].exit.as_deref(), found[0].orders, found[0].seed), (1, None, 0, u64::MAX));
    assert_eq!((found[1].exit.as_deref(), found[1].ended_at), (Some("duration"), Some(at(90))));
    assert_eq!((found[1].orders, found[1].fills, found[1].trades), (1, 1, 1));
}

#[test]
fn rearming_needs_a_stopped_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let absent = rearm(dir.path(), "checked", at(50)).expect_err("no ledger");
    assert!(matches!(absent, LedgerError::Absent { .. }), "{absent}");
    let lock = StateLock::acquire(dir.path()).unwrap();
    let (mut ledger, _) = open(dir.path());
    ledger.commit(3, at(30), at(30), &one_of_each()).unwrap();
    drop(ledger);
    let held = rearm(dir.path(), "checked", at(50)).expect_err("a daemon runs");
    assert_eq!(held.exit(), Exit::TryLater);
    drop(lock);
    rearm(dir.path(), "checked", at(50)).unwrap();
    let state = last_state(dir.path()).unwrap().unwrap();
    assert_eq!((state.state, state.reason.as_str(), state.at), (TradingState::Active, "re-armed: checked", at(30)));
    let (_, known) = open(dir.path());
    assert!(!known.unacknowledged_adjustments && known.halts.is_empty());
    assert_eq!(known.state, Some(state));
}

#[test]
fn two_daemons_on_a_state_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = StateLock::acquire(dir.path()).unwrap();
    let error = StateLock::acquire(dir.path()).expect_err("it is held");
    assert!(matches!(error, LockError::Held { pid: Some(pid), .. } if pid == std::process::id()), "{error}");
    assert!(error.to_string().contains(&format!("pid {}", std::process::id())), "{error}");
    assert_eq!(error.exit(), Exit::TryLater);
    drop(first);
    StateLock::acquire(dir.path()).unwrap();
}

#[test]
fn open_symbols_are_known_before_opening() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(open_symbols(dir.path()).unwrap(), []);
    let (mut ledger, _) = open(dir.path());
    ledger.commit(1, at(1), at(1), &one_of_each()).unwrap();
    drop(ledger);
    let found: Vec<String> = open_symbols(dir.path()).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, ["BTC/USDT:USDT", "ETH/USDT:USDT"]);
    let only = instruments(&["BTC/USDT:USDT"]);
    let error = Ledger::open(dir.path(), &identity(), &only, &start()).expect_err("ETH is open");
    assert!(error.to_string().contains("ETH/USDT:USDT, which this session does not trade"), "{error}");
    assert_eq!(error.exit(), Exit::Configuration);
}

#[test]
fn the_audit_finds_what_does_not_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    super::sample::open_cash(&mut ledger, "1000".parse().unwrap());
    ledger.commit(1, at(1), at(1), &one_of_each()).unwrap();
    let good = audit(dir.path()).unwrap();
    assert!(good.agrees() && good.fills == 1 && good.positions.len() == 2, "{good:?}");
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    for (tamper, mend) in [
        ("UPDATE fill_rows SET fee = '0.0927004'", "UPDATE fill_rows SET fee = '0.0927003'"),
        ("UPDATE fill_rows SET side = 'sell'", "UPDATE fill_rows SET side = 'buy'"),
        ("UPDATE adjustment_rows SET qty = '-1'", "UPDATE adjustment_rows SET qty = '-2'"),
        ("UPDATE adjustment_rows SET cash = '-1'", "UPDATE adjustment_rows SET cash = '-0.5'"),
        ("UPDATE transfer_rows SET amount = '51'", "UPDATE transfer_rows SET amount = '50'"),
        ("UPDATE funding_rows SET amount = '51'", "UPDATE funding_rows SET amount = '-0.01'"),
    ] {
        db.execute_batch(tamper).unwrap();
        assert!(!audit(dir.path()).unwrap().agrees(), "{tamper}");
        db.execute_batch(mend).unwrap();
        assert!(audit(dir.path()).unwrap().agrees(), "{mend}");
    }
}

#[test]
fn setting_aside_moves_and_never_deletes() {
    let dir = tempfile::tempdir().unwrap();
    for n in 1..=2 {
        drop(open(dir.path()));
        std::fs::write(dir.path().join(PAPER_VENUE_FILE), [n]).unwrap();
        std::fs::write(dir.path().join(OUTBOX_FILE), "x").unwrap();
        std::fs::write(dir.path().join("other"), "stays").unwrap();
        let aside = set_aside(dir.path()).unwrap();
        assert_eq!(aside, dir.path().join(format!("set-aside-{n}")));
        assert_eq!(std::fs::read(aside.join(PAPER_VENUE_FILE)).unwrap(), [n]);
        assert!(aside.join("ledger.sqlite").exists() && aside.join(OUTBOX_FILE).exists());
        assert!(!dir.path().join("ledger.sqlite").exists() && dir.path().join("other").exists());
    }
    let mut live = identity();
    live.mode = "live".to_owned();
    drop(Ledger::open(dir.path(), &live, &both(), &start()).unwrap());
    let error = set_aside(dir.path()).expect_err("a live ledger stays");
    assert!(matches!(error, LedgerError::Foreign { .. }) && dir.path().join("ledger.sqlite").exists(), "{error}");
}
