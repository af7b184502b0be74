//! What a venue says about the account as a whole.

use serde::{Deserialize, Serialize};

use super::{Fill, OrderRequest};
use crate::types::{
    ClientOrderId, InstrumentId, PositionSide, Price, Qty, Rate, Timestamp, TradeId, Usdt, VenueOrderId,
};

/// An answer to a poll, or a change of the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountReport {
    /// All open orders, conditional ones included.
    OpenOrders(Vec<OrderSnapshot>),
    /// All positions that are not flat.
    Positions(Vec<PositionSnapshot>),
    /// The wallet balance: cash with realised results, fees and funding, without unrealised results.
    Balance(Usdt),
    /// Our fills since the instant that was asked for, oldest first.
    Fills(Vec<Fill>),
    /// A poll failed. Says nothing about the account: not "flat", not "no orders".
    PollFailed {
        /// Which poll.
        what: String,
        /// Why.
        reason: String,
    },
    /// Funding was paid or received.
    Funding(FundingPayment),
    /// Money was moved in (positive) or out (negative).
    Transfer {
        /// The venue's number; counts once.
        id: u64,
        /// How much.
        amount: Usdt,
    },
    /// The venue closed a position by force. The fills are reported by themselves.
    Liquidated {
        /// Of which instrument.
        instrument: InstrumentId,
    },
    /// The fee of a trade was paid in another asset than the one that the books are in. Told before the trade.
    FeeInKind(FeeInKind),
}

/// An open order as the venue lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSnapshot {
    /// The order.
    pub request: OrderRequest,
    /// The venue's number.
    pub venue_order_id: VenueOrderId,
    /// Filled so far.
    pub filled: Qty,
    /// When it was accepted.
    pub created_at: Timestamp,
}

/// A position as the venue lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionSnapshot {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// `Both` in one-way mode.
    pub position_side: PositionSide,
    /// Signed: a short is negative.
    pub qty: Qty,
    /// Average entry price.
    pub entry_price: Price,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The fee of a trade, in another asset than the one that the books are in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeInKind {
    /// Of which trade.
    pub trade_id: TradeId,
    /// Of which order.
    pub client_id: ClientOrderId,
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The asset, as the venue writes it.
    pub asset: String,
    /// How much of it.
    pub amount: Qty,
    /// When, by the venue's clock.
    pub at: Timestamp,
}

/// Funding paid or received on one position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingPayment {
    /// The venue's number; counts once per instrument.
    pub id: u64,
    /// On which instrument.
    pub instrument: InstrumentId,
    /// The rate: positive when longs pay shorts.
    pub rate: Rate,
    /// Change of the balance: negative when we paid.
    pub amount: Usdt,
    /// When, by the venue's clock.
    pub at: Timestamp,
}
