//! What the engine tells people is in the log as well, whether or not there is anybody to send it to.

use crate::protocol::{Notice, NoticeKind, TradingState, View};

/// Writes a notice to the log. What somebody should be woken for is a warning.
pub(super) fn log(notice: &Notice) {
    match notice.kind {
        NoticeKind::ProtectionFailed | NoticeKind::Alarm => tracing::warn!("{}", notice.text),
        NoticeKind::TradingState if notice.key != TradingState::Active.as_str() => tracing::warn!("{}", notice.text),
        NoticeKind::TradingState
        | NoticeKind::Started
        | NoticeKind::Stopped
        | NoticeKind::PositionOpened
        | NoticeKind::PositionClosed
        | NoticeKind::Protected
        | NoticeKind::Health
        | NoticeKind::Summary => tracing::info!("{}", notice.text),
    }
}

/// A trading state that was kept over the restart, and what lowers it; none if everything is allowed.
pub(super) fn kept_state(view: &View) -> Option<String> {
    let lift = match view.state {
        TradingState::Active => return None,
        TradingState::Paused => "`resume` lifts it",
        TradingState::ReduceOnly => "the next UTC day or `rearm --reason TEXT` lifts it",
        TradingState::Halted => "`rearm --reason TEXT` lowers it",
    };
    Some(format!("Trading state is still {}: {}; {lift}", view.state.as_str(), view.state_reason))
}
