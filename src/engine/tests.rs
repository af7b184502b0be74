//! Tests of the engine as a whole, against a venue that says what the test wants of orders and agrees with our books
//! about everything else.

mod calm;
mod fees;
mod flatten;
mod protection;
mod restarts;

use super::*;
use crate::market::tests::instruments;
use crate::orders::Settings as OrderSettings;
use crate::protocol::{
    AccountReport, Action, Amount, Bar, Command, ConnectionState, DoneReason, Fill, Journal, Link, Lookup, MarketData,
    MarketEvent, NoticeKind, OrderKind, OrderReport, OrderRequest, OrderSnapshot, PositionSnapshot, Recovered,
    ReportBody, Stage, TradingState, VenueReport, VenueRequest,
};
use crate::strategy::{Draft, Kind, Limits, Signal};
use crate::types::{
    ClientOrderId, Leg, PositionSide, Price, Qty, Rate, Rounding, Side, Span, Timeframe, TradeId, VenueOrderId,
};

const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);
/// 2024-10-01 00:00 UTC.
const START: Timestamp = Timestamp::from_secs(1_727_740_800);
/// More timers than the parts of the engine can be due at one instant.
const MOST_AT_ONE_INSTANT: u32 = 50;

struct Bench {
    engine: Engine,
    at: Timestamp,
    trade: u64,
    /// Orders that were sent, in order.
    sent: Vec<OrderRequest>,
    /// Everything else that was wanted.
    actions: Vec<Action>,
}

impl Bench {
    /// A session that is ready, with fresh bars at 1000 USDT.
    fn new() -> Bench {
        Bench::with(Settings::default())
    }

    fn with(settings: Settings) -> Bench {
        let mut bench = Bench::unstarted(settings);
        bench.begin(Recovered { epoch: 1, ..Recovered::default() });
        assert!(bench.engine.is_ready(), "{:?}", bench.engine.view().waiting_for);
        bench
    }

    fn unstarted(settings: Settings) -> Bench {
        let rooms = Rooms {
            engine: settings,
            market: crate::market::Settings::default(),
            orders: OrderSettings::default(),
            strategy: crate::strategy::Settings::demo(),
            regime: crate::strategy::RegimeSettings::demo(),
            risk: crate::risk::Settings::default(),
        };
        let identity = Identity { account: *b"papr", instance: *b"a1" };
        let engine = Engine::new(rooms, identity, &instruments(2), FeedShape::BARS);
        Bench { engine, at: START, trade: 0, sent: Vec::new(), actions: Vec::new() }
    }

    fn begin(&mut self, recovered: Recovered) {
        for timeframe in self.engine.history_plan(START).into_iter().map(|need| need.timeframe) {
            for instrument in [BTC, ETH] {
                let bars =
                    if timeframe == Timeframe::M1 { vec![bar(self.at - Span::MINUTE, 1_000)] } else { Vec::new() };
                self.market(instrument, MarketData::History { timeframe, bars });
            }
        }
        self.event(Event::Recovered(Box::new(recovered)));
        self.minute(1_000);
    }

    fn event(&mut self, event: Event) {
        let mut actions = Actions::default();
        self.engine.on_event(self.at, &event, &mut actions);
        for action in actions.drain() {
            match &action {
                Action::Send(VenueRequest::Submit(request)) => {
                    let (id, instrument) = (request.client_id, request.instrument);
                    self.sent.push(request.clone());
                    self.report(id, instrument, ReportBody::Sent);
                }
                Action::Send(VenueRequest::OpenOrders) => {
                    let open = self.engine.orders.open().filter(|row| row.stage == Stage::Working);
                    let listed = open.map(|row| OrderSnapshot {
                        request: row.intent.request.clone(),
                        venue_order_id: VenueOrderId(1),
                        filled: row.filled,
                        created_at: row.intent.decided_at,
                    });
                    let listed = listed.collect();
                    self.account(AccountReport::OpenOrders(listed));
                }
                Action::Send(VenueRequest::Positions) => {
                    let positions = self.engine.portfolio.positions().map(|row| PositionSnapshot {
                        instrument: row.instrument,
                        position_side: PositionSide::Both,
                        qty: row.qty,
                        entry_price: row.entry_price,
                        updated_at: row.opened_at,
                    });
                    let positions = positions.collect();
                    self.account(AccountReport::Positions(positions));
                }
                Action::Send(VenueRequest::Balance) => {
                    let cash = Some(self.engine.portfolio.cash()).filter(|cash| !cash.is_zero());
                    let cash = cash.unwrap_or(Usdt::whole(10_000));
                    self.account(AccountReport::Balance(cash));
                }
                Action::Send(VenueRequest::Fills { .. }) => self.account(AccountReport::Fills(Vec::new())),
                Action::Send(VenueRequest::Cancel { .. } | VenueRequest::QueryOrder { .. })
                | Action::Journal(_)
                | Action::Notify(_)
                | Action::Backfill { .. }
                | Action::RestartFeed { .. }
                | Action::Leave { .. } => {}
            }
            self.actions.push(action);
        }
    }

