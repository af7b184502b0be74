use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use super::distance::{StopRule, TargetRule};
use super::regime::RegimeReader;
use super::threshold::Threshold;
use super::*;
use crate::market::tests::instruments;
use crate::market::{Market, Need};
use crate::protocol::{FeedShape, MarketData, MarketEvent, Trailing};
use crate::types::{InstrumentId, Price, Qty, Rate, Span, Timestamp};

const BTC: InstrumentId = InstrumentId(0);
const ETH: InstrumentId = InstrumentId(1);
const LIMITS: Limits = Limits { reward_to_risk: Rate::new(15, 1), stop_distance: Rate::bps(30), leaves: false };
const NEUTRAL: Situation = Situation { bias: Bias::Neutral, position: None };

fn price(value: f64) -> Price {
    Price::from_f64(value).unwrap()
}

/// A small generator of the same numbers every time.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    }
}

/// Bars of a market that turns slowly and shakes, at prices around `middle`.
fn shaken(seed: u64, bars: usize, middle: f64) -> Vec<Bar> {
    let (mut next, mut close, mut out) = (noise(seed), middle, Vec::new());
    for n in 0..bars {
        let open = close;
        let swing = (n as f64 / 37.0).sin() + 0.5 * (n as f64 / 211.0).cos();
        close = (close + middle * (0.0008 * swing + 0.006 * next())).clamp(middle * 0.6, middle * 1.4);
        let (up, down) = (middle * 0.002 * (next() + 0.5), middle * 0.002 * (next() + 0.5));
        out.push(Bar {
            open_time: Timestamp::EPOCH + Span::MINUTE * n as i64,
            open: price(open),
            high: price(open.max(close) + up),
            low: price(open.min(close) - down),
            close: price(close),
            volume: Qty::whole(1 + (n % 5) as i64),
        });
    }
    out
}

/// Flat candles around each close, of a tenth of a percent.
fn candle(close: f64) -> Candle {
    Candle { high: close * 1.001, low: close * 0.999, close, volume: 1.0 }
}

fn bar(close: f64) -> Bar {
    let (high, low, close) = (price(close * 1.001), price(close * 0.999), price(close));
    Bar { open_time: Timestamp::EPOCH, open: close, high, low, close, volume: Qty::ONE }
}

/// All five strategies on 1m bars, whatever the regime.
fn everything() -> (Settings, RegimeSettings) {
    let demo = Settings::demo();
    let (enabled, timeframe) = (true, Timeframe::M1);
    let settings = Settings {
        donchian_breakout: DonchianBreakoutSettings { enabled, timeframe, ..demo.donchian_breakout },
        bollinger_reversion: BollingerReversionSettings { enabled, timeframe, ..demo.bollinger_reversion },
        ..demo
    };
    (settings, RegimeSettings::demo())
}

