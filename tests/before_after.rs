//! The two documents about the health monitor show a log. This runs the example and holds it against them, and
//! their code against the example's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

use std::path::{Path, PathBuf};
use std::process::Command;

const EXAMPLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/before_after.rs"));
const DOCUMENTS: [(&str, &str); 2] = [
    (
        "HEALTH_MONITOR_FIX_SUMMARY.md",
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/HEALTH_MONITOR_FIX_SUMMARY.md")),
    ),
    ("BEFORE_AFTER_COMPARISON.md", include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/BEFORE_AFTER_COMPARISON.md"))),
];

/// Built by `cargo test` beside the tests; by ourselves if only this test was asked for.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join("before_after");
    if !path.exists() {
        let build = Command::new(env!("CARGO")).args(["build", "--quiet", "--example", "before_after"]).status();
        assert!(build.unwrap().success(), "the example does not build");
    }
    path
}

/// Every number but those of words: times, sizes and counts differ from run to run and from machine to machine.
fn masked(line: &str) -> String {
    let mut out = String::new();
    let mut in_number = false;
    for letter in line.trim().chars() {
        let of_number = letter.is_ascii_digit() || (in_number && letter == '.');
        if of_number && !in_number {
            out.push('#');
        }
        if !of_number {
            out.push(letter);
        }
        in_number = of_number;
    }
    out
}

fn section(lines: &str) -> Vec<String> {
    lines.lines().filter(|line| !line.trim().is_empty()).map(masked).collect()
}

/// The fenced blocks of one kind.
fn blocks<'a>(document: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    document.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

#[test]
fn the_documents_show_the_log_that_the_example_writes() {
    let output = Command::new(example()).env_remove("RUST_LOG").output().unwrap();
    let log = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{log}{}", String::from_utf8_lossy(&output.stderr));
    let (before, after) = log.split_once("=== AFTER").unwrap();
    let after = format!("=== AFTER{after}");

    assert!(before.contains("Status: healthy"), "the old heartbeat lies");
    assert!(!before.contains("STARTING PRODUCTION TRADING LOOP"), "the loop never begins");
    assert!(before.contains("stage=\"starting\" exit_code=70"), "the watchdog names the stage and ends it");
    let order =
        ["STARTING LIVE TRADING", "✓ Health monitor started", "STARTING PRODUCTION TRADING LOOP", "iteration=5"];
    let places: Vec<_> = order.iter().map(|text| after.find(text).expect(text)).collect();
    assert!(places.is_sorted() && !after.contains("Watchdog"), "{after}");

    for (name, document) in DOCUMENTS {
        let shown: Vec<Vec<String>> = blocks(document, "log").into_iter().map(section).collect();
        assert_eq!(shown, [section(before), section(&after)], "the log in {name} is not what the example writes");
    }
}

#[test]
fn the_documents_show_the_code_that_the_example_runs() {
    for (name, document) in DOCUMENTS {
        let shown = blocks(document, "rust");
        assert!(shown.len() >= 2, "{name} shows both patterns");
        for block in shown {
            assert!(EXAMPLE.contains(block.trim()), "in {name}, not in the example:\n{block}");
        }
    }
}

#[test]
fn the_documents_name_tests_and_settings_that_exist() {
    let tests = include_str!("health_monitor.rs");
    let settings = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/health/settings.rs"));
    let summary = DOCUMENTS[0].1;
    for name in summary.split('`').filter(|word| word.starts_with("health_monitor_")) {
        assert!(tests.contains(&format!("async fn {name}()")), "{name}");
    }
    for name in summary.split('`').filter_map(|word| word.strip_prefix("health.")) {
        assert!(settings.contains(&format!("pub {name}:")), "health.{name}");
    }
}

#[test]
fn a_mask_hides_numbers_and_nothing_else() {
    assert_eq!(masked(" 1.501s  INFO a=0.375 b=12, c"), "#s  INFO a=# b=#, c");
    assert_ne!(masked("stage=\"idle\""), masked("stage=\"commit\""));
}
