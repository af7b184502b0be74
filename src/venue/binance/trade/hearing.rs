//! What an event of the user-data stream means for us. Nothing here is asked or sent: an event is turned into reports, and
//! into what else it makes necessary.

use super::super::read::user::{AlgoUpdate, OrderUpdate, UserEvent, UserMessage};
use super::super::words::{AlgoStatus, Execution, OrderStatus};
use super::answers::finish;
use super::names::Names;
use crate::protocol::{AccountReport, DoneReason, FeeInKind, Fill, OrderReport, ReportBody, Stage, VenueReport};
use crate::types::{
    ClientOrderId, InstrumentId, Instruments, Leg, PositionSide, Price, Rounding, Timestamp, TradeId, Usdt,
    VenueOrderId,
};

/// The asset that our books are in.
pub(super) const ASSET: &str = "USDT";
/// Longest name of an asset that is kept.
const MAX_ASSET: usize = 32;
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
        let paid = update.n.zip(update.N.as_deref());
        let in_kind = paid.and_then(|(paid, asset)| fee_in_kind(&fill, paid, asset));
        reports.extend(in_kind.map(AccountReport::FeeInKind).map(VenueReport::Account));
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

/// The fee of a trade, if it was paid in another asset.
pub(super) fn fee_in_kind(fill: &Fill, paid: Usdt, asset: &str) -> Option<FeeInKind> {
    if is_ours(asset) || paid.is_zero() {
        return None;
    }
    let asset = asset.chars().take(MAX_ASSET).collect();
    let Fill { trade_id, client_id, instrument, at, .. } = *fill;
    // An amount of an asset has the digits that an amount of USDT has.
    let amount = paid.per_price(Price::ONE, Rounding::Up);
    Some(FeeInKind { trade_id, client_id, instrument, asset, amount, at })
}

/// A fee that was paid in another asset did not touch the wallet that our books are of.
pub(super) fn fee(paid: Option<Usdt>, asset: &str) -> Usdt {
    if is_ours(asset) { paid.unwrap_or_default() } else { Usdt::ZERO }
}

/// Is it the asset that our books are in? Where none is named, no other is.
fn is_ours(asset: &str) -> bool {
    asset.is_empty() || asset == ASSET
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::tests::instruments;
    use crate::venue::binance::read::user;

    fn heard(fee: &str) -> Heard {
        let instruments = instruments(1);
        let symbol = &instruments.get(InstrumentId(0)).venue_symbol;
        let event = format!(
            r#"{{"e":"ORDER_TRADE_UPDATE","E":1700000000100,"T":1700000000100,"o":{{"s":"{symbol}","c":"web-1","S":"SELL",
            "o":"MARKET","f":"GTC","q":"2","p":"0","ap":"100","sp":"0","x":"TRADE","X":"FILLED","i":8886774,"l":"2","z":"2",
            "L":"100",{fee}"T":1700000000100,"t":77,"m":false,"R":true,"ps":"BOTH"}}}}"#
        );
        let message = user::parse(event.as_bytes()).expect("an event");
        hear(&message, &instruments, &mut Names::default(), Timestamp::EPOCH)
    }

    #[test]
    fn a_fee_is_booked_in_the_wallets_asset_and_told_in_every_other() {
        for (fee, booked, told) in [
            (r#""n":"0.1","N":"USDT","#, "0.1", None),
            (r#""n":"0.1","#, "0.1", None),
            ("", "0", None),
            (r#""n":"0.00037","N":"BNB","#, "0", Some(("BNB", "0.00037"))),
            (r#""n":"-0.00001","N":"BNB","#, "0", Some(("BNB", "-0.00001"))),
            (r#""n":"0","N":"BNB","#, "0", None),
        ] {
            let reports = heard(fee).reports;
            let kept: Vec<(&str, String)> = reports.iter().filter_map(in_kind).collect();
            let told: Vec<_> = told.into_iter().map(|(asset, amount)| (asset, amount.to_owned())).collect();
            assert_eq!(kept, told, "{fee}");
            let at = reports.iter().position(|report| in_kind(report).is_some()).unwrap_or_default();
            let fill = reports.iter().enumerate().find_map(|(place, report)| Some((place, fill(report)?)));
            let (place, fill) = fill.expect("a fill");
            assert!(at <= place, "the fee comes before its trade");
            assert_eq!(fill.fee.to_string(), booked, "{fee}");
        }
    }

    fn in_kind(report: &VenueReport) -> Option<(&str, String)> {
        match report {
            VenueReport::Account(AccountReport::FeeInKind(fee)) => Some((fee.asset.as_str(), fee.amount.to_string())),
            VenueReport::Account(_) | VenueReport::Order(_) => None,
        }
    }

    fn fill(report: &VenueReport) -> Option<Fill> {
        match report {
            VenueReport::Order(OrderReport { body: ReportBody::Filled(fill), .. }) => Some(*fill),
            VenueReport::Order(_) | VenueReport::Account(_) => None,
        }
    }
}
