//! A small patch as text: one place in one file, as `diff -u` writes it. It is found by its lines and not by their
//! numbers, so that it still applies when lines above it come or go.

/// What a patch changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Path in the project.
    pub file: String,
    /// Lines that it takes away.
    pub removed: usize,
    /// Lines that it puts there.
    pub added: usize,
    before: Vec<String>,
    after: Vec<String>,
}

impl Patch {
    /// Reads a patch of one place.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Patch, String> {
        let file = text.lines().find_map(|line| line.strip_prefix("+++ b/")).ok_or("it has no line `+++ b/FILE`")?;
        let mut patch = Patch { file: file.to_owned(), removed: 0, added: 0, before: Vec::new(), after: Vec::new() };
        let mut places = 0;
        for line in text.lines().skip_while(|line| !line.starts_with("@@")) {
            // An editor may have taken the one space of an empty line away.
            let (mark, rest) = line.split_at_checked(1).unwrap_or((" ", ""));
            match mark {
                "@" => places += 1,
                " " => {
                    patch.before.push(rest.to_owned());
                    patch.after.push(rest.to_owned());
                }
                "-" => {
                    patch.removed += 1;
                    patch.before.push(rest.to_owned());
                }
                "+" => {
                    patch.added += 1;
                    patch.after.push(rest.to_owned());
                }
                _ => return Err(format!("`{line}` is no line of a patch")),
            }
        }
        match places {
            1 if patch.before != patch.after => Ok(patch),
            1 => Err("it changes nothing".to_owned()),
            _ => Err(format!("it has {places} places and not one")),
        }
    }

    /// The file with the change in it.
    ///
    /// # Errors
    /// If the lines that it changes are not there, or are there more than once.
    pub fn apply(&self, source: &str) -> Result<String, String> {
        let lines: Vec<&str> = source.lines().collect();
        let fits = |at: &usize| lines[*at..*at + self.before.len()].iter().zip(&self.before).all(|(a, b)| a == b);
        let last = (lines.len() + 1).saturating_sub(self.before.len());
        let found: Vec<usize> = (0..last).filter(fits).collect();
        let [at] = found.as_slice() else {
            return Err(format!("the lines that it changes are in {} {} times", self.file, found.len()));
        };
        let after = self.after.iter().map(String::as_str);
        let changed = lines[..*at].iter().copied().chain(after).chain(lines[at + self.before.len()..].iter().copied());
        Ok(changed.flat_map(|line| [line, "\n"]).collect())
    }
}