/// The book that an engine keeps: who holds what, entered and left as proposed.
#[derive(Default)]
struct Holder(Option<(&'static str, Side)>);

impl Holder {
    fn show(&mut self, desk: &mut Desk, bar: &Bar) -> Vec<Proposal> {
        let proposals = desk.on_bar(BTC, Timeframe::M1, bar, true, self.0);
        for proposal in &proposals {
            match proposal {
                Proposal::Enter(Ok(signal)) if self.0.is_none() => self.0 = Some((signal.strategy(), signal.side())),
                Proposal::Leave { strategy, .. } => {
                    assert_eq!(self.0.map(|(owner, _)| owner), Some(*strategy), "only the owner leaves");
                    self.0 = None;
                }
                Proposal::Enter(_) => {}
            }
        }
        proposals
    }
}

fn draft(side: Side, stop: i64, take_profit: Option<i64>) -> Draft {
    Draft {
        instrument: BTC,
        strategy: Kind::EmaCross.as_str(),
        side,
        entry: Price::whole(10_000),
        stop: Price::whole(stop),
        take_profit: take_profit.map(Price::whole),
        trailing: None,
        reason: "".into(),
    }
}

#[test]
fn an_inconsistent_signal_cannot_be_made() {
    use Refusal::*;
    let trailing = |n| Some(Trailing { activation: Price::whole(n), distance: Price::ONE, min_move: Price::ONE });
    let with = |trailing, draft| Draft { trailing, ..draft };
    for (draft, refusal) in [
        (draft(Side::Buy, 9_900, Some(10_150)), None),
        (draft(Side::Sell, 10_100, Some(9_850)), None),
        (draft(Side::Buy, 9_900, Some(10_149)), Some(RewardTooSmall)),
        (draft(Side::Sell, 10_100, Some(9_851)), Some(RewardTooSmall)),
        (draft(Side::Buy, 9_970, Some(10_100)), None),
        (draft(Side::Buy, 9_971, Some(10_100)), Some(StopTooNear)),
        (draft(Side::Sell, 10_029, Some(9_900)), Some(StopTooNear)),
        (draft(Side::Buy, 10_100, Some(10_200)), Some(StopOnWrongSide)),
        (draft(Side::Buy, 10_000, Some(10_200)), Some(StopOnWrongSide)),
        (draft(Side::Sell, 9_900, Some(9_800)), Some(StopOnWrongSide)),
        (draft(Side::Buy, 9_900, Some(9_800)), Some(TakeProfitOnWrongSide)),
        (draft(Side::Sell, 10_100, Some(10_000)), Some(TakeProfitOnWrongSide)),
        (draft(Side::Buy, 9_900, None), Some(NoExit)),
        (draft(Side::Buy, 0, Some(10_150)), Some(NotAPrice)),
        (draft(Side::Sell, 10_100, Some(-1)), Some(NotAPrice)),
        (with(trailing(50), draft(Side::Buy, 9_900, None)), None),
        (with(trailing(50), draft(Side::Buy, 9_900, Some(10_050))), Some(RewardTooSmall)),
        (with(trailing(0), draft(Side::Buy, 9_900, None)), Some(NotAPrice)),
    ] {
        let made = Signal::new(draft.clone(), &LIMITS);
        assert_eq!(made.as_ref().map_err(|refused| refused.refusal).err(), refusal, "{draft:?}");
        match made {
            Ok(signal) => assert_eq!(*signal.draft(), draft),
            Err(refused) => assert_eq!(refused.draft, draft),
        }
    }
    let leaves = Limits { leaves: true, ..LIMITS };
    assert!(Signal::new(draft(Side::Buy, 9_900, None), &leaves).is_ok(), "its strategy ends it");
}

#[test]
fn thresholds_follow_the_regime_within_their_bounds() {
    let biases = [Bias::StrongUp, Bias::Up, Bias::Neutral, Bias::Down, Bias::StrongDown];
    let of = |base, range, lowest, highest| Threshold::ByRegime { base, range, lowest, highest };
    for (threshold, long, short) in [
        (of(45.0, 10.0, 30.0, 50.0), [40.0, 42.0, 45.0, 48.0, 50.0], [50.0, 48.0, 45.0, 45.0, 45.0]),
        (of(55.0, 10.0, 55.0, 85.0), [55.0, 55.0, 55.0, 58.0, 60.0], [60.0, 58.0, 55.0, 55.0, 55.0]),
        (of(48.0, 10.0, 30.0, 50.0), [43.0, 45.0, 48.0, 50.0, 50.0], [50.0, 50.0, 48.0, 48.0, 48.0]),
        (Threshold::Fixed(50.0), [50.0; 5], [50.0; 5]),
    ] {
        assert_eq!(biases.map(|bias| threshold.of_long(bias)), long, "{threshold:?}");
        assert_eq!(biases.map(|bias| threshold.of_short(bias)), short, "{threshold:?}");
    }
}

/// Feeds a reader until it is warm and gives what it reads.
fn read(timeframe: Timeframe, closes: impl Iterator<Item = Candle>) -> Regime {
    let settings = RegimeSettings::default();
    let mut reader = RegimeReader::new(&settings);
    closes.for_each(|candle| reader.on_bar(timeframe, &candle, &settings));
    reader.regime()
}

#[test]
fn the_regime_is_read_as_it_is_defined() {
    let steady = |step: f64| move |n: i32| candle(1_000.0 * (1.0 + step).powi(n));
    let trend = |step| read(Timeframe::H4, (0..800).map(steady(step))).trend;
    assert_eq!(trend(0.001), Some(Trend::Up));
    assert_eq!(trend(-0.001), Some(Trend::Down));
    assert_eq!(trend(0.0), Some(Trend::Neutral));
    let dipped = (0..799).map(steady(0.001)).chain([candle(2_100.0)]);
    assert_eq!(read(Timeframe::H4, dipped).trend, Some(Trend::Neutral), "the close is below the fast average");

    let momentum = |step| read(Timeframe::H1, (0..140).map(steady(step))).momentum;
    // Every bar goes the same way, so the relative strength is 100 or 0; ten of them make the change.
    for (step, expect) in [(0.0025, Momentum::Strong), (0.0015, Momentum::Weak), (0.0005, Momentum::Sideways)] {
        assert_eq!(momentum(step), Some(expect), "{step}");
        assert_eq!(momentum(-step), Some(expect), "{step} downwards");
    }
    let zigzag = (0..140).map(|n| candle(1_000.0 + f64::from(n % 2 * 40)));
    assert_eq!(read(Timeframe::H1, zigzag).momentum, Some(Momentum::Sideways), "relative strength near 50");

    let range = |n: i32, width: f64| Candle { high: 1_001.0 + width * f64::from(n), ..candle(1_000.0) };
    let settings = RegimeSettings::default();
    for (width, expect, factor) in [
        (0.01, Volatility::High, Rate::percent(50)),
        (-0.001, Volatility::Low, Rate::ONE),
        (0.0, Volatility::Normal, Rate::ONE),
    ] {
        let read = read(Timeframe::H4, (0..800).map(|n| range(n, width)));
        assert_eq!(read.volatility, Some(expect), "{width}");
        assert_eq!(settings.factor(read.volatility), factor);
    }
}

#[test]
fn the_regime_is_unknown_until_it_has_seen_enough() {
    let candles = |n| (0..n).map(|n| candle(1_000.0 + f64::from(n)));
    assert_eq!(read(Timeframe::H4, candles(799)), Regime::default(), "200 bars give an average of 200, and no more");
    assert!(read(Timeframe::H4, candles(800)).trend.is_some());
    assert_eq!(read(Timeframe::H1, candles(139)), Regime::default());
    assert!(read(Timeframe::H1, candles(140)).momentum.is_some());
    assert_eq!(read(Timeframe::M30, candles(800)), Regime::default(), "only its own timeframes count");
    let strong = Regime { trend: Some(Trend::Down), momentum: Some(Momentum::Strong), volatility: None };
    assert_eq!((strong.is_known(), strong.bias()), (false, Bias::StrongDown));
    assert_eq!(Regime { momentum: None, ..strong }.bias(), Bias::Down);
    assert_eq!(Regime { trend: None, ..strong }.bias(), Bias::Neutral);
}

#[test]
fn needs_are_four_times_the_longest_period_and_ten_of_wilders() {
    let default = Desk::new(&Settings::default(), &RegimeSettings::default(), &instruments(3));
    let need = |timeframe, bars| Need { timeframe, bars };
    let regime = [need(Timeframe::H1, 140), need(Timeframe::H4, 800)];
    assert_eq!(default.needs(), [&[need(Timeframe::M30, 800)][..], &regime].concat());
    let demo = Desk::new(&Settings::demo(), &RegimeSettings::demo(), &instruments(3));
    assert_eq!(demo.needs(), [&[need(Timeframe::M1, 800)][..], &regime].concat());
    let off = ShortTheRipSettings { enabled: false, ..ShortTheRipSettings::default() };
    let bounce = Settings { short_the_rip: off, ..Settings::default() };
    let bounce = Desk::new(&bounce, &RegimeSettings::default(), &instruments(1));
    assert_eq!(bounce.needs(), [&[need(Timeframe::M30, 140)][..], &regime].concat());
}

/// Falls for 150 bars, so that every bar is oversold.
fn falling() -> Vec<Bar> {
    (0..150).map(|n| bar(1_000.0 - 4.0 * f64::from(n))).collect()
}

fn bounce_alone() -> Settings {
    let short_the_rip = ShortTheRipSettings { enabled: false, ..ShortTheRipSettings::default() };
    let oversold_bounce = OversoldBounceSettings { timeframe: Timeframe::M1, ..OversoldBounceSettings::default() };
    Settings { oversold_bounce, short_the_rip, ..Settings::default() }
}

#[test]
fn a_strategy_speaks_when_it_is_warm_and_the_bar_is_live() {
    let mut desk = Desk::new(&bounce_alone(), &RegimeSettings::demo(), &instruments(1));
    for (n, bar) in falling().iter().enumerate() {
        let heard = desk.clone().on_bar(BTC, Timeframe::M1, bar, true, None);
        let warm = n + 1 >= 140;
        assert_eq!(!heard.is_empty(), warm, "bar {n}");
        let deaf = desk.clone().on_bar(BTC, Timeframe::M1, bar, false, None);
        assert_eq!(deaf, [], "history warms and decides nothing");
        let other = desk.clone().on_bar(BTC, Timeframe::M5, bar, true, None);
        assert_eq!(other, [], "bars of other lengths are not its business");
        desk.on_bar(BTC, Timeframe::M1, bar, true, None);
    }
    let held = Some((Kind::OversoldBounce.as_str(), Side::Buy));
    assert_eq!(desk.clone().on_bar(BTC, Timeframe::M1, &falling()[149], true, held), [], "it does not buy twice");
    let theirs = Some((Kind::EmaCross.as_str(), Side::Buy));
    let conflict = desk.clone().on_bar(BTC, Timeframe::M1, &falling()[149], true, theirs);
    assert!(matches!(conflict[..], [Proposal::Enter(Ok(_))]), "whose position stands in the way is for others to say");
    let still = Bar { volume: Qty::ZERO, ..falling()[149] };
    assert_eq!(desk.on_bar(BTC, Timeframe::M1, &still, true, None), [], "nothing was traded");
}

/// Bars that go `falls` steps down and then `rises` steps up, to end at 1000. Each is as long as its step, and
/// so is the average true range.
fn steps(step: f64, falls: i32, rises: i32) -> impl Iterator<Item = Candle> {
    let start = 1_000.0 + step * f64::from(falls - rises);
    let close = move |n: i32| start - step * f64::from(n.min(falls) - (n - falls).max(0));
    (1..=falls + rises).map(move |n| {
        let (before, close) = (close(n - 1), close(n));
        Candle { high: before.max(close), low: before.min(close), close, volume: 1.0 }
    })
}

#[test]
fn exits_are_those_of_the_table() {
    let symbol = "BTC/USDT:USDT".parse().unwrap();
    let bounce = || Box::new(oversold_bounce::OversoldBounce::new(&OversoldBounceSettings::default(), &symbol));
    let rip = || Box::new(short_the_rip::ShortTheRip::new(&ShortTheRipSettings::default(), &symbol));
    for (mut strategy, step, falls, rises, side, stop, take_profit) in [
        (bounce() as Box<dyn Strategy>, 4.0, 60, 0, Side::Buy, 4.8, 10.0),
        (bounce(), 3.0, 60, 0, Side::Buy, 3.6, 8.0),
        (bounce(), 20.0, 60, 0, Side::Buy, 15.0, 50.0),
        (rip(), 4.0, 800, 20, Side::Sell, 6.0, 12.0),
        (rip(), 3.0, 800, 20, Side::Sell, 4.5, 10.0),
        (rip(), 20.0, 800, 20, Side::Sell, 20.0, 60.0),
    ] {
        let last = steps(step, falls, rises).map(|candle| strategy.on_bar(&candle, &NEUTRAL)).last().flatten();
        let Some(Idea::Enter(plan)) = last else { panic!("{:?} of {step} did not enter", strategy.name()) };
        assert_eq!((plan.side, plan.trailing), (side, None));
        let near = |ours: f64, expect: f64| assert!((ours - expect).abs() < 1e-9, "{ours} is not {expect}");
        near(plan.stop, stop);
        near(plan.take_profit.unwrap(), take_profit);
    }
}

#[test]
fn an_unknown_regime_refuses_unless_told_otherwise() {
    let last = |regime: &RegimeSettings| {
        let mut desk = Desk::new(&bounce_alone(), regime, &instruments(1));
        let mut heard = falling().into_iter().flat_map(|bar| desk.on_bar(BTC, Timeframe::M1, &bar, true, None));
        heard.next().unwrap()
    };
    let Proposal::Enter(Err(refused)) = last(&RegimeSettings::default()) else { panic!("it was not refused") };
    assert_eq!(refused.refusal.as_str(), "regime_unknown");
    assert_eq!((refused.draft.strategy, refused.draft.side), (Kind::OversoldBounce.as_str(), Side::Buy));
    assert!(matches!(last(&RegimeSettings::demo()), Proposal::Enter(Ok(_))));

    // With every part of it known, refusing is over.
    let mut desk = Desk::new(&bounce_alone(), &RegimeSettings::default(), &instruments(1));
    for n in 0..800 {
        desk.on_bar(BTC, Timeframe::H4, &bar(1_000.0 + f64::from(n)), false, None);
        desk.on_bar(BTC, Timeframe::H1, &bar(1_000.0 + f64::from(n)), false, None);
    }
    assert!(desk.regime(BTC).is_known());
    let mut heard = falling().into_iter().flat_map(|bar| desk.on_bar(BTC, Timeframe::M1, &bar, true, None));
    assert!(matches!(heard.next(), Some(Proposal::Enter(Ok(_)))));
}

#[test]
fn a_threshold_of_its_own_replaces_the_one_by_regime() {
    let on_minutes = ShortTheRipSettings { timeframe: Timeframe::M1, ..ShortTheRipSettings::default() };
    let settings = Settings { short_the_rip: on_minutes, ..bounce_alone() };
    let mut desk = Desk::new(&settings, &RegimeSettings::demo(), &instruments(2));
    // A long fall, then bars that rise and fall alike: the relative strength comes up towards 50 and swings
    // around it without reaching 55.
    let fall = (0..900).map(|n| 3_000.0 - f64::from(n));
    let rest = (0..60).map(|n| 2_100.0 + 4.0 * f64::from(n % 2));
    let mut shorts = [0, 0];
    for close in fall.chain(rest) {
        for id in [BTC, ETH] {
            let heard = desk.on_bar(id, Timeframe::M1, &bar(close), true, None);
            let short =
                |proposal: &&Proposal| matches!(proposal, Proposal::Enter(Ok(signal)) if signal.side() == Side::Sell);
            shorts[id.index()] += heard.iter().filter(short).count();
        }
    }
    assert_eq!(shorts[BTC.index()], 0, "55 is not reached");
    assert!(shorts[ETH.index()] > 0, "50 is");
}

#[test]
fn short_the_rip_needs_its_averages_in_order() {
    let settings =
        ShortTheRipSettings { rsi_threshold: [("BTC/USDT:USDT".parse().unwrap(), 50.0)].into(), ..Default::default() };
    let symbol = "BTC/USDT:USDT".parse().unwrap();
    let after = |step: f64| {
        let mut strategy = short_the_rip::ShortTheRip::new(&settings, &symbol);
        let path = (0..800)
            .map(|n| 2_000.0 + step * f64::from(n))
            .chain((0..20).map(|n| 2_000.0 + step * 800.0 + 4.0 * f64::from(n)));
        path.filter_map(|close| strategy.on_bar(&candle(close), &NEUTRAL)).count()
    };
    assert!(after(-1.0) > 0, "a rise within a downtrend");
    assert_eq!(after(1.0), 0, "a rise within an uptrend");
}

#[test]
fn the_averages_cross_and_cross_back() {
    let mut cross = ema_cross::EmaCross::new(&EmaCrossSettings::default());
    let at = |position| Situation { position, ..NEUTRAL };
    for n in 0..120 {
        cross.on_bar(&candle(1_000.0 - f64::from(n)), &NEUTRAL);
    }
    let rise = |n: i32| candle(880.0 + 6.0 * f64::from(n));
    let (first, idea) = (1..40).find_map(|n| cross.on_bar(&rise(n), &NEUTRAL).map(|idea| (n, idea))).unwrap();
    let Idea::Enter(plan) = idea else { panic!("nothing is held") };
    assert_eq!((plan.side, plan.take_profit), (Side::Buy, None));
    let trailing = plan.trailing.unwrap();
    assert!((trailing.distance / trailing.step - 10.0).abs() < 1e-9 && trailing.activation * 2.0 == trailing.distance);
    assert_eq!(cross.clone().on_bar(&rise(first + 1), &NEUTRAL), None, "one signal a cross");
    assert_eq!(cross.on_bar(&rise(first + 1), &at(Some(Side::Buy))), None, "the averages agree with the position");

    // It falls through; the long is left at the first close of the other cross, and at every close until it
    // is gone.
    let fall = |n: i32| candle(rise(first).close - 8.0 * f64::from(n));
    let crossed = (1..60).find(|n| cross.on_bar(&fall(*n), &at(Some(Side::Buy))).is_some()).unwrap();
    let mut slow = cross.clone();
    assert!(matches!(slow.on_bar(&fall(crossed + 1), &at(Some(Side::Buy))), Some(Idea::Leave(_))));
    assert_eq!(slow.on_bar(&fall(crossed + 2), &NEUTRAL), None, "two bars later is too late to enter");
    // The bar after, with the long gone, it goes the other way.
    let Some(Idea::Enter(plan)) = cross.on_bar(&fall(crossed + 1), &NEUTRAL) else { panic!("the cross was lost") };
    assert_eq!(plan.side, Side::Sell);
}

#[test]
fn a_breakout_leaves_the_bars_before_it() {
    let mut strategy = donchian_breakout::DonchianBreakout::new(&DonchianBreakoutSettings::default());
    for n in 0..60 {
        let inside = strategy.on_bar(&candle(1_000.0 + f64::from(n % 5)), &NEUTRAL);
        assert_eq!(inside, None);
    }
    // The highest high of the twenty bars before is 1004 and a thousandth.
    assert_eq!(strategy.clone().on_bar(&candle(1_005.0), &NEUTRAL), None);
    let Some(Idea::Enter(plan)) = strategy.clone().on_bar(&candle(1_005.1), &NEUTRAL) else { panic!("no breakout") };
    assert_eq!((plan.side, plan.take_profit), (Side::Buy, None));
    let Some(Idea::Enter(plan)) = strategy.clone().on_bar(&candle(998.9), &NEUTRAL) else { panic!("no breakout") };
    assert_eq!(plan.side, Side::Sell);
    // The exit is the other end of the last ten.
    let at = |side| Situation { position: Some(side), ..NEUTRAL };
    assert!(strategy.clone().on_bar(&candle(998.9), &at(Side::Sell)).is_none());
    for n in 0..10 {
        strategy.on_bar(&candle(1_003.0 + f64::from(n % 2)), &NEUTRAL);
    }
    assert!(matches!(strategy.clone().on_bar(&candle(1_001.9), &at(Side::Buy)), Some(Idea::Leave(_))));
    assert!(strategy.clone().on_bar(&candle(1_002.1), &at(Side::Buy)).is_none());
    assert!(strategy.on_bar(&candle(1_001.9), &NEUTRAL).is_none(), "within twenty bars' range");
}

#[test]
fn a_reversion_goes_to_the_middle() {
    let mut strategy = bollinger_reversion::BollingerReversion::new(&BollingerReversionSettings::default());
    for n in 0..60 {
        assert_eq!(strategy.on_bar(&candle(1_000.0 + f64::from(n % 2)), &NEUTRAL), None);
    }
    let at = |side| Situation { position: Some(side), ..NEUTRAL };
    for (close, side) in [(980.0, Side::Buy), (1_020.0, Side::Sell)] {
        let mut strategy = strategy.clone();
        let nothing_traded = Candle { volume: 0.0, ..candle(close) };
        assert_eq!(strategy.clone().on_bar(&nothing_traded, &NEUTRAL), None);
        let Some(Idea::Enter(plan)) = strategy.on_bar(&candle(close), &NEUTRAL) else { panic!("no entry") };
        assert_eq!((plan.side, plan.trailing), (side, None));
        assert_eq!(strategy.clone().on_bar(&candle((close + 1_000.0) / 2.0), &at(side)), None, "half way back");
        assert!(matches!(strategy.on_bar(&candle(1_000.0), &at(side)), Some(Idea::Leave(_))), "all the way");
    }
}

#[test]
fn settings_are_read_by_name_and_refused_by_range() {
    let text = r#"
        min_stop_distance = "40bps"
        [oversold_bounce]
        timeframe = "15m"
        rsi_threshold = { "ETH/USDT:USDT" = 50 }
        [ema_cross]
        enabled = true
        stop_max = "2%"
    "#;
    let settings: Settings = toml::from_str(text).unwrap();
    assert_eq!(settings.check(), Ok(()));
    assert_eq!(settings.limits(), Limits { stop_distance: Rate::bps(40), ..LIMITS });
    assert_eq!(settings.oversold_bounce.timeframe, Timeframe::M15);
    assert_eq!(settings.oversold_bounce.rsi_threshold.values().copied().collect::<Vec<_>>(), [50.0]);
    let defaults = (settings.oversold_bounce.rsi_base, settings.ema_cross.slow, settings.short_the_rip);
    assert_eq!(defaults, (45.0, 30, ShortTheRipSettings::default()), "what is not given stays");
    for bad in ["rsi_base = 45", "[oversold_bounce]\nrsi_bass = 45", "[ema_cross]\nstop_max = 0.02"] {
        assert!(toml::from_str::<Settings>(bad).is_err(), "{bad}");
    }
    let regime: RegimeSettings = toml::from_str("unknown = \"neutral\"").unwrap();
    assert_eq!(regime, RegimeSettings::demo());

    for (settings, remedy) in [
        ("min_reward_to_risk = 0", "strategy.min_reward_to_risk = 0: give a value from 0.5 to 20"),
        ("min_reward_to_risk = nan", "strategy.min_reward_to_risk = NaN: give a value from 0.5 to 20"),
        ("[oversold_bounce]\nrsi_period = 1", "strategy.oversold_bounce.rsi_period = 1: give a value from 2 to 400"),
        (
            "[oversold_bounce]\nstop_min = \"2%\"",
            "strategy.oversold_bounce.stop_min = 2%: give a value from 0% to 1.5%",
        ),
        ("[short_the_rip]\nrsi_lowest = 90", "strategy.short_the_rip.rsi_lowest = 90: give a value from 1 to 85"),
        (
            "[short_the_rip]\nrsi_threshold = { \"SOL/USDT\" = 101 }",
            "strategy.short_the_rip.rsi_threshold.\"SOL/USDT:USDT\" = 101: give a value from 1 to 99",
        ),
        (
            "[ema_cross]\nfast = 30",
            "strategy.ema_cross.fast = 30: give fewer bars than strategy.ema_cross.slow, which has 30",
        ),
        ("[ema_cross]\ntrail_step_atr = 0.1", "strategy.ema_cross.trail_step_atr = 0.1: give a value from 0.2 to 5"),
        (
            "[donchian_breakout]\nexit_bars = 1000",
            "strategy.donchian_breakout.exit_bars = 1000: give a value from 2 to 400",
        ),
        ("[bollinger_reversion]\nwidth = inf", "strategy.bollinger_reversion.width = inf: give a value from 0.5 to 5"),
        (
            "[oversold_bounce]\nenabled = false\n[short_the_rip]\nenabled = false",
            "strategy = no strategy is enabled: set `enabled = true` for one of them, such as strategy.oversold_bounce",
        ),
    ] {
        let settings: Settings = toml::from_str(settings).unwrap();
        assert_eq!(settings.check().map_err(|error| error.to_string()), Err(remedy.to_owned()));
    }
    let base = RegimeSettings::default;
    for (name, settings) in [
        ("regime.trend_middle", RegimeSettings { trend_fast: 50, ..base() }),
        ("regime.momentum_bars", RegimeSettings { momentum_bars: 0, ..base() }),
        ("regime.strong_above", RegimeSettings { strong_above: f64::NAN, ..base() }),
        ("regime.low_factor", RegimeSettings { low_factor: Rate::percent(101), ..base() }),
    ] {
        assert_eq!(settings.check().map_err(|error| error.setting), Err(name.to_owned()));
    }
    for settings in [Settings::demo(), everything().0] {
        assert_eq!(settings.check(), Ok(()));
    }
    assert_eq!((base().check(), RegimeSettings::demo().check()), (Ok(()), Ok(())));
}

/// Every bar that the market closes of these minutes, shown to a desk; what it said, by minute.
fn decisions(minutes: &[Bar]) -> Vec<(usize, Vec<Proposal>)> {
    let (mut settings, regime) = everything();
    settings.ema_cross.timeframe = Timeframe::M5;
    settings.donchian_breakout.timeframe = Timeframe::M15;
    let mut desk = Desk::new(&settings, &regime, &instruments(1));
    let mut market = Market::new(&instruments(1), FeedShape::BARS, &desk.needs(), crate::market::Settings::default());
    market.mark_history_complete(Timestamp::EPOCH, BTC);
    let mut said = Vec::new();
    for (n, minute) in minutes.iter().enumerate() {
        let event = MarketEvent { instrument: BTC, data: MarketData::Bar(*minute) };
        for closed in market.absorb(minute.open_time + Span::MINUTE, &event).closed {
            let heard = desk.on_bar(BTC, closed.timeframe, &closed.bar, closed.live, None);
            if !heard.is_empty() {
                said.push((n, heard));
            }
        }
    }
    said
}

#[test]
fn no_decision_knows_of_a_bar_to_come() {
    let minutes = shaken(3, 2_400, 1_000.0);
    let whole = decisions(&minutes);
    assert!(whole.len() > 100, "there are decisions to compare");
    for cut in [1_100, 1_533, 1_999, 2_300] {
        let until: Vec<_> = whole.iter().filter(|(n, _)| *n < cut).cloned().collect();
        assert_eq!(decisions(&minutes[..cut]), until, "cut at {cut}");
        // Another future changes nothing either.
        let other = minutes[..cut].iter().copied().chain(shaken(9, 2_400, 1_500.0).split_off(cut)).collect::<Vec<_>>();
        let said = decisions(&other);
        assert_eq!(said.into_iter().filter(|(n, _)| *n < cut).collect::<Vec<_>>(), until, "other future at {cut}");
    }
}

#[test]
fn a_saved_desk_goes_on() {
    let (settings, regime) = everything();
    let mut desk = Desk::new(&settings, &regime, &instruments(1));
    let (mut ours, mut theirs) = (Holder::default(), Holder::default());
    let (mut saved, mut said) = (desk.clone(), 0);
    for (n, bar) in shaken(5, 2_000, 1_000.0).iter().enumerate() {
        if n % 331 == 0 {
            saved = postcard::from_bytes(&postcard::to_allocvec(&desk).unwrap()).unwrap();
        }
        for timeframe in [Timeframe::H4, Timeframe::H1] {
            let _ = (desk.on_bar(BTC, timeframe, bar, true, None), saved.on_bar(BTC, timeframe, bar, true, None));
        }
        let heard = ours.show(&mut desk, bar);
        said += heard.len();
        assert_eq!(heard, theirs.show(&mut saved, bar), "bar {n}");
    }
    assert_eq!(desk, saved);
    assert!(said > 100, "there are decisions to compare");
}

/// The same market seen upside down, around `middle`.
fn mirrored(bars: &[Bar], middle: f64) -> Vec<Bar> {
    let flip = |price: Price| Price::from_f64(2.0 * middle).unwrap() - price;
    let turn = |bar: &Bar| Bar {
        open: flip(bar.open),
        high: flip(bar.low),
        low: flip(bar.high),
        close: flip(bar.close),
        ..*bar
    };
    bars.iter().map(turn).collect()
}

#[test]
fn a_mirrored_market_is_traded_the_other_way_round() {
    let wide = (Rate::ZERO, Rate::percent(20));
    for kind in [Kind::EmaCross, Kind::DonchianBreakout, Kind::BollingerReversion] {
        let (all, regime) = everything();
        let none = Rate::ZERO;
        let mut settings = Settings { min_stop_distance: none, ..all };
        settings.oversold_bounce.enabled = false;
        settings.short_the_rip.enabled = false;
        settings.ema_cross.enabled = kind == Kind::EmaCross;
        settings.donchian_breakout.enabled = kind == Kind::DonchianBreakout;
        settings.bollinger_reversion.enabled = kind == Kind::BollingerReversion;
        (settings.ema_cross.stop_min, settings.ema_cross.stop_max) = wide;
        (settings.donchian_breakout.stop_min, settings.donchian_breakout.stop_max) = wide;
        (settings.bollinger_reversion.stop_min, settings.bollinger_reversion.stop_max) = wide;
        settings.bollinger_reversion.take_profit_min = none;
        let run = |bars: &[Bar]| {
            let mut desk = Desk::new(&settings, &regime, &instruments(1));
            let mut holder = Holder::default();
            bars.iter().map(|bar| holder.show(&mut desk, bar)).collect::<Vec<_>>()
        };
        let bars = shaken(17, 3_000, 1_000.0);
        let (up, down) = (run(&bars), run(&mirrored(&bars, 1_000.0)));
        let mut compared = 0;
        for (n, (up, down)) in up.iter().zip(&down).enumerate() {
            assert_eq!(up.len(), down.len(), "{kind:?} at bar {n}");
            for pair in up.iter().zip(down) {
                match pair {
                    (Proposal::Enter(Ok(up)), Proposal::Enter(Ok(down))) => assert_mirrored(up, down),
                    (Proposal::Leave { .. }, Proposal::Leave { .. }) => {}
                    other => panic!("{kind:?} at bar {n}: {other:?}"),
                }
                compared += 1;
            }
        }
        assert!(compared > 20, "{kind:?} said {compared} things");
    }
}

fn assert_mirrored(up: &Signal, down: &Signal) {
    let near = |a: Price, b: Price| assert!((a - b).abs() <= Price::new(1, 6), "{a} is not {b}");
    assert_eq!(up.side(), down.side().closing());
    near(up.entry() - up.stop(), down.stop() - down.entry());
    assert_eq!(up.take_profit().is_some(), down.take_profit().is_some());
    if let (Some(above), Some(below)) = (up.take_profit(), down.take_profit()) {
        near(above - up.entry(), down.entry() - below);
    }
    assert_eq!(up.trailing().is_some(), down.trailing().is_some());
    if let (Some(a), Some(b)) = (up.trailing(), down.trailing()) {
        near(a.activation, b.activation);
        near(a.distance, b.distance);
        near(a.min_move, b.min_move);
    }
}

#[test]
fn a_mirrored_regime_has_the_other_trend() {
    let settings = RegimeSettings::default();
    let middle = 1_000.0;
    let (mut ours, mut theirs) = (RegimeReader::new(&settings), RegimeReader::new(&settings));
    let mut seen = [0; 3];
    let bars = shaken(23, 6_000, middle);
    for (up, down) in bars.iter().zip(&mirrored(&bars, middle)) {
        ours.on_bar(Timeframe::H4, &Candle::from(up), &settings);
        theirs.on_bar(Timeframe::H4, &Candle::from(down), &settings);
        let flipped = ours.regime().trend.map(|trend| match trend {
            Trend::Up => Trend::Down,
            Trend::Neutral => Trend::Neutral,
            Trend::Down => Trend::Up,
        });
        assert_eq!(flipped, theirs.regime().trend);
        if let Some(trend) = flipped {
            seen[trend as usize] += 1;
        }
    }
    assert!(seen.iter().all(|times| *times > 50), "each trend was seen: {seen:?}");
}

proptest! {
    /// Held within its bounds, a plan is a signal or refused for a stop too near, and nothing else.
    #[test]
    fn bounded_exits_stay_consistent(entry in 0.000_1..90_000.0_f64, atr in 0.000_01..0.2_f64, side in prop::sample::select(&[Side::Buy, Side::Sell][..])) {
        let table = [
            (StopRule { atr: 1.2, at_least: Rate::ZERO, at_most: Rate::bps(150) }, TargetRule { atr: 2.5, at_least: Rate::bps(80) }),
            (StopRule { atr: 1.5, at_least: Rate::ZERO, at_most: Rate::percent(2) }, TargetRule { atr: 3.0, at_least: Rate::percent(1) }),
            (StopRule { atr: 1.5, at_least: Rate::ZERO, at_most: Rate::percent(2) }, TargetRule { atr: 3.0, at_least: Rate::bps(80) }),
        ];
        let entry = price(entry);
        let atr = atr * entry.to_f64();
        for (stop, target) in table {
            let risk = stop.distance(atr, entry.to_f64());
            let reward = target.distance(atr, entry.to_f64());
            prop_assert!(risk <= entry.to_f64() * stop.at_most.to_f64());
            prop_assert!(reward >= entry.to_f64() * target.at_least.to_f64());
            let favour = side.sign();
            let draft = Draft {
                entry,
                stop: entry - price(risk) * favour,
                take_profit: Some(entry + price(reward) * favour),
                ..draft(side, 1, None)
            };
            let near = price(risk).ratio_of(entry, crate::types::Rounding::Up) < LIMITS.stop_distance;
            // A short's gain cannot exceed its price, which only a range of a third of it would ask for.
            let expect = if side == Side::Sell && price(reward) >= entry {
                Some(Refusal::NotAPrice)
            } else {
                near.then_some(Refusal::StopTooNear)
            };
            prop_assert_eq!(Signal::new(draft, &LIMITS).map_err(|refused| refused.refusal).err(), expect);
        }
    }

    /// A draft turned around its entry is accepted or refused for the same reason.
    #[test]
    fn sides_are_judged_alike(stop in -300_i64..300, target in -300_i64..300) {
        let turned = |side: Side| {
            let favour = side.sign();
            let draft = draft(side, 10_000 - stop * favour, Some(10_000 + target * favour));
            Signal::new(draft, &LIMITS).map(|_| ()).map_err(|refused| refused.refusal)
        };
        prop_assert_eq!(turned(Side::Buy), turned(Side::Sell));
    }

    /// Any bar, however strange, gets an answer and no panic.
    #[test]
    fn any_bar_is_taken(values in prop::collection::vec((any::<i64>(), any::<i64>(), 0..i64::MAX), 0..200)) {
        let (settings, regime) = everything();
        let mut desk = Desk::new(&settings, &regime, &instruments(1));
        for (a, b, volume) in values {
            let (a, b) = (Price::new(a.saturating_abs(), 4), Price::new(b.saturating_abs(), 12));
            let bar = Bar { open_time: Timestamp::EPOCH, open: a, high: a.max(b), low: a.min(b), close: b, volume: Qty::new(volume, 3) };
            for timeframe in Timeframe::ALL {
                desk.on_bar(BTC, timeframe, &bar, true, None);
            }
        }
    }
}
