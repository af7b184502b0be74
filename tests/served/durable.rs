//! A server that is killed while orders pour in: what it has accepted is there when it comes back.

use std::sync::mpsc::channel;

use crate::client::{Wire, now_ms, request, signature};
use crate::server::Served;

/// A request of the demo account, stamped and signed.
fn signed(method: &str, path: &str, form: &str) -> Vec<u8> {
    let form = format!("{form}&recvWindow=60000&timestamp={}", now_ms());
    let signature = signature(form.as_bytes());
    request(method, path, &format!("{form}&signature={signature}"), "")
}

#[test]
fn no_accepted_order_is_lost_when_the_server_is_killed_under_load() {
    const CLIENTS: usize = 4;
    /// Accepted orders after which it is killed, whatever is on its way.
    const ACCEPTED: usize = 200;
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let state = folder.path().join("state.sqlite").to_string_lossy().into_owned();
    let flags = ["--no-rate-limits", "--state", &state];
    let mut served = Served::shipped(&flags);
    let (sender, accepted) = channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (address, sender) = (served.address, sender.clone());
            std::thread::spawn(move || {
                let mut wire = Wire::connect(address);
                for order in 0_u32.. {
                    let (side, name) = (if order % 2 == 0 { "BUY" } else { "SELL" }, format!("c{client}-{order}"));
                    let form = format!("symbol=BTCUSDT&side={side}&type=MARKET&quantity=0.002&newClientOrderId={name}");
                    let sent = wire.send(&signed("POST", "/fapi/v1/order", &form));
                    match wire.reply() {
                        Ok(reply) if sent && reply.status == 200 => drop(sender.send(name)),
                        Ok(reply) => panic!("{}: {}", reply.status, String::from_utf8_lossy(&reply.body)),
                        Err(_) => return,
                    }
                }
            })
        })
        .collect();
    drop(sender);
    let mut names: Vec<String> = accepted.iter().take(ACCEPTED).collect();
    served.daemon.child.kill().expect("the server is there");
    clients.into_iter().for_each(|client| client.join().expect("every order was accepted or broken off"));
    names.extend(accepted.iter());
    assert!(names.len() >= ACCEPTED);
    drop(served);

    served = Served::shipped(&flags);
    let mut wire = Wire::connect(served.address);
    for name in &names {
        wire.send(&signed("GET", "/fapi/v1/order", &format!("symbol=BTCUSDT&origClientOrderId={name}")));
        let reply = wire.reply().expect("an answer");
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(reply.status == 200 && text.contains("\"FILLED\""), "{name}: {} {text}", reply.status);
    }
    served.serves();
}
