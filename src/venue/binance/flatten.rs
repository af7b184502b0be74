//! Closes everything at the venue: regular orders are cancelled and positions closed, over and over, until the venue
//! itself says that there are none; only then the stops go. It needs a key and nothing else: no daemon, no ledger, no
//! market data. Every order only shrinks a position, so one whose answer is lost is followed by another without harm.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::read::account::Position;
use super::rest::calls::orders::Placing;
use super::rest::calls::{account, market, orders};
use super::rest::{Call, Class, Failure, Priority, Rest};
use super::words::PositionWord;
use crate::clock::Clock;
use crate::protocol::{Amount, OrderKind, OrderRequest};
use crate::types::{ClientOrderId, IdParts, IdScope, InstrumentId, Leg, PositionSide, Qty, Side, Span};

/// Between the first looks: a market order is filled within some tenths of a second.
const BETWEEN_ROUNDS: Duration = Duration::from_millis(700);
const QUICK_ROUNDS: u32 = 8;
/// Between later ones. A look costs 85 of the 2,400 that an address has in a minute.
const BETWEEN_LATER_ROUNDS: Duration = Duration::from_secs(3);
/// Longest wait between two rounds while the venue lets nothing through.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Orders for one position in a round. A larger position takes more rounds.
const MOST_PIECES: usize = 20;

/// What is done, as it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Begun { orders: usize, positions: usize, stops: usize },
    Cancelling { symbol: String, orders: usize },
    Closing { symbol: String, side: Side, qty: Qty, id: ClientOrderId },
    Trouble { what: String, failure: String },
    Flat { rounds: u32 },
    RemovingStops { symbol: String, stops: usize },
    Done,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Begun { orders, positions, stops } => {
                write!(f, "open at the venue: {positions} positions, {orders} orders, {stops} stops")
            }
            Step::Cancelling { symbol, orders } => write!(f, "{symbol}: cancelling {orders} orders"),
            Step::Closing { symbol, side, qty, id } => write!(f, "{symbol}: {side} {qty} at the market ({id})"),
            Step::Trouble { what, failure } => write!(f, "{what}: {failure}"),
            Step::Flat { rounds } => write!(f, "the venue says flat, after {rounds} looks"),
            Step::RemovingStops { symbol, stops } => write!(f, "{symbol}: removing {stops} stops"),
            Step::Done => f.write_str("nothing is open, and no order is left"),
        }
    }
}

/// Why it is not flat, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotFlat {
    #[error("the venue refuses the keys: {0}")]
    Keys(String),
    #[error("not everything was closed in time; still open: {0}; run it again, or close it by hand at the venue")]
    Open(String),
    #[error("the venue could not be asked what is open: {0}; run it again, or look at the venue by hand")]
    Unanswered(String),
}

/// What the venue says is there.
#[derive(Debug, Default)]
struct Sight {
    orders: BTreeMap<String, usize>,
    stops: BTreeMap<String, usize>,
    positions: Vec<Position>,
}

impl Sight {
    fn is_flat(&self) -> bool {
        self.orders.is_empty() && self.positions.is_empty()
    }

    fn words(&self) -> String {
        let positions = self.positions.iter().map(|one| format!("{} {}", one.symbol, one.position_amt));
        let orders = self.orders.iter().map(|(symbol, count)| format!("{count} orders of {symbol}"));
        let stops = self.stops.iter().map(|(symbol, count)| format!("{count} stops of {symbol}"));
        positions.chain(orders).chain(stops).collect::<Vec<_>>().join(", ")
    }
}

/// One run of it.
pub(crate) struct Flattening<'a> {
    rest: &'a Rest,
    tell: &'a mut (dyn FnMut(Step) + Send),
    ids: Ids,
    /// Largest market order of each symbol, where the rules could be asked for.
    largest: BTreeMap<String, Qty>,
    last_failure: Option<Failure>,
}

/// Ids that nobody else makes: their sequence is random, since there is no ledger to count in.
struct Ids {
    scope: IdScope,
    next: u32,
}

