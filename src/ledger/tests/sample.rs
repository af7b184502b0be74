//! Small worlds for the tests of this room.

use std::path::Path;

use crate::ledger::{EpochRule, Identity, Ledger, LedgerError, PAPER, SessionStart};
use crate::protocol::{
    Amount, Course, DoneReason, EquityRow, ExitReason, FeeInKind, Fill, FundingPayment, Journal, Knowledge,
    OrderIntent, OrderKind, OrderRequest, OrderRow, PositionRow, Recovered, ShadowRow, SignalRow, Stage, StateRow,
    TimeInForce, TradeRow, TradingState, Trailing, TriggerBy,
};
use crate::types::{
    ClientOrderId, IdParts, IdScope, Instrument, InstrumentId, Instruments, Leg, MarginTier, PositionSide, Price, Qty,
    Rate, Side, Span, Timestamp, TradeId, Usdt, VenueOrderId,
};

pub(super) const BTC: InstrumentId = InstrumentId(0);
pub(super) const ETH: InstrumentId = InstrumentId(1);

pub(super) fn instruments(symbols: &[&str]) -> Instruments {
    let list = symbols.iter().map(|symbol| Instrument {
        symbol: symbol.parse().unwrap(),
        venue_symbol: symbol.replace("/USDT:", ""),
        tick: Price::new(1, 1),
        step: Qty::new(1, 3),
        min_qty: Qty::new(1, 3),
        max_qty: Qty::whole(1_000),
        market_max_qty: Qty::whole(100),
        min_notional: Usdt::whole(5),
        percent_price: Rate::percent(5),
        maker_fee: Rate::bps(2),
        taker_fee: Rate::bps(5),
        liquidation_fee: Rate::bps(125),
        funding_interval: Span::HOUR * 8,
        tiers: vec![MarginTier {
            notional_floor: Usdt::ZERO,
            notional_cap: Usdt::whole(50_000),
            max_leverage: 125,
            maintenance_rate: Rate::bps(40),
            maintenance_amount: Usdt::ZERO,
        }],
    });
    Instruments::new(list.collect()).unwrap()
}

pub(super) fn both() -> Instruments {
    instruments(&["BTC/USDT:USDT", "ETH/USDT:USDT"])
}

pub(super) fn identity() -> Identity {
    Identity { mode: PAPER.to_owned(), venue: "paper:synthetic".to_owned(), account: "main".to_owned() }
}

pub(super) fn start() -> SessionStart {
    SessionStart {
        wall: at(0),
        version: "0.1.0".to_owned(),
        config_hash: "c0ffee".to_owned(),
        seed: u64::MAX,
        instance: *b"a1",
        epoch: EpochRule::Counted,
    }
}

pub(super) fn open(dir: &Path) -> (Ledger, Recovered) {
    try_open(dir).unwrap()
}

pub(super) fn try_open(dir: &Path) -> Result<(Ledger, Recovered), LedgerError> {
    Ledger::open(dir, &identity(), &both(), &start())
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(1_735_689_600 + second)
}

pub(super) fn id(sequence: u32, leg: Leg) -> ClientOrderId {
    let scope = IdScope { account: *b"papr", instance: *b"a1", epoch: 1 };
    ClientOrderId::compose(&IdParts { scope, sequence, attempt: 0, leg })
}

pub(super) fn intent(sequence: u32, kind: OrderKind, amount: Amount) -> OrderIntent {
    OrderIntent {
        request: OrderRequest {
            client_id: id(sequence, Leg::Entry),
            instrument: BTC,
            side: Side::Buy,
            position_side: PositionSide::Both,
            kind,
            amount,
            reduce_only: false,
        },
        leg: Leg::Entry,
        strategy: "momentum".into(),
        reason: "it's 'quoted'; ünïcode".into(),
        decided_at: at(i64::from(sequence)),
        plan: None,
        reference_price: "61800.2".parse().unwrap(),
    }
}

