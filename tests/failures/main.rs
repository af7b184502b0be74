//! How trading daemons have failed elsewhere, one test for each of those ways, named after it. Most run a session in
//! virtual time whose market and wire the test holds ([`stage`]); what only a process can show runs the shipped binary.

#[path = "../daemon/bench.rs"]
#[expect(dead_code, reason = "the tests of the binary use more of it")]
mod bench;
#[path = "../virtual_session/books.rs"]
#[expect(dead_code, reason = "the tests of whole sessions use more of it")]
mod books;
mod money;
mod orders;
mod script;
#[path = "../virtual_session/setup.rs"]
#[expect(dead_code, reason = "the tests of whole sessions use more of it")]
mod setup;
mod silence;
mod stage;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the tests of the binary use more of it")]
mod support;
mod wire;
