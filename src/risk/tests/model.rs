//! Random sessions against a model of what the venue and the engine would know.

use proptest::prelude::*;

use super::*;

/// A step of a random session.
#[derive(Debug, Clone)]
enum Step {
    Enter { buys: bool, qty: i64, limit: Option<i64> },
    Reduce { buys: bool, qty: i64, stop: bool },
    Fill { part: i64 },
    Cancel,
    Equity(i64),
    Raise(TradingState),
    Resume,
    Rearm,
    Wait(i64),
    Close { stopped: bool },
    Restart,
}

fn any_step() -> impl Strategy<Value = Step> {
    let state = prop::sample::select(vec![TradingState::Paused, TradingState::ReduceOnly, TradingState::Halted]);
    prop_oneof![
        8 => (any::<bool>(), -5_i64..40_000, prop::option::of(9_700_i64..10_300))
            .prop_map(|(buys, qty, limit)| Step::Enter { buys, qty, limit }),
        4 => (any::<bool>(), -5_i64..40_000, any::<bool>())
            .prop_map(|(buys, qty, stop)| Step::Reduce { buys, qty, stop }),
        4 => (1_i64..100).prop_map(|part| Step::Fill { part }),
        1 => Just(Step::Cancel),
        2 => (8_500_i64..12_000).prop_map(Step::Equity),
        1 => state.prop_map(Step::Raise),
        1 => Just(Step::Resume),
        2 => Just(Step::Rearm),
        2 => (0_i64..90_000).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(|stopped| Step::Close { stopped }),
        1 => Just(Step::Restart),
    ]
}

/// What the venue and the engine would know, kept apart from risk.
struct Model {
    risk: Risk,
    at: Timestamp,
    equity: Usdt,
    position: Qty,
    /// Open entries: side, remaining quantity, the price that they count at.
    open: Vec<(Side, Qty, Price)>,
}

const MARK: Price = Price::whole(100);

impl Model {
    fn notional(&self) -> Usdt {
        let open = |side| -> Usdt {
            self.open.iter().filter(|order| order.0 == side).map(|(_, qty, price)| price.notional(*qty)).sum()
        };
        MARK.notional(self.position.abs()) + open(Side::Buy).max(open(Side::Sell))
    }

    fn facts(&self, leg: Leg) -> Facts {
        Facts {
            at: self.at,
            leg,
            position: self.position,
            equity: self.equity,
            symbol_notional: self.notional(),
            gross_notional: self.notional(),
            open_positions: usize::from(!self.position.is_zero()) + self.open.len(),
            ..facts(leg)
        }
    }

    fn enter(&mut self, side: Side, qty: Qty, limit: Option<Price>) -> Result<(), TestCaseError> {
        let kind = limit.map_or(OrderKind::Market, |price| OrderKind::Limit { price, tif: TimeInForce::Gtc });
        let state = self.risk.state().0;
        let facts = self.facts(Leg::Entry);
        let Ok(order) = self.risk.screen(OrderRequest { kind, ..entry(side, qty) }, &facts) else { return Ok(()) };
        prop_assert_eq!(state, TradingState::Active, "I9: only an active state enters");
        let Amount::Qty(approved) = order.amount else { return Err(TestCaseError::fail("no quantity")) };
        prop_assert!(approved <= qty && approved.is_multiple_of(Qty::new(1, 3)));
        let price = limit.map_or(MARK, |price| price.max(MARK));
        self.open.push((side, approved, price));
        let most = self.equity.times(Rate::percent(25), Rounding::Down);
        prop_assert!(self.notional() <= most, "I8: {} of {most}", self.notional());
        Ok(())
    }

