//! The picture that people's side reads.

use super::Engine;
use super::decide::side_of;
use crate::protocol::{InstrumentView, OrderView, PositionView, View};
use crate::types::Span;

impl Engine {
    /// The engine as it is now.
    pub fn view(&self) -> View {
        let (state, state_reason) = self.risk.state();
        let totals = self.portfolio.totals();
        View {
            at: self.at,
            ready: self.is_ready(),
            waiting_for: self.waiting_for(),
            in_flight: self.orders.in_flight(),
            state,
            state_reason: state_reason.to_owned(),
            iterations: self.totals.iterations,
            signals_accepted: self.totals.accepted,
            signals_rejected: self.totals.rejected.clone(),
            orders: self.totals.orders,
            fills: self.totals.fills,
            positions_opened: self.totals.opened,
            positions_closed: self.totals.closed,
            exits: self.totals.exits.clone(),
            wins: self.totals.wins,
            losses: self.totals.losses,
            cash: self.portfolio.cash(),
            equity: self.portfolio.equity(),
            realised_pnl: totals.realised,
            unrealised_pnl: self.portfolio.unrealised(),
            fees: totals.fees,
            fees_in_kind: self.fees_in_kind.paid().clone(),
            funding: totals.funding,
            max_drawdown: self.risk.max_drawdown(),
            unanswered: self.orders.unanswered(),
            positions: self.position_views(),
            open_orders: self.order_views(),
            instruments: self.instruments.ids().map(|one| self.instrument_view(one)).collect(),
            unprotected_max: self.unprotected_max(),
            shadow: None,
        }
    }

    fn waiting_for(&self) -> Vec<String> {
        if self.is_ready() {
            return Vec::new();
        }
        let mut missing = self.reconciliation.waiting_for();
        if self.orders.in_flight() > 0 {
            missing.push(format!("the fate of {} orders", self.orders.in_flight()));
        }
        if !self.all_protected() {
            missing.push("a confirmed stop for every position".to_owned());
        }
        missing
    }

    fn unprotected_max(&self) -> Span {
        self.slots.iter().map(|slot| slot.protection.unprotected_longest(self.at)).max().unwrap_or_default()
    }

    fn position_views(&self) -> Vec<PositionView> {
        let rows = self.portfolio.positions();
        rows.map(|row| {
            let slot = &self.slots[row.instrument.index()];
            PositionView {
                symbol: self.instruments.symbol(row.instrument).clone(),
                side: side_of(row.qty),
                qty: row.qty.abs(),
                entry_price: row.entry_price,
                mark_price: self.market.price(row.instrument).unwrap_or(row.entry_price),
                unrealised: self.portfolio.unrealised_of(row.instrument),
                stop: slot.protection.confirmed_stop(),
                take_profit: slot.protection.confirmed_take_profit(),
                strategy: row.strategy.to_string(),
                opened_at: row.opened_at,
                unprotected_since: slot.protection.unprotected_since(),
            }
        })
        .collect()
    }

    fn order_views(&self) -> Vec<OrderView> {
        let open = self.orders.open();
        open.map(|row| OrderView {
            client_id: row.intent.request.client_id,
            symbol: self.instruments.symbol(row.intent.request.instrument).clone(),
            side: row.intent.request.side,
            leg: row.intent.leg,
            stage: row.stage,
            knowledge: row.knowledge,
            filled: row.filled,
        })
        .collect()
    }

    fn instrument_view(&self, instrument: crate::types::InstrumentId) -> InstrumentView {
        let slot = &self.slots[instrument.index()];
        InstrumentView {
            symbol: self.instruments.symbol(instrument).clone(),
            price: self.market.price(instrument),
            last_data: self.market.last_data(instrument),
            last_bar: self.market.last_bar(instrument),
            freshness: self.market.freshness(instrument, self.at).as_str().to_owned(),
            blocked: slot.halted.clone().or_else(|| self.entry_block(self.at, instrument).map(str::to_owned)),
        }
    }
}
