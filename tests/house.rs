//! The house rules, read off the sources:
//!
//! - a module uses only floors below its own, as the table in `ARCHITECTURE.md` has them;
//! - below the purity line there is no clock, no I/O, no waiting, no unseeded randomness, and no unordered collection;
//! - no file is longer than 600 lines without its tests, and `main.rs` not longer than 60;
//! - nothing that ships unwraps, and what it expects it gives a reason for;
//! - only the engine makes orders;
//! - nothing is left unfinished, no test is skipped, and no warning is silenced for good.
//!
//! Each rule is first shown to fail on a sample that breaks it.

#[path = "house/floors.rs"]
mod floors;
#[path = "house/rules.rs"]
mod rules;
#[path = "house/source.rs"]
mod source;

use std::fs;
use std::path::Path;

use floors::Floors;
use source::{Source, blanked, without_tests};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every file of the project with one of these endings, in the folders that hold what we wrote.
fn project(endings: &[&str]) -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in ["src", "tests", "examples", "config", ".ci", ".cargo"] {
        collect(&Path::new(ROOT).join(folder), endings, &mut sources);
    }
    for entry in fs::read_dir(ROOT).expect("the project").flatten().filter(|entry| entry.path().is_file()) {
        add(&entry.path(), endings, &mut sources);
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    sources
}

fn collect(folder: &Path, endings: &[&str], sources: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.path().is_dir() {
            collect(&entry.path(), endings, sources);
        } else {
            add(&entry.path(), endings, sources);
        }
    }
}

fn add(path: &Path, endings: &[&str], sources: &mut Vec<Source>) {
    let relative = path.strip_prefix(ROOT).expect("within the project").to_string_lossy().into_owned();
    if endings.iter().any(|ending| relative.ends_with(ending)) {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{relative}: {error}"));
        sources.push(Source { path: relative, text });
    }
}

fn rust() -> Vec<Source> {
    let sources = project(&[".rs"]);
    assert!(sources.iter().any(|source| source.path == "src/lib.rs"), "the sources were not found");
    sources
}

fn floors() -> Floors {
    let page = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    floors::read(&page).unwrap_or_else(|error| panic!("ARCHITECTURE.md: {error}"))
}

fn holds(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} times broken:\n{}", wrong.len(), wrong.join("\n"));
}

/// Each sample must break the rule, at the line and in the words that are given.
fn breaks(rule: impl Fn(&[Source]) -> Vec<String>, samples: &[(&str, &str, &str)]) {
    for (path, text, expect) in samples {
        let wrong = rule(&[Source::new(path, text)]);
        assert!(wrong.iter().any(|one| one.contains(expect)), "{path}: {text}\n{wrong:?}\n{expect}");
    }
}

/// Each sample must pass.
fn passes(rule: impl Fn(&[Source]) -> Vec<String>, samples: &[(&str, &str)]) {
    for (path, text) in samples {
        let wrong = rule(&[Source::new(path, text)]);
        assert!(wrong.is_empty(), "{path}: {text}\n{wrong:?}");
    }
}

const SAMPLE_PAGE: &str = "\
| floor | modules | job |
|---|---|---|
| 0 | `types` | words |
| 2 | `market` | bars; `market::indicator` |
| 2 | `orders` | asked |
| — | *purity line* | |
| 6 | `clock`, `pulse` | time |
| 10 | `config`, `cli` (each may use those before it) | edge |
";

fn sample_floors() -> Floors {
    floors::read(SAMPLE_PAGE).expect("a table")
}

#[test]
fn the_table_of_floors_is_read() {
    let floors = sample_floors();
    assert_eq!(
        floors.keys().map(String::as_str).collect::<Vec<_>>(),
        ["cli", "clock", "config", "market", "orders", "pulse", "types"]
    );
    assert!(floors["orders"].pure && !floors["clock"].pure);
    assert_eq!((floors["cli"].order, floors["pulse"].order), (Some(1), None));
    for bad in ["", "| 0 | `types` | words |", "| 2 | `a` | |\n| 1 | `b` | |", "| 1 | `a` | |\n| 1 | `a` | |"] {
        assert!(floors::read(bad).is_err(), "{bad}");
    }
}

#[test]
fn every_module_has_its_floor() {
    let floors = floors();
    let library = fs::read_to_string(Path::new(ROOT).join("src/lib.rs")).expect("src/lib.rs");
    let modules: Vec<&str> =
        library.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(modules.len() > 5, "the modules were not found");
    holds(&modules.into_iter().filter(|module| !floors.contains_key(*module)).map(str::to_owned).collect::<Vec<_>>());
}

