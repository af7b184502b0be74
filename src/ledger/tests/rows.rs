//! What is committed comes back, once.

use proptest::prelude::*;
use rusqlite::Connection;

use super::sample::*;
use crate::ledger::{EpochRule, Ledger, LedgerError, SessionStart, audit};
use crate::protocol::{Amount, Course, DoneReason, Journal, OrderRow, ShadowRow, Stage, TradingState};
use crate::types::{Exit, Qty, Side, Span, Timestamp, TradeId, Usdt};

#[test]
fn a_restart_knows_everything() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, first) = open(dir.path());
    assert_eq!((first.epoch, first.cash, first.last_at), (1, None, None));
    let stats = ledger.commit(4, at(30), at(31), &one_of_each()).unwrap();
    assert_eq!((stats.rows, stats.cash), (16, None));
    assert!(super::sample::open_cash(&mut ledger, "1049.3972997".parse().unwrap()));
    drop(ledger);

    let (ledger, known) = open(dir.path());
    assert_eq!((known.epoch, ledger.session(), ledger.instance()), (2, 2, *b"a1"));
    assert_eq!(known.orders, vec![working(&market(1))]);
    assert_eq!(known.positions, vec![position(BTC, "0.003", true), position(ETH, "-2", false)]);
    assert_eq!(known.trade_ids, vec![(BTC, TradeId(1))]);
    assert_eq!(known.funding_ids, vec![(ETH, 7)]);
    assert_eq!(known.transfer_ids, vec![9]);
    assert_eq!(known.cash.map(|cash| cash.to_string()).as_deref(), Some("1049.3972997"));
    assert_eq!(known.state.map(|row| (row.state, row.at)), Some((TradingState::ReduceOnly, at(9))));
    assert_eq!(known.risk_memory.as_deref(), Some("{\"losses\":3}"));
    assert_eq!(known.halts, vec![(ETH, "a fill too many".to_owned())]);
    assert_eq!((known.unacknowledged_adjustments, known.last_at), (true, Some(at(30))));
}

#[test]
fn a_halt_of_a_symbol_stays_until_it_is_lifted() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    let halt = |instrument, reason: Option<&str>| Journal::Halt { instrument, reason: reason.map(str::to_owned) };
    let rows = [halt(BTC, Some("one")), halt(ETH, Some("two")), halt(BTC, Some("three"))];
    ledger.commit(1, at(1), at(1), &rows).unwrap();
    drop(ledger);
    let (mut ledger, known) = open(dir.path());
    assert_eq!(known.halts, vec![(BTC, "three".to_owned()), (ETH, "two".to_owned())]);
    ledger.commit(2, at(2), at(2), &[halt(BTC, None)]).unwrap();
    drop(ledger);
    assert_eq!(open(dir.path()).1.halts, vec![(ETH, "two".to_owned())]);
}

#[test]
fn a_ledger_of_the_first_version_is_brought_forward() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    ledger.commit(1, at(1), at(1), &one_of_each()).unwrap();
    drop(ledger);
    let db = Connection::open(dir.path().join(crate::ledger::LEDGER_FILE)).unwrap();
    db.execute_batch("DROP VIEW halts; DROP TABLE halt_rows; DROP VIEW shadows; DROP TABLE shadow_rows; DROP VIEW fees_in_kind; DROP TABLE fee_in_kind_rows; PRAGMA user_version = 1").unwrap();
    drop(db);
    let (mut ledger, known) = open(dir.path());
    assert_eq!((known.halts.len(), known.positions.len()), (0, 2));
    ledger.commit(2, at(2), at(2), &[Journal::Halt { instrument: BTC, reason: Some("one".to_owned()) }]).unwrap();
    ledger.commit(3, at(3), at(3), &[Journal::Shadow(Box::new(shadow(1)))]).unwrap();
    drop(ledger);
    assert_eq!(open(dir.path()).1.halts.len(), 1);
}

#[test]
fn an_order_beside_paper_is_told_of_once_as_it_was_last() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    ledger.commit(1, at(1), at(1), &[Journal::Intent(Box::new(market(1)))]).unwrap();
    let unfilled = ShadowRow { live: Course::default(), ..shadow(1) };
    // One whose intent is not known holds nothing up: what is told of it is told.
    for row in [unfilled, shadow(1), shadow(2)] {
        ledger.commit(2, at(2), at(2), &[Journal::Shadow(Box::new(row))]).unwrap();
    }
    let db = &ledger.connection;
    let sql =
        "SELECT symbol, leg, live_price, paper_price, price_cost, fee_cost, delay_ms FROM shadows ORDER BY client_id";
    let mut query = db.prepare(sql).unwrap();
    let text = |row: &rusqlite::Row<'_>, at| row.get::<_, Option<String>>(at).map(Option::unwrap_or_default);
    let rows = query.query_map([], |row| {
        let texts = (0..6).map(|at| text(row, at)).collect::<Result<Vec<_>, _>>()?;
        Ok((texts.join(" "), row.get::<_, f64>(6)?))
    });
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(
        rows,
        [("BTC/USDT:USDT entry 1001 1000 0.5 0.02".to_owned(), 200.0), ("  1001 1000 0.5 0.02".to_owned(), 200.0),]
    );
}

