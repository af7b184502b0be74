use proptest::prelude::*;

use super::*;
use crate::protocol::Trade;
use crate::types::{Instrument, MarginTier, Qty, Side, TradeId, Usdt};

/// A table of `n` instruments that differ by name alone: BTC, ETH, SOL and so on.
pub(crate) fn instruments(n: usize) -> Instruments {
    let tier = MarginTier {
        notional_floor: Usdt::ZERO,
        notional_cap: Usdt::whole(1_000_000),
        max_leverage: 20,
        maintenance_rate: Rate::percent(1),
        maintenance_amount: Usdt::ZERO,
    };
    let one = |base: &str| Instrument {
        symbol: format!("{base}/USDT:USDT").parse().unwrap(),
        venue_symbol: format!("{base}USDT"),
        tick: Price::new(1, 2),
        step: Qty::new(1, 3),
        min_qty: Qty::new(1, 3),
        max_qty: Qty::whole(1_000),
        market_max_qty: Qty::whole(100),
        min_notional: Usdt::whole(5),
        percent_price: Rate::percent(5),
        maker_fee: Rate::bps(2),
        taker_fee: Rate::bps(5),
        liquidation_fee: Rate::bps(125),
        funding_interval: Span::mins(480),
        tiers: vec![tier.clone()],
    };
    Instruments::new(["BTC", "ETH", "SOL", "XRP"].into_iter().take(n).map(one).collect()).unwrap()
}

const A: InstrumentId = InstrumentId(0);
const B: InstrumentId = InstrumentId(1);
/// 2024-10-01 00:00 UTC.
const START: Timestamp = Timestamp::from_secs(1_727_740_800);
const EVERYTHING: FeedShape = FeedShape { quotes: true, trades: true, mark: true, depth: false };

fn at(minute: i64) -> Timestamp {
    START + Span::MINUTE * minute
}

/// A 1m bar whose prices tell its minute.
fn bar(minute: i64) -> Bar {
    let close = 1_000 + minute;
    Bar {
        open_time: at(minute),
        open: Price::whole(close - 1),
        high: Price::whole(close + 2),
        low: Price::whole(close - 3),
        close: Price::whole(close),
        volume: Qty::whole(1),
    }
}

fn built(timeframe: Timeframe, minute: i64) -> Bar {
    let last = minute + timeframe.minutes() - 1;
    Bar { high: bar(last).high, close: bar(last).close, volume: Qty::whole(timeframe.minutes()), ..bar(minute) }
}

fn market(n: usize, needs: &[(Timeframe, u32)]) -> Market {
    let needs: Vec<Need> = needs.iter().map(|(timeframe, bars)| Need { timeframe: *timeframe, bars: *bars }).collect();
    Market::new(&instruments(n), FeedShape::BARS, &needs, Settings::default())
}

fn tell(market: &mut Market, id: InstrumentId, at: Timestamp, data: MarketData) -> Absorbed {
    market.absorb(at, &MarketEvent { instrument: id, data })
}

/// The bar comes when it closes.
fn close(market: &mut Market, id: InstrumentId, minute: i64) -> Absorbed {
    tell(market, id, at(minute + 1), MarketData::Bar(bar(minute)))
}

fn history(timeframe: Timeframe, bars: impl IntoIterator<Item = Bar>) -> MarketData {
    MarketData::History { timeframe, bars: bars.into_iter().collect() }
}

fn of(timeframe: Timeframe, closed: &[ClosedBar]) -> Vec<(i64, bool)> {
    let closed = closed.iter().filter(|closed| closed.timeframe == timeframe);
    closed.map(|closed| ((closed.bar.open_time - START).as_secs() / 60, closed.live)).collect()
}

fn minutes(absorbed: &Absorbed) -> Vec<(i64, bool)> {
    of(Timeframe::M1, &absorbed.closed)
}

