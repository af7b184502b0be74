//! An account whose positions are kept elsewhere: what they are is told, and what its orders make of them here is forgotten.

use super::Exchange;
use super::account::AccountId;
use super::changes::Change;
use crate::protocol::{Amount, OrderRequest, Stage, VenueRequest};
use crate::types::{ClientOrderId, InstrumentId, PositionSide, Qty, Timestamp};

impl Exchange {
    /// An order that was made for another place leaves for this one as well, as in [`Exchange::send`].
    pub fn send_copy(&mut self, at: Timestamp, account: AccountId, order: OrderRequest) {
        self.send(at, account, VenueRequest::Submit(order));
    }

    /// Gives an order that waits for its trigger another quantity, as a close-position order has that of its position. Without
    /// such an order nothing happens.
    pub fn resize(&mut self, account: AccountId, client_id: ClientOrderId, qty: Qty) {
        let id = self.core.accounts[account.index()].open.get(&client_id).copied();
        let waiting = id.and_then(|id| self.core.orders.get_mut(&id)).filter(|order| order.waits());
        let Some(order) = waiting.filter(|order| order.qty != qty && qty.is_positive()) else { return };
        (order.qty, order.request.amount) = (qty, Amount::Qty(qty));
        let row = order.row(Stage::Working);
        self.core.changes.push(Change::Order(row));
        self.learn();
    }

    /// Takes a one-way account's position on an instrument away, and no money moves: the next order finds it flat.
    pub fn forget_position(&mut self, account: AccountId, id: InstrumentId) {
        if self.core.accounts[account.index()].positions.remove(&(id, PositionSide::Both)).is_some() {
            self.core.update_holder(account, id);
            self.core.journal_position(account, id, PositionSide::Both);
            self.learn();
        }
    }
}
