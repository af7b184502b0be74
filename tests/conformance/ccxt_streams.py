"""Every watch_* of ccxt.pro's binanceusdm that the protocol sheet lists, and orders over WebSocket."""

import asyncio
import time
import traceback
from decimal import Decimal

import ccxt.pro

from support import KEY, PATIENCE, SECRET, TAKER, Server, check, close, equal, finish

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"

def client(server):
    exchange = ccxt.pro.binanceusdm({
        "apiKey": KEY,
        "secret": SECRET,
        "timeout": PATIENCE * 1000,
        "enableRateLimit": False,
        "options": {"fetchCurrencies": False},
    })
    for name in ["fapiPublic", "fapiPrivate"]:
        exchange.urls["api"][name] = f"{server.http}/fapi/v1"
        for version in [2, 3]:
            exchange.urls["api"][f"{name}V{version}"] = f"{server.http}/fapi/v{version}"
    exchange.urls["api"]["ws"]["linear"] = f"{server.ws}/ws"
    exchange.urls["api"]["ws"]["ws-api"]["linear"] = f"{server.ws}/ws-fapi/v1"
    exchange.exceptions["exact"].update(exchange.exceptions["linear"]["exact"])
    return exchange


async def told(what, coroutine, seconds=PATIENCE):
    try:
        return await asyncio.wait_for(coroutine, seconds)
    except Exception as error:  # whatever the client makes of what it was told
        check(f"{what} is told", False, f"{type(error).__name__}: {error}")
        return None


async def market_streams(x):
    ticker = await told("a ticker", x.watch_ticker(BTC))
    check("a ticker has prices", ticker and ticker["low"] <= ticker["last"] <= ticker["high"], ticker)
    tickers = await told("tickers", x.watch_tickers([BTC, ETH]))
    check("tickers are of their symbols", tickers and set(tickers) <= {BTC, ETH}, tickers)
    best = await told("best prices", x.watch_bids_asks([BTC]))
    check("the bid is below the ask", best and best[BTC]["bid"] < best[BTC]["ask"], best)
    mark = await told("a mark price", x.watch_mark_price(BTC))
    check("the mark is near the market", mark and abs(mark["markPrice"] / best[BTC]["bid"] - 1) < 0.02, mark)
    marks = await told("mark prices", x.watch_mark_prices([BTC, ETH]))
    check("mark prices are of their symbols", marks and set(marks) <= {BTC, ETH}, marks)
    trades = await told("trades", x.watch_trades(BTC))
    check("a trade has price and amount", trades and trades[-1]["price"] > 0 and trades[-1]["amount"] > 0, trades)
    bars = await told("bars", x.watch_ohlcv(BTC, "1m"))
    check("a bar is consistent", bars and bars[-1][3] <= bars[-1][4] <= bars[-1][2], bars)
    many = await told("bars of many", x.watch_ohlcv_for_symbols([[BTC, "1m"], [ETH, "5m"]]))
    check("bars are of their symbols", many and set(many) <= {BTC, ETH}, many)


async def books(x):
    """A kept book equals the server's own, after fifty changes."""
    book = None
    for _ in range(50):
        book = await told("a book", x.watch_order_book(BTC))
        if book is None:
            return
    check("a kept book is sorted and not crossed", book["bids"][0][0] < book["asks"][0][0])
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        kept = await told("a book", x.watch_order_book(BTC))
        if kept is None:
            return
        rest = await x.fetch_order_book(BTC, 20)
        sides = {side: [list(level) for level in kept[side][:20]] for side in ["bids", "asks"]}
        # Both are of moments of their own; once nothing changed in between they have to be one.
        if all(rest[side] and sides[side] == rest[side] for side in sides):
            return check("a kept book becomes the server's, level for level", True)
    check("a kept book becomes the server's, level for level", False, sides, rest)


async def held_position(x):
    """The first answer is of before the order."""
    while True:
        held = await x.watch_positions([BTC])
        if held:
            return held


async def listening(x):
    """Waits for the private connection; what was watched before is noted by then."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        private = [one for url, one in x.clients.items() if "/private" in url]
        if private and all(one.connected.done() for one in private):
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)


async def private_streams(x):
    balance = asyncio.ensure_future(x.watch_balance())
    orders = asyncio.ensure_future(x.watch_orders(BTC))
    trades = asyncio.ensure_future(x.watch_my_trades(BTC))
    positions = asyncio.ensure_future(held_position(x))
    await listening(x)
    placed = await told("an order over WebSocket", x.create_order_ws(BTC, "market", "buy", 0.02))
    seen = await told("its trade", trades)
    if not placed or not seen:
        return
    cost = sum(Decimal(str(t["price"])) * Decimal(str(t["amount"])) for t in seen)
    fee = sum(Decimal(str(t["fee"]["cost"])) for t in seen)
    close("the fee of what was told is the taker's", fee, cost * TAKER)
    one = await told("its end", orders)
    check("the order was told", one and one[-1]["id"] == placed["id"], one)
    money = await told("the balance", balance)
    rest = await x.fetch_balance()
    check("the balance told is the account's", money and abs(money["USDT"]["total"] - rest["USDT"]["total"]) < 1, money)
    held = await told("the position", positions)
    check("the position was told", held and held[-1]["side"] == "long" and held[-1]["contracts"] <= 0.02, held)

    bid = (await x.fetch_order_book(BTC, 5))["bids"][0][0]
    low = round(bid * 0.98, 1)
    limit = await told("a limit order over WebSocket", x.create_order_ws(BTC, "limit", "buy", 0.01, low))
    equal("it rests", limit and limit["status"], "open")
    edited = await told("a change over WebSocket", x.edit_order_ws(limit["id"], BTC, "limit", "buy", 0.02, low))
    equal("it is changed", edited and edited["amount"], 0.02)
    fetched = await told("a query over WebSocket", x.fetch_order_ws(limit["id"], BTC))
    equal("it is told", fetched and (fetched["id"], fetched["amount"]), (limit["id"], 0.02))
    gone = await told("a cancel over WebSocket", x.cancel_order_ws(limit["id"], BTC))
    equal("it is cancelled", gone and gone["status"], "canceled")
    money = await told("the balance over WebSocket", x.fetch_balance_ws())
    check("it has the account's total", money and abs(money["USDT"]["total"] - rest["USDT"]["total"]) < 5, money)
    positions = await told("positions over WebSocket", x.fetch_positions_ws([BTC]))
    check("they have the position", positions and positions[0]["contracts"] == 0.02, positions)
    book = await told("the book over WebSocket", x.fetch_order_book_ws(BTC))
    check("it is a book", book and book["bids"][0][0] < book["asks"][0][0])

    trades = asyncio.ensure_future(x.watch_my_trades(BTC))
    closing = await x.create_order(BTC, "market", "sell", 0.02, params={"reduceOnly": True})
    seen = await told("the closing trade", trades)
    check("an order over REST is told on the stream", seen and seen[-1]["order"] == closing["id"], seen)


async def main():
    with Server("--seed", "3") as server:
        x = client(server)
        await x.load_markets()
        for name, call in [("market streams", market_streams), ("books", books), ("private streams", private_streams)]:
            try:
                await call(x)
            except Exception:
                check(f"{name}: go through", False, traceback.format_exc())
        await x.close()
    finish("ccxt.pro, streams")


if __name__ == "__main__":
    asyncio.run(main())
