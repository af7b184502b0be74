//! The service manager's notification protocol: datagrams to the socket named by `NOTIFY_SOCKET`
//! (sd_notify(3)). Without that variable every call does nothing.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::warn;

/// The variable in which a service manager names its socket.
const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";

/// A handle to the service manager, or to nobody. Cheap to clone; never blocks.
#[derive(Debug, Clone, Default)]
pub struct Notifier(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    socket: UnixDatagram,
    ready: AtomicBool,
    stopping: AtomicBool,
    failing: AtomicBool,
}

impl Notifier {
    /// Talks to nobody.
    pub fn absent() -> Notifier {
        Notifier(None)
    }

    /// The socket of the environment; nobody if there is none.
    ///
    /// # Errors
    /// If the variable names a socket that cannot be connected to.
    #[expect(clippy::disallowed_methods, reason = "the variable is the service manager's and no setting of ours")]
    pub fn from_environment() -> io::Result<Notifier> {
        std::env::var_os(SOCKET_VARIABLE).map_or_else(|| Ok(Notifier::absent()), |path| Notifier::to(&path))
    }

    /// The socket at `path`; one that begins with `@` is in the abstract namespace.
    ///
    /// # Errors
    /// If it cannot be connected to.
    pub fn to(path: &OsStr) -> io::Result<Notifier> {
        let address = match path.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(path)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        // A manager that does not read must not hold up the watchdog, which is one of the callers.
        socket.set_nonblocking(true)?;
        let off = || AtomicBool::new(false);
        Ok(Notifier(Some(Arc::new(Inner { socket, ready: off(), stopping: off(), failing: off() }))))
    }

    /// Is anybody listening?
    pub fn is_present(&self) -> bool {
        self.0.is_some()
    }

    /// Reconciliation and warm-up are done. Sent once, however often it is called.
    pub fn ready(&self) {
        if self.0.as_ref().is_some_and(|inner| !inner.ready.swap(true, Relaxed)) {
            self.send(&NotifyState::Ready);
        }
    }

    /// One line for `systemctl status`.
    pub fn status(&self, line: &str) {
        if self.is_present() {
            self.send(&NotifyState::Status(&line.replace(['\n', '\r'], " ")));
        }
    }

    /// The loop has just made progress; nothing else is a reason to call this.
    pub fn progress(&self) {
        self.send(&NotifyState::Watchdog);
    }

    /// Asks for so much more time to start or to stop, counted from now.
    pub fn extend(&self, by: Duration) {
        self.send(&NotifyState::ExtendTimeoutUsec(u32::try_from(by.as_micros()).unwrap_or(u32::MAX)));
    }

    /// The end has begun. Sent once, however often it is called.
    pub fn stopping(&self) {
        if self.0.as_ref().is_some_and(|inner| !inner.stopping.swap(true, Relaxed)) {
            self.send(&NotifyState::Stopping);
        }
    }

    fn send(&self, state: &dyn fmt::Display) {
        let Some(inner) = self.0.as_ref() else { return };
        match inner.socket.send(format!("{state}\n").as_bytes()) {
            Ok(_) => inner.failing.store(false, Relaxed),
            // Said once: the manager will do what it does with a silent service, and that is in its own log.
            Err(error) if !inner.failing.swap(true, Relaxed) => {
                warn!(%error, "The service manager could not be notified");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
