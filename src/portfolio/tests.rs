//! The books, against sums worked out by hand and against the cash flows that they stand for.

use proptest::prelude::*;

use super::*;
use crate::protocol::Trailing;
use crate::types::{Instrument, MarginTier, PositionSide, Rate, Span, TradeId};

const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);

fn instrument(symbol: &str) -> Instrument {
    let tier = |floor, cap, max_leverage, rate, amount| MarginTier {
        notional_floor: Usdt::whole(floor),
        notional_cap: Usdt::whole(cap),
        max_leverage,
        maintenance_rate: rate,
        maintenance_amount: Usdt::whole(amount),
    };
    Instrument {
        symbol: symbol.parse().unwrap(),
        venue_symbol: symbol.replace('/', ""),
        tick: Price::new(1, 2),
        step: Qty::new(1, 3),
        min_qty: Qty::new(1, 3),
        max_qty: Qty::whole(1_000),
        market_max_qty: Qty::whole(100),
        min_notional: Usdt::whole(5),
        percent_price: Rate::percent(5),
        maker_fee: Rate::bps(2),
        taker_fee: Rate::bps(5),
        liquidation_fee: Rate::bps(100),
        funding_interval: Span::HOUR * 8,
        tiers: vec![tier(0, 50_000, 125, Rate::bps(40), 0), tier(50_000, 250_000, 100, Rate::bps(50), 50)],
    }
}

fn portfolio(cash: i64) -> Portfolio {
    let table = Instruments::new(vec![instrument("BTC/USDT"), instrument("ETH/USDT")]).unwrap();
    Portfolio::new(&table, Usdt::whole(cash))
}

fn fill(side: Side, qty: Qty, price: Price, fee: Usdt) -> Fill {
    Fill {
        trade_id: TradeId(1),
        client_id: "entry-1".parse().unwrap(),
        instrument: BTC,
        position_side: PositionSide::Both,
        side,
        price,
        qty,
        fee,
        maker: false,
        at: Timestamp::from_secs(100),
        path_dependent: false,
    }
}

fn trade(portfolio: &mut Portfolio, side: Side, qty: i64, price: i64) -> FillEffect {
    portfolio.apply_fill(&fill(side, Qty::whole(qty), Price::whole(price), Usdt::ONE), &"s".into(), None)
}

fn usdt(text: &str) -> Usdt {
    text.parse().unwrap()
}

#[test]
fn fills_by_hand() {
    use Side::{Buy, Sell};
    // Each row: side, quantity, price; then realised, position, cost, opened, flipped, closed.
    let rows = [
        (Buy, 2, 100, 0, 2, 200, true, false, false),
        (Buy, 2, 110, 0, 4, 420, false, false, false),
        (Sell, 1, 120, 15, 3, 315, false, false, false),
        (Sell, 3, 100, -15, 0, 0, false, false, true),
        (Sell, 5, 100, 0, -5, 500, true, false, false),
        (Buy, 2, 90, 20, -3, 300, false, false, false),
        (Buy, 4, 110, -30, 1, 110, true, true, true),
        (Sell, 1, 110, 0, 0, 0, false, false, true),
    ];
    let mut portfolio = portfolio(1_000);
    let (mut cash, mut fees) = (Usdt::whole(1_000), Usdt::ZERO);
    for (side, qty, price, realised, position, cost, opened, flipped, closed) in rows {
        let effect = trade(&mut portfolio, side, qty, price);
        cash += Usdt::whole(realised) - Usdt::ONE;
        fees += Usdt::ONE;
        assert_eq!(effect.realised, Usdt::whole(realised), "{side} {qty} at {price}");
        assert_eq!((effect.position, effect.row.cost), (Qty::whole(position), Usdt::whole(cost)));
        assert_eq!((effect.opened, effect.flipped, effect.closed.is_some()), (opened, flipped, closed));
        assert_eq!(portfolio.position(BTC).is_some(), position != 0);
        assert_eq!((portfolio.cash(), portfolio.totals().fees), (cash, fees));
    }
    assert_eq!(portfolio.totals().realised, Usdt::whole(-10));
}

