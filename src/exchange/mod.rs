//! A simulated exchange for USDT-margined perpetual futures: one market, several accounts, no clock of its own.
//!
//! It is driven from outside. [`Exchange::on_market`] moves the market, [`Exchange::send`] hands it a request,
//! [`Exchange::poll`] gives the next report that has arrived by then. Between two calls nothing happens. All
//! arithmetic is in integers and rounds against the account; all randomness is a seeded generator in the state;
//! the state can be written out and read back at any point and goes on the same.
//!
//! **Who trades with whom.** Participants trade against the market that the feed describes, and with each other:
//! a resting order of one account is part of what another account's taker walks. At one price the market comes
//! first. The market does not react to our trades, but what a taker took is not offered again until the feed
//! moves. An order that meets its own account's order expires (self-trade prevention, the taker's side).
//!
//! **Takers** walk the book where the feed has one, else the best quote and then the assumed depth of the
//! settings. A market order goes no farther than the percent-price limit; what is left expires.
//!
//! **Makers** are filled when the market trades through their price, or at their price once the quantity that
//! was displayed there when they joined has been traded away or withdrawn. `resting` has the exact model.
//!
//! **Bars alone** are walked as a path, `bar_path`; an order whose outcome rests on that path is marked.
//!
//! **Order of things.** At one instant: fundings, then requests as they arrive, then the market. At one price:
//! resting orders that the market came to, then liquidations, then triggers.
#![deny(clippy::float_arithmetic)]

mod account;
mod arrival;
mod bar_path;
mod board;
mod book;
mod cancel;
mod changes;
mod codes;
mod conditional;
mod detached;
mod direct;
mod entry;
pub mod faults;
mod fills;
mod filters;
mod funding;
mod inspect;
mod latency;
mod liquidation;
mod liquidity;
mod margin;
mod market;
mod matching;
mod memory;
mod order;
mod position;
mod queries;
mod reports;
mod resting;
mod settings;
mod standing;
mod still;
mod terms;
#[cfg(test)]
mod tests;
mod views;

use serde::{Deserialize, Serialize};

pub use account::{AccountConfig, AccountId, MarginMode};
pub use changes::{CashChange, CashKind, Change, FillChange, OrderChange, PositionChange};
pub use codes::Refusal;
pub use latency::LatencyPoint;
pub use reports::Delivery;
pub use settings::{DepthPoint, SettingError, Settings};
pub use terms::{SelfTrade, Terms, ThenLimit, Trail};
pub use views::LegView;

use account::Account;
use arrival::Inbound;
use board::Board;
use changes::Changes;
use faults::Faults;
use latency::Dice;
use memory::{Bounds, Memory};
use order::OpenOrders;

use crate::protocol::{FeedShape, MarketEvent, VenueRequest};
use crate::types::{InstrumentId, Instruments, Queue, Timestamp};

/// The simulated exchange.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exchange {
    core: Core,
    memory: Memory,
}

/// All of the exchange's state but its memory of ended orders and of fills: small, so that it can be written
/// often. [`Exchange::revive`] makes an exchange of it again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Core {
    settings: Settings,
    instruments: Instruments,
    shape: FeedShape,
    now: Timestamp,
    boards: Vec<Board>,
    accounts: Vec<Account>,
    orders: OpenOrders,
    inbound: Queue<(Timestamp, u64), Inbound>,
    outbox: Queue<(Timestamp, u64), Delivery>,
    changes: Changes,
    dice: Dice,
    faults: Faults,
    numbers: Numbers,
    /// When the next funding is settled; `MAX` while nobody holds a position.
    funding_due: Timestamp,
    /// Accounts whose positions or money changed in the step at hand.
    touched: Vec<(AccountId, InstrumentId)>,
    /// Accounts whose outcome in the bar at hand rests on the path assumed inside it.
    path_dependent: Vec<AccountId>,
    /// Is a bar walked through? What happens then happened before its end.
    #[serde(skip)]
    inside_bar: bool,
    /// Market events that could not be used.
    ignored: u64,
    /// How often accounts' shares of what stands behind them were given out, or taken back.
    #[serde(skip)]
    shares: u64,
    /// How often a price may have moved.
    #[serde(skip)]
    prices: u64,
}

/// The last number given of each kind. They stay far below 2⁵³, beyond which some clients lose digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Numbers {
    order: u64,
    trade: u64,
    funding: u64,
    transfer: u64,
    sequence: u64,
}

impl Exchange {
    /// An exchange without accounts, before its first market event.
    pub fn new(settings: Settings, instruments: Instruments, shape: FeedShape, seed: u64) -> Exchange {
        let memory = Memory::new(Bounds::of(&settings));
        let core = Core {
            boards: vec![Board::default(); instruments.len()],
            settings,
            instruments,
            shape,
            now: Timestamp::EPOCH,
            accounts: Vec::new(),
            orders: OpenOrders::default(),
            inbound: Queue::default(),
            outbox: Queue::default(),
            changes: Changes::default(),
            dice: Dice::new(seed),
            faults: Faults::new(faults::Settings::default(), Timestamp::EPOCH),
            numbers: Numbers::default(),
            funding_due: Timestamp::MAX,
            touched: Vec::new(),
            path_dependent: Vec::new(),
            inside_bar: false,
            ignored: 0,
            shares: 0,
            prices: 0,
        };
        Exchange { core, memory }
    }