pub(super) fn market(sequence: u32) -> OrderIntent {
    intent(sequence, OrderKind::Market, Amount::Qty(Qty::new(3, 3)))
}

pub(super) fn fresh(intent: &OrderIntent) -> OrderRow {
    OrderRow {
        intent: intent.clone(),
        venue_order_id: None,
        stage: Stage::Intended,
        knowledge: Knowledge::Known,
        cancel_pending: false,
        filled: Qty::ZERO,
        filled_notional: Usdt::ZERO,
        reject: None,
        updated_at: intent.decided_at,
    }
}

pub(super) fn every_kind() -> [OrderKind; 6] {
    let price = Price::whole(60_000);
    [
        OrderKind::Market,
        OrderKind::Limit { price, tif: TimeInForce::PostOnly },
        OrderKind::Limit { price, tif: TimeInForce::Fok },
        OrderKind::Stop { trigger: price, by: TriggerBy::Mark },
        OrderKind::TakeProfit { trigger: price, by: TriggerBy::Last },
        OrderKind::Limit { price, tif: TimeInForce::Gtc },
    ]
}

pub(super) fn working(intent: &OrderIntent) -> OrderRow {
    OrderRow {
        venue_order_id: Some(VenueOrderId(u64::MAX)),
        stage: Stage::Working,
        knowledge: Knowledge::Unknown { since: at(5) },
        cancel_pending: true,
        filled: Qty::new(1, 3),
        filled_notional: "61.8".parse().unwrap(),
        reject: Some((-2_019, "margin is insufficient".to_owned())),
        updated_at: at(6),
        ..fresh(intent)
    }
}

pub(super) fn fill(trade: u64, side: Side, qty: &str, realised: &str, fee: &str) -> Journal {
    let fill = Fill {
        trade_id: TradeId(trade),
        client_id: id(1, Leg::Entry),
        instrument: BTC,
        position_side: PositionSide::Both,
        side,
        price: "61800.2".parse().unwrap(),
        qty: qty.parse().unwrap(),
        fee: fee.parse().unwrap(),
        maker: false,
        at: at(7),
        path_dependent: false,
    };
    Journal::Fill { fill, realised: realised.parse().unwrap(), position: qty.parse().unwrap() }
}

/// Tells the opening balance; was it the first time?
pub(super) fn open_cash(ledger: &mut Ledger, balance: Usdt) -> bool {
    let before = ledger.cash();
    ledger.commit(0, Timestamp::EPOCH, Timestamp::EPOCH, &[Journal::OpeningCash(balance)]).unwrap();
    ledger.cash() != before
}

pub(super) fn position(instrument: InstrumentId, qty: &str, trailing: bool) -> PositionRow {
    let trailing = trailing.then_some(Trailing {
        activation: Price::whole(62_000),
        distance: Price::whole(300),
        min_move: Price::new(1, 1),
    });
    PositionRow {
        instrument,
        qty: qty.parse().unwrap(),
        cost: "185.4006".parse().unwrap(),
        entry_price: "61800.2".parse().unwrap(),
        opened_at: at(7),
        strategy: "momentum".into(),
        entry_id: id(1, Leg::Entry),
        stop: Some(Price::whole(61_000)),
        take_profit: None,
        trailing,
        best_price: Price::whole(61_900),
        max_qty: Qty::new(3, 3),
        realised: "0.000000000001".parse().unwrap(),
        fees: "0.0927003".parse().unwrap(),
        funding: "-0.01".parse().unwrap(),
    }
}

pub(super) fn trade(closed: i64, instrument: InstrumentId) -> TradeRow {
    TradeRow {
        instrument,
        side: Side::Sell,
        strategy: "momentum".into(),
        entry_id: id(1, Leg::Entry),
        qty: Qty::new(3, 3),
        entry_price: "61800.2".parse().unwrap(),
        exit_price: "61000.1".parse().unwrap(),
        opened_at: at(7),
        closed_at: at(closed),
        realised: "2.4003".parse().unwrap(),
        fees: "0.1842".parse().unwrap(),
        funding: "-0.01".parse().unwrap(),
        exit: ExitReason::TakeProfit,
        path_dependent: true,
    }
}

