//! How our values stand in columns, and back.

use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use rusqlite::Row;
use rusqlite::types::{FromSql, Value};

use super::LedgerError;
use crate::protocol::{DoneReason, ExitReason, NoticeKind, OrderKind, Stage, TimeInForce, TradingState, TriggerBy};
use crate::types::{Leg, PositionSide, Price, Side, Timestamp};

/// A value that has a fixed set of names.
pub(super) trait Named: Copy + Sized + 'static {
    const ALL: &'static [(Self, &'static str)];

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(value, _)| *value)
    }
}

macro_rules! named {
    ($type:ty: $($value:expr),+) => {
        impl Named for $type {
            const ALL: &'static [(Self, &'static str)] = &[$(($value, $value.as_str())),+];
        }
    };
}

named!(Side: Side::Buy, Side::Sell);
named!(Leg: Leg::Entry, Leg::Exit, Leg::Stop, Leg::TakeProfit, Leg::Flatten);
named!(TradingState: TradingState::Active, TradingState::Paused, TradingState::ReduceOnly, TradingState::Halted);
named!(ExitReason: ExitReason::StopLoss, ExitReason::TakeProfit, ExitReason::TrailingStop, ExitReason::Time,
    ExitReason::Signal, ExitReason::Manual, ExitReason::Liquidation);
named!(Stage: Stage::Intended, Stage::Sent, Stage::Working, Stage::Done(DoneReason::NotSent),
    Stage::Done(DoneReason::Absent), Stage::Done(DoneReason::Rejected), Stage::Done(DoneReason::Expired),
    Stage::Done(DoneReason::Canceled), Stage::Done(DoneReason::Filled));

impl Named for NoticeKind {
    const ALL: &'static [(NoticeKind, &'static str)] = &[
        (NoticeKind::Started, notice_kind(NoticeKind::Started)),
        (NoticeKind::Stopped, notice_kind(NoticeKind::Stopped)),
        (NoticeKind::PositionOpened, notice_kind(NoticeKind::PositionOpened)),
        (NoticeKind::PositionClosed, notice_kind(NoticeKind::PositionClosed)),
        (NoticeKind::Protected, notice_kind(NoticeKind::Protected)),
        (NoticeKind::ProtectionFailed, notice_kind(NoticeKind::ProtectionFailed)),
        (NoticeKind::TradingState, notice_kind(NoticeKind::TradingState)),
        (NoticeKind::Health, notice_kind(NoticeKind::Health)),
        (NoticeKind::Summary, notice_kind(NoticeKind::Summary)),
        (NoticeKind::Alarm, notice_kind(NoticeKind::Alarm)),
    ];
}

pub(super) const fn notice_kind(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Started => "started",
        NoticeKind::Stopped => "stopped",
        NoticeKind::PositionOpened => "position_opened",
        NoticeKind::PositionClosed => "position_closed",
        NoticeKind::Protected => "protected",
        NoticeKind::ProtectionFailed => "protection_failed",
        NoticeKind::TradingState => "trading_state",
        NoticeKind::Health => "health",
        NoticeKind::Summary => "summary",
        NoticeKind::Alarm => "alarm",
    }
}

impl Named for PositionSide {
    const ALL: &'static [(PositionSide, &'static str)] =
        &[(PositionSide::Both, "both"), (PositionSide::Long, "long"), (PositionSide::Short, "short")];
}

pub(super) const fn position_side(side: PositionSide) -> &'static str {
    match side {
        PositionSide::Both => "both",
        PositionSide::Long => "long",
        PositionSide::Short => "short",
    }
}

/// An order's kind, spread over the columns `kind`, `price`, `tif`, `trigger_price` and `trigger_by`.
pub(super) struct KindColumns {
    pub(super) kind: &'static str,
    pub(super) price: Option<Price>,
    pub(super) tif: Option<&'static str>,
    pub(super) trigger_price: Option<Price>,
    pub(super) trigger_by: Option<&'static str>,
}

impl KindColumns {
    pub(super) fn of(order: &OrderKind) -> KindColumns {
        let (price, tif, trigger_price, trigger_by) = match order {
            OrderKind::Market => (None, None, None, None),
            OrderKind::Limit { price, tif } => (Some(*price), Some(time_in_force(*tif)), None, None),
            OrderKind::Stop { trigger, by } | OrderKind::TakeProfit { trigger, by } => {
                (None, None, Some(*trigger), Some(trigger_source(*by)))
            }
        };
        KindColumns { kind: order.as_str(), price, tif, trigger_price, trigger_by }
    }

