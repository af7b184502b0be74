//! Market data that is opened once and given to any number of runs.

use super::{Feed, FeedError, FeedSpec, Settings, TimeRange, file, instruments, recording, synthetic};
use crate::types::{Instruments, Symbol, Timestamp};

/// What feeds are made from. Recorded bars lie in memory once and are shared by all feeds; a recording of raw frames and
/// the synthetic market, which are told piece by piece and never held, are opened anew for each.
#[derive(Debug, Clone)]
pub struct Tape {
    source: Source,
    range: TimeRange,
    instruments: Instruments,
}

#[derive(Debug, Clone)]
enum Source {
    Bars(file::BarFeed),
    Frames { files: file::Files, settings: Settings },
    Synthetic { settings: Settings, seed: u64 },
}

impl Tape {
    /// Opens what `spec` names; see [`super::open`]. Bars are read through the cache.
    ///
    /// # Errors
    /// When the spec, the settings, a symbol or a file is wrong; see [`FeedError`].
    pub fn open(
        settings: &Settings,
        spec: &str,
        symbols: &[Symbol],
        timerange: Option<TimeRange>,
        seed: u64,
        cache: &file::Cache,
    ) -> Result<Tape, FeedError> {
        settings.check()?;
        let instruments = instruments::load(settings.instruments_file.as_deref(), symbols)?;
        let range = timerange.unwrap_or_default();
        let source = match FeedSpec::parse(spec)? {
            FeedSpec::Binance => {
                let why = "a venue's market is listened to in real time, by the daemon alone";
                return Err(FeedError::Spec { given: spec.to_owned(), why });
            }
            FeedSpec::Synthetic => Source::Synthetic { settings: settings.clone(), seed },
            FeedSpec::File(path) => match file::discover(&path, &instruments)? {
                file::Found::Bars(files) => {
                    Source::Bars(file::BarFeed::open(&path, &files, instruments.clone(), range, cache)?)
                }
                file::Found::Recordings(files) => Source::Frames { files, settings: settings.clone() },
            },
        };
        Ok(Tape { source, range, instruments })
    }

    /// A feed of everything.
    ///
    /// # Errors
    /// When the source cannot be opened.
    pub fn feed(&self) -> Result<Box<dyn Feed>, FeedError> {
        self.within(self.range)
    }

    /// A feed of a part. What lies before it is its history.
    ///
    /// # Errors
    /// When the source cannot be opened, or holds nothing in the range.
    pub fn within(&self, range: TimeRange) -> Result<Box<dyn Feed>, FeedError> {
        let instruments = self.instruments.clone();
        Ok(match &self.source {
            Source::Bars(bars) if range == self.range => Box::new(bars.clone()) as Box<dyn Feed>,
            Source::Bars(bars) => Box::new(bars.within(range)?),
            Source::Frames { files, settings } => {
                let rate = settings.recording_funding_rate;
                Box::new(recording::RecordingFeed::open(files.clone(), instruments, range, rate)?)
            }
            Source::Synthetic { settings, seed } => {
                Box::new(synthetic::SyntheticFeed::new(&settings.synthetic, instruments, range, *seed)?)
            }
        })
    }

    /// When the last record is said; none where that is not known without going there.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match &self.source {
            Source::Bars(bars) => bars.ends_at(),
            Source::Frames { .. } | Source::Synthetic { .. } => self.range.until,
        }
    }
}
