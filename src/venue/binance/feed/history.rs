//! Bars over REST: those before the start, those that the loop asks for, and those that the streams failed to say.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Semaphore;

use super::super::rest::calls::market::{BarsOf, MAX_KLINES, Page, klines};
use super::super::rest::{Failure, Rest};
use super::desk::{Desk, Hole};
use crate::feed::{MAX_BACKFILL_BARS, MAX_HISTORY_BARS};
use crate::protocol::{Bar, MarketData, MarketEvent};
use crate::types::{InstrumentId, Instruments, Span, Timeframe, Timestamp};

/// Requests at once: enough to be done soon, few enough to leave the connections' pool to orders.
const AT_ONCE: usize = 6;
/// Longest wait for room in the rate budget.
const PATIENCE: Span = Span::mins(3);
/// How often it is looked whether bars are missing.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A bar is over once the venue's clock is this far behind its end, which covers what is not known of that clock.
const SETTLED: Span = Span::millis(500);

/// Who asks for bars.
#[derive(Debug, Clone)]
pub(super) struct Historian {
    pub rest: Rest,
    pub desk: Desk,
    pub instruments: Arc<Instruments>,
    room: Arc<Semaphore>,
}

/// What the loop asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub instrument: InstrumentId,
    pub timeframe: Timeframe,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Historian {
    pub(super) fn new(rest: Rest, desk: Desk, instruments: Arc<Instruments>) -> Historian {
        Historian { rest, desk, instruments, room: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Asks for bars and puts them on the desk. What cannot be had is an empty answer, and a warning: the loop asks again.
    pub(super) async fn answer(self, wanted: Wanted) {
        let Ok(_place) = self.room.acquire().await else { return };
        let Wanted { instrument, timeframe, .. } = wanted;
        let bars = match self.bars(wanted).await {
            Ok(bars) => bars,
            Err(failure) => {
                let symbol = self.instruments.symbol(instrument);
                tracing::warn!(%symbol, %timeframe, %failure, "bars of the past could not be had");
                Vec::new()
            }
        };
        self.desk.answer(MarketEvent { instrument, data: MarketData::History { timeframe, bars } });
    }

    /// Closed bars that opened from `from` on and ended by `until`, oldest first.
    async fn bars(&self, wanted: Wanted) -> Result<Vec<Bar>, Failure> {
        let Wanted { instrument, timeframe, from, until } = wanted;
        let symbol = &self.instruments.get(instrument).venue_symbol;
        self.settle(until).await;
        let ended = until.min(self.rest.now() - SETTLED);
        let mut bars: Vec<Bar> = Vec::new();
        let mut next = from;
        while next + timeframe.span() <= ended {
            let left = (ended - next).as_nanos() / timeframe.span().as_nanos();
            let limit = usize::try_from(left).unwrap_or(0).clamp(1, MAX_KLINES);
            let page = Page { from: Some(next), until: Some(ended - Span::millis(1)), limit };
            let got = self.page(symbol, timeframe, page).await?;
            let fresh =
                got.into_iter().filter(|bar| bar.open_time >= next && bar.open_time + timeframe.span() <= ended);
            let before = bars.len();
            bars.extend(fresh);
            match bars.last() {
                Some(last) if bars.len() > before => next = last.open_time + timeframe.span(),
                Some(_) | None => break,
            }
        }
        Ok(bars)
    }

    /// Waits until a bar that ended just now is over at the venue too.
    async fn settle(&self, until: Timestamp) {
        let left = until + SETTLED - self.rest.now();
        if left > Span::ZERO && left <= SETTLED * 4 {
            tokio::time::sleep(left.to_std()).await;
        }
    }

    async fn page(&self, symbol: &str, timeframe: Timeframe, page: Page) -> Result<Vec<Bar>, Failure> {
        let bars = self.rest.ask(klines(BarsOf::Trades, symbol, timeframe.as_str(), page), PATIENCE).await?;
        Ok(bars.into_iter().map(|kline| kline.0).collect())
    }

    /// Fills holes in the bars of the streams, for as long as the feed lives.
    pub(super) async fn repair(self) {
        loop {
            tokio::select! {
                () = self.desk.missing() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let holes = self.desk.holes(self.rest.now());
            futures_util::stream::iter(holes).for_each_concurrent(AT_ONCE, |hole| self.fill(hole)).await;
        }
    }

    async fn fill(&self, hole: Hole) {
        let Hole { instrument, from, until } = hole;
        let symbol = &self.instruments.get(instrument).venue_symbol;
        let minutes = usize::try_from((until - from).as_secs() / 60).unwrap_or(1);
        let page = Page { from: Some(from), until: Some(until - Span::millis(1)), limit: minutes.clamp(1, MAX_KLINES) };
        match self.rest.call(klines(BarsOf::Trades, symbol, Timeframe::M1.as_str(), page)).await {
            Ok(bars) => {
                let bars: Vec<_> = bars.into_iter().map(|kline| kline.0).collect();
                tracing::debug!(%symbol, %from, %until, got = bars.len(), "bars that no stream said were asked for");
                // With a full desk the connections begin anew, and the hole is found again.
                let _ = self.desk.fill(hole, &bars);
            }
            Err(failure) => tracing::warn!(%symbol, %from, %failure, "missing bars could not be asked for"),
        }
    }
}

impl Wanted {
    /// So many bars before an instant.
    pub(super) fn history(instrument: InstrumentId, timeframe: Timeframe, bars: usize, before: Timestamp) -> Wanted {
        let bars = i64::try_from(bars.min(MAX_HISTORY_BARS)).unwrap_or(i64::MAX);
        let until = before.floor(timeframe.span());
        Wanted { instrument, timeframe, from: until - timeframe.span() * bars, until }
    }

    /// The 1m bars of a stretch; of more than can be had at once, the newest.
    pub(super) fn backfill(instrument: InstrumentId, from: Timestamp, until: Timestamp) -> Wanted {
        let most = i64::try_from(MAX_BACKFILL_BARS).unwrap_or(i64::MAX);
        // A bar that opened before `until` is wanted whole.
        let until = (until + Span::MINUTE - Span::nanos(1)).floor(Span::MINUTE);
        let from = (from + Span::MINUTE - Span::nanos(1)).floor(Span::MINUTE).max(until - Span::MINUTE * most);
        Wanted { instrument, timeframe: Timeframe::M1, from, until }
    }
}
