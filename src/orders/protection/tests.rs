//! Tests of the protection plan.

use proptest::prelude::*;

use super::*;
use crate::orders::{IdSource, Settings};
use crate::types::{IdScope, InstrumentId, Leg, MarginTier, Qty, Rate, Side, Usdt};

fn s(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + seconds)
}

fn id(n: u32) -> ClientOrderId {
    let mut ids = IdSource::new(IdScope { account: *b"papr", instance: *b"a1", epoch: 7 });
    (0..=n).map(|_| ids.next(Leg::Stop)).last().expect("at least one")
}

fn instrument() -> Instrument {
    let tier = MarginTier {
        notional_floor: Usdt::ZERO,
        notional_cap: Usdt::whole(1_000_000),
        max_leverage: 20,
        maintenance_rate: Rate::percent(1),
        maintenance_amount: Usdt::ZERO,
    };
    Instrument {
        symbol: "BTC/USDT:USDT".parse().expect("a symbol"),
        venue_symbol: "BTCUSDT".to_owned(),
        tick: Price::new(5, 1),
        step: Qty::ONE,
        min_qty: Qty::ONE,
        max_qty: Qty::whole(1_000),
        market_max_qty: Qty::whole(1_000),
        min_notional: Usdt::whole(5),
        percent_price: Rate::percent(10),
        maker_fee: Rate::bps(2),
        taker_fee: Rate::bps(5),
        liquidation_fee: Rate::bps(100),
        funding_interval: Span::HOUR,
        tiers: vec![tier],
    }
}

/// A long of `n` from 100 with a stop at 95; a short if `n` is negative, with a stop at 105.
fn position(n: i64) -> PositionRow {
    PositionRow {
        instrument: InstrumentId(0),
        qty: Qty::whole(n),
        cost: Price::whole(100).notional(Qty::whole(n.abs())),
        entry_price: Price::whole(100),
        opened_at: s(0),
        strategy: "ema_cross".into(),
        entry_id: id(0),
        stop: Some(Price::whole(if n < 0 { 105 } else { 95 })),
        take_profit: None,
        trailing: None,
        best_price: Price::whole(100),
        max_qty: Qty::whole(n.abs()),
        realised: Usdt::ZERO,
        fees: Usdt::ZERO,
        funding: Usdt::ZERO,
    }
}

fn stop(n: u32, trigger: i64, qty: Option<i64>, phase: Phase) -> Protective {
    Protective {
        client_id: id(n),
        stop: true,
        side: Side::Sell,
        trigger: Price::whole(trigger),
        qty: qty.map(Qty::whole),
        phase,
        placed_at: s(0),
        triggered_at: None,
    }
}

fn take_profit(n: u32, trigger: i64, phase: Phase) -> Protective {
    Protective { stop: false, ..stop(n, trigger, None, phase) }
}

fn plan_at(
    state: &mut ProtectionState,
    at: Timestamp,
    mark: i64,
    position: &PositionRow,
    orders: &[Protective],
) -> Vec<Step> {
    plan_in(state, at, mark, position, orders, false)
}

fn plan_in(
    state: &mut ProtectionState,
    at: Timestamp,
    mark: i64,
    position: &PositionRow,
    orders: &[Protective],
    silent: bool,
) -> Vec<Step> {
    let instrument = instrument();
    let now = Situation { at, mark: Some(Price::whole(mark)), position, instrument: &instrument, orders, silent };
    let steps = state.plan(&Settings::default(), &now);
    assert!(state.next_deadline().is_none_or(|next| next > at), "a deadline lies ahead");
    steps
}

fn place(trigger: i64, qty: Option<i64>) -> Step {
    let amount = qty.map_or(Amount::ClosePosition, |n| Amount::Qty(Qty::whole(n)));
    Step::PlaceStop { trigger: Price::whole(trigger), amount }
}

fn cancel(n: u32) -> Step {
    Step::Cancel { client_id: id(n) }
}

const fn close(reason: CloseReason) -> Step {
    Step::CloseAtMarket { reason }
}

