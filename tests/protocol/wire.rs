//! WebSocket connections of the test: what is sent, and everything that comes, kept until the end.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::TaskTracker;

use super::stage::{KEY, PATIENCE, Stage, sign};

/// Requests that may wait to be sent.
const QUEUE: usize = 16;

/// A connection.
pub struct Wire {
    requests: mpsc::Sender<String>,
    heard: Arc<Mutex<Vec<Value>>>,
}

impl Wire {
    /// Connects. The reading task ends with the server.
    pub async fn open(address: &str, target: &str, tracker: &TaskTracker) -> Wire {
        let stream = TcpStream::connect(address).await.expect("a connection");
        let (mut socket, _) =
            tokio_tungstenite::client_async(format!("ws://{address}{target}"), stream).await.expect("a handshake");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (requests, mut queue) = mpsc::channel::<String>(QUEUE);
        let into = heard.clone();
        tracker.spawn(async move {
            loop {
                tokio::select! {
                    request = queue.recv() => match request {
                        Some(request) => socket.send(Message::text(request)).await.expect("it is sent"),
                        None => return,
                    },
                    message = socket.next() => match message {
                        Some(Ok(Message::Text(text))) => {
                            into.lock().expect("nobody panicked").push(serde_json::from_str(&text).expect("JSON"));
                        }
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => return,
                    },
                }
            }
        });
        Wire { requests, heard }
    }

    pub async fn say(&self, request: &Value) {
        self.requests.send(request.to_string()).await.expect("the connection lives");
    }

    /// Says something and waits for the reply with its id.
    pub async fn ask(&self, request: &Value) -> Value {
        self.say(request).await;
        self.wait(|one| one["id"] == request["id"] && one.get("id").is_some()).await
    }

    /// Calls a method of the WebSocket API.
    pub async fn call(&self, stage: &Stage, method: &str, params: Value) -> Value {
        let id = format!("{method} {}", self.heard().len());
        self.ask(&request(stage, &id, method, params).await).await
    }

    /// Waits for a message.
    pub async fn wait(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                if let Some(one) = self.heard().into_iter().find(&wanted) {
                    return one;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(one) => one,
            Err(_) => panic!("it was never said; what was: {:#?}", self.heard()),
        }
    }

    /// All that was heard, events without the envelope of their stream.
    pub fn heard(&self) -> Vec<Value> {
        let heard = self.heard.lock().expect("nobody panicked");
        heard.iter().map(|one| one.get("data").filter(|_| one.get("stream").is_some()).unwrap_or(one).clone()).collect()
    }
}

/// A request of the WebSocket API, signed over its parameters in the order of their names.
pub async fn request(stage: &Stage, id: &str, method: &str, params: Value) -> Value {
    let mut params = params.as_object().cloned().unwrap_or_default();
    params.insert("apiKey".to_owned(), KEY.into());
    params.insert("timestamp".to_owned(), stage.now().await.into());
    params.insert("recvWindow".to_owned(), 60_000.into());
    let mut pairs: Vec<String> = params
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect();
    pairs.sort_unstable();
    params.insert("signature".to_owned(), sign(&pairs.join("&")).into());
    json!({"id": id, "method": method, "params": params})
}
