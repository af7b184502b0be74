//! A strategy that looks one bar ahead, and one that needs more warm-up than it declares, are caught by name; an honest one
//! is not.

use std::collections::BTreeSet;
use std::sync::Arc;

use live_trading_launcher::backtest::honesty::{Checks, DEFAULT_SPLIT, Examination, examine};
use live_trading_launcher::backtest::{Outcome, Plan, run};
use live_trading_launcher::engine::Rooms;
use live_trading_launcher::feed::{self, Feed};
use live_trading_launcher::protocol::Bar;
use live_trading_launcher::strategy::{self, Candle, Guest, Idea, RegimeSettings, Situation, Strategy, UnknownRegime};
use live_trading_launcher::types::{InstrumentId, Side, Symbol, Timeframe, Timestamp, Usdt};
use live_trading_launcher::{engine, exchange, market, orders, risk};

use crate::recorded;

/// Days of the market that the strategies are run over.
const DAYS: i64 = 3;

fn long_or_short(side: Side, close: f64) -> Idea {
    let (stop, take_profit) = (close * 0.01, Some(close * 0.02));
    Idea::Enter(strategy::Plan { side, stop, take_profit, trailing: None, reason: "a test".into() })
}

/// What a rule says of being in the market, turned into entering and leaving.
fn follow(wanted: Side, held: Option<Side>, close: f64) -> Option<Idea> {
    match held {
        Some(side) if side == wanted => None,
        Some(_) => Some(Idea::Leave("turned".into())),
        None => Some(long_or_short(wanted, close)),
    }
}

/// Goes with an average that forgets nothing all at once, after the warm-up that it says it needs.
#[derive(Debug, Clone)]
struct Follower {
    name: &'static str,
    declared: u32,
    weight: f64,
    average: Option<f64>,
}

impl Follower {
    fn new(name: &'static str, bars: f64, declared: u32) -> Follower {
        Follower { name, declared, weight: 2.0 / (bars + 1.0), average: None }
    }
}

impl Strategy for Follower {
    fn name(&self) -> &'static str {
        self.name
    }
    fn timeframe(&self) -> Timeframe {
        Timeframe::M5
    }
    fn warm_up(&self) -> u32 {
        self.declared
    }
    fn on_bar(&mut self, candle: &Candle, situation: &Situation) -> Option<Idea> {
        let average = self.average.get_or_insert(candle.close);
        *average += (candle.close - *average) * self.weight;
        let wanted = if candle.close > *average { Side::Buy } else { Side::Sell };
        follow(wanted, situation.position, candle.close)
    }
}

/// Holds the whole file, and enters only where the next bar will go its way.
#[derive(Debug, Clone)]
struct Peeker {
    file: Arc<Vec<Bar>>,
}

impl Strategy for Peeker {
    fn name(&self) -> &'static str {
        "peeker"
    }
    fn timeframe(&self) -> Timeframe {
        Timeframe::M1
    }
    fn warm_up(&self) -> u32 {
        1
    }
    fn on_bar(&mut self, candle: &Candle, situation: &Situation) -> Option<Idea> {
        let now = self.file.iter().position(|bar| Candle::from(bar) == *candle)?;
        let next = Candle::from(self.file.get(now + 1)?);
        let change = next.close / candle.close - 1.0;
        let wanted = if change > 0.0 { Side::Buy } else { Side::Sell };
        if change.abs() > 0.0005 { follow(wanted, situation.position, candle.close) } else { None }
    }
}

/// No strategy of our own, and no want of a regime.
fn rooms() -> Rooms {
    let mut strategy = strategy::Settings::default();
    (strategy.oversold_bounce.enabled, strategy.short_the_rip.enabled) = (false, false);
    Rooms {
        engine: engine::Settings::default(),
        market: market::Settings::default(),
        orders: orders::Settings::default(),
        strategy,
        regime: RegimeSettings { unknown: UnknownRegime::Neutral, ..RegimeSettings::default() },
        risk: risk::Settings::default(),
    }
}

