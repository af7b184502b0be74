//! Bars from the trades that Binance publishes, and its aggregated trades.

use super::super::number::decimal;
use super::super::rows::{Found, NUMBER_REMEDY, ORDER_REMEDY, Wrong};
use super::super::series::Row;
use super::cells;

/// Longest run of minutes without a trade that is filled with empty bars, as an exchange's own bars are; a longer one is a
/// hole.
const MAX_EMPTY: u32 = 60;

const TIME_REMEDY: &str = "write the trade's time as milliseconds or microseconds since 1970";

/// Trades being read.
#[derive(Debug)]
pub(super) struct Trades {
    time_name: &'static str,
    places: Places,
    last_id: Option<i64>,
    /// The bar of the minute that is not over, and the line of its first trade.
    open: Option<(u64, Row)>,
    /// The first trade of a later minute, until the minutes between are filled.
    later: Option<(u64, Row)>,
}

/// Where the columns are.
#[derive(Debug, Clone, Copy)]
struct Places {
    id: usize,
    price: usize,
    qty: usize,
    time: usize,
}

impl Trades {
    /// By the names of the columns, if they are of trades.
    pub(super) fn named(find: impl Fn(&str) -> Option<usize>) -> Option<Trades> {
        let first = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, find(name)?)));
        let (time_name, time) = first(&["transact_time", "time"])?;
        let (_, id) = first(&["agg_trade_id", "id", "trade_id"])?;
        let (_, qty) = first(&["qty", "quantity"])?;
        let places = Places { id, price: find("price")?, qty, time };
        Some(Trades { time_name, places, last_id: None, open: None, later: None })
    }

    /// By the values of a line, if they are of trades: the time stands before the first that is true or false.
    pub(super) fn unnamed(values: &[&[u8]]) -> Option<Trades> {
        let is_truth = |cell: &&[u8]| cell.eq_ignore_ascii_case(b"true") || cell.eq_ignore_ascii_case(b"false");
        let time = values.iter().position(is_truth)?.checked_sub(1).filter(|time| *time > 2)?;
        let places = Places { id: 0, price: 1, qty: 2, time };
        Some(Trades { time_name: "time", places, last_id: None, open: None, later: None })
    }

    pub(super) fn time_name(&self) -> &'static str {
        self.time_name
    }

    /// A bar of a minute without trades, or the one before them, if there is one to give.
    pub(super) fn ready(&mut self) -> Option<Found> {
        let (line, next) = self.later.take()?;
        let (at, open) = self.open.take()?;
        let gap = next.minute - open.minute;
        if gap > 1 && gap <= MAX_EMPTY + 1 {
            let price = open.close;
            let empty =
                Row { minute: open.minute + 1, file: 0, open: price, high: price, low: price, close: price, volume: 0 };
            self.open = Some((at, empty));
            self.later = Some((line, next));
        } else {
            self.open = Some((line, next));
        }
        Some(Found { line: at, row: Ok(open) })
    }

    /// The last bar.
    pub(super) fn end(&mut self) -> Option<Found> {
        self.open.take().map(|(line, row)| Found { line, row: Ok(row) })
    }

    /// Takes in a line; gives the bar that it completes, or what is wrong.
    pub(super) fn take(&mut self, line: u64, text: &[u8]) -> Option<Found> {
        match self.read(text) {
            Err(wrong) => Some(Found { line, row: Err(wrong) }),
            Ok(trade) => match &mut self.open {
                Some((_, open)) if open.minute == trade.minute => {
                    *open = joined(open, &trade);
                    None
                }
                Some(_) => {
                    self.later = Some((line, trade));
                    self.ready()
                }
                None => {
                    self.open = Some((line, trade));
                    None
                }
            },
        }
    }

    /// A trade as a bar of its own.
    fn read(&mut self, text: &[u8]) -> Result<Row, Wrong> {
        let mut found: [&[u8]; 4] = [b""; 4];
        let Places { id, price, qty, time } = self.places;
        for (at, cell) in cells(text).enumerate() {
            for (slot, place) in found.iter_mut().zip([id, price, qty, time]) {
                if place == at {
                    *slot = cell;
                }
            }
        }
        let [id_text, price_text, qty_text, time_text] = found;
        let whole = |cell: &[u8]| std::str::from_utf8(cell).ok().and_then(|text| text.parse::<i64>().ok());
        let id = whole(id_text).ok_or_else(|| Wrong::new("id", id_text, "is not a whole number", NUMBER_REMEDY))?;
        if let Some(last) = self.last_id.filter(|last| *last >= id) {
            let why = format!("is not above the {last} of the trade before");
            return Err(Wrong::new("id", id_text, why, "sort the file by id and keep one line per trade"));
        }
        let number = |name, cell: &[u8], exact| {
            let number = decimal(cell, exact).map_err(|why| Wrong::new(name, cell, why, NUMBER_REMEDY))?;
            if number > 0 { Ok(number) } else { Err(Wrong::new(name, cell, "is not above zero", NUMBER_REMEDY)) }
        };
        let (price, qty) = (number("price", price_text, true)?, number("qty", qty_text, false)?);
        let minute = whole(time_text).and_then(minute_of);
        let minute = minute.ok_or_else(|| Wrong::new(self.time_name, time_text, "is not a time", TIME_REMEDY))?;
        if self.open.as_ref().is_some_and(|(_, open)| minute < open.minute) {
            return Err(Wrong::new(self.time_name, time_text, "is before the minute of the line above", ORDER_REMEDY));
        }
        self.last_id = Some(id);
        Ok(Row { minute, file: 0, open: price, high: price, low: price, close: price, volume: qty })
    }
}

/// The minute of an instant in milliseconds or microseconds; the size tells the unit.
fn minute_of(time: i64) -> Option<u32> {
    let per_minute = match time {
        10_000_000_000..100_000_000_000_000 => 60_000,
        100_000_000_000_000..100_000_000_000_000_000 => 60_000_000,
        _ => return None,
    };
    u32::try_from(time / per_minute).ok()
}

fn joined(bar: &Row, trade: &Row) -> Row {
    Row {
        high: bar.high.max(trade.high),
        low: bar.low.min(trade.low),
        close: trade.close,
        volume: bar.volume.saturating_add(trade.volume),
        ..*bar
    }
}
