"""What goes wrong on purpose, rate limits, and a server that is killed and comes back."""

import os
import signal
import tempfile
import time

import ccxt

from ccxt_rest import BTC, client
from support import PATIENCE, Server, check, equal, finish, section, wait_for


def error_of(call):
    try:
        call()
    except ccxt.BaseError as raised:
        return f"{type(raised).__name__} {raised}"
    return ""


def lost_and_found(server, x):
    """An order whose answer says nothing may have been carried out: its name tells."""
    server.control("unknown", {"count": 1, "executed": True})
    told = error_of(lambda: x.create_order(BTC, "market", "buy", 0.01, params={"clientOrderId": "u-done"}))
    check("a 503 that says nothing", "Unknown error" in told, told)
    equal("was carried out", x.fetch_order(None, BTC, {"origClientOrderId": "u-done"})["status"], "closed")
    server.control("unknown", {"count": 1, "executed": False})
    told = error_of(lambda: x.create_order(BTC, "market", "buy", 0.01, params={"clientOrderId": "u-not"}))
    check("the same 503", "Unknown error" in told, told)
    told = error_of(lambda: x.fetch_order(None, BTC, {"origClientOrderId": "u-not"}))
    check("was not carried out", told.startswith("OrderNotFound"), told)
    server.control("overload", {"count": 1})
    told = error_of(lambda: x.create_order(BTC, "market", "buy", 0.01, params={"clientOrderId": "o"}))
    check("a certain failure", "-1008" in told, told)
    check("did nothing", error_of(lambda: x.fetch_order(None, BTC, {"origClientOrderId": "o"})).startswith("OrderNotFound"))
    server.control("lose-answers", {"count": 1})
    x.timeout = 1000
    told = error_of(lambda: x.create_order(BTC, "market", "buy", 0.01, params={"clientOrderId": "l"}))
    check("no answer", told.startswith("RequestTimeout"), told)
    x.timeout = PATIENCE * 1000
    equal("but carried out", x.fetch_order(None, BTC, {"origClientOrderId": "l"})["status"], "closed")


def switches(server, x):
    server.control("latency", {"ms": 300})
    begun = time.monotonic()
    x.fetch_time()
    x.fetch_balance()
    check("requests wait", time.monotonic() - begun > 0.3)
    server.control("latency", {"ms": 0})
    server.control("clock", {"ms": -20_000})
    check("the clock is off", abs(x.fetch_time() - x.milliseconds() + 20_000) < 10_000)
    check("stamps are refused", error_of(x.fetch_balance).startswith("InvalidNonce"))
    server.control("clock", {"ms": 0})
    server.control("halt", {"symbol": "BTCUSDT"})
    told = error_of(lambda: x.create_order(BTC, "market", "buy", 0.01))
    check("a delisted instrument takes no orders", "-4140" in told, told)
    equal("and says so", x.fapiPublicGetExchangeInfo()["symbols"][0]["status"], "SETTLING")
    server.control("halt", {"symbol": "BTCUSDT", "on": False})
    server.control("tick-size", {"symbol": "BTCUSDT", "tick": "0.5"})
    equal("the tick size changes", x.fapiPublicGetExchangeInfo()["symbols"][0]["filters"][0]["tickSize"], "0.5")
    bid = x.fetch_order_book(BTC, 5)["bids"][0][0]
    told = error_of(lambda: x.fapiPrivatePostOrder({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                                                    "quantity": "0.01", "price": f"{int(bid * 0.98)}.3"}))
    check("and binds", "-4014" in told, told)
    server.control("tick-size", {"symbol": "BTCUSDT", "tick": "0.1"})
    server.control("maintenance", {"on": True})
    check("maintenance", "Service Unavailable" in error_of(x.fetch_balance))
    server.control("maintenance", {"on": False})
    key = x.fapiPrivatePostListenKey()["listenKey"]
    server.control("expire-listen-keys", {})
    check("a listen key is over", bool(wait_for(lambda: "-1125" in error_of(x.fapiPrivatePutListenKey))), key)
    server.control("deleverage", {"account": 0, "symbol": "BTCUSDT"})
    equal("the position was closed against somebody's liquidation", x.fetch_positions([BTC]), [])
    forced = x.fapiPrivateGetForceOrders({"symbol": "BTCUSDT", "autoCloseType": "ADL"})
    check("and is told as such", len(forced) == 1 and forced[0]["clientOrderId"].startswith("adl_autoclose"), forced)


def limits(server, x):
    used = int(x.last_response_headers.get("x-mbx-used-weight-1m") or x.last_response_headers["X-Mbx-Used-Weight-1m"])
    check("weight is told", used > 0, used)

    def over():
        """Uses the minute up. Nothing, if a new minute began before the answer."""
        server.control("rate-limit")
        return error_of(x.fetch_time)

    told = wait_for(over)
    check("429 over the limit", told and "-1003" in told and "Too many requests" in told, told)
    headers = {name.lower(): value for name, value in x.last_response_headers.items()}
    check("with a time to wait", 1 <= int(headers["retry-after"]) <= 60, headers)
    told = wait_for(lambda: (over() and "IP banned until" in (seen := error_of(x.fetch_time)) and seen))
    check("418 for going on", told is not None, told)


def killed(folder):
    state = os.path.join(folder, "exchange.db")
    server = Server("--seed", "3", "--state", state)
    x = client(server)
    x.load_markets()
    x.create_order(BTC, "market", "buy", 0.01)
    bid = x.fetch_order_book(BTC, 5)["bids"][0][0]
    resting = x.create_order(BTC, "limit", "buy", 0.01, round(bid * 0.97, 1))
    before = x.fetch_balance()["info"]["totalWalletBalance"], x.fetch_positions([BTC])[0]["contracts"]
    trades = [t["id"] for t in x.fetch_my_trades(BTC)]
    server.process.send_signal(signal.SIGKILL)
    server.process.wait()
    with Server("--seed", "3", "--state", state) as again:
        x = client(again)
        x.load_markets()
        after = x.fetch_balance()["info"]["totalWalletBalance"], x.fetch_positions([BTC])[0]["contracts"]
        equal("balance and position came back", after, before)
        equal("the resting order too", [o["id"] for o in x.fetch_open_orders(BTC)], [resting["id"]])
        equal("and the trades", [t["id"] for t in x.fetch_my_trades(BTC)], trades)
        x.cancel_order(resting["id"], BTC)


def main():
    with Server("--seed", "3", "--control") as server:
        x = client(server)
        x.load_markets()
        section("unknown answers", lost_and_found, server, x)
        section("switches", switches, server, x)
        section("limits", limits, server, x)
    with tempfile.TemporaryDirectory() as folder:
        section("a killed server", killed, folder)
    finish("faults")


if __name__ == "__main__":
    main()
