//! Silence: a daemon that looks alive and is not, or is not and says nothing.

use std::io::Read;
use std::net::TcpListener;
use std::process::Command as Process;
use std::sync::mpsc;

use live_trading_launcher::clock::Clock;
use live_trading_launcher::coordinator::RunError;
use live_trading_launcher::health::{Guard, Watchdog, exit_process, systemd};
use live_trading_launcher::ledger;
use live_trading_launcher::protocol::{ConnectionState, Event, Link, MarketEvent, NoticeKind, VenueRequest};
use live_trading_launcher::types::{Leg, Side, Span, Timestamp};
use live_trading_launcher::venue::{Venue, VenueError};
use serde_json::Value;

use crate::bench::Bench;
use crate::script::BASE;
use crate::stage::{BTC, ETH, Rules, Stage};
use crate::support::{self, Daemon, until};

#[test]
fn frozen_at_starting_live_trading() {
    let bench = Bench::new();
    let mut daemon = bench.start(&[], &["--paper"]);
    for line in
        ["STARTING LIVE TRADING", "Health monitor started", "LIVE TRADING ENGINE STARTED", "Processing 3 symbols"]
    {
        daemon.hear(line);
    }
    until("bars are processed", || bench.status().filter(|status| status["view"]["iterations"].as_u64() > Some(0)));
    daemon.signal("TERM");
    assert_eq!(daemon.end().code, Some(0));
}

#[test]
fn a_start_that_is_late_names_its_step() {
    // A venue that never answers.
    let mut stage = Stage::unstarted(Rules::new());
    stage.wire.let_through(|_| false);
    match stage.start().expect_err("nothing can be known of the account") {
        RunError::StartTooSlow { step, waiting_for, .. } => {
            assert_eq!(step, "reconcile");
            for what in ["open orders", "positions", "balance"] {
                assert!(waiting_for.contains(what), "{waiting_for}");
            }
        }
        other => panic!("{other}"),
    }
    assert_eq!(stage.wire.orders(), []);
}

const STALL: &str = "\
[[faults.feed.schedule]]
after = \"30s\"
for = \"4m\"
kind = \"stall\"
symbol = \"ETH/USDT:USDT\"
";

#[test]
fn heartbeat_says_healthy_and_no_candle_is_processed() {
    let bench = Bench::new();
    let faults = bench.file("faults.toml", STALL);
    let variables = [("HEALTH_CHECK_INTERVAL", "0.2"), ("LTL__HEALTH__WINDOW", "1s")];
    let mut daemon = bench.start(&variables, &["--speed", "120", "--faults", &faults]);
    daemon.hear("💓 Heartbeat - Uptime: 0.0m, Status: healthy");
    let degraded = daemon.hear("Status: degraded");
    assert!(degraded.contains("ETH/USDT:USDT"), "{degraded}");
    assert!(!degraded.contains("BTC/USDT:USDT"), "{degraded}");
    daemon.hear("Status: healthy");
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
}

#[test]
fn watchdog_restarts_on_an_ordinary_venue_error() {
    // The venue is away. The loop gives up, and is not started again for longer than a stall is waited for.
    let bench = Bench::new();
    let away = "[[faults.venue.schedule]]\nafter = \"0s\"\nfor = \"6h\"\nkind = \"outage\"\n";
    let faults = bench.file("faults.toml", away);
    let flags = ["--faults", &faults, "--auto-restart", "--max-restarts", "1", "--restart-delay", "3"];
    let ended = bench.run(&[("LTL__HEALTH__STALL_LIMIT", "2s")], &flags);
    assert!(!ended.text.contains("stands still"), "{}", ended.text);
    assert!(ended.text.contains("is started again"), "{}", ended.text);
    assert_eq!(ended.code, Some(75), "it ends with its own error: {}", ended.text);
}

/// Set for the copy of this program that freezes.
const FREEZES: &str = "FAILURES_TEST_FREEZES";
const STALL_LIMIT: Span = Span::millis(500);

#[test]
fn event_loop_frozen_by_one_synchronous_call() {
    let this = std::env::current_exe().expect("a program knows where it is");
    let mut copy = Process::new(this);
    copy.args(["--exact", "silence::the_loop_that_freezes", "--nocapture"]).env(FREEZES, "1");
    copy.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let clock = Clock::start();
    let ended = Daemon::start(copy).end();
    assert_eq!(ended.code, Some(70), "{}", ended.text);
    assert!(ended.text.contains("frozen at dispatch"), "{}", ended.text);
    assert!(clock.uptime() < Span::secs(10), "{}", clock.uptime());
}

