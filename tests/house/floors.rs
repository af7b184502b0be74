//! The floors, as `ARCHITECTURE.md` has them, and the arrows between modules.

use std::collections::BTreeMap;

use super::source::{Source, closing, line_of, words};

/// Where a module stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Its floor.
    pub floor: u32,
    /// Its place among the modules of a floor whose modules may use those before them.
    pub order: Option<usize>,
    /// Does it stand below the purity line?
    pub pure: bool,
}

/// The table.
pub type Floors = BTreeMap<String, Place>;

/// Reads the rows `| floor | modules | … |`, down to which the purity line cuts.
pub fn read(page: &str) -> Result<Floors, String> {
    let mut floors = Floors::new();
    let mut pure = true;
    let mut lowest = 0;
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [first, modules, ..] = cells[..] else { continue };
        pure &= !modules.contains("purity line");
        let Ok(floor) = first.parse::<u32>() else { continue };
        if floor < lowest {
            return Err(format!("floor {floor} comes after floor {lowest}"));
        }
        lowest = floor;
        let ordered = modules.contains("each may use those before it");
        for (at, name) in modules.split('`').skip(1).step_by(2).enumerate() {
            let place = Place { floor, order: ordered.then_some(at), pure };
            if floors.insert(name.to_owned(), place).is_some() {
                return Err(format!("`{name}` stands there twice"));
            }
        }
    }
    match (floors.is_empty(), pure) {
        (true, _) => Err("it has no table of floors".to_owned()),
        (_, true) => Err("its table has no purity line".to_owned()),
        _ => Ok(floors),
    }
}

/// Arrows that point up or sideways, and modules that the table lacks.
pub fn arrows(floors: &Floors, sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("src/")) {
        let module = source.module();
        let Some(from) = module.first() else { continue };
        let Some(&here) = floors.get(from) else {
            wrong.push(format!("{}: `{from}` is missing in the table of floors", source.path));
            continue;
        };
        let code = source.shipped_code();
        for (at, to) in used(&code, &module).into_iter().filter(|(_, to)| to != from) {
            let line = line_of(&code, at);
            match floors.get(&to) {
                None => wrong.push(format!("{}:{line}: `{to}` is missing in the table of floors", source.path)),
                Some(&there) if is_below(there, here) => {}
                Some(there) => wrong.push(format!(
                    "{}:{line}: `{from}` (floor {}) uses `{to}` (floor {})",
                    source.path, here.floor, there.floor
                )),
            }
        }
    }
    wrong
}

fn is_below(there: Place, here: Place) -> bool {
    let before = there.order.zip(here.order).is_some_and(|(there, here)| there < here);
    there.floor < here.floor || (there.floor == here.floor && before)
}

/// The top-level modules that a module's code names, by `crate::` or up a ladder of `super::`.
fn used(code: &str, module: &[String]) -> Vec<(usize, String)> {
    let mut found = heads(code, "crate");
    for at in words(code, "super").filter(|at| !code[..*at].ends_with("super::")) {
        let mut rest = code[at..].split("::").skip_while(|part| *part == "super");
        let up = code[at..].split("::").take_while(|part| *part == "super").count();
        if up >= module.len() && rest.next().is_some() {
            let ladder = at + up * "super::".len();
            found.extend(heads_at(code, ladder).into_iter().map(|name| (at, name)));
        }
    }
    found
}

/// The first names of all paths below `root`: of `crate::{a::B, c}` they are `a` and `c`.
pub fn heads(code: &str, root: &str) -> Vec<(usize, String)> {
    let paths = words(code, root).filter(|at| code[at + root.len()..].starts_with("::"));
    paths.flat_map(|at| heads_at(code, at + root.len() + 2).into_iter().map(move |name| (at, name))).collect()
}

fn heads_at(code: &str, at: usize) -> Vec<String> {
    if !code[at..].starts_with('{') {
        return name_at(&code[at..]).into_iter().collect();
    }
    let group = &code[at + 1..closing(code, at)];
    let mut depth = 0_usize;
    let entries = group.split(move |c| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    });
    entries.filter_map(name_at).filter(|name| name != "self").collect()
}

fn name_at(code: &str) -> Option<String> {
    let name: String = code.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}
