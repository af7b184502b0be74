//! What is summed up of an account, and carried along with its trades, is what its positions say.

use proptest::prelude::*;

use super::*;

/// The same exchange, which has to add everything up anew.
fn forgetful(exchange: &Exchange) -> Core {
    let mut core = exchange.core().clone();
    core.forget_standing(A);
    core
}

fn price_of(instrument: InstrumentId, shift: i64) -> Price {
    let (base, step) = if instrument == BTC { (50_000, 20) } else { (2_000, 1) };
    Price::whole(base + step * shift)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_account_that_is_summed_up_is_judged_as_one_that_is_looked_through(
        steps in prop::collection::vec((0_u8..8, any::<bool>(), any::<bool>(), 1_i64..40, -100_i64..100), 1..80),
    ) {
        let mut bench = Bench::with(calm(), FeedShape::BARS, Bench::account(MarginMode::Cross, 10, "30000"));
        let mut carried = 0;
        for (number, (kind, first, buy, size, shift)) in steps.into_iter().enumerate() {
            let (instrument, side) = (if first { BTC } else { ETH }, if buy { Side::Buy } else { Side::Sell });
            let (qty, name) = (Qty::new(size, if first { 2 } else { 0 }), format!("n{number}"));
            let order = |kind| OrderRequest {
                instrument,
                amount: Amount::Qty(qty),
                ..super::order(&name, side, "1", kind)
            };
            let price = price_of(instrument, shift);
            match kind {
                0 => {
                    let text = price.to_string();
                    bench.at += Span::MINUTE;
                    bench.bar_of(instrument, [&text, &text, &text, &text], "100");
                }
                1 => {
                    let _ = bench.ex.set_leverage(A, instrument, 5 + size.unsigned_abs() as u32);
                }
                2 => drop(bench.submit(A, order(OrderKind::Limit { price, tif: TimeInForce::Gtc }))),
                3 => drop(bench.submit(A, order(OrderKind::Stop { trigger: price, by: TriggerBy::Last }))),
                4 => drop(bench.request(A, VenueRequest::Cancel { client_id: id(&format!("n{}", number / 2)), instrument })),
                _ => drop(bench.submit(A, order(OrderKind::Market))),
            }
            let (known, anew) = (bench.ex.core(), forgetful(&bench.ex));
            carried += u32::from(known.standing(A).is_some());
            prop_assert_eq!(known.fails(A), anew.fails(A));
            for qty in ["0.01", "1", "30"] {
                for side in [Side::Buy, Side::Sell] {
                    let wanted = OrderRequest { instrument, ..market("wanted", side, qty) };
                    prop_assert_eq!(known.check_margin(A, &wanted), anew.check_margin(A, &wanted));
                }
            }
        }
        prop_assert!(carried > 0 || bench.ex.positions(A).is_empty());
    }
}