    fn account(&mut self, report: AccountReport) {
        self.event(Event::Venue(VenueReport::Account(report)));
    }

    fn report(&mut self, client_id: ClientOrderId, instrument: InstrumentId, body: ReportBody) {
        let report = OrderReport { client_id, instrument, venue_order_id: None, venue_time: self.at, body };
        self.event(Event::Venue(VenueReport::Order(report)));
    }

    fn market(&mut self, instrument: InstrumentId, data: MarketData) {
        self.event(Event::Market(MarketEvent { instrument, data }));
    }

    /// A minute passes on both symbols and closes at `price`.
    fn minute(&mut self, price: i64) {
        let open = self.at.floor(Span::MINUTE);
        self.pass(open + Span::MINUTE - self.at);
        for instrument in [BTC, ETH] {
            self.market(instrument, MarketData::Bar(bar(open, price)));
        }
    }

    /// Time passes, and nothing happens but what the engine has set itself to do.
    fn pass(&mut self, span: Span) {
        let end = self.at + span;
        let mut timers = (self.at, 0);
        while let Some(due) = self.engine.next_deadline().filter(|due| *due <= end) {
            self.at = self.at.max(due);
            timers = if timers.0 == self.at { (self.at, timers.1 + 1) } else { (self.at, 1) };
            assert!(timers.1 < MOST_AT_ONE_INSTANT, "the engine is due again and again at {}", self.at);
            self.event(Event::Timer);
        }
        self.at = end;
    }

    /// A strategy asks for an entry at 1000 with its stop 10 away. Why it was refused, if it was.
    fn signal(&mut self, strategy: Kind, instrument: InstrumentId, side: Side) -> Option<String> {
        let (entry, sign) = (Price::whole(1_000), side.sign());
        let draft = Draft {
            instrument,
            strategy: strategy.as_str(),
            side,
            entry,
            stop: entry - Price::whole(10) * sign,
            take_profit: Some(entry + Price::whole(30) * sign),
            trailing: None,
            reason: "a test".into(),
        };
        let limits = Limits { reward_to_risk: Rate::ONE, stop_distance: Rate::bps(30), leaves: false };
        let signal = Signal::new(draft, &limits).expect("a consistent signal");
        let mut out = Actions::default();
        self.engine.enter(self.at, &signal, &mut out);
        for action in out.drain() {
            if let Action::Send(VenueRequest::Submit(request)) = &action {
                self.sent.push(request.clone());
                self.report(request.client_id, request.instrument, ReportBody::Sent);
            }
            self.actions.push(action);
        }
        let rows = self.journal(|row| match row {
            Journal::Signal(row) => Some(row.rejected.as_ref().map(|reason| reason.to_string())),
            _ => None,
        });
        rows.last().cloned().expect("a signal leaves a row")
    }

    fn journal<T>(&self, pick: impl Fn(&Journal) -> Option<T>) -> Vec<T> {
        let rows = self.actions.iter().filter_map(|action| match action {
            Action::Journal(row) => pick(row),
            _ => None,
        });
        rows.collect()
    }

    fn notices(&self, kind: NoticeKind) -> usize {
        self.actions.iter().filter(|action| matches!(action, Action::Notify(notice) if notice.kind == kind)).count()
    }

    fn is_cancelled(&self, id: ClientOrderId) -> bool {
        let cancels = |action: &Action| matches!(action, Action::Send(VenueRequest::Cancel { client_id, .. }) if *client_id == id);
        self.actions.iter().any(cancels)
    }

