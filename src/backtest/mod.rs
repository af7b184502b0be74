//! Floor 9: the session turned from files, without a runtime. For now a recorded session is run again and held against
//! what it decided.

mod replay;

pub use replay::{Divergence, ReplayError, Replayed, replay};
