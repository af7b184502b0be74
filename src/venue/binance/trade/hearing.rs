//! What an event of the user-data stream means for us. Nothing here is asked or sent: an event is turned into reports, and
//! into what else it makes necessary.

use super::super::read::user::{AlgoUpdate, OrderUpdate, UserEvent, UserMessage};
use super::super::words::{AlgoStatus, Execution, OrderStatus};
use super::answers::finish;
use super::names::Names;
use crate::protocol::{AccountReport, DoneReason, Fill, OrderReport, ReportBody, Stage, VenueReport};
use crate::types::{
    ClientOrderId, InstrumentId, Instruments, Leg, PositionSide, Timestamp, TradeId, Usdt, VenueOrderId,
};

/// The asset that our books are in.
pub(super) const ASSET: &str = "USDT";
/// How the ids of orders begin by which the venue itself closes a position that can no longer be kept.
const LIQUIDATION: &str = "autoclose-";

/// What an event comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// What is to be told, in this order.
    pub reports: Vec<VenueReport>,
    /// The order that it is about: the stream lives, and knows of it.
    pub about: Option<ClientOrderId>,
    /// Has that order ended?
    pub ended: bool,
    /// Money moved other than by a trade.
    pub money_moved: bool,
    /// The stream's key is over.
    pub key_gone: bool,
    /// Leverage or modes were changed.
    pub settings_changed: bool,
    /// The venue warns that positions are close to liquidation.
    pub margin_call: bool,
}

/// Turns an event into what it means. Events about instruments that are not ours mean nothing.
pub(super) fn hear(message: &UserMessage, instruments: &Instruments, names: &mut Names, now: Timestamp) -> Heard {
    let made_at = message.made_at.map_or(now, Timestamp::from_millis);
    match &message.event {
        UserEvent::Order(update) => match instruments.find_venue(&update.s) {
            Some(instrument) => order(update, instrument, names, made_at),
            None => Heard::default(),
        },
        UserEvent::Algo(update) => match instruments.find_venue(&update.s) {
            Some(instrument) => algo(update, instrument, names, made_at),
            None => Heard::default(),
        },
        // The position and the money of a trade are counted by ourselves, and compared when the venue is asked.
        UserEvent::Account(update) => Heard { money_moved: update.m != "ORDER", ..Heard::default() },
        // A trade without its fee cannot be booked, and its order's event follows; it is a sign of life.
        UserEvent::TradeLite(trade) => Heard { about: trade.c.parse().ok(), ..Heard::default() },
        UserEvent::KeyExpired => Heard { key_gone: true, ..Heard::default() },
        UserEvent::Other(kind) => Heard {
            settings_changed: kind == "ACCOUNT_CONFIG_UPDATE",
            margin_call: kind == "MARGIN_CALL",
            ..Heard::default()
        },
    }
}

fn order(update: &OrderUpdate, instrument: InstrumentId, names: &mut Names, made_at: Timestamp) -> Heard {
    let number = update.i;
    let client_id = names.get(instrument, number).unwrap_or_else(|| own_id(&update.c, number));
    names.learn(instrument, number, client_id);
    let venue_time = update.T.map_or(made_at, Timestamp::from_millis);
    let report = |body| {
        let venue_order_id = numbered(client_id, number);
        VenueReport::Order(OrderReport { client_id, instrument, venue_order_id, venue_time, body })
    };
    let mut reports = Vec::new();
    let fill = fill_of(update, client_id, instrument, venue_time);
    if let Some(fill) = fill {
        if update.c.starts_with(LIQUIDATION) {
            reports.push(VenueReport::Account(AccountReport::Liquidated { instrument }));
        }
        reports.push(report(ReportBody::Filled(fill)));
    }
    let end = match update.X.known() {
        Some(OrderStatus::Filled) => Some(DoneReason::Filled),
        Some(OrderStatus::Canceled) => Some(DoneReason::Canceled),
        Some(OrderStatus::Expired | OrderStatus::ExpiredInMatch) => Some(DoneReason::Expired),
        Some(OrderStatus::New | OrderStatus::PartiallyFilled) | None => None,
    };
    match (end, update.x.known()) {
        (Some(reason), _) => reports.push(report(ReportBody::Ended { reason, filled: update.z })),
        (None, Some(Execution::New)) => reports.push(report(ReportBody::Accepted)),
        (None, _) if fill.is_none() && update.X.known().is_some() => {
            reports.push(report(ReportBody::Status { stage: Stage::Working, filled: update.z }));
        }
        (None, _) => {}
    }
    Heard { reports, about: Some(client_id), ended: end.is_some(), ..Heard::default() }
}

