//! What we own and owe, in integers. A position keeps its signed quantity and the cost of what is open; a fill that
//! grows it adds to the cost, a fill that shrinks it releases a share of the cost and realises the rest. Cash moves
//! by realised results, fees, fundings, transfers and adjustments and by nothing else, which is asserted (I14).

#![deny(clippy::float_arithmetic)]

mod cost;
mod holding;
mod margin;
mod seen;
pub mod statistics;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use cost::Cost;

use crate::protocol::{Fill, FundingPayment, PositionRow, ProtectionPlan, TradeRow};
use crate::types::{ClientOrderId, InstrumentId, Instruments, Price, Qty, Rounding, Side, Timestamp, Usdt, Words};
use holding::Holding;
use seen::Seen;

/// An amount of money above this is not taken into the books: a thousand times all that is traded in a day anywhere,
/// and far enough below the limit of the representation that no sum of such amounts reaches it.
const MOST: Usdt = Usdt::whole(1_000_000_000_000_000);

/// Sums since the start of the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Realised, fees and funding not included.
    pub realised: Usdt,
    /// Fees paid.
    pub fees: Usdt,
    /// Funding received (positive) or paid (negative).
    pub funding: Usdt,
    /// Moved in (positive) or out (negative).
    pub transfers: Usdt,
    /// Changes of the cash that only made it agree with the venue's.
    pub adjustments: Usdt,
}

/// What a fill did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillEffect {
    /// Realised by it, fee not included.
    pub realised: Usdt,
    /// The position after it, signed.
    pub position: Qty,
    /// Did it open a position?
    pub opened: bool,
    /// Did it go through zero? Then it both completed a round trip and opened the opposite position.
    pub flipped: bool,
    /// The round trip that it completed. Why is the engine's to say: until then it is `Manual`.
    pub closed: Option<TradeRow>,
    /// The position's row after it; of quantity zero if it closed.
    pub row: PositionRow,
    /// It was not a trade at all (a quantity or price that is not positive, or beyond all bounds), and nothing was
    /// changed by it.
    pub refused: bool,
}

/// Cash and positions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Portfolio {
    instruments: Instruments,
    opening: Usdt,
    cash: Usdt,
    holdings: Vec<Holding>,
    open: BTreeSet<InstrumentId>,
    /// Σ unrealised results of the holdings.
    unrealised: Usdt,
    /// Open positions without a mark.
    unmarked: usize,
    /// Σ exposed worth of the holdings; none until it is summed up for the first time.
    #[serde(skip)]
    exposed: Option<Usdt>,
    /// Bookings since all positions were last looked at.
    #[serde(skip)]
    bookings: usize,
    fundings: Vec<Seen>,
    transfers: Seen,
    sums: Sums,
}

impl Portfolio {
    /// Nothing but cash.
    pub fn new(instruments: &Instruments, cash: Usdt) -> Portfolio {
        Portfolio {
            instruments: instruments.clone(),
            opening: cash,
            cash,
            holdings: vec![Holding::default(); instruments.len()],
            open: BTreeSet::new(),
            unrealised: Usdt::ZERO,
            unmarked: 0,
            exposed: None,
            bookings: 0,
            fundings: vec![Seen::default(); instruments.len()],
            transfers: Seen::default(),
            sums: Sums::default(),
        }
    }

    /// Takes over what the ledger kept, in place of what is there; the session's sums begin anew. Rows of instruments
    /// that the session does not have are left out: the ledger refuses to open with any.
    pub fn restore(
        &mut self,
        rows: &[PositionRow],
        cash: Usdt,
        funding_ids: &[(InstrumentId, u64)],
        transfer_ids: &[u64],
    ) {
        *self = Portfolio::new(&self.instruments, cash);
        let known = self.holdings.len();
        for row in rows.iter().filter(|row| row.instrument.index() < known && !row.qty.is_zero()) {
            self.change(row.instrument, |holding| holding.restore(row));
            self.open.insert(row.instrument);
        }
        for (instrument, number) in funding_ids.iter().filter(|(instrument, _)| instrument.index() < known) {
            self.fundings[instrument.index()].note(*number);
        }
        for number in transfer_ids {
            self.transfers.note(*number);
        }
    }

    /// Takes a fill into the books: a fact, whatever was thought of its order. `strategy` and `plan` are those of a
    /// position that it opens. That a trade counts once is seen to in `orders`.
    pub fn apply_fill(&mut self, fill: &Fill, strategy: &Words, plan: Option<ProtectionPlan>) -> FillEffect {
        if !is_trade(fill) {
            return self.refuse(fill);
        }
        let held = self.holdings[fill.instrument.index()].cost.qty;
        let against = !held.is_zero() && held.is_negative() != (fill.side == Side::Sell);
        let effect = if against && fill.qty > held.abs() {
            self.flip(fill, strategy, plan, held.abs())
        } else {
            self.book(fill, strategy, plan)
        };
        self.assert_books();
        effect
    }

