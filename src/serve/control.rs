//! `/control/…`: what goes wrong, switched from outside while the server runs. Off unless asked for, and only from this
//! machine. Each is a POST with a JSON object, or nothing, as its body; `GET /control/faults` tells what is on.
//!
//! | path | body | what happens |
//! |---|---|---|
//! | `latency` | `{"ms": 200}` | every request waits as long |
//! | `lose-answers` | `{"count": 3}` | the next orders are carried out and not answered |
//! | `overload` | `{"count": 3}` | the next orders fail for certain: 503, −1008 |
//! | `unknown` | `{"count": 3, "executed": true}` | the next orders get the 503 that says nothing; done or not |
//! | `rate-limit` | | every address has used up its minute: 429 |
//! | `ban` | `{"seconds": 120}` | every address is banned: 418 |
//! | `clock` | `{"ms": 1500}` | the clock that clients see is so far ahead |
//! | `mute-streams` | `{"on": true}` | nothing is said on streams |
//! | `drop-connections` | `{"account": 0}` | WebSocket connections are cut, all or an account's |
//! | `expire-listen-keys` | `{"account": 0}` | listen keys are over |
//! | `halt` | `{"symbol": "BTCUSDT", "on": true}` | an instrument is not traded: delisting |
//! | `maintenance` | `{"on": true}` | everything is refused |
//! | `tick-size` | `{"symbol": "BTCUSDT", "tick": "0.5"}` | an instrument has another tick size |
//! | `liquidate` | `{"account": 0}` | the account's positions are closed by force |
//! | `deleverage` | `{"account": 0, "symbol": "BTCUSDT"}` | a position is closed against somebody's liquidation |

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::StatusCode;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::Shared;
use super::http::{Reply, json, refusal};
use super::owner::Command;
use super::world::World;
use crate::exchange::AccountId;
use crate::protocol::{MarketData, MarketEvent};
use crate::types::{InstrumentId, Price, Span};
use crate::venue::binance::error::ApiError;

/// What a switch may be told.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Body {
    ms: i64,
    count: u32,
    executed: bool,
    seconds: i64,
    on: Option<bool>,
    account: Option<u16>,
    symbol: Option<String>,
    tick: Option<Price>,
}

/// Answers a request to the control endpoint.
pub(crate) async fn answer(
    shared: &Shared,
    peer: SocketAddr,
    method: &hyper::Method,
    path: &str,
    body: &Bytes,
) -> Reply {
    if !shared.control || !peer.ip().to_canonical().is_loopback() {
        return refusal(&ApiError::new(-5000, "There is no control endpoint here.").with_status(404));
    }
    if *method == hyper::Method::GET && path == "faults" {
        let now = shared.faults.now();
        let ((connections, cut_off), muted) = streams(shared).await;
        let told = serde_json::json!({
            "connections": connections,
            "cutOff": cut_off,
            "latencyMs": now.delay.as_millis() as u64,
            "loseAnswers": now.lose_answers,
            "overloads": now.overloads,
            "unknowns": now.unknowns + now.unknown_failures,
            "maintenance": now.maintenance,
            "muteStreams": muted,
            "clockMs": shared.time.offset().as_millis(),
        });
        return json(StatusCode::OK, told.to_string().into());
    }
    if *method != hyper::Method::POST {
        return refusal(&ApiError::new(-5000, "Use POST.").with_status(405));
    }
    let text: &[u8] = if body.is_empty() { b"{}" } else { body };
    let asked: Body = match serde_json::from_slice(text) {
        Ok(asked) => asked,
        Err(error) => return refusal(&ApiError::new(-1130, format!("The body cannot be read: {error}"))),
    };
    match switch(shared, path, asked).await {
        Ok(()) => json(StatusCode::OK, Bytes::from_static(b"{}")),
        Err(error) => refusal(&error),
    }
}

