//! How requests travel. Questions go over the HTTP library's pool, with all that it offers; orders over connections of their
//! own with hardly anything between them and the socket, since every step on their way costs time.

use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper::header::{ACCEPT, HOST, HeaderMap, HeaderValue};
use hyper::http::uri::{Authority, InvalidUri};
use hyper::{Method, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::client::RestError;
use crate::clock::Clock;
use crate::types::Span;

/// Largest reply that is read: the rules of all symbols are some megabytes.
const MAX_REPLY_BYTES: usize = 32 << 20;
/// A connection that cannot be made within this time will not be.
const CONNECT_WITHIN: Duration = Duration::from_secs(4);
/// Idle connections are given up before the venue's side does it, so that a request seldom meets a dead one.
const IDLE_FOR: Span = Span::secs(50);

/// A request that is ready to go.
pub(super) struct Outgoing<'a> {
    pub method: Method,
    /// Scheme and host.
    pub base: &'a str,
    /// Path and question.
    pub target: String,
    pub headers: HeaderMap,
    pub body: String,
    /// Within this time there is a reply, or none is waited for.
    pub deadline: Duration,
}

/// What came back.
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Nothing came back, or not all of it.
pub(super) struct Lost {
    /// It is certain that nothing was sent.
    pub never_left: bool,
    /// In words, without the address, which can hold the signature.
    pub reason: String,
}

impl Lost {
    fn unsent(reason: impl Into<String>) -> Lost {
        Lost { never_left: true, reason: reason.into() }
    }

    fn underway(reason: impl Into<String>) -> Lost {
        Lost { never_left: false, reason: reason.into() }
    }
}

/// The way that a client's requests take.
#[derive(Clone)]
pub(super) enum Wire {
    Pool(reqwest::Client),
    Direct(Arc<Direct>),
}

impl Wire {
    /// The pool.
    ///
    /// # Errors
    /// If the HTTP library cannot begin.
    pub(super) fn pool() -> Result<Wire, RestError> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .pool_idle_timeout(IDLE_FOR.to_std())
            .tcp_nodelay(true)
            // A redirect would carry key and signature elsewhere, and a retry below us would send twice.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build();
        client.map(Wire::Pool).map_err(|error| RestError::Client(words(&error.without_url())))
    }

    /// Connections of their own to `base`; where a proxy stands before it, a pool of their own.
    ///
    /// # Errors
    /// If the address cannot be used or the HTTP library cannot begin.
    pub(super) fn direct(base: &str, clock: Clock) -> Result<Wire, RestError> {
        let address: Uri = base.parse().map_err(|_| RestError::Setting(format!("`{base}` is no address")))?;
        if Matcher::from_system().intercept(&address).is_some() {
            return Wire::pool();
        }
        Ok(Wire::Direct(Arc::new(Direct::new(base, address, clock)?)))
    }

    /// Sends once, and waits for the reply.
    ///
    /// # Errors
    /// If there is none.
    pub(super) async fn carry(&self, request: Outgoing<'_>) -> Result<Reply, Lost> {
        match self {
            Wire::Pool(client) => Box::pin(over_pool(client, request)).await,
            Wire::Direct(direct) => direct.carry(request).await,
        }
    }
}

