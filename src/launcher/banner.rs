//! What is said at the start: the mode, the places, and the limits as risk holds them.

/// What the banner names.
pub(super) struct Banner<'a> {
    pub mode: &'a str,
    pub venue: &'a str,
    pub feed: &'a str,
    pub speed: String,
    pub seed: u64,
    pub state_dir: &'a std::path::Path,
    pub limits: &'a [(&'static str, String)],
    pub bars_only: Option<String>,
}

impl Banner<'_> {
    /// Writes it to the log.
    pub fn log(&self) {
        tracing::info!(
            mode = self.mode, venue = self.venue, feed = self.feed, speed = %self.speed, seed = self.seed,
            state_dir = %self.state_dir.display(), "session"
        );
        if let Some(made) = &self.bars_only {
            tracing::info!(assumed = %made, "the feed has bars alone");
        }
        for (name, value) in self.limits {
            tracing::info!(limit = name, value = %value, "risk limit in force");
        }
    }
}
