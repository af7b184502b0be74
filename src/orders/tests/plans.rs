//! Exposure, the planner and the trailing stop.

use proptest::prelude::*;

use super::super::planner::{Change, plan_exit, plan_growth};
use super::*;
use crate::protocol::{PositionRow, Trailing};
use crate::types::Usdt;

#[test]
fn exposure_counts_what_is_open_in_flight_or_in_doubt() {
    let mut orders = table();
    let id = entry(&mut orders);
    let exposure = orders.exposure(BTC);
    assert_eq!((exposure.buy, exposure.sell), (qty(10), Qty::ZERO));
    assert_eq!(exposure.buy_notional, Usdt::whole(1_010), "at its limit of 101, above the reference of 100");
    tell(&mut orders, id, s(1), filled(id, 1, 4));
    assert_eq!(orders.exposure(BTC).buy, qty(6));
    send(&mut orders, Leg::Exit, OrderKind::Market, Amount::Qty(qty(4)), s(1));
    send(&mut orders, Leg::Stop, stop(90), Amount::ClosePosition, s(1));
    assert_eq!(orders.exposure(BTC).sell, Qty::ZERO, "what only reduces adds nothing");
    tell(&mut orders, id, s(2), cancel_answered(CancelOutcome::NoSuchOrder));
    assert_eq!(orders.exposure(BTC).buy, qty(6), "in doubt is in full");
    tell(&mut orders, id, s(3), ended(DoneReason::Canceled, 4));
    assert_eq!(orders.exposure(BTC), Exposure::default());
    assert_eq!(orders.exposure(ETH), Exposure::default());
}

#[test]
fn the_worst_of_both_sides_counts() {
    let exposure =
        Exposure { buy: qty(2), sell: qty(5), buy_notional: Usdt::whole(200), sell_notional: Usdt::whole(500) };
    for (position, expect) in [(0, 500), (1, 400), (4, 600), (-1, 600)] {
        assert_eq!(exposure.worst_notional(qty(position), Price::whole(100)), Usdt::whole(expect), "{position}");
    }
}

#[test]
fn only_the_difference_is_traded() {
    let open = |buy, sell| Exposure { buy: qty(buy), sell: qty(sell), ..Exposure::default() };
    for (target, position, open, expect) in [
        (10, 0, open(0, 0), Some((Side::Buy, 10))),
        (10, 4, open(0, 0), Some((Side::Buy, 6))),
        (10, 4, open(6, 0), None),
        (10, 4, open(0, 3), Some((Side::Buy, 6))),
        (10, 12, open(0, 0), None),
        (10, -1, open(0, 0), None),
        (-10, -4, open(0, 1), Some((Side::Sell, 5))),
        (0, 3, open(0, 0), None),
    ] {
        let change = plan_growth(qty(target), qty(position), &open).map(|change| (change.side, change.qty));
        assert_eq!(change, expect.map(|(side, n)| (side, qty(n))), "{target} from {position}");
    }
}

proptest! {
    #[test]
    fn i9_exits_on_their_way_never_add_up_to_more_than_the_position(
        position in -20_i64..=20, exits in prop::collection::vec((any::<bool>(), 1_i64..8), 0..5),
    ) {
        let exits: Vec<Change> = exits
            .into_iter()
            .map(|(buy, n)| Change { side: if buy { Side::Buy } else { Side::Sell }, qty: qty(n) })
            .collect();
        let side = if position > 0 { Side::Sell } else { Side::Buy };
        let covered: Qty = exits.iter().filter(|exit| exit.side == side).map(|exit| exit.qty).sum();
        match plan_exit(qty(position), exits) {
            Some(change) => {
                prop_assert_eq!(change.side, side);
                prop_assert_eq!(change.qty + covered, qty(position.abs()));
            }
            None => prop_assert!(covered >= qty(position.abs())),
        }
    }

    #[test]
    fn long_and_short_trail_as_mirror_images(
        best in 100_i64..130, price in 90_i64..140, stop in 80_i64..120, activation in 1_i64..10, distance in 1_i64..10,
    ) {
        let trailing = Trailing {
            activation: Price::whole(activation), distance: Price::whole(distance), min_move: Price::whole(2),
        };
        let mirror = |price: i64| Price::whole(200 - price);
        let long = PositionRow { best_price: Price::whole(best), trailing: Some(trailing), ..long(stop) };
        let short = PositionRow {
            qty: qty(-10), stop: Some(mirror(stop)), best_price: mirror(best), trailing: Some(trailing), ..long.clone()
        };
        let (up, down) = (trail(&long, Price::whole(price), Price::ONE), trail(&short, mirror(price), Price::ONE));
        prop_assert_eq!(up.map(|stop| Price::whole(200) - stop), down);
        prop_assert!(up.is_none_or(|moved| moved >= Price::whole(stop + 2)), "in favour, by the smallest move");
    }
}

fn long(stop: i64) -> PositionRow {
    PositionRow {
        instrument: BTC,
        qty: qty(10),
        cost: Usdt::whole(1_000),
        entry_price: Price::whole(100),
        opened_at: s(0),
        strategy: "ema_cross".into(),
        entry_id: table().next_id(Leg::Entry),
        stop: Some(Price::whole(stop)),
        take_profit: None,
        trailing: None,
        best_price: Price::whole(100),
        max_qty: qty(10),
        realised: Usdt::ZERO,
        fees: Usdt::ZERO,
        funding: Usdt::ZERO,
    }
}

#[test]
fn a_stop_trails_once_it_is_active_and_only_upwards() {
    let trailing = Trailing { activation: Price::whole(5), distance: Price::new(35, 1), min_move: Price::ONE };
    for (stop, best, price, expect) in [
        (95, 100, 104, None),
        (95, 100, 105, Some(101)),
        (95, 110, 103, Some(106)),
        (101, 105, 105, None),
        (106, 110, 112, Some(108)),
        (107, 110, 111, None),
    ] {
        let row = PositionRow { trailing: Some(trailing), best_price: Price::whole(best), ..long(stop) };
        let moved = trail(&row, Price::whole(price), Price::ONE);
        assert_eq!(moved, expect.map(Price::whole), "stop {stop}, best {best}, price {price}");
    }
    assert_eq!(trail(&long(95), Price::whole(150), Price::ONE), None, "no trailing plan");
    let flat = PositionRow { qty: Qty::ZERO, trailing: Some(trailing), ..long(95) };
    assert_eq!(trail(&flat, Price::whole(150), Price::ONE), None);
}
