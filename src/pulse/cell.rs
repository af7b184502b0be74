//! Optional instants and lengths of time in one atomic word each.

use std::sync::atomic::{
    AtomicI64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

use crate::types::{Span, Timestamp};

/// Stands for "none": an instant or a span that cannot occur.
const NONE: i64 = i64::MIN;

/// An instant of session time that may not have come yet. Ordered, so that whoever sees session time at an
/// instant also sees the data that was stamped before it.
#[derive(Debug)]
pub(super) struct Instant(AtomicI64);

impl Default for Instant {
    fn default() -> Self {
        Instant(AtomicI64::new(NONE))
    }
}

impl Instant {
    pub(super) fn set(&self, at: Option<Timestamp>) {
        self.0.store(at.map_or(NONE, Timestamp::as_nanos), Release);
    }

    /// Keeps the later of the two.
    pub(super) fn raise(&self, at: Timestamp) {
        self.0.fetch_max(at.as_nanos(), AcqRel);
    }

    pub(super) fn get(&self) -> Option<Timestamp> {
        Some(self.0.load(Acquire)).filter(|nanos| *nanos != NONE).map(Timestamp::from_nanos)
    }
}

/// A length of time that may not have been measured yet.
#[derive(Debug)]
pub(super) struct Length(AtomicI64);

impl Default for Length {
    fn default() -> Self {
        Length(AtomicI64::new(NONE))
    }
}

impl Length {
    pub(super) fn of(span: Span) -> Length {
        Length(AtomicI64::new(span.as_nanos()))
    }

    pub(super) fn set(&self, span: Option<Span>) {
        self.0.store(span.map_or(NONE, Span::as_nanos), Relaxed);
    }

    /// Keeps the longer of the two.
    pub(super) fn raise(&self, span: Span) {
        self.0.fetch_max(span.as_nanos(), Relaxed);
    }

    pub(super) fn get(&self) -> Option<Span> {
        Some(self.0.load(Relaxed)).filter(|nanos| *nanos != NONE).map(Span::nanos)
    }

    pub(super) fn replace(&self, span: Span) -> Span {
        Span::nanos(self.0.swap(span.as_nanos(), Relaxed))
    }
}
