//! The name of a setting, from its section down to its key.

use std::fmt;

/// Where a setting stands: `["risk", "daily_loss"]`, written `risk.daily_loss`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingPath(Vec<String>);

impl SettingPath {
    /// Reads `section.key`. Keys that need quotes, such as symbols, are made with [`SettingPath::child`].
    pub fn dotted(text: &str) -> SettingPath {
        SettingPath(text.split('.').map(str::to_owned).collect())
    }

    /// The setting `key` below this one.
    pub fn child(&self, key: impl Into<String>) -> SettingPath {
        let mut keys = self.0.clone();
        keys.push(key.into());
        SettingPath(keys)
    }

    /// What this stands below of; `None` at the top.
    pub fn parent(&self) -> Option<SettingPath> {
        let (_, parents) = self.0.split_last()?;
        (!parents.is_empty()).then(|| SettingPath(parents.to_vec()))
    }

    /// The names on the way, outermost first.
    pub fn keys(&self) -> &[String] {
        &self.0
    }

    /// The variable that sets it: `LTL__RISK__DAILY_LOSS`.
    pub fn variable(&self) -> String {
        let mut name = String::from("LTL");
        for key in &self.0 {
            name.push_str("__");
            name.push_str(&key.to_uppercase());
        }
        name
    }
}

impl fmt::Display for SettingPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, key) in self.0.iter().enumerate() {
            let dot = if at == 0 { "" } else { "." };
            let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if bare { write!(f, "{dot}{key}")? } else { write!(f, "{dot}{key:?}")? }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_toml_writes_it() {
        let path = SettingPath::dotted("strategy.short_the_rip").child("rsi_threshold").child("ETH/USDT:USDT");
        assert_eq!(path.to_string(), "strategy.short_the_rip.rsi_threshold.\"ETH/USDT:USDT\"");
        assert_eq!(SettingPath::dotted("risk.daily_loss").variable(), "LTL__RISK__DAILY_LOSS");
        assert_eq!(SettingPath::dotted("risk").parent(), None);
    }
}
