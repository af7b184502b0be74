//! A model of the worst venue that the protocol allows for, and a daemon that may die at any step. Whatever is
//! lost, late, doubled or out of order: each intent reaches one end (I2), no intent is accepted twice (I3), no
//! order shows life after it was declared absent (I7), the worst case always holds (I8), and once the faults are
//! over the books agree with the venue (I5, I6).

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::protocol::OrderRow;

/// One step of the model's time.
const TICK: Span = Span::millis(250);
/// Faults, new orders and crashes end after this many ticks.
const STORM: i64 = 400;
/// Nothing is traded after this many.
const CLOSED: i64 = 780;
/// And everything is settled after this many.
const CALM: i64 = 900;

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33) % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn millis(&mut self, at_most: u64) -> Span {
        Span::millis(self.below(at_most + 1) as i64)
    }
}

/// What travels to the venue.
enum Asked {
    Submit { timestamp: Timestamp },
    Cancel,
    Query,
    List,
    Fills { since: Timestamp },
}

/// What travels back.
#[derive(Clone)]
enum Told {
    Report(OrderReport),
    List(Vec<OrderSnapshot>),
    Fills(Vec<Fill>),
    FillsFailed,
}

/// An order as the venue has it.
struct Held {
    accepted_at: Timestamp,
    ended: Option<(Timestamp, DoneReason)>,
    fills: Vec<(Timestamp, Fill)>,
}

impl Held {
    fn filled(&self, until: Timestamp) -> Qty {
        self.fills.iter().filter(|(at, _)| *at <= until).map(|(_, fill)| fill.qty).sum()
    }
}

struct World {
    dice: Dice,
    now: Timestamp,
    storm: bool,
    /// Venue's clock minus ours, within the bound.
    skew: Span,
    to_venue: Vec<(Timestamp, ClientOrderId, Asked)>,
    to_us: Vec<(Timestamp, Told)>,
    venue: BTreeMap<ClientOrderId, Held>,
    accepted: BTreeMap<ClientOrderId, u32>,
    next_trade: u64,
    orders: Orders,
    epoch: u32,
    /// What a restart finds: rows and counted trades, written in one piece with the step that made them.
    ledger: BTreeMap<ClientOrderId, OrderRow>,
    booked: BTreeSet<TradeId>,
    bought: Qty,
    absent: u32,
}

impl World {
    fn new(seed: u64) -> World {
        let mut dice = Dice(seed);
        let skew = dice.millis(2_000) - Span::SECOND;
        World {
            dice,
            now: s(0),
            storm: true,
            skew,
            to_venue: Vec::new(),
            to_us: Vec::new(),
            venue: BTreeMap::new(),
            accepted: BTreeMap::new(),
            next_trade: 1,
            orders: Orders::new(Settings::default(), SCOPE),
            epoch: SCOPE.epoch,
            ledger: BTreeMap::new(),
            booked: BTreeSet::new(),
            bought: Qty::ZERO,
            absent: 0,
        }
    }

    fn run(&mut self) -> Result<(), TestCaseError> {
        for tick in 0..CALM {
            self.now += TICK;
            self.storm = tick < STORM;
            self.venue_works();
            if tick < CLOSED {
                self.trade_some();
            }
            self.deliver()?;
            if self.storm {
                self.daemon_wants();
            }
            if tick % 40 == 0 {
                self.ask(self.orders.ids().clone().next(Leg::Flatten), Asked::List);
            }
            self.daemon_asks()?;
            self.check_worst_case()?;
            if self.storm && self.dice.one_in(150) {
                self.crash();
            }
        }
        self.check_end()
    }

    // The daemon.

