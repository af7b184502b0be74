//! The socket in the state directory, by which commands speak to the running daemon.
//!
//! One request a line, one answer a line, both JSON. The socket belongs to the daemon's user alone. Requests that act
//! become [`Command`](crate::protocol::Command)s and enter by the one door; `status` is answered from the picture that
//! the engine last made, so that it works with the engine busy or hung.

mod client;
mod server;
mod socket;
mod wire;

pub use client::{ClientError, ask, wait_until_gone};
pub use server::{ControlError, Sources, serve};
pub use socket::SOCKET_FILE;
pub use wire::{Answer, HealthLine, Request, Status};

#[cfg(test)]
mod tests;
