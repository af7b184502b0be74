//! Orders and positions: what was sent, what became of it, and what is held.

use live_trading_launcher::engine::EntryStyle;
use live_trading_launcher::ledger::{LEDGER_FILE, audit};
use live_trading_launcher::protocol::{
    Amount, Bar, Command, Event, ExitReason, OrderKind, OrderReport, OrderRequest, ReportBody, TradingState,
    VenueReport, VenueRequest,
};
use live_trading_launcher::session::Source;
use live_trading_launcher::types::{Leg, PositionSide, Price, Qty, Rate, Side, Span};

use crate::bench::Bench;
use crate::script::BASE;
use crate::stage::{BTC, ETH, LONG_AT, Rules, Stage};
use crate::support::until;
use crate::wire::{is_about, is_acceptance, is_balance, is_list_of_orders, is_silence};

fn quantity(order: &OrderRequest) -> Qty {
    match order.amount {
        Amount::Qty(qty) => qty,
        Amount::ClosePosition => panic!("{order:?} has no quantity"),
    }
}

/// The one position that the engine holds, with its size.
fn size(stage: &Stage) -> Qty {
    let view = stage.view();
    assert!(view.positions.len() <= 1, "{:?}", view.positions);
    view.positions.first().map_or(Qty::ZERO, |one| one.qty)
}

fn is_protected(stage: &Stage) -> bool {
    stage.view().positions.iter().all(|one| one.stop.is_some() && one.unprotected_since.is_none())
}

/// An order that somebody else gives on the same account.
fn strangers(side: Side, qty: Qty) -> VenueRequest {
    VenueRequest::Submit(OrderRequest {
        client_id: "web-1".parse().expect("an id"),
        instrument: BTC,
        side,
        position_side: PositionSide::Both,
        kind: OrderKind::Market,
        amount: Amount::Qty(qty),
        reduce_only: false,
    })
}

#[test]
fn timeout_treated_as_failure() {
    // The entry is carried out and its answer is lost; for more than a minute nothing else is heard either.
    let mut stage = Stage::with(Rules::with_faults(
        "[[schedule]]\nafter = \"2m\"\nkind = \"answer_lost\"\nsymbol = \"BTC/USDT:USDT\"\n",
    ));
    stage.wire.let_through(is_silence);
    let entry = stage.enter(Side::Buy);
    assert_eq!(stage.at_venue(&entry).map(|(stage, _)| stage).as_deref(), Some("filled"));
    assert_eq!(stage.blocked().as_deref(), Some("order_unknown"));
    // Now the strategy wants the other side. As long as the first order may be there, there is no second.
    stage.minute(1_000);
    assert_eq!(stage.view().signals_accepted, 1);
    assert_eq!(stage.entries(), std::slice::from_ref(&entry));
    stage.wire.let_all_through();
    assert!(stage.pass_until(|stage| size(stage) == quantity(&entry) && is_protected(stage), Span::mins(1)));
    assert_eq!(stage.blocked(), None, "and nothing has to be looked at by a person");
    stage.assert_books_agree();
}

#[test]
fn order_filled_and_the_database_insert_failed() {
    let mut stage = Stage::new();
    let ledger = stage.dir().join(LEDGER_FILE);
    stage.wire.on_order(move |order| {
        let db = rusqlite::Connection::open(&ledger).expect("the ledger opens");
        let sql = "SELECT count(*) FROM intent_rows WHERE client_id = ?1";
        let there: i64 = db.query_row(sql, [order.client_id.as_str()], |row| row.get(0)).expect("it can be read");
        assert_eq!(there, 1, "{order:?} leaves before it is written");
    });
    stage.enter(Side::Buy);
    stage.command(Command::Close { instrument: None });
    stage.minute(LONG_AT);
    let legs = [Leg::Entry, Leg::Stop, Leg::Exit].map(|leg| stage.sent(leg).len());
    assert_eq!(legs, [1, 1, 1]);
}

