//! What a run decided, so that two runs can be held against each other.

use crate::protocol::{Amount, Journal, OrderKind, OrderRequest};
use crate::types::{InstrumentId, Side, Timestamp};

/// A strategy's signal, or an order of the engine's, that can be held against that of another run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decision {
    pub at: Timestamp,
    pub instrument: InstrumentId,
    pub strategy: String,
    /// All of it, in words.
    pub what: String,
}

impl Decision {
    /// What a row tells of a decision; none if it tells of something that happened.
    pub(super) fn of(row: &Journal) -> Option<Decision> {
        match row {
            Journal::Signal(row) => {
                let (side, entry, stop) = (row.side.position_str(), row.entry, row.stop);
                let target = row.take_profit.map_or_else(String::new, |price| format!(", take profit {price}"));
                let fate = row.rejected.as_ref().map_or_else(String::new, |why| format!(" (not acted on: {why})"));
                Some(Decision {
                    at: row.at,
                    instrument: row.instrument,
                    strategy: row.strategy.to_string(),
                    what: format!("signal {side} at {entry}, stop {stop}{target}{fate}"),
                })
            }
            Journal::Intent(intent) => {
                let OrderRequest { side, kind, amount, .. } = &intent.request;
                Some(Decision {
                    at: intent.decided_at,
                    instrument: intent.request.instrument,
                    strategy: intent.strategy.to_string(),
                    what: format!(
                        "{} order: {} {} {}",
                        intent.leg.as_str(),
                        verb(*side),
                        quantity(*amount),
                        terms(kind)
                    ),
                })
            }
            Journal::Order(_)
            | Journal::Fill { .. }
            | Journal::Position(_)
            | Journal::Trade(_)
            | Journal::Funding(_)
            | Journal::OpeningCash(_)
            | Journal::Transfer { .. }
            | Journal::Adjustment { .. }
            | Journal::Equity(_)
            | Journal::State(_)
            | Journal::RiskMemory(_)
            | Journal::Halt { .. }
            | Journal::Shadow(_)
            | Journal::FeeInKind(_) => None,
        }
    }
}

const fn verb(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

fn quantity(amount: Amount) -> String {
    match amount {
        Amount::Qty(qty) => qty.to_string(),
        Amount::ClosePosition => "all".to_owned(),
    }
}

fn terms(kind: &OrderKind) -> String {
    match kind {
        OrderKind::Market => "at the market".to_owned(),
        OrderKind::Limit { price, .. } => format!("at {price} or better"),
        OrderKind::Stop { trigger, .. } | OrderKind::TakeProfit { trigger, .. } => format!("from {trigger} on"),
    }
}
