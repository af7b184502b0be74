//! An account: its cash, its positions, its open orders, and a bounded memory of what ended.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::protocol::{DoneReason, Fill, OrderRequest};
use crate::types::{
    ClientOrderId, InstrumentId, PositionSide, Price, Qty, Rounding, Side, Timestamp, Usdt, VenueOrderId,
};

/// Ended orders and fills that can still be asked about: minutes at the highest rate, and small enough that the state can be
/// written after every change.
const KEPT: usize = 256;

/// The number of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AccountId(pub u16);

/// How a position is margined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarginMode {
    /// All of the account's money stands behind every position.
    Cross,
    /// A position's own margin stands behind it.
    Isolated,
}

/// How an account begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountConfig {
    /// Wallet balance.
    pub balance: Usdt,
    /// Leverage of every instrument.
    pub leverage: u32,
    /// Long and short held side by side?
    pub hedge: bool,
    /// Cross or isolated.
    pub margin: MarginMode,
}

/// A position: a signed quantity, what its open part cost, and the margin set aside for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Signed.
    pub qty: Qty,
    /// Σ price × quantity of the open part.
    pub cost: Usdt,
    /// Isolated margin.
    pub margin: Usdt,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Holding {
    /// Average entry price.
    pub fn entry_price(&self) -> Price {
        self.cost.per_qty(self.qty.abs(), Rounding::Down)
    }

    /// Result if it were closed at this price.
    pub fn unrealised(&self, price: Price) -> Usdt {
        let value = price.notional(self.qty.abs());
        if self.qty.is_negative() { self.cost - value } else { value - self.cost }
    }

    /// Takes in a trade; gives back what it realised. What a trade releases of the cost is rounded against the account.
    pub(super) fn trade(&mut self, side: Side, price: Price, qty: Qty, leverage: u32) -> Usdt {
        let held = self.qty;
        let change = if side == Side::Buy { qty } else { -qty };
        let value = price.notional(qty);
        let same_way = held.is_zero() || held.is_positive() == change.is_positive();
        if same_way {
            self.qty = held + change;
            self.cost += value;
            self.margin += value.divided_by(i64::from(leverage.max(1)), Rounding::Up);
            return Usdt::ZERO;
        }
        if qty > held.abs() {
            let first = self.trade(side, price, held.abs(), leverage);
            return first + self.trade(side, price, qty - held.abs(), leverage);
        }
        let (released, margin) = if qty == held.abs() {
            (self.cost, self.margin)
        } else {
            let against = if held.is_positive() { Rounding::Up } else { Rounding::Down };
            (self.cost.share(qty, held.abs(), against), self.margin.share(qty, held.abs(), Rounding::Down))
        };
        self.qty = held + change;
        self.cost -= released;
        self.margin -= margin;
        if held.is_positive() { value - released } else { released - value }
    }
}

/// An open order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOrder {
    /// The exchange's number.
    pub id: VenueOrderId,
    /// As it was asked for.
    pub request: OrderRequest,
    /// Filled so far.
    pub filled: Qty,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// What stands before it at its price.
    pub queue_ahead: Qty,
}

/// An order that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedOrder {
    /// Its id.
    pub client_id: ClientOrderId,
    /// The exchange's number.
    pub id: VenueOrderId,
    /// How it ended.
    pub reason: DoneReason,
    /// What was filled.
    pub filled: Qty,
}

/// One account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) config: AccountConfig,
    pub(super) cash: Usdt,
    pub(super) positions: BTreeMap<(InstrumentId, PositionSide), Holding>,
    pub(super) orders: BTreeMap<VenueOrderId, OpenOrder>,
    pub(super) ended: VecDeque<EndedOrder>,
    pub(super) fills: VecDeque<Fill>,
    /// Reports leave in the order of what they report.
    pub(super) last_report: Timestamp,
    pub(super) autoclosed: u32,
}

impl Account {
    pub(super) fn new(config: AccountConfig) -> Account {
        Account {
            cash: config.balance,
            config,
            positions: BTreeMap::new(),
            orders: BTreeMap::new(),
            ended: VecDeque::new(),
            fills: VecDeque::new(),
            last_report: Timestamp::EPOCH,
            autoclosed: 0,
        }
    }

    pub(super) fn position(&self, instrument: InstrumentId, side: PositionSide) -> Qty {
        self.positions.get(&(instrument, side)).map_or(Qty::ZERO, |holding| holding.qty)
    }

    pub(super) fn open_by_client(&self, id: &ClientOrderId) -> Option<&OpenOrder> {
        self.orders.values().find(|order| order.request.client_id == *id)
    }

    pub(super) fn remember_end(&mut self, ended: EndedOrder) {
        self.ended.push_back(ended);
        if self.ended.len() > KEPT {
            self.ended.pop_front();
        }
    }

    pub(super) fn remember_fill(&mut self, fill: Fill) {
        self.fills.push_back(fill);
        if self.fills.len() > KEPT {
            self.fills.pop_front();
        }
    }
}
