//! The names of market streams, and what each is about.

use super::market::ladder::Cadence;
use crate::types::{InstrumentId, Instruments};
use crate::venue::binance::interval::Interval;

/// What a stream is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    AggTrade(InstrumentId),
    Trade(InstrumentId),
    BookTicker(InstrumentId),
    AllBookTickers,
    Depth(InstrumentId, Cadence),
    /// The best levels, so many of a side.
    Partial(InstrumentId, u8, Cadence),
    Kline(InstrumentId, Interval),
    ContinuousKline(InstrumentId, Interval),
    /// Every second, or every three.
    Mark(InstrumentId, bool),
    AllMarks(bool),
    MiniTicker(InstrumentId),
    AllMiniTickers,
    Ticker(InstrumentId),
    AllTickers,
    ForceOrder(InstrumentId),
    AllForceOrders,
    ContractInfo,
}

/// The part of the server that a connection came in by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// `/ws` and `/stream` without a part.
    Any,
    Public,
    Market,
    Private,
}

impl Topic {
    /// Reads the name of a stream; none if there is no such stream here.
    pub(crate) fn read(name: &str, instruments: &Instruments) -> Option<Topic> {
        if let Some(rest) = name.strip_prefix('!') {
            return Topic::of_all(rest);
        }
        let (symbol, rest) = name.split_once('@')?;
        if let Some(pair) = symbol.to_uppercase().strip_suffix("_PERPETUAL") {
            let interval = Interval::read(rest.strip_prefix("continuousKline_")?)?;
            return Some(Topic::ContinuousKline(instruments.find_venue(pair)?, interval));
        }
        let id = instruments.find_venue(&symbol.to_uppercase())?;
        if let Some(interval) = rest.strip_prefix("kline_") {
            return Some(Topic::Kline(id, Interval::read(interval)?));
        }
        let (kind, pace) = rest.split_once('@').unwrap_or((rest, ""));
        Some(match (kind, pace) {
            ("aggTrade", "") => Topic::AggTrade(id),
            ("trade", "") => Topic::Trade(id),
            ("bookTicker", "") => Topic::BookTicker(id),
            ("miniTicker", "") => Topic::MiniTicker(id),
            ("ticker", "") => Topic::Ticker(id),
            ("forceOrder", "") => Topic::ForceOrder(id),
            ("markPrice", "" | "3s") => Topic::Mark(id, false),
            ("markPrice", "1s") => Topic::Mark(id, true),
            (depth, pace) => {
                let cadence = match pace {
                    "0ms" | "100ms" => Cadence::Fast,
                    "" | "250ms" => Cadence::Usual,
                    "500ms" => Cadence::Slow,
                    _ => return None,
                };
                match depth.strip_prefix("depth")? {
                    "" => Topic::Depth(id, cadence),
                    "5" => Topic::Partial(id, 5, cadence),
                    "10" => Topic::Partial(id, 10, cadence),
                    "20" => Topic::Partial(id, 20, cadence),
                    _ => return None,
                }
            }
        })
    }

    fn of_all(name: &str) -> Option<Topic> {
        Some(match name {
            "bookTicker" => Topic::AllBookTickers,
            "markPrice@arr" | "markPrice@arr@3s" => Topic::AllMarks(false),
            "markPrice@arr@1s" => Topic::AllMarks(true),
            "miniTicker@arr" => Topic::AllMiniTickers,
            "ticker@arr" => Topic::AllTickers,
            "forceOrder@arr" => Topic::AllForceOrders,
            "contractInfo" => Topic::ContractInfo,
            _ => return None,
        })
    }

    /// Does this part of the server carry the stream? Since April 2026 the entrance without a part carries public
    /// data alone; `strict` holds clients to that.
    pub(crate) fn is_carried(self, entrance: Entrance, strict: bool) -> bool {
        let public = match self {
            Topic::BookTicker(_) | Topic::AllBookTickers | Topic::Depth(..) | Topic::Partial(..) | Topic::Trade(_) => {
                true
            }
            Topic::AggTrade(_)
            | Topic::Kline(..)
            | Topic::ContinuousKline(..)
            | Topic::Mark(..)
            | Topic::AllMarks(_)
            | Topic::MiniTicker(_)
            | Topic::AllMiniTickers
            | Topic::Ticker(_)
            | Topic::AllTickers
            | Topic::ForceOrder(_)
            | Topic::AllForceOrders
            | Topic::ContractInfo => false,
        };
        match entrance {
            Entrance::Any => public || !strict,
            Entrance::Public => public,
            Entrance::Market => !public,
            Entrance::Private => false,
        }
    }
}
