//! Orders in two places. The venue's side is told as the engine would; the market is written by hand.

use super::*;
use crate::exchange::LatencyPoint;
use crate::protocol::{
    Course, FeeInKind, Gap, Knowledge, Mark, OrderIntent, OrderKind, OrderRow, PositionRow, Quote, TimeInForce,
    TriggerBy,
};
use crate::types::{Instrument, Leg, MarginTier, PositionSide, Price, Rate, Side, TradeId};

const BTC: InstrumentId = InstrumentId(0);
const START: Timestamp = Timestamp::from_secs(1_723_075_200);
const SHAPE: FeedShape = FeedShape { quotes: true, trades: true, mark: true, depth: false };
/// Every request takes 30 ms on paper, every report none.
const THERE: u32 = 30_000;

fn price(text: &str) -> Price {
    text.parse().unwrap()
}
fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}
fn usdt(text: &str) -> Usdt {
    text.parse().unwrap()
}
fn id(text: &str) -> ClientOrderId {
    text.parse().unwrap()
}
fn at(millis: i64) -> Timestamp {
    START + Span::millis(millis)
}

fn instruments() -> Instruments {
    let tier = MarginTier {
        notional_floor: Usdt::ZERO,
        notional_cap: Usdt::whole(1_000),
        max_leverage: 1,
        maintenance_rate: Rate::percent(1),
        maintenance_amount: Usdt::ZERO,
    };
    let btc = Instrument {
        symbol: "BTC/USDT:USDT".parse().unwrap(),
        venue_symbol: "BTCUSDT".to_owned(),
        tick: price("0.1"),
        step: qty("0.001"),
        min_qty: qty("0.001"),
        max_qty: qty("1000"),
        market_max_qty: qty("500"),
        min_notional: usdt("100"),
        percent_price: Rate::percent(5),
        maker_fee: Rate::bps(2),
        taker_fee: Rate::bps(5),
        liquidation_fee: Rate::bps(100),
        funding_interval: Span::HOUR,
        tiers: vec![tier],
    };
    Instruments::new(vec![btc]).unwrap()
}

fn settings() -> Settings {
    let flat = [0, 100].map(|percent| LatencyPoint { percent, micros: THERE });
    Settings { request_latency: flat.to_vec(), report_latency: Vec::new(), ..Settings::default() }
}

struct Bench(Shadow);

impl Bench {
    fn new() -> Bench {
        Bench::knowing(&Recovered::default())
    }

    fn knowing(known: &Recovered) -> Bench {
        let mut bench = Bench(Shadow::new(settings(), &instruments(), SHAPE, 7, START, known));
        bench.quote(0, "999.9", "1000");
        bench.mark(0, "1000");
        bench
    }

    fn market(&mut self, millis: i64, data: MarketData) {
        self.0.hear_market(at(millis), &MarketEvent { instrument: BTC, data });
    }

    fn quote(&mut self, millis: i64, bid: &str, ask: &str) {
        let (bid_qty, ask_qty) = (qty("50"), qty("50"));
        self.market(millis, MarketData::Quote(Quote { bid: price(bid), bid_qty, ask: price(ask), ask_qty }));
    }

    fn mark(&mut self, millis: i64, at: &str) {
        let mark = Mark { price: price(at), funding_rate: Rate::ZERO, next_funding: Timestamp::EPOCH };
        self.market(millis, MarketData::Mark(mark));
    }

    fn step(&mut self, millis: i64, actions: &[Action]) {
        self.0.hear_step(at(millis), &Event::Timer, actions);
    }

    fn submit(&mut self, millis: i64, request: OrderRequest) {
        self.step(millis, &[Action::Send(VenueRequest::Submit(request))]);
    }

