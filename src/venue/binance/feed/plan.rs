//! Which streams go over which connection. The plan is made before anything is connected, and one that the venue would
//! not bear is refused there: a stream that is left out silently is a symbol that is never traded.

use crate::types::{InstrumentId, Instruments};

/// Streams of one connection. The venue bears 1,024; fewer make a lost connection matter less.
const STREAMS_PER_CONNECTION: usize = 200;
/// Streams asked for by one message. The venue takes 10 messages a second on a connection, of which these are few.
const STREAMS_PER_REQUEST: usize = 100;
/// Connections of one feed. The venue bears 300 attempts of an address in five minutes; these can all be renewed twice
/// in that time, and leave room for others.
const MAX_CONNECTIONS: usize = 60;

/// The parts of the venue's streams, each with an entrance of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Route {
    /// Best prices and books.
    Public,
    /// Trades, bars and mark prices.
    Market,
}

impl Route {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Route::Public => "/public/stream",
            Route::Market => "/market/stream",
        }
    }
}

/// One connection and what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub route: Route,
    pub streams: Vec<String>,
    pub instruments: Vec<InstrumentId>,
}

impl Lane {
    /// The messages that ask for its streams, numbered from 1.
    pub(super) fn requests(&self) -> Vec<String> {
        let ask = |(at, streams): (usize, &[String])| {
            serde_json::json!({ "method": "SUBSCRIBE", "params": streams, "id": at + 1 }).to_string()
        };
        self.streams.chunks(STREAMS_PER_REQUEST).enumerate().map(ask).collect()
    }
}

/// The connections for these instruments.
///
/// # Errors
/// If they are more than the venue bears.
pub(super) fn plan(instruments: &Instruments, trades: bool) -> Result<Vec<Lane>, String> {
    let public: &[&str] = &["bookTicker"];
    let market: &[&str] =
        if trades { &["kline_1m", "markPrice@1s", "aggTrade"] } else { &["kline_1m", "markPrice@1s"] };
    let mut lanes = Vec::new();
    for (route, kinds) in [(Route::Market, market), (Route::Public, public)] {
        let per_lane = STREAMS_PER_CONNECTION / kinds.len();
        let all: Vec<_> = instruments.iter().collect();
        for some in all.chunks(per_lane) {
            let name = |(id, kind): (&str, &&str)| format!("{id}@{kind}");
            let streams = some.iter().flat_map(|(_, one)| {
                let symbol = one.venue_symbol.to_lowercase();
                kinds.iter().map(|kind| name((&symbol, kind))).collect::<Vec<_>>()
            });
            let ids = some.iter().map(|(id, _)| *id).collect();
            lanes.push(Lane { route, streams: streams.collect(), instruments: ids });
        }
    }
    if lanes.len() > MAX_CONNECTIONS {
        return Err(format!(
            "{} symbols need {} connections, and Binance bears {MAX_CONNECTIONS} of one feed; trade fewer symbols",
            instruments.len(),
            lanes.len()
        ));
    }
    Ok(lanes)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::feed::instruments;
    use crate::types::Instrument;

    /// So many instruments alike.
    pub(crate) fn many(count: usize) -> Instruments {
        let symbol = "BTC/USDT".parse().expect("a symbol");
        let one = instruments::load(None, &[symbol]).expect("the table").iter().next().expect("one").1.clone();
        let list = (0..count).map(|at| Instrument {
            symbol: format!("A{at}/USDT:USDT").parse().expect("a symbol"),
            venue_symbol: format!("A{at}USDT"),
            ..one.clone()
        });
        Instruments::new(list.collect()).expect("a table")
    }

    #[test]
    fn every_stream_is_in_the_plan_once_and_every_limit_is_kept() {
        for (count, trades, connections) in [(1, true, 2), (100, true, 3), (500, true, 11), (500, false, 8)] {
            let lanes = plan(&many(count), trades).expect("a plan");
            assert_eq!(lanes.len(), connections, "{count}");
            let mut streams: Vec<_> = lanes.iter().flat_map(|lane| lane.streams.clone()).collect();
            assert_eq!(streams.len(), count * if trades { 4 } else { 3 });
            streams.sort();
            streams.dedup();
            assert_eq!(streams.len(), count * if trades { 4 } else { 3 });
            for lane in &lanes {
                assert!(lane.streams.len() <= 1_024 && lane.requests().len() <= 10);
                let asked: usize = lane.requests().iter().map(|text| text.matches("@").count()).sum();
                let named: usize = lane.streams.iter().map(|name| name.matches('@').count()).sum();
                assert_eq!(asked, named);
            }
        }
        assert_eq!(plan(&many(1), true).expect("a plan")[0].streams[0], "a0usdt@kline_1m");
    }

    #[test]
    fn a_plan_that_does_not_fit_is_an_error_at_the_start() {
        let error = plan(&many(5_000), true).expect_err("too many");
        assert!(error.contains("5000 symbols") && error.contains("fewer"), "{error}");
    }
}
