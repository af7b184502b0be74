//! The daemon's binary: it starts the clock and hands over to the launcher.

use std::process::ExitCode;

use live_trading_launcher::clock::Clock;
use live_trading_launcher::launcher;

fn main() -> ExitCode {
    launcher::main(Clock::start())
}