    fn book(&mut self, fill: &Fill, strategy: &Words, plan: Option<ProtectionPlan>) -> FillEffect {
        let effect = self.change(fill.instrument, |holding| holding.apply(fill, strategy, plan));
        self.cash += effect.realised - fill.fee;
        self.sums.realised += effect.realised;
        self.sums.fees += fill.fee;
        if effect.position.is_zero() {
            self.open.remove(&fill.instrument);
        } else {
            self.open.insert(fill.instrument);
        }
        effect
    }

    /// A fill through zero closes one position and opens the other; each part bears its share of the fee.
    fn flip(&mut self, fill: &Fill, strategy: &Words, plan: Option<ProtectionPlan>, held: Qty) -> FillEffect {
        let fee = fill.fee.share(held, fill.qty, Rounding::Up);
        let close = Fill { qty: held, fee, ..*fill };
        let open = Fill { qty: fill.qty - held, fee: fill.fee - fee, ..*fill };
        let first = self.book(&close, strategy, plan);
        let second = self.book(&open, strategy, plan);
        FillEffect { realised: first.realised, closed: first.closed, flipped: true, ..second }
    }

    fn refuse(&self, fill: &Fill) -> FillEffect {
        let held = self.position(fill.instrument).cloned();
        let row = held.unwrap_or_else(|| holding::found_row(fill.at, fill.instrument, fill.price, fill.client_id));
        let (realised, position) = (Usdt::ZERO, row.qty);
        FillEffect { realised, position, opened: false, flipped: false, closed: None, row, refused: true }
    }

    /// Notes a mark price; one that is not positive says nothing.
    pub fn mark(&mut self, instrument: InstrumentId, price: Price) {
        let holding = &mut self.holdings[instrument.index()];
        if !price.is_positive() || holding.mark_price() == Some(price) {
            return;
        }
        if holding.cost.qty.is_zero() {
            // Nothing is worth anything more or less for it.
            holding.mark(price);
        } else {
            self.change(instrument, |holding| holding.mark(price));
        }
    }

    /// Takes in a funding, once. Was it new?
    pub fn apply_funding(&mut self, payment: &FundingPayment) -> bool {
        if payment.amount.abs() > MOST || !self.fundings[payment.instrument.index()].note(payment.id) {
            return false;
        }
        self.cash += payment.amount;
        self.sums.funding += payment.amount;
        if let Some(row) = &mut self.holdings[payment.instrument.index()].row {
            row.funding += payment.amount;
        }
        self.assert_books();
        true
    }

    /// Takes in money moved in or out, once. Was it new?
    pub fn apply_transfer(&mut self, id: u64, amount: Usdt) -> bool {
        if amount.abs() > MOST || !self.transfers.note(id) {
            return false;
        }
        self.cash += amount;
        self.sums.transfers += amount;
        self.assert_books();
        true
    }

    /// Sets the cash to what the venue says it is. The difference counts among the adjustments, unless nothing has
    /// moved yet: then it is what the session begins with.
    pub fn set_cash(&mut self, cash: Usdt) {
        if self.sums == Sums::default() && self.open.is_empty() {
            self.opening = cash;
        } else {
            self.sums.adjustments += cash - self.cash;
        }
        self.cash = cash;
        self.assert_books();
    }

    /// Changes a position by `change` to agree with the venue, at the venue's average entry `price` (or, if that is
    /// not positive, at what is known here), without a result. Gives back its row. A position that so changes its
    /// side is another one, without a plan.
    pub fn adjust_position(
        &mut self,
        at: Timestamp,
        instrument: InstrumentId,
        change: Qty,
        price: Price,
        id: ClientOrderId,
    ) -> PositionRow {
        let holding = &self.holdings[instrument.index()];
        let qty = holding.cost.qty + change;
        let price = if price.is_positive() { price } else { holding.price().unwrap_or_default() };
        let to = Cost { qty, cost: price.notional(qty.abs()).min(MOST) };
        let row = self.change(instrument, |holding| holding.adjust(at, instrument, to, id));
        if qty.is_zero() {
            self.open.remove(&instrument);
        } else {
            self.open.insert(instrument);
        }
        self.assert_books();
        row
    }

