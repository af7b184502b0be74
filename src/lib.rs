//! A trading daemon for USDT-margined perpetual futures. `ARCHITECTURE.md` is the map: the river that every
//! event takes, the floors that the modules stand on, and the invariants with the tests that hold them.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that cannot go on should say where"))]

pub mod backtest;
pub mod cli;
pub mod clock;
pub mod columns;
pub mod config;
pub mod control;
pub mod coordinator;
pub mod engine;
pub mod exchange;
pub mod feed;
pub mod health;
pub mod launcher;
pub mod ledger;
pub mod market;
pub mod notify;
pub mod orders;
pub mod portfolio;
pub mod protocol;
pub mod pulse;
pub mod recorder;
pub mod risk;
pub mod serve;
pub mod session;
pub mod shadow;
pub mod strategy;
pub mod telemetry;
pub mod types;
pub mod venue;
