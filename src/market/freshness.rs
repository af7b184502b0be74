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
        let (mut stale, mut lost) = (Timestamp::MAX, Timestamp::MAX);
        self.each_limit(from, rule, |limit| (stale, lost) = (stale.min(limit.stale), lost.min(limit.lost)));
        if at > lost {
            Freshness::Lost { since: lost }
        } else if at > stale {
            Freshness::Stale { since: stale }
        } else {
            Freshness::Live
        }
    }

    /// The next instant after `at` at which the judgement gets worse if nothing comes, and whether all is in time at `at`.
    pub(super) fn next_change(
        &self,
        at: Timestamp,
        from: Option<Timestamp>,
        rule: (&Settings, FeedShape),
    ) -> (Option<Timestamp>, bool) {
        let Some(from) = from else { return (None, false) };
        let (mut next, mut punctual) = (Timestamp::MAX, true);
        self.each_limit(from, rule, |limit| {
            punctual &= limit.stale >= at;
            let change = if limit.stale >= at { limit.stale } else { limit.lost };
            next = if change >= at { next.min(change) } else { next };
        });
        // Data exactly at its limit is in time, so the change comes the instant after.
        ((next < Timestamp::MAX).then(|| next + Span::nanos(1)), punctual)
    }

    /// Looks at the limits of every kind of data that is expected.
    fn each_limit(&self, from: Timestamp, rule: (&Settings, FeedShape), mut look: impl FnMut(Limit)) {
        let (settings, shape) = rule;
        let (stale, lost) = (i64::from(settings.stale_after), i64::from(settings.lost_after));
        let mark = if shape.mark { settings.mark_cadence } else { Span::MINUTE };
        let mut look = |last: Option<Timestamp>, cadence: Span| {
            let last = last.unwrap_or(from);
            look(Limit { stale: last + cadence * stale, lost: last + cadence * lost });
        };
        if shape.mark {
            look(self.mark, mark);
        }
        if shape.quotes {
            look(self.quote, if shape.mark { settings.quote_cadence.unwrap_or(mark) } else { mark });
        }
        look(self.bar, Span::MINUTE);
    }
}