    fn last(&self) -> OrderRequest {
        self.sent.last().expect("an order was sent").clone()
    }

    fn accept(&mut self, request: &OrderRequest) {
        self.report(request.client_id, request.instrument, ReportBody::Accepted);
    }

    fn reject(&mut self, request: &OrderRequest) {
        let body = ReportBody::Rejected { code: -2021, reason: "no".to_owned() };
        self.report(request.client_id, request.instrument, body);
    }

    fn fill(&mut self, request: &OrderRequest, qty: Qty, price: i64) {
        self.trade += 1;
        let fill = Fill {
            trade_id: TradeId(self.trade),
            client_id: request.client_id,
            instrument: request.instrument,
            position_side: PositionSide::Both,
            side: request.side,
            price: Price::whole(price),
            qty,
            fee: Usdt::ZERO,
            maker: false,
            at: self.at,
            path_dependent: false,
        };
        self.report(request.client_id, request.instrument, ReportBody::Filled(fill));
    }

    fn fill_all(&mut self, request: &OrderRequest, price: i64) {
        self.fill(request, quantity(request), price);
    }

    /// A position of `ema_cross` with its stop and take profit confirmed. Its entry, stop and take profit.
    fn open_position(&mut self, instrument: InstrumentId, side: Side) -> [OrderRequest; 3] {
        assert_eq!(self.signal(Kind::EmaCross, instrument, side), None);
        let entry = self.last();
        self.fill_all(&entry, 1_000);
        let placed: Vec<OrderRequest> = self.sent[self.sent.len() - 2..].to_vec();
        for order in &placed {
            assert_eq!(order.amount, Amount::ClosePosition);
            self.accept(order);
        }
        let view = self.engine.view();
        assert!(view.positions.iter().all(|one| one.stop.is_some() && one.take_profit.is_some()));
        [entry, placed[0].clone(), placed[1].clone()]
    }
}

fn bar(open_time: Timestamp, price: i64) -> Bar {
    let price = Price::whole(price);
    Bar { open_time, open: price, high: price, low: price, close: price, volume: Qty::ONE }
}

fn quantity(request: &OrderRequest) -> Qty {
    match request.amount {
        Amount::Qty(qty) => qty,
        Amount::ClosePosition => panic!("the order has no quantity"),
    }
}

#[test]
fn one_net_position_and_every_refusal_is_counted_by_its_reason() {
    type Arrange = fn(&mut Bench);
    let cases: [(&str, Arrange); 8] = [
        ("conflict", |bench| {
            bench.open_position(BTC, Side::Buy);
        }),
        ("entry_pending", |bench| assert_eq!(bench.signal(Kind::EmaCross, BTC, Side::Buy), None)),
        ("paused", |bench| bench.event(Event::Command(Command::Pause))),
        ("shutting_down", |bench| {
            bench.event(Event::Command(Command::Shutdown { flatten: false, reason: "end".to_owned() }));
        }),
        ("reconciliation_pending", |bench| {
            bench.event(Event::Connection { link: Link::User, state: ConnectionState::Lost });
        }),
        ("stale_data", |bench| bench.at += Span::mins(3)),
        ("clock", |bench| bench.event(Event::Clock { offset: Span::ZERO, uncertainty: Span::SECOND })),
        ("health_critical", |bench| {
            let reasons = vec!["a probe".to_owned()];
            bench.event(Event::Health { status: crate::protocol::HealthStatus::Critical, reasons });
        }),
    ];
    for (reason, arrange) in cases {
        let mut bench = Bench::new();
        arrange(&mut bench);
        let before = bench.sent.len();
        for _ in 0..2 {
            let refused = bench.signal(Kind::DonchianBreakout, BTC, Side::Sell);
            assert_eq!(refused.as_deref(), Some(reason));
        }
        assert_eq!(bench.sent.len(), before, "{reason}: nothing is sent");
        assert_eq!(bench.engine.view().signals_rejected.get(reason), Some(&2));
    }
}

