//! Which settings there are, and what kind of value each takes: read from the JSON Schema that the rooms'
//! structs make of themselves, so that nothing is listed twice.

use schemars::JsonSchema;
use serde_json::Value as Json;

use super::SettingPath;

/// Levels of settings at most. Ours have four; the bound keeps a schema that refers to itself from looping.
const MAX_DEPTH: usize = 12;

/// A setting, or a section of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shape {
    /// The doc comment of its field.
    pub about: String,
    /// What stands there.
    pub kind: Kind,
}

/// What may stand at a path.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Settings by fixed names, in the order of their struct.
    Section(Vec<(String, Shape)>),
    /// Values by names that the user chooses, such as symbols.
    Map(Box<Shape>),
    /// One value.
    Leaf(Leaf),
}

/// How one value is written in a variable.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Leaf {
    /// As it is.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// Several, with commas between them.
    List(Box<Leaf>),
    /// As a TOML value.
    Toml,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Found<'a> {
    /// A setting or a section.
    Here(&'a Shape),
    /// Nothing of ours.
    Nothing,
}

impl Shape {
    /// The shape of a settings struct.
    pub(super) fn of<S: JsonSchema>() -> Shape {
        let schema = schemars::schema_for!(S).to_value();
        let definitions = schema.get("$defs").cloned().unwrap_or(Json::Null);
        read(&schema, &definitions, 0)
    }

    /// What stands at `path`.
    pub(super) fn find(&self, path: &SettingPath) -> Found<'_> {
        let mut here = self;
        for key in path.keys() {
            here = match &here.kind {
                Kind::Section(fields) => match fields.iter().find(|(name, _)| name == key) {
                    Some((_, shape)) => shape,
                    None => return Found::Nothing,
                },
                Kind::Map(shape) => shape,
                Kind::Leaf(_) => return Found::Nothing,
            };
        }
        Found::Here(here)
    }

    /// Is this table one of further settings, and not a value of its own? An empty map is a value: it says
    /// that there are none.
    pub(super) fn has_settings(&self, table: &toml::Table) -> bool {
        match self.kind {
            Kind::Section(_) => true,
            Kind::Map(_) => !table.is_empty(),
            Kind::Leaf(_) => false,
        }
    }

    /// Every section and setting that has a fixed name, in order. A map counts as one setting.
    pub(super) fn paths(&self) -> Vec<(SettingPath, &Shape)> {
        let mut all = Vec::new();
        self.collect(&SettingPath::default(), &mut all);
        all
    }

    fn collect<'a>(&'a self, at: &SettingPath, all: &mut Vec<(SettingPath, &'a Shape)>) {
        let Kind::Section(fields) = &self.kind else { return };
        for (name, shape) in fields {
            let path = at.child(name);
            all.push((path.clone(), shape));
            shape.collect(&path, all);
        }
    }

    /// The section or setting whose name is nearest to `wanted`, if any is near enough to have been meant.
    pub(super) fn nearest(&self, wanted: &SettingPath) -> Option<SettingPath> {
        /// Below this, names have little more in common than their alphabet.
        const ALIKE: f64 = 0.75;
        let wanted_text = wanted.to_string().to_lowercase();
        let wanted_key = wanted.keys().last().map(|key| key.to_lowercase()).unwrap_or_default();
        let alike = |path: &SettingPath| {
            let whole = strsim::jaro_winkler(&wanted_text, &path.to_string());
            // A key put into the wrong section is recognised by itself.
            let key = path.keys().last().map_or(0.0, |key| strsim::jaro_winkler(&wanted_key, key));
            if key == 1.0 { whole.max(0.9) } else { whole * 0.5 + key * 0.5 }
        };
        let scored = self.paths().into_iter().map(|(path, _)| (alike(&path), path));
        scored.filter(|(score, _)| *score > ALIKE).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, path)| path)
    }
}

