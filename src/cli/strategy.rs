//! A strategy as the command line names it: `ema_cross:fast=10,slow=30`.

use crate::config::Override;
use crate::strategy::Kind;

/// The flag.
const FLAG: &str = "--strategy";

/// A strategy, and settings of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct StrategyChoice {
    /// Which.
    pub kind: Kind,
    /// Settings of its section, as they are written in the configuration file.
    pub settings: Vec<(String, toml::Value)>,
}

/// Reads `NAME[:KEY=VALUE,…]`. Whether there is such a setting, and within which range, is the configuration's to say.
pub(super) fn choice(text: &str) -> Result<StrategyChoice, String> {
    let (name, settings) = text.split_once(':').unwrap_or((text, ""));
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == name);
    let kind = kind.ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
        format!("there is no strategy `{name}`; there are {}", names.join(", "))
    })?;
    let settings = settings.split(',').filter(|part| !part.is_empty()).map(setting).collect::<Result<_, _>>()?;
    Ok(StrategyChoice { kind, settings })
}

fn setting(part: &str) -> Result<(String, toml::Value), String> {
    let (key, value) = part.split_once('=').ok_or_else(|| format!("`{part}` has no `=`; write KEY=VALUE"))?;
    Ok((key.trim().to_owned(), toml_value(value.trim())))
}

/// A number or a truth value as such, all else as text: `30`, `1.5`, `true`, `5m`, `2%`.
fn toml_value(text: &str) -> toml::Value {
    match text.parse::<toml::Value>() {
        Ok(value @ (toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_))) => value,
        Ok(_) | Err(_) => toml::Value::String(text.to_owned()),
    }
}

/// The chosen strategies run, with their settings, and no other.
pub(super) fn overrides(choices: &[StrategyChoice]) -> Vec<Override> {
    let make = |kind: Kind, key: &str, value| Override {
        setting: format!("strategy.{}.{key}", kind.as_str()),
        value,
        flag: FLAG,
    };
    let chosen = |kind| choices.iter().any(|choice| choice.kind == kind);
    let enabled = Kind::ALL.into_iter().map(|kind| make(kind, "enabled", toml::Value::Boolean(chosen(kind))));
    let settings = choices
        .iter()
        .flat_map(|choice| choice.settings.iter().map(|(key, value)| make(choice.kind, key, value.clone())));
    enabled.chain(settings).collect()
}