const DOUBTFUL: Phase = Phase::Doubtful { query_failed: false };
const FAILED: Phase = Phase::Doubtful { query_failed: true };

#[test]
fn one_look_one_plan() {
    use CloseReason::{StopCrossed, StopUnfilled};
    use Phase::{Confirmed, Leaving, Pending};
    let unfilled = |since: i64, qty| Protective { triggered_at: Some(s(since)), ..stop(1, 95, qty, Confirmed) };
    let wrong_side = Protective { side: Side::Buy, ..stop(2, 105, None, Confirmed) };
    // At second 10, mark as given, a long of 10 with a stop wanted at 95.
    let cases: Vec<(&str, i64, Vec<Protective>, Vec<Step>)> = vec![
        ("first stop", 100, vec![], vec![place(95, None)]),
        ("price is beyond it already", 95, vec![], vec![close(StopCrossed)]),
        ("it is there", 100, vec![stop(1, 95, None, Confirmed)], vec![]),
        ("it is there, with a quantity", 100, vec![stop(1, 95, Some(10), Confirmed)], vec![]),
        ("unconfirmed for too long", 100, vec![stop(1, 95, None, Pending)], vec![place(95, Some(10))]),
        ("in doubt", 100, vec![stop(1, 95, None, DOUBTFUL)], vec![place(95, Some(10))]),
        ("on its way out", 100, vec![stop(1, 95, None, Leaving)], vec![place(95, Some(10))]),
        ("too small", 100, vec![stop(1, 95, Some(6), Confirmed)], vec![place(95, Some(10))]),
        ("too large", 100, vec![stop(1, 95, Some(12), Confirmed)], vec![place(95, Some(10))]),
        ("to be moved", 100, vec![stop(1, 93, None, Confirmed)], vec![place(95, Some(10))]),
        ("the move is on its way", 100, vec![stop(1, 93, None, Confirmed), stop(2, 95, Some(10), Pending)], vec![]),
        (
            "the move is confirmed",
            100,
            vec![stop(1, 93, None, Confirmed), stop(2, 95, Some(10), Confirmed)],
            vec![cancel(1)],
        ),
        (
            "the old one is on its way out",
            100,
            vec![stop(1, 93, None, Leaving), stop(2, 95, Some(10), Confirmed)],
            vec![],
        ),
        ("the move is in doubt", 100, vec![stop(1, 93, None, Confirmed), stop(2, 95, Some(10), DOUBTFUL)], vec![]),
        (
            "and a query failed",
            100,
            vec![stop(1, 93, None, Confirmed), stop(2, 95, Some(10), FAILED)],
            vec![place(95, Some(10))],
        ),
        (
            "three of them",
            100,
            vec![
                stop(1, 93, None, Confirmed),
                stop(2, 95, Some(10), FAILED),
                stop(3, 95, Some(10), FAILED),
                stop(4, 95, Some(10), FAILED),
            ],
            vec![],
        ),
        ("one too many", 100, vec![stop(1, 95, Some(10), Confirmed), stop(2, 95, None, Confirmed)], vec![cancel(1)]),
        (
            "one in doubt beside it",
            100,
            vec![stop(1, 95, None, Confirmed), stop(2, 95, Some(10), FAILED)],
            vec![cancel(2)],
        ),
        ("of another side", 100, vec![stop(1, 95, None, Confirmed), wrong_side], vec![cancel(2)]),
        ("triggered just now", 94, vec![unfilled(6, None)], vec![]),
        ("triggered, not filled", 94, vec![unfilled(5, None)], vec![close(StopUnfilled)]),
        ("triggered, filled in part", 94, vec![unfilled(5, Some(10))], vec![close(StopUnfilled)]),
    ];
    for (name, mark, orders, expect) in cases {
        let mut state = ProtectionState::default();
        let steps = plan_at(&mut state, s(10), mark, &position(10), &orders);
        assert_eq!(steps, expect, "{name}");
        assert_eq!(state.protected(), is_protected(&position(10), &orders), "{name}");
        assert_eq!(
            state.protected(),
            orders.iter().any(|o| o.side == Side::Sell && o.phase == Confirmed && o.covers(Qty::whole(10))),
            "{name}"
        );
    }
}