    /// An instrument's open position.
    pub fn position(&self, instrument: InstrumentId) -> Option<&PositionRow> {
        self.holdings[instrument.index()].row.as_ref()
    }

    /// The same, so that its plan and best price can be changed. Its quantity and cost are only shown here: what is
    /// held stands beside them.
    pub fn position_mut(&mut self, instrument: InstrumentId) -> Option<&mut PositionRow> {
        self.holdings[instrument.index()].row.as_mut()
    }

    /// All open positions, by instrument.
    pub fn positions(&self) -> impl Iterator<Item = &PositionRow> {
        self.open.iter().filter_map(|one| self.holdings[one.index()].row.as_ref())
    }

    /// Wallet balance.
    pub fn cash(&self) -> Usdt {
        self.cash
    }

    /// Unrealised result of all positions at the mark.
    pub fn unrealised(&self) -> Usdt {
        self.unrealised
    }

    /// Unrealised result of one position at the mark; nothing as long as there is no mark.
    pub fn unrealised_of(&self, instrument: InstrumentId) -> Usdt {
        self.holdings[instrument.index()].unrealised()
    }

    /// I14: cash and unrealised results.
    pub fn equity(&self) -> Usdt {
        self.cash + self.unrealised()
    }

    /// Does every open position have a mark, so that equity says what we own?
    pub fn is_marked(&self) -> bool {
        self.unmarked == 0
    }

    /// Σ |position| × mark.
    pub fn gross_notional(&self) -> Usdt {
        self.open.iter().map(|one| self.notional(*one)).sum()
    }

    /// |position| × mark of one instrument; its cost as long as there is no mark.
    pub fn notional(&self, instrument: InstrumentId) -> Usdt {
        self.holdings[instrument.index()].notional()
    }

    /// How many positions are open.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Σ |position| × mark, rounded against us: what risk counts of positions.
    pub fn exposed(&self) -> Usdt {
        self.exposed.unwrap_or_else(|| self.sum_exposed())
    }

    /// The same of one position.
    pub fn exposed_of(&self, instrument: InstrumentId) -> Usdt {
        self.holdings[instrument.index()].exposed()
    }

    fn sum_exposed(&self) -> Usdt {
        self.open.iter().map(|one| self.exposed_of(*one)).sum()
    }

    /// Sums over the session.
    pub fn totals(&self) -> Sums {
        self.sums
    }

    /// Changes a holding, and the sums over all of them with it.
    fn change<T>(&mut self, instrument: InstrumentId, change: impl FnOnce(&mut Holding) -> T) -> T {
        let exposed = self.exposed();
        let holding = &mut self.holdings[instrument.index()];
        let before = holding.exposed();
        self.unrealised -= holding.unrealised();
        self.unmarked -= usize::from(!holding.is_marked());
        let result = change(holding);
        self.unrealised += holding.unrealised();
        self.unmarked += usize::from(!holding.is_marked());
        self.exposed = Some(exposed - before + holding.exposed());
        result
    }

    /// I14, that what is shown of a position is what is held, and that the sums are those of the holdings. Cash is looked
    /// at with each booking, and all positions once in as many bookings as there are positions, so that it costs the same
    /// with one as with hundreds.
    fn assert_books(&mut self) {
        self.bookings += 1;
        if self.bookings >= self.open.len() {
            self.bookings = 0;
            self.assert_positions();
        }
        let Sums { realised, fees, funding, transfers, adjustments } = self.sums;
        let moved = realised - fees + funding + transfers + adjustments;
        assert_eq!(self.cash, self.opening + moved, "I14: cash moves only by what is booked");
    }

    fn assert_positions(&self) {
        let (mut unrealised, mut unmarked) = (Usdt::ZERO, 0);
        for holding in self.open.iter().map(|one| &self.holdings[one.index()]) {
            let shown = holding.row.as_ref().map(|row| Cost { qty: row.qty, cost: row.cost });
            assert_eq!(shown, Some(holding.cost), "a position's row shows what is held");
            unrealised += holding.unrealised();
            unmarked += usize::from(!holding.is_marked());
        }
        assert_eq!((self.unrealised, self.unmarked), (unrealised, unmarked), "I14: equity is of what is open");
        assert_eq!(self.exposed(), self.sum_exposed(), "what is exposed is of what is open");
    }
}

/// Can it have happened? A quantity or a price that is not positive cannot, nor can one beyond all bounds.
fn is_trade(fill: &Fill) -> bool {
    fill.qty.is_positive()
        && fill.price.is_positive()
        && fill.price.notional(fill.qty) <= MOST
        && fill.qty <= Qty::whole(1_000_000_000_000_000)
        && fill.fee.abs() <= MOST
}
