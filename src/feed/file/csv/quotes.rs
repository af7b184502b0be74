//! The best prices that Binance publishes as `bookTicker`.

use super::super::number::decimal;
use super::super::rows::{NUMBER_REMEDY, Wrong};
use super::{nanos, pick, whole};

/// Columns of a file without names, in the order of the names below, and the time at which the event was sent.
const UNNAMED_COLUMNS: usize = 7;
/// Names of the columns that are read.
const NAMES: [&str; 6] =
    ["update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty", "transaction_time"];

/// Lines of best prices.
#[derive(Debug)]
pub(in crate::feed) struct Quotes {
    /// Of [`NAMES`].
    places: [usize; 6],
    last_id: Option<i64>,
}

/// Best bid and ask. Amounts are in units of 10⁻⁸.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::feed) struct QuoteLine {
    pub(in crate::feed) bid: i64,
    pub(in crate::feed) bid_qty: i64,
    pub(in crate::feed) ask: i64,
    pub(in crate::feed) ask_qty: i64,
    /// When the order book changed, since 1970.
    pub(in crate::feed) nanos: i64,
}

impl Quotes {
    /// What the column of the time is called.
    pub(in crate::feed) const TIME_NAME: &'static str = NAMES[5];

    /// By the names of the columns, if they are of best prices.
    pub(super) fn named(find: impl Fn(&str) -> Option<usize>) -> Option<Quotes> {
        let mut places = [0; 6];
        for (place, name) in places.iter_mut().zip(NAMES) {
            *place = find(name)?;
        }
        Some(Quotes { places, last_id: None })
    }

    /// By the number of values of a line.
    pub(super) fn unnamed(values: &[&[u8]]) -> Option<Quotes> {
        (values.len() == UNNAMED_COLUMNS).then_some(Quotes { places: [0, 1, 2, 3, 4, 5], last_id: None })
    }

    /// Reads a line.
    pub(in crate::feed) fn read(&mut self, line: &[u8]) -> Result<QuoteLine, Wrong> {
        let cells = pick(line, self.places);
        let wrong = |at: usize, why: &str, remedy| Wrong::new(NAMES[at], cells[at], why, remedy);
        let id = whole(cells[0]).ok_or_else(|| wrong(0, "is not a whole number", NUMBER_REMEDY))?;
        if let Some(last) = self.last_id.filter(|last| *last >= id) {
            let why = format!("is not above the {last} of the line before");
            return Err(wrong(0, &why, "sort the file by update_id and keep one line per update"));
        }
        let number = |at: usize| decimal(cells[at], true).map_err(|why| wrong(at, why, NUMBER_REMEDY));
        let (bid, bid_qty, ask, ask_qty) = (number(1)?, number(2)?, number(3)?, number(4)?);
        for (at, price) in [(1, bid), (3, ask)] {
            if price <= 0 {
                return Err(wrong(at, "is not a price above zero", NUMBER_REMEDY));
            }
        }
        for (at, qty) in [(2, bid_qty), (4, ask_qty)] {
            if qty < 0 {
                return Err(wrong(at, "is negative", NUMBER_REMEDY));
            }
        }
        if bid >= ask {
            return Err(wrong(3, "is not above the bid", "repair or remove the line"));
        }
        let time = || wrong(5, "is not a time", "write it as milliseconds or microseconds since 1970");
        let nanos = nanos(cells[5]).ok_or_else(time)?;
        self.last_id = Some(id);
        Ok(QuoteLine { bid, bid_qty, ask, ask_qty, nanos })
    }
}