#[test]
fn longer_bars_are_aligned_and_come_longest_first() {
    let mut market = market(1, &[(Timeframe::M5, 0), (Timeframe::M15, 0)]);
    market.mark_history_complete(START, A);
    for minute in 3..14 {
        close(&mut market, A, minute);
    }
    // The quarter began before the first bar came, so it is not whole; the five minutes are.
    let absorbed = close(&mut market, A, 14);
    assert_eq!(of(Timeframe::M15, &absorbed.closed), []);
    assert_eq!(of(Timeframe::M5, &absorbed.closed), [(10, true)]);
    for minute in 15..29 {
        close(&mut market, A, minute);
    }
    let closed = close(&mut market, A, 29).closed;
    let expect = [(Timeframe::M15, 15), (Timeframe::M5, 25), (Timeframe::M1, 29)];
    let expect = expect.map(|(timeframe, minute)| ClosedBar { timeframe, bar: built(timeframe, minute), live: true });
    assert_eq!(closed, expect);
}

#[test]
fn history_is_continued_by_minutes_whichever_comes_first() {
    let half_hours = || history(Timeframe::M30, (0..4).map(|n| built(Timeframe::M30, n * 30)));
    let so_far = || history(Timeframe::M1, (120..137).map(bar));
    let now = at(137);
    let mut outcomes = Vec::new();
    for order in [[0, 1, 2], [1, 0, 2], [2, 0, 1], [2, 1, 0], [0, 2, 1]] {
        let mut market = market(1, &[(Timeframe::M30, 4)]);
        let mut closed = Vec::new();
        for step in order {
            closed.extend(match step {
                0 => tell(&mut market, A, now, half_hours()).closed,
                1 => tell(&mut market, A, now, so_far()).closed,
                _ => close(&mut market, A, 137).closed,
            });
        }
        assert!(market.is_warm(A) && market.has_history(A));
        for minute in 138..150 {
            closed.extend(close(&mut market, A, minute).closed);
        }
        let expect = [(0, false), (30, false), (60, false), (90, false), (120, true)];
        assert_eq!(of(Timeframe::M30, &closed), expect, "{order:?}");
        assert_eq!(closed.iter().rfind(|c| c.timeframe == Timeframe::M30).unwrap().bar, built(Timeframe::M30, 120));
        outcomes.push(of(Timeframe::M1, &closed));
    }
    let expect: Vec<_> = (120..150).map(|minute| (minute, minute >= 137)).collect();
    assert!(outcomes.iter().all(|outcome| *outcome == expect), "{outcomes:?}");
}

#[test]
fn warm_means_that_every_need_is_met() {
    let needs = [(Timeframe::M5, 3), (Timeframe::M1, 4)];
    let mut short = market(1, &needs);
    tell(&mut short, A, at(10), history(Timeframe::M5, [built(Timeframe::M5, 5)]));
    assert!(!short.has_history(A));
    tell(&mut short, A, at(10), history(Timeframe::M1, []));
    assert!(short.has_history(A) && !short.is_warm(A), "history came, but too little of it");
    let mut declared = short.clone();
    declared.mark_history_complete(at(10), A);
    assert!(declared.is_warm(A));
    for minute in 10..20 {
        assert!(!short.is_warm(A));
        close(&mut short, A, minute);
    }
    assert!(short.is_warm(A), "live bars made up for it");

    // Without any history, bars wait until there are as many as were needed.
    let mut alone = market(1, &[(Timeframe::M5, 3)]);
    let closed: Vec<_> = (0..300).flat_map(|minute| close(&mut alone, A, minute).closed).collect();
    let five = of(Timeframe::M5, &closed);
    assert_eq!(five.len(), 60, "none was lost");
    assert!(five.windows(2).all(|pair| pair[0].0 + 5 == pair[1].0), "and they came in order");
    assert!(alone.is_warm(A));
}

#[test]
fn the_plan_covers_the_longest_bar_in_the_making() {
    let market = market(1, &[(Timeframe::H4, 800), (Timeframe::M30, 56)]);
    let plan = market.history_plan(at(4 * 60 + 95) + Span::secs(7));
    let expect = [(Timeframe::H4, 800), (Timeframe::M30, 56), (Timeframe::M1, 95)];
    assert_eq!(plan, expect.map(|(timeframe, bars)| Need { timeframe, bars }));
}

