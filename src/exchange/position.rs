//! A position: signed quantity and what it cost. The cost is kept, not the average price, so that realised
//! results add up exactly to what was received less what was paid.

use serde::{Deserialize, Serialize};

use crate::types::{Price, Qty, Rounding, Side, Timestamp, Usdt};

/// One leg of one account on one instrument.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Signed: a short is negative.
    pub qty: Qty,
    /// Σ price × quantity of what is still open; positive for both sides.
    pub cost: Usdt,
    /// Margin set apart for it in isolated mode.
    pub isolated: Usdt,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a trade does to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traded {
    /// Result of the part that it closed.
    pub realised: Usdt,
    /// Worth of the part that it opened.
    pub opened: Usdt,
}

impl Position {
    /// Long or short; none when flat.
    pub(super) fn side(&self) -> Option<Side> {
        if self.qty.is_positive() {
            Some(Side::Buy)
        } else if self.qty.is_negative() {
            Some(Side::Sell)
        } else {
            None
        }
    }

    /// Applies a trade. Where a partial close does not divide the cost evenly, the loss comes first.
    pub(super) fn trade(&mut self, side: Side, price: Price, qty: Qty) -> Traded {
        let held = self.qty.abs();
        let closing = if self.side() == Some(side.closing()) { held.min(qty) } else { Qty::ZERO };
        let opening = qty - closing;
        let mut realised = Usdt::ZERO;
        if closing.is_positive() {
            let against = match side {
                Side::Sell => Rounding::Up,
                Side::Buy => Rounding::Down,
            };
            let whole = closing == held;
            let cost = if whole { self.cost } else { self.cost.share(closing, held, against) };
            realised = (price.notional(closing) - cost) * side.closing().sign();
            self.cost -= cost;
            let freed = if whole { self.isolated } else { self.isolated.share(closing, held, Rounding::Up) };
            self.isolated -= freed;
        }
        let opened = price.notional(opening);
        self.cost += opened;
        self.qty += qty * side.sign();
        Traded { realised, opened }
    }

    /// Result that closing all of it at `price` would realise.
    pub(super) fn unrealised(&self, price: Price) -> Usdt {
        let worth = price.notional(self.qty.abs());
        match self.side() {
            Some(Side::Buy) => worth - self.cost,
            Some(Side::Sell) => self.cost - worth,
            None => Usdt::ZERO,
        }
    }

    /// Average entry price, rounded against the holder.
    pub(super) fn entry_price(&self) -> Price {
        let against = if self.qty.is_negative() { Rounding::Down } else { Rounding::Up };
        self.cost.per_qty(self.qty.abs(), against)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q(text: &str) -> Qty {
        text.parse().unwrap()
    }
    fn p(text: &str) -> Price {
        text.parse().unwrap()
    }
    fn u(text: &str) -> Usdt {
        text.parse().unwrap()
    }

    #[test]
    fn positions_grow_shrink_and_turn() {
        use Side::{Buy, Sell};
        // side, price, qty => position, cost, realised, opened
        let table = [
            (Buy, "100", "2", "2", "200", "0", "200"),
            (Buy, "106", "1", "3", "306", "0", "106"),
            (Sell, "110", "1", "2", "204", "8", "0"),
            (Sell, "90", "5", "-3", "270", "-24", "270"),
            (Buy, "80", "3", "0", "0", "30", "0"),
        ];
        let mut position = Position::default();
        for (side, price, qty, after, cost, realised, opened) in table {
            let traded = position.trade(side, p(price), q(qty));
            assert_eq!((position.qty, position.cost), (q(after), u(cost)), "{side} {qty} at {price}");
            assert_eq!((traded.realised, traded.opened), (u(realised), u(opened)), "{side} {qty} at {price}");
        }
    }

    #[test]
    fn an_uneven_close_takes_the_loss_first_and_nothing_is_lost() {
        let mut position = Position::default();
        position.trade(Side::Buy, p("20"), q("2"));
        position.trade(Side::Buy, p("60"), q("1"));
        // 100 for three: a third is 33.333333333334 rounded up.
        assert_eq!(position.trade(Side::Sell, p("50"), q("1")).realised, u("16.666666666666"));
        assert_eq!(position.trade(Side::Sell, p("50"), q("2")).realised, u("33.333333333334"));
        assert_eq!(position, Position { updated_at: position.updated_at, ..Position::default() });
    }
}
