//! Answers about orders, positions and money.

use super::Core;
use super::account::AccountId;
use super::faults::FaultKind;
use super::memory::Memory;
use super::order::Order;
use crate::protocol::{AccountReport, Lookup, OrderSnapshot, PositionSnapshot, ReportBody, Stage, VenueReport};
use crate::types::{ClientOrderId, InstrumentId, Qty};

impl Core {
    /// Says what became of an order: where it stands, or that neither endpoint knows it.
    pub(super) fn query_order(
        &mut self,
        memory: &Memory,
        account: AccountId,
        client_id: ClientOrderId,
        instrument: InstrumentId,
    ) {
        match self.find_order(memory, account, client_id, instrument) {
            Some((id, stage, filled)) => {
                let body = ReportBody::Status { stage, filled };
                let report = self.order_report(client_id, instrument, Some(id), body);
                self.answer(account, report);
            }
            None => {
                for endpoint in [Lookup::Regular, Lookup::Conditional] {
                    let body = ReportBody::NotFound { endpoint };
                    let report = self.order_report(client_id, instrument, None, body);
                    self.answer(account, report);
                }
            }
        }
    }

    pub(super) fn list_open_orders(&mut self, account: AccountId) {
        let orders = self.open_orders(account);
        self.answer(account, VenueReport::Account(AccountReport::OpenOrders(orders)));
    }

    pub(super) fn list_positions(&mut self, account: AccountId) {
        let positions = self.positions(account);
        self.answer(account, VenueReport::Account(AccountReport::Positions(positions)));
    }

    pub(super) fn tell_balance(&mut self, account: AccountId) {
        let balance = self.accounts[account.index()].balance;
        self.answer(account, VenueReport::Account(AccountReport::Balance(balance)));
    }

    /// Open orders that can be seen, by age.
    pub(super) fn open_orders(&self, account: AccountId) -> Vec<OrderSnapshot> {
        let open = self.accounts[account.index()].open.values().filter_map(|id| self.orders.get(id));
        let mut open: Vec<&Order> = open.filter(|order| self.is_visible(order)).collect();
        open.sort_unstable_by_key(|order| order.id);
        open.into_iter().map(Order::snapshot).collect()
    }

    pub(super) fn positions(&self, account: AccountId) -> Vec<PositionSnapshot> {
        let positions = self.accounts[account.index()].positions.iter();
        let snapshot = positions.map(|((instrument, position_side), position)| PositionSnapshot {
            instrument: *instrument,
            position_side: *position_side,
            qty: position.qty,
            entry_price: position.entry_price(),
            updated_at: position.updated_at,
        });
        snapshot.collect()
    }

    fn find_order(
        &self,
        memory: &Memory,
        account: AccountId,
        client_id: ClientOrderId,
        instrument: InstrumentId,
    ) -> Option<(u64, Stage, Qty)> {
        let open = self.accounts[account.index()].open.get(&client_id).and_then(|id| self.orders.get(id));
        if let Some(order) = open.filter(|order| order.request.instrument == instrument) {
            return self.is_visible(order).then_some((order.id, Stage::Working, order.filled));
        }
        let ended = memory.ended(account, &client_id, self.now)?;
        (ended.instrument == instrument).then_some((ended.venue_order_id.0, ended.stage, ended.filled))
    }

    fn is_visible(&self, order: &Order) -> bool {
        let symbol = self.instruments.symbol(order.request.instrument);
        let late = self.faults.holds_until(FaultKind::LateVisibility, self.now, Some(symbol)).is_some();
        !late || self.now.since(order.created_at) >= self.faults.settings.visibility_lag
    }
}