    fn daemon_wants(&mut self) {
        if self.dice.one_in(30) && self.orders.open().count() < 6 {
            let id = self.orders.next_id(Leg::Entry);
            let intent = intent(request(id, Leg::Entry, limit(), Amount::Qty(qty(10))), Leg::Entry, self.now);
            self.orders.intend(intent, self.now);
            self.journal(id);
            if self.dice.one_in(20) {
                return self.crash();
            }
            if self.dice.one_in(10) {
                self.later(0, 500, Told::Report(report(id, self.now, ReportBody::NotSent { reason: String::new() })));
            } else {
                self.ask(id, Asked::Submit { timestamp: self.now });
                self.to_us.push((self.now, Told::Report(report(id, self.now, ReportBody::Sent))));
            }
        }
        let open: Vec<ClientOrderId> = self.orders.open().map(|row| row.intent.request.client_id).collect();
        for id in open {
            if self.dice.one_in(60) && self.orders.request_cancel(id, self.now) {
                self.journal(id);
                self.ask(id, Asked::Cancel);
            }
        }
    }

    fn daemon_asks(&mut self) -> Result<(), TestCaseError> {
        for due in self.orders.due(self.now) {
            match due {
                Due::Changed(row) => self.write(*row),
                Due::Absent(row) => {
                    self.absent += 1;
                    self.write(*row);
                }
                Due::Query { client_id, .. } => self.ask(client_id, Asked::Query),
                Due::RepeatCancel { client_id, .. } => self.ask(client_id, Asked::Cancel),
                Due::FetchFills { since } => {
                    self.ask(self.orders.ids().clone().next(Leg::Flatten), Asked::Fills { since });
                }
            }
        }
        let next = self.orders.next_deadline();
        prop_assert!(next.is_none_or(|next| next > self.now), "nothing is left to be done at once");
        Ok(())
    }

    fn write(&mut self, row: OrderRow) {
        self.ledger.insert(row.intent.request.client_id, row);
    }

    fn journal(&mut self, id: ClientOrderId) {
        let row = self.orders.get(id).expect("in the table").clone();
        self.write(row);
    }

    fn crash(&mut self) {
        self.epoch += 1;
        self.orders = Orders::new(Settings::default(), SCOPE);
        let rows: Vec<OrderRow> = self.ledger.values().cloned().collect();
        let trades: Vec<_> = self.booked.iter().map(|id| (BTC, *id)).collect();
        self.orders.restore(self.epoch, &rows, &trades, self.now);
        self.orders.want_fills(s(0));
        self.to_us.clear();
    }

    fn deliver(&mut self) -> Result<(), TestCaseError> {
        let (due, rest) = std::mem::take(&mut self.to_us).into_iter().partition(|(at, _)| *at <= self.now);
        self.to_us = rest;
        let due: Vec<(Timestamp, Told)> = due;
        for (_, told) in due {
            match told {
                Told::Report(report) => {
                    let applied = self.orders.apply(self.now, &report);
                    self.take_in(applied)?;
                }
                Told::List(list) => {
                    let found = self.orders.reconcile_open_orders(self.now, &list);
                    prop_assert_eq!(found.alarms, vec![]);
                    prop_assert!(found.foreign.is_empty() && found.adopt.is_empty());
                    found.changed.into_iter().for_each(|row| self.write(row));
                }
                Told::Fills(fills) => {
                    for applied in self.orders.reconcile_fills(self.now, &fills) {
                        self.take_in(applied)?;
                    }
                }
                Told::FillsFailed => self.orders.fills_poll_failed(self.now),
            }
        }
        Ok(())
    }

    fn take_in(&mut self, applied: Applied) -> Result<(), TestCaseError> {
        prop_assert_eq!(applied.alarm, None, "I6, I7");
        prop_assert!(!applied.foreign);
        if let Some(fill) = applied.fill {
            prop_assert!(self.booked.insert(fill.trade_id), "I6: booked once");
            self.bought += fill.qty;
        }
        if let Some(row) = applied.row {
            self.write(*row);
        }
        Ok(())
    }

    // The network. A question has its answer, or has failed, within five seconds.

