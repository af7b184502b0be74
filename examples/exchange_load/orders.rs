//! The second part: orders as fast as they are answered.
//!
//! Of ten orders nine are limit orders that rest away from the market, and one takes, buying and selling in turn. After
//! fifty orders a client cancels what rests, with one request.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use hdrhistogram::Histogram;
use tokio::task::{JoinSet, LocalSet};

use crate::Flags;
use crate::process::{Server, account};
use crate::recording::SYMBOLS;
use crate::report::{Cpu, Delays, Memory, Orders};
use crate::wire::{Http, wall_us};

/// Orders of a client between two cancellations.
const ROUND: u64 = 50;
/// One order of so many takes.
const TAKERS: u64 = 10;
/// How far from the market orders rest.
const AWAY: f64 = 0.03;
/// Longest time to an answer that is told apart.
const LONGEST_US: u64 = 60_000_000;

/// What is measured of answers that came in the window.
struct Answered {
    open: bool,
    over: bool,
    delays: Histogram<u64>,
    refused: u64,
    /// The first refusal, since it explains the others.
    why: Option<String>,
}

/// Measures orders.
pub async fn measure(server: &mut Server, flags: &Flags) -> Result<Orders, String> {
    let delays = Histogram::new_with_max(LONGEST_US, 3).map_err(|error| error.to_string())?;
    let answered = Answered { open: false, over: false, delays, refused: 0, why: None };
    let answered = Rc::new(RefCell::new(answered));
    let local = LocalSet::new();
    local
        .run_until(async {
            let mut clients = JoinSet::new();
            for number in 0..flags.rest_clients {
                clients.spawn_local(trade(server.address, number, answered.clone()));
            }
            answered.borrow_mut().open = true;
            let begun = server.usage()?;
            let memory = Memory::watch(server, Duration::from_secs(flags.seconds.into())).await?;
            answered.borrow_mut().open = false;
            let ended = server.usage()?;
            answered.borrow_mut().over = true;
            while let Some(client) = clients.join_next().await {
                client.map_err(|error| error.to_string())??;
            }
            let answered = answered.borrow();
            if answered.delays.is_empty() {
                return Err(format!("no order was accepted: {}", answered.why.as_deref().unwrap_or("no answer")));
            }
            Ok(Orders {
                clients: flags.rest_clients,
                seconds: flags.seconds,
                accepted: answered.delays.len(),
                refused: answered.refused,
                first_refusal: answered.why.clone(),
                per_second: answered.delays.len() as f64 / ended.at.duration_since(begun.at).as_secs_f64(),
                delays: Delays::of(&answered.delays),
                cpu: Cpu::between(&begun, &ended, answered.delays.len()),
                memory,
            })
        })
        .await
}

/// One client: places orders until the end.
async fn trade(address: SocketAddr, number: u32, answered: Rc<RefCell<Answered>>) -> Result<(), String> {
    let (key, secret) = account(number);
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let (symbol, price) = SYMBOLS[number as usize % SYMBOLS.len()];
    let symbol = symbol.to_uppercase();
    // About 600 USDT, on steps that every symbol has.
    let qty = if price > 10_000.0 {
        "0.01"
    } else if price > 1_000.0 {
        "0.2"
    } else {
        "4"
    };
    let mut http = Http::connect(address).await?;
    let mut count = 0_u64;
    while !answered.borrow().over {
        let side = if count.is_multiple_of(2) { "BUY" } else { "SELL" };
        let form = match count % TAKERS {
            0 => {
                let side = if count.is_multiple_of(2 * TAKERS) { "BUY" } else { "SELL" };
                format!("symbol={symbol}&side={side}&type=MARKET&quantity={qty}")
            }
            _ => {
                let away = if side == "BUY" { 1.0 - AWAY } else { 1.0 + AWAY };
                let price = price * away;
                format!("symbol={symbol}&side={side}&type=LIMIT&timeInForce=GTC&quantity={qty}&price={price:.1}")
            }
        };
        let request = signed("POST", "/fapi/v1/order", &form, &key, &secret, address);
        let from = Instant::now();
        let (status, body) = http.ask(&request).await?;
        answered.borrow_mut().take(status, body, from);
        count += 1;
        if count.is_multiple_of(ROUND) {
            let form = format!("symbol={symbol}");
            let request = signed("DELETE", "/fapi/v1/allOpenOrders", &form, &key, &secret, address);
            http.ask(&request).await?;
        }
    }
    Ok(())
}

/// A request with its parameters in the query, stamped and signed.
fn signed(method: &str, path: &str, form: &str, key: &str, secret: &hmac::Key, address: SocketAddr) -> Vec<u8> {
    let form = format!("{form}&recvWindow=60000&timestamp={}", wall_us() / 1_000);
    let mut request = format!("{method} {path}?{form}&signature=");
    for byte in hmac::sign(secret, form.as_bytes()).as_ref() {
        // Writing to a text cannot fail.
        let _ = write!(request, "{byte:02x}");
    }
    let _ = write!(request, " HTTP/1.1\r\nHost: {address}\r\nX-MBX-APIKEY: {key}\r\n\r\n");
    request.into_bytes()
}

impl Answered {
    fn take(&mut self, status: u16, body: &[u8], from: Instant) {
        if !self.open {
            return;
        }
        if status == 200 {
            let took = u64::try_from(from.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.delays.saturating_record(took.max(1));
        } else {
            self.refused += 1;
            self.why.get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
        }
    }
}
