//! The account, as it must be before anything is traded: a key that can trade and cannot withdraw, one-way mode, one asset
//! as margin, cross margin and the set leverage on every symbol. What is ours to set is set; what would change somebody
//! else's trading is refused.

use super::super::read::account::{Balance, SymbolConfig};
use super::super::rest::calls::account;
use super::super::rest::{Class, Failure, Rest, START};
use super::super::words::MarginWord;
use super::hearing::ASSET;
use crate::types::Instruments;
use crate::venue::VenueError;

/// Checks the key and the account, and sets leverage and margin type. Gives the venue's name for the account.
///
/// # Errors
/// If the key may not do what it must, or may do what it must not; if the account is in a mode that is not traded in; or
/// if the venue cannot be asked.
pub(super) async fn prepare(rest: &Rest, instruments: &Instruments, leverage: u32) -> Result<String, VenueError> {
    check_key(rest).await?;
    let config = rest.ask(account::config(), START).await.map_err(|failure| unusable("accountConfig", &failure))?;
    if !config.can_trade {
        return Err(VenueError::Keys("this account may not trade; see to it at Binance".to_owned()));
    }
    check_modes(rest).await?;
    let configs = async || {
        let asked = rest.ask(account::symbol_config(None), START).await;
        asked.map_err(|failure| unusable("symbolConfig", &failure))
    };
    for found in unequal(&configs().await?, instruments, leverage) {
        put_right(rest, &found, leverage).await?;
    }
    let left = unequal(&configs().await?, instruments, leverage);
    if !left.is_empty() {
        let left: Vec<String> = left.iter().flat_map(|found| found.words(leverage)).collect();
        return Err(VenueError::Account(format!("the venue did not take what was set: {}", left.join("; "))));
    }
    let balances: Vec<Balance> =
        rest.ask(account::balance(), START).await.map_err(|failure| unusable("balance", &failure))?;
    let ours = balances.into_iter().find(|one| one.asset == ASSET);
    let ours = ours.ok_or_else(|| VenueError::Account(format!("this account has no {ASSET}; move some in")))?;
    Ok(ours.account_alias)
}

/// A key that can withdraw is worth stealing, and one that cannot trade is of no use.
async fn check_key(rest: &Rest) -> Result<(), VenueError> {
    let may =
        rest.ask(account::key_permissions(), START).await.map_err(|failure| unusable("apiRestrictions", &failure))?;
    let refuse = |why: &str| Err(VenueError::Keys(why.to_owned()));
    if may.enable_withdrawals {
        return refuse("this key can withdraw; make one that cannot, and give it to no one");
    }
    if !may.enable_futures {
        return refuse("this key may not trade futures; allow it in the key's settings at Binance");
    }
    if !may.ip_restrict {
        tracing::warn!("this key works from every address; restrict it to this machine's");
    }
    Ok(())
}

async fn check_modes(rest: &Rest) -> Result<(), VenueError> {
    let mode =
        rest.ask(account::position_mode(), START).await.map_err(|failure| unusable("positionSide/dual", &failure))?;
    if mode.dual_side_position {
        let why = "the account is in hedge mode and one-way mode is traded in; change it at Binance under Preferences, \
                   Position Mode, with no order and no position open";
        return Err(VenueError::Account(why.to_owned()));
    }
    let assets =
        rest.ask(account::multi_assets(), START).await.map_err(|failure| unusable("multiAssetsMargin", &failure))?;
    if assets.multi_assets_margin {
        let why = "the account is in multi-assets mode and its equity is not in USDT alone; change it at Binance under \
                   Preferences, Asset Mode";
        return Err(VenueError::Account(why.to_owned()));
    }
    Ok(())
}

/// A symbol that is not set as it must be.
struct Unequal {
    symbol: String,
    leverage: Option<u32>,
    margin: bool,
}

impl Unequal {
    fn words(&self, leverage: u32) -> Vec<String> {
        let symbol = &self.symbol;
        let other = self.leverage.map(|is| format!("the leverage of {symbol} is {is}, and {leverage} is set"));
        let margin = self.margin.then(|| format!("{symbol} is not on cross margin"));
        other.into_iter().chain(margin).collect()
    }
}

fn unequal(configs: &[SymbolConfig], instruments: &Instruments, leverage: u32) -> Vec<Unequal> {
    let mut found = Vec::new();
    for (_, instrument) in instruments.iter() {
        let symbol = &instrument.venue_symbol;
        let config = configs.iter().find(|config| config.symbol == *symbol);
        let other = config.is_none_or(|config| config.leverage != leverage);
        let margin = config.is_none_or(|config| config.margin_type.known() != Some(MarginWord::Crossed));
        if other || margin {
            let leverage = other.then(|| config.map_or(0, |config| config.leverage));
            found.push(Unequal { symbol: symbol.clone(), leverage, margin });
        }
    }
    found
}

async fn put_right(rest: &Rest, found: &Unequal, leverage: u32) -> Result<(), VenueError> {
    let symbol = &found.symbol;
    if found.margin {
        let crossed = async || rest.settle(account::set_margin_type(symbol, MarginWord::Crossed)).await;
        let set = rest.with_room(START, crossed).await;
        set.map_err(|failure| unusable(&format!("cross margin on {symbol}"), &failure))?;
        tracing::info!(symbol, "set to cross margin");
    }
    if found.leverage.is_some() {
        let set = rest.with_room(START, async || rest.call(account::set_leverage(symbol, leverage)).await).await;
        set.map_err(|failure| unusable(&format!("leverage {leverage} on {symbol}"), &failure))?;
        tracing::info!(symbol, leverage, "leverage set");
    }
    Ok(())
}

/// What is not as it must be, in words.
///
/// # Errors
/// If the venue cannot be asked.
pub(super) async fn differences(rest: &Rest, instruments: &Instruments, leverage: u32) -> Result<Vec<String>, Failure> {
    let unequal = unequal(&rest.call(account::symbol_config(None)).await?, instruments, leverage);
    let mut words: Vec<String> = unequal.iter().flat_map(|found| found.words(leverage)).collect();
    if rest.call(account::position_mode()).await?.dual_side_position {
        words.push("the account is in hedge mode".to_owned());
    }
    if rest.call(account::multi_assets()).await?.multi_assets_margin {
        words.push("the account is in multi-assets mode".to_owned());
    }
    Ok(words)
}

/// Why the start ends, by what the venue says.
fn unusable(what: &str, failure: &Failure) -> VenueError {
    match failure {
        Failure::NotSent { .. } | Failure::Unknown { .. } => VenueError::Unreachable(format!("{what}: {failure}")),
        Failure::Refused { class, .. } => match class {
            Class::Halt => VenueError::Keys(format!("{what}: {failure}; look at BINANCE_KEY and BINANCE_SECRET")),
            Class::Overloaded | Class::Limited | Class::Clock => VenueError::Unreachable(format!("{what}: {failure}")),
            Class::ModeLocked => {
                VenueError::Account(format!("{what} cannot be set with orders or positions open: {failure}; end them"))
            }
            Class::Invalid
            | Class::ListenKeyGone
            | Class::Rejected
            | Class::NoSuchOrder
            | Class::WouldTrigger
            | Class::ReduceOnly
            | Class::TooManyOrders
            | Class::Unchanged
            | Class::ModeMismatch
            | Class::Triggering
            | Class::WrongEndpoint
            | Class::StopExists
            | Class::PriceBand
            | Class::TimeInForce => VenueError::Account(format!("{what}: {failure}")),
        },
    }
}
