//! Who listens to what. An event is written out once for all who hear it in the same form, and handed to each
//! connection's bounded queue; who does not keep up is cut off, so that a slow reader costs nobody else anything.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::topic::Topic;
use crate::exchange::AccountId;

/// Messages that may wait for a connection. At 500 events a second over ten streams this is a second's worth; who is
/// further behind reads the past.
pub(crate) const QUEUE: usize = 4_096;
/// Streams of one connection, as at Binance.
pub(crate) const MAX_STREAMS: usize = 1_024;

/// A connection's number.
pub(crate) type ConnectionId = u64;

/// A message that was written out; copies share it.
pub(crate) type Outgoing = Utf8Bytes;

/// The connections and their streams.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    connections: BTreeMap<ConnectionId, Connection>,
    channels: BTreeMap<Topic, Vec<Listener>>,
    accounts: BTreeMap<AccountId, Vec<PrivateListener>>,
    /// Connections that were cut off because they did not keep up.
    cut: u64,
    /// Nothing is handed out while this holds: a fault.
    muted: bool,
}

#[derive(Debug)]
struct Connection {
    queue: mpsc::Sender<Outgoing>,
    combined: bool,
    /// Names as they were asked for, in order.
    names: Vec<String>,
}

#[derive(Debug)]
struct Listener {
    connection: ConnectionId,
    name: String,
}

#[derive(Debug)]
struct PrivateListener {
    connection: ConnectionId,
    /// The listen key, which is the stream's name.
    key: String,
    /// Events that are wanted; empty for all.
    events: Vec<String>,
}

/// An event in a stream's envelope.
#[derive(Serialize)]
struct Envelope<'a> {
    stream: &'a str,
    data: &'a serde_json::value::RawValue,
}

impl Hub {
    pub(crate) fn connect(&mut self, id: ConnectionId, queue: mpsc::Sender<Outgoing>, combined: bool) {
        self.connections.insert(id, Connection { queue, combined, names: Vec::new() });
    }

    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        if self.connections.remove(&id).is_some() {
            for listeners in self.channels.values_mut() {
                listeners.retain(|listener| listener.connection != id);
            }
            self.channels.retain(|_, listeners| !listeners.is_empty());
            for listeners in self.accounts.values_mut() {
                listeners.retain(|listener| listener.connection != id);
            }
            self.accounts.retain(|_, listeners| !listeners.is_empty());
        }
    }

    /// Ends every connection, or those of one account.
    pub(crate) fn cut_all(&mut self, account: Option<AccountId>) {
        let ids: Vec<ConnectionId> = match account {
            None => self.connections.keys().copied().collect(),
            Some(account) => {
                self.accounts.get(&account).into_iter().flatten().map(|listener| listener.connection).collect()
            }
        };
        for id in ids {
            self.disconnect(id);
        }
    }

    pub(crate) fn is_muted(&self) -> bool {
        self.muted
    }

    pub(crate) fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    pub(crate) fn set_combined(&mut self, id: ConnectionId, combined: bool) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.combined = combined;
        }
    }

    pub(crate) fn is_combined(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.combined)
    }

    pub(crate) fn names(&self, id: ConnectionId) -> Vec<String> {
        self.connections.get(&id).map(|connection| connection.names.clone()).unwrap_or_default()
    }

    /// Notes a name of a connection's list; says whether there is room. A name that stands there is no second one.
    pub(crate) fn note(&mut self, id: ConnectionId, name: &str) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        if !connection.names.iter().any(|one| one == name) {
            if connection.names.len() >= MAX_STREAMS {
                return false;
            }
            connection.names.push(name.to_owned());
        }
        true
    }

    pub(crate) fn subscribe(&mut self, id: ConnectionId, topic: Topic, name: &str) {
        let listeners = self.channels.entry(topic).or_default();
        if !listeners.iter().any(|listener| listener.connection == id) {
            listeners.push(Listener { connection: id, name: name.to_owned() });
        }
    }

    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, topic: Option<Topic>, name: &str) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.names.retain(|one| one != name);
        }
        if let Some(topic) = topic
            && let Some(listeners) = self.channels.get_mut(&topic)
        {
            listeners.retain(|listener| listener.connection != id);
            if listeners.is_empty() {
                self.channels.remove(&topic);
            }
        }
        for listeners in self.accounts.values_mut() {
            listeners.retain(|listener| listener.connection != id || listener.key != name);
        }
    }

    pub(crate) fn listen(&mut self, id: ConnectionId, account: AccountId, key: &str, events: Vec<String>) {
        let listeners = self.accounts.entry(account).or_default();
        if !listeners.iter().any(|listener| listener.connection == id) {
            listeners.push(PrivateListener { connection: id, key: key.to_owned(), events });
        }
    }

    /// Does anybody listen?
    pub(crate) fn wants(&self, topic: &Topic) -> bool {
        self.channels.contains_key(topic)
    }

    /// Does anybody listen to this account?
    pub(crate) fn hears(&self, account: AccountId) -> bool {
        self.accounts.contains_key(&account)
    }

    /// Everything that somebody listens to.
    pub(crate) fn topics(&self) -> Vec<Topic> {
        self.channels.keys().copied().collect()
    }

    /// Connections now, and how many were cut off because they did not keep up.
    pub(crate) fn counts(&self) -> (usize, u64) {
        (self.connections.len(), self.cut)
    }

    /// Tells everybody who listens.
    pub(crate) fn publish(&mut self, topic: &Topic, message: &impl Serialize) {
        let Some(listeners) = self.channels.get(topic).filter(|_| !self.muted) else { return };
        let mut written = Written::of(message);
        let mut slow = Vec::new();
        for listener in listeners {
            let Some(connection) = self.connections.get(&listener.connection) else { continue };
            let text = written.form(connection.combined.then_some(listener.name.as_str()));
            if connection.queue.try_send(text).is_err() {
                slow.push(listener.connection);
            }
        }
        self.drop_slow(slow);
    }

    /// Tells everybody who listens to an account.
    pub(crate) fn tell(&mut self, account: AccountId, name: &str, message: &impl Serialize) {
        let Some(listeners) = self.accounts.get(&account).filter(|_| !self.muted) else { return };
        let mut written = Written::of(message);
        let mut slow = Vec::new();
        for listener in listeners {
            if !listener.events.is_empty() && !listener.events.iter().any(|one| one == name) {
                continue;
            }
            let Some(connection) = self.connections.get(&listener.connection) else { continue };
            let text = written.form(connection.combined.then_some(listener.key.as_str()));
            if connection.queue.try_send(text).is_err() {
                slow.push(listener.connection);
            }
        }
        self.drop_slow(slow);
    }

    /// Answers one connection.
    pub(crate) fn answer(&mut self, id: ConnectionId, message: &impl Serialize) {
        let Some(connection) = self.connections.get(&id) else { return };
        let text = Written::of(message).form(None);
        if connection.queue.try_send(text).is_err() {
            self.drop_slow(vec![id]);
        }
    }

    fn drop_slow(&mut self, slow: Vec<ConnectionId>) {
        for id in slow {
            self.cut += 1;
            self.disconnect(id);
        }
    }
}

