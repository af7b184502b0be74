//! Figures by which a run is judged, from its curve of equity and its round trips. They are for people: floats, and
//! nothing that trades reads them. A figure that the data cannot give is `None`, never zero or infinity.

#![expect(clippy::float_arithmetic, reason = "ratios for people, which never come back into the books")]

mod figures;
mod reshuffle;

use serde::{Deserialize, Serialize, Serializer};

pub use figures::{FIGURES, Figure, Unit};
pub use reshuffle::{Reshuffled, reshuffle};

use crate::protocol::TradeRow;
use crate::types::{Span, Timestamp, Usdt};

/// Days in a year of a market that never closes.
const DAYS_A_YEAR: f64 = 365.0;

/// Equity at an instant; a curve is a list of these in the order of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// Cash and unrealised results.
    pub equity: Usdt,
}

/// The largest fall from a peak.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Drawdown {
    /// How far it fell, as a ratio of the peak.
    pub ratio: f64,
    /// The same in USDT.
    pub amount: Usdt,
    /// When the peak was.
    #[serde(serialize_with = "written")]
    pub peak_at: Timestamp,
    /// When it had fallen furthest.
    #[serde(serialize_with = "written")]
    pub trough_at: Timestamp,
    /// When the peak was reached again; none if it was not.
    #[serde(serialize_with = "written_if_any")]
    pub recovered_at: Option<Timestamp>,
    /// From the peak to the recovery, or to the end of the curve.
    pub length: Span,
}

/// An instant as ISO 8601.
fn written<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn written_if_any<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(serializer)
}

/// Every figure of one run. Ratios are bare: 0.05 is 5 %.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Gain over the whole curve.
    pub total_return: Option<f64>,
    /// The same as a compound rate of a year.
    pub annual_return: Option<f64>,
    /// Mean daily return by its standard deviation, of a year.
    pub sharpe: Option<f64>,
    /// Mean daily return by its downside deviation, of a year.
    pub sortino: Option<f64>,
    /// Annual return by the largest drawdown.
    pub calmar: Option<f64>,
    /// The largest drawdown.
    pub drawdown: Option<Drawdown>,
    /// Longest time from a peak until it was reached again.
    pub longest_under_water: Span,
    /// Round trips.
    pub trades: usize,
    /// Share of them that brought a net gain.
    pub win_rate: Option<f64>,
    /// Gains by losses.
    pub profit_factor: Option<f64>,
    /// Mean net result of a round trip in USDT.
    pub expectancy: Option<f64>,
    /// System quality number.
    pub sqn: Option<f64>,
    /// Share of the time with a position.
    pub exposure: Option<f64>,
    /// Traded notional by mean equity.
    pub turnover: Option<f64>,
}

/// What a run is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Equity, oldest first.
    pub curve: &'a [Point],
    /// Round trips, oldest first.
    pub trades: &'a [TradeRow],
    /// When the positions were opened that are still open at the end.
    pub open_since: &'a [Timestamp],
    /// Notional of everything that was bought and sold.
    pub traded: Usdt,
}

impl Record<'_> {
    /// All figures of a run.
    pub fn statistics(&self) -> Statistics {
        let Record { curve, trades, open_since, traded } = *self;
        let returns = daily_returns(curve);
        Statistics {
            total_return: total_return(curve),
            annual_return: annual_return(curve),
            sharpe: sharpe(&returns),
            sortino: sortino(&returns),
            calmar: calmar(curve),
            drawdown: max_drawdown(curve),
            longest_under_water: longest_under_water(curve),
            trades: trades.len(),
            win_rate: win_rate(trades),
            profit_factor: profit_factor(trades),
            expectancy: expectancy(trades),
            sqn: sqn(trades),
            exposure: exposure(curve, trades, open_since),
            turnover: turnover(curve, traded),
        }
    }
}

/// All figures of a curve and of the round trips that closed on it; what is still open at its end does not count.
pub fn statistics(curve: &[Point], trades: &[TradeRow]) -> Statistics {
    let traded = trades.iter().map(|one| one.entry_price.notional(one.qty) + one.exit_price.notional(one.qty));
    Record { curve, trades, open_since: &[], traded: traded.sum() }.statistics()
}

