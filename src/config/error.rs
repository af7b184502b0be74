//! What is wrong with a configuration, all of it at once where that can be known.

use std::fmt;

use super::Source;
use crate::types::Exit;

/// Everything that was found wrong. The daemon leaves and changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting or variable with its value, where the message does not name it: `health.interval = "abc"`.
    pub subject: String,
    /// Where it was said; `None` if nowhere in particular.
    pub source: Option<Source>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl ConfigError {
    /// The exit code: a mistake on the command line is one of usage, any other one of configuration.
    pub fn exit(&self) -> Exit {
        let is_flag = |problem: &Problem| matches!(problem.source, Some(Source::Flag(_)));
        if self.problems.iter().all(is_flag) { Exit::Usage } else { Exit::Configuration }
    }

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
        match (self.subject.as_str(), &self.source) {
            ("", None) => f.write_str(&self.message),
            ("", Some(source)) => write!(f, "{} (set by {source})", self.message),
            (subject, None) => write!(f, "{subject}: {}", self.message),
            (subject, Some(source)) => write!(f, "{subject} ({source}): {}", self.message),
        }
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
    let line: String = value.chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().count() > LONGEST { format!("{line}…") } else { line }
}