pub(super) fn funding(number: u64, amount: &str) -> Journal {
    let (amount, rate) = (amount.parse().unwrap(), Rate::bps(1));
    Journal::Funding(FundingPayment { id: number, instrument: ETH, rate, amount, at: at(8) })
}

pub(super) fn adjustment(name: &str, qty: &str, cash: &str) -> Journal {
    Journal::Adjustment {
        id: name.to_owned(),
        instrument: Some(ETH),
        qty: qty.parse().unwrap(),
        cash: cash.parse().unwrap(),
        reason: "the venue says so".to_owned(),
    }
}

pub(super) fn state(state: TradingState) -> Journal {
    Journal::State(StateRow { at: at(9), state, reason: "drawdown".to_owned() })
}

pub(super) fn equity(second: i64) -> Journal {
    Journal::Equity(EquityRow {
        at: at(second),
        cash: Usdt::whole(1_000),
        unrealised: "-1.5".parse().unwrap(),
        peak: Usdt::whole(1_000),
    })
}

pub(super) fn signal() -> Journal {
    Journal::Signal(SignalRow {
        at: at(3),
        instrument: ETH,
        strategy: "momentum".into(),
        side: Side::Sell,
        entry: Price::whole(2_500),
        stop: Price::whole(2_550),
        take_profit: Some(Price::whole(2_400)),
        reason: "rsi".into(),
        rejected: Some("cooldown".into()),
    })
}

pub(super) fn fee_in_kind(trade: u64, amount: &str) -> Journal {
    Journal::FeeInKind(Box::new(FeeInKind {
        trade_id: TradeId(trade),
        client_id: id(1, Leg::Entry),
        instrument: BTC,
        asset: "BNB".to_owned(),
        amount: amount.parse().unwrap(),
        at: at(1),
    }))
}

/// An entry that cost half a dollar and a fee of two cents more than on paper, a fifth of a second later.
pub(super) fn shadow(sequence: u32) -> ShadowRow {
    let course = |notional: &str, fee: &str, millis| Course {
        end: Some(DoneReason::Filled),
        filled: "0.5".parse().unwrap(),
        notional: notional.parse().unwrap(),
        fee: fee.parse().unwrap(),
        fee_in_kind: false,
        at: Some(at(1) + Span::millis(millis)),
    };
    ShadowRow {
        client_id: id(sequence, Leg::Entry),
        side: Side::Buy,
        sent_at: at(1),
        live: course("500.5", "0.27", 250),
        paper: course("500", "0.25", 50),
    }
}

/// One row of each kind.
pub(super) fn one_of_each() -> Vec<Journal> {
    let intent = market(1);
    vec![
        Journal::Intent(Box::new(intent.clone())),
        Journal::Order(Box::new(working(&intent))),
        fill(1, Side::Buy, "0.003", "0", "0.0927003"),
        Journal::Position(Box::new(position(BTC, "0.003", true))),
        Journal::Trade(Box::new(trade(20, BTC))),
        funding(7, "-0.01"),
        Journal::Transfer { id: 9, amount: Usdt::whole(50) },
        adjustment("adj-1", "-2", "-0.5"),
        Journal::Position(Box::new(position(ETH, "-2", false))),
        equity(60),
        signal(),
        state(TradingState::ReduceOnly),
        Journal::Halt { instrument: ETH, reason: Some("a fill too many".to_owned()) },
        Journal::RiskMemory("{\"losses\":3}".to_owned()),
        Journal::Shadow(Box::new(shadow(1))),
        fee_in_kind(1, "0.0012"),
    ]
}
