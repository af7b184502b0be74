//! Sessions over recorded data, if it is there.

use std::path::{Path, PathBuf};

use live_trading_launcher::coordinator::Crank;
use live_trading_launcher::protocol::{Command, Event, TradingState, View};
use live_trading_launcher::session::Source;
use live_trading_launcher::types::{Rate, Span};
use live_trading_launcher::{backtest, ledger};

use crate::books::{assert_books_agree, stops_taken};
use crate::setup::{Setup, end, folder, run_for, run_to_the_end};

/// More turns than five weeks of bars of three symbols take.
const TURNS_OF_FIVE_WEEKS: u64 = 2_000_000;

/// Recorded data beside the project.
fn shared(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    #[expect(clippy::disallowed_methods, reason = "where recorded data may be is told to tests by the environment")]
    let root = std::env::var_os("LTL_SHARED_DIR").map_or(beside, Into::into);
    let path = root.join("data").join(path);
    if !path.exists() {
        println!("skipped: no shared data");
        return None;
    }
    Some(path)
}

/// May this test take long?
fn long() -> bool {
    #[expect(clippy::disallowed_methods, reason = "whether tests may take long is told by the environment")]
    let long = std::env::var_os("LTL_LONG").is_some_and(|value| value == "1");
    if !long {
        println!("skipped: LTL_LONG=1 is not set");
    }
    long
}

/// Who looks after a session.
#[derive(Clone, Copy)]
enum Watch {
    /// Nobody: what halts stays halted.
    Nobody,
    /// A person who looks once an hour, and re-arms what has halted.
    Person,
}

/// Turns until the feed has said everything. Gives back how often the session was re-armed.
fn run_watched(crank: &mut Crank, watch: Watch) -> usize {
    let mut rearmed = 0;
    while !crank.feed.has_ended() {
        run_for(crank, Span::HOUR, TURNS_OF_FIVE_WEEKS);
        match watch {
            Watch::Person if crank.session.engine().view().state == TradingState::Halted => {
                let command = Command::Rearm { reason: "looked at".into() };
                let at = crank.session.at();
                crank.session.push(at, Source::Operator, Event::Command(command));
                rearmed += 1;
            }
            Watch::Person | Watch::Nobody => {}
        }
    }
    rearmed
}

/// Trades the range twice. The two ledgers are the same, the venue's file agrees, and the recording replays. Every
/// strategy in `strategies` has traded. Gives back the last picture, and how often a person re-armed.
fn trade_twice(range: &str, strategies: &[&str], watch: Watch) -> Option<(View, usize)> {
    let path = shared("ohlcv-1m-binance-spot")?;
    let feed = format!("file:{}", path.display());
    let run = |dir: &Path| {
        let mut crank = Setup::recorded(&feed, range).begin(dir);
        let rearmed = run_watched(&mut crank, watch);
        (end(crank), rearmed)
    };
    let (one, two) = (folder(), folder());
    let ((view, rearmed), again) = std::thread::scope(|scope| {
        let other = scope.spawn(|| run(two.path()));
        (run(one.path()), other.join().expect("no panic"))
    });
    assert_eq!((&view, rearmed), (&again.0, again.1));
    println!("{range}: {} opened, {} closed, equity {}", view.positions_opened, view.positions_closed, view.equity);
    println!("exits {:?}, refused {:?}, state {:?}", view.exits, view.signals_rejected, view.state);
    assert!(view.positions_closed > 0);
    assert!(view.unprotected_max <= Span::secs(3), "unprotected for {}", view.unprotected_max);
    assert!(stops_taken(one.path()) >= view.positions_opened);
    assert_books_agree(one.path());
    assert_books_agree(two.path());
    let differences = ledger::compare(one.path(), two.path()).expect("two ledgers");
    assert!(differences.is_empty(), "{differences:?}");
    let trades = ledger::trades(one.path(), &ledger::TradeFilter::default()).expect("trades");
    for name in strategies {
        let count = trades.iter().filter(|trade| trade.strategy == *name).count();
        println!("{name}: {count} trades");
        assert!(count > 0, "{name} never traded");
    }
    let replayed = backtest::replay(&one.path().join("recordings/00001"), true, |_| {}).expect("a replay");
    assert_eq!(replayed.divergence, None);
    assert_eq!(replayed.view, view);
    println!("{} events replayed, {} decisions the same", replayed.events, replayed.compared);
    Some((view, rearmed))
}

#[test]
fn the_autumn_of_2024_gives_the_same_ledger_twice() {
    trade_twice("20241001-20241105", &["oversold_bounce", "short_the_rip"], Watch::Nobody);
}

/// The data of March begins with its first day, so that `short_the_rip` has seen its 800 bars of half an hour on the
/// 17th. A week before that the falling market has cost `oversold_bounce` a tenth of the equity's peak, and the session
/// is halted until somebody re-arms it.
#[test]
fn march_2025_gives_the_same_ledger_twice() {
    const MARCH: &str = "20250301-20250401";
    if !long() {
        return;
    }
    if let Some((view, _)) = trade_twice(MARCH, &["oversold_bounce"], Watch::Nobody) {
        assert_eq!(view.state, TradingState::Halted);
        assert!(view.max_drawdown >= Rate::percent(10), "{}", view.max_drawdown);
    }
    if let Some((view, rearmed)) = trade_twice(MARCH, &["oversold_bounce", "short_the_rip"], Watch::Person) {
        assert_eq!((view.state, rearmed), (TradingState::Active, 1));
    }
}

#[test]
fn a_raw_recording_is_traded_to_its_end() {
    let Some(path) = shared("binance-usdm-raw-feed/btcusdt_20240808.gz") else { return };
    let feed = format!("file:{}", path.display());
    for strategies in ["of the demo", "that ship"] {
        let dir = folder();
        let demo = Setup::demo(1);
        let rooms = if strategies == "of the demo" { demo.rooms } else { Setup::recorded(&feed, "").rooms };
        let setup = Setup { feed: &feed, timerange: None, symbols: &["BTC/USDT"], rooms, ..Setup::demo(1) };
        let mut crank = setup.begin(dir.path());
        let from = crank.session.at();
        let turns = run_to_the_end(&mut crank, 1_000_000);
        let span = crank.session.at().since(from);
        let view = end(crank);
        println!(
            "strategies {strategies}: {turns} turns over {span}, {} minutes, {} opened, {} closed, equity {}",
            view.iterations, view.positions_opened, view.positions_closed, view.equity
        );
        assert!(turns > 10_000 && span > Span::mins(4) && view.iterations > 0);
        assert_books_agree(dir.path());
        let replayed = backtest::replay(&dir.path().join("recordings/00001"), true, |_| {}).expect("a replay");
        assert_eq!(replayed.divergence, None);
    }
}
