//! Floor 4: the engine. It composes the rooms below in one fixed order of six steps, is total, and has no clock,
//! no input or output, and no chance in it: the same events give the same actions.

#![deny(clippy::float_arithmetic)]

mod absorb;
mod attention;
mod calm;
mod commit;
mod decide;
mod fees;
mod judge;
mod leave;
mod protect;
mod reconcile;
mod settings;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use settings::{EntryStyle, Foreign, OnHalt, OnStop, Settings};

use crate::market::{Absorbed, Market, Need};
use crate::orders::{Orders, ProtectionState};
use crate::portfolio::Portfolio;
use crate::protocol::{Actions, Event, ExitReason, FeedShape, MarketEvent};
use crate::risk::Risk;
use crate::strategy::{Desk, Guest};
use crate::types::{IdScope, InstrumentId, Instruments, Price, Timestamp, Usdt};
use attention::{Attention, Watched};
use calm::Calm;
use fees::FeesInKind;
use reconcile::Reconciliation;

/// The settings of every room that the engine composes.
#[derive(Debug, Clone)]
pub struct Rooms {
    /// The engine's own.
    pub engine: Settings,
    /// Market data.
    pub market: crate::market::Settings,
    /// Orders.
    pub orders: crate::orders::Settings,
    /// Strategies.
    pub strategy: crate::strategy::Settings,
    /// Market regime.
    pub regime: crate::strategy::RegimeSettings,
    /// Risk.
    pub risk: crate::risk::Settings,
}

/// Who trades: what client order ids are made of, but for the epoch, which the ledger knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Four letters or digits that stand for the account.
    pub account: [u8; 4],
    /// Two that were drawn with the state folder.
    pub instance: [u8; 2],
}

/// What the engine knows of one instrument beyond what the rooms know.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Slot {
    /// How the position's protection stands.
    protection: ProtectionState,
    /// Why the position is being closed, once it is.
    closing: Option<ExitReason>,
    /// Is it being closed for nothing but want of a stop?
    for_want_of_stop: bool,
    /// Why it was being closed before that was called off: an exit on its way may still fill.
    called_off: Option<ExitReason>,
    /// How often that was looked at since, up to a limit.
    exits: u32,
    /// When to look whether the exit has done its work, or another must follow.
    exit_again: Option<Timestamp>,
    /// Was price beyond the stop when protection was last looked at?
    beyond_stop: bool,
    /// The best price of a trailing position that was last written.
    best_kept: Option<Price>,
    /// Has a trailing stop moved since the entry?
    stop_moved: bool,
    /// Did a fill of this position depend on the path inside a bar?
    path_dependent: bool,
    /// Why nothing is entered here any more until a person says so.
    halted: Option<String>,
    /// Is a gap of its bars being filled?
    gapped: bool,
    /// Was the loss of its data told?
    lost_told: bool,
    /// When its position or one of its orders last changed.
    moved_at: Timestamp,
    /// Must protection be looked at in this step?
    touched: bool,
}

/// What is counted over the session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Totals {
    iterations: u64,
    accepted: u64,
    rejected: BTreeMap<String, u64>,
    orders: u64,
    fills: u64,
    opened: u64,
    closed: u64,
    exits: BTreeMap<ExitReason, u64>,
    wins: u64,
    losses: u64,
}

/// Is the daemon ending?
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Ending {
    #[default]
    No,
    Keep,
    Flatten,
}

/// The engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Engine {
    settings: Settings,
    instruments: Instruments,
    market: Market,
    desk: Desk,
    orders: Watched<Orders>,
    /// When an order next wants something, or an earlier instant.
    orders_due: Option<Timestamp>,
    /// Is it that instant itself?
    #[serde(skip)]
    orders_due_is_exact: bool,
    portfolio: Portfolio,
    risk: Risk,
    slots: Vec<Slot>,
    attention: Attention,
    /// The bars that the step at hand closed; kept for its room in memory.
    #[serde(skip)]
    absorbed: Absorbed,
    #[serde(skip)]
    calm: Calm,
    reconciliation: Reconciliation,
    totals: Totals,
    fees_in_kind: FeesInKind,
    ending: Ending,
    freshness_seen: Timestamp,
    at: Timestamp,
}

impl Engine {
    /// An engine that has seen nothing.
    pub fn new(rooms: Rooms, identity: Identity, instruments: &Instruments, shape: FeedShape) -> Engine {
        Engine::with_guests(rooms, Vec::new(), identity, instruments, shape)
    }

    /// The same with strategies that come as code beside those of the settings. It cannot be recorded.
    pub fn with_guests(
        rooms: Rooms,
        guests: Vec<Guest>,
        identity: Identity,
        instruments: &Instruments,
        shape: FeedShape,
    ) -> Engine {
        let scope = IdScope { account: identity.account, instance: identity.instance, epoch: 0 };
        let desk = Desk::new(&rooms.strategy, &rooms.regime, instruments).with_guests(guests);
        let market = Market::new(instruments, shape, &desk.needs(), rooms.market);
        Engine {
            market,
            desk,
            orders: Watched::new(Orders::new(rooms.orders, scope)),
            orders_due: None,
            orders_due_is_exact: false,
            portfolio: Portfolio::new(instruments, Usdt::ZERO),
            risk: Risk::new(rooms.risk, instruments),
            slots: vec![Slot::default(); instruments.len()],
            attention: Attention::new(instruments.len()),
            absorbed: Absorbed::default(),
            calm: Calm::default(),
            reconciliation: Reconciliation::default(),
            totals: Totals::default(),
            fees_in_kind: FeesInKind::default(),
            ending: Ending::No,
            freshness_seen: Timestamp::EPOCH,
            at: Timestamp::EPOCH,
            settings: rooms.engine,
            instruments: instruments.clone(),
        }
    }

