//! What was before the session began, walked backwards from its first price. The walk is its own mirror image in
//! time, so the past is of the same kind as the session. It is as fine as it is near: minutes for three days,
//! then coarser, each stretch joining the next; longer bars are made from shorter ones. Eight hundred bars of
//! every timeframe are there, for the price of some thousand draws.

use super::super::aggregate::Fold;
use super::super::random;
use super::market::Market;
use super::walk::{PULL, Walk, clamp};
use crate::protocol::Bar;
use crate::types::{Span, Timeframe, Timestamp};

/// How many days of the past are made of which bars, from the session's start backwards. Whole days, so that
/// every timeframe is aligned in each stretch.
const STRETCHES: [(Timeframe, i64); 4] =
    [(Timeframe::M1, 3), (Timeframe::M5, 14), (Timeframe::M30, 60), (Timeframe::H4, 1_000)];

/// What the kind of a draw is called in its key.
const PAST: u64 = 20;
const WICK: u64 = 21;
const MOOD: u64 = 22;

/// The bars of a timeframe that opened at or after `from` and closed by `until`, oldest first.
pub(super) fn bars(
    market: &Market,
    start: Timestamp,
    timeframe: Timeframe,
    from: Timestamp,
    until: Timestamp,
) -> Vec<Bar> {
    let mut fold = Fold::new(timeframe);
    let mut place = Walk::begin(market, start).place();
    let mut end = start;
    let mut newest_first = Vec::new();
    for (grain, days) in STRETCHES {
        if grain > timeframe {
            break;
        }
        let pace = Pace::new(market, grain);
        let oldest = end - Span::DAY * days;
        while end > oldest && end > from {
            let opened = end - grain.span();
            let (bar, before) = pace.bar(market, opened, place);
            newest_first.extend(fold.push(bar, grain.minutes()));
            place = before;
            end = opened;
        }
    }
    newest_first.retain(|bar| bar.open_time >= from && bar.open_time + timeframe.span() <= until);
    newest_first.reverse();
    newest_first
}

/// How the walk goes over bars of one length.
struct Pace {
    grain: Timeframe,
    /// What is left of a distance after a bar.
    keep: f64,
    /// Standard deviation of a bar's return.
    sigma: f64,
}

impl Pace {
    /// The same walk looked at every n minutes: a distance shrinks to (1 − pull)ⁿ, and the variances of the
    /// minutes between add up as a geometric series.
    fn new(market: &Market, grain: Timeframe) -> Pace {
        let keep_minute = 1.0 - PULL;
        let keep = (0..grain.minutes()).fold(1.0, |keep, _| keep * keep_minute);
        let variance = (1.0 - keep * keep) / (1.0 - keep_minute * keep_minute);
        Pace { grain, keep, sigma: market.sigma * variance.sqrt() }
    }

    /// The bar that ends at a place, and the place it began at.
    fn bar(&self, market: &Market, opened: Timestamp, place: f64) -> (Bar, f64) {
        let at = opened.as_secs() as u64;
        let mood = 0.7 + 0.8 * market.chance(&[MOOD, opened.day() as u64]);
        let sigma = self.sigma * mood;
        let before = clamp(self.keep * place + sigma * market.shock(&[PAST, self.grain.minutes() as u64, at]));
        let mut rng = random::generator(random::key(&[market.key, WICK, self.grain.minutes() as u64, at]));
        let mut wick = || excursion(before - place, sigma, random::normal(&mut rng), random::normal(&mut rng));
        let (up, down) = (wick(), wick());
        let volume =
            market.lot * (30.0 * 6.0 * self.grain.minutes() as f64 * (0.5 + market.chance(&[WICK, at]))) as i64;
        let bar = Bar {
            open_time: opened,
            open: market.price(market.ticks(before)),
            high: market.price(market.ticks(before.max(place) + up)),
            low: market.price(market.ticks(before.min(place) - down)),
            close: market.price(market.ticks(place)),
            volume,
        };
        (bar, before)
    }
}

/// How far a Brownian bridge over a distance goes beyond its farther end. The law is
/// (√(d² − 2σ² ln u) − |d|) / 2 with u even; −2 ln u is distributed as the sum of two squared normals.
fn excursion(distance: f64, sigma: f64, one: f64, other: f64) -> f64 {
    let square = distance * distance + sigma * sigma * (one * one + other * other);
    (square.sqrt() - distance.abs()) / 2.0
}
