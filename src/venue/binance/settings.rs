//! What can be set about Binance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::types::{Rate, Span};

/// `[venue.binance]`: where Binance is, and how it is spoken to. Keys are no settings: they come from `BINANCE_KEY` and
/// `BINANCE_SECRET`, from files that `BINANCE_KEY_FILE` and `BINANCE_SECRET_FILE` name, or from systemd's credentials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address of REST. Plain `http` is taken for this machine alone, as of a served exchange.
    pub rest_url: String,
    /// Address of the streams, without a path. Plain `ws` is taken for this machine alone.
    pub stream_url: String,
    /// Address of the account's own REST, which tells what a key may do.
    pub account_url: String,
    /// An order that reaches the venue later than this after it was signed is refused there: from 500ms to 5s.
    pub recv_window: Span,
    /// An order or cancel that is not answered within this time has an unknown outcome: from 1s to 30s.
    pub order_timeout: Span,
    /// Any other request that is not answered within this time has failed: from 1s to 60s.
    pub request_timeout: Span,
    /// Share of the venue's limits that only cancels, stops, closes and questions about orders may use.
    pub reserve: Rate,
    /// The venue's clock is measured this often: from 10s to 1h.
    pub clock_refresh: Span,
    /// Are trades of others listened to? Strategies do not need them; a simulated exchange beside the real market
    /// fills resting orders by them.
    pub trades: bool,
    /// A connection that has been silent for so long is replaced: from 2s to 30s. Mark prices come every second.
    pub silence_limit: Span,
    /// A connection is renewed after so long, before the venue ends it after a day: from 1m to 23h50m.
    pub renew_after: Span,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            rest_url: "https://fapi.binance.com".into(),
            stream_url: "wss://fstream.binance.com".into(),
            account_url: "https://api.binance.com".into(),
            recv_window: Span::secs(2),
            order_timeout: Span::secs(5),
            request_timeout: Span::secs(10),
            reserve: Rate::percent(20),
            clock_refresh: Span::mins(5),
            trades: true,
            silence_limit: Span::secs(4),
            renew_after: Span::HOUR * 23,
        }
    }
}

/// The parts of an address that matter: a scheme, a host, nothing behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Schemes {
    /// Taken everywhere.
    pub safe: &'static str,
    /// Taken for this machine alone.
    pub plain: &'static str,
}

impl Schemes {
    pub(crate) const HTTP: Schemes = Schemes { safe: "https", plain: "http" };
    pub(crate) const STREAM: Schemes = Schemes { safe: "wss", plain: "ws" };

    /// The address without a slash at its end.
    ///
    /// # Errors
    /// If it is none, or would send keys over a network in the clear.
    pub(crate) fn read(self, setting: &str, given: &str) -> Result<String, String> {
        let Schemes { safe, plain } = self;
        let wrong =
            |why: &str| Err(format!("venue.binance.{setting} = `{given}`: {why}; write it like `{safe}://host`"));
        let Ok(url) = reqwest::Url::parse(given) else { return wrong("it is no address") };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.path() != "/" {
            return wrong("there is more in it than a scheme and a host");
        }
        match url.host_str() {
            None => wrong("it has no host"),
            Some(_) if url.scheme() == safe => Ok(given.trim_end_matches('/').to_owned()),
            Some(host) if url.scheme() == plain && is_this_machine(host) => Ok(given.trim_end_matches('/').to_owned()),
            Some(_) if url.scheme() == plain => {
                wrong(&format!("`{plain}` is not encrypted, and only taken for this machine"))
            }
            Some(_) => wrong("its scheme is another"),
        }
    }
}

impl Settings {
    /// Is every value in its range?
    ///
    /// # Errors
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<(), String> {
        Schemes::HTTP.read("rest_url", &self.rest_url)?;
        Schemes::STREAM.read("stream_url", &self.stream_url)?;
        Schemes::HTTP.read("account_url", &self.account_url)?;
        within("recv_window", self.recv_window, Span::millis(500), Span::secs(5))?;
        within("order_timeout", self.order_timeout, Span::SECOND, Span::secs(30))?;
        within("request_timeout", self.request_timeout, Span::SECOND, Span::secs(60))?;
        within("clock_refresh", self.clock_refresh, Span::secs(10), Span::HOUR)?;
        within("silence_limit", self.silence_limit, Span::secs(2), Span::secs(30))?;
        within("renew_after", self.renew_after, Span::MINUTE, Span::mins(23 * 60 + 50))?;
        if self.reserve < Rate::percent(5) || self.reserve > Rate::percent(50) {
            return Err(format!("venue.binance.reserve = {}: use from 5% to 50%", self.reserve));
        }
        Ok(())
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn within(name: &str, value: Span, least: Span, most: Span) -> Result<(), String> {
    if value < least || value > most {
        return Err(format!("venue.binance.{name} = {value}: use from {least} to {most}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_travel_in_the_clear_on_this_machine_alone() {
        for (schemes, good) in [
            (Schemes::HTTP, "https://fapi.binance.com"),
            (Schemes::HTTP, "https://fapi.binance.com/"),
            (Schemes::HTTP, "http://127.0.0.1:8787"),
            (Schemes::HTTP, "http://localhost:1"),
            (Schemes::HTTP, "http://[::1]:1"),
            (Schemes::STREAM, "wss://fstream.binance.com"),
            (Schemes::STREAM, "ws://127.0.0.1:8787"),
        ] {
            assert_eq!(schemes.read("x", good).as_deref(), Ok(good.trim_end_matches('/')));
        }
        for (schemes, bad) in [
            (Schemes::HTTP, ""),
            (Schemes::HTTP, "fapi.binance.com"),
            (Schemes::HTTP, "http://fapi.binance.com"),
            (Schemes::HTTP, "http://localhost.binance.com"),
            (Schemes::HTTP, "http://10.0.0.1"),
            (Schemes::HTTP, "wss://fapi.binance.com"),
            (Schemes::HTTP, "https://user:word@fapi.binance.com"),
            (Schemes::HTTP, "https://fapi.binance.com/fapi"),
            (Schemes::STREAM, "ws://fstream.binance.com"),
            (Schemes::STREAM, "https://fstream.binance.com"),
        ] {
            let error = schemes.read("rest_url", bad).expect_err(bad);
            assert!(error.starts_with(&format!("venue.binance.rest_url = `{bad}`: ")), "{error}");
        }
    }

    #[test]
    fn each_setting_has_a_range() {
        assert_eq!(Settings::default().check(), Ok(()));
        type Change = fn(&mut Settings);
        let table: [(&str, Change); 10] = [
            ("rest_url", |s| s.rest_url = "http://example.com".into()),
            ("stream_url", |s| s.stream_url = "ws://example.com".into()),
            ("account_url", |s| s.account_url = String::new()),
            ("recv_window", |s| s.recv_window = Span::secs(6)),
            ("order_timeout", |s| s.order_timeout = Span::ZERO),
            ("request_timeout", |s| s.request_timeout = Span::HOUR),
            ("reserve", |s| s.reserve = Rate::ZERO),
            ("clock_refresh", |s| s.clock_refresh = Span::DAY),
            ("silence_limit", |s| s.silence_limit = Span::SECOND),
            ("renew_after", |s| s.renew_after = Span::DAY),
        ];
        for (name, change) in table {
            let mut settings = Settings::default();
            change(&mut settings);
            let text = settings.check().expect_err(name);
            assert!(text.starts_with(&format!("venue.binance.{name} = ")), "{text}");
        }
    }
}
