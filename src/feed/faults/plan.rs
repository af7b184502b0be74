//! When each fault is on: a function of the instant, so that it is the same after a restart.

use super::super::FeedError;
use super::super::random::{key, unit};
use super::settings::{FaultKind, Settings};
use crate::types::{InstrumentId, Instruments, Rate, Span, Timestamp};

/// The faults of a session.
#[derive(Debug)]
pub(super) struct Plan {
    settings: Settings,
    /// Scheduled faults as stretches of time.
    windows: Vec<Window>,
    seed: u64,
    start: Timestamp,
}

#[derive(Debug)]
struct Window {
    kind: FaultKind,
    from: Timestamp,
    until: Timestamp,
    instrument: Option<InstrumentId>,
}

impl Plan {
    pub(super) fn new(
        settings: &Settings,
        instruments: &Instruments,
        start: Timestamp,
        seed: u64,
    ) -> Result<Plan, FeedError> {
        settings.check()?;
        let mut windows = Vec::with_capacity(settings.schedule.len());
        for one in &settings.schedule {
            let instrument = match &one.symbol {
                None => None,
                Some(symbol) => Some(instruments.find(symbol).ok_or_else(|| {
                    FeedError::setting("faults.feed.schedule.symbol", symbol, "name one of the session's symbols")
                })?),
            };
            let from = start + one.after;
            windows.push(Window { kind: one.kind, from, until: from + one.lasts, instrument });
        }
        Ok(Plan { settings: settings.clone(), windows, seed, start })
    }

    /// If a fault that lasts is on for an instrument, when it ends. An outage is on for all or none.
    pub(super) fn until(&self, kind: FaultKind, instrument: InstrumentId, at: Timestamp) -> Option<Timestamp> {
        let chance = match kind {
            FaultKind::Stall => self.settings.stall,
            FaultKind::Gap => self.settings.gap,
            FaultKind::Outage => self.settings.outage,
            FaultKind::Duplicate | FaultKind::OutOfOrder | FaultKind::Garbage => Rate::ZERO,
        };
        let who = if kind == FaultKind::Outage { u64::MAX } else { u64::from(instrument.0) };
        self.scheduled(kind, instrument, at).max(self.random(kind, chance, who, at))
    }

    /// Does a fault that strikes single records strike this one? `record` tells apart records of one instant.
    pub(super) fn strikes(&self, kind: FaultKind, instrument: InstrumentId, at: Timestamp, record: u64) -> bool {
        let chance = match kind {
            FaultKind::Duplicate => self.settings.duplicate,
            FaultKind::OutOfOrder => self.settings.out_of_order,
            FaultKind::Garbage => self.settings.garbage,
            FaultKind::Stall | FaultKind::Gap | FaultKind::Outage => Rate::ZERO,
        };
        let scheduled = match kind {
            _ if self.scheduled(kind, instrument, at).is_none() => Rate::ZERO,
            FaultKind::OutOfOrder => Rate::percent(50),
            FaultKind::Duplicate | FaultKind::Garbage | FaultKind::Stall | FaultKind::Gap | FaultKind::Outage => {
                Rate::ONE
            }
        };
        let chance = chance.max(scheduled);
        chance.is_positive() && self.draw(kind, u64::from(instrument.0), at, record) < chance.to_f64()
    }

    /// A number in [0, 1) that belongs to a fault, an instrument and an instant.
    pub(super) fn draw(&self, kind: FaultKind, who: u64, at: Timestamp, record: u64) -> f64 {
        unit(key(&[self.seed, kind as u64, who, at.as_nanos() as u64, record]))
    }

    fn scheduled(&self, kind: FaultKind, instrument: InstrumentId, at: Timestamp) -> Option<Timestamp> {
        let on = self.windows.iter().filter(|window| {
            let concerned = kind == FaultKind::Outage || window.instrument.is_none_or(|one| one == instrument);
            window.kind == kind && concerned && window.from <= at && at < window.until
        });
        on.map(|window| window.until).max()
    }

    /// Random faults begin on whole minutes, never before the session.
    fn random(&self, kind: FaultKind, chance: Rate, who: u64, at: Timestamp) -> Option<Timestamp> {
        if !chance.is_positive() {
            return None;
        }
        let mut began = at.floor(Span::MINUTE);
        while began + self.settings.lasts > at && began >= self.start {
            if self.draw(kind, who, began, 0) < chance.to_f64() {
                return Some(began + self.settings.lasts);
            }
            began = began - Span::MINUTE;
        }
        None
    }
}