impl Leaf {
    /// A variable's text as a value of this kind.
    pub(super) fn parse(&self, text: &str) -> Result<toml::Value, String> {
        match self {
            Leaf::Text => Ok(toml::Value::String(text.to_owned())),
            Leaf::Integer => number(text, "a whole number").map(toml::Value::Integer),
            Leaf::Number => number(text, "a number").map(toml::Value::Float),
            Leaf::Bool => match text {
                "true" => Ok(toml::Value::Boolean(true)),
                "false" => Ok(toml::Value::Boolean(false)),
                _ => Err("write `true` or `false`".to_owned()),
            },
            Leaf::List(_) if text.trim_start().starts_with('[') => parse_toml(text),
            Leaf::List(item) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|text| item.parse(text)).collect::<Result<_, _>>().map(toml::Value::Array)
            }
            Leaf::Toml => parse_toml(text),
        }
    }
}

fn number<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("it is not {what}"))
}

/// Reads one TOML value, such as `[1, 2]` or `{ "ETH/USDT:USDT" = 50 }`.
pub(super) fn parse_toml(text: &str) -> Result<toml::Value, String> {
    let line = text.replace(['\n', '\r'], " ");
    let mut table: toml::Table =
        format!("value = {line}").parse().map_err(|e: toml::de::Error| format!("as TOML: {}", e.message()))?;
    table.remove("value").ok_or_else(|| "as TOML: there is no value".to_owned())
}

fn read(schema: &Json, definitions: &Json, depth: usize) -> Shape {
    let own = schema.get("description").and_then(Json::as_str);
    let resolved = resolve(schema, definitions);
    let about = own.or_else(|| resolved.get("description").and_then(Json::as_str)).unwrap_or_default().to_owned();
    Shape { about, kind: if depth < MAX_DEPTH { kind(resolved, definitions, depth) } else { Kind::Leaf(Leaf::Toml) } }
}

/// Follows a reference, and sees through the `null` of what is optional.
fn resolve<'a>(schema: &'a Json, definitions: &'a Json) -> &'a Json {
    if let Some(name) = schema.get("$ref").and_then(Json::as_str).and_then(|text| text.strip_prefix("#/$defs/")) {
        return definitions.get(name).map_or(schema, |found| resolve(found, definitions));
    }
    let is_null = |json: &Json| json.get("type").and_then(Json::as_str) == Some("null");
    match schema.get("anyOf").and_then(Json::as_array).map(Vec::as_slice) {
        Some([one, null]) if is_null(null) => resolve(one, definitions),
        _ => schema,
    }
}

fn kind(schema: &Json, definitions: &Json, depth: usize) -> Kind {
    let leaf = |leaf| Kind::Leaf(leaf);
    if let Some(fields) = schema.get("properties").and_then(Json::as_object) {
        let field = |(name, schema): (&String, &Json)| (name.clone(), read(schema, definitions, depth + 1));
        return Kind::Section(fields.iter().map(field).collect());
    }
    if let Some(choices) = schema.get("oneOf").and_then(Json::as_array) {
        let is_text = |choice: &Json| choice.get("type").and_then(Json::as_str) == Some("string");
        return leaf(if choices.iter().all(is_text) { Leaf::Text } else { Leaf::Toml });
    }
    if let Some(choices) = schema.get("anyOf").and_then(Json::as_array) {
        let is_text = choices.iter().any(|choice| types(resolve(choice, definitions)).contains(&"string"));
        return leaf(if is_text { Leaf::Text } else { Leaf::Toml });
    }
    match types(schema).as_slice() {
        ["object"] => match schema.get("additionalProperties").or_else(|| first_pattern(schema)) {
            Some(value) if value.is_object() => Kind::Map(Box::new(read(value, definitions, depth + 1))),
            _ => leaf(Leaf::Toml),
        },
        ["string"] => leaf(Leaf::Text),
        ["integer"] => leaf(Leaf::Integer),
        ["number"] => leaf(Leaf::Number),
        ["boolean"] => leaf(Leaf::Bool),
        ["array"] => match schema.get("items").map(|items| read(items, definitions, depth + 1).kind) {
            Some(Kind::Leaf(item)) => leaf(Leaf::List(Box::new(item))),
            _ => leaf(Leaf::Toml),
        },
        // A text and something else: everything can be written as a text.
        several if several.contains(&"string") => leaf(Leaf::Text),
        _ => leaf(Leaf::Toml),
    }
}

fn first_pattern(schema: &Json) -> Option<&Json> {
    schema.get("patternProperties")?.as_object()?.values().next()
}

fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).filter(|name| *name != "null").collect(),
        _ => Vec::new(),
    }
}
