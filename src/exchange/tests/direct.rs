//! The driver without latency: orders with terms, amendments, modes, and margin set apart.

use std::collections::BTreeSet;

use super::*;
use crate::protocol::{DoneReason, Stage};
use crate::types::VenueOrderId;
use Side::{Buy, Sell};

/// Quote 100 / 100.1 and mark 100 for both instruments.
fn bench() -> Bench {
    let mut bench = Bench::new(QUOTES);
    for id in [BTC, ETH] {
        let quote = Quote { bid: p("100"), bid_qty: q("10"), ask: p("100.1"), ask_qty: q("10") };
        bench.market(id, MarketData::Quote(quote));
        let mark = Mark { price: p("100"), funding_rate: Rate::bps(1), next_funding: Timestamp::EPOCH };
        bench.market(id, MarketData::Mark(mark));
    }
    bench.trade(Buy, "100.1", "1");
    bench.ex.drain_changes();
    bench
}

fn place(bench: &mut Bench, request: &OrderRequest, terms: Terms) -> Result<VenueOrderId, i64> {
    bench.ex.place(bench.at, A, request, terms).map_err(|refusal| refusal.code)
}

/// The stages of an order since the last draining, with what was filled of it.
fn story(bench: &mut Bench, id: VenueOrderId) -> Vec<(Stage, String)> {
    let changes = bench.ex.drain_changes();
    let orders = changes.iter().filter_map(|change| match change {
        Change::Order(row) if row.venue_order_id == id => Some((row.stage, row.filled.to_string())),
        Change::Order(_) | Change::Fill(_) | Change::Cash(_) | Change::Position(_) => None,
    });
    orders.collect()
}

#[test]
fn an_order_is_answered_at_once_and_told_by_the_journal_alone() {
    let mut bench = bench();
    let id = place(&mut bench, &market("x", Buy, "1"), Terms::default()).unwrap();
    let told = story(&mut bench, id);
    assert_eq!(told, [(Stage::Working, "0".into()), (Stage::Done(DoneReason::Filled), "1".into())]);
    assert_eq!(bench.ex.poll(bench.at), None, "no report is kept");
    assert_eq!(place(&mut bench, &market("y", Buy, "0"), Terms::default()), Err(-4003));
    assert_eq!(story(&mut bench, VenueOrderId(2)), []);
    assert_eq!(bench.ex.would_place(A, &market("y", Buy, "1"), &Terms::default()), Ok(()));
    assert_eq!(bench.ex.accepted(A), 1, "asking whether it would be accepted is not placing it");
}

#[test]
fn a_stop_with_a_limit_rests_at_it_once_triggered() {
    let mut bench = bench();
    let limit = ThenLimit { price: p("105"), tif: TimeInForce::Gtc };
    let terms = Terms { then_limit: Some(limit), ..Terms::default() };
    let take_profit = order("x", Sell, "1", OrderKind::TakeProfit { trigger: p("103"), by: TriggerBy::Last });
    let id = place(&mut bench, &take_profit, terms).unwrap();
    bench.trade(Buy, "103", "1");
    assert_eq!(story(&mut bench, id), [(Stage::Working, "0".into()), (Stage::Working, "0".into())]);
    assert_eq!(bench.ex.open_orders(A).len(), 1, "it rests");
    bench.trade(Buy, "105.1", "5");
    assert_eq!(story(&mut bench, id), [(Stage::Done(DoneReason::Filled), "1".into())]);
    assert_eq!(bench.ex.positions(A)[0].entry_price, p("105"));
}

#[test]
fn a_trailing_stop_follows_and_fires() {
    let mut bench = bench();
    let trail = Trail { callback: Rate::percent(2), activation: Some(p("102")), best: None };
    let terms = Terms { trail: Some(trail), ..Terms::default() };
    let request = order("x", Sell, "1", OrderKind::Stop { trigger: p("102"), by: TriggerBy::Last });
    let id = place(&mut bench, &request, terms).unwrap();
    for price in ["97", "101.9", "102", "104", "102"] {
        bench.trade(Buy, price, "1");
    }
    assert_eq!(story(&mut bench, id), [(Stage::Working, "0".into())], "104 less two percent is 101.92");
    bench.trade(Sell, "101.9", "1");
    let told = story(&mut bench, id);
    assert_eq!(told.last(), Some(&(Stage::Done(DoneReason::Filled), "1".into())), "{told:?}");
    let begun = Terms { trail: Some(Trail { activation: Some(p("100")), ..trail }), ..Terms::default() };
    assert_eq!(place(&mut bench, &request, begun), Err(-2021), "the price is there already");
}

