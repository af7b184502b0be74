//! WebSockets: upgrades and frames.

use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::words::{METHODS, REQUESTS, STREAMS, value};
use crate::client::{CLOSE, CONTINUATION, FIN, KEY, PING, TEXT, frame, signature, upgrade as asked};

/// A request for a WebSocket, mostly a right one.
pub fn upgrade(dice: &mut Dice) -> Vec<u8> {
    let names = (0..dice.below(4)).map(|_| dice.pick(&STREAMS)).collect::<Vec<_>>().join("/");
    let path = match dice.below(8) {
        0 => "/ws".to_owned(),
        1 => format!("/ws/{names}"),
        2 => format!("/stream?streams={names}"),
        3 => format!("/market/stream?streams={names}"),
        4 => format!("/private/ws?listenKey={}&events={}", "k".repeat(dice.below(100)), dice.below(9)),
        5 | 6 => "/ws-fapi/v1".to_owned(),
        _ => format!("/public/ws/{}", "a@b/".repeat(dice.below(3_000))),
    };
    let mut bytes = asked(&path);
    if dice.once_in(10) {
        dice.damage(&mut bytes);
    }
    bytes
}

/// A message in one frame or more, or something that is none.
pub fn frames(dice: &mut Dice, now_ms: u64) -> Vec<u8> {
    let mut text = if dice.once_in(2) { stream_request(dice) } else { api_request(dice, now_ms) };
    if dice.once_in(4) {
        dice.damage(&mut text);
    }
    let mut bytes = match dice.below(10) {
        0 => frame(FIN | PING, &text[..text.len().min(dice.below(140))]),
        1 => frame(FIN | CLOSE, &text[..text.len().min(dice.below(8))]),
        2 => frame(dice.below(256) as u8, &text),
        3 | 4 => fragments(dice, &text),
        _ => frame(FIN | TEXT, &text),
    };
    if dice.once_in(8) {
        dice.damage(&mut bytes);
    }
    bytes
}

fn fragments(dice: &mut Dice, text: &[u8]) -> Vec<u8> {
    let size = 1 + dice.below(200);
    let mut bytes = frame(TEXT, b"");
    for part in text.chunks(size) {
        bytes.extend(frame(CONTINUATION, part));
        if dice.once_in(10) {
            bytes.extend(frame(FIN | PING, b"between"));
        }
    }
    bytes.extend(frame(FIN | CONTINUATION, b""));
    bytes
}

fn stream_request(dice: &mut Dice) -> Vec<u8> {
    let method =
        dice.pick(&["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY", "x", ""]);
    let params: Vec<Value> = (0..dice.below(30))
        .map(|_| match dice.below(6) {
            0 => odd(dice),
            1 => json!("combined"),
            2 => json!(true),
            _ => json!(dice.pick(&STREAMS)),
        })
        .collect();
    json!({"method": method, "params": params, "id": odd(dice)}).to_string().into_bytes()
}

fn api_request(dice: &mut Dice, now_ms: u64) -> Vec<u8> {
    let (_, _, form) = REQUESTS[dice.below(REQUESTS.len())];
    let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let mut params: Map<String, Value> = pairs.map(|(name, value)| (name.to_owned(), json!(value))).collect();
    params.insert("timestamp".to_owned(), json!(now_ms));
    params.insert("apiKey".to_owned(), json!(KEY));
    if dice.once_in(2) {
        let name = params.keys().nth(dice.below(params.len())).cloned().unwrap_or_default();
        params.insert(name, odd(dice));
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut signed: Vec<String> = params.iter().map(|(name, value)| format!("{name}={}", text(value))).collect();
    signed.sort_unstable();
    params.insert("signature".to_owned(), json!(signature(signed.join("&").as_bytes())));
    let method = dice.pick(&METHODS);
    json!({"id": odd(dice), "method": method, "params": params}).to_string().into_bytes()
}

/// A JSON value of any kind.
fn odd(dice: &mut Dice) -> Value {
    match dice.below(8) {
        0 => Value::Null,
        1 => json!(dice.below(2) == 0),
        2 => json!(dice.below(usize::MAX)),
        3 => json!(1.5e300),
        4 => json!([[], {}, [1, "a"]]),
        5 => json!({"a": {"b": [null]}}),
        _ => json!(value(dice)),
    }
}
