//! Whole sessions in virtual time, through the shipped machinery.

use std::collections::BTreeMap;
use std::path::Path;

use live_trading_launcher::backtest;
use live_trading_launcher::clock::Clock;
use live_trading_launcher::coordinator::{self, Crank, Plan};
use live_trading_launcher::engine::Rooms;
use live_trading_launcher::protocol::{Command, Event, ExitReason, View};
use live_trading_launcher::pulse::Pulses;
use live_trading_launcher::recorder;
use live_trading_launcher::session::Source;
use live_trading_launcher::strategy::{RegimeSettings, UnknownRegime};
use live_trading_launcher::types::{Rate, Span, Symbol};
use live_trading_launcher::venue::paper::PaperBooks;
use live_trading_launcher::{engine, exchange, feed, ledger, market, orders, risk, strategy};

/// Far more turns than an hour of the demo takes: a session that spins at one instant is found by this.
const TURNS_OF_AN_HOUR: u64 = 200_000;

fn rooms(strategy: strategy::Settings, regime: RegimeSettings) -> Rooms {
    Rooms {
        engine: engine::Settings::default(),
        market: market::Settings::default(),
        orders: orders::Settings::default(),
        strategy,
        regime,
        risk: risk::Settings::default(),
    }
}

fn symbols() -> Vec<Symbol> {
    ["BTC/USDT", "ETH/USDT", "SOL/USDT"].iter().map(|text| text.parse().expect("a symbol")).collect()
}

/// Steps of the engine at one instant: market data of three symbols at the end of a minute, answers, and every part
/// that is due. A deadline that stays in the past takes more.
const MOST_AT_ONE_INSTANT: u64 = 50;

struct Setup<'a> {
    feed: &'a str,
    timerange: Option<&'a str>,
    rooms: Rooms,
    faults: exchange::faults::Settings,
    seed: u64,
    record: bool,
}

impl Setup<'_> {
    fn demo(seed: u64) -> Setup<'static> {
        Setup {
            feed: "synthetic",
            timerange: None,
            rooms: rooms(strategy::Settings::demo(), RegimeSettings::demo()),
            faults: exchange::faults::Settings::default(),
            seed,
            record: false,
        }
    }

    /// Opens and starts the session in `dir`.
    fn begin(self, dir: &Path) -> Crank {
        let range = self.timerange.map(|text| text.parse().expect("a time range"));
        let feed = feed::open(&feed::Settings::default(), self.feed, &symbols(), range, self.seed).expect("a feed");
        let plan = Plan {
            dir,
            feed,
            rooms: self.rooms,
            exchange: exchange::Settings::default(),
            faults: self.faults,
            seed: self.seed,
            recorder: self.record.then(recorder::Settings::default),
            config: String::new(),
            pulses: Pulses::new(&symbols(), true),
        };
        let assembled = coordinator::assemble(plan, Clock::start()).expect("a session");
        let mut crank = assembled.crank;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(coordinator::start(&mut crank, assembled.recovered, Span::secs(60), |_| {})).expect("a start");
        crank
    }
}

fn run_for(crank: &mut Crank, span: Span, most_turns: u64) {
    let end = crank.session.at() + span;
    let mut turns = 0;
    let mut instant = (crank.session.at(), crank.session.seq());
    while crank.next_at().is_some_and(|at| at <= end) {
        let outside = crank.turn().expect("a turn");
        assert_eq!(outside.leave, None);
        turns += 1;
        if crank.session.at() > instant.0 {
            instant = (crank.session.at(), crank.session.seq());
        }
        assert!(crank.session.seq() - instant.1 < MOST_AT_ONE_INSTANT, "the engine spins at {}", instant.0);
        assert!(turns < most_turns, "the session spins at {}", crank.session.at());
    }
}

/// Ends the session as the loop does, and closes its files. Gives back the last picture.
fn end(mut crank: Crank) -> View {
    let at = crank.session.at();
    let command = Command::Shutdown { flatten: false, reason: "the end".into() };
    crank.session.push(at, Source::Operator, Event::Command(command));
    run_for(&mut crank, Span::secs(10), 10_000);
    let view = crank.session.engine().view();
    crank.close("the end").expect("a close");
    view
}

