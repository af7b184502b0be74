//! What `backtest` prints.

use comfy_table::CellAlignment;

use super::status::cents;
use crate::backtest::Report;
use crate::types::Span;

/// A report as tables for people.
pub fn backtest_text(report: &Report) -> String {
    let mut parts = vec![figures(report)];
    if !report.groups.is_empty() {
        parts.push(groups(report));
    }
    if !report.signals_rejected.is_empty() {
        parts.push(rejections(report));
    }
    if let Some(why) = &report.ended_early {
        parts.push(format!("The run ended before the data did: {why}"));
    }
    parts.extend(report.states.iter().map(|(at, state, reason)| format!("{at}: {state}: {reason}")));
    parts.push(performance(report));
    parts.join("\n\n") + "\n"
}

fn figures(report: &Report) -> String {
    let statistics = &report.statistics;
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    let percent = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{:.2}%", value * 100.0));
    let exits: Vec<_> =
        report.exits.iter().filter(|(_, count)| **count > 0).map(|(why, n)| format!("{n} {why}")).collect();
    let drawdown = statistics.drawdown.as_ref().map_or_else(
        || "-".to_owned(),
        |fall| {
            format!(
                "{} ({} USDT, {} until recovered)",
                percent(Some(fall.ratio)),
                cents(fall.amount),
                days(fall.length)
            )
        },
    );
    let period = format!("{} to {}", minute(&report.started_at), minute(&report.ended_at));
    let mut table = crate::config::table(&["Backtest", &period, "", ""]);
    let rows = [
        ["Capital", &format!("{} USDT", cents(report.capital)), "Trades", &statistics.trades.to_string()],
        ["Equity at the end", &format!("{} USDT", cents(report.equity)), "Win rate", &percent(statistics.win_rate)],
        ["Total return", &percent(statistics.total_return), "Profit factor", &number(statistics.profit_factor)],
        ["Annual return", &percent(statistics.annual_return), "Expectancy (USDT)", &number(statistics.expectancy)],
        ["Maximum drawdown", &drawdown, "SQN", &number(statistics.sqn)],
        ["Longest under water", &days(statistics.longest_under_water), "Exposure", &percent(statistics.exposure)],
        ["Sharpe", &number(statistics.sharpe), "Turnover", &number(statistics.turnover)],
        ["Sortino", &number(statistics.sortino), "Fees", &format!("{} USDT", cents(report.fees))],
        ["Calmar", &number(statistics.calmar), "Funding", &format!("{} USDT", cents(report.funding))],
        ["Orders", &report.orders.to_string(), "Exits", &exits.join(", ")],
        ["Fills", &report.fills.to_string(), "Open at the end", &report.open_positions.to_string()],
        ["Fills by assumed path", &report.path_dependent_fills.to_string(), "", ""],
    ];
    rows.into_iter().for_each(|row| {
        table.add_row(row);
    });
    table.to_string()
}

fn groups(report: &Report) -> String {
    let mut table = crate::config::table(&["Symbol", "Strategy", "Trades", "Wins", "Net USDT"]);
    for group in &report.groups {
        table.add_row([
            group.symbol.to_string(),
            group.strategy.clone(),
            group.trades.to_string(),
            group.wins.to_string(),
            cents(group.net),
        ]);
    }
    right(&mut table, &[2, 3, 4]);
    table.to_string()
}

fn rejections(report: &Report) -> String {
    let mut table = crate::config::table(&["Strategy", "Signals not acted on: reason", "Count"]);
    for (strategy, reasons) in &report.signals_rejected {
        for (reason, count) in reasons {
            table.add_row([strategy.clone(), reason.clone(), count.to_string()]);
        }
    }
    right(&mut table, &[2]);
    table.to_string()
}

fn performance(report: &Report) -> String {
    let run = &report.performance;
    let memory = run.peak_rss_bytes.map_or_else(String::new, |bytes| format!(", {} MiB at most", bytes >> 20));
    format!(
        "{} records in {:.2} s ({:.0} a second) after {:.2} s of loading, {} steps of the engine{memory}",
        run.records, run.run_seconds, run.events_per_second, run.load_seconds, run.events
    )
}

fn right(table: &mut comfy_table::Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn days(span: Span) -> String {
    format!("{:.1} d", span.as_secs() as f64 / Span::DAY.as_secs() as f64)
}

fn minute(at: &str) -> String {
    at.replace('T', " ").chars().take("2025-01-01 00:00".len()).collect()
}
