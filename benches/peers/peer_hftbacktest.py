"""hftbacktest over trades and the best bid and ask: peer_hftbacktest.py FILE [preloaded]

Its exchange and local processors with constant latencies of 10 ms each way and the taker's fee; the strategy makes minute bars of
the trades. What numba compiles is compiled before, on an empty book."""

import sys

import numpy as np
from hftbacktest import GTC, MARKET, BacktestAsset, ROIVectorMarketDepthBacktest
from numba import njit

from cross import FAST, SLOW, WARM_UP
from generate import DEPTH, FIRST_PRICE, TICK
from measure import Stopwatch

LATENCY_NS = 10_000_000
MINUTE_NS = 60_000_000_000
STEP = 0.001


@njit
def trade(hbt, stake):
    fast = slow = total = 0.0
    seen, leans, crossed, age, orders = 0, 0, 0, 9, 0
    while hbt.elapse(MINUTE_NS) == 0:
        trades = hbt.last_trades(0)
        if len(trades) == 0:
            continue
        close = trades[len(trades) - 1].px
        hbt.clear_last_trades(0)
        hbt.clear_inactive_orders(0)
        seen += 1
        if seen <= SLOW:
            total += close
            slow = total / seen
            if seen <= FAST:
                fast = total / seen
            else:
                fast += (close - fast) * 2.0 / (FAST + 1.0)
            if seen < SLOW:
                continue
        else:
            fast += (close - fast) * 2.0 / (FAST + 1.0)
            slow += (close - slow) * 2.0 / (SLOW + 1.0)
        now = 1 if fast > slow else (-1 if fast < slow else leans)
        if leans != 0 and now != leans:
            crossed, age = now, 0
        else:
            age += 1
        leans = now
        if seen < WARM_UP:
            continue
        position = hbt.position(0)
        if abs(position) > STEP / 2:
            held = 1 if position > 0 else -1
            if leans == -held:
                orders += 1
                if held > 0:
                    hbt.submit_sell_order(0, orders, close, abs(position), GTC, MARKET, False)
                else:
                    hbt.submit_buy_order(0, orders, close, abs(position), GTC, MARKET, False)
        elif crossed != 0 and age <= 1:
            orders += 1
            qty = np.floor(stake / close / STEP) * STEP
            if crossed > 0:
                hbt.submit_buy_order(0, orders, close, qty, GTC, MARKET, False)
            else:
                hbt.submit_sell_order(0, orders, close, qty, GTC, MARKET, False)
            crossed = 0
    return orders


def backtest(data):
    reach = DEPTH * TICK
    asset = (
        BacktestAsset()
        .data(data)
        .linear_asset(1.0)
        .constant_order_latency(LATENCY_NS, LATENCY_NS)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0002, 0.0005)
        .tick_size(TICK)
        .lot_size(STEP)
        .roi_lb(FIRST_PRICE - reach)
        .roi_ub(FIRST_PRICE + reach)
        .last_trades_capacity(100_000)
    )
    return ROIVectorMarketDepthBacktest([asset])


def main():
    path, preloaded = sys.argv[1], sys.argv[2:] == ["preloaded"]
    watch = Stopwatch()
    data = np.load(path)["data"]
    # The engine does not hold on to an array that it is given.
    book = data[: 2 * DEPTH + 100].copy()
    warm = backtest(book)
    trade(warm, 1000.0)
    warm.close()
    count = len(data) - 2 * DEPTH
    if not preloaded:
        del data
    watch.first_event()
    hbt = backtest(data if preloaded else path)
    orders = trade(hbt, 1000.0)
    watch.last_event()
    fills = int(hbt.state_values(0).num_trades)
    name = "hftbacktest, preloaded" if preloaded else "hftbacktest, from file"
    watch.tell(name, "hftbacktest", count, orders, fills)


if __name__ == "__main__":
    main()