impl Ids {
    fn draw(clock: Clock) -> Ids {
        let mut random = [0_u8; 6];
        if aws_lc_rs::rand::fill(&mut random).is_err() {
            random.copy_from_slice(&clock.wall().as_nanos().to_le_bytes()[..6]);
        }
        let letter = |byte: u8| b'a' + byte % 26;
        let minutes = clock.wall().as_secs() / 60;
        // Five digits of base 36 hold the minutes of a century.
        let epoch = u32::try_from(minutes.rem_euclid(60_000_000)).unwrap_or(0);
        let scope = IdScope { account: *b"flat", instance: [letter(random[0]), letter(random[1])], epoch };
        let next = u32::from_le_bytes([random[2], random[3], random[4], 0]);
        Ids { scope, next }
    }

    fn take(&mut self) -> ClientOrderId {
        self.next += 1;
        ClientOrderId::compose(&IdParts { scope: self.scope, sequence: self.next, attempt: 0, leg: Leg::Flatten })
    }
}

/// Closes everything, within `patience`.
///
/// # Errors
/// If it is not known to be flat at the end.
pub(crate) async fn flatten(
    rest: &Rest,
    clock: Clock,
    patience: Span,
    tell: &mut (dyn FnMut(Step) + Send),
) -> Result<(), NotFlat> {
    let mut run = Flattening { rest, tell, ids: Ids::draw(clock), largest: BTreeMap::new(), last_failure: None };
    let until = clock.uptime() + patience;
    let (mut rounds, mut flat_told, mut begun) = (0, false, false);
    let mut seen;
    loop {
        rounds += 1;
        seen = run.look().await;
        let calm = match &seen {
            Ok(sight) => {
                if !std::mem::replace(&mut begun, true) {
                    run.begin(sight).await;
                }
                if sight.is_flat() {
                    if !std::mem::replace(&mut flat_told, true) {
                        (run.tell)(Step::Flat { rounds });
                    }
                    if sight.stops.is_empty() {
                        (run.tell)(Step::Done);
                        return Ok(());
                    }
                    run.remove_stops(sight).await
                } else {
                    // A stop that triggered, or an order of somebody else, can open something again.
                    flat_told = false;
                    run.close(sight).await
                }
            }
            Err(failure) => {
                (run.tell)(Step::Trouble { what: "asking what is open".to_owned(), failure: failure.to_string() });
                Err(failure.clone())
            }
        };
        if let Err(failure) = calm {
            if failure.class() == Some(Class::Halt) {
                return Err(NotFlat::Keys(failure.to_string()));
            }
            run.last_failure = Some(failure);
        }
        if clock.uptime() >= until {
            break;
        }
        tokio::time::sleep(run.pause(rounds)).await;
    }
    Err(match seen {
        Ok(sight) => NotFlat::Open(sight.words()),
        Err(failure) => NotFlat::Unanswered(failure.to_string()),
    })
}