    fn ask(&mut self, id: ClientOrderId, asked: Asked) {
        let lost = self.storm && self.dice.one_in(4);
        let submit = matches!(asked, Asked::Submit { .. });
        let silent = matches!(asked, Asked::List);
        let fills = matches!(asked, Asked::Fills { .. });
        if !lost {
            let slow = if self.storm { 2_200 } else { 200 };
            // A request may sit in the network for longer than anybody waits for its answer.
            let stuck = submit && self.storm && self.dice.one_in(4);
            let arrival = self.now + self.dice.millis(if stuck { 9_000 } else { slow });
            self.to_venue.push((arrival, id, asked));
        } else if fills {
            self.later(4_000, 900, Told::FillsFailed);
        } else if !silent {
            let body = match asked {
                Asked::Cancel => cancel_answered(CancelOutcome::Unanswered),
                Asked::Submit { .. } | Asked::Query | Asked::List | Asked::Fills { .. } => unanswered(),
            };
            self.later(4_000, 900, Told::Report(report(id, self.now, body)));
        }
    }

    fn later(&mut self, least: i64, more: u64, told: Told) {
        let at = self.now + Span::millis(least) + self.dice.millis(more);
        self.to_us.push((at, told));
    }

    /// An answer may be lost; then its question times out, unless it was for the order itself: that is noticed
    /// by its absence.
    fn answer(&mut self, id: ClientOrderId, body: ReportBody) {
        let told = Told::Report(report(id, self.now + self.skew, body));
        if !self.storm {
            self.later(0, 200, told);
        } else if !self.dice.one_in(4) {
            self.later(0, 2_000, told);
        }
    }

    /// An event of the stream may be lost, late, doubled, and overtaken.
    fn stream(&mut self, id: ClientOrderId, body: ReportBody) {
        let told = Told::Report(report(id, self.now + self.skew, body));
        if !self.storm {
            return self.later(0, 200, told);
        }
        while !self.dice.one_in(3) {
            self.later(0, 9_000, told.clone());
        }
    }

    // The venue.

    fn venue_works(&mut self) {
        let (due, rest) = std::mem::take(&mut self.to_venue).into_iter().partition(|(at, ..)| *at <= self.now);
        self.to_venue = rest;
        let due: Vec<(Timestamp, ClientOrderId, Asked)> = due;
        for (_, id, asked) in due {
            match asked {
                Asked::Submit { timestamp } => self.submitted(id, timestamp),
                Asked::Cancel => self.cancelled(id),
                Asked::Query => self.queried(id),
                Asked::List => {
                    let list = self.list();
                    self.later(0, 2_000, Told::List(list));
                }
                Asked::Fills { since } => {
                    let seen = self.seen_until();
                    let fills = self.venue.values().flat_map(|held| &held.fills);
                    let fills = fills.filter(|(at, _)| *at <= seen && *at >= since).map(|(_, fill)| *fill).collect();
                    self.later(0, 2_000, Told::Fills(fills));
                }
            }
        }
    }

    fn submitted(&mut self, id: ClientOrderId, timestamp: Timestamp) {
        if self.now + self.skew > timestamp + Settings::default().recv_window {
            return self.answer(id, rejected());
        }
        *self.accepted.entry(id).or_default() += 1;
        self.venue.insert(id, Held { accepted_at: self.now, ended: None, fills: Vec::new() });
        self.answer(id, ReportBody::Accepted);
        self.stream(id, ReportBody::Accepted);
    }

    fn cancelled(&mut self, id: ClientOrderId) {
        let now = self.now;
        match self.venue.get_mut(&id).filter(|held| held.ended.is_none()) {
            Some(held) => {
                held.ended = Some((now, DoneReason::Canceled));
                let filled = held.filled(now);
                self.answer(id, cancel_answered(CancelOutcome::Accepted));
                self.stream(id, ReportBody::Ended { reason: DoneReason::Canceled, filled });
            }
            None => self.answer(id, cancel_answered(CancelOutcome::NoSuchOrder)),
        }
    }

    /// Lookups show the venue as it was up to ten seconds ago.
    fn seen_until(&mut self) -> Timestamp {
        let lag = if self.storm { 10_000 } else { 0 };
        self.now - self.dice.millis(lag)
    }

