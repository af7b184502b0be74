//! What the machine itself takes: how long it holds up a thread that only looks at the clock, and what it costs to wake one.

use std::sync::mpsc::channel;
use std::time::Duration;

use live_trading_launcher::clock::Clock;

use crate::market::nanos;

/// So long the clock is looked at.
const LOOK: u64 = 2_000_000_000;
/// A look that takes so much longer than others was interrupted.
const INTERRUPTED: u64 = 5_000;
const WAKINGS: usize = 500;
/// Long enough for a thread, and its core, to have gone to sleep.
const ASLEEP: Duration = Duration::from_millis(2);

/// Nanoseconds.
pub struct Machine {
    /// Each time that a thread was held up.
    pub held_up: Vec<u64>,
    /// Held up so often in a second.
    pub per_second: u64,
    /// From before another thread was woken until it ran.
    pub until_it_ran: Vec<u64>,
    /// What that took from the thread that woke it.
    pub waking: Vec<u64>,
}

pub fn look(clock: Clock) -> Machine {
    let (begin, mut last, mut held_up) = (nanos(&clock), nanos(&clock), Vec::new());
    while last - begin < LOOK {
        let now = nanos(&clock);
        if now - last > INTERRUPTED {
            held_up.push(now - last);
        }
        last = now;
    }
    let per_second = held_up.len() as u64 * 1_000_000_000 / LOOK;
    let (wake, woken) = channel();
    let sleeper = std::thread::spawn(move || woken.iter().map(|at: u64| nanos(&clock) - at).collect());
    let mut waking = Vec::with_capacity(WAKINGS);
    for _ in 0..WAKINGS {
        sleep();
        let at = nanos(&clock);
        wake.send(at).expect("it waits");
        waking.push(nanos(&clock) - at);
    }
    drop(wake);
    Machine { held_up, per_second, until_it_ran: sleeper.join().expect("it ends"), waking }
}

#[expect(clippy::disallowed_methods, reason = "a thread of its own lets another fall asleep")]
fn sleep() {
    std::thread::sleep(ASLEEP);
}
