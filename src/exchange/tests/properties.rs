//! Properties under random orders, markets and faults.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::faults::Chances;
use super::*;
use crate::protocol::Funding;
use Side::{Buy, Sell};

/// Something from outside, in small numbers; prices are tenths around 100.
#[derive(Debug, Clone)]
enum Act {
    Quote(i64, i64),
    Trade(bool, i64, i64),
    Bar(i64, i64, i64, i64),
    Mark(i64),
    Level(bool, i64, i64),
    Order { account: bool, buy: bool, kind: u8, price: i64, qty: i64, reduce: bool },
    Cancel(bool, u8),
    Wait(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let price = || 900_i64..1_100;
    prop_oneof![
        (price(), 1_i64..5).prop_map(|(bid, width)| Act::Quote(bid, width)),
        (any::<bool>(), price(), 1_i64..50).prop_map(|(buy, price, qty)| Act::Trade(buy, price, qty)),
        (price(), price(), price(), price()).prop_map(|(a, b, c, d)| Act::Bar(a, b, c, d)),
        price().prop_map(Act::Mark),
        (any::<bool>(), price(), 0_i64..20).prop_map(|(buy, price, qty)| Act::Level(buy, price, qty)),
        (any::<bool>(), any::<bool>(), 0_u8..8, price(), 1_i64..400, any::<bool>())
            .prop_map(|(account, buy, kind, price, qty, reduce)| Act::Order { account, buy, kind, price, qty, reduce }),
        (any::<bool>(), any::<u8>()).prop_map(|(account, which)| Act::Cancel(account, which)),
        (0_i64..40_000_000).prop_map(Act::Wait),
    ]
}

fn tenths(n: i64) -> Price {
    Price::new(n, 1)
}
fn side(buy: bool) -> Side {
    if buy { Buy } else { Sell }
}

/// A run's exchange with everything that came out of it.
struct Run {
    bench: Bench,
    orders: u32,
    told: Vec<Delivery>,
    rows: Vec<Change>,
}

impl Run {
    fn new(shape: FeedShape, config: AccountConfig, settings: Settings, chances: Chances) -> Run {
        let mut bench = Bench::with(settings, shape, config);
        bench.ex.set_faults(faults::Settings { chances, ..faults::Settings::default() }, DAY);
        Run { bench, orders: 0, told: Vec::new(), rows: Vec::new() }
    }

    fn act(&mut self, act: &Act) {
        let bench = &mut self.bench;
        match *act {
            Act::Quote(bid, width) => {
                let (bid, ask) = (tenths(bid), tenths(bid + width));
                bench
                    .market(BTC, MarketData::Quote(Quote { bid, bid_qty: Qty::whole(5), ask, ask_qty: Qty::whole(5) }));
            }
            Act::Trade(buy, price, qty) => {
                let (price, qty) = (tenths(price), Qty::new(qty, 1));
                bench.market(BTC, MarketData::Trade(Trade { id: TradeId(1), price, qty, taker: side(buy) }));
            }
            Act::Bar(open, high, low, close) => {
                let all = [open, high, low, close];
                let high = all.iter().max().copied().unwrap_or_default();
                let low = all.iter().min().copied().unwrap_or_default();
                let [open, high, low, close] = [open, high, low, close].map(tenths);
                let bar = Bar { open_time: bench.at, open, high, low, close, volume: Qty::whole(40) };
                bench.market(BTC, MarketData::Bar(bar));
            }
            Act::Mark(price) => {
                let next_funding = bench.at + Span::HOUR;
                let mark = Mark { price: tenths(price), funding_rate: Rate::bps(7), next_funding };
                bench.market(BTC, MarketData::Mark(mark));
            }
            Act::Level(buy, price, qty) => {
                let level = BookLevel { side: side(buy), price: tenths(price), qty: Qty::whole(qty) };
                bench.market(BTC, MarketData::Depth(Depth { snapshot: false, levels: vec![level] }));
            }
            Act::Order { account, buy, kind, price, qty, reduce } => {
                self.orders += 1;
                let account = if account { A } else { B };
                let order = request(self.orders, buy, kind, tenths(price), Qty::new(qty, 1), reduce);
                bench.ex.send(bench.at, account, VenueRequest::Submit(order));
            }
            Act::Cancel(account, which) => {
                let account = if account { A } else { B };
                let client_id = id(&format!("n{}", u32::from(which) % self.orders.max(1)));
                bench.ex.send(bench.at, account, VenueRequest::Cancel { client_id, instrument: BTC });
            }
            Act::Wait(micros) => bench.at += Span::micros(micros) * 60,
        }
        while let Some(delivery) = bench.ex.poll(bench.at) {
            self.told.push(delivery);
        }
        self.rows.extend(bench.ex.drain_changes());
    }

