//! What `backtest` prints.

use comfy_table::CellAlignment;

use super::status::cents;
use crate::backtest::Report;
use crate::backtest::honesty::{Checks, Comparison, OutOfSample};
use crate::portfolio::statistics::Statistics;
use crate::types::Span;

/// A report as tables for people, with what each figure means if they ask.
pub fn backtest_text(report: &Report, define: bool) -> String {
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
    if let Some(checks) = &report.checks {
        parts.push(checks_table(checks));
        parts.extend(findings("With the future cut off, decisions change", &checks.look_ahead));
        parts.extend(findings("With more history than declared, decisions change", &checks.warm_up));
        parts.extend(checks.out_of_sample.as_ref().map(out_of_sample));
    }
    if define {
        parts.push(definitions(report));
    }
    parts.push(performance(report));
    parts.join("\n\n") + "\n"
}

fn figures(report: &Report) -> String {
    let statistics = &report.statistics;
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
        ["Fills by assumed path", &report.path_dependent_fills.len().to_string(), "", ""],
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

fn checks_table(checks: &Checks) -> String {
    let mut table = crate::config::table(&["Check", "Result", "How"]);
    let compared = |found: &Comparison| format!("{} decisions at {} sampled instants", found.decisions, found.samples);
    let verdict = |found: &Comparison, good: &str, bad: &str| match found {
        Comparison { changed: 0, decisions: 0, .. } => "nothing to compare".to_owned(),
        Comparison { changed: 0, .. } => good.to_owned(),
        Comparison { strategies, .. } => {
            format!("{bad}: {}", strategies.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        }
    };
    let (ahead, warm) = (&checks.look_ahead, &checks.warm_up);
    table.add_row(["Look-ahead".to_owned(), verdict(ahead, "none found", "looks ahead"), compared(ahead)]);
    table.add_row(["Warm-up".to_owned(), verdict(warm, "enough", "needs more than it declares"), compared(warm)]);
    if let Some(drawn) = &checks.reshuffled {
        let result = format!(
            "{} as they came; half below {}, 95% below {}, 99% below {}",
            percent(Some(drawn.actual)),
            percent(Some(drawn.median)),
            percent(Some(drawn.p95)),
            percent(Some(drawn.p99))
        );
        let how = format!("{} orders of the closed trades, seed {}", drawn.orders, drawn.seed);
        table.add_row(["Drawdown in other orders".to_owned(), result, how]);
    }
    table.to_string()
}

fn findings(title: &str, found: &Comparison) -> Option<String> {
    if found.findings.is_empty() {
        return None;
    }
    let mut table = crate::config::table(&["Strategy", "Symbol", "When", "With", "Without"]);
    for one in &found.findings {
        table.add_row([&one.strategy, one.symbol.as_str(), &minute(&one.at), &one.with, &one.without]);
    }
    Some(format!("{title}: {} of {}\n{table}", found.changed, found.decisions))
}

fn out_of_sample(split: &OutOfSample) -> String {
    let (sample, rest) = (&split.sample.statistics, &split.rest.statistics);
    let mut table =
        crate::config::table(&[&format!("Split at {}", minute(&split.split_at)), "Sample", "Out of sample"]);
    let mut row = |name: &str, of: &dyn Fn(&Statistics) -> String| {
        table.add_row([name.to_owned(), of(sample), of(rest)]);
    };
    row("Total return", &|part| percent(part.total_return));
    row("Sharpe", &|part| number(part.sharpe));
    row("Maximum drawdown", &|part| percent(part.drawdown.as_ref().map(|fall| fall.ratio)));
    row("Trades", &|part| part.trades.to_string());
    row("Win rate", &|part| percent(part.win_rate));
    row("Profit factor", &|part| number(part.profit_factor));
    row("Expectancy (USDT)", &|part| number(part.expectancy));
    right(&mut table, &[1, 2]);
    table.to_string()
}

fn definitions(report: &Report) -> String {
    let mut table = crate::config::table(&["Figure", "Definition", "Source"]);
    for figure in &report.definitions {
        table.add_row([figure.title, figure.definition, figure.source]);
    }
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

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.2}%", ratio * 100.0))
}

fn days(span: Span) -> String {
    format!("{:.1} d", span.as_secs() as f64 / Span::DAY.as_secs() as f64)
}

fn minute(at: &str) -> String {
    at.replace('T', " ").chars().take("2025-01-01 00:00".len()).collect()
}
