//! Accounts and the keys to them: from `--account KEY:SECRET[:BALANCE]`, or from a file.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;

use super::ServeError;
use crate::exchange::{AccountConfig, AccountId, MarginMode};
use crate::types::Usdt;
use crate::venue::binance::sign::Signer;

/// Leverage of an account that says nothing of it: Binance's.
const USUAL_LEVERAGE: u32 = 20;
/// Largest accounts file that is read: thousands of accounts.
const MAX_FILE_BYTES: u64 = 4 << 20;
/// Longest key or secret.
const MAX_KEY: usize = 256;

/// An account to be opened, and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountSpec {
    /// What the client names.
    pub key: String,
    /// What it signs with.
    pub secret: String,
    /// How the account begins.
    pub config: AccountConfig,
    /// May the key trade, or only look?
    pub may_trade: bool,
    /// May it take money out?
    pub may_withdraw: bool,
}

impl std::fmt::Debug for AccountSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountSpec").field("key", &self.key).field("config", &self.config).finish_non_exhaustive()
    }
}

/// The accounts file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    account: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    secret: String,
    balance: Option<Usdt>,
    leverage: Option<u32>,
    #[serde(default)]
    hedge: bool,
    #[serde(default)]
    margin: Margin,
    #[serde(default)]
    read_only: bool,
    #[serde(default)]
    withdraw: bool,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Margin {
    #[default]
    Cross,
    Isolated,
}

impl AccountSpec {
    /// An account with the usual settings.
    ///
    /// # Errors
    /// If key or secret cannot be sent in a header.
    pub fn new(key: &str, secret: &str) -> Result<AccountSpec, ServeError> {
        let fits = |text: &str| !text.is_empty() && text.len() <= MAX_KEY && text.bytes().all(|b| b.is_ascii_graphic());
        if !fits(key) || !fits(secret) {
            let what = "key and secret are up to 256 visible ASCII characters without spaces";
            return Err(ServeError::Account(format!("`{}`: {what}", key.chars().take(32).collect::<String>())));
        }
        let config = AccountConfig { leverage: USUAL_LEVERAGE, ..AccountConfig::default() };
        Ok(AccountSpec { key: key.to_owned(), secret: secret.to_owned(), config, may_trade: true, may_withdraw: false })
    }

    /// The account of a server that was given none.
    pub fn demo() -> AccountSpec {
        let config = AccountConfig { leverage: USUAL_LEVERAGE, ..AccountConfig::default() };
        AccountSpec {
            key: "demo-key".to_owned(),
            secret: "demo-secret".to_owned(),
            config,
            may_trade: true,
            may_withdraw: false,
        }
    }