    fn finish(&mut self) {
        for _ in 0..4 {
            self.act(&Act::Wait(1_000_000));
        }
    }
}

fn request(number: u32, buy: bool, kind: u8, price: Price, qty: Qty, reduce: bool) -> OrderRequest {
    let (trigger, by) = (price, if reduce { TriggerBy::Last } else { TriggerBy::Mark });
    let kind = match kind {
        0 | 1 => OrderKind::Market,
        2 => OrderKind::Stop { trigger, by },
        3 => OrderKind::TakeProfit { trigger, by },
        4 => OrderKind::Limit { price, tif: TimeInForce::Ioc },
        5 => OrderKind::Limit { price, tif: TimeInForce::PostOnly },
        _ => OrderKind::Limit { price, tif: TimeInForce::Gtc },
    };
    let close = kind.is_conditional() && reduce && number.is_multiple_of(2);
    OrderRequest {
        client_id: id(&format!("n{number}")),
        instrument: BTC,
        side: side(buy),
        position_side: PositionSide::Both,
        kind,
        amount: if close { Amount::ClosePosition } else { Amount::Qty(qty) },
        reduce_only: reduce,
    }
}

fn shapes() -> impl Strategy<Value = FeedShape> {
    prop_oneof![
        Just(FeedShape::BARS),
        Just(QUOTES),
        Just(BOOK),
        Just(FeedShape { quotes: false, trades: true, mark: false, depth: false }),
    ]
}

fn configs() -> impl Strategy<Value = AccountConfig> {
    (prop_oneof![Just(MarginMode::Cross), Just(MarginMode::Isolated)], 1_u32..50, 50_i64..20_000).prop_map(
        |(margin, leverage, balance)| AccountConfig { balance: Usdt::whole(balance), leverage, hedge: false, margin },
    )
}

/// Faults that bend what the client sees and leave what is true alone.
fn storm() -> Chances {
    let chance = Rate::percent(8);
    Chances {
        request_lost: chance,
        request_late: chance,
        answer_lost: chance,
        reject: chance,
        rate_limit: chance,
        stop_rejected: chance,
        late_fill: Rate::percent(40),
        outage: Rate::percent(2),
        latency_spike: Rate::percent(2),
        clock_jump: Rate::percent(2),
        late_visibility: Rate::percent(2),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn money_and_quantities_are_conserved(
        shape in shapes(), config in configs(), stormy in any::<bool>(), acts in prop::collection::vec(act(), 1..120)
    ) {
        let chances = if stormy { storm() } else { Chances::default() };
        let mut run = Run::new(shape, config, calm(), chances);
        acts.iter().for_each(|act| run.act(act));
        run.finish();
        let mut trades: BTreeMap<(AccountId, u64), Qty> = BTreeMap::new();
        for account in run.bench.ex.accounts() {
            let (mut cash, mut position, mut fees) = (Usdt::ZERO, Qty::ZERO, Usdt::ZERO);
            let mut orders: BTreeMap<u64, (Qty, OrderChange)> = BTreeMap::new();
            for row in &run.rows {
                match row {
                    Change::Cash(row) if row.account == account => {
                        cash += row.amount;
                        if row.kind == CashKind::Fee {
                            fees += row.amount;
                        }
                    }
                    Change::Fill(row) if row.account == account => {
                        position += row.fill.qty * row.fill.side.sign();
                        fees += row.fill.fee;
                        prop_assert!(row.fill.qty.is_positive() && row.fill.price.is_positive());
                        let earlier = trades.insert((account, row.fill.trade_id.0), row.fill.qty);
                        prop_assert_eq!(earlier, None, "a trade counts once");
                        let filled = orders.entry(row.venue_order_id.0).or_insert_with(|| (Qty::ZERO, empty(row)));
                        filled.0 += row.fill.qty;
                    }
                    Change::Order(row) if row.account == account => {
                        let entry = orders.entry(row.venue_order_id.0).or_insert_with(|| (Qty::ZERO, row.clone()));
                        entry.1 = row.clone();
                        prop_assert_eq!(entry.0, row.filled, "an order is filled by its fills");
                        if let Amount::Qty(qty) = row.request.amount {
                            prop_assert!(row.filled <= qty);
                        }
                    }
                    Change::Cash(_) | Change::Fill(_) | Change::Order(_) | Change::Position(_) => {}
                }
            }
            prop_assert_eq!(cash, run.bench.ex.balance(account));
            prop_assert_eq!(position, run.bench.position(account));
            prop_assert_eq!(fees, Usdt::ZERO, "what the fills say was paid");
            if run.bench.ex.positions(account).is_empty() {
                prop_assert!(!run.bench.ex.balance(account).is_negative());
            }
            let open = orders.values().filter(|(_, row)| row.stage == crate::protocol::Stage::Working).count();
            prop_assert_eq!(open, run.bench.ex.core.accounts[account.index()].open.len());
        }
        let listed: usize = run.bench.ex.core.boards.iter()
            .map(|board| board.bids.len() + board.asks.len() + board.waiting.len()).sum();
        prop_assert_eq!(listed, run.bench.ex.core.orders.iter().count(), "an open order rests or waits");
    }

    #[test]
    fn reduce_only_never_grows_a_position(
        shape in shapes(), acts in prop::collection::vec(act(), 1..120)
    ) {
        let mut run = Run::new(shape, AccountConfig::default(), calm(), Chances::default());
        acts.iter().for_each(|act| run.act(act));
        let mut reducing: BTreeMap<u64, bool> = BTreeMap::new();
        let mut positions: BTreeMap<AccountId, Qty> = BTreeMap::new();
        for row in &run.rows {
            match row {
                Change::Order(row) => {
                    reducing.insert(row.venue_order_id.0, order::reduces(&row.request));
                }
                Change::Fill(row) => {
                    let position = positions.entry(row.account).or_default();
                    let after = *position + row.fill.qty * row.fill.side.sign();
                    if reducing.get(&row.venue_order_id.0) == Some(&true) {
                        prop_assert!(after.abs() < position.abs(), "{} to {}", position, after);
                        prop_assert!(after.is_zero() || after.is_positive() == position.is_positive());
                    }
                    *position = after;
                }
                Change::Cash(_) | Change::Position(_) => {}
            }
        }
    }

    #[test]
    fn a_state_written_and_read_back_goes_on_the_same(
        shape in shapes(), config in configs(), at in 0_usize..80, acts in prop::collection::vec(act(), 1..80)
    ) {
        let mut run = Run::new(shape, config, Settings::default(), storm());
        let mut twin = None;
        for (n, act) in acts.iter().enumerate() {
            if n == at {
                let bytes = postcard::to_allocvec(&run.bench.ex).unwrap();
                let ex: Exchange = postcard::from_bytes(&bytes).unwrap();
                let bench = Bench { ex, at: run.bench.at };
                twin = Some(Run { bench, orders: run.orders, told: run.told.clone(), rows: run.rows.clone() });
            }
            run.act(act);
            if let Some(twin) = &mut twin {
                twin.act(act);
            }
        }
        run.finish();
        if let Some(mut twin) = twin {
            twin.finish();
            prop_assert_eq!(&run.told, &twin.told);
            prop_assert_eq!(&run.rows, &twin.rows);
            prop_assert_eq!(postcard::to_allocvec(&run.bench.ex).unwrap(), postcard::to_allocvec(&twin.bench.ex).unwrap());
        }
    }

    #[test]
    fn reports_come_in_order_of_time(shape in shapes(), acts in prop::collection::vec(act(), 1..80)) {
        let mut run = Run::new(shape, AccountConfig::default(), Settings::default(), Chances::default());
        acts.iter().for_each(|act| run.act(act));
        run.finish();
        for pair in run.told.windows(2) {
            prop_assert!(pair[0].at <= pair[1].at);
        }
        for account in [A, B] {
            let times: Vec<Timestamp> = run.told.iter().filter(|one| one.account == account)
                .filter_map(|one| match &one.report {
                    VenueReport::Order(report) => Some(report.venue_time),
                    VenueReport::Account(_) => None,
                }).collect();
            prop_assert!(times.is_sorted(), "as they happened");
        }
    }

    #[test]
    fn no_garbage_brings_it_down(
        shape in shapes(), config in configs(), acts in prop::collection::vec((act(), garbage()), 1..60)
    ) {
        let mut run = Run::new(shape, config, calm(), Chances::default());
        for (act, (at, event)) in &acts {
            run.act(act);
            run.bench.ex.on_market(*at, event);
        }
    }
}

fn empty(row: &FillChange) -> OrderChange {
    let request = OrderRequest {
        client_id: row.fill.client_id,
        instrument: row.fill.instrument,
        side: row.fill.side,
        position_side: row.fill.position_side,
        kind: OrderKind::Market,
        amount: Amount::Qty(row.fill.qty),
        reduce_only: true,
    };
    order::Order::new(row.venue_order_id.0, row.account, request, row.fill.at).row(crate::protocol::Stage::Working)
}

fn any_price() -> impl Strategy<Value = Price> {
    prop_oneof![
        any::<i64>().prop_map(Price::whole),
        (-5_i64..2_000).prop_map(tenths),
        any::<i64>().prop_map(|n| Price::new(n, 12)),
        Just(Price::EPSILON),
    ]
}
fn any_qty() -> impl Strategy<Value = Qty> {
    prop_oneof![any::<i64>().prop_map(Qty::whole), (-5_i64..2_000).prop_map(|n| Qty::new(n, 3))]
}
fn any_time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        4 => (0_i64..1_000).prop_map(|n| DAY + Span::SECOND * n),
        1 => any::<i64>().prop_map(Timestamp::from_nanos),
    ]
}