#[test]
fn a_fee_in_another_asset_is_written_once_and_moves_no_cash() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    assert!(super::sample::open_cash(&mut ledger, Usdt::whole(1_000)));
    for seq in 1..3 {
        let stats = ledger.commit(seq, at(2), at(2), &[fee_in_kind(7, "0.0012")]).unwrap();
        assert_eq!(stats.cash, Some(Usdt::whole(1_000)));
    }
    let sql = "SELECT group_concat(symbol || ' ' || trade_id || ' ' || asset || ' ' || amount) FROM fees_in_kind";
    let told = ledger.connection.query_row(sql, [], |row| row.get::<_, String>(0));
    assert_eq!(told.as_deref(), Ok("BTC/USDT:USDT 7 BNB 0.0012"));
    assert!(audit(dir.path()).unwrap().agrees());
}

#[test]
fn a_commit_survives_a_power_cut_and_blocks_no_reader() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path());
    let pragma = |name| ledger.connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
    assert_eq!(pragma("synchronous"), Ok(2.into()), "2 is FULL");
    assert_eq!(pragma("journal_mode"), Ok("wal".to_owned().into()));
    assert_eq!(pragma("foreign_keys"), Ok(1.into()));
}

#[test]
fn every_order_comes_back_as_it_went() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    let mut expect = Vec::new();
    for (sequence, kind) in (1..).zip(every_kind()) {
        for (offset, amount) in [(0, Amount::ClosePosition), (100, Amount::Qty(Qty::EPSILON))] {
            let intent = intent(sequence + offset, kind, amount);
            ledger.commit(1, at(1), at(1), &[Journal::Intent(Box::new(intent.clone()))]).unwrap();
            expect.push(fresh(&intent));
        }
    }
    drop(ledger);
    assert_eq!(open(dir.path()).1.orders, expect);
}

#[test]
fn ended_orders_are_known_for_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    let end = at(0) + Span::DAY * 3;
    let ended = |sequence: u32, updated_at: Timestamp, reason| OrderRow {
        stage: Stage::Done(reason),
        updated_at,
        ..fresh(&market(sequence))
    };
    let rows = [
        ended(1, end - Span::DAY - Span::SECOND, DoneReason::Filled),
        ended(2, end - Span::DAY, DoneReason::Canceled),
        OrderRow { updated_at: at(0), ..working(&market(3)) },
        ended(4, end, DoneReason::Absent),
    ];
    for row in &rows {
        let both = [Journal::Intent(Box::new(row.intent.clone())), Journal::Order(Box::new(row.clone()))];
        ledger.commit(1, end, end, &both).unwrap();
    }
    drop(ledger);
    assert_eq!(open(dir.path()).1.orders, rows[1..]);
}

#[test]
fn an_order_found_at_the_venue_is_adopted() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    ledger.commit(1, at(1), at(1), &[Journal::Order(Box::new(working(&market(9))))]).unwrap();
    ledger
        .commit(2, at(6), at(2), &[Journal::Order(Box::new(OrderRow { cancel_pending: false, ..working(&market(9)) }))])
        .unwrap();
    drop(ledger);
    assert_eq!(open(dir.path()).1.orders, vec![OrderRow { cancel_pending: false, ..working(&market(9)) }]);
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    assert_eq!(db.query_row("SELECT adopted FROM orders", [], |row| row.get(0)), Ok(1));
}

#[test]
fn i4_i6_nothing_counts_twice() {
    let repeated: [(&str, Journal); 5] = [
        ("client id", Journal::Intent(Box::new(market(1)))),
        ("trade id", fill(1, Side::Sell, "0.001", "0", "0")),
        ("funding id", funding(7, "1")),
        ("transfer id", Journal::Transfer { id: 9, amount: Usdt::ONE }),
        ("adjustment id", adjustment("adj-1", "1", "1")),
    ];
    for (what, again) in repeated {
        let dir = tempfile::tempdir().unwrap();
        let (mut ledger, _) = open(dir.path());
        super::sample::open_cash(&mut ledger, Usdt::whole(1_000));
        let cash = ledger.commit(1, at(1), at(1), &one_of_each()).unwrap().cash;
        let error = ledger.commit(2, at(2), at(2), &[equity(120), again]).expect_err(what);
        assert!(matches!(error, LedgerError::Contradiction { .. }), "{what}: {error}");
        assert_eq!(error.exit(), Exit::Contradiction);
        assert_eq!(ledger.cash(), cash, "{what} moved no money");
        let later = ledger.commit(3, at(3), at(3), &[equity(180)]).expect_err("after an error nothing is written");
        assert!(matches!(later, LedgerError::Unwritable { .. }), "{later}");
        drop(ledger);
        let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
        let rows: u32 = db.query_row("SELECT count(*) FROM equity", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1, "{what}: all of a step's rows, or none");
    }
}

