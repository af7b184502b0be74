//! The shipped binary as a process: what it says, what it leaves on disk, and the codes it ends with.

#[path = "daemon/bench.rs"]
mod bench;
#[path = "daemon/commands.rs"]
mod commands;
#[path = "daemon/data.rs"]
mod data;
#[path = "daemon/endings.rs"]
mod endings;
#[path = "daemon/exits.rs"]
mod exits;
#[path = "daemon/mistakes.rs"]
mod mistakes;
#[path = "daemon/recovering.rs"]
mod recovering;
#[path = "support/replayed.rs"]
mod replayed;
#[path = "daemon/restarts.rs"]
mod restarts;
#[path = "daemon/run.rs"]
mod run;
#[expect(dead_code, reason = "tests of live trading use more of it")]
mod support;
#[path = "daemon/sweep.rs"]
mod sweep;
#[path = "daemon/talk.rs"]
mod talk;
#[path = "daemon/venue.rs"]
mod venue;
