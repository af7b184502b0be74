//! What a start brings back, and what it begins to wait for.

use super::*;

/// What the ledger would give back of a session that ended here: its rows applied in order.
fn recovered(bench: &Bench) -> Recovered {
    let mut known = Recovered { epoch: 2, cash: Some(bench.engine.portfolio.cash()), ..Recovered::default() };
    known.orders = bench.engine.orders.iter().cloned().collect();
    for row in bench.journal(|row| Some(row.clone())) {
        match row {
            Journal::Halt { instrument, reason } => {
                known.halts.retain(|(one, _)| *one != instrument);
                known.halts.extend(reason.map(|reason| (instrument, reason)));
            }
            Journal::Transfer { id, .. } => known.transfer_ids.push(id),
            Journal::RiskMemory(memory) => known.risk_memory = Some(memory),
            Journal::State(state) => known.state = Some(state),
            Journal::Position(position) => {
                known.positions.retain(|one| one.instrument != position.instrument);
                known.positions.extend(Some(*position).filter(|one| !one.qty.is_zero()));
            }
            Journal::Intent(_)
            | Journal::Order(_)
            | Journal::Fill { .. }
            | Journal::Trade(_)
            | Journal::Funding(_)
            | Journal::OpeningCash(_)
            | Journal::Adjustment { .. }
            | Journal::Equity(_)
            | Journal::Signal(_)
            | Journal::Shadow(_)
            | Journal::FeeInKind(_) => {}
        }
    }
    known
}

#[test]
fn a_symbol_that_never_gets_any_data_is_lost_told_of_and_its_feed_restarted() {
    for silent in [vec![BTC, ETH], vec![ETH]] {
        let mut bench = Bench::unstarted(Settings::default());
        bench.event(Event::Recovered(Box::new(Recovered { epoch: 1, ..Recovered::default() })));
        for _ in 0..6 {
            bench.pass(Span::MINUTE);
            if !silent.contains(&BTC) {
                let open = bench.at - Span::MINUTE;
                bench.market(BTC, MarketData::Bar(bar(open, 1_000)));
            }
        }
        let restarted = bench.actions.iter().filter_map(|action| match action {
            Action::RestartFeed { instrument } => Some(*instrument),
            _ => None,
        });
        assert_eq!(restarted.collect::<Vec<_>>(), silent);
        assert_eq!(bench.notices(NoticeKind::Alarm), silent.len());
        for instrument in silent {
            assert_eq!(bench.engine.entry_block(bench.at, instrument), Some("stale_data"));
            assert_eq!(bench.engine.view().instruments[instrument.index()].freshness, "lost");
        }
    }
}

/// A session that takes over from another, at the same instant.
fn restart(before: &Bench) -> Bench {
    let mut bench = Bench::unstarted(Settings::default());
    bench.at = before.at;
    bench.begin(recovered(before));
    bench
}

#[test]
fn a_halted_symbol_stays_halted_until_a_person_re_arms() {
    let mut first = Bench::new();
    let [entry, ..] = first.open_position(BTC, Side::Buy);
    first.fill(&entry, Qty::ONE, 1_000);
    let mut second = restart(&first);
    assert_eq!(second.engine.entry_block(second.at, BTC), Some("symbol_halted"));
    assert_eq!(second.engine.entry_block(second.at, ETH), None);
    assert!(second.notices(NoticeKind::Alarm) > 0, "people are told again");
    second.event(Event::Command(Command::Rearm { reason: "looked at".to_owned() }));
    assert_ne!(second.engine.entry_block(second.at, BTC), Some("symbol_halted"));
    let mut known = recovered(&second);
    known.halts.retain(|(instrument, _)| *instrument == BTC);
    assert!(known.halts.is_empty(), "it is lifted in the ledger too");
}

#[test]
fn a_symbol_that_pauses_after_stop_outs_still_pauses_after_a_restart() {
    let mut first = Bench::new();
    for _ in 0..3 {
        let [entry, stop, take_profit] = first.open_position(BTC, Side::Buy);
        first.trade += 1;
        let filled = OrderRequest { amount: entry.amount, ..stop.clone() };
        first.fill_all(&filled, 990);
        for order in [&stop, &take_profit] {
            let body = ReportBody::Ended { reason: DoneReason::Expired, filled: Qty::ZERO };
            first.report(order.client_id, BTC, body);
        }
        first.pass(Span::secs(30));
        first.minute(1_000);
        first.minute(1_000);
    }
    assert_eq!(first.signal(Kind::EmaCross, BTC, Side::Buy).as_deref(), Some("symbol_paused"));
    let mut second = restart(&first);
    assert_eq!(second.signal(Kind::EmaCross, BTC, Side::Buy).as_deref(), Some("symbol_paused"));
    for _ in 0..240 {
        second.minute(1_000);
    }
    assert_eq!(second.signal(Kind::EmaCross, BTC, Side::Buy), None);
}

#[test]
fn a_deposit_that_is_told_of_again_after_a_restart_counts_once() {
    let mut first = Bench::new();
    let deposit = AccountReport::Transfer { id: 7, amount: Usdt::whole(500) };
    first.account(deposit.clone());
    assert_eq!(first.engine.view().cash, Usdt::whole(10_500));
    let mut second = restart(&first);
    second.account(deposit);
    assert_eq!(second.engine.view().cash, Usdt::whole(10_500));
    let rows = second.journal(|row| matches!(row, Journal::Transfer { .. }).then_some(()));
    assert!(rows.is_empty(), "the ledger takes a transfer's number once");
    second.account(AccountReport::Transfer { id: 8, amount: Usdt::whole(-500) });
    assert_eq!(second.engine.view().cash, Usdt::whole(10_000));
}

#[test]
fn a_trailing_stop_that_was_activated_trails_on_after_a_restart() {
    let mut first = Bench::new();
    first.open_position(BTC, Side::Buy);
    let (activation, distance, min_move) = (Price::whole(20), Price::whole(30), Price::whole(4));
    let trailing = crate::protocol::Trailing { activation, distance, min_move };
    first.engine.portfolio.position_mut(BTC).expect("a position").trailing = Some(trailing);
    let rows = |bench: &Bench| bench.journal(|row| matches!(row, Journal::Position(_)).then_some(())).len();
    // It is far too far away to move the stop from 990, and no tick costs a row of its own.
    let before = rows(&first);
    for tenths in 0..=205 {
        let price = Price::new(10_000 + tenths, 1);
        let trade = crate::protocol::Trade { id: TradeId(1), price, qty: Qty::ONE, taker: Side::Buy };
        first.market(BTC, MarketData::Trade(trade));
    }
    let written = rows(&first) - before;
    assert!((1..=6).contains(&written), "{written} rows for 205 ticks of 0.1 and moves of 4");
    first.minute(1_001);
    let second = restart(&first);
    let row = second.engine.portfolio.position(BTC).expect("a position");
    assert!(row.best_price >= Price::whole(1_020), "the activation at 1020 is not forgotten: {}", row.best_price);
}
