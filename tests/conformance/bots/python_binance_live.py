"""python-binance, unmodified, against the served exchange: REST orders of every kind it has, and its sockets for market and user data.

What points it there are the URLs of its own classes."""

import asyncio
import sys
from decimal import Decimal
from pathlib import Path

from binance import AsyncClient, BinanceSocketManager, Client
from binance.exceptions import BinanceAPIException

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import KEY, SECRET, TAKER, Server, check, close, equal, finish  # noqa: E402

BTC = "BTCUSDT"


def rest(client):
    check("instruments", {one["symbol"] for one in client.futures_exchange_info()["symbols"]} == {BTC, "ETHUSDT", "SOLUSDT"})
    book = client.futures_order_book(symbol=BTC, limit=5)
    check("the book", Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0]))
    equal("bars", len(client.futures_klines(symbol=BTC, interval="1m", limit=3)), 3)
    equal("leverage", client.futures_change_leverage(symbol=BTC, leverage=5)["leverage"], 5)
    before = Decimal(client.futures_account_balance()[0]["balance"])
    bought = client.futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity=0.02, newOrderRespType="RESULT")
    equal("a market order is filled", (bought["status"], Decimal(bought["executedQty"])), ("FILLED", Decimal("0.02")))
    parts = client.futures_account_trades(symbol=BTC, orderId=bought["orderId"])
    cost = sum(Decimal(part["price"]) * Decimal(part["qty"]) for part in parts)
    fee = sum(Decimal(part["commission"]) for part in parts)
    close("with the taker's fee", fee, cost * TAKER, "0.000001")
    close("which the balance has paid", Decimal(client.futures_account_balance()[0]["balance"]), before - fee, "0.000001")
    equal("the position", Decimal(client.futures_position_information(symbol=BTC)[0]["positionAmt"]), Decimal("0.02"))
    low = round(float(book["bids"][0][0]) * 0.98, 1)
    resting = client.futures_create_order(symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", quantity=0.01, price=low)
    equal("a limit order is open", [one["orderId"] for one in client.futures_get_open_orders(symbol=BTC)], [resting["orderId"]])
    gone = client.futures_cancel_order(symbol=BTC, orderId=resting["orderId"])
    equal("and is cancelled", gone["status"], "CANCELED")
    stop = client.futures_create_order(symbol=BTC, side="SELL", type="STOP_MARKET", triggerPrice=round(low * 0.9, 1), closePosition="true")
    equal("a stop goes to the algo service", stop["algoStatus"], "NEW")
    client.futures_cancel_algo_order(algoId=stop["algoId"])
    try:
        client.futures_create_order(symbol=BTC, side="BUY", type="MARKET", quantity=5_000)
        check("an order that is too large is refused", False)
    except BinanceAPIException as refused:
        equal("an order that is too large is refused", refused.code, -4005)


async def sockets(server):
    client = AsyncClient(KEY, SECRET)
    client.FUTURES_URL = f"{server.http}/fapi"
    manager = BinanceSocketManager(client)
    manager.FSTREAM_URL = f"{server.ws}/"
    try:
        async with manager.futures_user_socket() as user, manager.symbol_ticker_futures_socket(BTC) as ticker:
            quote = await asyncio.wait_for(ticker.recv(), 30)
            check("the best prices", Decimal(quote["data"]["b"]) < Decimal(quote["data"]["a"]), quote)
            sold = await client.futures_create_order(symbol=BTC, side="SELL", type="MARKET", quantity=0.02, reduceOnly="true")
            told = None
            while told is None or told["o"]["X"] != "FILLED":
                event = await asyncio.wait_for(user.recv(), 30)
                told = event if event["e"] == "ORDER_TRADE_UPDATE" else told
            equal("the fill is told", told["o"]["i"], sold["orderId"])
    finally:
        await client.close_connection()


def main():
    with Server("--seed", "3") as server:
        client = Client(KEY, SECRET, ping=False)
        client.FUTURES_URL = f"{server.http}/fapi"
        rest(client)
        asyncio.run(sockets(server))
    finish("python-binance")


if __name__ == "__main__":
    main()