#[test]
fn a_protected_trigger_waits_while_last_and_mark_are_apart() {
    let mut bench = bench();
    let terms = Terms { protect: true, ..Terms::default() };
    let request = order("x", Buy, "1", OrderKind::Stop { trigger: p("104"), by: TriggerBy::Last });
    let id = place(&mut bench, &request, terms).unwrap();
    bench.trade(Buy, "106", "1");
    assert_eq!(story(&mut bench, id).len(), 1, "six percent above the mark");
    bench.mark("104");
    assert!(story(&mut bench, id).len() > 1, "two percent");
}

#[test]
fn who_gives_way_in_a_self_trade_is_the_takers_to_say() {
    for (policy, maker, taker) in [
        (SelfTrade::Taker, None, Some(DoneReason::Expired)),
        (SelfTrade::Maker, Some(DoneReason::Expired), Some(DoneReason::Filled)),
        (SelfTrade::Both, Some(DoneReason::Expired), Some(DoneReason::Expired)),
    ] {
        let mut bench = bench();
        let resting = place(&mut bench, &limit("rest", Buy, "1", "100.05").on_eth(), Terms::default()).unwrap();
        let terms = Terms { self_trade: policy, ..Terms::default() };
        let id = place(&mut bench, &limit("take", Sell, "1", "100").on_eth(), terms).unwrap();
        let rows = bench.ex.drain_changes();
        let last = |id: VenueOrderId| {
            let rows = rows.iter().rev();
            rows.filter_map(|row| if let Change::Order(row) = row { Some(row) } else { None })
                .find(|row| row.venue_order_id == id)
                .map(|row| (row.stage, row.met_own))
        };
        let done = |reason: Option<DoneReason>| reason.map_or(Stage::Working, Stage::Done);
        let met = |reason: Option<DoneReason>| reason == Some(DoneReason::Expired);
        assert_eq!(last(resting), Some((done(maker), met(maker))), "{policy:?}");
        assert_eq!(last(id), Some((done(taker), met(taker))), "{policy:?}");
    }
}

trait OnEth {
    fn on_eth(self) -> OrderRequest;
}
impl OnEth for OrderRequest {
    fn on_eth(self) -> OrderRequest {
        OrderRequest { instrument: ETH, ..self }
    }
}

#[test]
fn an_amended_order_keeps_its_number_and_what_it_filled() {
    let mut bench = bench();
    let id = place(&mut bench, &limit("x", Buy, "4", "99"), Terms::default()).unwrap();
    bench.trade(Sell, "98.9", "1");
    let amend = |bench: &mut Bench, price: &str, qty: &str| {
        bench.ex.amend(bench.at, A, id, p(price), q(qty)).map_err(|refusal| refusal.code)
    };
    assert_eq!(amend(&mut bench, "99.5", "3"), Ok(()));
    assert_eq!(amend(&mut bench, "99.5", "3"), Err(-5027), "nothing to change");
    assert_eq!(amend(&mut bench, "99.55", "3"), Err(-1111));
    assert_eq!(amend(&mut bench, "80", "100000"), Err(-4005));
    let open = bench.ex.open_orders(A);
    assert_eq!((open.len(), open[0].venue_order_id, open[0].filled), (1, id, q("1")));
    assert_eq!(open[0].request.kind, OrderKind::Limit { price: p("99.5"), tif: TimeInForce::Gtc });
    assert_eq!(amend(&mut bench, "100.1", "3"), Ok(()), "it takes what it has come to");
    assert!(bench.ex.open_orders(A).is_empty());
    assert_eq!(bench.ex.positions(A)[0].qty, q("3"));
    assert_eq!(amend(&mut bench, "99", "3"), Err(-2013));
    let id = place(&mut bench, &limit("y", Buy, "4", "99"), Terms::default()).unwrap();
    bench.trade(Sell, "98.9", "2");
    assert_eq!(bench.ex.amend(bench.at, A, id, p("98"), q("2")), Ok(()));
    assert_eq!(story(&mut bench, id).last(), Some(&(Stage::Done(DoneReason::Canceled), "2".into())));
}