#[test]
fn not_found_treated_as_cancelled_after_a_restart() {
    // The venue's lookup is far behind, though not farther than the protocol allows for.
    let mut rules = Rules::with_faults(
        "visibility_lag = \"14s\"\n[[schedule]]\nafter = \"2m\"\nfor = \"1m\"\nkind = \"late_visibility\"\n",
    );
    rules.rooms.engine.entry = EntryStyle::Limit;
    let mut stage = Stage::with(rules);
    stage.wire.let_through(|_| false);
    let entry = stage.decide(Side::Buy);
    stage.pass(Span::secs(1));
    assert_eq!(stage.at_venue(&entry).map(|(stage, _)| stage).as_deref(), Some("working"));
    stage.kill();
    // What was pushed to a dead process is lost. Answers are heard, and at first they say that there is no such order.
    stage.wire.let_through(|report| !is_acceptance(report));
    stage.start().expect("it starts once it knows");
    assert!(stage.wire.log().matches("NotFound").count() >= 4, "{}", stage.wire.log());
    stage.minute(LONG_AT);
    // It was never given up, and what is old is taken back.
    assert_eq!(stage.at_venue(&entry).map(|(stage, _)| stage).as_deref(), Some("canceled"));
    assert_eq!((stage.view().in_flight, stage.blocked()), (0, None));
    stage.assert_books_agree();
}

#[test]
fn naked_after_a_restart() {
    // The process dies with a position that nobody had heard of yet, and the venue refuses the first stops.
    let twice = "[[schedule]]\nafter = \"2m\"\nkind = \"stop_rejected\"\n".repeat(2);
    let mut stage = Stage::with(Rules::with_faults(&twice));
    stage.wire.let_through(|_| false);
    let entry = stage.decide(Side::Buy);
    stage.pass(Span::secs(1));
    stage.kill();
    stage.wire.let_all_through();
    stage.start().expect("a session starts again");
    assert!(stage.view().ready && size(&stage) == quantity(&entry));
    assert!(is_protected(&stage), "ready, and naked: {:?}", stage.view().positions);
    let stops = stage.sent(Leg::Stop);
    let [.., kept] = stops.as_slice() else { panic!("no stop was sent") };
    assert_eq!(stage.at_venue(kept).map(|(stage, _)| stage).as_deref(), Some("working"), "of {}", stops.len());
    // What is already at the venue is not placed anew.
    stage.restart();
    assert!(is_protected(&stage));
    assert_eq!(stage.sent(Leg::Stop).len(), stops.len());
}

#[test]
fn stop_rejected() {
    let mut stage =
        Stage::with(Rules::with_faults("[[schedule]]\nafter = \"2m\"\nfor = \"10m\"\nkind = \"stop_rejected\"\n"));
    let entry = stage.enter(Side::Buy);
    let amounts: Vec<Amount> = stage.sent(Leg::Stop).iter().map(|stop| stop.amount).collect();
    assert_eq!(amounts, [Amount::ClosePosition, Amount::ClosePosition, entry.amount], "another kind comes last");
    let exits = stage.sent(Leg::Exit);
    assert_eq!(exits.len(), 1, "then the market: {exits:?}");
    assert_eq!((exits[0].kind, exits[0].amount), (OrderKind::Market, entry.amount));
    assert_eq!(stage.held_at_venue(), None);
    let view = stage.view();
    assert!(view.unprotected_max <= Span::SECOND, "{}", view.unprotected_max);
    assert_eq!(view.exits.get(&ExitReason::StopLoss), Some(&1));
    stage.assert_books_agree();
}

#[test]
fn stop_triggered_and_not_filled() {
    for (told, wait) in [(false, 5), (true, 5), (true, 8)] {
        let mut rules = Rules::new();
        rules.rooms.orders.stop_escalate = Span::secs(wait);
        let mut stage = Stage::with(rules);
        stage.enter(Side::Buy);
        // After such a rise the strategy does not leave by itself when price falls back to the stop.
        stage.minute(1_050);
        let stop = stage.sent(Leg::Stop).pop().expect("a stop");
        let (client_id, instrument) = (stop.client_id, stop.instrument);
        let OrderKind::Stop { trigger, .. } = stop.kind else { panic!("{stop:?}") };
        // The venue loses the stop without a word.
        stage.wire.let_through(move |report| !is_about(report, client_id) && !is_list_of_orders(report));
        stage.by_hand(VenueRequest::Cancel { client_id, instrument });
        let open = stage.script.last(BTC);
        let close = trigger - Price::new(5, 1);
        stage.write([open, open, close, close]);
        let crossed = stage.minute_at();
        stage.pass(crossed - stage.at());
        if told {
            let body = ReportBody::Triggered;
            let report = OrderReport { client_id, instrument, venue_order_id: None, venue_time: crossed, body };
            let event = Event::Venue(VenueReport::Order(report));
            stage.crank().session.push(crossed, Source::Venue, event);
        }
        assert!(stage.held_at_venue().is_some(), "nothing has closed it");
        stage.pass(Span::secs(wait - 1));
        assert_eq!(stage.sent(Leg::Exit).len(), 0, "the stop is given its time");
        stage.pass(Span::secs(3));
        assert_eq!(stage.held_at_venue(), None, "told: {told}: {:?}", stage.sent(Leg::Exit));
        assert_eq!(stage.view().exits.get(&ExitReason::StopLoss), Some(&1));
    }
}

