//! The picture of the engine that people's side reads. Made once an iteration and at changes; never written to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ExitReason, Knowledge, ShadowTally, Stage, TradingState};
use crate::types::{ClientOrderId, Leg, Price, Qty, Rate, Side, Span, Symbol, Timestamp, Usdt};

/// The engine at one instant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Session time.
    pub at: Timestamp,
    /// Have reconciliation and warm-up finished?
    pub ready: bool,
    /// What is still missing until then, in words.
    pub waiting_for: Vec<String>,
    /// Is anything of ours on its way that has no answer yet?
    pub in_flight: usize,
    /// May it trade?
    pub state: TradingState,
    /// Why not.
    pub state_reason: String,
    /// Closed minutes so far.
    pub iterations: u64,
    /// Signals that became orders.
    pub signals_accepted: u64,
    /// Signals that did not, by reason.
    pub signals_rejected: BTreeMap<String, u64>,
    /// Orders sent.
    pub orders: u64,
    /// Fills taken into the books.
    pub fills: u64,
    /// Positions opened.
    pub positions_opened: u64,
    /// Positions closed.
    pub positions_closed: u64,
    /// Closed positions by reason.
    pub exits: BTreeMap<ExitReason, u64>,
    /// Closed with a net gain.
    pub wins: u64,
    /// Closed without one.
    pub losses: u64,
    /// Wallet balance.
    pub cash: Usdt,
    /// Cash and unrealised results.
    pub equity: Usdt,
    /// Realised, fees and funding not included.
    pub realised_pnl: Usdt,
    /// Unrealised at the mark.
    pub unrealised_pnl: Usdt,
    /// Fees paid.
    pub fees: Usdt,
    /// Fees paid in other assets, which are in no other figure, by asset.
    pub fees_in_kind: BTreeMap<String, Qty>,
    /// Funding received (positive) or paid (negative).
    pub funding: Usdt,
    /// Largest distance from the peak of equity.
    pub max_drawdown: Rate,
    /// Orders that the venue has not answered, and since when the oldest of them waits.
    pub unanswered: Option<(usize, Timestamp)>,
    /// Open positions.
    pub positions: Vec<PositionView>,
    /// Open orders.
    pub open_orders: Vec<OrderView>,
    /// Every instrument, in the order of the configuration.
    pub instruments: Vec<InstrumentView>,
    /// Longest time that a position was without a confirmed stop.
    pub unprotected_max: Span,
    /// How far the venue is from paper; none on paper.
    pub shadow: Option<ShadowTally>,
}

/// An open position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionView {
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// `Buy` for a long.
    pub side: Side,
    /// Unsigned.
    pub qty: Qty,
    /// Average entry price.
    pub entry_price: Price,
    /// Mark price.
    pub mark_price: Price,
    /// Unrealised at the mark.
    pub unrealised: Usdt,
    /// Confirmed stop at the venue.
    pub stop: Option<Price>,
    /// Resting take profit.
    pub take_profit: Option<Price>,
    /// The strategy that owns it.
    pub strategy: String,
    /// When it opened.
    pub opened_at: Timestamp,
    /// Since when it has had no confirmed stop.
    pub unprotected_since: Option<Timestamp>,
}

/// An order that has not ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderView {
    /// Its id.
    pub client_id: ClientOrderId,
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// What it is for.
    pub leg: Leg,
    /// Where it stands.
    pub stage: Stage,
    /// Is that known?
    pub knowledge: Knowledge,
    /// Filled so far.
    pub filled: Qty,
}

/// An instrument's market data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstrumentView {
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// Last price known.
    pub price: Option<Price>,
    /// When market data last came.
    pub last_data: Option<Timestamp>,
    /// Open time of the last closed 1m bar.
    pub last_bar: Option<Timestamp>,
    /// `live`, `stale` or `lost`.
    pub freshness: String,
    /// Why no entry is made now; none if one may be.
    pub blocked: Option<String>,
}