#[test]
fn the_same_strategy_does_not_add_to_its_position_and_another_symbol_is_free() {
    let mut bench = Bench::new();
    bench.open_position(BTC, Side::Buy);
    assert_eq!(bench.signal(Kind::EmaCross, BTC, Side::Buy).as_deref(), Some("position_open"));
    bench.open_position(ETH, Side::Sell);
    let view = bench.engine.view();
    assert_eq!((view.positions.len(), view.positions_opened), (2, 2));
}

#[test]
fn a_halt_cancels_entries_and_leaves_stops() {
    let mut bench = Bench::with(Settings { entry: EntryStyle::Limit, ..Settings::default() });
    assert_eq!(bench.signal(Kind::EmaCross, BTC, Side::Buy), None);
    let entry = bench.last();
    bench.accept(&entry);
    let part = Qty::new(1, 1);
    bench.fill(&entry, part, 1_000);
    let [stop, take_profit] = [bench.sent[1].clone(), bench.sent[2].clone()];
    bench.accept(&stop);
    bench.accept(&take_profit);
    bench.event(Event::Command(Command::Raise { state: TradingState::Halted, reason: "a test".to_owned() }));
    assert!(bench.is_cancelled(entry.client_id));
    assert!(!bench.is_cancelled(stop.client_id) && !bench.is_cancelled(take_profit.client_id));
    let body = ReportBody::Ended { reason: DoneReason::Canceled, filled: part };
    bench.report(entry.client_id, BTC, body);
    bench.pass(Span::MINUTE);
    assert_eq!(bench.sent.len(), 3);
    assert_eq!(bench.engine.view().positions[0].stop, Some(Price::whole(990)));
}

#[test]
fn a_limit_entry_is_cancelled_when_its_time_is_up() {
    let mut bench = Bench::with(Settings { entry: EntryStyle::Limit, ..Settings::default() });
    assert_eq!(bench.signal(Kind::EmaCross, BTC, Side::Buy), None);
    let entry = bench.last();
    bench.accept(&entry);
    bench.pass(Span::secs(29));
    assert!(!bench.is_cancelled(entry.client_id));
    bench.pass(Span::SECOND);
    assert!(bench.is_cancelled(entry.client_id));
}

#[test]
fn what_is_unknown_of_an_order_blocks_entries_until_it_is_known() {
    let mut bench = Bench::new();
    assert_eq!(bench.signal(Kind::EmaCross, BTC, Side::Buy), None);
    let entry = bench.last();
    bench.report(entry.client_id, BTC, ReportBody::Unanswered { reason: "reset".to_owned() });
    assert_eq!(bench.engine.entry_block(bench.at, BTC), Some("order_unknown"));
    assert_eq!(bench.engine.entry_block(bench.at, ETH), None);
    // The whole wait of the protocol, with every answer against the order.
    for _ in 0..10 {
        bench.minute(1_000);
        for endpoint in [Lookup::Regular, Lookup::Conditional] {
            bench.report(entry.client_id, BTC, ReportBody::NotFound { endpoint });
        }
    }
    let row = bench.engine.orders.get(entry.client_id).expect("the order");
    assert_eq!(row.stage, Stage::Done(DoneReason::Absent));
    assert_eq!(bench.engine.entry_block(bench.at, BTC), None);
    // I7: it lives after all. The fill is a fact, the position is protected, and the symbol is halted.
    bench.fill_all(&entry, 1_000);
    assert_eq!(bench.engine.entry_block(bench.at, BTC), Some("symbol_halted"));
    assert!(matches!(bench.sent[1].kind, OrderKind::Stop { .. }));
    assert_eq!(bench.notices(NoticeKind::Alarm), 1);
    bench.event(Event::Command(Command::Rearm { reason: "looked at".to_owned() }));
    assert_ne!(bench.engine.entry_block(bench.at, BTC), Some("symbol_halted"));
}

