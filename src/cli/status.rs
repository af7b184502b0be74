//! What `status` prints.

use std::fmt::Write;

use comfy_table::CellAlignment;

use crate::config;
use crate::control::{HealthLine, Status};
use crate::protocol::{PositionView, ShadowTally, View};
use crate::types::{Price, Rounding, Side, Span, Usdt};

/// The answer for people: one screen.
pub fn status_text(page: &Status) -> String {
    let mut text = String::new();
    write_page(page, &mut text).expect("writing to a string cannot fail");
    text
}

fn write_page(page: &Status, out: &mut String) -> std::fmt::Result {
    let view = &page.view;
    writeln!(out, "{} {}, pid {}, up {}", env!("CARGO_PKG_NAME"), page.version, page.pid, rough(page.uptime))?;
    writeln!(out, "mode     {}, venue {}, feed {}", page.mode, page.venue, page.feed)?;
    writeln!(out, "state    {}{}", view.state.as_str(), because(&view.state_reason))?;
    write_health(&page.health, out)?;
    if !view.ready {
        writeln!(out, "waiting  {}", view.waiting_for.join(", "))?;
    }
    writeln!(
        out,
        "money    equity {}, cash {}, open result {}, realised {}, fees {}, funding {}, largest drawdown {}",
        cents(view.equity),
        cents(view.cash),
        cents(view.unrealised_pnl),
        cents(view.realised_pnl),
        cents(view.fees),
        cents(view.funding),
        view.max_drawdown.round_to(crate::types::Rate::bps(1), Rounding::Up),
    )?;
    writeln!(
        out,
        "counts   {} iterations, {} signals taken, {} refused, {} orders, {} fills, {} positions closed ({} won)",
        view.iterations,
        view.signals_accepted,
        view.signals_rejected.values().sum::<u64>(),
        view.orders,
        view.fills,
        view.positions_closed,
        view.wins,
    )?;
    if let Some(shadow) = &view.shadow {
        write_shadow(shadow, out)?;
    }
    write_market(view, out)?;
    write_positions(&view.positions, out)?;
    let unsettled = view.open_orders.len();
    writeln!(out, "{unsettled} open orders, {} without an answer", view.unanswered.map_or(0, |(count, _)| count))
}

fn write_health(health: &HealthLine, out: &mut String) -> std::fmt::Result {
    let reasons = because(&health.reasons.join("; "));
    writeln!(out, "health   {}{reasons}, {} heartbeats", health.status.as_str(), health.heartbeats)
}

fn write_shadow(shadow: &ShadowTally, out: &mut String) -> std::fmt::Result {
    writeln!(
        out,
        "paper    {} orders filled there as well: prices cost {} more here ({}), fees {}, {} ms later on average",
        shadow.compared,
        cents(shadow.price_cost),
        shadow.price_cost_ratio().round_to(crate::types::Rate::new(1, 6), Rounding::Up),
        cents(shadow.fee_cost),
        shadow.delay_us_mean() / 1_000,
    )
}

fn write_market(view: &View, out: &mut String) -> std::fmt::Result {
    for one in &view.instruments {
        let price = one.price.map_or("no price yet".to_owned(), |price| price.to_string());
        let blocked = one.blocked.as_ref().map(|why| format!(", no entries: {why}")).unwrap_or_default();
        writeln!(out, "market   {} {price}, {}{blocked}", one.symbol, one.freshness)?;
    }
    Ok(())
}

fn write_positions(positions: &[PositionView], out: &mut String) -> std::fmt::Result {
    if positions.is_empty() {
        return writeln!(out, "no open positions");
    }
    let mut table =
        config::table(&["symbol", "side", "qty", "entry", "mark", "open result", "stop", "take profit", "strategy"]);
    let price = |price: Option<Price>| price.map_or("none".to_owned(), |price| price.to_string());
    for one in positions {
        table.add_row([
            one.symbol.to_string(),
            match one.side {
                Side::Buy => "long".to_owned(),
                Side::Sell => "short".to_owned(),
            },
            one.qty.to_string(),
            one.entry_price.to_string(),
            one.mark_price.to_string(),
            cents(one.unrealised),
            price(one.stop),
            price(one.take_profit),
            one.strategy.clone(),
        ]);
    }
    for right in 2..=5 {
        if let Some(column) = table.column_mut(right) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}")
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}

/// Money for people: two places, rounded down, so that nothing looks better than it is.
pub(super) fn cents(amount: Usdt) -> String {
    let rounded = amount.round_to(Usdt::new(1, 2), Rounding::Down).to_string();
    let places = rounded.split_once('.').map_or(0, |(_, places)| places.len());
    match places {
        0 => format!("{rounded}.00"),
        1 => format!("{rounded}0"),
        _ => rounded,
    }
}

fn rough(span: Span) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7_200 => format!("{}m", seconds / 60),
        _ => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
    }
}
