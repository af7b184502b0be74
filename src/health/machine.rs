//! What the operating system says about the machine: room on the disk, memory of the process.

use std::path::Path;

use crate::types::Span;

/// Time between two samples. Both figures move slowly, and a sample costs a switch to another thread.
pub(super) const SAMPLE_EVERY: Span = Span::secs(5);
/// A sample that has not come back after this is a finding in itself: the disk hangs.
pub(super) const SAMPLE_WITHIN: Span = Span::secs(10);

/// One sample. What could not be read says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Bytes free for us on the file system of the state directory.
    pub disk_free: Result<u64, String>,
    /// Bytes of memory that are resident.
    pub resident: Result<u64, String>,
}

impl Machine {
    /// Asks the operating system. It can block on a disk that hangs, so it is not called on the runtime's threads.
    pub fn sample(state_dir: &Path) -> Machine {
        Machine { disk_free: disk_free(state_dir), resident: resident() }
    }
}

fn disk_free(dir: &Path) -> Result<u64, String> {
    let stat = rustix::fs::statvfs(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// From `status`, which counts in kB; `statm` counts in pages, whose size is another question to the system.
fn resident() -> Result<u64, String> {
    const STATUS: &str = "/proc/self/status";
    let text = std::fs::read_to_string(STATUS).map_err(|error| format!("{STATUS}: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<u64> = line.and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok());
    kib.map(|kib| kib.saturating_mul(1_024)).ok_or_else(|| format!("{STATUS}: no VmRSS in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_answers_or_says_what_it_could_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::sample(dir.path());
        assert!(machine.disk_free.is_ok_and(|bytes| bytes > 0));
        let mib = machine.resident.expect("this is Linux") >> 20;
        assert!((1..16_384).contains(&mib), "{mib} MiB");
        let gone = Machine::sample(&dir.path().join("gone")).disk_free.expect_err("no such folder");
        assert!(gone.contains("gone"), "{gone}");
    }
}
