//! Whole sessions in virtual time, through the shipped machinery.

use std::path::Path;

use live_trading_launcher::clock::Clock;
use live_trading_launcher::coordinator::{self, Crank, Plan};
use live_trading_launcher::engine::Rooms;
use live_trading_launcher::protocol::{Command, Event};
use live_trading_launcher::pulse::Pulses;
use live_trading_launcher::session::Source;
use live_trading_launcher::types::{Span, Symbol};
use live_trading_launcher::{engine, exchange, feed, market, orders, risk, strategy};

fn demo_rooms() -> Rooms {
    Rooms {
        engine: engine::Settings::default(),
        market: market::Settings::default(),
        orders: orders::Settings::default(),
        strategy: strategy::Settings::demo(),
        regime: strategy::RegimeSettings::demo(),
        risk: risk::Settings::default(),
    }
}

fn symbols() -> Vec<Symbol> {
    ["BTC/USDT", "ETH/USDT", "SOL/USDT"].iter().map(|text| text.parse().expect("a symbol")).collect()
}

fn begin(dir: &Path, seed: u64, exchange: exchange::Settings) -> Crank {
    let feed = feed::open(&feed::Settings::default(), "synthetic", &symbols(), None, seed).expect("the embedded feed");
    let plan = Plan {
        dir,
        feed,
        rooms: demo_rooms(),
        exchange,
        faults: Default::default(),
        seed,
        recorder: None,
        config: String::new(),
        pulses: Pulses::new(&symbols(), true),
    };
    let assembled = coordinator::assemble(plan, Clock::start()).expect("a session");
    let mut crank = assembled.crank;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(coordinator::start(&mut crank, assembled.recovered, Span::secs(60), |_| {})).expect("a start");
    crank
}

fn run_for(crank: &mut Crank, span: Span) {
    let end = crank.session.at() + span;
    while crank.next_at().is_some_and(|at| at <= end) {
        let outside = crank.turn().expect("a turn");
        assert_eq!(outside.leave, None);
    }
}

#[test]
fn the_demo_opens_protects_and_closes_a_position() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut crank = begin(dir.path(), 1, exchange::Settings::default());
    run_for(&mut crank, Span::HOUR);
    let at = crank.session.at();
    crank.session.push(
        at,
        Source::Operator,
        Event::Command(Command::Shutdown { flatten: false, reason: "end".into() }),
    );
    run_for(&mut crank, Span::secs(10));
    crank.flush().expect("a flush");
    let view = crank.session.engine().view();
    println!("{view:#?}");
    assert!(view.positions_closed > 0);
}
