//! Every limit by hand, and properties over whatever sequence comes.

use super::*;
use crate::protocol::{Amount, ExitReason, OrderKind, OrderRequest, StateRow, TimeInForce, TradeRow, TriggerBy};
use crate::types::{Instrument, InstrumentId, Leg, MarginTier, PositionSide, Price, Qty, Rounding, Side, Symbol};

const BTC: InstrumentId = InstrumentId(0);
const NOON: Timestamp = Timestamp::from_secs(20_000 * 86_400 + 43_200);

fn instrument(symbol: &str) -> Instrument {
    Instrument {
        symbol: symbol.parse().unwrap(),
        venue_symbol: symbol.replace('/', ""),
        tick: Price::new(1, 1),
        step: Qty::new(1, 3),
        min_qty: Qty::new(1, 3),
        max_qty: Qty::whole(1_000),
        market_max_qty: Qty::whole(120),
        min_notional: Usdt::whole(5),
        percent_price: Rate::percent(5),
        maker_fee: Rate::bps(2),
        taker_fee: Rate::bps(5),
        liquidation_fee: Rate::bps(100),
        funding_interval: Span::HOUR * 8,
        tiers: vec![MarginTier {
            notional_floor: Usdt::ZERO,
            notional_cap: Usdt::whole(50_000),
            max_leverage: 20,
            maintenance_rate: Rate::bps(40),
            maintenance_amount: Usdt::ZERO,
        }],
    }
}

fn table() -> Instruments {
    Instruments::new(vec![instrument("BTC/USDT"), instrument("ETH/USDT")]).unwrap()
}

fn btc() -> Symbol {
    "BTC/USDT".parse().unwrap()
}

fn risk_with(change: impl FnOnce(&mut Settings)) -> Risk {
    let mut settings = Settings::default();
    change(&mut settings);
    let mut risk = Risk::new(settings, &table());
    risk.begin(NOON, Usdt::whole(10_000));
    assert!(risk.evaluate(NOON, Usdt::whole(10_000)).is_empty());
    risk
}

fn risk() -> Risk {
    risk_with(|_| {})
}

fn entry(side: Side, qty: Qty) -> OrderRequest {
    OrderRequest {
        client_id: "entry-1".parse().unwrap(),
        instrument: BTC,
        side,
        position_side: PositionSide::Both,
        kind: OrderKind::Market,
        amount: Amount::Qty(qty),
        reduce_only: false,
    }
}

fn facts(leg: Leg) -> Facts {
    Facts {
        at: NOON,
        leg,
        position: Qty::ZERO,
        reducing: Qty::ZERO,
        mark: Some(Price::whole(100)),
        equity: Usdt::whole(10_000),
        symbol_notional: Usdt::ZERO,
        gross_notional: Usdt::ZERO,
        open_positions: 0,
        block: None,
    }
}

fn input<'a>(rules: &'a Instrument, side: Side, entry: i64, stop: i64) -> SizeInput<'a> {
    SizeInput {
        instrument: BTC,
        rules,
        side,
        entry: Price::whole(entry),
        stop: Price::whole(stop),
        volatility_factor: Rate::ONE,
        equity: Usdt::whole(10_000),
        symbol_notional: Usdt::ZERO,
        gross_notional: Usdt::ZERO,
    }
}

fn states(changes: &[StateRow]) -> Vec<TradingState> {
    changes.iter().map(|row| row.state).collect()
}

fn after(span: Span) -> Timestamp {
    NOON + span
}

/// The reason for which a request is refused; none if it is approved.
fn refusal(risk: &mut Risk, request: OrderRequest, facts: &Facts) -> Option<&'static str> {
    risk.screen(request, facts).err().map(|rejection| rejection.reason)
}

mod model;

mod limits {
    use super::*;

    #[test]
    fn the_defaults_hold_together() {
        assert_eq!(Settings::default().check(), Ok(()));
        assert_eq!(Settings::default().check_with(&table()), Ok(()));
    }