/// A session whose venue blocks for good. By itself this is no test: it is what the test above runs.
#[test]
fn the_loop_that_freezes() {
    #[expect(clippy::disallowed_methods, reason = "the one variable that tells the copy from the original")]
    let is_copy = std::env::var_os(FREEZES).is_some();
    if !is_copy {
        return;
    }
    let mut stage = Stage::new();
    let pulses = stage.crank().pulses.clone();
    let guard = Guard {
        pulses,
        clock: Clock::start(),
        stall_limit: STALL_LIMIT,
        abort_on_stall: true,
        systemd: systemd::Notifier::absent(),
        flush: Box::new(|| {}),
        abort: Box::new(|stall| {
            println!("frozen at {}", stall.stage.as_str());
            exit_process(stall);
        }),
    };
    let _watchdog = Watchdog::start(guard).expect("a thread");
    stage.crank().venue = Box::new(Blocking);
    stage.enter(Side::Buy);
}

/// A venue with a synchronous call in it.
struct Blocking;

impl Venue for Blocking {
    fn name(&self) -> &str {
        "blocking"
    }
    fn on_market(&mut self, _: Timestamp, _: &MarketEvent) -> Result<(), VenueError> {
        Ok(())
    }
    fn send(&mut self, _: Timestamp, _: VenueRequest) -> Result<(), VenueError> {
        // As long as the test's patience, so that nothing is left behind if nobody ends it.
        support::pause(support::PATIENCE);
        Ok(())
    }
    fn next_due(&self) -> Option<Timestamp> {
        None
    }
    fn poll(&mut self, _: Timestamp) -> Result<Option<(Timestamp, Event)>, VenueError> {
        Ok(None)
    }
}

#[test]
fn status_connected_and_no_data() {
    let mut stage = Stage::new();
    stage.minute(1_000);
    let freshness =
        |stage: &Stage| stage.view().instruments.iter().map(|one| one.freshness.clone()).collect::<Vec<_>>();
    assert_eq!(freshness(&stage), ["live", "live"]);
    // The connection says of itself that all is well, minute after minute, and ETH says nothing.
    for _ in 0..6 {
        stage.event(Event::Connection { link: Link::Market(ETH), state: ConnectionState::Live });
        let open_time = stage.minute_at();
        stage.script.bar(BTC, crate::script::bar(open_time, [BASE; 4]));
        stage.skip_minute();
        stage.run_the_minute();
    }
    assert_eq!(freshness(&stage), ["live", "lost"], "data is as old as its last payload");
    assert_eq!(stage.view().instruments[1].blocked.as_deref(), Some("stale_data"));
    assert_eq!(stage.script.restarted(), [ETH], "its feed is started again, once");
    let told = stage.notices.iter().filter(|one| one.kind == NoticeKind::Alarm && one.text.contains("ETH/USDT:USDT"));
    assert_eq!(told.count(), 1, "{:?}", stage.notices);
}

#[test]
fn reconnect_leaves_a_gap() {
    let mut stage = Stage::new();
    stage.minute(999);
    // The connection is down for two minutes. What was missed is there to be asked for, and then comes the next minute.
    let missed: Vec<_> = [1_001, 1_002]
        .map(|close| {
            let open_time = stage.minute_at();
            stage.skip_minute();
            crate::script::bar(open_time, [live_trading_launcher::types::Price::whole(close); 4])
        })
        .into();
    stage.event(Event::Connection { link: Link::User, state: ConnectionState::Lost });
    stage.pass(Span::mins(2));
    assert_eq!(stage.blocked().as_deref(), Some("reconciliation_pending"), "nothing is entered meanwhile");
    let before = stage.wire.requests().len();
    stage.event(Event::Connection { link: Link::User, state: ConnectionState::Live });
    stage.pass(Span::SECOND);
    let asked = stage.wire.requests().split_off(before);
    let fills = |request: &VenueRequest| matches!(request, VenueRequest::Fills { .. });
    for wanted in [VenueRequest::OpenOrders, VenueRequest::Positions, VenueRequest::Balance] {
        assert!(asked.contains(&wanted), "{asked:?}");
    }
    assert!(asked.iter().any(fills), "{asked:?}");
    let late = stage.minute_at() + Span::MINUTE;
    for bar in missed {
        stage.script.bar_at(late, BTC, bar);
        stage.script.bar_at(late, ETH, crate::script::bar(bar.open_time, [BASE; 4]));
    }
    stage.minute(1_003);
    assert_eq!(stage.view().instruments[0].last_bar, Some(stage.minute_at() - Span::MINUTE));
    // The crossing lies within what was missed: it is seen, and nothing is entered on a bar that is old.
    assert_eq!(stage.sent(Leg::Entry), []);
}