async fn over_pool(client: &reqwest::Client, request: Outgoing<'_>) -> Result<Reply, Lost> {
    let Outgoing { method, base, target, headers, body, deadline } = request;
    let lost = |error: reqwest::Error| {
        // Only a connection that could not be made proves that nothing was sent.
        let never_left = error.is_connect() || error.is_builder();
        Lost { never_left, reason: words(&error.without_url()) }
    };
    let mut request = client.request(method, format!("{base}{target}")).headers(headers).timeout(deadline);
    if !body.is_empty() {
        request = request.body(body);
    }
    let mut response = request.send().await.map_err(lost)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > MAX_REPLY_BYTES {
            return Err(Lost::underway(format!("the reply is larger than {MAX_REPLY_BYTES} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
}

/// Connections to one address. Each carries one request at a time, and whoever waits for its reply serves it: no task stands
/// between a request and its socket, and the first poll of [`Wire::carry`] writes it there.
pub(super) struct Direct {
    base: String,
    address: Uri,
    host: HeaderValue,
    connector: HttpsConnector<HttpConnector>,
    /// Those that wait for a request, with the uptime since when; the one that was used last is the last.
    idle: Mutex<Vec<(Span, Line)>>,
    clock: Clock,
}

impl Direct {
    fn new(base: &str, address: Uri, clock: Clock) -> Result<Direct, RestError> {
        let host = address.authority().map(Authority::as_str).unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|error| RestError::Client(words(&error)))?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .try_with_platform_verifier()
            .map_err(|error| RestError::Client(words(&error)))?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Direct { base: base.to_owned(), address, host, connector, idle: Mutex::default(), clock })
    }

    async fn carry(&self, request: Outgoing<'_>) -> Result<Reply, Lost> {
        let Outgoing { method, base, target, mut headers, body, deadline } = request;
        if base != self.base {
            return Err(Lost::unsent(format!("there is no connection for orders to {base}")));
        }
        let mut ready = hyper::Request::new(Full::from(body));
        *ready.method_mut() = method;
        *ready.uri_mut() = target.try_into().map_err(|error: InvalidUri| Lost::unsent(words(&error)))?;
        headers.insert(HOST, self.host.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        *ready.headers_mut() = headers;
        let mut handed_over = false;
        match tokio::time::timeout(deadline, self.send(ready, &mut handed_over)).await {
            Ok(outcome) => outcome,
            Err(_) if handed_over => Err(Lost::underway("there was no reply in time")),
            Err(_) => Err(Lost::unsent("there was no connection in time")),
        }
    }

    /// Sends over a connection that waits, or over a new one. One that proves to have ended before it took anything is passed
    /// over for the next.
    async fn send(&self, mut request: hyper::Request<Full<Bytes>>, handed_over: &mut bool) -> Result<Reply, Lost> {
        loop {
            let (mut line, is_new) = match self.waiting() {
                Some(line) => (line, false),
                None => (self.connect().await?, true),
            };
            if !line.is_free() {
                if is_new {
                    return Err(Lost::unsent("the connection ended as soon as it was made"));
                }
                continue;
            }
            *handed_over = true;
            let sending = line.sender.try_send_request(request);
            let response = match line.serve(sending).await {
                Ok(response) => response,
                Err(mut error) => match error.take_message() {
                    Some(_) if is_new => return Err(Lost::unsent(words(error.error()))),
                    Some(untouched) => {
                        (request, *handed_over) = (untouched, false);
                        continue;
                    }
                    None => return Err(Lost::underway(words(error.error()))),
                },
            };
            let (head, body) = response.into_parts();
            let body = line.serve(Limited::new(body, MAX_REPLY_BYTES).collect()).await;
            let body = body.map_err(|error| Lost::underway(words(&*error)))?.to_bytes().to_vec();
            self.idle().push((self.clock.uptime(), line));
            return Ok(Reply { status: head.status, headers: head.headers, body });
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Span, Line)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> Option<Line> {
        let now = self.clock.uptime();
        let mut idle = self.idle();
        idle.retain(|(since, _)| now - *since < IDLE_FOR);
        idle.pop().map(|(_, line)| line)
    }

    async fn connect(&self) -> Result<Line, Lost> {
        let made = async {
            let io = self.connector.clone().call(self.address.clone()).await.map_err(|error| words(&*error))?;
            let (sender, connection) = handshake(io).await.map_err(|error| words(&error))?;
            Ok(Line { sender, connection: Some(Box::pin(connection)) })
        };
        match tokio::time::timeout(CONNECT_WITHIN, made).await {
            Ok(line) => line.map_err(|why: String| Lost::unsent(why)),
            Err(_) => Err(Lost::unsent("no connection could be made in time")),
        }
    }
}

/// A connection, and our end of it.
struct Line {
    sender: SendRequest<Full<Bytes>>,
    /// None once it has ended.
    connection: Option<Pin<Box<Served>>>,
}

type Served = Connection<MaybeHttpsStream<TokioIo<TcpStream>>, Full<Bytes>>;

impl Line {
    /// Takes in what has come since it was last served: that it has ended, perhaps.
    fn is_free(&mut self) -> bool {
        self.turn(&mut Context::from_waker(Waker::noop()));
        self.sender.is_ready()
    }

    /// Waits for `work`, and serves the connection meanwhile.
    async fn serve<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(done);
            }
            self.turn(context);
            work.as_mut().poll(context)
        })
        .await
    }

    fn turn(&mut self, context: &mut Context<'_>) {
        let ended = self.connection.as_mut().is_some_and(|connection| connection.as_mut().poll(context).is_ready());
        if ended {
            self.connection = None;
        }
    }
}

/// An error in words, with its causes.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