    #[test]
    fn no_limit_can_be_left_out_or_limit_nothing() {
        type Change = fn(&mut Settings);
        let rows: [(&str, Change); 22] = [
            ("risk.capital_usdt", |s| s.capital_usdt = Usdt::ZERO),
            ("risk.risk_per_trade", |s| s.risk_per_trade = Rate::ZERO),
            ("risk.risk_per_trade", |s| s.risk_per_trade = Rate::percent(101)),
            ("risk.position_notional", |s| s.position_notional = Rate::ZERO),
            ("risk.position_notional", |s| s.position_notional = Rate::percent(101)),
            ("risk.position_usdt", |s| s.position_usdt = Some(Usdt::ZERO)),
            ("risk.gross_notional", |s| s.gross_notional = Rate::ZERO),
            ("risk.gross_notional", |s| s.gross_notional = Rate::percent(301)),
            ("risk.open_positions", |s| s.open_positions = 0),
            ("risk.leverage", |s| s.leverage = 0),
            ("risk.daily_loss", |s| s.daily_loss = Rate::ZERO),
            ("risk.drawdown", |s| s.drawdown = -Rate::ONE),
            ("risk.stop_outs", |s| s.stop_outs = 0),
            ("risk.stop_out_pause", |s| s.stop_out_pause = Span::DAY * 31),
            ("risk.cooldown_move", |s| s.cooldown_move = Rate::ZERO),
            ("risk.orders_per_minute", |s| s.orders_per_minute = 0),
            ("risk.orders_per_day", |s| s.orders_per_day = u32::MAX),
            ("risk.price_distance", |s| s.price_distance = Rate::ZERO),
            ("risk.clock_uncertainty", |s| s.clock_uncertainty = Span::ZERO),
            ("risk.clock_warning", |s| s.clock_warning = Span::secs(2)),
            ("risk.equity_unknown", |s| s.equity_unknown = Span::DAY),
            ("risk.slippage", |s| s.slippage = -Rate::EPSILON),
        ];
        for (name, change) in rows {
            let mut settings = Settings::default();
            change(&mut settings);
            let error = settings.check().expect_err(name);
            assert!(error.starts_with(&format!("`{name}` is ")) && error.contains("set it"), "{error}");
        }
        let much = Settings { leverage: 21, ..Settings::default() };
        let error = much.check_with(&table()).expect_err("the venue allows 20");
        assert_eq!(error, "`risk.leverage` is 21; BTC/USDT:USDT allows 20 at most");
    }

