//! The limits. Every one of them is enforced; none can be left out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Instruments, Rate, Span, Usdt};

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
    /// Largest notional of one position in USDT, whatever the equity is; both limits hold. A fixed stake for every entry,
    /// if the ratios leave room for it.
    pub position_usdt: Option<Usdt>,
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
    /// Orders in a minute, of all kinds, from which on nothing is entered. Cancels, exits and stops are never held
    /// back.
    pub orders_per_minute: u32,
    /// Orders in a UTC day, of all kinds, from which on nothing is entered.
    pub orders_per_day: u32,
    /// Largest distance of a limit price from the mark.
    pub price_distance: Rate,
    /// Uncertainty of the venue's clock (half the round trip) from which on people hear of it.
    pub clock_warning: Span,
    /// Uncertainty of the venue's clock from which on nothing is entered.
    pub clock_uncertainty: Span,
    /// An open position without a mark price stops entries at once, and after this long everything but reducing orders.
    pub equity_unknown: Span,
    /// Slippage that sizing allows for, each way.
    pub slippage: Rate,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            capital_usdt: Usdt::whole(10_000),
            risk_per_trade: Rate::percent(1),
            position_notional: Rate::percent(25),
            position_usdt: None,
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
            clock_warning: Span::millis(250),
            clock_uncertainty: Span::SECOND,
            equity_unknown: Span::secs(30),
            slippage: Rate::bps(5),
        }
    }
}

/// Above this a limit is not a limit: twenty times equity.
const MOST_NOTIONAL: Rate = Rate::percent(2_000);

impl Settings {
    /// Checks every limit: none may be missing, which a limit of nothing or of everything would be.
    ///
    /// # Errors
    /// The setting, its value and the remedy, in words.
    pub fn check(&self) -> Result<(), String> {
        if !self.capital_usdt.is_positive() {
            return Err(format!("`risk.capital_usdt` is {}; set it above 0", self.capital_usdt));
        }
        if let Some(most) = self.position_usdt.filter(|most| !most.is_positive()) {
            return Err(format!("`risk.position_usdt` is {most}; set it above 0, or leave it out"));
        }
        self.check_rates()?;
        self.check_counts()?;
        self.check_spans()?;
        self.check_together()
    }

    /// Checks the leverage against what the venue allows for each instrument's smallest positions.
    ///
    /// # Errors
    /// As [`Settings::check`].
    pub fn check_with(&self, instruments: &Instruments) -> Result<(), String> {
        for (_, rules) in instruments.iter() {
            let most = rules.tier(Usdt::ZERO).max_leverage;
            if self.leverage > most {
                let leverage = self.leverage;
                return Err(format!("`risk.leverage` is {leverage}; {} allows {most} at most", rules.symbol));
            }
        }
        Ok(())
    }

    fn check_rates(&self) -> Result<(), String> {
        let whole = Rate::ONE;
        let rates = [
            ("risk.risk_per_trade", self.risk_per_trade, whole),
            ("risk.position_notional", self.position_notional, MOST_NOTIONAL),
            ("risk.gross_notional", self.gross_notional, MOST_NOTIONAL),
            ("risk.daily_loss", self.daily_loss, whole),
            ("risk.drawdown", self.drawdown, whole),
            ("risk.cooldown_move", self.cooldown_move, whole),
            ("risk.price_distance", self.price_distance, whole),
        ];
        if let Some((name, rate, most)) = rates.into_iter().find(|(_, rate, most)| !rate.is_positive() || rate > most) {
            return Err(format!("`{name}` is {rate}; set it above 0% and up to {most}"));
        }
        if self.slippage.is_negative() || self.slippage > Rate::percent(10) {
            return Err(format!("`risk.slippage` is {}; set it between 0% and 10%", self.slippage));
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), String> {
        let counts = [
            ("risk.open_positions", self.open_positions, 1_000),
            ("risk.leverage", self.leverage, 125),
            ("risk.stop_outs", self.stop_outs, 1_000),
            ("risk.orders_per_minute", self.orders_per_minute, 10_000),
            ("risk.orders_per_day", self.orders_per_day, 1_000_000),
        ];
        match counts.into_iter().find(|(_, count, most)| *count == 0 || count > most) {
            Some((name, count, most)) => Err(format!("`{name}` is {count}; set it between 1 and {most}")),
            None => Ok(()),
        }
    }

    fn check_spans(&self) -> Result<(), String> {
        let spans = [
            ("risk.stop_out_pause", self.stop_out_pause, Span::ZERO, Span::DAY * 30),
            ("risk.cooldown", self.cooldown, Span::ZERO, Span::DAY * 30),
            ("risk.clock_warning", self.clock_warning, Span::millis(1), Span::MINUTE),
            ("risk.clock_uncertainty", self.clock_uncertainty, Span::millis(1), Span::MINUTE),
            ("risk.equity_unknown", self.equity_unknown, Span::ZERO, Span::HOUR),
        ];
        match spans.into_iter().find(|(_, span, least, most)| span < least || span > most) {
            Some((name, span, least, most)) => Err(format!("`{name}` is {span}; set it between {least} and {most}")),
            None => Ok(()),
        }
    }

    /// Limits that contradict one another.
    fn check_together(&self) -> Result<(), String> {
        let (position, gross) = (self.position_notional, self.gross_notional);
        if position > gross {
            return Err(format!("`risk.position_notional` is {position}; set it up to `risk.gross_notional`, {gross}"));
        }
        let reach = Rate::ONE * i64::from(self.leverage);
        if gross > reach {
            return Err(format!("`risk.gross_notional` is {gross}; set it up to {reach}, or raise `risk.leverage`"));
        }
        if self.clock_warning > self.clock_uncertainty {
            let (warning, most) = (self.clock_warning, self.clock_uncertainty);
            return Err(format!("`risk.clock_warning` is {warning}; set it up to `risk.clock_uncertainty`, {most}"));
        }
        Ok(())
    }
}
