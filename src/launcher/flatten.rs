//! The `flatten` command: closes everything at the venue, whether a daemon runs, hangs, or is gone.

use std::io::Write as _;

use super::{Failure, commands, configuration, state_dir, venue};
use crate::cli::{FlattenFlags, Invocation};
use crate::clock::Clock;
use crate::config::Environment;
use crate::types::Exit;
use crate::venue::binance::flatten::{NotFlat, flatten};

/// Closes everything.
pub(super) fn run(
    flags: &FlattenFlags,
    asked: &Invocation,
    environment: &Environment,
    clock: Clock,
) -> Result<Exit, Failure> {
    let config = configuration(asked, environment)?;
    let Some(credentials) = venue::credentials(&config)? else {
        let what = "there is no key to close anything with; set BINANCE_KEY and BINANCE_SECRET, or their _FILE forms";
        return Err(Failure::new(Exit::KeysRefused, what));
    };
    // Without a state directory it works too; only bans are not remembered then.
    let dir = state_dir(asked, environment).ok();
    let rest = venue::client(&config, Some(credentials), dir.as_deref(), clock)?;
    let begun = clock.uptime();
    let say = |text: &str| {
        let passed = (clock.uptime() - begun).as_millis();
        // A reader that has gone is no reason to stop closing.
        let _ = writeln!(std::io::stdout(), "{:>7}.{:01} s  {text}", passed / 1_000, passed / 100 % 10);
    };
    say(&format!("closing everything at {}", config.settings.venue.binance.rest_url));
    let done = commands::runtime()?.block_on(flatten(&rest, clock, flags.patience, &mut |step| say(&step.to_string())));
    match done {
        Ok(()) => Ok(Exit::Clean),
        Err(error @ NotFlat::Keys(_)) => Err(Failure::new(Exit::KeysRefused, error)),
        Err(error @ (NotFlat::Open(_) | NotFlat::Unanswered(_))) => Err(Failure::new(Exit::TryLater, error)),
    }
}
