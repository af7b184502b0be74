//! What others recorded and published of Binance's replies and events, given to our parsers: every payload of a call or a
//! stream of ours is read, whatever is added to it and whatever words it uses. And texts that nobody would send.

#[path = "support/fuzz.rs"]
mod fuzz;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use live_trading_launcher::venue::binance::{PARSERS, Parser};
use serde_json::Value;

/// Texts per parser: some seconds together. `cargo run --release --example fuzz` goes on for longer.
const SHORT_RUN: u64 = 3_000;

/// Which parser reads the replies of a call.
const CALLS: &[(&str, &str, &str)] = &[
    ("GET", "/fapi/v1/time", "time"),
    ("GET", "/fapi/v1/exchangeInfo", "exchange_info"),
    ("GET", "/fapi/v1/klines", "kline"),
    ("GET", "/fapi/v1/markPriceKlines", "kline"),
    ("GET", "/fapi/v1/premiumIndex", "premium_index"),
    ("GET", "/fapi/v1/fundingRate", "funding_rate"),
    ("GET", "/fapi/v1/fundingInfo", "funding_info"),
    ("POST", "/fapi/v1/order", "order"),
    ("GET", "/fapi/v1/order", "order"),
    ("DELETE", "/fapi/v1/order", "order"),
    ("GET", "/fapi/v1/openOrders", "order"),
    ("POST", "/fapi/v1/algoOrder", "algo"),
    ("GET", "/fapi/v1/algoOrder", "algo"),
    ("DELETE", "/fapi/v1/algoOrder", "algo_canceled"),
    ("GET", "/fapi/v1/openAlgoOrders", "algo"),
    ("GET", "/fapi/v1/allAlgoOrders", "algo"),
    ("DELETE", "/fapi/v1/allOpenOrders", "done"),
    ("DELETE", "/fapi/v1/algoOpenOrders", "done"),
    ("GET", "/fapi/v1/userTrades", "user_trade"),
    ("POST", "/fapi/v1/countdownCancelAll", "countdown"),
    ("GET", "/fapi/v3/balance", "balance"),
    ("GET", "/fapi/v3/positionRisk", "position"),
    ("GET", "/fapi/v1/accountConfig", "account_config"),
    ("GET", "/fapi/v1/symbolConfig", "symbol_config"),
    ("POST", "/fapi/v1/leverage", "leverage"),
    ("POST", "/fapi/v1/marginType", "done"),
    ("GET", "/fapi/v1/positionSide/dual", "dual_side"),
    ("POST", "/fapi/v1/positionSide/dual", "done"),
    ("GET", "/fapi/v1/multiAssetsMargin", "multi_assets"),
    ("GET", "/fapi/v1/leverageBracket", "brackets"),
    ("GET", "/fapi/v1/commissionRate", "commission"),
    ("GET", "/fapi/v1/income", "income"),
    ("POST", "/fapi/v1/listenKey", "listen_key"),
];

