//! What went wrong with orders in other daemons, by the numbers of their trackers. Each is a regression test
//! here, told in this table's words.

use super::super::protection::{CloseReason, Phase, is_protected, sweep};
use super::*;
use crate::protocol::{OrderRow, PositionRow};
use crate::types::{Instrument, MarginTier, Rate, Usdt};

fn restart(orders: &Orders, at: Timestamp) -> Orders {
    let rows: Vec<OrderRow> = orders.iter().cloned().collect();
    let mut restarted = Orders::new(Settings::default(), SCOPE);
    restarted.restore(SCOPE.epoch + 1, &rows, &[], at);
    restarted
}

fn position(n: i64) -> PositionRow {
    PositionRow {
        instrument: BTC,
        qty: qty(n),
        cost: Price::whole(100).notional(qty(n.abs())),
        entry_price: Price::whole(100),
        opened_at: s(0),
        strategy: "ema_cross".into(),
        entry_id: table().next_id(Leg::Entry),
        stop: Some(Price::whole(90)),
        take_profit: None,
        trailing: None,
        best_price: Price::whole(100),
        max_qty: qty(n),
        realised: Usdt::ZERO,
        fees: Usdt::ZERO,
        funding: Usdt::ZERO,
    }
}

fn instrument() -> Instrument {
    Instrument {
        symbol: "BTC/USDT:USDT".parse().expect("a symbol"),
        venue_symbol: "BTCUSDT".to_owned(),
        tick: Price::ONE,
        step: Qty::ONE,
        min_qty: Qty::ONE,
        max_qty: qty(1_000),
        market_max_qty: qty(1_000),
        min_notional: Usdt::whole(5),
        percent_price: Rate::percent(10),
        maker_fee: Rate::bps(2),
        taker_fee: Rate::bps(5),
        liquidation_fee: Rate::bps(100),
        funding_interval: Span::HOUR,
        tiers: vec![MarginTier {
            notional_floor: Usdt::ZERO,
            notional_cap: Usdt::whole(1_000_000),
            max_leverage: 20,
            maintenance_rate: Rate::percent(1),
            maintenance_amount: Usdt::ZERO,
        }],
    }
}

fn protect(state: &mut ProtectionState, orders: &Orders, at: Timestamp, position: &PositionRow) -> Vec<Step> {
    let (instrument, protective) = (instrument(), orders.protective(BTC, at));
    let mark = Some(Price::whole(100));
    let now = Situation { at, mark, position, instrument: &instrument, orders: &protective, silent: false };
    state.plan(&Settings::default(), &now)
}

#[test]
fn nautilus_4958_in_flight_is_never_taken_for_rejected() {
    let mut orders = table();
    let id = entry(&mut orders);
    for minute in 0..60 {
        orders.due(s(minute * 60));
        assert_eq!((stage(&orders, id), orders.exposure(BTC).buy), (Stage::Sent, qty(10)), "minute {minute}");
    }
    let applied = tell(&mut orders, id, s(3_600), ReportBody::Accepted);
    assert_eq!((stage(&orders, id), applied.alarm), (Stage::Working, None));
    // Even a refusal does not outweigh life.
    let refused = entry(&mut orders);
    tell(&mut orders, refused, s(1), rejected());
    let found = orders.reconcile_open_orders(s(3_700), &[listed(id, 0), listed(refused, 0)]);
    assert_eq!(stage(&orders, refused), Stage::Working);
    assert!(matches!(found.alarms[..], [Alarm::Revived { from: DoneReason::Rejected, .. }]));
}

#[test]
fn nautilus_3046_fills_replayed_after_a_restart_count_once() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), filled(id, 1, 4));
    let rows: Vec<OrderRow> = orders.iter().cloned().collect();
    for _ in 0..2 {
        orders = table();
        orders.restore(8, &rows, &[(BTC, TradeId(1))], s(100));
        orders.want_fills(s(0));
        orders.due(s(100));
        let applied = orders.reconcile_fills(s(101), &[trade(id, 1, 4)]);
        assert!(applied.iter().all(|one| one.fill.is_none()));
        assert_eq!(orders.get(id).map(|row| row.filled), Some(qty(4)));
    }
}

#[test]
fn nautilus_3878_no_fill_is_made_up() {
    let mut orders = table();
    let id = entry(&mut orders);
    for body in [status(Stage::Working, 4), ended(DoneReason::Filled, 10), status(Stage::Done(DoneReason::Filled), 10)]
    {
        assert_eq!(tell(&mut orders, id, s(1), body).fill, None);
    }
    assert_eq!(orders.get(id).map(|row| (row.filled, row.filled_notional)), Some((Qty::ZERO, Usdt::ZERO)));
}

