//! The WebSocket API: requests as over HTTP, on a connection that stays. The parameters are signed in the order of
//! their names.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::Socket;
use super::connection::{close, ping, send};
use super::life::Life;
use crate::exchange::AccountId;
use crate::serve::Shared;
use crate::serve::auth;
use crate::serve::call::Answer;
use crate::serve::faults::Fate;
use crate::serve::http;
use crate::serve::limits;
use crate::serve::rest::order::plain;
use crate::serve::route::{Route, Security};
use crate::serve::routes::{self, METHODS};
use crate::types::Timestamp;
use crate::venue::binance::error::ApiError;
use crate::venue::binance::form::Form;
use crate::venue::binance::info::RateLimit;

/// Requests that a client may send in a second: rate limits bind long before.
const PER_SECOND: u32 = 2_000;

/// A request.
#[derive(Debug, Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: String,
    #[serde(default)]
    params: BTreeMap<String, Box<RawValue>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
    id: Option<&'a RawValue>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ApiError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limits: Option<Vec<RateLimit>>,
}

/// Who a connection stands for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    api_key: Option<String>,
    authorized_since: Option<i64>,
    connected_since: i64,
    return_rate_limits: bool,
    server_time: i64,
}

/// What of a request counts, and whether a fault loses its answer.
struct Counted {
    weight: u32,
    orders: bool,
    account: Option<AccountId>,
    lost: bool,
}

/// Serves a connection until either side ends it.
pub(super) async fn run(shared: Arc<Shared>, peer: SocketAddr, mut socket: Socket, limits: bool) {
    let mut life = Life::begin(shared.time.clock(), PER_SECOND);
    let mut pings = life.pings();
    let ended = shared.cancel.cancelled();
    tokio::pin!(ended);
    let mut session = Session {
        api_key: None,
        authorized_since: None,
        connected_since: shared.time.told().as_millis(),
        return_rate_limits: limits,
        server_time: 0,
    };
    let code = loop {
        let done = tokio::select! {
            () = ended.as_mut() => Err(CloseCode::Away),
            message = socket.next() => match message {
                Some(Ok(message)) => match life.hear(&mut socket) {
                    Ok(()) => hear(&shared, peer, &mut session, &mut socket, message).await,
                    Err(code) => Err(code),
                },
                Some(Err(_)) | None => Err(CloseCode::Abnormal),
            },
            _ = pings.tick() => ping(&shared, &mut socket, &life).await,
        };
        if let Err(code) = done {
            break code;
        }
    };
    close(&mut socket, code).await;
}

async fn hear(
    shared: &Shared,
    peer: SocketAddr,
    session: &mut Session,
    socket: &mut Socket,
    message: Message,
) -> Result<(), CloseCode> {
    match message {
        Message::Text(text) => match answer(shared, peer, session, &text).await {
            Some(reply) => send(socket, Message::text(reply)).await,
            None => Ok(()),
        },
        Message::Ping(_) | Message::Pong(_) => Ok(()),
        Message::Binary(_) => Err(CloseCode::Unsupported),
        Message::Close(_) | Message::Frame(_) => Err(CloseCode::Normal),
    }
}

/// The answer to a request; none if a fault loses it.
async fn answer(shared: &Shared, peer: SocketAddr, session: &mut Session, text: &str) -> Option<String> {
    let request: Request<'_> = match serde_json::from_str(text) {
        Ok(request) => request,
        Err(_) => {
            let error = ApiError::new(-1100, "The request is not an object with id, method and params.");
            let reply = Reply { id: None, status: 400, result: None, error: Some(error), rate_limits: None };
            return Some(write(&reply));
        }
    };
    let mut counted = Counted { weight: 0, orders: false, account: None, lost: false };
    let done = carry_out(shared, peer, session, &request, &mut counted).await;
    if counted.lost {
        return None;
    }
    let rate_limits = session.return_rate_limits.then(|| counts(shared, peer, &counted));
    let reply = match done {
        Ok(body) => {
            let result = String::from_utf8(body).ok().and_then(|text| RawValue::from_string(text).ok());
            Reply { id: request.id, status: 200, result, error: None, rate_limits }
        }
        Err(error) => Reply { id: request.id, status: error.status, result: None, error: Some(error), rate_limits },
    };
    Some(write(&reply))
}

async fn carry_out(
    shared: &Shared,
    peer: SocketAddr,
    session: &mut Session,
    request: &Request<'_>,
    counted: &mut Counted,
) -> Answer {
    let pairs: Vec<(String, String)> =
        request.params.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
    let form = Form::of(pairs);
    if request.method.starts_with("session.") {
        return session_call(shared, session, &request.method, &form);
    }
    let known = METHODS.iter().find(|(name, ..)| *name == request.method);
    let route = known.and_then(|(_, method, path)| routes::find(*method, path));
    let Some(route) = route else {
        return Err(ApiError::new(-1100, format!("Unknown method `{}`.", request.method)));
    };
    counted.weight = route.cost.weight(&form);
    shared.limits.weigh(peer.ip(), counted.weight, shared.limits_now()).map_err(|denied| denied.error)?;
    let account = admit(shared, session, route, &form)?;
    counted.account = Some(account);
    let orders = route.cost.orders(&form);
    counted.orders = orders > 0;
    if orders > 0 {
        shared.limits.count_orders(account, orders, shared.limits_now()).map_err(|denied| denied.error)?;
    }
    if let Some(error) = shared.faults.before(route).await {
        return Err(error);
    }
    let done = http::ask(shared, route, form, account, true).await;
    match shared.faults.after(route) {
        Fate::Told => done,
        Fate::Unclear(error) => Err(error),
        Fate::Lost => {
            counted.lost = true;
            done
        }
    }
}

