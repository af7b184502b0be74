//! A browser without a window and without a network, driven over the Chrome DevTools Protocol.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long the browser may take for anything on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the browser announces its port with.
const ANNOUNCED: &str = "DevTools listening on ws://";

/// A running browser with one page.
pub struct Browser {
    process: Child,
    runtime: Runtime,
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    asked: u64,
    /// What the page complained of since it was opened: exceptions, and errors in the console and the log.
    complaints: Vec<String>,
    /// What was asked of the network.
    requests: Vec<String>,
    loaded: bool,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it; none if it is not installed.
    pub fn start() -> Option<Browser> {
        let profile = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("chromium");
        command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
        command.args(["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"]);
        command.args(["--remote-debugging-port=0", "about:blank"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let Ok(mut process) = spawned else {
            println!("skipped: chromium is not installed; tests/browser/install does it");
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let announced = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once(ANNOUNCED).map(|(_, address)| address.trim().to_owned()));
        let address = announced.expect("the browser says where it listens");
        // The pipe is read on, or the browser would wait for it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (host, _) = address.split_once('/').expect("an address with a path");
        let socket = runtime.block_on(async {
            let stream = TcpStream::connect(host).await.expect("the browser listens");
            client_async(format!("ws://{address}"), stream).await.expect("a connection").0
        });
        let (complaints, requests) = (Vec::new(), Vec::new());
        let mut browser = Browser {
            process,
            runtime,
            socket,
            session: None,
            asked: 0,
            complaints,
            requests,
            loaded: false,
            _profile: profile,
        };
        let page = browser.ask("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let session = browser.ask("Target.attachToTarget", json!({"targetId": page, "flatten": true}));
        browser.session = session["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Opens a file at a width, in the light or in the dark, and waits until it is loaded.
    pub fn open(&mut self, file: &Path, width: u32, scheme: &str) {
        (self.complaints, self.requests, self.loaded) = (Vec::new(), Vec::new(), false);
        let screen = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.ask("Emulation.setDeviceMetricsOverride", screen);
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": features }));
        self.ask("Page.navigate", json!({"url": format!("file://{}", file.display())}));
        while !self.loaded {
            self.hear();
        }
    }

    /// What a script comes to; one that promises is waited for.
    pub fn evaluate(&mut self, script: &str) -> Value {
        let question = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let answer = self.ask("Runtime.evaluate", question);
        assert!(answer.get("exceptionDetails").is_none(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Exceptions and errors since the page was opened.
    pub fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// Addresses that the page asked for since it was opened.
    pub fn requests(&self) -> &[String] {
        &self.requests
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let asked = self.asked;
        let mut question = json!({"id": asked, "method": method, "params": params});
        if let Some(session) = &self.session {
            question["sessionId"] = json!(session);
        }
        let sent = self.socket.send(Message::text(question.to_string()));
        self.runtime.block_on(sent).expect("the browser is there");
        loop {
            let heard = self.hear();
            if heard["id"] == asked {
                assert!(heard.get("error").is_none(), "{method}: {heard}");
                return heard["result"].clone();
            }
        }
    }

    /// The next word of the browser, noted if it is a complaint or a request.
    fn hear(&mut self) -> Value {
        let socket = &mut self.socket;
        let next = async { tokio::time::timeout(PATIENCE, socket.next()).await };
        let message =
            self.runtime.block_on(next).expect("the browser answers").expect("it is there").expect("it is whole");
        let heard: Value = serde_json::from_str(message.to_text().unwrap_or_default()).unwrap_or_default();
        let params = &heard["params"];
        match heard["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.complaints.push(params["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" if params["type"] == "error" => self.complaints.push(params["args"].to_string()),
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.complaints.push(params["entry"]["text"].to_string());
            }
            "Network.requestWillBeSent" => {
                self.requests.push(params["request"]["url"].as_str().unwrap_or_default().to_owned());
            }
            "Page.loadEventFired" => self.loaded = true,
            _ => {}
        }
        heard
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
