//! The client against the served exchange, against recorded requests, and against what a network does.

mod network;
mod recorded;
mod served;
mod wire;