#[test]
fn cross_and_isolated_positions_live_side_by_side() {
    let mut bench = Bench::with(calm(), QUOTES, Bench::account(MarginMode::Cross, 10, "100"));
    for id in [BTC, ETH] {
        let quote = Quote { bid: p("99.9"), bid_qty: q("100"), ask: p("100"), ask_qty: q("100") };
        bench.market(id, MarketData::Quote(quote));
    }
    bench.ex.set_margin_mode(bench.at, A, ETH, MarginMode::Isolated).unwrap();
    place(&mut bench, &market("btc", Buy, "2"), Terms::default()).unwrap();
    place(&mut bench, &market("eth", Buy, "2").on_eth(), Terms::default()).unwrap();
    let legs = bench.ex.legs(A);
    assert_eq!([legs[0].isolated, legs[1].isolated], [u("0"), u("20")]);
    let fees = u("0.2");
    assert_eq!(bench.ex.cross_wallet(A), u("100") - fees - u("20"));
    // ETH falls by a tenth: its own 20 are gone, and nothing else.
    let mark = |price: &str| Mark { price: p(price), funding_rate: Rate::ZERO, next_funding: Timestamp::EPOCH };
    bench.market(ETH, MarketData::Mark(mark("90")));
    let left: Vec<_> = bench.ex.positions(A).iter().map(|one| one.instrument).collect();
    assert_eq!(left, [BTC]);
    assert_eq!(bench.ex.balance(A), u("80") - fees, "an isolated position costs its margin, no more");
    // The cross position fails with the rest of the account.
    bench.market(BTC, MarketData::Mark(mark("60")));
    assert!(bench.ex.positions(A).is_empty());
    assert_eq!(bench.ex.balance(A), u("0"));
}

#[test]
fn the_public_book_shows_the_market_and_the_participants() {
    let mut bench = bench();
    place(&mut bench, &limit("x", Buy, "3", "100"), Terms::default()).unwrap();
    place(&mut bench, &limit("y", Buy, "1", "99.3"), Terms::default()).unwrap();
    let book = bench.ex.public_book(BTC, Buy, 2);
    assert_eq!((book[0].price, book[0].qty), (p("100"), q("13")));
    assert!(book[1].price < p("100"));
    assert!(bench.ex.public_book(BTC, Buy, 50).iter().any(|level| level.price == p("99.3") && level.qty == q("1")));
    assert!(bench.ex.public_book(InstrumentId(9), Buy, 5).is_empty());
}

/// The refusals that only this driver can come to.
pub(super) fn refusals() -> BTreeSet<i64> {
    let mut bench = bench();
    let at = bench.at;
    let mut seen = BTreeSet::new();
    let mut refused = |outcome: Result<(), Refusal>, code: i64| {
        assert_eq!(outcome.map_err(|refusal| refusal.code), Err(code));
        seen.insert(code);
    };
    let ex = &mut bench.ex;
    refused(ex.set_hedge(at, A, false), -4059);
    refused(ex.set_margin_mode(at, A, BTC, MarginMode::Cross), -4046);
    refused(ex.set_margin_mode(at, A, InstrumentId(9), MarginMode::Cross), -1121);
    refused(ex.amend(at, A, VenueOrderId(77), p("1"), q("1")), -2013);
    let id = ex.place(at, A, &limit("x", Buy, "1", "99"), Terms::default()).unwrap();
    refused(ex.amend(at, A, id, p("99"), q("1")), -5027);
    refused(ex.set_hedge(at, A, true), -4067);
    refused(ex.set_margin_mode(at, A, BTC, MarginMode::Isolated), -4047);
    assert!(!ex.withdraw(at, B, id, DoneReason::Canceled), "an order is its account's own");
    assert!(ex.withdraw(at, A, id, DoneReason::Canceled) && !ex.withdraw(at, A, id, DoneReason::Canceled));
    refused(ex.set_apart(at, A, BTC, PositionSide::Both, u("1")), -4054);
    ex.place(at, A, &market("x", Buy, "1"), Terms::default()).unwrap();
    refused(ex.set_hedge(at, A, true), -4068);
    refused(ex.set_margin_mode(at, A, BTC, MarginMode::Isolated), -4048);
    refused(ex.set_apart(at, A, BTC, PositionSide::Both, u("1")), -4049);
    ex.set_margin_mode(at, A, ETH, MarginMode::Isolated).unwrap();
    ex.place(at, A, &market("y", Buy, "1").on_eth(), Terms::default()).unwrap();
    refused(ex.set_apart(at, A, ETH, PositionSide::Both, u("100000")), -4050);
    refused(ex.set_apart(at, A, ETH, PositionSide::Both, u("-30")), -4051);
    assert_eq!(ex.set_apart(at, A, ETH, PositionSide::Both, u("50")), Ok(()));
    assert_eq!(ex.set_apart(at, A, ETH, PositionSide::Both, u("-49")), Ok(()));
    seen
}
