//! REST, on our side. A request is a [`Call`], made by one of the functions in [`calls`]; [`Rest`] signs it, keeps it
//! within the venue's limits, sends it once, and says what came of it: the reply, or a [`Failure`] of one of three
//! kinds. What an order's failure means for the order is decided by who placed it.

mod ban;
mod budget;
mod call;
pub(crate) mod calls;
mod client;
mod failure;
mod offset;
mod patience;
mod wire;

pub(crate) use budget::Priority;
pub(crate) use call::Call;
pub use client::RestError;
pub(crate) use client::{Credentials, Rest};
pub(crate) use failure::{Class, Failure, judge};

pub(crate) use patience::START;

#[cfg(test)]
mod tests;
