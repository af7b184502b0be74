//! What must not happen between us and a venue, and is told when it does. Nothing of it stops the books: facts
//! come first, and what to do about them is for the engine.

use std::fmt;

use crate::protocol::DoneReason;
use crate::types::{ClientOrderId, InstrumentId, Qty, TradeId};

/// Something about our orders that contradicts what was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// An order shows life after it was taken to have never arrived (I7), never left, or been refused. With
    /// [`DoneReason::Absent`] the protocol's own assumptions are broken: halt the symbol.
    Revived {
        /// Which order.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// The end that is void now.
        from: DoneReason,
    },
    /// More was filled than was asked for (I6).
    Overfilled {
        /// Which order.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// Asked for.
        quantity: Qty,
        /// Filled.
        filled: Qty,
    },
    /// A fill without a positive price and quantity. It is not counted.
    BadFill {
        /// Of which order.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// Its number.
        trade_id: TradeId,
    },
    /// A fill on another side or instrument than its order. It is counted as what it says it is.
    StrangeFill {
        /// Of which order.
        client_id: ClientOrderId,
        /// On which instrument.
        instrument: InstrumentId,
        /// Its number.
        trade_id: TradeId,
    },
    /// The venue says that this much was filled, and its list of fills does not have it. Only the position can
    /// tell now.
    FillsMissing {
        /// Which order.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// According to the order.
        told: Qty,
        /// According to the fills.
        filled: Qty,
    },
    /// The venue lists an order as open that it has long reported as ended.
    StillListed {
        /// Which order.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
        /// How it had ended.
        ended: DoneReason,
    },
    /// Another daemon is at work on this account (I18).
    OtherInstance {
        /// Its order.
        client_id: ClientOrderId,
        /// Its epoch.
        epoch: u32,
        /// Is this daemon the older one, which halts?
        we_are_older: bool,
    },
    /// The `flatten` command is at work on this account: halt, and take its fills as facts.
    Flattened {
        /// Its order.
        client_id: ClientOrderId,
    },
    /// An order with our own prefix that the ledger does not have.
    NotInLedger {
        /// Which order.
        client_id: ClientOrderId,
        /// Of which instrument.
        instrument: InstrumentId,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Alarm::Revived { client_id, from, .. } => {
                write!(f, "order {client_id} shows life after it was taken for {}", from.as_str())
            }
            Alarm::Overfilled { client_id, quantity, filled, .. } => {
                write!(f, "order {client_id} was for {quantity} and {filled} of it was filled")
            }
            Alarm::BadFill { client_id, trade_id, .. } => {
                write!(f, "trade {} of order {client_id} has no positive price and quantity", trade_id.0)
            }
            Alarm::StrangeFill { client_id, trade_id, .. } => {
                write!(f, "trade {} is on another side or instrument than its order {client_id}", trade_id.0)
            }
            Alarm::FillsMissing { client_id, told, filled, .. } => {
                write!(f, "the venue says that {told} of order {client_id} was filled and lists fills of {filled}")
            }
            Alarm::StillListed { client_id, ended, .. } => {
                write!(f, "the venue lists order {client_id} as open after reporting it as {}", ended.as_str())
            }
            Alarm::OtherInstance { client_id, epoch, we_are_older } => {
                let age = if *we_are_older { "a newer" } else { "an older" };
                write!(f, "order {client_id} is of {age} daemon, epoch {epoch}, at work on this account")
            }
            Alarm::Flattened { client_id } => {
                write!(f, "order {client_id} of the flatten command is at work on this account")
            }
            Alarm::NotInLedger { client_id, .. } => {
                write!(f, "order {client_id} has our prefix and is not in the ledger")
            }
        }
    }
}
