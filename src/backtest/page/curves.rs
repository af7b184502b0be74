//! What the charts over time show: over even steps of time, with every peak and trough kept.

use serde::Serialize;

use super::super::run::Outcome;
use crate::portfolio::statistics::Point;
use crate::types::{Span, Timestamp, Usdt};

/// Steps of a curve: more than the pixels of a wide screen, so that one can look closer.
const MOST_STEPS: i64 = 4_000;
/// The shortest step, in seconds: it is told at its begin and in its middle.
const SHORTEST_STEP: i64 = 2;

/// An instant in seconds, and a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct At(pub i64, pub f64);

/// The curves of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curves {
    /// Equity in USDT.
    pub equity: Vec<At>,
    /// Distance from the highest equity until then, as a negative ratio of it.
    pub drawdown: Vec<At>,
    /// Notional held, at its entry price, as a ratio of equity.
    pub exposure: Vec<At>,
    /// Returns of each UTC month: year, month, ratio.
    pub months: Vec<(i32, u8, f64)>,
    /// Points that the equity curve was made from.
    pub points: usize,
}

impl Curves {
    /// The curves of what came of a run.
    pub fn of(outcome: &Outcome) -> Curves {
        let curve = &outcome.books.equity;
        let equity: Vec<At> = curve.iter().map(|point| At(point.at.as_secs(), point.equity.to_f64())).collect();
        let (from, until) = (outcome.started_at.as_secs(), outcome.ended_at.as_secs());
        let stepped = |points: &[At]| stepped(points, from, until);
        Curves {
            drawdown: stepped(&drawdown(&equity)),
            exposure: stepped(&exposure(outcome)),
            months: months(curve),
            points: equity.len(),
            equity: stepped(&equity),
        }
    }
}

fn drawdown(equity: &[At]) -> Vec<At> {
    let mut peak = f64::MIN;
    let falls = equity.iter().map(|At(at, equity)| {
        peak = peak.max(*equity);
        At(*at, if peak > 0.0 { equity / peak - 1.0 } else { 0.0 })
    });
    falls.collect()
}

/// A step at every opening and closing of a position.
fn exposure(outcome: &Outcome) -> Vec<At> {
    let mut changes: Vec<(Timestamp, Usdt)> = Vec::new();
    for trade in &outcome.books.trades {
        let notional = trade.entry_price.notional(trade.qty);
        changes.extend([(trade.opened_at, notional), (trade.closed_at, -notional)]);
    }
    let open = outcome.view.positions.iter();
    changes.extend(open.map(|position| (position.opened_at, position.entry_price.notional(position.qty))));
    changes.sort_by_key(|(at, _)| *at);
    let (mut held, mut place, mut steps) = (Usdt::ZERO, 0, vec![At(outcome.started_at.as_secs(), 0.0)]);
    let curve = &outcome.books.equity;
    for (at, change) in changes {
        held += change;
        while curve.get(place + 1).is_some_and(|next| next.at <= at) {
            place += 1;
        }
        let equity = curve.get(place).map_or(0.0, |point| point.equity.to_f64());
        steps.push(At(at.as_secs(), if equity > 0.0 { held.to_f64() / equity } else { 0.0 }));
    }
    let last = steps.last().map_or(0.0, |step| step.1);
    steps.push(At(outcome.ended_at.as_secs(), last));
    steps
}

/// The gain of each month over the equity at the end of the one before. Midnight is the end of a day.
fn months(curve: &[Point]) -> Vec<(i32, u8, f64)> {
    let Some(first) = curve.first() else { return Vec::new() };
    let mut months: Vec<(i32, u8, f64)> = Vec::new();
    let (mut base, mut close, mut seen) = (first.equity.to_f64(), first.equity.to_f64(), None);
    let (mut day, mut month) = (i64::MIN, (0, 0));
    for point in curve {
        let instant = point.at - Span::nanos(i64::from(point.at != first.at));
        if instant.day() != day {
            (day, month) = (instant.day(), year_and_month(instant));
        }
        if seen.is_some_and(|seen| seen != month) {
            base = close;
        }
        close = point.equity.to_f64();
        let gain = if base > 0.0 { close / base - 1.0 } else { 0.0 };
        match months.last_mut() {
            Some(last) if (last.0, last.1) == month => last.2 = gain,
            Some(_) | None => months.push((month.0, month.1, gain)),
        }
        seen = Some(month);
    }
    months
}

