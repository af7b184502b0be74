//! Rate limits: weight by address and minute, orders by account in ten seconds and a minute. Who goes on over the
//! limit is banned for two minutes, and each time for longer, up to three days.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::exchange::AccountId;
use crate::types::{Span, Timestamp};
use crate::venue::binance::error::ApiError;
use crate::venue::binance::info::RateLimit;

/// Weight that an address may use in a minute.
const WEIGHT: u32 = 2_400;
/// Orders that an account may send in ten seconds and in a minute.
const ORDERS_SHORT: u32 = 300;
const ORDERS_LONG: u32 = 1_200;
const SHORT: Span = Span::secs(10);
/// Requests over the limit that bring a ban.
const PATIENCE: u32 = 20;
const FIRST_BAN: Span = Span::mins(2);
const LONGEST_BAN: Span = Span::secs(3 * 86_400);
/// Addresses that are remembered; more are those of one machine's loopback at best.
const MAX_ADDRESSES: usize = 10_000;

/// What has been used.
#[derive(Debug)]
pub(crate) struct Limits {
    on: bool,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    addresses: BTreeMap<IpAddr, Address>,
    accounts: BTreeMap<AccountId, Orders>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Address {
    minute: Timestamp,
    weight: u32,
    /// Requests over the limit in this minute.
    over: u32,
    banned_until: Timestamp,
    bans: u32,
}

#[derive(Debug, Clone, Copy, Default)]
struct Orders {
    short: (Timestamp, u32),
    long: (Timestamp, u32),
}

/// A request that is not let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Denied {
    pub error: ApiError,
    /// Seconds after which it may be tried again.
    pub retry_after: i64,
}

/// The limits as the venue lists them.
pub(crate) fn rules() -> Vec<RateLimit> {
    let rule = |kind: &str, interval: &str, interval_num, limit| RateLimit {
        rate_limit_type: kind.to_owned(),
        interval: interval.to_owned(),
        interval_num,
        limit,
        count: None,
    };
    vec![
        rule("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT),
        rule("ORDERS", "SECOND", 10, ORDERS_SHORT),
        rule("ORDERS", "MINUTE", 1, ORDERS_LONG),
    ]
}

impl Limits {
    pub(crate) fn new(on: bool) -> Limits {
        Limits { on, used: Mutex::default() }
    }

    pub(crate) fn are_on(&self) -> bool {
        self.on
    }

    /// Counts a request of an address. Gives the weight used in this minute.
    ///
    /// # Errors
    /// 429 over the limit, 418 while banned.
    pub(crate) fn weigh(&self, address: IpAddr, weight: u32, now: Timestamp) -> Result<u32, Denied> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.addresses.len() >= MAX_ADDRESSES && !used.addresses.contains_key(&address) {
            used.addresses.retain(|_, one| one.banned_until > now || now.since(one.minute) < Span::MINUTE);
        }
        let one = used.addresses.entry(address).or_default();
        let minute = now.floor(Span::MINUTE);
        if one.minute != minute {
            *one = Address { minute, weight: 0, over: 0, ..*one };
        }
        one.weight = one.weight.saturating_add(weight);
        if !self.on {
            // Whoever keeps to what is told is not to be held up either.
            return Ok(one.weight.min(WEIGHT / 2));
        }
        if now < one.banned_until {
            return Err(banned(one.banned_until, now));
        }
        if one.weight <= WEIGHT {
            return Ok(one.weight);
        }
        one.over += 1;
        if one.over > PATIENCE {
            let length = FIRST_BAN * (1_i64 << one.bans.min(20));
            one.banned_until = now + length.min(LONGEST_BAN);
            one.bans += 1;
            one.over = 0;
            return Err(banned(one.banned_until, now));
        }
        let msg = format!(
            "Too many requests; current limit of IP({address}) is {WEIGHT} requests per minute. Please use the \
             websocket for live updates to avoid polling the API."
        );
        let left = (minute + Span::MINUTE).since(now).as_millis();
        Err(Denied { error: ApiError::new(-1003, msg), retry_after: left.div_euclid(1_000) + 1 })
    }

    /// Bans an address, or every one that is known: a fault.
    pub(crate) fn ban_all(&self, until: Timestamp) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.addresses.values_mut().for_each(|one| one.banned_until = until);
    }

    /// Lets every address use up its minute: a fault.
    pub(crate) fn exhaust_all(&self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.addresses.values_mut().for_each(|one| one.weight = WEIGHT);
    }

    /// Counts orders of an account.
    ///
    /// # Errors
    /// −1015 over the limit.
    pub(crate) fn count_orders(&self, account: AccountId, orders: u32, now: Timestamp) -> Result<(), Denied> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let one = used.accounts.entry(account).or_default();
        one.turn(now);
        one.short.1 = one.short.1.saturating_add(orders);
        one.long.1 = one.long.1.saturating_add(orders);
        let over = match (one.short.1 > ORDERS_SHORT, one.long.1 > ORDERS_LONG) {
            _ if !self.on => return Ok(()),
            (_, true) => (ORDERS_LONG, "MINUTE", Span::MINUTE),
            (true, false) => (ORDERS_SHORT, "TEN SECONDS", SHORT),
            (false, false) => return Ok(()),
        };
        let (limit, name, span) = over;
        let msg = format!("Too many new orders; current limit is {limit} orders per {name}.");
        let left = (now.floor(span) + span).since(now).as_millis();
        Err(Denied { error: ApiError::new(-1015, msg), retry_after: left.div_euclid(1_000) + 1 })
    }

    /// Orders that an account sent in these ten seconds and in this minute.
    pub(crate) fn orders(&self, account: AccountId, now: Timestamp) -> (u32, u32) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let one = used.accounts.entry(account).or_default();
        one.turn(now);
        let told = |count: u32, limit: u32| if self.on { count } else { count.min(limit / 2) };
        (told(one.short.1, ORDERS_SHORT), told(one.long.1, ORDERS_LONG))
    }
}

