//! The same recorded bars through a backtest, the daemon on paper, and the daemon live against a served exchange.
//!
//! Without latency a backtest and the daemon on paper are the same to the last digit and instant. With it they draw their
//! delays at other places, and live they are the network's; then everything that was decided is still the same, and what
//! became of it differs by no more than those delays explain.

mod difference;
mod ends;
#[expect(dead_code, reason = "other tests use more of it")]
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use difference::{Allowed, differences};
use ends::{Market, Order, Stage, Stretch, Told};
use live_trading_launcher::feed::TimeRange;
use live_trading_launcher::types::{Span, Timestamp};
use support::recorded;
use support::served::scheduling_delay;

const SYMBOLS: [&str; 3] = ["BTC/USDT", "ETH/USDT", "SOL/USDT"];
/// The served exchange tells a bar at least so long after the prices of its end, in its own time.
const APART: Duration = Duration::from_millis(100);
/// A machine that wakes a thread up so late in one case of a hundred still hears them in that order.
const DELAYS: f64 = 8.0;
/// How long is traded live, in the wall's time.
const LIVE: Span = Span::secs(90);

/// Two live runs at once would wait for each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn stage(folder: &Path, market: Market) -> Stage {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_live_trading_launcher"));
    let fits = APART.as_secs_f64() / (scheduling_delay().as_secs_f64() * DELAYS);
    Stage { folder: folder.to_path_buf(), program, market, speed: fits.clamp(4.0, 20.0).floor() }
}

/// Bars made from a seed.
fn made(folder: &Path) -> Market {
    let data = folder.join("data");
    let range: TimeRange = recorded::write(&data, 2, 7).parse().expect("a range");
    Market { data, from: range.from.expect("a day"), symbols: SYMBOLS.to_vec() }
}

/// Of a Tuesday, half past nine in New York: 2024-10-29 13:30 UTC.
const AFTERNOON: Timestamp = Timestamp::from_secs(1_730_208_600);

/// Bars of the last quarter of 2024, if they are there.
fn shared(folder: &Path) -> Option<Market> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    #[expect(clippy::disallowed_methods, reason = "where recorded data may be is told to tests by the environment")]
    let root = std::env::var_os("LTL_SHARED_DIR").map_or(beside, Into::into);
    let files = root.join("data/ohlcv-1m-binance-spot");
    if !files.exists() {
        println!("skipped: no shared data");
        return None;
    }
    let files = files.canonicalize().expect("a folder");
    let data = folder.join("data");
    std::fs::create_dir(&data).expect("a folder");
    for symbol in ["BTC", "ETH", "SOL"] {
        let name = format!("{symbol}USDT_1m_Q4_2024.csv.gz");
        std::os::unix::fs::symlink(files.join(&name), data.join(&name)).expect("a link");
    }
    Some(Market { data, from: AFTERNOON, symbols: SYMBOLS.to_vec() })
}

fn hours(market: &Market, hours: i64) -> Stretch {
    Stretch { from: market.from, until: market.from + Span::HOUR * hours }
}

fn backtest_and_paper_are_one(stage: &Stage, stretch: Stretch) {
    let (test, paper) = (stage.backtest(stretch, false), stage.paper(stretch, false));
    let (signals, orders, fills, trades) = test.counts();
    println!("{signals} signals, {orders} orders, {fills} fills, {trades} trades");
    assert!(signals > 50 && orders > 50 && fills > 50 && trades > 20, "{:?}", test.counts());
    assert_eq!(left_after_a_stop(&test), 0, "a strategy leaves what its stop had closed within the bar");
    assert_eq!(differences(&test, &paper, &Allowed::nothing()), Vec::<String>::new());
    assert_eq!(test, paper);
    assert_eq!(stage.trades_of_the_command(stretch, false), test.trades);
    // Each end draws its delays for itself: a request takes at most 80 ms and its report 40.
    let (test, paper) = (stage.backtest(stretch, true), stage.paper(stretch, true));
    assert_eq!(differences(&test, &paper, &Allowed::delays(Span::millis(250))), Vec::<String>::new());
    assert_eq!(test.trades, paper.trades);
}

/// Exits that were decided upon a bar in which a stop had closed the position.
fn left_after_a_stop(told: &Told) -> usize {
    let left = |orders: &Vec<Order>| {
        let of = |leg: &'static str| orders.iter().filter(move |order| order.leg == leg);
        let stopped: Vec<Timestamp> = of("stop").flat_map(|order| &order.fills).map(|fill| fill.at).collect();
        of("exit").filter(|exit| stopped.iter().any(|at| at.floor(Span::MINUTE) == exit.at.floor(Span::MINUTE))).count()
    };
    told.orders.values().map(left).sum()
}

fn live_decides_as_the_backtest(stage: &Stage) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let minutes = (LIVE.as_secs() as f64 * stage.speed / 60.0) as i64;
    let (live, stretch, ended) = stage.live(minutes);
    let test = stage.backtest(stretch, true);
    let (told, speed) = (live.counts(), stage.speed);
    println!("{stretch:?}, {speed} times as fast: {told:?} live, {:?} in the backtest", test.counts());
    let found = differences(&test, &live, &Allowed::live(Span::secs(5)));
    assert_eq!(found, Vec::<String>::new(), "{}", ended.text);
    assert!(told.0 > 3 && told.1 > 3 && told.2 > 1, "{told:?}");
}

fn with(market: impl FnOnce(&Path) -> Option<Market>, check: impl FnOnce(&Stage)) {
    let folder = tempfile::tempdir().expect("a folder");
    if let Some(market) = market(folder.path()) {
        check(&stage(folder.path(), market));
    }
}

#[test]
fn a_backtest_and_the_daemon_on_paper_are_the_same_to_the_last_digit() {
    with(|folder| Some(made(folder)), |stage| backtest_and_paper_are_one(stage, hours(&stage.market, 6)));
}

#[test]
fn over_recorded_days_a_backtest_and_the_daemon_on_paper_are_the_same() {
    with(shared, |stage| backtest_and_paper_are_one(stage, hours(&stage.market, 12)));
}

#[test]
fn live_the_daemon_decides_as_the_backtest_does() {
    with(|folder| Some(made(folder)), live_decides_as_the_backtest);
}

#[test]
fn live_over_a_recorded_day_the_daemon_decides_as_the_backtest_does() {
    with(shared, live_decides_as_the_backtest);
}

/// What is compared can differ.
#[test]
fn differences_are_found() {
    let changes: [fn(&mut Told); 7] = [
        |told| drop(told.signals.values_mut().find_map(Vec::pop)),
        |told| drop(told.orders.values_mut().find_map(Vec::pop)),
        |told| first(told).at = first(told).at + Span::MINUTE,
        |told| first(told).what.push('!'),
        |told| first(told).qty = first(told).qty.map(|qty| qty + qty),
        |told| first(told).fills.clear(),
        |told| first(told).fills[0].price = first(told).reference + first(told).reference,
    ];
    with(
        |folder| Some(made(folder)),
        |stage| {
            let one = stage.backtest(hours(&stage.market, 6), true);
            assert_eq!(differences(&one, &one, &Allowed::nothing()), Vec::<String>::new());
            for change in changes {
                let mut other = one.clone();
                change(&mut other);
                assert_ne!(differences(&one, &other, &Allowed::live(Span::secs(5))), Vec::<String>::new());
            }
        },
    );
}

fn first(told: &mut Told) -> &mut Order {
    told.orders.values_mut().flatten().find(|order| order.leg == "entry" && !order.fills.is_empty()).expect("an entry")
}
