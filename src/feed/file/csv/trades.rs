//! The trades that Binance publishes, and its aggregated trades; and bars made of them.

use super::super::number::decimal;
use super::super::rows::{Found, NUMBER_REMEDY, ORDER_REMEDY, Wrong};
use super::super::series::Row;
use super::{nanos, pick, whole};

/// Longest run of minutes without a trade that is filled with empty bars, as an exchange's own bars are; a longer one is a
/// hole.
const MAX_EMPTY: u32 = 60;
const NANOS_PER_MINUTE: i64 = 60_000_000_000;

const TIME_REMEDY: &str = "write the trade's time as milliseconds or microseconds since 1970";
const TAKER_REMEDY: &str = "keep the column `is_buyer_maker`, which says who took";

/// Lines of trades.
#[derive(Debug)]
pub(in crate::feed) struct Trades {
    pub(in crate::feed) time_name: &'static str,
    /// Of the id, the price, the quantity, the time, and whether the buyer was the maker; the last is beyond all columns in a
    /// file that does not say so.
    places: [usize; 5],
    last_id: Option<i64>,
}

/// A trade. Amounts are in units of 10⁻⁸.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::feed) struct TradeLine<'a> {
    pub(in crate::feed) id: i64,
    pub(in crate::feed) price: i64,
    pub(in crate::feed) qty: i64,
    /// Since 1970.
    pub(in crate::feed) nanos: i64,
    time: &'a [u8],
    buyer_is_maker: &'a [u8],
}

impl Trades {
    /// By the names of the columns, if they are of trades.
    pub(super) fn named(find: impl Fn(&str) -> Option<usize>) -> Option<Trades> {
        let first = |names: &[&'static str]| names.iter().find_map(|name| Some((*name, find(name)?)));
        let (time_name, time) = first(&["transact_time", "time"])?;
        let (_, id) = first(&["agg_trade_id", "id", "trade_id"])?;
        let (_, qty) = first(&["qty", "quantity"])?;
        let maker = first(&["is_buyer_maker", "isBuyerMaker"]).map_or(usize::MAX, |(_, place)| place);
        Some(Trades { time_name, places: [id, find("price")?, qty, time, maker], last_id: None })
    }

    /// By the values of a line, if they are of trades: the time stands before the first that is true or false.
    pub(super) fn unnamed(values: &[&[u8]]) -> Option<Trades> {
        let is_truth = |cell: &&[u8]| cell.eq_ignore_ascii_case(b"true") || cell.eq_ignore_ascii_case(b"false");
        let maker = values.iter().position(is_truth)?;
        let time = maker.checked_sub(1).filter(|time| *time > 2)?;
        Some(Trades { time_name: "time", places: [0, 1, 2, time, maker], last_id: None })
    }

    /// Reads a line.
    pub(in crate::feed) fn read<'a>(&mut self, line: &'a [u8]) -> Result<TradeLine<'a>, Wrong> {
        let [id_text, price_text, qty_text, time, buyer_is_maker] = pick(line, self.places);
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
        let nanos = nanos(time).ok_or_else(|| Wrong::new(self.time_name, time, "is not a time", TIME_REMEDY))?;
        self.last_id = Some(id);
        Ok(TradeLine { id, price, qty, nanos, time, buyer_is_maker })
    }
}

impl TradeLine<'_> {
    /// Did the seller take?
    pub(in crate::feed) fn sold(&self) -> Result<bool, Wrong> {
        let cell = self.buyer_is_maker;
        let (yes, no) = (cell.eq_ignore_ascii_case(b"true"), cell.eq_ignore_ascii_case(b"false"));
        let wrong = || Wrong::new("is_buyer_maker", cell, "is neither true nor false", TAKER_REMEDY);
        (yes || no).then_some(yes).ok_or_else(wrong)
    }
}

/// Bars of trades, one when its minute is over.
#[derive(Debug)]
pub(super) struct Minutes {
    trades: Trades,
    /// The bar of the minute that is not over, and the line of its first trade.
    open: Option<(u64, Row)>,
    /// The first trade of a later minute, until the minutes between are filled.
    later: Option<(u64, Row)>,
}

impl Minutes {
    pub(super) fn new(trades: Trades) -> Minutes {
        Minutes { trades, open: None, later: None }
    }

    pub(super) fn time_name(&self) -> &'static str {
        self.trades.time_name
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
        let TradeLine { price, qty, nanos, time, .. } = self.trades.read(text)?;
        let wrong = |why, remedy| Wrong::new(self.trades.time_name, time, why, remedy);
        let minute = u32::try_from(nanos / NANOS_PER_MINUTE).map_err(|_| wrong("is not a time", TIME_REMEDY))?;
        if self.open.as_ref().is_some_and(|(_, open)| minute < open.minute) {
            return Err(wrong("is before the minute of the line above", ORDER_REMEDY));
        }
        Ok(Row { minute, file: 0, open: price, high: price, low: price, close: price, volume: qty })
    }
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
