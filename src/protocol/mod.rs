//! Floor 1: what is said between rooms. Everything that can change a decision is an [`Event`]; everything
//! that should come of one is an [`Action`]. Both are plain data, recorded and replayed as they are.
//!
//! # Realised results
//!
//! Books kept apart from each other agree to the last digit only if they round alike, so the rule is part of what is
//! said between rooms. A position has a signed quantity `Q` and the cost `C ≥ 0` of what is open.
//! - A fill that opens or grows it adds `price.notional(qty)` to `C` and realises nothing.
//! - A fill of `q < |Q|` against it releases `R = C.share(q, |Q|)`, rounded up for a long and down for a short, so
//!   that the result is against us; one of `q = |Q|` releases all of `C`. A long realises `price.notional(q) − R`, a
//!   short `R − price.notional(q)`.
//! - A fill through zero is two: one that closes, and one that opens with the rest.
//!
//! The balance changes by what is realised less the fee. What rounding withheld stays in `C` and comes back with the
//! fill that closes: over a round trip the balance changes by what was sold less what was bought.

mod account;
mod action;
mod command;
mod event;
mod journal;
mod market;
mod order;
mod shadow;
mod view;

pub use account::{AccountReport, FeeInKind, FundingPayment, OrderSnapshot, PositionSnapshot};
pub use action::{Action, Actions, Keep, Notice, NoticeKind};
pub use command::{Command, TradingState};
pub use event::{ConnectionState, Event, HealthStatus, Link, Stamped, VenueReport};
pub use journal::{EquityRow, ExitReason, Journal, OrderRow, PositionRow, Recovered, SignalRow, StateRow, TradeRow};
pub use market::{Bar, BookLevel, Depth, FeedShape, Funding, Mark, MarketData, MarketEvent, Quote, Trade};
pub use order::{
    Amount, CancelOutcome, DoneReason, Fill, Knowledge, Lookup, OrderIntent, OrderKind, OrderReport, OrderRequest,
    ProtectionPlan, ReportBody, Stage, TimeInForce, Trailing, TriggerBy, VenueRequest,
};
pub use shadow::{Course, Gap, ShadowRow, ShadowTally};
pub use view::{InstrumentView, OrderView, PositionView, View};

/// Version of everything in this module as it is written to recordings. A change that an old reader would
/// misread raises it.
pub const SCHEMA_VERSION: u32 = 5;
