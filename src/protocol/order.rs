//! Orders: what is asked of a venue, and what a venue says of it.

use serde::{Deserialize, Serialize};

use crate::types::{
    ClientOrderId, InstrumentId, Leg, PositionSide, Price, Qty, Side, Timestamp, TradeId, Usdt, VenueOrderId, Words,
};

/// An order as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRequest {
    /// The id to look it up by.
    pub client_id: ClientOrderId,
    /// What is traded.
    pub instrument: InstrumentId,
    /// Which way.
    pub side: Side,
    /// `Both` in one-way mode, the only one that the daemon itself uses.
    pub position_side: PositionSide,
    /// How it executes.
    pub kind: OrderKind,
    /// How much.
    pub amount: Amount,
    /// May it only shrink the position? Implied by [`Amount::ClosePosition`].
    pub reduce_only: bool,
}

/// How an order executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderKind {
    /// At once, at what the book gives.
    Market,
    /// At this price or better.
    Limit {
        /// The worst price.
        price: Price,
        /// How long it rests.
        tif: TimeInForce,
    },
    /// Becomes a market order once the trigger is crossed against the position it protects.
    Stop {
        /// Trigger price.
        trigger: Price,
        /// Which price triggers.
        by: TriggerBy,
    },
    /// Becomes a market order once the trigger is crossed in the position's favour.
    TakeProfit {
        /// Trigger price.
        trigger: Price,
        /// Which price triggers.
        by: TriggerBy,
    },
}

impl OrderKind {
    /// Does it wait for a trigger? (Binance keeps those in its algo-order service.)
    pub const fn is_conditional(&self) -> bool {
        match self {
            OrderKind::Stop { .. } | OrderKind::TakeProfit { .. } => true,
            OrderKind::Market | OrderKind::Limit { .. } => false,
        }
    }

    /// The name in logs and in the ledger.
    pub const fn as_str(&self) -> &'static str {
        match self {
            OrderKind::Market => "market",
            OrderKind::Limit { .. } => "limit",
            OrderKind::Stop { .. } => "stop_market",
            OrderKind::TakeProfit { .. } => "take_profit_market",
        }
    }
}

/// How long a limit order rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeInForce {
    /// Until it is cancelled.
    Gtc,
    /// What fills at once; the rest is cancelled.
    Ioc,
    /// All of it at once, or nothing.
    Fok,
    /// Only if nothing of it fills at once.
    PostOnly,
}

/// Which price a conditional order watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriggerBy {
    /// The mark price.
    Mark,
    /// The last traded price.
    Last,
}

/// How much an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Amount {
    /// This quantity.
    Qty(Qty),
    /// Whatever the position is when the order triggers (conditional orders only).
    ClosePosition,
}

/// The durable decision to send an order: committed before the request leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderIntent {
    /// The order.
    pub request: OrderRequest,
    /// What it is for.
    pub leg: Leg,
    /// The strategy on whose behalf, or `engine`.
    pub strategy: Words,
    /// Why, in words.
    pub reason: Words,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// The price that the decision was made at; slippage is counted from it.
    pub reference_price: Price,
    /// How the position is to be protected; entries have one.
    pub plan: Option<ProtectionPlan>,
}

/// The stop and take profit that a position gets with its first fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtectionPlan {
    /// Stop trigger, by the mark price.
    pub stop: Price,
    /// Take profit trigger.
    pub take_profit: Option<Price>,
    /// Trailing stop.
    pub trailing: Option<Trailing>,
}

/// A trailing stop's settings, fixed when the position opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailing {
    /// It begins once price is this far in the position's favour.
    pub activation: Price,
    /// It follows the best price at this distance.
    pub distance: Price,
    /// It moves by at least this much at a time.
    pub min_move: Price,
}

/// What is asked of a venue. Answers come back as events; nothing waits for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum VenueRequest {
    /// Place an order.
    Submit(OrderRequest),
    /// Cancel one. Idempotent: it may be repeated.
    Cancel {
        /// Which.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
    },
    /// Say what became of an order.
    QueryOrder {
        /// Which.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
    },
    /// List open orders, conditional ones included.
    OpenOrders,
    /// List positions.
    Positions,
    /// Tell the wallet balance.
    Balance,
    /// List our fills since then.
    Fills {
        /// From this instant on.
        since: Timestamp,
    },
}