#[test]
fn errors_swallowed_exit_code_zero() {
    let bench = Bench::new();
    // A feed whose later part is no longer what it was when it was opened cannot be made from outside; a venue's
    // file that is damaged can.
    assert_eq!(bench.run(&[], &["--duration", "1", "--speed", "600"]).code, Some(0));
    std::fs::write(bench.state().join("paper-venue.sqlite"), b"not a database, and long enough to be looked at")
        .expect("written");
    let summary = bench.folder().join("summary.json");
    let ended = bench.run(&[], &["--duration", "1", "--summary-json", &summary.to_string_lossy()]);
    assert!(!matches!(ended.code, Some(0) | None), "{:?}: {}", ended.code, ended.text);
    assert!(ended.text.contains("paper-venue.sqlite"), "{}", ended.text);
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(summary).expect("a summary")).expect("JSON");
    assert!(summary["exit_reason"].as_str().is_some_and(|why| why.contains("paper-venue.sqlite")), "{summary}");
}

#[test]
fn sigterm_with_orders_in_flight() {
    let bench = Bench::new();
    let faults = bench.file("faults.toml", "[faults.venue.chances]\nrequest_lost = \"40%\"\nanswer_lost = \"40%\"\n");
    let mut daemon = bench.start(&[], &["--speed", "600", "--faults", &faults]);
    daemon.hear("Production trading loop active");
    until("orders were sent", || bench.status().filter(|status| status["view"]["orders"].as_u64() > Some(2)));
    daemon.signal("TERM");
    let ended = daemon.end();
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let audit = ledger::audit(&bench.state()).expect("the ledger opens");
    assert!(audit.agrees(), "{audit:?}");
    // What is not answered for is marked so, and the next start asks and then trades on.
    let ended = bench.run(&[], &["--speed", "600", "--duration", "2"]);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let open = "SELECT count(*) FROM order_rows WHERE unknown_since IS NOT NULL AND ended = 0 AND client_id IN \
                (SELECT client_id FROM intent_rows WHERE session = 1)";
    assert_eq!(support::books::count(&bench.state(), open), 0, "{}", ended.text);
}

#[test]
fn an_alert_channel_was_down_and_trading_waited_for_it() {
    // A server that takes every connection and never says a word.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base_url = format!("http://{}", listener.local_addr().expect("an address"));
    let (heard, hears) = mpsc::channel();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let heard = heard.clone();
            std::thread::spawn(move || {
                let mut bytes = [0; 64];
                while connection.read(&mut bytes).is_ok_and(|read| read > 0) {
                    let _ = heard.send(());
                }
            });
        }
    });
    let bench = Bench::new();
    let variables = [
        ("TELEGRAM_BOT_TOKEN", "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("TELEGRAM_CHAT_ID", "42"),
        ("LTL__NOTIFY__TELEGRAM__BASE_URL", base_url.as_str()),
    ];
    let summary = bench.folder().join("summary.json");
    let summary_text = summary.to_string_lossy();
    let flags = ["--speed", "600", "--duration", "4", "--summary-json", &summary_text];
    let ended = bench.run(&variables, &flags);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    assert!(hears.try_recv().is_ok(), "it was tried: {}", ended.text);
    let summary: Value = serde_json::from_str(&std::fs::read_to_string(summary).expect("a summary")).expect("JSON");
    assert!(summary["iterations"].as_u64() > Some(15), "forty minutes were to be traded: {summary}");
    assert!(summary["loop_lag_ms_max"].as_f64().is_some_and(|lag| lag < 1_000.0), "{summary}");
    // What could not be said waits for the next start.
    let outbox = rusqlite::Connection::open(bench.state().join(ledger::OUTBOX_FILE)).expect("an outbox");
    let waiting: i64 = outbox
        .query_row("SELECT count(*) FROM messages WHERE delivered IS NULL", [], |row| row.get(0))
        .expect("it can be read");
    assert!(waiting > 0);
}
