//! A report as one page for a browser, with everything in it: no request leaves it, and it says so to the browser.
//!
//! The page is a frame of fixed text. What a run brought goes into it as JSON, and the script writes it into the document as
//! text and as charts; so nothing that came from outside is ever read as markup. The charts are drawn by Lightweight Charts
//! 5.2.1 of TradingView (Apache-2.0; its licence lies beside it), whose script is part of this crate.

mod curves;

use serde::Serialize;

use super::candles::{Candles, Series};
use super::report::Report;
use super::run::Outcome;
pub use curves::Curves;

/// Trades that a page lists; the JSON report has all of them.
const MOST_TRADES: usize = 20_000;

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const CHARTING: &str = include_str!("lightweight-charts.js");
const PARTS: &str = include_str!("parts.js");
const CHARTS: &str = include_str!("charts.js");
const TRADES: &str = include_str!("trades.js");
const SCRIPT: &str = include_str!("page.js");

/// What a page is made of.
#[derive(Serialize)]
struct Content<'a> {
    report: Report,
    /// Trades that were left out of the list.
    trades_left_out: usize,
    curves: Curves,
    candles: &'a [Series],
    version: &'static str,
}

/// The page of a report.
///
/// # Errors
/// If the report cannot be written as JSON, which is our own contradiction.
pub fn page(report: &Report, outcome: &Outcome, candles: Candles) -> Result<String, serde_json::Error> {
    let mut report = report.clone();
    let trades_left_out = report.trades.len().saturating_sub(MOST_TRADES);
    report.trades.truncate(MOST_TRADES);
    let content = Content {
        trades_left_out,
        curves: Curves::of(outcome),
        candles: &candles.into_series(),
        version: env!("CARGO_PKG_VERSION"),
        report,
    };
    // Within a script element only `</script` and `<!--` mean anything; without `<` neither can be there.
    let json = serde_json::to_string(&content)?.replace('<', "\\u003c");
    Ok(fill(&[
        ("style", STYLE),
        ("content", &json),
        ("charting", CHARTING),
        ("parts", PARTS),
        ("charts", CHARTS),
        ("trades", TRADES),
        ("script", SCRIPT),
    ]))
}

/// The frame with each `{{name}}` replaced. What is put in is not looked at again.
fn fill(parts: &[(&str, &str)]) -> String {
    let mut page = String::with_capacity(FRAME.len() + parts.iter().map(|(_, text)| text.len()).sum::<usize>());
    let mut rest = FRAME;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        page.push_str(before);
        page.push_str(parts.iter().find(|(part, _)| *part == name).map_or("", |(_, text)| text));
        rest = after;
    }
    page.push_str(rest);
    page
}
