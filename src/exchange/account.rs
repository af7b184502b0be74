//! An account: its money, its positions and its open orders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::position::Position;
use super::standing::Standing;
use super::still::Ease;
use crate::types::{ClientOrderId, InstrumentId, PositionSide, Timestamp, Usdt};

/// An account's place in the exchange's table. One of another exchange is the caller's contradiction and may panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub u16);

impl AccountId {
    /// As an index into the table of accounts.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// How an account is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountConfig {
    /// Wallet balance to begin with.
    pub balance: Usdt,
    /// Leverage on every instrument until it is set for one.
    pub leverage: u32,
    /// One long and one short position on an instrument, in place of one net position?
    pub hedge: bool,
    /// What stands behind a position.
    pub margin: MarginMode,
}

/// What stands behind a position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarginMode {
    /// All of the account.
    #[default]
    Cross,
    /// The margin that was set apart when it was opened.
    Isolated,
}

impl Default for AccountConfig {
    /// One-way and cross, with the leverage that the daemon sets.
    fn default() -> AccountConfig {
        AccountConfig { balance: Usdt::whole(10_000), leverage: 3, hedge: false, margin: MarginMode::Cross }
    }
}

/// What the exchange knows of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub config: AccountConfig,
    /// Cash, margins set apart for isolated positions included.
    pub balance: Usdt,
    /// Where it differs from `config.leverage`.
    pub leverage: BTreeMap<InstrumentId, u32>,
    /// Where it differs from `config.margin`.
    pub margins: BTreeMap<InstrumentId, MarginMode>,
    /// Positions that are not flat.
    pub positions: BTreeMap<(InstrumentId, PositionSide), Position>,
    /// Open orders by their client id: unique among these, and only among these.
    pub open: BTreeMap<ClientOrderId, u64>,
    /// Orders accepted so far.
    pub accepted: u64,
    /// Orders accepted under an id that had been accepted before.
    pub accepted_twice: u64,
    /// When the latest report on its way arrives; later ones do not overtake it.
    pub tail: Timestamp,
    /// The same for what is pushed, which a stalled stream holds back.
    pub stream_tail: Timestamp,
    /// Pushed reports are held back until then.
    pub stalled_until: Timestamp,
    /// How far prices may move before it could be liquidated.
    #[serde(skip)]
    pub ease: Ease,
    /// What its positions add up to, if that is known.
    #[serde(skip)]
    pub standing: Option<Standing>,
}

impl Account {
    pub(super) fn new(config: AccountConfig) -> Account {
        Account {
            config,
            balance: Usdt::ZERO,
            leverage: BTreeMap::new(),
            margins: BTreeMap::new(),
            positions: BTreeMap::new(),
            open: BTreeMap::new(),
            accepted: 0,
            accepted_twice: 0,
            tail: Timestamp::EPOCH,
            stream_tail: Timestamp::EPOCH,
            stalled_until: Timestamp::EPOCH,
            ease: Ease::default(),
            standing: None,
        }
    }

    pub(super) fn leverage(&self, instrument: InstrumentId) -> u32 {
        self.leverage.get(&instrument).copied().unwrap_or(self.config.leverage).max(1)
    }

    pub(super) fn margin(&self, instrument: InstrumentId) -> MarginMode {
        self.margins.get(&instrument).copied().unwrap_or(self.config.margin)
    }

    /// Positions that all of the account stands behind.
    pub(super) fn crossed(&self) -> impl Iterator<Item = (&(InstrumentId, PositionSide), &Position)> {
        self.positions.iter().filter(|((instrument, _), _)| self.margin(*instrument) == MarginMode::Cross)
    }

    /// Cash that is not set apart for isolated positions.
    pub(super) fn cross_wallet(&self) -> Usdt {
        let apart = self.positions.iter().filter(|((id, _), _)| self.margin(*id) == MarginMode::Isolated);
        self.balance - apart.map(|(_, position)| position.isolated).sum()
    }

    pub(super) fn holds(&self, instrument: InstrumentId) -> bool {
        self.positions.keys().any(|(held, _)| *held == instrument)
    }

    pub(super) fn position(&self, instrument: InstrumentId, side: PositionSide) -> Position {
        self.positions.get(&(instrument, side)).copied().unwrap_or_default()
    }
}
