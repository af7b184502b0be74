//! Settings that nothing reads: each one is given another value, is seen in what `config show` tells, and makes a
//! difference.

mod scenes;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;

use live_trading_launcher::config::{self, Config, ConfigFile, Environment, Inputs, Settings};
use serde_json::Value as Json;

use crate::source::{Source, closing, words};
use table::{CHANGED, Shown};

/// Settings from a text of the form of a configuration file, and no other source.
fn load(table: &toml::Table) -> Config {
    let text = table.to_string();
    let environment = Environment::from_pairs::<String, String>([]);
    let file = Some(ConfigFile { path: "changed.toml".into(), text: text.clone() });
    let inputs = Inputs { file, environment: &environment, flags: Vec::new(), faults: None };
    config::load(inputs).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn parse(text: &str) -> toml::Table {
    text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Puts what `over` says over `under`.
fn put(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(more)) if !more.is_empty() => put(below, more),
            (_, value) => drop(under.insert(key, value)),
        }
    }
}

/// A table with one setting in it.
fn single(path: &str, value: &str) -> toml::Table {
    let (section, key) = path.rsplit_once('.').expect("a setting stands in a section");
    parse(&format!("[{section}]\n{key} = {value}\n"))
}

fn at<'a>(table: &'a toml::Table, path: &str) -> Option<&'a toml::Value> {
    let mut keys = path.split('.');
    let first = table.get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key))
}

/// Every setting that the schema knows. A map by symbol is one setting.
fn leaves(schema: &Json, root: &Json, at: &str, found: &mut BTreeSet<String>) {
    let schema = resolved(schema, root);
    match schema.get("properties").and_then(Json::as_object) {
        Some(fields) => {
            for (name, field) in fields {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                leaves(field, root, &path, found);
            }
        }
        None => drop(found.insert(at.to_owned())),
    }
}

/// Behind a reference, and behind the `null` of what is optional.
fn resolved<'a>(schema: &'a Json, root: &'a Json) -> &'a Json {
    if let Some(name) = schema["$ref"].as_str().and_then(|text| text.strip_prefix("#/$defs/")) {
        return resolved(&root["$defs"][name], root);
    }
    schema
}

#[test]
fn every_setting_of_the_schema_has_a_changed_value() {
    let schema: Json = serde_json::from_str(&config::schema()).expect("JSON");
    let mut known = BTreeSet::new();
    leaves(&schema, &schema, "", &mut known);
    let listed: BTreeSet<String> = CHANGED.iter().map(|(path, ..)| (*path).to_owned()).collect();
    assert_eq!(listed.len(), CHANGED.len(), "a setting is listed twice");
    let missing: Vec<_> = known.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&known).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the table: {missing:?}; not a setting: {gone:?}");
}

#[test]
fn what_is_changed_is_shown_with_its_source() {
    let defaults = toml::Table::try_from(Settings::default()).expect("settings are a table");
    for (path, value, _) in CHANGED {
        let mut table = single(path, value);
        let changed = at(&table, path).expect("it was put there").clone();
        // A pair of which neither can stand alone.
        match *path {
            "recorder.total_mib" => put(&mut table, single("recorder.segment_mib", "32")),
            "notify.telegram.chat_id" => put(&mut table, single("notify.telegram.enabled", "false")),
            "risk.clock_warning" => put(&mut table, single("risk.clock_uncertainty", "\"2s\"")),
            _ => {}
        }
        let shown = config::as_toml(&load(&table));
        let effective = parse(&shown);
        assert_eq!(at(&effective, path).map(plain), Some(plain(&changed)), "{path}");
        assert_ne!(at(&defaults, path).map(plain), Some(plain(&changed)), "{path} is changed to its default");
        let key = path.rsplit('.').next().expect("a key");
        let is_told = |line: &str| line.starts_with(&format!("{key} = ")) && line.contains("changed.toml");
        assert!(shown.lines().any(is_told), "{path}: its source is not told\n{shown}");
    }
}

/// Numbers written with and without a point are the same here, and so are empty tables of different kinds.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Integer(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// A scene, the text that is set in it, and what it looked like.
type Scenes = Mutex<BTreeMap<(&'static str, &'static str), String>>;

