//! What each account can be told of its past: orders, conditional orders, trades and movements of money. It follows
//! from the exchange's journal alone, so that a store of those rows can bring it back; on the way every row becomes
//! the events that the account's streams tell.

mod events;
pub(crate) mod replies;
pub(crate) mod rows;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) use events::{Told, margin_word};
pub(crate) use rows::{IncomeRow, OrderRow, TradeRow};

use crate::exchange::{AccountId, CashChange, CashKind, Change, FillChange, OrderChange};
use crate::protocol::{DoneReason, OrderKind, Stage};
use crate::types::{ClientOrderId, InstrumentId, PositionSide, Price, Qty, Span, Timestamp, Usdt, VenueOrderId};

/// Ended orders kept for an account.
const MAX_ENDED: usize = 10_000;
/// Trades kept for an account.
const MAX_TRADES: usize = 20_000;
/// Movements of money kept for an account: two or three a trade.
const MAX_INCOME: usize = 60_000;
/// Changes of orders and of margins kept for an account.
const MAX_NOTES: usize = 1_000;
/// Orders that ended without a fill can be queried for three days, all others for ninety.
const FORGET_UNFILLED: Span = Span::secs(3 * 86_400);
const FORGET_ALL: Span = Span::secs(90 * 86_400);

/// The books of all accounts, by their number.
#[derive(Debug, Default)]
pub(crate) struct Books {
    accounts: Vec<AccountBook>,
}

/// The books of one account.
#[derive(Debug, Default)]
pub(crate) struct AccountBook {
    orders: BTreeMap<u64, OrderRow>,
    open: BTreeSet<u64>,
    /// Ended orders by their end.
    ended: VecDeque<u64>,
    /// The last order under a client's id.
    latest: BTreeMap<ClientOrderId, u64>,
    trades: VecDeque<TradeRow>,
    income: VecDeque<IncomeRow>,
    pub amendments: VecDeque<AmendmentRow>,
    pub margin_changes: VecDeque<MarginChangeRow>,
    legs: BTreeMap<(InstrumentId, PositionSide), LegBook>,
    balance: Usdt,
    pub updated_at: Timestamp,
    movements: u64,
}

/// What a leg has earned and cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LegBook {
    /// Results that were realised, fees not included.
    pub realised: Usdt,
    /// Fees paid for what is open.
    fees: Usdt,
    qty: Qty,
    pub entry_price: Price,
}

/// A change of an order.
#[derive(Debug, Clone)]
pub(crate) struct AmendmentRow {
    pub order: u64,
    pub client_id: ClientOrderId,
    pub instrument: InstrumentId,
    pub price: (Price, Price),
    pub qty: (Qty, Qty),
    pub count: u64,
    pub modify_id: Option<u64>,
    pub at: Timestamp,
}

/// A change of the margin that is set apart for a position.
#[derive(Debug, Clone)]
pub(crate) struct MarginChangeRow {
    pub instrument: InstrumentId,
    pub side: PositionSide,
    pub amount: Usdt,
    pub at: Timestamp,
}

impl Books {
    /// The books of an account; opened if they are not yet.
    pub(crate) fn of(&mut self, account: AccountId) -> &mut AccountBook {
        if self.accounts.len() <= account.index() {
            self.accounts.resize_with(account.index() + 1, AccountBook::default);
        }
        &mut self.accounts[account.index()]
    }

    /// The books of an account that has some.
    pub(crate) fn get(&self, account: AccountId) -> Option<&AccountBook> {
        self.accounts.get(account.index())
    }

    /// Takes in rows without telling anybody: what was before this run.
    pub(crate) fn learn(&mut self, rows: &[Change]) {
        for row in rows {
            match row {
                Change::Order(row) => {
                    self.of(row.account).learn_order(row);
                }
                Change::Fill(row) => self.of(row.account).learn_fill(row),
                Change::Cash(row) => self.of(row.account).learn_cash(row),
                Change::Position(row) => {
                    let book = self.of(row.account);
                    book.updated_at = row.updated_at;
                    let leg = book.legs.entry((row.instrument, row.position_side)).or_default();
                    (leg.qty, leg.entry_price) = (row.qty, row.entry_price);
                }
            }
        }
    }
}

impl AccountBook {
    /// An order by its number.
    pub(crate) fn order(&self, id: u64, now: Timestamp) -> Option<&OrderRow> {
        self.orders.get(&id).filter(|row| !row.is_forgotten(now))
    }

    /// The last order under a client's id.
    pub(crate) fn named(&self, id: &str, now: Timestamp) -> Option<&OrderRow> {
        let id: ClientOrderId = id.parse().ok()?;
        self.order(*self.latest.get(&id)?, now)
    }

    /// All orders that can be told of, by their number.
    pub(crate) fn orders(&self, now: Timestamp) -> impl Iterator<Item = &OrderRow> {
        self.orders.values().filter(move |row| !row.is_forgotten(now))
    }

