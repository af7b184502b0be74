//! What `sweep` prints.

use std::path::Path;

use comfy_table::CellAlignment;

use super::status::cents;
use crate::backtest::sweep::{Deflated, Figures, Forward, Metric, Ranked, SweepReport, short};

/// Reasons for which runs were refused that are printed; a grid has one for every pair that does not fit.
const REASONS: usize = 5;

/// A report as tables for people. `resumed` runs were in the journal, which is at `journal`.
pub fn sweep_text(report: &SweepReport, top: usize, resumed: usize, journal: &Path) -> String {
    let mut parts = vec![ranking(report, top)];
    parts.extend(report.deflated.as_ref().map(deflated));
    parts.extend(report.walk_forward.as_ref().map(|walk| forward(walk, report)));
    parts.extend(refusals(report));
    let before = if resumed > 0 { format!("; {resumed} were there from before") } else { String::new() };
    parts.push(format!("{} runs of {}\nwritten down in {}{before}", report.runs, report.feed, journal.display()));
    parts.join("\n\n") + "\n"
}

fn ranking(report: &SweepReport, top: usize) -> String {
    let names: Vec<&str> = report.axes.iter().map(|axis| short(&axis.setting)).collect();
    let header: Vec<&str> = ["#"]
        .into_iter()
        .chain(names.iter().copied())
        .chain(["Return", "Annual", "Sharpe", "Sortino", "Calmar", "Drawdown", "Trades", "Win rate", "PF", "Fees"])
        .collect();
    let mut table = crate::config::table(&header);
    for (at, one) in report.top(top).iter().enumerate() {
        let mut row = vec![(at + 1).to_string()];
        row.extend(one.values.iter().cloned());
        row.extend(figures(&one.figures));
        table.add_row(row);
    }
    for column in 0..header.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let shown = report.top(top).len();
    let more = report.ranked.len() - shown;
    let more =
        if more > 0 { format!("\n{more} more runs; --top N shows more, --table FILE has all") } else { String::new() };
    format!("Ranked by {}\n{table}{more}", report.metric.as_str())
}

fn figures(figures: &Figures) -> [String; 10] {
    let cell = |metric: Metric| written(metric, metric.of(figures));
    [
        cell(Metric::TotalReturn),
        cell(Metric::AnnualReturn),
        cell(Metric::Sharpe),
        cell(Metric::Sortino),
        cell(Metric::Calmar),
        cell(Metric::Drawdown),
        figures.trades.to_string(),
        cell(Metric::WinRate),
        cell(Metric::ProfitFactor),
        cents(figures.fees),
    ]
}

fn written(metric: Metric, value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if metric.is_percent() => format!("{:.2}%", value * 100.0),
        Some(value) => format!("{value:.2}"),
    }
}

fn deflated(found: &Deflated) -> String {
    let verdict = if found.deflated_sharpe >= 0.95 {
        "it stands out of the luck of so many trials"
    } else {
        "so many trials without any skill would show a best run like it"
    };
    format!(
        "Deflated Sharpe ratio of the first: {:.1}% ({verdict})\n\
         {:.4} a day over {} days; the best of {} trials without skill is expected to show {:.4}",
        found.deflated_sharpe * 100.0,
        found.sharpe_daily,
        found.days,
        found.trials,
        found.expected_of_luck_daily
    )
}

fn forward(walk: &Forward, report: &SweepReport) -> String {
    let metric = report.metric;
    let chosen_on = format!("{} chosen on", metric.as_str());
    let mut table =
        crate::config::table(&["Judged on", "Chosen", &chosen_on, "judged on", "Return", "Drawdown", "Trades"]);
    for window in &walk.windows {
        let judged = window.judged.as_ref();
        table.add_row([
            stretch(&window.test),
            window.chosen.as_ref().map_or_else(|| "no run has the figure".to_owned(), |one| label(one, report)),
            written(metric, window.chosen.as_ref().and_then(|one| metric.of(&one.figures))),
            written(metric, judged.and_then(|figures| metric.of(figures))),
            written(Metric::TotalReturn, judged.and_then(|figures| figures.total_return)),
            written(Metric::Drawdown, judged.and_then(|figures| Metric::Drawdown.of(figures))),
            judged.map_or_else(|| "-".to_owned(), |figures| figures.trades.to_string()),
        ]);
    }
    format!(
        "Walk-forward: chosen on the past, judged on what came after\n{table}\n\
         together: return {}, a year {}, Sharpe {}, Sortino {}, drawdown {}, efficiency {}",
        written(Metric::TotalReturn, Some(walk.total_return)),
        written(Metric::AnnualReturn, walk.annual_return),
        written(Metric::Sharpe, walk.sharpe),
        written(Metric::Sortino, walk.sortino),
        written(Metric::Drawdown, Some(walk.drawdown)),
        walk.efficiency.map_or_else(|| "-".to_owned(), |share| format!("{:.0}%", share * 100.0)),
    )
}

fn label(one: &Ranked, report: &SweepReport) -> String {
    let words: Vec<String> =
        report.axes.iter().zip(&one.values).map(|(axis, value)| format!("{}={value}", short(&axis.setting))).collect();
    words.join(" ")
}

fn refusals(report: &SweepReport) -> Option<String> {
    let all: usize = report.refused.values().sum();
    if all == 0 {
        return None;
    }
    let mut reasons: Vec<(&String, &usize)> = report.refused.iter().collect();
    reasons.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let mut lines = vec![format!("{all} of {} runs could not be run:", report.runs)];
    lines.extend(reasons.iter().take(REASONS).map(|(why, count)| format!("  {count}× {why}")));
    if reasons.len() > REASONS {
        lines.push(format!("  and {} reasons more", reasons.len() - REASONS));
    }
    Some(lines.join("\n"))
}

/// `2024-10-01 to 2024-10-08`, to the minute where it is not midnight.
fn stretch(range: &str) -> String {
    let side = |at: &str| at.replace('T', " ").trim_end_matches(":00.000Z").trim_end_matches(" 00:00").to_owned();
    range.split_once('/').map_or_else(|| range.to_owned(), |(from, until)| format!("{} to {}", side(from), side(until)))
}