/// A gap after minute 9: what comes of each sequence of later bars and fillings.
#[test]
fn bars_wait_behind_a_gap() {
    enum Step {
        Bar(i64),
        Fill(Vec<i64>),
    }
    use Step::{Bar as Minute, Fill};
    type Out = (Vec<(i64, bool)>, Option<(i64, i64)>);
    let cases: [(&str, Vec<(Step, Out)>); 6] = [
        (
            "filled",
            vec![
                (Minute(12), (vec![], Some((10, 12)))),
                (Minute(13), (vec![], Some((10, 12)))),
                (Fill(vec![10, 11]), (vec![(10, false), (11, false), (12, false), (13, true)], None)),
                (Minute(14), (vec![(14, true)], None)),
            ],
        ),
        (
            "the source lacks one too",
            vec![(Minute(12), (vec![], Some((10, 12)))), (Fill(vec![11]), (vec![(11, false), (12, true)], None))],
        ),
        (
            "the source has none of them",
            vec![
                (Minute(12), (vec![], Some((10, 12)))),
                (Fill(vec![]), (vec![(12, true)], None)),
                (Minute(13), (vec![(13, true)], None)),
            ],
        ),
        (
            "late, not lost",
            vec![
                (Minute(11), (vec![], Some((10, 11)))),
                (Minute(10), (vec![(10, false), (11, true)], None)),
                (Fill(vec![10]), (vec![], None)),
            ],
        ),
        (
            "a second gap behind the first",
            vec![
                (Minute(11), (vec![], Some((10, 11)))),
                (Minute(13), (vec![], Some((10, 11)))),
                (Fill(vec![10]), (vec![(10, false), (11, false)], Some((12, 13)))),
                (Fill(vec![12]), (vec![(12, false), (13, true)], None)),
            ],
        ),
        (
            "the late answer to an earlier question",
            vec![(Minute(11), (vec![], Some((10, 11)))), (Fill(vec![9, 8]), (vec![], Some((10, 11))))],
        ),
    ];
    for (name, steps) in cases {
        let mut market = market(1, &[]);
        for minute in 0..10 {
            assert_eq!(minutes(&close(&mut market, A, minute)), [(minute, true)]);
        }
        let mut now = at(10);
        for (step, (closed, gap)) in steps {
            let absorbed = match step {
                Step::Bar(minute) => {
                    now = now.max(at(minute + 1));
                    tell(&mut market, A, now, MarketData::Bar(bar(minute)))
                }
                Step::Fill(bars) => tell(&mut market, A, now, history(Timeframe::M1, bars.into_iter().map(bar))),
            };
            assert_eq!(minutes(&absorbed), closed, "{name}");
            assert_eq!(absorbed.gap, gap.map(|(from, until)| Gap { from: at(from), until: at(until) }), "{name}");
            assert_eq!(market.gap(A), absorbed.gap, "{name}");
        }
    }
}

#[test]
fn a_filling_that_never_comes_is_not_waited_for_forever() {
    let mut market = market(1, &[]);
    close(&mut market, A, 0);
    let came = (5..400).find(|minute| !close(&mut market, A, *minute).closed.is_empty());
    assert_eq!(came, Some(5 + 240), "four hours of bars are held and no more");
    assert_eq!(market.gap(A), None);
    assert_eq!(market.last_bar(A), came.map(at), "then all that were held come out");
}

