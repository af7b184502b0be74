//! How old an instrument's data is, held against how often it should come.

use serde::{Deserialize, Serialize};

use super::Settings;
use crate::protocol::FeedShape;
use crate::types::{Span, Timestamp};

/// Whether an instrument's data can be traded on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Freshness {
    /// Everything came in time.
    Live,
    /// Something is older than twice its cadence (`market.stale_after`): no entries.
    Stale {
        /// When it became so.
        since: Timestamp,
    },
    /// Something is older than five times its cadence (`market.lost_after`): positions are only reduced, and
    /// the feed is restarted.
    Lost {
        /// When it became so.
        since: Timestamp,
    },
}

impl Freshness {
    /// `live`, `stale` or `lost`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Freshness::Live => "live",
            Freshness::Stale { .. } => "stale",
            Freshness::Lost { .. } => "lost",
        }
    }

    /// Is everything in time?
    pub const fn is_live(self) -> bool {
        matches!(self, Freshness::Live)
    }
}

/// When each kind of data that is waited for last came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ages {
    pub(super) mark: Option<Timestamp>,
    pub(super) quote: Option<Timestamp>,
    /// When the newest bar closed; a bar that comes late is old when it comes.
    pub(super) bar: Option<Timestamp>,
    /// When anything last came.
    pub(super) any: Option<Timestamp>,
}

/// The two instants at which one kind of data gets too old if nothing comes.
struct Limit {
    stale: Timestamp,
    lost: Timestamp,
}

impl Ages {
    /// The judgement at `at`. Data that never came is as old as the waiting for it, which began at `from`.
    pub(super) fn judge(&self, at: Timestamp, from: Option<Timestamp>, rule: (&Settings, FeedShape)) -> Freshness {
        // Data was never asked for, so none can be late; but none is there to trade on either.
        let Some(from) = from else { return Freshness::Stale { since: at } };
        let (mut stale, mut lost) = (None, None);
        for limit in self.limits(from, rule) {
            earliest(&mut stale, limit.stale, at);
            earliest(&mut lost, limit.lost, at);
        }
        match (lost, stale) {
            (Some(since), _) => Freshness::Lost { since },
            (None, Some(since)) => Freshness::Stale { since },
            (None, None) => Freshness::Live,
        }
    }

    /// The next instant after `at` at which the judgement gets worse if nothing comes.
    pub(super) fn next_change(
        &self,
        at: Timestamp,
        from: Option<Timestamp>,
        rule: (&Settings, FeedShape),
    ) -> Option<Timestamp> {
        let mut next = None;
        for limit in self.limits(from?, rule) {
            // Data exactly at its limit is in time, so the change comes the instant after.
            let change = if limit.stale >= at { limit.stale } else { limit.lost };
            if change >= at {
                let change = change + Span::nanos(1);
                next = Some(next.map_or(change, |other: Timestamp| other.min(change)));
            }
        }
        next
    }

    fn limits(&self, from: Timestamp, rule: (&Settings, FeedShape)) -> impl Iterator<Item = Limit> {
        let (settings, shape) = rule;
        let (stale, lost) = (i64::from(settings.stale_after), i64::from(settings.lost_after));
        let mark = if shape.mark { settings.mark_cadence } else { Span::MINUTE };
        let quote = if shape.mark { settings.quote_cadence.unwrap_or(mark) } else { mark };
        let kinds = [(shape.mark, self.mark, mark), (shape.quotes, self.quote, quote), (true, self.bar, Span::MINUTE)];
        kinds.into_iter().filter(|(expected, _, _)| *expected).map(move |(_, last, cadence)| {
            let last = last.unwrap_or(from);
            Limit { stale: last + cadence * stale, lost: last + cadence * lost }
        })
    }
}

fn earliest(slot: &mut Option<Timestamp>, limit: Timestamp, at: Timestamp) {
    if at > limit {
        *slot = Some(slot.map_or(limit, |other| other.min(limit)));
    }
}
