//! Live trading with the shipped binary, against the exchange that the same binary serves: orders over real sockets, two
//! ledgers kept by different hands, and both held against each other.

#[expect(dead_code, reason = "the tests of the binary use more of it")]
mod support;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::live::{Stage, TRADING, UNPROTECTED_AT_MOST};
use support::served::{SECRET, Served};
use support::{Daemon, Ended, pause, until};

/// Seconds of the venue in one of the wall's: a minute of the market every six seconds, and no timer of the daemon shorter
/// than a tenth of a second.
const SPEED: f64 = 10.0;

struct Scene {
    stage: Stage<fn(&Path, &[&str]) -> Command>,
    served: Served,
    _folder: tempfile::TempDir,
}

fn binary(folder: &Path, arguments: &[&str]) -> Command {
    support::command(Path::new(env!("CARGO_BIN_EXE_live_trading_launcher")), folder, &[], arguments)
}

impl Scene {
    fn new() -> Scene {
        Scene::within(false)
    }

    /// Are the venue's rate limits held?
    fn within(limits: bool) -> Scene {
        let folder = tempfile::tempdir().expect("a folder");
        let stage = Stage {
            folder: folder.path().to_path_buf(),
            program: binary as fn(&Path, &[&str]) -> Command,
            market: ["--feed", "synthetic", "--seed", "7"].map(String::from).to_vec(),
            symbols: vec!["BTC/USDT", "ETH/USDT", "SOL/USDT"],
            speed: SPEED,
            limits,
        };
        let served = stage.serve(0);
        Scene { stage, served, _folder: folder }
    }

    fn trade(&self, arguments: &[&str]) -> Daemon {
        let mut daemon = self.stage.trade(&self.served, arguments);
        daemon.hear(TRADING);
        daemon
    }

    fn has(&self, sql: &str) -> bool {
        support::books::count(&self.stage.state(), sql) > 0
    }
}

