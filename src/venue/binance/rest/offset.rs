//! The venue's clock against ours.

use crate::types::{Span, Timestamp};

/// The venue's time minus ours, and how far off that may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offset {
    /// Venue time minus ours.
    pub offset: Span,
    /// Half the round trip of the sample that it is from.
    pub uncertainty: Span,
    /// When it was measured, by our clock.
    pub measured_at: Timestamp,
}

/// One question for the time: when it left, what it said, when the answer was here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub sent: Timestamp,
    pub said: Timestamp,
    pub received: Timestamp,
}

/// The offset by the sample with the shortest round trip, which leaves least room for doubt.
pub(super) fn of(samples: &[Sample]) -> Option<Offset> {
    let round_trip = |sample: &&Sample| sample.received.since(sample.sent);
    let best = samples.iter().min_by_key(round_trip)?;
    let half = Span::nanos(best.received.since(best.sent).as_nanos() / 2);
    Some(Offset { offset: best.said - (best.sent + half), uncertainty: half, measured_at: best.received })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_round_trip_is_believed() {
        let ms = Timestamp::from_millis;
        let sample = |sent, said, received| Sample { sent: ms(sent), said: ms(said), received: ms(received) };
        let offset = of(&[sample(0, 1_500, 400), sample(1_000, 2_280, 1_020), sample(2_000, 9_000, 2_900)]);
        let expect = Offset { offset: Span::millis(1_270), uncertainty: Span::millis(10), measured_at: ms(1_020) };
        assert_eq!(offset, Some(expect));
        assert_eq!(of(&[]), None);
    }
}
