"""The same strategy over recorded bars in our engine, NautilusTrader and backtesting.py: every trade and the final equity are held
against each other, and each difference must be explained by a rule that is named below. Exits with 1 if one is not.

    truth [FOLDER]     a folder of files SYMBOL_1m_Q4_2024.csv.gz"""

import json
import os
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from engines import HOME, PROJECT, backtest, python, spend

SYMBOLS = {"BTC/USDT": ("BTCUSDT", "0.001"), "ETH/USDT": ("ETHUSDT", "0.001"), "SOL/USDT": ("SOLUSDT", "0.01")}
TICK = Decimal("0.01")
FILLS_A_TRADE = 2
# Seconds that one engine may take over one file.
LIMIT = 600

RULES = {
    "bar named by its open": "backtesting.py dates a fill by the opening of the bar at whose close it was filled: 60 s before its instant",
    "binary floats": "backtesting.py reckons in binary floats, and in prices of a thousandth of a coin: equal to 10 digits",
    "money of eight digits": "NautilusTrader rounds each fee, result and balance to 8 digits of USDT; our books keep 12",
}


@dataclass
class Trade:
    """A position from its opening to its closing. Costs are price times quantity, summed over fills."""

    side: str
    qty: Decimal
    opened: int
    entry: Decimal
    closed: int
    exit: Decimal
    fees: Decimal


def seconds(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def run(what, command, variables=None):
    code, _, _, _ = spend(command, LIMIT, variables)
    if code != 0:
        sys.exit(f"{what} ended with {code}: " + (HOME / "last.err").read_text()[-2_000:])


def ours(symbol, path):
    report = HOME / "truth.json"
    run("ours", *backtest(symbol, f"file:{path}", report))
    told = json.loads(report.read_text())
    trades = []
    for row in told["trades"]:
        qty = Decimal(row["qty"])
        trades.append(
            Trade(
                row["side"],
                qty,
                seconds(row["opened_at"]),
                Decimal(row["entry_price"]) * qty,
                seconds(row["closed_at"]),
                Decimal(row["exit_price"]) * qty,
                Decimal(row["fees"]),
            )
        )
    return trades, Decimal(told["equity"]), told["open_positions"]


def theirs(peer, script, path, venue_symbol, step):
    told = HOME / f"truth-{peer}.json"
    run(peer, [python(peer), *script, str(path), venue_symbol, str(TICK), step, str(told)])
    said = json.loads(told.read_text())
    trades, held, opening = [], Decimal(0), None
    for at, side, price, qty, fee in said["fills"]:
        price, qty, fee = Decimal(price), Decimal(qty), Decimal(fee)
        signed = qty if side == "buy" else -qty
        if held == 0:
            opening = Trade("long" if signed > 0 else "short", Decimal(0), at, Decimal(0), 0, Decimal(0), Decimal(0))
        opens = (signed > 0) == (opening.side == "long")
        held += signed
        opening.fees += fee
        if opens:
            opening.qty += qty
            opening.entry += price * qty
        else:
            opening.exit += price * qty
            opening.closed = at
        # Sizes that are binary floats do not add up to nothing.
        if abs(held) < Decimal(step) / 2:
            held = Decimal(0)
            trades.append(opening)
    return trades, Decimal(said["equity"]), int(held != 0)


class Nautilus:
    """Its fills are ours to the digit; its money has fewer."""

    name, digits = "NautilusTrader", Decimal("0.00000001")

    def exact(self, _ours, _its):
        return None

    time = cost = exact

    def money(self, ours, its, roundings):
        return "money of eight digits" if abs(ours - its) <= self.digits / 2 * roundings else None


class Backtesting:
    name, digits = "backtesting.py", Decimal("1e-10")

    def time(self, ours, its):
        return "bar named by its open" if ours - its == 60 else None

    def cost(self, ours, its):
        return "binary floats" if abs(its - ours) <= abs(ours) * self.digits else None

    def money(self, ours, its, _roundings):
        return self.cost(ours, its)


def compare(symbol, peer, ours, its):
    """Counts fields by how they agree; tells those that do not."""
    (our_trades, our_equity, our_open), (its_trades, its_equity, its_open) = ours, its
    tally, unexplained = Counter(), []

    def note(what, mine, other, rule):
        if mine == other:
            tally["equal"] += 1
        elif rule is not None:
            tally[rule] += 1
        else:
            unexplained.append(f"{symbol}, {peer.name}: {what}: ours {mine}, theirs {other}")

    note("number of trades", len(our_trades), len(its_trades), None)
    note("positions open at the end", our_open, its_open, None)
    for number, (a, b) in enumerate(zip(our_trades, its_trades), start=1):
        note(f"trade {number}: side", a.side, b.side, None)
        note(f"trade {number}: size", a.qty, b.qty, peer.cost(a.qty, b.qty))
        note(f"trade {number}: opened", a.opened, b.opened, peer.time(a.opened, b.opened))
        note(f"trade {number}: closed", a.closed, b.closed, peer.time(a.closed, b.closed))
        note(f"trade {number}: entry", a.entry, b.entry, peer.cost(a.entry, b.entry))
        note(f"trade {number}: exit", a.exit, b.exit, peer.cost(a.exit, b.exit))
        note(f"trade {number}: fees", a.fees, b.fees, peer.money(a.fees, b.fees, FILLS_A_TRADE))
    # A fee and a result are rounded at each fill.
    roundings = 2 * FILLS_A_TRADE * (len(our_trades) + our_open)
    note("final equity", our_equity, its_equity, peer.money(our_equity, its_equity, roundings))
    return tally, unexplained


def main():
    shared = Path(os.environ.get("LTL_SHARED_DIR", PROJECT.parent / "shared"))
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else shared / "data" / "ohlcv-1m-binance-spot"
    if not folder.is_dir():
        print(f"skipped: there is no recorded data in {folder}")
        return
    failed, used = [], Counter()
    for symbol, (venue_symbol, step) in SYMBOLS.items():
        path = folder / f"{venue_symbol}_1m_Q4_2024.csv.gz"
        mine = ours(symbol, path)
        for peer, script, judge in [
            ("nautilus_trader", ["peer_nautilus.py", "bars"], Nautilus()),
            ("backtesting", ["peer_backtesting.py"], Backtesting()),
        ]:
            its = theirs(peer, script, path, venue_symbol, step)
            tally, unexplained = compare(symbol, judge, mine, its)
            failed += unexplained
            used += tally
            counts = "".join(f", {count} by '{rule}'" for rule, count in tally.items() if rule != "equal")
            print(f"{symbol} {judge.name}: {len(mine[0])} trades, equity {mine[1]} and {its[1]}: {tally['equal']} figures equal{counts}, {len(unexplained)} unexplained", flush=True)
    for rule, words in RULES.items():
        print(f"  {rule} ({used[rule]}): {words}")
    print(*failed[:20], sep="\n")
    print(f"{sum(used.values())} passed, {len(failed)} failed")
    sys.exit(1 if failed or not used else 0)


if __name__ == "__main__":
    main()
