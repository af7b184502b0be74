//! The published examples, and what each is an example of.
//!
//! A reply over HTTP is filed under its method and path, one of the WebSocket API under `ws` and its method, an event
//! under `event` and its `e`, a list of events under `events`. Requests, of which there are some among the examples,
//! are left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Examples by what they are of, each with its file.
pub type Examples = BTreeMap<String, Vec<(PathBuf, Value)>>;

/// Reads all examples of the three sources. Files that nothing is known about are given by themselves.
pub fn read(folder: &Path) -> (Examples, Vec<PathBuf>) {
    let (mut examples, mut unknown) = (Examples::new(), Vec::new());
    for source in ["binance-docs-usdm-2026-05-28", "binance-sdk-rust-77.2.0", "jkorf-binance"] {
        let mut files = Vec::new();
        walk(&folder.join(source), &mut files);
        assert!(files.len() > 100, "{source} has {} files", files.len());
        for file in files {
            let found = if source == "jkorf-binance" { transcript(&file) } else { document(&file) };
            if found.is_empty() {
                unknown.push(file.clone());
            }
            for (name, value) in found {
                examples.entry(name).or_default().push((file.clone(), value));
            }
        }
    }
    (examples, unknown)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
    files.sort();
}

/// A file that is one example. What it is of is told by its content, or else by its name.
fn document(file: &Path) -> Vec<(String, Value)> {
    let text = fs::read_to_string(file).expect("a file");
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let name = match &value {
        Value::Object(fields) if fields.contains_key("method") => "a request".to_owned(),
        Value::Object(fields)
            if fields.len() == 2 && fields.contains_key("code") && value["code"].as_i64() < Some(0) =>
        {
            "error".to_owned()
        }
        _ => match event(&value).or_else(|| socket_reply(&value)).or_else(|| by_name(file)) {
            Some(name) => name,
            None => return Vec::new(),
        },
    };
    vec![(name, value)]
}

fn event(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => Some(format!("events {}", items.first()?.get("e")?.as_str()?)),
        _ => Some(format!("event {}", value.get("e")?.as_str()?)),
    }
}

/// Replies of the WebSocket API that stand in pages without a name of their own.
fn socket_reply(value: &Value) -> Option<String> {
    value.get("status").filter(|status| status.is_number())?;
    if value.get("error").is_some() {
        return Some("ws error".to_owned());
    }
    value["result"].get("authorizedSince").map(|_| "ws session".to_owned())
}

fn by_name(file: &Path) -> Option<String> {
    let path = file.to_string_lossy();
    let stem = file.file_name()?.to_string_lossy();
    let stem = stem.split('.').next()?.to_lowercase().replace(['-', '_'], "");
    // The pages of whole chapters begin with one example each.
    let chapters = [
        ("trade/rest-api.json", "POST /fapi/v1/order"),
        ("trade/websocket-api.1.json", "ws order.place"),
        ("market-data/websocket-api.1.json", "ws depth"),
        ("websocket-api-general-info.1.json", "ws order.place"),
    ];
    if let Some((_, of)) = chapters.iter().find(|(end, _)| path.ends_with(end)) {
        return Some((*of).to_owned());
    }
    let table = if path.contains("websocket-api") || path.contains("websocket_api") || stem.ends_with("wsp") {
        OVER_SOCKET
    } else {
        OVER_HTTP
    };
    table.iter().find(|(name, _)| *name == stem).map(|(_, of)| (*of).to_owned())
}

