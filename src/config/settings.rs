//! All settings, by room.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::Speed;
use crate::types::Symbol;
use crate::{
    coordinator, engine, exchange, feed, health, market, notify, orders, recorder, risk, strategy, telemetry, venue,
};

/// Symbols of one session at most: each has indicators, buffers and a line on every screen.
const MAX_SYMBOLS: usize = 100;

/// Everything that can be set. A room is one line here and one in `complaints`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What is run.
    pub run: RunSettings,
    /// Market data: how old it may get, and what is made up for where a feed has bars alone.
    pub market: market::Settings,
    /// The regime: trend, momentum and volatility.
    pub regime: strategy::RegimeSettings,
    /// Which strategies run, and what every signal must keep to.
    pub strategy: strategy::Settings,
    /// Limits: what may be risked, held, sent and lost.
    pub risk: risk::Settings,
    /// How positions are entered, left and held against the venue's books.
    pub engine: engine::Settings,
    /// The waits of the order protocol.
    pub orders: orders::Settings,
    /// The production loop.
    pub coordinator: coordinator::Settings,
    /// Where market data comes from.
    pub feed: feed::Settings,
    /// The simulated exchange. What the market feed does not carry is made from these numbers.
    pub exchange: exchange::Settings,
    /// Where orders go.
    pub venue: venue::Settings,
    /// What goes wrong in a rehearsal.
    pub faults: FaultSettings,
    /// How much of the flight recording is kept.
    pub recorder: recorder::Settings,
    /// What is still healthy, and what is done when it is not.
    pub health: health::Settings,
    /// Messages to people.
    pub notify: notify::Settings,
    /// The log.
    pub telemetry: telemetry::Settings,
}

/// What is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RunSettings {
    /// What is traded, as CCXT unified symbols; up to 100 of them. `--symbols` and `TRADING_SYMBOLS` come
    /// before it.
    pub symbols: Vec<Symbol>,
    /// Of the synthetic feed and of random faults: the same seed gives the same session. `--seed` comes before it.
    pub seed: u64,
    /// Pace of a synthetic or recorded feed against the wall clock: a number above 0, or `max`. If it is not set,
    /// the embedded demo runs at 60 and everything else at 1. `--speed` comes before it.
    pub speed: Option<Speed>,
}

/// What goes wrong in a rehearsal: nothing, unless it is set. A file with this section alone can be given with
/// `--faults`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FaultSettings {
    /// With the market data.
    pub feed: feed::faults::Settings,
    /// At the simulated exchange, and between it and us.
    pub venue: exchange::faults::Settings,
    /// With the daemon's own process.
    pub process: coordinator::faults::Settings,
}

impl Default for RunSettings {
    fn default() -> RunSettings {
        let symbol = |text: &str| text.parse().expect("the embedded symbols are unified ones");
        let symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"].map(symbol).to_vec();
        RunSettings { symbols, seed: 1, speed: None }
    }
}

impl Settings {
    /// What each room has against its settings: the setting by name, its value, and what would be right.
    pub(super) fn complaints(&self) -> Vec<String> {
        [
            self.run.check(),
            self.market.check().map_err(|error| error.to_string()),
            self.regime.check().map_err(|error| error.to_string()),
            self.strategy.check().map_err(|error| error.to_string()),
            self.risk.check().map_err(|error| error.to_string()),
            self.engine.check(),
            self.orders.check().map_err(|error| error.to_string()),
            self.coordinator.check(),
            self.feed.check().map_err(|error| error.to_string()),
            self.exchange.check().map_err(|error| named("exchange", &error)),
            self.venue.check(),
            self.faults.feed.check().map_err(|error| error.to_string()),
            self.faults.venue.check().map_err(|error| named("faults.venue", &error)),
            self.faults.process.check(),
            self.check_window(),
            self.recorder.check(),
            self.health.check(),
            self.notify.check(),
            self.telemetry.check(),
        ]
        .into_iter()
        .filter_map(Result::err)
        .collect()
    }

    /// The protocol's waits count on the window that orders are sent with.
    fn check_window(&self) -> Result<(), String> {
        let (sent, counted_on) = (self.venue.binance.recv_window, self.orders.recv_window);
        if sent <= counted_on {
            return Ok(());
        }
        Err(format!("venue.binance.recv_window = {sent}: use at most what `orders.recv_window` is, {counted_on}"))
    }
}

/// The exchange is a library of its own to its other users, and does not know its section.
fn named(section: &str, error: &exchange::SettingError) -> String {
    format!("{section}.{} = {}: {}", error.setting, error.value, error.remedy)
}

impl RunSettings {
    /// Is every value in its range?
    ///
    /// # Errors
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<(), String> {
        let count = self.symbols.len();
        if count == 0 || count > MAX_SYMBOLS {
            return Err(format!("run.symbols has {count} symbols: give from 1 to {MAX_SYMBOLS}, like BTC/USDT:USDT"));
        }
        let twice = self.symbols.iter().enumerate().find(|(at, symbol)| self.symbols[..*at].contains(symbol));
        match twice {
            Some((_, symbol)) => Err(format!("run.symbols names {symbol} twice: name it once")),
            None => Ok(()),
        }
    }
}
