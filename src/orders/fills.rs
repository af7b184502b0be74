//! Asking the venue for its list of our fills: one question at a time, reaching back as far as anything that is
//! missing, so that it is always known what an answer covers.

use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::types::{Span, Timestamp};

/// A question reaches back this much further than what it is for: fills carry the venue's clock, and two fills
/// of one instant may straddle the border.
pub(super) const OVERLAP: Span = Span::MINUTE;

/// The one question.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FillsPoll {
    /// Back to when fills are wanted, if they are.
    wanted: Option<Timestamp>,
    /// The question that waits for its answer.
    asked: Option<Asked>,
    /// When the last answer came, and back to when it reaches.
    answered: Option<(Timestamp, Timestamp)>,
    /// Questions without an answer in a row.
    failures: u32,
    /// Not before this instant, after a failure.
    not_before: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    at: Timestamp,
    since: Timestamp,
}

impl FillsPoll {
    /// Fills since then are wanted.
    pub fn want(&mut self, since: Timestamp) {
        let since = since - OVERLAP;
        self.wanted = Some(self.wanted.map_or(since, |wanted| wanted.min(since)));
    }

    /// Is a question to be put, or waiting for its answer?
    pub const fn is_open(&self) -> bool {
        self.wanted.is_some() || self.asked.is_some()
    }

    /// The instant to ask from, if now is the time to ask.
    pub fn ask(&mut self, at: Timestamp, settings: &Settings) -> Option<Timestamp> {
        if self.asked.is_some_and(|asked| at >= asked.at + settings.answer_deadline) {
            self.failed(at, settings);
        }
        if self.asked.is_some() || self.not_before.is_some_and(|not_before| at < not_before) {
            return None;
        }
        let since = self.wanted.take()?;
        self.asked = Some(Asked { at, since });
        Some(since)
    }

    /// An answer came.
    pub fn answered(&mut self, at: Timestamp) {
        if let Some(asked) = self.asked.take() {
            self.answered = Some((at, asked.since));
            (self.failures, self.not_before) = (0, None);
        }
    }

    /// No answer will come: ask again after a pause.
    pub fn failed(&mut self, at: Timestamp, settings: &Settings) {
        if let Some(asked) = self.asked.take() {
            self.wanted = Some(self.wanted.map_or(asked.since, |wanted| wanted.min(asked.since)));
            self.not_before = Some(at + settings.pause(self.failures));
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// The venue answers again: the pause that its silence has led to is over.
    pub fn hurry(&mut self) {
        (self.failures, self.not_before) = (0, None);
    }

    /// Did an answer that reaches back to `since` come at `after` or later?
    pub fn covers(&self, since: Timestamp, after: Timestamp) -> bool {
        self.answered.is_some_and(|(at, reach)| at >= after && reach <= since)
    }

    /// When the last answer came.
    pub fn answered_at(&self) -> Option<Timestamp> {
        self.answered.map(|(at, _)| at)
    }

    /// When something is to be done next.
    pub fn next_deadline(&self, settings: &Settings) -> Option<Timestamp> {
        match (self.asked, self.wanted) {
            (Some(asked), _) => Some(asked.at + settings.answer_deadline),
            (None, Some(_)) => Some(self.not_before.unwrap_or(Timestamp::EPOCH)),
            (None, None) => None,
        }
    }
}
