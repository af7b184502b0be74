//! Backtests and replays from outside: their figures, their honesty, their pages, and recordings that were tampered with.

#[path = "../support/browser.rs"]
mod browser;
mod command;
mod honesty;
mod page;
#[path = "../support/recorded.rs"]
mod recorded;
mod statistics;
