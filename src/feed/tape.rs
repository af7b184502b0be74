//! Market data that is opened once and given to any number of runs.

use super::{Cache, Feed, FeedError, FeedSpec, Settings, TimeRange, file, instruments, synthetic, ticks};
use crate::types::{Instruments, Symbol, Timestamp};

/// What feeds are made from. Recorded bars lie in memory once and are shared by all feeds; ticks and the synthetic market,
/// which are told piece by piece and never held, are opened anew for each.
#[derive(Debug, Clone)]
pub struct Tape {
    source: Source,
    range: TimeRange,
    instruments: Instruments,
}

#[derive(Debug, Clone)]
enum Source {
    Bars(file::BarFeed),
    Ticks { ticks: ticks::Ticks, settings: Settings },
    Synthetic { settings: Settings, seed: u64 },
}

impl Tape {
    /// Opens what `spec` names; see [`super::open`]. Files are read through the cache.
    ///
    /// # Errors
    /// When the spec, the settings, a symbol or a file is wrong; see [`FeedError`].
    pub fn open(
        settings: &Settings,
        spec: &str,
        symbols: &[Symbol],
        timerange: Option<TimeRange>,
        seed: u64,
        cache: &Cache,
    ) -> Result<Tape, FeedError> {
        settings.check()?;
        let instruments = instruments::load(settings.instruments_file.as_deref(), symbols)?;
        let range = timerange.unwrap_or_default();
        let of_ticks = |files: &file::TickFiles| {
            let ticks = ticks::Ticks::open(files, instruments.clone(), cache)?;
            Ok::<_, FeedError>(Source::Ticks { ticks, settings: settings.clone() })
        };
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
                file::Found::Ticks(files) => of_ticks(&files)?,
            },
            FeedSpec::Ticks(path) => of_ticks(&file::ticks(&path, &instruments)?)?,
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
        Ok(match &self.source {
            Source::Bars(bars) if range == self.range => Box::new(bars.clone()) as Box<dyn Feed>,
            Source::Bars(bars) => Box::new(bars.within(range)?),
            Source::Ticks { ticks, settings } => {
                Box::new(ticks::TickFeed::open(ticks, range, settings.recording_funding_rate)?)
            }
            Source::Synthetic { settings, seed } => {
                Box::new(synthetic::SyntheticFeed::new(&settings.synthetic, self.instruments.clone(), range, *seed)?)
            }
        })
    }

    /// When the last record is said; none where that is not known without going there.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match &self.source {
            Source::Bars(bars) => bars.ends_at(),
            Source::Ticks { .. } | Source::Synthetic { .. } => self.range.until,
        }
    }
}