#[test]
fn a_round_trip_tells_its_averages() {
    let mut portfolio = portfolio(1_000);
    let plan = ProtectionPlan {
        stop: Price::whole(90),
        take_profit: Some(Price::whole(130)),
        trailing: Some(Trailing { activation: Price::ONE, distance: Price::ONE, min_move: Price::ONE }),
    };
    let first =
        portfolio.apply_fill(&fill(Side::Buy, Qty::ONE, Price::whole(100), Usdt::ONE), &"bounce".into(), Some(plan));
    assert_eq!((first.row.stop, first.row.take_profit), (Some(plan.stop), plan.take_profit));
    assert_eq!(first.row.trailing, plan.trailing);
    trade(&mut portfolio, Side::Buy, 3, 104);
    let row = portfolio.position(BTC).unwrap();
    assert_eq!((row.entry_price, &*row.strategy), (Price::whole(103), "bounce"));
    trade(&mut portfolio, Side::Sell, 1, 110);
    portfolio.apply_funding(&funding(7, -2));
    let closed = trade(&mut portfolio, Side::Sell, 3, 114).closed.expect("it is flat");
    assert_eq!((closed.side, closed.qty), (Side::Buy, Qty::whole(4)));
    assert_eq!((closed.entry_price, closed.exit_price), (Price::whole(103), Price::whole(113)));
    assert_eq!((closed.realised, closed.fees, closed.funding), (Usdt::whole(40), Usdt::whole(4), Usdt::whole(-2)));
    assert_eq!(closed.net(), portfolio.cash() - Usdt::whole(1_000));
}

#[test]
fn a_fill_through_zero_shares_its_fee() {
    let mut portfolio = portfolio(1_000);
    trade(&mut portfolio, Side::Buy, 1, 100);
    let effect =
        portfolio.apply_fill(&fill(Side::Sell, Qty::whole(3), Price::whole(90), Usdt::whole(9)), &"other".into(), None);
    let closed = effect.closed.expect("the long is over");
    assert_eq!((closed.realised, closed.fees), (Usdt::whole(-10), Usdt::whole(1 + 3)));
    assert_eq!((effect.row.fees, effect.row.realised), (Usdt::whole(6), Usdt::ZERO));
    assert_eq!((&*effect.row.strategy, effect.row.max_qty), ("other", Qty::whole(2)));
    assert_eq!(effect.realised, Usdt::whole(-10));
}

#[test]
fn rounding_is_against_us_and_comes_back() {
    for (open, close, first) in [(Side::Buy, Side::Sell, "-0.333333333334"), (Side::Sell, Side::Buy, "0.333333333333")]
    {
        let mut portfolio = portfolio(0);
        // Three units for 301, of which one leaves at 100: a third of 301 has no end.
        for (qty, price) in [(2, 100), (1, 101)] {
            portfolio.apply_fill(&fill(open, Qty::whole(qty), Price::whole(price), Usdt::ZERO), &"s".into(), None);
        }
        let effect = portfolio.apply_fill(&fill(close, Qty::ONE, Price::whole(100), Usdt::ZERO), &"s".into(), None);
        assert_eq!(effect.realised, usdt(first));
        portfolio.apply_fill(&fill(close, Qty::whole(2), Price::whole(100), Usdt::ZERO), &"s".into(), None);
        assert_eq!(portfolio.cash(), Usdt::whole(-open.sign()), "all of it is told in the end");
    }
}

