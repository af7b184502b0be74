//! Step one: facts are taken in, whatever was thought before. Order and position change in the same step.

use super::{Engine, Totals};
use crate::market::ClosedBar;
use crate::orders::Alarm;
use crate::protocol::{
    AccountReport, Action, DoneReason, Event, ExitReason, Fill, Journal, MarketEvent, Notice, NoticeKind, OrderReport,
    OrderRow, Stage, TradeRow, VenueReport,
};
use crate::types::{ClientOrderId, InstrumentId, Leg, Span, Timestamp};

impl Engine {
    /// Takes an event into the rooms and gives back the bars that closed by it.
    pub(super) fn absorb(
        &mut self,
        at: Timestamp,
        event: &Event,
        out: &mut Vec<Action>,
    ) -> Vec<(InstrumentId, ClosedBar)> {
        match event {
            Event::Market(event) => return self.absorb_market(at, event, out),
            Event::Recovered(recovered) => self.take_over(at, recovered, out),
            Event::Venue(VenueReport::Order(report)) => self.absorb_report(at, report, out),
            Event::Venue(VenueReport::Account(report)) => self.absorb_account(at, report, out),
            Event::Connection { link, state } => self.absorb_connection(at, *link, *state, out),
            Event::Health { status, reasons } => self.risk.set_health(*status, reasons),
            Event::Clock { offset: _, uncertainty } => self.risk.set_clock(*uncertainty),
            Event::Timer | Event::Command(_) => {}
        }
        Vec::new()
    }

    fn absorb_market(
        &mut self,
        at: Timestamp,
        event: &MarketEvent,
        out: &mut Vec<Action>,
    ) -> Vec<(InstrumentId, ClosedBar)> {
        let instrument = event.instrument;
        if instrument.index() >= self.slots.len() {
            return Vec::new();
        }
        let mut absorbed = self.market.absorb(at, event);
        let loaded = self.market.has_history(instrument) && !self.market.is_warm(instrument);
        if loaded && matches!(event.data, crate::protocol::MarketData::History { .. }) {
            // The feed holds less than was asked for: what came is all, and live bars do the rest.
            let rest = self.market.mark_history_complete(at, instrument);
            absorbed.closed.extend(rest.closed);
            absorbed.gap = absorbed.gap.or(rest.gap);
        }
        self.slots[instrument.index()].lost_told = false;
        if let Some(price) = self.market.price(instrument) {
            self.portfolio.mark(instrument, price);
        }
        if let Some(gap) = absorbed.gap {
            self.slot(instrument).gapped = true;
            out.push(Action::Backfill { instrument, from: gap.from, until: gap.until });
        } else if !absorbed.closed.is_empty() {
            self.slot(instrument).gapped = false;
        }
        absorbed.closed.into_iter().map(|bar| (instrument, bar)).collect()
    }

    pub(super) fn absorb_report(&mut self, at: Timestamp, report: &OrderReport, out: &mut Vec<Action>) {
        if report.instrument.index() >= self.slots.len() {
            return;
        }
        let applied = self.orders.apply(at, report);
        let slot = self.slot(report.instrument);
        slot.touched = true;
        if let Some(row) = applied.row {
            slot.moved_at = at;
            if row.intent.leg == Leg::Exit && came_to_nothing(row.stage) {
                slot.exit_again = Some(at + EXIT_AGAIN);
            }
            out.push(Action::Journal(Box::new(Journal::Order(row))));
        }
        if let Some(alarm) = applied.alarm {
            self.alarm(at, report.instrument, &alarm, out);
        }
        if let Some(fill) = applied.fill {
            self.absorb_fill(at, &fill, out);
        }
    }

    /// A fill is a fact: it changes the position whatever the order was thought to be.
    pub(super) fn absorb_fill(&mut self, at: Timestamp, fill: &Fill, out: &mut Vec<Action>) {
        let instrument = fill.instrument;
        let order = self.orders.get(&fill.client_id).map(|order| order.row().clone());
        let strategy = order.as_ref().map_or("unknown", |row| row.intent.strategy.as_str()).to_owned();
        let plan = order.as_ref().and_then(|row| row.intent.plan);
        let effect = self.portfolio.apply_fill(fill, &strategy, plan);
        self.totals.fills += 1;
        let slot = self.slot(instrument);
        slot.moved_at = at;
        slot.touched = true;
        slot.path_dependent |= fill.path_dependent;
        out.push(Action::Journal(Box::new(Journal::Fill {
            fill: *fill,
            realised: effect.realised,
            position: effect.position,
        })));
        if effect.opened {
            self.opened(fill, &strategy, out);
        }
        if let Some(closed) = effect.closed.clone() {
            self.closed(at, fill, order.as_ref(), closed, out);
        }
        out.push(Action::Journal(Box::new(Journal::Position(effect.row))));
    }

