//! Funding: at whole multiples of the instrument's interval in UTC, or when the feed's mark says, each position
//! pays or receives its notional at the mark times the rate. Source: Binance, "Introduction to funding rates".
//!
//! A funding is settled a moment after its hour, since the feed's own record of it, with the rate and the mark
//! that were really used, comes a moment after. If such a record comes, it settles; else the rate last told
//! does, else the setting's.

use super::Core;
use super::account::{AccountId, MarginMode};
use super::changes::CashKind;
use super::market::is_price;
use crate::protocol::{AccountReport, Funding, FundingPayment, Mark};
use crate::types::{InstrumentId, PositionSide, Price, Rate, Rounding, Span, Timestamp};

/// Interval of the setting's rate, and of an instrument that has none.
const USUAL_INTERVAL: Span = Span::secs(8 * 3_600);
/// Fundings further ahead than this are garbage; the longest interval that Binance has is eight hours.
const MAX_AHEAD: Span = Span::DAY;
/// Fundings that lie further back than this are not caught up with: the gap is then a fault of the clock.
const MAX_BEHIND: Span = Span::secs(400 * 86_400);

impl Core {
    /// Somebody holds a position where nobody did.
    pub(super) fn start_funding(&mut self, id: InstrumentId) {
        let next = self.next_funding_after(id, self.now);
        let clock = &mut self.boards[id.index()].funding;
        clock.next = next;
        clock.settled_until = self.now;
        self.funding_due = self.funding_due.min(next + self.settings.funding_delay);
    }

    /// Nobody holds a position any more where somebody did. Of what others hold, nothing is due earlier for that: it is
    /// looked for when it is due.
    pub(super) fn end_funding(&mut self) {
        if self.accounts.iter().all(|account| account.positions.is_empty()) {
            self.funding_due = Timestamp::MAX;
        }
    }

    /// Finds when the next funding is settled.
    fn refresh_funding(&mut self) {
        let held = self.boards.iter().filter(|board| !board.holders.is_empty());
        let next = held.map(|board| board.funding.next).min();
        self.funding_due = next.map_or(Timestamp::MAX, |next| next + self.settings.funding_delay);
    }

    /// The feed says what the next funding will be. While one is being waited for, its rate stays.
    pub(super) fn learn_funding(&mut self, id: InstrumentId, mark: &Mark) {
        let now = self.now;
        let board = &mut self.boards[id.index()];
        let held = !board.holders.is_empty();
        if held && board.funding.next <= now {
            return;
        }
        board.funding.rate = Some(mark.funding_rate);
        let sensible = mark.next_funding > now && mark.next_funding - now <= MAX_AHEAD;
        if held && sensible && mark.next_funding != board.funding.next {
            board.funding.next = mark.next_funding;
            self.refresh_funding();
        }
    }

    /// The feed's record of a funding.
    pub(super) fn on_funding(&mut self, id: InstrumentId, funding: &Funding) -> bool {
        let due = self.now.floor(Span::HOUR);
        let board = &self.boards[id.index()];
        if board.holders.is_empty() || due <= board.funding.settled_until {
            return true;
        }
        let mark = Some(funding.mark).filter(|mark| is_price(*mark)).or_else(|| self.mark_price(id));
        if let Some(mark) = mark {
            self.settle_funding(id, due, funding.rate, mark);
            self.refresh_funding();
        }
        true
    }

    /// Settles what has waited long enough.
    pub(super) fn settle_fundings_due(&mut self) {
        for id in self.instruments.ids() {
            let board = &self.boards[id.index()];
            let due = board.funding.next;
            if board.holders.is_empty() || due + self.settings.funding_delay > self.now {
                continue;
            }
            let rate = board.funding.rate.unwrap_or_else(|| self.usual_rate(id));
            match self.mark_price(id) {
                Some(mark) => self.settle_funding(id, due, rate, mark),
                None => self.schedule_after(id, due),
            }
        }
        self.refresh_funding();
        self.after_trading();
    }

    /// Leaves out fundings that nobody can have lived through.
    pub(super) fn skip_fundings(&mut self, until: Timestamp) {
        if self.funding_due == Timestamp::MAX || until.since(self.funding_due) <= MAX_BEHIND {
            return;
        }
        for id in self.instruments.ids() {
            self.boards[id.index()].funding.next = self.next_funding_after(id, until);
        }
        self.refresh_funding();
    }

    fn settle_funding(&mut self, id: InstrumentId, due: Timestamp, rate: Rate, mark: Price) {
        for account in self.boards[id.index()].holders.clone() {
            for side in [PositionSide::Both, PositionSide::Long, PositionSide::Short] {
                self.pay_funding(account, (id, side), due, rate, mark);
            }
        }
        self.schedule_after(id, due);
    }

    fn pay_funding(
        &mut self,
        account: AccountId,
        key: (InstrumentId, PositionSide),
        due: Timestamp,
        rate: Rate,
        mark: Price,
    ) {
        let one = &mut self.accounts[account.index()];
        let isolated = one.margin(key.0) == MarginMode::Isolated;
        let Some(position) = one.positions.get_mut(&key) else { return };
        let worth = mark.notional(position.qty.abs());
        let signed = if position.qty.is_negative() { worth } else { -worth };
        let amount = signed.times(rate, Rounding::Down);
        if amount.is_zero() {
            return;
        }
        if isolated {
            position.isolated += amount;
        }
        self.numbers.funding += 1;
        let (id, instrument) = (self.numbers.funding, key.0);
        self.move_cash(account, CashKind::Funding, amount, id, Some(instrument));
        let payment = FundingPayment { id, instrument, rate, amount, at: due };
        self.push_account(account, AccountReport::Funding(payment));
        self.touched.push((account, instrument));
    }

    fn schedule_after(&mut self, id: InstrumentId, due: Timestamp) {
        let next = self.next_funding_after(id, due);
        let board = &mut self.boards[id.index()];
        board.funding.next = board.funding.next.max(next);
        board.funding.settled_until = board.funding.settled_until.max(due);
        board.funding.rate = board.mark.map(|mark| mark.funding_rate).or(board.funding.rate);
    }

    fn next_funding_after(&self, id: InstrumentId, at: Timestamp) -> Timestamp {
        let told = self.boards[id.index()].mark.map(|mark| mark.next_funding);
        let sensible = told.filter(|next| *next > at && *next - at <= MAX_AHEAD);
        let interval = self.funding_interval(id);
        sensible.unwrap_or_else(|| at.floor(interval) + interval)
    }

    fn funding_interval(&self, id: InstrumentId) -> Span {
        let interval = self.instruments.get(id).funding_interval;
        if interval >= Span::MINUTE { interval } else { USUAL_INTERVAL }
    }

    /// The setting's rate is for eight hours; a shorter interval has its share of it.
    fn usual_rate(&self, id: InstrumentId) -> Rate {
        let share = self.settings.funding_rate * self.funding_interval(id).as_secs();
        share.divided_by(USUAL_INTERVAL.as_secs(), Rounding::Up)
    }
}
