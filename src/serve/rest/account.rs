//! Money, positions and limits of an account.

use std::collections::BTreeMap;

use crate::exchange::{LegView, MarginMode};
use crate::serve::books::margin_word;
use crate::serve::call::{Answer, Call, json};
use crate::serve::limits;
use crate::serve::world::World;
use crate::types::{Instrument, InstrumentId, PositionSide, Price, Qty, Rounding, Usdt};
use crate::venue::binance::account::{
    AccountConfigReply, AccountPosition, AccountPositionV2, AccountPositionV3, AccountReply, AssetReply, BalanceReply,
    Bracket, CommissionRate, FeeBurn, KeyRights, LeverageBrackets, PositionV2, PositionV3, SymbolConfig,
};
use crate::venue::binance::words::MarginWord;

pub(crate) fn balance(world: &mut World, call: &Call<'_>) -> Answer {
    let exchange = &world.exchange;
    let account = call.account;
    let available = exchange.available(account).max(Usdt::ZERO);
    json(&[BalanceReply {
        account_alias: alias(account.0),
        asset: "USDT".to_owned(),
        balance: exchange.balance(account),
        cross_wallet_balance: exchange.cross_wallet(account),
        cross_un_pnl: exchange.cross_unrealised(account),
        available_balance: available,
        max_withdraw_amount: available.min(exchange.cross_wallet(account)).max(Usdt::ZERO),
        margin_available: true,
        update_time: updated(world, call),
    }])
}

pub(crate) fn account_v2(world: &mut World, call: &Call<'_>) -> Answer {
    let positions = every_leg(world, call).into_iter().map(|leg| AccountPosition::V2(position_v2(world, call, &leg)));
    let config = AccountConfigReply { fee_burn: (!call.socket).then_some(false), ..account_config(world, call) };
    let config = AccountConfigReply { dual_side_position: None, ..config };
    json(&account(world, call, Some(config), positions.collect(), true))
}

pub(crate) fn account_v3(world: &mut World, call: &Call<'_>) -> Answer {
    let legs = world.exchange.legs(call.account);
    let positions = legs.iter().map(|leg| {
        AccountPosition::V3(AccountPositionV3 {
            symbol: symbol(world, leg.instrument),
            position_side: leg.side.into(),
            position_amt: leg.qty,
            unrealized_profit: leg.unrealised,
            isolated_margin: isolated_margin(leg),
            notional: leg.notional,
            isolated_wallet: leg.isolated,
            initial_margin: leg.position_margin + leg.order_margin,
            maint_margin: leg.maintenance,
            update_time: leg.updated_at.as_millis(),
        })
    });
    json(&account(world, call, None, positions.collect(), call.socket))
}

pub(crate) fn positions_v2(world: &mut World, call: &Call<'_>) -> Answer {
    let wanted = call.some_instrument(world.exchange.instruments())?;
    let legs = every_leg(world, call).into_iter().filter(|leg| wanted.is_none_or(|id| id == leg.instrument));
    let position = legs.map(|leg| {
        let leverage = world.exchange.leverage(call.account, leg.instrument);
        PositionV2 {
            entry_price: leg.entry_price,
            break_even_price: break_even(world, call, &leg),
            margin_type: margin_word(leg.mode).to_owned(),
            is_auto_add_margin: "false".to_owned(),
            isolated_margin: isolated_margin(&leg),
            leverage: leverage.to_string(),
            liquidation_price: liquidation(world, call, &leg),
            mark_price: mark(world, leg.instrument),
            max_notional_value: max_notional(instrument(world, leg.instrument), leverage),
            position_amt: leg.qty,
            notional: leg.notional,
            isolated_wallet: leg.isolated,
            symbol: symbol(world, leg.instrument),
            un_realized_profit: leg.unrealised,
            position_side: leg.side.into(),
            update_time: leg.updated_at.as_millis(),
        }
    });
    json(&position.collect::<Vec<_>>())
}