#[test]
fn nautilus_3622_a_difference_that_stays_is_told_once_and_chased_no_more() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), ended(DoneReason::Filled, 10));
    let (mut asked, mut alarms) = (0, 0);
    for second in 2..3_600 {
        if fetches(&orders.due(s(second))) > 0 {
            asked += 1;
            alarms += orders.reconcile_fills(s(second), &[]).iter().filter(|one| one.alarm.is_some()).count();
        }
    }
    assert!((1..=10).contains(&asked) && alarms == 1, "asked {asked} times, {alarms} alarms");
    assert_eq!((orders.next_deadline(), orders.is_unknown(BTC)), (None, false));
}

#[test]
fn nautilus_5000_a_working_order_is_not_dropped_by_a_list_that_lacks_it() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), ReportBody::Accepted);
    for round in 1..10 {
        orders.reconcile_open_orders(s(round * 10), &[]);
        assert_eq!((stage(&orders, id), orders.exposure(BTC).buy), (Stage::Working, qty(10)));
        assert!(orders.is_unknown(BTC), "no new exposure meanwhile");
    }
    tell(&mut orders, id, s(100), status(Stage::Working, 0));
    assert!(is_known(&orders, id));
}

#[test]
fn nautilus_pr_3493_what_the_venue_told_and_the_fill_are_one() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), status(Stage::Done(DoneReason::Filled), 10));
    let applied = tell(&mut orders, id, s(2), filled(id, 1, 10));
    assert_eq!((applied.fill.map(|fill| fill.qty), applied.alarm), (Some(qty(10)), None));
    assert_eq!(orders.get(id).map(|row| row.filled), Some(qty(10)));
}

#[test]
fn late_fills_after_a_cancel_count() {
    for (name, told) in [("nautilus_pr_4991", 4), ("freqtrade_3647", 0)] {
        let mut orders = table();
        let id = entry(&mut orders);
        tell(&mut orders, id, s(1), ReportBody::Accepted);
        orders.request_cancel(id, s(2));
        tell(&mut orders, id, s(3), ended(DoneReason::Canceled, told));
        let applied = tell(&mut orders, id, s(4_000), filled(id, 1, 4));
        assert_eq!((applied.fill.map(|fill| fill.qty), applied.alarm), (Some(qty(4)), None), "{name}");
        assert_eq!(stage(&orders, id), Stage::Done(DoneReason::Canceled), "{name}");
    }
}

#[test]
fn freqtrade_4403_not_found_just_after_placing_means_nothing() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), unanswered());
    for second in 1..10 {
        orders.due(s(second));
        deny(&mut orders, id, s(second));
        orders.reconcile_open_orders(s(second), &[]);
    }
    assert_eq!((stage(&orders, id), is_known(&orders, id)), (Stage::Sent, false));
    tell(&mut orders, id, s(11), status(Stage::Working, 0));
    assert_eq!((stage(&orders, id), is_known(&orders, id)), (Stage::Working, true));
}

#[test]
fn freqtrade_7184_an_order_that_filled_while_we_died_is_found_by_its_intent() {
    let mut orders = table();
    let id = orders.next_id(Leg::Entry);
    orders.intend(intent(request(id, Leg::Entry, limit(), Amount::Qty(qty(10))), Leg::Entry, s(0)), s(0));
    let mut restarted = restart(&orders, s(60));
    assert!(matches!(restarted.due(s(60))[..], [Due::Query { client_id, .. }] if client_id == id));
    tell(&mut restarted, id, s(61), status(Stage::Done(DoneReason::Filled), 10));
    assert_eq!(restarted.exposure(BTC).buy, qty(10), "it counts before its fills are here");
    assert!(matches!(restarted.due(s(62))[..], [Due::FetchFills { since }] if since <= s(0)));
    let applied = restarted.reconcile_fills(s(63), &[trade(id, 1, 10)]);
    assert_eq!(applied.iter().filter_map(|one| one.fill).map(|fill| fill.qty).sum::<Qty>(), qty(10));
    assert!(!restarted.is_unknown(BTC));
}

#[test]
fn freqtrade_10436_an_open_entry_is_still_one_after_a_restart() {
    let mut orders = table();
    let id = entry(&mut orders);
    tell(&mut orders, id, s(1), ReportBody::Accepted);
    tell(&mut orders, id, s(2), filled(id, 1, 3));
    let mut restarted = restart(&orders, s(60));
    assert_eq!(restarted.get(id).map(|row| (row.stage, row.filled)), Some((Stage::Working, qty(3))));
    assert_eq!((restarted.exposure(BTC).buy, restarted.left_over().count()), (qty(7), 1));
    let found = restarted.reconcile_open_orders(s(61), &[listed(id, 3)]);
    assert_eq!((found.confirmed, found.adopt.len(), found.alarms), (vec![id], 0, vec![]));
}

#[test]
fn freqtrade_12681_stops_without_a_position_are_swept() {
    let mut orders = table();
    let stop_id = send(&mut orders, Leg::Stop, stop(90), Amount::ClosePosition, s(0));
    let tp_id = send(&mut orders, Leg::TakeProfit, take_profit(120), Amount::ClosePosition, s(0));
    tell(&mut orders, stop_id, s(1), ReportBody::Accepted);
    let steps = sweep(&Settings::default(), s(2), &orders.protective(BTC, s(2)));
    assert_eq!(steps, [Step::Cancel { client_id: stop_id }, Step::Cancel { client_id: tp_id }]);
    for step in steps {
        let Step::Cancel { client_id } = step else { panic!("{step:?}") };
        assert!(orders.request_cancel(client_id, s(2)));
    }
    assert_eq!(sweep(&Settings::default(), s(3), &orders.protective(BTC, s(3))), [], "they are on their way out");
}