fn algo(update: &AlgoUpdate, instrument: InstrumentId, names: &mut Names, made_at: Timestamp) -> Heard {
    let client_id = own_id(&update.caid, update.aid);
    if let Some(number) = update.ai {
        names.learn(instrument, number, client_id);
    }
    let filled = update.aq.unwrap_or_default();
    let asked = update.q.filter(|asked| asked.is_positive());
    let body = match update.X.known() {
        Some(AlgoStatus::New) => Some(ReportBody::Accepted),
        Some(AlgoStatus::Triggered) => Some(ReportBody::Triggered),
        Some(AlgoStatus::Finished) => Some(ReportBody::Ended { reason: finish(asked, filled), filled }),
        Some(AlgoStatus::Canceled) => Some(ReportBody::Ended { reason: DoneReason::Canceled, filled }),
        Some(AlgoStatus::Expired) => Some(ReportBody::Ended { reason: DoneReason::Expired, filled }),
        Some(AlgoStatus::Rejected) => {
            let reason = update.rm.clone().unwrap_or_else(|| "refused when it triggered".to_owned());
            Some(ReportBody::Rejected { code: 0, reason })
        }
        Some(AlgoStatus::Triggering) | None => None,
    };
    let ended = matches!(body, Some(ReportBody::Ended { .. } | ReportBody::Rejected { .. }));
    let report = |body| {
        let venue_order_id = Some(VenueOrderId(update.aid));
        VenueReport::Order(OrderReport { client_id, instrument, venue_order_id, venue_time: made_at, body })
    };
    Heard { reports: body.map(report).into_iter().collect(), about: Some(client_id), ended, ..Heard::default() }
}

fn fill_of(update: &OrderUpdate, client_id: ClientOrderId, instrument: InstrumentId, at: Timestamp) -> Option<Fill> {
    let trade_id = TradeId(update.t.filter(|number| *number > 0)?);
    let (qty, price) = (update.l.filter(|qty| qty.is_positive())?, update.L?);
    let side = update.S.known()?.into();
    Some(Fill {
        trade_id,
        client_id,
        instrument,
        position_side: update.ps.known().map_or(PositionSide::Both, Into::into),
        side,
        price,
        qty,
        fee: fee(update.n, update.N.as_deref().unwrap_or(ASSET)),
        maker: update.m,
        at,
        path_dependent: false,
    })
}

/// A fee that was paid in another asset did not touch the wallet that our books are of.
pub(super) fn fee(paid: Option<Usdt>, asset: &str) -> Usdt {
    if asset == ASSET { paid.unwrap_or_default() } else { Usdt::ZERO }
}

/// The order's id; the venue's number stands for one that cannot be an id.
pub(super) fn own_id(text: &str, number: u64) -> ClientOrderId {
    text.parse().unwrap_or_else(|_| format!("order-{number}").parse().expect("six letters and twenty digits are an id"))
}

/// The number of an order in the books: a conditional order's is that of the service that keeps it, not that of the order
/// which it became.
pub(super) fn numbered(client_id: ClientOrderId, number: u64) -> Option<VenueOrderId> {
    let conditional = client_id.parts().is_some_and(|parts| is_conditional(parts.leg));
    (!conditional).then_some(VenueOrderId(number))
}

/// Do our orders of this leg wait for a trigger?
pub(super) const fn is_conditional(leg: Leg) -> bool {
    match leg {
        Leg::Stop | Leg::TakeProfit => true,
        Leg::Entry | Leg::Exit | Leg::Flatten => false,
    }
}