    /// The same for real money: sizes are taken from no more than the capital that was set.
    pub fn capped_to_capital(self) -> Engine {
        Engine { risk: self.risk.capped_to_capital(), ..self }
    }

    /// Takes in one event and says what is to be done. Total: whatever comes, it gives an answer.
    pub fn on_event(&mut self, at: Timestamp, event: &Event, out: &mut Actions) {
        if let Event::Market(event) = event {
            self.on_market(at, event, out);
            return;
        }
        self.calm.end();
        self.attend(at);
        self.absorb(at, event, out);
        self.judge(at, matches!(event, Event::Timer), out);
        self.reconcile(at, out);
        if let Event::Command(command) = event {
            self.obey(at, command, out);
        }
        self.act(at, out);
    }

    /// The same as [`Engine::on_event`] with a piece of market data, which nearly all events are. False if nothing but the
    /// market changed by it, so that deadlines were put off at most.
    pub fn on_market(&mut self, at: Timestamp, event: &MarketEvent, out: &mut Actions) -> bool {
        let other = self.the_long_way(at, event, out);
        let calm = self.stays_calm(at, event, out);
        let changed = !(calm && self.absorbed.closed.is_empty()) && self.follow(at, event, calm, out);
        if let Some(other) = other {
            self.assert_same(out, other);
        }
        changed
    }

    /// What follows from market data that was taken in. False if it is nothing.
    fn follow(&mut self, at: Timestamp, event: &MarketEvent, calm: bool, out: &mut Actions) -> bool {
        if !calm {
            self.judge(at, false, out);
            self.reconcile(at, out);
            self.chase(at, out);
        }
        self.decide(at, out);
        if calm && out.is_empty() && !self.is_stirred() {
            self.end_iteration(at, out);
            return false;
        }
        self.protect(at, out);
        let quiet = out.is_empty();
        self.end_iteration(at, out);
        self.settle();
        self.becalm(at, event, quiet);
        true
    }

    /// The facts are in: what follows from them.
    fn act(&mut self, at: Timestamp, out: &mut Actions) {
        self.chase(at, out);
        self.decide(at, out);
        self.protect(at, out);
        self.end_iteration(at, out);
        self.settle();
    }

    /// Equity is written once in each closed minute.
    fn end_iteration(&mut self, at: Timestamp, out: &mut Actions) {
        if self.market.iterations() != self.totals.iterations {
            self.totals.iterations = self.market.iterations();
            self.write_equity(at, out);
            self.write_memory(out);
        }
    }

    /// When it wants to be called next, if nothing else happens. Whoever is due does what it is due for in that step
    /// and names a later instant, so that time always moves on.
    pub fn next_deadline(&mut self) -> Option<Timestamp> {
        self.market.next_deadline();
        self.find_orders_due();
        self.earliest_deadline()
    }

    /// The same or an earlier instant, without searching.
    pub fn earliest_deadline(&self) -> Option<Timestamp> {
        Timestamp::earliest([self.own_deadline(), self.market.earliest_deadline()])
    }

    /// When it wants to be called whatever comes of the market.
    fn own_deadline(&self) -> Option<Timestamp> {
        Timestamp::earliest([
            self.attention.next(),
            self.orders_due,
            self.reconciliation.next_deadline(),
            self.risk.next_deadline(self.at),
        ])
    }

    /// The history to load before trading at `at`.
    pub fn history_plan(&self, at: Timestamp) -> Vec<Need> {
        self.market.history_plan(at)
    }

    /// All that the engine knows, for a recording that replays from here.
    pub fn snapshot(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// An engine from a snapshot.
    ///
    /// # Errors
    /// If the bytes are not a snapshot of this version.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Engine, postcard::Error> {
        postcard::from_bytes(bytes)
    }

    /// Have reconciliation and protection finished?
    pub fn is_ready(&self) -> bool {
        self.reconciliation.is_done()
    }

    /// Has the history of every instrument come, however long it was?
    pub fn has_history(&self) -> bool {
        self.instruments.ids().all(|id| self.market.has_history(id))
    }

    /// Closed minutes over all instruments.
    pub fn iterations(&self) -> u64 {
        self.totals.iterations
    }

    /// Are positions closed when the daemon stops?
    pub fn flattens_on_stop(&self) -> bool {
        self.settings.on_stop == OnStop::Flatten
    }

    /// Is nothing of ours on its way, and is nothing left to close if all was to be closed?
    pub fn is_quiet(&self) -> bool {
        self.orders.in_flight() == 0 && (self.ending != Ending::Flatten || self.portfolio.positions().next().is_none())
    }

    /// The limits as risk holds them, for the banner.
    pub fn limits(&self) -> Vec<(&'static str, String)> {
        self.risk.limits_banner()
    }

    /// Is it one of the session's instruments? What comes from outside may name others.
    fn knows(&self, instrument: InstrumentId) -> bool {
        instrument.index() < self.slots.len()
    }
}
