//! What can be set about messages.

use std::fmt;

use reqwest::Url;
use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};

use crate::ledger::OutboxLimits;
use crate::types::Span;

/// Messages to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// So many messages wait for delivery at most; beyond it the oldest is dropped and counted. From 10 to 10000.
    pub max_pending: u32,
    /// For so long after its delivery a message of the same kind about the same thing is not sent again. From 0s
    /// to 24h.
    pub repeat_after: Span,
    /// How long the end of the daemon waits for messages to be delivered; the rest follows at the next start. From
    /// 0s to 30s.
    pub drain: Span,
    /// Telegram.
    pub telegram: TelegramSettings,
}

/// Telegram. It needs the bot's token, in the variable TELEGRAM_BOT_TOKEN or in the file that
/// TELEGRAM_BOT_TOKEN_FILE names, and the chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelegramSettings {
    /// Are messages sent, if there is a token?
    pub enabled: bool,
    /// The chat that gets the messages: its number, or `@name` of a channel. TELEGRAM_CHAT_ID comes before it.
    pub chat_id: Option<ChatId>,
    /// Where the Bot API is. Plain `http` is allowed to this machine only, since the address holds the token.
    pub base_url: String,
    /// How long one request may take. From 100ms to 2m.
    pub timeout: Span,
    /// Wait after the first failed attempt; doubled after each further one. From 10ms to 10m.
    pub retry_first: Span,
    /// Longest wait between two attempts. From 10ms to 24h.
    pub retry_max: Span,
}

/// A Telegram chat: a number, or `@name`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ChatId(String);

impl Default for Settings {
    fn default() -> Settings {
        let OutboxLimits { pending, repeat_after } = OutboxLimits::default();
        Settings {
            max_pending: pending,
            repeat_after,
            // Two requests; the whole shutdown has five seconds.
            drain: Span::secs(2),
            telegram: TelegramSettings::default(),
        }
    }
}

impl Default for TelegramSettings {
    fn default() -> TelegramSettings {
        TelegramSettings {
            enabled: true,
            chat_id: None,
            base_url: "https://api.telegram.org".into(),
            timeout: Span::secs(10),
            retry_first: Span::SECOND,
            retry_max: Span::mins(5),
        }
    }
}

impl Settings {
    /// Is every value in its range?
    ///
    /// # Errors
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<(), String> {
        if !(10..=10_000).contains(&self.max_pending) {
            return Err(format!("notify.max_pending = {}: give a value from 10 to 10000", self.max_pending));
        }
        within("repeat_after", self.repeat_after, Span::ZERO, Span::DAY)?;
        within("drain", self.drain, Span::ZERO, Span::secs(30))?;
        self.telegram.check()
    }

    /// Does the token fit the rest?
    ///
    /// # Errors
    /// If it has not the form of one, or if of token and chat only one is given. The token is not shown.
    pub fn check_token(&self, token: Option<&SecretString>) -> Result<(), String> {
        if !self.telegram.enabled {
            return Ok(());
        }
        match (token, &self.telegram.chat_id) {
            (None, None) => Ok(()),
            (Some(token), Some(_)) if is_token(token.expose_secret()) => Ok(()),
            (Some(_), Some(_)) => Err("TELEGRAM_BOT_TOKEN has not the form of a token: copy it from @BotFather, like \
                                       987654:ABC-def (a number, a colon, letters)"
                .to_owned()),
            (Some(_), None) => Err("TELEGRAM_BOT_TOKEN is set, but no chat: set TELEGRAM_CHAT_ID, or \
                                    notify.telegram.enabled = false"
                .to_owned()),
            (None, Some(chat)) => Err(format!(
                "notify.telegram.chat_id = {chat}, but there is no token: set TELEGRAM_BOT_TOKEN, or \
                 notify.telegram.enabled = false"
            )),
        }
    }

    /// The bounds that the outbox is opened with.
    pub fn outbox_limits(&self) -> OutboxLimits {
        OutboxLimits { pending: self.max_pending, repeat_after: self.repeat_after }
    }
}

impl TelegramSettings {
    /// The chat, if messages are to be sent to one.
    pub fn receiver(&self) -> Option<&ChatId> {
        self.chat_id.as_ref().filter(|_| self.enabled)
    }

    fn check(&self) -> Result<(), String> {
        within("telegram.timeout", self.timeout, Span::millis(100), Span::mins(2))?;
        within("telegram.retry_first", self.retry_first, Span::millis(10), Span::mins(10))?;
        within("telegram.retry_max", self.retry_max, self.retry_first, Span::DAY)?;
        check_base_url(&self.base_url).map_err(|why| format!("notify.telegram.base_url = {}: {why}", self.base_url))
    }
}

impl ChatId {
    /// As the Bot API takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for ChatId {
    type Err = String;

