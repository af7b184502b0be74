//! From findings to one status, over a sliding window: worse at once, better only when the window is clean.

use std::collections::{BTreeMap, BTreeSet};

use super::probe::{Finding, Probe};
use crate::protocol::HealthStatus;
use crate::types::{Span, Symbol};

/// What holds at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The worst level within the window.
    pub(super) status: HealthStatus,
    /// Its reasons and those of lesser levels, worst first.
    pub(super) reasons: Vec<String>,
}

/// A level that a probe had within the window.
#[derive(Debug, Clone)]
struct Seen {
    last: Span,
    reason: String,
}

/// What a finding counts under; the level is part of it, so that a critical moment outlives a degraded one.
type Key = (Probe, Option<Symbol>, HealthStatus);

/// Remembers the findings of a window. Bounded by the number of probes, symbols and levels.
#[derive(Debug)]
pub(super) struct Judge {
    window: Span,
    seen: BTreeMap<Key, Seen>,
}

impl Judge {
    pub(super) fn new(window: Span) -> Judge {
        Judge { window, seen: BTreeMap::new() }
    }

    /// Takes the findings of one evaluation. Names the probes that were added, changed their level, or have
    /// recovered: the words of a reason change all the time, what it is about does not.
    pub(super) fn weigh(&mut self, uptime: Span, findings: Vec<Finding>) -> (Verdict, BTreeSet<Probe>) {
        let before = self.held_keys();
        for Finding { probe, symbol, level, reason } in findings {
            self.seen.insert((probe, symbol, level), Seen { last: uptime, reason });
        }
        let window = self.window;
        self.seen.retain(|_, seen| uptime - seen.last < window);
        let changed = before.symmetric_difference(&self.held_keys()).map(|key| key.0).collect();
        let held = self.held();
        let status = held.first().map_or(HealthStatus::Healthy, |(key, _)| key.2);
        let reasons = held.iter().map(|(_, seen)| in_words(seen, uptime)).collect();
        (Verdict { status, reasons }, changed)
    }

    fn held_keys(&self) -> BTreeSet<Key> {
        self.held().into_iter().map(|(key, _)| key.clone()).collect()
    }

    /// The worst level of each probe and symbol, worst first.
    fn held(&self) -> Vec<(&Key, &Seen)> {
        let worse = |key: &Key| {
            self.seen
                .range((key.0, key.1.clone(), key.2)..)
                .nth(1)
                .is_some_and(|(next, _)| next.0 == key.0 && next.1 == key.1)
        };
        let mut held: Vec<_> = self.seen.iter().filter(|(key, _)| !worse(key)).collect();
        held.sort_by_key(|(key, _)| std::cmp::Reverse(key.2));
        held
    }
}

fn in_words(seen: &Seen, uptime: Span) -> String {
    let ago = uptime - seen.last;
    if ago < Span::SECOND { seen.reason.clone() } else { format!("{} (until {} s ago)", seen.reason, ago.as_secs()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use HealthStatus::{Critical, Degraded, Healthy};

    fn finding(probe: Probe, symbol: Option<&str>, level: HealthStatus) -> Finding {
        let symbol = symbol.map(|text| text.parse().unwrap());
        Finding { probe, symbol, level, reason: format!("{probe:?} {level:?}") }
    }

    #[test]
    fn worse_at_once_and_better_when_the_window_is_clean() {
        let mut judge = Judge::new(Span::secs(3));
        let bad = |level| vec![finding(Probe::Ledger, None, level)];
        let table = [
            (0, vec![], Healthy, false),
            (1, bad(Degraded), Degraded, true),
            (2, bad(Degraded), Degraded, false),
            (3, bad(Critical), Critical, true),
            (4, bad(Degraded), Critical, false),
            (5, vec![], Critical, false),
            (6, vec![], Degraded, true),
            (7, vec![], Healthy, true),
            (8, vec![], Healthy, false),
        ];
        for (second, findings, status, changed) in table {
            let (verdict, change) = judge.weigh(Span::secs(second), findings);
            assert_eq!((verdict.status, !change.is_empty()), (status, changed), "at {second} s: {:?}", verdict.reasons);
        }
    }

    #[test]
    fn each_probe_and_symbol_counts_once_and_the_worst_comes_first() {
        let mut judge = Judge::new(Span::secs(10));
        let found = vec![
            finding(Probe::MarketData, Some("ETH/USDT"), Degraded),
            finding(Probe::MarketData, Some("BTC/USDT"), Degraded),
            finding(Probe::Ledger, None, Degraded),
            finding(Probe::Ledger, None, Critical),
        ];
        let (verdict, _) = judge.weigh(Span::secs(1), found);
        assert_eq!(verdict.reasons, ["Ledger Critical", "MarketData Degraded", "MarketData Degraded"]);
        let (verdict, changed) = judge.weigh(Span::secs(5), vec![]);
        assert_eq!(verdict.reasons[0], "Ledger Critical (until 4 s ago)");
        assert!(changed.is_empty());
    }

    #[test]
    fn a_symbol_that_joins_or_leaves_is_a_change() {
        let mut judge = Judge::new(Span::secs(2));
        let stale = |symbol| finding(Probe::MarketData, Some(symbol), Degraded);
        let market = BTreeSet::from([Probe::MarketData]);
        assert_eq!(judge.weigh(Span::secs(1), vec![stale("BTC/USDT")]).1, market);
        assert_eq!(judge.weigh(Span::secs(2), vec![stale("BTC/USDT"), stale("ETH/USDT")]).1, market);
        assert_eq!(judge.weigh(Span::secs(3), vec![stale("BTC/USDT")]).1, BTreeSet::new());
        let (verdict, changed) = judge.weigh(Span::secs(4), vec![stale("BTC/USDT")]);
        assert_eq!((changed, verdict.status, verdict.reasons.len()), (market, Degraded, 1));
    }
}