/// Last equity ÷ first equity − 1. None without a positive beginning.
pub fn total_return(curve: &[Point]) -> Option<f64> {
    let (first, last) = (curve.first()?, curve.last()?);
    first.equity.is_positive().then(|| last.equity.to_f64() / first.equity.to_f64() - 1.0)
}

/// Compound annual growth: `(last ÷ first)^(365 days ÷ length) − 1`. None for less than a day, from which a year
/// cannot be told, or if everything was lost.
pub fn annual_return(curve: &[Point]) -> Option<f64> {
    let growth = total_return(curve)? + 1.0;
    let days = days(curve.last()?.at - curve.first()?.at);
    (growth > 0.0 && days >= 1.0).then(|| growth.powf(DAYS_A_YEAR / days) - 1.0)
}

/// Returns from one UTC day's end to the next. A point at midnight is the close of the day that ends there. A day without
/// a point carries the one before, so that quiet days count as days of no return; the first point stands for the close
/// before the first day.
pub fn daily_returns(curve: &[Point]) -> Vec<f64> {
    let Some(first) = curve.first() else { return Vec::new() };
    let mut returns = Vec::new();
    let (start, rest) = (first.equity.to_f64(), &curve[1..]);
    let (mut day, mut base, mut close) = (first.at.day(), start, start);
    for point in rest {
        while day < last_day_before(point.at) {
            returns.push(ratio(close - base, base).unwrap_or_default());
            base = close;
            day += 1;
        }
        close = point.equity.to_f64();
    }
    if !rest.is_empty() {
        returns.push(ratio(close - base, base).unwrap_or_default());
    }
    returns
}

/// The day that ends at an instant, or that it lies in.
fn last_day_before(at: Timestamp) -> i64 {
    (at - Span::nanos(1)).day()
}

/// Sharpe ratio of a year with a riskless rate of zero: mean ÷ sample standard deviation × √365.
/// Source: W. F. Sharpe, "The Sharpe Ratio", Journal of Portfolio Management, 1994.
pub fn sharpe(daily: &[f64]) -> Option<f64> {
    ratio(mean(daily)?, deviation(daily)?).map(|ratio| ratio * DAYS_A_YEAR.sqrt())
}

/// Sortino ratio of a year with a target of zero: mean ÷ √(mean of squared negative returns over all days) × √365. None for
/// fewer than two days, as for Sharpe's.
/// Source: F. A. Sortino, L. N. Price, "Performance Measurement in a Downside Risk Framework", 1994.
pub fn sortino(daily: &[f64]) -> Option<f64> {
    let squares: Vec<f64> = daily.iter().map(|one| one.min(0.0).powi(2)).collect();
    let daily = Some(daily).filter(|daily| daily.len() > 1)?;
    ratio(mean(daily)?, mean(&squares)?.sqrt()).map(|ratio| ratio * DAYS_A_YEAR.sqrt())
}

/// Annual return ÷ largest drawdown. Source: T. W. Young, "Calmar Ratio: A Smoother Tool", Futures, 1991 (there over
/// three years; here over the whole curve).
pub fn calmar(curve: &[Point]) -> Option<f64> {
    ratio(annual_return(curve)?, max_drawdown(curve)?.ratio)
}

/// The largest fall from a peak, by ratio. None if equity never fell.
pub fn max_drawdown(curve: &[Point]) -> Option<Drawdown> {
    let mut peak = curve.first()?;
    let mut worst: Option<(f64, &Point, &Point)> = None;
    for point in curve {
        if point.equity >= peak.equity {
            peak = point;
        }
        let fall = ratio((peak.equity - point.equity).to_f64(), peak.equity.to_f64()).unwrap_or_default();
        if fall > worst.map_or(0.0, |(ratio, ..)| ratio) {
            worst = Some((fall, peak, point));
        }
    }
    let (ratio, peak, trough) = worst?;
    let recovered = curve.iter().find(|point| point.at > trough.at && point.equity >= peak.equity);
    let until = recovered.map_or(curve.last()?.at, |point| point.at);
    Some(Drawdown {
        ratio,
        amount: peak.equity - trough.equity,
        peak_at: peak.at,
        trough_at: trough.at,
        recovered_at: recovered.map(|point| point.at),
        length: until - peak.at,
    })
}

