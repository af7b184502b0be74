//! Margin by tiers, funding, and liquidation at the mark, by the formulas that Binance publishes for USDⓈ-M futures.

use super::{AccountId, Change, Exchange, Holding, MarginMode, OpenOrder};
use crate::protocol::{
    AccountReport, Amount, DoneReason, FundingPayment, OrderKind, OrderRequest, ReportBody, VenueReport,
};
use crate::types::{
    ClientOrderId, Instrument, InstrumentId, PositionSide, Price, Qty, Rate, Rounding, Side, Span, Usdt, VenueOrderId,
};

/// Maintenance margin of a position: `notional × rate − amount` of the tier that the notional falls in.
pub fn maintenance_margin(rules: &Instrument, qty: Qty, mark: Price) -> Usdt {
    let notional = mark.notional(qty.abs());
    let tier = rules.tier(notional);
    (notional.times(tier.maintenance_rate, Rounding::Up) - tier.maintenance_amount).max(Usdt::ZERO)
}

/// Mark price at which a position alone on its account is liquidated, within its present tier:
/// `(wallet + maintenance amount − side × qty × entry) ÷ (qty × rate − side × qty)`. `None` if no price above zero does.
pub fn liquidation_price(rules: &Instrument, wallet: Usdt, qty: Qty, entry: Price) -> Option<Price> {
    let size = qty.abs();
    let cost = entry.notional(size);
    let tier = rules.tier(cost);
    let base = wallet + tier.maintenance_amount;
    let (above, below) = if qty.is_negative() {
        (base + cost, size + size.times(tier.maintenance_rate, Rounding::Up))
    } else {
        (cost - base, size - size.times(tier.maintenance_rate, Rounding::Up))
    };
    (above.is_positive() && below.is_positive()).then(|| above.per_qty(below, Rounding::Up))
}

impl Exchange {
    /// Settles a funding: longs pay shorts at a positive rate, on the notional at the mark.
    pub(super) fn fund(&mut self, instrument: InstrumentId, rate: Rate, mark: Price) {
        let holders: Vec<(AccountId, Qty)> = (0_u16..)
            .map(AccountId)
            .zip(&self.accounts)
            .flat_map(|(id, account)| {
                let legs = account.positions.iter().filter(move |((one, _), _)| *one == instrument);
                legs.map(move |(_, holding)| (id, holding.qty))
            })
            .collect();
        for (account, qty) in holders {
            let amount = mark.notional(-qty).times(rate, Rounding::Down);
            let at = self.at;
            self.accounts[usize::from(account.0)].cash += amount;
            self.changes.push(Change::Cash { account, kind: "funding", amount, at });
            let payment = FundingPayment { id: self.next_funding, instrument, rate, amount, at };
            self.next_funding += 1;
            self.report(account, VenueReport::Account(AccountReport::Funding(payment)), Span::ZERO);
        }
    }

    /// Liquidates what the mark no longer carries.
    pub(super) fn liquidate(&mut self, instrument: InstrumentId) {
        for index in 0..self.accounts.len() {
            let account = AccountId(u16::try_from(index).unwrap_or(u16::MAX));
            if self.accounts[index].positions.keys().all(|(one, _)| *one != instrument) {
                continue;
            }
            match self.accounts[index].config.margin {
                MarginMode::Cross => self.liquidate_cross(account),
                MarginMode::Isolated => self.liquidate_isolated(account, instrument),
            }
        }
    }

    fn liquidate_cross(&mut self, account: AccountId) {
        let one = &self.accounts[usize::from(account.0)];
        let mut equity = one.cash;
        let mut needed = Usdt::ZERO;
        for ((instrument, _), holding) in &one.positions {
            let mark = self.mark(*instrument).unwrap_or_else(|| holding.entry_price());
            equity += holding.unrealised(mark);
            needed += maintenance_margin(self.instruments.get(*instrument), holding.qty, mark);
        }
        if equity >= needed {
            return;
        }
        let legs: Vec<(InstrumentId, PositionSide)> = one.positions.keys().copied().collect();
        for (instrument, side) in legs {
            self.close_by_force(account, instrument, side);
        }
        let left = self.accounts[usize::from(account.0)].cash;
        if left.is_negative() {
            self.insure(account, -left);
        }
    }