    fn from_str(text: &str) -> Result<ChatId, String> {
        let number = text.parse::<i64>().is_ok_and(|number| number != 0) && !text.starts_with('+');
        let name = |name: &str| name.len() >= 4 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if number || text.strip_prefix('@').is_some_and(name) {
            return Ok(ChatId(text.to_owned()));
        }
        let given: String = text.chars().take(48).collect();
        Err(format!("`{given}` is not a chat; write its number, like -1001234567890, or `@name` of a channel"))
    }
}

impl<'de> Deserialize<'de> for ChatId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ChatId, D::Error> {
        deserializer.deserialize_any(ChatVisitor)
    }
}

/// People write the number of a chat with quotes or without.
struct ChatVisitor;

impl serde::de::Visitor<'_> for ChatVisitor {
    type Value = ChatId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of a chat, or `@name` of a channel")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ChatId, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<ChatId, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<ChatId, E> {
        self.visit_str(&number.to_string())
    }
}

impl JsonSchema for ChatId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ChatId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "integer"] })
    }
}

fn within(setting: &str, value: Span, least: Span, most: Span) -> Result<(), String> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(format!("notify.{setting} = {value}: give a value from {least} to {most}"))
}

fn check_base_url(text: &str) -> Result<(), &'static str> {
    let url = Url::parse(text).map_err(|_| "it is not an address; write one like https://api.telegram.org")?;
    let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match url.scheme() {
        "https" => {}
        "http" if local => {}
        "http" => return Err("it would send the token unencrypted; write https://"),
        _ => return Err("it is neither https nor http; write one like https://api.telegram.org"),
    }
    if url.query().is_some() || url.fragment().is_some() || url.password().is_some() || !url.username().is_empty() {
        return Err("it has more than a host and a path; write one like https://api.telegram.org");
    }
    Ok(())
}

/// As the Bot API gives them out; anything else would also change the path of the request.
fn is_token(text: &str) -> bool {
    let secret = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    text.split_once(':').is_some_and(|(bot, rest)| {
        !bot.is_empty() && bot.bytes().all(|b| b.is_ascii_digit()) && rest.len() >= 20 && secret(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_a_range() {
        assert_eq!(Settings::default().check(), Ok(()));
        type Change = fn(&mut Settings);
        let table: [(&str, Change); 9] = [
            ("notify.max_pending", |s| s.max_pending = 9),
            ("notify.repeat_after", |s| s.repeat_after = Span::DAY + Span::SECOND),
            ("notify.drain", |s| s.drain = Span::MINUTE),
            ("notify.telegram.timeout", |s| s.telegram.timeout = Span::ZERO),
            ("notify.telegram.retry_first", |s| s.telegram.retry_first = Span::ZERO),
            ("notify.telegram.retry_max", |s| s.telegram.retry_max = Span::millis(999)),
            ("notify.telegram.base_url", |s| s.telegram.base_url = "api.telegram.org".into()),
            ("notify.telegram.base_url", |s| s.telegram.base_url = "http://api.telegram.org".into()),
            ("notify.telegram.base_url", |s| s.telegram.base_url = "https://api.telegram.org/?a=b".into()),
        ];
        for (name, change) in table {
            let mut settings = Settings::default();
            change(&mut settings);
            let text = settings.check().expect_err(name);
            assert!(text.starts_with(name), "{text}");
        }
    }

    #[test]
    fn a_chat_is_a_number_or_a_name() {
        for good in ["-1001234567890", "42", "@channel_name"] {
            assert_eq!(good.parse::<ChatId>().map(|chat| chat.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "0", "+42", "channel", "@abc", "@channel name", "4 2", "1e3"] {
            assert!(bad.parse::<ChatId>().is_err(), "{bad}");
        }
        let table: toml::Table = "chat_id = -100".parse().expect("TOML");
        let settings: TelegramSettings = table.try_into().expect("a number without quotes");
        assert_eq!(settings.chat_id.map(|chat| chat.to_string()).as_deref(), Some("-100"));
    }

    #[test]
    fn token_and_chat_go_together() {
        let token = SecretString::from("123456:ABCDEFGHIJKLMNOPQRSTuvwx");
        let mut settings = Settings::default();
        assert_eq!(settings.check_token(None), Ok(()));
        assert!(settings.check_token(Some(&token)).expect_err("no chat").contains("TELEGRAM_CHAT_ID"));
        settings.telegram.chat_id = "42".parse().ok();
        assert_eq!(settings.check_token(Some(&token)), Ok(()));
        assert!(settings.check_token(None).expect_err("no token").contains("TELEGRAM_BOT_TOKEN"));
        for bad in ["12345", "123456:short", "123456:../../getMe?ABCDEFGHIJKLMNOP", "bot:ABCDEFGHIJKLMNOPQRSTuvwx"] {
            let error = settings.check_token(Some(&SecretString::from(bad))).expect_err(bad);
            assert!(!error.contains(bad), "{error}");
        }
        settings.telegram.enabled = false;
        assert_eq!(settings.check_token(None), Ok(()));
        assert_eq!(settings.telegram.receiver(), None);
    }
}
