"""freqtrade, unmodified, trades live (not dry-run) against the served exchange; its database and our books must agree.

What points it there is configuration alone: `ccxt_config` with the URLs. Its own process is started as a user starts it,
`freqtrade trade`, for MINUTES of market time (10 unless the variable MINUTES says otherwise)."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from base64 import b64encode
from decimal import Decimal
from pathlib import Path

import ccxt

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support import KEY, SECRET, TAKER, Server, check, close, equal, finish  # noqa: E402

STATES = {"FILLED": "closed", "CANCELED": "canceled", "EXPIRED": "expired"}
PAIRS = ["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]
MINUTES = float(os.environ.get("MINUTES", "10"))
HOME = Path(os.environ["BOT_HOME"])
# Where freqtrade's own API listens: asked to stop there, it comes to rest before it is told to leave.
API_PORT = 18_788


def ccxt_config(server):
    fapi = {"Public": 1, "PublicV2": 2, "PublicV3": 3, "Private": 1, "PrivateV2": 2, "PrivateV3": 3}
    api = {f"fapi{name}": f"{server.http}/fapi/v{version}" for name, version in fapi.items()}
    return {"urls": {"api": {**api, "fapiData": f"{server.http}/futures/data"}}, "options": {"fetchCurrencies": False}}


def config(server):
    return {
        "dry_run": False,
        "trading_mode": "futures",
        "margin_mode": "isolated",
        "stake_currency": "USDT",
        "stake_amount": 500,
        "max_open_trades": 3,
        "tradable_balance_ratio": 0.99,
        "timeframe": "1m",
        "exchange": {
            "name": "binanceusdm",
            "key": KEY,
            "secret": SECRET,
            "ccxt_config": ccxt_config(server),
            "pair_whitelist": PAIRS,
            "pair_blacklist": [],
        },
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "unfilledtimeout": {"entry": 1, "exit": 1, "unit": "minutes"},
        "internals": {"process_throttle_secs": 2},
        "cancel_open_orders_on_exit": True,
        "initial_state": "running",
        "api_server": {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": API_PORT,
            "username": "conformance",
            "password": "conformance",
            "jwt_secret_key": "only-this-machine-can-reach-it-for-ten-minutes",
            "verbosity": "error",
        },
        "db_url": f"sqlite:///{HOME / 'trades.sqlite'}",
    }


def trade(server):
    """Runs the bot; how it ended, and its log."""
    (HOME / "strategies").mkdir(parents=True, exist_ok=True)
    (HOME / "strategies" / "quick_cross.py").write_text((HERE / "freqtrade_strategy.py").read_text())
    (HOME / "config.json").write_text(json.dumps(config(server), indent=1))
    (HOME / "trades.sqlite").unlink(missing_ok=True)
    command = [str(Path(sys.executable).parent / "freqtrade"), "trade", "--config", str(HOME / "config.json"),
               "--userdir", str(HOME), "--strategy", "QuickCross"]
    log = HOME / "freqtrade.log"
    with log.open("w") as out:
        bot = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        end = time.monotonic() + MINUTES * 60
        while time.monotonic() < end and bot.poll() is None:
            time.sleep(1)
        if bot.poll() is None:
            stop_trading()
            time.sleep(5)
            bot.send_signal(signal.SIGINT)
        code = bot.wait(timeout=60)
    return code, log.read_text()


def stop_trading():
    request = urllib.request.Request(f"http://127.0.0.1:{API_PORT}/api/v1/stop", method="POST")
    request.add_header("Authorization", "Basic " + b64encode(b"conformance:conformance").decode())
    with urllib.request.urlopen(request, timeout=30) as reply:
        check("freqtrade stops trading when asked", reply.status == 200)


def rows(query):
    with sqlite3.connect(HOME / "trades.sqlite") as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


def ours(server):
    """Every order at the exchange by its id, what filled it, and the stops that waited."""
    client = ccxt.binanceusdm({"apiKey": KEY, "secret": SECRET, **ccxt_config(server)})
    orders, fills, stops = {}, {}, {}
    for pair in PAIRS:
        symbol = pair.split(":")[0].replace("/", "")
        for order in client.fapiPrivateGetAllOrders({"symbol": symbol, "limit": 1000}):
            orders[str(order["orderId"])] = order
        for fill in client.fapiPrivateGetUserTrades({"symbol": symbol, "limit": 1000}):
            fills.setdefault(str(fill["orderId"]), []).append(fill)
        for stop in client.fapiPrivateGetAllAlgoOrders({"symbol": symbol, "limit": 1000}):
            stops[str(stop["algoId"])] = stop
    return orders, fills, stops


def compare(orders, fills, stops):
    """Order by order, in both directions."""
    theirs = {row["order_id"]: row for row in rows("select * from orders")}
    placed = {key: row for key, row in theirs.items() if row["ft_order_side"] != "stoploss"}
    waiting = {key: row for key, row in theirs.items() if row["ft_order_side"] == "stoploss"}
    # A stop that triggered is an order of ours under an id of its own.
    triggered = {str(stop.get("actualOrderId") or "") for stop in stops.values()} - {"", "0"}
    equal("the same orders", sorted(placed), sorted(set(orders) - triggered))
    equal("the same stops", sorted(waiting), sorted(stops))
    filled = 0
    for key, row in placed.items():
        order = orders.get(key)
        if order is None:
            continue
        equal(f"{key}: side", row["side"], order["side"].lower())
        equal(f"{key}: state", row["status"], STATES.get(order["status"]))
        close(f"{key}: quantity", row["amount"], order["origQty"])
        close(f"{key}: filled", row["filled"] or 0, order["executedQty"])
        parts = fills.get(key, [])
        close(f"{key}: our fills add up", sum(Decimal(part["qty"]) for part in parts), order["executedQty"])
        if parts:
            filled += 1
            cost = sum(Decimal(part["qty"]) * Decimal(part["price"]) for part in parts)
            mean = cost / sum(Decimal(part["qty"]) for part in parts)
            close(f"{key}: average price", row["average"], mean, "0.01")
            close(f"{key}: our fee", sum(Decimal(part["commission"]) for part in parts), cost * TAKER, "0.000001")
    for key, row in waiting.items():
        stop = stops.get(key)
        if stop is not None:
            known = {"NEW": "open", "CANCELED": "canceled", "FINISHED": "closed"}
            equal(f"{key}: state of the stop", row["status"], known.get(stop["algoStatus"]))
            close(f"{key}: trigger price", row["stop_price"] or row["price"] or 0, stop["triggerPrice"], "0.1")
    return placed, waiting, filled


def compare_trades(fills):
    """What a trade paid and earned is what we charged and credited."""
    for one in rows("select id, pair, is_open, fee_open, fee_close, realized_profit from trades"):
        ids = [row["order_id"] for row in rows(f"select order_id from orders where ft_trade_id = {one['id']}")]
        parts = [part for key in ids for part in fills.get(key, [])]
        close(f"trade {one['id']}: the fee it reckons with", one["fee_open"], TAKER)
        if not one["is_open"] and parts:
            net = sum(Decimal(part["realizedPnl"]) - Decimal(part["commission"]) for part in parts)
            # It reckons a trade with the average prices that it rounds, and we with the fills.
            close(f"trade {one['id']}: profit", one["realized_profit"], net, "0.05")


def main():
    HOME.mkdir(parents=True, exist_ok=True)
    with Server("--seed", "11") as server:
        code, log = trade(server)
        errors = [line for line in log.splitlines() if " - ERROR - " in line or "Traceback" in line]
        # Its own code for an end by SIGINT, after everything was cleaned up.
        check("freqtrade ends cleanly", code in (0, 130), code, *log.splitlines()[-15:])
        check("without an error in its log", not errors, *errors[:10])
        orders, fills, stops = ours(server)
        placed, waiting, filled = compare(orders, fills, stops)
        compare_trades(fills)
        check("it traded", filled >= 2, f"{filled} orders were filled")
        closed = rows("select count(*) as n from trades where is_open = 0")[0]["n"]
        print(f"freqtrade {MINUTES:g} min: {len(placed)} orders, {filled} filled, {len(waiting)} stops, {closed} trades closed")
    finish("freqtrade, live")


if __name__ == "__main__":
    main()
