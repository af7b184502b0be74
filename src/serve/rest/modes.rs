//! How an account trades: leverage, cross or isolated, one way or hedged.

use crate::exchange::MarginMode;
use crate::serve::books::MarginChangeRow;
use crate::serve::call::{Answer, Call, json};
use crate::serve::world::World;
use crate::types::{PositionSide, Usdt};
use crate::venue::binance::account::{DualSide, LeverageReply, MultiAssets, PositionMarginChange, PositionMarginReply};
use crate::venue::binance::error::ApiError;
use crate::venue::binance::order::Done;
use crate::venue::binance::user::{LeverageUpdate, MultiAssetsUpdate, UserMessage};
use crate::venue::binance::words::{MarginWord, PositionWord};

pub(crate) fn set_leverage(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let given = call.number("leverage")?.ok_or_else(|| ApiError::missing("leverage"))?;
    let leverage = u32::try_from(given).unwrap_or(u32::MAX);
    let before = world.exchange.leverage(call.account, id);
    world.exchange.set_leverage(call.account, id, leverage).map_err(|refusal| match refusal.code {
        -4028 => ApiError::new(-4028, format!("Leverage {given} is not valid")),
        code => ApiError::of(code),
    })?;
    let one = world.exchange.instruments().get(id);
    let (symbol, max) = (one.venue_symbol.clone(), super::account::max_notional(one, leverage));
    if before != leverage {
        let ac = Some(LeverageUpdate { s: symbol.clone(), l: leverage });
        tell(world, call, ac, None);
    }
    json(&LeverageReply { leverage, max_notional_value: max, symbol })
}

pub(crate) fn set_margin_type(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let mode = match MarginWord::read(call.need("marginType")?) {
        Some(MarginWord::Isolated) => MarginMode::Isolated,
        Some(MarginWord::Crossed) => MarginMode::Cross,
        None => return Err(ApiError::malformed("marginType")),
    };
    world.exchange.set_margin_mode(call.at, call.account, id, mode)?;
    json(&Done::new("success"))
}

pub(crate) fn change_margin(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let side = position_side(call)?;
    let amount = call.money("amount")?.ok_or_else(|| ApiError::missing("amount"))?;
    let (kind, signed) = match call.need("type")? {
        "1" => (1, amount),
        "2" => (2, -amount),
        _ => return Err(ApiError::malformed("type")),
    };
    if amount <= Usdt::ZERO {
        return Err(ApiError::of(-4055));
    }
    world.exchange.set_apart(call.at, call.account, id, side, signed)?;
    let row = MarginChangeRow { instrument: id, side, amount: signed, at: call.at };
    world.books.of(call.account).note_margin(row);
    world.tell();
    json(&PositionMarginReply { amount, code: 200, msg: "Successfully modify position margin.".to_owned(), kind })
}

pub(crate) fn margin_history(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.instrument(world.exchange.instruments())?;
    let limit = call.limit(500, 1_000)?;
    let symbol = world.exchange.instruments().get(id).venue_symbol.clone();
    let wanted = call.number("type")?;
    let (from, until) = (call.time("startTime")?, call.time("endTime")?);
    let rows = world.books.get(call.account).into_iter().flat_map(|book| book.margin_changes.iter());
    let rows = rows.filter(|row| row.instrument == id && from.is_none_or(|from| row.at >= from));
    let rows = rows.filter(|row| until.is_none_or(|until| row.at <= until));
    let replies = rows.map(|row| PositionMarginChange {
        symbol: symbol.clone(),
        kind: if row.amount.is_negative() { 2 } else { 1 },
        delta_type: "USER_ADJUST".to_owned(),
        amount: row.amount.abs(),
        asset: "USDT".to_owned(),
        time: row.at.as_millis(),
        position_side: row.side.into(),
    });
    json(&replies.filter(|row| wanted.is_none_or(|kind| kind == u64::from(row.kind))).take(limit).collect::<Vec<_>>())
}

pub(crate) fn position_mode(world: &mut World, call: &Call<'_>) -> Answer {
    json(&DualSide { dual_side_position: world.exchange.is_hedged(call.account) })
}

pub(crate) fn set_position_mode(world: &mut World, call: &Call<'_>) -> Answer {
    let hedge = call.flag("dualSidePosition")?.ok_or_else(|| ApiError::missing("dualSidePosition"))?;
    world.exchange.set_hedge(call.at, call.account, hedge)?;
    json(&Done::new("success"))
}

pub(crate) fn multi_assets(world: &mut World, call: &Call<'_>) -> Answer {
    json(&MultiAssets { multi_assets_margin: world.is_multi_assets(call.account) })
}

/// A mode in name: there is one asset, so nothing else changes.
pub(crate) fn set_multi_assets(world: &mut World, call: &Call<'_>) -> Answer {
    let on = call.flag("multiAssetsMargin")?.ok_or_else(|| ApiError::missing("multiAssetsMargin"))?;
    if !world.set_multi_assets(call.account, on) {
        return Err(ApiError::of(-4171));
    }
    tell(world, call, None, Some(MultiAssetsUpdate { j: on }));
    json(&Done::new("success"))
}

fn tell(world: &mut World, call: &Call<'_>, ac: Option<LeverageUpdate>, ai: Option<MultiAssetsUpdate>) {
    let at = call.told.as_millis();
    let message = UserMessage::Config { E: at, T: at, ac, ai };
    world.hub.tell(call.account, message.name(), &message);
}

fn position_side(call: &Call<'_>) -> Result<PositionSide, ApiError> {
    match call.get("positionSide").map(PositionWord::read) {
        None => Ok(PositionSide::Both),
        Some(Some(word)) => Ok(word.into()),
        Some(None) => Err(ApiError::of(-4060)),
    }
}