fn garbage() -> impl Strategy<Value = (Timestamp, MarketEvent)> {
    let bar = || {
        (any_time(), any_price(), any_price(), any_price(), any_price(), any_qty())
            .prop_map(|(open_time, open, high, low, close, volume)| Bar { open_time, open, high, low, close, volume })
    };
    let data = prop_oneof![
        bar().prop_map(MarketData::Bar),
        (any_price(), any_qty(), any_price(), any_qty())
            .prop_map(|(bid, bid_qty, ask, ask_qty)| MarketData::Quote(Quote { bid, bid_qty, ask, ask_qty })),
        (any_price(), any_qty(), any::<bool>()).prop_map(|(price, qty, buy)| MarketData::Trade(Trade {
            id: TradeId(0),
            price,
            qty,
            taker: side(buy)
        })),
        (any_price(), any::<i64>(), any_time()).prop_map(|(price, rate, next_funding)| {
            MarketData::Mark(Mark { price, funding_rate: Rate::new(rate, 12), next_funding })
        }),
        (any_price(), any::<i64>())
            .prop_map(|(mark, rate)| MarketData::Funding(Funding { rate: Rate::new(rate, 12), mark })),
        (any::<bool>(), prop::collection::vec((any::<bool>(), any_price(), any_qty()), 0..8)).prop_map(
            |(snapshot, levels)| {
                let levels = levels.into_iter().map(|(buy, price, qty)| BookLevel { side: side(buy), price, qty });
                MarketData::Depth(Depth { snapshot, levels: levels.collect() })
            }
        ),
        prop::collection::vec(bar(), 0..4)
            .prop_map(|bars| MarketData::History { timeframe: crate::types::Timeframe::M1, bars }),
        any::<bool>().prop_map(MarketData::Tradable),
    ];
    (any_time(), 0_u16..4, data)
        .prop_map(|(at, instrument, data)| (at, MarketEvent { instrument: InstrumentId(instrument), data }))
}
