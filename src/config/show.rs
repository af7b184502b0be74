//! What is effective, and why.

use std::fmt::Write;

use super::error::shown;
use super::shape::{Kind, Shape};
use super::{Config, SecretName, SettingPath, Settings, Source, table};

/// The JSON Schema of the configuration file.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Settings);
    serde_json::to_string_pretty(&schema).expect("a schema is JSON")
}

/// Every setting with its value and source, as a table. A long value is cut; of a secret it says only whether it is set.
pub fn as_table(config: &Config) -> String {
    let mut table = table(&["setting", "value", "source"]);
    for row in rows(config) {
        let value = row.value.map_or("not set".to_owned(), |value| shown(&value));
        table.add_row([row.path.to_string(), value, row.source]);
    }
    for name in SecretName::ALL {
        let value = if config.secrets.get(name).is_some() { "set, and not shown" } else { "not set" };
        let source = config.secrets.source(name).map(Source::to_string).unwrap_or_default();
        table.add_row([name.variable().to_owned(), value.to_owned(), source]);
    }
    table.to_string()
}

/// Every setting as a configuration file, with its source behind it. Secrets have no place in such a file.
pub fn as_toml(config: &Config) -> String {
    let mut out = String::new();
    let mut last_section = None;
    for row in rows(config) {
        let section = row.path.parent();
        if section != last_section {
            let name = section.as_ref().map(SettingPath::to_string).unwrap_or_default();
            let gap = if out.is_empty() { "" } else { "\n" };
            writeln!(out, "{gap}[{name}]").expect("writing to a string cannot fail");
            last_section = section;
        }
        let key = row.path.keys().last().map_or("", String::as_str);
        match row.value {
            Some(value) => writeln!(out, "{key} = {value} # {}", row.source),
            None => writeln!(out, "# `{key}` is not set."),
        }
        .expect("writing to a string cannot fail");
    }
    out
}

struct ShownSetting {
    path: SettingPath,
    /// As TOML; `None` if it is not set and has no default.
    value: Option<String>,
    source: String,
}

/// Keys of a section come before the sections within it, as a TOML file needs it.
fn rows(config: &Config) -> Vec<ShownSetting> {
    let values = toml::Value::try_from(&config.settings).expect("settings are made of tables, lists and scalars");
    let mut rows = Vec::new();
    section(config, &SettingPath::default(), &Shape::of::<Settings>(), &values, &mut rows);
    rows
}

fn section(config: &Config, at: &SettingPath, shape: &Shape, values: &toml::Value, rows: &mut Vec<ShownSetting>) {
    let Kind::Section(fields) = &shape.kind else { return };
    let is_section = |shape: &Shape| matches!(shape.kind, Kind::Section(_));
    for (name, _) in fields.iter().filter(|(_, shape)| !is_section(shape)) {
        let path = at.child(name);
        let value = values.get(name).map(toml::Value::to_string);
        let source = source_of(config, &path);
        rows.push(ShownSetting { path, value, source });
    }
    for (name, shape) in fields.iter().filter(|(_, shape)| is_section(shape)) {
        if let Some(values) = values.get(name) {
            section(config, &at.child(name), shape, values, rows);
        }
    }
}

/// The source of a setting; of a map, those of all its entries.
fn source_of(config: &Config, path: &SettingPath) -> String {
    let mut sources: Vec<String> = config
        .sources
        .iter()
        .filter(|(one, _)| one.keys().starts_with(path.keys()))
        .map(|(_, source)| source.to_string())
        .collect();
    sources.dedup();
    if sources.is_empty() { Source::Default.to_string() } else { sources.join(", ") }
}
