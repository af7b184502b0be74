//! Fees that were paid in another asset than the one that the books are in. They did not touch the wallet, so that no cash moves
//! for them; they are kept by asset, and told beside the rest.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::protocol::{Actions, FeeInKind, Fill, Journal};
use crate::types::{InstrumentId, Qty, TradeId};

/// Trades whose fee was told and that are still to come: they come with the next report, so that there is hardly more than one.
const MOST_AWAITED: usize = 1_024;

/// What was paid in this session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct FeesInKind {
    paid: BTreeMap<String, Qty>,
    awaited: BTreeSet<(InstrumentId, TradeId)>,
}

impl FeesInKind {
    /// By asset.
    pub(super) fn paid(&self) -> &BTreeMap<String, Qty> {
        &self.paid
    }

    /// The trade is here: by its number the same fee is known from now on.
    pub(super) fn traded(&mut self, fill: &Fill) {
        self.awaited.remove(&(fill.instrument, fill.trade_id));
    }
}

impl Engine {
    /// A fee is told before its trade; one whose trade was counted is known.
    pub(super) fn absorb_fee_in_kind(&mut self, fee: &FeeInKind, out: &mut Actions) {
        let trade = (fee.instrument, fee.trade_id);
        let known = self.orders.has_counted(fee.instrument, fee.trade_id) || self.fees_in_kind.awaited.contains(&trade);
        if known || !self.knows(fee.instrument) || !self.reconciliation.books_reach(fee.at) {
            return;
        }
        if self.fees_in_kind.awaited.len() >= MOST_AWAITED {
            self.fees_in_kind.awaited.clear();
        }
        self.fees_in_kind.awaited.insert(trade);
        *self.fees_in_kind.paid.entry(fee.asset.clone()).or_default() += fee.amount;
        out.row(Journal::FeeInKind(Box::new(fee.clone())));
    }
}
