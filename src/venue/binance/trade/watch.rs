//! Whether the user-data stream tells what it should. A stream that is connected and silent looks like an account at which
//! nothing happens; so what REST has answered is expected on the stream, and if it does not come, the stream is dead.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::types::{ClientOrderId, Span};

/// The stream tells of an order within this time of its answer. It usually comes before it.
pub(super) const TELLS_WITHIN: Span = Span::secs(3);
/// Ends of orders that are remembered, to know that the stream has told of them: far more than are asked after at once.
const ENDS_KEPT: usize = 4_096;

/// What is expected of the stream. Times are the process's uptime.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Orders that were sent and that the stream has not told of; since when, once the venue has answered.
    expected: BTreeMap<ClientOrderId, Option<Span>>,
    ended: BTreeSet<ClientOrderId>,
    order: VecDeque<ClientOrderId>,
    suspected: bool,
}

impl Watch {
    /// An order is about to be sent.
    pub(super) fn sent(&mut self, id: ClientOrderId) {
        self.expected.insert(id, None);
    }

    /// The venue says that it took the order.
    pub(super) fn taken(&mut self, id: ClientOrderId, now: Span) {
        if let Some(since) = self.expected.get_mut(&id) {
            *since = Some(now);
        }
    }

    /// The venue did not take the order, or nobody knows.
    pub(super) fn not_taken(&mut self, id: ClientOrderId) {
        self.expected.remove(&id);
    }

    /// The stream has told of an order.
    pub(super) fn told(&mut self, id: ClientOrderId, ended: bool) {
        self.expected.remove(&id);
        if ended && self.ended.insert(id) {
            self.order.push_back(id);
            if self.order.len() > ENDS_KEPT
                && let Some(oldest) = self.order.pop_front()
            {
                self.ended.remove(&oldest);
            }
        }
    }

    /// A question has shown that an order ended a while ago. The stream should have told.
    pub(super) fn found_ended(&mut self, id: ClientOrderId, ago: Span) {
        self.suspected |= ago > TELLS_WITHIN && !self.ended.contains(&id);
    }

    /// Is the stream silent about something?
    pub(super) fn is_dead(&self, now: Span) -> bool {
        self.suspected || self.expected.values().flatten().any(|since| now - *since > TELLS_WITHIN)
    }

    /// Another connection begins: nothing of before is expected of it.
    pub(super) fn begin(&mut self) {
        self.expected.clear();
        self.suspected = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ClientOrderId {
        text.parse().expect("an id")
    }

    #[test]
    fn a_stream_that_does_not_tell_what_was_answered_is_dead() {
        let mut watch = Watch::default();
        watch.sent(id("a"));
        assert!(!watch.is_dead(Span::HOUR), "without an answer nothing is expected");
        watch.taken(id("a"), Span::secs(10));
        assert!(!watch.is_dead(Span::secs(13)));
        assert!(watch.is_dead(Span::secs(14)));
        watch.begin();
        assert!(!watch.is_dead(Span::HOUR));
    }

    #[test]
    fn what_the_stream_tells_first_is_not_expected_any_more() {
        let mut watch = Watch::default();
        watch.sent(id("a"));
        watch.told(id("a"), false);
        watch.taken(id("a"), Span::ZERO);
        watch.sent(id("b"));
        watch.not_taken(id("b"));
        assert!(!watch.is_dead(Span::HOUR));
    }

    #[test]
    fn an_end_that_is_found_by_asking_was_not_told() {
        let mut watch = Watch::default();
        watch.told(id("a"), true);
        watch.found_ended(id("a"), Span::MINUTE);
        watch.found_ended(id("b"), Span::SECOND);
        assert!(!watch.is_dead(Span::ZERO), "it was told, or may yet be");
        watch.found_ended(id("b"), Span::MINUTE);
        assert!(watch.is_dead(Span::ZERO));
    }
}