    /// The venue has filled so much of an order, for a fee of a thousandth.
    fn filled(&mut self, millis: i64, request: &OrderRequest, price_text: &str, qty_text: &str) {
        let (price, qty) = (price(price_text), qty(qty_text));
        let fill = Fill {
            trade_id: TradeId(millis.unsigned_abs()),
            client_id: request.client_id,
            instrument: BTC,
            position_side: PositionSide::Both,
            side: request.side,
            price,
            qty,
            fee: price.notional(qty).divided_by(1_000, crate::types::Rounding::Up),
            maker: false,
            at: at(millis),
            path_dependent: false,
        };
        let row = Journal::Fill { fill, realised: Usdt::ZERO, position: qty };
        self.step(millis, &[Action::Journal(row)]);
    }

    fn ended(&mut self, millis: i64, request: &OrderRequest, reason: DoneReason, filled: &str) {
        let row = OrderRow { stage: Stage::Done(reason), filled: qty(filled), ..row(request) };
        self.step(millis, &[Action::Journal(Journal::Order(Box::new(row)))]);
    }

    fn holds(&mut self, millis: i64, signed: &str) {
        let row = Journal::Position(Box::new(position(signed)));
        self.step(millis, &[Action::Journal(row)]);
    }

    /// All rows, once everything up to this instant is worked through.
    fn rows(&mut self, millis: i64) -> Vec<ShadowRow> {
        self.quote(millis, "999.9", "1000");
        while self.0.work(1) {}
        self.0.take_rows()
    }
}

fn request(client_id: &str, side: Side, kind: OrderKind, amount: Amount) -> OrderRequest {
    OrderRequest {
        client_id: id(client_id),
        instrument: BTC,
        side,
        position_side: PositionSide::Both,
        kind,
        amount,
        reduce_only: false,
    }
}

fn market(client_id: &str, side: Side, amount: &str) -> OrderRequest {
    request(client_id, side, OrderKind::Market, Amount::Qty(qty(amount)))
}

fn stop(client_id: &str, trigger: &str) -> OrderRequest {
    let kind = OrderKind::Stop { trigger: price(trigger), by: TriggerBy::Mark };
    request(client_id, Side::Sell, kind, Amount::ClosePosition)
}

fn row(request: &OrderRequest) -> OrderRow {
    OrderRow {
        intent: OrderIntent {
            request: request.clone(),
            leg: Leg::Entry,
            strategy: "one".into(),
            reason: "why".into(),
            decided_at: START,
            reference_price: price("1000"),
            plan: None,
        },
        venue_order_id: None,
        stage: Stage::Working,
        knowledge: Knowledge::Known,
        cancel_pending: false,
        filled: Qty::ZERO,
        filled_notional: Usdt::ZERO,
        reject: None,
        updated_at: START,
    }
}

fn position(signed: &str) -> PositionRow {
    PositionRow {
        instrument: BTC,
        qty: qty(signed),
        cost: Usdt::ZERO,
        entry_price: price("1000"),
        opened_at: START,
        strategy: "one".into(),
        entry_id: id("entry"),
        stop: None,
        take_profit: None,
        trailing: None,
        best_price: price("1000"),
        max_qty: qty("1"),
        realised: Usdt::ZERO,
        fees: Usdt::ZERO,
        funding: Usdt::ZERO,
    }
}

#[test]
fn price_fee_and_time_are_held_against_each_other() {
    let mut bench = Bench::new();
    let buy = market("buy", Side::Buy, "2");
    bench.submit(1_000, buy.clone());
    // Paper buys 30 ms later at 1000 for 5 bps; the venue 250 ms later, in two parts, for 10 bps.
    bench.filled(1_200, &buy, "1000.5", "1");
    bench.filled(1_250, &buy, "1001", "1");
    bench.ended(1_250, &buy, DoneReason::Filled, "2");
    let rows = bench.rows(2_000);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(
        (row.sent_at, row.live.end, row.paper.end),
        (at(1_000), Some(DoneReason::Filled), Some(DoneReason::Filled))
    );
    assert_eq!((row.live.price(), row.paper.price()), (Some(price("1000.75")), Some(price("1000"))));
    assert_eq!((row.live.fee, row.paper.fee), (usdt("2.0015"), usdt("1")));
    let gap = Gap { price: usdt("1.5"), fee: Some(usdt("1.0015")), delay: Span::millis(220) };
    assert_eq!(row.gap(), Some(gap));
    let tally = ShadowTally {
        compared: 1,
        notional: usdt("2001.5"),
        price_cost: usdt("1.5"),
        fee_cost: usdt("1.0015"),
        delay_us: 220_000,
        delay_us_max: 220_000,
        ..ShadowTally::default()
    };
    assert_eq!(bench.0.tally(), tally);
    assert!(bench.0.exchange.positions(bench.0.account).is_empty(), "what paper holds is forgotten");
}

