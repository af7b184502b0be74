//! Binance USDⓈ-M futures. The words of the protocol are for whoever speaks it: a server writes all that the newest
//! description has, with the structs of `account`, `order`, `stream` and their like; a client of ours reads with
//! those of `read`, which ask for what is used alone and take anything else. `rest` sends requests, `feed` listens to
//! the market, and `trade` trades.
//!
//! Amounts are our own exact decimals and appear as texts, as Binance writes them.

pub(crate) mod account;
pub(crate) mod algo;
pub(crate) mod decimal;
pub(crate) mod download;
pub(crate) mod error;
mod feed;
pub(crate) mod flatten;
pub(crate) mod form;
pub(crate) mod info;
pub(crate) mod interval;
pub(crate) mod market;
pub(crate) mod order;
pub(crate) mod padded;
mod parsers;
pub(crate) mod read;
pub(crate) mod rest;
pub(crate) mod rules;
mod settings;
pub(crate) mod sign;
mod socket;
pub(crate) mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod trade;
pub(crate) mod user;
pub(crate) mod words;

pub use feed::{BinanceFeed, OpenError, Surroundings};
pub use parsers::{PARSERS, Parser};
pub use read::Unreadable;
pub use rest::RestError;
pub use settings::Settings;
pub use trade::{BinanceVenue, NAME, Way, Wiring};