    fn liquidate_isolated(&mut self, account: AccountId, instrument: InstrumentId) {
        let one = &self.accounts[usize::from(account.0)];
        let legs: Vec<(PositionSide, Holding)> = one
            .positions
            .iter()
            .filter(|((at, _), _)| *at == instrument)
            .map(|((_, side), holding)| (*side, *holding))
            .collect();
        for (side, holding) in legs {
            let mark = self.mark(instrument).unwrap_or_else(|| holding.entry_price());
            let needed = maintenance_margin(self.instruments.get(instrument), holding.qty, mark);
            if holding.margin + holding.unrealised(mark) >= needed {
                continue;
            }
            let before = self.accounts[usize::from(account.0)].cash;
            self.close_by_force(account, instrument, side);
            let lost = before - self.accounts[usize::from(account.0)].cash;
            if lost > holding.margin {
                self.insure(account, lost - holding.margin);
            }
        }
    }

    /// The insurance fund pays what a liquidation lost beyond the money behind it.
    fn insure(&mut self, account: AccountId, amount: Usdt) {
        let at = self.at;
        self.accounts[usize::from(account.0)].cash += amount;
        self.changes.push(Change::Cash { account, kind: "insurance", amount, at });
        let id = self.next_funding;
        self.next_funding += 1;
        self.report(account, VenueReport::Account(AccountReport::Transfer { id, amount }), Span::ZERO);
    }

    /// Ends a position's orders and closes it at the mark, for the liquidation fee.
    fn close_by_force(&mut self, account: AccountId, instrument: InstrumentId, side: PositionSide) {
        let open: Vec<VenueOrderId> = self.accounts[usize::from(account.0)]
            .orders
            .values()
            .filter(|order| order.request.instrument == instrument && order.request.position_side == side)
            .map(|order| order.id)
            .collect();
        for id in open {
            self.end(account, id, DoneReason::Expired);
        }
        let one = &mut self.accounts[usize::from(account.0)];
        let qty = one.position(instrument, side);
        one.autoclosed += 1;
        let name = format!("autoclose-{}-{}", self.at.as_millis(), one.autoclosed);
        let (Ok(client_id), Some(mark)) = (name.parse::<ClientOrderId>(), self.mark(instrument)) else { return };
        self.report(account, VenueReport::Account(AccountReport::Liquidated { instrument }), Span::ZERO);
        let request = OrderRequest {
            client_id,
            instrument,
            side: if qty.is_negative() { Side::Buy } else { Side::Sell },
            position_side: side,
            kind: OrderKind::Market,
            amount: Amount::Qty(qty.abs()),
            reduce_only: true,
        };
        let id = VenueOrderId(self.next_order);
        self.next_order += 1;
        let order = OpenOrder { id, request, filled: qty.abs(), created_at: self.at, queue_ahead: Qty::ZERO };
        let fill = self.force_fill(account, &order, mark, qty.abs());
        self.note_end(account, &order, DoneReason::Filled);
        let report = self.order_report(client_id, instrument, Some(id), ReportBody::Filled(fill));
        self.report(account, report, Span::ZERO);
    }

    /// A forced fill pays the liquidation fee on top, within the fill's own fee so that the books add up.
    fn force_fill(&mut self, account: AccountId, order: &OpenOrder, mark: Price, qty: Qty) -> crate::protocol::Fill {
        let mut fill = self.book_fill(account, order, mark, qty, false);
        let rate = self.instruments.get(order.request.instrument).liquidation_fee;
        let extra = mark.notional(qty).times(rate, Rounding::Up);
        fill.fee += extra;
        let at = self.at;
        let one = &mut self.accounts[usize::from(account.0)];
        one.cash -= extra;
        if let Some(kept) = one.fills.back_mut() {
            kept.fee = fill.fee;
        }
        if let Some(Change::Fill { fill: noted, .. }) =
            self.changes.iter_mut().rev().find(|change| matches!(change, Change::Fill { .. }))
        {
            noted.fee = fill.fee;
        }
        self.changes.push(Change::Cash { account, kind: "fee", amount: -extra, at });
        fill
    }
}
