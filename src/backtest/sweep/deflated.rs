//! How much of the best Sharpe ratio is luck: the best of many trials looks good even if none has any skill.
//!
//! The deflated Sharpe ratio is the probability that the true Sharpe ratio of the best trial is above the one that the best
//! of as many trials without skill would be expected to show. Source: D. H. Bailey, M. López de Prado, "The Deflated Sharpe
//! Ratio: Correcting for Selection Bias, Backtest Overfitting and Non-Normality", Journal of Portfolio Management, 2014.
//!
//! With the Sharpe ratio `s` of daily returns (not of a year), their number `T`, skewness `γ₃` and kurtosis `γ₄`, the
//! variance `V` of the trials' Sharpe ratios, the number of trials `N`, Euler's constant `γ` and the normal distribution `Z`:
//!
//! ```text
//! s₀  = √V · ((1 − γ) · Z⁻¹(1 − 1/N) + γ · Z⁻¹(1 − 1/(N·e)))
//! DSR = Z( (s − s₀) · √(T − 1) / √(1 − γ₃·s + (γ₄ − 1)/4 · s²) )
//! ```
//!
//! The formula asks for independent trials. Neighbours on a grid are alike, so that counting each of them as a trial makes
//! the result err towards doubt.

use std::f64::consts::{E, SQRT_2};

use serde::Serialize;
use statrs::function::erf::{erfc, erfc_inv};

use super::figures::Moments;

const EULER_MASCHERONI: f64 = 0.577_215_664_901_532_9;

/// The best trial in the light of how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Deflated {
    /// Trials that have a Sharpe ratio.
    pub trials: usize,
    /// Daily returns of the best.
    pub days: usize,
    /// Sharpe ratio of its daily returns.
    pub sharpe_daily: f64,
    /// The one that the best of as many trials without skill is expected to show.
    pub expected_of_luck_daily: f64,
    /// Probability that the best trial's true Sharpe ratio is above that one.
    pub deflated_sharpe: f64,
}

/// Deflates the best trial's Sharpe ratio; `all` are those of every trial, its own among them. None with fewer than two
/// trials or returns, or if no trial differs from another.
pub fn deflate(best: &Moments, all: &[f64]) -> Option<Deflated> {
    let trials = all.len() as f64;
    let sharpe = best.sharpe.filter(|_| best.count > 1 && all.len() > 1)?;
    let mean = all.iter().sum::<f64>() / trials;
    let variance = all.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (trials - 1.0);
    let luck = (1.0 - EULER_MASCHERONI) * normal_quantile(1.0 - 1.0 / trials)
        + EULER_MASCHERONI * normal_quantile(1.0 - 1.0 / (trials * E));
    let expected = variance.sqrt() * luck;
    let spread = 1.0 - best.skewness * sharpe + (best.kurtosis - 1.0) / 4.0 * sharpe.powi(2);
    let statistic = (sharpe - expected) * (best.count as f64 - 1.0).sqrt() / spread.sqrt();
    let differ = all.iter().any(|one| *one != all[0]);
    (differ && statistic.is_finite()).then(|| Deflated {
        trials: all.len(),
        days: best.count,
        sharpe_daily: sharpe,
        expected_of_luck_daily: expected,
        deflated_sharpe: normal(statistic),
    })
}

/// The normal distribution.
fn normal(z: f64) -> f64 {
    erfc(-z / SQRT_2) / 2.0
}

/// Its inverse.
fn normal_quantile(p: f64) -> f64 {
    -SQRT_2 * erfc_inv(2.0 * p)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expect: f64, within: f64) {
        assert!((value - expect).abs() < within, "{value} is not {expect}");
    }

    /// The numerical example of the paper: 100 trials whose yearly Sharpe ratios have a variance of 1/2, five years of 250
    /// daily returns, a best ratio of 2.5 a year with skewness −3 and kurtosis 10. It gives 0.1132 a day and 0.9004.
    #[test]
    fn the_example_of_the_paper_is_met() {
        let best = Moments { count: 1_250, sharpe: Some(2.5 / 250_f64.sqrt()), skewness: -3.0, kurtosis: 10.0 };
        // A hundred trials, half above and half below, with the sample variance wanted.
        let spread = (0.5 / 250.0 * 99.0 / 100.0_f64).sqrt();
        let all: Vec<f64> = (0..100).map(|at| if at % 2 == 0 { spread } else { -spread }).collect();
        let found = deflate(&best, &all).unwrap();
        near(found.expected_of_luck_daily, 0.1132, 5e-5);
        near(found.deflated_sharpe, 0.9004, 5e-5);
    }

    #[test]
    fn the_distribution_and_its_inverse_are_the_normal_ones() {
        near(normal(1.959_963_984_540_054), 0.975, 1e-11);
        near(normal_quantile(0.975), 1.959_963_984_540_054, 1e-9);
        near(normal_quantile(normal(-4.0)), -4.0, 1e-6);
    }

    #[test]
    fn without_trials_that_differ_there_is_nothing_to_deflate() {
        let best = Moments { count: 30, sharpe: Some(0.1), skewness: 0.0, kurtosis: 3.0 };
        assert_eq!(deflate(&best, &[0.1]), None);
        assert_eq!(deflate(&best, &[0.1, 0.1, 0.1]), None);
        assert_eq!(deflate(&Moments { sharpe: None, ..best }, &[0.1, 0.2]), None);
        let few = deflate(&best, &[0.1, 0.0, -0.1]).unwrap().deflated_sharpe;
        let many = deflate(&best, &[[0.1, 0.0, -0.1]; 100].concat()).unwrap().deflated_sharpe;
        assert!(many < few && few < 1.0, "the more trials, the less is believed: {few} {many}");
    }
}
