//! What a file's name says about what is in it.

use std::path::Path;

use crate::columns::Format;
use crate::types::Timeframe;

/// How a file is written, by its ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// `.csv` or `.csv.gz`.
    Csv,
    /// `.gz` of something that is not CSV: a recording.
    Gzip,
    /// `.feather` or `.parquet`.
    Columnar(Format),
    /// Anything else.
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileName {
    pub(super) content: Content,
    /// As a venue writes it: `BTCUSDT`.
    pub(super) venue_symbol: Option<String>,
    pub(super) timeframe: Option<Timeframe>,
    /// Are the bars made of trades, and not of mark prices or funding rates?
    pub(super) is_of_trades: bool,
    /// Are the lines trades, of which bars are made?
    pub(super) has_trades: bool,
    /// Are the lines best prices?
    pub(super) has_quotes: bool,
}

impl FileName {
    pub(super) fn of(path: &Path) -> FileName {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (name, zipped) = match name.strip_suffix(".gz") {
            Some(inner) => (inner, true),
            None => (name.as_ref(), false),
        };
        let (stem, content) = match name.rsplit_once('.') {
            Some((stem, "csv")) => (stem, Content::Csv),
            Some((stem, "feather")) if !zipped => (stem, Content::Columnar(Format::Feather)),
            Some((stem, "parquet")) if !zipped => (stem, Content::Columnar(Format::Parquet)),
            _ if zipped => (name, Content::Gzip),
            _ => (name, Content::Other),
        };
        let (symbol, rest) = match stem.split_once("_USDT_USDT-") {
            Some((base, rest)) => (format!("{base}USDT"), rest),
            None => {
                let (symbol, rest) = stem.split_once(['_', '-', '.']).unwrap_or((stem, ""));
                (symbol.to_uppercase(), rest)
            }
        };
        let mut words = rest.split(['_', '-', '.']);
        let first = words.next();
        let timeframe = first.and_then(|word| word.parse().ok());
        let is_of_trades = !words.any(|word| matches!(word, "mark" | "funding" | "index" | "premiumIndex"));
        let is_symbol =
            symbol.len() > 4 && symbol.ends_with("USDT") && symbol.bytes().all(|b| b.is_ascii_alphanumeric());
        let has_trades = is_symbol && matches!(first, Some("trades" | "aggTrades"));
        let has_quotes = is_symbol && first == Some("bookTicker");
        FileName { content, venue_symbol: is_symbol.then_some(symbol), timeframe, is_of_trades, has_trades, has_quotes }
    }

    /// Are these 1m bars?
    pub(super) fn is_minutes(&self) -> bool {
        self.is_table() && self.timeframe == Some(Timeframe::M1) && self.is_of_trades
    }

    /// Can rows be read of it?
    pub(super) fn is_table(&self) -> bool {
        match self.content {
            Content::Csv | Content::Columnar(_) => true,
            Content::Gzip | Content::Other => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_symbol_timeframe_and_kind() {
        use Content::{Columnar, Csv, Gzip, Other};
        let feather = Columnar(Format::Feather);
        for (name, content, symbol, timeframe, of_trades) in [
            ("BTCUSDT_1m_Q4_2024.csv.gz", Csv, Some("BTCUSDT"), Some(Timeframe::M1), true),
            ("SOLUSDT_1m_marzo_2025.csv", Csv, Some("SOLUSDT"), Some(Timeframe::M1), true),
            ("ETHUSDT-1m-2024-10.csv", Csv, Some("ETHUSDT"), Some(Timeframe::M1), true),
            ("BNBUSDT_4h.csv", Csv, Some("BNBUSDT"), Some(Timeframe::H4), true),
            ("XRP_USDT_USDT-1h-futures.csv", Csv, Some("XRPUSDT"), Some(Timeframe::H1), true),
            ("XRP_USDT_USDT-1m-mark.csv", Csv, Some("XRPUSDT"), Some(Timeframe::M1), false),
            ("XRP_USDT_USDT-8h-funding_rate.csv", Csv, Some("XRPUSDT"), None, false),
            ("BTC_USDT_USDT-1m-futures.feather", feather, Some("BTCUSDT"), Some(Timeframe::M1), true),
            ("BTCUSDT-trades-2024-10-01.csv", Csv, Some("BTCUSDT"), None, true),
            ("BTCUSDT-aggTrades-2024-10.csv.gz", Csv, Some("BTCUSDT"), None, true),
            ("BTCUSDT-bookTicker-2024-03-30.csv", Csv, Some("BTCUSDT"), None, true),
            ("btcusdt_20240808.gz", Gzip, Some("BTCUSDT"), None, true),
            ("1000pepeusdt.gz", Gzip, Some("1000PEPEUSDT"), None, true),
            ("public_trades_list.csv", Csv, None, None, true),
            ("README.md", Other, None, None, true),
            ("", Other, None, None, true),
        ] {
            let has_trades = name.contains("rades-");
            let venue_symbol = symbol.map(str::to_owned);
            let has_quotes = name.contains("bookTicker");
            let expect = FileName { content, venue_symbol, timeframe, is_of_trades: of_trades, has_trades, has_quotes };
            assert_eq!(FileName::of(Path::new(name)), expect, "{name}");
        }
    }
}
