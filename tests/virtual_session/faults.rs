//! Sessions at a venue where things go wrong.

use live_trading_launcher::exchange;
use live_trading_launcher::types::Span;

use crate::books::assert_books_agree;
use crate::setup::{Setup, TURNS_OF_AN_HOUR, end, folder, run_for};

/// Chances high enough for several of each kind in an hour of some dozen requests.
const COMMON: &str = "
[chances]
answer_lost = \"5%\"
request_lost = \"3%\"
request_late = \"2%\"
late_fill = \"5%\"
reject = \"3%\"
rate_limit = \"1%\"
latency_spike = \"2%\"
";
/// What is rarer at a real venue.
const RARE: &str = "
[chances]
answer_lost = \"10%\"
request_lost = \"5%\"
stop_rejected = \"10%\"
late_fill = \"20%\"
outage = \"0.3%\"
clock_jump = \"1%\"
late_visibility = \"2%\"
";

/// All of it at once.
const ALL: &str = "
[chances]
answer_lost = \"5%\"
request_lost = \"5%\"
request_late = \"3%\"
late_fill = \"10%\"
reject = \"5%\"
rate_limit = \"3%\"
latency_spike = \"2%\"
stop_rejected = \"10%\"
outage = \"0.5%\"
clock_jump = \"0.5%\"
late_visibility = \"3%\"
";

/// An hour of faults, then ten minutes without, in which all must come to rest.
fn rehearse(faults: &str, seed: u64) -> u64 {
    let dir = folder();
    let faults = exchange::faults::Settings { seed, ..toml::from_str(faults).expect("faults") };
    let mut crank = Setup { faults, ..Setup::demo(seed) }.begin(dir.path());
    run_for(&mut crank, Span::HOUR, TURNS_OF_AN_HOUR);
    // A reason that can be counted is one word; a symbol is halted with a sentence.
    let view = crank.session.engine().view();
    let halted = view.instruments.iter().filter_map(|one| one.blocked.as_deref()).find(|why| why.contains(' '));
    assert_eq!(halted, None, "seed {seed}: the protocol's assumptions held");
    drop(crank);
    let mut crank = Setup::demo(seed).begin(dir.path());
    run_for(&mut crank, Span::mins(10), TURNS_OF_AN_HOUR);
    let view = end(crank);
    for position in &view.positions {
        assert!(position.stop.is_some() && position.unprotected_since.is_none(), "seed {seed}: {position:?}");
    }
    assert_eq!(view.in_flight, 0, "seed {seed}: {:?}", view.open_orders);
    assert_books_agree(dir.path());
    live_trading_launcher::ledger::sessions(dir.path()).expect("the ledger").iter().map(|one| one.fills).sum()
}

#[test]
fn common_faults_double_nothing_and_end_in_agreement() {
    let fills: u64 = (1..=10).map(|seed| rehearse(COMMON, seed)).sum();
    println!("{fills} fills in ten sessions of common faults");
    assert!(fills > 100);
}

#[test]
fn rare_faults_double_nothing_and_end_in_agreement() {
    let fills: u64 = (11..=20).map(|seed| rehearse(RARE, seed)).sum();
    println!("{fills} fills in ten sessions of rare faults");
    assert!(fills > 20);
}

#[test]
fn all_faults_at_once_double_nothing_and_end_in_agreement() {
    let fills: u64 = (21..=30).map(|seed| rehearse(ALL, seed)).sum();
    println!("{fills} fills in ten sessions of all faults");
    assert!(fills > 20);
}

/// The venue is away for ten minutes in which positions are opened and must be protected. What has no answer is asked
/// about; it is not sent again and again.
#[test]
fn an_outage_makes_no_storm_of_orders() {
    let text = "[[schedule]]\nafter = \"10m\"\nfor = \"10m\"\nkind = \"outage\"\n";
    for seed in 1..=10 {
        let dir = folder();
        let faults: exchange::faults::Settings = toml::from_str(text).expect("faults");
        let mut crank = Setup { faults, ..Setup::demo(seed) }.begin(dir.path());
        run_for(&mut crank, Span::mins(10), TURNS_OF_AN_HOUR);
        let before = crank.session.engine().view().orders;
        run_for(&mut crank, Span::mins(10), TURNS_OF_AN_HOUR);
        let during = crank.session.engine().view().orders - before;
        run_for(&mut crank, Span::mins(10), TURNS_OF_AN_HOUR);
        let view = end(crank);
        println!("seed {seed}: {during} orders while the venue was away, {} in flight after", view.in_flight);
        assert!(during <= MOST_ORDERS_OF_AN_OUTAGE, "seed {seed}: {during} orders while the venue was away");
        assert_eq!(view.in_flight, 0, "seed {seed}: {:?}", view.open_orders);
        assert_books_agree(dir.path());
    }
}

/// Three symbols, and for each an entry, two stops in each style, an exit and the attempts that follow them while
/// nothing is answered.
const MOST_ORDERS_OF_AN_OUTAGE: u64 = 30;
