//! The change journal: rows for the paper venue's own store. Whoever owns the exchange drains it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::account::AccountId;
use super::terms::Terms;
use crate::protocol::{Fill, OrderRequest, Stage};
use crate::types::{InstrumentId, PositionSide, Price, Qty, Timestamp, Usdt, VenueOrderId};

/// Rows kept if nobody drains them: an hour of a busy session. Beyond, the oldest are dropped and counted.
const MAX_ROWS: usize = 200_000;

/// A row that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Where an order stands now; replaces its earlier rows.
    Order(OrderChange),
    /// A trade of an account; happens once.
    Fill(FillChange),
    /// Money moved; an account's balance is the sum of these.
    Cash(CashChange),
    /// A position as it is now; a quantity of zero means that it is closed.
    Position(PositionChange),
}

/// An order's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderChange {
    /// Whose.
    pub account: AccountId,
    /// The exchange's number. A conditional order keeps it when it triggers.
    pub venue_order_id: VenueOrderId,
    /// The order as it was sent.
    pub request: OrderRequest,
    /// `Working` or `Done`.
    pub stage: Stage,
    /// Was its trigger crossed?
    pub triggered: bool,
    /// What it asked for beyond its request, as it stands now.
    pub terms: Terms,
    /// Did it end because it met an order of its own account?
    pub met_own: bool,
    /// Filled so far.
    pub filled: Qty,
    /// Σ price × quantity of its fills.
    pub filled_notional: Usdt,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A fill's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillChange {
    /// Whose.
    pub account: AccountId,
    /// Of which order.
    pub venue_order_id: VenueOrderId,
    /// The trade.
    pub fill: Fill,
    /// Result that it realised, fee not included.
    pub realised: Usdt,
}

/// A movement of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashChange {
    /// Whose.
    pub account: AccountId,
    /// Change of the balance.
    pub amount: Usdt,
    /// What for.
    pub kind: CashKind,
    /// Number of the trade, funding or transfer that it belongs to; zero for the opening.
    pub reference: u64,
    /// Of which instrument; none for a transfer or a balance made good.
    pub instrument: Option<InstrumentId>,
    /// When.
    pub at: Timestamp,
}

/// What money moved for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CashKind {
    /// What the account began with.
    Opening,
    /// A trade's fee, that of a liquidation included.
    Fee,
    /// A trade's result.
    Realised,
    /// Funding.
    Funding,
    /// Moved in or out by a person.
    Transfer,
    /// The insurance fund made good what a liquidated account could not pay.
    Liquidation,
}

impl CashKind {
    /// The name in a store.
    pub const fn as_str(self) -> &'static str {
        match self {
            CashKind::Opening => "opening",
            CashKind::Fee => "fee",
            CashKind::Realised => "realised",
            CashKind::Funding => "funding",
            CashKind::Transfer => "transfer",
            CashKind::Liquidation => "liquidation",
        }
    }
}

/// A position's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionChange {
    /// Whose.
    pub account: AccountId,
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Which leg.
    pub position_side: PositionSide,
    /// Signed.
    pub qty: Qty,
    /// Average entry price; zero once closed.
    pub entry_price: Price,
    /// When.
    pub updated_at: Timestamp,
}

/// Rows since the last draining.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changes {
    rows: VecDeque<Change>,
    /// How many of them the memory has taken in.
    learnt: usize,
    /// Rows dropped because nobody drained.
    pub lost: u64,
    /// How many there have been in this process.
    #[serde(skip)]
    count: u64,
    /// How many of those were about money or a position.
    #[serde(skip)]
    moves: u64,
}

impl Changes {
    pub(super) fn push(&mut self, change: Change) {
        if self.rows.len() >= MAX_ROWS && self.learnt > 0 {
            self.rows.pop_front();
            self.learnt -= 1;
            self.lost += 1;
        }
        self.count += 1;
        self.moves += u64::from(!matches!(change, Change::Order(_)));
        self.rows.push_back(change);
    }

    /// How many rows there have been: as long as it is the same, no order, position or balance has changed.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Hands every row that was not handed out before to `learn`.
    pub(super) fn learn(&mut self, mut learn: impl FnMut(&Change)) {
        self.rows.range(self.learnt..).for_each(&mut learn);
        self.learnt = self.rows.len();
    }

    /// Hands every row to `learn`, those handed out before included.
    pub(super) fn learn_again(&mut self, learn: impl FnMut(&Change)) {
        self.learnt = 0;
        self.learn(learn);
    }

    pub(super) fn has_news(&self) -> bool {
        self.learnt < self.rows.len()
    }

    /// The same of rows about money or a position.
    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    pub(super) fn clear(&mut self) {
        self.learnt = 0;
        self.rows.clear();
    }

    pub(super) fn drain(&mut self) -> Vec<Change> {
        self.learnt = 0;
        std::mem::take(&mut self.rows).into()
    }
}