#[test]
fn a_better_sale_than_on_paper_is_a_negative_cost() {
    let mut bench = Bench::new();
    let sell = market("sell", Side::Sell, "1");
    bench.submit(1_000, sell.clone());
    bench.filled(1_010, &sell, "1000.9", "1");
    bench.ended(1_010, &sell, DoneReason::Filled, "1");
    let gap = bench.rows(2_000)[0].gap().unwrap();
    assert_eq!((gap.price, gap.delay), (usdt("-1"), Span::millis(-20)));
}

#[test]
fn parts_of_an_order_are_compared_by_what_the_venue_filled() {
    let mut bench = Bench::new();
    let buy = market("buy", Side::Buy, "2");
    bench.submit(1_000, buy.clone());
    bench.filled(1_100, &buy, "1001", "0.5");
    bench.ended(1_100, &buy, DoneReason::Expired, "0.5");
    assert_eq!(bench.rows(2_000), [], "more fills may be told");
    let gap = bench.rows(1_100 + PATIENCE.as_millis())[0].gap().unwrap();
    assert_eq!((gap.price, gap.fee), (usdt("0.5"), Some(usdt("0.2505"))));
}

#[test]
fn a_fee_in_another_asset_is_held_against_nothing() {
    let mut bench = Bench::new();
    let buy = market("buy", Side::Buy, "1");
    bench.submit(1_000, buy.clone());
    let fee = FeeInKind {
        trade_id: TradeId(1_100),
        client_id: buy.client_id,
        instrument: BTC,
        asset: "BNB".to_owned(),
        amount: qty("0.001"),
        at: at(1_100),
    };
    bench.step(1_100, &[Action::Journal(Journal::FeeInKind(Box::new(fee)))]);
    bench.filled(1_100, &buy, "1001", "1");
    bench.ended(1_100, &buy, DoneReason::Filled, "1");
    assert_eq!(bench.rows(2_000)[0].gap().map(|gap| (gap.price, gap.fee)), Some((usdt("1"), None)));
    assert_eq!((bench.0.tally().compared, bench.0.tally().fee_cost), (1, Usdt::ZERO));
}

#[test]
fn the_venues_clock_is_brought_to_ours() {
    let mut bench = Bench::new();
    let (offset, uncertainty) = (Span::millis(500), Span::ZERO);
    bench.0.hear_step(at(900), &Event::Clock { offset, uncertainty }, &[]);
    let buy = market("buy", Side::Buy, "1");
    bench.submit(1_000, buy.clone());
    bench.filled(1_600, &buy, "1000", "1");
    bench.ended(1_600, &buy, DoneReason::Filled, "1");
    assert_eq!(bench.rows(2_000)[0].gap().map(|gap| gap.delay), Some(Span::millis(70)));
}

#[test]
fn an_order_for_all_of_the_position_follows_it_until_it_triggers() {
    let mut bench = Bench::new();
    bench.holds(900, "0.4");
    let stop = stop("stop", "990");
    bench.submit(1_000, stop.clone());
    // While the order is on its way, and once it is there.
    bench.holds(1_010, "0.7");
    bench.holds(1_200, "1.5");
    bench.quote(2_000, "989.5", "989.6");
    bench.mark(2_000, "989.9");
    bench.filled(2_005, &stop, "989.3", "0.5");
    bench.holds(2_005, "1");
    bench.filled(2_010, &stop, "989.3", "1");
    bench.ended(2_010, &stop, DoneReason::Filled, "1.5");
    bench.holds(2_010, "0");
    let rows = bench.rows(3_000);
    let [row] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!(
        (row.paper.filled, row.paper.price(), row.paper.at),
        (qty("1.5"), Some(price("989.5")), Some(at(2_000)))
    );
    assert_eq!(row.gap().map(|gap| (gap.price, gap.delay)), Some((usdt("0.3"), Span::millis(10))));
}

