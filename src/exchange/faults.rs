//! What goes wrong at the simulated exchange, and between it and us: on a schedule, or at random from a seed.
//! Without a schedule and without chances nothing is drawn and nothing happens.
//!
//! | kind | what happens |
//! |---|---|
//! | `request_lost` | the request never arrives; the client is told that no answer came |
//! | `request_late` | no answer, and the request arrives in the second half of its receive window |
//! | `answer_lost` | the request is carried out, its answer is lost, and pushed reports are held for `stream_hold` |
//! | `reject` | an order is refused with −2010 |
//! | `rate_limit` | the request is refused with −1003; a poll or a cancel has failed |
//! | `stop_rejected` | a conditional order is refused with −2021 |
//! | `late_fill` | half of a resting order is filled just before it is cancelled, and the fill is reported after the end |
//! | `outage` | nothing arrives and nothing is answered; pushed reports come when it is over |
//! | `latency_spike` | requests and reports take `spike` longer |
//! | `clock_jump` | the venue's clock is `clock_jump` ahead, so that requests stamped by the old offset are refused with −1021 |
//! | `late_visibility` | orders younger than `visibility_lag` are not found and not listed |
//!
//! The last four last for a while; the others hit one request. A fault of one symbol hits the requests that name
//! it, and an outage of one symbol does not hold the stream.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::latency::Dice;
use super::settings::SettingError;
use crate::types::{Rate, Span, Symbol, Timestamp};

/// Most entries of a schedule: more than a person writes.
const MAX_SCHEDULE: usize = 1_000;

/// Faults of the simulated exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Seed of what is drawn by chance.
    pub seed: u64,
    /// What happens when, counted from the start of the session.
    pub schedule: Vec<Scheduled>,
    /// How likely each kind is, by request.
    pub chances: Chances,
    /// How long after a request the client gives its answer up.
    pub answer_timeout: Span,
    /// How long pushed reports are held after an answer was lost.
    pub stream_hold: Span,
    /// How long after its cancel a late fill is reported.
    pub late_fill_after: Span,
    /// By how much a latency spike delays each message.
    pub spike: Span,
    /// How far the venue's clock jumps ahead.
    pub clock_jump: Span,
    /// How young an order is that cannot be seen yet.
    pub visibility_lag: Span,
    /// How long an outage, spike, jump or time of late visibility lasts that came by chance.
    pub random_lasts: Span,
}

/// An entry of the schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// From this long after the start of the session on.
    pub after: Span,
    /// For this long; without it, once.
    #[serde(rename = "for", default)]
    pub lasts: Span,
    /// What happens.
    pub kind: FaultKind,
    /// To requests about this symbol only.
    #[serde(default)]
    pub symbol: Option<Symbol>,
}

/// Chances of each kind, by request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Chances {
    /// Of `request_lost`.
    pub request_lost: Rate,
    /// Of `request_late`.
    pub request_late: Rate,
    /// Of `answer_lost`.
    pub answer_lost: Rate,
    /// Of `reject`.
    pub reject: Rate,
    /// Of `rate_limit`.
    pub rate_limit: Rate,
    /// Of `stop_rejected`.
    pub stop_rejected: Rate,
    /// Of `late_fill`.
    pub late_fill: Rate,
    /// That an outage begins.
    pub outage: Rate,
    /// That a latency spike begins.
    pub latency_spike: Rate,
    /// That the venue's clock jumps.
    pub clock_jump: Rate,
    /// That a time of late visibility begins.
    pub late_visibility: Rate,
}

/// A kind of fault; the table above says what each does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A request never arrives.
    RequestLost,
    /// A request arrives late and is not answered.
    RequestLate,
    /// A request is carried out and not answered.
    AnswerLost,
    /// An order is refused.
    Reject,
    /// A request is refused for the rate of requests.
    RateLimit,
    /// A conditional order is refused.
    StopRejected,
    /// A fill is reported after the order's end.
    LateFill,
    /// The venue is away.
    Outage,
    /// Messages take longer.
    LatencySpike,
    /// The venue's clock is ahead.
    ClockJump,
    /// Young orders cannot be seen.
    LateVisibility,
}

