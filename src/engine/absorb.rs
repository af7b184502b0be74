//! Step one: facts are taken in, whatever was thought before. Order and position change in the same step.

use super::{Engine, Slot, Totals};
use crate::orders::{Alarm, Applied};
use crate::protocol::{
    AccountReport, Action, Actions, Event, ExitReason, Fill, Journal, MarketData, MarketEvent, Notice, NoticeKind,
    OrderReport, TradeRow, TradingState, VenueReport,
};
use crate::types::{ClientOrderId, InstrumentId, Leg, Qty, Timestamp, Words};

impl Engine {
    /// Takes an event into the rooms. The bars that closed by it are kept for the strategies.
    pub(super) fn absorb(&mut self, at: Timestamp, event: &Event, out: &mut Actions) {
        match event {
            Event::Market(event) => self.absorb_market(at, event, out),
            Event::Recovered(recovered) => self.take_over(at, recovered, out),
            Event::Venue(VenueReport::Order(report)) => self.absorb_report(at, report, out),
            Event::Venue(VenueReport::Account(report)) => self.absorb_account(at, report, out),
            Event::Connection { link, state } => self.absorb_connection(at, *link, *state),
            Event::Health { status, reasons } => self.risk.set_health(*status, reasons),
            Event::Clock { offset: _, uncertainty } => self.absorb_clock(*uncertainty, out),
            Event::Timer | Event::Command(_) => {}
        }
    }

    pub(super) fn absorb_market(&mut self, at: Timestamp, event: &MarketEvent, out: &mut Actions) {
        let instrument = event.instrument;
        if !self.knows(instrument) {
            return;
        }
        self.absorb_price(at, event);
        let is_history = matches!(event.data, MarketData::History { .. });
        if is_history && self.market.has_history(instrument) && !self.market.is_warm(instrument) {
            // The feed holds less than was asked for: what came is all, and live bars do the rest.
            let rest = self.market.mark_history_complete(at, instrument);
            self.absorbed.closed.extend(rest.closed);
            self.absorbed.gap = self.absorbed.gap.or(rest.gap);
            self.mark(instrument);
        }
        self.stir_if_held(instrument);
        self.note_gap(instrument, out);
    }

    /// A gap of the instrument's bars is filled before anything is entered.
    pub(super) fn note_gap(&mut self, instrument: InstrumentId, out: &mut Actions) {
        if let Some(gap) = self.absorbed.gap {
            self.slot(instrument).gapped = true;
            out.push(Action::Backfill { instrument, from: gap.from, until: gap.until });
        } else if !self.absorbed.closed.is_empty() {
            self.slots[instrument.index()].gapped = false;
        }
    }

    /// Takes market data into the market, and what a position is worth by it into the books.
    pub(super) fn absorb_price(&mut self, at: Timestamp, event: &MarketEvent) {
        self.market.absorb_into(at, event, &mut self.absorbed);
        self.mark(event.instrument);
    }

    fn mark(&mut self, instrument: InstrumentId) {
        if let Some(price) = self.market.price(instrument) {
            self.portfolio.mark(instrument, price);
        }
    }

    /// The stop of a position may have to follow the price.
    pub(super) fn stir_if_held(&mut self, instrument: InstrumentId) {
        if self.portfolio.position(instrument).is_some() {
            self.slot(instrument);
        }
    }

    fn absorb_report(&mut self, at: Timestamp, report: &OrderReport, out: &mut Actions) {
        if self.knows(report.instrument) {
            let applied = self.orders.take_in(at, report, out.keeps_all());
            self.slot(report.instrument).touched = true;
            self.absorb_applied(at, applied, out);
            self.follow_up(at, report.client_id);
        }
    }

    /// Writes what a report, or an entry of a list, has changed, and takes the fill into the books.
    pub(super) fn absorb_applied(&mut self, at: Timestamp, applied: Applied, out: &mut Actions) {
        if let Some(instrument) = applied.back {
            self.venue_is_back(at, instrument);
        }
        if let Some(instrument) = applied.changed {
            self.note_change(at, instrument);
        }
        if let Some(row) = applied.row {
            out.durable(|| Journal::Order(row));
        }
        if let Some(alarm) = applied.alarm {
            self.raise_alarm(at, &alarm, out);
        }
        if let Some(fill) = applied.fill.filter(|fill| self.knows(fill.instrument)) {
            self.absorb_fill(at, &fill, out);
        }
    }