/// Read off the text of an instant, `2024-10-01T…`.
fn year_and_month(at: Timestamp) -> (i32, u8) {
    let text = at.to_string();
    let mut parts = text.splitn(3, '-');
    let year = parts.next().and_then(|year| year.parse().ok()).unwrap_or_default();
    (year, parts.next().and_then(|month| month.parse().ok()).unwrap_or_default())
}

/// A curve over even steps of time, since a chart gives every point the same room: of each step the lowest and the highest
/// value, in the order in which they came. A value holds until the next one.
fn stepped(points: &[At], from: i64, until: i64) -> Vec<At> {
    let Some(first) = points.first() else { return Vec::new() };
    let fine = if until - from > MOST_STEPS * Span::MINUTE.as_secs() { Span::MINUTE.as_secs() } else { SHORTEST_STEP };
    let step = ((until - from) / MOST_STEPS / fine + 1) * fine;
    let (mut steps, mut place, mut held) = (Vec::new(), 0, first.1);
    let mut begin = from;
    while begin < until {
        while let Some(point) = points.get(place).filter(|point| point.0 <= begin) {
            place += 1;
            held = point.1;
        }
        // The lowest and the highest, each with its place: what holds at the beginning comes first.
        let (mut low, mut high) = ((0, held), (0, held));
        while let Some(point) = points.get(place).filter(|point| point.0 < begin + step) {
            place += 1;
            held = point.1;
            if held < low.1 {
                low = (place, held);
            }
            if held > high.1 {
                high = (place, held);
            }
        }
        let (one, other) = if low.0 <= high.0 { (low.1, high.1) } else { (high.1, low.1) };
        steps.extend([At(begin, one), At(begin + step / 2, other)]);
        begin += step;
    }
    // The last step may reach a little beyond the end.
    let last = steps.last().map_or(from, |last: &At| last.0);
    steps.push(At(until.max(last + 1), points.last().map_or(held, |point| point.1)));
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_even_and_keep_every_extreme() {
        let mut points: Vec<At> = (0..1_000_000).map(|n| At(n * 60, (n as f64 / 5_000.0).sin())).collect();
        points[123_456].1 = 7.0;
        points[654_321].1 = -7.0;
        let steps = stepped(&points, 0, 999_999 * 60);
        assert!(steps.len() as i64 <= 2 * MOST_STEPS + 1 && steps.len() as i64 > MOST_STEPS, "{}", steps.len());
        let values = |wanted: f64| steps.iter().filter(|step| step.1 == wanted).map(|step| step.0).collect::<Vec<_>>();
        assert!((values(7.0)[0] - 123_456 * 60).abs() < 60 * 300 && (values(-7.0)[0] - 654_321 * 60).abs() < 60 * 300);
        let end = steps[steps.len() - 1];
        assert!(end.1 == points[999_999].1 && (end.0 - 999_999 * 60).abs() < 60 * 300, "{end:?}");
        let apart: Vec<i64> = steps.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(apart[..apart.len() - 1].windows(2).all(|pair| pair[0] == pair[1]), "{:?}", &apart[..9]);
    }

    #[test]
    fn a_value_holds_until_the_next() {
        let steps = stepped(&[At(0, 1.0), At(5, 3.0), At(6, 0.0), At(20, 2.0)], 0, 20);
        let at = |second: i64| steps.iter().rfind(|step| step.0 <= second).map(|step| step.1);
        assert_eq!((at(4), at(5), at(6), at(19), at(20)), (Some(1.0), Some(3.0), Some(0.0), Some(0.0), Some(2.0)));
        assert_eq!(stepped(&[], 0, 20), []);
        assert_eq!(stepped(&[At(7, 1.0)], 7, 7), [At(8, 1.0)]);
    }

    #[test]
    fn a_month_ends_at_midnight_and_begins_with_the_equity_of_the_one_before() {
        let at = |text: &str| text.parse::<jiff::Timestamp>().map(|at| Timestamp::from_secs(at.as_second())).unwrap();
        let curve = [
            ("2024-12-30T00:00:00Z", 100),
            ("2025-01-01T00:00:00Z", 110),
            ("2025-01-01T00:01:00Z", 99),
            ("2025-01-31T12:00:00Z", 121),
        ]
        .map(|(text, equity)| Point { at: at(text), equity: Usdt::whole(equity) });
        let months = months(&curve);
        assert_eq!(months.iter().map(|month| (month.0, month.1)).collect::<Vec<_>>(), [(2024, 12), (2025, 1)]);
        assert!((months[0].2 - 0.1).abs() < 1e-12 && (months[1].2 - 0.1).abs() < 1e-12, "{months:?}");
    }
}
