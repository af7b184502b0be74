//! The first part: everybody hears everything.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use crate::Flags;
use crate::process::Server;
use crate::recording::SYMBOLS;
use crate::report::{Cpu, Delays, Memory, Streams};
use crate::wire::{self, event_ms, frames, wall_us};

/// Between connecting and measuring, so that both sides have settled.
const SETTLE: Duration = Duration::from_secs(2);
/// How long after the end messages may come that were due before it.
const GRACE: Duration = Duration::from_secs(10);
/// What a client reads at once.
const BUFFER: usize = 32 << 10;
/// Longest delay that is told apart.
const LONGEST_US: u64 = 60_000_000;

/// What is measured of messages that were due in the window.
struct Heard {
    from_ms: u64,
    until_ms: u64,
    delays: Histogram<u64>,
    /// Clients that heard something from after the window, and those that were cut off.
    done: u32,
    cut: u32,
}

/// Measures deliveries.
pub async fn measure(server: &mut Server, flags: &Flags) -> Result<Streams, String> {
    let names: Vec<String> =
        SYMBOLS.iter().flat_map(|(symbol, _)| [format!("{symbol}@bookTicker"), format!("{symbol}@aggTrade")]).collect();
    let path = format!("/ws/{}", names.join("/"));
    let mut connections = Vec::new();
    for _ in 0..flags.clients {
        connections.push(wire::websocket(server.address, &path).await?);
    }
    let from_ms = wall_us() / 1_000 + u64::try_from(SETTLE.as_millis()).unwrap_or(0);
    let delays = Histogram::new_with_max(LONGEST_US, 3).map_err(|error| error.to_string())?;
    let until_ms = from_ms + u64::from(flags.seconds) * 1_000;
    let heard = Rc::new(RefCell::new(Heard { from_ms, until_ms, delays, done: 0, cut: 0 }));
    let local = LocalSet::new();
    local
        .run_until(async {
            let mut clients = JoinSet::new();
            for stream in connections {
                clients.spawn_local(listen(stream, heard.clone()));
            }
            sleep(SETTLE).await;
            let begun = server.usage()?;
            let memory = Memory::watch(server, Duration::from_secs(flags.seconds.into())).await?;
            let ended = server.usage()?;
            let all = async { while clients.join_next().await.is_some() {} };
            let in_time = timeout(GRACE, all).await.is_ok();
            let heard = heard.borrow();
            let expected = u64::from(flags.clients) * u64::from(flags.seconds) * u64::from(flags.events);
            Ok(Streams {
                clients: flags.clients,
                events_per_second: flags.events,
                seconds: flags.seconds,
                expected,
                delivered: heard.delays.len(),
                per_second: heard.delays.len() as f64 / f64::from(flags.seconds),
                delays: Delays::of(&heard.delays),
                cut_off: heard.cut,
                late: if in_time { 0 } else { flags.clients - heard.done - heard.cut },
                cpu: Cpu::between(&begun, &ended, heard.delays.len()),
                memory,
            })
        })
        .await
}

/// Reads until something comes that was due after the window, or the server cuts the connection.
async fn listen(mut stream: TcpStream, heard: Rc<RefCell<Heard>>) {
    let mut buffer = vec![0; BUFFER];
    let (mut filled, mut over) = (0, false);
    let mut pongs = Vec::new();
    while !over {
        let read = stream.read(&mut buffer[filled..]).await.unwrap_or(0);
        if read == 0 {
            heard.borrow_mut().cut += 1;
            return;
        }
        let now = wall_us();
        filled += read;
        let mut closed = false;
        let taken = frames(&buffer[..filled], |opcode, payload| match opcode {
            wire::TEXT => over |= heard.borrow_mut().take(payload, now),
            wire::PING => pongs = wire::pong(payload),
            wire::CLOSE => closed = true,
            _ => {}
        });
        buffer.copy_within(taken..filled, 0);
        filled -= taken;
        let ponged = pongs.is_empty() || stream.write_all(&std::mem::take(&mut pongs)).await.is_ok();
        if closed || !ponged {
            heard.borrow_mut().cut += 1;
            return;
        }
    }
    heard.borrow_mut().done += 1;
}

impl Heard {
    /// Takes note of a message; says whether the window is over.
    fn take(&mut self, payload: &[u8], now_us: u64) -> bool {
        let Some(due) = event_ms(payload) else { return false };
        if (self.from_ms..self.until_ms).contains(&due) {
            self.delays.saturating_record(now_us.saturating_sub(due * 1_000).max(1));
        }
        due >= self.until_ms
    }
}
