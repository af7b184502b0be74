//! A script of orders against the recorded book of 2024-08-08, every fill worked out by hand from the recording: from the
//! levels that its depth updates leave at those instants and from the trades that follow.

use std::path::Path;

use live_trading_launcher::exchange::{AccountConfig, Exchange, MarginMode, Settings};
use live_trading_launcher::feed::{self, Feed};
use live_trading_launcher::protocol::{
    Amount, OrderKind, OrderRequest, ReportBody, TimeInForce, TriggerBy, VenueReport, VenueRequest,
};
use live_trading_launcher::types::{InstrumentId, PositionSide, Side, Timestamp, Usdt};

use Side::{Buy, Sell};
use TimeInForce::{Fok, Gtc, Ioc, PostOnly};

/// Instants of the recording after its 2000th, 3000th, … depth update, in milliseconds.
const UPDATE_2000: i64 = 1_723_161_361_327;
const UPDATE_3000: i64 = 1_723_161_413_914;
const UPDATE_4000: i64 = 1_723_161_466_710;
const UPDATE_5000: i64 = 1_723_161_518_991;
const UPDATE_6000: i64 = 1_723_161_571_267;

struct Step {
    /// When it is sent.
    at: i64,
    order: OrderRequest,
    /// All that is told of it until the next one is sent, or the recording ends.
    told: &'static [&'static str],
}

#[test]
fn scripted_orders_fill_as_worked_out_by_hand() {
    let Some(path) = recording() else { return };
    let symbols = ["BTC/USDT:USDT".parse().expect("a symbol")];
    let mut feed = feed::open(&feed::Settings::default(), &format!("file:{path}"), &symbols, None, 1).expect("a feed");
    let settings = Settings { request_latency: Vec::new(), report_latency: Vec::new(), ..Settings::default() };
    let mut exchange = Exchange::new(settings, feed.instruments().clone(), feed.shape(), 1);
    let account = exchange.open_account(AccountConfig {
        balance: Usdt::whole(1_000_000),
        leverage: 10,
        hedge: false,
        margin: MarginMode::Cross,
    });
    let script = script();
    for (number, step) in script.iter().enumerate() {
        let at = Timestamp::from_millis(step.at);
        show(&mut exchange, feed.as_mut(), at);
        exchange.send(at, account, VenueRequest::Submit(step.order.clone()));
        let until = script.get(number + 1).map_or(Timestamp::MAX, |next| Timestamp::from_millis(next.at));
        let mut told = reports(&mut exchange, at);
        while feed.next_at().is_some_and(|next| next <= until) {
            let next = feed.next_at().unwrap_or(until);
            show(&mut exchange, feed.as_mut(), next);
            told.extend(reports(&mut exchange, next));
        }
        let name = step.order.client_id.to_string();
        let told: Vec<String> =
            told.into_iter().filter_map(|line| Some(line.strip_prefix(&format!("{name} "))?.to_owned())).collect();
        assert_eq!(told, step.told, "{name}");
    }
    // Bought 6.5, 0.01 and 0.556; sold 1.08, 0.1, 0.002, 2.281 and 2.
    let position: Vec<_> = exchange.positions(account).into_iter().map(|one| one.qty.to_string()).collect();
    assert_eq!(position, ["1.603"]);
}