#[test]
fn bars_that_cannot_be_used_are_counted() {
    let mut market = market(1, &[]);
    close(&mut market, A, 0);
    close(&mut market, A, 1);
    let now = at(2) + Span::secs(1);
    let far = Bar { open_time: Timestamp::MAX, ..bar(0) };
    let past = Bar { open_time: Timestamp::from_nanos(i64::MIN), ..bar(0) };
    let before = market.clone();
    for (name, bar, count) in [
        ("again", bar(1), Drops { duplicate: 1, ..Drops::default() }),
        ("older", bar(0), Drops { older: 1, ..Drops::default() }),
        ("still open", bar(2), Drops { unfinished: 1, ..Drops::default() }),
        ("of the future", Bar { open_time: at(600), ..bar(3) }, Drops { unfinished: 1, ..Drops::default() }),
        (
            "misaligned",
            Bar { open_time: at(2) - Span::SECOND, ..bar(3) },
            Drops { inconsistent: 1, ..Drops::default() },
        ),
        ("high below low", Bar { high: Price::ONE, ..bar(2) }, Drops { inconsistent: 1, ..Drops::default() }),
        ("end of time", far, Drops { inconsistent: 1, ..Drops::default() }),
        ("begin of time", past, Drops { older: 1, ..Drops::default() }),
    ] {
        let mut market = before.clone();
        let absorbed = tell(&mut market, A, now, MarketData::Bar(bar));
        assert_eq!(absorbed, Absorbed::default(), "{name}");
        assert_eq!(market.drops(A), count, "{name}");
        market.books[0].drops = Drops::default();
        assert_eq!(market, before, "{name}: nothing else changed");
    }
    // A first bar of long ago would make a hole of years.
    let mut fresh = Market::new(&instruments(1), FeedShape::BARS, &[], Settings::default());
    tell(&mut fresh, A, at(3_000), MarketData::Bar(bar(0)));
    assert_eq!(fresh.drops(A), Drops { older: 1, ..Drops::default() });
}

#[test]
fn freshness_follows_the_cadence_of_what_the_feed_carries() {
    let quote = Quote { bid: Price::whole(99), bid_qty: Qty::ONE, ask: Price::whole(101), ask_qty: Qty::ONE };
    let mark = Mark { price: Price::whole(100), funding_rate: Rate::bps(1), next_funding: at(480) };
    let start = |shape, settings| {
        let mut market = Market::new(&instruments(1), shape, &[], settings);
        assert!(!market.freshness(A, at(1)).is_live(), "nothing to trade on before anything came");
        market.expect_data(at(1));
        tell(&mut market, A, at(1), MarketData::Bar(bar(0)));
        tell(&mut market, A, at(1), MarketData::Quote(quote));
        tell(&mut market, A, at(1), MarketData::Mark(mark));
        market
    };
    let ms = |ms| at(1) + Span::millis(ms);
    let slow_quotes = Settings { quote_cadence: Some(Span::secs(20)), ..Settings::default() };
    let patient = Settings { stale_after: 3, lost_after: 4, ..Settings::default() };
    let stale = |since| Freshness::Stale { since: ms(since) };
    let lost = |since| Freshness::Lost { since: ms(since) };
    for (shape, settings, marks_until, now, expect) in [
        (EVERYTHING, Settings::default(), 0, 2_000, Freshness::Live),
        (EVERYTHING, Settings::default(), 0, 2_001, stale(2_000)),
        (EVERYTHING, Settings::default(), 0, 5_001, lost(5_000)),
        (EVERYTHING, patient.clone(), 0, 3_000, Freshness::Live),
        (EVERYTHING, patient, 0, 4_001, lost(4_000)),
        (EVERYTHING, Settings::default(), 60_000, 60_001, lost(5_000)),
        (EVERYTHING, slow_quotes.clone(), 40_000, 40_000, Freshness::Live),
        (EVERYTHING, slow_quotes.clone(), 40_000, 40_001, stale(40_000)),
        (EVERYTHING, slow_quotes, 100_000, 102_001, lost(100_000)),
        (FeedShape::BARS, Settings::default(), 0, 120_000, Freshness::Live),
        (FeedShape::BARS, Settings::default(), 0, 120_001, stale(120_000)),
        (FeedShape::BARS, Settings::default(), 0, 300_001, lost(300_000)),
        (FeedShape { mark: false, ..EVERYTHING }, Settings::default(), 0, 120_000, Freshness::Live),
    ] {
        let mut market = start(shape, settings);
        for second in (1_000..=marks_until).step_by(1_000) {
            tell(&mut market, A, ms(second), MarketData::Mark(mark));
        }
        assert_eq!(market.freshness(A, ms(now)), expect, "{shape:?} after {now} ms");
    }
}

