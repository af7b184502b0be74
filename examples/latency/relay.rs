//! Between the daemon and the venue's REST: what is on its way to the venue is looked at as it comes, and handed on.

use std::collections::BTreeMap;
use std::io::{IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, PoisonError};

use live_trading_launcher::clock::Clock;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::market::{aside, nanos};

/// The parameter that holds an order's id.
const ID: &[u8] = b"newClientOrderId=";
/// Read at once: more than any request has.
const BUFFER: usize = 16 << 10;

/// When the daemon had handed the bytes of each order to its socket, by client order id: nanoseconds of uptime. The kernel
/// tells it, which stamps what goes over the loopback where it is written; when this thread comes to read it does not matter.
pub type Orders = Arc<Mutex<BTreeMap<String, u64>>>;

/// Listens, and hands on to `venue`, for as long as the process lives.
pub fn start(venue: SocketAddr, clock: Clock, orders: Orders) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        aside();
        for daemon in listener.incoming().flatten() {
            let orders = Arc::clone(&orders);
            let Ok(venue) = TcpStream::connect(venue) else { continue };
            let _ = daemon.set_nodelay(true).and(venue.set_nodelay(true));
            setsockopt(&daemon, sockopt::ReceiveTimestampns, &true).expect("the kernel stamps what it receives");
            let (Ok(back_from), Ok(back_to)) = (venue.try_clone(), daemon.try_clone()) else { continue };
            std::thread::spawn(move || requests(&daemon, venue, &clock, &orders));
            std::thread::spawn(move || replies(back_from, back_to));
        }
    });
    Ok(address)
}

fn requests(from: &TcpStream, mut to: TcpStream, clock: &Clock, orders: &Orders) {
    let mut buffer = vec![0; BUFFER];
    while let Ok((read, at)) = read_stamped(from, &mut buffer, clock) {
        note(&buffer[..read], at, orders);
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

fn replies(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 || to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// Reads, and tells when the kernel took it in.
fn read_stamped(from: &TcpStream, buffer: &mut [u8], clock: &Clock) -> nix::Result<(usize, u64)> {
    let mut space = nix::cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<()>(from.as_raw_fd(), &mut parts, Some(&mut space), MsgFlags::empty())?;
    let stamp = message.cmsgs()?.find_map(|one| match one {
        ControlMessageOwned::ScmTimestampns(at) => Some(at),
        _ => None,
    });
    let ago = |at: TimeSpec| Some(clock_gettime(ClockId::CLOCK_REALTIME).ok()? - at);
    let ago = stamp.and_then(ago).map_or(0, |ago| ago.tv_sec() * 1_000_000_000 + ago.tv_nsec());
    Ok((message.bytes, nanos(clock).saturating_sub(u64::try_from(ago).unwrap_or(0))))
}

fn note(bytes: &[u8], at: u64, orders: &Orders) {
    let Some(place) = bytes.windows(ID.len()).position(|window| window == ID) else { return };
    let id = &bytes[place + ID.len()..];
    let id = &id[..id.iter().position(|byte| *byte == b'&').unwrap_or(id.len())];
    let id = String::from_utf8_lossy(id).into_owned();
    orders.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
}
