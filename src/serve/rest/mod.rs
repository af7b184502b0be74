//! What the endpoints do, a file a family. Each takes the world and a request, and gives a reply's body.

pub(crate) mod account;
pub(crate) mod algo;
pub(crate) mod history;
pub(crate) mod info;
pub(crate) mod listen;
pub(crate) mod market;
pub(crate) mod modes;
pub(crate) mod order;
pub(crate) mod parse;
pub(crate) mod ticker;