/// Which parser reads the examples of a page of the documentation, or of a file of the SDK.
const PAGES: &[(&str, &str)] = &[
    ("check_server_time", "time"),
    ("Check-Server-Time", "time"),
    ("Exchange-Information", "exchange_info"),
    ("exchange_information", "exchange_info"),
    ("Kline-Candlestick-Data", "kline"),
    ("Mark-Price-Kline-Candlestick-Data", "kline"),
    ("Mark-Price", "premium_index"),
    ("mark_price", "premium_index"),
    ("Get-Funding-Rate-History", "funding_rate"),
    ("get_funding_rate_history", "funding_rate"),
    ("Get-Funding-Rate-Info", "funding_info"),
    ("get_funding_rate_info", "funding_info"),
    ("New-Order", "order"),
    ("new_order", "order"),
    ("test_order", "order"),
    ("Query-Order", "order"),
    ("query_order", "order"),
    ("Query-Current-Open-Order", "order"),
    ("query_current_open_order", "order"),
    ("Current-All-Open-Orders", "order"),
    ("current_all_open_orders", "order"),
    ("Cancel-Order", "order"),
    ("cancel_order", "order"),
    ("All-Orders", "order"),
    ("all_orders", "order"),
    ("New-Algo-Order", "algo"),
    ("new_algo_order", "algo"),
    ("Query-Algo-Order", "algo"),
    ("query_algo_order", "algo"),
    ("Query-All-Algo-Orders", "algo"),
    ("query_all_algo_orders", "algo"),
    ("Current-All-Algo-Open-Orders", "algo"),
    ("current_all_algo_open_orders", "algo"),
    ("Cancel-Algo-Order", "algo_canceled"),
    ("cancel_algo_order", "algo_canceled"),
    ("Cancel-All-Open-Orders", "done"),
    ("cancel_all_open_orders", "done"),
    ("Cancel-All-Algo-Open-Orders", "done"),
    ("cancel_all_algo_open_orders", "done"),
    ("Account-Trade-List", "user_trade"),
    ("account_trade_list", "user_trade"),
    ("Auto-Cancel-All-Open-Orders", "countdown"),
    ("auto_cancel_all_open_orders", "countdown"),
    ("Futures-Account-Balance-V3", "balance"),
    ("futures_account_balance_v3", "balance"),
    ("Position-Information-V3", "position"),
    ("position_information_v3", "position"),
    ("Account-Config", "account_config"),
    ("futures_account_configuration", "account_config"),
    ("Symbol-Config", "symbol_config"),
    ("symbol_configuration", "symbol_config"),
    ("Change-Initial-Leverage", "leverage"),
    ("change_initial_leverage", "leverage"),
    ("Change-Margin-Type", "done"),
    ("change_margin_type", "done"),
    ("Get-Current-Position-Mode", "dual_side"),
    ("get_current_position_mode", "dual_side"),
    ("Change-Position-Mode", "done"),
    ("change_position_mode", "done"),
    ("Get-Current-Multi-Assets-Mode", "multi_assets"),
    ("get_current_multi_assets_mode", "multi_assets"),
    ("Notional-and-Leverage-Brackets", "brackets"),
    ("notional_and_leverage_brackets", "brackets"),
    ("User-Commission-Rate", "commission"),
    ("user_commission_rate", "commission"),
    ("Get-Income-History", "income"),
    ("get_income_history", "income"),
    ("Start-User-Data-Stream", "listen_key"),
    ("start_user_data_stream", "listen_key"),
    ("error-code", "error"),
];

/// Subscriptions of the account; all others are of the market.
const OF_ACCOUNT: [&str; 10] = [
    "AccountUpdate",
    "AlgoOrderUpdate",
    "ConditionalTrigger",
    "GridUpdate",
    "Leverage",
    "MarginUpdate",
    "MultiAssetMode",
    "OrderUpdate",
    "StrategyUpdate",
    "TradeUpdate",
];

fn parser(name: &str) -> &'static Parser {
    PARSERS.iter().find(|parser| parser.name == name).unwrap_or_else(|| panic!("there is no parser {name}"))
}

#[expect(clippy::disallowed_methods, reason = "a test is told where the data is, not the daemon")]
fn shared() -> Option<PathBuf> {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("LTL_SHARED_DIR").map_or(usual, Into::into).join("conformance");
    if !folder.is_dir() {
        println!("skipped: there are no recorded payloads in {}", folder.display());
        return None;
    }
    Some(folder)
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// Every payload of a call or stream of ours: where it is from, its parser, its text.
fn payloads(shared: &Path) -> Vec<(String, &'static Parser, Vec<u8>)> {
    let mut found = Vec::new();
    files(shared, &mut found);
    found.sort();
    let mut payloads = Vec::new();
    for path in found {
        let name = path.strip_prefix(shared).expect("below").display().to_string();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        let page = stem.split('.').next().unwrap_or_default();
        let is_wire =
            name.contains("websocket-api") || name.contains("websocket_api") || name.contains("jkorf-binance/Socket");
        if name.contains("/Endpoints/") {
            payloads.extend(of_call(&text).map(|(parser, text)| (name, parser, text)));
        } else if name.contains("/Subscriptions/") {
            let which = if OF_ACCOUNT.contains(&page) { "user_stream" } else { "market_stream" };
            payloads.extend(pushed(&text).into_iter().map(|text| (name.clone(), parser(which), text)));
        } else if name.contains("user-data-streams/Event-") {
            payloads.push((name, parser("user_stream"), text.into_bytes()));
        } else if name.contains("websocket_streams/") || name.contains("websocket-market-streams/") {
            payloads.push((name, parser("market_stream"), text.into_bytes()));
        } else if !is_wire && let Some((_, which)) = PAGES.iter().find(|(one, _)| *one == page) {
            payloads.push((name, parser(which), text.into_bytes()));
        }
    }
    payloads
}

/// A recorded pair of request and reply.
fn of_call(text: &str) -> Option<(&'static Parser, Vec<u8>)> {
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    let (method, path) = (lines.next()?.trim(), lines.next()?.trim());
    lines.next()?;
    let (_, _, which) = CALLS.iter().find(|(m, p, _)| (*m, *p) == (method, path))?;
    let body = lines.collect::<Vec<_>>().join("\n");
    (!body.trim().is_empty()).then(|| (parser(which), body.into_bytes()))
}

/// The messages that a server pushed, in a transcript.
fn pushed(text: &str) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut open: Option<String> = None;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let begins = ['>', '<', '='].iter().find(|mark| line.starts_with(**mark));
        if begins.is_some() {
            all.extend(open.take());
        }
        match (begins, &mut open) {
            (Some('='), _) => open = Some(line[1..].to_owned()),
            (Some(_), _) | (None, None) => {}
            (None, Some(text)) => {
                text.push('\n');
                text.push_str(line);
            }
        }
    }
    all.extend(open);
    all.into_iter().filter(|text| !text.trim().is_empty()).map(String::into_bytes).collect()
}

