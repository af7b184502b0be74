//! What can be traded, and under which of the venue's rules.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Price, Qty, Rate, Span, Symbol, Usdt};

/// An instrument's place in the session's table. Events carry it in place of the symbol.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstrumentId(pub u16);

impl InstrumentId {
    /// As an index into tables that are laid out like [`Instruments`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for InstrumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One bracket of the venue's maintenance margin table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarginTier {
    /// The bracket holds for position notionals above this.
    pub notional_floor: Usdt,
    /// Up to and including this.
    pub notional_cap: Usdt,
    /// Highest leverage allowed in the bracket.
    pub max_leverage: u32,
    /// Maintenance margin as a ratio of notional.
    pub maintenance_rate: Rate,
    /// Subtracted from `notional × maintenance_rate`, so that the margin is continuous at the floor.
    pub maintenance_amount: Usdt,
}

/// A USDT-margined linear perpetual and the rules its orders must keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// CCXT unified symbol.
    pub symbol: Symbol,
    /// The venue's own name, such as `BTCUSDT`.
    pub venue_symbol: String,
    /// Prices are multiples of this.
    pub tick: Price,
    /// Quantities are multiples of this.
    pub step: Qty,
    /// Smallest quantity of an order.
    pub min_qty: Qty,
    /// Largest quantity of a limit order.
    pub max_qty: Qty,
    /// Largest quantity of a market order.
    pub market_max_qty: Qty,
    /// Smallest notional of an order that is not reduce-only.
    pub min_notional: Usdt,
    /// A limit buy may be at most this far above the mark, a limit sell as far below it.
    pub percent_price: Rate,
    /// Maker fee.
    pub maker_fee: Rate,
    /// Taker fee.
    pub taker_fee: Rate,
    /// Fee taken when the venue liquidates a position, on top of the taker fee.
    pub liquidation_fee: Rate,
    /// Time between fundings.
    pub funding_interval: Span,
    /// Maintenance margin brackets, lowest first; never empty.
    pub tiers: Vec<MarginTier>,
}

impl Instrument {
    /// The bracket that a position of this notional falls in: the last one beyond the table's end.
    ///
    /// # Panics
    /// If the table of brackets is empty, which [`Instruments::new`] refuses.
    pub fn tier(&self, notional: Usdt) -> &MarginTier {
        let found = self.tiers.iter().find(|tier| notional.abs() <= tier.notional_cap);
        found.or(self.tiers.last()).expect("an instrument has at least one margin tier")
    }
}

/// The session's instruments, in the order of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruments(Vec<Instrument>);

/// Why a table of instruments cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstrumentsError {
    /// A symbol stands in the table twice.
    #[error("symbol {0} is given twice")]
    Twice(Symbol),
    /// A rule that everything else builds on is missing.
    #[error("instrument {0} has no {1}")]
    Missing(Symbol, &'static str),
    /// More instruments than ids.
    #[error("{0} instruments are more than the {max} a session can hold", max = u16::MAX)]
    TooMany(usize),
}

impl Instruments {
    /// Checks the table.
    pub fn new(list: Vec<Instrument>) -> Result<Instruments, InstrumentsError> {
        if list.len() > usize::from(u16::MAX) {
            return Err(InstrumentsError::TooMany(list.len()));
        }
        for (at, one) in list.iter().enumerate() {
            if list[..at].iter().any(|other| other.symbol == one.symbol) {
                return Err(InstrumentsError::Twice(one.symbol.clone()));
            }
            let missing = |what| Err(InstrumentsError::Missing(one.symbol.clone(), what));
            if !one.tick.is_positive() {
                return missing("positive tick size");
            }
            if !one.step.is_positive() {
                return missing("positive step size");
            }
            if one.tiers.is_empty() {
                return missing("margin tier");
            }
        }
        Ok(Instruments(list))
    }

    /// The same list, with another tick size of one of them.
    #[must_use]
    pub fn with_tick(&self, id: InstrumentId, tick: Price) -> Instruments {
        let mut list = self.0.clone();
        if let Some(one) = list.get_mut(id.index()).filter(|_| tick.is_positive()) {
            one.tick = tick;
        }
        Instruments(list)
    }

    /// The same list, with orders of any notional.
    #[must_use]
    pub fn without_min_notional(&self) -> Instruments {
        let mut list = self.0.clone();
        list.iter_mut().for_each(|one| one.min_notional = Usdt::ZERO);
        Instruments(list)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The instrument behind an id.
    ///
    /// # Panics
    /// If the id is of another table: ids are only made by this one.
    pub fn get(&self, id: InstrumentId) -> &Instrument {
        &self.0[id.index()]
    }
    /// The symbol behind an id.
    pub fn symbol(&self, id: InstrumentId) -> &Symbol {
        &self.get(id).symbol
    }
    /// The id of a symbol.
    pub fn find(&self, symbol: &Symbol) -> Option<InstrumentId> {
        self.iter().find(|(_, one)| one.symbol == *symbol).map(|(id, _)| id)
    }
    /// The id of the venue's own name.
    pub fn find_venue(&self, name: &str) -> Option<InstrumentId> {
        self.iter().find(|(_, one)| one.venue_symbol == name).map(|(id, _)| id)
    }
    /// All, with their ids, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (InstrumentId, &Instrument)> {
        self.0.iter().enumerate().map(|(at, one)| (InstrumentId(at as u16), one))
    }
    /// All ids, in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = InstrumentId> + use<> {
        (0..self.0.len() as u16).map(InstrumentId)
    }
}
