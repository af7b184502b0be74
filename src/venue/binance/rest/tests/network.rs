//! What a network does, by a server that sends bytes and goes.

use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::calls::{account, market, orders};
use super::super::{Credentials, Failure, Rest};
use crate::clock::{Clock, SessionClock};
use crate::types::Span;
use crate::venue::binance::settings::Settings;

const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
const SECRET: &str = "ssssssssssssssssssssssssssssssss";

fn client(address: &str) -> Rest {
    let settings = Settings {
        rest_url: format!("http://{address}"),
        order_timeout: Span::SECOND,
        request_timeout: Span::SECOND,
        ..Settings::default()
    };
    let keys = Credentials::new(&SecretString::from(KEY), &SecretString::from(SECRET)).expect("keys");
    Rest::new(&settings, Some(keys), SessionClock::wall(Clock::start()), None).expect("a client")
}

/// Over the pool, and as orders travel.
fn both_ways(address: &str) -> [Rest; 2] {
    let rest = client(address);
    [rest.for_orders().expect("a client"), rest]
}

/// Tells the time truly, and answers everything else with `bytes`, after which it closes.
async fn server(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    tokio_util::task::TaskTracker::new().spawn(async move {
        let clock = Clock::start();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 8 << 10];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let body = format!(r#"{{"serverTime":{}}}"#, clock.wall().as_millis());
            let time = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let is_time = String::from_utf8_lossy(&request[..read]).contains("/fapi/v1/time");
            let _ = stream.write_all(if is_time { time.as_bytes() } else { bytes }).await;
        }
    });
    address
}

async fn cancel(rest: &Rest) -> Failure {
    let call = orders::cancel("BTCUSDT", &"lttl-1".parse().expect("an id"));
    rest.call(call).await.expect_err("no good answer")
}

#[tokio::test]
async fn only_a_connection_that_was_not_made_proves_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = listener.local_addr().expect("an address").to_string();
    drop(listener);
    for rest in both_ways(&closed) {
        let failure = rest.call(market::time()).await.expect_err("nobody there");
        assert!(matches!(failure, Failure::NotSent { .. }), "{failure}");
    }
    let answers: [&'static [u8]; 7] = [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"orderId\":1",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nhtml",
        b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        b"no HTTP at all\r\n\r\n",
    ];
    for answer in answers {
        for rest in both_ways(&server(answer).await) {
            let failure = cancel(&rest).await;
            assert!(matches!(failure, Failure::Unknown { .. }), "{}: {failure}", String::from_utf8_lossy(answer));
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer =
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    for rest in both_ways(&server(answer).await) {
        let failure = cancel(&rest).await;
        assert!(matches!(failure, Failure::Unknown { .. }), "{failure}");
    }
}

#[tokio::test]
async fn without_keys_nothing_signed_is_sent() {
    let address = server(b"").await;
    let settings = Settings { rest_url: format!("http://{address}"), ..Settings::default() };
    let rest = Rest::new(&settings, None, SessionClock::wall(Clock::start()), None).expect("a client");
    let failure = rest.call(account::balance()).await.expect_err("no key");
    assert!(failure.to_string().contains("BINANCE_KEY"), "{failure}");
}

/// Neither half of the key, nor a signature, in anything that is shown.
#[tokio::test]
async fn no_secret_is_in_an_error_or_shown() {
    let echo = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 71\r\nconnection: close\r\n\r\n\
                 {\"code\":-2015,\"msg\":\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk may not do this.\"}\n";
    let mut shown = Vec::new();
    for rest in both_ways(&server(echo).await) {
        let told = format!("{:?}", rest.call(account::balance()).await);
        assert!(told.contains("[key] may not do this"), "{told}");
        shown.extend([format!("{rest:?}"), told]);
    }
    for answer in [b"".as_slice(), b"HTTP/1.1 200 OK\r\n"] {
        for rest in both_ways(&server(answer).await) {
            let failure = rest.call(account::balance()).await.expect_err("no answer");
            shown.push(format!("{failure} {failure:?}"));
        }
    }
    let keys = Credentials::new(&SecretString::from(KEY), &SecretString::from(SECRET)).expect("keys");
    shown.push(format!("{keys:?}"));
    for text in shown {
        assert!(!text.contains(KEY) && !text.contains(SECRET) && !text.contains("signature"), "{text}");
    }
}
