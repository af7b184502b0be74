//! Floor 9: the session turned from files, without a runtime: strategies over recorded data, and recorded sessions again.

mod books;
mod candles;
mod decision;
pub mod honesty;
mod page;
mod replay;
mod report;
mod run;
mod story;
pub mod sweep;

pub use books::Books;
pub use candles::Candles;
pub use page::page;
pub use replay::{Divergence, ReplayError, Replayed, replay, replay_story};
pub use report::{Assumption, Group, PathFill, Performance, Report, Subject, Trade};
pub use run::{BacktestError, Outcome, Plan, journal, run};
pub use story::Story;
