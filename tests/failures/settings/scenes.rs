//! What a run looks like from outside, as a text: two runs that differ in a setting that is read differ in it.

use std::fmt::Write;
use std::sync::Arc;

use live_trading_launcher::clock::Clock;
use live_trading_launcher::config::Settings;
use live_trading_launcher::coordinator::{self, Assembled, Place, Plan};
use live_trading_launcher::engine::Rooms;
use live_trading_launcher::feed::{self, Feed};
use live_trading_launcher::health::Machine;
use live_trading_launcher::health::probe::{Counted, Evidence, examine};
use live_trading_launcher::protocol::{Amount, Bar, Command, Event, OrderKind, OrderRequest, VenueRequest};
use live_trading_launcher::pulse::{ClockPulse, Pulses, Stage as LoopStage, Unsettled};
use live_trading_launcher::session::Source;
use live_trading_launcher::strategy::Desk;
use live_trading_launcher::types::{PositionSide, Price, Qty, Side, Span, Timeframe, Timestamp};

use crate::script::{START, Script, bar};
use crate::stage::{BTC, ETH, Rules, Stage};
use crate::wire::Wire;

/// Session time of the embedded market that is played.
const DEMO_LASTS: Span = Span::mins(30);
/// Bars of half an hour that the strategies are shown: half a year.
const HALF_HOURS: i64 = 8_000;

fn rooms(settings: &Settings) -> Rooms {
    Rooms {
        engine: settings.engine.clone(),
        market: settings.market.clone(),
        orders: settings.orders.clone(),
        strategy: settings.strategy.clone(),
        regime: settings.regime.clone(),
        risk: settings.risk.clone(),
    }
}

/// The embedded market, from its start to a stop.
pub fn demo(settings: &Settings) -> String {
    let dir = crate::setup::folder();
    let (symbols, seed) = (&settings.run.symbols, settings.run.seed);
    let range = settings.feed.range().expect("a range");
    let feed = feed::open(&settings.feed, &settings.feed.source, symbols, range, seed).expect("a feed");
    let faults = &settings.faults;
    let feed: Box<dyn Feed> = match faults.feed.is_quiet() {
        true => feed,
        false => Box::new(feed::faults::FaultyFeed::new(feed, &faults.feed, seed).expect("faults")),
    };
    let end = feed.start_at() + DEMO_LASTS;
    let plan = Plan {
        dir: dir.path(),
        feed,
        rooms: rooms(settings),
        place: Place::Paper { exchange: Box::new(settings.exchange.clone()), faults: Box::new(faults.venue.clone()) },
        seed,
        recorder: None,
        config: String::new(),
        pulses: Pulses::new(symbols, true),
        time: None,
        arrivals: Arc::default(),
    };
    let Assembled { mut crank, recovered, .. } = coordinator::assemble(plan, Clock::start()).expect("a session");
    let wire = Wire::default();
    crank.venue = wire.around(crank.venue);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut seen = String::new();
    match runtime.block_on(coordinator::start(&mut crank, recovered, Span::MINUTE, |_| {})) {
        Ok(notices) => note(&mut seen, &notices),
        Err(error) => note(&mut seen, &error),
    }
    while crank.next_at().is_some_and(|at| at <= end) {
        let outside = crank.turn().expect("a turn");
        note(&mut seen, &outside.notices);
        if outside.leave.is_some() {
            note(&mut seen, &outside.leave);
            break;
        }
    }
    note(&mut seen, &crank.session.engine().view());
    seen + &wire.log()
}

/// A market on bars alone: a long in BTC, a funding, a position by hand, a doubtful clock, a symbol that falls silent,
/// and the end.
pub fn market(settings: &Settings) -> String {
    let mut rules = Rules::new();
    rules.rooms = rooms(settings);
    (rules.exchange, rules.faults) = (settings.exchange.clone(), settings.faults.venue.clone());
    let mut stage = Stage::with(rules);
    let mut seen = String::new();
    stage.minute(999);
    stage.minute(1_003);
    // Through the price at which a limit order rests, and up again.
    stage.write([1_003, 1_004, 1_002, 1_004].map(Price::whole));
    stage.run_the_minute();
    while stage.minute_at() < START + Span::mins(12) {
        stage.minute(1_004);
    }
    for millis in [300, 20] {
        stage.event(Event::Clock { offset: Span::ZERO, uncertainty: Span::millis(millis) });
        stage.pass(Span::SECOND);
    }
    stage.by_hand(VenueRequest::Submit(OrderRequest {
        client_id: "web-1".parse().expect("an id"),
        instrument: ETH,
        side: Side::Buy,
        position_side: PositionSide::Both,
        kind: OrderKind::Market,
        amount: Amount::Qty(Qty::ONE),
        reduce_only: false,
    }));
    for _ in 0..5 {
        let open_time = stage.minute_at();
        stage.script.bar(BTC, bar(open_time, [stage.script.last(BTC); 4]));
        stage.skip_minute();
        stage.run_the_minute();
        note(&mut seen, &stage.view().instruments);
    }
    let flatten = stage.crank().session.engine().flattens_on_stop();
    let at = stage.at();
    let command = Command::Shutdown { flatten, reason: "the end".to_owned() };
    stage.crank().session.push(at, Source::Operator, Event::Command(command));
    stage.pass(Span::secs(5));
    note(&mut seen, &stage.view());
    note(&mut seen, &stage.notices);
    seen + &stage.wire.log()
}