#[test]
fn equity_follows_the_mark() {
    let mut portfolio = portfolio(1_000);
    trade(&mut portfolio, Side::Sell, 2, 100);
    assert_eq!((portfolio.equity(), portfolio.is_marked()), (Usdt::whole(999), false));
    portfolio.mark(BTC, Price::whole(90));
    assert!(portfolio.is_marked());
    assert_eq!((portfolio.unrealised(), portfolio.equity()), (Usdt::whole(20), Usdt::whole(1_019)));
    portfolio.mark(BTC, Price::ZERO);
    assert_eq!(portfolio.gross_notional(), Usdt::whole(180), "a price of nothing says nothing");
    portfolio.mark(ETH, Price::whole(5));
    assert_eq!((portfolio.equity(), portfolio.notional(ETH)), (Usdt::whole(1_019), Usdt::ZERO));
}

fn funding(id: u64, amount: i64) -> FundingPayment {
    let at = Timestamp::from_secs(1);
    FundingPayment { id, instrument: BTC, rate: Rate::bps(1), amount: Usdt::whole(amount), at }
}

#[test]
fn movements_count_once() {
    let mut portfolio = portfolio(1_000);
    assert!(portfolio.apply_funding(&funding(1, -3)) && !portfolio.apply_funding(&funding(1, -3)));
    let other = FundingPayment { instrument: ETH, ..funding(1, 5) };
    assert!(portfolio.apply_funding(&other), "numbers are counted by instrument");
    assert!(portfolio.apply_transfer(9, Usdt::whole(100)) && !portfolio.apply_transfer(9, Usdt::whole(100)));
    assert_eq!(portfolio.cash(), Usdt::whole(1_102));
    portfolio.set_cash(Usdt::whole(1_100));
    let sums = portfolio.totals();
    assert_eq!((sums.funding, sums.transfers, sums.adjustments), (Usdt::whole(2), Usdt::whole(100), Usdt::whole(-2)));
    let mut again = portfolio.clone();
    again.restore(&[], Usdt::whole(50), &[(BTC, 1), (InstrumentId(99), 1)], &[]);
    assert!(!again.apply_funding(&funding(1, -3)) && again.apply_funding(&funding(2, -3)));
    assert_eq!(again.cash(), Usdt::whole(47));
}

#[test]
fn what_is_no_trade_changes_nothing() {
    let huge = Qty::whole(900_000_000_000_000_000);
    for (qty, price, fee) in [
        (Qty::ZERO, Price::ONE, Usdt::ZERO),
        (-Qty::ONE, Price::ONE, Usdt::ZERO),
        (Qty::ONE, Price::ZERO, Usdt::ZERO),
        (Qty::ONE, -Price::ONE, Usdt::ZERO),
        (huge, Price::ONE, Usdt::ZERO),
        (huge, Price::EPSILON, Usdt::ZERO),
        (Qty::ONE, Price::ONE, Usdt::whole(i64::MAX)),
    ] {
        let mut portfolio = portfolio(1_000);
        trade(&mut portfolio, Side::Buy, 1, 100);
        let before = format!("{portfolio:?}");
        let effect = portfolio.apply_fill(&fill(Side::Sell, qty, price, fee), &"s".into(), None);
        assert!(effect.refused && effect.closed.is_none() && effect.position == Qty::ONE);
        assert_eq!(format!("{portfolio:?}"), before);
    }
}

#[test]
fn the_books_are_adjusted_to_the_venue() {
    let (at, id) = (Timestamp::from_secs(5), "adjust-1".parse().unwrap());
    let mut portfolio = portfolio(1_000);
    trade(&mut portfolio, Side::Buy, 4, 100);
    portfolio.position_mut(BTC).unwrap().stop = Some(Price::whole(90));
    let row = portfolio.adjust_position(at, BTC, Qty::whole(-1), Price::whole(101), id);
    assert_eq!((row.qty, row.cost, row.entry_price), (Qty::whole(3), Usdt::whole(303), Price::whole(101)));
    assert_eq!(row.stop, Some(Price::whole(90)), "the same position keeps its plan");
    let row = portfolio.adjust_position(at, BTC, Qty::whole(-5), Price::whole(99), id);
    assert_eq!((row.qty, row.stop, &*row.strategy), (Qty::whole(-2), None, "adopted"));
    let row = portfolio.adjust_position(at, BTC, Qty::whole(2), Price::ZERO, id);
    assert_eq!((row.qty, row.cost, portfolio.position(BTC)), (Qty::ZERO, Usdt::ZERO, None));
    assert_eq!(portfolio.equity(), Usdt::whole(999), "an adjustment has no result");
    let row = portfolio.adjust_position(at, ETH, Qty::ONE, Price::whole(10), id);
    assert_eq!((row.qty, row.cost, portfolio.positions().count()), (Qty::ONE, Usdt::whole(10), 1));
}

