//! From raw layers to validated settings.
//!
//! Four layers, each of which holds only what it says: the file, the environment, the flags, and last of all
//! the defaults of the rooms. They are merged leaf by leaf, and the source of every leaf is kept, so that an
//! error and `config show` can name it. What comes out has been checked by every room.
//!
//! A room's settings join [`Settings`] with one line in its definition and one in its `complaints`; then
//! `live_trading_launcher config show --format template > config/default.toml` writes them into the documented
//! defaults. A variable with a name of its own is one line in [`named::VARIABLES`].

mod document;
mod environment;
mod error;
mod layer;
mod load;
pub mod named;
mod path;
mod seconds;
mod secrets;
mod settings;
mod shape;
mod show;
mod table;
mod variants;

pub use document::template;
pub use environment::Environment;
pub use error::{ConfigError, Problem};
pub use layer::{Override, Source};
pub use load::{Config, ConfigFile, Inputs, check, load};
pub use path::SettingPath;
pub use seconds::{ParseSecondsError, parse_seconds};
pub use secrets::{SecretName, Secrets};
pub use settings::{FaultSettings, RunSettings, Settings};
pub use show::{as_table, as_toml, schema};
pub use table::table;
pub use variants::{Variants, Varied};

#[cfg(test)]
mod tests;
