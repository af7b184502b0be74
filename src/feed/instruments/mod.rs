//! The rules of the instruments where no venue is there to tell them: an embedded table, modelled on Binance
//! USDⓈ-M, or a file of the same form.

use std::path::Path;

use serde::Deserialize;

use super::FeedError;
use crate::types::{Instrument, Instruments, MarginTier, Price, Qty, Rate, Rounding, Span, Symbol, Usdt};

const EMBEDDED: &str = include_str!("embedded.json");
const EMBEDDED_NAME: &str = "the embedded table of instruments";

/// Largest file of instruments that is read: a venue's whole list with twelve tiers each is below 2 MB.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// The table as it is written, in JSON or TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    instruments: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    symbol: Symbol,
    venue_symbol: Option<String>,
    tick: Price,
    step: Qty,
    min_qty: Option<Qty>,
    max_qty: Qty,
    market_max_qty: Qty,
    min_notional: Usdt,
    percent_price: Rate,
    #[serde(default = "maker_fee")]
    maker_fee: Rate,
    #[serde(default = "taker_fee")]
    taker_fee: Rate,
    #[serde(default = "liquidation_fee")]
    liquidation_fee: Rate,
    #[serde(default = "funding_interval")]
    funding_interval: Span,
    tiers: Vec<Tier>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    up_to: Usdt,
    leverage: u32,
    maintenance: Rate,
}

fn maker_fee() -> Rate {
    Rate::bps(2)
}

fn taker_fee() -> Rate {
    Rate::bps(5)
}

fn liquidation_fee() -> Rate {
    Rate::bps(125)
}

fn funding_interval() -> Span {
    Span::HOUR * 8
}

/// The instruments of a session, in the order of its symbols: from the file if one is given, else embedded.
///
/// # Errors
/// When the file cannot be read or understood, when it breaks a rule, and for a symbol it does not have.
pub fn load(file: Option<&Path>, symbols: &[Symbol]) -> Result<Instruments, FeedError> {
    if symbols.is_empty() {
        return Err(FeedError::NoSymbols);
    }
    match file {
        None => select(EMBEDDED_NAME, parse_json(EMBEDDED_NAME, EMBEDDED)?, symbols),
        Some(path) => {
            let text = read(path)?;
            let name = path.display().to_string();
            let toml = path.extension().is_some_and(|ext| ext == "toml");
            select(&name, if toml { parse_toml(&name, &text)? } else { parse_json(&name, &text)? }, symbols)
        }
    }
}

fn read(path: &Path) -> Result<String, FeedError> {
    let size = std::fs::metadata(path).map_err(|error| FeedError::io(path, error))?.len();
    if size > MAX_FILE_BYTES {
        return Err(FeedError::TooLarge { path: path.to_owned(), limit: "8 MiB".into() });
    }
    std::fs::read_to_string(path).map_err(|error| FeedError::io(path, error))
}

const FORM: &str = "give a list `instruments`, each with symbol, tick, step, max_qty, market_max_qty, min_notional, \
                    percent_price and tiers of up_to, leverage and maintenance";

fn parse_json(table: &str, text: &str) -> Result<Table, FeedError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed: Result<Table, _> = serde_path_to_error::deserialize(&mut reader);
    parsed.map_err(|error| wrong(table, error, FORM))
}

fn parse_toml(table: &str, text: &str) -> Result<Table, FeedError> {
    let reader = toml::Deserializer::parse(text).map_err(|error| wrong(table, error, FORM))?;
    serde_path_to_error::deserialize(reader).map_err(|error| wrong(table, error, FORM))
}

fn wrong(table: &str, what: impl std::fmt::Display, remedy: &'static str) -> FeedError {
    FeedError::Instruments { table: table.to_owned(), what: what.to_string(), remedy }
}

fn select(name: &str, table: Table, symbols: &[Symbol]) -> Result<Instruments, FeedError> {
    let find = |symbol: &Symbol| match table.instruments.iter().find(|row| row.symbol == *symbol) {
        Some(row) => instrument(name, row),
        None => Err(FeedError::UnknownInstrument {
            symbol: symbol.clone(),
            table: name.to_owned(),
            known: table.instruments.iter().map(|row| row.symbol.clone()).collect(),
        }),
    };
    let list = symbols.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    Instruments::new(list).map_err(|error| wrong(name, error, "give each symbol once, with all its rules"))
}

fn instrument(table: &str, row: &Row) -> Result<Instrument, FeedError> {
    let refuse = |what: &str, remedy| Err(wrong(table, format!("{} has {what}", row.symbol), remedy));
    let min_qty = row.min_qty.unwrap_or(row.step);
    let amounts = [row.step, min_qty, row.max_qty, row.market_max_qty];
    if !amounts.iter().all(|qty| qty.is_positive()) || !row.tick.is_positive() || row.min_notional.is_negative() {
        return refuse("a tick, step or size that is not positive", "give positive amounts");
    }
    if !amounts.iter().all(|qty| qty.is_multiple_of(row.step)) || row.max_qty < min_qty {
        return refuse("sizes that do not fit its step", "give multiples of the step, the smallest first");
    }
    if !row.percent_price.is_positive() || row.percent_price >= Rate::ONE {
        return refuse("a `percent_price` out of range", "give a ratio between 0% and 100%");
    }
    let fees = [row.maker_fee, row.taker_fee, row.liquidation_fee];
    if fees.iter().any(|fee| *fee < Rate::percent(-1) || *fee > Rate::percent(5)) {
        return refuse("a fee out of range", "give ratios between -1% and 5%");
    }
    if row.funding_interval < Span::HOUR || row.funding_interval > Span::DAY {
        return refuse("a funding interval out of range", "give between 1h and 24h");
    }
    let Some(tiers) = tiers(&row.tiers) else {
        return refuse("tiers out of order", "give at least one; each above the last, with no more leverage");
    };
    Ok(Instrument {
        symbol: row.symbol.clone(),
        venue_symbol: row.venue_symbol.clone().unwrap_or_else(|| format!("{}USDT", row.symbol.base())),
        tick: row.tick,
        step: row.step,
        min_qty,
        max_qty: row.max_qty,
        market_max_qty: row.market_max_qty,
        min_notional: row.min_notional,
        percent_price: row.percent_price,
        maker_fee: row.maker_fee,
        taker_fee: row.taker_fee,
        liquidation_fee: row.liquidation_fee,
        funding_interval: row.funding_interval,
        tiers,
    })
}

/// The brackets with their maintenance amounts, which follow from the margin being continuous: at each floor the
/// amount grows by the floor times the step of the rate. `None` if they are out of order.
fn tiers(rows: &[Tier]) -> Option<Vec<MarginTier>> {
    let mut tiers: Vec<MarginTier> = Vec::with_capacity(rows.len());
    for row in rows {
        let (floor, rate, amount, leverage) = match tiers.last() {
            Some(last) => (last.notional_cap, last.maintenance_rate, last.maintenance_amount, last.max_leverage),
            None => (Usdt::ZERO, Rate::ZERO, Usdt::ZERO, u32::MAX),
        };
        let in_order = row.up_to > floor && row.maintenance > rate && row.maintenance < Rate::ONE;
        if !in_order || row.leverage == 0 || row.leverage > leverage {
            return None;
        }
        tiers.push(MarginTier {
            notional_floor: floor,
            notional_cap: row.up_to,
            max_leverage: row.leverage,
            maintenance_rate: row.maintenance,
            maintenance_amount: amount + floor.times(row.maintenance - rate, Rounding::Down),
        });
    }
    (!tiers.is_empty()).then_some(tiers)
}

#[cfg(test)]
mod tests;
