//! Who listens to what. An event is written out once for all who hear it in the same form, and handed to each
//! connection's bounded queue; who does not keep up is cut off, so that a slow reader costs nobody else anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
/// Longest name of a stream that is noted: listen keys, the longest, have 64 bytes.
const MAX_NAME: usize = 128;

/// A connection's number.
pub(crate) type ConnectionId = u64;

/// A message that was written out; copies share it.
pub(crate) type Outgoing = Utf8Bytes;

/// The connections and their streams. Whatever a connection does costs time by the streams that it has itself, never
/// by those of others.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    connections: BTreeMap<ConnectionId, Connection>,
    channels: BTreeMap<Topic, BTreeMap<ConnectionId, Listener>>,
    accounts: BTreeMap<AccountId, BTreeMap<ConnectionId, PrivateListener>>,
    /// Connections that were cut off because they did not keep up.
    cut: u64,
    /// Nothing is handed out while this holds: a fault.
    muted: bool,
}

#[derive(Debug)]
struct Connection {
    line: Arc<Line>,
    names: BTreeSet<String>,
    topics: BTreeSet<Topic>,
    accounts: BTreeSet<AccountId>,
}

/// The way to a connection, of which each of its listeners has a copy.
#[derive(Debug)]
struct Line {
    queue: mpsc::Sender<Outgoing>,
    combined: AtomicBool,
}

#[derive(Debug)]
struct Listener {
    line: Arc<Line>,
    name: String,
}

#[derive(Debug)]
struct PrivateListener {
    line: Arc<Line>,
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

impl Line {
    /// Hands an event over; says whether there was room.
    fn hand(&self, written: &mut Written, stream: &str) -> bool {
        let stream = self.combined.load(Ordering::Relaxed).then_some(stream);
        self.queue.try_send(written.form(stream)).is_ok()
    }
}

impl Hub {
    pub(crate) fn connect(&mut self, id: ConnectionId, queue: mpsc::Sender<Outgoing>, combined: bool) {
        let line = Arc::new(Line { queue, combined: AtomicBool::new(combined) });
        let (names, topics, accounts) = Default::default();
        self.connections.insert(id, Connection { line, names, topics, accounts });
    }

    pub(crate) fn disconnect(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        for topic in &connection.topics {
            leave(&mut self.channels, topic, id);
        }
        for account in &connection.accounts {
            leave(&mut self.accounts, account, id);
        }
    }

    /// Ends every connection, or those of one account.
    pub(crate) fn cut_all(&mut self, account: Option<AccountId>) {
        let ids: Vec<ConnectionId> = match account {
            None => self.connections.keys().copied().collect(),
            Some(account) => self.accounts.get(&account).into_iter().flat_map(BTreeMap::keys).copied().collect(),
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
        if let Some(connection) = self.connections.get(&id) {
            connection.line.combined.store(combined, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_combined(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.line.combined.load(Ordering::Relaxed))
    }

    /// Names of a connection's list, by the alphabet.
    pub(crate) fn names(&self, id: ConnectionId) -> Vec<String> {
        self.connections.get(&id).into_iter().flat_map(|connection| connection.names.iter().cloned()).collect()
    }

    /// Notes a name of a connection's list; says whether there is room. A name that stands there is no second one.
    pub(crate) fn note(&mut self, id: ConnectionId, name: &str) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        if connection.names.contains(name) {
            return true;
        }
        let fits = connection.names.len() < MAX_STREAMS && name.len() <= MAX_NAME;
        fits && connection.names.insert(name.to_owned())
    }

    pub(crate) fn subscribe(&mut self, id: ConnectionId, topic: Topic, name: &str) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.topics.insert(topic) {
            let listener = Listener { line: connection.line.clone(), name: name.to_owned() };
            self.channels.entry(topic).or_default().insert(id, listener);
        }
    }

    pub(crate) fn unsubscribe(&mut self, id: ConnectionId, topic: Option<Topic>, name: &str) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        connection.names.remove(name);
        if let Some(topic) = topic.filter(|topic| connection.topics.remove(topic)) {
            leave(&mut self.channels, &topic, id);
        }
        connection.accounts.retain(|account| {
            let listener = self.accounts.get(account).and_then(|listeners| listeners.get(&id));
            let ends = listener.is_some_and(|listener| listener.key == name);
            if ends {
                leave(&mut self.accounts, account, id);
            }
            !ends
        });
    }

    pub(crate) fn listen(&mut self, id: ConnectionId, account: AccountId, key: &str, events: Vec<String>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.accounts.insert(account) {
            let listener = PrivateListener { line: connection.line.clone(), key: key.to_owned(), events };
            self.accounts.entry(account).or_default().insert(id, listener);
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
        let behind = listeners.iter().filter(|(_, listener)| !listener.line.hand(&mut written, &listener.name));
        let behind = behind.map(|(id, _)| *id).collect();
        self.cut_off(behind);
    }

    /// Tells everybody who listens to an account.
    pub(crate) fn tell(&mut self, account: AccountId, name: &str, message: &impl Serialize) {
        let Some(listeners) = self.accounts.get(&account).filter(|_| !self.muted) else { return };
        let mut written = Written::of(message);
        let wants = |one: &PrivateListener| one.events.is_empty() || one.events.iter().any(|event| event == name);
        let wanting = listeners.iter().filter(|(_, listener)| wants(listener));
        let behind = wanting.filter(|(_, listener)| !listener.line.hand(&mut written, &listener.key));
        let behind = behind.map(|(id, _)| *id).collect();
        self.cut_off(behind);
    }

    /// Answers one connection.
    pub(crate) fn answer(&mut self, id: ConnectionId, message: &impl Serialize) {
        let Some(connection) = self.connections.get(&id) else { return };
        let text = Written::of(message).form(None);
        if connection.line.queue.try_send(text).is_err() {
            self.cut_off(vec![id]);
        }
    }

    /// Ends connections that are too far behind.
    fn cut_off(&mut self, behind: Vec<ConnectionId>) {
        for id in behind {
            self.cut += 1;
            self.disconnect(id);
        }
    }
}

/// Takes a connection out of a list of listeners, and the list away with its last.
fn leave<K: Ord, L>(lists: &mut BTreeMap<K, BTreeMap<ConnectionId, L>>, key: &K, id: ConnectionId) {
    if let Some(listeners) = lists.get_mut(key) {
        listeners.remove(&id);
        if listeners.is_empty() {
            lists.remove(key);
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
    fn names_are_bounded_in_number_and_length_and_leave_nothing_behind() {
        let mut hub = Hub::default();
        let (queue, _end) = mpsc::channel(1);
        hub.connect(1, queue, false);
        assert!(!hub.note(1, &"a".repeat(MAX_NAME + 1)), "too long");
        assert!((0..MAX_STREAMS).all(|n| hub.note(1, &format!("{n}@trade"))));
        assert!(!hub.note(1, "one more") && hub.note(1, "0@trade"), "no room, but for what stands there");
        hub.subscribe(1, TOPIC, "0@trade");
        hub.listen(1, AccountId(0), "key", Vec::new());
        hub.unsubscribe(1, Some(TOPIC), "0@trade");
        hub.unsubscribe(1, None, "key");
        assert!(!hub.wants(&TOPIC) && !hub.hears(AccountId(0)) && hub.note(1, "one more"));
        hub.subscribe(1, TOPIC, "0@trade");
        hub.listen(1, AccountId(0), "key", Vec::new());
        hub.cut_all(Some(AccountId(0)));
        assert!(hub.channels.is_empty() && hub.accounts.is_empty() && hub.connections.is_empty());
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
