"""Runs every engine over the same data, one after another, and prints how they compare."""

import argparse
import os
import platform
import shutil
import subprocess
from pathlib import Path

from engines import DATA, HERE, HOME, exchange, ours, peer, python

PEERS = ["backtesting", "nautilus_trader", "freqtrade", "hftbacktest"]
BARS_FILE = "BTC_USDT_USDT-1m-futures.csv"
# Ten milliseconds each way, always.
CONSTANT = "[{ micros = 10000, percent = 0 }, { micros = 10000, percent = 100 }]"
LATENCIES = {"LTL__EXCHANGE__REQUEST_LATENCY": CONSTANT, "LTL__EXCHANGE__REPORT_LATENCY": CONSTANT}
# The cross loses a dollar a trade: over years of minutes the usual capital would be gone, and with it the orders.
MUCH_CAPITAL = {"LTL__RISK__CAPITAL_USDT": "10000000"}
HEADS = ["engine", "version", "events", "orders", "fills", "start s", "run s", "events/s", "ours ÷ it", "CPU s", "events/CPU s", "ours ÷ it", "peak MiB"]


def arguments():
    parser = argparse.ArgumentParser(prog="run", description=__doc__)
    whole = {"type": int, "metavar": "N"}
    parser.add_argument("--bars", default=200_000, help="minute bars for every engine [%(default)s]", **whole)
    parser.add_argument("--long-bars", default=2_000_000, help="minute bars for ours alone [%(default)s]", **whole)
    parser.add_argument("--trades", default=10_000_000, help="trades of the ticks, with 1.04 as many changes of the best prices [%(default)s]", **whole)
    parser.add_argument("--few-ticks", default=2_000_000, help="ticks that NautilusTrader gets [%(default)s]", **whole)
    parser.add_argument("--limit", type=float, default=600, metavar="S", help="seconds after which an engine is ended [%(default)s]")
    parser.add_argument("--only", default=",".join(["ours", *PEERS]), help="engines, with commas between [%(default)s]")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to a file as well")
    return parser.parse_args()


def generated(what, count):
    """The folder with so much of the data; made if it is not there."""
    folder = DATA / f"{what}-{count}"
    if not (folder / "done").exists():
        print(f"making {count:,} {what} …", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([python("hftbacktest"), "generate.py", what, str(count), str(folder)], cwd=HERE, check=True)
        (folder / "done").touch()
    return folder


def our_runs(name, feed, limit, variables=None, cache=None):
    """Ours twice: the faster of the two, and what both came to."""
    runs = [ours(name, feed, limit, variables, cache) for _ in range(2)]
    if any(row.failed for row, _ in runs):
        return next((row, told) for row, told in runs if row.failed)
    (one, first), (other, second) = runs
    if first != second:
        one.failed = "two runs came to different results"
        return one, first
    return min(one, other, key=lambda row: row.run), first


def over_bars(asked, only):
    data = generated("bars", asked.bars) / BARS_FILE
    if "ours" in only:
        yield our_runs("ours", f"file:{data}", asked.limit)[0]
        if asked.long_bars:
            longer = generated("bars", asked.long_bars) / BARS_FILE
            yield our_runs("ours, longer", f"file:{longer}", asked.limit, MUCH_CAPITAL)[0]
    if "backtesting" in only:
        yield peer("backtesting.py", [python("backtesting"), "peer_backtesting.py", data, "BTCUSDT", "0.1", "0.001"], asked.limit)
    if "nautilus_trader" in only:
        yield peer("NautilusTrader", [python("nautilus_trader"), "peer_nautilus.py", "bars", data, "BTCUSDT", "0.1", "0.001"], asked.limit)
    if "freqtrade" in only:
        with exchange() as http:
            yield peer("freqtrade", [python("freqtrade"), "peer_freqtrade.py", data, HOME / "freqtrade-user", http], asked.limit)


def our_ticks(asked, feed):
    """From the files, from the files into the cache, and from there: the same results, or the last fails."""
    cache = HOME / "ticks-cache"
    shutil.rmtree(cache, ignore_errors=True)
    # From there comes first, since what the others are held against stands in the first row.
    made, first = ours("ours, first run with the cache", feed, asked.limit, LATENCIES, cache)
    kept, again = our_runs("ours, from the cache", feed, asked.limit, LATENCIES, cache)
    plain, without = our_runs("ours, from csv", feed, asked.limit, LATENCIES)
    rows = [kept, made, plain]
    if not any(row.failed for row in rows) and not first == again == without:
        kept.failed = "the cache changed the results"
    return rows


def over_ticks(asked, only):
    folder = generated("ticks", asked.trades)
    if "ours" in only:
        for row in our_ticks(asked, f"ticks:{folder / 'published'}"):
            # The bars that are made of the trades are records as well.
            row.events = 2 * asked.trades + asked.trades // 25
            yield row
    if "hftbacktest" in only:
        for how in [["preloaded"], []]:
            yield peer("hftbacktest", [python("hftbacktest"), "peer_hftbacktest.py", folder / "ticks.npz", *how], asked.limit)
    if "nautilus_trader" in only:
        yield peer("NautilusTrader", [python("nautilus_trader"), "peer_nautilus.py", "ticks", folder / "ticks.npz", str(asked.few_ticks)], asked.limit)


def cells(row, first):
    if row.failed:
        return [row.engine, row.failed] + [""] * (len(HEADS) - 2)
    ratio = lambda ours, its: f"{ours / its:.3g}" if its else "-"
    return [
        row.engine,
        row.version,
        f"{row.events:,}",
        f"{row.orders:,}",
        f"{row.fills:,}",
        f"{row.start:.2f}",
        f"{row.run:.2f}",
        f"{row.rate:,.0f}",
        ratio(first.rate, row.rate),
        f"{row.cpu:.2f}",
        f"{row.cpu_rate:,.0f}",
        ratio(first.cpu_rate, row.cpu_rate),
        f"{row.peak_mib:.0f}",
    ]


def table(title, rows):
    rows = list(rows)
    lines = [HEADS, ["---"] * len(HEADS), *(cells(row, rows[0]) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(HEADS))]
    align = lambda text, place: text.ljust(widths[place]) if place < 2 else text.rjust(widths[place])
    body = "\n".join("| " + " | ".join(align(text, place) for place, text in enumerate(line)) + " |" for line in lines)
    print(f"\n{title}\n\n{body}\n", flush=True)
    return f"### {title}\n\n{body}\n"


def machine():
    processor = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    busy = os.getloadavg()[0]
    return f"{os.cpu_count()} cores ({processor}), {memory:.0f} GiB, Python {platform.python_version()}, load {busy:.1f} at the start"


def main():
    asked = arguments()
    only = asked.only.split(",")
    about = machine()
    print(about)
    parts = [
        about + "\n",
        table("Minute bars, EMA 10/30, market orders, 5 bps", over_bars(asked, only)),
        table("Trades and best prices, the same on minute bars made of them, 10 ms each way", over_ticks(asked, only)),
    ]
    if asked.markdown:
        asked.markdown.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