impl FaultKind {
    /// Does it last for a while, in place of hitting one request?
    pub const fn lasts(self) -> bool {
        match self {
            FaultKind::Outage | FaultKind::LatencySpike | FaultKind::ClockJump | FaultKind::LateVisibility => true,
            FaultKind::RequestLost
            | FaultKind::RequestLate
            | FaultKind::AnswerLost
            | FaultKind::Reject
            | FaultKind::RateLimit
            | FaultKind::StopRejected
            | FaultKind::LateFill => false,
        }
    }
}

impl FaultKind {
    /// Is it of the connection or the venue as a whole?
    const fn is_global(self) -> bool {
        match self {
            FaultKind::LatencySpike | FaultKind::ClockJump => true,
            FaultKind::RequestLost
            | FaultKind::RequestLate
            | FaultKind::AnswerLost
            | FaultKind::Reject
            | FaultKind::RateLimit
            | FaultKind::StopRejected
            | FaultKind::LateFill
            | FaultKind::Outage
            | FaultKind::LateVisibility => false,
        }
    }
}

impl Chances {
    const fn of(&self, kind: FaultKind) -> Rate {
        match kind {
            FaultKind::RequestLost => self.request_lost,
            FaultKind::RequestLate => self.request_late,
            FaultKind::AnswerLost => self.answer_lost,
            FaultKind::Reject => self.reject,
            FaultKind::RateLimit => self.rate_limit,
            FaultKind::StopRejected => self.stop_rejected,
            FaultKind::LateFill => self.late_fill,
            FaultKind::Outage => self.outage,
            FaultKind::LatencySpike => self.latency_spike,
            FaultKind::ClockJump => self.clock_jump,
            FaultKind::LateVisibility => self.late_visibility,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            seed: 1,
            schedule: Vec::new(),
            chances: Chances::default(),
            answer_timeout: Span::secs(3),
            stream_hold: Span::secs(10),
            late_fill_after: Span::secs(3),
            spike: Span::secs(2),
            clock_jump: Span::secs(3),
            visibility_lag: Span::SECOND,
            random_lasts: Span::secs(30),
        }
    }
}

const ALL_KINDS: [FaultKind; 11] = [
    FaultKind::RequestLost,
    FaultKind::RequestLate,
    FaultKind::AnswerLost,
    FaultKind::Reject,
    FaultKind::RateLimit,
    FaultKind::StopRejected,
    FaultKind::LateFill,
    FaultKind::Outage,
    FaultKind::LatencySpike,
    FaultKind::ClockJump,
    FaultKind::LateVisibility,
];

impl Settings {
    /// Checks every value.
    ///
    /// # Errors
    /// The first setting that cannot be used, with a remedy.
    pub fn check(&self) -> Result<(), SettingError> {
        for kind in ALL_KINDS {
            let chance = self.chances.of(kind);
            if chance.is_negative() || chance > Rate::percent(100) {
                return Err(SettingError::new("chances", chance, "write a ratio from 0% to 100%"));
            }
        }
        let spans = [
            ("answer_timeout", self.answer_timeout),
            ("stream_hold", self.stream_hold),
            ("late_fill_after", self.late_fill_after),
            ("spike", self.spike),
            ("clock_jump", self.clock_jump),
            ("visibility_lag", self.visibility_lag),
            ("random_lasts", self.random_lasts),
        ];
        for (setting, span) in spans {
            if span < Span::ZERO || span > Span::HOUR {
                return Err(SettingError::new(setting, span, "write at most an hour"));
            }
        }
        if self.schedule.len() > MAX_SCHEDULE {
            let value = format!("of {} entries", self.schedule.len());
            return Err(SettingError::new("schedule", value, "give at most a thousand"));
        }
        for entry in &self.schedule {
            if entry.after < Span::ZERO || entry.lasts < Span::ZERO {
                return Err(SettingError::new("schedule", entry.after, "write spans from 0ms up"));
            }
            if entry.kind.lasts() && entry.lasts == Span::ZERO {
                let value = format!("{:?} at {}", entry.kind, entry.after);
                return Err(SettingError::new("schedule", value, "say `for` how long"));
            }
            if entry.kind.is_global() && entry.symbol.is_some() {
                let value = format!("{:?} of one symbol", entry.kind);
                return Err(SettingError::new("schedule", value, "leave the symbol out: it is the same for all"));
            }
        }
        Ok(())
    }
}

