//! How trading daemons have failed elsewhere, one test for each of those ways, named after it. Most run a session in
//! virtual time whose market and wire the test holds ([`stage`]); what only a process can show runs the shipped binary.
//!
//! Beside them, in `guards/`, lie one-line patches of the source that take away what a test proves, by the test's name.
//! `cargo run --example guards` applies each in turn to a copy of the project and shows the test failing.

#[path = "../daemon/bench.rs"]
#[expect(dead_code, reason = "the tests of the binary use more of it")]
mod bench;
#[path = "../virtual_session/books.rs"]
#[expect(dead_code, reason = "the tests of whole sessions use more of it")]
mod books;
mod guards;
mod money;
mod orders;
#[path = "../support/patch.rs"]
mod patch;
#[path = "../support/replayed.rs"]
mod replayed;
mod script;
mod settings;
#[path = "../virtual_session/setup.rs"]
#[expect(dead_code, reason = "the tests of whole sessions use more of it")]
mod setup;
mod silence;
#[path = "../house/source.rs"]
#[expect(dead_code, reason = "the rules of the house use more of it")]
mod source;
mod stage;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the tests of the binary use more of it")]
mod support;
#[path = "../daemon/talk.rs"]
#[expect(dead_code, reason = "the tests of the binary use more of it")]
mod talk;
mod wire;
