//! What connections ask of their streams: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, and the form of events.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::hub::{ConnectionId, MAX_STREAMS};
use super::topic::{Entrance, Topic};
use super::world::World;
use crate::venue::binance::error::ApiError;

/// A request on a stream's connection, as it is written.
#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    #[serde(default)]
    params: Vec<serde_json::Value>,
    /// A number or a text; it is given back as it came.
    id: Option<Box<RawValue>>,
}

/// What a connection asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    what: What,
    id: Option<Box<RawValue>>,
}

#[derive(Debug)]
enum What {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    List,
    /// Whether events are to have an envelope, if it was said.
    Combine(Option<bool>),
    IsCombined,
    /// What cannot be done, and why.
    Wrong(String),
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

/// Understands a request. That is done on the connection's side, so that a long one does not hold the market up.
pub(crate) fn read(text: &str) -> Asked {
    let Ok(Request { method, params, id }) = serde_json::from_str::<Request>(text) else {
        return Asked { what: What::Wrong("it is not an object with a method".to_owned()), id: None };
    };
    let names = || params.iter().filter_map(|param| param.as_str().map(str::to_owned)).collect();
    let what = match method.to_uppercase().as_str() {
        _ if params.len() > MAX_STREAMS => What::Wrong("more streams than a connection may have".to_owned()),
        "SUBSCRIBE" => What::Subscribe(names()),
        "UNSUBSCRIBE" => What::Unsubscribe(names()),
        "LIST_SUBSCRIPTIONS" => What::List,
        "SET_PROPERTY" => {
            let combined = params.first().and_then(|name| name.as_str()) == Some("combined");
            What::Combine(params.get(1).and_then(|on| on.as_bool()).filter(|_| combined))
        }
        "GET_PROPERTY" => What::IsCombined,
        other => What::Wrong(format!("unknown method `{}`", other.chars().take(32).collect::<String>())),
    };
    Asked { what, id }
}

/// Carries out what a connection asks for, and answers it.
pub(crate) fn ask(world: &mut World, id: ConnectionId, entrance: Entrance, asked: &Asked, strict: bool) {
    let reply_to = asked.id.as_deref();
    let refuse = |world: &mut World, why: &str| {
        let error = ApiError::new(2, format!("Invalid request: {why}."));
        world.hub.answer(id, &Refused { error, id: reply_to });
    };
    match &asked.what {
        What::Subscribe(names) => {
            let done = names.iter().map(|name| subscribe(world, id, entrance, name, strict)).collect::<Vec<_>>();
            if done.into_iter().all(|done| done) {
                world.hub.answer(id, &Reply { result: (), id: reply_to });
            } else {
                refuse(world, "too many streams on one connection, or a name that is too long");
            }
        }
        What::Unsubscribe(names) => {
            for name in names {
                let topic = Topic::read(name, world.exchange.instruments());
                world.hub.unsubscribe(id, topic, name);
            }
            world.hub.answer(id, &Reply { result: (), id: reply_to });
        }
        What::List => {
            let names = world.hub.names(id);
            world.hub.answer(id, &Reply { result: names, id: reply_to });
        }
        What::Combine(combined) => {
            if let Some(combined) = combined {
                world.hub.set_combined(id, *combined);
            }
            world.hub.answer(id, &Reply { result: (), id: reply_to });
        }
        What::IsCombined => {
            let combined = world.hub.is_combined(id);
            world.hub.answer(id, &Reply { result: combined, id: reply_to });
        }
        What::Wrong(why) => refuse(world, why),
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
