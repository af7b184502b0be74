//! Signs, sends once, and says what came of it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::super::read::{self, info::ExchangeInfo, order::Done};
use super::super::settings::{Schemes, Settings};
use super::super::sign::Signer;
use super::ban::{self, Ban};
use super::budget::Budget;
use super::call::{Call, Host, Security};
use super::failure::{class_of, judge};
use super::offset::{self, Offset, Sample};
use super::wire::{Lost, Outgoing, Wire};
use super::{Class, Failure, Priority, calls};
use crate::clock::SessionClock;
use crate::types::{Span, Timestamp};

/// Window of signed requests that are no orders: the venue's usual one.
const READ_WINDOW_MS: i64 = 5_000;
/// Questions for one measurement of the clock.
const CLOCK_SAMPLES: usize = 5;
/// A ban whose length is not told: the shortest that the venue gives.
const UNTOLD_BAN: Span = Span::mins(2);
const KEY_HEADER: HeaderName = HeaderName::from_static("x-mbx-apikey");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Why there can be no client.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The HTTP library cannot begin.
    #[error("no HTTP client for Binance: {0}; look at the system's certificates")]
    Client(String),
    /// A setting cannot be used.
    #[error("{0}")]
    Setting(String),
    /// A key is not one.
    #[error("{0} is not a key: it has characters that no key has")]
    Key(&'static str),
}

/// A key pair. Nothing of it is ever shown.
#[derive(Clone)]
pub(crate) struct Credentials {
    key: SecretString,
    header: HeaderValue,
    signer: Signer,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

impl Credentials {
    /// From the two halves of a pair.
    ///
    /// # Errors
    /// If the public half cannot stand in a header.
    pub(crate) fn new(key: &SecretString, secret: &SecretString) -> Result<Credentials, RestError> {
        let mut header = HeaderValue::from_str(key.expose_secret()).map_err(|_| RestError::Key("BINANCE_KEY"))?;
        header.set_sensitive(true);
        Ok(Credentials { key: key.clone(), header, signer: Signer::new(secret.expose_secret()) })
    }
}

/// A client. Cheap to clone; clones share connections, budget, ban and clock.
#[derive(Clone)]
pub(crate) struct Rest {
    wire: Wire,
    inner: Arc<Inner>,
}

struct Inner {
    futures: String,
    account: String,
    credentials: Option<Credentials>,
    settings: Settings,
    clock: SessionClock,
    state: Mutex<State>,
}

struct State {
    budget: Budget,
    ban: Ban,
    offset: Option<Offset>,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rest({})", self.inner.futures)
    }
}

impl Rest {
    /// A client; without credentials for what anybody may ask. Bans are remembered in `state_dir`.
    ///
    /// # Errors
    /// If an address cannot be used, or the HTTP library cannot begin.
    pub(crate) fn new(
        settings: &Settings,
        credentials: Option<Credentials>,
        clock: SessionClock,
        state_dir: Option<&Path>,
    ) -> Result<Rest, RestError> {
        let address = |name, given| Schemes::HTTP.read(name, given).map_err(RestError::Setting);
        let state = State { budget: Budget::new(settings.reserve), ban: Ban::open(state_dir), offset: None };
        let inner = Inner {
            futures: address("rest_url", &settings.rest_url)?,
            account: address("account_url", &settings.account_url)?,
            credentials,
            settings: settings.clone(),
            clock,
            state: Mutex::new(state),
        };
        Ok(Rest { wire: Wire::pool()?, inner: Arc::new(inner) })
    }

    /// The same client for orders: over connections of their own, so that no question of others stands in the way of what is
    /// sent.
    ///
    /// # Errors
    /// If the HTTP library cannot begin.
    pub(crate) fn for_orders(&self) -> Result<Rest, RestError> {
        let wire = Wire::direct(&self.inner.futures, self.inner.clock.clock())?;
        Ok(Rest { wire, inner: Arc::clone(&self.inner) })
    }

    /// The venue's time now, as far as it has been measured.
    pub(crate) fn now(&self) -> Timestamp {
        let offset = self.state().offset.map_or(Span::ZERO, |offset| offset.offset);
        self.inner.clock.now() + offset
    }

