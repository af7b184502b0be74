//! The words of Binance's USDⓈ-M futures protocol, for whoever speaks it: a server on its exchange's side, a client
//! on ours. Nothing here connects to anything.
//!
//! Amounts are our own exact decimals and appear as texts, as Binance writes them. Fields that Binance has taken out
//! of a reply, or put in lately, are options: readers are lenient, writers write what the newest description has.

pub(crate) mod account;
pub(crate) mod algo;
pub(crate) mod decimal;
pub(crate) mod error;
pub(crate) mod form;
pub(crate) mod info;
pub(crate) mod interval;
pub(crate) mod market;
pub(crate) mod order;
pub(crate) mod padded;
pub(crate) mod sign;
pub(crate) mod stream;
pub(crate) mod user;
pub(crate) mod words;