#[test]
fn every_recorded_payload_of_ours_is_read() {
    let Some(shared) = shared() else { return };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut wrong, mut no_json) = (Vec::new(), Vec::new());
    for (name, parser, text) in payloads(&shared) {
        if serde_json::from_slice::<Value>(&text).is_err() {
            no_json.push(name);
            continue;
        }
        *counts.entry(parser.name).or_default() += 1;
        if let Err(error) = (parser.parse)(&text) {
            wrong.push(format!("{name} as {}: {error}", parser.name));
        }
    }
    println!("{} payloads read: {counts:?}; no JSON: {no_json:?}", counts.values().sum::<usize>());
    assert!(wrong.is_empty(), "{} of them cannot be read:\n{}", wrong.len(), wrong.join("\n"));
    assert!(counts.values().sum::<usize>() > 120, "{counts:?}");
    for parser in PARSERS.iter().filter(|parser| !["key_permissions", "time", "kline"].contains(&parser.name)) {
        assert!(counts.contains_key(parser.name), "nothing recorded is for {}", parser.name);
    }
}

#[test]
fn what_is_new_fails_nothing() {
    let Some(shared) = shared() else { return };
    for (name, parser, text) in payloads(&shared) {
        let Ok(whole) = serde_json::from_slice::<Value>(&text) else { continue };
        let mut grown = whole.clone();
        add_fields(&mut grown);
        let mut reworded = whole;
        replace_words(&mut reworded);
        for (what, value) in [("an unknown field", grown), ("unknown words", reworded)] {
            let text = serde_json::to_vec(&value).expect("JSON");
            if let Err(error) = (parser.parse)(&text) {
                panic!("{name} with {what}: {error}");
            }
        }
    }
}

fn add_fields(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(add_fields);
            object.insert("ofTomorrow".to_owned(), serde_json::json!({ "deep": [1, null, "x"] }));
        }
        Value::Array(list) => list.iter_mut().for_each(add_fields),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Every word in capitals becomes one that nobody knows.
fn replace_words(value: &mut Value) {
    match value {
        Value::Object(object) => object.values_mut().for_each(replace_words),
        Value::Array(list) => list.iter_mut().for_each(replace_words),
        Value::String(text) if text.len() > 2 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') => {
            *text = "OF_TOMORROW".to_owned();
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn any_bytes_are_read_or_refused() {
    for parser in PARSERS {
        let (tried, taken) = fuzz::run(parser, 1, |tried| tried < SHORT_RUN);
        assert!(tried == SHORT_RUN && taken > 0, "{}: {taken} of {tried} taken", parser.name);
    }
    let deep = "[".repeat(100_000);
    for parser in PARSERS {
        let _ = (parser.parse)(deep.as_bytes());
        let _ = (parser.parse)(b"");
    }
}