/// What the strategies make of half a year of a market that goes up and down, and of which regime they take it to be.
pub fn bars(settings: &Settings) -> String {
    let mut desk = Desk::new(&settings.strategy, &settings.regime, Script::new().instruments());
    let mut seen = format!("{:?}", desk.needs());
    let mut held: Option<(&'static str, Side)> = None;
    let mut longer = [(Timeframe::H1, None::<Bar>), (Timeframe::H4, None)];
    for half_hour in walk() {
        let mut closed = vec![(Timeframe::M30, half_hour)];
        let end = half_hour.open_time + Timeframe::M30.span();
        for (timeframe, building) in &mut longer {
            let whole = building.map_or(half_hour, |so_far| joined(so_far, half_hour));
            *building = Some(whole);
            if timeframe.open_of(end) == end {
                closed.insert(0, (*timeframe, whole));
                *building = None;
            }
        }
        for (timeframe, one) in closed {
            for proposal in desk.on_bar(BTC, timeframe, &one, true, held) {
                note(&mut seen, &proposal);
                held = match proposal {
                    live_trading_launcher::strategy::Proposal::Enter(Ok(signal)) => {
                        Some((signal.strategy(), signal.side()))
                    }
                    live_trading_launcher::strategy::Proposal::Enter(Err(_)) => held,
                    live_trading_launcher::strategy::Proposal::Leave { .. } => None,
                };
            }
        }
        // Nobody closes what a stop would: every other day nothing is held.
        if end.day() % 2 == 0 {
            held = None;
        }
        if Timeframe::H1.open_of(end) == end {
            note(&mut seen, &(desk.regime(BTC), desk.volatility_factor(BTC)));
        }
    }
    seen
}

fn joined(before: Bar, after: Bar) -> Bar {
    let (high, low) = (before.high.max(after.high), before.low.min(after.low));
    Bar { high, low, close: after.close, volume: before.volume + after.volume, ..before }
}

/// A seeded walk whose swings grow and shrink.
fn walk() -> Vec<Bar> {
    let mut state = 0x9e37_79b9_u64;
    // Marsaglia, "Xorshift RNGs", 2003.
    let mut draw = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        i64::try_from(state % below).expect("a small number")
    };
    let begin = Timestamp::from_secs(1_704_067_200);
    let mut close = 50_000_i64;
    let bars = (0..HALF_HOURS).map(|n| {
        let swing = 150 + (n / 300 % 5) * 120;
        let mut step = || draw(u64::try_from(2 * swing + 1).expect("positive")) - swing;
        // Pulled back to where it began, so that it neither vanishes nor runs away.
        let pull = (50_000 - close) / 400;
        let open = close;
        close = open + step() + pull;
        let (up, down) = (step().abs() / 2, step().abs() / 2);
        let prices = [open, open.max(close) + up, open.min(close) - down, close].map(Price::whole);
        bar(begin + Timeframe::M30.span() * n, prices)
    });
    bars.collect()
}

/// What the probes find in daemons that are ill to every degree.
pub fn probes(settings: &Settings) -> String {
    let symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"].map(|text| text.parse().expect("a symbol"));
    let pulses = Pulses::new(&symbols, false);
    pulses.expect(BTC, Span::SECOND, Span::MINUTE);
    pulses.expect(ETH, Span::SECOND, Span::MINUTE);
    pulses.beat(LoopStage::Idle, Span::ZERO);
    let well = pulses.snapshot();
    let mut seen = String::new();
    let now = START + Span::DAY;
    let mut degree = Span::millis(1);
    while degree < Span::HOUR {
        let amount = degree.as_millis().unsigned_abs();
        let since = now - degree;
        let mut ill = well.clone();
        ill.symbols[1].last_data = Some(now);
        ill.symbols[1].last_bar = Some(now);
        ill.symbols[0].last_data = Some(since);
        ill.symbols[0].last_bar = Some(since);
        ill.orders.unanswered = Some(Unsettled { count: 1, oldest: since });
        ill.orders.unknown = Some(Unsettled { count: 1, oldest: since });
        ill.orders.unprotected_since = Some(since);
        ill.notifier.backlog = amount;
        for clock in [(degree, Span::ZERO), (Span::ZERO, degree)] {
            ill.clock = Some(ClockPulse { offset: clock.0, uncertainty: clock.1 });
            let machine = Machine { disk_free: Ok(amount << 20), resident: Ok(amount << 20) };
            let evidence = Evidence {
                pulses: &ill,
                uptime: degree,
                now,
                live_from: Some(START),
                lag: degree,
                commit_latency: degree,
                new: Counted::default(),
                machine: Some(&machine),
                machine_silent: Span::ZERO,
            };
            note(&mut seen, &examine(&evidence, &settings.health));
        }
        degree = degree + Span::nanos(degree.as_nanos() / 4);
    }
    seen
}

fn note(seen: &mut String, what: &impl std::fmt::Debug) {
    writeln!(seen, "{what:?}").expect("writing to a string cannot fail");
}

/// What every scene begins with: strategies that trade within it.
pub const DEMO_BASE: &str = "\
[regime]
unknown = \"neutral\"
[strategy.oversold_bounce]
timeframe = \"1m\"
stop_min = \"0.35%\"
[strategy.short_the_rip]
timeframe = \"1m\"
stop_min = \"0.35%\"
[strategy.ema_cross]
enabled = true
timeframe = \"1m\"
stop_min = \"0.35%\"
";

pub const MARKET_BASE: &str = "\
[regime]
unknown = \"neutral\"
[strategy.oversold_bounce]
enabled = false
[strategy.short_the_rip]
enabled = false
[strategy.ema_cross]
enabled = true
timeframe = \"1m\"
fast = 2
slow = 3
atr_period = 2
stop_min = \"0.5%\"
";
