//! Every enabled strategy for every instrument, and what they propose when a bar closes.

use serde::{Deserialize, Serialize};

use crate::market::Need;
use crate::protocol::{Bar, Trailing};
use crate::types::{InstrumentId, Instruments, Price, Rate, Side, Symbol, Timeframe, Words};

use super::bollinger_reversion::BollingerReversion;
use super::donchian_breakout::DonchianBreakout;
use super::ema_cross::EmaCross;
use super::guest::{Guest, GuestSeat};
use super::oversold_bounce::OversoldBounce;
use super::regime::RegimeReader;
use super::short_the_rip::ShortTheRip;
use super::{
    Candle, Draft, Idea, Kind, Limits, Plan, Refusal, RefusedSignal, Regime, RegimeSettings, Settings, Signal,
    Situation, Strategy, TrailingPlan, UnknownRegime,
};

/// What a strategy proposes at the close of a bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposal {
    /// To open a position, or why that is out of the question.
    Enter(Result<Signal, RefusedSignal>),
    /// To close the position that it holds.
    Leave {
        /// Whose idea.
        strategy: &'static str,
        /// Why, in words.
        reason: Words,
    },
}

/// All strategies of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Desk {
    settings: Settings,
    regime: RegimeSettings,
    /// Laid out like [`Instruments`].
    seats: Vec<Seat>,
}

/// One strategy at a desk of its own.
#[derive(Debug, Clone)]
pub struct Alone {
    /// Its name.
    pub name: &'static str,
    /// The length of its bars.
    pub timeframe: Timeframe,
    /// The desk.
    pub desk: Desk,
}

/// One instrument.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seat {
    regime: RegimeReader,
    players: Vec<Player>,
}

/// One strategy, with the number of bars that it has seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Player {
    rules: Rules,
    seen: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Rules {
    OversoldBounce(OversoldBounce),
    ShortTheRip(ShortTheRip),
    EmaCross(EmaCross),
    DonchianBreakout(DonchianBreakout),
    BollingerReversion(BollingerReversion),
    Guest(GuestSeat),
}

impl Desk {
    /// Puts every enabled strategy to work on every instrument. The settings have been checked.
    pub fn new(settings: &Settings, regime: &RegimeSettings, instruments: &Instruments) -> Desk {
        let seat = |symbol: &Symbol| Seat {
            regime: RegimeReader::new(regime),
            players: Kind::ALL
                .into_iter()
                .filter(|kind| settings.is_enabled(*kind))
                .map(|kind| Player { rules: Rules::new(kind, settings, symbol), seen: 0 })
                .collect(),
        };
        Desk {
            seats: instruments.iter().map(|(_, instrument)| seat(&instrument.symbol)).collect(),
            settings: settings.clone(),
            regime: regime.clone(),
        }
    }

    /// The same desk with guests beside the strategies of the settings, after them in the order of asking.
    pub fn with_guests(mut self, guests: Vec<Guest>) -> Desk {
        for guest in guests {
            for (seat, rules) in self.seats.iter_mut().zip(guest.into_seats()) {
                seat.players.push(Player { rules: Rules::Guest(rules), seen: 0 });
            }
        }
        self
    }

    /// Each strategy at a desk of its own, for which no other's history is loaded.
    pub fn each_alone(&self) -> Vec<Alone> {
        let players = self.seats.first().map(|seat| seat.players.as_slice()).unwrap_or_default();
        let alone = |place: usize| {
            let seat = |seat: &Seat| Seat { players: vec![seat.players[place].clone()], ..seat.clone() };
            Desk { seats: self.seats.iter().map(seat).collect(), ..self.clone() }
        };
        let each = players.iter().enumerate().map(|(place, player)| {
            let strategy = player.rules.strategy();
            Alone { name: strategy.name(), timeframe: strategy.timeframe(), desk: alone(place) }
        });
        each.collect()
    }

    /// The history that the regime and the strategies want to have seen, each timeframe once.
    pub fn needs(&self) -> Vec<Need> {
        let players = self.seats.first().map(|seat| seat.players.as_slice()).unwrap_or_default();
        let theirs = players.iter().map(|player| {
            let strategy = player.rules.strategy();
            Need { timeframe: strategy.timeframe(), bars: strategy.warm_up() }
        });
        let all: Vec<Need> = self.regime.needs().into_iter().chain(theirs).collect();
        let longest = |timeframe| all.iter().filter(|need| need.timeframe == timeframe).map(|need| need.bars).max();
        Timeframe::ALL.into_iter().filter_map(|timeframe| Some(Need { timeframe, bars: longest(timeframe)? })).collect()
    }

