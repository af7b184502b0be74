//! Rows for the ledger: the durable truth about ourselves, and what a restart begins from.

use serde::{Deserialize, Serialize};

use super::{
    DoneReason, FeeInKind, Fill, FundingPayment, Knowledge, OrderIntent, ShadowRow, Stage, TradingState, Trailing,
};
use crate::types::{
    ClientOrderId, InstrumentId, Price, Qty, Rate, Rounding, Side, Timestamp, TradeId, Usdt, VenueOrderId, Words,
};

/// One durable fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Journal {
    /// An order is about to be sent.
    Intent(Box<OrderIntent>),
    /// Where an order stands now. Replaces what was written of it before.
    Order(Box<OrderRow>),
    /// A trade of ours, with what it did to the position.
    Fill {
        /// The trade.
        fill: Fill,
        /// Result that it realised, fees not included.
        realised: Usdt,
        /// The position after it, signed.
        position: Qty,
    },
    /// A position as it is now; a quantity of zero means that it is closed.
    Position(Box<PositionRow>),
    /// A round trip is complete.
    Trade(Box<TradeRow>),
    /// Funding was paid or received.
    Funding(FundingPayment),
    /// The wallet balance when the venue first told it; everything after is a movement.
    OpeningCash(Usdt),
    /// Money was moved in or out.
    Transfer {
        /// The venue's number.
        id: u64,
        /// How much.
        amount: Usdt,
    },
    /// The books were changed to agree with the venue, after no fill could explain the difference.
    Adjustment {
        /// A deterministic id.
        id: String,
        /// Of which instrument; none if it is the balance.
        instrument: Option<InstrumentId>,
        /// Change of the position.
        qty: Qty,
        /// Change of the cash.
        cash: Usdt,
        /// Why.
        reason: String,
    },
    /// Equity at the end of an iteration.
    Equity(EquityRow),
    /// A strategy asked for something.
    Signal(SignalRow),
    /// The trading state changed.
    State(StateRow),
    /// What risk must remember over a restart, as JSON. Replaces what was written before.
    RiskMemory(String),
    /// An instrument takes no more entries until a person re-arms, or takes them again.
    Halt {
        /// Which.
        instrument: InstrumentId,
        /// Why; none if it is lifted.
        reason: Option<String>,
    },
    /// An order of real money was filled, there or on paper. Replaces what was written of it before. No engine writes it.
    Shadow(Box<ShadowRow>),
    /// A fee was paid in another asset than the one that the books are in.
    FeeInKind(Box<FeeInKind>),
}

/// An order's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// The intent it grew from.
    pub intent: OrderIntent,
    /// The venue's number, once known.
    pub venue_order_id: Option<VenueOrderId>,
    /// Where it stands.
    pub stage: Stage,
    /// Is that known?
    pub knowledge: Knowledge,
    /// Is a cancel on its way?
    pub cancel_pending: bool,
    /// Filled so far.
    pub filled: Qty,
    /// Σ price × quantity of its fills.
    pub filled_notional: Usdt,
    /// The venue's code and words, if it refused.
    pub reject: Option<(i64, String)>,
    /// When this row was last changed.
    pub updated_at: Timestamp,
}

/// An open position with the plan that protects it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionRow {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Signed; zero once closed.
    pub qty: Qty,
    /// What the open part cost: Σ price × quantity, positive for longs and shorts alike.
    pub cost: Usdt,
    /// Average entry price.
    pub entry_price: Price,
    /// When it opened.
    pub opened_at: Timestamp,
    /// The strategy that owns it.
    pub strategy: Words,
    /// The entry order that opened it.
    pub entry_id: ClientOrderId,
    /// Planned stop; none only for a position that was found at the venue and not yet planned for.
    pub stop: Option<Price>,
    /// Planned take profit.
    pub take_profit: Option<Price>,
    /// Trailing stop, if the strategy asked for one.
    pub trailing: Option<Trailing>,
    /// Best price since the entry, in the position's favour.
    pub best_price: Price,
    /// Largest quantity it had, unsigned.
    pub max_qty: Qty,
    /// Realised so far, fees not included.
    pub realised: Usdt,
    /// Fees paid so far.
    pub fees: Usdt,
    /// Funding received (positive) or paid (negative) so far.
    pub funding: Usdt,
}

/// Why a position was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitReason {
    /// Its stop was hit.
    StopLoss,
    /// Its take profit was hit.
    TakeProfit,
    /// Its trailing stop was hit after it had moved.
    TrailingStop,
    /// It was held for too long.
    Time,
    /// The strategy asked for it.
    Signal,
    /// A person, or something outside of us, closed it; `flatten` and a shutdown with `flatten` included.
    Manual,
    /// The venue liquidated it.
    Liquidation,
}

