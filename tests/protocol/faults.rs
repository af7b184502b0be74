//! What is switched to go wrong befalls orders over WebSocket as it does those over HTTP.

use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::stage::Stage;
use super::wire::{Wire, request};

fn order(name: &str) -> Value {
    json!({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newClientOrderId": name})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_befall_orders_over_websocket_too() {
    let stage = Stage::open("synthetic", &["BTC/USDT"], 100_000, (None, 1.0)).await;
    let tracker = TaskTracker::new();
    let wire = Wire::open(&stage.address, "/ws-fapi/v1", &tracker).await;
    let exists = async |name: &str| {
        let asked = format!("symbol=BTCUSDT&origClientOrderId={name}");
        stage.ask("GET", "/fapi/v1/order", &asked).await.status == 200
    };
    for (switch, body, status, code, done) in [
        ("overload", r#"{"count": 1}"#, 503, -1008, false),
        ("unknown", r#"{"count": 1, "executed": false}"#, 503, -1000, false),
        ("unknown", r#"{"count": 1, "executed": true}"#, 503, -1000, true),
    ] {
        stage.control(switch, body).await;
        let name = format!("{switch}-{done}");
        let told = wire.call(&stage, "order.place", order(&name)).await;
        assert_eq!((&told["status"], &told["error"]["code"]), (&json!(status), &json!(code)), "{switch} {body}");
        assert_eq!(exists(&name).await, done, "{switch} {body}");
    }
    stage.control("lose-answers", r#"{"count": 1}"#).await;
    wire.say(&request(&stage, "lost", "order.place", order("lost")).await).await;
    let told = wire.call(&stage, "order.place", order("told")).await;
    assert_eq!(told["status"], 200, "{told}");
    assert!(exists("lost").await, "it was carried out");
    assert!(wire.heard().iter().all(|one| one["id"] != "lost"), "and nothing was said of it");
    stage.close().await;
    tracker.close();
    tracker.wait().await;
}