#[test]
fn partial_fill_and_a_stop_of_the_wrong_size() {
    let mut rules = Rules::new();
    rules.rooms.engine.entry = EntryStyle::Limit;
    rules.rooms.engine.entry_timeout = Span::mins(20);
    let mut stage = Stage::with(rules);
    let entry = stage.enter(Side::Buy);
    let OrderKind::Limit { price, .. } = entry.kind else { panic!("{entry:?}") };
    // A quarter of a bar's volume reaches an order that rests: one of nearly two and a half.
    let touch = |stage: &mut Stage, low: Price, close: i64| {
        let (open, close) = (stage.script.last(BTC), Price::whole(close));
        let open_time = stage.minute_at();
        let wick = Bar { open_time, open, high: close.max(open), low, close, volume: Qty::whole(4) };
        stage.script.bar(BTC, wick);
        stage.script.bar(ETH, crate::script::bar(open_time, [BASE; 4]));
        stage.skip_minute();
        stage.run_the_minute();
    };
    let through = price - Price::new(5, 1);
    touch(&mut stage, through, 1_004);
    let first = size(&stage);
    assert!(first.is_positive() && first < quantity(&entry), "{first}");
    // The stop has followed price, and such a stop has a size of its own.
    touch(&mut stage, Price::whole(1_004), 1_006);
    let followed = stage.sent(Leg::Stop).pop().expect("a stop");
    assert_eq!(followed.amount, Amount::Qty(first), "{followed:?}");
    // More of the entry fills while that stop rests.
    touch(&mut stage, through, 1_007);
    let second = size(&stage);
    assert!(second > first, "{second}");
    let resting = |order: &OrderRequest| stage.at_venue(order).is_some_and(|(stage, _)| stage == "working");
    let stops: Vec<OrderRequest> = stage.sent(Leg::Stop).into_iter().filter(resting).collect();
    assert_eq!(stops.iter().map(|stop| stop.amount).collect::<Vec<_>>(), [Amount::Qty(second)], "{stops:?}");
    assert!(is_protected(&stage));
    stage.assert_books_agree();
}

#[test]
fn exit_order_in_the_entrys_direction() {
    let of = |side: Side| {
        let mut stage = Stage::new();
        let entry = stage.enter(side);
        assert_eq!(entry.side, side);
        stage.command(Command::Close { instrument: None });
        stage.minute(stage.script.last(BTC));
        assert_eq!(stage.held_at_venue(), None);
        let orders: Vec<_> = stage.wire.orders().into_iter().map(|(_, order)| order).collect();
        for order in orders.iter().filter(|order| **order != entry) {
            assert_eq!(order.side, side.closing(), "{order:?}");
            assert!(order.reduce_only, "{order:?}");
            // As much as there is, and not ten times as much.
            assert!([Amount::ClosePosition, entry.amount].contains(&order.amount), "{order:?}");
        }
        let kinds: Vec<_> = orders.iter().map(|order| (order.kind.as_str(), order.side == side)).collect();
        let filled: Vec<_> = stage.venue().fills.into_iter().map(|(.., qty, _)| qty).collect();
        assert_eq!(filled, vec![quantity(&entry).to_string(); 2]);
        kinds
    };
    let (long, short) = (of(Side::Buy), of(Side::Sell));
    assert_eq!(long, short, "a short is the mirror image of a long");
    assert_eq!(long, [("market", true), ("stop_market", false), ("market", false)]);
    assert_ne!(Side::Buy.closing(), Side::Buy);
    assert!([Side::Buy, Side::Sell].iter().all(|side| side.closing().closing() == *side));
}

