//! The start as a list of steps, each with a deadline, a log line and a name that says where it stands. Nothing
//! is traded before the last one is done.

use super::{Crank, Due, Outside, RunError};
use crate::protocol::{Event, MarketData, MarketEvent, Notice, Recovered};
use crate::pulse::Stage;
use crate::session::Source;
use crate::types::{Span, Timestamp};

/// Session time that reconciliation may take in a virtual session: the answers of the venue take some tenths of a
/// second, and an order whose fate is unknown half a minute.
const RECONCILE_PATIENCE: Span = Span::mins(5);
/// Turns between two looks at the deadline.
const TURNS_BETWEEN_LOOKS: u32 = 64;

/// The steps of the start, in order. The state directory is locked and the ledger checked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartStep {
    /// The engine takes over what the ledger knows.
    Recover,
    /// Closed bars of every timeframe are loaded.
    WarmUp,
    /// The venue's orders, fills, positions and balance are taken in, and every position has its stop.
    Reconcile,
}

impl StartStep {
    /// The name in the log and in systemd's status.
    pub const fn as_str(self) -> &'static str {
        match self {
            StartStep::Recover => "recover",
            StartStep::WarmUp => "warm up",
            StartStep::Reconcile => "reconcile",
        }
    }
}

/// Goes through the steps until the engine is ready. `progress` hears the name of each. Gives back the messages for
/// people that came of it.
///
/// # Errors
/// If a step is late, or what it needs fails.
pub async fn start(
    crank: &mut Crank,
    recovered: Recovered,
    deadline: Span,
    mut progress: impl FnMut(StartStep),
) -> Result<Vec<Notice>, RunError> {
    let begin = crank.session.at();
    progress(StartStep::Recover);
    crank.beat(Stage::Recover);
    crank.session.push(begin, Source::Ledger, Event::Recovered(Box::new(recovered)));
    progress(StartStep::WarmUp);
    warm_up(crank, begin)?;
    progress(StartStep::Reconcile);
    reconcile(crank, begin, deadline).await
}

/// Loads the bars before `begin`. A feed that holds fewer than wanted is told of once, and the rest is waited for.
fn warm_up(crank: &mut Crank, begin: Timestamp) -> Result<(), RunError> {
    let instruments: Vec<_> = crank.feed.instruments().ids().collect();
    let needs = crank.session.engine().history_plan(begin);
    for instrument in instruments {
        for need in &needs {
            crank.beat(Stage::Warmup);
            let wanted = usize::try_from(need.bars).unwrap_or(usize::MAX);
            let Some(bars) = crank.feed.ask_history(instrument, need.timeframe, wanted, begin)? else { continue };
            let symbol = crank.feed.instruments().symbol(instrument).clone();
            if bars.len() < wanted {
                tracing::info!(
                    %symbol, timeframe = %need.timeframe, wanted = need.bars, got = bars.len(),
                    "the feed holds less history than the strategies need; they wait until they are warm"
                );
            }
            let data = MarketData::History { timeframe: need.timeframe, bars };
            crank.session.push(begin, Source::Market, Event::Market(MarketEvent { instrument, data }));
        }
    }
    Ok(())
}

async fn reconcile(crank: &mut Crank, begin: Timestamp, deadline: Span) -> Result<Vec<Notice>, RunError> {
    let pace = crank.unpaced();
    let mut notices = Vec::new();
    let late = crank.clock.uptime() + deadline;
    let mut turns = 0_u32;
    while !(crank.session.engine().is_ready() && crank.session.engine().has_history()) {
        crank.beat(Stage::Recover);
        let outside = match crank.due(&pace) {
            Due::Turn(_) => crank.turn()?,
            Due::Later(wait) => {
                crank.rest(wait).await;
                Outside::default()
            }
            Due::Never => return Err(too_slow(crank, deadline)),
        };
        notices.extend(outside.notices);
        if let Some((exit, reason)) = outside.leave {
            crank.flush()?;
            return Err(RunError::Left { exit, reason });
        }
        turns = turns.wrapping_add(1);
        if pace.is_real() || turns.is_multiple_of(TURNS_BETWEEN_LOOKS) {
            tokio::task::yield_now().await;
            if crank.clock.uptime() > late || crank.session.at() - begin > RECONCILE_PATIENCE {
                return Err(too_slow(crank, deadline));
            }
        }
    }
    Ok(notices)
}

fn too_slow(crank: &Crank, deadline: Span) -> RunError {
    let engine = crank.session.engine();
    let history = (!engine.has_history()).then(|| "bars of the past".to_owned());
    let waiting_for: Vec<String> = engine.view().waiting_for.into_iter().chain(history).collect();
    let waiting_for = waiting_for.join(", ");
    RunError::StartTooSlow { step: StartStep::Reconcile.as_str(), deadline, waiting_for }
}
