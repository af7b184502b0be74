//! The layers put together, and every room asked whether it can work with what came out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::error::shown;
use super::layer::{self, Layer};
use super::named::{NamedVariable, VARIABLES};
use super::shape::Shape;
use super::{ConfigError, Environment, Override, Problem, Secrets, SettingPath, Settings, Source};

/// Read if it is there and no file is named.
const USUAL_FILE: &str = "config/default.toml";
/// The section that a file of its own can hold.
const FAULTS: &str = "faults";
/// Far above any configuration. A larger file is a mistake, such as a device or a recording.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A configuration file that has been read.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// Where it is, for errors.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

/// What a configuration is made from.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The file, if there is one.
    pub file: Option<ConfigFile>,
    /// The environment.
    pub environment: &'a Environment,
    /// What the flags say.
    pub flags: Vec<Override>,
    /// The file that `--faults` names, with a `[faults]` section and nothing else.
    pub faults: Option<ConfigFile>,
}

/// A configuration that every room has agreed to.
#[derive(Debug)]
pub struct Config {
    /// The settings.
    pub settings: Settings,
    /// What must not be shown.
    pub secrets: Secrets,
    /// Where each setting comes from that is not a default.
    pub sources: BTreeMap<SettingPath, Source>,
}

impl ConfigFile {
    /// Reads the file named by `--config`; without one, the usual file if it is there.
    ///
    /// # Errors
    /// If a file that is there, or that was named, cannot be read as text of a sensible size.
    pub fn read(named: Option<&Path>) -> Result<Option<ConfigFile>, ConfigError> {
        let path = named.unwrap_or(Path::new(USUAL_FILE));
        match read_text(path) {
            Ok(text) => Ok(Some(ConfigFile { path: path.to_owned(), text })),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let flag = if named.is_some() { "--config " } else { "" };
                Err(unreadable(&format!("{flag}{}", path.display()), "configuration file", &error))
            }
        }
    }

    /// Reads the file named by `--faults`.
    ///
    /// # Errors
    /// If it cannot be read as text of a sensible size.
    pub fn read_faults(path: &Path) -> Result<ConfigFile, ConfigError> {
        let text = read_text(path)
            .map_err(|error| unreadable(&format!("--faults {}", path.display()), "file of faults", &error))?;
        Ok(ConfigFile { path: path.to_owned(), text })
    }
}

fn unreadable(subject: &str, what: &str, error: &io::Error) -> ConfigError {
    let message = format!("the {what} cannot be read: {error}");
    ConfigError::one(Problem { subject: subject.to_owned(), source: None, message })
}

/// Makes the configuration. Nothing on disk is changed.
///
/// # Errors
/// Everything that is wrong with the file, the environment or the flags.
pub fn load(inputs: Inputs<'_>) -> Result<Config, ConfigError> {
    let mut problems = Vec::new();
    let secrets = Secrets::read(inputs.environment, &mut problems);
    let Some((settings, layer)) = assemble::<Settings>(VARIABLES, inputs, &mut problems) else {
        return Err(ConfigError { problems });
    };
    let complaints = settings.complaints().into_iter().chain(secrets.complaints(&settings));
    problems.extend(complaints.map(|message| sourced(message, &layer)));
    if !problems.is_empty() {
        return Err(ConfigError { problems });
    }
    let sources = layer.into_iter().map(|(path, (_, source))| (path, source)).collect();
    Ok(Config { settings, secrets, sources })
}

/// What `config check` does: all of [`load`], for its errors alone.
///
/// # Errors
/// As [`load`].
pub fn check(inputs: Inputs<'_>) -> Result<(), ConfigError> {
    load(inputs).map(|_| ())
}

/// Merges the layers and reads a settings struct from them. `None` if anything was wrong.
pub(super) fn assemble<S: JsonSchema + DeserializeOwned>(
    named: &[NamedVariable],
    inputs: Inputs<'_>,
    problems: &mut Vec<Problem>,
) -> Option<(S, Layer)> {
    let merged = merge(&Shape::of::<S>(), named, inputs, problems);
    if !problems.is_empty() {
        return None;
    }
    match read(&merged) {
        Ok(settings) => Some((settings, merged)),
        Err(problem) => {
            problems.push(problem);
            None
        }
    }
}

/// Puts the layers on top of each other.
pub(super) fn merge(shape: &Shape, named: &[NamedVariable], inputs: Inputs<'_>, problems: &mut Vec<Problem>) -> Layer {
    let mut merged = Layer::new();
    if let Some(file) = &inputs.file {
        merged.extend(layer::from_file(shape, file, problems));
    }
    merged.extend(layer::from_environment(shape, named, inputs.environment, problems));
    merged.extend(layer::from_flags(inputs.flags));
    if let Some(file) = &inputs.faults {
        merged.extend(layer::from_part(shape, FAULTS, file, problems));
    }
    merged
}

/// Reads a settings struct from a layer; what the layer does not say is a default.
pub(super) fn read<S: DeserializeOwned>(layer: &Layer) -> Result<S, Problem> {
    serde_path_to_error::deserialize(tree(layer)).map_err(|error| refused(&error, layer))
}

/// The layer as nested tables. A path comes before those below it, so that a table is there when it is needed.
fn tree(layer: &Layer) -> toml::Table {
    let mut root = toml::Table::new();
    for (path, (value, _)) in layer {
        let Some((last, sections)) = path.keys().split_last() else { continue };
        let mut table = &mut root;
        for section in sections {
            let entry = table.entry(section.as_str()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let toml::Value::Table(below) = entry else { unreachable!("only sections and maps hold settings") };
            table = below;
        }
        table.insert(last.clone(), value.clone());
    }
    root
}

/// A value that a room's struct refuses.
fn refused(error: &serde_path_to_error::Error<toml::de::Error>, layer: &Layer) -> Problem {
    let mut path = SettingPath::default();
    let mut leaf = None;
    for segment in error.path() {
        if let serde_path_to_error::Segment::Map { key } = segment {
            path = path.child(key.as_str());
            leaf = layer.get_key_value(&path).or(leaf);
        }
    }
    let message = error.inner().message().replace('\n', " ");
    match leaf {
        Some((at, (value, source))) => {
            let deeper = if *at == path { String::new() } else { format!("at `{}`: ", error.path()) };
            let subject = format!("{at} = {}", shown(&value.to_string()));
            Problem { subject, source: Some(source.clone()), message: format!("{deeper}{message}") }
        }
        None => Problem { subject: error.path().to_string(), source: None, message },
    }
}

/// A room's complaint names its setting; this finds where that was set.
pub(super) fn sourced(message: String, layer: &Layer) -> Problem {
    let is_named = |path: &SettingPath| {
        let name = path.to_string();
        let ends_word = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        message.match_indices(&name).any(|(at, _)| ends_word(&message[at + name.len()..]))
    };
    let source = layer.iter().find(|(path, _)| is_named(path)).map(|(_, (_, source))| source.clone());
    Problem { subject: String::new(), source, message }
}

/// Reads a small text file.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(io::Error::other(format!("it is larger than {MAX_FILE_BYTES} bytes")));
    }
    Ok(text)
}
