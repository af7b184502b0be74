//! Binance, as the keys that are set see it: what they may do, the clock, the modes, the rules against the configured
//! sizes, the money and the fees. Everything is asked for, nothing is set.

use super::super::{commands, configuration, state_dir, venue};
use super::note;
use crate::cli::{Finding, Invocation, Verdict};
use crate::clock::Clock;
use crate::config::{Environment, Settings};
use crate::types::{Exit, Price, Rounding, Span, Usdt};
use crate::venue::binance::rest::calls::{account, market};
use crate::venue::binance::rest::{Class, Failure, Rest};
use crate::venue::binance::rules::Rules;

/// Half a round trip beyond which orders would be late often.
const SLOW: Span = Span::millis(250);

/// Looks at the venue, if it is needed or there are keys to it.
pub(super) fn examine(asked: &Invocation, environment: &Environment, clock: Clock, findings: &mut Vec<Finding>) {
    // What is wrong with the configuration has been told.
    let Ok(config) = configuration(asked, environment) else { return };
    let credentials = match venue::credentials(&config) {
        Ok(credentials) => credentials,
        Err(failure) => return note(findings, "venue", Verdict::Bad(failure.exit), failure.message),
    };
    let has_keys = credentials.is_some();
    if !has_keys && config.settings.feed.source != "binance" {
        return note(findings, "venue", Verdict::Unknown, "paper needs none, and no keys are set");
    }
    let dir = state_dir(asked, environment).ok();
    let rest = match venue::client(&config, credentials, dir.as_deref(), clock) {
        Ok(rest) => rest,
        Err(failure) => return note(findings, "venue", Verdict::Bad(failure.exit), failure.message),
    };
    match commands::runtime() {
        Ok(runtime) => runtime.block_on(look(&rest, &config.settings, has_keys, findings)),
        Err(failure) => note(findings, "venue", Verdict::Bad(failure.exit), failure.message),
    }
}

async fn look(rest: &Rest, settings: &Settings, has_keys: bool, findings: &mut Vec<Finding>) {
    match rest.sync_clock().await {
        Ok(measured) => {
            let slow = measured.uncertainty > SLOW;
            let verdict = if slow { Verdict::Doubtful } else { Verdict::Good };
            let (ms, known) = (measured.offset.as_millis(), measured.uncertainty.as_millis());
            let against = if ms < 0 { "behind" } else { "ahead of" };
            let stamps = "orders are stamped with the venue's time";
            let detail = format!("{} ms {against} ours, known to {known} ms; {stamps}", ms.abs());
            note(findings, "venue's clock", verdict, detail);
        }
        // Without its time nothing more can be asked.
        Err(failure) => {
            let Some(until) = rest.banned_until() else { return trouble(findings, "venue", &failure) };
            let detail = format!("{failure}; the venue wants to hear nothing of this address until {until}");
            return note(findings, "venue", Verdict::Bad(Exit::TryLater), detail);
        }
    }
    let mut rules = match Rules::ask(rest, Span::ZERO).await {
        Ok(rules) => rules,
        Err(failure) => return trouble(findings, "venue's rules", &failure),
    };
    if has_keys {
        permissions(rest, findings).await;
        modes(rest, settings, findings).await;
        if let Err(failure) = rules.ask_account(rest, &settings.run.symbols).await {
            trouble(findings, "fees and brackets", &failure);
        }
    }
    symbols(rest, settings, &rules, findings).await;
    let (used, limit) = rest.weight_used();
    note(findings, "rate limit", Verdict::Good, format!("{used} of {limit} used in this minute"));
}

fn trouble(findings: &mut Vec<Finding>, subject: &str, failure: &Failure) {
    let (exit, remedy) = match failure.class() {
        Some(Class::Halt) => {
            (Exit::KeysRefused, "look at the key's permissions and addresses, and whether both halves belong together")
        }
        Some(Class::Limited) => (Exit::TryLater, "wait for as long as the venue asks"),
        Some(_) | None => (Exit::TryLater, "look at the network and at the venue's own news"),
    };
    note(findings, subject, Verdict::Bad(exit), format!("{failure}; {remedy}"));
}

async fn permissions(rest: &Rest, findings: &mut Vec<Finding>) {
    let key = match rest.call(account::key_permissions()).await {
        Ok(key) => key,
        Err(failure) if failure.class() == Some(Class::Halt) => return trouble(findings, "key", &failure),
        Err(failure) => {
            let detail = format!("what it may do could not be asked for: {failure}");
            return note(findings, "key", Verdict::Unknown, detail);
        }
    };
    let refuse = Verdict::Bad(Exit::KeysRefused);
    let (verdict, detail) = if key.enable_futures {
        (Verdict::Good, "it may trade futures")
    } else {
        (refuse, "it may not trade futures; allow that at the venue, or make another key")
    };
    note(findings, "key: trading", verdict, detail);
    let (verdict, detail) = if key.enable_withdrawals {
        (refuse, "it may take money out; forbid that at the venue: no daemon needs it, and who steals the key would")
    } else if key.enable_internal_transfer || key.permits_universal_transfer {
        (Verdict::Doubtful, "it may not take money out, but move it between accounts; better forbid that too")
    } else {
        (Verdict::Good, "it may not take money out")
    };
    note(findings, "key: withdrawals", verdict, detail);
    let (verdict, detail) = if key.ip_restrict {
        (Verdict::Good, "it works from chosen addresses alone")
    } else {
        (Verdict::Doubtful, "it works from anywhere; bind it to this machine's address")
    };
    note(findings, "key: addresses", verdict, detail);
}

