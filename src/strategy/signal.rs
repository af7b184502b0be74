//! A signal: an entry with its exits that has been found consistent. Nobody can make another kind.

use crate::protocol::Trailing;
use crate::types::{InstrumentId, Price, Rate, Rounding, Side, Words};

/// A consistent proposal to open a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal(Draft);

/// What a signal is made of, before it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// In which instrument.
    pub instrument: InstrumentId,
    /// Whose idea.
    pub strategy: &'static str,
    /// `Buy` opens a long.
    pub side: Side,
    /// The price that the exits are measured from: the close of the bar.
    pub entry: Price,
    /// Where the loss is taken.
    pub stop: Price,
    /// Where the gain is taken; none if the stop follows instead, or the strategy says when it is over.
    pub take_profit: Option<Price>,
    /// How the stop follows, if it does.
    pub trailing: Option<Trailing>,
    /// Why, in words.
    pub reason: Words,
}

/// What a signal must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Smallest distance of the take profit, in distances of the stop.
    pub reward_to_risk: Rate,
    /// Smallest distance of the stop from the entry.
    pub stop_distance: Rate,
    /// Does its strategy say itself when the position is over? If not, a take profit or a trailing stop must.
    pub leaves: bool,
}

/// A proposal that is not consistent, or that came when none could be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSignal {
    /// What was proposed.
    pub draft: Draft,
    /// What is wrong with it.
    pub refusal: Refusal,
}

/// What can be wrong with a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Trend, momentum or volatility are not known yet.
    RegimeUnknown,
    /// One of its prices or distances is nothing or less.
    NotAPrice,
    /// The stop is where the gain would be, or at the entry.
    StopOnWrongSide,
    /// The stop is so near that noise reaches it.
    StopTooNear,
    /// The take profit is where the loss would be, or at the entry.
    TakeProfitOnWrongSide,
    /// The gain is too small for the risk.
    RewardTooSmall,
    /// Neither a take profit nor a trailing stop ends it, nor the strategy itself.
    NoExit,
}

impl Refusal {
    /// The reason that it is counted and recorded under.
    pub const fn as_str(self) -> &'static str {
        match self {
            Refusal::RegimeUnknown => "regime_unknown",
            Refusal::NotAPrice => "not_a_price",
            Refusal::StopOnWrongSide => "stop_on_wrong_side",
            Refusal::StopTooNear => "stop_too_near",
            Refusal::TakeProfitOnWrongSide => "take_profit_on_wrong_side",
            Refusal::RewardTooSmall => "reward_too_small",
            Refusal::NoExit => "no_exit",
        }
    }
}

impl Signal {
    /// Looks at a draft and makes it a signal if everything fits together.
    ///
    /// # Errors
    /// The draft, with the first thing that is wrong with it.
    #[expect(clippy::result_large_err, reason = "either way it carries the whole draft")]
    pub fn new(draft: Draft, limits: &Limits) -> Result<Signal, RefusedSignal> {
        match find_fault(&draft, limits) {
            Some(refusal) => Err(RefusedSignal { draft, refusal }),
            None => Ok(Signal(draft)),
        }
    }

    /// In which instrument.
    pub fn instrument(&self) -> InstrumentId {
        self.0.instrument
    }
    /// The name of the strategy whose idea it is.
    pub fn strategy(&self) -> &'static str {
        self.0.strategy
    }
    /// `Buy` opens a long.
    pub fn side(&self) -> Side {
        self.0.side
    }
    /// The price that the exits are measured from; not rounded to a tick.
    pub fn entry(&self) -> Price {
        self.0.entry
    }
    /// Where the loss is taken; not rounded to a tick.
    pub fn stop(&self) -> Price {
        self.0.stop
    }
    /// Where the gain is taken; not rounded to a tick.
    pub fn take_profit(&self) -> Option<Price> {
        self.0.take_profit
    }
    /// How the stop follows, if it does.
    pub fn trailing(&self) -> Option<Trailing> {
        self.0.trailing
    }
    /// Why, in words.
    pub fn reason(&self) -> &Words {
        &self.0.reason
    }
    /// All of it, to be recorded.
    pub fn draft(&self) -> &Draft {
        &self.0
    }
}

fn find_fault(draft: &Draft, limits: &Limits) -> Option<Refusal> {
    let sign = draft.side.sign();
    let follows = |trailing: Trailing| {
        [trailing.activation, trailing.distance, trailing.min_move].into_iter().all(Price::is_positive)
    };
    let prices = [Some(draft.entry), Some(draft.stop), draft.take_profit];
    if !prices.into_iter().flatten().all(Price::is_positive) || !draft.trailing.is_none_or(follows) {
        return Some(Refusal::NotAPrice);
    }
    let risk = (draft.entry - draft.stop) * sign;
    if !risk.is_positive() {
        return Some(Refusal::StopOnWrongSide);
    }
    if risk.ratio_of(draft.entry, Rounding::Up) < limits.stop_distance {
        return Some(Refusal::StopTooNear);
    }
    let Some(take_profit) = draft.take_profit else {
        return (draft.trailing.is_none() && !limits.leaves).then_some(Refusal::NoExit);
    };
    let reward = (take_profit - draft.entry) * sign;
    if !reward.is_positive() {
        return Some(Refusal::TakeProfitOnWrongSide);
    }
    (reward.ratio_of(risk, Rounding::Up) < limits.reward_to_risk).then_some(Refusal::RewardTooSmall)
}
