//! The walk of one symbol, minute by minute: where it is, and what the regime makes of it.

use super::super::random;
use super::market::Market;
use crate::types::{Span, Timestamp};

/// Share of its distance from the reference price that the walk is pulled back each minute: half in eight hours,
/// so that it stays within some tens of percent for ever.
pub(super) const PULL: f64 = 1.0 / 720.0;
/// Farthest that the walk goes from the reference price.
pub(super) const FARTHEST: f64 = 0.6;
/// Spread of the first place.
const FIRST: f64 = 0.04;

/// What the kind of a draw is called in its key.
const KIND: u64 = 1;
const DIRECTION: u64 = 2;
const RETURN: u64 = 3;
const JUMP: u64 = 4;
const PLACE: u64 = 5;

/// What a stretch of the market is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Regime {
    /// A steady drift, the same way for all symbols that trend at the time.
    Trending { up: bool },
    /// Held near where it began.
    Ranging,
    /// Large moves without direction.
    Volatile,
    /// Quiet, but for jumps between two trades.
    Gapping,
}

impl Regime {
    pub(super) fn of(market: &Market, opened: Timestamp) -> Regime {
        let block = (opened.as_secs() / 60).div_euclid(market.regime_minutes) as u64;
        match market.chance(&[KIND, block]) {
            draw if draw < 0.3 => {
                Regime::Trending { up: random::unit(random::key(&[market.common, DIRECTION, block])) < 0.5 }
            }
            draw if draw < 0.65 => Regime::Ranging,
            draw if draw < 0.85 => Regime::Volatile,
            _ => Regime::Gapping,
        }
    }
}

/// Where the walk is: a place of 0.1 is a price one tenth above the reference.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    place: f64,
    /// Where the current regime found it.
    anchor: f64,
    next: Timestamp,
}

/// What a minute does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// When the minute opens.
    pub(super) opened: Timestamp,
    /// The place it opens at; away from the last one's end if it opens with a jump.
    pub(super) from: f64,
    /// The place it ends at.
    pub(super) to: f64,
    /// Standard deviation of a minute's return in its regime.
    pub(super) sigma: f64,
}

impl Walk {
    /// The walk as the session finds it.
    pub(super) fn begin(market: &Market, start: Timestamp) -> Walk {
        let place = FIRST * market.shock(&[PLACE]);
        Walk { place, anchor: place, next: start }
    }

    /// Where it is.
    pub(super) fn place(&self) -> f64 {
        self.place
    }

    /// Goes on by a minute.
    pub(super) fn step(&mut self, market: &Market) -> Step {
        let opened = self.next;
        let minute = (opened.as_secs() / 60) as u64;
        if minute.is_multiple_of(market.regime_minutes.unsigned_abs()) {
            self.anchor = self.place;
        }
        let regime = Regime::of(market, opened);
        let (scale, drift) = match regime {
            Regime::Trending { up: true } => (0.9, 0.25 * market.sigma),
            Regime::Trending { up: false } => (0.9, -0.25 * market.sigma),
            Regime::Ranging => (0.95, 0.1 * (self.anchor - self.place)),
            Regime::Volatile => (1.5, 0.0),
            Regime::Gapping => (0.85, 0.0),
        };
        let sigma = scale * market.sigma;
        let from = clamp(self.place + jump(market, regime, minute));
        let shock = sigma * market.shock(&[RETURN, minute]);
        let to = clamp(from - PULL * from + drift + shock);
        self.place = to;
        self.next = opened + Span::MINUTE;
        Step { opened, from, to, sigma }
    }
}

/// In a gapping market one minute in twelve opens away from the last trade, by four to eight standard deviations.
fn jump(market: &Market, regime: Regime, minute: u64) -> f64 {
    let draw = market.chance(&[JUMP, minute]);
    if regime != Regime::Gapping || draw >= 1.0 / 12.0 {
        return 0.0;
    }
    let size = market.sigma * (4.0 + 4.0 * market.chance(&[JUMP, minute, 1]));
    if market.chance(&[JUMP, minute, 2]) < 0.5 { size } else { -size }
}

pub(super) fn clamp(place: f64) -> f64 {
    place.clamp(-FARTHEST, FARTHEST)
}