/// Plays a setting's scene with and without its change. Do they differ? None if it is shown otherwise.
fn differs(path: &str, value: &str, shown: Shown, played: &Scenes) -> Option<bool> {
    type Play = fn(&Settings) -> String;
    let (name, base, extra, play): (_, _, _, Play) = match shown {
        Shown::Bars(extra) => ("bars", "", extra, scenes::bars),
        Shown::Demo(extra) => ("demo", scenes::DEMO_BASE, extra, scenes::demo),
        Shown::Market(extra) => ("market", scenes::MARKET_BASE, extra, scenes::market),
        Shown::Probes => ("probes", "", "", scenes::probes),
        Shown::By(_) | Shown::Code => return None,
    };
    let mut table = parse(base);
    put(&mut table, parse(extra));
    let key = (name, extra);
    let usual = played.lock().expect("nobody panics with it").get(&key).cloned();
    let usual = usual.unwrap_or_else(|| play(&load(&table).settings));
    played.lock().expect("nobody panics with it").insert(key, usual.clone());
    put(&mut table, single(path, value));
    Some(play(&load(&table).settings) != usual)
}

#[test]
fn a_scene_looks_the_same_each_time() {
    for (base, play) in [
        ("", scenes::bars as fn(&Settings) -> String),
        (scenes::DEMO_BASE, scenes::demo),
        (scenes::MARKET_BASE, scenes::market),
        ("", scenes::probes),
    ] {
        let settings = load(&parse(base)).settings;
        let seen = play(&settings);
        assert!(seen.lines().count() > 50, "{seen}");
        assert!(seen == play(&settings), "two equal runs differ, so that a difference says nothing");
    }
}

#[test]
fn forty_percent_of_settings_read_by_nothing() {
    let played = Scenes::default();
    let unread = Mutex::new(Vec::new());
    // By scene, so that those that share one are played on one thread.
    let (demo, others): (Vec<_>, Vec<_>) = CHANGED.iter().partition(|(.., shown)| matches!(shown, Shown::Demo(_)));
    let look = |rows: &[&(&str, &str, Shown)]| {
        for (path, value, shown) in rows {
            if differs(path, value, *shown, &played) == Some(false) {
                unread.lock().expect("nobody panics with it").push((*path).to_owned());
            }
        }
    };
    let (first, second) = demo.split_at(demo.len() / 2);
    std::thread::scope(|scope| {
        for rows in [first, second, &others] {
            scope.spawn(move || look(rows));
        }
    });
    let unread = unread.into_inner().expect("nobody panics with it");
    assert!(unread.is_empty(), "nothing goes differently with {unread:#?}");
}

/// The code that ships, without the functions that only declare, default or check settings.
fn shipped() -> String {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "src", &mut files);
    let declares = |file: &Source| file.text.contains("JsonSchema");
    files
        .iter()
        .map(|file| if declares(file) { without_checks(&file.shipped_code()) } else { file.shipped_code() })
        .collect()
}

fn collect(folder: &Path, name: &str, files: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let inner = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            collect(&entry.path(), &inner, files);
        } else if inner.ends_with(".rs") {
            files.push(Source::new(&inner, &std::fs::read_to_string(entry.path()).expect("a text")));
        }
    }
}

fn without_checks(code: &str) -> String {
    let mut code = code.to_owned();
    for start in ["fn check", "fn default(", "fn complaints(", "fn chances("] {
        let mut from = 0;
        while let Some(at) = code[from..].find(start).map(|at| from + at) {
            let open = code[at..].find('{').map_or(code.len(), |open| at + open);
            let end = closing(&code, open.min(code.len() - 1));
            code.replace_range(at..end, "");
            from = at;
        }
    }
    code
}

#[test]
fn every_setting_is_named_where_something_is_done() {
    let code = shipped();
    let tests: String = {
        let mut files = Vec::new();
        for folder in ["src", "tests"] {
            collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), folder, &mut files);
        }
        files.iter().map(|file| file.text.as_str()).collect()
    };
    for (path, _, shown) in CHANGED {
        // In code a schedule's `for` is `lasts`, but the settings themselves have the names of the file.
        let key = path.rsplit('.').next().expect("a key");
        let read = words(&code, &format!(".{key}")).next().is_some();
        let taken_apart = words(&code, key).any(|at| {
            let line = code[..at].rfind('\n').map_or(0, |line| line + 1);
            code[line..at].contains("let ")
        });
        assert!(read || taken_apart, "nothing reads {path}");
        if let Shown::By(test) = shown {
            assert!(tests.contains(&format!("fn {test}(")), "{path}: there is no test {test}");
        }
    }
}