    pub(super) fn read(cells: &Cells<'_>) -> Result<OrderKind, LedgerError> {
        let trigger = || Ok::<_, LedgerError>((cells.parse("trigger_price")?, cells.name("trigger_by")?));
        match cells.get::<String>("kind")?.as_str() {
            "market" => Ok(OrderKind::Market),
            "limit" => Ok(OrderKind::Limit { price: cells.parse("price")?, tif: cells.name("tif")? }),
            "stop_market" => trigger().map(|(trigger, by)| OrderKind::Stop { trigger, by }),
            "take_profit_market" => trigger().map(|(trigger, by)| OrderKind::TakeProfit { trigger, by }),
            other => Err(cells.bad("kind", format!("`{other}` is not a kind of order"))),
        }
    }
}

const fn time_in_force(tif: TimeInForce) -> &'static str {
    match tif {
        TimeInForce::Gtc => "gtc",
        TimeInForce::Ioc => "ioc",
        TimeInForce::Fok => "fok",
        TimeInForce::PostOnly => "post_only",
    }
}

impl Named for TimeInForce {
    const ALL: &'static [(TimeInForce, &'static str)] = &[
        (TimeInForce::Gtc, time_in_force(TimeInForce::Gtc)),
        (TimeInForce::Ioc, time_in_force(TimeInForce::Ioc)),
        (TimeInForce::Fok, time_in_force(TimeInForce::Fok)),
        (TimeInForce::PostOnly, time_in_force(TimeInForce::PostOnly)),
    ];
}

const fn trigger_source(by: TriggerBy) -> &'static str {
    match by {
        TriggerBy::Mark => "mark",
        TriggerBy::Last => "last",
    }
}

impl Named for TriggerBy {
    const ALL: &'static [(TriggerBy, &'static str)] =
        &[(TriggerBy::Mark, trigger_source(TriggerBy::Mark)), (TriggerBy::Last, trigger_source(TriggerBy::Last))];
}

/// An exact text.
pub(super) fn text(value: impl Display) -> String {
    value.to_string()
}

/// An exact text, or none.
pub(super) fn text_of(value: Option<impl Display>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// A number of the venue's, which may use all 64 bits: SQLite's integers have a sign.
pub(super) fn number(value: u64) -> Value {
    i64::try_from(value).map_or_else(|_| Value::Text(value.to_string()), Value::Integer)
}

/// A row read back. Whatever does not fit is damage to the file, with table and column in the message.
pub(super) struct Cells<'a> {
    pub(super) row: &'a Row<'a>,
    pub(super) path: &'a Path,
    pub(super) table: &'static str,
}

impl Cells<'_> {
    pub(super) fn bad(&self, column: &str, why: impl Display) -> LedgerError {
        LedgerError::damaged(self.path, format!("{}.{column}: {why}", self.table))
    }

    pub(super) fn get<T: FromSql>(&self, column: &str) -> Result<T, LedgerError> {
        self.row.get(column).map_err(|error| self.bad(column, error))
    }

    pub(super) fn parse<T: FromStr<Err: Display>>(&self, column: &str) -> Result<T, LedgerError> {
        self.get::<String>(column)?.parse().map_err(|error| self.bad(column, error))
    }

    pub(super) fn parse_opt<T: FromStr<Err: Display>>(&self, column: &str) -> Result<Option<T>, LedgerError> {
        let text = self.get::<Option<String>>(column)?;
        text.map(|text| text.parse().map_err(|error| self.bad(column, error))).transpose()
    }

    pub(super) fn name<T: Named>(&self, column: &str) -> Result<T, LedgerError> {
        let name = self.get::<String>(column)?;
        T::of_name(&name).ok_or_else(|| self.bad(column, format!("`{name}` is not one of its names")))
    }

    pub(super) fn at(&self, column: &str) -> Result<Timestamp, LedgerError> {
        self.get(column).map(Timestamp::from_nanos)
    }

    pub(super) fn at_opt(&self, column: &str) -> Result<Option<Timestamp>, LedgerError> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_nanos))
    }

    pub(super) fn number(&self, column: &str) -> Result<u64, LedgerError> {
        self.number_opt(column)?.ok_or_else(|| self.bad(column, "it is empty"))
    }

    pub(super) fn number_opt(&self, column: &str) -> Result<Option<u64>, LedgerError> {
        match self.get::<Value>(column)? {
            Value::Null => Ok(None),
            Value::Integer(number) => u64::try_from(number).map(Some).map_err(|error| self.bad(column, error)),
            Value::Text(text) => text.parse().map(Some).map_err(|error| self.bad(column, error)),
            Value::Real(_) | Value::Blob(_) => Err(self.bad(column, "it is not a number")),
        }
    }
}
