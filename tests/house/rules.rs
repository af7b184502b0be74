//! The rules. Each takes the sources and gives what breaks it, as `path:line: what`.

use super::floors::{Floors, heads};
use super::source::{Source, blanked, closing, line_of, without_tests, words};

/// A file is about one subject; beyond this it is about two.
const MAX_LINES: usize = 600;
/// `main.rs` reads like a table of contents.
const MAX_MAIN_LINES: usize = 60;

/// Parts of the standard library that reach out of the process.
const IMPURE_STD: [&str; 7] = ["env", "fs", "io", "net", "os", "process", "thread"];
/// Calls, types and crates that read time, do I/O, wait, draw unseeded numbers, or have an order of their own.
const IMPURE: [&str; 23] = [
    "Instant",
    "SystemTime",
    "UNIX_EPOCH",
    "tokio",
    "tokio_util",
    "reqwest",
    "rusqlite",
    "tracing",
    "async",
    ".await",
    "HashMap",
    "HashSet",
    "RandomState",
    "println!",
    "eprintln!",
    "print!",
    "dbg!",
    "thread_rng",
    "getrandom",
    "from_os_rng",
    "from_entropy",
    "jiff::Zoned",
    "Timestamp::now",
];

/// Below the purity line: no clock, no I/O, no waiting, no unseeded randomness, no order that changes.
pub fn purity(floors: &Floors, sources: &[Source]) -> Vec<String> {
    let is_pure =
        |source: &&Source| source.module().first().is_some_and(|name| floors.get(name).is_some_and(|p| p.pure));
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/")).filter(is_pure) {
        let code = source.shipped_code();
        for word in IMPURE {
            wrong.extend(
                words(&code, word).map(|at| at_line(source, &code, at, &format!("`{word}` below the purity line"))),
            );
        }
        for (at, head) in heads(&code, "std").into_iter().filter(|(_, head)| IMPURE_STD.contains(&head.as_str())) {
            wrong.push(at_line(source, &code, at, &format!("`std::{head}` below the purity line")));
        }
    }
    wrong
}

/// Files that are too long, their tests not counted.
pub fn sizes(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/") && !source.is_test()) {
        let lines = shipped_lines(&source.text);
        let limit = if source.path == "src/main.rs" { MAX_MAIN_LINES } else { MAX_LINES };
        if lines > limit {
            wrong.push(format!("{}: {lines} lines without tests, and at most {limit} are allowed", source.path));
        }
    }
    wrong
}

fn shipped_lines(text: &str) -> usize {
    let code = blanked(text, true);
    let cut = code.matches('\n').count() - without_tests(&code).matches('\n').count();
    text.lines().count() - cut
}

/// `unwrap` says nothing when it fails; `expect` says why it cannot.
pub fn reasons(sources: &[Source]) -> Vec<String> {
    /// Words that a reason has at least.
    const FEWEST_WORDS: usize = 2;
    let mut wrong = Vec::new();
    for source in sources {
        let code = source.shipped_code();
        wrong.extend(words(&code, ".unwrap()").map(|at| at_line(source, &code, at, "`unwrap` in code that ships")));
        if source.is_test() {
            continue;
        }
        let spoken = blanked(&source.text, false);
        let spoken = &spoken[..spoken.find("#[cfg(test)]").unwrap_or(spoken.len())];
        for at in words(spoken, ".expect(").map(|at| at + ".expect(".len()) {
            let argument = spoken[at..].trim_start();
            let reason = argument.strip_prefix('"').and_then(|rest| rest.split('"').next());
            if reason.is_some_and(|reason| reason.split_whitespace().count() < FEWEST_WORDS) {
                wrong.push(at_line(source, spoken, at, "`expect` without a reason"));
            }
        }
    }
    wrong
}

/// Orders are made by the engine alone, of what risk has approved; others may look at them. The simulated exchange is
/// the other side: it cannot send itself anything.
pub fn submissions(sources: &[Source]) -> Vec<String> {
    const SUBMIT: &str = "VenueRequest::Submit(";
    let mut wrong = Vec::new();
    let others = |source: &&Source| !["src/engine/", "src/exchange/"].iter().any(|room| source.path.starts_with(room));
    for source in sources.iter().filter(others) {
        let code = source.shipped_code();
        for at in words(&code, SUBMIT).filter(|at| !is_pattern(&code, *at, at + SUBMIT.len() - 1)) {
            wrong.push(at_line(source, &code, at, "an order is made outside of the engine"));
        }
    }
    wrong
}

/// Is what stands from `at` on, with its bracket at `open`, looked for rather than made?
fn is_pattern(code: &str, at: usize, open: usize) -> bool {
    let after = code[closing(code, open)..].trim_start_matches(|c: char| c == ')' || c.is_whitespace());
    let arm = after.starts_with("=>") || after.starts_with('|') || after.starts_with("if ");
    let binding = after.starts_with('=') && !after.starts_with("==");
    let statement = code[..at].rfind([';', '{', '}']).map_or(0, |end| end + 1);
    arm || binding || code[statement..at].contains("matches!(")
}

/// What is not finished, and what hides a warning.
pub fn unfinished(sources: &[Source]) -> Vec<String> {
    const ABSENT: [(&str, &str); 5] = [
        ("todo!", "what is not there is not there"),
        ("unimplemented!", "what is not there is not there"),
        ("#[ignore", "a test runs, or it goes"),
        ("#[allow(", "say `#[expect(…, reason = \"…\")]`, which complains once it is not needed"),
        ("#![allow(", "say `#![expect(…, reason = \"…\")]`, which complains once it is not needed"),
    ];
    let mut wrong = Vec::new();
    for source in sources {
        let code = blanked(&source.text, true);
        for (word, why) in ABSENT {
            wrong.extend(words(&code, word).map(|at| at_line(source, &code, at, &format!("`{word}`: {why}"))));
        }
        for at in words(&code, "#[expect(").chain(words(&code, "#![expect(")) {
            if !code[at..closing(&code, at + code[at..].find('[').unwrap_or(0))].contains("reason") {
                wrong.push(at_line(source, &code, at, "`expect` of a lint without its reason"));
            }
        }
    }
    wrong
}

/// Words that have no place in what ships, its documents included.
pub fn forbidden_words(sources: &[Source]) -> Vec<String> {
    // Put together here, so that this file does not hold them.
    let words_of: Vec<String> =
        [["TO", "DO"], ["FIX", "ME"], ["HA", "CK"], ["XX", "X"], ["/wo", "rk/"], ["work", "tree"]]
            .map(|w| w.concat())
            .into();
    let mut wrong = Vec::new();
    for source in sources {
        for word in &words_of {
            let hits = words(&source.text, word);
            wrong.extend(hits.map(|at| at_line(source, &source.text, at, &format!("the word `{word}`"))));
        }
    }
    wrong
}

fn at_line(source: &Source, code: &str, at: usize, what: &str) -> String {
    format!("{}:{}: {what}", source.path, line_of(code, at))
}
