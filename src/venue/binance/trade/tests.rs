//! The way to the venue, against the exchange that this project serves.

#![expect(clippy::disallowed_methods, reason = "a test waits for a server in real time")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::super::tests::{Served, keys, symbols, synthetic};
use super::*;
use crate::protocol::{
    AccountReport, Amount, CancelOutcome, Command, ConnectionState, DoneReason, Fill, Link, OrderKind, OrderReport,
    OrderRequest, ReportBody, Stage, TimeInForce, TradingState, TriggerBy, VenueReport,
};
use crate::serve::{AccountSpec, Options};
use crate::types::{
    ClientOrderId, Exit, IdParts, IdScope, InstrumentId, Leg, PositionSide, Price, Qty, Rate, Rounding, Side, Timestamp,
};

const PATIENCE: Duration = Duration::from_secs(60);
const BTC: InstrumentId = InstrumentId(0);

/// A venue, and what it has said.
struct Line {
    served: Served,
    venue: BinanceVenue,
    bell: Arc<Notify>,
    heard: Vec<Event>,
    next: u32,
}

impl Line {
    async fn open() -> Line {
        let served = Served::demo().await;
        let (venue, bell) = connect(&served, 3).await.expect("a venue");
        Line { served, venue, bell, heard: Vec::new(), next: 1 }
    }

    fn id(&mut self, leg: Leg) -> ClientOrderId {
        self.next += 1;
        let scope = IdScope { account: *b"test", instance: *b"a1", epoch: 1 };
        ClientOrderId::compose(&IdParts { scope, sequence: self.next, attempt: 0, leg })
    }

    fn send(&mut self, request: VenueRequest) {
        self.venue.send(Timestamp::EPOCH, request).expect("it takes everything");
    }

    fn order(&mut self, leg: Leg, side: Side, kind: OrderKind, amount: Amount) -> ClientOrderId {
        let client_id = self.id(leg);
        let reduce_only = leg != Leg::Entry;
        let position_side = PositionSide::Both;
        self.send(VenueRequest::Submit(OrderRequest {
            client_id,
            instrument: BTC,
            side,
            position_side,
            kind,
            amount,
            reduce_only,
        }));
        client_id
    }

    fn buy(&mut self) -> ClientOrderId {
        self.order(Leg::Entry, Side::Buy, OrderKind::Market, Amount::Qty(Qty::new(1, 2)))
    }

    /// Waits until something that was said is as wanted, and gives it.
    async fn hear<T>(&mut self, what: &str, mut find: impl FnMut(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some((_, event)) = self.venue.poll(Timestamp::MAX).expect("it works") {
                self.heard.push(event);
            }
            if let Some(found) = self.heard.iter().find_map(&mut find) {
                return found;
            }
            assert!(Instant::now() < deadline, "never: {what}; heard {:#?}", self.heard);
            let _ = tokio::time::timeout(Duration::from_millis(100), self.bell.notified()).await;
        }
    }

    async fn hear_of(&mut self, id: ClientOrderId, what: &str, is: impl Fn(&ReportBody) -> bool) {
        self.hear(what, |event| match event {
            Event::Venue(VenueReport::Order(report)) => (report.client_id == id && is(&report.body)).then_some(()),
            _ => None,
        })
        .await;
    }

    async fn filled(&mut self, id: ClientOrderId) {
        self.hear_of(id, "filled", |body| matches!(body, ReportBody::Filled(_))).await;
        self.hear_of(id, "over", |body| {
            matches!(body, ReportBody::Ended { reason: DoneReason::Filled, .. })
                || matches!(body, ReportBody::Status { stage: Stage::Done(DoneReason::Filled), .. })
        })
        .await;
    }

    async fn account<T>(&mut self, what: &str, find: impl Fn(&AccountReport) -> Option<T>) -> T {
        self.hear(what, |event| match event {
            Event::Venue(VenueReport::Account(report)) => find(report),
            _ => None,
        })
        .await
    }

