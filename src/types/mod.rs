//! Floor 0: the words every room uses. Amounts are fixed-point and hide how they are stored; time is one
//! kind of instant and one kind of span; a symbol is a CCXT unified symbol or it does not exist.

mod calendar;
mod exit;
mod fixed;
mod id_map;
mod ids;
mod instrument;
mod queue;
mod side;
mod symbol;
mod time;

pub use calendar::Calendar;
pub use exit::Exit;
pub use fixed::{ParseAmountError, Price, Qty, Rate, Rounding, Usdt};
pub use id_map::IdMap;
pub use ids::{ClientOrderId, IdParts, IdScope, Leg, TradeId, VenueOrderId};
pub use instrument::{Instrument, InstrumentId, Instruments, MarginTier};
pub use queue::Queue;
pub use side::{PositionSide, Side};
pub use symbol::{ParseSymbolError, Symbol};
pub use time::{ParseSpanError, ParseTimeframeError, Span, Timeframe, Timestamp};

/// Words in a row or a request. Nearly always the program's own, which cost nothing to copy; others come from files.
pub type Words = std::borrow::Cow<'static, str>;
