//! Where the state is.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::config::Environment;
use crate::types::Exit;

/// The folder below the user's state folder.
const NAME: &str = "live_trading_launcher";

/// The state directory: the flag, systemd's, the user's. It is not made here.
pub(super) fn state_dir(flag: Option<&Path>, environment: &Environment) -> Result<PathBuf, Failure> {
    let variable = |name| {
        let value = environment.get(name).map_err(|problem| Failure::new(Exit::Configuration, problem))?;
        Ok::<_, Failure>(value.filter(|text| !text.is_empty()).map(PathBuf::from))
    };
    if let Some(dir) = flag {
        return Ok(dir.to_owned());
    }
    if let Some(dir) = variable("STATE_DIRECTORY")? {
        return Ok(dir);
    }
    if let Some(dir) = variable("XDG_STATE_HOME")? {
        return Ok(dir.join(NAME));
    }
    match variable("HOME")? {
        Some(home) => Ok(home.join(".local/state").join(NAME)),
        None => Err(Failure::new(
            Exit::Configuration,
            "there is no state directory: set --state-dir, STATE_DIRECTORY, XDG_STATE_HOME or HOME",
        )),
    }
}

/// Makes the state directory if it is not there.
pub(super) fn make(dir: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(dir).map_err(|error| {
        let message = format!("the state directory {} cannot be made: {error}; name another with --state-dir", dir.display());
        Failure::new(Exit::LedgerUnwritable, message)
    })
}
