//! The patches beside the tests: each applies to the source as it is, is small, and has its test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::patch::Patch;

/// Fewer would leave too much unproved.
const FEWEST: usize = 12;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The files of a folder with this ending, by their names without it.
fn files(folder: &str, ending: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(project().join(folder)).expect("the folder is there");
    let mut found = BTreeMap::new();
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.extension().is_some_and(|one| one == ending) {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            found.insert(name, std::fs::read_to_string(&path).expect("a text"));
        }
    }
    found
}

#[test]
fn every_guard_applies_in_one_line_and_has_its_test() {
    let patches = files("tests/failures/guards", "patch");
    let tests: String = files("tests/failures", "rs").into_values().collect();
    assert!(patches.len() >= FEWEST, "{}", patches.len());
    let mut wrong = Vec::new();
    for (name, text) in &patches {
        if !tests.contains(&format!("#[test]\nfn {name}() {{")) {
            wrong.push(format!("{name}.patch: there is no such test"));
        }
        match Patch::parse(text).and_then(|patch| check(&patch)) {
            Ok(()) => {}
            Err(why) => wrong.push(format!("{name}.patch: {why}")),
        }
    }
    assert!(wrong.is_empty(), "\n{}\nmake the change in the source, and write `git diff` of it anew", wrong.join("\n"));
}

fn check(patch: &Patch) -> Result<(), String> {
    if !patch.file.starts_with("src/") {
        return Err(format!("{} does not ship", patch.file));
    }
    if patch.removed > 1 || patch.added > 1 {
        return Err(format!("it takes {} lines away and adds {}, and one is enough", patch.removed, patch.added));
    }
    let source = std::fs::read_to_string(project().join(&patch.file)).map_err(|error| error.to_string())?;
    patch.apply(&source).map(|_| ())
}

#[test]
fn a_patch_is_found_by_its_lines_and_only_once() {
    let patch = |body: &str| Patch::parse(&format!("--- a/src/a.rs\n+++ b/src/a.rs\n@@ -9,3 +9,3 @@ fn f\n{body}"));
    let one = patch(" a\n-b\n+x\n c\n").expect("a patch");
    assert_eq!((one.file.as_str(), one.removed, one.added), ("src/a.rs", 1, 1));
    assert_eq!(one.apply("0\na\nb\nc\nd\n").as_deref(), Ok("0\na\nx\nc\nd\n"), "wherever it stands");
    assert!(one.apply("a\nc\n").is_err_and(|why| why.contains("0 times")));
    assert!(one.apply("a\nb\nc\na\nb\nc\n").is_err_and(|why| why.contains("2 times")));
    assert_eq!(patch("-b\n").expect("a patch").apply("a\nb").as_deref(), Ok("a\n"));
    for (text, why) in [(" a\n", "changes nothing"), ("-a\n@@ -1 +1 @@\n-b\n", "2 places"), ("?a\n", "is no line")] {
        assert!(patch(text).is_err_and(|error| error.contains(why)), "{text}");
    }
    assert!(Patch::parse("-a\n").is_err_and(|error| error.contains("+++")));
}
