//! How a session is begun, turned and ended here.

use std::path::Path;
use std::sync::Arc;

use live_trading_launcher::clock::Clock;
use live_trading_launcher::coordinator::{self, Crank, Place, Plan};
use live_trading_launcher::engine::Rooms;
use live_trading_launcher::protocol::{Command, Event, View};
use live_trading_launcher::pulse::Pulses;
use live_trading_launcher::session::Source;
use live_trading_launcher::strategy::{RegimeSettings, UnknownRegime};
use live_trading_launcher::types::{Span, Symbol};
use live_trading_launcher::{engine, exchange, feed, market, orders, recorder, risk, strategy};
use tempfile::TempDir;

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

/// A folder for a session, in memory where the machine has such a place: what is held against each other here does not
/// depend on the disk, and waiting for it would be most of the time.
pub fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder")
}

/// What a session is begun with.
pub struct Setup<'a> {
    pub feed: &'a str,
    pub timerange: Option<&'a str>,
    pub symbols: &'a [&'a str],
    pub rooms: Rooms,
    pub faults: exchange::faults::Settings,
    pub seed: u64,
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
        }
    }

    /// Recorded data with the settings that ship, but that a symbol without a regime is traded.
    pub fn recorded(feed: &'a str, timerange: &'a str) -> Setup<'a> {
        let regime = RegimeSettings { unknown: UnknownRegime::Neutral, ..RegimeSettings::default() };
        let rooms = rooms(strategy::Settings::default(), regime);
        Setup { feed, timerange: Some(timerange), rooms, ..Setup::demo(1) }
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
            place: Place::Paper { exchange: Box::new(exchange::Settings::default()), faults: Box::new(self.faults) },
            seed: self.seed,
            recorder: Some(recorder::Settings::default()),
            config: String::new(),
            pulses: Pulses::new(&symbols, true),
            time: None,
            arrivals: Arc::default(),
        };
        let assembled = coordinator::assemble(plan, Clock::start()).expect("a session");
        let mut crank = assembled.crank;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(coordinator::start(&mut crank, assembled.recovered, Span::secs(60), |_| {})).expect("a start");
        crank
    }
}

/// Steps of the engine at one instant: market data of three symbols at the end of a minute, answers, and every part
/// that is due. A deadline that stays in the past takes more.
const MOST_AT_ONE_INSTANT: u64 = 50;

/// Turns for so much session time.
pub fn run_for(crank: &mut Crank, span: Span, most_turns: u64) {
    watch_for(crank, span, most_turns, |_| {});
}

/// The same, with a look at the session after each turn.
pub fn watch_for(crank: &mut Crank, span: Span, most_turns: u64, mut look: impl FnMut(&Crank)) {
    let end = crank.session.at() + span;
    let mut turns = 0;
    let mut instant = (crank.session.at(), crank.session.seq());
    while crank.next_at().is_some_and(|at| at <= end) {
        turn(crank);
        if crank.session.at() > instant.0 {
            instant = (crank.session.at(), crank.session.seq());
        }
        assert!(crank.session.seq() - instant.1 < MOST_AT_ONE_INSTANT, "the engine spins at {}", instant.0);
        look(crank);
        turns += 1;
        assert!(turns < most_turns, "the session spins at {}", crank.session.at());
    }
}

/// Turns until the feed has said everything. Gives back how often.
pub fn run_to_the_end(crank: &mut Crank, most_turns: u64) -> u64 {
    let mut turns = 0;
    while !crank.feed.has_ended() {
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
    hear_out(&mut crank);
    let view = crank.session.engine().view();
    crank.close("the end").expect("a close");
    view
}

/// Takes in what the venue has already done and said, without further market data: an order that filled a moment ago is
/// told of a moment later.
fn hear_out(crank: &mut Crank) {
    let until = crank.session.at() + Span::secs(5);
    for _ in 0..1_000 {
        let now = crank.session.at();
        if crank.session.next_at() == Some(now) {
            turn(crank);
            continue;
        }
        let Some(due) = crank.venue.next_due().filter(|due| *due <= until) else { return };
        if let Some((_, report)) = crank.venue.poll(due).expect("a venue") {
            crank.session.push(now, Source::Venue, report);
        }
    }
    panic!("the venue does not come to rest");
}