    /// A fill is a fact: it changes the position whatever the order was thought to be.
    fn absorb_fill(&mut self, at: Timestamp, fill: &Fill, out: &mut Actions) {
        let instrument = fill.instrument;
        let order = self.orders.get(fill.client_id);
        let strategy = order.map_or(Words::Borrowed("unknown"), |row| row.intent.strategy.clone());
        let plan = order.and_then(|row| row.intent.plan);
        let leg = order.map(|row| row.intent.leg);
        self.fees_in_kind.traded(fill);
        let effect = self.portfolio.apply_fill(fill, &strategy, plan);
        let slot = self.slot(instrument);
        (slot.touched, slot.moved_at) = (true, at);
        if effect.refused {
            let reason = format!("trade {} of {} at {} is beyond all bounds", fill.trade_id.0, fill.qty, fill.price);
            self.halt_symbol(at, instrument, &reason, out);
            return;
        }
        slot.path_dependent |= fill.path_dependent;
        self.totals.fills += 1;
        out.row(Journal::Fill { fill: *fill, realised: effect.realised, position: effect.position });
        // A fill through zero ends one position before it begins the other.
        if let Some(closed) = effect.closed {
            self.closed(at, fill, leg, closed, out);
        }
        if effect.opened || effect.flipped {
            self.opened(fill, effect.position, &strategy, out);
        }
        out.durable(|| Journal::Position(Box::new(effect.row)));
    }

    fn opened(&mut self, fill: &Fill, position: Qty, strategy: &str, out: &mut Actions) {
        self.totals.opened += 1;
        let slot = self.slot(fill.instrument);
        slot.not_closing();
        (slot.stop_moved, slot.best_kept) = (false, None);
        slot.path_dependent = fill.path_dependent;
        out.notify(|| {
            let symbol = self.instruments.symbol(fill.instrument);
            let (side, qty) = (fill.side.position_str(), position.abs());
            let text = format!("Opened {side} {symbol}: {qty} at {} ({strategy})", fill.price);
            notice(NoticeKind::PositionOpened, fill.client_id.as_str(), text)
        });
    }

    fn closed(&mut self, at: Timestamp, fill: &Fill, leg: Option<Leg>, mut trade: TradeRow, out: &mut Actions) {
        let slot = &self.slots[fill.instrument.index()];
        trade.exit = exit_reason(slot.closing.or(slot.called_off), slot.stop_moved, leg, &fill.client_id);
        trade.path_dependent = slot.path_dependent;
        count_exit(&mut self.totals, &trade);
        self.risk.trade_closed(at, &trade);
        self.slot(fill.instrument).not_closing();
        out.notify(|| {
            let symbol = self.instruments.symbol(trade.instrument);
            let by_whom = if leg.is_none() { another_hand(fill.client_id) } else { "" };
            let text = format!(
                "Closed {} {symbol}: {} at {}, net {} USDT ({}{by_whom})",
                trade.side.position_str(),
                trade.qty,
                trade.exit_price,
                trade.net(),
                trade.exit.as_str()
            );
            notice(NoticeKind::PositionClosed, trade.entry_id.as_str(), text)
        });
        out.row(Journal::Trade(Box::new(trade)));
        self.write_memory(out);
    }

    fn absorb_account(&mut self, at: Timestamp, report: &AccountReport, out: &mut Actions) {
        match report {
            AccountReport::Funding(payment) => {
                let booked = self.reconciliation.opening();
                if !booked && self.knows(payment.instrument) && self.portfolio.apply_funding(payment) {
                    self.slot(payment.instrument).moved_at = at;
                    out.row(Journal::Funding(*payment));
                    if let Some(row) = self.portfolio.position(payment.instrument).cloned() {
                        out.durable(|| Journal::Position(Box::new(row)));
                    }
                }
            }
            AccountReport::Transfer { id, amount } => {
                if !self.reconciliation.opening() && self.portfolio.apply_transfer(*id, *amount) {
                    self.risk.transferred(*amount);
                    out.row(Journal::Transfer { id: *id, amount: *amount });
                }
            }
            AccountReport::Liquidated { instrument } => {
                if self.knows(*instrument) {
                    self.slot(*instrument).closing = Some(ExitReason::Liquidation);
                    let symbol = self.instruments.symbol(*instrument).clone();
                    let text = format!("{symbol} was liquidated by the venue");
                    out.push(notify(NoticeKind::Alarm, symbol.as_str(), text));
                }
            }
            AccountReport::FeeInKind(fee) => self.absorb_fee_in_kind(fee, out),
            AccountReport::OpenOrders(_)
            | AccountReport::Positions(_)
            | AccountReport::Balance(_)
            | AccountReport::Fills(_)
            | AccountReport::PollFailed { .. } => self.compare(at, report, out),
        }
    }

