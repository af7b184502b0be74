//! Floor 1: what is said between rooms. Everything that can change a decision is an [`Event`]; everything
//! that should come of one is an [`Action`]. Both are plain data, recorded and replayed as they are.

mod account;
mod action;
mod command;
mod event;
mod journal;
mod market;
mod order;
mod view;

pub use account::{AccountReport, FundingPayment, OrderSnapshot, PositionSnapshot};
pub use action::{Action, Notice, NoticeKind};
pub use command::{Command, TradingState};
pub use event::{ConnectionState, Event, HealthStatus, Link, Stamped, VenueReport};
pub use journal::{EquityRow, ExitReason, Journal, OrderRow, PositionRow, Recovered, SignalRow, StateRow, TradeRow};
pub use market::{Bar, BookLevel, Depth, FeedShape, Funding, Mark, MarketData, MarketEvent, Quote, Trade};
pub use order::{
    Amount, CancelOutcome, DoneReason, Fill, Knowledge, Lookup, OrderIntent, OrderKind, OrderReport, OrderRequest,
    ProtectionPlan, ReportBody, Stage, TimeInForce, Trailing, TriggerBy, VenueRequest,
};
pub use view::{InstrumentView, OrderView, PositionView, View};

/// Version of everything in this module as it is written to recordings. A change that an old reader would
/// misread raises it.
pub const SCHEMA_VERSION: u32 = 1;