/// The longest time from a peak until equity was as high again, or until the end of the curve.
pub fn longest_under_water(curve: &[Point]) -> Span {
    let Some(mut peak) = curve.first() else { return Span::ZERO };
    let mut longest = Span::ZERO;
    let mut below = false;
    for point in curve {
        let back = point.equity >= peak.equity;
        if below || !back {
            longest = longest.max(point.at - peak.at);
        }
        below = !back;
        if back {
            peak = point;
        }
    }
    longest
}

/// Share of round trips with a net gain.
pub fn win_rate(trades: &[TradeRow]) -> Option<f64> {
    let wins = trades.iter().filter(|trade| trade.net().is_positive()).count();
    ratio(wins as f64, trades.len() as f64)
}

/// Sum of net gains ÷ sum of net losses. None without a loss.
pub fn profit_factor(trades: &[TradeRow]) -> Option<f64> {
    let gains: Usdt = trades.iter().map(|trade| trade.net().max(Usdt::ZERO)).sum();
    let losses: Usdt = trades.iter().map(|trade| trade.net().min(Usdt::ZERO)).sum();
    ratio(gains.to_f64(), -losses.to_f64())
}

/// Mean net result of a round trip, in USDT.
pub fn expectancy(trades: &[TradeRow]) -> Option<f64> {
    mean(&results(trades))
}

/// System quality number: √n × mean ÷ sample standard deviation of the net results. Source: V. K. Tharp, "The
/// Definitive Guide to Position Sizing", 2008; there of results in units of risk, here in USDT.
pub fn sqn(trades: &[TradeRow]) -> Option<f64> {
    let results = results(trades);
    ratio(mean(&results)?, deviation(&results)?).map(|ratio| ratio * (results.len() as f64).sqrt())
}

/// Share of the curve's time during which at least one position was open.
pub fn exposure(curve: &[Point], trades: &[TradeRow], open_since: &[Timestamp]) -> Option<f64> {
    let (from, until) = (curve.first()?.at, curve.last()?.at);
    let closed = trades.iter().map(|trade| (trade.opened_at.max(from), trade.closed_at.min(until)));
    let mut held: Vec<_> = closed.chain(open_since.iter().map(|opened| ((*opened).max(from), until))).collect();
    held.sort_unstable();
    let (mut total, mut covered) = (Span::ZERO, from);
    for (opened, closed) in held {
        total = total + closed.since(opened.max(covered));
        covered = covered.max(closed);
    }
    ratio(days(total), days(until - from))
}

/// Notional of everything bought and sold ÷ mean equity of the curve's points.
pub fn turnover(curve: &[Point], traded: Usdt) -> Option<f64> {
    let equity: Vec<f64> = curve.iter().map(|point| point.equity.to_f64()).collect();
    ratio(traded.to_f64(), mean(&equity)?)
}

fn results(trades: &[TradeRow]) -> Vec<f64> {
    trades.iter().map(|trade| trade.net().to_f64()).collect()
}

fn days(span: Span) -> f64 {
    span.as_nanos() as f64 / Span::DAY.as_nanos() as f64
}

fn mean(values: &[f64]) -> Option<f64> {
    ratio(values.iter().sum(), values.len() as f64)
}

/// Sample standard deviation (n − 1). None for fewer than two values.
fn deviation(values: &[f64]) -> Option<f64> {
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    ratio(squares, values.len() as f64 - 1.0).map(f64::sqrt)
}

/// A quotient, if it is a number.
fn ratio(of: f64, by: f64) -> Option<f64> {
    (by > 0.0).then_some(of / by).filter(|ratio| ratio.is_finite())
}

#[cfg(test)]
mod tests;
