"""The data that every engine reads, made from one seed.

    generate.py bars COUNT FOLDER      minute bars as CSV, in freqtrade's layout
    generate.py ticks TRADES FOLDER    trades and the best bid and ask: as Binance publishes them, and as hftbacktest's events
"""

import csv
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

SEED = 20241001
BEGIN = datetime(2024, 10, 1, tzinfo=timezone.utc)
TICK = 0.1
FIRST_PRICE = 60_000.0
# Every level of the book has this much; a change of the best price takes one away or puts one there.
LEVEL_QTY = 5.0
# Levels that the book begins with on each side, further than the walk goes.
DEPTH = 40_000
# Lines that are written at a time: ten million of them at once would take gigabytes.
CHUNK = 200_000
# hftbacktest's flags: for both processors, bid or ask (buyer or seller), a level or a trade.
BOTH, BUY, SELL, LEVEL, TRADE = (1 << 31) | (1 << 30), 1 << 29, 1 << 28, 1, 2
EVENT = np.dtype(
    [("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8"), ("order_id", "u8"), ("ival", "i8"), ("fval", "f8")],
    align=True,
)


def bars(count, folder):
    """A walk whose volatility comes and goes; every price on the tick, every bar consistent."""
    rng = np.random.default_rng(SEED)
    volatility = 0.0006 * np.exp(0.4 * np.sin(np.arange(count) / 700.0))
    level, walk = 0.0, np.empty(count)
    for place, step in enumerate(rng.standard_normal(count) * volatility):
        # It is pulled back, so that years of it stay a price.
        level += step - 0.00005 * level
        walk[place] = level
    on_tick = lambda x: np.round(x / TICK) * TICK
    close = on_tick(FIRST_PRICE * np.exp(walk))
    open_ = np.concatenate([[FIRST_PRICE], close[:-1]])
    reach = on_tick(np.abs(rng.standard_normal((2, count))) * volatility * close / 2)
    high, low = np.maximum(open_, close) + reach[0], np.minimum(open_, close) - reach[1]
    volume = rng.gamma(2.0, 20.0, count) + 1.0
    with (Path(folder) / "BTC_USDT_USDT-1m-futures.csv").open("w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["date", "open", "high", "low", "close", "volume"])
        at = BEGIN
        for row in zip(open_, high, low, close, volume):
            write.writerow([at.strftime("%Y-%m-%d %H:%M:%S"), *(f"{x:.1f}" for x in row[:4]), f"{row[4]:.3f}"])
            at += timedelta(minutes=1)


def ticks(trades, folder):
    """A trade comes a millisecond after a change of the best prices; of 26 changes one has no trade after it. A change moves one
    side by one tick, so that the spread is one tick or two, and is one event for every engine."""
    rng = np.random.default_rng(SEED)
    changes = trades + trades // 25
    traded = np.ones(changes, bool)
    traded[np.arange(trades // 25) * 26] = False
    at_ms = int(BEGIN.timestamp()) * 1_000 + np.cumsum(rng.integers(2, 118, changes))
    half = 2 * round(FIRST_PRICE / TICK) + np.concatenate([[0], np.cumsum(rng.choice([-1, 1], changes))])
    before, after = half[:-1], half[1:]
    bid, ask = after // 2, (after + 1) // 2 + 1
    assert abs(after // 2 - round(FIRST_PRICE / TICK)).max() < DEPTH - 2, "the walk stays within the book"
    bought, qty = rng.random(changes) < 0.5, rng.integers(1, 400, changes)
    events(Path(folder) / "ticks.npz", at_ms, before, after, bid, ask, traded, bought, qty)
    published(Path(folder) / "published", at_ms, bid, ask, traded, bought, qty)


def events(path, at_ms, before, after, bid, ask, traded, bought, qty):
    """Between an even half and the odd one above it the ask moves, else the bid."""
    of_ask, up = np.minimum(before, after) % 2 == 0, after > before
    old_bid, old_ask = before // 2, (before + 1) // 2 + 1
    gone = of_ask == up
    price = np.where(of_ask, np.where(up, old_ask, ask), np.where(up, bid, old_bid))
    level = np.empty(len(after), EVENT)
    level["ev"], level["px"] = np.where(of_ask, SELL, BUY) | BOTH | LEVEL, price * TICK
    level["qty"], level["exch_ts"] = np.where(gone, 0.0, LEVEL_QTY), at_ms * 1_000_000
    trade = np.empty(int(traded.sum()), EVENT)
    trade["ev"] = np.where(bought, BUY, SELL)[traded] | BOTH | TRADE
    trade["px"], trade["qty"] = np.where(bought, ask, bid)[traded] * TICK, qty[traded] / 1000
    trade["exch_ts"] = at_ms[traded] * 1_000_000 + 1_000_000
    data = np.empty(len(level) + len(trade), EVENT)
    place = np.arange(len(level)) + np.concatenate([[0], np.cumsum(traded)[:-1]])
    data[place], data[place[traded] + 1] = level, trade
    first = round(FIRST_PRICE / TICK)
    book = np.empty(2 * DEPTH, EVENT)
    book["ev"] = np.repeat([BUY | BOTH | LEVEL, SELL | BOTH | LEVEL], DEPTH)
    book["px"] = np.concatenate([first - np.arange(DEPTH), first + 1 + np.arange(DEPTH)]) * TICK
    book["qty"], book["exch_ts"] = LEVEL_QTY, at_ms[0] * 1_000_000 - 1_000_000
    data = np.concatenate([book, data])
    data["local_ts"] = data["exch_ts"]
    for unused in ["order_id", "ival", "fval"]:
        data[unused] = 0
    np.savez(path, data=data)


def published(folder, at_ms, bid, ask, traded, bought, qty):
    """The tables `trades` and `bookTicker` of Binance's public data."""
    folder.mkdir(exist_ok=True)
    number = 0
    with (folder / "BTCUSDT-bookTicker-made.csv").open("w") as quotes, (folder / "BTCUSDT-trades-made.csv").open("w") as trades:
        quotes.write("update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n")
        trades.write("id,price,qty,quote_qty,time,is_buyer_maker\n")
        for begin in range(0, len(at_ms), CHUNK):
            part = slice(begin, begin + CHUNK)
            for at, b, a, t, up, q in zip(*(column[part].tolist() for column in (at_ms, bid, ask, traded, bought, qty))):
                number += 1
                quotes.write(f"{number},{b / 10},{LEVEL_QTY:.3f},{a / 10},{LEVEL_QTY:.3f},{at},{at + 2}\n")
                if t:
                    price, sold = (a if up else b) / 10, "false" if up else "true"
                    trades.write(f"{number},{price},{q / 1000:.3f},{price * q / 1000:.4f},{at + 1},{sold}\n")


def main():
    what, count, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    {"bars": bars, "ticks": ticks}[what](count, folder)


if __name__ == "__main__":
    main()