impl ExitReason {
    /// Every reason.
    pub const ALL: [ExitReason; 7] = [
        ExitReason::StopLoss,
        ExitReason::TakeProfit,
        ExitReason::TrailingStop,
        ExitReason::Time,
        ExitReason::Signal,
        ExitReason::Manual,
        ExitReason::Liquidation,
    ];

    /// The name in the summary and in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            ExitReason::StopLoss => "stop_loss",
            ExitReason::TakeProfit => "take_profit",
            ExitReason::TrailingStop => "trailing_stop",
            ExitReason::Time => "time",
            ExitReason::Signal => "signal",
            ExitReason::Manual => "manual",
            ExitReason::Liquidation => "liquidation",
        }
    }
}

/// A completed round trip, from flat to flat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeRow {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// `Buy` for a long.
    pub side: Side,
    /// The strategy that owned it.
    pub strategy: Words,
    /// The entry order that opened it.
    pub entry_id: ClientOrderId,
    /// Largest quantity it had.
    pub qty: Qty,
    /// Average entry price.
    pub entry_price: Price,
    /// Average exit price.
    pub exit_price: Price,
    /// When it opened.
    pub opened_at: Timestamp,
    /// When it closed.
    pub closed_at: Timestamp,
    /// Realised result, fees and funding not included.
    pub realised: Usdt,
    /// Fees paid.
    pub fees: Usdt,
    /// Funding received (positive) or paid (negative).
    pub funding: Usdt,
    /// Why it closed.
    pub exit: ExitReason,
    /// Did the outcome depend on the path assumed inside a bar?
    pub path_dependent: bool,
}

impl TradeRow {
    /// What the trade brought in the end: realised − fees + funding.
    pub fn net(&self) -> Usdt {
        self.realised - self.fees + self.funding
    }
}

/// Equity at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityRow {
    /// When.
    pub at: Timestamp,
    /// Wallet balance.
    pub cash: Usdt,
    /// Unrealised result at the mark.
    pub unrealised: Usdt,
    /// Highest equity so far.
    pub peak: Usdt,
}

impl EquityRow {
    /// Distance from the peak as a ratio of the peak.
    pub fn drawdown(&self) -> Rate {
        (self.peak - self.cash - self.unrealised).ratio_of(self.peak, Rounding::Up).max(Rate::ZERO)
    }
}

/// What a strategy asked for, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalRow {
    /// When.
    pub at: Timestamp,
    /// For which instrument.
    pub instrument: InstrumentId,
    /// Which strategy.
    pub strategy: Words,
    /// Which way.
    pub side: Side,
    /// Entry, stop and take profit as the strategy proposed them.
    pub entry: Price,
    /// Stop.
    pub stop: Price,
    /// Take profit.
    pub take_profit: Option<Price>,
    /// The strategy's words.
    pub reason: Words,
    /// Why it was not acted on; none if it was.
    pub rejected: Option<Words>,
}

/// A change of the trading state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateRow {
    /// When.
    pub at: Timestamp,
    /// To what.
    pub state: TradingState,
    /// Why.
    pub reason: String,
}

/// What the ledger knows when a session begins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Recovered {
    /// Number of this start, for client order ids.
    pub epoch: u32,
    /// Orders that have not ended, or ended within the last day.
    pub orders: Vec<OrderRow>,
    /// Open positions.
    pub positions: Vec<PositionRow>,
    /// Fills that a venue may still report again.
    pub trade_ids: Vec<(InstrumentId, TradeId)>,
    /// Fundings that a venue may still report again.
    pub funding_ids: Vec<(InstrumentId, u64)>,
    /// Transfers that a venue may still report again.
    pub transfer_ids: Vec<u64>,
    /// Wallet balance; none before the first session.
    pub cash: Option<Usdt>,
    /// Last trading state with its reason.
    pub state: Option<StateRow>,
    /// What risk wrote to be remembered.
    pub risk_memory: Option<String>,
    /// Instruments that take no entries, and why.
    pub halts: Vec<(InstrumentId, String)>,
    /// Are there adjustments that nobody has acknowledged?
    pub unacknowledged_adjustments: bool,
    /// Session time of the last durable fact.
    pub last_at: Option<Timestamp>,
}

impl Stage {
    /// The name in the ledger: `intended`, `sent`, `working`, or how it ended.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::Intended => "intended",
            Stage::Sent => "sent",
            Stage::Working => "working",
            Stage::Done(reason) => reason.as_str(),
        }
    }
}

impl DoneReason {
    /// The name in the ledger.
    pub const fn as_str(self) -> &'static str {
        match self {
            DoneReason::NotSent => "not_sent",
            DoneReason::Absent => "absent",
            DoneReason::Rejected => "rejected",
            DoneReason::Expired => "expired",
            DoneReason::Canceled => "canceled",
            DoneReason::Filled => "filled",
        }
    }
}
