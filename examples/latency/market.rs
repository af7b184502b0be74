//! The market of the benchmark: it takes the daemon's connections for streams and sends them frames on a schedule that does not
//! wait for anybody, and answers what the feed asks over REST.
//!
//! Most frames are best prices and trades. Now and then one closes a bar, upon which a strategy decides. What such a frame's
//! symbol is, when it was due and when it was written, is what the benchmark begins to count from.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use live_trading_launcher::clock::{Clock, SessionClock};
use live_trading_launcher::types::{Span, Timestamp};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use tokio_tungstenite::tungstenite;

/// The price around which everything moves, in USDT.
pub const PRICE: f64 = 100.0;
/// Bars of history: more than the strategy of the benchmark wants.
const HISTORY: i64 = 400;
/// The time that the REST of the feed tells is so far behind, so that bars which are spread over a minute are not looked for.
const BEHIND: Span = Span::secs(50);
/// Over so much of a minute the ends of its bars are spread.
const SPREAD: Span = Span::secs(48);

/// When the last frame that closed a bar was due, and written: nanoseconds of the process's uptime, by symbol.
#[derive(Debug)]
pub struct Closes {
    pub due: Vec<AtomicU64>,
    pub written: Vec<AtomicU64>,
}

/// What the sender did.
#[derive(Debug, Default)]
pub struct Sent {
    pub frames: u64,
    pub seconds: f64,
    /// How late frames were written, in nanoseconds.
    pub late: Vec<u64>,
}

pub struct Market {
    pub address: SocketAddr,
    pub closes: Arc<Closes>,
    listener: TcpListener,
    clock: Clock,
    symbols: usize,
    rate: u64,
}

