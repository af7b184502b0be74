//! Variables that have a name of their own.

use super::parse_seconds;

/// A variable that stands for a setting.
#[derive(Debug, Clone, Copy)]
pub struct NamedVariable {
    /// Its name.
    pub name: &'static str,
    /// The setting that it sets, as `section.key`.
    pub setting: &'static str,
    /// How its value is written.
    pub written: Written,
}

/// How a variable's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// As the setting itself.
    AsSetting,
    /// As a bare number of seconds, for a setting that is a length of time.
    Seconds,
}

/// Every variable with a name of its own that is not a secret.
pub const VARIABLES: &[NamedVariable] = &[
    NamedVariable { name: "TRADING_SYMBOLS", setting: "run.symbols", written: Written::AsSetting },
    NamedVariable { name: "CAPITAL_USDT", setting: "risk.capital_usdt", written: Written::AsSetting },
    NamedVariable { name: "HEALTH_CHECK_INTERVAL", setting: "health.interval", written: Written::Seconds },
    NamedVariable { name: "TELEGRAM_CHAT_ID", setting: "notify.telegram.chat_id", written: Written::AsSetting },
];

impl NamedVariable {
    /// The value as the setting itself would be written, or why it cannot be.
    pub(super) fn translate(&self, value: &str) -> Result<String, String> {
        match self.written {
            Written::AsSetting => Ok(value.to_owned()),
            Written::Seconds => parse_seconds(value).map(|span| span.to_string()).map_err(|e| e.to_string()),
        }
    }
}
