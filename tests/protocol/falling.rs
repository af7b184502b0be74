//! An account that comes close to its liquidation.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::stage::{PATIENCE, Reply, Stage};
use super::wire::Wire;

/// A market that falls until an account is told that it comes close to its liquidation.
pub async fn margin_call() -> Value {
    /// Minutes of a market that stands, until there is a position in it, and of one that falls: at once by most of what
    /// the account can lose, then so slowly that no delay of the test leaps over the moment.
    const STANDS: i64 = 10;
    const FALLS: i64 = 400;
    const LEAP: i64 = 200;
    const STEP: i64 = 4;
    /// Seconds of the market in a second of the test.
    const SPEED: f64 = 120.0;
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = String::from("open_time_s,open,high,low,close,volume\n");
    for minute in 0..STANDS + FALLS {
        let fallen = (minute - STANDS).max(0);
        let price = 60_000 - LEAP * fallen.min(1) - STEP * fallen;
        writeln!(text, "{},{price},{price},{price},{price},5", 1_727_740_800 + minute * 60).expect("a text takes it");
    }
    std::fs::write(folder.path().join("BTCUSDT_1m_2024.csv"), text).expect("a file");
    let feed = format!("file:{}", folder.path().display());
    let stage = Stage::open(&feed, &["BTC/USDT"], 600, (None, SPEED)).await;
    let tracker = TaskTracker::new();
    let grant = |reply: Reply| assert_eq!(reply.status, 200, "{}", reply.body);
    grant(stage.ask("POST", "/fapi/v1/leverage", "symbol=BTCUSDT&leverage=125").await);
    let reply = stage.ask("POST", "/fapi/v1/listenKey", "").await;
    let key = reply.body["listenKey"].as_str().expect("a key").to_owned();
    let private = Wire::open(&stage.address, &format!("/private/ws?listenKey={key}"), &tracker).await;
    private.ask(&json!({"method": "LIST_SUBSCRIPTIONS", "id": 1})).await;
    let buy = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1";
    let bought = async {
        // Before the first bar there is no price.
        while stage.ask("POST", "/fapi/v1/order", buy).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, bought).await.expect("a position");
    let told = private.wait(|one| one["e"] == "MARGIN_CALL").await;
    stage.close().await;
    tracker.close();
    tracker.wait().await;
    told
}
