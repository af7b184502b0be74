//! The one method of Telegram's Bot API that is used: <https://core.telegram.org/bots/api#sendmessage>.
//!
//! The address of a request holds the token, and an error of the HTTP client prints its address. So every such error
//! goes through [`without_address`], and what a server says is cleaned of the token before it is kept.

use std::error::Error;
use std::fmt;

use reqwest::{StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::settings::{ChatId, TelegramSettings};
use crate::types::Span;

/// Largest answer that is read. A sent message comes back with its text, at most twice escaped.
const MAX_ANSWER_BYTES: usize = 128 << 10;
/// Longest explanation that is kept of a failure.
const MAX_WHY: usize = 200;
/// Longest wait that a server can ask for.
const MAX_RETRY_AFTER: Span = Span::DAY;

/// Why nothing can be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum TelegramError {
    /// There is no HTTP client.
    #[error(
        "no HTTP client for Telegram: {0}; look at the system's certificates, or set notify.telegram.enabled = false"
    )]
    Client(String),
    /// The address cannot be put together.
    #[error("notify.telegram.base_url cannot be used: {0}")]
    Address(String),
}

/// What came of an attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// No answer: nothing is known of the message.
    Unreachable(String),
    /// The server asks to wait.
    Busy {
        /// For so long.
        retry_after: Span,
    },
    /// The server is in trouble, or answers something that is not the Bot API's.
    Trouble(String),
    /// The server refuses the message for good.
    Refused(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unreachable(why) => write!(f, "no answer: {why}"),
            Failure::Busy { retry_after } => write!(f, "asked to wait for {retry_after}"),
            Failure::Trouble(why) => write!(f, "server trouble: {why}"),
            Failure::Refused(why) => write!(f, "refused: {why}"),
        }
    }
}

/// A bot that talks to one chat.
#[derive(Clone)]
pub(super) struct Bot {
    client: reqwest::Client,
    address: SecretAddress,
    token: SecretString,
    chat: ChatId,
}

/// An address that holds the token.
#[derive(Clone)]
struct SecretAddress(Url);

#[derive(Serialize)]
struct SendMessage<'a> {
    chat_id: &'a str,
    text: &'a str,
    parse_mode: &'static str,
    link_preview_options: LinkPreview,
}

#[derive(Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

#[derive(Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    description: String,
    parameters: Option<AnswerParameters>,
}

#[derive(Deserialize)]
struct AnswerParameters {
    retry_after: Option<u32>,
}

impl Bot {
    pub(super) fn new(settings: &TelegramSettings, token: SecretString, chat: ChatId) -> Result<Bot, TelegramError> {
        let client = reqwest::Client::builder()
            .timeout(settings.timeout.to_std())
            // A redirect would carry the token to another host, and a retry below us would send twice.
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| TelegramError::Client(without_address(error)))?;
        let base = settings.base_url.trim_end_matches('/');
        let address = Url::parse(&format!("{base}/bot{}/sendMessage", token.expose_secret()))
            .map_err(|error| TelegramError::Address(error.to_string()))?;
        Ok(Bot { client, address: SecretAddress(address), token, chat })
    }

    /// Sends one message.
    pub(super) async fn send(&self, html: &str) -> Result<(), Failure> {
        let message = SendMessage {
            chat_id: self.chat.as_str(),
            text: html,
            parse_mode: "HTML",
            link_preview_options: LinkPreview { is_disabled: true },
        };
        let unreachable = |error| Failure::Unreachable(self.clean(&without_address(error)));
        let sent = self.client.post(self.address.0.clone()).json(&message).send().await;
        let mut response = sent.map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(unreachable)? {
            body.extend_from_slice(&part);
            if body.len() > MAX_ANSWER_BYTES {
                return Err(Failure::Trouble("the answer is too long to be the Bot API's".to_owned()));
            }
        }
        self.judge(status, &body)
    }

    fn judge(&self, status: StatusCode, body: &[u8]) -> Result<(), Failure> {
        let answer: Option<Answer> = serde_json::from_slice(body).ok();
        let words = answer.as_ref().map_or("", |answer| &answer.description);
        let why = self.clean(&format!("{} {words}", status.as_u16()));
        match answer {
            Some(Answer { ok: true, .. }) if status.is_success() => Ok(()),
            _ if status == StatusCode::TOO_MANY_REQUESTS => {
                let seconds = answer.and_then(|answer| answer.parameters?.retry_after).unwrap_or(1);
                Err(Failure::Busy { retry_after: Span::secs(seconds.into()).clamp(Span::SECOND, MAX_RETRY_AFTER) })
            }
            _ if status.is_client_error() => Err(Failure::Refused(why)),
            Some(_) => Err(Failure::Trouble(why)),
            None => Err(Failure::Trouble(format!("{why}: not an answer of the Bot API"))),
        }
    }

    /// What a server says is outside text: one line of it, without the token.
    fn clean(&self, text: &str) -> String {
        let text = text.replace(self.token.expose_secret(), "[token]");
        text.trim().chars().take(MAX_WHY).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bot").field("chat", &self.chat).finish_non_exhaustive()
    }
}

/// The one way in which an error of the HTTP client becomes text.
fn without_address(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