    /// Shows a closed bar to all that look at its timeframe. Nothing is proposed on history (`live` is false),
    /// nor by a strategy that has not seen as many bars as it needs. `position` names the owner and the side
    /// of the instrument's open position; only its owner proposes to leave it, and never to enter it again.
    /// A bar of another table's instrument is ignored.
    pub fn on_bar(
        &mut self,
        id: InstrumentId,
        timeframe: Timeframe,
        bar: &Bar,
        live: bool,
        position: Option<(&str, Side)>,
    ) -> Vec<Proposal> {
        let Some(seat) = self.seats.get_mut(id.index()) else { return Vec::new() };
        let candle = Candle::from(bar);
        seat.regime.on_bar(timeframe, &candle, &self.regime);
        let regime = seat.regime.regime();
        let refused = !regime.is_known() && self.regime.unknown == UnknownRegime::Refuse;
        let mut proposals = Vec::new();
        for player in &mut seat.players {
            let strategy = player.rules.strategy_mut();
            if strategy.timeframe() != timeframe {
                continue;
            }
            player.seen = player.seen.saturating_add(1);
            let own = position.filter(|(owner, _)| *owner == strategy.name()).map(|(_, side)| side);
            let idea = strategy.on_bar(&candle, &Situation { bias: regime.bias(), position: own });
            let Some(idea) = idea else { continue };
            if live && player.seen >= strategy.warm_up() {
                let limits = Limits { leaves: strategy.leaves(), ..self.settings.limits() };
                let judge = Judge { id, strategy: strategy.name(), entry: bar.close, limits, refused };
                proposals.push(judge.propose(idea));
            }
        }
        proposals
    }

    /// The instrument's regime, as far as it is known.
    pub fn regime(&self, id: InstrumentId) -> Regime {
        self.seats.get(id.index()).map(|seat| seat.regime.regime()).unwrap_or_default()
    }

    /// What the size of a position in the instrument is multiplied by; never above all of it.
    pub fn volatility_factor(&self, id: InstrumentId) -> Rate {
        self.regime.factor(self.regime(id).volatility)
    }
}

impl Rules {
    fn new(kind: Kind, settings: &Settings, symbol: &Symbol) -> Rules {
        match kind {
            Kind::OversoldBounce => Rules::OversoldBounce(OversoldBounce::new(&settings.oversold_bounce, symbol)),
            Kind::ShortTheRip => Rules::ShortTheRip(ShortTheRip::new(&settings.short_the_rip, symbol)),
            Kind::EmaCross => Rules::EmaCross(EmaCross::new(&settings.ema_cross)),
            Kind::DonchianBreakout => Rules::DonchianBreakout(DonchianBreakout::new(&settings.donchian_breakout)),
            Kind::BollingerReversion => {
                Rules::BollingerReversion(BollingerReversion::new(&settings.bollinger_reversion))
            }
        }
    }

    fn strategy(&self) -> &dyn Strategy {
        match self {
            Rules::OversoldBounce(strategy) => strategy,
            Rules::ShortTheRip(strategy) => strategy,
            Rules::EmaCross(strategy) => strategy,
            Rules::DonchianBreakout(strategy) => strategy,
            Rules::BollingerReversion(strategy) => strategy,
            Rules::Guest(seat) => seat.strategy(),
        }
    }

    fn strategy_mut(&mut self) -> &mut dyn Strategy {
        match self {
            Rules::OversoldBounce(strategy) => strategy,
            Rules::ShortTheRip(strategy) => strategy,
            Rules::EmaCross(strategy) => strategy,
            Rules::DonchianBreakout(strategy) => strategy,
            Rules::BollingerReversion(strategy) => strategy,
            Rules::Guest(seat) => seat.strategy_mut(),
        }
    }
}

/// Turns a strategy's idea into a proposal.
struct Judge {
    id: InstrumentId,
    strategy: &'static str,
    entry: Price,
    limits: Limits,
    /// Is the regime unknown, and is that a reason to refuse?
    refused: bool,
}

impl Judge {
    fn propose(&self, idea: Idea) -> Proposal {
        match idea {
            Idea::Leave(reason) => Proposal::Leave { strategy: self.strategy, reason },
            Idea::Enter(plan) => {
                let draft = self.draft(plan);
                Proposal::Enter(if self.refused {
                    Err(RefusedSignal { draft, refusal: Refusal::RegimeUnknown })
                } else {
                    Signal::new(draft, &self.limits)
                })
            }
        }
    }

    fn draft(&self, plan: Plan) -> Draft {
        let favour = plan.side.sign();
        Draft {
            instrument: self.id,
            strategy: self.strategy,
            side: plan.side,
            entry: self.entry,
            stop: self.entry - amount(plan.stop) * favour,
            take_profit: plan.take_profit.map(|distance| self.entry + amount(distance) * favour),
            trailing: plan.trailing.map(|TrailingPlan { activation, distance, step }| Trailing {
                activation: amount(activation),
                distance: amount(distance),
                min_move: amount(step),
            }),
            reason: plan.reason,
        }
    }
}

/// A distance in the books. One that is no number becomes nothing, which no signal is accepted with.
fn amount(distance: f64) -> Price {
    Price::from_f64(distance).unwrap_or(Price::ZERO)
}
