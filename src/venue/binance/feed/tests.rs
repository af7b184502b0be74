use super::*;
use crate::clock::Clock;
use crate::protocol::MarketData;
use crate::types::Span;
use crate::venue::binance::tests::{Served, symbols};

struct Listening {
    feed: BinanceFeed,
    arrivals: Arc<Notify>,
    rest: Rest,
}

impl Listening {
    async fn to(served: &Served, settings: &Settings) -> Listening {
        let (arrivals, rest) = (Arc::new(Notify::new()), served.client());
        let around = Surroundings {
            rest: rest.clone(),
            time: SessionClock::wall(served.clock),
            arrivals: arrivals.clone(),
            tracker: TaskTracker::new(),
            cancel: CancellationToken::new(),
            beside: Handle::current(),
        };
        let feed = BinanceFeed::open(settings, &symbols(), around).await.expect("a feed");
        Listening { feed, arrivals, rest }
    }

    /// Takes records until one is as wanted.
    async fn until(&mut self, what: &str, mut wanted: impl FnMut(&FeedRecord) -> bool) -> FeedRecord {
        let deadline = Duration::from_secs(30);
        let taking = async {
            loop {
                while let Some(record) = self.feed.next() {
                    let record = record.expect("a record");
                    if wanted(&record) {
                        return record;
                    }
                }
                let _ = tokio::time::timeout(Duration::from_millis(200), self.arrivals.notified()).await;
            }
        };
        tokio::time::timeout(deadline, taking).await.unwrap_or_else(|_| panic!("{what}"))
    }

    async fn live(&mut self) {
        let deadline = served_clock().uptime() + Span::secs(30);
        let clock = served_clock();
        while self.feed.stages().iter().any(|stage| *stage != ConnectionState::Live) {
            assert!(clock.uptime() < deadline, "{:?}", self.feed.stages());
            while self.feed.next().is_some() {}
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn served_clock() -> Clock {
    Clock::start()
}

#[tokio::test]
async fn the_market_is_heard_and_its_past_is_asked_for() {
    let served = Served::demo().await;
    let mut listening = Listening::to(&served, &served.settings).await;
    listening.live().await;
    assert_eq!(listening.feed.instruments().len(), 3);
    assert_eq!(listening.feed.stages(), [ConnectionState::Live; 2]);
    let mut last = Timestamp::EPOCH;
    for kind in ["mark", "quote", "trade"] {
        let of_kind = |data: &MarketData| match data {
            MarketData::Mark(_) => kind == "mark",
            MarketData::Quote(_) => kind == "quote",
            MarketData::Trade(_) => kind == "trade",
            _ => false,
        };
        let record = listening.until(kind, |record| of_kind(&record.event.data)).await;
        assert!(record.at >= last, "records go forward");
        last = record.at;
    }
    let (id, before) = (InstrumentId(1), listening.feed.start_at());
    for timeframe in [Timeframe::M1, Timeframe::H1, Timeframe::H4] {
        assert_eq!(listening.feed.ask_history(id, timeframe, 30, before), Ok(None));
        let is_it = |record: &FeedRecord| matches!(record.event.data, MarketData::History { timeframe: t, .. } if t == timeframe);
        let record = listening.until("history", is_it).await;
        let MarketData::History { bars, .. } = record.event.data else { panic!("history") };
        assert_eq!((record.event.instrument, bars.len()), (id, 30));
        assert!(bars.windows(2).all(|pair| pair[1].open_time - pair[0].open_time == timeframe.span()));
        assert!(bars.iter().all(|bar| bar.open_time + timeframe.span() <= before));
    }
    let from = before.floor(Span::MINUTE) - Span::mins(7);
    assert_eq!(listening.feed.ask_backfill(id, from, before.floor(Span::MINUTE)), Ok(None));
    let record = listening.until("bars", |record| matches!(record.event.data, MarketData::History { .. })).await;
    let MarketData::History { bars, .. } = record.event.data else { panic!("history") };
    assert_eq!((bars.len(), bars[0].open_time), (7, from));
}

/// A market that comes late is known by its own stamps, however lively it is.
#[tokio::test]
async fn what_comes_late_is_known_by_when_it_was_made() {
    let served = Served::demo().await;
    let mut listening = Listening::to(&served, &served.settings).await;
    listening.live().await;
    let is_mark = |record: &FeedRecord| matches!(record.event.data, MarketData::Mark(_));
    listening.until("a mark", is_mark).await;
    assert!(listening.feed.behind() < Span::SECOND, "{}", listening.feed.behind());
    // By the venue's clock its stamps are three seconds old, as if what it says had been so long under way.
    served.control("clock", serde_json::json!({ "ms": 3_000 })).await;
    listening.rest.sync_clock().await.expect("a clock");
    while listening.feed.next().is_some() {}
    listening.until("a mark", is_mark).await;
    let behind = listening.feed.behind();
    assert!(behind > Span::millis(2_500) && behind < Span::secs(4), "{behind}");
}

/// The dead market stream: connected, and nothing comes.
#[tokio::test]
async fn a_silent_connection_is_noticed_and_replaced() {
    let served = Served::demo().await;
    let settings = Settings { silence_limit: Span::secs(2), ..served.settings.clone() };
    let mut listening = Listening::to(&served, &settings).await;
    listening.live().await;
    served.control("mute-streams", serde_json::json!({ "on": true })).await;
    let clock = Clock::start();
    while listening.feed.stages()[0] == ConnectionState::Live {
        assert!(clock.uptime() < Span::secs(30), "silence was not noticed");
        while listening.feed.next().is_some() {}
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("noticed after {}", clock.uptime());
    assert!(clock.uptime() >= Span::SECOND, "and not before it was silent");
    served.control("mute-streams", serde_json::json!({ "on": false })).await;
    listening.until("a mark", |record| matches!(record.event.data, MarketData::Mark(_))).await;
    listening.live().await;
}

#[tokio::test]
async fn lost_connections_come_back_with_their_streams() {
    let served = Served::demo().await;
    let mut listening = Listening::to(&served, &served.settings).await;
    listening.live().await;
    served.control("drop-connections", serde_json::json!({})).await;
    for id in [InstrumentId(0), InstrumentId(1), InstrumentId(2)] {
        listening
            .until("a mark", |record| record.event.instrument == id && matches!(record.event.data, MarketData::Mark(_)))
            .await;
    }
    listening.live().await;
}

#[tokio::test]
async fn a_connection_is_renewed_with_overlap() {
    let served = Served::demo().await;
    let mut listening = Listening::to(&served, &served.settings).await;
    listening.live().await;
    let mut marks = 0;
    for id in [InstrumentId(0), InstrumentId(1), InstrumentId(2)] {
        listening.feed.restart(id);
        let heard = listening.until("marks after the renewal", |record| {
            marks += usize::from(matches!(record.event.data, MarketData::Mark(_)));
            marks >= 3
        });
        heard.await;
        marks = 0;
        assert!(listening.feed.stages().iter().all(|stage| *stage == ConnectionState::Live), "never lost");
    }
}
