//! A venue that goes away at the worst moment: with a position open and its stop not yet there.

use live_trading_launcher::exchange::faults::{FaultKind, Scheduled, Settings};
use live_trading_launcher::protocol::View;
use live_trading_launcher::types::{Span, Symbol, Timestamp};

use crate::books::assert_books_agree;
use crate::setup::{Setup, TURNS_OF_AN_HOUR, end, folder, run_for, watch_for};

/// From the moment when the venue answers again until everything is behind a stop or closed: one round of attempts,
/// `orders.stop_confirm`, since the last order of the outage may have left just before its end, and a few round trips.
const AT_ONCE: Span = Span::millis(2_500);

/// When positions open in the first half hour of this seed, counted from the session's start.
fn openings(seed: u64) -> Vec<Span> {
    let dir = folder();
    let mut crank = Setup::demo(seed).begin(dir.path());
    let start = crank.session.at();
    let (mut opened, mut found) = (0, Vec::new());
    watch_for(&mut crank, Span::mins(30), TURNS_OF_AN_HOUR, |crank| {
        let now = crank.session.engine().view().positions_opened;
        if now > opened {
            opened = now;
            found.push(crank.session.at().since(start));
        }
    });
    found
}

/// Is a position without a confirmed stop that was opened before `by`?
fn exposed(view: &View, by: Timestamp) -> bool {
    view.positions.iter().any(|one| one.opened_at < by && one.unprotected_since.is_some())
}

/// The venue is away, for one symbol or altogether. How long after its return anything that was opened before stays
/// unprotected.
fn unprotected_after(seed: u64, after: Span, lasts: Span, symbol: Option<Symbol>) -> Span {
    let dir = folder();
    let schedule = vec![Scheduled { after, lasts, kind: FaultKind::Outage, symbol }];
    let faults = Settings { schedule, ..Settings::default() };
    let mut crank = Setup { faults, ..Setup::demo(seed) }.begin(dir.path());
    let back = crank.session.at() + after + lasts;
    run_for(&mut crank, after + lasts, TURNS_OF_AN_HOUR);
    let mut last = exposed(&crank.session.engine().view(), back).then_some(back);
    watch_for(&mut crank, Span::mins(2), TURNS_OF_AN_HOUR, |crank| {
        if exposed(&crank.session.engine().view(), back) {
            last = Some(crank.session.at());
        }
    });
    let view = end(crank);
    assert_eq!(view.in_flight, 0, "seed {seed}: {:?}", view.open_orders);
    assert_books_agree(dir.path());
    last.map_or(Span::ZERO, |last| last.since(back))
}

/// Tries the outages of some seeds. How many of them left a position exposed at their end, and the longest time that it
/// took from there.
fn rehearse(seeds: impl Iterator<Item = u64>) -> (usize, Span) {
    let symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"];
    let (mut count, mut longest) = (0, Span::ZERO);
    let mut tried = |seed, after, lasts, symbol: Option<&str>| {
        let only = symbol.map(|text| text.parse().expect("a symbol"));
        let left = unprotected_after(seed, after, lasts, only);
        assert!(left <= AT_ONCE, "seed {seed}, {lasts} from {after} on, {symbol:?}: unprotected for {left} after it");
        count += usize::from(left > Span::ZERO);
        longest = longest.max(left);
    };
    for seed in seeds {
        for opening in openings(seed).into_iter().take(2) {
            // While the entry is on its way, with its fill, and while the stop is on its way.
            for (offset, seconds) in [(-40, 30), (0, 4), (0, 30), (0, 60), (40, 7), (40, 45), (40, 90), (40, 120)] {
                tried(seed, opening + Span::millis(offset), Span::secs(seconds), None);
            }
            for symbol in symbols {
                tried(seed, opening, Span::secs(60), Some(symbol));
            }
        }
    }
    (count, longest)
}

#[test]
fn after_an_outage_everything_is_protected_or_closed_at_once() {
    let ((one, first), (two, second)) = std::thread::scope(|scope| {
        let half = scope.spawn(|| rehearse((1..=20).step_by(2)));
        (rehearse((2..=20).step_by(2)), half.join().expect("no panic"))
    });
    println!("{} outages left a position exposed, for at most {} after their end", one + two, first.max(second));
    assert!(one + two >= 30, "{one} and {two} outages left a position exposed");
}
