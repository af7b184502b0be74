//! How a session is begun, turned and ended here.

use std::path::Path;

use live_trading_launcher::clock::Clock;
use live_trading_launcher::coordinator::{self, Crank, Plan};
use live_trading_launcher::engine::Rooms;
use live_trading_launcher::protocol::{Command, Event, View};
use live_trading_launcher::pulse::Pulses;
use live_trading_launcher::session::Source;
use live_trading_launcher::strategy::{RegimeSettings, UnknownRegime};
use live_trading_launcher::types::{Span, Symbol};
use live_trading_launcher::{engine, exchange, feed, market, orders, recorder, risk, strategy};

/// Far more turns than an hour of the demo takes: a session that spins at one instant is found by this.
pub const TURNS_OF_AN_HOUR: u64 = 200_000;

fn rooms(strategy: strategy::Settings, regime: RegimeSettings) -> Rooms {
    Rooms {
        engine: engine::Settings::default(),
        market: market::Settings::default(),
        orders: orders::Settings::default(),
        strategy,
        regime,
        risk: risk::Settings::default(),
    }
}

/// What a session is begun with.
pub struct Setup<'a> {
    pub feed: &'a str,
    pub timerange: Option<&'a str>,
    pub symbols: &'a [&'a str],
    pub rooms: Rooms,
    pub faults: exchange::faults::Settings,
    pub seed: u64,
    pub record: bool,
}

impl<'a> Setup<'a> {
    /// The embedded demo.
    pub fn demo(seed: u64) -> Setup<'static> {
        Setup {
            feed: "synthetic",
            timerange: None,
            symbols: &["BTC/USDT", "ETH/USDT", "SOL/USDT"],
            rooms: rooms(strategy::Settings::demo(), RegimeSettings::demo()),
            faults: exchange::faults::Settings::default(),
            seed,
            record: false,
        }
    }

    /// Recorded data with the settings that ship, but that a symbol without a regime is traded.
    pub fn recorded(feed: &'a str, timerange: &'a str) -> Setup<'a> {
        let regime = RegimeSettings { unknown: UnknownRegime::Neutral, ..RegimeSettings::default() };
        let rooms = rooms(strategy::Settings::default(), regime);
        Setup { feed, timerange: Some(timerange), rooms, record: true, ..Setup::demo(1) }
    }

    /// Opens and starts the session in `dir`.
    pub fn begin(self, dir: &Path) -> Crank {
        let symbols: Vec<Symbol> = self.symbols.iter().map(|text| text.parse().expect("a symbol")).collect();
        let range = self.timerange.map(|text| text.parse().expect("a time range"));
        let feed = feed::open(&feed::Settings::default(), self.feed, &symbols, range, self.seed).expect("a feed");
        let plan = Plan {
            dir,
            feed,
            rooms: self.rooms,
            exchange: exchange::Settings::default(),
            faults: self.faults,
            seed: self.seed,
            recorder: self.record.then(recorder::Settings::default),
            config: String::new(),
            pulses: Pulses::new(&symbols, true),
        };
        let assembled = coordinator::assemble(plan, Clock::start()).expect("a session");
        let mut crank = assembled.crank;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(coordinator::start(&mut crank, assembled.recovered, Span::secs(60), |_| {})).expect("a start");
        crank
    }
}

/// Turns for so much session time.
pub fn run_for(crank: &mut Crank, span: Span, most_turns: u64) {
    let end = crank.session.at() + span;
    let mut turns = 0;
    while crank.next_at().is_some_and(|at| at <= end) {
        turn(crank);
        turns += 1;
        assert!(turns < most_turns, "the session spins at {}", crank.session.at());
    }
}

/// Turns until the feed has said everything. Gives back how often.
pub fn run_to_the_end(crank: &mut Crank, most_turns: u64) -> u64 {
    let mut turns = 0;
    while !crank.feed_ended() {
        turn(crank);
        turns += 1;
        assert!(turns < most_turns, "the session spins at {}", crank.session.at());
    }
    turns
}

fn turn(crank: &mut Crank) {
    let outside = crank.turn().expect("a turn");
    assert_eq!(outside.leave, None);
}

/// Ends the session as the loop does, and closes its files. Gives back the last picture.
pub fn end(mut crank: Crank) -> View {
    let at = crank.session.at();
    let command = Command::Shutdown { flatten: false, reason: "the end".into() };
    crank.session.push(at, Source::Operator, Event::Command(command));
    run_for(&mut crank, Span::secs(10), 10_000);
    let view = crank.session.engine().view();
    crank.close("the end").expect("a close");
    view
}