fn stop(daemon: Daemon) -> Ended {
    let id = rustix::process::Pid::from_child(&daemon.child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it takes a signal");
    daemon.end()
}

#[test]
fn a_position_is_opened_protected_and_closed_and_the_books_are_the_venues() {
    let scene = Scene::new();
    let summary = scene.stage.folder.join("summary.json");
    let daemon = scene.trade(&["--summary-json", &summary.to_string_lossy()]);
    // Of this seed's market five trades close within a quarter of an hour, the first in the third minute.
    until("a closed trade", || scene.has("SELECT count(*) FROM trade_rows").then_some(()));
    pause(Duration::from_secs(1));
    let ended = stop(daemon);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let (books, _) = scene.stage.settle(&scene.served);
    assert_eq!(books.differences, Vec::<String>::new(), "{}", ended.text);
    assert!(books.fills >= 2 && books.orders >= 3, "{books:?}");
    let summary: Value =
        serde_json::from_str(&std::fs::read_to_string(summary).expect("a summary")).expect("it is JSON");
    assert_eq!((&summary["mode"], &summary["venue"]), (&json!("live"), &json!("binance")));
    let unprotected = summary["unprotected_seconds_max"].as_f64().expect("a number");
    assert!(unprotected <= UNPROTECTED_AT_MOST, "{unprotected}");
    assert!(!ended.text.contains(SECRET), "a secret was said");
    assert_every_order_went_to_paper_as_well(&scene, &summary["shadow"], &ended.text);
    // What the shadow did is in no recording: the session replays without it.
    let state = scene.stage.state().to_string_lossy().into_owned();
    let replayed =
        Daemon::start(binary(&scene.stage.folder, &["replay", "1", "--verify", "--state-dir", &state])).end();
    assert_eq!(replayed.code, Some(0), "{}", replayed.text);
}

/// Paper gains, live losses: each order is followed on paper too, and the difference is kept and told.
fn assert_every_order_went_to_paper_as_well(scene: &Scene, told: &Value, log: &str) {
    let count = |sql: &str| support::books::count(&scene.stage.state(), sql);
    let untold = "SELECT count(*) FROM order_rows o WHERE filled <> '0' AND ended = 1
                  AND NOT EXISTS (SELECT 1 FROM shadow_rows s WHERE s.client_id = o.client_id AND s.live_qty = o.filled)";
    assert_eq!(count(untold), 0, "{told}");
    let compared = count("SELECT count(*) FROM shadow_rows WHERE session = 1 AND price_cost IS NOT NULL");
    assert!(compared >= 2, "an entry and an exit at least: {told}");
    assert_eq!(told["compared"], json!(compared), "{told}");
    // The server is an exchange like the one on paper, with the same fees: what is compared is the same trade.
    let apart = "SELECT count(*) FROM shadow_rows WHERE paper_price IS NOT NULL AND live_price IS NOT NULL
                 AND (abs(live_price / paper_price - 1) > 0.01 OR abs(live_fee / paper_fee - 1) > 0.01
                      OR abs(delay) > 60e9 OR live_qty <> paper_qty)";
    assert_eq!(count(apart), 0, "{told}");
    assert!(log.contains("live beside paper"), "{log}");
    let kinds = "SELECT count(DISTINCT leg) FROM shadows WHERE price_cost IS NOT NULL";
    assert!(count(kinds) >= 2, "{told}");
}

#[test]
fn answers_that_are_lost_and_streams_that_are_cut_lose_and_double_nothing() {
    let scene = Scene::new();
    let daemon = scene.trade(&[]);
    for (switch, body) in [
        ("unknown", json!({ "count": 2, "executed": true })),
        ("drop-connections", json!({})),
        ("lose-answers", json!({ "count": 1 })),
        ("unknown", json!({ "count": 2, "executed": false })),
        ("expire-listen-keys", json!({ "account": 0 })),
    ] {
        scene.served.switch(switch, &body);
        pause(Duration::from_secs(4));
    }
    until("a fill", || scene.has("SELECT count(*) FROM fill_rows").then_some(()));
    let ended = stop(daemon);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let (books, again) = scene.stage.settle(&scene.served);
    assert_eq!(books.differences, Vec::<String>::new(), "{}\n{again:?}", ended.text);
}

#[test]
fn a_market_that_comes_late_is_not_entered_upon() {
    let scene = Scene::new();
    // By the venue's clock, what its streams say was made three seconds of the wall ago.
    scene.served.switch("clock", &json!({ "ms": 30_000 }));
    let mut daemon = scene.trade(&[]);
    let told = daemon.hear("nothing is entered until the market is known as it is now");
    assert!(told.contains("what the market says is"), "{told}");
    let ended = stop(daemon);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
}

#[test]
fn a_killed_daemon_and_a_killed_server_lose_and_double_nothing() {
    let scene = Scene::new();
    let daemon = scene.trade(&[]);
    until("an order", || scene.has("SELECT count(*) FROM intent_rows").then_some(()));
    daemon.kill();
    let daemon = scene.trade(&[]);
    let Scene { stage, served, _folder } = scene;
    let port = served.address.port();
    served.process.kill();
    let served = stage.serve(port);
    pause(Duration::from_secs(4));
    let ended = stop(daemon);
    assert_eq!(ended.code, Some(0), "{}", ended.text);
    let (books, again) = stage.settle(&served);
    assert_eq!(books.differences, Vec::<String>::new(), "{}\n{again:?}", ended.text);
}

#[test]
fn a_start_waits_for_room_in_the_venues_limits() {
    let scene = Scene::within(true);
    scene.served.switch("rate-limit", &json!({}));
    // The venue's minute is six seconds here. Unless it has just turned, nothing is answered until it does.
    let ended = stop(scene.trade(&[]));
    assert_eq!(ended.code, Some(0), "{}", ended.text);
}

#[test]
fn without_keys_or_with_another_market_it_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state").to_string_lossy().into_owned();
    for (arguments, code, words) in [
        (vec!["--live"], 77, "BINANCE_KEY is not set"),
        (vec!["--live", "--feed", "synthetic"], 78, "leave --feed out"),
        (vec!["--live", "--speed", "max"], 78, "its own pace"),
        (vec!["--live", "--speed", "5"], 78, "served on this machine"),
        (vec!["--live", "--paper"], 2, "cannot be used with"),
    ] {
        let ended = Daemon::start(binary(folder.path(), &[&arguments[..], &["--state-dir", &state]].concat())).end();
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.text);
        assert!(ended.text.contains(words), "{arguments:?}: {}", ended.text);
    }
}