    /// Sets what goes wrong. The schedule counts from `start`, the beginning of the session.
    pub fn set_faults(&mut self, settings: faults::Settings, start: Timestamp) {
        self.core.faults = Faults::new(settings, start);
    }

    /// The state without its memory, for frequent writing.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// An exchange from its written state and the rows of its journal, oldest first. Rows of at most the kept
    /// number of orders and fills matter; those not drained when the state was written are in it already.
    pub fn revive(mut core: Core, rows: impl IntoIterator<Item = Change>) -> Exchange {
        let mut memory = Memory::new(Bounds::of(&core.settings));
        rows.into_iter().for_each(|row| memory.learn(&row));
        core.changes.learn_again(|row| memory.learn(row));
        Exchange { core, memory }
    }

    /// Opens an account.
    ///
    /// # Panics
    /// After 65,535 accounts: the caller's contradiction.
    pub fn open_account(&mut self, config: AccountConfig) -> AccountId {
        let id = u16::try_from(self.core.accounts.len()).expect("a session has at most 65,535 accounts");
        let id = AccountId(id);
        self.core.accounts.push(Account::new(config));
        self.core.move_cash(id, CashKind::Opening, config.balance, 0, None);
        self.learn();
        id
    }

    /// Works through everything due until `at`, then moves the market.
    pub fn on_market(&mut self, at: Timestamp, event: &MarketEvent) {
        if self.core.next_inside().is_some_and(|due| due <= at) {
            self.work_until(at);
        }
        self.core.now = self.core.now.max(at);
        self.core.on_market(event);
        self.learn();
    }

    /// A request leaves the client at `at`, stamped by a clock that agrees with the venue's usual one.
    pub fn send(&mut self, at: Timestamp, account: AccountId, request: VenueRequest) {
        self.send_stamped(at, at, account, request);
    }

    /// A request leaves the client at `at` with a timestamp of the client's making.
    pub fn send_stamped(&mut self, at: Timestamp, stamp: Timestamp, account: AccountId, request: VenueRequest) {
        self.work_until(at);
        self.core.dispatch(stamp, account, request);
    }

    /// When something happens next without anything from outside; none if nothing would.
    pub fn next_due(&self) -> Option<Timestamp> {
        let report = self.core.outbox.next().map(|(at, _)| at);
        Timestamp::earliest([report, self.core.next_inside()])
    }

    /// Does nothing happen until `at`, that instant included, without anything from outside?
    pub fn is_idle_until(&self, at: Timestamp) -> bool {
        self.core.outbox.next().is_none_or(|(due, _)| due > at) && self.core.next_inside().is_none_or(|due| due > at)
    }

    /// The next report that has arrived at its client by `until`. Call it until it gives none.
    pub fn poll(&mut self, until: Timestamp) -> Option<Delivery> {
        loop {
            let report = self.core.outbox.next().map(|(at, _)| at).filter(|at| *at <= until);
            let inside = self.core.next_inside().filter(|at| *at <= until);
            match (report, inside) {
                (Some(report), Some(inside)) if inside <= report => self.work_once(inside),
                (Some(_), _) => return self.core.outbox.take().map(|(_, delivery)| delivery),
                (None, Some(inside)) => self.work_once(inside),
                (None, None) => return None,
            }
        }
    }

    /// Rows that changed since the last call, oldest first.
    pub fn drain_changes(&mut self) -> Vec<Change> {
        self.core.changes.drain()
    }

    /// Forgets those rows: for who keeps no store of them.
    pub fn drop_changes(&mut self) {
        self.core.changes.clear();
    }

    fn work_until(&mut self, until: Timestamp) {
        self.core.skip_fundings(until);
        while let Some(at) = self.core.next_inside().filter(|at| *at <= until) {
            self.work_once(at);
        }
        self.core.now = self.core.now.max(until);
    }

    /// Does the next thing that is due: a funding before a request.
    fn work_once(&mut self, at: Timestamp) {
        self.core.now = self.core.now.max(at);
        if self.core.funding_due <= at {
            self.core.settle_fundings_due();
        } else if let Some((_, inbound)) = self.core.inbound.take() {
            self.core.arrive(&self.memory, inbound);
        }
        self.learn();
    }

    fn learn(&mut self) {
        if self.core.changes.has_news() {
            self.core.changes.learn(|change| self.memory.learn(change));
        }
    }
}

impl Core {
    /// When the next funding or the next arrival is due.
    fn next_inside(&self) -> Option<Timestamp> {
        let arrival = self.inbound.next().map(|(at, _)| at);
        Timestamp::earliest([arrival, Some(self.funding_due)])
    }

    fn sequence(&mut self) -> u64 {
        self.numbers.sequence += 1;
        self.numbers.sequence
    }
}