#[test]
fn a_short_is_the_mirror_image() {
    let mut state = ProtectionState::default();
    assert_eq!(plan_at(&mut state, s(0), 100, &position(-10), &[]), [place(105, None)]);
    let confirmed = Protective { side: Side::Buy, ..stop(1, 105, None, Phase::Confirmed) };
    assert_eq!(plan_at(&mut state, s(1), 104, &position(-10), std::slice::from_ref(&confirmed)), []);
    assert!(state.protected() && state.confirmed_stop() == Some(Price::whole(105)));
    let wrong = stop(2, 95, None, Phase::Confirmed);
    assert_eq!(plan_at(&mut state, s(1), 104, &position(-10), &[confirmed, wrong]), [cancel(2)]);
    let mut state = ProtectionState::default();
    assert_eq!(plan_at(&mut state, s(0), 106, &position(-10), &[]), [close(CloseReason::StopCrossed)]);
}

#[test]
fn i10_the_ladder_ends_in_a_close_at_the_market() {
    let (mut state, row) = (ProtectionState::default(), position(10));
    // Refused each time: twice the usual kind, once another, then out.
    for expect in [place(95, None), place(95, None), place(95, Some(10)), close(CloseReason::Unprotectable)] {
        assert_eq!(plan_at(&mut state, s(0), 100, &row, &[]), [expect]);
    }
    assert_eq!(plan_at(&mut state, s(1), 100, &row, &[]), []);
    assert_eq!(state.next_deadline(), Some(s(2)));
    // Nobody knows which the venue will take first, so each round tries a close and a stop, of one kind and the other.
    for (second, stop) in [(2, place(95, None)), (4, place(95, Some(10))), (6, place(95, None))] {
        let round = [close(CloseReason::Unprotectable), stop];
        assert_eq!(plan_at(&mut state, s(second), 100, &row, &[]), round);
        assert_eq!(plan_at(&mut state, s(second + 1), 100, &row, &[]), [], "no flood");
    }
    assert_eq!(state.unprotected_since(), Some(s(0)));
    // A stop that is confirmed late ends it.
    assert_eq!(plan_at(&mut state, s(8), 100, &row, &[stop(1, 95, None, Phase::Confirmed)]), []);
    assert_eq!((state.protected(), state.unprotected_longest(s(20))), (true, Span::secs(8)));
    assert_eq!(plan_at(&mut state, s(9), 100, &row, &[]), [place(95, None)], "the ladder begins anew");
}

#[test]
fn silence_climbs_the_same_ladder() {
    let (mut state, row) = (ProtectionState::default(), position(10));
    let mut orders: Vec<Protective> = Vec::new();
    let mut told = Vec::new();
    for second in 0..=8 {
        for step in plan_at(&mut state, s(second), 100, &row, &orders) {
            if let Step::PlaceStop { trigger, amount } = step {
                let qty = match amount {
                    Amount::Qty(qty) => Some(qty),
                    Amount::ClosePosition => None,
                };
                let n = orders.len() as u32 + 1;
                orders.push(Protective { trigger, qty, placed_at: s(second), ..stop(n, 0, None, Phase::Pending) });
            }
            told.push((second, step));
        }
    }
    let expect = [
        (0, place(95, None)),
        (2, place(95, Some(10))),
        (4, place(95, Some(10))),
        (6, close(CloseReason::Unprotectable)),
        (6, place(95, Some(10))),
        (8, close(CloseReason::Unprotectable)),
        (8, place(95, Some(10))),
    ];
    assert_eq!(told, expect);
}

