//! What can be set about the simulated exchange.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::latency::{self, LatencyPoint};
use crate::types::{Rate, Span, Usdt};

/// Most points of a table: more would be a book, not a setting.
const MAX_POINTS: usize = 64;
/// Longest receive window that Binance takes.
const MAX_RECV_WINDOW: Span = Span::secs(60);

/// The simulated exchange. What the market feed does not carry is made from these numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Distance between best bid and best ask where the feed has neither quotes nor a book.
    pub spread: Rate,
    /// What rests at and beyond the best price where the feed has no book, nearest first. The first point is at 0%;
    /// where the feed has quotes, their quantity takes its place.
    pub depth: Vec<DepthPoint>,
    /// Share of a bar's volume that can reach resting orders where the feed has bars alone.
    pub bar_share: Rate,
    /// Funding rate for eight hours where the feed has none; positive when longs pay shorts.
    pub funding_rate: Rate,
    /// How long after the hour a funding is settled. The feed's own record of it is waited for until then.
    pub funding_delay: Span,
    /// How long a request takes to the exchange, as points of its distribution; none means no time at all.
    pub request_latency: Vec<LatencyPoint>,
    /// How long a report takes back, as points of its distribution; none means no time at all.
    pub report_latency: Vec<LatencyPoint>,
    /// A request that arrives later than this after it was stamped is refused.
    pub recv_window: Span,
    /// Open orders that an account may have on one instrument, conditional orders not counted.
    pub max_open_orders: u32,
    /// Conditional orders that an account may have open over all instruments.
    pub max_conditional_orders: u32,
    /// Ended orders of an account that can still be queried.
    pub keep_ended_orders: u32,
    /// How long an ended order can be queried.
    pub keep_ended_for: Span,
    /// Fills of an account that can still be listed.
    pub keep_fills: u32,
}

/// A point of the assumed book: this much more is offered at this distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DepthPoint {
    /// Distance from the best price.
    pub distance: Rate,
    /// Worth of what rests at that distance, in USDT.
    pub notional: Usdt,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{setting}` is {value}: {remedy}")]
pub struct SettingError {
    /// Its name.
    pub setting: &'static str,
    /// Its value.
    pub value: String,
    /// What to write instead.
    pub remedy: &'static str,
}

impl SettingError {
    pub(super) fn new(setting: &'static str, value: impl ToString, remedy: &'static str) -> SettingError {
        SettingError { setting, value: value.to_string(), remedy }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        let point = |bps: i64, thousands: i64| DepthPoint {
            distance: Rate::bps(bps),
            notional: Usdt::whole(thousands * 1_000),
        };
        Settings {
            spread: Rate::bps(1),
            depth: vec![point(0, 50), point(1, 100), point(2, 200), point(5, 500), point(10, 1_000), point(50, 5_000)],
            bar_share: Rate::percent(25),
            funding_rate: Rate::bps(1),
            funding_delay: Span::SECOND,
            request_latency: latency::table([(0, 20_000), (50, 35_000), (90, 60_000), (100, 80_000)]),
            report_latency: latency::table([(0, 5_000), (50, 12_000), (90, 25_000), (100, 40_000)]),
            recv_window: Span::secs(2),
            max_open_orders: 200,
            max_conditional_orders: 200,
            keep_ended_orders: 10_000,
            keep_ended_for: Span::secs(3 * 86_400),
            keep_fills: 10_000,
        }
    }
}

impl Settings {
    /// Checks every value.
    ///
    /// # Errors
    /// The first setting that cannot be used, with a remedy.
    pub fn check(&self) -> Result<(), SettingError> {
        let ratios = [("spread", self.spread, 10), ("bar_share", self.bar_share, 100)];
        for (setting, rate, max) in ratios {
            if rate.is_negative() || rate > Rate::percent(max) {
                return Err(SettingError::new(setting, rate, "write a ratio from 0% up, a spread of at most 10%"));
            }
        }
        if self.funding_rate.abs() > Rate::percent(4) {
            return Err(SettingError::new("funding_rate", self.funding_rate, "no venue goes beyond 4% in 8 h"));
        }
        if self.funding_delay.as_nanos() < 0 || self.funding_delay > Span::MINUTE {
            return Err(SettingError::new("funding_delay", self.funding_delay, "write at most a minute"));
        }
        if self.recv_window <= Span::ZERO || self.recv_window > MAX_RECV_WINDOW {
            return Err(SettingError::new("recv_window", self.recv_window, "write more than 0ms and at most 60s"));
        }
        self.check_depth()?;
        latency::check("request_latency", &self.request_latency)?;
        latency::check("report_latency", &self.report_latency)?;
        let counts = [
            ("max_open_orders", self.max_open_orders, 1_000),
            ("max_conditional_orders", self.max_conditional_orders, 1_000),
            ("keep_ended_orders", self.keep_ended_orders, 1_000_000),
            ("keep_fills", self.keep_fills, 1_000_000),
        ];
        for (setting, count, max) in counts {
            if count == 0 || count > max {
                return Err(SettingError::new(setting, count, "write at least 1; a thousand open, a million kept"));
            }
        }
        if self.keep_ended_for < Span::MINUTE {
            return Err(SettingError::new("keep_ended_for", self.keep_ended_for, "write at least a minute"));
        }
        Ok(())
    }

    fn check_depth(&self) -> Result<(), SettingError> {
        let error = |value: String, remedy| Err(SettingError::new("depth", value, remedy));
        if self.depth.is_empty() || self.depth.len() > MAX_POINTS {
            return error(format!("of {} points", self.depth.len()), "give from 1 to 64 points");
        }
        if self.depth.first().is_some_and(|point| !point.distance.is_zero()) {
            return error("without the best price".to_owned(), "let the first point be at 0%");
        }
        for pair in self.depth.windows(2) {
            if pair[0].distance >= pair[1].distance {
                return error(format!("unsorted at {}", pair[1].distance), "let each point be farther than the last");
            }
        }
        for point in &self.depth {
            if point.distance.is_negative() || point.distance > Rate::percent(50) || !point.notional.is_positive() {
                let value = format!("{} USDT at {}", point.notional, point.distance);
                return error(value, "distances are from 0% to 50%, and something has to rest there");
            }
        }
        Ok(())
    }
}
