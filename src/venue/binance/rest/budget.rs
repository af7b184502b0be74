//! How much may still be asked: weight of the address in a minute, orders of the account in ten seconds and in a
//! minute. What we sent is counted here, and the venue's own count in its replies comes before it, since others may
//! use the address too. A share is kept for what protects: cancels, stops, closes and the question of an order's fate.

use reqwest::header::HeaderMap;

use crate::types::{Rate, Rounding, Span, Timestamp, Usdt};

/// Limits until the venue has told its own; these are what it has had for years.
const WEIGHT: u32 = 2_400;
const ORDERS_SHORT: u32 = 300;
const ORDERS_LONG: u32 = 1_200;
/// Work that nobody waits for leaves at least half of the budget to a daemon that shares the address.
const BACKGROUND_SHARE: u32 = 2;
/// Windows of the venue begin by its clock, which we know to some milliseconds.
const MARGIN: Span = Span::millis(500);

/// A request's claim to the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Protects: it may use what is kept in reserve.
    Reserved,
    /// Everything else of a trading session.
    Ordinary,
    /// Work that can wait.
    Background,
}

/// One limit over one window.
#[derive(Debug, Clone, Copy)]
struct Window {
    span: Span,
    limit: u32,
    opened: Timestamp,
    used: u32,
}

impl Window {
    const fn new(span: Span, limit: u32) -> Window {
        Window { span, limit, opened: Timestamp::EPOCH, used: 0 }
    }

    fn roll(&mut self, now: Timestamp) {
        let opened = now.floor(self.span);
        if opened > self.opened {
            (self.opened, self.used) = (opened, 0);
        }
    }

    fn has_room(&self, count: u32, priority: Priority, reserve: Rate) -> bool {
        let share = Usdt::whole(i64::from(self.limit)).times(reserve, Rounding::Up);
        let kept = u32::try_from(share.to_f64().ceil() as i64).unwrap_or(0);
        let limit = match priority {
            Priority::Reserved => self.limit,
            Priority::Ordinary => self.limit.saturating_sub(kept),
            Priority::Background => self.limit.saturating_sub(kept) / BACKGROUND_SHARE,
        };
        self.used.saturating_add(count) <= limit
    }

    fn ends(&self) -> Timestamp {
        self.opened + self.span + MARGIN
    }
}

/// What has been used of each limit.
#[derive(Debug)]
pub(super) struct Budget {
    reserve: Rate,
    weight: Window,
    orders: [Window; 2],
}

impl Budget {
    pub(super) fn new(reserve: Rate) -> Budget {
        Budget {
            reserve,
            weight: Window::new(Span::MINUTE, WEIGHT),
            orders: [Window::new(Span::secs(10), ORDERS_SHORT), Window::new(Span::MINUTE, ORDERS_LONG)],
        }
    }

    /// Takes over the limits that the venue lists, if they are of the kinds known here.
    pub(super) fn learn(&mut self, limits: &[super::super::read::info::RateLimit]) {
        for rule in limits {
            let Some(limit) = rule.limit.filter(|limit| *limit > 0) else { continue };
            match (rule.rate_limit_type.as_str(), rule.interval.as_str(), rule.interval_num) {
                ("REQUEST_WEIGHT", "MINUTE", Some(1)) => self.weight.limit = limit,
                ("ORDERS", "SECOND", Some(10)) => self.orders[0].limit = limit,
                ("ORDERS", "MINUTE", Some(1)) => self.orders[1].limit = limit,
                _ => {}
            }
        }
    }

    /// Counts a request that is about to leave.
    ///
    /// # Errors
    /// When there is no room for it: the instant from which on there may be.
    pub(super) fn take(
        &mut self,
        weight: u32,
        counts_as_order: bool,
        priority: Priority,
        now: Timestamp,
    ) -> Result<(), Timestamp> {
        self.weight.roll(now);
        self.orders.iter_mut().for_each(|window| window.roll(now));
        if !self.weight.has_room(weight, priority, self.reserve) {
            return Err(self.weight.ends());
        }
        let full = |window: &&Window| counts_as_order && !window.has_room(1, priority, self.reserve);
        if let Some(window) = self.orders.iter().find(full) {
            return Err(window.ends());
        }
        self.weight.used += weight;
        if counts_as_order {
            self.orders.iter_mut().for_each(|window| window.used += 1);
        }
        Ok(())
    }