#[test]
fn margins_by_hand() {
    let mut portfolio = portfolio(10_000);
    let buy = |qty, price| fill(Side::Buy, Qty::whole(qty), Price::whole(price), Usdt::ZERO);
    portfolio.apply_fill(&buy(1, 40_000), &"s".into(), None);
    portfolio.mark(BTC, Price::whole(40_000));
    // 40 000 × 0.4 %; with leverage 3, a third rounded up.
    assert_eq!(portfolio.maintenance_margin(), Usdt::whole(160));
    assert_eq!(portfolio.initial_margin(3), usdt("13333.333333333334"));
    assert_eq!(portfolio.available(3), Usdt::ZERO);
    assert_eq!(portfolio.available(10), Usdt::whole(6_000));
    portfolio.mark(BTC, Price::whole(60_000));
    // 60 000 × 0.5 % − 50.
    assert_eq!(portfolio.maintenance_margin(), Usdt::whole(250));
}

#[test]
fn liquidation_prices_by_hand() {
    // Wallet 1 000; long 1 at 40 000: (40 000 − 1 000) ÷ (1 − 0.004). Short 1: (40 000 + 1 000) ÷ 1.004.
    // Short 2 reaches the second bracket: (80 000 + 1 000 + 50) ÷ 2.01.
    for (side, qty, expect) in [(Side::Buy, 1, "39156.62"), (Side::Sell, 1, "40836.65"), (Side::Sell, 2, "40323.38")] {
        let mut portfolio = portfolio(1_000);
        let fill = fill(side, Qty::whole(qty), Price::whole(40_000), Usdt::ZERO);
        portfolio.apply_fill(&fill, &"s".into(), None);
        portfolio.mark(BTC, Price::whole(40_000));
        let price = portfolio.liquidation_price(BTC).expect("it can be liquidated");
        assert_eq!(price.round_to(Price::new(1, 2), Rounding::Down), expect.parse().unwrap(), "{side} {qty}");
        // Seen from the venue: there equity meets the maintenance margin, and a little nearer it does not.
        let nearer = price + Price::new(side.sign(), 6);
        portfolio.mark(BTC, nearer);
        assert!(portfolio.equity() > portfolio.maintenance_margin());
        portfolio.mark(BTC, price - Price::new(side.sign(), 6));
        assert!(portfolio.equity() < portfolio.maintenance_margin());
    }
    let mut rich = portfolio(100_000);
    rich.apply_fill(&fill(Side::Buy, Qty::ONE, Price::whole(40_000), Usdt::ZERO), &"s".into(), None);
    assert_eq!((rich.liquidation_price(BTC), rich.liquidation_price(ETH)), (None, None));
}

fn any_fill() -> impl Strategy<Value = Fill> {
    (any::<bool>(), 1_i64..5_000, 1_i64..9_000_000, -50_i64..500, any::<bool>()).prop_map(
        |(buys, lots, ticks, fee, eth)| Fill {
            instrument: if eth { ETH } else { BTC },
            ..fill(
                if buys { Side::Buy } else { Side::Sell },
                Qty::new(lots, 3),
                Price::new(ticks, 2),
                Usdt::new(fee, 4),
            )
        },
    )
}

