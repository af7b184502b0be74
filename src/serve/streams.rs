//! What connections ask of their streams: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, and the form of events.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::hub::ConnectionId;
use super::topic::{Entrance, Topic};
use super::world::World;
use crate::venue::binance::error::ApiError;

/// A request on a stream's connection.
#[derive(Debug, Deserialize)]
struct Request<'a> {
    method: String,
    #[serde(default)]
    params: Vec<serde_json::Value>,
    /// A number or a text; it is given back as it came.
    #[serde(borrow)]
    id: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
struct Reply<'a, T> {
    result: T,
    id: Option<&'a RawValue>,
}

#[derive(Debug, Serialize)]
struct Refused<'a> {
    error: ApiError,
    id: Option<&'a RawValue>,
}

/// Carries out what a connection asks for, and answers it.
pub(crate) fn ask(world: &mut World, id: ConnectionId, entrance: Entrance, text: &RawValue, strict: bool) {
    let Ok(request) = serde_json::from_str::<Request<'_>>(text.get()) else {
        let error = ApiError::new(2, "Invalid request: it is not an object with a method.");
        return world.hub.answer(id, &Refused { error, id: None });
    };
    let names = request.params.iter().filter_map(|param| param.as_str().map(str::to_owned));
    match request.method.to_uppercase().as_str() {
        "SUBSCRIBE" => {
            let done = names.map(|name| subscribe(world, id, entrance, &name, strict)).collect::<Vec<_>>();
            if done.into_iter().all(|done| done) {
                world.hub.answer(id, &Reply { result: (), id: request.id });
            } else {
                let error = ApiError::new(2, "Invalid request: too many streams on one connection.");
                world.hub.answer(id, &Refused { error, id: request.id });
            }
        }
        "UNSUBSCRIBE" => {
            for name in names {
                let topic = Topic::read(&name, world.exchange.instruments());
                world.hub.unsubscribe(id, topic, &name);
            }
            world.hub.answer(id, &Reply { result: (), id: request.id });
        }
        "LIST_SUBSCRIPTIONS" => {
            let names = world.hub.names(id);
            world.hub.answer(id, &Reply { result: names, id: request.id });
        }
        "SET_PROPERTY" => {
            if let (Some("combined"), Some(combined)) = (
                request.params.first().and_then(|name| name.as_str()),
                request.params.get(1).and_then(|on| on.as_bool()),
            ) {
                world.hub.set_combined(id, combined);
            }
            world.hub.answer(id, &Reply { result: (), id: request.id });
        }
        "GET_PROPERTY" => {
            let combined = world.hub.is_combined(id);
            world.hub.answer(id, &Reply { result: combined, id: request.id });
        }
        other => {
            let other: String = other.chars().take(32).collect();
            let error = ApiError::new(2, format!("Invalid request: unknown method `{other}`."));
            world.hub.answer(id, &Refused { error, id: request.id });
        }
    }
}

/// Subscribes a connection to a stream, or to the account of a listen key. A name that means nothing is noted and
/// nothing comes of it, as at Binance. Says whether there was room.
pub(crate) fn subscribe(world: &mut World, id: ConnectionId, entrance: Entrance, name: &str, strict: bool) -> bool {
    if !world.hub.note(id, name) {
        return false;
    }
    match Topic::read(name, world.exchange.instruments()) {
        Some(topic) if topic.is_carried(entrance, strict) => world.hub.subscribe(id, topic, name),
        Some(_) => {}
        None => listen(world, id, name, Vec::new()),
    }
    true
}

/// Lets a connection hear about the account of a listen key, if it is one.
pub(crate) fn listen(world: &mut World, id: ConnectionId, key: &str, events: Vec<String>) {
    if let Some(account) = world.listen.owner(key) {
        world.hub.listen(id, account, key, events);
    }
}