/// The ledger and the paper venue's own file tell the same orders, fills, positions and cash.
fn assert_books_agree(dir: &Path) {
    let venue = PaperBooks::read(dir).expect("the venue's file");
    let audit = ledger::audit(dir).expect("the ledger");
    assert!(audit.agrees(), "{audit:?}");
    assert_eq!(audit.cash, Some(venue.balance), "cash");
    let db = rusqlite::Connection::open(dir.join(ledger::LEDGER_FILE)).expect("the ledger");
    let ours: BTreeMap<String, (String, String)> = db
        .prepare("SELECT client_id, stage, filled FROM order_rows WHERE venue_order_id IS NOT NULL")
        .and_then(|mut rows| rows.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?.collect())
        .expect("orders");
    let theirs: BTreeMap<String, (String, String)> =
        venue.orders.iter().map(|(id, stage, filled)| (id.clone(), (stage.clone(), filled.clone()))).collect();
    assert_eq!(theirs.len(), venue.orders.len(), "no client order id was accepted twice");
    assert_eq!(ours, theirs, "orders");
    let fills: Vec<(i64, String, String, String, String, String)> = db
        .prepare("SELECT trade_id, client_id, side, price, qty, fee FROM fill_rows ORDER BY symbol, trade_id")
        .and_then(|mut rows| {
            let cells = |row: &rusqlite::Row<'_>| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            };
            rows.query_map([], cells)?.collect()
        })
        .expect("fills");
    let told: Vec<_> = venue
        .fills
        .into_iter()
        .map(|(_, id, client, side, price, qty, fee)| (id, client, side, price, qty, fee))
        .collect();
    assert_eq!(fills, told, "fills");
    let positions: Vec<String> = db
        .prepare("SELECT qty FROM position_rows ORDER BY symbol")
        .and_then(|mut rows| rows.query_map([], |row| row.get(0))?.collect())
        .expect("positions");
    assert_eq!(positions, venue.positions.into_iter().map(|(_, qty)| qty).collect::<Vec<_>>(), "positions");
}

#[test]
fn ninety_of_a_hundred_demo_sessions_open_protect_and_close_a_position() {
    let closes = |seed: u64| {
        let dir = tempfile::tempdir().expect("a folder");
        let mut crank = Setup::demo(seed).begin(dir.path());
        run_for(&mut crank, Span::HOUR, TURNS_OF_AN_HOUR);
        let closed = crank.session.engine().view().positions_closed;
        let view = end(crank);
        assert_eq!(view.exits.get(&ExitReason::Manual), None, "seed {seed}: the shutdown closes nothing");
        assert_eq!(view.exits.get(&ExitReason::Liquidation), None);
        assert!(view.unprotected_max <= Span::secs(3), "seed {seed}: unprotected for {}", view.unprotected_max);
        closed > 0
    };
    let halves = std::thread::scope(|scope| {
        let first = scope.spawn(|| (1..=50).filter(|seed| closes(*seed)).count());
        let second = (51..=100).filter(|seed| closes(*seed)).count();
        first.join().expect("no panic") + second
    });
    println!("{halves} of 100 seeds close a position");
    assert!(halves >= 90, "{halves} of 100");
}

#[test]
fn a_recorded_session_replays_to_the_same_decisions_and_books_agree() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut crank = Setup { record: true, ..Setup::demo(7) }.begin(dir.path());
    run_for(&mut crank, Span::HOUR, TURNS_OF_AN_HOUR);
    let view = end(crank);
    assert_books_agree(dir.path());
    let recording = dir.path().join("recordings/00001");
    let replayed = backtest::replay(&recording, true, |_| {}).expect("a replay");
    assert_eq!(replayed.divergence, None);
    assert!(replayed.compared > 100, "{} compared", replayed.compared);
    assert_eq!(replayed.view.equity, view.equity);

    let segment = recording.join("segment-00001.ltr");
    let mut bytes = std::fs::read(&segment).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).expect("a write");
    let error = backtest::replay(&recording, true, |_| {}).expect_err("one flipped bit");
    println!("{error}");
}