impl Market {
    pub fn new(clock: Clock, symbols: usize, rate: u64) -> std::io::Result<Market> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let zeros = || (0..symbols).map(|_| AtomicU64::new(0)).collect();
        let closes = Arc::new(Closes { due: zeros(), written: zeros() });
        Ok(Market { address, closes, listener, clock, symbols, rate })
    }

    /// Answers REST, and takes connections for streams, for as long as the process lives. Each connection comes with the names of
    /// the streams that it asked for.
    pub fn listen(self: &Arc<Market>, time: SessionClock) -> Receiver<(Vec<String>, Socket)> {
        let (sender, receiver) = channel();
        let market = Arc::clone(self);
        std::thread::spawn(move || {
            aside();
            for stream in market.listener.incoming().flatten() {
                match market.take(stream, time) {
                    // Who sends may have ended.
                    Ok(Some(streams)) => drop(sender.send(streams)),
                    Ok(None) => {}
                    Err(error) => eprintln!("a connection to the market: {error}"),
                }
            }
        });
        receiver
    }

    fn take(&self, mut stream: TcpStream, time: SessionClock) -> std::io::Result<Option<(Vec<String>, Socket)>> {
        stream.set_nodelay(true)?;
        let mut head = [0; 1_024];
        let seen = stream.peek(&mut head)?;
        let head = String::from_utf8_lossy(&head[..seen]).into_owned();
        if !head.to_ascii_lowercase().contains("upgrade: websocket") {
            stream.read_exact(&mut vec![0; seen])?;
            let body = self.answer(&head, time);
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()))?;
            return Ok(None);
        }
        let mut socket = tungstenite::accept(stream).map_err(|error| std::io::Error::other(error.to_string()))?;
        // A client asks for its streams in a row, and then for nothing more.
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(300)))?;
        let mut streams = Vec::new();
        loop {
            let text = match socket.read() {
                Ok(tungstenite::Message::Text(text)) => text,
                Ok(_) => continue,
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    if streams.is_empty() {
                        continue;
                    }
                    return Ok(Some((streams, socket)));
                }
                Err(error) => return Err(broken(error)),
            };
            let asked: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
            let names = asked["params"].as_array().into_iter().flatten().filter_map(|name| name.as_str());
            streams.extend(names.map(str::to_owned));
            let reply = serde_json::json!({ "result": null, "id": asked["id"] }).to_string();
            socket.send(tungstenite::Message::text(reply)).map_err(broken)?;
        }
    }

    fn answer(&self, head: &str, time: SessionClock) -> String {
        if head.contains("/time") {
            return format!(r#"{{"serverTime":{}}}"#, (time.now() - BEHIND).as_millis());
        }
        if head.contains("/exchangeInfo") {
            let one = |at: usize| {
                serde_json::json!({
                    "symbol": format!("A{at}USDT"), "contractType": "PERPETUAL", "status": "TRADING",
                    "baseAsset": format!("A{at}"), "quoteAsset": "USDT", "marginAsset": "USDT", "filters": [
                        { "filterType": "PRICE_FILTER", "tickSize": "0.01" },
                        { "filterType": "LOT_SIZE", "stepSize": "0.001", "minQty": "0.001", "maxQty": "100000" },
                        { "filterType": "MIN_NOTIONAL", "notional": "5" },
                    ],
                })
            };
            return serde_json::json!({ "symbols": (0..self.symbols).map(one).collect::<Vec<_>>() }).to_string();
        }
        if head.contains("/klines") && head.contains("interval=1m") {
            let last = (time.now() - BEHIND).floor(Span::MINUTE);
            let bars = (1..=HISTORY).rev().map(|back| last - Span::MINUTE * back);
            let bars: Vec<String> = bars.map(kline_row).collect();
            return format!("[{}]", bars.join(","));
        }
        "[]".to_owned()
    }

    /// Waits until every stream of these symbols has its connection, and sends frames until it is told to stop.
    pub fn send(
        &self,
        connections: &Receiver<(Vec<String>, Socket)>,
        time: SessionClock,
        stop: &AtomicBool,
    ) -> std::io::Result<Sent> {
        aside();
        let mut streams = Streams::default();
        while streams.of.len() < self.symbols * KINDS.len() {
            let (names, socket) = connections.recv().map_err(std::io::Error::other)?;
            streams.of.extend(names.into_iter().map(|name| (name, streams.sockets.len())));
            streams.sockets.push(socket);
        }
        let start = nanos(&self.clock);
        let each = 1_000_000_000 / self.rate;
        let first = (time.now() - BEHIND).floor(Span::MINUTE);
        let mut opens: Vec<Timestamp> = vec![first; self.symbols];
        let mut sent = Sent::default();
        let (mut next_close, mut quotes) = (0, 0);
        let mut count = 0_u64;
        while !stop.load(Relaxed) {
            let due = start + count * each;
            wait(&self.clock, due);
            count += 1;
            // One symbol after the other is looked at: its bar ends so much later as it stands later in the table.
            let now = time.now();
            let phase = Span::nanos(SPREAD.as_nanos() / self.symbols as i64 * next_close as i64);
            let open = opens[next_close];
            if now >= open + Span::MINUTE + phase {
                let frame = frame(&kline(next_close, open, true, count));
                // Noted before it is written: the order may be out before the write has come back.
                self.closes.due[next_close].store(due, Relaxed);
                self.closes.written[next_close].store(nanos(&self.clock), Relaxed);
                streams.write(&format!("a{next_close}usdt@kline_1m"), &frame, &self.clock)?;
                opens[next_close] = open + Span::MINUTE;
                next_close = (next_close + 1) % self.symbols;
                sent.frames += 1;
                continue;
            }
            let symbol = (count / 10) as usize % self.symbols;
            let (symbol, kind, text) = match count % 10 {
                0 => (symbol, "markPrice@1s", mark(symbol, now - BEHIND)),
                3 | 6 => (symbol, "aggTrade", trade(symbol, count)),
                9 => (symbol, "kline_1m", kline(symbol, opens[symbol], false, count)),
                _ => {
                    quotes += 1;
                    let symbol = quotes % self.symbols;
                    (symbol, "bookTicker", quote(symbol, count))
                }
            };
            let written = streams.write(&format!("a{symbol}usdt@{kind}"), &frame(&text), &self.clock)?;
            sent.late.push(written.saturating_sub(due));
            sent.frames += 1;
        }
        sent.seconds = (nanos(&self.clock) - start) as f64 / 1e9;
        Ok(sent)
    }
}

/// Streams that each symbol has.
const KINDS: [&str; 4] = ["bookTicker", "aggTrade", "markPrice@1s", "kline_1m"];

pub type Socket = tungstenite::WebSocket<TcpStream>;

/// Connections, and which stream goes over which.
#[derive(Default)]
struct Streams {
    of: BTreeMap<String, usize>,
    sockets: Vec<Socket>,
}

impl Streams {
    /// Writes a frame. Gives the instant just before it.
    fn write(&mut self, name: &str, frame: &[u8], clock: &Clock) -> std::io::Result<u64> {
        let place = *self.of.get(name).ok_or_else(|| std::io::Error::other(format!("nobody asked for {name}")))?;
        let at = nanos(clock);
        self.sockets[place].get_mut().write_all(frame)?;
        Ok(at)
    }
}