#[test]
fn a_reducing_order_fills_whatever_paper_holds_and_however_little_it_is_worth() {
    let mut bench = Bench::new();
    let exit = OrderRequest { reduce_only: true, ..market("exit", Side::Sell, "0.001") };
    bench.submit(1_000, exit.clone());
    bench.filled(1_010, &exit, "999.9", "0.001");
    bench.ended(1_010, &exit, DoneReason::Filled, "0.001");
    assert_eq!(bench.rows(2_000)[0].paper.filled, qty("0.001"));
}

#[test]
fn what_fills_in_one_place_alone_is_counted_and_let_go() {
    let mut bench = Bench::new();
    let limit = |client_id, limit: &str| {
        let kind = OrderKind::Limit { price: price(limit), tif: TimeInForce::Gtc };
        request(client_id, Side::Buy, kind, Amount::Qty(qty("1")))
    };
    let (deep, near, never) = (limit("deep", "960"), market("near", Side::Buy, "1"), limit("never", "961"));
    for one in [&deep, &near, &never] {
        bench.submit(1_000, one.clone());
    }
    bench.filled(1_500, &deep, "960", "1");
    bench.ended(1_500, &deep, DoneReason::Filled, "1");
    bench.ended(1_500, &near, DoneReason::Rejected, "0");
    let cancel = VenueRequest::Cancel { client_id: never.client_id, instrument: BTC };
    bench.step(1_500, &[Action::Send(cancel)]);
    bench.ended(1_600, &never, DoneReason::Canceled, "0");
    assert_eq!(bench.rows(2_000), [], "they are waited for");
    let rows = bench.rows(1_600 + PATIENCE.as_millis());
    let [one, other] = &rows[..] else { panic!("{rows:?}") };
    assert_eq!((one.client_id, one.paper, one.gap()), (deep.client_id, Course::default(), None));
    assert_eq!((other.client_id, other.live.at, other.gap()), (near.client_id, None, None));
    let tally = ShadowTally { live_only: 1, paper_only: 1, unfilled: 1, ..ShadowTally::default() };
    assert_eq!(bench.0.tally(), tally);
    // It was taken from the exchange too: nothing of ours is open there.
    bench.rows(1_700 + PATIENCE.as_millis());
    assert_eq!(bench.0.exchange.open_orders(bench.0.account), []);
    assert!(bench.0.pairs.is_empty() && bench.0.ending.is_empty());
}

#[test]
fn fills_that_come_after_the_end_are_waited_for() {
    let mut bench = Bench::new();
    let buy = market("buy", Side::Buy, "1");
    bench.submit(1_000, buy.clone());
    // Its row says what was counted until then, which is nothing.
    bench.ended(1_100, &buy, DoneReason::Filled, "0");
    assert_eq!(bench.rows(1_200), []);
    bench.filled(1_050, &buy, "1000", "0.4");
    assert_eq!(bench.rows(1_300), []);
    bench.filled(1_060, &buy, "1000", "0.6");
    assert_eq!(bench.rows(1_400)[0].live.filled, qty("1"));
    // Where none are told, it is not said that the venue did not fill it.
    let untold = market("untold", Side::Buy, "1");
    bench.submit(2_000, untold.clone());
    bench.ended(2_100, &untold, DoneReason::Filled, "0");
    assert_eq!(bench.rows(2_100 + PATIENCE.as_millis()), []);
    assert_eq!((bench.0.tally().let_go, bench.0.tally().paper_only), (1, 0));
}