#[test]
fn a_decision_that_was_another_is_found() {
    let (one, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut crank = Setup { record: true, ..Setup::demo(7) }.begin(one.path());
    run_for(&mut crank, Span::mins(20), TURNS_OF_AN_HOUR);
    end(crank);
    // The same events, recorded with an engine that may risk less: its snapshot decides otherwise.
    let mut cautious = Setup { record: true, ..Setup::demo(7) };
    cautious.rooms.risk.risk_per_trade = Rate::bps(20);
    let crank = cautious.begin(other.path());
    end(crank);
    let spliced = splice(&one.path().join("recordings/00001"), &other.path().join("recordings/00001"));
    let replayed = backtest::replay(spliced.path(), true, |_| {}).expect("a replay");
    let found = replayed.divergence.expect("a difference");
    assert!(found.recorded.is_some() && found.recorded != found.replayed);
}

/// The events and digests of one recording behind the snapshot of another.
fn splice(events: &Path, snapshot: &Path) -> tempfile::TempDir {
    let header = |path: &Path| {
        let recording = recorder::Recording::open(path).expect("a recording");
        let segment = recording.segments().next().expect("a segment").expect("a good one");
        segment.header().clone()
    };
    let dir = tempfile::tempdir().expect("a folder");
    let mut mixed = header(events);
    mixed.snapshot = header(snapshot).snapshot;
    let mut writer = recorder::Recorder::open(dir.path(), recorder::Settings::default(), mixed).expect("a recorder");
    let recording = recorder::Recording::open(events).expect("a recording");
    let mut waiting = None;
    for entry in recording.segments().next().expect("a segment").expect("a good one") {
        match entry.expect("an entry") {
            recorder::Entry::Event(event) => {
                if let Some(event) = waiting.replace(event) {
                    writer.record(&event, None);
                }
            }
            recorder::Entry::Digest { digest, .. } => {
                let event = waiting.take().expect("an event before its digest");
                writer.record(&event, Some(digest));
            }
            recorder::Entry::Gap { .. } => {}
        }
    }
    let folder = writer.folder().to_owned();
    writer.close().expect("a close");
    assert!(folder.starts_with(dir.path()));
    dir_of(dir, &folder)
}

/// Moves the recording's folder up, so that the temporary folder is the recording.
fn dir_of(dir: tempfile::TempDir, folder: &Path) -> tempfile::TempDir {
    for file in std::fs::read_dir(folder).expect("a folder").flatten() {
        std::fs::rename(file.path(), dir.path().join(file.file_name())).expect("a move");
    }
    std::fs::remove_dir_all(dir.path().join("recordings")).expect("an empty folder");
    dir
}

#[test]
fn a_restart_goes_on_where_the_session_stood() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut last = None;
    for _ in 0..3 {
        let mut crank = Setup::demo(3).begin(dir.path());
        let at = crank.session.at();
        assert!(last.is_none_or(|last| at >= last), "session time never runs back");
        run_for(&mut crank, Span::mins(20), TURNS_OF_AN_HOUR);
        last = Some(crank.session.at());
        end(crank);
        assert_books_agree(dir.path());
    }
    let sessions = ledger::sessions(dir.path()).expect("the ledger");
    assert_eq!(sessions.len(), 3);
}

#[test]
fn a_killed_process_loses_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    for round in 0..12_i64 {
        let mut crank = Setup::demo(5).begin(dir.path());
        // Dropped in the middle, without a word: what a kill leaves is what was committed.
        run_for(&mut crank, Span::secs(97 + 61 * round), TURNS_OF_AN_HOUR);
        drop(crank);
    }
    let mut crank = Setup::demo(5).begin(dir.path());
    run_for(&mut crank, Span::mins(5), TURNS_OF_AN_HOUR);
    let view = end(crank);
    assert!(view.positions.iter().all(|one| one.unprotected_since.is_none()));
    assert_books_agree(dir.path());
}