#[test]
fn i10_a_stop_that_is_refused_every_time_ends_at_the_market() {
    let mut bench = Bench::new();
    assert_eq!(bench.signal(Kind::EmaCross, BTC, Side::Buy), None);
    let entry = bench.last();
    bench.fill_all(&entry, 1_000);
    let mut ladder = Vec::new();
    let stops = |bench: &Bench| {
        let stops = bench.sent.iter().filter(|one| matches!(one.kind, OrderKind::Stop { .. }));
        stops.cloned().collect::<Vec<_>>()
    };
    while let Some(stop) = stops(&bench).get(ladder.len()) {
        ladder.push(stop.amount);
        bench.reject(stop);
        bench.pass(Span::millis(100));
        assert!(ladder.len() < 20, "the ladder has an end");
    }
    assert_eq!(ladder, [Amount::ClosePosition, Amount::ClosePosition, Amount::Qty(quantity(&entry))]);
    let exit = bench.last();
    assert_eq!((exit.kind, exit.side, exit.reduce_only), (OrderKind::Market, Side::Sell, true));
    assert_eq!(exit.amount, entry.amount);
    bench.fill_all(&exit, 999);
    let view = bench.engine.view();
    assert_eq!((view.positions.len(), view.exits.get(&ExitReason::StopLoss)), (0, Some(&1)));
}

#[test]
fn an_exit_is_tried_again_until_the_position_is_closed() {
    let mut bench = Bench::new();
    let [entry, stop, _] = bench.open_position(BTC, Side::Buy);
    bench.event(Event::Command(Command::Close { instrument: None }));
    let first = bench.last();
    assert_eq!(first.amount, entry.amount);
    bench.reject(&first);
    bench.pass(Span::secs(1));
    let second = bench.last();
    assert_ne!(first.client_id, second.client_id);
    // Nobody knows of the second: once a question about it has failed, a third may follow.
    bench.report(second.client_id, BTC, ReportBody::Unanswered { reason: "reset".to_owned() });
    bench.pass(Span::secs(4));
    assert_eq!(bench.last().client_id, second.client_id);
    bench.pass(Span::secs(10));
    let third = bench.last();
    assert_ne!(third.client_id, second.client_id);
    bench.fill_all(&third, 1_001);
    assert!(bench.is_cancelled(stop.client_id), "the stop is swept");
    let sent = bench.sent.len();
    bench.pass(Span::MINUTE);
    assert_eq!(bench.sent.len(), sent);
    assert_eq!(bench.engine.view().exits.get(&ExitReason::Manual), Some(&1));
}

#[test]
fn a_fill_through_zero_closes_before_it_opens() {
    let mut bench = Bench::new();
    let [entry, ..] = bench.open_position(BTC, Side::Buy);
    let stranger = OrderRequest { client_id: "web-1".parse().expect("an id"), side: Side::Sell, ..entry.clone() };
    bench.actions.clear();
    bench.fill(&stranger, quantity(&entry) + Qty::ONE, 1_000);
    let told: Vec<NoticeKind> = bench
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Notify(notice) => Some(notice.kind),
            _ => None,
        })
        .collect();
    assert_eq!(told, [NoticeKind::PositionClosed, NoticeKind::PositionOpened]);
    assert_eq!(bench.engine.position_of(BTC), -Qty::ONE);
    // Nobody planned for it: it gets the rescue stop, and what protected the long goes.
    let stop = bench.sent.iter().rev().find(|one| matches!(one.kind, OrderKind::Stop { .. })).expect("a stop");
    assert_eq!(stop.side, Side::Buy);
}

#[test]
fn another_daemon_stops_entries_and_the_older_one_halts() {
    for (epoch, state) in [(9, TradingState::Halted), (0, TradingState::Paused)] {
        let mut bench = Bench::new();
        let scope = IdScope { account: *b"papr", instance: *b"z9", epoch };
        let id = crate::orders::IdSource::new(scope).next(Leg::Entry);
        bench.report(id, BTC, ReportBody::Accepted);
        assert_eq!(bench.engine.view().state, state);
        assert!(bench.signal(Kind::EmaCross, BTC, Side::Buy).is_some());
    }
}

#[test]
fn orders_of_somebody_else_are_met_by_the_policy() {
    let cases = [(Foreign::Refuse, true), (Foreign::Ignore, false), (Foreign::Adopt, false)];
    for (foreign, leaves) in cases {
        let mut bench = Bench::unstarted(Settings { foreign, ..Settings::default() });
        let request = OrderRequest {
            client_id: "web-1".parse().expect("an id"),
            instrument: BTC,
            side: Side::Buy,
            position_side: PositionSide::Both,
            kind: OrderKind::Limit { price: Price::whole(900), tif: crate::protocol::TimeInForce::Gtc },
            amount: Amount::Qty(Qty::ONE),
            reduce_only: false,
        };
        let (filled, created_at) = (Qty::ZERO, bench.at);
        let theirs = OrderSnapshot { request, venue_order_id: VenueOrderId(7), filled, created_at };
        bench.account(AccountReport::OpenOrders(vec![theirs]));
        let left = bench.actions.iter().any(|action| matches!(action, Action::Leave { .. }));
        assert_eq!(left, leaves, "{foreign:?}");
        assert_eq!(bench.engine.orders.open().count(), usize::from(foreign == Foreign::Adopt), "{foreign:?}");
    }
}