#[test]
fn data_that_is_old_when_it_comes_refreshes_nothing() {
    let mut market = market(1, &[]);
    close(&mut market, A, 0);
    let late = at(1) + Span::secs(150);
    tell(&mut market, A, late, MarketData::Bar(bar(0)));
    assert_eq!(market.freshness(A, late), Freshness::Stale { since: at(3) }, "the same bar again");
    tell(&mut market, A, late, history(Timeframe::M1, [bar(1)]));
    assert_eq!(market.freshness(A, late), Freshness::Stale { since: at(3) }, "history is not the feed");
    tell(&mut market, A, at(10), MarketData::Bar(bar(2)));
    assert_eq!(market.freshness(A, at(10)), Freshness::Lost { since: at(8) }, "a bar of minutes ago");
    assert_eq!(market.last_data(A), Some(at(10)));
}

#[test]
fn what_bars_lack_is_made_of_them() {
    let mut market = market(1, &[]);
    assert_eq!((market.price(A), market.quote(A)), (None, None));
    close(&mut market, A, 0);
    let quote = market.quote(A).unwrap();
    assert_eq!((quote.bid.to_string(), quote.ask.to_string()), ("999.95".into(), "1000.05".into()));
    assert_eq!(market.price(A), Some(Price::whole(1_000)));
    assert_eq!(market.mark(A), Some(Price::whole(1_000)));

    let mut full = Market::new(&instruments(1), EVERYTHING, &[], Settings::default());
    let trade = Trade { id: TradeId(1), price: Price::whole(50), qty: Qty::ONE, taker: Side::Buy };
    tell(&mut full, A, at(1) + Span::SECOND, MarketData::Trade(trade));
    tell(&mut full, A, at(1) + Span::SECOND, MarketData::Bar(bar(0)));
    assert_eq!((full.mark(A), full.quote(A)), (None, None), "nothing is made up where the real thing is coming");
    assert_eq!(full.price(A), Some(Price::whole(50)), "the trade is newer than the bar's close");
    let crossed = Quote { bid: Price::whole(51), bid_qty: Qty::ONE, ask: Price::whole(51), ask_qty: Qty::ONE };
    tell(&mut full, A, at(2), MarketData::Quote(crossed));
    assert_eq!((full.quote(A), full.drops(A).inconsistent), (None, 1));
    tell(&mut full, A, at(2), MarketData::Tradable(false));
    assert!(!full.tradable(A));
}

#[test]
fn prices_go_on_while_bars_wait() {
    let mut market = market(1, &[]);
    close(&mut market, A, 0);
    assert!(close(&mut market, A, 5).gap.is_some());
    assert_eq!(market.price(A), Some(bar(5).close));
    assert!(market.freshness(A, at(6)).is_live());
}

#[test]
fn an_iteration_is_a_minute_over_all_symbols() {
    let mut market = market(2, &[]);
    assert_eq!(close(&mut market, A, 0).iteration, None);
    assert_eq!(close(&mut market, B, 0).iteration, Some(at(0)));
    assert_eq!(close(&mut market, B, 1).iteration, None);
    assert_eq!(close(&mut market, A, 1).iteration, Some(at(1)));
    assert_eq!(market.iterations(), 2);
    // B falls silent. The minute it misses ends when the next begins; once it is late nobody waits for it.
    assert_eq!(close(&mut market, A, 2).iteration, None);
    assert_eq!(close(&mut market, A, 3).iteration, Some(at(2)));
    assert_eq!(market.iterations(), 3);
    assert_eq!(close(&mut market, A, 4).iteration, Some(at(4)));
    assert_eq!(market.iterations(), 5, "minute 3 ended and minute 4 is complete");
    // What it missed and sends later is not counted again.
    tell(&mut market, B, at(5), MarketData::Bar(bar(4)));
    assert_eq!(market.iterations(), 5);
}