impl Flattening<'_> {
    /// What is open. Each list is asked for anew: a list that fails is not an empty one.
    async fn look(&mut self) -> Result<Sight, Failure> {
        let mut sight = Sight::default();
        for order in self.rest.call(protecting(orders::open(None))).await? {
            *sight.orders.entry(order.symbol).or_default() += 1;
        }
        let positions = self.rest.call(protecting(account::positions())).await?;
        sight.positions = positions.into_iter().filter(|one| !one.position_amt.is_zero()).collect();
        for stop in self.rest.call(protecting(orders::open_algos(None))).await? {
            *sight.stops.entry(stop.symbol).or_default() += 1;
        }
        Ok(sight)
    }

    async fn begin(&mut self, sight: &Sight) {
        let count = |counts: &BTreeMap<String, usize>| counts.values().sum();
        let (orders, stops) = (count(&sight.orders), count(&sight.stops));
        (self.tell)(Step::Begun { orders, positions: sight.positions.len(), stops });
        // Without the rules a position is closed in one piece, which they only forbid for very large ones.
        match self.rest.call(protecting(market::exchange_info())).await {
            Ok(info) => {
                let largest = info.symbols.iter().filter_map(|one| {
                    let filter = one.filter("MARKET_LOT_SIZE").or(one.filter("LOT_SIZE"))?;
                    Some((one.symbol.clone(), filter.max_qty?))
                });
                self.largest = largest.collect();
            }
            Err(failure) => self.trouble("asking for the rules", &failure),
        }
    }

    /// Cancels and closes what is in sight. Trouble with one symbol holds up none of the others.
    async fn close(&mut self, sight: &Sight) -> Result<(), Failure> {
        let mut worst = Ok(());
        for (symbol, count) in &sight.orders {
            (self.tell)(Step::Cancelling { symbol: symbol.clone(), orders: *count });
            if let Err(failure) = self.rest.settle(orders::cancel_all(symbol)).await {
                self.trouble(&format!("{symbol}: cancelling"), &failure);
                worst = Err(failure);
            }
        }
        for position in &sight.positions {
            if let Err(failure) = self.close_one(position).await {
                self.trouble(&format!("{}: closing", position.symbol), &failure);
                worst = Err(failure);
            }
        }
        worst
    }

    async fn close_one(&mut self, position: &Position) -> Result<(), Failure> {
        let mut left = position.position_amt.abs();
        let side = if position.position_amt.is_positive() { Side::Sell } else { Side::Buy };
        for _ in 0..MOST_PIECES {
            let most = self.largest.get(&position.symbol).copied().filter(|most| most.is_positive());
            let qty = most.map_or(left, |most| left.min(most));
            let id = self.ids.take();
            (self.tell)(Step::Closing { symbol: position.symbol.clone(), side, qty, id });
            let request = closing(position, side, qty, id);
            let Placing::Regular(call) = orders::place(&request, &position.symbol) else {
                unreachable!("a market order is a regular one")
            };
            match self.rest.call(protecting(call)).await {
                Ok(_) => {}
                // There is less to close than we saw, which the next look shows.
                Err(failure) if failure.class() == Some(Class::ReduceOnly) => return Ok(()),
                Err(failure) => return Err(failure),
            }
            left -= qty;
            if !left.is_positive() {
                break;
            }
        }
        Ok(())
    }

    async fn remove_stops(&mut self, sight: &Sight) -> Result<(), Failure> {
        let mut worst = Ok(());
        for (symbol, count) in &sight.stops {
            (self.tell)(Step::RemovingStops { symbol: symbol.clone(), stops: *count });
            if let Err(failure) = self.rest.settle(orders::cancel_all_algos(symbol)).await {
                self.trouble(&format!("{symbol}: removing stops"), &failure);
                worst = Err(failure);
            }
        }
        worst
    }

    fn trouble(&mut self, what: &str, failure: &Failure) {
        (self.tell)(Step::Trouble { what: what.to_owned(), failure: failure.to_string() });
    }

    /// How long to wait before the next look: as long as the venue asks, within reason.
    fn pause(&mut self, rounds: u32) -> Duration {
        let usual = if rounds < QUICK_ROUNDS { BETWEEN_ROUNDS } else { BETWEEN_LATER_ROUNDS };
        match self.last_failure.take() {
            Some(Failure::NotSent { retry_at: Some(at), .. }) => {
                at.since(self.rest.now()).to_std().clamp(usual, LONGEST_WAIT)
            }
            Some(Failure::NotSent { .. } | Failure::Unknown { .. } | Failure::Refused { .. }) | None => usual,
        }
    }
}

/// Everything here may use what is kept in reserve.
fn protecting<T>(call: Call<T>) -> Call<T> {
    call.with_priority(Priority::Reserved)
}

fn closing(position: &Position, side: Side, qty: Qty, client_id: ClientOrderId) -> OrderRequest {
    let position_side = match position.position_side.known() {
        Some(PositionWord::Long) => PositionSide::Long,
        Some(PositionWord::Short) => PositionSide::Short,
        Some(PositionWord::Both) | None => PositionSide::Both,
    };
    OrderRequest {
        client_id,
        instrument: InstrumentId(0),
        side,
        position_side,
        kind: OrderKind::Market,
        amount: Amount::Qty(qty),
        // In hedge mode the leg says so, and the venue refuses to be told twice.
        reduce_only: position_side == PositionSide::Both,
    }
}

#[cfg(test)]
mod tests;