#[test]
fn late_fill_refused_because_the_order_was_thought_dead() {
    let mut rules =
        Rules::with_faults("late_fill_after = \"3s\"\n[[schedule]]\nafter = \"2m\"\nkind = \"late_fill\"\n");
    rules.rooms.engine.entry = EntryStyle::Limit;
    let mut stage = Stage::with(rules);
    // It rests for half a minute and is cancelled; half of it had filled by then, and word of that comes later.
    let entry = stage.decide(Side::Buy);
    let ended = |stage: &Stage| stage.at_venue(&entry).is_some_and(|(stage, _)| stage == "canceled");
    assert!(stage.pass_until(ended, Span::mins(1)));
    stage.pass(Span::secs(1));
    assert_eq!(size(&stage), Qty::ZERO, "nobody knows yet");
    stage.pass(Span::secs(3));
    let (_, filled) = stage.at_venue(&entry).expect("the venue knows it");
    assert_eq!(size(&stage).to_string(), filled);
    assert!(size(&stage).is_positive() && is_protected(&stage), "{:?}", stage.view().positions);
    assert_eq!((stage.view().state, stage.blocked()), (TradingState::Active, None), "a fill is a fact, and no alarm");
    stage.assert_books_agree();
}

#[test]
fn orders_after_stop() {
    let mut rules = Rules::new();
    rules.rooms.engine.entry = EntryStyle::Limit;
    rules.rooms.engine.entry_timeout = Span::mins(20);
    let mut stage = Stage::with(rules);
    let entry = stage.enter(Side::Buy);
    stage.minute(1_002);
    assert!(stage.held_at_venue().is_some());
    // At one instant: the stop, and a bar with which the strategy would enter the other symbol.
    let there = |stage: &mut Stage, close: i64| {
        let open_time = stage.minute_at();
        let (before, after) = (stage.script.last(ETH), Price::whole(close));
        stage.script.bar(BTC, crate::script::bar(open_time, [stage.script.last(BTC); 4]));
        stage.script.bar(ETH, crate::script::bar(open_time, [before, before.max(after), before.min(after), after]));
        stage.skip_minute();
    };
    there(&mut stage, 999);
    stage.run_the_minute();
    there(&mut stage, 1_003);
    stage.pass(stage.minute_at() - Span::millis(1) - stage.at());
    stage.command(Command::Shutdown { flatten: true, reason: "a test".to_owned() });
    let sent = stage.entries().len();
    stage.run_the_minute();
    assert_eq!(stage.entries().len(), sent, "nothing is entered after the stop: {:?}", stage.entries());
    assert_eq!(stage.held_at_venue(), None, "zero at the venue itself");
    assert!(stage.crank().session.engine().is_quiet());
    let open = |stage: &Stage| stage.venue().orders.iter().filter(|(_, one, _)| one == "working").count();
    assert_eq!(open(&stage), 0, "and nothing of ours rests there, {:?} included", entry.client_id);
    stage.assert_books_agree();
}

#[test]
fn manual_close_unseen() {
    // What moved lately is left for the next comparison, and how lately can be set.
    for (settle, at_least, at_most) in [(5, 0, 45), (60, 45, 60)] {
        let mut rules = Rules::new();
        rules.rooms.engine.settle = Span::secs(settle);
        let mut stage = Stage::with(rules);
        let entry = stage.decide(Side::Buy);
        assert!(stage.pass_until(|stage| !size(stage).is_zero() && is_protected(stage), Span::SECOND));
        // Word of it never comes; only the venue's position tells.
        let strangers_order = "web-1".parse().expect("an id");
        stage.wire.let_through(move |report| !is_about(report, strangers_order) && !is_balance(report));
        stage.by_hand(strangers(Side::Sell, quantity(&entry)));
        stage.pass(Span::SECOND);
        assert_eq!((stage.held_at_venue(), size(&stage)), (None, quantity(&entry)));
        stage.pass(Span::secs(at_least));
        assert!(!size(&stage).is_zero(), "{settle} s have not passed");
        assert!(stage.pass_until(|stage| size(stage).is_zero(), Span::secs(at_most)), "it holds what is not there");
        let view = stage.view();
        assert_eq!(view.exits.get(&ExitReason::Manual), Some(&1), "{:?}", view.exits);
        assert_eq!(view.state, TradingState::Active, "a fill explains it; nothing was adjusted");
        stage.pass(Span::secs(2));
        let stop = stage.sent(Leg::Stop).pop().expect("a stop");
        assert_eq!(stage.at_venue(&stop).map(|(stage, _)| stage).as_deref(), Some("canceled"), "the stop is swept");
        assert!(audit(stage.dir()).expect("the ledger").agrees());
    }
}