#[test]
fn settings_have_ranges() {
    assert_eq!(Settings::default().check(), Ok(()));
    let base = Settings::default;
    for (name, settings) in [
        ("market.bar_spread", Settings { bar_spread: Rate::percent(2), ..base() }),
        ("market.bar_spread", Settings { bar_spread: -Rate::bps(1), ..base() }),
        ("market.mark_cadence", Settings { mark_cadence: Span::ZERO, ..base() }),
        ("market.quote_cadence", Settings { quote_cadence: Some(Span::HOUR), ..base() }),
        ("market.stale_after", Settings { stale_after: 1, ..base() }),
        ("market.lost_after", Settings { stale_after: 8, lost_after: 8, ..base() }),
    ] {
        assert_eq!(settings.check().map_err(|error| error.setting), Err(name.to_owned()));
    }
    let error = Settings { stale_after: 1, ..base() }.check().unwrap_err();
    assert_eq!(error.to_string(), "market.stale_after = 1: give a value from 2 to 60");
}

/// Any data, sensible or not.
fn any_data() -> impl Strategy<Value = MarketData> {
    let time = prop_oneof![any::<i64>().prop_map(Timestamp::from_nanos), (-5_i64..60).prop_map(at)];
    let price = || prop_oneof![any::<i64>().prop_map(|n| Price::new(n, 12)), (1_i64..9).prop_map(Price::whole)];
    let qty = || any::<i64>().prop_map(Qty::whole);
    let one_bar =
        (time.clone(), price(), price(), price(), price(), qty()).prop_map(|(open_time, a, b, c, d, volume)| Bar {
            open_time,
            open: a,
            high: b.max(a),
            low: c,
            close: d,
            volume,
        });
    let one_bar = prop_oneof![(0_i64..60).prop_map(bar), one_bar];
    let timeframe = prop::sample::select(&Timeframe::ALL[..]);
    prop_oneof![
        one_bar.clone().prop_map(MarketData::Bar),
        (timeframe, prop::collection::vec(one_bar, 0..4))
            .prop_map(|(timeframe, bars)| MarketData::History { timeframe, bars }),
        (price(), qty(), price(), qty()).prop_map(|(bid, bid_qty, ask, ask_qty)| MarketData::Quote(Quote {
            bid,
            bid_qty,
            ask,
            ask_qty
        })),
        (price(), time).prop_map(|(price, next_funding)| {
            MarketData::Mark(Mark { price, funding_rate: Rate::bps(1), next_funding })
        }),
        any::<bool>().prop_map(MarketData::Tradable),
    ]
}

