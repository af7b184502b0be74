//! Listen keys, which open the user-data stream.

use crate::serve::call::{Answer, Call, json};
use crate::serve::world::World;
use crate::venue::binance::account::ListenKeyReply;
use crate::venue::binance::error::ApiError;

pub(crate) fn start(world: &mut World, call: &Call<'_>) -> Answer {
    json(&ListenKeyReply { listen_key: world.listen.start(call.account, call.at) })
}

pub(crate) fn keep(world: &mut World, call: &Call<'_>) -> Answer {
    let key = world.listen.extend(call.account, call.at).ok_or_else(|| ApiError::of(-1125))?;
    json(&ListenKeyReply { listen_key: key })
}

pub(crate) fn stop(world: &mut World, call: &Call<'_>) -> Answer {
    world.listen.stop(call.account);
    world.hub.cut_all(Some(call.account));
    Ok(b"{}".to_vec())
}
