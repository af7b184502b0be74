//! What `doctor` prints.

use std::fmt::Write;

use crate::config;
use crate::types::Exit;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What: `state directory`, `disk`.
    pub subject: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was seen, and the remedy if it is not well.
    pub detail: String,
}

/// How a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Well.
    Good,
    /// It will run, and somebody should look.
    Doubtful,
    /// It will not run; the daemon would leave with this code.
    Bad(Exit),
    /// It cannot be known here: no network, or not on this system.
    Unknown,
}

impl Verdict {
    const fn mark(self) -> &'static str {
        match self {
            Verdict::Good => "✓",
            Verdict::Doubtful => "!",
            Verdict::Bad(_) => "✗",
            Verdict::Unknown => "?",
        }
    }
}

/// The findings as a table, with a line that sums them up.
pub fn doctor_table(findings: &[Finding]) -> String {
    let mut table = config::table(&["", "what", "how it is"]);
    for finding in findings {
        table.add_row([finding.verdict.mark(), &finding.subject, &finding.detail]);
    }
    let count = |is: fn(Verdict) -> bool| findings.iter().filter(|finding| is(finding.verdict)).count();
    let bad = count(|verdict| matches!(verdict, Verdict::Bad(_)));
    let doubtful = count(|verdict| verdict == Verdict::Doubtful);
    let mut text = table.to_string();
    let sum = match (bad, doubtful) {
        (0, 0) => "All is well.".to_owned(),
        (0, doubtful) => format!("It will run; {doubtful} to look at."),
        (bad, doubtful) => format!("It will not run: {bad} to mend, {doubtful} to look at."),
    };
    writeln!(text, "\n{sum}").expect("writing to a string cannot fail");
    text
}

/// The code to leave with: of what is bad, the one that a restart mends least.
pub fn doctor_exit(findings: &[Finding]) -> Exit {
    let bad = findings.iter().filter_map(|finding| match finding.verdict {
        Verdict::Bad(exit) => Some(exit),
        Verdict::Good | Verdict::Doubtful | Verdict::Unknown => None,
    });
    bad.max().unwrap_or(Exit::Clean)
}
