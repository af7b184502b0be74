//! Requests over HTTP: what is asked, whether it may be, and the reply with its headers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Shared;
use super::auth::{self, Presented};
use super::call::Answer;
use super::control;
use super::faults::{self, Fate};
use super::limits::Denied;
use super::owner::Command;
use super::route::{Method, Security};
use super::routes;
use super::socket;
use crate::exchange::AccountId;
use crate::venue::binance::error::ApiError;
use crate::venue::binance::form::Form;

/// Longest body: a batch of five orders takes 2 KiB.
const MAX_BODY: usize = 64 << 10;
/// A body that is not whole within this time is not waited for.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// Longest path and query.
const MAX_URI: usize = 16 << 10;

/// A reply.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Answers a request, whatever it is.
pub(crate) async fn answer(shared: Arc<Shared>, peer: SocketAddr, request: Request<Incoming>) -> Reply {
    if request.uri().path().len() + request.uri().query().unwrap_or_default().len() > MAX_URI {
        return refusal(&ApiError::new(-1101, "Too many parameters sent for this endpoint.").with_status(414));
    }
    if hyper_upgrade(&request) {
        return socket::upgrade(shared, peer, request);
    }
    let (parts, body) = request.into_parts();
    let body = match timeout(BODY_WITHIN, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return refusal(&ApiError::new(-1101, "The body is too large, or broke off.").with_status(413)),
        Err(_) => return last(refusal(&ApiError::new(-1101, "The body did not come in time.").with_status(408))),
    };
    let path = parts.uri.path().to_owned();
    if let Some(rest) = path.strip_prefix("/control/") {
        return control::answer(&shared, peer, &parts.method, rest, &body).await;
    }
    let weight_before = shared.limits_now();
    let Some(method) = method(&parts.method) else {
        return refusal(&ApiError::new(-5000, format!("Method {} is invalid", parts.method)).with_status(405));
    };
    let Some(route) = routes::find(method, &path) else {
        let msg = format!("Path {path}, Method {} is invalid", method.as_str());
        return refusal(&ApiError::new(-5000, msg));
    };
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let params = Form::parse(&[query, &body]);
    let form = params.as_ref().ok();
    let weight = form.map_or(1, |form| route.cost.weight(form));
    let used = match shared.limits.weigh(peer.ip(), weight, weight_before) {
        Ok(used) => used,
        Err(denied) => return denial(&denied),
    };
    let (mut reply, account) = match params {
        Err(_) => (refusal(&ApiError::of(-1100)), None),
        Ok(params) => {
            let key = parts.headers.get("x-mbx-apikey").and_then(|key| key.to_str().ok());
            let presented = Presented { key, query, body: &body };
            match auth::admit(route, &presented, &params, &shared.keyring, shared.time.told()) {
                Err(error) => (refusal(&error), None),
                Ok(account) => {
                    let private = (route.security != Security::Public).then_some(account);
                    (carry_out(&shared, route, params, account).await, private)
                }
            }
        }
    };
    put(&mut reply, "x-mbx-used-weight-1m", used);
    if let Some(account) = account {
        let (short, long) = shared.limits.orders(account, weight_before);
        put(&mut reply, "x-mbx-order-count-10s", short);
        put(&mut reply, "x-mbx-order-count-1m", long);
    }
    reply
}

/// Has a request carried out that was let in.
async fn carry_out(shared: &Shared, route: &'static super::route::Route, params: Form, account: AccountId) -> Reply {
    let orders = route.cost.orders(&params);
    if orders > 0
        && let Err(denied) = shared.limits.count_orders(account, orders, shared.limits_now())
    {
        return denial(&denied);
    }
    if let Some(error) = shared.faults.before(route).await {
        return refusal(&error);
    }
    let done = ask(shared, route, params, account, false).await;
    match shared.faults.after(route) {
        Fate::Told => {}
        Fate::Unclear(error) => return refusal(&error),
        Fate::Lost => {
            // Longer than any client waits.
            tokio::time::sleep(faults::MAX_DELAY).await;
            return refusal(&faults::unknown());
        }
    }
    match done {
        Ok(body) => json(StatusCode::OK, body.into()),
        Err(error) => refusal(&error),
    }
}

/// Asks the owner of the world to do what a route says.
pub(crate) async fn ask(
    shared: &Shared,
    route: &'static super::route::Route,
    params: Form,
    account: AccountId,
    socket: bool,
) -> Answer {
    let (reply, answer) = oneshot::channel();
    let command = Command::Call { route, params, account, socket, reply };
    let gone = || ApiError::new(-1001, "Internal error; unable to process your request. Please try again.");
    shared.commands.send(command).await.map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

/// Does the client want to speak WebSocket?
fn hyper_upgrade(request: &Request<Incoming>) -> bool {
    let wants = request.headers().get(hyper::header::UPGRADE).and_then(|value| value.to_str().ok());
    wants.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

fn method(method: &hyper::Method) -> Option<Method> {
    match *method {
        hyper::Method::GET => Some(Method::Get),
        hyper::Method::POST => Some(Method::Post),
        hyper::Method::PUT => Some(Method::Put),
        hyper::Method::DELETE => Some(Method::Delete),
        _ => None,
    }
}

/// A reply with a JSON body.
pub(crate) fn json(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
    reply
}

/// An error's reply.
pub(crate) fn refusal(error: &ApiError) -> Reply {
    let body = serde_json::to_vec(error).unwrap_or_default();
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    json(status, body.into())
}

/// A reply for who asks too much.
pub(crate) fn denial(denied: &Denied) -> Reply {
    let mut reply = refusal(&denied.error);
    reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from(denied.retry_after));
    reply
}

/// The last reply of a connection.
fn last(mut reply: Reply) -> Reply {
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

fn put(reply: &mut Reply, name: &'static str, value: u32) {
    reply.headers_mut().insert(name, HeaderValue::from(value));
}
