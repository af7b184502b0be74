"""python-binance: its REST calls, its streams, and its orders over WebSocket."""

import asyncio
import time
import traceback
from decimal import Decimal

from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException

from support import KEY, PATIENCE, SECRET, TAKER, Server, check, close, equal, finish, section

BTC = "BTCUSDT"


def pointed(cls, server):
    """A class of client that speaks to the server: its addresses are attributes."""
    return type(cls.__name__, (cls,), {
        "FUTURES_URL": f"{server.http}/fapi",
        "WS_FUTURES_URL": f"{server.ws}/ws-fapi/v1",
    })


def rest(client):
    check("the server's clock", client.futures_time()["serverTime"] > 1_700_000_000_000)
    equal("instruments", [s["symbol"] for s in client.futures_exchange_info()["symbols"]], [BTC, "ETHUSDT", "SOLUSDT"])
    equal("bars", len(client.futures_klines(symbol=BTC, interval="5m", limit=10)), 10)
    check("the mark", Decimal(client.futures_mark_price(symbol=BTC)["markPrice"]) > 0)
    check("the day", Decimal(client.futures_ticker(symbol=BTC)["lastPrice"]) > 0)
    equal("leverage", client.futures_change_leverage(symbol=BTC, leverage=10)["leverage"], 10)
    before = Decimal(client.futures_account()["totalWalletBalance"])
    bought = client.futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity=0.02, newOrderRespType="RESULT")
    equal("a market order is filled", (bought["status"], Decimal(bought["executedQty"])), ("FILLED", Decimal("0.02")))
    trades = client.futures_account_trades(symbol=BTC, orderId=bought["orderId"])
    cost = sum(Decimal(t["price"]) * Decimal(t["qty"]) for t in trades)
    fee = sum(Decimal(t["commission"]) for t in trades)
    close("with the taker's fee", fee, cost * TAKER)
    close("which the wallet paid", Decimal(client.futures_account()["totalWalletBalance"]), before - fee)
    held = [p for p in client.futures_position_information() if Decimal(p["positionAmt"])]
    equal("the position", [(p["symbol"], Decimal(p["positionAmt"])) for p in held], [(BTC, Decimal("0.02"))])
    bid = Decimal(client.futures_order_book(symbol=BTC, limit=5)["bids"][0][0])
    low = str(round(bid * Decimal("0.98"), 1))
    resting = client.futures_create_order(symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", quantity=0.01, price=low)
    equal("a limit order rests", [o["orderId"] for o in client.futures_get_open_orders(symbol=BTC)], [resting["orderId"]])
    equal("and is cancelled", client.futures_cancel_order(symbol=BTC, orderId=resting["orderId"])["status"], "CANCELED")
    # The client itself sends conditional orders where they go.
    stop = client.futures_create_order(symbol=BTC, side="SELL", type="STOP_MARKET", triggerPrice=low, closePosition="true")
    equal("a stop waits", stop["algoStatus"], "NEW")
    try:
        client.futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity=50)
        check("too much for the margin is refused", False)
    except BinanceAPIException as refused:
        equal("too much for the margin is refused", refused.code, -2019)
    sold = client.futures_create_order(symbol=BTC, side="SELL", type="MARKET", quantity=0.02, reduceOnly="true",
                                       newOrderRespType="RESULT")
    equal("the position is closed", sold["status"], "FILLED")
    total = sum(Decimal(row["income"]) for row in client.futures_income_history(limit=1000))
    close("all movements are the wallet's change", Decimal(client.futures_account()["totalWalletBalance"]), before + total)


async def streams(server):
    client = pointed(AsyncClient, server)(KEY, SECRET)
    sockets = BinanceSocketManager(client, user_timeout=300)
    sockets.FSTREAM_URL = f"{server.ws}/"
    try:
        async def first(what, socket, wanted=lambda told: True):
            async with socket as stream:
                end = time.monotonic() + PATIENCE
                while time.monotonic() < end:
                    told = await asyncio.wait_for(stream.recv(), PATIENCE)
                    if wanted(told):
                        return told
            check(f"{what} is told", False)

        told = await first("the mark", sockets.symbol_mark_price_socket(BTC))
        equal("the mark is told", told["data"]["e"], "markPriceUpdate")
        told = await first("a bar", sockets.kline_futures_socket(BTC.lower()))
        check("a bar of the contract is told", told["ps"] == BTC and Decimal(told["k"]["c"]) > 0, told)
        told = await first("the book", sockets.futures_depth_socket(BTC))
        equal("the book is told", told["data"]["e"], "depthUpdate")
        async with sockets.futures_user_socket() as user:
            placed = await client.ws_futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity="0.02")
            end = time.monotonic() + PATIENCE
            seen = {}
            while "ORDER_TRADE_UPDATE" not in seen and time.monotonic() < end:
                told = await asyncio.wait_for(user.recv(), PATIENCE)
                seen[told["e"]] = told
            check("an order over WebSocket is told on the user's stream",
                  seen.get("ORDER_TRADE_UPDATE", {}).get("o", {}).get("i") == placed["orderId"], placed, list(seen))
    finally:
        await client.close_connection()


async def streamed(server):
    try:
        await streams(server)
    except Exception:
        check("the streams go through", False, traceback.format_exc())


def main():
    with Server("--seed", "3") as server:
        client = pointed(Client, server)(KEY, SECRET, {"timeout": PATIENCE}, ping=False)
        section("REST", rest, client)
        asyncio.run(streamed(server))
    finish("python-binance")


if __name__ == "__main__":
    main()
