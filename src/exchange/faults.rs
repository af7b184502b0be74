//! Rehearsed faults of the venue: on a schedule, or at random from the session's seed.

use rand_xoshiro::Xoshiro256PlusPlus;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::random;
use crate::types::{Rate, Span, Symbol, Timestamp};

/// What can go wrong at a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The order is accepted, and its answer is lost.
    AnswerLost,
    /// The order never arrives, and nothing says so.
    OrderLost,
    /// A fill from before a cancel is reported after it.
    LateFill,
    /// The order is refused for no fault of ours.
    Reject,
    /// The request is refused by the rate limit.
    RateLimit,
    /// Nothing arrives and nothing is answered.
    Outage,
    /// Everything takes fifty times as long.
    LatencySpike,
    /// Our clock is off by more than the window allows.
    ClockJump,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::AnswerLost,
        Kind::OrderLost,
        Kind::LateFill,
        Kind::Reject,
        Kind::RateLimit,
        Kind::Outage,
        Kind::LatencySpike,
        Kind::ClockJump,
    ];
}

/// Faults of the venue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Faults at set times.
    pub schedule: Vec<Scheduled>,
    /// Faults at random: each request draws for each.
    pub random: Vec<Random>,
    /// Randomness ends this long after the session's first market data; never, if it is not set.
    pub random_until: Option<Span>,
}

/// A fault at a set time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// What goes wrong.
    pub kind: Kind,
    /// From this long after the session's first market data.
    pub after: Span,
    /// For this long.
    #[serde(rename = "for")]
    pub lasting: Span,
    /// On this symbol alone; on all, if none is given.
    #[serde(default)]
    pub symbol: Option<Symbol>,
}

/// A fault at random.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Random {
    /// What goes wrong.
    pub kind: Kind,
    /// How often, of the requests that it can strike.
    pub rate: Rate,
}

impl Settings {
    /// Checks every setting.
    ///
    /// # Errors
    /// The setting, its value and the remedy, in words.
    pub fn check(&self) -> Result<(), String> {
        for one in &self.random {
            if one.rate.is_negative() || one.rate > Rate::ONE {
                return Err(format!("`faults.random` has a rate of {}; set it between 0% and 100%", one.rate));
            }
        }
        match self.schedule.iter().find(|one| !one.lasting.to_std().as_nanos().gt(&0)) {
            Some(one) => Err(format!("`faults.schedule` has {:?} for {}; set `for` above 0s", one.kind, one.lasting)),
            None => Ok(()),
        }
    }

    /// Does this fault strike now? Draws the same number of random figures whatever the answer.
    pub(super) fn strikes(
        &self,
        kind: Kind,
        since_start: Span,
        symbol: Option<&Symbol>,
        rng: &mut Xoshiro256PlusPlus,
    ) -> bool {
        let planned = self.schedule.iter().any(|one| {
            let here = one.symbol.as_ref().is_none_or(|wanted| symbol == Some(wanted));
            one.kind == kind && here && since_start >= one.after && since_start < one.after + one.lasting
        });
        let over = self.random_until.is_some_and(|until| since_start >= until);
        let mut drawn = false;
        for one in self.random.iter().filter(|one| one.kind == kind) {
            drawn |= random::chance(rng, one.rate);
        }
        planned || (drawn && !over)
    }

    /// Is there anything to rehearse?
    pub fn is_empty(&self) -> bool {
        Kind::ALL.into_iter().all(|kind| {
            !self.schedule.iter().any(|one| one.kind == kind) && !self.random.iter().any(|one| one.kind == kind)
        })
    }
}

/// How long after the start of the market an instant is.
pub(super) fn since(start: Option<Timestamp>, at: Timestamp) -> Span {
    start.map_or(Span::ZERO, |start| at.since(start))
}

/// How many times longer everything takes in a latency spike.
pub(super) const SPIKE: i64 = 50;
/// After this long without an answer a client gives up waiting: what it then hears is that there was none.
pub(super) const ANSWER_TIMEOUT: Span = Span::SECOND;
/// How late a late fill is.
pub(super) const LATE_FILL: Span = Span::secs(2);
