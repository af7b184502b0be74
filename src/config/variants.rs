//! Many configurations that differ in a few settings: the layers are read and merged once, and each variant is made by
//! putting its own values on top.

use super::layer::{Layer, Source, unknown};
use super::load::{merge, read, sourced};
use super::named::VARIABLES;
use super::shape::{Found, Kind, Shape};
use super::{ConfigError, Inputs, SettingPath, Settings};

/// What all variants have in common, and what can be varied.
#[derive(Debug)]
pub struct Variants {
    shape: Shape,
    layer: Layer,
}

/// A setting that a variant has a value of its own for.
pub type Varied = (SettingPath, toml::Value);

impl Variants {
    /// Merges the layers. Secrets are not read: no variant needs one.
    ///
    /// # Errors
    /// Everything that is wrong with the file, the environment or the flags as such.
    pub fn new(inputs: Inputs<'_>) -> Result<Variants, ConfigError> {
        let mut problems = Vec::new();
        let shape = Shape::of::<Settings>();
        let layer = merge(&shape, VARIABLES, inputs, &mut problems);
        if problems.is_empty() { Ok(Variants { shape, layer }) } else { Err(ConfigError { problems }) }
    }

    /// A setting's value from a text, as a variable would give it.
    ///
    /// # Errors
    /// If there is no such setting, it is a section, or its kind of value is not written so.
    pub fn value(&self, path: &SettingPath, text: &str) -> Result<toml::Value, String> {
        match self.kind(path)? {
            Kind::Leaf(leaf) => leaf.parse(text).map_err(|why| format!("`{text}`: {why}")),
            Kind::Section(_) | Kind::Map(_) => Err(self.section(path)),
        }
    }

    /// Can the setting be varied?
    ///
    /// # Errors
    /// If there is no such setting, or it is a section.
    pub fn check_name(&self, path: &SettingPath) -> Result<(), String> {
        match self.kind(path)? {
            Kind::Leaf(_) => Ok(()),
            Kind::Section(_) | Kind::Map(_) => Err(self.section(path)),
        }
    }

    /// The settings with some of them varied; errors name `flag` as the source of those.
    ///
    /// # Errors
    /// What is wrong with the values, alone or together.
    pub fn settings(&self, varied: &[Varied], flag: &'static str) -> Result<Settings, ConfigError> {
        let mut layer = self.layer.clone();
        layer.extend(varied.iter().map(|(path, value)| (path.clone(), (value.clone(), Source::Flag(flag)))));
        let settings: Settings = read(&layer).map_err(ConfigError::one)?;
        let complaints = settings.complaints();
        if complaints.is_empty() {
            return Ok(settings);
        }
        Err(ConfigError { problems: complaints.into_iter().map(|message| sourced(message, &layer)).collect() })
    }

    /// Can the value be read as the setting's, whatever the others are?
    ///
    /// # Errors
    /// If it cannot.
    pub fn check_value(&self, varied: Varied, flag: &'static str) -> Result<(), ConfigError> {
        let layer: Layer = [(varied.0, (varied.1, Source::Flag(flag)))].into();
        read::<Settings>(&layer).map(|_| ()).map_err(ConfigError::one)
    }

    fn kind(&self, path: &SettingPath) -> Result<&Kind, String> {
        match self.shape.find(path) {
            Found::Here(shape) => Ok(&shape.kind),
            Found::Nothing => Err(unknown(&self.shape, path, SettingPath::to_string)),
        }
    }

    fn section(&self, path: &SettingPath) -> String {
        match self.shape.find(path) {
            Found::Here(Shape { kind: Kind::Section(fields), .. }) => {
                let example = fields.first().map_or_else(|| path.to_string(), |(name, _)| path.child(name).to_string());
                format!("`{path}` is a section; vary one of its settings, such as {example}")
            }
            Found::Here(_) | Found::Nothing => {
                format!("`{path}` holds values by name; vary one of them, such as {path}.\"ETH/USDT:USDT\"")
            }
        }
    }
}