#[test]
fn entries_of_an_earlier_start_are_cancelled_and_their_position_is_protected() {
    let mut first = Bench::with(Settings { entry: EntryStyle::Limit, ..Settings::default() });
    assert_eq!(first.signal(Kind::EmaCross, BTC, Side::Buy), None);
    let entry = first.last();
    first.accept(&entry);
    let rows = first.engine.orders.iter().cloned().collect();
    let mut second = Bench::unstarted(Settings::default());
    second.begin(Recovered { epoch: 2, orders: rows, cash: Some(Usdt::whole(10_000)), ..Recovered::default() });
    assert!(second.engine.is_ready());
    assert!(second.is_cancelled(entry.client_id));
    second.fill_all(&entry, 1_000);
    let stop = &second.sent[0];
    assert_eq!(stop.kind, OrderKind::Stop { trigger: Price::whole(990), by: crate::protocol::TriggerBy::Mark });
}

#[test]
fn risks_memory_and_equity_are_written_with_each_closed_minute() {
    let mut bench = Bench::new();
    bench.open_position(BTC, Side::Buy);
    bench.actions.clear();
    bench.minute(1_005);
    let memory = bench.journal(|row| matches!(row, Journal::RiskMemory(_)).then_some(()));
    let equity = bench.journal(|row| matches!(row, Journal::Equity(_)).then_some(()));
    assert_eq!((memory.len(), equity.len()), (1, 1), "a new peak is remembered");
}

#[test]
fn a_clock_that_becomes_uncertain_is_told_once() {
    let mut bench = Bench::new();
    for (millis, told) in [(10, 0), (300, 1), (400, 1), (1_500, 2), (10, 2), (300, 3)] {
        bench.event(Event::Clock { offset: Span::ZERO, uncertainty: Span::millis(millis) });
        assert_eq!(bench.notices(NoticeKind::Alarm), told, "{millis} ms");
    }
}

#[test]
fn a_trailing_stop_moves_in_favour_only_and_is_confirmed_before_the_old_one_goes() {
    let mut bench = Bench::new();
    let [entry, stop, _] = bench.open_position(BTC, Side::Buy);
    let trailing =
        crate::protocol::Trailing { activation: Price::whole(5), distance: Price::whole(8), min_move: Price::whole(2) };
    bench.engine.portfolio.position_mut(BTC).expect("a position").trailing = Some(trailing);
    bench.minute(1_010);
    let moved = bench.last();
    assert_eq!(moved.kind, OrderKind::Stop { trigger: Price::whole(1_002), by: crate::protocol::TriggerBy::Mark });
    assert_eq!(moved.amount, entry.amount);
    assert!(!bench.is_cancelled(stop.client_id));
    bench.accept(&moved);
    assert!(bench.is_cancelled(stop.client_id));
    let sent = bench.sent.len();
    bench.minute(1_004);
    assert_eq!(bench.sent.len(), sent, "it does not move back");
}

#[test]
fn lost_answers_never_make_it_due_at_one_instant_for_ever() {
    // Nothing of what is sent is ever answered; every timer must still move on.
    for side in [Side::Buy, Side::Sell] {
        let mut bench = Bench::new();
        bench.open_position(ETH, side);
        assert_eq!(bench.signal(Kind::EmaCross, BTC, side), None);
        let entry = bench.last();
        bench.fill(&entry, quantity(&entry).divided_by(2, Rounding::Down), 1_000);
        bench.event(Event::Command(Command::Close { instrument: Some(ETH) }));
        for minute in 0..20 {
            bench.minute(1_000 + minute % 7);
        }
        bench.event(Event::Command(Command::Shutdown { flatten: true, reason: "end".to_owned() }));
        bench.pass(Span::DAY);
    }
}