    fn queried(&mut self, id: ClientOrderId) {
        let seen = self.seen_until();
        match self.venue.get(&id).filter(|held| held.accepted_at <= seen) {
            Some(held) => {
                let stage =
                    held.ended.filter(|(at, _)| *at <= seen).map_or(Stage::Working, |(_, why)| Stage::Done(why));
                let filled = held.filled(seen);
                self.answer(id, ReportBody::Status { stage, filled });
            }
            None => {
                self.answer(id, ReportBody::NotFound { endpoint: Lookup::Regular });
                self.answer(id, ReportBody::NotFound { endpoint: Lookup::Conditional });
            }
        }
    }

    fn list(&mut self) -> Vec<OrderSnapshot> {
        let seen = self.seen_until();
        let open = |held: &Held| held.accepted_at <= seen && held.ended.is_none_or(|(at, _)| at > seen);
        let open = self.venue.iter().filter(|(_, held)| open(held));
        open.map(|(id, held)| OrderSnapshot { filled: held.filled(seen), ..listed(*id, 0) }).collect()
    }

    fn trade_some(&mut self) {
        let open: Vec<ClientOrderId> =
            self.venue.iter().filter(|(_, held)| held.ended.is_none()).map(|(id, _)| *id).collect();
        for id in open {
            if self.dice.one_in(if self.storm { 40 } else { 100 }) {
                let left = qty(10) - self.venue[&id].filled(self.now);
                let part = qty(1 + self.dice.below(10) as i64).min(left);
                let fill = Fill { qty: part, at: self.now, ..trade(id, self.next_trade, 1) };
                self.next_trade += 1;
                let now = self.now;
                let held = self.venue.get_mut(&id).expect("it is open");
                held.fills.push((now, fill));
                if held.filled(now) == qty(10) {
                    held.ended = Some((now, DoneReason::Filled));
                }
                self.stream(id, ReportBody::Filled(fill));
            }
        }
    }

    // What must hold.

    /// I8: what the venue has traded is never more than what we have booked and still reckon with.
    fn check_worst_case(&self) -> Result<(), TestCaseError> {
        let traded: Qty = self.venue.values().map(|held| held.filled(self.now)).sum();
        prop_assert!(traded <= self.bought + self.orders.exposure(BTC).buy, "I8 at {}", self.now);
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), TestCaseError> {
        prop_assert!(self.accepted.values().all(|times| *times == 1), "I3");
        for row in self.ledger.values() {
            let id = row.intent.request.client_id;
            let held = self.venue.get(&id);
            let traded = held.map_or(Qty::ZERO, |held| held.filled(self.now));
            prop_assert_eq!(row.filled, traded, "I5: {}", id);
            prop_assert_eq!(Some(row), self.orders.get(id), "the ledger has what the table has");
            let at_venue = held.map(|held| held.ended.is_some());
            let over = matches!(row.stage, Stage::Done(_));
            prop_assert_eq!(over, at_venue.unwrap_or(true), "I2: {:?}", row);
        }
        let traded: Qty = self.venue.values().map(|held| held.filled(self.now)).sum();
        prop_assert_eq!(self.bought, traded, "I5");
        prop_assert!(self.venue.keys().all(|id| self.ledger.contains_key(id)), "I1");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn i2_i3_i5_i6_i7_i8_hold_on_the_worst_venue(seed in any::<u64>()) {
        World::new(seed).run()?;
    }
}

#[test]
fn the_model_reaches_what_it_is_about() {
    let (mut accepted, mut absent, mut fills) = (0, 0, 0);
    for seed in 0..40 {
        let mut world = World::new(seed);
        world.run().expect("it holds");
        (accepted, absent, fills) =
            (accepted + world.accepted.len(), absent + world.absent, fills + world.booked.len());
    }
    assert!(accepted > 100 && absent > 20 && fills > 100, "{accepted} accepted, {absent} absent, {fills} fills");
}