#[test]
fn no_more_stops_are_tried_than_may_be_resting_at_a_venue_that_says_nothing() {
    let row = position(10);
    let doubtful = |n: u32| (1..=n).map(|n| stop(n, 95, Some(10), FAILED)).collect::<Vec<_>>();
    for (silent, most) in [(true, 3), (false, 6)] {
        let mut state = ProtectionState::default();
        let fewer = plan_in(&mut state, s(0), 100, &row, &doubtful(most - 1), silent);
        assert_eq!(fewer, [place(95, Some(10))], "silent: {silent}");
        let as_many = plan_in(&mut state, s(3), 100, &row, &doubtful(most), silent);
        assert_eq!(as_many, [], "silent: {silent}");
    }
    // The venue is back: the round that the silence put off is made at once.
    let mut state = ProtectionState { attempts: STOP_ATTEMPTS, ..ProtectionState::default() };
    assert_eq!(plan_in(&mut state, s(0), 100, &row, &doubtful(3), true), [close(CloseReason::Unprotectable)]);
    assert_eq!(plan_in(&mut state, s(1), 100, &row, &doubtful(3), true), []);
    state.hurry();
    let round = [close(CloseReason::Unprotectable), place(95, Some(10))];
    assert_eq!(plan_in(&mut state, s(1), 100, &row, &doubtful(3), false), round);
}

#[test]
fn a_refused_move_is_repeated_with_growing_pauses_while_the_old_stop_stays() {
    let (mut state, row) = (ProtectionState::default(), position(10));
    let old = [stop(1, 93, None, Phase::Confirmed)];
    let moves: Vec<i64> =
        (0..100).filter(|second| !plan_at(&mut state, s(*second), 100, &row, &old).is_empty()).collect();
    assert_eq!(moves, [0, 2, 6, 14, 30, 62]);
    assert!(state.protected());
}

#[test]
fn a_stop_that_price_crossed_unheard_is_escalated() {
    let (mut state, row) = (ProtectionState::default(), position(10));
    let there = [stop(1, 95, None, Phase::Confirmed)];
    assert_eq!(plan_at(&mut state, s(0), 94, &row, &there), []);
    assert_eq!(state.next_deadline(), Some(s(5)));
    assert_eq!(plan_at(&mut state, s(3), 96, &row, &there), [], "price came back");
    assert_eq!(plan_at(&mut state, s(4), 94, &row, &there), []);
    assert_eq!(plan_at(&mut state, s(6), 94, &row, &there), []);
    assert_eq!(plan_at(&mut state, s(9), 94, &row, &there), [close(CloseReason::StopUnfilled)]);
    assert_eq!(CloseReason::StopUnfilled.exit(), ExitReason::StopLoss);
}

