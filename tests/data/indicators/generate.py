#!/usr/bin/env python3
"""Writes the values that `tests/indicators.rs` holds our indicators against, computed by TA-Lib.

    python3 -m venv /tmp/ta && /tmp/ta/bin/pip install TA-Lib==0.8.2 numpy
    /tmp/ta/bin/python generate.py ../../../../shared/data/ohlcv-1m-binance-spot/BTCUSDT_1m_Q4_2024.csv.gz

`walk.csv` has bars of a seeded random walk, each with its values. `recorded.csv` has values alone, for every
hundredth bar of the recorded file given; the bars themselves are not copied. Rolling VWAP and percentile, which
TA-Lib lacks, are computed here from their definitions, the slow way.
"""

import csv
import gzip
import pathlib
import random
import sys

import numpy as np
import talib

HERE = pathlib.Path(__file__).parent
WALK_BARS = 300
EVERY = 100


def walk():
    """Bars like those of a market: trending, ranging, and a stretch without any movement."""
    rng = random.Random(20241001)
    price, rows = 63_000.0, []
    for i in range(WALK_BARS):
        drift, noise = (40.0, 60.0) if i < 90 else (-25.0, 120.0) if i < 200 else (0.0, 15.0)
        still = 150 <= i < 153
        path = [price]
        for _ in range(0 if still else 8):
            path.append(path[-1] + rng.gauss(drift / 8, noise / 2))
        volume = 0.0 if still else round(rng.uniform(1, 90), 5)
        rows.append([round(x, 2) for x in (path[0], max(path), min(path), path[-1])] + [volume])
        price = path[-1]
    return np.array(rows)


def recorded(path):
    with gzip.open(path, "rt") as file:
        names = ("open", "high", "low", "close", "volume")
        return np.array([[float(row[name]) for name in names] for row in csv.DictReader(file)])


def rank(values, n):
    out = np.full(len(values), np.nan)
    for i in range(n - 1, len(values)):
        window = values[i - n + 1 : i + 1]
        if not np.isnan(window).any():
            below, equal = (window < values[i]).sum(), (window == values[i]).sum() - 1
            out[i] = (below + equal / 2) / (n - 1)
    return out


def vwap(high, low, close, volume, n):
    typical, out = (high + low + close) / 3, np.full(len(close), np.nan)
    for i in range(n - 1, len(close)):
        window = slice(i - n + 1, i + 1)
        if volume[window].sum() > 0:
            out[i] = (typical[window] * volume[window]).sum() / volume[window].sum()
    return out


def values(bars):
    _, high, low, close, volume = (np.ascontiguousarray(column) for column in bars.T)
    upper, middle, lower = talib.BBANDS(close, 20, 2.0, 2.0)
    macd, signal, histogram = talib.MACD(close, 12, 26, 9)
    atr = talib.ATR(high, low, close, 14)
    return {
        "ema10": talib.EMA(close, 10),
        "ema200": talib.EMA(close, 200),
        "sma20": talib.SMA(close, 20),
        "stddev20": talib.STDDEV(close, 20, 1.0),
        "rsi14": talib.RSI(close, 14),
        "true_range": talib.TRANGE(high, low, close),
        "atr14": atr,
        "bollinger_lower": lower,
        "bollinger_middle": middle,
        "bollinger_upper": upper,
        "macd": macd,
        "macd_signal": signal,
        "macd_histogram": histogram,
        "adx14": talib.ADX(high, low, close, 14),
        "donchian_upper": talib.MAX(high, 20),
        "donchian_lower": talib.MIN(low, 20),
        "vwap20": vwap(high, low, close, volume, 20),
        "percentile50": rank(atr / close, 50),
    }


def write(name, head, rows):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def text(value):
    return "" if np.isnan(value) else f"{value:.13g}"


def main():
    bars = walk()
    columns = values(bars)
    head = ["open", "high", "low", "close", "volume", *columns]
    rows = [[repr(float(x)) for x in bars[i]] + [text(c[i]) for c in columns.values()] for i in range(len(bars))]
    write("walk.csv", head, rows)

    columns = values(recorded(sys.argv[1]))
    rows = [[i] + [text(c[i]) for c in columns.values()] for i in range(EVERY - 1, len(columns["macd"]), EVERY)]
    write("recorded.csv", ["bar", *columns], rows)


if __name__ == "__main__":
    main()
