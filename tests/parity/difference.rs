//! Where two runs over the same bars differ by more than is allowed for.

use std::collections::BTreeSet;
use std::fmt::Debug;

use live_trading_launcher::feed;
use live_trading_launcher::types::{Qty, Span, Timestamp};

use crate::ends::{Order, Signal, Told};

/// The capital of all ends, and what was there at first.
const CAPITAL: f64 = 10_000.0;
/// What a unit costs each way and slips, twice, as a share of its price.
const COSTS: f64 = 0.002;

/// What may differ.
#[derive(Debug, Clone, Copy)]
pub struct Allowed {
    /// How much later one end may hear, decide or trade; never in another minute.
    late: Span,
    /// Are prices and marks heard by themselves, before the bar whose last they are? A size then follows from the equity and
    /// the price that its own end knew.
    live: bool,
}

impl Allowed {
    pub fn nothing() -> Allowed {
        Allowed { late: Span::ZERO, live: false }
    }

    pub fn delays(late: Span) -> Allowed {
        Allowed { late, live: false }
    }

    pub fn live(late: Span) -> Allowed {
        Allowed { late, live: true }
    }

    fn at_once(&self, one: Timestamp, other: Timestamp) -> bool {
        let apart = if one > other { one - other } else { other - one };
        apart <= self.late && one.floor(Span::MINUTE) == other.floor(Span::MINUTE)
    }
}

/// All differences, in words.
pub fn differences(one: &Told, other: &Told, allowed: &Allowed) -> Vec<String> {
    let mut found = Vec::new();
    let symbols: BTreeSet<&String> = one.orders.keys().chain(other.orders.keys()).collect();
    let symbols: BTreeSet<&String> =
        symbols.into_iter().chain(one.signals.keys()).chain(other.signals.keys()).collect();
    for symbol in symbols {
        let (ours, theirs) = (list(one.signals.get(symbol)), list(other.signals.get(symbol)));
        compare(symbol, "signal", ours, theirs, &mut found, |ours: &Signal, theirs| {
            ours.what == theirs.what && allowed.at_once(ours.at, theirs.at)
        });
        let of_leg = |told: &Told, leg: &str| -> Vec<Order> {
            list(told.orders.get(symbol)).iter().filter(|order| order.leg == leg).cloned().collect()
        };
        let (ours, theirs) = (of_leg(one, "entry"), of_leg(other, "entry"));
        let entries = ours.iter().zip(&theirs);
        // What leaves a position is of the size of what entered it.
        let apart = entries.map(|(ours, theirs)| sizes_differ_by(one, other, (ours, theirs), step(symbol)));
        let apart = apart.max().filter(|_| allowed.live).unwrap_or_default();
        compare(symbol, "entry", &ours, &theirs, &mut found, |ours: &Order, theirs| {
            let apart = if allowed.live { sizes_differ_by(one, other, (ours, theirs), step(symbol)) } else { apart };
            same_order(ours, theirs, apart, allowed)
        });
        for leg in ["exit", "stop", "take_profit"] {
            compare(symbol, leg, &of_leg(one, leg), &of_leg(other, leg), &mut found, |ours, theirs| {
                same_order(ours, theirs, apart, allowed)
            });
        }
    }
    found
}

/// The step of a symbol's quantities.
fn step(symbol: &str) -> Qty {
    let table = feed::instruments::load(None, &[symbol.parse().expect("a symbol")]).expect("the table");
    table.iter().next().expect("one").1.step
}

fn list<T>(all: Option<&Vec<T>>) -> &[T] {
    all.map_or(&[], Vec::as_slice)
}

/// Compares two lists one by one, up to the first pair that differs: later ones follow from it.
fn compare<T: Debug>(
    symbol: &str,
    what: &str,
    ours: &[T],
    theirs: &[T],
    found: &mut Vec<String>,
    same: impl Fn(&T, &T) -> bool,
) {
    let place = (0..ours.len().max(theirs.len())).find(|place| {
        let pair = ours.get(*place).zip(theirs.get(*place));
        !pair.is_some_and(|(ours, theirs)| same(ours, theirs))
    });
    if let Some(place) = place {
        found.push(format!("{symbol}, {what} {place}:\n  {:?}\n  {:?}", ours.get(place), theirs.get(place)));
    }
}

/// The same decision, of a size that is at most so far apart, and with the same fills. Live, an entry's own price is that of the
/// venue's quote, which is rounded to the tick.
fn same_order(ours: &Order, theirs: &Order, apart: Qty, allowed: &Allowed) -> bool {
    let size = match (ours.qty, theirs.qty) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= apart,
        (None, None) => true,
        // A stop closes whatever there is, or as much as there is while the one before it still stands; which of the two is a
        // matter of milliseconds.
        (Some(_), None) | (None, Some(_)) => ours.leg != "exit" && allowed.late > Span::ZERO,
    };
    let decided = ours.what == theirs.what && ours.stop == theirs.stop && allowed.at_once(ours.at, theirs.at);
    let price = allowed.live || ours.reference == theirs.reference;
    decided && size && price && same_fills(ours, theirs, apart, allowed)
}

/// The same prices, at about the same time; quantities that differ by no more than the orders may.
fn same_fills(ours: &Order, theirs: &Order, slack: Qty, allowed: &Allowed) -> bool {
    let exact = ours.fills.len() == theirs.fills.len();
    exact
        && ours.fills.iter().zip(&theirs.fills).all(|(ours, theirs)| {
            let qty = (ours.qty - theirs.qty).abs() <= slack;
            qty && ours.price == theirs.price && allowed.at_once(ours.at, theirs.at)
        })
}

/// A size is a share of equity by a price, or by what a unit loses at the stop. Each end knows its own equity, as of its own
/// marks, and its own quote, which the venue rounds to the tick; and with real money no more than the capital is traded with.
/// So sizes are apart by as much as these are, and by the step that both are rounded to.
fn sizes_differ_by(one: &Told, other: &Told, (ours, theirs): (&Order, &Order), step: Qty) -> Qty {
    let (Some(qty), Some(stop)) = (ours.qty, ours.stop) else { return Qty::ZERO };
    let equity = |told: &Told, order: &Order, capped: bool| {
        let minute = order.at.floor(Span::MINUTE);
        let around =
            [minute - Span::MINUTE, minute].map(|at| told.equity.get(&at).map_or(CAPITAL, |usdt| usdt.to_f64()));
        around.map(|equity| if capped { equity.min(CAPITAL) } else { equity })
    };
    let price = ours.reference.to_f64() / theirs.reference.to_f64();
    let loss = |order: &Order| (order.reference.to_f64() - stop.to_f64()).abs() + order.reference.to_f64() * COSTS;
    let by = [price, loss(ours) / loss(theirs)];
    let mut apart = 0.0_f64;
    for ours in equity(one, ours, false) {
        for theirs in equity(other, theirs, true) {
            for by in by {
                apart = apart.max((theirs / ours * by - 1.0).abs());
            }
        }
    }
    Qty::from_f64(qty.to_f64() * apart).expect("a quantity") + step
}
