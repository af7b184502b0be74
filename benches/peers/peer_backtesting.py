"""backtesting.py over minute bars: peer_backtesting.py FILE SYMBOL TICK STEP [TRADES-FILE]

Sizes are whole units, so a unit is the instrument's step and prices are those of a step. `trade_on_close`: fills at the close of
the bar that was decided on; an order of the last bar is never carried out."""

import json
import sys
from decimal import Decimal

import pandas as pd
from backtesting import Strategy
from backtesting.lib import FractionalBacktest

from cross import BUY, CAPITAL, FEE, LEVERAGE, SELL, EmaCross, quantity
from measure import Stopwatch


class Cross(Strategy):
    closes, texts, step, sent = None, None, None, 0

    def init(self):
        self.cross, self.seen = EmaCross(), 0

    def next(self):
        # The first call shows two bars.
        while self.seen < len(self.data):
            close, self.seen = self.closes[self.seen], self.seen + 1
            side = (BUY if self.position.is_long else SELL) if self.position else None
            idea = self.cross.on_bar(close, side)
        if idea is None:
            return
        Cross.sent += 1
        if idea[0] == "leave":
            self.position.close()
        else:
            units = int(quantity(self.texts[self.seen - 1], self.step) / Decimal(self.step))
            (self.buy if idea[1] == BUY else self.sell)(size=units)


def main():
    path, _symbol, _tick, step = sys.argv[1:5]
    watch = Stopwatch()
    frame = pd.read_csv(path, dtype={"close": str})
    Cross.texts, Cross.step = frame["close"].tolist(), step
    frame["close"] = frame["close"].astype(float)
    Cross.closes = frame["close"].tolist()
    frame.index = pd.to_datetime(frame.pop(frame.columns[0]))
    frame.columns = [name.capitalize() for name in frame.columns]
    test = FractionalBacktest(
        frame, Cross, fractional_unit=float(step), cash=CAPITAL, commission=FEE, margin=1 / LEVERAGE, trade_on_close=True
    )
    watch.first_event()
    result = test.run()
    watch.last_event()
    trades = result["_trades"]
    held = result["_strategy"].trades
    if len(sys.argv) > 5:
        tell(trades, held, float(step), result["Equity Final [$]"], sys.argv[5])
    watch.tell("backtesting.py", "backtesting", len(frame), Cross.sent, 2 * len(trades) + len(held))


def tell(trades, held, unit, equity, path):
    """A trade is two fills, and its commission is of both; an open one is the first of them."""
    fills = []
    for trade in trades.itertuples():
        size, out = abs(trade.Size), ("sell" if trade.Size > 0 else "buy")
        into = "buy" if trade.Size > 0 else "sell"
        fee = lambda price: size * price * FEE
        fills.append((int(trade.EntryTime.timestamp()), into, trade.EntryPrice, size, fee(trade.EntryPrice)))
        fills.append((int(trade.ExitTime.timestamp()), out, trade.ExitPrice, size, fee(trade.ExitPrice)))
        assert abs(trade.Commission - fills[-1][4] - fills[-2][4]) < 1e-9, "the commission is of both fills"
    for trade in held:
        size, price = abs(trade.size) * unit, trade.entry_price / unit
        side = "buy" if trade.size > 0 else "sell"
        fills.append((int(trade.entry_time.timestamp()), side, price, size, size * price * FEE))
    fills.sort(key=lambda fill: fill[0])
    with open(path, "w") as file:
        rows = [[at, side, *(repr(float(number)) for number in numbers)] for at, side, *numbers in fills]
        json.dump({"fills": rows, "equity": repr(float(equity))}, file)


if __name__ == "__main__":
    main()
