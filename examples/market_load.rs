//! What the market of many symbols costs: a server on another thread sends best prices, trades, mark prices and bars of
//! 500 symbols as fast as they are taken, and the feed takes them on one thread, whose own processor time is counted.
//!
//! ```text
//! cargo run --release --example market_load
//! ```

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use live_trading_launcher::clock::{Clock, SessionClock};
use live_trading_launcher::feed::Feed;
use live_trading_launcher::types::{Span, Symbol};
use live_trading_launcher::venue::binance::{BinanceFeed, Settings, Surroundings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const SYMBOLS: usize = 500;
/// Messages of a symbol in a second on a lively day: 20 best prices, 5 trades, 4 states of the bar, a mark price.
const LIVELY: f64 = 30.0;
const LASTS: Span = Span::secs(10);

fn main() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || runtime().block_on(serve(listener)));
    runtime().block_on(listen(&address.to_string()));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn listen(address: &str) {
    let settings = Settings {
        rest_url: format!("http://{address}"),
        stream_url: format!("ws://{address}"),
        ..Settings::default()
    };
    let symbols: Vec<Symbol> = (0..SYMBOLS).map(|at| format!("A{at}/USDT:USDT").parse().expect("a symbol")).collect();
    let clock = Clock::start();
    let (arrivals, tracker, cancel) = (Arc::new(Notify::new()), TaskTracker::new(), CancellationToken::new());
    let time = SessionClock::wall(clock);
    let around = Surroundings::without_keys(&settings, time, arrivals.clone(), tracker, cancel).expect("a client");
    let mut feed = BinanceFeed::open(&settings, &symbols, around).await.expect("a feed");
    println!("{}", feed.describe());
    let (mut taken, mut conflated) = (0_u64, feed.conflated());
    let (begun, spent) = (clock.uptime(), processor_nanos());
    while clock.uptime() - begun < LASTS {
        while let Some(record) = feed.next() {
            record.expect("a record");
            taken += 1;
        }
        let _ = tokio::time::timeout(Duration::from_millis(100), arrivals.notified()).await;
    }
    conflated = feed.conflated() - conflated;
    let messages = (taken + conflated) as f64;
    let each = (processor_nanos() - spent) as f64 / messages;
    let lively = SYMBOLS as f64 * LIVELY;
    println!("{messages} messages in {LASTS}, {conflated} of them quotes that gave way to newer ones");
    println!("{:.2} µs of processor time a message", each / 1e3);
    println!("{SYMBOLS} symbols on a lively day, {lively} messages a second: {:.1} % of a core", lively * each / 1e7);
}

/// Time that this thread has been on a processor.
fn processor_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

async fn serve(listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    let tracker = TaskTracker::new();
    while let Ok((stream, _)) = listener.accept().await {
        tracker.spawn(async move {
            let mut head = [0; 512];
            let seen = stream.peek(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..seen]).into_owned();
            if head.to_ascii_lowercase().contains("upgrade: websocket") {
                let _ = stream_to(stream).await;
            } else {
                let _ = answer(stream, &head).await;
            }
        });
    }
}

async fn answer(mut stream: TcpStream, head: &str) -> std::io::Result<()> {
    // What is not read before the end would reset the connection, and the answer with it.
    stream.read_exact(&mut vec![0; head.len()]).await?;
    let body = if head.contains("/time") {
        format!(r#"{{"serverTime":{}}}"#, Clock::start().wall().as_millis())
    } else if head.contains("/exchangeInfo") {
        let one = |at: usize| {
            serde_json::json!({
                "symbol": format!("A{at}USDT"), "contractType": "PERPETUAL", "status": "TRADING",
                "baseAsset": format!("A{at}"), "quoteAsset": "USDT", "marginAsset": "USDT", "filters": [
                    { "filterType": "PRICE_FILTER", "tickSize": "0.01" },
                    { "filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "1000" },
                    { "filterType": "MIN_NOTIONAL", "notional": "5" },
                ],
            })
        };
        serde_json::json!({ "symbols": (0..SYMBOLS).map(one).collect::<Vec<_>>() }).to_string()
    } else {
        "[]".to_owned()
    };
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// Acknowledges what is asked for, then sends it without a pause.
async fn stream_to(stream: TcpStream) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let mut socket = tokio_tungstenite::accept_async(stream).await?;
    let mut streams: Vec<String> = Vec::new();
    let mut count = 0_u64;
    loop {
        // Requests come first; with something to send, nobody waits for more.
        let wait = if streams.is_empty() { Duration::from_secs(10) } else { Duration::ZERO };
        if let Ok(Some(message)) = tokio::time::timeout(wait, socket.next()).await {
            let Message::Text(text) = message? else { continue };
            let asked: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let names = asked["params"].as_array().cloned().unwrap_or_default();
            streams.extend(names.iter().filter_map(|name| name.as_str().map(str::to_owned)));
            let reply = serde_json::json!({ "result": null, "id": asked["id"] });
            socket.send(Message::text(reply.to_string())).await?;
        }
        for name in &streams {
            count += 1;
            socket.feed(Message::text(message(name, count))).await?;
        }
        socket.flush().await?;
        tokio::task::yield_now().await;
    }
}

fn message(stream: &str, count: u64) -> String {
    let (symbol, kind) = stream.split_once('@').unwrap_or((stream, ""));
    let symbol = symbol.to_uppercase();
    let price = 60_000 + count % 100;
    let data = match kind {
        "bookTicker" => format!(
            r#"{{"e":"bookTicker","u":{count},"s":"{symbol}","b":"{price}.10","B":"1.250","a":"{price}.20","A":"0.750","T":{count},"E":{count}}}"#
        ),
        "aggTrade" => format!(
            r#"{{"e":"aggTrade","E":{count},"s":"{symbol}","a":{count},"p":"{price}.10","q":"0.012","f":1,"l":1,"T":{count},"m":true}}"#
        ),
        "markPrice@1s" => format!(
            r#"{{"e":"markPriceUpdate","E":{count},"s":"{symbol}","p":"{price}.12345678","i":"{price}.1","P":"{price}.1","r":"0.00010000","T":9999999999999}}"#
        ),
        _ => format!(
            r#"{{"e":"kline","E":{count},"s":"{symbol}","k":{{"t":1700000040000,"T":1700000099999,"s":"{symbol}","i":"1m","f":1,"L":9,"o":"{price}.1","c":"{price}.2","h":"{price}.3","l":"{price}.0","v":"10.5","n":9,"x":false,"q":"1","V":"1","Q":"1","B":"0"}}}}"#
        ),
    };
    format!(r#"{{"stream":"{stream}","data":{data}}}"#)
}
