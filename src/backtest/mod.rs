//! Floor 9: the session turned from files, without a runtime: strategies over recorded data, and recorded sessions again.

mod books;
mod replay;
mod report;
mod run;
pub mod sweep;

pub use books::Books;
pub use replay::{Divergence, ReplayError, Replayed, replay};
pub use report::{Group, Performance, Report, Trade};
pub use run::{BacktestError, Outcome, Plan, run};
