//! What the served exchange carries: `cargo run --release --example exchange_load`.
//!
//! It starts the shipped binary as a process of its own, on a recording that it writes for the purpose, and measures
//! in two parts. Streams: so many WebSocket clients hear every trade and every quote of three symbols; the delay of a
//! message is from the instant that the recording gives it to the instant that the client has read it. Orders: so many
//! REST clients, an account each, place orders as fast as they are answered, with rate limits switched off. The
//! clients share the machine's cores with the server, so both sides' processor time is told beside each figure.

#![expect(clippy::disallowed_methods, reason = "real processes are measured in real time")]

mod orders;
mod process;
mod recording;
mod report;
mod streams;
mod wire;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Parser, ValueEnum};

/// Measures the `exchange` command under load.
#[derive(Debug, Clone, Parser)]
struct Flags {
    /// WebSocket clients; each hears every event of three symbols
    #[arg(long, default_value = "200", value_parser = clap::value_parser!(u32).range(1..=4_000))]
    clients: u32,
    /// Market events in a second, over the three symbols
    #[arg(long, default_value = "500", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    events: u32,
    /// REST clients
    #[arg(long, default_value = "8", value_parser = clap::value_parser!(u32).range(1..=256))]
    rest_clients: u32,
    /// Length of each part in seconds; ten minutes show whether memory stays flat
    #[arg(long, default_value = "30", value_parser = clap::value_parser!(u32).range(3..=3_600))]
    seconds: u32,
    /// Measure one part alone
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Keep the server's state in a file, as with `exchange --state`
    #[arg(long)]
    state: bool,
    /// The binary to measure; without it the release binary is built
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Print JSON in place of the table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Streams,
    Orders,
}

fn main() -> ExitCode {
    match measure(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("exchange_load: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure(flags: &Flags) -> Result<(), String> {
    let program = match &flags.program {
        Some(path) => path.clone(),
        None => built()?,
    };
    let folder = tempfile::tempdir().map_err(|error| format!("there is no room for a folder: {error}"))?;
    recording::write(folder.path(), flags.events, flags.seconds)?;
    let mut server = process::Server::start(&program, folder.path(), flags)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("the runtime cannot be started: {error}"))?;
    let (mut of_streams, mut of_orders) = (None, None);
    if flags.only != Some(Part::Orders) {
        of_streams = Some(runtime.block_on(streams::measure(&mut server, flags))?);
    }
    if flags.only != Some(Part::Streams) {
        of_orders = Some(runtime.block_on(orders::measure(&mut server, flags))?);
    }
    let told = report::Report { rate_limits: server.rate_limits.clone(), streams: of_streams, orders: of_orders };
    if flags.json {
        told.print_json()
    } else {
        told.print_table()
    }
    Ok(())
}

/// The binary as it ships, built if it is not.
fn built() -> Result<PathBuf, String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let build = ["build", "--release", "--bin", "live_trading_launcher", "--manifest-path", manifest];
    let status = Command::new(env!("CARGO")).args(build).status();
    if !status.is_ok_and(|status| status.success()) {
        return Err("the release binary cannot be built".to_owned());
    }
    let example = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = example.ancestors().nth(3).ok_or("an example lies in target/PROFILE/examples")?;
    Ok(target.join("release/live_trading_launcher"))
}