pub(crate) fn positions_v3(world: &mut World, call: &Call<'_>) -> Answer {
    let wanted = call.some_instrument(world.exchange.instruments())?;
    let legs = world.exchange.legs(call.account);
    let legs = legs.iter().filter(|leg| wanted.is_none_or(|id| id == leg.instrument));
    let position = legs.map(|leg| PositionV3 {
        symbol: symbol(world, leg.instrument),
        position_side: leg.side.into(),
        position_amt: leg.qty,
        entry_price: leg.entry_price,
        break_even_price: break_even(world, call, leg),
        mark_price: mark(world, leg.instrument),
        un_realized_profit: leg.unrealised,
        liquidation_price: liquidation(world, call, leg),
        isolated_margin: isolated_margin(leg),
        notional: leg.notional,
        margin_asset: "USDT".to_owned(),
        isolated_wallet: leg.isolated,
        initial_margin: leg.position_margin + leg.order_margin,
        maint_margin: leg.maintenance,
        position_initial_margin: leg.position_margin,
        open_order_initial_margin: leg.order_margin,
        adl: 1,
        bid_notional: leg.buys,
        ask_notional: leg.sells,
        update_time: leg.updated_at.as_millis(),
    });
    json(&position.collect::<Vec<_>>())
}

pub(crate) fn config(world: &mut World, call: &Call<'_>) -> Answer {
    json(&account_config(world, call))
}

pub(crate) fn symbol_config(world: &mut World, call: &Call<'_>) -> Answer {
    let wanted = call.some_instrument(world.exchange.instruments())?;
    let all = world.exchange.instruments().iter().filter(|(id, _)| wanted.is_none_or(|wanted| wanted == *id));
    let configs = all.map(|(id, one)| {
        let leverage = world.exchange.leverage(call.account, id);
        SymbolConfig {
            symbol: one.venue_symbol.clone(),
            margin_type: match world.exchange.margin_mode(call.account, id) {
                MarginMode::Cross => MarginWord::Crossed,
                MarginMode::Isolated => MarginWord::Isolated,
            },
            is_auto_add_margin: false,
            leverage,
            max_notional_value: max_notional(one, leverage),
        }
    });
    json(&configs.collect::<Vec<_>>())
}

pub(crate) fn brackets(world: &mut World, call: &Call<'_>) -> Answer {
    let of = |one: &Instrument| LeverageBrackets {
        symbol: one.venue_symbol.clone(),
        notional_coef: 1.0,
        brackets: one
            .tiers
            .iter()
            .enumerate()
            .map(|(at, tier)| Bracket {
                bracket: at + 1,
                initial_leverage: tier.max_leverage,
                notional_cap: tier.notional_cap,
                notional_floor: tier.notional_floor,
                maint_margin_ratio: tier.maintenance_rate,
                cum: tier.maintenance_amount,
            })
            .collect(),
    };
    match call.some_instrument(world.exchange.instruments())? {
        Some(id) => json(&of(instrument(world, id))),
        None => json(&world.exchange.instruments().iter().map(|(_, one)| of(one)).collect::<Vec<_>>()),
    }
}

pub(crate) fn commission(world: &mut World, call: &Call<'_>) -> Answer {
    let one = instrument(world, call.instrument(world.exchange.instruments())?);
    json(&CommissionRate {
        symbol: one.venue_symbol.clone(),
        maker_commission_rate: one.maker_fee,
        taker_commission_rate: one.taker_fee,
        rpi_commission_rate: one.maker_fee,
    })
}

/// Nobody is close to being deleveraged.
pub(crate) fn adl(world: &mut World, call: &Call<'_>) -> Answer {
    let wanted = call.some_instrument(world.exchange.instruments())?;
    let mut quantiles: BTreeMap<InstrumentId, BTreeMap<&'static str, u8>> = BTreeMap::new();
    for leg in world.exchange.legs(call.account).iter().filter(|leg| !leg.qty.is_zero()) {
        if wanted.is_none_or(|id| id == leg.instrument) {
            let side: crate::venue::binance::words::PositionWord = leg.side.into();
            quantiles.entry(leg.instrument).or_default().insert(side.as_str(), 1);
        }
    }
    // A word of hedged legs with common margin; Binance says of it that its number means nothing.
    for (id, legs) in &mut quantiles {
        if legs.contains_key("LONG") && world.exchange.margin_mode(call.account, *id) == MarginMode::Cross {
            legs.insert("HEDGE", 0);
        }
    }
    let list = quantiles
        .into_iter()
        .map(|(id, legs)| serde_json::json!({ "symbol": symbol(world, id), "adlQuantile": legs }))
        .collect::<Vec<_>>();
    json(&list)
}