#[test]
fn one_take_profit_rests_beside_the_stop() {
    use Phase::{Confirmed, Leaving, Pending};
    let place = Step::PlaceTakeProfit { trigger: Price::whole(110), amount: Amount::ClosePosition };
    let triggered = |at| Protective { triggered_at: Some(s(at)), ..take_profit(2, 110, Confirmed) };
    type Case = (&'static str, Option<i64>, i64, Vec<Protective>, Vec<Step>);
    let cases: Vec<Case> = vec![
        ("none wanted", None, 100, vec![], vec![]),
        ("none wanted any more", None, 100, vec![take_profit(2, 110, Confirmed)], vec![cancel(2)]),
        ("first", Some(110), 100, vec![], vec![place]),
        ("on its way", Some(110), 100, vec![take_profit(2, 110, Pending)], vec![]),
        ("there", Some(110), 100, vec![take_profit(2, 110, Confirmed)], vec![]),
        ("in doubt", Some(110), 100, vec![take_profit(2, 110, FAILED)], vec![]),
        ("of another price", Some(110), 100, vec![take_profit(2, 112, Confirmed)], vec![cancel(2)]),
        ("on its way out", Some(110), 100, vec![take_profit(2, 112, Leaving)], vec![]),
        ("triggered just now", Some(110), 111, vec![triggered(6)], vec![]),
        ("triggered, not filled", Some(110), 111, vec![triggered(5)], vec![close(CloseReason::TakeProfitUnfilled)]),
        ("price is there already", Some(110), 111, vec![], vec![close(CloseReason::TakeProfitCrossed)]),
        (
            "two of them",
            Some(110),
            100,
            vec![take_profit(2, 110, Confirmed), take_profit(3, 110, Confirmed)],
            vec![cancel(3)],
        ),
    ];
    for (name, wanted, mark, mut orders, expect) in cases {
        orders.push(stop(1, 95, None, Confirmed));
        let row = PositionRow { take_profit: wanted.map(Price::whole), ..position(10) };
        let mut state = ProtectionState::default();
        assert_eq!(plan_at(&mut state, s(10), mark, &row, &orders), expect, "{name}");
        assert_eq!(
            state.confirmed_take_profit().is_some(),
            ["there", "two of them", "triggered just now", "triggered, not filled"].contains(&name),
            "{name}"
        );
    }
}

#[test]
fn a_refused_take_profit_is_repeated_with_growing_pauses() {
    let row = PositionRow { take_profit: Some(Price::whole(110)), ..position(10) };
    let (mut state, there) = (ProtectionState::default(), [stop(1, 95, None, Phase::Confirmed)]);
    let placed: Vec<i64> =
        (0..200).filter(|second| !plan_at(&mut state, s(*second), 100, &row, &there).is_empty()).collect();
    assert_eq!(placed, [0, 2, 6, 14, 30, 62, 122, 182]);
}

#[test]
fn triggers_are_rounded_to_the_tick_on_the_side_that_is_reached_earlier() {
    let row = PositionRow { stop: Some(Price::new(953, 1)), take_profit: Some(Price::new(1_102, 1)), ..position(10) };
    let steps = plan_at(&mut ProtectionState::default(), s(0), 100, &row, &[]);
    let stop = Step::PlaceStop { trigger: Price::new(955, 1), amount: Amount::ClosePosition };
    let take_profit = Step::PlaceTakeProfit { trigger: Price::whole(110), amount: Amount::ClosePosition };
    assert_eq!(steps, [stop, take_profit]);
}

#[test]
fn what_a_closed_position_left_behind_is_swept() {
    let mut state = ProtectionState::default();
    plan_at(&mut state, s(0), 100, &position(10), &[]);
    let left = [
        stop(1, 95, None, Phase::Confirmed),
        stop(2, 96, Some(10), Phase::Pending),
        stop(3, 96, Some(10), DOUBTFUL),
        take_profit(4, 110, Phase::Leaving),
    ];
    assert_eq!(plan_at(&mut state, s(7), 100, &position(0), &left), [cancel(1), cancel(2), cancel(3)]);
    assert_eq!((state.protected(), state.next_deadline()), (true, None));
    let closed_it = [Protective { triggered_at: Some(s(7)), ..stop(1, 95, None, Phase::Confirmed) }];
    assert_eq!(plan_at(&mut state, s(8), 94, &position(0), &closed_it), [], "it ends by itself");
    assert_eq!(state.next_deadline(), Some(s(12)));
    assert_eq!(plan_at(&mut state, s(12), 94, &position(0), &closed_it), [cancel(1)]);
    assert_eq!(state.unprotected_longest(s(100)), Span::secs(7));
    assert!(is_protected(&position(0), &[]));
}

#[test]
fn a_position_without_a_plan_is_shown_as_unprotected() {
    let row = PositionRow { stop: None, ..position(10) };
    let mut state = ProtectionState::default();
    assert_eq!(plan_at(&mut state, s(0), 100, &row, &[]), []);
    assert_eq!(state.unprotected_since(), Some(s(0)));
}

fn any_phase() -> impl Strategy<Value = Phase> {
    prop_oneof![Just(Phase::Pending), Just(Phase::Confirmed), Just(DOUBTFUL), Just(FAILED), Just(Phase::Leaving)]
}

fn any_order() -> impl Strategy<Value = Protective> {
    let trigger = prop_oneof![Just(93_i64), Just(95), Just(110), 80_i64..120];
    let qty = prop_oneof![Just(None), Just(Some(10_i64)), Just(Some(6)), Just(Some(12))];
    let since = prop::option::of(0_i64..20);
    (trigger, qty, any_phase(), any::<bool>(), any::<bool>(), 0_i64..20, since).prop_map(
        |(trigger, qty, phase, is_stop, sell, placed, since)| Protective {
            stop: is_stop,
            side: if sell { Side::Sell } else { Side::Buy },
            placed_at: s(placed),
            triggered_at: since.map(s),
            ..stop(1, trigger, qty, phase)
        },
    )
}

fn any_orders() -> impl Strategy<Value = Vec<Protective>> {
    prop::collection::vec(any_order(), 0..6).prop_map(|mut orders| {
        for (n, order) in orders.iter_mut().enumerate() {
            order.client_id = id(n as u32);
        }
        orders
    })
}

proptest! {
    #[test]
    fn no_situation_loses_a_stop_or_doubles_one(
        orders in any_orders(), mark in 85_i64..115, wanted in 93_i64..97, take_profit in prop::option::of(105_i64..115),
    ) {
        let row = PositionRow {
            stop: Some(Price::whole(wanted)), take_profit: take_profit.map(Price::whole), ..position(10)
        };
        let mut state = ProtectionState::default();
        let steps = plan_at(&mut state, s(20), mark, &row, &orders);
        let kept: Vec<Protective> = orders
            .iter()
            .filter(|order| !steps.contains(&Step::Cancel { client_id: order.client_id }))
            .cloned()
            .collect();
        prop_assert_eq!(is_protected(&row, &kept), is_protected(&row, &orders), "no stop is given up before another is there");
        let live = orders.iter().any(|order| order.stop && order.side == Side::Sell);
        let placed: Vec<&Step> = steps.iter().filter(|step| matches!(step, Step::PlaceStop { .. })).collect();
        prop_assert!(placed.len() <= 1);
        let second = placed.iter().any(|step| matches!(step, Step::PlaceStop { amount: Amount::ClosePosition, .. }));
        prop_assert!(!(live && second), "a second close-position stop on a side is refused");
        let closes = steps.iter().filter(|step| matches!(step, Step::CloseAtMarket { .. })).count();
        prop_assert!(closes <= 1);
        if !is_protected(&row, &orders) {
            let acts = !placed.is_empty() || closes == 1;
            prop_assert!(acts || state.next_deadline().is_some_and(|next| next <= s(23)), "I10");
            prop_assert_eq!(state.unprotected_since(), Some(s(20)));
        }
    }

    #[test]
    fn carried_out_by_a_venue_the_plan_comes_to_rest(orders in any_orders(), mark in 96_i64..104, n in 1_i64..15) {
        // A venue that answers within a second: what is placed is confirmed, what is cancelled goes, and what was
        // pending or in doubt turns out not to be there.
        let mut row = PositionRow { take_profit: Some(Price::whole(110)), ..position(n) };
        let (mut state, mut orders, mut next) = (ProtectionState::default(), orders, 100);
        for second in 20..60 {
            let steps = plan_at(&mut state, s(second), mark, &row, &orders);
            orders.retain(|order| order.phase == Phase::Confirmed);
            for step in steps {
                next += 1;
                let (is_stop, trigger, amount) = match step {
                    Step::PlaceStop { trigger, amount } => (true, trigger, amount),
                    Step::PlaceTakeProfit { trigger, amount } => (false, trigger, amount),
                    Step::Cancel { client_id } => {
                        orders.retain(|order| order.client_id != client_id);
                        continue;
                    }
                    Step::CloseAtMarket { .. } => {
                        row.qty = Qty::ZERO;
                        continue;
                    }
                };
                let qty = match amount { Amount::Qty(qty) => Some(qty), Amount::ClosePosition => None };
                let placed = stop(next, 0, None, Phase::Confirmed);
                orders.push(Protective { stop: is_stop, trigger, qty, placed_at: s(second), ..placed });
            }
        }
        if row.qty.is_zero() {
            prop_assert!(orders.is_empty(), "{:?}", orders);
        } else {
            prop_assert!(state.protected() && orders.len() == 2, "{:?}", orders);
        }
    }
}