/// The faults of a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Faults {
    pub settings: Settings,
    start: Timestamp,
    dice: Dice,
    /// Which entries of the schedule that happen once have happened.
    spent: Vec<bool>,
    /// What came by chance and lasts, and until when.
    lasting: BTreeMap<FaultKind, Timestamp>,
    /// Can nothing happen at all?
    quiet: bool,
}

impl Faults {
    pub(super) fn new(settings: Settings, start: Timestamp) -> Faults {
        let quiet = settings.schedule.is_empty() && ALL_KINDS.iter().all(|kind| settings.chances.of(*kind).is_zero());
        let (dice, spent) = (Dice::new(settings.seed), vec![false; settings.schedule.len()]);
        Faults { settings, start, dice, spent, lasting: BTreeMap::new(), quiet }
    }

    /// Does this kind hit the request at hand?
    pub(super) fn strikes(&mut self, kind: FaultKind, at: Timestamp, symbol: Option<&Symbol>) -> bool {
        if self.quiet {
            return false;
        }
        for (entry, spent) in self.settings.schedule.iter().zip(&mut self.spent) {
            let concerned = entry.symbol.is_none() || entry.symbol.as_ref() == symbol;
            let begin = self.start + entry.after;
            if entry.kind != kind || !concerned || at < begin {
                continue;
            }
            if entry.lasts > Span::ZERO && at < begin + entry.lasts {
                return true;
            }
            if entry.lasts == Span::ZERO && !*spent {
                *spent = true;
                return true;
            }
        }
        self.draw(kind)
    }

    /// Lets faults that last begin by chance; called once for each request. One that holds does not begin again, so
    /// that a client that asks whether it is over does not draw it out.
    pub(super) fn begin_lasting(&mut self, at: Timestamp) {
        if self.quiet {
            return;
        }
        for kind in ALL_KINDS.into_iter().filter(|kind| kind.lasts()) {
            let holds = self.lasting.get(&kind).is_some_and(|until| at < *until);
            if self.draw(kind) && !holds {
                self.lasting.insert(kind, at + self.settings.random_lasts);
            }
        }
    }

    /// Until when a fault that lasts holds; none if it does not hold now.
    pub(super) fn holds_until(&self, kind: FaultKind, at: Timestamp, symbol: Option<&Symbol>) -> Option<Timestamp> {
        if self.quiet {
            return None;
        }
        let by_chance = self.lasting.get(&kind).copied().filter(|until| at < *until);
        let scheduled = self.settings.schedule.iter().filter_map(|entry| {
            let begin = self.start + entry.after;
            let until = begin + entry.lasts;
            let concerned = entry.symbol.is_none() || entry.symbol.as_ref() == symbol;
            (entry.kind == kind && concerned && at >= begin && at < until).then_some(until)
        });
        scheduled.chain(by_chance).max()
    }

    /// By how much messages are delayed now.
    pub(super) fn spike(&self, at: Timestamp) -> Span {
        self.holds_until(FaultKind::LatencySpike, at, None).map_or(Span::ZERO, |_| self.settings.spike)
    }

    /// Venue time minus true time.
    pub(super) fn clock_offset(&self, at: Timestamp) -> Span {
        self.holds_until(FaultKind::ClockJump, at, None).map_or(Span::ZERO, |_| self.settings.clock_jump)
    }

    /// An instant in the second half of the receive window of a request sent at `sent`.
    pub(super) fn late_arrival(&mut self, sent: Timestamp, window: Span) -> Timestamp {
        let half = window.as_nanos().max(2) / 2;
        let more = self.dice.below(half.unsigned_abs());
        sent + Span::nanos(half) + Span::nanos(i64::try_from(more).unwrap_or_default())
    }

    fn draw(&mut self, kind: FaultKind) -> bool {
        /// Parts of a whole that chances are compared in.
        const WHOLE: u64 = 1_000_000_000_000;
        let chance = self.settings.chances.of(kind);
        if chance.is_zero() {
            return false;
        }
        let drawn = i64::try_from(self.dice.below(WHOLE)).unwrap_or(i64::MAX);
        Rate::new(drawn, 12) < chance
    }
}
