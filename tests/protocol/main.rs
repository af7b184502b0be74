//! The served exchange, held against what others recorded and published: requests of a real client with their
//! signatures, and examples of every reply and message. Skipped, saying so, where these are not to be had.

#![expect(clippy::disallowed_methods, reason = "a test waits for its server in real time")]

mod examples;
mod explained;
mod falling;
mod faults;
mod forms;
mod requests;
mod samples;
mod shape;
mod stage;
mod wire;

use std::path::PathBuf;

/// The folder with the recordings, if there is one.
fn conformance() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").to_owned();
    let folder = PathBuf::from(std::env::var("LTL_SHARED_DIR").unwrap_or(beside)).join("conformance");
    if !folder.is_dir() {
        println!("skipped: there is no {}", folder.display());
        return None;
    }
    Some(folder)
}