    /// Takes over the venue's own counts.
    pub(super) fn hear(&mut self, headers: &HeaderMap, now: Timestamp) {
        let count = |name: &str| headers.get(name)?.to_str().ok()?.parse::<u32>().ok();
        let [short, long] = &mut self.orders;
        let named = [
            (&mut self.weight, "x-mbx-used-weight-1m"),
            (short, "x-mbx-order-count-10s"),
            (long, "x-mbx-order-count-1m"),
        ];
        for (window, name) in named {
            window.roll(now);
            if let Some(count) = count(name) {
                window.used = window.used.max(count);
            }
        }
    }

    /// The orders of the account are used up, says the venue: nothing ordinary until the next minute.
    pub(super) fn exhaust_orders(&mut self, now: Timestamp) {
        for window in &mut self.orders {
            window.roll(now);
            window.used = window.used.max(window.limit.saturating_sub(1));
        }
    }

    /// Weight used in this minute, and the limit.
    pub(super) fn weight(&mut self, now: Timestamp) -> (u32, u32) {
        self.weight.roll(now);
        (self.weight.used, self.weight.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_040 + secs)
    }

    #[test]
    fn a_share_is_kept_for_what_protects() {
        let mut budget = Budget::new(Rate::percent(20));
        let opened = at(0).floor(Span::MINUTE);
        assert_eq!(budget.take(961, false, Priority::Background, at(0)), Err(opened + Span::MINUTE + MARGIN));
        assert_eq!(budget.take(960, false, Priority::Background, at(0)), Ok(()));
        assert_eq!(budget.take(961, false, Priority::Ordinary, at(1)), Err(opened + Span::MINUTE + MARGIN));
        assert_eq!(budget.take(960, false, Priority::Ordinary, at(1)), Ok(()));
        assert_eq!(budget.take(480, false, Priority::Reserved, at(1)), Ok(()));
        assert!(budget.take(1, false, Priority::Reserved, at(1)).is_err());
        assert_eq!(budget.take(1_900, false, Priority::Ordinary, at(60)), Ok(()), "the next minute is another");
    }

    #[test]
    fn orders_are_counted_over_both_windows() {
        let mut budget = Budget::new(Rate::percent(20));
        for _ in 0..240 {
            assert_eq!(budget.take(0, true, Priority::Ordinary, at(0)), Ok(()));
        }
        assert!(budget.take(0, true, Priority::Ordinary, at(0)).is_err());
        assert_eq!(budget.take(0, true, Priority::Reserved, at(0)), Ok(()));
        assert_eq!(budget.take(0, true, Priority::Ordinary, at(10)), Ok(()));
    }

    #[test]
    fn the_venues_count_comes_before_ours() {
        let mut budget = Budget::new(Rate::percent(20));
        let mut headers = HeaderMap::new();
        headers.insert("x-mbx-used-weight-1m", "1915".parse().expect("a value"));
        budget.hear(&headers, at(0));
        assert!(budget.take(10, false, Priority::Ordinary, at(0)).is_err());
        assert_eq!(budget.take(5, false, Priority::Ordinary, at(0)), Ok(()));
        headers.insert("x-mbx-used-weight-1m", "nonsense".parse().expect("a value"));
        budget.hear(&headers, at(0));
        assert_eq!(budget.weight(at(0)), (1_920, 2_400));
        budget.exhaust_orders(at(0));
        assert!(budget.take(0, true, Priority::Ordinary, at(0)).is_err());
        assert_eq!(budget.take(0, true, Priority::Reserved, at(0)), Ok(()), "what protects is tried");
    }
}
