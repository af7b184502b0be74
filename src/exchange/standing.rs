//! How an account stands: sums over its positions, kept while no price and no position of it changes, and carried along by
//! its own trades, so that a trade costs the same with one position as with hundreds.
//!
//! Only where all of the account stands behind every position. In debug builds every use is held against the long way.

use super::Core;
use super::account::{AccountId, MarginMode};
use super::position::Position;
use crate::types::{InstrumentId, PositionSide, Usdt};

/// What positions add up to at their marks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub unrealised: Usdt,
    pub maintenance: Usdt,
    /// Initial margin that they bind.
    pub bound: Usdt,
}

/// An account's sums, and what they were found for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub sums: Sums,
    /// Does it have orders with a limit that could add to a position?
    pub rests: bool,
    of: Basis,
}

/// How often a price may have moved, and the number of rows about money or positions that the journal had had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Basis {
    prices: u64,
    moves: u64,
}

impl Sums {
    fn plus(self, other: Sums) -> Sums {
        Sums {
            unrealised: self.unrealised + other.unrealised,
            maintenance: self.maintenance + other.maintenance,
            bound: self.bound + other.bound,
        }
    }

    fn minus(self, other: Sums) -> Sums {
        Sums {
            unrealised: self.unrealised - other.unrealised,
            maintenance: self.maintenance - other.maintenance,
            bound: self.bound - other.bound,
        }
    }
}

impl Core {
    /// A price is about to move, or has moved: sums over positions rest on nothing.
    pub(super) fn prices_move(&mut self) {
        self.prices += 1;
    }

    /// How an account stands, if that is known; see [`Core::find_standing`].
    pub(super) fn standing(&self, account: AccountId) -> Option<Standing> {
        let known = self.accounts[account.index()].standing.filter(|standing| standing.of == self.basis_of_sums());
        debug_assert!(
            known.is_none_or(|known| Some(known.sums) == self.sum_up(account).map(|standing| standing.sums)),
            "an account stands as its positions say"
        );
        known
    }

    /// Finds how an account stands, unless it is known. Nothing is found where its positions do not all stand together.
    pub(super) fn find_standing(&mut self, account: AccountId) {
        if self.standing(account).is_none() {
            self.accounts[account.index()].standing = self.sum_up(account);
        }
    }

    /// Nothing is known any more.
    pub(super) fn forget_standing(&mut self, account: AccountId) {
        self.accounts[account.index()].standing = None;
    }

    /// Lets `trade` change a position, and carries along what is known.
    pub(super) fn carry_standing<T>(
        &mut self,
        account: AccountId,
        key: (InstrumentId, PositionSide),
        trade: impl FnOnce(&mut Core) -> T,
    ) -> T {
        let known = self.standing(account);
        let before = self.part_of(account, key);
        let result = trade(self);
        let after = self.part_of(account, key);
        let of = self.basis_of_sums();
        self.accounts[account.index()].standing =
            known.map(|known| Standing { sums: known.sums.minus(before).plus(after), of, ..known });
        result
    }

    fn basis_of_sums(&self) -> Basis {
        Basis { prices: self.prices, moves: self.changes.moves() }
    }

    fn sum_up(&self, account: AccountId) -> Option<Standing> {
        let one = &self.accounts[account.index()];
        if one.config.margin != MarginMode::Cross || !one.margins.is_empty() {
            return None;
        }
        let positions = one.positions.iter().map(|((id, _), position)| self.value(account, *id, position));
        let sums = positions.fold(Sums::default(), Sums::plus);
        let mut orders = one.open.values().filter_map(|id| self.orders.get(id));
        let rests = orders.any(|order| order.limit().is_some() && !order.reduces());
        Some(Standing { sums, rests, of: self.basis_of_sums() })
    }

    fn part_of(&self, account: AccountId, key: (InstrumentId, PositionSide)) -> Sums {
        let position = self.accounts[account.index()].positions.get(&key);
        position.map_or(Sums::default(), |position| self.value(account, key.0, position))
    }

    fn value(&self, account: AccountId, id: InstrumentId, position: &Position) -> Sums {
        let mark = self.mark_of(id, position);
        Sums {
            unrealised: position.unrealised(mark),
            maintenance: self.maintenance(id, position),
            bound: self.margin_of(account, id, mark.notional(position.qty.abs())),
        }
    }
}