fn script() -> Vec<Step> {
    let step = |at, name: &str, side, qty: &str, kind, told| Step { at, order: order(name, side, qty, kind), told };
    let reduce = |mut step: Step| {
        step.order.reduce_only = true;
        step
    };
    vec![
        // Asks 6.328 at 61751.50, 0.103 at 61751.70, 0.110 at 61751.80: the last one is left with 0.041.
        step(
            UPDATE_2000,
            "walk",
            Buy,
            "6.5",
            OrderKind::Market,
            &[
                "accepted",
                "6.328 @ 61751.5 taker fee 195.381746",
                "0.103 @ 61751.7 taker fee 3.18021255",
                "0.069 @ 61751.8 taker fee 2.1304371",
            ],
        ),
        // Bids 0.787 at 61751.40. Trades there take 0.022, 0.075, 0.091, 0.010 and 0.060, the book then shows 0.060, and nine
        // more trades leave 0.001 in front. Two of 0.004 at 61751.10 and one of 0.004 at 61750.40 go through.
        step(
            UPDATE_2000,
            "queue",
            Buy,
            "0.010",
            limit("61751.4", PostOnly),
            &[
                "accepted",
                "0.004 @ 61751.4 maker fee 0.04940112",
                "0.004 @ 61751.4 maker fee 0.04940112",
                "0.002 @ 61751.4 maker fee 0.02470056",
            ],
        ),
        // Bids 0.918 at 61712.00, 0.013 at 61710.00, 0.147 at 61709.90, 0.002 at 61708.90, 0.144 at 61708.50.
        step(UPDATE_3000, "all-or-none", Sell, "1.5", limit("61708.9", Fok), &["rejected -5021"]),
        step(UPDATE_3000, "no-taking", Sell, "1.5", limit("61712", PostOnly), &["rejected -5022"]),
        step(
            UPDATE_3000,
            "at-once",
            Sell,
            "1.5",
            limit("61708.9", Ioc),
            &[
                "accepted",
                "0.918 @ 61712 taker fee 28.325808",
                "0.013 @ 61710 taker fee 0.401115",
                "0.147 @ 61709.9 taker fee 4.53567765",
                "0.002 @ 61708.9 taker fee 0.0617089",
                "ended Expired 1.08",
            ],
        ),
        // What was taken at this instant is not offered again.
        step(
            UPDATE_3000,
            "next-level",
            Sell,
            "0.1",
            OrderKind::Market,
            &["accepted", "0.1 @ 61708.5 taker fee 3.085425"],
        ),
        // Asks 0.553 at 61701.80, 0.003 at 61702.40, then 61704.00.
        step(
            UPDATE_4000,
            "take-what-is-there",
            Buy,
            "0.7",
            limit("61702.4", Ioc),
            &[
                "accepted",
                "0.553 @ 61701.8 taker fee 17.0605477",
                "0.003 @ 61702.4 taker fee 0.0925536",
                "ended Expired 0.556",
            ],
        ),
        // Asks 1.450 at 61614.20. Trades take 0.016, 0.254, 0.146 and four of 0.002, the book then shows 0.006 and 0.005, trades
        // of 0.005 use that up, and two of 0.001 at 61616.00 go through.
        step(
            UPDATE_5000,
            "queue-to-sell",
            Sell,
            "0.002",
            limit("61614.2", Gtc),
            &["accepted", "0.001 @ 61614.2 maker fee 0.01232284", "0.001 @ 61614.2 maker fee 0.01232284"],
        ),
        // Bids 1.949 at 61665.90, 0.022 at 61664.20, 0.310 at 61664.00.
        reduce(step(
            UPDATE_6000,
            "reduce",
            Sell,
            "2.281",
            OrderKind::Market,
            &[
                "accepted",
                "1.949 @ 61665.9 taker fee 60.09341955",
                "0.022 @ 61664.2 taker fee 0.6783062",
                "0.31 @ 61664 taker fee 9.55792",
            ],
        )),
        // The middle of the ticker is 61665.95, 61670.95 and at :34 61661.95, when the bids are 1.837 at 61661.90, 0.002 at
        // 61660.00 and 0.505 at 61659.90.
        reduce(step(
            UPDATE_6000,
            "stop",
            Sell,
            "2",
            OrderKind::Stop { trigger: "61662".parse().expect("a price"), by: TriggerBy::Mark },
            &[
                "accepted",
                "triggered",
                "1.837 @ 61661.9 taker fee 56.63645515",
                "0.002 @ 61660 taker fee 0.06166",
                "0.161 @ 61659.9 taker fee 4.96362195",
            ],
        )),
    ]
}

fn limit(price: &str, tif: TimeInForce) -> OrderKind {
    OrderKind::Limit { price: price.parse().expect("a price"), tif }
}

fn order(name: &str, side: Side, qty: &str, kind: OrderKind) -> OrderRequest {
    OrderRequest {
        client_id: name.parse().expect("an id"),
        instrument: InstrumentId(0),
        side,
        position_side: PositionSide::Both,
        kind,
        amount: Amount::Qty(qty.parse().expect("a quantity")),
        reduce_only: false,
    }
}

/// Shows the exchange all that the recording holds until then.
fn show(exchange: &mut Exchange, feed: &mut dyn Feed, until: Timestamp) {
    while feed.next_at().is_some_and(|at| at <= until) {
        let record = feed.next().expect("there is one").expect("it is sound");
        exchange.on_market(record.at, &record.event);
    }
}

/// What was reported by then, in words.
fn reports(exchange: &mut Exchange, until: Timestamp) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(delivery) = exchange.poll(until) {
        let VenueReport::Order(report) = delivery.report else { continue };
        let what = match report.body {
            ReportBody::Accepted => "accepted".to_owned(),
            ReportBody::Rejected { code, .. } => format!("rejected {code}"),
            ReportBody::Triggered => "triggered".to_owned(),
            ReportBody::Filled(fill) => {
                let how = if fill.maker { "maker" } else { "taker" };
                format!("{} @ {} {how} fee {}", fill.qty, fill.price, fill.fee)
            }
            ReportBody::Ended { reason, filled } => format!("ended {reason:?} {filled}"),
            other => format!("{other:?}"),
        };
        told.push(format!("{} {what}", report.client_id));
    }
    told
}

#[expect(clippy::disallowed_methods, reason = "where recorded data may be is told to tests by the environment")]
fn recording() -> Option<String> {
    let beside = format!("{}/../shared", env!("CARGO_MANIFEST_DIR"));
    let root = std::env::var("LTL_SHARED_DIR").unwrap_or(beside);
    let path = format!("{root}/data/binance-usdm-raw-feed/btcusdt_20240808.gz");
    let found = Path::new(&path).exists();
    if !found {
        println!("skipped: no shared data");
    }
    found.then_some(path)
}
