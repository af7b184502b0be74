//! Between the daemon and the venue's REST: what is on its way to the venue is looked at as it comes, and handed on.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use live_trading_launcher::clock::Clock;

use crate::market::nanos;

/// The parameter that holds an order's id.
const ID: &[u8] = b"newClientOrderId=";
/// Read at once: more than any request has.
const BUFFER: usize = 16 << 10;

/// When the bytes of each order had come out of the daemon's socket, by client order id: nanoseconds of uptime.
pub type Orders = Arc<Mutex<BTreeMap<String, u64>>>;

/// Listens, and hands on to `venue`, for as long as the process lives.
pub fn start(venue: SocketAddr, clock: Clock, orders: Orders) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for daemon in listener.incoming().flatten() {
            let orders = Arc::clone(&orders);
            let Ok(venue) = TcpStream::connect(venue) else { continue };
            let _ = daemon.set_nodelay(true).and(venue.set_nodelay(true));
            let (Ok(back_from), Ok(back_to)) = (venue.try_clone(), daemon.try_clone()) else { continue };
            std::thread::spawn(move || hand_on(daemon, venue, |bytes| note(bytes, &clock, &orders)));
            std::thread::spawn(move || hand_on(back_from, back_to, |_| {}));
        }
    });
    Ok(address)
}

fn hand_on(mut from: TcpStream, mut to: TcpStream, mut look: impl FnMut(&[u8])) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read) = from.read(&mut buffer) {
        look(&buffer[..read]);
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn note(bytes: &[u8], clock: &Clock, orders: &Orders) {
    let at = nanos(clock);
    let Some(place) = bytes.windows(ID.len()).position(|window| window == ID) else { return };
    let id = &bytes[place + ID.len()..];
    let id = &id[..id.iter().position(|byte| *byte == b'&').unwrap_or(id.len())];
    let id = String::from_utf8_lossy(id).into_owned();
    orders.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
}