/// Runs guests over a recorded market, and examines the run.
fn examined(guests: &dyn Fn(&mut dyn Feed) -> Vec<Guest>) -> (Outcome, Checks) {
    let folder = tempfile::tempdir().expect("a folder");
    let range = recorded::write(folder.path(), DAYS, 11);
    let symbols: Vec<Symbol> = ["BTC/USDT", "ETH/USDT"].map(|text| text.parse().expect("a symbol")).into();
    let spec = format!("file:{}", folder.path().display());
    let range = Some(range.parse().expect("a range"));
    let open = || feed::open(&feed::Settings::default(), &spec, &symbols, range, 1);
    let plan = |mut feed: Box<dyn Feed>| {
        let guests = guests(&mut *feed);
        Plan { feed, rooms: rooms(), guests, exchange: exchange::Settings::default(), seed: 1 }
    };
    let outcome = run(plan(open().expect("a feed")), |_| {}).expect("a run");
    let examination = Examination { open: &open, plan: &plan, split: DEFAULT_SPLIT, seed: 1 };
    let checks = examine(&examination, Usdt::whole(10_000), &outcome).expect("checks");
    (outcome, checks)
}

fn peeker(feed: &mut dyn Feed) -> Guest {
    let instruments = feed.instruments().clone();
    Guest::new(&instruments, |id: InstrumentId| {
        let file = feed.backfill(id, Timestamp::EPOCH, Timestamp::MAX).expect("the whole file");
        Peeker { file: Arc::new(file) }
    })
}

fn follower(feed: &dyn Feed, name: &'static str, bars: f64, declared: u32) -> Guest {
    Guest::new(feed.instruments(), |_| Follower::new(name, bars, declared))
}

fn only(name: &str) -> BTreeSet<String> {
    BTreeSet::from([name.to_owned()])
}

#[test]
fn a_strategy_that_looks_one_bar_ahead_is_named() {
    let (outcome, checks) = examined(&|feed| vec![peeker(feed)]);
    assert!(outcome.view.positions_closed > 10, "{} closed", outcome.view.positions_closed);
    let found = &checks.look_ahead;
    assert_eq!(found.strategies, only("peeker"), "{found:#?}");
    let first = &found.findings[0];
    assert!(first.symbol.as_str().contains("USDT") && first.at.starts_with("20"), "{first:?}");
    assert!(first.with != first.without && first.without == "nothing", "{first:?}");
}

#[test]
fn a_strategy_that_needs_more_warm_up_than_it_declares_is_named() {
    let (_, checks) = examined(&|feed| vec![follower(feed, "hungry", 200.0, 10)]);
    let found = &checks.warm_up;
    assert_eq!(found.strategies, only("hungry"), "{found:#?}");
    assert!(found.findings[0].with != found.findings[0].without, "{:?}", found.findings[0]);
    assert!(checks.look_ahead.is_clean(), "it does not look ahead: {:#?}", checks.look_ahead);
}

#[test]
fn an_honest_strategy_is_not_named() {
    let (outcome, checks) = examined(&|feed| vec![follower(feed, "honest", 10.0, 100)]);
    assert!(checks.look_ahead.is_clean() && checks.look_ahead.decisions > 100, "{:#?}", checks.look_ahead);
    assert!(checks.warm_up.is_clean() && checks.warm_up.decisions > 100, "{:#?}", checks.warm_up);
    let split = checks.out_of_sample.expect("three days can be split");
    let trades = split.sample.statistics.trades + split.rest.statistics.trades;
    assert_eq!(trades, outcome.books.trades.len());
    assert!(checks.reshuffled.is_some_and(|drawn| drawn.orders == 1_000 && drawn.worst >= drawn.median));
}

#[test]
fn of_two_strategies_the_dishonest_one_is_named() {
    let both = |feed: &mut dyn Feed| vec![follower(feed, "honest", 10.0, 100), follower(feed, "hungry", 200.0, 10)];
    let (_, checks) = examined(&both);
    assert_eq!(checks.warm_up.strategies, only("hungry"), "{:#?}", checks.warm_up);
}
