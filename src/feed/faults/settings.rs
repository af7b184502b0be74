//! Which faults are rehearsed, and when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::FeedError;
use crate::types::{Rate, Span, Symbol};

/// Longest scheduled fault. A feed that is silent for longer is looked through record by record within one call.
const LONGEST: Span = Span::DAY;
/// Longest random fault: whether one is going on is looked up for each minute that it may have begun in.
const LONGEST_RANDOM: Span = Span::mins(10);
/// Most scheduled faults: each record is held against all of them.
const MOST: usize = 1_000;

/// `[faults.feed]`: rehearsed faults of the market data. All chances are zero unless set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Chance that a symbol falls silent, for each of its minutes.
    pub stall: Rate,
    /// Chance that a symbol begins to lose its bars, for each of its minutes.
    pub gap: Rate,
    /// Chance that the whole feed falls silent and does not answer, for each minute.
    pub outage: Rate,
    /// How long a random stall, gap or outage lasts.
    pub lasts: Span,
    /// Chance that a record comes twice.
    pub duplicate: Rate,
    /// Chance that a record comes only after the next one of its kind and symbol.
    pub out_of_order: Rate,
    /// Chance that a record is replaced by nonsense.
    pub garbage: Rate,
    /// Faults at set times.
    pub schedule: Vec<Scheduled>,
}

/// `[[faults.feed.schedule]]`: one fault at a set time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scheduled {
    /// When it begins, in session time from the session's start.
    pub after: Span,
    /// How long it lasts.
    #[serde(rename = "for")]
    pub lasts: Span,
    /// What happens.
    pub kind: FaultKind,
    /// To which symbol; to all of them if not given.
    #[serde(default)]
    pub symbol: Option<Symbol>,
}

/// What can happen to market data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Nothing comes.
    Stall,
    /// Bars do not come; the rest does.
    Gap,
    /// Every record comes twice.
    Duplicate,
    /// Half of the records come after the next one of their kind.
    OutOfOrder,
    /// Every record is replaced by nonsense.
    Garbage,
    /// Nothing comes of any symbol, and the feed's history does not answer.
    Outage,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            stall: Rate::ZERO,
            gap: Rate::ZERO,
            outage: Rate::ZERO,
            lasts: Span::secs(30),
            duplicate: Rate::ZERO,
            out_of_order: Rate::ZERO,
            garbage: Rate::ZERO,
            schedule: Vec::new(),
        }
    }
}

impl Settings {
    /// Is anything rehearsed?
    pub fn is_quiet(&self) -> bool {
        self.schedule.is_empty() && self.chances().iter().all(|(_, chance)| chance.is_zero())
    }

    /// Is every value in its range?
    ///
    /// # Errors
    /// Names the setting, its value and what would be right.
    pub fn check(&self) -> Result<(), FeedError> {
        for (name, chance) in self.chances() {
            if chance.is_negative() || chance > Rate::ONE {
                return Err(FeedError::setting(&format!("faults.feed.{name}"), chance, "use from 0% to 100%"));
            }
        }
        if self.lasts < Span::SECOND || self.lasts > LONGEST_RANDOM {
            let remedy = format!("use from 1s to {LONGEST_RANDOM}");
            return Err(FeedError::setting("faults.feed.lasts", self.lasts, remedy));
        }
        if self.schedule.len() > MOST {
            let remedy = format!("give at most {MOST} entries");
            return Err(FeedError::setting("faults.feed.schedule", self.schedule.len(), remedy));
        }
        for one in &self.schedule {
            if one.lasts <= Span::ZERO || one.lasts > LONGEST {
                let remedy = format!("use from 1ms to {LONGEST}");
                return Err(FeedError::setting("faults.feed.schedule.for", one.lasts, remedy));
            }
            if one.after < Span::ZERO {
                return Err(FeedError::setting("faults.feed.schedule.after", one.after, "use 0s or more"));
            }
        }
        Ok(())
    }

    fn chances(&self) -> [(&'static str, Rate); 6] {
        [
            ("stall", self.stall),
            ("gap", self.gap),
            ("outage", self.outage),
            ("duplicate", self.duplicate),
            ("out_of_order", self.out_of_order),
            ("garbage", self.garbage),
        ]
    }
}
