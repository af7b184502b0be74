//! Tables for people.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::ledger::TradeRecord;
use crate::protocol::View;

/// One line of the doctor's findings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: &'static str,
    /// Is it as it should be?
    pub good: bool,
    /// What was found, and the remedy if it is not good.
    pub detail: String,
}

/// The doctor's findings.
pub fn findings(list: &[Finding]) -> String {
    let mut table = bare(&["", "check", "result"]);
    for one in list {
        table.add_row([if one.good { "✓" } else { "✗" }, one.subject, one.detail.as_str()]);
    }
    table.to_string()
}

/// The ledger's trades.
pub fn trades(list: &[TradeRecord]) -> String {
    let mut table =
        bare(&["closed at", "symbol", "side", "qty", "entry", "exit", "net USDT", "why", "strategy"]);
    for one in list {
        table.add_row([
            one.closed_at.to_string(),
            one.symbol.to_string(),
            one.side.position_str().to_owned(),
            one.qty.to_string(),
            one.entry_price.to_string(),
            one.exit_price.to_string(),
            one.net.to_string(),
            one.exit.as_str().to_owned(),
            one.strategy.clone(),
        ]);
    }
    for column in 3..7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// The daemon as it is now.
pub fn status(view: &View) -> String {
    let mut facts = bare(&["", ""]);
    let state = match view.state_reason.as_str() {
        "" => view.state.as_str().to_owned(),
        reason => format!("{} ({reason})", view.state.as_str()),
    };
    let rows = [
        ("session time", view.at.to_string()),
        ("ready", if view.ready { "yes".to_owned() } else { format!("waiting for {}", view.waiting_for.join(", ")) }),
        ("trading state", state),
        ("equity", format!("{} USDT", view.equity)),
        ("iterations", view.iterations.to_string()),
        ("trades", format!("{} won, {} lost, {} open", view.wins, view.losses, view.positions.len())),
        ("without an answer", view.in_flight.to_string()),
    ];
    for (name, value) in rows {
        facts.add_row([name.to_owned(), value]);
    }
    let mut positions = bare(&["symbol", "side", "qty", "entry", "mark", "unrealised", "stop", "strategy"]);
    for one in &view.positions {
        positions.add_row([
            one.symbol.to_string(),
            one.side.position_str().to_owned(),
            one.qty.to_string(),
            one.entry_price.to_string(),
            one.mark_price.to_string(),
            one.unrealised.to_string(),
            one.stop.map_or_else(|| "none".to_owned(), |stop| stop.to_string()),
            one.strategy.clone(),
        ]);
    }
    if view.positions.is_empty() { facts.to_string() } else { format!("{facts}\n{positions}") }
}

fn bare(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header.iter().copied());
    table
}
