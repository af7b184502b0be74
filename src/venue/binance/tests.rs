//! The served exchange in this process, for tests of the client.

use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::rest::{Credentials, Rest};
use super::settings::Settings;
use crate::clock::{Clock, SessionClock};
use crate::feed::{self, Feed};
use crate::serve::{AccountSpec, Options, start};
use crate::types::Symbol;

/// A server that runs until it is dropped.
pub(crate) struct Served {
    pub settings: Settings,
    pub clock: Clock,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn symbols() -> Vec<Symbol> {
    ["BTC/USDT", "ETH/USDT", "SOL/USDT"].map(|text| text.parse().expect("a symbol")).to_vec()
}

/// The market made from a seed.
pub(crate) fn synthetic() -> Box<dyn Feed> {
    feed::open(&feed::Settings::default(), "synthetic", &symbols(), None, 1).expect("a feed")
}

impl Served {
    pub(crate) async fn demo() -> Served {
        Served::with(Options { control: true, strict_routes: true, ..Options::default() }, synthetic()).await
    }

    pub(crate) async fn with(options: Options, feed: Box<dyn Feed>) -> Served {
        let clock = Clock::start();
        let server = start(options, crate::exchange::Settings::default(), feed, clock).await.expect("a server");
        let address = server.address();
        let stop = server.stopper();
        let tracker = tokio_util::task::TaskTracker::new();
        tracker.spawn(async move { server.run().await.expect("it serves") });
        let settings = Settings {
            rest_url: format!("http://{address}"),
            account_url: format!("http://{address}"),
            stream_url: format!("ws://{address}"),
            ..Settings::default()
        };
        Served { settings, clock, stop }
    }

    /// A client with the demo account's keys.
    pub(crate) fn client(&self) -> Rest {
        self.client_in(None)
    }

    pub(crate) fn client_in(&self, dir: Option<&std::path::Path>) -> Rest {
        Rest::new(&self.settings, Some(keys()), SessionClock::wall(self.clock), dir).expect("a client")
    }

    /// Throws a switch of the server.
    pub(crate) async fn control(&self, switch: &str, body: serde_json::Value) {
        let http = reqwest::Client::builder().build().expect("a client");
        let url = format!("{}/control/{switch}", self.settings.rest_url);
        let reply = http.post(url).body(body.to_string()).send().await.expect("an answer");
        assert!(reply.status().is_success(), "{switch}: {}", reply.text().await.unwrap_or_default());
    }
}

pub(crate) fn keys() -> Credentials {
    let demo = AccountSpec::demo();
    Credentials::new(&SecretString::from(demo.key), &SecretString::from(demo.secret)).expect("two keys")
}

/// The folder of recorded data beside the project; a test that needs it skips, and says so.
#[expect(clippy::disallowed_methods, reason = "a test is told where the data is, not the daemon")]
pub(crate) fn shared() -> Option<std::path::PathBuf> {
    let usual = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let folder = std::env::var_os("LTL_SHARED_DIR").map_or(usual, Into::into);
    if folder.join("conformance").is_dir() {
        return Some(folder);
    }
    println!("skipped: there is no recorded data in {}", folder.display());
    None
}