/// No rule of good conduct is broken here, since none is kept.
pub(crate) fn trading_status(_: &mut World, call: &Call<'_>) -> Answer {
    json(&serde_json::json!({ "indicators": {}, "updateTime": call.told.as_millis() }))
}

pub(crate) fn order_limits(_: &mut World, _: &Call<'_>) -> Answer {
    let orders = limits::rules().into_iter().filter(|rule| rule.rate_limit_type == "ORDERS");
    json(&orders.collect::<Vec<_>>())
}

pub(crate) fn fee_burn(_: &mut World, _: &Call<'_>) -> Answer {
    json(&FeeBurn { fee_burn: false })
}

/// What the caller's key may do. At Binance another host tells it; here every path is of one.
pub(crate) fn key_rights(world: &mut World, call: &Call<'_>) -> Answer {
    let (trade, withdraw) = world.rights.get(&call.account).copied().unwrap_or_default();
    json(&KeyRights {
        ip_restrict: false,
        create_time: 0,
        enable_reading: true,
        enable_withdrawals: withdraw,
        enable_internal_transfer: false,
        enable_margin: false,
        enable_futures: trade,
        permits_universal_transfer: false,
        enable_vanilla_options: false,
        enable_fix_api_trade: false,
        enable_fix_read_only: true,
        enable_spot_and_margin_trading: false,
        enable_portfolio_margin_trading: false,
    })
}

fn account_config(world: &World, call: &Call<'_>) -> AccountConfigReply {
    AccountConfigReply {
        fee_tier: 0,
        fee_burn: None,
        can_trade: true,
        can_deposit: true,
        can_withdraw: true,
        dual_side_position: Some(world.exchange.is_hedged(call.account)),
        update_time: 0,
        multi_assets_margin: world.is_multi_assets(call.account),
        trade_group_id: -1,
    }
}

fn account(
    world: &World,
    call: &Call<'_>,
    config: Option<AccountConfigReply>,
    positions: Vec<AccountPosition>,
    margin_available: bool,
) -> AccountReply {
    let exchange = &world.exchange;
    let one = call.account;
    let legs = exchange.legs(one);
    let sum = |part: fn(&LegView) -> Usdt| -> Usdt { legs.iter().map(part).sum() };
    let (held, ordered) = (sum(|leg| leg.position_margin), sum(|leg| leg.order_margin));
    let (maintenance, unrealised) = (sum(|leg| leg.maintenance), sum(|leg| leg.unrealised));
    let (wallet, cross) = (exchange.balance(one), exchange.cross_wallet(one));
    let available = exchange.available(one).max(Usdt::ZERO);
    let withdraw = available.min(cross).max(Usdt::ZERO);
    AccountReply {
        config,
        total_initial_margin: held + ordered,
        total_maint_margin: maintenance,
        total_wallet_balance: wallet,
        total_unrealized_profit: unrealised,
        total_margin_balance: wallet + unrealised,
        total_position_initial_margin: held,
        total_open_order_initial_margin: ordered,
        total_cross_wallet_balance: cross,
        total_cross_un_pnl: exchange.cross_unrealised(one),
        available_balance: available,
        max_withdraw_amount: withdraw,
        assets: vec![AssetReply {
            asset: "USDT".to_owned(),
            wallet_balance: wallet,
            unrealized_profit: unrealised,
            margin_balance: wallet + unrealised,
            maint_margin: maintenance,
            initial_margin: held + ordered,
            position_initial_margin: held,
            open_order_initial_margin: ordered,
            cross_wallet_balance: cross,
            cross_un_pnl: exchange.cross_unrealised(one),
            available_balance: available,
            max_withdraw_amount: withdraw,
            margin_available: margin_available.then_some(true),
            update_time: updated(world, call),
        }],
        positions,
    }
}

