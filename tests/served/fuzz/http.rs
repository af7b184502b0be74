//! Requests over HTTP.

use super::dice::Dice;
use super::words::{REQUESTS, value};
use crate::client::{KEY, request, signature};

/// A request whose frame is right, whatever is in it.
pub fn well_formed(dice: &mut Dice, now_ms: u64) -> Vec<u8> {
    let (method, path, form) = REQUESTS[dice.below(REQUESTS.len())];
    if path.starts_with("/control") {
        let mut body = form.as_bytes().to_vec();
        if dice.once_in(2) {
            dice.damage(&mut body);
        }
        return request(method, path, "", &String::from_utf8_lossy(&body));
    }
    let mut pairs: Vec<(String, String)> = form
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    pairs.push(("timestamp".to_owned(), now_ms.to_string()));
    for _ in 0..dice.below(4) {
        mutate(dice, &mut pairs);
    }
    let form = pairs.iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
    let form = signed(dice, form.collect::<Vec<_>>().join("&"));
    let in_body = method != "GET" && dice.once_in(2);
    let method = if dice.once_in(20) { dice.pick(&["GET", "POST", "PUT", "DELETE", "PATCH"]) } else { method };
    if in_body { request(method, path, "", &form) } else { request(method, path, &form, "") }
}

/// A request that is damaged somewhere between its first byte and its last.
pub fn broken(dice: &mut Dice, now_ms: u64) -> Vec<u8> {
    let mut bytes = match dice.below(8) {
        0 => headers(dice),
        1 => chunked(dice),
        _ => well_formed(dice, now_ms),
    };
    dice.damage(&mut bytes);
    bytes
}

fn mutate(dice: &mut Dice, pairs: &mut Vec<(String, String)>) {
    let at = dice.below(pairs.len().max(1));
    match dice.below(8) {
        0 if !pairs.is_empty() => drop(pairs.remove(at)),
        1 if !pairs.is_empty() => pairs.push(pairs[at].clone()),
        2 if pairs.len() > 1 => {
            let other = dice.below(pairs.len());
            let text = pairs[other].1.clone();
            pairs[at].1 = text;
        }
        3 => pairs.push((value(dice), value(dice))),
        4 => pairs.push(("recvWindow".to_owned(), value(dice))),
        _ if !pairs.is_empty() => match dice.once_in(3) {
            true => {
                let mut text = std::mem::take(&mut pairs[at].1).into_bytes();
                dice.damage(&mut text);
                pairs[at].1 = String::from_utf8_lossy(&text).into_owned();
            }
            false => pairs[at].1 = value(dice),
        },
        _ => {}
    }
}

/// Most requests are signed as they should be, so that they come past the door.
fn signed(dice: &mut Dice, form: String) -> String {
    let mut right = signature(form.as_bytes());
    match dice.below(20) {
        0 => form,
        1 => format!("signature={right}&{form}"),
        2 => format!("{form}&signature={}", escaped(&value(dice))),
        3 => {
            right.truncate(dice.below(64));
            format!("{form}&signature={right}&signature={right}")
        }
        _ => format!("{form}&signature={right}"),
    }
}

/// Headers of every kind.
fn headers(dice: &mut Dice) -> Vec<u8> {
    let mut text = "GET /fapi/v1/time HTTP/1.1\r\nHost: localhost\r\n".to_owned();
    for _ in 0..dice.below(150) {
        let line = match dice.below(8) {
            0 => format!("Content-Length: {}", value(dice)),
            1 => format!("Transfer-Encoding: {}", dice.pick(&["chunked", "gzip", "identity", "chunked, chunked", ""])),
            2 => format!("X-MBX-APIKEY: {}", dice.pick(&[KEY, "", "nobody", "\u{7f}"])),
            3 => format!("Connection: {}", dice.pick(&["close", "upgrade", "keep-alive, te", ","])),
            4 => "Expect: 100-continue".to_owned(),
            5 => format!("Upgrade: {}", dice.pick(&["websocket", "h2c", ""])),
            6 => " folded".to_owned(),
            _ => format!("X-{}: {}", dice.below(1_000), "v".repeat(dice.below(500))),
        };
        text.push_str(&line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// A body in chunks whose lengths may lie.
fn chunked(dice: &mut Dice) -> Vec<u8> {
    let mut text = format!(
        "POST /fapi/v1/order HTTP/1.1\r\nHost: localhost\r\nX-MBX-APIKEY: {KEY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    for _ in 0..dice.below(20) {
        let length = dice.below(2_000);
        let told = if dice.once_in(10) { value(dice) } else { format!("{length:x}") };
        text.push_str(&format!("{told}\r\n{}\r\n", "a".repeat(length)));
    }
    text.push_str("0\r\n\r\n");
    text.into_bytes()
}

/// Percent-encoded, as clients do it.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~,:".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
