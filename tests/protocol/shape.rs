//! The form of a JSON document: which fields there are, and of which kinds their values are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What stands in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Null,
    Bool,
    /// A number without a point.
    Integer,
    /// A number with one.
    Float,
    /// A text that is a plain decimal: amounts, prices and rates.
    Decimal,
    Text,
    Array,
    Object,
}

/// Kinds by field. Elements of a list are one field, `[]`, but for the scalars of a list within a list, such as a
/// bar's or a book level's, which have a place each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shape(pub BTreeMap<String, BTreeSet<Kind>>);

impl Shape {
    pub fn of<'a>(documents: impl IntoIterator<Item = &'a Value>) -> Shape {
        let mut shape = Shape::default();
        documents.into_iter().for_each(|document| shape.look(String::new(), document, false));
        shape
    }

    fn look(&mut self, path: String, value: &Value, inside_list: bool) {
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Number(number) if number.is_f64() => Kind::Float,
            Value::Number(_) => Kind::Integer,
            Value::String(text) if is_decimal(text) => Kind::Decimal,
            Value::String(_) => Kind::Text,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        };
        self.0.entry(path.clone()).or_default().insert(kind);
        match value {
            Value::Array(items) => {
                let places = inside_list && items.iter().all(|item| !item.is_array() && !item.is_object());
                for (at, item) in items.iter().enumerate() {
                    let name = match item.get("filterType").and_then(Value::as_str) {
                        Some(filter) => format!("{path}[{filter}]"),
                        None if places => format!("{path}[{at}]"),
                        None => format!("{path}[]"),
                    };
                    self.look(name, item, true);
                }
            }
            Value::Object(fields) => {
                for (name, value) in fields {
                    // Where symbols are names of fields, any symbol stands for all.
                    let symbol = name.len() > 4 && name.ends_with("USDT");
                    let name = if symbol { "{symbol}" } else { name };
                    let below = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                    self.look(below, value, false);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, places)) => digits(whole) && digits(places),
        None => digits(text),
    }
}

/// How a field of ours differs from the examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Difference {
    /// Examples have it and we do not.
    Missing,
    /// We have it and no example does.
    Extra,
    /// Both have it, and ours is of a kind that no example has.
    OtherKind,
}

/// Every field in which ours differ, with what was seen on either side.
pub fn compare(ours: &Shape, examples: &Shape) -> BTreeMap<(String, Difference), String> {
    let mut found = BTreeMap::new();
    for (field, kinds) in &examples.0 {
        if !ours.0.contains_key(field) && has_parent(field, ours) {
            found.insert((field.clone(), Difference::Missing), format!("{kinds:?}"));
        }
    }
    for (field, kinds) in &ours.0 {
        match examples.0.get(field) {
            None if has_parent(field, examples) => {
                found.insert((field.clone(), Difference::Extra), format!("{kinds:?}"));
            }
            None => {}
            Some(expected) => {
                let strange = kinds.iter().filter(|kind| !is_one_of(**kind, expected)).collect::<Vec<_>>();
                if !strange.is_empty() {
                    let told = format!("{strange:?}, in the examples {expected:?}");
                    found.insert((field.clone(), Difference::OtherKind), told);
                }
            }
        }
    }
    found
}

/// A JSON writer leaves the point of a whole number out, so a whole number is a number with a point too.
fn is_one_of(kind: Kind, expected: &BTreeSet<Kind>) -> bool {
    expected.contains(&kind) || kind == Kind::Integer && expected.contains(&Kind::Float)
}

/// A field below one that is missing as a whole is not told again.
fn has_parent(field: &str, shape: &Shape) -> bool {
    let cut = field.rfind(['.', '[']);
    cut.is_none_or(|cut| shape.0.contains_key(&field[..cut]))
}

#[test]
fn each_difference_is_seen() {
    let of = |text: &str| Shape::of([&serde_json::from_str(text).expect("JSON")]);
    let example = of(r#"{"a": 1, "b": "1.50", "c": [["4.0", "1"]], "d": {"e": true}, "f": 1.5}"#);
    assert_eq!(compare(&example, &example), BTreeMap::new());
    let ours = of(r#"{"a": "1", "b": "1e3", "c": [["4.0", 1]], "f": 2, "g": null}"#);
    let found: Vec<_> = compare(&ours, &example).into_keys().collect();
    let expected = [
        ("a", Difference::OtherKind),
        ("b", Difference::OtherKind),
        ("c[][1]", Difference::OtherKind),
        ("d", Difference::Missing),
        ("g", Difference::Extra),
    ];
    assert_eq!(found, expected.map(|(field, difference)| (field.to_owned(), difference)));
}
