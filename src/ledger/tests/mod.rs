//! The ledger against what it promises.

mod crash;
mod damage;
mod outbox;
mod people;
mod rows;
mod sample;
