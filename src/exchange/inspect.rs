//! Looking in from outside, without latency: for tests, for the simulator's judge, and for a server that speaks
//! for this exchange. Also what is set outside of the order path: leverage and transfers.

use super::account::{AccountId, MarginMode};
use super::changes::CashKind;
use super::codes::Refusal;
use super::{Exchange, Settings};
use crate::protocol::{AccountReport, BookLevel, OrderSnapshot, PositionSnapshot, Quote};
use crate::types::{ClientOrderId, InstrumentId, Instruments, PositionSide, Price, Side, Span, Timestamp, Usdt};

/// The highest leverage that Binance knows.
const MAX_LEVERAGE: u32 = 125;

impl Exchange {
    /// How far everything due has been worked through.
    pub fn now(&self) -> Timestamp {
        self.core.now
    }
    /// What can be traded.
    pub fn instruments(&self) -> &Instruments {
        &self.core.instruments
    }
    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.core.settings
    }
    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> + use<> {
        (0..self.core.accounts.len() as u16).map(AccountId)
    }
    /// Market events that could not be true, and requests of accounts that do not exist.
    pub fn ignored(&self) -> u64 {
        self.core.ignored
    }
    /// Rows of the journal that were dropped because nobody drained it.
    pub fn changes_lost(&self) -> u64 {
        self.core.changes.lost
    }
    /// Venue time minus true time; a fault makes it jump.
    pub fn clock_offset(&self, at: Timestamp) -> Span {
        self.core.faults.clock_offset(at)
    }

    /// Price of the last trade on an instrument, the participants' own included, or what stands in for it.
    pub fn last_price(&self, id: InstrumentId) -> Option<Price> {
        self.core.boards.get(id.index())?.last_price()
    }
    /// Mark price of an instrument.
    pub fn mark_price(&self, id: InstrumentId) -> Option<Price> {
        self.core.is_known(id).then(|| self.core.mark_price(id)).flatten()
    }
    /// Best bid and ask of the market.
    pub fn quote(&self, id: InstrumentId) -> Option<Quote> {
        self.core.is_known(id).then(|| self.core.quote(id)).flatten()
    }
    /// The best levels of the feed's book; empty without one.
    pub fn book(&self, id: InstrumentId, side: Side, levels: usize) -> Vec<BookLevel> {
        self.core.boards.get(id.index()).map(|board| board.book.top(side, levels)).unwrap_or_default()
    }
    /// When the next funding of an instrument falls due; none while nobody holds it.
    pub fn next_funding(&self, id: InstrumentId) -> Option<Timestamp> {
        let board = self.core.boards.get(id.index())?;
        (!board.holders.is_empty()).then_some(board.funding.next)
    }

    /// Wallet balance: without unrealised results.
    pub fn balance(&self, account: AccountId) -> Usdt {
        self.core.accounts[account.index()].balance
    }
    /// Wallet balance with unrealised results at the mark.
    pub fn equity(&self, account: AccountId) -> Usdt {
        self.balance(account) + self.core.unrealised(account)
    }
    /// What is free for new orders.
    pub fn available(&self, account: AccountId) -> Usdt {
        self.core.available(account)
    }
    /// Initial margin of positions and open orders.
    pub fn initial_margin(&self, account: AccountId) -> Usdt {
        self.core.initial_margin_of(account)
    }
    /// Maintenance margin of all positions.
    pub fn maintenance_margin(&self, account: AccountId) -> Usdt {
        let positions = self.core.accounts[account.index()].positions.iter();
        positions.map(|(key, position)| self.core.maintenance(key.0, position)).sum()
    }
    /// Positions that are not flat.
    pub fn positions(&self, account: AccountId) -> Vec<PositionSnapshot> {
        self.core.positions(account)
    }
    /// The mark at which a position would be liquidated; none without a position, or if no price would do it.
    pub fn liquidation_price(&self, account: AccountId, id: InstrumentId, side: PositionSide) -> Option<Price> {
        self.core.liquidation_price(account, (id, side))
    }
    /// Open orders, by age.
    pub fn open_orders(&self, account: AccountId) -> Vec<OrderSnapshot> {
        self.core.open_orders(account)
    }
    /// How many orders were accepted.
    pub fn accepted(&self, account: AccountId) -> u64 {
        self.core.accounts[account.index()].accepted
    }
    /// How many of them under a client id that had been accepted before, as far as memory goes. A client that
    /// keeps its protocol leaves this at zero.
    pub fn accepted_twice(&self, account: AccountId) -> u64 {
        self.core.accounts[account.index()].accepted_twice
    }
    /// Client ids that were accepted, as far as memory goes; ascending.
    pub fn accepted_ids(&self, account: AccountId) -> Vec<ClientOrderId> {
        let open = self.core.accounts[account.index()].open.keys().copied();
        let mut ids: Vec<_> = open.chain(self.memory.ended_ids(account)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
    /// Leverage of an account on an instrument.
    pub fn leverage(&self, account: AccountId, id: InstrumentId) -> u32 {
        self.core.accounts[account.index()].leverage(id)
    }

    /// Sets the leverage of an account on an instrument.
    ///
    /// # Errors
    /// −4028 if there is no such leverage, −2027 if the position is too large for it, −2028 if the margin that
    /// it asks for is not there, −4161 if an isolated position is open and it would be lowered.
    pub fn set_leverage(&mut self, account: AccountId, id: InstrumentId, leverage: u32) -> Result<(), Refusal> {
        if !self.core.is_known(id) {
            return Err(Refusal::UNKNOWN_INSTRUMENT);
        }
        if leverage == 0 || leverage > MAX_LEVERAGE {
            return Err(Refusal::BAD_LEVERAGE);
        }
        let before = self.leverage(account, id);
        let one = &self.core.accounts[account.index()];
        if leverage < before && one.margin(id) == MarginMode::Isolated && one.holds(id) {
            return Err(Refusal::LEVERAGE_FIXED);
        }
        let positions = self.core.accounts[account.index()].positions.iter().filter(|(key, _)| key.0 == id);
        let worth = positions.map(|(_, position)| self.core.mark_of(id, position).notional(position.qty.abs()));
        let tier = self.core.instruments.get(id).tier(worth.max().unwrap_or_default());
        if leverage > tier.max_leverage {
            return Err(Refusal::BEYOND_LEVERAGE);
        }
        self.core.forget_standing(account);
        self.core.accounts[account.index()].leverage.insert(id, leverage);
        if leverage < before && self.available(account).is_negative() {
            self.core.accounts[account.index()].leverage.insert(id, before);
            return Err(Refusal::LEVERAGE_TOO_HIGH);
        }
        Ok(())
    }

    /// Moves money in (positive) or out (negative).
    ///
    /// # Errors
    /// −2018 if more is taken out than is free.
    pub fn transfer(&mut self, at: Timestamp, account: AccountId, amount: Usdt) -> Result<(), Refusal> {
        self.work_until(at);
        if amount.is_negative() && self.available(account).min(self.balance(account)) + amount < Usdt::ZERO {
            return Err(Refusal::BALANCE_TOO_LOW);
        }
        self.core.numbers.transfer += 1;
        let id = self.core.numbers.transfer;
        self.core.move_cash(account, CashKind::Transfer, amount, id, None);
        self.core.push_account(account, AccountReport::Transfer { id, amount });
        self.learn();
        Ok(())
    }
}