const FAULTS: &str = "[chances]\nanswer_lost = \"5%\"\nrequest_lost = \"3%\"\nlate_fill = \"5%\"\nreject = \"3%\"\n\
                      rate_limit = \"1%\"\nlatency_spike = \"2%\"\n";
const STORM: &str = "[chances]\nanswer_lost = \"5%\"\nrequest_lost = \"5%\"\nrequest_late = \"3%\"\nlate_fill = \"10%\"\n\
                     reject = \"5%\"\nrate_limit = \"3%\"\nlatency_spike = \"2%\"\nstop_rejected = \"10%\"\n\
                     outage = \"0.5%\"\nclock_jump = \"0.5%\"\nlate_visibility = \"3%\"\n";

#[test]
fn rehearsed_faults_double_nothing_and_end_in_agreement() {
    for (text, seed) in (1..=6).map(|seed| (FAULTS, seed)).chain((1..=4).map(|seed| (STORM, seed))) {
        let dir = tempfile::tempdir().expect("a folder");
        let faults: exchange::faults::Settings = toml::from_str(text).expect("faults");
        let mut crank = Setup { faults, ..Setup::demo(seed) }.begin(dir.path());
        run_for(&mut crank, Span::HOUR, TURNS_OF_AN_HOUR);
        // A reason that can be counted is one word; a symbol is halted with a sentence.
        let view = crank.session.engine().view();
        let halted = view.instruments.iter().filter_map(|one| one.blocked.as_deref()).find(|why| why.contains(' '));
        assert_eq!(halted, None, "seed {seed}: the protocol's assumptions held");
        drop(crank);
        let mut crank = Setup::demo(seed).begin(dir.path());
        run_for(&mut crank, Span::mins(10), TURNS_OF_AN_HOUR);
        let view = end(crank);
        assert!(view.positions.iter().all(|one| one.unprotected_since.is_none()), "seed {seed}");
        assert_books_agree(dir.path());
    }
}

/// Recorded bars beside the project, if they are there.
fn recorded_bars() -> Option<String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    #[expect(clippy::disallowed_methods, reason = "where recorded data may be is told to tests by the environment")]
    let root = std::env::var_os("LTL_SHARED_DIR").map_or(beside, Into::into);
    let path = root.join("data/ohlcv-1m-binance-spot");
    if !path.exists() {
        println!("skipped: no shared data");
        return None;
    }
    Some(format!("file:{}", path.display()))
}

#[test]
fn recorded_bars_give_the_same_ledger_twice_and_the_venue_agrees() {
    let Some(feed) = recorded_bars() else { return };
    let run = |dir: &Path| {
        let regime = RegimeSettings { unknown: UnknownRegime::Neutral, ..RegimeSettings::default() };
        let setup = Setup {
            feed: &feed,
            timerange: Some("20241001-20241105"),
            rooms: rooms(strategy::Settings::default(), regime),
            record: true,
            ..Setup::demo(1)
        };
        let mut crank = setup.begin(dir);
        run_for(&mut crank, Span::DAY * 20, 5_000_000);
        end(crank)
    };
    let (one, two) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let view = run(one.path());
    run(two.path());
    println!("{} opened, {} closed, equity {}", view.positions_opened, view.positions_closed, view.equity);
    assert!(view.positions_closed > 0);
    assert_books_agree(one.path());
    let differences = ledger::compare(one.path(), two.path()).expect("two ledgers");
    assert!(differences.is_empty(), "{differences:?}");
    let trades = ledger::trades(one.path(), &ledger::TradeFilter::default()).expect("trades");
    let by = |name: &str| trades.iter().filter(|trade| trade.strategy == name).count();
    println!("oversold_bounce {}, short_the_rip {}", by("oversold_bounce"), by("short_the_rip"));
    assert!(by("oversold_bounce") > 0 && by("short_the_rip") > 0);
    let replayed = backtest::replay(&one.path().join("recordings/00001"), true, |_| {}).expect("a replay");
    assert_eq!(replayed.divergence, None);
}
