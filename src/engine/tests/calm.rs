//! Prices that lead to nothing, each held against the long way by the engine itself.

use proptest::prelude::*;

use super::*;
use crate::protocol::{Quote, Trade, Trailing};

fn price_near(hundredths: i64) -> Price {
    Price::new(100_000 + hundredths, 2)
}

fn traded(price: Price) -> MarketData {
    MarketData::Trade(Trade { id: TradeId(1), price, qty: Qty::ONE, taker: Side::Buy })
}

fn quoted(price: Price) -> MarketData {
    let ask = price + Price::new(1, 2);
    MarketData::Quote(Quote { bid: price, bid_qty: Qty::ONE, ask, ask_qty: Qty::ONE })
}

#[test]
fn a_position_that_nothing_happens_to_is_calm_until_price_comes_to_its_stop() {
    let mut bench = Bench::new();
    let [_, stop, _] = bench.open_position(BTC, Side::Buy);
    bench.market(BTC, traded(price_near(0)));
    let calm = |bench: &mut Bench, price| {
        let mut out = Actions::default();
        let event = MarketEvent { instrument: BTC, data: traded(price) };
        !bench.engine.on_market(bench.at, &event, &mut out)
    };
    let OrderKind::Stop { trigger, .. } = stop.kind else { panic!("a stop is a stop") };
    assert!(calm(&mut bench, price_near(-300)) && calm(&mut bench, price_near(-200)));
    // A new height of equity is looked at, since drawdowns count from it.
    assert!(!calm(&mut bench, price_near(300)) && calm(&mut bench, price_near(200)));
    assert!(!calm(&mut bench, trigger));
}

proptest! {
    #[test]
    fn prices_lead_where_the_long_way_does(
        short: bool,
        trailing: bool,
        prices in prop::collection::vec((0_i64..20_000, -400_i64..400, 0_u8..5), 1..150),
    ) {
        let mut bench = Bench::new();
        bench.open_position(BTC, if short { Side::Sell } else { Side::Buy });
        if let Some(row) = bench.engine.portfolio.position_mut(BTC).filter(|_| trailing) {
            let (activation, distance) = (Price::ONE, Price::whole(2));
            row.trailing = Some(Trailing { activation, distance, min_move: Price::new(5, 1) });
        }
        for (millis, hundredths, what) in prices {
            bench.pass(Span::millis(millis));
            let (price, open) = (price_near(hundredths), bench.at.floor(Span::MINUTE) - Span::MINUTE);
            match what {
                0 => bench.market(ETH, traded(price)),
                1 | 2 => bench.market(BTC, traded(price)),
                3 => bench.market(BTC, quoted(price)),
                _ => bench.market(BTC, MarketData::Bar(Bar { close: price, open: price, high: price, low: price, ..bar(open, 1) })),
            }
        }
    }
}