    /// Something happened that must not: the symbol takes no more entries until a person has looked at it. Another
    /// daemon's or a person's hand on the account is met by the trading state, and an order that only our ledger lacks
    /// is kept and told of.
    pub(super) fn raise_alarm(&mut self, at: Timestamp, alarm: &Alarm, out: &mut Actions) {
        let reason = alarm.to_string();
        match *alarm {
            Alarm::Revived { instrument, .. }
            | Alarm::Overfilled { instrument, .. }
            | Alarm::BadFill { instrument, .. }
            | Alarm::StrangeFill { instrument, .. }
            | Alarm::FillsMissing { instrument, .. }
            | Alarm::StillListed { instrument, .. } => self.halt_symbol(at, instrument, &reason, out),
            Alarm::OtherInstance { we_are_older, .. } => {
                let state = if we_are_older { TradingState::Halted } else { TradingState::Paused };
                self.raise(at, state, &reason, out);
            }
            Alarm::Flattened { .. } => self.raise(at, TradingState::Halted, &reason, out),
            Alarm::NotInLedger { client_id, .. } => out.push(notify(NoticeKind::Alarm, client_id.as_str(), reason)),
        }
    }

    /// Nothing more is entered on this symbol until a person says so, and what was to be entered is taken back.
    pub(super) fn halt_symbol(&mut self, at: Timestamp, instrument: InstrumentId, reason: &str, out: &mut Actions) {
        if !self.knows(instrument) || self.slots[instrument.index()].halted.as_deref() == Some(reason) {
            return;
        }
        let symbol = self.instruments.symbol(instrument).clone();
        self.slot(instrument).halted = Some(reason.to_owned());
        out.row(Journal::Halt { instrument, reason: Some(reason.to_owned()) });
        out.push(notify(NoticeKind::Alarm, symbol.as_str(), format!("{symbol} takes no more entries: {reason}")));
        self.cancel_entries(at, |row| row.intent.request.instrument == instrument, out);
    }
}

impl Slot {
    /// When protection, or an exit under way, is to be looked at again.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        Timestamp::earliest([self.protection.next_deadline(), self.exit_again])
    }

    /// The position is closed, or another one is there now.
    pub(super) fn not_closing(&mut self) {
        (self.closing, self.exits, self.exit_again) = (None, 0, None);
        (self.for_want_of_stop, self.called_off) = (false, None);
    }
}

/// A message for people.
pub(super) fn notify(kind: NoticeKind, key: &str, text: String) -> Action {
    Action::Notify(notice(kind, key, text))
}

/// The same, for messages that are only made if somebody wants them.
pub(super) fn notice(kind: NoticeKind, key: &str, text: String) -> Notice {
    Notice { kind, key: key.to_owned(), text }
}

/// Why a position closed, by the order whose fill closed it.
fn exit_reason(
    closing: Option<ExitReason>,
    stop_moved: bool,
    leg: Option<Leg>,
    client_id: &ClientOrderId,
) -> ExitReason {
    let Some(leg) = leg else {
        let liquidation = closing == Some(ExitReason::Liquidation) || client_id.as_str().starts_with("autoclose");
        return if liquidation { ExitReason::Liquidation } else { ExitReason::Manual };
    };
    match leg {
        Leg::Stop if stop_moved => ExitReason::TrailingStop,
        Leg::Stop => ExitReason::StopLoss,
        Leg::TakeProfit => ExitReason::TakeProfit,
        Leg::Exit => closing.unwrap_or(ExitReason::Manual),
        Leg::Entry | Leg::Flatten => ExitReason::Manual,
    }
}

/// Who gave the order that closed a position, if it was not us: venues mark their own.
fn another_hand(client_id: ClientOrderId) -> &'static str {
    let id = client_id.as_str();
    if client_id.parts().is_some_and(|parts| parts.leg == Leg::Flatten) {
        ": by the flatten command"
    } else if id.starts_with("adl_autoclose") {
        ": deleveraged by the venue"
    } else if id.starts_with("settlement_autoclose") {
        ": settled by the venue, which ends trading of it"
    } else if id.starts_with("autoclose") {
        ""
    } else {
        ": by another hand"
    }
}

fn count_exit(totals: &mut Totals, trade: &TradeRow) {
    totals.closed += 1;
    *totals.exits.entry(trade.exit).or_default() += 1;
    if trade.net().is_positive() {
        totals.wins += 1;
    } else {
        totals.losses += 1;
    }
}
