//! Prices and quantities of market streams as Binance writes them: with all the places that the symbol has, `"0.560"` and not
//! `"0.56"`. There are clients that read a symbol's precision off them, and drop a quote whose two sides seem to have different ones.

use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

use super::stream::{AggTrade, BookTicker, DepthUpdate, Trade};
use crate::types::{Price, Qty};

/// Digits after the point of a symbol's prices and quantities. Nothing that reads a message needs them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Of prices.
    pub price: usize,
    /// Of quantities.
    pub qty: usize,
}

impl Places {
    /// Those of a tick and a step.
    pub(crate) fn of(tick: Price, step: Qty) -> Places {
        let places = |text: String| text.split_once('.').map_or(0, |(_, places)| places.len());
        Places { price: places(tick.to_string()), qty: places(step.to_string()) }
    }

    fn price(self, price: Price) -> String {
        format!("{price:.*}", self.price)
    }

    fn qty(self, qty: Qty) -> String {
        format!("{qty:.*}", self.qty)
    }
}

/// Levels of a book.
struct Levels<'a>(&'a [(Price, Qty)], Places);

impl Serialize for Levels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut levels = serializer.serialize_seq(Some(self.0.len()))?;
        for (price, qty) in self.0 {
            levels.serialize_element(&(self.1.price(*price), self.1.qty(*qty)))?;
        }
        levels.end()
    }
}

/// Writes the fields in their order, each under its own name.
macro_rules! written {
    ($message:ident { $($field:ident: $value:expr),+ $(,)? }) => {
        impl Serialize for $message {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let fields = [$(stringify!($field)),+].len();
                let mut row = serializer.serialize_struct(stringify!($message), fields)?;
                $(
                    let write: fn(&Self) -> _ = $value;
                    row.serialize_field(stringify!($field), &write(self))?;
                )+
                row.end()
            }
        }
    };
}

written!(AggTrade {
    E: |row| row.E,
    s: |row| row.s.clone(),
    a: |row| row.a,
    p: |row| row.places.price(row.p),
    q: |row| row.places.qty(row.q),
    nq: |row| row.places.qty(row.nq),
    f: |row| row.f,
    l: |row| row.l,
    T: |row| row.T,
    m: |row| row.m,
    st: |row| row.st,
});

written!(Trade {
    E: |row| row.E,
    T: |row| row.T,
    s: |row| row.s.clone(),
    t: |row| row.t,
    p: |row| row.places.price(row.p),
    q: |row| row.places.qty(row.q),
    X: |row| row.X.clone(),
    m: |row| row.m,
});

written!(BookTicker {
    u: |row| row.u,
    E: |row| row.E,
    T: |row| row.T,
    s: |row| row.s.clone(),
    ps: |row| row.ps.clone(),
    b: |row| row.places.price(row.b),
    B: |row| row.places.qty(row.B),
    a: |row| row.places.price(row.a),
    A: |row| row.places.qty(row.A),
    st: |row| row.st,
});

impl Serialize for DepthUpdate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("DepthUpdate", 10)?;
        row.serialize_field("E", &self.E)?;
        row.serialize_field("T", &self.T)?;
        row.serialize_field("s", &self.s)?;
        row.serialize_field("U", &self.U)?;
        row.serialize_field("u", &self.u)?;
        row.serialize_field("pu", &self.pu)?;
        row.serialize_field("b", &Levels(&self.b, self.places))?;
        row.serialize_field("a", &Levels(&self.a, self.places))?;
        row.serialize_field("ps", &self.ps)?;
        row.serialize_field("st", &self.st)?;
        row.end()
    }
}

#[cfg(test)]
mod tests {
    use super::super::stream::MarketMessage;
    use super::*;

    #[test]
    fn every_figure_has_the_places_of_its_symbol_and_reads_back() {
        let places = Places::of(Price::new(1, 1), Qty::new(1, 3));
        let (s, ps) = (String::from("BTCUSDT"), String::from("BTCUSDT"));
        let quote = BookTicker {
            u: 1,
            E: 2,
            T: 3,
            s,
            ps,
            b: Price::whole(64_215),
            B: Qty::new(56, 2),
            a: Price::new(642_153, 1),
            A: Qty::ONE,
            st: 1,
            places,
        };
        let text = serde_json::to_string(&MarketMessage::BookTicker(quote)).expect("it is written");
        let expect = r#"{"e":"bookTicker","u":1,"E":2,"T":3,"s":"BTCUSDT","ps":"BTCUSDT","b":"64215.0","B":"0.560","a":"64215.3","A":"1.000","st":1}"#;
        assert_eq!(text, expect);
        let MarketMessage::BookTicker(read) = serde_json::from_str(&text).expect("and read") else {
            panic!("another message")
        };
        assert_eq!((read.b, read.B, read.places), (Price::whole(64_215), Qty::new(56, 2), Places::default()));
        assert_eq!(places.qty(Qty::new(1, 5)), "0.00001", "nothing is cut off");
    }
}