#[test]
fn freqtrade_8374_the_stop_is_of_the_positions_size() {
    let (mut orders, mut state) = (table(), ProtectionState::default());
    let entry = entry(&mut orders);
    tell(&mut orders, entry, s(1), filled(entry, 1, 4));
    // The first stop closes whatever there is, so later fills of the entry need no other.
    let steps = protect(&mut state, &orders, s(1), &position(4));
    let trigger = Price::whole(90);
    assert_eq!(steps, [Step::PlaceStop { trigger, amount: Amount::ClosePosition }]);
    let first = send(&mut orders, Leg::Stop, stop(90), Amount::ClosePosition, s(1));
    tell(&mut orders, first, s(1), ReportBody::Accepted);
    assert_eq!(protect(&mut state, &orders, s(2), &position(10)), []);
    // After a move its size follows the position, and the old stop stays until the new one is there.
    let moved = PositionRow { stop: Some(Price::whole(95)), ..position(10) };
    let trigger = Price::whole(95);
    let steps = protect(&mut state, &orders, s(3), &moved);
    assert_eq!(steps, [Step::PlaceStop { trigger, amount: Amount::Qty(qty(10)) }]);
    let second = send(&mut orders, Leg::Stop, stop(95), Amount::Qty(qty(10)), s(3));
    assert_eq!(protect(&mut state, &orders, s(3), &moved), []);
    tell(&mut orders, second, s(4), ReportBody::Accepted);
    assert_eq!(protect(&mut state, &orders, s(4), &moved), [Step::Cancel { client_id: first }]);
    orders.request_cancel(first, s(4));
    tell(&mut orders, first, s(5), ended(DoneReason::Canceled, 0));
    let smaller = PositionRow { qty: qty(7), ..moved };
    let steps = protect(&mut state, &orders, s(6), &smaller);
    assert_eq!(steps, [Step::PlaceStop { trigger, amount: Amount::Qty(qty(7)) }]);
    assert!(is_protected(&smaller, &orders.protective(BTC, s(6))));
}

#[test]
fn freqtrade_12984_a_stop_that_triggers_and_does_not_fill_is_followed() {
    let (mut orders, mut state) = (table(), ProtectionState::default());
    let id = send(&mut orders, Leg::Stop, stop(90), Amount::ClosePosition, s(0));
    tell(&mut orders, id, s(1), ReportBody::Accepted);
    tell(&mut orders, id, s(10), ReportBody::Triggered);
    assert_eq!(protect(&mut state, &orders, s(10), &position(10)), []);
    assert_eq!(state.next_deadline(), Some(s(15)));
    let steps = protect(&mut state, &orders, s(15), &position(10));
    assert_eq!(steps, [Step::CloseAtMarket { reason: CloseReason::StopUnfilled }]);
    let change = orders.plan_exit(BTC, qty(10), s(15)).expect("the triggered stop does not count");
    assert_eq!((change.side, change.qty), (Side::Sell, qty(10)));
}

#[test]
fn a_stop_that_filled_before_its_fills_came_is_not_placed_again() {
    let (mut orders, mut state) = (table(), ProtectionState::default());
    let id = send(&mut orders, Leg::Stop, stop(90), Amount::Qty(qty(10)), s(0));
    tell(&mut orders, id, s(1), ReportBody::Accepted);
    tell(&mut orders, id, s(10), ended(DoneReason::Filled, 10));
    assert_eq!(protect(&mut state, &orders, s(10), &position(10)), []);
    assert_eq!(orders.protective(BTC, s(10))[0].phase, Phase::Confirmed);
    assert_eq!(orders.plan_exit(BTC, qty(10), s(10)), None, "the position is gone but for the news of it");
    tell(&mut orders, id, s(11), filled(id, 1, 10));
    assert_eq!(orders.protective(BTC, s(11)), []);
}

#[test]
fn hummingbot_493_a_time_out_is_no_failure() {
    let mut orders = table();
    let id = entry(&mut orders);
    let applied = tell(&mut orders, id, s(10), unanswered());
    assert_eq!(
        applied.row.map(|row| (row.stage, row.knowledge)),
        Some((Stage::Sent, Knowledge::Unknown { since: s(10) }))
    );
    assert_eq!((orders.exposure(BTC).buy, orders.is_unknown(BTC), orders.in_flight()), (qty(10), true, 1));
    let applied = tell(&mut orders, id, s(40), filled(id, 1, 10));
    assert_eq!((applied.fill.map(|fill| fill.qty), applied.alarm), (Some(qty(10)), None));
}
