//! The venue's client, for the commands that speak to it by themselves.

use std::path::Path;

use super::Failure;
use crate::clock::{Clock, SessionClock};
use crate::config::{Config, SecretName};
use crate::types::Exit;
use crate::venue::binance::rest::{Credentials, Rest};

/// The key pair, if both halves are set.
pub(super) fn credentials(config: &Config) -> Result<Option<Credentials>, Failure> {
    let (key, secret) = (SecretName::BinanceKey, SecretName::BinanceSecret);
    match (config.secrets.get(key), config.secrets.get(secret)) {
        (Some(key), Some(secret)) => {
            let pair = Credentials::new(key, secret).map_err(|error| Failure::new(Exit::KeysRefused, error))?;
            Ok(Some(pair))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(half(key, secret)),
        (None, Some(_)) => Err(half(secret, key)),
    }
}

fn half(set: SecretName, missing: SecretName) -> Failure {
    let (set, missing) = (set.variable(), missing.variable());
    Failure::new(
        Exit::Configuration,
        format!("{set} is set and {missing} is not; set {missing} or {missing}_FILE too, or unset both"),
    )
}

/// A client of its own: nothing that hangs elsewhere holds it up. Bans are remembered in `dir`, if that is there.
pub(super) fn client(
    config: &Config,
    credentials: Option<Credentials>,
    dir: Option<&Path>,
    clock: Clock,
) -> Result<Rest, Failure> {
    let time = SessionClock::wall(clock);
    let dir = dir.filter(|dir| dir.is_dir());
    Rest::new(&config.settings.venue.binance, credentials, time, dir)
        .map_err(|error| Failure::new(Exit::Configuration, error))
}