    #[test]
    fn ratios_and_spans_are_written_with_their_units() {
        let read = |text: &str| serde_json::from_str::<Settings>(text);
        let given = read(r#"{"risk_per_trade": "50bps", "stop_out_pause": "90m", "capital_usdt": 500}"#).unwrap();
        assert_eq!(given.risk_per_trade, Rate::bps(50));
        assert_eq!((given.stop_out_pause, given.capital_usdt), (Span::mins(90), Usdt::whole(500)));
        assert!(read(r#"{"risk_per_trade": 0.01}"#).is_err(), "a bare number is refused");
        assert!(read(r#"{"risk_per_trad": "1%"}"#).is_err());
    }

    #[test]
    fn the_banner_says_what_is_held() {
        let banner = risk_with(|s| s.daily_loss = Rate::bps(250)).limits_banner();
        assert!(banner.contains(&("daily loss", "2.5%, then reduce only until the next UTC day".to_owned())));
        let words: String = banner.into_iter().map(|(_, value)| value + "\n").collect();
        for value in ["10000 USDT", "25%", "100%", "10%, then halted", "3, then 4h", "30 a minute, 500 a day", "250ms"]
        {
            assert!(words.contains(value), "{value}");
        }
        assert_eq!(
            Risk::new(Settings::default(), &table()).capped_to_capital().limits_banner()[0].1,
            "at most 10000 USDT"
        );
    }
}

mod sizes {
    use super::*;

    #[test]
    fn by_hand() {
        let rules = instrument("BTC/USDT");
        // Risk 100 ÷ (10 + (100 + 90) × 10 bps = 10.19) = 9.8135…; room 2 500 ÷ 100.05 = 24.98….
        assert_eq!(risk().size(&input(&rules, Side::Buy, 100, 90)), Ok(Qty::new(9_813, 3)));
        // 10 + (100 + 110) × 10 bps = 10.21.
        assert_eq!(risk().size(&input(&rules, Side::Sell, 100, 110)), Ok(Qty::new(9_794, 3)));
        // A stop at 1 %: 100 ÷ 1.199 = 83.4 is cut to the room of one position, 2 500 ÷ 100.05.
        assert_eq!(risk().size(&input(&rules, Side::Buy, 100, 99)), Ok(Qty::new(24_987, 3)));
        let half = SizeInput { volatility_factor: Rate::percent(50), ..input(&rules, Side::Buy, 100, 90) };
        assert_eq!(risk().size(&half), Ok(Qty::new(4_906, 3)));
        let more = SizeInput { volatility_factor: Rate::percent(150), ..input(&rules, Side::Buy, 100, 90) };
        assert_eq!(risk().size(&more), Ok(Qty::new(9_813, 3)), "never scaled up");
        let used = SizeInput { gross_notional: Usdt::whole(9_500), ..input(&rules, Side::Buy, 100, 90) };
        assert_eq!(risk().size(&used), Ok(Qty::new(4_997, 3)), "500 are left of the gross notional");
        let small = Instrument { market_max_qty: Qty::whole(2), ..rules.clone() };
        assert_eq!(risk().size(&input(&small, Side::Buy, 100, 90)), Ok(Qty::whole(2)));
    }

    #[test]
    fn what_does_not_fit_is_skipped_with_its_reason() {
        let rules = instrument("BTC/USDT");
        let coarse = Instrument { step: Qty::whole(10), ..rules.clone() };
        let rich = Instrument { min_notional: Usdt::whole(2_000), ..rules.clone() };
        let plain = || input(&rules, Side::Buy, 100, 90);
        let rows = [
            ("bad_stop", input(&rules, Side::Buy, 100, 100)),
            ("bad_stop", input(&rules, Side::Sell, 100, 90)),
            ("bad_stop", input(&rules, Side::Buy, 100, 0)),
            ("below_minimum", input(&coarse, Side::Buy, 100, 90)),
            ("below_minimum", input(&rich, Side::Buy, 100, 90)),
            ("below_minimum", SizeInput { volatility_factor: -Rate::ONE, ..plain() }),
            ("no_equity", SizeInput { equity: Usdt::ZERO, ..plain() }),
            ("position_notional", SizeInput { symbol_notional: Usdt::whole(2_500), ..plain() }),
            ("gross_notional", SizeInput { gross_notional: Usdt::whole(10_000), ..plain() }),
        ];
        for (reason, input) in rows {
            assert_eq!(risk().size(&input).map_err(|skip| skip.reason), Err(reason), "{input:?}");
        }
    }

    #[test]
    fn a_stake_caps_a_position_and_never_raises_it() {
        let rules = instrument("BTC/USDT");
        let with = |stake| {
            let settings = Settings { position_usdt: Some(stake), slippage: Rate::ZERO, ..Settings::default() };
            Risk::new(settings, &table())
        };
        let calm = input(&rules, Side::Buy, 100, 99);
        assert_eq!(with(Usdt::whole(1_000)).size(&calm), Ok(Qty::whole(10)));
        assert_eq!(with(Usdt::whole(1_000_000)).size(&calm), Ok(Qty::whole(25)), "25% of equity");
        let used = SizeInput { symbol_notional: Usdt::whole(1_000), ..calm };
        let skipped = with(Usdt::whole(1_000)).size(&used).map_err(|skip| skip.reason);
        assert_eq!(skipped, Err("position_notional"), "nothing is left of it");
    }

    #[test]
    fn the_capital_caps_real_money_only() {
        let rules = instrument("BTC/USDT");
        let input = SizeInput { equity: Usdt::whole(20_000), ..input(&rules, Side::Buy, 100, 90) };
        assert_eq!(risk().size(&input), Ok(Qty::new(19_627, 3)));
        assert_eq!(risk().capped_to_capital().size(&input), Ok(Qty::new(9_813, 3)));
    }
}

mod screening {
    use super::*;

    #[test]
    fn an_entry_passes_every_gate_or_is_told_which_one_it_failed() {
        type Change = fn(&mut Risk, &mut Facts, &mut OrderRequest);
        let rows: [(&str, Change); 19] = [
            ("paused", |risk, _, _| drop(risk.raise(NOON, TradingState::Paused, "p"))),
            ("reduce_only", |risk, _, _| drop(risk.raise(NOON, TradingState::ReduceOnly, "r"))),
            ("halted", |risk, _, _| drop(risk.raise(NOON, TradingState::Halted, "h"))),
            ("reconciliation_pending", |risk, _, _| *risk = Risk::new(Settings::default(), &table())),
            ("stale_data", |_, facts, _| facts.block = Some("stale_data")),
            ("equity_unknown", |risk, _, _| risk.set_equity_known(NOON, false)),
            ("health_critical", |risk, _, _| risk.set_health(HealthStatus::Critical, &["disk".to_owned()])),
            ("clock", |risk, _, _| risk.set_clock(Span::SECOND)),
            ("opposite_position", |_, facts, _| facts.position = -Qty::ONE),
            ("open_positions", |_, facts, _| facts.open_positions = 5),
            ("no_mark", |_, facts, _| facts.mark = None),
            ("position_notional", |_, facts, _| facts.symbol_notional = Usdt::whole(2_500)),
            ("gross_notional", |_, facts, _| facts.gross_notional = Usdt::whole(10_000)),
            ("below_minimum", |_, facts, _| facts.symbol_notional = Usdt::new(249_999, 2)),
            ("below_minimum", |_, _, request| request.amount = Amount::Qty(-Qty::ONE)),
            ("malformed", |_, _, request| request.amount = Amount::ClosePosition),
            ("malformed", |_, _, request| request.kind = limit("100.05")),
            ("price_distance", |_, _, request| request.kind = limit("102.1")),
            ("price_distance", |_, _, request| request.kind = limit("97.9")),
        ];
        for (reason, change) in rows {
            let (mut risk, mut facts, mut request) = (risk(), facts(Leg::Entry), entry(Side::Buy, Qty::ONE));
            assert_eq!(refusal(&mut risk, request.clone(), &facts), None);
            change(&mut risk, &mut facts, &mut request);
            assert_eq!(refusal(&mut risk, request, &facts), Some(reason));
            assert!(reason.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        }
        for kind in [limit("102"), limit("98")] {
            assert_eq!(
                refusal(&mut risk(), OrderRequest { kind, ..entry(Side::Buy, Qty::ONE) }, &facts(Leg::Entry)),
                None
            );
        }
    }

    fn limit(price: &str) -> OrderKind {
        OrderKind::Limit { price: price.parse().unwrap(), tif: TimeInForce::Gtc }
    }

    fn stop() -> OrderKind {
        OrderKind::Stop { trigger: Price::whole(90), by: TriggerBy::Mark }
    }

    #[test]
    fn an_entry_is_cut_to_what_the_limits_leave() {
        let mut facts = facts(Leg::Entry);
        facts.symbol_notional = Usdt::whole(2_000);
        let approved = risk().screen(entry(Side::Buy, Qty::whole(9)), &facts).unwrap();
        assert_eq!(approved.amount, Amount::Qty(Qty::whole(5)));
        // A limit above the mark counts at its own price.
        let request = OrderRequest { kind: limit("102"), ..entry(Side::Buy, Qty::whole(9)) };
        let approved = risk().screen(request, &facts).unwrap().into_inner();
        assert_eq!(approved.amount, Amount::Qty(Qty::new(4_901, 3)));
        assert!(!approved.reduce_only);
    }

    #[test]
    fn a_fifth_position_is_the_last_but_one_that_is_open_may_grow() {
        let mut facts = Facts { open_positions: 4, ..facts(Leg::Entry) };
        assert_eq!(refusal(&mut risk(), entry(Side::Buy, Qty::ONE), &facts), None);
        facts.open_positions = 5;
        facts.position = Qty::ONE;
        assert_eq!(refusal(&mut risk(), entry(Side::Buy, Qty::ONE), &facts), None);
    }

    #[test]
    fn what_is_not_an_entry_only_shrinks_the_position() {
        use OrderKind::Market;
        // Position, taken by open exits, side, kind, quantity; then what is approved.
        let rows = [
            (5, 0, Side::Sell, Market, Some(5), Ok(Some(5))),
            (5, 0, Side::Sell, Market, Some(9), Ok(Some(5))),
            (5, 3, Side::Sell, Market, Some(5), Ok(Some(2))),
            (5, 5, Side::Sell, Market, Some(5), Err("already_reducing")),
            (5, 5, Side::Sell, stop(), Some(5), Ok(Some(5))),
            (5, 0, Side::Sell, stop(), None, Ok(None)),
            (5, 0, Side::Sell, Market, None, Err("malformed")),
            (5, 0, Side::Buy, Market, Some(5), Err("nothing_to_reduce")),
            (5, 0, Side::Buy, stop(), None, Err("nothing_to_reduce")),
            (0, 0, Side::Sell, stop(), None, Err("nothing_to_reduce")),
            (-5, 0, Side::Buy, Market, Some(9), Ok(Some(5))),
            (-5, -9, Side::Buy, Market, Some(9), Ok(Some(5))),
            (-5, 0, Side::Sell, Market, Some(1), Err("nothing_to_reduce")),
            (500, 0, Side::Sell, Market, Some(500), Ok(Some(120))),
            (500, 0, Side::Sell, limit("99"), Some(500), Ok(Some(500))),
            (500, 0, Side::Sell, limit("90"), Some(500), Err("price_distance")),
        ];
        for (position, reducing, side, kind, qty, expect) in rows {
            for leg in [Leg::Exit, Leg::Stop, Leg::TakeProfit, Leg::Flatten] {
                let facts = Facts { position: Qty::whole(position), reducing: Qty::whole(reducing), ..facts(leg) };
                let amount = qty.map_or(Amount::ClosePosition, |qty| Amount::Qty(Qty::whole(qty)));
                let request = OrderRequest { kind, amount, ..entry(side, Qty::ONE) };
                let given = risk().screen(request, &facts).map_err(|rejection| rejection.reason);
                assert!(given.as_ref().is_ok_and(|order| order.reduce_only) || given.is_err());
                let expect = expect.map(|qty| qty.map_or(Amount::ClosePosition, |qty| Amount::Qty(Qty::whole(qty))));
                assert_eq!(given.map(|order| order.amount), expect, "{position} {side} {kind:?}");
            }
        }
    }

    #[test]
    fn exits_pass_in_every_state_and_beyond_every_rate() {
        let mut risk = risk_with(|s| s.orders_per_minute = 2);
        drop(risk.raise(NOON, TradingState::Halted, "h"));
        risk.set_health(HealthStatus::Critical, &[]);
        risk.set_clock(Span::MINUTE);
        risk.set_equity_known(NOON, false);
        let facts = Facts { position: Qty::ONE, mark: None, block: Some("stale_data"), ..facts(Leg::Exit) };
        for _ in 0..600 {
            assert_eq!(refusal(&mut risk, entry(Side::Sell, Qty::ONE), &facts), None);
        }
        assert_eq!(risk.minute.len(), 2, "memory is bounded");
    }
}

mod pace {
    use super::*;

    #[test]
    fn orders_by_minute_and_day() {
        let mut risk = risk_with(|s| (s.orders_per_minute, s.orders_per_day) = (2, 3));
        let mut ask = |at, leg| {
            let position = if leg == Leg::Entry { Qty::ZERO } else { -Qty::whole(9) };
            refusal(&mut risk, entry(Side::Buy, Qty::ONE), &Facts { at, position, ..facts(leg) })
        };
        assert_eq!(ask(NOON, Leg::Entry), None);
        assert_eq!(ask(after(Span::secs(1)), Leg::Stop), None);
        assert_eq!(ask(after(Span::secs(59)), Leg::Entry), Some("orders_per_minute"), "a stop counts as well");
        assert_eq!(ask(after(Span::secs(59)), Leg::Exit), None, "and is never held back");
        assert_eq!(ask(after(Span::secs(119)), Leg::Entry), Some("orders_per_day"));
        let tomorrow = after(Span::DAY);
        risk.evaluate(tomorrow, Usdt::whole(10_000));
        assert_eq!(refusal(&mut risk, entry(Side::Buy, Qty::ONE), &Facts { at: tomorrow, ..facts(Leg::Entry) }), None);
    }

    #[test]
    fn a_strategy_cools_down_unless_price_moves() {
        let mut risk = risk();
        risk.entered(NOON, "bounce", BTC, Price::whole(10_000));
        let ask = |seconds, strategy: &str, instrument, price: i64| {
            risk.cooled_down(after(Span::secs(seconds)), strategy, instrument, Price::whole(price)).is_ok()
        };
        assert!(!ask(59, "bounce", BTC, 10_009) && !ask(59, "bounce", BTC, 9_991));
        assert!(ask(59, "bounce", BTC, 10_010) && ask(0, "bounce", BTC, 9_990));
        assert!(ask(60, "bounce", BTC, 10_000));
        assert!(ask(0, "rip", BTC, 10_000) && ask(0, "bounce", InstrumentId(1), 10_000));
        risk.entered(after(Span::MINUTE), "rip", BTC, Price::whole(1));
        assert_eq!(risk.memory.entries.len(), 1, "what has cooled down is forgotten");
    }

    fn closed(exit: ExitReason, realised: i64) -> TradeRow {
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
            realised: Usdt::whole(realised),
            fees: Usdt::ZERO,
            funding: Usdt::ZERO,
            exit,
            path_dependent: false,
        }
    }

    #[test]
    fn stop_outs_in_a_row_pause_a_symbol() {
        use ExitReason::{Liquidation, Manual, Signal, StopLoss, TakeProfit, Time, TrailingStop};
        let stop = (StopLoss, -1);
        let rows = [
            (vec![stop, stop, stop], true),
            (vec![stop, (Liquidation, -1), (TrailingStop, -1)], true),
            (vec![stop, stop], false),
            (vec![stop, stop, (TrailingStop, 1), stop, stop], false),
            (vec![stop, stop, (TakeProfit, 1), stop], false),
            (vec![stop, stop, (Time, -1), stop], false),
            (vec![stop, stop, (Signal, -1), stop, stop], false),
            (vec![stop, stop, (Manual, -1), stop], false),
        ];
        for (exits, pauses) in rows {
            let mut risk = risk();
            for (exit, realised) in &exits {
                risk.trade_closed(NOON, &closed(*exit, *realised));
            }
            assert_eq!(risk.symbol_paused(NOON, &btc()), pauses, "{exits:?}");
            assert!(!risk.symbol_paused(NOON, &"ETH/USDT".parse().unwrap()));
            let blocked = refusal(&mut risk, entry(Side::Buy, Qty::ONE), &facts(Leg::Entry));
            assert_eq!(blocked, pauses.then_some("symbol_paused"));
            assert_eq!(risk.symbol_paused(after(Span::HOUR * 4 - Span::SECOND), &btc()), pauses);
            assert!(!risk.symbol_paused(after(Span::HOUR * 4), &btc()));
        }
    }
}

mod breakers {
    use super::*;

    #[test]
    fn a_days_loss_leaves_reducing_orders_until_the_next_day() {
        let mut risk = risk();
        assert!(risk.evaluate(NOON, Usdt::new(970_001, 2)).is_empty());
        assert_eq!(risk.next_deadline(NOON), None);
        let tripped = risk.evaluate(NOON, Usdt::whole(9_700));
        assert_eq!(states(&tripped), [TradingState::ReduceOnly]);
        assert_eq!(tripped[0].reason, "the day's loss is 3%, and the limit is 3%");
        let midnight = after(Span::HOUR * 12);
        assert_eq!(risk.next_deadline(NOON), Some(midnight));
        assert!(risk.evaluate(NOON, Usdt::whole(9_900)).is_empty(), "a recovery does not lift it");
        assert!(risk.resume(NOON).is_empty());
        assert_eq!(states(&risk.evaluate(midnight, Usdt::whole(9_900))), [TradingState::Active]);
        assert!(risk.evaluate(midnight, Usdt::whole(9_604)).is_empty(), "the day began with 9 900");
        assert_eq!(states(&risk.evaluate(midnight, Usdt::whole(9_603))), [TradingState::ReduceOnly]);
    }

    #[test]
    fn a_day_begins_with_what_the_last_one_ended_with() {
        let mut risk = risk();
        risk.evaluate(NOON, Usdt::whole(10_200));
        let midnight = after(Span::HOUR * 12);
        assert_eq!(states(&risk.evaluate(midnight, Usdt::whole(9_894))), [TradingState::ReduceOnly]);
    }

    #[test]
    fn a_drawdown_halts_until_it_is_re_armed() {
        let mut risk = risk_with(|s| s.daily_loss = Rate::percent(50));
        risk.evaluate(NOON, Usdt::whole(11_000));
        assert!(risk.evaluate(NOON, Usdt::whole(9_901)).is_empty());
        let tripped = risk.evaluate(NOON, Usdt::whole(9_900));
        assert_eq!(states(&tripped), [TradingState::Halted]);
        assert_eq!(tripped[0].reason, "the drawdown is 10%, and the limit is 10%");
        assert_eq!(risk.max_drawdown(), Rate::percent(10));
        assert!(risk.evaluate(after(Span::DAY * 3), Usdt::whole(12_000)).is_empty() && risk.resume(NOON).is_empty());
        assert!(risk.raise(NOON, TradingState::Paused, "p").is_empty(), "a pause below it changes nothing");
        let low = Usdt::whole(9_000);
        let rearmed = risk.rearm(after(Span::DAY * 3), "the feed was wrong", low);
        assert_eq!(states(&rearmed), [TradingState::Active]);
        assert_eq!(rearmed[0].reason, "re-armed: the feed was wrong");
        assert_eq!(risk.peak(), low, "the drawdown counts anew");
        assert!(risk.evaluate(after(Span::DAY * 3), low).is_empty());
        assert_eq!(states(&risk.evaluate(after(Span::DAY * 3), Usdt::whole(8_100))), [TradingState::Halted]);
    }

    #[test]
    fn transfers_are_neither_gains_nor_losses() {
        let mut risk = risk();
        risk.evaluate(NOON, Usdt::whole(9_800));
        risk.transferred(Usdt::whole(-4_900));
        assert!(risk.evaluate(NOON, Usdt::whole(4_900)).is_empty(), "2 % of a day's loss stays 2 %");
        assert_eq!(risk.peak(), Usdt::whole(5_000));
        assert!(risk.evaluate(NOON, Usdt::new(48_501, 1)).is_empty());
        assert_eq!(states(&risk.evaluate(NOON, Usdt::whole(4_850))), [TradingState::ReduceOnly]);
        let mut risk = super::risk();
        risk.transferred(Usdt::whole(10_000));
        assert!(risk.evaluate(NOON, Usdt::whole(20_000)).is_empty());
        assert_eq!(states(&risk.evaluate(NOON, Usdt::whole(19_400))), [TradingState::ReduceOnly]);
    }

    #[test]
    fn equity_that_cannot_be_told_counts_as_tripped() {
        let (mut risk, equity) = (risk(), Usdt::whole(10_000));
        risk.set_equity_known(NOON, false);
        risk.set_equity_known(after(Span::secs(20)), false);
        assert_eq!(risk.next_deadline(NOON), Some(after(Span::secs(30))));
        assert!(risk.evaluate(after(Span::secs(29)), Usdt::whole(20_000)).is_empty());
        assert_eq!(risk.peak(), equity, "a peak that is not known is none");
        assert_eq!(states(&risk.evaluate(after(Span::secs(30)), equity)), [TradingState::ReduceOnly]);
        assert_eq!(risk.next_deadline(NOON), None);
        risk.set_equity_known(after(Span::secs(31)), true);
        assert_eq!(states(&risk.evaluate(after(Span::secs(31)), equity)), [TradingState::Active]);
    }

    #[test]
    fn an_account_without_equity_is_halted() {
        let mut risk = Risk::new(Settings::default(), &table());
        risk.begin(NOON, Usdt::ZERO);
        assert_eq!(states(&risk.evaluate(NOON, Usdt::ZERO)), [TradingState::Halted]);
    }

    #[test]
    fn clocks_are_judged_by_both_limits() {
        let mut risk = risk();
        for (millis, expect) in
            [(0, Clock::Fine), (249, Clock::Fine), (250, Clock::Doubtful), (999, Clock::Doubtful), (1_000, Clock::Off)]
        {
            risk.set_clock(Span::millis(millis));
            assert_eq!(risk.clock(), expect);
        }
    }
}

mod memory {
    use super::*;

    /// A new session that takes over what another left.
    fn restart(risk: &Risk, recorded: Option<&StateRow>) -> (Risk, Vec<StateRow>) {
        let mut next = Risk::new(Settings::default(), &table());
        let changes = next.restore(NOON, Some(&risk.memory()), recorded);
        (next, changes)
    }

    #[test]
    fn each_cause_survives_a_restart_and_is_lifted_by_its_own_means() {
        let mut risk = risk();
        let mut rows = risk.raise(NOON, TradingState::Paused, "lunch");
        rows.extend(risk.evaluate(NOON, Usdt::whole(9_700)));
        assert_eq!(states(&rows), [TradingState::Paused, TradingState::ReduceOnly]);
        let (mut next, changes) = restart(&risk, rows.last());
        assert!(changes.is_empty(), "{changes:?}");
        assert_eq!(next.state(), (TradingState::ReduceOnly, "the day's loss is 3%, and the limit is 3%"));
        assert_eq!(refusal(&mut next, entry(Side::Buy, Qty::ONE), &facts(Leg::Entry)), Some("reduce_only"));
        next.begin(after(Span::DAY), Usdt::whole(9_700));
        let changes = next.evaluate(after(Span::DAY), Usdt::whole(9_700));
        assert_eq!((states(&changes), changes[0].reason.as_str()), (vec![TradingState::Paused], "lunch"));
        assert_eq!(states(&next.resume(after(Span::DAY))), [TradingState::Active]);
        assert!(next.resume(after(Span::DAY)).is_empty());
    }

    #[test]
    fn a_halt_outlives_the_loss_of_either_record() {
        let mut risk = risk();
        let rows = risk.raise(NOON, TradingState::Halted, "h");
        let (next, changes) = restart(&risk, None);
        assert_eq!((next.state(), states(&changes)), ((TradingState::Halted, "h"), vec![TradingState::Halted]));
        let mut next = Risk::new(Settings::default(), &table());
        assert!(next.restore(NOON, None, rows.last()).is_empty());
        assert_eq!(next.state(), (TradingState::Halted, "h"));
        for damaged in ["", "{", "{}", "[]", "null", r#"{"peak": "much"}"#, r#"{"holds": {"moon": 1}}"#] {
            let mut next = Risk::new(Settings::default(), &table());
            let changes = next.restore(NOON, Some(damaged), None);
            assert_eq!(states(&changes), [TradingState::Halted], "{damaged}");
            assert!(changes[0].reason.starts_with("what risk remembered cannot be read"));
        }
    }

    #[test]
    fn what_a_person_re_armed_while_the_daemon_was_stopped_trades_again() {
        let mut risk = risk();
        risk.evaluate(NOON, Usdt::whole(12_000));
        let rows = risk.evaluate(NOON, Usdt::whole(10_800));
        assert_eq!(states(&rows), [TradingState::Halted]);
        let reason = "re-armed: looked at".to_owned();
        let lowered = StateRow { at: NOON, state: TradingState::Active, reason: reason.clone() };
        let (mut next, changes) = restart(&risk, Some(&lowered));
        assert!(changes.is_empty(), "{changes:?}");
        assert_eq!(next.state(), (TradingState::Active, reason.as_str()));
        next.begin(after(Span::HOUR), Usdt::whole(10_800));
        assert!(next.evaluate(after(Span::HOUR), Usdt::whole(10_500)).is_empty(), "losses count anew");
        let changes = next.evaluate(after(Span::HOUR), Usdt::whole(9_720));
        assert_eq!(changes.last().map(|row| row.state), Some(TradingState::Halted));
        // What began to hold trading back after that row is not lifted by it.
        let older = StateRow { at: NOON - Span::SECOND, ..lowered };
        assert_eq!(states(&restart(&risk, Some(&older)).1), [TradingState::Halted]);
    }

    #[test]
    fn a_drawdown_counts_over_a_restart() {
        let mut risk = risk();
        risk.evaluate(NOON, Usdt::whole(12_000));
        let (mut next, _) = restart(&risk, None);
        next.begin(after(Span::DAY), Usdt::whole(10_900));
        assert!(next.evaluate(after(Span::DAY), Usdt::whole(10_900)).is_empty());
        assert_eq!(states(&next.evaluate(after(Span::DAY), Usdt::whole(10_800))), [TradingState::Halted]);
        assert_eq!(next.max_drawdown(), Rate::percent(10));
    }

    #[test]
    fn it_is_written_when_it_has_changed() {
        let mut risk = risk();
        assert!(risk.take_memory_changed());
        risk.evaluate(NOON, Usdt::whole(9_999));
        assert!(!risk.take_memory_changed());
        risk.evaluate(NOON, Usdt::whole(10_001));
        assert!(risk.take_memory_changed() && risk.memory().contains("\"peak\":\"10001\""));
    }
}