    fn reduce(&mut self, side: Side, qty: Qty, stop: bool) -> Result<(), TestCaseError> {
        let kind = if stop { OrderKind::Stop { trigger: MARK, by: TriggerBy::Mark } } else { OrderKind::Market };
        let facts = self.facts(if stop { Leg::Stop } else { Leg::Exit });
        let Ok(order) = self.risk.screen(OrderRequest { kind, ..entry(side, qty) }, &facts) else { return Ok(()) };
        let Amount::Qty(approved) = order.amount else { return Err(TestCaseError::fail("no quantity")) };
        let after = self.position + approved * side.sign();
        prop_assert!(order.reduce_only && approved.is_positive() && after.abs() < self.position.abs());
        prop_assert!(after.is_zero() || after.is_negative() == self.position.is_negative(), "I9: it never turns");
        if !stop {
            self.position = after;
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let side = |buys: bool| if buys { Side::Buy } else { Side::Sell };
        match step {
            Step::Enter { buys, qty, limit } => {
                self.enter(side(*buys), Qty::new(*qty, 3), limit.map(|price| Price::new(price, 2)))?;
            }
            Step::Reduce { buys, qty, stop } => self.reduce(side(*buys), Qty::new(*qty, 3), *stop)?,
            Step::Fill { part } => {
                if let Some((side, qty, price)) = self.open.pop() {
                    let filled = qty.times(Rate::percent(*part), Rounding::Up).round_to(Qty::new(1, 3), Rounding::Up);
                    self.position += filled * side.sign();
                    if qty > filled {
                        self.open.push((side, qty - filled, price));
                    }
                }
            }
            Step::Cancel => drop(self.open.pop()),
            Step::Equity(equity) => {
                self.equity = Usdt::whole(*equity);
                self.risk.evaluate(self.at, self.equity);
            }
            Step::Raise(state) => {
                self.risk.raise(self.at, *state, "raised");
                prop_assert!(self.risk.state().0 >= *state);
            }
            Step::Resume => {
                let before = self.risk.state().0;
                self.risk.resume(self.at);
                prop_assert!(before <= TradingState::Paused || self.risk.state().0 == before);
            }
            Step::Rearm => {
                self.risk.rearm(self.at, "fine", self.equity);
                prop_assert_eq!(self.risk.state().0, TradingState::Active);
            }
            Step::Wait(seconds) => {
                self.at += Span::secs(*seconds);
                self.risk.evaluate(self.at, self.equity);
            }
            Step::Close { stopped } => {
                let exit = if *stopped { ExitReason::StopLoss } else { ExitReason::TakeProfit };
                self.risk.trade_closed(self.at, &trade_of(exit));
            }
            Step::Restart => self.restart()?,
        }
        Ok(())
    }

    /// Both ways in which state is carried on: a recording's snapshot, and the ledger's memory.
    fn restart(&mut self) -> Result<(), TestCaseError> {
        let bytes = postcard::to_stdvec(&self.risk).unwrap();
        let thawed: Risk = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(postcard::to_stdvec(&thawed).unwrap(), bytes);
        let (state, reason) = self.risk.state();
        let row = StateRow { at: self.at, state, reason: reason.to_owned() };
        let mut next = Risk::new(Settings::default(), &table());
        let changes = next.restore(self.at, Some(&self.risk.memory()), Some(&row));
        prop_assert!(changes.is_empty(), "{changes:?}");
        prop_assert_eq!(next.memory(), self.risk.memory());
        prop_assert_eq!(next.state(), self.risk.state());
        next.begin(self.at, self.equity);
        prop_assert_eq!(next.peak(), self.risk.peak());
        self.risk = next;
        Ok(())
    }
}

fn trade_of(exit: ExitReason) -> TradeRow {
    TradeRow {
        instrument: BTC,
        side: Side::Buy,
        strategy: "s".into(),
        entry_id: "a".parse().unwrap(),
        qty: Qty::ONE,
        entry_price: Price::ONE,
        exit_price: Price::ONE,
        opened_at: NOON,
        closed_at: NOON,
        realised: Usdt::ZERO,
        fees: Usdt::ZERO,
        funding: Usdt::ZERO,
        exit,
        path_dependent: false,
    }
}

proptest! {
    /// I8 and I9 over any sequence: each accepted entry leaves the worst case within the limits, nothing but an entry
    /// in the active state ever grows a position, and no restart changes what is held.
    #[test]
    fn exposure_stays_within_limits(steps in proptest::collection::vec(any_step(), 1..80)) {
        let equity = Usdt::whole(10_000);
        let mut model = Model { risk: risk(), at: NOON, equity, position: Qty::ZERO, open: Vec::new() };
        for step in &steps {
            model.step(step)?;
        }
    }

    /// A size never exceeds a limit, and never loses more at the stop than may be risked.
    #[test]
    fn sizes_stay_within_limits(
        (entry, distance, buys) in (100_i64..10_000_000, 1_i64..99, any::<bool>()),
        (equity, factor) in (1_i64..100_000_000, 0_i64..200),
        (symbol, gross) in (0_i64..30_000_000, 0_i64..110_000_000),
    ) {
        let rules = instrument("BTC/USDT");
        let entry = Price::new(entry, 2);
        let away = entry.times(Rate::percent(distance), Rounding::Up);
        let (side, stop) = if buys { (Side::Buy, entry - away) } else { (Side::Sell, entry + away) };
        let (symbol, gross) = (Usdt::new(symbol, 2), Usdt::new(gross, 2));
        let equity = Usdt::new(equity, 2);
        let input = SizeInput {
            entry, stop, equity, volatility_factor: Rate::percent(factor),
            symbol_notional: symbol, gross_notional: gross.max(symbol), ..input(&rules, side, 1, 1)
        };
        if let Ok(qty) = risk().size(&input) {
            let notional = entry.notional(qty);
            prop_assert!(symbol + notional <= equity.times(Rate::percent(25), Rounding::Down));
            prop_assert!(input.gross_notional + notional <= equity);
            let fees = (entry + stop).notional(qty).times(Rate::bps(5), Rounding::Up);
            prop_assert!(away.notional(qty) + fees <= equity.times(Rate::percent(1), Rounding::Down));
            prop_assert!(qty.is_multiple_of(rules.step) && qty >= rules.min_qty && notional >= rules.min_notional);
            prop_assert!(qty <= rules.market_max_qty);
        }
    }

    /// I17: what the ledger gives back as memory is taken or halts, and is never believed by half.
    #[test]
    fn any_memory_is_taken_or_halts(text in ".{0,80}") {
        let mut risk = Risk::new(Settings::default(), &table());
        let changes = risk.restore(NOON, Some(&text), None);
        prop_assert_eq!(states(&changes), [TradingState::Halted]);
    }
}
