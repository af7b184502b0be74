//! What `trades` prints.

use comfy_table::CellAlignment;
use serde::Serialize;

use super::TradesFormat;
use crate::config;
use crate::ledger::TradeRecord;
use crate::types::{Side, Timestamp, Usdt};

/// A trade as files have it: amounts are exact decimals, instants are UTC.
#[derive(Serialize)]
struct Row<'a> {
    id: i64,
    session: i64,
    symbol: &'a str,
    side: &'static str,
    strategy: &'a str,
    qty: String,
    entry_price: String,
    exit_price: String,
    opened_at: String,
    closed_at: String,
    realised: String,
    fees: String,
    funding: String,
    net: String,
    exit: &'static str,
    entry_id: String,
    path_dependent: bool,
}

/// Trades as a table for people, or as CSV or JSON for machines, oldest first.
///
/// # Errors
/// If the writer of the format fails, which a text cannot make it do.
pub fn trades_text(trades: &[TradeRecord], format: TradesFormat) -> anyhow::Result<String> {
    match format {
        TradesFormat::Table => Ok(table(trades)),
        TradesFormat::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            trades.iter().try_for_each(|trade| writer.serialize(row(trade)))?;
            Ok(String::from_utf8(writer.into_inner()?)?)
        }
        TradesFormat::Json => Ok(serde_json::to_string_pretty(&trades.iter().map(row).collect::<Vec<_>>())? + "\n"),
    }
}

fn row(trade: &TradeRecord) -> Row<'_> {
    Row {
        id: trade.id,
        session: trade.session,
        symbol: trade.symbol.as_str(),
        side: direction(trade.side),
        strategy: &trade.strategy,
        qty: trade.qty.to_string(),
        entry_price: trade.entry_price.to_string(),
        exit_price: trade.exit_price.to_string(),
        opened_at: trade.opened_at.to_string(),
        closed_at: trade.closed_at.to_string(),
        realised: trade.realised.to_string(),
        fees: trade.fees.to_string(),
        funding: trade.funding.to_string(),
        net: trade.net.to_string(),
        exit: trade.exit.as_str(),
        entry_id: trade.entry_id.to_string(),
        path_dependent: trade.path_dependent,
    }
}

/// A position is long or short; its orders buy or sell.
fn direction(side: Side) -> &'static str {
    match side {
        Side::Buy => "long",
        Side::Sell => "short",
    }
}

fn table(trades: &[TradeRecord]) -> String {
    if trades.is_empty() {
        return "No trades yet.\n".to_owned();
    }
    let mut table = config::table(&[
        "#",
        "closed (UTC)",
        "symbol",
        "side",
        "strategy",
        "qty",
        "entry",
        "exit",
        "held",
        "why",
        "net",
    ]);
    for trade in trades {
        table.add_row([
            trade.id.to_string(),
            minute(trade.closed_at),
            trade.symbol.to_string(),
            direction(trade.side).to_owned(),
            trade.strategy.clone(),
            trade.qty.to_string(),
            trade.entry_price.to_string(),
            trade.exit_price.to_string(),
            held(trade),
            trade.exit.as_str().to_owned(),
            super::status::cents(trade.net),
        ]);
    }
    for right in [0, 5, 6, 7, 10] {
        if let Some(column) = table.column_mut(right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let net: Usdt = trades.iter().map(|trade| trade.net).sum();
    let wins = trades.iter().filter(|trade| trade.net.is_positive()).count();
    let net = super::status::cents(net);
    format!("{table}\n{} trades, {wins} of them won, net {net} USDT\n", trades.len())
}

fn minute(at: Timestamp) -> String {
    at.to_string().replace('T', " ").chars().take("2025-01-01 00:00".len()).collect()
}

fn held(trade: &TradeRecord) -> String {
    let minutes = trade.closed_at.since(trade.opened_at).as_secs() / 60;
    if minutes < 60 { format!("{minutes}m") } else { format!("{}h{:02}m", minutes / 60, minutes % 60) }
}
