//! History over REST, page by page: bars of trades and of the mark price, and settled fundings. It never uses more than
//! its share of the rate budget, so that a daemon on the same address is not held up.

use super::rest::calls::market::{BarsOf, MAX_FUNDINGS, Page, funding_rates, klines};
use super::rest::{Failure, Priority, Rest};
use crate::protocol::Bar;
use crate::types::{Price, Rate, Span, Timeframe, Timestamp};

/// Bars of a page: with more, each costs the venue more.
const BARS_PER_PAGE: usize = 1_000;
/// The limit of fundings is 500 in five minutes for an address, beside the weight.
const BETWEEN_FUNDING_PAGES: std::time::Duration = std::time::Duration::from_millis(700);
/// Longest wait for room in the rate budget: a ban of two minutes, and some.
const PATIENCE: Span = Span::mins(5);

/// A series of bars.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series<'a> {
    pub of: BarsOf,
    /// The venue's name.
    pub symbol: &'a str,
    pub timeframe: Timeframe,
}

/// A funding, as it was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settled {
    pub at: Timestamp,
    pub rate: Rate,
    pub mark: Option<Price>,
}

/// The next page of closed bars that opened at or after `from` and before `until`, oldest first; empty at the end.
///
/// # Errors
/// As of any request, after some attempts.
pub(crate) async fn bars(
    rest: &Rest,
    series: Series<'_>,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Bar>, Failure> {
    let span = series.timeframe.span();
    let until = until.min(rest.now() - Span::SECOND);
    let from = (from + span - Span::nanos(1)).floor(span);
    if from + span > until {
        return Ok(Vec::new());
    }
    let page = Page { from: Some(from), until: Some(until - Span::millis(1)), limit: BARS_PER_PAGE };
    let call = klines(series.of, series.symbol, series.timeframe.as_str(), page).with_priority(Priority::Background);
    let page = rest.ask(call, PATIENCE).await?.into_iter().map(|kline| kline.0);
    Ok(page.filter(|bar| bar.open_time >= from && bar.open_time + span <= until).collect())
}

/// The next page of fundings settled at or after `from` and before `until`, oldest first; empty at the end.
///
/// # Errors
/// As of any request.
pub(crate) async fn fundings(
    rest: &Rest,
    symbol: &str,
    from: Timestamp,
    until: Timestamp,
) -> Result<Vec<Settled>, Failure> {
    if from >= until {
        return Ok(Vec::new());
    }
    let page = Page { from: Some(from), until: Some(until - Span::millis(1)), limit: MAX_FUNDINGS };
    let call = funding_rates(symbol, page).with_priority(Priority::Background);
    let page = rest.ask(call, PATIENCE).await?;
    tokio::time::sleep(BETWEEN_FUNDING_PAGES).await;
    let settled = page.into_iter().map(|one| Settled {
        at: Timestamp::from_millis(one.funding_time),
        rate: one.funding_rate,
        mark: one.mark_price,
    });
    Ok(settled.collect())
}
