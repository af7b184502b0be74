//! One measured run: time on the processor, allocations, and the most memory that was resident.

use std::alloc::System;
use std::time::{Duration, Instant};

use live_trading_launcher::backtest::{self, Outcome, Plan};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What a run took.
pub struct Measured {
    pub outcome: Outcome,
    /// From the call to the first record.
    pub start: Duration,
    /// Processor time of the run, start included.
    pub busy: Duration,
    pub allocations: usize,
    pub peak_mib: f64,
}

/// Runs a plan that `open` makes; opening counts to the start.
pub fn run(open: impl FnOnce() -> Plan) -> Measured {
    forget_peak();
    let begun = Instant::now();
    let plan = open();
    let start = begun.elapsed();
    let region = Region::new(ALLOCATOR);
    let (before, begun) = (processor_time(), Instant::now());
    let outcome = backtest::run(plan, |_| {}).expect("made data is good");
    // The kernel counts in steps that a short run may fall between.
    let busy = Some(processor_time().saturating_sub(before)).filter(|busy| !busy.is_zero());
    let busy = busy.unwrap_or_else(|| begun.elapsed());
    let change = region.change();
    Measured { outcome, start, busy, allocations: change.allocations + change.reallocations, peak_mib: peak_mib() }
}

/// Time that this thread, which does all the work, had on a processor: others on the machine do not count.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_ascii_whitespace().next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanos.expect("the kernel counts a thread's time"))
}

/// The most memory counts anew from here.
fn forget_peak() {
    // Not every kernel lets it; then the figure is that of the largest run so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    let kib: f64 = line.split_ascii_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
    kib / 1024.0
}
