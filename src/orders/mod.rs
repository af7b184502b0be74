//! What we asked and what came of it.
//!
//! [`Orders`] is the table of our orders. It is fed with intents, with what the venue says ([`Orders::apply`],
//! [`Orders::reconcile_open_orders`], [`Orders::reconcile_fills`]) and with the time ([`Orders::due`]), and says
//! what is to be journalled, asked and told. [`planner`] and [`protection`] say which orders are wanted, given
//! what is there. Nothing here sends anything.
//!
//! How none is lost or doubled: an order without an answer is not retried, it is *unknown*. It counts at its
//! worst, and is asked after, until the venue shows it, or until the request can no longer be accepted and each
//! place where the order would show has denied it. See [`Due::Absent`].

#![deny(clippy::float_arithmetic)]

mod alarm;
mod apply;
mod due;
mod evidence;
mod exposure;
mod fills;
mod id;
mod line;
mod order;
pub mod planner;
pub mod protection;
mod reconcile;
mod settings;
mod shelves;
mod soonest;
mod table;
#[cfg(test)]
mod tests;
mod trades;
mod trailing;

pub use alarm::Alarm;
pub use apply::Applied;
pub use due::Due;
pub use exposure::Exposure;
pub use id::{IdSource, Origin};
pub use protection::{ProtectionState, Protective, Situation, Step};
pub use reconcile::Reconciled;
pub use settings::{Settings, SettingsError};
pub use shelves::{ENDED_KEPT, ENDED_KEPT_FOR};
pub use table::Orders;
pub use trailing::{is_worth_keeping, trail};
