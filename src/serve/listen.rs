//! Listen keys: what a client names to hear about its account. One for an account; it lasts an hour from its last use.

use std::collections::BTreeMap;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::exchange::AccountId;
use crate::types::{Span, Timestamp};

/// How long a key lasts, as at Binance.
const LASTS: Span = Span::HOUR;
/// Characters of a key, as at Binance.
const LENGTH: usize = 64;
const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The keys that are valid.
#[derive(Debug)]
pub(crate) struct ListenKeys {
    keys: BTreeMap<String, (AccountId, Timestamp)>,
    dice: Xoshiro256PlusPlus,
}

impl ListenKeys {
    pub(crate) fn new(seed: u64) -> ListenKeys {
        ListenKeys { keys: BTreeMap::new(), dice: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// The account's key, whose hour begins anew.
    pub(crate) fn start(&mut self, account: AccountId, now: Timestamp) -> String {
        if let Some(key) = self.extend(account, now) {
            return key;
        }
        let key = self.word(LENGTH);
        self.keys.insert(key.clone(), (account, now + LASTS));
        key
    }

    /// Begins the hour of the account's key anew; none if it has no key.
    pub(crate) fn extend(&mut self, account: AccountId, now: Timestamp) -> Option<String> {
        let (key, (_, until)) = self.keys.iter_mut().find(|(_, (owner, until))| *owner == account && *until > now)?;
        *until = now + LASTS;
        Some(key.clone())
    }

    /// Takes an account's key back.
    pub(crate) fn stop(&mut self, account: AccountId) {
        self.keys.retain(|_, (owner, _)| *owner != account);
    }

    /// Whose key this is.
    pub(crate) fn owner(&self, key: &str) -> Option<AccountId> {
        self.keys.get(key).map(|(account, _)| *account)
    }

    /// Keys whose hour is over; they are no longer valid.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<(AccountId, String)> {
        let over: Vec<_> = self.keys.iter().filter(|(_, (_, until))| *until <= now).collect();
        let over: Vec<_> = over.into_iter().map(|(key, (account, _))| (*account, key.clone())).collect();
        over.iter().for_each(|(_, key)| {
            self.keys.remove(key);
        });
        over
    }

    /// Lets the keys of all accounts, or of one, be over now.
    pub(crate) fn end(&mut self, account: Option<AccountId>) {
        for (owner, until) in self.keys.values_mut() {
            if account.is_none_or(|account| account == *owner) {
                *until = Timestamp::EPOCH;
            }
        }
    }

    /// A word of letters and digits, for keys and for orders that their clients did not name.
    pub(crate) fn word(&mut self, length: usize) -> String {
        let letter = |_| char::from(LETTERS[(self.dice.next_u64() % LETTERS.len() as u64) as usize]);
        (0..length).map(letter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lasts_an_hour_from_its_last_use() {
        let mut keys = ListenKeys::new(1);
        let at = |minutes: i64| Timestamp::from_secs(minutes * 60);
        let key = keys.start(AccountId(0), at(0));
        assert_eq!(key.len(), 64);
        assert_eq!(keys.start(AccountId(0), at(30)), key, "the same key is given again");
        assert_ne!(keys.start(AccountId(1), at(30)), key);
        assert_eq!(keys.expire(at(89)), []);
        assert!(keys.extend(AccountId(1), at(89)).is_some());
        assert_eq!(keys.expire(at(90)), [(AccountId(0), key.clone())]);
        assert_eq!((keys.owner(&key), keys.extend(AccountId(0), at(90))), (None, None));
        keys.end(None);
        assert_eq!(keys.extend(AccountId(1), at(90)), None, "a key that is over is not kept by asking for it");
        assert_eq!(keys.expire(at(90)).len(), 1);
    }
}