    async fn raised(&mut self) -> TradingState {
        self.hear("a halt", |event| match event {
            Event::Command(Command::Raise { state, .. }) => Some(*state),
            _ => None,
        })
        .await
    }

    async fn reconnected(&mut self) {
        let is =
            |event: &Event, wanted| matches!(event, Event::Connection { link: Link::User, state } if *state == wanted);
        self.hear("lost", |event| is(event, ConnectionState::Lost).then_some(())).await;
        self.hear("live", |event| is(event, ConnectionState::Live).then_some(())).await;
    }
}

async fn connect(served: &Served, leverage: u32) -> Result<(BinanceVenue, Arc<Notify>), VenueError> {
    connect_as(served, keys(), leverage).await
}

async fn connect_as(
    served: &Served,
    keys: super::super::rest::Credentials,
    leverage: u32,
) -> Result<(BinanceVenue, Arc<Notify>), VenueError> {
    let clock = SessionClock::wall(served.clock);
    let rest = Rest::new(&served.settings, Some(keys), clock, None).expect("a client");
    let bell = Arc::new(Notify::new());
    let wiring = Wiring {
        settings: &served.settings,
        way: Way(rest),
        instruments: crate::feed::instruments::load(None, &symbols()).expect("instruments"),
        leverage,
        clock,
        answer_deadline: crate::types::Span::secs(5),
        arrivals: Arc::clone(&bell),
        tracker: TaskTracker::new(),
        beside: Handle::current(),
    };
    Ok((BinanceVenue::open(wiring).await?.0, bell))
}

fn fill(event: &Event) -> Option<Fill> {
    match event {
        Event::Venue(VenueReport::Order(OrderReport { body: ReportBody::Filled(fill), .. })) => Some(*fill),
        _ => None,
    }
}