#[test]
fn a_stop_that_rests_at_the_venue_over_a_restart_is_put_to_paper_anew() {
    let (rests, gone) = (stop("rests", "990"), stop("gone", "980"));
    let ended = OrderRow { stage: Stage::Done(DoneReason::Canceled), ..row(&gone) };
    let entry = row(&market("entry", Side::Buy, "1"));
    let known =
        Recovered { orders: vec![row(&rests), ended, entry], positions: vec![position("1")], ..Recovered::default() };
    let mut bench = Bench::knowing(&known);
    bench.rows(1_000);
    assert_eq!(bench.0.pairs.keys().copied().collect::<Vec<_>>(), [rests.client_id]);
    // It triggered while nobody looked: there is nothing to hold it against.
    let mut late = Bench::knowing(&known);
    late.filled(-500, &rests, "989", "1");
    assert_eq!(late.rows(1_000), []);
    assert_eq!((late.0.tally().let_go, late.0.pairs.len()), (1, 0));
}

#[test]
fn what_there_was_no_room_to_hear_lets_go_of_everything_and_memory_stays() {
    let mut bench = Bench::new();
    let before = market("before", Side::Buy, "1");
    bench.submit(100, before.clone());
    bench.rows(200);
    assert_eq!(bench.0.pairs.len(), 1);
    bench.submit(300, market("waiting", Side::Buy, "1"));
    for _ in 0..MAX_HEARD + 5 {
        bench.quote(400, "999.9", "1000");
    }
    bench.submit(400, market("missed", Side::Buy, "1"));
    assert!(bench.0.heard.len() <= MAX_HEARD);
    bench.filled(500, &before, "1000", "1");
    assert_eq!(bench.rows(600), []);
    assert_eq!((bench.0.tally().let_go, bench.0.pairs.len()), (3, 0));
    // And it goes on with what comes.
    let after = market("after", Side::Buy, "1");
    bench.submit(1_000, after.clone());
    bench.filled(1_100, &after, "1000", "1");
    bench.ended(1_100, &after, DoneReason::Filled, "1");
    assert_eq!(bench.rows(2_000).len(), 1);
}

#[test]
fn orders_whose_end_is_never_told_do_not_pile_up() {
    let mut bench = Bench::new();
    for number in 0..MAX_PAIRS as i64 + 50 {
        bench.submit(1_000 + number, market(&format!("order{number}"), Side::Buy, "0.001"));
    }
    bench.rows(10_000);
    assert_eq!((bench.0.pairs.len(), bench.0.tally().let_go), (MAX_PAIRS, 50));
    assert!(!bench.0.pairs.contains_key(&id("order0")) && bench.0.pairs.contains_key(&id("order1000")));
}

#[test]
fn the_end_of_a_session_closes_what_is_over_at_the_venue() {
    let mut bench = Bench::new();
    bench.holds(900, "1");
    let (over, rests, early) = (stop("over", "990"), stop("rests", "900"), market("early", Side::Buy, "1"));
    for one in [&over, &rests, &early] {
        bench.submit(1_000, one.clone());
    }
    bench.filled(1_500, &over, "990", "1");
    bench.ended(1_500, &over, DoneReason::Filled, "1");
    bench.quote(1_500, "999.9", "1000");
    bench.0.close();
    let rows = bench.0.take_rows();
    assert_eq!(rows.iter().map(|row| row.client_id).collect::<Vec<_>>(), [over.client_id]);
    // Of the one that paper filled nobody knows what the venue makes of it; the one that rests is for the next session.
    let tally = ShadowTally { live_only: 1, let_go: 1, ..ShadowTally::default() };
    assert_eq!(bench.0.tally(), tally);
}

#[test]
fn a_step_with_nothing_to_do_stops_at_its_number() {
    let mut bench = Bench::new();
    for millis in 0..10 {
        bench.quote(millis, "999.9", "1000");
    }
    assert!(bench.0.work(5), "more is left");
    assert!(!bench.0.work(100));
}
