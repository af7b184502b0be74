//! Requests that ccxt made with a fixed clock and key: each has to find its route and pass its lock. What the venue
//! then says of them, such as that there is no such order, is an answer.

use std::fs;

use live_trading_launcher::types::Timestamp;
use serde_json::Value;

use super::conformance;
use super::stage::{KEY, SECRET, Stage};

/// Errors of who was not let in: no such path, no such parameter form, clock, signature, key.
const NOT_LET_IN: [i64; 8] = [-5000, -1000, -1002, -1021, -1022, -2014, -2015, -1100];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_that_ccxt_made_is_routed_and_verified() {
    let Some(folder) = conformance() else { return };
    let text = fs::read_to_string(folder.join("ccxt-generated/binanceusdm.jsonl")).expect("the requests");
    let requests: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("a request")).collect();
    assert!(requests.len() >= 56, "{} requests", requests.len());
    let stamp = requests[0]["ts_ms"].as_i64().expect("an instant");
    // The clock all but stands still, so that no load on the machine moves it out of the window.
    let at = Some(Timestamp::from_millis(stamp));
    let stage = Stage::open("synthetic", &["BTC/USDT", "ETH/USDT", "SOL/USDT"], 1_000_000, (at, 0.001)).await;
    let mut wrong = Vec::new();
    let (mut signed, mut forged) = (0, 0);
    for one in &requests {
        assert_eq!(
            (one["ts_ms"].as_i64(), &one["api_key"], &one["secret"]),
            (Some(stamp), &KEY.into(), &SECRET.into())
        );
        let method = one["http_method"].as_str().expect("a method");
        let url = one["url"].as_str().expect("an address");
        let target = url.strip_prefix("https://fapi.binance.com").expect("Binance's host");
        let key = one["headers"].as_object().and_then(|headers| {
            let named = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("X-MBX-APIKEY"));
            named.and_then(|(_, key)| key.as_str())
        });
        let body = one["body"].as_str().map(str::to_owned);
        let reply = stage.send(method, target, key, body.clone()).await;
        let code = reply.body["code"].as_i64().unwrap_or_default();
        if reply.status >= 500 || NOT_LET_IN.contains(&code) || (reply.status != 200 && code == 0) {
            wrong.push(format!("{method} {target} {body:?}: {} {}", reply.status, reply.body));
        }
        let Some(with) = body.or(target.split_once('?').map(|(_, query)| query.to_owned())) else { continue };
        if !with.contains("signature=") {
            continue;
        }
        signed += 1;
        // The same with another signature has to be turned away, or nothing was verified.
        let other = forge(&with);
        let (target, body) = match one["body"].as_str() {
            Some(_) => (target.to_owned(), Some(other)),
            None => (target.replace(&with, &other), None),
        };
        let reply = stage.send(method, &target, key, body).await;
        forged += u32::from(reply.body["code"].as_i64() == Some(-1022));
    }
    stage.close().await;
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), requests.len(), wrong.join("\n"));
    assert!(signed >= 48, "{signed} signed requests");
    assert_eq!(forged, signed, "forgeries turned away");
    println!("{} requests routed, {signed} signatures verified, {forged} forgeries turned away", requests.len());
}

/// The same parameters with one digit of the signature changed.
fn forge(with: &str) -> String {
    let at = with.find("signature=").expect("a signature") + "signature=".len();
    let other = if with.as_bytes()[at] == b'0' { "1" } else { "0" };
    format!("{}{other}{}", &with[..at], &with[at + 1..])
}