/// Lets a request in: by the connection's session, or by its own key and signature.
fn admit(shared: &Shared, session: &Session, route: &Route, form: &Form) -> Result<AccountId, ApiError> {
    if route.security == Security::Public {
        return Ok(AccountId(0));
    }
    let signed = form.get("apiKey").or(session.api_key.as_deref());
    let holder = auth::holder(signed, &shared.keyring)?;
    if route.security == Security::Signed {
        auth::check_window(form, shared.time.told())?;
        if form.get("apiKey").is_some() || form.get("signature").is_some() {
            check_signature(holder, form)?;
        }
        auth::check_permission(holder, route.method)?;
    }
    Ok(holder.account)
}

fn check_signature(holder: &crate::serve::keyring::Holder, form: &Form) -> Result<(), ApiError> {
    let signature = form.get("signature").ok_or_else(|| ApiError::missing("signature"))?;
    let mut pairs: Vec<_> = form.pairs().iter().filter(|(name, _)| name != "signature").collect();
    pairs.sort_unstable();
    let payload: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let payload = payload.join("&");
    if holder.signer.verifies(&[payload.as_bytes()], signature) { Ok(()) } else { Err(ApiError::of(-1022)) }
}

/// Logs a connection on or off, so that its requests need no signature.
fn session_call(shared: &Shared, session: &mut Session, method: &str, form: &Form) -> Answer {
    let now = shared.time.told();
    match method {
        "session.logon" => {
            let holder = auth::holder(form.get("apiKey"), &shared.keyring)?;
            auth::check_window(form, now)?;
            check_signature(holder, form)?;
            session.api_key = form.get("apiKey").map(str::to_owned);
            session.authorized_since = Some(now.as_millis());
        }
        "session.logout" => (session.api_key, session.authorized_since) = (None, None),
        "session.status" => {}
        _ => return Err(ApiError::new(-1100, format!("Unknown method `{method}`."))),
    }
    session.server_time = now.as_millis();
    crate::serve::call::json(session)
}

/// The limits that a request counted against, with what is used of them.
fn counts(shared: &Shared, peer: SocketAddr, counted: &Counted) -> Vec<RateLimit> {
    let now: Timestamp = shared.limits_now();
    let weight = shared.limits.weigh(peer.ip(), 0, now).unwrap_or(u32::MAX);
    let orders = counted.account.map(|account| shared.limits.orders(account, now)).unwrap_or_default();
    let rules = limits::rules().into_iter().zip([weight, orders.0, orders.1]);
    let of_orders = |rule: &RateLimit| rule.rate_limit_type == "ORDERS";
    rules
        .filter(|(rule, _)| !of_orders(rule) || counted.orders)
        .map(|(rule, count)| RateLimit { count: Some(count), ..rule })
        .collect()
}

fn write(reply: &Reply<'_>) -> String {
    serde_json::to_string(reply).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::keyring::{AccountSpec, Keyring};

    /// The example of Binance's documentation of signed requests over the WebSocket API, in the order of its text.
    const DOCUMENTED: [(&str, &str); 10] = [
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.01000000"),
        ("price", "52000.00"),
        ("newOrderRespType", "ACK"),
        ("recvWindow", "100"),
        ("timestamp", "1645423376532"),
        ("apiKey", "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"),
    ];

    #[test]
    fn the_documented_signature_is_taken_and_no_other() {
        let secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
        let key = DOCUMENTED[9].1;
        let keyring = Keyring::new(&[AccountSpec::new(key, secret).expect("an account")]).expect("keys");
        let holder = keyring.find(key).expect("the key");
        let check = |quantity: &str, signature: &str| {
            let pairs = DOCUMENTED.map(|(name, value)| (name, if name == "quantity" { quantity } else { value }));
            let pairs = pairs.into_iter().chain([("signature", signature)]);
            let form = Form::of(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
            check_signature(holder, &form).map_err(|error| error.code)
        };
        let signature = "cc15477742bd704c29492d96c7ead9414dfd8e0ec4a00f947bb5bb454ddbd08a";
        assert_eq!(check("0.01000000", signature), Ok(()));
        assert_eq!(check("0.01", signature), Err(-1022), "values are signed as they are written");
        assert_eq!(check("0.01000000", &signature.replace('c', "d")), Err(-1022));
    }
}
