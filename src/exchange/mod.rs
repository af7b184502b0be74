//! A simulated exchange: matching, queue, latency, fees, funding, margin tiers, liquidation and faults, pure and in
//! integers. It keeps books of its own, so that ours can be checked against them.
//!
//! Requests and reports travel: each takes its drawn latency, and everything happens in the order of its instant.
//! The market's liquidity comes back with the next market data; what an account took until then is gone. Accounts do not
//! trade with each other: each meets the market alone.

#![deny(clippy::float_arithmetic)]

mod account;
mod book;
pub mod faults;
mod margin;
mod matching;
mod path;
mod random;
mod requests;
mod screen;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use serde::{Deserialize, Serialize};

pub use account::{AccountConfig, AccountId, EndedOrder, Holding, MarginMode, OpenOrder};
pub use margin::{liquidation_price, maintenance_margin};
pub use settings::{DepthStep, Settings};

use crate::protocol::{DoneReason, FeedShape, Fill, MarketData, MarketEvent, OrderKind, VenueReport, VenueRequest};
use crate::types::{
    ClientOrderId, InstrumentId, Instruments, PositionSide, Qty, Side, Span, Timestamp, Usdt, VenueOrderId,
};
use account::Account;
use book::Book;

/// Something that the exchange did, for a store beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An order was accepted, filled in part, or ended.
    Order {
        /// Whose.
        account: AccountId,
        /// The exchange's number.
        id: VenueOrderId,
        /// The client's.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// Which way.
        side: Side,
        /// How it ended; none while it is open.
        ended: Option<DoneReason>,
        /// Filled so far.
        filled: Qty,
        /// When.
        at: Timestamp,
    },
    /// A trade of an account.
    Fill {
        /// Whose.
        account: AccountId,
        /// The trade.
        fill: Fill,
    },
    /// Money moved: the sum of all is the balance.
    Cash {
        /// Whose.
        account: AccountId,
        /// Why: `opening`, `realised`, `fee`, `funding`, `insurance`.
        kind: &'static str,
        /// How much.
        amount: Usdt,
        /// When.
        at: Timestamp,
    },
    /// A position changed.
    Position {
        /// Whose.
        account: AccountId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// Which leg.
        side: PositionSide,
        /// Signed.
        qty: Qty,
        /// When.
        at: Timestamp,
    },
}

/// Something that reaches an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub account: AccountId,
    /// What.
    pub report: VenueReport,
}

/// What is on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Task {
    Arrive { account: AccountId, request: VenueRequest, sent_at: Timestamp, fate: Fate },
    Deliver { account: AccountId, report: VenueReport },
    Fund { instrument: InstrumentId },
}

/// What the faults do to a request on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Fate {
    answer_lost: bool,
    late_fill: bool,
    clock_off: bool,
}

/// The exchange.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Exchange {
    settings: Settings,
    instruments: Instruments,
    shape: FeedShape,
    rng: Xoshiro256PlusPlus,
    at: Timestamp,
    started: Option<Timestamp>,
    books: Vec<Book>,
    accounts: Vec<Account>,
    queue: BTreeMap<(Timestamp, u64), Task>,
    queued: u64,
    next_order: u64,
    next_trade: u64,
    next_funding: u64,
    /// Does the bar that is being walked decide between several orders of an account?
    path_dependent: bool,
    #[serde(skip)]
    changes: Vec<Change>,
}

impl Exchange {
    /// An exchange that has seen no market yet.
    pub fn new(settings: Settings, instruments: Instruments, shape: FeedShape, seed: u64) -> Exchange {
        Exchange {
            books: vec![Book::default(); instruments.len()],
            settings,
            instruments,
            shape,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            at: Timestamp::EPOCH,
            started: None,
            accounts: Vec::new(),
            queue: BTreeMap::new(),
            queued: 0,
            next_order: 1,
            next_trade: 1,
            next_funding: 1,
            path_dependent: false,
            changes: Vec::new(),
        }
    }

    /// Opens an account.
    pub fn open_account(&mut self, config: AccountConfig) -> AccountId {
        let id = AccountId(u16::try_from(self.accounts.len()).unwrap_or(u16::MAX));
        self.accounts.push(Account::new(config));
        self.changes.push(Change::Cash { account: id, kind: "opening", amount: config.balance, at: self.at });
        id
    }

    /// Moves the market. Everything that was due before happens first.
    pub fn on_market(&mut self, at: Timestamp, event: &MarketEvent) {
        self.work_through(at);
        self.at = self.at.max(at);
        let instrument = event.instrument;
        if instrument.index() >= self.books.len() {
            return;
        }
        if self.started.is_none() {
            self.begin(at);
        }
        self.move_market(instrument, &event.data);
    }

    fn begin(&mut self, at: Timestamp) {
        self.started = Some(at);
        if self.shape.mark {
            return;
        }
        for instrument in self.instruments.ids() {
            let interval = self.instruments.get(instrument).funding_interval.max(Span::HOUR);
            self.enqueue(at.floor(interval) + interval, Task::Fund { instrument });
        }
    }

