//! What each figure of a report means, for people: its definition and where that comes from.

use serde::Serialize;

/// How a figure is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A ratio, shown in percent.
    Percent,
    /// A bare number.
    Number,
    /// Money.
    Usdt,
    /// A length of time.
    Time,
    /// A fall from a peak, with its amount and its times.
    Drawdown,
}

/// One figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// Its name in the JSON report.
    pub key: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// How it is written.
    pub unit: Unit,
    /// How it is computed.
    pub definition: &'static str,
    /// Where the definition comes from.
    pub source: &'static str,
}

const fn figure(
    key: &'static str,
    title: &'static str,
    unit: Unit,
    definition: &'static str,
    source: &'static str,
) -> Figure {
    Figure { key, title, unit, definition, source }
}

/// The books themselves are the source.
const BOOKS: &str = "the account's books";
/// Used as everybody uses it.
const COMMON: &str = "common usage";

/// Every figure, in the order of a report.
pub const FIGURES: [Figure; 16] = [
    figure(
        "total_return",
        "Total return",
        Unit::Percent,
        "last equity ÷ first equity − 1; open positions at the mark",
        COMMON,
    ),
    figure(
        "annual_return",
        "Annual return",
        Unit::Percent,
        "(last equity ÷ first equity)^(365 days ÷ length) − 1; none for less than a day",
        "compound annual growth rate",
    ),
    figure(
        "sharpe",
        "Sharpe",
        Unit::Number,
        "mean ÷ sample standard deviation of daily returns × √365, riskless rate 0; days are UTC, quiet ones count",
        "W. F. Sharpe, The Sharpe Ratio, Journal of Portfolio Management, 1994",
    ),
    figure(
        "sortino",
        "Sortino",
        Unit::Number,
        "mean of daily returns ÷ √(mean of squared negative returns over all days) × √365, target 0",
        "F. A. Sortino, L. N. Price, Performance Measurement in a Downside Risk Framework, 1994",
    ),
    figure(
        "calmar",
        "Calmar",
        Unit::Number,
        "annual return ÷ maximum drawdown, over the whole run",
        "T. W. Young, Calmar Ratio: A Smoother Tool, Futures, 1991",
    ),
    figure(
        "drawdown",
        "Maximum drawdown",
        Unit::Drawdown,
        "largest fall of equity from a peak, as a ratio of the peak; its length runs from the peak until equity is as high \
         again, or to the end",
        COMMON,
    ),
    figure(
        "longest_under_water",
        "Longest under water",
        Unit::Time,
        "longest time from a peak until equity is as high again, or to the end",
        COMMON,
    ),
    figure("trades", "Trades", Unit::Number, "completed round trips, from flat to flat", BOOKS),
    figure("win_rate", "Win rate", Unit::Percent, "share of trades with a net gain, after fees and funding", COMMON),
    figure(
        "profit_factor",
        "Profit factor",
        Unit::Number,
        "sum of net gains ÷ sum of net losses; none without a loss",
        COMMON,
    ),
    figure("expectancy", "Expectancy", Unit::Usdt, "mean net result of a trade", COMMON),
    figure(
        "sqn",
        "SQN",
        Unit::Number,
        "√n × mean ÷ sample standard deviation of the net results of the n trades, in USDT",
        "V. K. Tharp, The Definitive Guide to Position Sizing, 2008 (there in units of risk)",
    ),
    figure("exposure", "Exposure", Unit::Percent, "share of the time with at least one position open", COMMON),
    figure("turnover", "Turnover", Unit::Number, "notional of everything bought and sold ÷ mean equity", COMMON),
    figure("fees", "Fees", Unit::Usdt, "trading fees paid, rebates taken off", BOOKS),
    figure("funding", "Funding", Unit::Usdt, "funding received less funding paid", BOOKS),
];
