//! Everything that the server says, compared field by field with the examples of it.

use std::collections::BTreeMap;

use super::conformance;
use super::examples;
use super::explained::{self, Explained};
use super::samples;
use super::shape::{Difference, Shape, compare};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_and_events_have_the_form_of_the_examples() {
    let Some(folder) = conformance() else { return };
    let (examples, nameless) = examples::read(&folder);
    let samples = samples::collect().await;
    let mut found: BTreeMap<(String, String, Difference), String> = BTreeMap::new();
    let (mut compared, mut fields) = (0, 0);
    for (name, said) in &samples {
        let Some(examples) = examples.get(name) else { continue };
        let ours = Shape::of(said);
        compared += examples.len();
        fields += ours.0.len();
        for ((field, difference), told) in compare(&ours, &Shape::of(examples.iter().map(|(_, example)| example))) {
            found.insert((name.clone(), field, difference), told);
        }
    }
    let unexplained: Vec<String> = found
        .iter()
        .filter(|((name, field, difference), _)| {
            !explained::DIFFERENCES.iter().any(|one| one.is(name, field, *difference))
        })
        .map(|((name, field, difference), told)| format!("{name}: `{field}` {difference:?} ({told})"))
        .collect();
    let gone: Vec<String> = explained::DIFFERENCES
        .iter()
        .flat_map(Explained::rows)
        .filter(|(name, field, difference)| !found.contains_key(&(name.to_string(), field.to_string(), *difference)))
        .map(|(name, field, difference)| format!("{name}: `{field}` {difference:?}"))
        .collect();
    // Each example is of something that was said, or of something that is not there, with a reason.
    let strange: Vec<String> = examples
        .iter()
        .filter(|(name, _)| !samples.contains_key(*name) && explained::not_served(name).is_none())
        .map(|(name, files)| format!("{name}: {:?}", files.iter().map(|(file, _)| file).collect::<Vec<_>>()))
        .chain(
            nameless
                .iter()
                .filter(|file| explained::not_served_file(file).is_none())
                .map(|file| file.display().to_string()),
        )
        .collect();
    for one in explained::DIFFERENCES {
        println!("{:?}: {}", one.difference, one.why);
    }
    println!(
        "{compared} examples of {} replies and events, {fields} fields, {} differences",
        samples.len(),
        found.len()
    );
    let list = |what: &str, lines: &[String]| format!("{what}: {}\n{}\n", lines.len(), lines.join("\n"));
    assert!(
        unexplained.is_empty() && gone.is_empty() && strange.is_empty(),
        "{}{}{}",
        list("unexplained differences", &unexplained),
        list("explained differences that are none", &gone),
        list("examples of nothing that was said", &strange)
    );
    assert!(compared > 250, "{compared} examples were compared");
    let missing: Vec<String> = routes().into_iter().filter(|name| !samples.contains_key(name)).collect();
    assert!(missing.is_empty(), "nothing was said by {missing:?}");
}

/// Everything that can be asked, as the table of routes has it.
fn routes() -> Vec<String> {
    let table = include_str!("../../src/serve/routes.rs");
    let rows = table.lines().filter_map(|line| line.trim().strip_prefix("route("));
    let routes = rows.filter_map(|row| {
        let (method, rest) = row.split_once(", \"")?;
        Some(format!("{} {}", method.to_uppercase(), rest.split_once('"')?.0))
    });
    let methods = table.lines().filter_map(|line| {
        let (name, rest) = line.trim().strip_prefix("(\"")?.split_once("\", ")?;
        rest.contains("\"/fapi").then(|| format!("ws {name}"))
    });
    let all: Vec<String> = routes.chain(methods).collect();
    assert!(all.len() > 80, "{} routes", all.len());
    all
}