proptest! {
    /// Whatever minutes are missing, whole bars equal a plain recount and others are not there.
    #[test]
    fn only_whole_bars_are_built(missing in prop::collection::btree_set(0_i64..240, 0..6)) {
        let mut market = market(1, &[(Timeframe::M15, 0)]);
        market.mark_history_complete(START, A);
        let mut closed = Vec::new();
        for minute in (0..240).filter(|minute| !missing.contains(minute)) {
            let absorbed = close(&mut market, A, minute);
            closed.extend(absorbed.closed);
            if absorbed.gap.is_some() {
                closed.extend(tell(&mut market, A, at(minute + 1), history(Timeframe::M1, [])).closed);
            }
        }
        let whole = (0..16).map(|n| n * 15).filter(|n| missing.range(n..&(n + 15)).next().is_none());
        let expect: Vec<Bar> = whole.map(|minute| built(Timeframe::M15, minute)).collect();
        let quarters = closed.iter().filter(|closed| closed.timeframe == Timeframe::M15);
        prop_assert_eq!(quarters.map(|closed| closed.bar).collect::<Vec<_>>(), expect);
    }

    /// A filling restores what an uninterrupted feed would have given, however the bars were cut up.
    #[test]
    fn a_filled_gap_leaves_no_trace(missing in prop::collection::btree_set(1_i64..59, 1..20)) {
        let mut market = market(1, &[(Timeframe::M5, 0)]);
        market.mark_history_complete(START, A);
        let mut plain = market.clone();
        let (mut closed, mut expect) = (Vec::new(), Vec::new());
        for minute in 0..60 {
            expect.extend(close(&mut plain, A, minute).closed);
            if missing.contains(&minute) {
                continue;
            }
            let mut absorbed = close(&mut market, A, minute);
            while let Some(gap) = absorbed.gap {
                prop_assert!(absorbed.closed.iter().all(|closed| closed.bar.open_time < gap.from));
                closed.extend(absorbed.closed);
                let bars = (0..60).filter(|n| gap.from <= at(*n) && at(*n) < gap.until).map(bar);
                absorbed = tell(&mut market, A, at(minute + 1), history(Timeframe::M1, bars));
            }
            closed.extend(absorbed.closed);
        }
        let bars = |closed: &[ClosedBar]| closed.iter().map(|closed| (closed.timeframe, closed.bar)).collect::<Vec<_>>();
        prop_assert_eq!(bars(&closed), bars(&expect));
    }

    /// Whatever is said about one instrument, the other does not notice; nothing panics; what is held is
    /// bounded; every timeframe comes out in order.
    #[test]
    fn one_bad_symbol_never_stops_the_others(noise in prop::collection::vec(any_data(), 0..120)) {
        let needs = [(Timeframe::M5, 3), (Timeframe::H1, 1)];
        let (mut pair, mut alone) = (market(2, &needs), market(2, &needs));
        let mut last = std::collections::BTreeMap::new();
        for (step, data) in noise.into_iter().enumerate() {
            let minute = step as i64;
            let closed = tell(&mut pair, A, at(minute + 1), data).closed;
            for one in closed {
                let before = last.insert(one.timeframe, one.bar.open_time);
                prop_assert!(before.is_none_or(|before| before < one.bar.open_time));
            }
            let (ours, theirs) = (close(&mut pair, B, minute), close(&mut alone, B, minute));
            prop_assert_eq!(ours.closed, theirs.closed);
            prop_assert_eq!(ours.gap, theirs.gap);
            prop_assert_eq!(pair.freshness(B, at(minute + 1)), alone.freshness(B, at(minute + 1)));
        }
        prop_assert_eq!(&pair.books[1], &alone.books[1]);
    }

    /// Between two deadlines no instrument's freshness changes unless something comes.
    #[test]
    fn deadlines_miss_no_change(data in prop::collection::vec((0_i64..4_000, any_data()), 0..30)) {
        let mut market = Market::new(&instruments(2), EVERYTHING, &[], Settings::default());
        let mut now = at(0);
        for (wait, data) in data {
            let next = now + Span::millis(wait);
            let due = market.next_deadline().filter(|due| *due <= next);
            let judged = |at| [market.freshness(A, at).as_str(), market.freshness(B, at).as_str()];
            match due {
                Some(due) => {
                    prop_assert_eq!(judged(now), judged(due - Span::nanos(1)));
                    now = due;
                }
                None if market.last_data(A).is_some() => prop_assert_eq!(judged(now), judged(next)),
                None => {}
            }
            now = now.max(next);
            market.pass(now);
            tell(&mut market, A, now, data);
        }
    }

    /// Written down at any step and read back, the market goes on as if nothing had happened.
    #[test]
    fn a_saved_market_goes_on(data in prop::collection::vec(any_data(), 1..60), cut in 0_usize..60) {
        let mut market = market(1, &[(Timeframe::M5, 3)]);
        let mut saved = market.clone();
        for (step, data) in data.into_iter().enumerate() {
            if step == cut {
                saved = postcard::from_bytes(&postcard::to_allocvec(&market).unwrap()).unwrap();
            }
            let now = at(step as i64 + 1);
            let (ours, theirs) = (tell(&mut market, A, now, data.clone()), tell(&mut saved, A, now, data));
            prop_assert_eq!(ours, theirs);
        }
        prop_assert_eq!(market, saved);
    }
}