impl Orders {
    fn turn(&mut self, now: Timestamp) {
        for (window, span) in [(&mut self.short, SHORT), (&mut self.long, Span::MINUTE)] {
            if window.0 != now.floor(span) {
                *window = (now.floor(span), 0);
            }
        }
    }
}

fn banned(until: Timestamp, now: Timestamp) -> Denied {
    let msg = format!(
        "Way too many requests; IP banned until {}. Please use the websocket for live updates to avoid bans.",
        until.as_millis()
    );
    let left = until.since(now).as_millis();
    Denied { error: ApiError::new(-1003, msg).with_status(418), retry_after: left.div_euclid(1_000) + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_700_000_040 + secs)
    }

    #[test]
    fn over_the_limit_is_429_and_going_on_is_418() {
        let limits = Limits::new(true);
        assert_eq!(limits.weigh(HERE, 2_400, at(1)), Ok(2_400));
        for _ in 0..PATIENCE {
            let denied = limits.weigh(HERE, 1, at(2)).expect_err("over");
            assert_eq!((denied.error.status, denied.error.code, denied.retry_after), (429, -1003, 59));
        }
        let denied = limits.weigh(HERE, 1, at(3)).expect_err("banned");
        assert_eq!((denied.error.status, denied.retry_after), (418, 121));
        assert!(denied.error.msg.contains("IP banned until 1700000163000"), "{}", denied.error.msg);
        assert_eq!(limits.weigh(HERE, 1, at(70)).map_err(|denied| denied.error.status), Err(418));
        assert_eq!(limits.weigh(HERE, 1, at(124)), Ok(1));
    }

    #[test]
    fn orders_are_counted_by_account_in_both_windows() {
        let limits = Limits::new(true);
        assert_eq!(limits.count_orders(AccountId(0), 300, at(0)), Ok(()));
        assert_eq!(limits.orders(AccountId(0), at(9)), (300, 300));
        let denied = limits.count_orders(AccountId(0), 1, at(9)).expect_err("over");
        assert_eq!((denied.error.status, denied.error.code, denied.retry_after), (429, -1015, 2));
        assert_eq!(limits.orders(AccountId(0), at(10)), (0, 301));
        assert_eq!(limits.count_orders(AccountId(1), 1, at(9)), Ok(()));
        let off = Limits::new(false);
        assert_eq!(off.count_orders(AccountId(0), 5_000, at(0)), Ok(()));
        assert_eq!(off.orders(AccountId(0), at(0)), (ORDERS_SHORT / 2, ORDERS_LONG / 2));
        assert_eq!(off.weigh(HERE, 5_000, at(0)), Ok(WEIGHT / 2));
    }
}