    /// Our clock.
    pub(super) fn clock(&self) -> SessionClock {
        self.inner.clock
    }

    /// The last measurement of the venue's clock.
    #[cfg(test)]
    pub(crate) fn offset(&self) -> Option<Offset> {
        self.state().offset
    }

    /// Measures the venue's clock.
    ///
    /// # Errors
    /// The failure of the last question, if none was answered.
    pub(crate) async fn sync_clock(&self) -> Result<Offset, Failure> {
        let mut samples = Vec::with_capacity(CLOCK_SAMPLES);
        let mut failure = None;
        for _ in 0..CLOCK_SAMPLES {
            let sent = self.inner.clock.now();
            // Without its time no signed request is possible, so this protects too.
            match self.once(&calls::market::time().with_priority(Priority::Reserved)).await {
                Ok(body) => match read::json::<read::market::ServerTime>("the venue's time", &body) {
                    Ok(time) => {
                        let said = Timestamp::from_millis(time.server_time);
                        samples.push(Sample { sent, said, received: self.inner.clock.now() });
                    }
                    Err(error) => failure = Some(Failure::unknown(error.to_string())),
                },
                Err(error) => failure = Some(error),
            }
        }
        let measured = offset::of(&samples);
        let Some(measured) = measured else {
            return Err(failure.unwrap_or_else(|| Failure::unknown("the venue's time could not be asked")));
        };
        self.state().offset = Some(measured);
        Ok(measured)
    }

    /// Can it sign?
    pub(crate) fn has_keys(&self) -> bool {
        self.inner.credentials.is_some()
    }

    /// Takes over the limits that the venue lists.
    pub(crate) fn learn_limits(&self, info: &ExchangeInfo) {
        self.state().budget.learn(&info.rate_limits);
    }

    /// Weight used in this minute, and the limit.
    pub(crate) fn weight_used(&self) -> (u32, u32) {
        let now = self.now();
        self.state().budget.weight(now)
    }

    /// Until when the venue wants to hear nothing.
    pub(crate) fn banned_until(&self) -> Option<Timestamp> {
        let now = self.now();
        self.state().ban.until(now)
    }