async fn switch(shared: &Shared, path: &str, body: Body) -> Result<(), ApiError> {
    let wall = shared.limits_now();
    let on = body.on.unwrap_or(true);
    match path {
        "latency" => {
            let delay = Span::millis(body.ms.max(0)).to_std().min(super::faults::MAX_DELAY);
            shared.faults.set(|faults| faults.delay = delay);
        }
        "lose-answers" => shared.faults.set(|faults| faults.lose_answers = body.count),
        "overload" => shared.faults.set(|faults| faults.overloads = body.count),
        "unknown" if body.executed => shared.faults.set(|faults| faults.unknowns = body.count),
        "unknown" => shared.faults.set(|faults| faults.unknown_failures = body.count),
        "maintenance" => shared.faults.set(|faults| faults.maintenance = on),
        "rate-limit" => shared.limits.exhaust_all(),
        "ban" => shared.limits.ban_all(wall + Span::secs(body.seconds.clamp(1, 259_200))),
        "clock" => shared.time.set_offset(Span::millis(body.ms.clamp(-3_600_000, 3_600_000))),
        "mute-streams" => {
            act(shared, move |world| {
                world.hub.mute(on);
                Ok(())
            })
            .await?;
        }
        "drop-connections" => {
            act(shared, move |world| {
                world.hub.cut_all(account(world, body.account)?);
                Ok(())
            })
            .await?;
        }
        "expire-listen-keys" => {
            act(shared, move |world| {
                world.listen.end(account(world, body.account)?);
                Ok(())
            })
            .await?;
        }
        "halt" => {
            act(shared, move |world| {
                let instrument = instrument(world, body.symbol.as_deref())?;
                let event = MarketEvent { instrument, data: MarketData::Tradable(!on) };
                let at = world.exchange.now();
                world.on_market(at, &event);
                Ok(())
            })
            .await?;
        }
        "tick-size" => {
            act(shared, move |world| {
                let instrument = instrument(world, body.symbol.as_deref())?;
                let tick = body.tick.filter(|tick| tick.is_positive()).ok_or_else(|| ApiError::missing("tick"))?;
                world.exchange.set_tick(instrument, tick);
                Ok(())
            })
            .await?;
        }
        "liquidate" => {
            act(shared, move |world| {
                let account = account(world, body.account)?.ok_or_else(|| ApiError::missing("account"))?;
                let at = world.exchange.now();
                world.exchange.liquidate(at, account);
                Ok(())
            })
            .await?;
        }
        "deleverage" => {
            act(shared, move |world| {
                let account = account(world, body.account)?.ok_or_else(|| ApiError::missing("account"))?;
                let instrument = instrument(world, body.symbol.as_deref())?;
                let at = world.exchange.now();
                world.exchange.deleverage(at, account, instrument);
                Ok(())
            })
            .await?;
        }
        _ => return Err(ApiError::new(-5000, format!("There is no switch `{path}`."))),
    }
    Ok(())
}

/// Connections for streams now, how many were cut off because they did not keep up, and whether nothing is said.
async fn streams(shared: &Shared) -> ((usize, u64), bool) {
    let (reply, counted) = oneshot::channel();
    let count = Command::Control(Box::new(move |world| {
        // Who asked may have gone.
        let _ = reply.send((world.hub.counts(), world.hub.is_muted()));
    }));
    match shared.commands.send(count).await {
        Ok(()) => counted.await.unwrap_or_default(),
        Err(_) => Default::default(),
    }
}

/// Has the owner of the world do something.
async fn act(
    shared: &Shared,
    act: impl FnOnce(&mut World) -> Result<(), ApiError> + Send + 'static,
) -> Result<(), ApiError> {
    let (reply, done) = oneshot::channel();
    let command = Command::Control(Box::new(move |world| {
        // Who asked may have gone.
        let _ = reply.send(act(world));
    }));
    let gone = || ApiError::of(-1000);
    shared.commands.send(command).await.map_err(|_| gone())?;
    done.await.map_err(|_| gone())?
}

fn account(world: &World, number: Option<u16>) -> Result<Option<AccountId>, ApiError> {
    let Some(number) = number else { return Ok(None) };
    let known = world.exchange.accounts().find(|account| account.0 == number);
    known.map(Some).ok_or_else(|| ApiError::malformed("account"))
}

fn instrument(world: &World, symbol: Option<&str>) -> Result<InstrumentId, ApiError> {
    let symbol = symbol.ok_or_else(|| ApiError::missing("symbol"))?;
    world.exchange.instruments().find_venue(symbol).ok_or_else(|| ApiError::of(-1121))
}