#[test]
fn an_instrument_of_another_session_is_a_contradiction() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = Ledger::open(dir.path(), &identity(), &instruments(&["BTC/USDT:USDT"]), &start()).unwrap();
    let error = ledger.commit(1, at(1), at(1), &[signal()]).expect_err("ETH is not in the table");
    assert!(matches!(error, LedgerError::Contradiction { .. }), "{error}");
}

#[test]
fn the_opening_balance_is_fixed_once() {
    let dir = tempfile::tempdir().unwrap();
    let (mut ledger, _) = open(dir.path());
    ledger.commit(1, at(1), at(1), &[fill(1, Side::Buy, "1", "0", "0.25")]).unwrap();
    assert!(super::sample::open_cash(&mut ledger, "999.75".parse().unwrap()));
    assert!(!super::sample::open_cash(&mut ledger, Usdt::whole(5)));
    assert_eq!(ledger.cash(), Some("999.75".parse().unwrap()));
    let stats = ledger.commit(2, at(2), at(2), &[fill(2, Side::Sell, "1", "10.5", "-0.25")]).unwrap();
    assert_eq!(stats.cash, Some("1010.5".parse().unwrap()));
    let db = Connection::open(dir.path().join("ledger.sqlite")).unwrap();
    assert_eq!(db.query_row("SELECT opening FROM account", [], |row| row.get(0)), Ok("1000".to_owned()));
}

#[test]
fn epochs_only_grow() {
    let minute = 60;
    let cases = [
        (EpochRule::Counted, 500 * minute, 1),
        (EpochRule::Minutes, 500 * minute, 500),
        (EpochRule::Minutes, 500 * minute + 59, 501),
        (EpochRule::Minutes, -10 * minute, 502),
        (EpochRule::Counted, 9_000 * minute, 503),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (epoch, second, expect) in cases {
        let start = SessionStart { epoch, wall: at(second), ..start() };
        let (ledger, recovered) = Ledger::open(dir.path(), &identity(), &both(), &start).unwrap();
        assert_eq!((ledger.epoch(), recovered.epoch), (expect, expect));
    }
}

#[test]
fn only_going_back_from_reduce_only_takes_note_of_adjustments() {
    use TradingState::{Active, Halted, Paused, ReduceOnly};
    for (states, noted) in [
        (&[Active][..], false),
        (&[Paused, Active], false),
        (&[ReduceOnly], false),
        (&[ReduceOnly, Active], true),
        (&[Halted, Active], true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (mut ledger, _) = open(dir.path());
        ledger.commit(1, at(1), at(1), &[adjustment("a", "0", "0")]).unwrap();
        for one in states {
            ledger.commit(2, at(2), at(2), &[state(*one)]).unwrap();
        }
        drop(ledger);
        assert_eq!(open(dir.path()).1.unacknowledged_adjustments, !noted, "{states:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// I14, as far as the ledger goes: the wallet moves by fills, fees, funding, transfers and adjustments, to
    /// the last digit, over restarts.
    #[test]
    fn i14_the_wallet_adds_up(moves in proptest::collection::vec((0_u8..4, any::<i64>(), any::<bool>()), 1..30)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut ledger, _) = open(dir.path());
        let opening = Usdt::new(10_000_000_000_001, 12);
        super::sample::open_cash(&mut ledger, opening);
        let mut expect = opening;
        for (number, (kind, units, restart)) in (1..).zip(moves) {
            let amount = Usdt::new(units, 12);
            let text = amount.to_string();
            let row = match kind {
                0 => fill(number, Side::Buy, "1", &text, "0.000000000003"),
                1 => funding(number, &text),
                2 => Journal::Transfer { id: number, amount },
                _ => adjustment(&number.to_string(), "0", &text),
            };
            expect += if kind == 0 { amount - Usdt::new(3, 12) } else { amount };
            let stats = ledger.commit(number, at(1), at(1), &[row]).unwrap();
            prop_assert_eq!(stats.cash, Some(expect));
            if restart {
                drop(ledger);
                ledger = open(dir.path()).0;
                prop_assert_eq!(ledger.cash(), Some(expect));
            }
        }
        let audit = audit(dir.path()).unwrap();
        prop_assert_eq!((audit.cash, audit.cash_counted), (Some(expect), Some(expect)));
    }
}