fn broken(error: tungstenite::Error) -> std::io::Error {
    std::io::Error::other(error.to_string())
}

/// Keeps this thread, and those that it begins, to the machine's last core: what plays the rest of the world is to wait for the
/// daemon as little as the daemon for it.
pub fn aside() {
    let last = std::thread::available_parallelism().map_or(1, usize::from) - 1;
    let mut cores = CpuSet::new();
    if cores.set(last).and_then(|()| sched_setaffinity(Pid::from_raw(0), &cores)).is_err() {
        eprintln!("a thread cannot be kept to one core; the figures hold more of its own work");
    }
}

/// Nanoseconds of uptime.
pub fn nanos(clock: &Clock) -> u64 {
    u64::try_from(clock.thread_uptime().as_nanos()).unwrap_or(0)
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own waits for its schedule")]
fn wait(clock: &Clock, due: u64) {
    let now = nanos(clock);
    if due > now {
        std::thread::sleep(Duration::from_nanos(due - now));
    }
}

/// A text frame of a server.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match text.len() {
        short @ 0..126 => frame.push(short as u8),
        long => {
            frame.push(126);
            frame.extend_from_slice(&u16::try_from(long).expect("a short message").to_be_bytes());
        }
    }
    frame.extend_from_slice(text.as_bytes());
    frame
}

fn wrapped(symbol: usize, kind: &str, data: &str) -> String {
    format!(r#"{{"stream":"a{symbol}usdt@{kind}","data":{data}}}"#)
}

/// A cent up, a cent down.
fn moved(count: u64) -> f64 {
    PRICE + (count % 5) as f64 / 100.0
}

fn quote(symbol: usize, count: u64) -> String {
    let (bid, ask) = (moved(count), moved(count) + 0.01);
    wrapped(
        symbol,
        "bookTicker",
        &format!(
            r#"{{"e":"bookTicker","u":{count},"s":"A{symbol}USDT","b":"{bid:.2}","B":"31.210","a":"{ask:.2}","A":"40.660","T":{count},"E":{count}}}"#
        ),
    )
}

fn trade(symbol: usize, count: u64) -> String {
    let price = moved(count);
    wrapped(
        symbol,
        "aggTrade",
        &format!(
            r#"{{"e":"aggTrade","E":{count},"s":"A{symbol}USDT","a":{count},"p":"{price:.2}","q":"1.250","f":{count},"l":{count},"T":{count},"m":true}}"#
        ),
    )
}

fn mark(symbol: usize, at: Timestamp) -> String {
    let at = at.as_millis();
    wrapped(
        symbol,
        "markPrice@1s",
        &format!(
            r#"{{"e":"markPriceUpdate","E":{at},"s":"A{symbol}USDT","p":"{PRICE:.8}","i":"{PRICE:.8}","P":"{PRICE:.8}","r":"0.00010000","T":9999999999999}}"#
        ),
    )
}

/// The close of a bar: up in one minute, down in the next, so that averages cross at every bar.
fn close(open: Timestamp) -> f64 {
    if (open.as_secs() / 60) % 2 == 0 { PRICE + 0.2 } else { PRICE - 0.2 }
}

fn kline(symbol: usize, open: Timestamp, closed: bool, count: u64) -> String {
    let (t, end) = (open.as_millis(), (open + Span::MINUTE).as_millis() - 1);
    let (high, low, close) = (PRICE + 0.25, PRICE - 0.25, close(open));
    wrapped(
        symbol,
        "kline_1m",
        &format!(
            r#"{{"e":"kline","E":{count},"s":"A{symbol}USDT","k":{{"t":{t},"T":{end},"s":"A{symbol}USDT","i":"1m","f":1,"L":9,"o":"{PRICE:.2}","c":"{close:.2}","h":"{high:.2}","l":"{low:.2}","v":"10.5","n":9,"x":{closed},"q":"1","V":"1","Q":"1","B":"0"}}}}"#
        ),
    )
}

fn kline_row(open: Timestamp) -> String {
    let (t, end) = (open.as_millis(), (open + Span::MINUTE).as_millis() - 1);
    let (high, low, close) = (PRICE + 0.25, PRICE - 0.25, close(open));
    format!(r#"[{t},"{PRICE:.2}","{high:.2}","{low:.2}","{close:.2}","10.5",{end},"1",9,"1","1","0"]"#)
}