fn position_v2(world: &World, call: &Call<'_>, leg: &LegView) -> AccountPositionV2 {
    let leverage = world.exchange.leverage(call.account, leg.instrument);
    AccountPositionV2 {
        symbol: symbol(world, leg.instrument),
        initial_margin: leg.position_margin + leg.order_margin,
        maint_margin: leg.maintenance,
        unrealized_profit: leg.unrealised,
        position_initial_margin: leg.position_margin,
        open_order_initial_margin: leg.order_margin,
        leverage: leverage.to_string(),
        isolated: leg.mode == MarginMode::Isolated,
        entry_price: leg.entry_price,
        break_even_price: break_even(world, call, leg),
        max_notional: max_notional(instrument(world, leg.instrument), leverage),
        bid_notional: leg.buys,
        ask_notional: leg.sells,
        position_side: leg.side.into(),
        position_amt: leg.qty,
        update_time: leg.updated_at.as_millis(),
    }
}

/// Every leg that the account could have: the older versions list flat ones too.
fn every_leg(world: &World, call: &Call<'_>) -> Vec<LegView> {
    let known = world.exchange.legs(call.account);
    let sides: &[PositionSide] = match world.exchange.is_hedged(call.account) {
        true => &[PositionSide::Long, PositionSide::Short],
        false => &[PositionSide::Both],
    };
    let mut legs = Vec::new();
    for id in world.exchange.instruments().ids() {
        for side in sides {
            let leg = known.iter().find(|leg| (leg.instrument, leg.side) == (id, *side)).copied();
            legs.push(leg.unwrap_or_else(|| flat(id, *side, world.exchange.margin_mode(call.account, id))));
        }
    }
    legs
}

fn flat(instrument: InstrumentId, side: PositionSide, mode: MarginMode) -> LegView {
    LegView {
        instrument,
        side,
        qty: Qty::ZERO,
        entry_price: Price::ZERO,
        notional: Usdt::ZERO,
        unrealised: Usdt::ZERO,
        isolated: Usdt::ZERO,
        mode,
        position_margin: Usdt::ZERO,
        order_margin: Usdt::ZERO,
        maintenance: Usdt::ZERO,
        buys: Usdt::ZERO,
        sells: Usdt::ZERO,
        updated_at: crate::types::Timestamp::EPOCH,
    }
}

/// The isolated wallet with the position's result.
fn isolated_margin(leg: &LegView) -> Usdt {
    match leg.mode {
        MarginMode::Cross => Usdt::ZERO,
        MarginMode::Isolated => leg.isolated + leg.unrealised,
    }
}

fn break_even(world: &World, call: &Call<'_>, leg: &LegView) -> Price {
    if leg.qty.is_zero() {
        return Price::ZERO;
    }
    let book = world.books.get(call.account);
    book.map(|book| book.leg(leg.instrument, leg.side).break_even()).unwrap_or(leg.entry_price)
}

fn liquidation(world: &World, call: &Call<'_>, leg: &LegView) -> Price {
    let price = world.exchange.liquidation_price(call.account, leg.instrument, leg.side);
    // Eight places, as Binance has them, on the side that comes first.
    let first = if leg.qty.is_negative() { Rounding::Down } else { Rounding::Up };
    price.unwrap_or_default().round_to(Price::new(1, 8), first)
}

fn mark(world: &World, id: InstrumentId) -> Price {
    world.market.listings[id.index()].mark(&world.exchange)
}

fn instrument(world: &World, id: InstrumentId) -> &Instrument {
    world.exchange.instruments().get(id)
}

fn symbol(world: &World, id: InstrumentId) -> String {
    instrument(world, id).venue_symbol.clone()
}

/// The largest position that a leverage allows.
pub(crate) fn max_notional(one: &Instrument, leverage: u32) -> Usdt {
    let allowed = one.tiers.iter().filter(|tier| tier.max_leverage >= leverage);
    allowed.map(|tier| tier.notional_cap).max().unwrap_or_default()
}

fn updated(world: &World, call: &Call<'_>) -> i64 {
    world.books.get(call.account).map_or(0, |book| book.updated_at.as_millis())
}

/// Four letters that stand for an account.
fn alias(number: u16) -> String {
    format!("s{number:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leverage_allows_what_its_tiers_do() {
        let symbols = ["BTC/USDT:USDT".parse().expect("a symbol")];
        let instruments = crate::feed::instruments::load(None, &symbols).expect("the embedded table");
        let btc = instruments.get(InstrumentId(0));
        assert_eq!(max_notional(btc, btc.tiers[0].max_leverage), btc.tiers[0].notional_cap);
        assert!(max_notional(btc, 1) > max_notional(btc, 100));
    }
}
