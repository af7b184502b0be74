//! What varies, from the flags and the file, as values that the settings take.

use super::{FLAG, Failure};
use crate::backtest::sweep::{Axis, Values};
use crate::cli::SweepFlags;
use crate::config::{ConfigError, SettingPath, Variants, Varied};
use crate::types::Exit;

/// Far above any list of ranges.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// What varies, and what is set for all runs.
pub(super) struct Ranges {
    /// Settings with more than one value.
    pub(super) axes: Vec<Axis>,
    /// Their values, in the same order.
    pub(super) typed: Vec<Vec<Varied>>,
    /// Settings with one value.
    pub(super) fixed: Vec<Varied>,
}

/// Reads the flags, and the file if there is one. A flag comes before the file.
pub(super) fn read(flags: &SweepFlags, variants: &Variants) -> Result<Ranges, Failure> {
    let random = flags.random.is_some();
    let mut given: Vec<(SettingPath, Vec<(String, toml::Value)>)> = Vec::new();
    for (name, text) in &flags.set {
        let (path, wrong) = (path_of(name), |why: String| usage(FLAG, name, text, &why));
        variants.check_name(&path).map_err(&wrong)?;
        if given.iter().any(|(earlier, _)| *earlier == path) {
            return Err(wrong("the setting is given twice; give all of its values at once".to_owned()));
        }
        given.push((path.clone(), texts(variants, &path, text, random).map_err(wrong)?));
    }
    if let Some(file) = &flags.sweep {
        let named = format!("--sweep {}", file.display());
        let failed = |error: String| Failure::new(Exit::Configuration, format!("{named}: {error}"));
        let size = std::fs::metadata(file).map_err(|error| failed(error.to_string()))?.len();
        if size > MAX_FILE_BYTES {
            return Err(failed(format!("it is larger than {MAX_FILE_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| failed(error.to_string()))?;
        let mut leaves = Vec::new();
        collect(&SettingPath::default(), table, &mut leaves);
        for (path, value) in leaves {
            if given.iter().all(|(earlier, _)| *earlier != path) {
                let wrong = |why: String| usage(&named, &path.to_string(), &value.to_string(), &why);
                variants.check_name(&path).map_err(&wrong)?;
                given.push((path.clone(), values(variants, &path, &value, random).map_err(wrong)?));
            }
        }
    }
    let mut ranges = Ranges { axes: Vec::new(), typed: Vec::new(), fixed: Vec::new() };
    for (path, values) in given {
        // What cannot be read at all is a mistake of the one who typed it; what another setting forbids is for each run to say.
        for (_, value) in &values {
            let one = (path.clone(), value.clone());
            variants.check_value(one, FLAG).map_err(|error: ConfigError| Failure::new(Exit::Usage, error))?;
        }
        if let [(_, value)] = values.as_slice() {
            ranges.fixed.push((path, value.clone()));
            continue;
        }
        ranges
            .axes
            .push(Axis { setting: path.to_string(), values: values.iter().map(|(label, _)| label.clone()).collect() });
        ranges.typed.push(values.into_iter().map(|(_, value)| (path.clone(), value)).collect());
    }
    if ranges.axes.is_empty() {
        let message =
            "nothing varies: give at least one setting several values, like `--set strategy.ema_cross.fast=5..20:5`";
        return Err(Failure::new(Exit::Usage, message));
    }
    Ok(ranges)
}

fn usage(flag: &str, name: &str, text: &str, why: &str) -> Failure {
    let text: String = text.chars().take(80).collect();
    Failure::new(Exit::Usage, format!("{flag} {name}={text}: {why}"))
}

/// `a.b."C/D:E"`: a key in quotes may have anything in it.
fn path_of(name: &str) -> SettingPath {
    let mut path = SettingPath::default();
    for (at, part) in name.split('"').enumerate() {
        if at % 2 == 1 {
            path = path.child(part);
        } else {
            path = part.split('.').filter(|key| !key.is_empty()).fold(path, |path, key| path.child(key));
        }
    }
    path
}

/// Values as a text gives them.
fn texts(
    variants: &Variants,
    path: &SettingPath,
    text: &str,
    random: bool,
) -> Result<Vec<(String, toml::Value)>, String> {
    let list = Values::parse(text)?.list(random)?;
    list.into_iter().map(|text| variants.value(path, &text).map(|value| (text, value))).collect()
}

/// Values as a file gives them: a range or list as a text, or an array.
fn values(
    variants: &Variants,
    path: &SettingPath,
    value: &toml::Value,
    random: bool,
) -> Result<Vec<(String, toml::Value)>, String> {
    match value {
        toml::Value::String(text) => texts(variants, path, text, random),
        toml::Value::Array(items) if items.is_empty() => Err("it has no values".to_owned()),
        toml::Value::Array(items) => Ok(items.iter().map(|item| (label(item), item.clone())).collect()),
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => Ok(vec![(label(value), value.clone())]),
    }
}

fn label(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn collect(at: &SettingPath, table: toml::Table, leaves: &mut Vec<(SettingPath, toml::Value)>) {
    for (key, value) in table {
        let path = at.child(key);
        match value {
            toml::Value::Table(below) => collect(&path, below, leaves),
            leaf => leaves.push((path, leaf)),
        }
    }
}