#[test]
fn liquidation_unseen() {
    let mut rules = Rules::new();
    let risk = &mut rules.rooms.risk;
    (risk.position_notional, risk.gross_notional) = (Rate::percent(300), Rate::percent(300));
    (risk.risk_per_trade, risk.daily_loss, risk.drawdown) = (Rate::percent(10), Rate::ONE, Rate::ONE);
    let mut stage = Stage::with(rules);
    stage.enter(Side::Buy);
    let stop = stage.sent(Leg::Stop).pop().expect("a stop");
    let (client_id, instrument) = (stop.client_id, stop.instrument);
    stage.wire.let_through(move |report| !is_about(report, client_id) && !is_list_of_orders(report));
    stage.by_hand(VenueRequest::Cancel { client_id, instrument });
    let open = stage.script.last(BTC);
    let crash = Price::whole(650);
    stage.write([open, open, crash, crash]);
    stage.run_the_minute();
    assert_eq!(stage.held_at_venue(), None);
    let view = stage.view();
    assert_eq!(view.exits.get(&ExitReason::Liquidation), Some(&1), "{:?}", view.exits);
    assert!(view.positions.is_empty());
    assert!(stage.notices.iter().any(|notice| notice.text.contains("liquidated")), "{:?}", stage.notices);
}

#[test]
fn two_daemons_on_one_account() {
    let bench = Bench::new();
    let mut first = bench.start(&[], &["--paper"]);
    first.hear("STARTING PRODUCTION TRADING LOOP");
    let second = bench.run(&[], &["--paper", "--duration", "1"]);
    assert_eq!(second.code, Some(75), "{}", second.text);
    assert!(second.text.contains(&format!("pid {}", first.pid())), "{}", second.text);
    // Nor does a reset pull the files from under the first.
    let third = bench.run(&[], &["--paper", "--duration", "1", "--reset-paper"]);
    assert_eq!(third.code, Some(75), "{}", third.text);
    assert!(!first.has_ended());
    until("the first one still answers", || bench.status());
    first.signal("TERM");
    assert_eq!(first.end().code, Some(0));
    assert_eq!(bench.run(&[], &["--paper", "--duration", "0.5"]).code, Some(0));
}

#[test]
fn timestamps_outside_the_window() {
    let mut stage =
        Stage::with(Rules::with_faults("[[schedule]]\nafter = \"2m\"\nfor = \"30s\"\nkind = \"clock_jump\"\n"));
    // The venue's clock is ahead: what was stamped by the old one is refused, and is over with that.
    let refused = stage.enter(Side::Buy);
    assert_eq!((stage.at_venue(&refused), stage.view().in_flight), (None, 0));
    // While nobody knows the venue's time well enough, nothing is entered.
    let uncertain = |millis| Event::Clock { offset: Span::secs(3), uncertainty: Span::millis(millis) };
    stage.event(uncertain(1_200));
    stage.minute(1_000);
    let view = stage.view();
    assert_eq!(view.signals_rejected.get("clock"), Some(&1), "{:?}", view.signals_rejected);
    assert_eq!(stage.entries().len(), 1);
    stage.event(uncertain(20));
    stage.minute(1_004);
    let entries = stage.entries();
    assert_eq!(entries.len(), 2, "measured again, it goes on");
    assert_eq!(stage.at_venue(&entries[1]).map(|(stage, _)| stage).as_deref(), Some("filled"));
    assert!(is_protected(&stage));
    stage.assert_books_agree();
}