#[test]
fn arrows_point_down() {
    let floors = sample_floors();
    let rule = |sources: &[Source]| floors::arrows(&floors, sources);
    breaks(
        rule,
        &[
            (
                "src/types/mod.rs",
                "use crate::market::Bar;",
                "src/types/mod.rs:1: `types` (floor 0) uses `market` (floor 2)",
            ),
            ("src/orders/mod.rs", "\nuse crate::market::Bar;", ":2: `orders` (floor 2) uses `market` (floor 2)"),
            ("src/orders/plan.rs", "fn f() { crate::clock::now(); }", "uses `clock`"),
            ("src/orders/plan.rs", "use crate::{types::{Price, Qty}, clock};", "uses `clock`"),
            ("src/orders/plan.rs", "use super::super::clock::Clock;", "uses `clock`"),
            ("src/orders/mod.rs", "use super::{types, pulse};", "uses `pulse`"),
            ("src/orders/mod.rs", "use crate::attic::Old;", "`attic` is missing in the table"),
            ("src/attic.rs", "", "`attic` is missing in the table"),
            ("src/config/mod.rs", "use crate::cli::Flags;", "uses `cli`"),
        ],
    );
    passes(
        rule,
        &[
            ("src/orders/mod.rs", "use crate::types::{Price, Qty};\nuse crate::orders::plan;"),
            ("src/orders/plan.rs", "use super::State;\nuse super::super::types::Price;"),
            ("src/orders/plan.rs", "// crate::clock\nconst A: &str = \"crate::clock\";"),
            ("src/orders/plan.rs", "#[cfg(test)]\nmod tests { use crate::clock::Clock; }"),
            ("src/orders/tests.rs", "use crate::clock::Clock;"),
            ("src/cli/mod.rs", "use crate::config::Settings;"),
            ("src/lib.rs", "pub mod types;"),
        ],
    );
    holds(&floors::arrows(&self::floors(), &rust()));
}

#[test]
fn below_the_purity_line_everything_is_computed() {
    let floors = sample_floors();
    let rule = |sources: &[Source]| rules::purity(&floors, sources);
    breaks(
        rule,
        &[
            ("src/orders/mod.rs", "\nfn f() { std::time::Instant::now(); }", "src/orders/mod.rs:2: `Instant`"),
            ("src/orders/mod.rs", "fn f() { SystemTime::now(); }", "`SystemTime`"),
            ("src/orders/mod.rs", "use std::fs::File;", "`std::fs`"),
            ("src/orders/mod.rs", "use std::{collections::BTreeMap, net};", "`std::net`"),
            ("src/orders/mod.rs", "fn f() { std::env::var(\"X\"); }", "`std::env`"),
            ("src/orders/mod.rs", "fn f() { std::thread::yield_now(); }", "`std::thread`"),
            ("src/orders/mod.rs", "use tokio::sync::mpsc;", "`tokio`"),
            ("src/orders/mod.rs", "async fn f() {}", "`async`"),
            ("src/orders/mod.rs", "fn f() { reqwest::get(); }", "`reqwest`"),
            ("src/orders/mod.rs", "use std::collections::HashMap;", "`HashMap`"),
            ("src/orders/mod.rs", "fn f() { println!(\"x\"); }", "`println!`"),
            ("src/orders/mod.rs", "fn f() { tracing::info!(\"x\"); }", "`tracing`"),
            ("src/orders/mod.rs", "fn f() { Xoshiro::from_os_rng(); }", "`from_os_rng`"),
        ],
    );
    passes(
        rule,
        &[
            ("src/orders/mod.rs", "use std::collections::BTreeMap;\nuse std::time::Duration;\n// tokio"),
            ("src/orders/mod.rs", "fn f() { Xoshiro::seed_from_u64(1); }"),
            ("src/clock/mod.rs", "fn f() { Instant::now(); }"),
            ("src/orders/mod.rs", "#[cfg(test)]\nmod tests { use std::fs; }"),
        ],
    );
    holds(&rules::purity(&self::floors(), &rust()));
}

#[test]
fn files_are_about_one_subject() {
    let long = "fn f() {}\n".repeat(601);
    let tested = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(700));
    let main = "// a line\n".repeat(61);
    breaks(rules::sizes, &[("src/a.rs", &long, "601 lines"), ("src/main.rs", &main, "at most 60")]);
    passes(rules::sizes, &[("src/a.rs", &tested), ("src/a/tests.rs", &long), ("tests/a.rs", &long)]);
    holds(&rules::sizes(&rust()));
}