    /// Open orders, by their number; those that wait for a trigger included.
    pub(crate) fn open(&self) -> impl Iterator<Item = &OrderRow> {
        self.open.iter().filter_map(|id| self.orders.get(id))
    }

    pub(crate) fn trades(&self) -> &VecDeque<TradeRow> {
        &self.trades
    }

    pub(crate) fn income(&self) -> &VecDeque<IncomeRow> {
        &self.income
    }

    /// What is said of an order at its placing and nowhere in the journal.
    pub(crate) fn annotate(&mut self, id: VenueOrderId, note: impl FnOnce(&mut OrderRow)) {
        if let Some(row) = self.orders.get_mut(&id.0) {
            note(row);
        }
    }

    pub(crate) fn leg(&self, instrument: InstrumentId, side: PositionSide) -> LegBook {
        self.legs.get(&(instrument, side)).copied().unwrap_or_default()
    }

    pub(crate) fn note_amendment(&mut self, row: AmendmentRow) {
        self.amendments.push_back(row);
        if self.amendments.len() > MAX_NOTES {
            self.amendments.pop_front();
        }
    }

    pub(crate) fn note_margin(&mut self, row: MarginChangeRow) {
        self.margin_changes.push_back(row);
        if self.margin_changes.len() > MAX_NOTES {
            self.margin_changes.pop_front();
        }
    }

    /// Takes in an order's row; gives what stood there before.
    fn learn_order(&mut self, change: &OrderChange) -> Option<OrderChange> {
        let id = change.venue_order_id.0;
        let before = match self.orders.get_mut(&id) {
            Some(row) => Some(row.replace(change)),
            None => {
                self.orders.insert(id, OrderRow::new(change));
                self.latest.insert(change.request.client_id, id);
                None
            }
        };
        match change.stage {
            Stage::Done(_) => {
                self.open.remove(&id);
                self.ended.push_back(id);
                self.forget(change.updated_at);
            }
            Stage::Intended | Stage::Sent | Stage::Working => {
                self.open.insert(id);
            }
        }
        before
    }

    fn learn_fill(&mut self, row: &FillChange) {
        self.trades.push_back(TradeRow::of(row));
        if self.trades.len() > MAX_TRADES {
            self.trades.pop_front();
        }
        let leg = self.legs.entry((row.fill.instrument, row.fill.position_side)).or_default();
        leg.realised += row.realised;
        leg.fill(row.fill.side, row.fill.qty, row.fill.fee);
    }

    fn learn_cash(&mut self, row: &CashChange) {
        self.balance += row.amount;
        self.updated_at = row.at;
        if row.kind == CashKind::Opening {
            return;
        }
        self.movements += 1;
        self.income.push_back(IncomeRow { number: self.movements, change: *row });
        if self.income.len() > MAX_INCOME {
            self.income.pop_front();
        }
    }

    fn forget(&mut self, now: Timestamp) {
        let old = |book: &AccountBook| {
            let first = book.ended.front().and_then(|id| book.orders.get(id));
            first.is_some_and(|row| now.since(row.change.updated_at) > FORGET_ALL)
        };
        while self.ended.len() > MAX_ENDED || old(self) {
            let Some(id) = self.ended.pop_front() else { return };
            if let Some(row) = self.orders.remove(&id)
                && self.latest.get(&row.change.request.client_id) == Some(&id)
            {
                self.latest.remove(&row.change.request.client_id);
            }
        }
    }
}

impl LegBook {
    /// A trade changes what was paid for what is open: opening adds its fee, closing takes its share away.
    fn fill(&mut self, side: crate::types::Side, qty: Qty, fee: Usdt) {
        use crate::types::Rounding;
        let signed = qty * side.sign();
        let held = self.qty.abs();
        let opens = held.is_zero() || self.qty.is_negative() == signed.is_negative();
        if opens {
            self.fees += fee;
        } else if qty >= held {
            self.fees = fee.share(qty - held, qty, Rounding::Up);
        } else {
            self.fees -= self.fees.share(qty, held, Rounding::Down);
        }
        self.qty += signed;
    }

    /// The price at which closing would give back what was paid in fees.
    pub(crate) fn break_even(&self) -> Price {
        use crate::types::Rounding;
        let each = self.fees.per_qty(self.qty.abs(), Rounding::Up);
        if self.qty.is_negative() { self.entry_price - each } else { self.entry_price + each }
    }
}

/// Is this the first row of an order that opened it?
fn is_limit(change: &OrderChange) -> bool {
    matches!(change.request.kind, OrderKind::Limit { .. })
}

/// Did the order end before anything of it was traded?
fn ended_empty(change: &OrderChange) -> bool {
    matches!(change.stage, Stage::Done(DoneReason::Expired)) && change.filled.is_zero()
}
