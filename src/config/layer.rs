//! Sparse layers: the settings that one source names, each with the place where it does.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::error::shown;
use super::named::NamedVariable;
use super::shape::{Found, Kind, Shape, parse_toml};
use super::{ConfigFile, Environment, Problem, SecretName, SettingPath};

/// What begins the name of a variable that sets a setting by its path.
const PREFIX: &str = "LTL__";

/// Who said what a setting is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Source {
    /// Nobody: the room's own default.
    #[default]
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: Arc<str>,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag on the command line.
    Flag(&'static str),
}

/// A setting that a flag gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Override {
    /// Which setting, as `section.key`.
    pub setting: String,
    /// Its value.
    pub value: toml::Value,
    /// The flag, as it is written: `--symbols`.
    pub flag: &'static str,
}

/// The settings that one source names.
pub(super) type Layer = BTreeMap<SettingPath, (toml::Value, Source)>;

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File { path, line } => write!(f, "{path}:{line}"),
            Source::Variable(name) => f.write_str(name),
            Source::Flag(flag) => f.write_str(flag),
        }
    }
}

/// The layer of a configuration file. What is wrong with it goes to `problems`.
pub(super) fn from_file(shape: &Shape, file: &ConfigFile, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new();
    let (path, text) = (&*file.path.display().to_string(), file.text.as_str());
    let parsed = DeTable::parse(text).and_then(|lines| Ok((lines, text.parse::<toml::Table>()?)));
    match parsed {
        Ok((lines, values)) => {
            let file = FileReader { shape, path: path.into(), text };
            file.section(&SettingPath::default(), values, lines.get_ref(), &mut layer, problems);
        }
        Err(error) => {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            let source = Source::File { path: path.into(), line };
            let message = format!("{source}: it is not TOML: {}", error.message().replace('\n', ", "));
            problems.push(Problem { subject: String::new(), source: None, message });
        }
    }
    layer
}

/// The layer of a file that may hold one section only.
pub(super) fn from_part(shape: &Shape, part: &str, file: &ConfigFile, problems: &mut Vec<Problem>) -> Layer {
    let layer = from_file(shape, file, problems);
    for (path, (_, source)) in layer.iter().filter(|(path, _)| path.keys().first().is_none_or(|key| key != part)) {
        let message = format!("only settings of `[{part}]` can be given here; write it into the configuration file");
        problems.push(Problem { subject: path.to_string(), source: Some(source.clone()), message });
    }
    layer
}

/// The layer of the environment: variables with names of their own, and those behind `LTL__`.
pub(super) fn from_environment(
    shape: &Shape,
    named: &[NamedVariable],
    environment: &Environment,
    problems: &mut Vec<Problem>,
) -> Layer {
    let mut layer = Layer::new();
    for variable in named {
        let path = SettingPath::dotted(variable.setting);
        match environment.get(variable.name) {
            Ok(None) => {}
            Ok(Some(given)) => match variable.translate(given).and_then(|text| value_of(shape, &path, &text)) {
                Ok(values) => add(&mut layer, values, variable.name, problems),
                Err(message) => problems.push(Problem::variable(&subject(variable.name, given), message)),
            },
            Err(problem) => problems.push(problem),
        }
    }
    for name in environment.names_with(PREFIX) {
        match environment.get(&name) {
            Ok(None) => problems.push(Problem::variable(&name, "its name is not UTF-8 text; unset it")),
            Ok(Some(given)) => match path_of(shape, &name).map(|path| value_of(shape, &path, given)) {
                Ok(Ok(values)) => add(&mut layer, values, &name, problems),
                Ok(Err(message)) => problems.push(Problem::variable(&subject(&name, given), message)),
                // The value of a variable that is not ours may be anything, a secret included.
                Err(message) => problems.push(Problem::variable(&name, message)),
            },
            Err(problem) => problems.push(problem),
        }
    }
    layer
}

/// The layer of the flags, which the command line has parsed already.
pub(super) fn from_flags(flags: Vec<Override>) -> Layer {
    let entry = |o: Override| (SettingPath::dotted(&o.setting), (o.value, Source::Flag(o.flag)));
    flags.into_iter().map(entry).collect()
}

fn subject(variable: &str, given: &str) -> String {
    format!("{variable}=`{}`", shown(given))
}