async fn modes(rest: &Rest, settings: &Settings, findings: &mut Vec<Finding>) {
    match rest.call(account::config()).await {
        Ok(config) => {
            let tier = config.fee_tier.map_or("unknown".to_owned(), |tier| tier.to_string());
            let verdict = if config.can_trade { Verdict::Good } else { Verdict::Bad(Exit::KeysRefused) };
            let may = if config.can_trade { "it may trade" } else { "the venue lets it not trade; ask its support" };
            note(findings, "account", verdict, format!("{may}; fee tier {tier}"));
        }
        Err(failure) => trouble(findings, "account", &failure),
    }
    match rest.call(account::position_mode()).await {
        Ok(mode) if mode.dual_side_position => {
            let detail = "hedge mode; set one-way mode at the venue, with nothing open";
            note(findings, "position mode", Verdict::Bad(Exit::Configuration), detail);
        }
        Ok(_) => note(findings, "position mode", Verdict::Good, "one-way"),
        Err(failure) => trouble(findings, "position mode", &failure),
    }
    match rest.call(account::multi_assets()).await {
        Ok(mode) if mode.multi_assets_margin => {
            let detail = "multi-assets mode: equity here counts USDT alone; set single-asset mode at the venue";
            note(findings, "asset mode", Verdict::Doubtful, detail);
        }
        Ok(_) => note(findings, "asset mode", Verdict::Good, "single-asset"),
        Err(failure) => trouble(findings, "asset mode", &failure),
    }
    match rest.call(account::balance()).await {
        Ok(balances) => {
            let usdt = balances.iter().find(|one| one.asset == "USDT");
            let wallet = usdt.map_or(Usdt::ZERO, |one| one.balance);
            let capital = settings.risk.capital_usdt;
            let verdict = if wallet < capital { Verdict::Doubtful } else { Verdict::Good };
            note(findings, "money", verdict, format!("{wallet} USDT, and risk.capital_usdt is {capital}"));
        }
        Err(failure) => trouble(findings, "money", &failure),
    }
}

/// Each symbol: its rules against what may be risked, its funding, its leverage and fees.
async fn symbols(rest: &Rest, settings: &Settings, rules: &Rules, findings: &mut Vec<Finding>) {
    let set =
        if rest.has_keys() { rest.call(account::symbol_config(None)).await.unwrap_or_default() } else { Vec::new() };
    for symbol in &settings.run.symbols {
        let made = match rules.instruments(std::slice::from_ref(symbol)) {
            Ok(made) => made,
            Err(error) => {
                note(findings, symbol.as_str(), Verdict::Bad(Exit::Configuration), error);
                continue;
            }
        };
        let Some((_, one)) = made.iter().next() else { continue };
        let mark = match rest.call(market::premium_index(&one.venue_symbol)).await {
            Ok(mark) => mark,
            Err(failure) => {
                trouble(findings, symbol.as_str(), &failure);
                continue;
            }
        };
        let smallest = smallest_order(one.min_notional, one.min_qty.max(one.step), one.step, mark.mark_price);
        let largest = settings.risk.capital_usdt.times(settings.risk.position_notional, Rounding::Down);
        let leverage = set.iter().find(|config| config.symbol == one.venue_symbol).map_or(String::new(), |config| {
            format!(", leverage {} there and risk.leverage {}", config.leverage, settings.risk.leverage)
        });
        let detail = format!(
            "tick {}, step {}, smallest order {smallest} USDT of a position of at most {largest}; funding {} every {}; \
             fees {} and {}{leverage}",
            one.tick, one.step, mark.last_funding_rate, one.funding_interval, one.maker_fee, one.taker_fee
        );
        let most = one.tiers.first().map_or(0, |tier| tier.max_leverage);
        if smallest > largest {
            let remedy = "raise risk.position_notional or risk.capital_usdt, or take the symbol out";
            note(findings, symbol.as_str(), Verdict::Bad(Exit::Configuration), format!("{detail}; {remedy}"));
        } else if settings.risk.leverage > most {
            let remedy = format!("the venue allows a leverage of {most}; lower risk.leverage");
            note(findings, symbol.as_str(), Verdict::Bad(Exit::Configuration), format!("{detail}; {remedy}"));
        } else {
            note(findings, symbol.as_str(), Verdict::Good, detail);
        }
    }
}

/// What the smallest order that the venue takes is worth at this price.
fn smallest_order(min_notional: Usdt, min_qty: crate::types::Qty, step: crate::types::Qty, price: Price) -> Usdt {
    let by_notional = min_notional.per_price(price, Rounding::Up).round_to(step, Rounding::Up);
    price.notional(by_notional.max(min_qty))
}
