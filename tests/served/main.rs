//! The served exchange under bad input: whatever comes over HTTP and WebSocket is answered, refused or dropped, at a cost
//! that is bounded, and everybody else is served meanwhile. The shipped binary is what is tested.

#![expect(clippy::disallowed_methods, reason = "a process is tested in real time")]

mod client;
mod durable;
mod flood;
mod fuzz;
mod seeded;
mod server;
mod slow;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod support;
