//! A fuzzer for the server's whole surface: real requests and frames, mutated by structure and by bytes, from a seed.
//! Every well-formed request must be answered in time, whatever is in it; everything else must leave the server serving.
//! It runs against a process, so that a panic is the process's end.

pub mod dice;
mod http;
mod socket;
mod words;

use std::net::SocketAddr;

use crate::client::{Reply, Silence, Wire, now_ms};
use dice::Dice;

/// What has been tried.
#[derive(Debug, Default)]
pub struct Counts {
    pub requests: u64,
    /// Answers by the first digit of their status.
    pub answers: [u64; 6],
    pub raw: u64,
    pub frames: u64,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [_, _, good, _, refused, failed] = self.answers;
        write!(
            f,
            "{} requests ({good} answered well, {refused} refused, {failed} with 5xx), {} broken ones, {} messages on WebSockets",
            self.requests, self.raw, self.frames
        )
    }
}

/// One stream of cases.
pub struct Fuzzer {
    address: SocketAddr,
    seed: u64,
    case: u64,
    kept: Wire,
    pub counts: Counts,
}

impl Fuzzer {
    pub fn new(address: SocketAddr, seed: u64) -> Fuzzer {
        Fuzzer { address, seed, case: 0, kept: Wire::connect(address), counts: Counts::default() }
    }

    /// Tries the next case.
    ///
    /// # Errors
    /// What was sent, if the server has not behaved.
    pub fn step(&mut self) -> Result<(), String> {
        self.case += 1;
        let dice = &mut Dice::new(self.seed, self.case);
        let done = match dice.below(10) {
            0..=5 => self.request(dice),
            6 | 7 => self.raw(dice),
            _ => self.frames(dice),
        };
        done.map_err(|what| format!("seed {}, case {}: {what}", self.seed, self.case))
    }

    /// A well-formed request on a kept connection: it has to be answered.
    fn request(&mut self, dice: &mut Dice) -> Result<(), String> {
        let bytes = http::well_formed(dice, now_ms());
        self.counts.requests += 1;
        for again in [true, false] {
            self.kept.send(&bytes);
            match self.kept.reply() {
                Ok(reply) => return self.judge(&reply, &bytes),
                // The server may have ended the connection after the answer before.
                Err(Silence::Closed) if again => self.kept = Wire::connect(self.address),
                Err(silence) => return Err(format!("{silence:?} after {}", shown(&bytes))),
            }
        }
        Ok(())
    }

    fn judge(&mut self, reply: &Reply, asked: &[u8]) -> Result<(), String> {
        self.counts.answers[usize::from(reply.status / 100).min(5)] += 1;
        let json = serde_json::from_slice::<serde_json::Value>(&reply.body);
        match json {
            // 503 stands for the server's own contradictions; no fault is switched on.
            Ok(_) if reply.status != 503 => Ok(()),
            Ok(_) | Err(_) => {
                let body = String::from_utf8_lossy(&reply.body).chars().take(300).collect::<String>();
                Err(format!("{} {body} for {}", reply.status, shown(asked)))
            }
        }
    }

    /// Bytes that may mean nothing: the server answers or hangs up.
    fn raw(&mut self, dice: &mut Dice) -> Result<(), String> {
        let bytes = http::broken(dice, now_ms());
        self.counts.raw += 1;
        let mut wire = Wire::connect(self.address);
        wire.send(&bytes);
        wire.finish();
        match wire.until_closed() {
            Silence::Closed => Ok(()),
            Silence::Late => Err(format!("the connection stayed open after {}", shown(&bytes))),
        }
    }

    /// A WebSocket with frames of all kinds.
    fn frames(&mut self, dice: &mut Dice) -> Result<(), String> {
        let mut wire = Wire::connect(self.address);
        wire.send(&socket::upgrade(dice));
        let opened = wire.reply();
        if !opened.as_ref().is_ok_and(|reply| reply.status == 101) {
            return match opened {
                Ok(_) | Err(Silence::Closed) => Ok(()),
                Err(Silence::Late) => Err("an upgrade was not answered".to_owned()),
            };
        }
        let sent: Vec<Vec<u8>> = (0..=dice.below(6)).map(|_| socket::frames(dice, now_ms())).collect();
        for bytes in &sent {
            self.counts.frames += 1;
            if !wire.send(bytes) {
                break;
            }
        }
        wire.finish();
        match wire.until_closed() {
            Silence::Closed => Ok(()),
            Silence::Late => Err(format!("the connection stayed open after {}", shown(&sent.concat()))),
        }
    }
}

/// The beginning of what was sent, readable.
fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 2_000;
    bytes[..bytes.len().min(MOST)].escape_ascii().to_string()
}