    fn opened(&mut self, fill: &Fill, strategy: &str, out: &mut Vec<Action>) {
        self.totals.opened += 1;
        let slot = self.slot(fill.instrument);
        slot.closing = None;
        slot.stop_moved = false;
        slot.path_dependent = fill.path_dependent;
        slot.protection.position_opened(fill.at);
        let symbol = self.instruments.symbol(fill.instrument).clone();
        let text = format!("Opened {} {symbol}: {} at {} ({strategy})", fill.side.position_str(), fill.qty, fill.price);
        out.push(notify(NoticeKind::PositionOpened, fill.client_id.as_str(), text));
    }

    fn closed(
        &mut self,
        at: Timestamp,
        fill: &Fill,
        order: Option<&OrderRow>,
        mut trade: TradeRow,
        out: &mut Vec<Action>,
    ) {
        let slot = &self.slots[fill.instrument.index()];
        trade.exit = exit_reason(slot.closing, slot.stop_moved, order, &fill.client_id);
        trade.path_dependent = slot.path_dependent;
        count_exit(&mut self.totals, &trade);
        self.risk.trade_closed(at, &trade);
        let slot = self.slot(fill.instrument);
        let unprotected = slot.protection.position_closed(at);
        slot.closing = None;
        slot.exit_again = None;
        self.totals.unprotected_max = self.totals.unprotected_max.max(unprotected);
        let symbol = self.instruments.symbol(trade.instrument).clone();
        let text = format!(
            "Closed {} {symbol}: {} at {}, net {} USDT ({})",
            trade.side.position_str(),
            trade.qty,
            trade.exit_price,
            trade.net(),
            trade.exit.as_str()
        );
        out.push(notify(NoticeKind::PositionClosed, trade.entry_id.as_str(), text));
        out.push(Action::Journal(Box::new(Journal::Trade(trade))));
        out.push(Action::Journal(Box::new(Journal::RiskMemory(self.risk.memory()))));
    }

    fn absorb_account(&mut self, at: Timestamp, report: &AccountReport, out: &mut Vec<Action>) {
        match report {
            AccountReport::Funding(payment) => {
                if payment.instrument.index() < self.slots.len() && self.portfolio.apply_funding(payment) {
                    self.slot(payment.instrument).moved_at = at;
                    out.push(Action::Journal(Box::new(Journal::Funding(*payment))));
                    if let Some(row) = self.portfolio.position(payment.instrument).cloned() {
                        out.push(Action::Journal(Box::new(Journal::Position(row))));
                    }
                }
            }
            AccountReport::Transfer { id, amount } => {
                if self.portfolio.apply_transfer(*id, *amount) {
                    self.risk.transferred(*amount);
                    out.push(Action::Journal(Box::new(Journal::Transfer { id: *id, amount: *amount })));
                }
            }
            AccountReport::Liquidated { instrument } => {
                if instrument.index() < self.slots.len() {
                    self.slot(*instrument).closing = Some(ExitReason::Liquidation);
                    let symbol = self.instruments.symbol(*instrument).clone();
                    let text = format!("{symbol} was liquidated by the venue");
                    out.push(notify(NoticeKind::Alarm, symbol.as_str(), text));
                }
            }
            AccountReport::OpenOrders(_)
            | AccountReport::Positions(_)
            | AccountReport::Balance(_)
            | AccountReport::Fills(_)
            | AccountReport::PollFailed { .. } => self.compare(at, report, out),
        }
    }

    /// Something happened that the protocol's assumptions rule out: this symbol takes no more entries.
    fn alarm(&mut self, at: Timestamp, instrument: InstrumentId, alarm: &Alarm, out: &mut Vec<Action>) {
        let symbol = self.instruments.symbol(instrument).clone();
        let text = format!("{symbol} takes no more entries: {alarm}");
        self.slot(instrument).halted = Some(alarm.to_string());
        let _ = at;
        out.push(notify(NoticeKind::Alarm, symbol.as_str(), text));
    }
}

/// Did an order end without having done all that it was for?
fn came_to_nothing(stage: Stage) -> bool {
    matches!(stage, Stage::Done(reason) if reason != DoneReason::Filled)
}

/// An exit that came to nothing is tried again after this long: the reason may be gone, and the stop still stands.
const EXIT_AGAIN: Span = Span::SECOND;

/// A message for people.
pub(super) fn notify(kind: NoticeKind, key: &str, text: String) -> Action {
    Action::Notify(Notice { kind, key: key.to_owned(), text })
}

/// Why a position closed, by the order whose fill closed it.
fn exit_reason(
    closing: Option<ExitReason>,
    stop_moved: bool,
    order: Option<&OrderRow>,
    client_id: &ClientOrderId,
) -> ExitReason {
    let Some(row) = order else {
        let liquidation = closing == Some(ExitReason::Liquidation) || client_id.as_str().starts_with("autoclose");
        return if liquidation { ExitReason::Liquidation } else { ExitReason::Manual };
    };
    match row.intent.leg {
        Leg::Stop if stop_moved => ExitReason::TrailingStop,
        Leg::Stop => ExitReason::StopLoss,
        Leg::TakeProfit => ExitReason::TakeProfit,
        Leg::Exit => closing.unwrap_or(ExitReason::Manual),
        Leg::Entry | Leg::Flatten => ExitReason::Manual,
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
