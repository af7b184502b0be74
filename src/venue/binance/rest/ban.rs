//! How long nothing may be sent at all. It is remembered in the state directory: a process that starts during a ban
//! and asks once more makes the ban longer.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::types::{Span, Timestamp};

/// Name of the file in the state directory.
const FILE_NAME: &str = "binance-ban.json";
/// The venue's longest ban. A text that says more is not believed.
const LONGEST: Span = Span::secs(3 * 86_400);

/// Until when the venue wants to hear nothing, by its own clock.
#[derive(Debug)]
pub(super) struct Ban {
    path: Option<PathBuf>,
    until: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    until_ms: i64,
}

impl Ban {
    /// Reads what was remembered. A file that cannot be read is as good as none.
    pub(super) fn open(dir: Option<&Path>) -> Ban {
        let path = dir.map(|dir| dir.join(FILE_NAME));
        let kept = path.as_deref().and_then(|path| fs::read(path).ok());
        let kept: Option<Kept> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let until = kept.map_or(Timestamp::EPOCH, |kept| Timestamp::from_millis(kept.until_ms));
        Ban { path, until }
    }

    /// The end of the ban, if there is one at `now`.
    pub(super) fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.until.min(now + LONGEST);
        (until > now).then_some(until)
    }

    /// Nothing until then. A longer ban that is known already stays.
    pub(super) fn extend(&mut self, until: Timestamp, now: Timestamp) {
        let until = until.min(now + LONGEST);
        if until <= self.until {
            return;
        }
        self.until = until;
        if let Some(path) = &self.path
            && let Err(error) = keep(path, until)
        {
            tracing::warn!(path = %path.display(), %error, "the venue's ban could not be written down");
        }
    }
}

/// Written aside and renamed, so that the file is whole or not there.
fn keep(path: &Path, until: Timestamp) -> std::io::Result<()> {
    let draft = path.with_extension("json.new");
    let mut file = fs::File::create(&draft)?;
    file.write_all(&serde_json::to_vec(&Kept { until_ms: until.as_millis() })?)?;
    file.sync_all()?;
    fs::rename(draft, path)
}

/// The instant in "… banned until 1573115178943. …".
pub(super) fn instant_in(reason: &str) -> Option<Timestamp> {
    let digits = reason.split("until ").nth(1)?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_outlives_the_process_and_not_its_end() {
        let dir = tempfile::tempdir().expect("a folder");
        let now = Timestamp::from_secs(1_700_000_000);
        let mut ban = Ban::open(Some(dir.path()));
        assert_eq!(ban.until(now), None);
        ban.extend(now + Span::mins(2), now);
        ban.extend(now + Span::mins(1), now);
        let ban = Ban::open(Some(dir.path()));
        assert_eq!(ban.until(now), Some(now + Span::mins(2)));
        assert_eq!(ban.until(now + Span::mins(2)), None);
        let mut forever = Ban::open(None);
        forever.extend(Timestamp::MAX, now);
        assert_eq!(forever.until(now), Some(now + LONGEST), "no ban is longer");
        fs::write(dir.path().join(FILE_NAME), b"{").expect("a file");
        assert_eq!(Ban::open(Some(dir.path())).until(now), None);
    }

    #[test]
    fn the_end_is_read_from_the_words() {
        let words = "Way too many requests; IP(1.2.3.4) banned until 1573115178943. Please use the websocket.";
        assert_eq!(instant_in(words), Some(Timestamp::from_millis(1_573_115_178_943)));
        assert_eq!(instant_in("banned until then"), None);
        assert_eq!(instant_in("banned"), None);
    }
}