    fn move_market(&mut self, instrument: InstrumentId, data: &MarketData) {
        let tick = self.instruments.get(instrument).tick;
        let spread = self.settings.spread;
        let book = &mut self.books[instrument.index()];
        match data {
            MarketData::Bar(bar) => {
                if !self.shape.trades && !self.shape.quotes && bar.is_consistent() {
                    self.walk_bar(instrument, bar);
                }
            }
            MarketData::Quote(quote) => {
                if quote.bid.is_positive() && quote.bid < quote.ask {
                    book.quote = Some(*quote);
                    self.after_quote(instrument);
                }
            }
            MarketData::Trade(trade) => {
                if trade.price.is_positive() {
                    book.last = Some(trade.price);
                    if !self.shape.quotes && !self.shape.depth {
                        book.set_price(trade.price, spread, tick);
                    }
                    self.after_trade(instrument, trade);
                }
            }
            MarketData::Mark(mark) => {
                if mark.price.is_positive() {
                    book.mark = Some(mark.price);
                    book.funding_rate = Some(mark.funding_rate);
                    self.after_mark(instrument);
                }
            }
            MarketData::Funding(funding) => self.fund(instrument, funding.rate, funding.mark),
            MarketData::Depth(depth) => {
                book.apply_depth(depth);
                self.after_depth(instrument, depth);
            }
            MarketData::Tradable(tradable) => book.halted = !tradable,
            MarketData::History { .. } => {}
        }
    }

    /// Takes a request that leaves the client at `at`.
    pub fn send(&mut self, at: Timestamp, account: AccountId, request: VenueRequest) {
        if usize::from(account.0) < self.accounts.len() {
            self.send_through_faults(at, account, request);
        }
    }

    /// When something next happens.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Works through what is due by `until`, up to the first thing that reaches an account.
    pub fn poll(&mut self, until: Timestamp) -> Option<Delivery> {
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), task) = entry.remove_entry();
            self.at = self.at.max(at);
            if let Task::Deliver { account, report } = task {
                return Some(Delivery { at, account, report });
            }
            self.perform(task);
        }
        None
    }

    /// Performs what is due before the market moves; what reaches accounts stays queued.
    fn work_through(&mut self, at: Timestamp) {
        let due: Vec<(Timestamp, u64)> = self
            .queue
            .range(..=(at, u64::MAX))
            .filter(|(_, task)| !matches!(task, Task::Deliver { .. }))
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            if let Some(task) = self.queue.remove(&key) {
                self.at = self.at.max(key.0);
                self.perform(task);
            }
        }
    }

    fn perform(&mut self, task: Task) {
        match task {
            Task::Arrive { account, request, sent_at, fate } => self.arrive(account, request, sent_at, fate),
            Task::Deliver { .. } => {}
            Task::Fund { instrument } => {
                let rate = self.settings.funding_rate;
                if let Some(mark) = self.mark(instrument) {
                    self.fund(instrument, rate, mark);
                }
                let interval = self.instruments.get(instrument).funding_interval.max(Span::HOUR);
                self.enqueue(self.at.floor(interval) + interval, Task::Fund { instrument });
            }
        }
    }

    fn enqueue(&mut self, at: Timestamp, task: Task) {
        self.queued += 1;
        self.queue.insert((at, self.queued), task);
    }

    /// Sends a report on its way to an account.
    fn report(&mut self, account: AccountId, report: VenueReport, delay: Span) {
        let latency = random::pick_us(&mut self.rng, &self.settings.report_latency_us);
        let latency = if self.spikes() { latency * faults::SPIKE } else { latency };
        let one = &mut self.accounts[usize::from(account.0)];
        let at = if delay > Span::ZERO {
            self.at + latency + delay
        } else {
            one.last_report = one.last_report.max(self.at + latency);
            one.last_report
        };
        self.enqueue(at, Task::Deliver { account, report });
    }

    fn spikes(&mut self) -> bool {
        let since = faults::since(self.started, self.at);
        self.settings.faults.strikes(faults::Kind::LatencySpike, since, None, &mut self.rng)
    }

    /// What has been done since this was last asked.
    pub fn drain_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Wallet balance of an account.
    pub fn balance(&self, account: AccountId) -> Usdt {
        self.accounts[usize::from(account.0)].cash
    }

    /// Positions of an account that are not flat.
    pub fn positions(&self, account: AccountId) -> impl Iterator<Item = (InstrumentId, PositionSide, &Holding)> {
        let all = self.accounts[usize::from(account.0)].positions.iter();
        all.filter(|(_, holding)| !holding.qty.is_zero()).map(|((instrument, side), holding)| (*instrument, *side, holding))
    }

    /// Open orders of an account.
    pub fn open_orders(&self, account: AccountId) -> impl Iterator<Item = &OpenOrder> {
        self.accounts[usize::from(account.0)].orders.values()
    }

    /// Mark price: the feed's, or the last price where it has none.
    pub fn mark(&self, instrument: InstrumentId) -> Option<crate::types::Price> {
        let book = self.books.get(instrument.index())?;
        if self.shape.mark { book.mark.or(book.last) } else { book.last.or(book.quote.map(|quote| quote.bid)) }
    }
}

/// Is this a close-position order of the same kind and side as that?
fn same_close_position(kind: &OrderKind, other: &OrderKind) -> bool {
    matches!(
        (kind, other),
        (OrderKind::Stop { .. }, OrderKind::Stop { .. }) | (OrderKind::TakeProfit { .. }, OrderKind::TakeProfit { .. })
    )
}