    /// Sends a request once and reads the reply. What only reads is sent once more if our clock was the reason.
    ///
    /// # Errors
    /// See [`Failure`]: not sent, unknown, or refused.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: Call<T>) -> Result<T, Failure> {
        self.send(&call).await
    }

    pub(super) async fn send<T: DeserializeOwned>(&self, call: &Call<T>) -> Result<T, Failure> {
        let body = match self.once(call).await {
            Err(failure) if failure.class() == Some(Class::Clock) => {
                // A refusal for the time is certain, so the clock is put right even where nothing is sent again.
                let synced = self.sync_clock().await;
                if call.only_reads() && synced.is_ok() { self.once(call).await? } else { return Err(failure) }
            }
            outcome => outcome?,
        };
        read::json(call.path, &body).map_err(|error| Failure::unknown(self.clean(error.to_string())))
    }

    /// Sends a request that puts something right; that it is so already is a success.
    ///
    /// # Errors
    /// As [`Rest::call`].
    pub(crate) async fn settle(&self, call: Call<Done>) -> Result<(), Failure> {
        match self.call(call).await {
            Ok(Done { code: None | Some(200), .. }) => Ok(()),
            Ok(Done { code: Some(code), msg }) => Err(match class_of(code) {
                Some(class) => Failure::Refused { class, code, reason: msg },
                None => Failure::Unknown { code: Some(code), reason: msg },
            }),
            Err(failure) if failure.is_unchanged() => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a request once. Gives the body of a success.
    async fn once<T>(&self, call: &Call<T>) -> Result<Vec<u8>, Failure> {
        if call.security == Security::Signed && self.state().offset.is_none() {
            Box::pin(self.sync_clock()).await.map_err(|failure| Failure::NotSent {
                reason: format!("the venue's clock is not known: {failure}"),
                retry_at: failure.retry_at().or_else(|| self.banned_until()),
            })?;
        }
        self.take(call)?;
        let reply = self.wire.carry(self.request(call)?).await.map_err(|lost| self.lost(lost))?;
        let now = self.now();
        self.state().budget.hear(&reply.headers, now);
        if reply.status.is_success() {
            return Ok(reply.body);
        }
        let text = self.clean(String::from_utf8_lossy(&reply.body).into_owned());
        let failure = judge(reply.status.as_u16(), text.as_bytes());
        self.heed(reply.status, &reply.headers, &failure);
        Err(failure)
    }

    /// Is there room for it, and no ban?
    fn take<T>(&self, call: &Call<T>) -> Result<(), Failure> {
        let now = self.now();
        let mut state = self.state();
        if let Some(until) = state.ban.until(now) {
            let reason = format!("the venue wants to hear nothing until {until}");
            return Err(Failure::NotSent { reason, retry_at: Some(until) });
        }
        state.budget.take(call.weight, call.counts_as_order, call.priority, now).map_err(|at| Failure::NotSent {
            reason: format!("the rate limits leave no room until {at}"),
            retry_at: Some(at),
        })
    }

    fn request<T>(&self, call: &Call<T>) -> Result<Outgoing<'_>, Failure> {
        let inner = &self.inner;
        let credentials = || {
            let reason = "there is no key; set BINANCE_KEY and BINANCE_SECRET".to_owned();
            inner.credentials.as_ref().ok_or(Failure::NotSent { reason, retry_at: None })
        };
        let window = if call.is_order { inner.settings.recv_window.as_millis() } else { READ_WINDOW_MS };
        let (form, key) = match call.security {
            Security::Public => (call.form(), None),
            Security::Key => (call.form(), Some(&credentials()?.header)),
            Security::Signed => {
                let credentials = credentials()?;
                (call.signed_form(&credentials.signer, self.now(), window), Some(&credentials.header))
            }
        };
        let base = match call.host {
            Host::Futures => &inner.futures,
            Host::Account => &inner.account,
        };
        let mut headers = HeaderMap::with_capacity(4);
        if let Some(key) = key {
            headers.insert(KEY_HEADER, key.clone());
        }
        let in_body = call.method == Method::POST || call.method == Method::PUT;
        let (target, body) = if in_body {
            headers.insert(CONTENT_TYPE, FORM);
            (call.path.to_owned(), form)
        } else if form.is_empty() {
            (call.path.to_owned(), form)
        } else {
            (format!("{}?{form}", call.path), String::new())
        };
        let deadline = if call.is_order { inner.settings.order_timeout } else { inner.settings.request_timeout };
        Ok(Outgoing { method: call.method.clone(), base, target, headers, body, deadline: deadline.to_std() })
    }

    fn lost(&self, lost: Lost) -> Failure {
        let reason = self.clean(lost.reason);
        if lost.never_left { Failure::NotSent { reason, retry_at: None } } else { Failure::unknown(reason) }
    }

    /// What the venue says of its limits is kept to.
    fn heed(&self, status: StatusCode, headers: &HeaderMap, failure: &Failure) {
        let Failure::Refused { class: Class::Limited, code, reason } = failure else { return };
        let now = self.now();
        let mut state = self.state();
        if *code == -1015 {
            state.budget.exhaust_orders(now);
            return;
        }
        let told = headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse::<i64>().ok());
        let told = told.map(|secs| now + Span::secs(secs.max(1)));
        let until = match told.or_else(|| ban::instant_in(reason)) {
            Some(until) => until,
            None if status == StatusCode::IM_A_TEAPOT => now + UNTOLD_BAN,
            None => now.floor(Span::MINUTE) + Span::MINUTE,
        };
        state.ban.extend(until, now);
        tracing::warn!(status = status.as_u16(), %until, "the venue's rate limit is used up; nothing is sent until then");
    }

    /// A text from outside without our key in it.
    fn clean(&self, text: String) -> String {
        match &self.inner.credentials {
            Some(credentials) => text.replace(credentials.key.expose_secret(), "[key]"),
            None => text,
        }
    }
}
