//! What a run leaves, and what the next one makes of it.

use std::path::Path;

use live_trading_launcher::ledger;
use rusqlite::Connection;

use crate::bench::{Bench, PROGRAM};
use crate::support::{self, books, crash};

#[test]
fn a_restart_goes_on_where_the_last_run_ended() {
    let bench = Bench::new();
    for _ in 0..2 {
        let ended = bench.run(&[], &["--paper", "--duration", "3", "--speed", "300"]);
        assert_eq!(ended.code, Some(0), "{}", ended.text);
    }
    let state = bench.state();
    let sessions = ledger::sessions(&state).expect("the ledger opens");
    assert_eq!(sessions.iter().map(|session| session.epoch).collect::<Vec<_>>(), [1, 2]);
    assert!(sessions[1].ended_at > sessions[0].ended_at, "session time did not go on: {sessions:?}");
    assert!(sessions.iter().all(|session| session.exit.as_deref() == Some("duration")), "{sessions:?}");
    let audit = ledger::audit(&state).expect("the ledger opens");
    assert!(audit.agrees() && audit.fills > 0, "{audit:?}");
    assert_eq!(books::count(&state, "SELECT count(*) - count(DISTINCT client_id) FROM intent_rows"), 0);
    assert_eq!(books::compare(&state).accepted_twice, Vec::<String>::new());
}

#[test]
fn another_market_on_the_same_state_is_refused() {
    let bench = Bench::new();
    bench.run(&[], &["--duration", "0.5"]);
    let before = std::fs::read(bench.ledger()).expect("a ledger");
    let ended = bench.run(&[], &["--duration", "0.5", "--seed", "2"]);
    assert_eq!(ended.code, Some(78), "{}", ended.text);
    assert!(ended.text.contains("--reset-paper"), "{}", ended.text);
    assert!(before == std::fs::read(bench.ledger()).expect("a ledger"), "the refused run wrote to the ledger");
    let ended = bench.run(&[], &["--duration", "0.5", "--seed", "2", "--reset-paper"]);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
}

#[test]
fn a_damaged_ledger_is_refused_and_left_as_it_was() {
    type Damage = fn(&Path);
    let table: [(&str, Damage, &str); 4] = [
        (
            "no database",
            |path| std::fs::write(path, b"these are not the bytes of a database").expect("written"),
            "damaged",
        ),
        ("a page overwritten", overwrite_a_page, "damaged"),
        ("cut short", cut_short, "damaged"),
        ("a later version", |path| set_version(path, 99), "version 99"),
    ];
    for (name, damage, says) in table {
        let bench = Bench::new();
        assert_eq!(bench.run(&[], &["--duration", "2", "--speed", "600"]).code, Some(0));
        damage(&bench.ledger());
        let before = std::fs::read(bench.ledger()).expect("a ledger");
        let ended = bench.run(&[], &["--duration", "1"]);
        assert_eq!(ended.code, Some(78), "{name}: {}", ended.text);
        assert!(ended.text.contains(says) && ended.text.contains("ledger.sqlite"), "{name}: {}", ended.text);
        assert!(before == std::fs::read(bench.ledger()).expect("a ledger"), "{name}: the ledger was changed");
    }
}

fn overwrite_a_page(path: &Path) {
    let mut bytes = std::fs::read(path).expect("a ledger");
    assert!(bytes.len() > 8_192, "the ledger has pages");
    bytes[4_096..8_192].fill(0xa5);
    std::fs::write(path, bytes).expect("written");
}

fn cut_short(path: &Path) {
    let bytes = std::fs::read(path).expect("a ledger");
    std::fs::write(path, &bytes[..bytes.len() / 2]).expect("written");
}

fn set_version(path: &Path, version: i64) {
    let connection = Connection::open(path).expect("a ledger");
    connection.pragma_update(None, "user_version", version).expect("written");
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("written");
}

/// Rounds unless `LTL_LONG` is set.
const ROUNDS: usize = 8;
const ROUNDS_LONG: usize = 200;

#[test]
fn killed_at_any_moment_it_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    #[expect(clippy::disallowed_methods, reason = "the one variable that asks for the long form")]
    let is_long = std::env::var_os("LTL_LONG").is_some();
    let rounds = if is_long { ROUNDS_LONG } else { ROUNDS };
    let daemon = |folder: &Path, arguments: &[&str]| support::command(Path::new(PROGRAM), folder, &[], arguments);
    let counts = crash::kill_and_compare(folder.path(), rounds, 7, daemon, |_| {});
    println!("{}", counts.report());
    assert!(counts.is_clean(), "{}", counts.report());
    assert!(counts.end.fills > 0 && counts.with_a_position > 0, "hardly anything was traded: {}", counts.report());
}

#[test]
fn books_that_differ_are_told_apart() {
    let bench = Bench::new();
    let daemon = bench.start(&[], &["--speed", "300"]);
    bench.await_position();
    daemon.signal("TERM");
    assert_eq!(daemon.end().code, Some(0));
    let state = bench.state();
    let books = books::compare(&state);
    assert!(books.is_clean() && books.positions > 0, "{books:?}");
    let venue = Connection::open(state.join(ledger::PAPER_VENUE_FILE)).expect("the venue's file");
    let tamper = |sql: &str| {
        venue.execute_batch(&format!("BEGIN; {sql}; COMMIT")).expect("it can be written");
        books::compare(&state)
    };
    let undo = |sql: &str| venue.execute_batch(sql).expect("it can be written");
    let changed = tamper("UPDATE orders SET stage = 'triggered' WHERE stage = 'working'");
    assert!(!changed.without_stop.is_empty() && !changed.differences.is_empty(), "{changed:?}");
    undo("UPDATE orders SET stage = 'working' WHERE stage = 'triggered'");
    let changed = tamper("UPDATE positions SET qty = qty || '1' WHERE qty <> '0'");
    assert!(changed.differences.iter().any(|text| text.starts_with("positions")), "{changed:?}");
    let changed = tamper("UPDATE cash SET amount = '9999'");
    assert!(changed.differences.iter().any(|text| text.starts_with("cash")), "{changed:?}");
    let changed = tamper("DELETE FROM fills");
    assert!(changed.differences.iter().any(|text| text.starts_with("not at the venue")), "{changed:?}");
    let changed =
        tamper("INSERT INTO orders SELECT client_id, 999, instrument, side, stage, filled, 0 FROM orders LIMIT 1");
    assert_eq!(changed.accepted_twice.len(), 1, "{changed:?}");
}
