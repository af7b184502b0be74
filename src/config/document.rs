//! The documented defaults: every setting with what it is for, commented out, so that a line becomes effective
//! by removing its `#`.

use std::fmt::Write;

use serde::Serialize;

use super::shape::{Kind, Shape};
use super::{SettingPath, Settings};

/// Widest line of the document.
const WIDTH: usize = 110;

const HEAD: &str = "\
# Every setting of live_trading_launcher with its default. To change one, remove the `#` before it.
# A variable comes before this file, and a flag before a variable: LTL__SECTION__KEY sets `key` of `[section]`.
# `live_trading_launcher config show` says what is effective, and why; `config check` says what is wrong.
# Secrets (TELEGRAM_BOT_TOKEN, BINANCE_KEY, BINANCE_SECRET) are variables, or files named by NAME_FILE.
";

/// The text of `config/default.toml`.
pub fn template() -> String {
    document(&Settings::default())
}

/// A settings struct with its defaults as a commented file.
pub(super) fn document<S: Serialize + schemars::JsonSchema>(defaults: &S) -> String {
    let values = toml::Value::try_from(defaults).expect("settings are made of tables, lists and scalars");
    let mut out = String::from(HEAD);
    section(&SettingPath::default(), &Shape::of::<S>(), &values, &mut out);
    out
}

fn section(at: &SettingPath, shape: &Shape, values: &toml::Value, out: &mut String) {
    let Kind::Section(fields) = &shape.kind else { return };
    if !at.keys().is_empty() {
        out.push('\n');
        comment(&shape.about, out);
        line(out, format_args!("[{at}]"));
    }
    let is_section = |shape: &Shape| matches!(shape.kind, Kind::Section(_));
    for (name, shape) in fields.iter().filter(|(_, shape)| !is_section(shape)) {
        comment(&shape.about, out);
        match values.get(name) {
            Some(value) => line(out, format_args!("#{name} = {value}")),
            None => line(out, format_args!("# `{name}` is not set.")),
        }
    }
    // Sections last: in TOML a key after a section's head would belong to that section.
    for (name, shape) in fields.iter().filter(|(_, shape)| is_section(shape)) {
        if let Some(values) = values.get(name) {
            section(&at.child(name), shape, values, out);
        }
    }
}

fn comment(text: &str, out: &mut String) {
    let mut row = String::new();
    for word in text.split_whitespace() {
        if row.len() + 1 + word.len() > WIDTH - 1 {
            line(out, format_args!("#{row}"));
            row.clear();
        }
        row.push(' ');
        row.push_str(word);
    }
    if !row.is_empty() {
        line(out, format_args!("#{row}"));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string cannot fail");
}
