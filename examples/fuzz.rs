//! Feeds every parser of what Binance sends with changed texts, each for some time, and ends at the first panic.
//!
//! ```text
//! cargo run --release --example fuzz -- --seconds 600            # each parser for ten minutes
//! cargo run --release --example fuzz -- --seconds 60 user_stream  # one of them
//! ```

#[path = "../tests/support/fuzz.rs"]
mod fuzz;

use std::process::ExitCode;

use live_trading_launcher::clock::Clock;
use live_trading_launcher::types::Span;
use live_trading_launcher::venue::binance::PARSERS;

#[expect(clippy::disallowed_methods, reason = "a program of its own, with arguments of its own")]
fn main() -> ExitCode {
    let mut seconds = 10;
    let mut seed = 1;
    let mut names = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
        match argument.as_str() {
            "--seconds" | "--seed" => match number(arguments.next()) {
                Some(given) if argument == "--seconds" => seconds = given,
                Some(given) => seed = given,
                None => {
                    eprintln!("{argument} needs a whole number behind it");
                    return ExitCode::from(2);
                }
            },
            name if PARSERS.iter().any(|parser| parser.name == name) => names.push(argument),
            other => {
                let known: Vec<_> = PARSERS.iter().map(|parser| parser.name).collect();
                eprintln!("there is no parser `{other}`; there are {}", known.join(", "));
                return ExitCode::from(2);
            }
        }
    }
    let clock = Clock::start();
    for parser in PARSERS.iter().filter(|parser| names.is_empty() || names.iter().any(|name| name == parser.name)) {
        let until = clock.thread_uptime() + Span::secs(seconds as i64);
        let go_on = |tried: u64| !tried.is_multiple_of(1_024) || clock.thread_uptime() < until;
        let (tried, taken) = fuzz::run(parser, seed, go_on);
        println!("{:16} {tried:>12} texts, {taken:>10} taken, no panic", parser.name);
    }
    ExitCode::SUCCESS
}