#[test]
fn what_is_expected_has_a_reason() {
    breaks(
        rules::reasons,
        &[
            ("src/a.rs", "fn f() {\n    x.unwrap();\n}", "src/a.rs:2: `unwrap`"),
            ("src/a.rs", "fn f() { x.expect(\"\"); }", "`expect` without a reason"),
            ("src/a.rs", "fn f() { x.expect(\"some\"); }", "`expect` without a reason"),
        ],
    );
    passes(
        rules::reasons,
        &[
            ("src/a.rs", "fn f() { x.expect(\"a table has rows\").unwrap_or_default(); }"),
            ("src/a.rs", "// x.unwrap()\nconst A: &str = \"x.unwrap()\";"),
            ("src/a.rs", "#[cfg(test)]\nmod tests { fn f() { x.unwrap(); x.expect(\"x\"); } }"),
            ("tests/a.rs", "fn f() { x.unwrap(); }"),
        ],
    );
    holds(&rules::reasons(&rust()));
}

#[test]
fn only_the_engine_makes_orders() {
    breaks(
        rules::submissions,
        &[
            (
                "src/venue/mod.rs",
                "fn f() { send(VenueRequest::Submit(order)); }",
                "src/venue/mod.rs:1: an order is made",
            ),
            ("src/risk/mod.rs", "fn f() { let a = VenueRequest::Submit(order); }", "an order is made"),
            ("src/risk/mod.rs", "fn f() { if a == VenueRequest::Submit(order) {} }", "an order is made"),
        ],
    );
    passes(
        rules::submissions,
        &[
            ("src/engine/mod.rs", "fn f() { send(VenueRequest::Submit(order)); }"),
            ("src/venue/mod.rs", "match r { VenueRequest::Submit(order) => a(), _ => b() }"),
            (
                "src/venue/mod.rs",
                "match r { Action::Send(VenueRequest::Submit(OrderRequest { id, .. })) if id => a() }",
            ),
            ("src/venue/mod.rs", "fn f() { if let VenueRequest::Submit(order) = request {} }"),
            ("src/venue/mod.rs", "fn f() -> bool { matches!(request, VenueRequest::Submit(_)) }"),
            ("src/venue/tests.rs", "fn f() { send(VenueRequest::Submit(order)); }"),
        ],
    );
    holds(&rules::submissions(&rust()));
}

#[test]
fn nothing_is_left_unfinished_or_silenced() {
    breaks(
        rules::unfinished,
        &[
            ("src/a.rs", "fn f() {\n    todo!()\n}", "src/a.rs:2: `todo!`"),
            ("src/a.rs", "fn f() { unimplemented!(\"later\") }", "`unimplemented!`"),
            ("tests/a.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}", "tests/a.rs:2: `#[ignore`"),
            ("src/a.rs", "#[allow(dead_code)]\nfn f() {}", "`#[allow(`"),
            ("src/a.rs", "#![allow(dead_code, reason = \"x\")]", "`#![allow(`"),
            ("src/a.rs", "#[expect(dead_code)]\nfn f() {}", "without its reason"),
        ],
    );
    passes(
        rules::unfinished,
        &[("src/a.rs", "// todo!\n#[expect(dead_code, reason = \"x\")]\nfn f() { x.expect(\"y\") }")],
    );
    holds(&rules::unfinished(&rust()));
}

#[test]
fn some_words_have_no_place_here() {
    let (word, place) = (["TO", "DO"].concat(), ["/wo", "rk/"].concat());
    let (marked, placed) = (format!("// {word}: later"), format!("see {place}plan"));
    breaks(rules::forbidden_words, &[("src/a.rs", &marked, &word), ("README.md", &placed, &place)]);
    passes(rules::forbidden_words, &[("src/a.rs", "// A todo list is a list."), ("README.md", "the network/worker")]);
    holds(&rules::forbidden_words(&project(&[".rs", ".md", ".toml", ".service", ".sql", ".py", ".sh", "run"])));
}

#[test]
fn comments_texts_and_tests_are_told_from_code() {
    for (source, code) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("a // b \" c", 'x', '\'', 'y')"#, r#"f("", "", "", "")"#),
        (r##"f(r#"a " b"#, bar"c")"##, r##"f("", bar"")"##),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
    ] {
        assert_eq!(blanked(source, true), code, "{source}");
    }
    for (source, code) in [
        ("a\n#[cfg(test)]\nmod tests { fn f() { g(); } }\nb", "a\n\nb"),
        ("a\n#[cfg(test)]\nmod tests;\nb", "a\n\nb"),
        ("a\n#[cfg(test)]\n#[derive(A)]\nstruct S([u8; 2]);\nb", "a\n\nb"),
        ("a\n#[cfg(test)]\nuse b::{c, d};", "a\n"),
    ] {
        let left = without_tests(source);
        assert_eq!(left.trim_end_matches(';'), code.trim_end_matches(';'), "{source}");
    }
}