/// A transcript: a request over HTTP in three lines and its reply, or lines of a connection.
fn transcript(file: &Path) -> Vec<(String, Value)> {
    let text = fs::read_to_string(file).expect("a file").replace("\r\n", "\n");
    // Where the transcripts have `|1|`, `|id|` or `|*|`, a number was put in when they were used.
    let text = ["|1|", "|id|", "|*|"].iter().fold(text, |text, mark| text.replace(mark, "1"));
    let text = text.trim_start_matches('\u{feff}');
    let read = |text: &str| -> Value {
        let mut documents = serde_json::Deserializer::from_str(text).into_iter();
        let first = documents.next().expect("a document");
        first.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    if let Some(method) = ["GET", "POST", "PUT", "DELETE"].iter().find(|method| text.starts_with(**method)) {
        let mut lines = text.splitn(4, '\n');
        let path = lines.nth(1).expect("a path").trim();
        return vec![(format!("{method} {path}"), read(lines.nth(1).expect("a reply")))];
    }
    let mut found = Vec::new();
    let mut asked = String::new();
    for part in text.split_inclusive('\n').fold(Vec::<String>::new(), grouped) {
        let (mark, rest) = part.split_at(1);
        // A second connection's lines have its number.
        let rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
        match mark {
            ">" => asked = read(rest)["method"].as_str().unwrap_or_default().to_owned(),
            "<" => found.push(("stream reply".to_owned(), read(rest))),
            _ if rest.trim().is_empty() => {}
            _ => {
                let told = read(rest);
                let data = if told.get("stream").is_some() { told["data"].clone() } else { told };
                let name = event(&data).unwrap_or_else(|| format!("ws {asked}"));
                found.push((name, data));
            }
        }
    }
    found
}

/// Joins lines to those that begin with a mark.
fn grouped(mut parts: Vec<String>, line: &str) -> Vec<String> {
    match parts.last_mut() {
        Some(part) if !line.starts_with(['>', '<', '=']) => part.push_str(line),
        Some(_) | None => parts.push(line.to_owned()),
    }
    parts
}

/// Names of files with replies over HTTP, in small letters and without dashes.
const OVER_HTTP: &[(&str, &str)] = &[
    ("24hrtickerpricechangestatistics", "GET /fapi/v1/ticker/24hr"),
    ("ticker24hrpricechangestatistics", "GET /fapi/v1/ticker/24hr"),
    ("accountconfig", "GET /fapi/v1/accountConfig"),
    ("futuresaccountconfiguration", "GET /fapi/v1/accountConfig"),
    ("accountinformationv2", "GET /fapi/v2/account"),
    ("accountinformationv3", "GET /fapi/v3/account"),
    ("accounttradelist", "GET /fapi/v1/userTrades"),
    ("allorders", "GET /fapi/v1/allOrders"),
    ("autocancelallopenorders", "POST /fapi/v1/countdownCancelAll"),
    ("cancelalgoorder", "DELETE /fapi/v1/algoOrder"),
    ("cancelallalgoopenorders", "DELETE /fapi/v1/algoOpenOrders"),
    ("cancelallopenorders", "DELETE /fapi/v1/allOpenOrders"),
    ("cancelmultipleorders", "DELETE /fapi/v1/batchOrders"),
    ("cancelorder", "DELETE /fapi/v1/order"),
    ("changeinitialleverage", "POST /fapi/v1/leverage"),
    ("changemargintype", "POST /fapi/v1/marginType"),
    ("changemultiassetsmode", "POST /fapi/v1/multiAssetsMargin"),
    ("changepositionmode", "POST /fapi/v1/positionSide/dual"),
    ("checkservertime", "GET /fapi/v1/time"),
    ("compressedaggregatetradeslist", "GET /fapi/v1/aggTrades"),
    ("continuouscontractklinecandlestickdata", "GET /fapi/v1/continuousKlines"),
    ("currentallalgoopenorders", "GET /fapi/v1/openAlgoOrders"),
    ("currentallopenorders", "GET /fapi/v1/openOrders"),
    ("exchangeinformation", "GET /fapi/v1/exchangeInfo"),
    ("futuresaccountbalancev2", "GET /fapi/v2/balance"),
    ("futuresaccountbalancev3", "GET /fapi/v3/balance"),
    ("futurestradingquantitativerulesindicators", "GET /fapi/v1/apiTradingStatus"),
    ("getbnbburnstatus", "GET /fapi/v1/feeBurn"),
    ("getcurrentmultiassetsmode", "GET /fapi/v1/multiAssetsMargin"),
    ("getcurrentpositionmode", "GET /fapi/v1/positionSide/dual"),
    ("getfundingratehistory", "GET /fapi/v1/fundingRate"),
    ("getfundingrateinfo", "GET /fapi/v1/fundingInfo"),
    ("getincomehistory", "GET /fapi/v1/income"),
    ("getordermodifyhistory", "GET /fapi/v1/orderAmendment"),
    ("getpositionmarginchangehistory", "GET /fapi/v1/positionMargin/history"),
    ("indexpriceklinecandlestickdata", "GET /fapi/v1/indexPriceKlines"),
    ("keepaliveuserdatastream", "PUT /fapi/v1/listenKey"),
    ("klinecandlestickdata", "GET /fapi/v1/klines"),
    ("markprice", "GET /fapi/v1/premiumIndex"),
    ("markpriceklinecandlestickdata", "GET /fapi/v1/markPriceKlines"),
    ("modifyisolatedpositionmargin", "POST /fapi/v1/positionMargin"),
    ("modifymultipleorders", "PUT /fapi/v1/batchOrders"),
    ("modifyorder", "PUT /fapi/v1/order"),
    ("newalgoorder", "POST /fapi/v1/algoOrder"),
    ("neworder", "POST /fapi/v1/order"),
    ("newordertest", "POST /fapi/v1/order/test"),
    ("testorder", "POST /fapi/v1/order/test"),
    ("stpfaq", "GET /fapi/v1/order"),
    ("notionalandleveragebrackets", "GET /fapi/v1/leverageBracket"),
    ("oldtradeslookup", "GET /fapi/v1/historicalTrades"),
    ("openinterest", "GET /fapi/v1/openInterest"),
    ("orderbook", "GET /fapi/v1/depth"),
    ("placemultipleorders", "POST /fapi/v1/batchOrders"),
    ("positionadlquantileestimation", "GET /fapi/v1/adlQuantile"),
    ("positioninformationv2", "GET /fapi/v2/positionRisk"),
    ("positioninformationv3", "GET /fapi/v3/positionRisk"),
    ("premiumindexklinedata", "GET /fapi/v1/premiumIndexKlines"),
    ("queryalgoorder", "GET /fapi/v1/algoOrder"),
    ("queryallalgoorders", "GET /fapi/v1/allAlgoOrders"),
    ("querycurrentopenorder", "GET /fapi/v1/openOrder"),
    ("queryorder", "GET /fapi/v1/order"),
    ("queryratelimit", "GET /fapi/v1/rateLimit/order"),
    ("queryuserratelimit", "GET /fapi/v1/rateLimit/order"),
    ("recenttradeslist", "GET /fapi/v1/trades"),
    ("startuserdatastream", "POST /fapi/v1/listenKey"),
    ("symbolconfig", "GET /fapi/v1/symbolConfig"),
    ("symbolconfiguration", "GET /fapi/v1/symbolConfig"),
    ("symbolorderbookticker", "GET /fapi/v1/ticker/bookTicker"),
    ("symbolpriceticker", "GET /fapi/v1/ticker/price"),
    ("symbolpricetickerv2", "GET /fapi/v2/ticker/price"),
    ("usercommissionrate", "GET /fapi/v1/commissionRate"),
    ("usersforceorders", "GET /fapi/v1/forceOrders"),
    ("livesubscribingunsubscribingtostreams", "stream reply"),
];

/// Names of files with replies of the WebSocket API.
const OVER_SOCKET: &[(&str, &str)] = &[
    ("accountinformation", "ws account.status"),
    ("accountinformationv2", "ws v2/account.status"),
    ("cancelalgoorder", "ws algoOrder.cancel"),
    ("cancelorder", "ws order.cancel"),
    ("closeuserdatastream", "ws userDataStream.stop"),
    ("closeuserdatastreamwsp", "ws userDataStream.stop"),
    ("futuresaccountbalance", "ws account.balance"),
    ("futuresaccountbalancev2", "ws v2/account.balance"),
    ("keepaliveuserdatastream", "ws userDataStream.ping"),
    ("keepaliveuserdatastreamwsp", "ws userDataStream.ping"),
    ("modifyorder", "ws order.modify"),
    ("newalgoorder", "ws algoOrder.place"),
    ("neworder", "ws order.place"),
    ("orderbook", "ws depth"),
    ("positioninformation", "ws account.position"),
    ("positioninformationv2", "ws v2/account.position"),
    ("positioninfov2", "ws v2/account.position"),
    ("queryorder", "ws order.status"),
    ("startuserdatastream", "ws userDataStream.start"),
    ("startuserdatastreamwsp", "ws userDataStream.start"),
    ("symbolorderbookticker", "ws ticker.book"),
    ("symbolpriceticker", "ws ticker.price"),
];
