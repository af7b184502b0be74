//! CCXT unified symbols of linear perpetual swaps, such as `BTC/USDT:USDT`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest symbol accepted: generous for any listed market, short enough for a log line.
const MAX_LEN: usize = 48;

/// A CCXT unified symbol of a USDT-margined perpetual: `BASE/USDT:USDT`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Symbol(Arc<str>);

/// Why a text is not a symbol, and how to write it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a symbol: {why}; write it like `{example}`")]
pub struct ParseSymbolError {
    /// The text as it was given.
    pub given: String,
    /// What is wrong with it.
    pub why: &'static str,
    /// A correct way to write it.
    pub example: String,
}

impl Symbol {
    /// The whole symbol.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The base currency: `BTC` of `BTC/USDT:USDT`.
    pub fn base(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// Safe in file names, as freqtrade lays files out: `BTC_USDT_USDT`.
    pub fn file_stem(&self) -> String {
        self.0.replace(['/', ':'], "_")
    }
}

impl FromStr for Symbol {
    type Err = ParseSymbolError;

    fn from_str(given: &str) -> Result<Self, ParseSymbolError> {
        let error =
            |why, example: String| ParseSymbolError { given: given.chars().take(MAX_LEN).collect(), why, example };
        let example = || "BTC/USDT:USDT".to_owned();
        if given.is_empty() || given.len() > MAX_LEN {
            return Err(error("it is empty or too long", example()));
        }
        let Some((base, rest)) = given.split_once('/') else {
            return Err(match given.strip_suffix("USDT").filter(|base| is_currency(base)) {
                Some(base) => error("that is a venue's spelling", format!("{base}/USDT:USDT")),
                None => error("it has no `/` between base and quote currency", example()),
            });
        };
        if !is_currency(base) {
            return Err(error("its base currency is not made of capital letters and digits", example()));
        }
        match rest {
            "USDT" | "USDT:USDT" => Ok(Symbol(format!("{base}/USDT:USDT").into())),
            _ => Err(error("only perpetuals quoted and settled in USDT are traded", format!("{base}/USDT:USDT"))),
        }
    }
}

fn is_currency(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

impl TryFrom<String> for Symbol {
    type Error = ParseSymbolError;
    fn try_from(text: String) -> Result<Self, ParseSymbolError> {
        text.parse()
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> String {
        symbol.0.as_ref().to_owned()
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_unified_or_explained() {
        for (given, expect) in
            [("BTC/USDT:USDT", "BTC/USDT:USDT"), ("BTC/USDT", "BTC/USDT:USDT"), ("1000PEPE/USDT", "1000PEPE/USDT:USDT")]
        {
            assert_eq!(given.parse::<Symbol>().map(String::from).as_deref(), Ok(expect));
        }
        for (given, example) in [
            ("BTCUSDT", "BTC/USDT:USDT"),
            ("ETH/BTC", "ETH/USDT:USDT"),
            ("", "BTC/USDT:USDT"),
            ("btc/USDT", "BTC/USDT:USDT"),
        ] {
            let error = given.parse::<Symbol>().expect_err(given);
            assert!(error.to_string().ends_with(&format!("write it like `{example}`")), "{error}");
        }
    }
}
