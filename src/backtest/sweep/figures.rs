//! What is kept of one run: a few hundred bytes, whatever its length.

use serde::{Deserialize, Serialize};

use super::super::run::Outcome;
use crate::portfolio::statistics::daily_returns;
use crate::types::Usdt;

/// The figures of one run; `portfolio::statistics` gives each formula. Ratios are bare: 0.05 is 5 %.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Equity at the end, open positions at the mark.
    pub equity: Usdt,
    /// Gain over the whole run.
    pub total_return: Option<f64>,
    /// The same as a compound rate of a year.
    pub annual_return: Option<f64>,
    /// Mean daily return by its standard deviation, of a year.
    pub sharpe: Option<f64>,
    /// Mean daily return by its downside deviation, of a year.
    pub sortino: Option<f64>,
    /// Annual return by the largest drawdown.
    pub calmar: Option<f64>,
    /// The largest drawdown, as a ratio of the peak; none if equity never fell.
    pub drawdown: Option<f64>,
    /// Closed positions.
    pub trades: usize,
    /// Share of them with a net gain.
    pub win_rate: Option<f64>,
    /// Gains by losses.
    pub profit_factor: Option<f64>,
    /// Mean net result of a closed position, in USDT.
    pub expectancy: Option<f64>,
    /// System quality number.
    pub sqn: Option<f64>,
    /// Share of the time with a position.
    pub exposure: Option<f64>,
    /// Traded notional by mean equity.
    pub turnover: Option<f64>,
    /// Fees paid.
    pub fees: Usdt,
    /// Funding received (positive) or paid (negative).
    pub funding: Usdt,
    /// Moments of the daily returns.
    pub moments: Moments,
    /// Daily returns, where somebody will put stretches together.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub daily: Vec<f64>,
    /// Why the engine ended the run before the data did, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_early: Option<String>,
}

/// Moments of a sample of returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many returns.
    pub count: usize,
    /// Mean ÷ sample standard deviation, not of a year; none without a deviation.
    pub sharpe: Option<f64>,
    /// Third standardised moment; 0 for a normal distribution.
    pub skewness: f64,
    /// Fourth standardised moment; 3 for a normal distribution.
    pub kurtosis: f64,
}

impl Figures {
    /// The figures of a run; with `daily`, its daily returns too.
    pub fn new(outcome: &Outcome, daily: bool) -> Figures {
        let curve = &outcome.books.equity;
        let all = outcome.statistics();
        let returns = daily_returns(curve);
        Figures {
            equity: outcome.view.equity,
            total_return: all.total_return,
            annual_return: all.annual_return,
            sharpe: all.sharpe,
            sortino: all.sortino,
            calmar: all.calmar,
            drawdown: all.drawdown.map(|fall| fall.ratio),
            trades: all.trades,
            win_rate: all.win_rate,
            profit_factor: all.profit_factor,
            expectancy: all.expectancy,
            sqn: all.sqn,
            exposure: all.exposure,
            turnover: all.turnover,
            fees: outcome.view.fees,
            funding: outcome.view.funding,
            moments: Moments::of(&returns),
            daily: if daily { returns } else { Vec::new() },
            ended_early: outcome.left.clone(),
        }
    }
}

impl Moments {
    /// Of a sample.
    pub fn of(returns: &[f64]) -> Moments {
        let count = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / count;
        let central = |power: i32| returns.iter().map(|one| (one - mean).powi(power)).sum::<f64>();
        let variance = central(2) / count;
        let sample = (central(2) / (count - 1.0)).sqrt();
        let spreads = variance > 0.0 && sample.is_finite();
        Moments {
            count: returns.len(),
            sharpe: spreads.then(|| mean / sample),
            skewness: if spreads { central(3) / count / variance.powf(1.5) } else { 0.0 },
            kurtosis: if spreads { central(4) / count / variance.powi(2) } else { 3.0 },
        }
    }
}

/// What runs are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Sharpe ratio of a year.
    Sharpe,
    /// Sortino ratio of a year.
    Sortino,
    /// Annual return by the largest drawdown.
    Calmar,
    /// Gain over the whole run.
    TotalReturn,
    /// Compound rate of a year.
    AnnualReturn,
    /// Gains by losses.
    ProfitFactor,
    /// Mean net result of a closed position.
    Expectancy,
    /// System quality number.
    Sqn,
    /// Share of closed positions with a net gain.
    WinRate,
    /// The largest drawdown: the less the better.
    Drawdown,
}

impl Metric {
    /// Every one.
    pub const ALL: [Metric; 10] = [
        Metric::Sharpe,
        Metric::Sortino,
        Metric::Calmar,
        Metric::TotalReturn,
        Metric::AnnualReturn,
        Metric::ProfitFactor,
        Metric::Expectancy,
        Metric::Sqn,
        Metric::WinRate,
        Metric::Drawdown,
    ];

    /// As it is written on the command line and in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Metric::Sharpe => "sharpe",
            Metric::Sortino => "sortino",
            Metric::Calmar => "calmar",
            Metric::TotalReturn => "total_return",
            Metric::AnnualReturn => "annual_return",
            Metric::ProfitFactor => "profit_factor",
            Metric::Expectancy => "expectancy",
            Metric::Sqn => "sqn",
            Metric::WinRate => "win_rate",
            Metric::Drawdown => "drawdown",
        }
    }

    /// Is it a ratio that people read in per cent?
    pub const fn is_percent(self) -> bool {
        match self {
            Metric::TotalReturn | Metric::AnnualReturn | Metric::WinRate | Metric::Drawdown => true,
            Metric::Sharpe
            | Metric::Sortino
            | Metric::Calmar
            | Metric::ProfitFactor
            | Metric::Expectancy
            | Metric::Sqn => false,
        }
    }

    /// The figure itself. A run whose equity never fell has a drawdown of zero.
    pub fn of(self, figures: &Figures) -> Option<f64> {
        match self {
            Metric::Sharpe => figures.sharpe,
            Metric::Sortino => figures.sortino,
            Metric::Calmar => figures.calmar,
            Metric::TotalReturn => figures.total_return,
            Metric::AnnualReturn => figures.annual_return,
            Metric::ProfitFactor => figures.profit_factor,
            Metric::Expectancy => figures.expectancy,
            Metric::Sqn => figures.sqn,
            Metric::WinRate => figures.win_rate,
            Metric::Drawdown => figures.total_return.map(|_| figures.drawdown.unwrap_or_default()),
        }
    }

    /// A number that is greater for the better run; none for one without the figure, which is the worst.
    pub fn score(self, figures: &Figures) -> Option<f64> {
        self.of(figures).map(|value| if self == Metric::Drawdown { -value } else { value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values expected are of another program, by the definitions of the moments.
    #[test]
    fn moments_are_those_of_the_textbook() {
        let moments = Moments::of(&[0.01, -0.02, 0.03, 0.005, -0.001, 0.04, -0.015]);
        let near = |value: f64, expect: f64| assert!((value - expect).abs() < 1e-12, "{value} {expect}");
        near(moments.sharpe.unwrap(), 0.317_962_910_816_254_66);
        near(moments.skewness, 0.291_542_017_534_292_6);
        near(moments.kurtosis, 1.850_603_751_165_972_5);
        assert_eq!(Moments::of(&[0.01, 0.01]).sharpe, None);
        assert_eq!(Moments::of(&[]).sharpe, None);
    }
}