fn add(layer: &mut Layer, values: Vec<(SettingPath, toml::Value)>, variable: &str, problems: &mut Vec<Problem>) {
    for (path, value) in values {
        let source = Source::Variable(variable.to_owned());
        if let Some((_, earlier)) = layer.insert(path.clone(), (value, source)) {
            let message = format!("it sets `{path}`, and so does {earlier}; unset one of them");
            problems.push(Problem::variable(variable, message));
        }
    }
}

/// The setting that a variable behind the prefix names.
fn path_of(shape: &Shape, name: &str) -> Result<SettingPath, String> {
    let rest = name.strip_prefix(PREFIX).unwrap_or_default();
    let path = SettingPath::dotted(&rest.to_lowercase().replace("__", "."));
    let exact = path.variable() == name;
    match shape.find(&path) {
        Found::Here(_) if exact => Ok(path),
        Found::Here(_) => Err(format!("variables are written in capitals: {}", path.variable())),
        Found::Nothing => Err(unknown(shape, &path, SettingPath::variable)),
    }
}

fn value_of(shape: &Shape, path: &SettingPath, text: &str) -> Result<Vec<(SettingPath, toml::Value)>, String> {
    match shape.find(path) {
        Found::Here(Shape { kind: Kind::Leaf(leaf), .. }) => Ok(vec![(path.clone(), leaf.parse(text)?)]),
        Found::Here(Shape { kind: Kind::Map(_), .. }) => match parse_toml(text)? {
            toml::Value::Table(table) if table.is_empty() => Ok(vec![(path.clone(), toml::Value::Table(table))]),
            toml::Value::Table(table) => Ok(table.into_iter().map(|(key, value)| (path.child(key), value)).collect()),
            _ => Err(r#"it holds values by name; write `{ "ETH/USDT:USDT" = 50 }`"#.to_owned()),
        },
        Found::Here(Shape { kind: Kind::Section(fields), .. }) => {
            let example = fields.first().map_or(path.variable(), |(name, _)| path.child(name).variable());
            Err(format!("`{path}` is a section; set one of its settings, such as {example}"))
        }
        Found::Nothing => Err(unknown(shape, path, SettingPath::variable)),
    }
}

/// Says that there is no such setting, and which was meant.
pub(super) fn unknown(shape: &Shape, path: &SettingPath, write: impl Fn(&SettingPath) -> String) -> String {
    let key = path.keys().last().map_or("", String::as_str);
    if ["token", "secret", "api_key", "password"].iter().any(|word| key.contains(word)) {
        let names = SecretName::ALL.map(SecretName::variable).join(", ");
        return format!(
            "there is no setting `{path}`; secrets are variables of their own ({names}), or files named by NAME_FILE"
        );
    }
    match shape.nearest(path) {
        Some(nearest) => format!("there is no setting `{path}`; did you mean `{}`?", write(&nearest)),
        None => format!("there is no setting `{path}`; `config show` lists them all"),
    }
}

struct FileReader<'a> {
    shape: &'a Shape,
    path: Arc<str>,
    text: &'a str,
}

impl FileReader<'_> {
    fn section(
        &self,
        at: &SettingPath,
        values: toml::Table,
        lines: &DeTable<'_>,
        layer: &mut Layer,
        problems: &mut Vec<Problem>,
    ) {
        for (key, value) in values {
            let path = at.child(&key);
            let entry = lines.iter().find(|(name, _)| name.get_ref().as_ref() == key);
            let line = line_of(self.text, entry.map_or(0, |(name, _)| name.span().start));
            let source = Source::File { path: self.path.clone(), line };
            let below = entry.and_then(|(_, value)| match value.get_ref() {
                DeValue::Table(table) => Some(table),
                _ => None,
            });
            match (self.shape.find(&path), value, below) {
                (Found::Nothing, ..) => {
                    let message = unknown(self.shape, &path, SettingPath::to_string);
                    problems.push(Problem { subject: path.to_string(), source: Some(source), message });
                }
                (Found::Here(here), toml::Value::Table(values), Some(below)) if here.has_settings(&values) => {
                    self.section(&path, values, below, layer, problems);
                }
                (Found::Here(Shape { kind: Kind::Section(_), .. }), value, _) => {
                    let subject = format!("{path} = {}", shown(&value.to_string()));
                    let message = format!("`{path}` is a section; write its settings below `[{path}]`");
                    problems.push(Problem { subject, source: Some(source), message });
                }
                (Found::Here(Shape { kind: Kind::Map(_) | Kind::Leaf(_), .. }), value, _) => {
                    layer.insert(path, (value, source));
                }
            }
        }
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
