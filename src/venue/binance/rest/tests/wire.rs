//! The connections that orders take, against a server that counts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hyper::Method;
use hyper::header::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};
use tokio_util::task::TaskTracker;

use super::super::wire::{Lost, Outgoing, Reply, Wire};
use crate::clock::Clock;

/// What a server has seen.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

/// Answers each request with its number, and ends each connection after so many of them.
async fn server(each: usize) -> (String, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let seen = Arc::new(Seen::default());
    let counted = Arc::clone(&seen);
    let tracker = TaskTracker::new();
    tracker.clone().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.connections.fetch_add(1, SeqCst);
            tracker.spawn(answer(stream, each, Arc::clone(&counted)));
        }
    });
    (base, seen)
}

async fn answer(mut stream: TcpStream, each: usize, seen: Arc<Seen>) {
    let mut buffer = vec![0; 4 << 10];
    for _ in 0..each {
        // A request of these tests comes in one piece.
        if stream.read(&mut buffer).await.unwrap_or(0) == 0 {
            return;
        }
        let body = (seen.requests.fetch_add(1, SeqCst) + 1).to_string();
        // In chunks, as a server may.
        let reply =
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
        if stream.write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn direct(base: &str) -> Wire {
    let wire = Wire::direct(base, Clock::start()).expect("a wire");
    assert!(matches!(wire, Wire::Direct(_)), "no proxy stands before this machine itself");
    wire
}

fn request(base: &str) -> Outgoing<'_> {
    Outgoing {
        method: Method::POST,
        base,
        target: "/fapi/v1/order".to_owned(),
        headers: HeaderMap::new(),
        body: "symbol=BTCUSDT".to_owned(),
        deadline: Duration::from_secs(5),
    }
}

fn told(reply: Result<Reply, Lost>) -> String {
    let reply = reply.unwrap_or_else(|lost| panic!("{}", lost.reason));
    String::from_utf8(reply.body).expect("a number")
}

#[tokio::test]
async fn a_connection_is_used_again_and_several_at_once_have_their_own() {
    let (base, seen) = server(usize::MAX).await;
    let wire = direct(&base);
    for expected in ["1", "2", "3"] {
        assert_eq!(told(wire.carry(request(&base)).await), expected);
    }
    assert_eq!(seen.connections.load(SeqCst), 1);
    let (first, second) = tokio::join!(wire.carry(request(&base)), wire.carry(request(&base)));
    assert_eq!(told(first).len() + told(second).len(), 2);
    assert_eq!((seen.connections.load(SeqCst), seen.requests.load(SeqCst)), (2, 5));
}

/// A server ends what is idle. The next request takes another connection, and is carried out once.
#[tokio::test]
async fn a_connection_that_has_ended_is_passed_over() {
    let (base, seen) = server(1).await;
    let wire = direct(&base);
    for expected in ["1", "2", "3"] {
        assert_eq!(told(wire.carry(request(&base)).await), expected);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!((seen.connections.load(SeqCst), seen.requests.load(SeqCst)), (3, 3));
}

#[tokio::test]
async fn a_server_that_hangs_up_is_not_called_again_and_again() {
    let (base, seen) = server(0).await;
    let wire = direct(&base);
    assert!(wire.carry(request(&base)).await.is_err(), "nobody answers");
    assert_eq!((seen.connections.load(SeqCst), seen.requests.load(SeqCst)), (1, 0));
}

/// Nobody waits for anything between the loop and the socket once there is a connection.
#[tokio::test]
async fn the_first_poll_writes_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let (heard, mut hears) = mpsc::channel(2);
    let may_answer = Arc::new(Notify::new());
    let gate = Arc::clone(&may_answer);
    TaskTracker::new().spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut buffer = vec![0; 4 << 10];
        loop {
            let read = stream.read(&mut buffer).await.expect("a request");
            heard.send(String::from_utf8_lossy(&buffer[..read]).into_owned()).await.expect("somebody listens");
            gate.notified().await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.expect("it is taken");
        }
    });
    let wire = direct(&base);
    may_answer.notify_one();
    assert_eq!(told(wire.carry(request(&base)).await), "{}");
    hears.recv().await.expect("the first");
    let mut second = Box::pin(wire.carry(request(&base)));
    assert!(matches!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    let there = hears.recv().await.expect("the second, though nobody polls it");
    assert!(there.starts_with("POST /fapi/v1/order HTTP/1.1\r\n") && there.ends_with("symbol=BTCUSDT"), "{there}");
    assert!(there.contains(&format!("host: {}\r\n", base.trim_start_matches("http://"))), "{there}");
    may_answer.notify_one();
    assert_eq!(told(second.await), "{}");
}

#[tokio::test]
async fn what_was_not_answered_in_time_may_have_been_carried_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let late = Outgoing { deadline: Duration::from_millis(100), ..request(&base) };
    let lost = direct(&base).carry(late).await.err().expect("nobody answers");
    assert!(!lost.never_left && lost.reason.contains("in time"), "{}", lost.reason);
}

#[tokio::test]
async fn orders_go_to_one_address_alone_and_encrypted_where_it_says_so() {
    let wire = direct("https://127.0.0.1:1");
    let lost = wire.carry(request("https://elsewhere")).await.err().expect("another address");
    assert!(lost.never_left && lost.reason.contains("elsewhere"), "{}", lost.reason);
    // Who does not speak TLS is told nothing.
    let (base, seen) = server(1).await;
    let base = base.replace("http:", "https:");
    let lost = direct(&base).carry(request(&base)).await.err().expect("no handshake");
    assert!(lost.never_left, "{}", lost.reason);
    assert!(!lost.reason.is_empty() && seen.connections.load(SeqCst) == 1, "{}", lost.reason);
}
