//! Fees in an asset that the books are not in.

use super::*;
use crate::protocol::FeeInKind;

#[test]
fn a_fee_in_another_asset_is_kept_once_beside_the_books() {
    let mut bench = Bench::new();
    assert_eq!(bench.signal(Kind::EmaCross, BTC, Side::Buy), None);
    let entry = bench.last();
    let fee = |trade, amount: &str| {
        Event::Venue(VenueReport::Account(AccountReport::FeeInKind(FeeInKind {
            trade_id: TradeId(trade),
            client_id: entry.client_id,
            instrument: BTC,
            asset: "BNB".to_owned(),
            amount: amount.parse().expect("an amount"),
            at: START,
        })))
    };
    let rows = |bench: &Bench| {
        let is_fee = |action: &&Action| matches!(action, Action::Journal(Journal::FeeInKind(_)));
        bench.actions.iter().filter(is_fee).count()
    };
    let (cash, trade) = (bench.engine.view().cash, bench.trade + 1);
    bench.actions.clear();
    // Both the stream and a poll tell of it, before the trade and after.
    bench.event(fee(trade, "0.002"));
    bench.event(fee(trade, "0.002"));
    bench.fill_all(&entry, 1_000);
    bench.event(fee(trade, "0.002"));
    bench.event(fee(trade + 1, "0.001"));
    assert_eq!(rows(&bench), 2);
    let view = bench.engine.view();
    let paid: Vec<(&str, String)> =
        view.fees_in_kind.iter().map(|(asset, paid)| (asset.as_str(), paid.to_string())).collect();
    assert_eq!(paid, [("BNB", "0.003".to_owned())]);
    assert_eq!((view.cash, view.fees), (cash, Usdt::ZERO), "the wallet has not moved");
}
