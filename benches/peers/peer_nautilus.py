"""NautilusTrader's BacktestEngine over minute bars, or over the first COUNT trades and best prices:

    peer_nautilus.py bars FILE SYMBOL TICK STEP [TRADES-FILE]
    peer_nautilus.py ticks FILE COUNT

Fills at the close of the bar that was decided on: a bar's close is the market until the next bar. A market order larger than a
quarter of the bar's volume fills the rest a tick further away."""

import json
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import BTC, ETH, SOL, USDT
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler, QuoteTickDataWrangler, TradeTickDataWrangler
from nautilus_trader.trading.strategy import Strategy

from cross import BUY, CAPITAL, FEE, LEVERAGE, SELL, EmaCross, quantity
from generate import DEPTH, FIRST_PRICE, LEVEL_QTY, TICK, TRADE
from generate import SELL as SELL_EVENT
from measure import Stopwatch

VENUE = Venue("BINANCE")
BASES = {"BTC": BTC, "ETH": ETH, "SOL": SOL}


class Cross(Strategy):
    def __init__(self, instrument, bar_type):
        super().__init__()
        self.instrument, self.bar_type = instrument, bar_type
        self.cross, self.events, self.orders, self.fills = EmaCross(), 0, 0, []

    def on_start(self):
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar):
        self.events += 1
        held = self.cache.positions_open(instrument_id=self.instrument.id)
        side = (BUY if held[0].is_long else SELL) if held else None
        idea = self.cross.on_bar(bar.close.as_double(), side)
        if idea is None:
            return
        if idea[0] == "leave":
            self.send(OrderSide.SELL if side == BUY else OrderSide.BUY, held[0].quantity, True)
        else:
            qty = self.instrument.make_qty(quantity(str(bar.close), str(self.instrument.size_increment)))
            self.send(OrderSide.BUY if idea[1] == BUY else OrderSide.SELL, qty, False)

    def send(self, side, qty, reduce_only):
        self.orders += 1
        self.submit_order(self.order_factory.market(self.instrument.id, side, qty, reduce_only=reduce_only))

    def on_order_filled(self, fill):
        side = "buy" if fill.order_side == OrderSide.BUY else "sell"
        row = (fill.ts_event // 1_000_000_000, side, str(fill.last_px), str(fill.last_qty), str(fill.commission.as_decimal()))
        self.fills.append(row)


def instrument(symbol, tick, step):
    return CryptoPerpetual(
        instrument_id=InstrumentId(Symbol(symbol), VENUE),
        raw_symbol=Symbol(symbol),
        base_currency=BASES[symbol[:3]],
        quote_currency=USDT,
        settlement_currency=USDT,
        is_inverse=False,
        price_precision=-Decimal(tick).as_tuple().exponent,
        size_precision=-Decimal(step).as_tuple().exponent,
        price_increment=Price.from_str(tick),
        size_increment=Quantity.from_str(step),
        margin_init=Decimal(0),
        margin_maint=Decimal(0),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal(str(FEE)),
        ts_event=0,
        ts_init=0,
    )


def read_bars(path, bar_type, traded):
    """Named after the close of each bar, as this engine wants it."""
    frame = pd.read_csv(path)
    frame.index = pd.to_datetime(frame.pop(frame.columns[0]), utc=True) + pd.Timedelta(minutes=1)
    return BarDataWrangler(bar_type, traded).process(frame[["open", "high", "low", "close", "volume"]].astype(float))


def read_ticks(path, count, traded):
    """hftbacktest's events, a change of one best price or a trade each, as this engine's quotes and trades."""
    data = np.load(path)["data"][2 * DEPTH :][:count]
    is_trade, is_ask = (data["ev"] & 0xFF) == TRADE, (data["ev"] & SELL_EVENT) != 0
    at = data["exch_ts"]
    price = np.round(data["px"] / TICK).astype(np.int64)
    # A level that goes leaves the next one as the best.
    best = price + np.where(data["qty"] == 0, np.where(is_ask, 1, -1), 0)
    last = lambda mask: np.maximum.accumulate(np.where(mask, np.arange(len(data)), -1))
    first = round(FIRST_PRICE / TICK)
    side = lambda mask, before: np.where(last(mask) < 0, before, best[np.maximum(last(mask), 0)])
    ask, bid = side(~is_trade & is_ask, first + 1), side(~is_trade & ~is_ask, first)
    times = pd.to_datetime(at, utc=True)
    quotes = QuoteTickDataWrangler(traded).process(
        pd.DataFrame({"bid_price": bid[~is_trade] * TICK, "ask_price": ask[~is_trade] * TICK}, index=times[~is_trade]),
        default_volume=LEVEL_QTY,
    )
    trades = TradeTickDataWrangler(traded).process(
        pd.DataFrame(
            {
                "price": price[is_trade] * TICK,
                "quantity": data["qty"][is_trade],
                "side": np.where(is_ask[is_trade], "SELL", "BUY"),
                "trade_id": np.arange(is_trade.sum()).astype(str),
            },
            index=times[is_trade],
        )
    )
    return quotes, trades


def build(traded, bar_type, data):
    engine = BacktestEngine(
        BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=False))
    )
    engine.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=None,
        starting_balances=[Money(CAPITAL, USDT)],
        default_leverage=Decimal(LEVERAGE),
    )
    engine.add_instrument(traded)
    for part in data:
        engine.add_data(part)
    strategy = Cross(traded, bar_type)
    engine.add_strategy(strategy)
    return engine, strategy


def bars(path, symbol, tick, step, told=None):
    watch = Stopwatch()
    traded = instrument(symbol, tick, step)
    bar_type = BarType.from_str(f"{traded.id}-1-MINUTE-LAST-EXTERNAL")
    rows = read_bars(path, bar_type, traded)
    engine, strategy = build(traded, bar_type, [rows])
    watch.first_event()
    engine.run()
    watch.last_event()
    if told:
        position = engine.cache.positions_open(instrument_id=traded.id)
        balance = engine.portfolio.account(VENUE).balance_total(USDT).as_decimal()
        open_pnl = position[0].unrealized_pnl(rows[-1].close).as_decimal() if position else Decimal(0)
        with open(told, "w") as file:
            json.dump({"fills": strategy.fills, "equity": str(balance + open_pnl)}, file)
    watch.tell("NautilusTrader", "nautilus_trader", len(rows), strategy.orders, len(strategy.fills))


def ticks(path, count):
    watch = Stopwatch()
    traded = instrument("BTCUSDT", "0.1", "0.001")
    bar_type = BarType.from_str(f"{traded.id}-1-MINUTE-LAST-INTERNAL")
    quotes, trades = read_ticks(path, int(count), traded)
    engine, strategy = build(traded, bar_type, [quotes, trades])
    watch.first_event()
    engine.run()
    watch.last_event()
    name = f"NautilusTrader, the first {int(count):,}"
    watch.tell(name, "nautilus_trader", len(quotes) + len(trades), strategy.orders, len(strategy.fills))


if __name__ == "__main__":
    {"bars": bars, "ticks": ticks}[sys.argv[1]](*sys.argv[2:])
