//! The limits. Every one of them is enforced; none can be left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Rate, Span, Usdt};

/// Limits on what may be risked, held, sent and lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Paper capital; with real money, the most equity that sizes are taken from.
    pub capital_usdt: Usdt,
    /// Loss at the stop, fees and slippage allowance included, as a ratio of equity.
    pub risk_per_trade: Rate,
    /// Largest notional of one position, as a ratio of equity.
    pub position_notional: Rate,
    /// Largest notional of everything held, open, in flight or unknown, as a ratio of equity.
    pub gross_notional: Rate,
    /// Most positions at a time.
    pub open_positions: u32,
    /// Leverage that is set at the venue.
    pub leverage: u32,
    /// Loss of a UTC day, realised and unrealised, after which only reducing orders are sent until the next day.
    pub daily_loss: Rate,
    /// Distance from the peak of equity at which trading halts until a person re-arms it.
    pub drawdown: Rate,
    /// So many stop-outs in a row pause a symbol.
    pub stop_outs: u32,
    /// For how long they pause it.
    pub stop_out_pause: Span,
    /// A strategy waits this long before it enters the same symbol again.
    pub cooldown: Span,
    /// Unless the price has moved by this much.
    pub cooldown_move: Rate,
    /// Most entries in a minute.
    pub orders_per_minute: u32,
    /// Most entries in a UTC day.
    pub orders_per_day: u32,
    /// Largest distance of a limit price from the mark.
    pub price_distance: Rate,
    /// Uncertainty of the venue's clock from which on nothing is entered.
    pub clock_uncertainty: Span,
    /// Slippage that sizing allows for, each way.
    pub slippage: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            capital_usdt: Usdt::whole(10_000),
            risk_per_trade: Rate::percent(1),
            position_notional: Rate::percent(25),
            gross_notional: Rate::percent(100),
            open_positions: 5,
            leverage: 3,
            daily_loss: Rate::percent(3),
            drawdown: Rate::percent(10),
            stop_outs: 3,
            stop_out_pause: Span::HOUR * 4,
            cooldown: Span::MINUTE,
            cooldown_move: Rate::bps(10),
            orders_per_minute: 30,
            orders_per_day: 500,
            price_distance: Rate::percent(2),
            clock_uncertainty: Span::SECOND,
            slippage: Rate::bps(5),
        }
    }
}

impl Settings {
    /// Checks every limit.
    ///
    /// # Errors
    /// The setting, its value and the remedy, in words.
    pub fn check(&self) -> Result<(), String> {
        if !self.capital_usdt.is_positive() {
            return Err(format!("`risk.capital_usdt` is {}; set it above 0", self.capital_usdt));
        }
        let rates = [
            ("risk.risk_per_trade", self.risk_per_trade, Rate::percent(100)),
            ("risk.position_notional", self.position_notional, Rate::percent(2_000)),
            ("risk.gross_notional", self.gross_notional, Rate::percent(2_000)),
            ("risk.daily_loss", self.daily_loss, Rate::percent(100)),
            ("risk.drawdown", self.drawdown, Rate::percent(100)),
            ("risk.cooldown_move", self.cooldown_move, Rate::percent(100)),
            ("risk.price_distance", self.price_distance, Rate::percent(100)),
        ];
        if let Some((name, rate, most)) = rates.into_iter().find(|(_, rate, most)| !rate.is_positive() || rate > most) {
            return Err(format!("`{name}` is {rate}; set it above 0% and up to {most}"));
        }
        if self.slippage.is_negative() || self.slippage > Rate::percent(10) {
            return Err(format!("`risk.slippage` is {}; set it between 0% and 10%", self.slippage));
        }
        let counts = [
            ("risk.open_positions", self.open_positions, 1_000),
            ("risk.leverage", self.leverage, 125),
            ("risk.stop_outs", self.stop_outs, 1_000),
            ("risk.orders_per_minute", self.orders_per_minute, 10_000),
            ("risk.orders_per_day", self.orders_per_day, 1_000_000),
        ];
        if let Some((name, count, most)) = counts.into_iter().find(|(_, count, most)| *count == 0 || count > most) {
            return Err(format!("`{name}` is {count}; set it between 1 and {most}"));
        }
        let spans = [
            ("risk.stop_out_pause", self.stop_out_pause),
            ("risk.cooldown", self.cooldown),
            ("risk.clock_uncertainty", self.clock_uncertainty),
        ];
        match spans.into_iter().find(|(_, span)| *span < Span::ZERO || *span > Span::DAY * 30) {
            Some((name, span)) => Err(format!("`{name}` is {span}; set it between 0s and 30d")),
            None => Ok(()),
        }
    }
}
