//! Whole sessions in virtual time, through the shipped machinery and without a runtime.
//!
//! With `LTL_LONG=1` more of the recorded data is traded.

mod books;
mod demo;
mod faults;
mod outage;
mod recorded;
mod replay;
#[path = "../support/replayed.rs"]
mod replayed;
mod restart;
mod setup;