    /// Reads the accounts of a TOML file: a list `account` of tables with `key`, `secret` and, if they are not as
    /// usual, `balance`, `leverage`, `hedge`, `margin` (`cross` or `isolated`) and `read_only`.
    ///
    /// # Errors
    /// If the file cannot be read or understood.
    pub fn read_file(path: &Path) -> Result<Vec<AccountSpec>, ServeError> {
        let wrong = |what: String| ServeError::Account(format!("{}: {what}", path.display()));
        let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if size > MAX_FILE_BYTES {
            return Err(wrong("it is larger than 4 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.message().to_owned()))?;
        file.account.into_iter().map(AccountSpec::from_entry).collect()
    }

    fn from_entry(entry: Entry) -> Result<AccountSpec, ServeError> {
        let spec = AccountSpec::new(&entry.key, &entry.secret)?;
        let config = AccountConfig {
            balance: entry.balance.unwrap_or(spec.config.balance),
            leverage: entry.leverage.unwrap_or(spec.config.leverage),
            hedge: entry.hedge,
            margin: match entry.margin {
                Margin::Cross => MarginMode::Cross,
                Margin::Isolated => MarginMode::Isolated,
            },
        };
        if config.balance.is_negative() || config.leverage == 0 || config.leverage > 125 {
            let what = "a balance is not negative and a leverage from 1 to 125";
            return Err(ServeError::Account(format!("`{}`: {what}", spec.key)));
        }
        Ok(AccountSpec { config, may_trade: !entry.read_only, may_withdraw: entry.withdraw, ..spec })
    }
}

impl FromStr for AccountSpec {
    type Err = ServeError;

    /// Reads `KEY:SECRET` or `KEY:SECRET:BALANCE`.
    fn from_str(text: &str) -> Result<AccountSpec, ServeError> {
        let mut parts = text.splitn(3, ':');
        let (Some(key), Some(secret)) = (parts.next(), parts.next()) else {
            return Err(ServeError::Account("write it like KEY:SECRET or KEY:SECRET:BALANCE".to_owned()));
        };
        let mut spec = AccountSpec::new(key, secret)?;
        if let Some(balance) = parts.next() {
            spec.config.balance = balance.parse().map_err(|error| ServeError::Account(format!("`{key}`: {error}")))?;
        }
        if spec.config.balance.is_negative() {
            return Err(ServeError::Account(format!("`{key}`: a balance is not negative")));
        }
        Ok(spec)
    }
}

/// Who a key belongs to.
#[derive(Debug)]
pub(crate) struct Holder {
    pub account: AccountId,
    pub signer: Signer,
    pub may_trade: bool,
}

/// All keys.
#[derive(Debug)]
pub(crate) struct Keyring(BTreeMap<String, Holder>);

impl Keyring {
    /// The keys of these accounts, which are numbered in their order.
    ///
    /// # Errors
    /// If a key is given twice, or there are more accounts than numbers.
    pub(crate) fn new(accounts: &[AccountSpec]) -> Result<Keyring, ServeError> {
        let mut keys = BTreeMap::new();
        for (at, spec) in accounts.iter().enumerate() {
            let number = u16::try_from(at).map_err(|_| ServeError::Account("there are too many".to_owned()))?;
            let holder =
                Holder { account: AccountId(number), signer: Signer::new(&spec.secret), may_trade: spec.may_trade };
            if keys.insert(spec.key.clone(), holder).is_some() {
                return Err(ServeError::Account(format!("the key `{}` is given twice", spec.key)));
            }
        }
        Ok(Keyring(keys))
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Holder> {
        self.0.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_or_explained() {
        let spec: AccountSpec = "k:s:250.5".parse().expect("an account");
        assert_eq!((spec.key.as_str(), spec.secret.as_str()), ("k", "s"));
        assert_eq!(spec.config.balance.to_string(), "250.5");
        assert_eq!("k:s".parse::<AccountSpec>().expect("an account").config.balance, Usdt::whole(10_000));
        for bad in ["", "k", "k:", ":s", "k:s:x", "k:s:-1", "a b:s"] {
            assert!(bad.parse::<AccountSpec>().is_err(), "{bad}");
        }
        let twice = [AccountSpec::demo(), AccountSpec::demo()];
        assert!(Keyring::new(&twice).expect_err("twice").to_string().contains("twice"));
    }

    #[test]
    fn a_file_says_how_each_account_begins() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("accounts.toml");
        let text = "[[account]]\nkey = \"a\"\nsecret = \"b\"\nbalance = \"77\"\nhedge = true\nmargin = \"isolated\"\n\
                    leverage = 7\n[[account]]\nkey = \"c\"\nsecret = \"d\"\nread_only = true\n";
        std::fs::write(&path, text).expect("written");
        let accounts = AccountSpec::read_file(&path).expect("accounts");
        let first = AccountConfig { balance: Usdt::whole(77), leverage: 7, hedge: true, margin: MarginMode::Isolated };
        assert_eq!(accounts[0].config, first);
        assert!(accounts[0].may_trade && !accounts[1].may_trade);
        std::fs::write(&path, "[[account]]\nkey = \"a\"\n").expect("written");
        let told = AccountSpec::read_file(&path).expect_err("no secret").to_string();
        assert!(told.contains("accounts.toml") && told.contains("secret"), "{told}");
    }
}