fn stop_at(price: i64) -> OrderKind {
    OrderKind::Stop { trigger: Price::new(price, 0), by: TriggerBy::Mark }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_placed_filled_protected_and_closed() {
    let mut line = Line::open().await;
    let entry = line.buy();
    line.hear_of(entry, "taken", |body| *body == ReportBody::Accepted).await;
    line.filled(entry).await;
    let stop = line.order(Leg::Stop, Side::Sell, stop_at(100), Amount::ClosePosition);
    line.hear_of(stop, "a stop", |body| *body == ReportBody::Accepted).await;
    line.send(VenueRequest::OpenOrders);
    let listed = line.account("orders", |report| match report {
        AccountReport::OpenOrders(listed) => Some(listed.clone()),
        _ => None,
    });
    let listed = listed.await;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].request.client_id, listed[0].request.amount), (stop, Amount::ClosePosition));
    assert_eq!(listed[0].request.kind, stop_at(100));
    line.send(VenueRequest::Fills { since: Timestamp::from_millis(1) });
    let fills = line.account("fills", |report| match report {
        AccountReport::Fills(fills) => Some(fills.clone()),
        _ => None,
    });
    let fills = fills.await;
    let pushed = line.heard.iter().find_map(fill);
    assert_eq!(fills, pushed.into_iter().collect::<Vec<_>>(), "the list and the stream tell the same");
    let exit = line.order(Leg::Exit, Side::Sell, OrderKind::Market, Amount::Qty(Qty::new(1, 2)));
    line.filled(exit).await;
    line.send(VenueRequest::Cancel { client_id: stop, instrument: BTC });
    line.hear_of(stop, "cancelled", |body| *body == ReportBody::CancelAnswered(CancelOutcome::Accepted)).await;
    line.heard.clear();
    line.send(VenueRequest::Positions);
    let flat = line.account("positions", |report| match report {
        AccountReport::Positions(held) => Some(held.is_empty()),
        _ => None,
    });
    assert!(flat.await);
    line.send(VenueRequest::Balance);
    let balance = line.account("balance", |report| match report {
        AccountReport::Balance(balance) => Some(*balance),
        _ => None,
    });
    assert!(balance.await < crate::types::Usdt::whole(10_000), "fees and the spread were paid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_leaves_the_order_in_doubt_and_a_question_finds_it() {
    let mut line = Line::open().await;
    line.served.control("unknown", json!({ "count": 1, "executed": true })).await;
    let done = line.buy();
    line.hear_of(done, "in doubt", |body| matches!(body, ReportBody::Unanswered { .. })).await;
    line.send(VenueRequest::QueryOrder { client_id: done, instrument: BTC });
    line.hear_of(done, "found", |body| {
        matches!(body, ReportBody::Status { stage: Stage::Done(DoneReason::Filled), .. })
    })
    .await;
    line.served.control("unknown", json!({ "count": 1, "executed": false })).await;
    let never = line.buy();
    line.hear_of(never, "in doubt", |body| matches!(body, ReportBody::Unanswered { .. })).await;
    line.send(VenueRequest::QueryOrder { client_id: never, instrument: BTC });
    for endpoint in [crate::protocol::Lookup::Regular, crate::protocol::Lookup::Conditional] {
        line.hear_of(never, "denied", |body| *body == ReportBody::NotFound { endpoint }).await;
    }
    line.served.control("overload", json!({ "count": 1 })).await;
    let refused = line.buy();
    line.hear_of(refused, "refused", |body| matches!(body, ReportBody::Rejected { code: -1008, .. })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_cut_or_whose_key_is_over_is_opened_anew() {
    let mut line = Line::open().await;
    for switch in ["drop-connections", "expire-listen-keys"] {
        line.heard.clear();
        line.served.control(switch, json!({ "account": 0 })).await;
        line.reconnected().await;
        let entry = line.buy();
        line.filled(entry).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_stream_is_found_out_by_the_answer_that_it_keeps_back() {
    let mut line = Line::open().await;
    line.served.control("mute-streams", json!({ "on": true })).await;
    let entry = line.buy();
    line.hear_of(entry, "answered", |body| matches!(body, ReportBody::Status { stage: Stage::Done(_), .. })).await;
    line.served.control("mute-streams", json!({ "on": false })).await;
    line.reconnected().await;
    assert!(
        !line.heard.iter().any(|event| fill(event).is_some()),
        "the fill is not told again; it has to be asked for"
    );
    line.send(VenueRequest::Fills { since: Timestamp::from_millis(1) });
    let counted = line.account("fills", |report| match report {
        AccountReport::Fills(fills) => Some(fills.len()),
        _ => None,
    });
    assert_eq!(counted.await, 1);
}

/// Nobody has to find out what became of an order on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instrument_that_is_not_traded_refuses_for_certain() {
    let mut line = Line::open().await;
    line.served.control("halt", json!({ "symbol": "BTCUSDT", "on": true })).await;
    let refused = line.buy();
    line.hear_of(refused, "refused", |body| matches!(body, ReportBody::Rejected { code: -4140, .. })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_liquidation_is_told_as_one_with_its_fill() {
    let mut line = Line::open().await;
    let entry = line.buy();
    line.filled(entry).await;
    line.heard.clear();
    line.served.control("liquidate", json!({ "account": 0 })).await;
    line.account("liquidated", |report| (*report == AccountReport::Liquidated { instrument: BTC }).then_some(())).await;
    line.hear("its fill", |event| match event {
        Event::Venue(VenueReport::Order(report)) if report.client_id.as_str().starts_with("autoclose-") => {
            matches!(report.body, ReportBody::Filled(_)).then_some(())
        }
        _ => None,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_tick_stops_entries_and_is_named() {
    let mut line = Line::open().await;
    line.served.control("tick-size", json!({ "symbol": "BTCUSDT", "tick": "7" })).await;
    let kind = OrderKind::Limit { price: Price::new(30_001, 0), tif: TimeInForce::Gtc };
    let id = line.order(Leg::Entry, Side::Buy, kind, Amount::Qty(Qty::new(1, 2)));
    line.hear_of(id, "refused", |body| matches!(body, ReportBody::Rejected { code: -4014, .. })).await;
    assert_eq!(line.raised().await, TradingState::ReduceOnly);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_leverage_by_another_hand_stops_entries() {
    let mut line = Line::open().await;
    let other = line.served.client();
    other.call(super::super::rest::calls::account::set_leverage("BTCUSDT", 20)).await.expect("taken");
    assert_eq!(line.raised().await, TradingState::Paused);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dead_mans_switch_cancels_the_entry_and_leaves_the_stop() {
    let mut line = Line::open().await;
    let entry = line.buy();
    line.filled(entry).await;
    let stop = line.order(Leg::Stop, Side::Sell, stop_at(100), Amount::ClosePosition);
    line.hear_of(stop, "a stop", |body| *body == ReportBody::Accepted).await;
    let paid = line.heard.iter().find_map(fill).expect("a fill").price;
    let below = (paid - paid.times(Rate::percent(2), Rounding::Down)).round_to(Price::new(1, 1), Rounding::Down);
    let kind = OrderKind::Limit { price: below, tif: TimeInForce::PostOnly };
    let resting = line.order(Leg::Entry, Side::Buy, kind, Amount::Qty(Qty::new(1, 2)));
    line.hear_of(resting, "resting", |body| *body == ReportBody::Accepted).await;
    let armed = crate::types::Span::millis(300);
    let call = super::super::rest::calls::orders::countdown_cancel_all("BTCUSDT", armed);
    line.served.client().call(call).await.expect("armed");
    line.hear_of(resting, "cancelled by the venue", |body| {
        matches!(body, ReportBody::Ended { reason: DoneReason::Canceled, .. })
    })
    .await;
    line.heard.clear();
    line.send(VenueRequest::OpenOrders);
    let listed = line.account("orders", |report| match report {
        AccountReport::OpenOrders(listed) => Some(listed.iter().map(|one| one.request.client_id).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(listed.await, [stop], "the countdown does not touch conditional orders");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_or_an_account_that_is_not_as_it_must_be_is_refused() {
    let spec = |key: &str, change: fn(&mut AccountSpec)| {
        let mut spec = AccountSpec::new(key, "secret").expect("an account");
        change(&mut spec);
        spec
    };
    let accounts = vec![
        spec("thief", |spec| spec.may_withdraw = true),
        spec("reader", |spec| spec.may_trade = false),
        spec("hedger", |spec| spec.config.hedge = true),
        spec("isolated", |spec| spec.config.margin = crate::exchange::MarginMode::Isolated),
    ];
    let served = Served::with(Options { accounts, ..Options::default() }, synthetic()).await;
    let key = |key: &str| {
        let secret = |text: &str| secrecy::SecretString::from(text);
        super::super::rest::Credentials::new(&secret(key), &secret("secret")).expect("keys")
    };
    for (name, exit, words) in [
        ("thief", Exit::KeysRefused, "withdraw"),
        ("reader", Exit::KeysRefused, "trade futures"),
        ("hedger", Exit::Configuration, "hedge mode"),
        ("nobody", Exit::KeysRefused, "BINANCE_KEY"),
    ] {
        let error = connect_as(&served, key(name), 3).await.err().expect(name);
        assert_eq!(error.exit(), exit, "{name}: {error}");
        assert!(error.to_string().contains(words), "{name}: {error}");
    }
    let (venue, _) = connect_as(&served, key("isolated"), 3).await.expect("margin type and leverage are set");
    let left = setup::differences(&venue.desk.rest, &venue.desk.instruments, 3).await;
    assert_eq!(left, Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_requests_are_turned_away_with_an_answer() {
    let mut line = Line::open().await;
    line.served.control("latency", json!({ "ms": 1_500 })).await;
    for _ in 0..MOST_REQUESTS {
        line.send(VenueRequest::Positions);
    }
    let never_left = line.buy();
    line.hear_of(never_left, "turned away", |body| matches!(body, ReportBody::NotSent { .. })).await;
}
