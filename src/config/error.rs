//! What is wrong with a configuration, all of it at once where that can be known.

use std::fmt;

use super::Source;

/// Everything that was found wrong. The daemon leaves with 78 and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, variable or flag with its value, where there is one: `health.interval = "abc"`.
    pub subject: String,
    /// Where it was said; `None` if nowhere in particular.
    pub source: Option<Source>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl ConfigError {
    /// An error of one problem.
    pub(super) fn one(problem: Problem) -> ConfigError {
        ConfigError { problems: vec![problem] }
    }
}

impl Problem {
    /// A problem of a variable as such. Its value is not repeated unless the message does.
    pub(super) fn variable(name: &str, message: impl Into<String>) -> Problem {
        Problem { subject: name.to_owned(), source: None, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject)?;
        if let Some(source) = &self.source {
            write!(f, " ({source})")?;
        }
        let separator = if self.subject.is_empty() { "" } else { ": " };
        write!(f, "{separator}{}", self.message)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            let line = if at == 0 { "" } else { "\n" };
            write!(f, "{line}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// A value as errors show it: one line, and not longer than a line.
pub(super) fn shown(value: &str) -> String {
    /// Enough to recognise the value by.
    const LONGEST: usize = 80;
    let line: String = value.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if value.chars().count() > LONGEST { format!("{line}…") } else { line }
}
