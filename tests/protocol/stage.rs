//! A server in this process, and a client of it that signs for itself.

use std::time::Duration;

use aws_lc_rs::hmac;
use live_trading_launcher::clock::Clock;
use live_trading_launcher::config::Settings;
use live_trading_launcher::feed;
use live_trading_launcher::serve::{self, AccountSpec, Options};
use live_trading_launcher::types::Timestamp;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long anything may take that takes a moment on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
pub const KEY: &str = "key";
pub const SECRET: &str = "secretsecret";

/// A running server.
pub struct Stage {
    /// Host and port.
    pub address: String,
    http: reqwest::Client,
    stop: CancellationToken,
    tracker: TaskTracker,
}

/// A reply: its status and its body.
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Stage {
    /// A server with one account of so many USDT, whose clock begins at an instant or with the wall's.
    pub async fn open(feed: &str, symbols: &[&str], usdt: u32, clock: (Option<Timestamp>, f64)) -> Stage {
        let (starts_at, speed) = clock;
        let settings = Settings::default();
        let symbols: Vec<_> = symbols.iter().map(|text| text.parse().expect("a symbol")).collect();
        let market = feed::open(&settings.feed, feed, &symbols, None, 3).expect("a market");
        let account: AccountSpec = format!("{KEY}:{SECRET}:{usdt}").parse().expect("an account");
        let options = Options { accounts: vec![account], starts_at, speed, control: true, ..Options::default() };
        let server = serve::start(options, settings.exchange, market, Clock::start()).await.expect("a server");
        let (address, stop, tracker) = (server.address().to_string(), server.stopper(), TaskTracker::new());
        tracker.spawn(async move { server.run().await.expect("it serves to the end") });
        let http = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().expect("a client");
        Stage { address, http, stop, tracker }
    }

    /// Ends it, and waits for its end.
    pub async fn close(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// Sends a request as it is written.
    pub async fn send(&self, method: &str, target: &str, key: Option<&str>, body: Option<String>) -> Reply {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("http://{}{target}", self.address));
        if let Some(key) = key {
            request = request.header("X-MBX-APIKEY", key);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/x-www-form-urlencoded").body(body);
        }
        let reply = request.send().await.expect("an answer");
        let status = reply.status().as_u16();
        let text = reply.text().await.expect("a body");
        Reply { status, body: serde_json::from_str(&text).unwrap_or_else(|error| panic!("{target}: {error}: {text}")) }
    }

    /// Asks with a key and a signature, stamped with the server's own time.
    pub async fn ask(&self, method: &str, path: &str, params: &str) -> Reply {
        let query = self.signed(params).await;
        self.send(method, &format!("{path}?{query}"), Some(KEY), None).await
    }

    /// Parameters with a stamp and their signature.
    async fn signed(&self, params: &str) -> String {
        let and = if params.is_empty() { "" } else { "&" };
        let query = format!("{params}{and}timestamp={}&recvWindow=60000", self.now().await);
        let signature = sign(&query);
        format!("{query}&signature={signature}")
    }

    /// The server's clock, in milliseconds.
    pub async fn now(&self) -> i64 {
        let told = self.send("GET", "/fapi/v1/time", None, None).await;
        told.body["serverTime"].as_i64().expect("an instant")
    }

    /// Switches a fault.
    pub async fn control(&self, switch: &str, body: &str) {
        let reply = self.send("POST", &format!("/control/{switch}"), None, Some(body.to_owned())).await;
        assert_eq!(reply.status, 200, "{switch}: {}", reply.body);
    }
}

/// A text's signature with the account's secret.
pub fn sign(text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hmac::sign(&key, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
