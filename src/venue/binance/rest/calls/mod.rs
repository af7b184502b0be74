//! Every request that we make, as functions.

pub(crate) mod account;
pub(crate) mod market;
pub(crate) mod orders;