/// An event written out, plain and in the last envelope that was asked for.
struct Written {
    plain: Box<serde_json::value::RawValue>,
    bytes: Utf8Bytes,
    wrapped: Option<(String, Utf8Bytes)>,
}

impl Written {
    fn of(message: &impl Serialize) -> Written {
        let plain = serde_json::value::to_raw_value(message)
            .expect("events are made of texts, numbers and lists, which always can be written");
        let bytes = Utf8Bytes::from(plain.get());
        Written { plain, bytes, wrapped: None }
    }

    fn form(&mut self, stream: Option<&str>) -> Utf8Bytes {
        let Some(stream) = stream else { return self.bytes.clone() };
        if let Some((name, bytes)) = &self.wrapped
            && name == stream
        {
            return bytes.clone();
        }
        let text = serde_json::to_string(&Envelope { stream, data: &self.plain })
            .expect("a name and an event that was written can be written");
        let bytes = Utf8Bytes::from(text);
        self.wrapped = Some((stream.to_owned(), bytes.clone()));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::InstrumentId;

    const TOPIC: Topic = Topic::AggTrade(InstrumentId(0));

    fn told(queue: &mut mpsc::Receiver<Outgoing>) -> Vec<String> {
        let mut texts = Vec::new();
        while let Ok(text) = queue.try_recv() {
            texts.push(text.to_string());
        }
        texts
    }

    #[test]
    fn each_hears_what_it_asked_for_in_the_form_that_it_asked_for() {
        let mut hub = Hub::default();
        let (plain, mut plain_end) = mpsc::channel(4);
        let (combined, mut combined_end) = mpsc::channel(4);
        hub.connect(1, plain, false);
        hub.connect(2, combined, true);
        for id in [1, 2] {
            assert!(hub.note(id, "a@aggTrade"));
            hub.subscribe(id, TOPIC, "a@aggTrade");
            hub.subscribe(id, TOPIC, "a@aggTrade");
        }
        hub.publish(&TOPIC, &7);
        assert_eq!(told(&mut plain_end), ["7"]);
        assert_eq!(told(&mut combined_end), [r#"{"stream":"a@aggTrade","data":7}"#]);
        hub.unsubscribe(1, Some(TOPIC), "a@aggTrade");
        hub.publish(&TOPIC, &8);
        assert!(told(&mut plain_end).is_empty() && hub.names(1).is_empty());
        hub.disconnect(2);
        assert!(!hub.wants(&TOPIC));
    }

    #[test]
    fn an_account_is_told_the_events_that_were_chosen() {
        let mut hub = Hub::default();
        let (queue, mut end) = mpsc::channel(4);
        hub.connect(1, queue, false);
        hub.listen(1, AccountId(0), "key", vec!["A".to_owned()]);
        hub.tell(AccountId(0), "A", &1);
        hub.tell(AccountId(0), "B", &2);
        hub.tell(AccountId(1), "A", &3);
        assert_eq!(told(&mut end), ["1"]);
    }

    #[test]
    fn who_does_not_keep_up_is_cut_off_alone() {
        let mut hub = Hub::default();
        let (slow, mut slow_end) = mpsc::channel(1);
        let (good, mut good_end) = mpsc::channel(9);
        for (id, queue) in [(1, slow), (2, good)] {
            hub.connect(id, queue, false);
            hub.subscribe(id, TOPIC, "a");
        }
        (0..3).for_each(|n| hub.publish(&TOPIC, &n));
        assert_eq!(told(&mut slow_end), ["0"]);
        assert_eq!(slow_end.try_recv().map(|_| ()), Err(mpsc::error::TryRecvError::Disconnected));
        assert_eq!(told(&mut good_end).len(), 3);
        assert_eq!(hub.counts(), (1, 1));
    }
}