/// Where an order stands on its way; it only ever moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// Decided, and perhaps durable; not handed to the network.
    Intended,
    /// Handed to the network.
    Sent,
    /// Accepted by the venue and open there.
    Working,
    /// Over.
    Done(DoneReason),
}

/// How an order ended. Ordered so that of two reports the one that says more wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoneReason {
    /// It certainly never left us.
    NotSent,
    /// The venue certainly never accepted it, after the full wait of the protocol.
    Absent,
    /// The venue refused it.
    Rejected,
    /// It ended at the venue by itself: time in force, or the position it reduced is gone.
    Expired,
    /// It was cancelled, by us or by others.
    Canceled,
    /// All of it was filled.
    Filled,
}

/// Is what happened to an order known?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Knowledge {
    /// The venue has answered.
    Known,
    /// It has not, and the order may be open, filled, or nowhere.
    Unknown {
        /// Since when.
        since: Timestamp,
    },
}

/// A trade of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The venue's number; a fill counts once per instrument and number.
    pub trade_id: TradeId,
    /// The order's id; of a liquidation or a manual close it is somebody else's.
    pub client_id: ClientOrderId,
    /// What was traded.
    pub instrument: InstrumentId,
    /// The leg of a hedge-mode account.
    pub position_side: PositionSide,
    /// Which way.
    pub side: Side,
    /// Price.
    pub price: Price,
    /// Quantity, positive.
    pub qty: Qty,
    /// Fee paid; negative if it is a rebate.
    pub fee: Usdt,
    /// Did we provide the liquidity?
    pub maker: bool,
    /// When, by the venue's clock.
    pub at: Timestamp,
    /// Did the outcome depend on the path that was assumed inside a bar? (Simulated exchange only.)
    pub path_dependent: bool,
}

/// What a venue, or our own edge to it, says about one order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderReport {
    /// Which order.
    pub client_id: ClientOrderId,
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// The venue's number, once known.
    pub venue_order_id: Option<VenueOrderId>,
    /// When it happened, by the venue's clock.
    pub venue_time: Timestamp,
    /// What happened.
    pub body: ReportBody,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReportBody {
    /// Our edge handed the request to the network.
    Sent,
    /// Our edge is certain that the request never left.
    NotSent {
        /// Why.
        reason: String,
    },
    /// The venue accepted the order; it is open.
    Accepted,
    /// The venue refused it, for certain.
    Rejected {
        /// The venue's code.
        code: i64,
        /// The venue's words.
        reason: String,
    },
    /// A part or all of it was traded.
    Filled(Fill),
    /// A conditional order's trigger was crossed; a market order has taken its place.
    Triggered,
    /// It ended unfilled, in part or in full.
    Ended {
        /// How.
        reason: DoneReason,
        /// What had been filled until then; fills still on their way are included.
        filled: Qty,
    },
    /// Answer to a query or a poll: it is open, or over, with this much filled.
    Status {
        /// Where it stands.
        stage: Stage,
        /// Filled so far.
        filled: Qty,
    },
    /// Answer to a query: there is no such order, for certain, at this endpoint.
    NotFound {
        /// Which endpoint says so.
        endpoint: Lookup,
    },
    /// No usable answer came: the order may have been accepted or not.
    Unanswered {
        /// What is known of the failure.
        reason: String,
    },
    /// Answer to a cancel.
    CancelAnswered(CancelOutcome),
}

/// The endpoint that was asked about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lookup {
    /// Regular orders.
    Regular,
    /// Conditional (algo) orders.
    Conditional,
}

/// What came of a cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelOutcome {
    /// The venue took it; the end of the order is reported by itself.
    Accepted,
    /// The venue knows no such open order: it was filled, it ended, or it never arrived.
    NoSuchOrder,
    /// No answer: ask again.
    Unanswered,
}