proptest! {
    /// Σ fills = position, and Σ cash flows = change of the balance, to the last digit: what was bought and sold, and
    /// nothing else, is what cash and positions are worth.
    #[test]
    fn books_are_their_cash_flows(fills in proptest::collection::vec(any_fill(), 1..60), mark in 1_i64..9_000_000) {
        let mut portfolio = portfolio(1_000_000);
        let mark = Price::new(mark, 2);
        let (mut flows, mut held) = (Usdt::whole(1_000_000), [Qty::ZERO; 2]);
        let mut closed = Usdt::ZERO;
        for fill in &fills {
            let effect = portfolio.apply_fill(fill, &"s".into(), None);
            flows += fill.price.notional(fill.qty) * -fill.side.sign() - fill.fee;
            held[fill.instrument.index()] += fill.qty * fill.side.sign();
            prop_assert_eq!(effect.position, held[fill.instrument.index()]);
            closed += effect.closed.map_or(Usdt::ZERO, |trade| trade.net());
        }
        for one in [BTC, ETH] {
            portfolio.mark(one, mark);
        }
        let worth: Usdt = held.iter().map(|qty| mark.notional(*qty)).sum();
        prop_assert_eq!(portfolio.equity(), flows + worth);
        let open: Usdt = portfolio.positions().map(|row| row.realised - row.fees).sum();
        prop_assert_eq!(portfolio.cash(), Usdt::whole(1_000_000) + closed + open);
        if held.iter().all(|qty| qty.is_zero()) {
            prop_assert_eq!(portfolio.cash(), flows);
        }
    }

    /// A restart in the middle changes no digit: neither from a snapshot nor from the ledger's rows.
    #[test]
    fn a_restart_changes_nothing(fills in proptest::collection::vec(any_fill(), 2..30), cut in 1_usize..29) {
        let cut = cut.min(fills.len() - 1);
        let mut whole = portfolio(1_000_000);
        for fill in &fills[..cut] {
            whole.apply_fill(fill, &"s".into(), None);
        }
        let bytes = postcard::to_stdvec(&whole).unwrap();
        let mut thawed: Portfolio = postcard::from_bytes(&bytes).unwrap();
        let rows: Vec<_> = whole.positions().cloned().collect();
        let mut restored = portfolio(0);
        restored.restore(&rows, whole.cash(), &[], &[]);
        for fill in &fills[cut..] {
            let effect = whole.apply_fill(fill, &"s".into(), None);
            prop_assert_eq!(&thawed.apply_fill(fill, &"s".into(), None), &effect);
            let again = restored.apply_fill(fill, &"s".into(), None);
            prop_assert_eq!((again.realised, &again.row), (effect.realised, &effect.row));
        }
        prop_assert_eq!(postcard::to_stdvec(&thawed).unwrap(), postcard::to_stdvec(&whole).unwrap());
        prop_assert_eq!((restored.cash(), restored.equity()), (whole.cash(), whole.equity()));
    }

    /// Whatever numbers come, there is an answer and the books balance.
    #[test]
    fn any_numbers_are_borne(
        rows in proptest::collection::vec((any::<bool>(), any::<i64>(), any::<i64>(), any::<i64>(), 0_u32..12), 1..20),
    ) {
        let mut portfolio = portfolio(1_000);
        for (buys, qty, price, fee, places) in rows {
            let side = if buys { Side::Buy } else { Side::Sell };
            let qty = Qty::new(qty, places);
            portfolio.apply_fill(&fill(side, qty, Price::new(price, 12 - places), Usdt::new(fee, places)), &"s".into(), None);
            portfolio.mark(BTC, Price::new(price, places));
            portfolio.apply_transfer(fee.unsigned_abs(), Usdt::new(price, places));
            let id = "adjust-1".parse().unwrap();
            portfolio.adjust_position(Timestamp::EPOCH, ETH, qty, Price::new(price, places), id);
            let _ = (portfolio.equity(), portfolio.liquidation_price(BTC), portfolio.liquidation_price(ETH));
        }
    }
}
