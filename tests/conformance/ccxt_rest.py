"""Every REST call of ccxt's binanceusdm that the protocol sheet lists, each checked for its meaning."""

import time
from decimal import Decimal

import ccxt

from support import (KEY, MAKER, OTHER_KEY, OTHER_SECRET, PATIENCE, SECRET, TAKER, Server, check, close, equal, finish,
                     section, wait_for)

BTC, ETH, SOL = "BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"


def client(server, key=KEY, secret=SECRET, **options):
    exchange = ccxt.binanceusdm({
        "apiKey": key,
        "secret": secret,
        "timeout": PATIENCE * 1000,
        "options": {"fetchCurrencies": False, **options},
    })
    for name in ["fapiPublic", "fapiPrivate"]:
        exchange.urls["api"][name] = f"{server.http}/fapi/v1"
        for version in [2, 3]:
            exchange.urls["api"][f"{name}V{version}"] = f"{server.http}/fapi/v{version}"
    # Error classes are chosen by the host's name; elsewhere the table has to be put in.
    exchange.exceptions["exact"].update(exchange.exceptions["linear"]["exact"])
    return exchange


def refused(what, error, call):
    try:
        seen = call()
    except ccxt.BaseError as raised:
        check(what, isinstance(raised, error), f"seen {type(raised).__name__}: {raised}")
        return str(raised)
    check(what, False, f"no error, but {seen}")
    return ""


def dec(number):
    return Decimal(str(number))


def market_data(x):
    markets = x.load_markets()
    equal("three perpetuals are listed", sorted(markets), [BTC, ETH, SOL])
    m = markets[BTC]
    check("the market is a linear perpetual", m["swap"] and m["linear"] and m["settle"] == "USDT" and m["active"])
    equal("tick and step", (m["precision"]["price"], m["precision"]["amount"]), (0.1, 0.001))
    check("limits are told", m["limits"]["cost"]["min"] > 0 and m["limits"]["amount"]["min"] == 0.001, m["limits"])
    asked = time.time() * 1000
    server_time = x.fetch_time()
    check("the server's clock is the wall's", asked - 500 < server_time < time.time() * 1000 + 500, server_time)
    ticker = x.fetch_ticker(BTC)
    check("a ticker's prices are in order", ticker["low"] <= ticker["last"] <= ticker["high"], ticker)
    close("a ticker's change", dec(ticker["change"]), dec(ticker["last"]) - dec(ticker["open"]), "0.000001")
    equal("all tickers", sorted(x.fetch_tickers()), [BTC, ETH, SOL])
    equal("bids and asks of all", sorted(x.fetch_bids_asks()), [BTC, ETH, SOL])
    equal("prices of all", sorted(x.fetch_last_prices()), [BTC, ETH, SOL])
    book = x.fetch_order_book(BTC, 10)
    bids, asks = book["bids"], book["asks"]
    check("a book is sorted and not crossed", bids == sorted(bids, reverse=True) and asks == sorted(asks)
          and bids[0][0] < asks[0][0], book)
    check("a book has at most what was asked for", 0 < len(bids) <= 10)
    trades = wait_for(lambda: x.fetch_trades(BTC, limit=5))
    check("trades have increasing numbers", [int(t["id"]) for t in trades] == sorted(int(t["id"]) for t in trades))
    candles(x)
    funding(x)
    interest = x.fetch_open_interest(BTC)
    check("open interest is told", interest["openInterestAmount"] is not None, interest)


def candles(x):
    for timeframe, length in [("1m", 60), ("5m", 300), ("1h", 3600), ("1d", 86400)]:
        asked = x.milliseconds()
        bars = x.fetch_ohlcv(BTC, timeframe, limit=50)
        times = [bar[0] for bar in bars]
        check(f"{timeframe}: as many bars as asked for", len(bars) == 50, len(bars))
        check(f"{timeframe}: bars follow each other", all(b - a == length * 1000 for a, b in zip(times, times[1:])))
        check(f"{timeframe}: bars are on their boundaries", all(t % (length * 1000) == 0 for t in times))
        check(f"{timeframe}: each bar is consistent", all(b[3] <= min(b[1], b[4]) and max(b[1], b[4]) <= b[2] for b in bars))
        check(f"{timeframe}: the last bar is open", times[-1] <= x.milliseconds() and asked < times[-1] + length * 1000 + 5000)
    hour = x.fetch_ohlcv(BTC, "1h", limit=3)[0]
    minutes = x.fetch_ohlcv(BTC, "1m", since=hour[0], limit=60)
    equal("sixty minutes make the hour", (hour[1], max(b[2] for b in minutes), min(b[3] for b in minutes), hour[4]),
          (minutes[0][1], hour[2], hour[3], minutes[-1][4]))
    close("and its volume", dec(sum(dec(b[5]) for b in minutes)), dec(hour[5]))
    for call in [x.fetch_mark_ohlcv, x.fetch_index_ohlcv, x.fetch_premium_index_ohlcv]:
        check(f"{call.__name__} gives bars", len(call(BTC, "1h", limit=5)) == 5)


def funding(x):
    rate = x.fetch_funding_rate(BTC)
    left = rate["fundingTimestamp"] - rate["timestamp"]
    check("the next funding is within its interval", 0 <= left <= 8 * 3600_000, rate)
    equal("funding rates of all", sorted(x.fetch_funding_rates()), [BTC, ETH, SOL])
    equal("mark prices of all", sorted(x.fetch_mark_prices()), [BTC, ETH, SOL])
    history = x.fetch_funding_rate_history(BTC, limit=3)
    check("fundings are eight hours apart", all(r["timestamp"] % (8 * 3600_000) == 0 for r in history) and len(history) == 3)
    intervals = x.fetch_funding_intervals()
    equal("the funding interval", intervals[BTC]["interval"], "8h")


def account_settings(x):
    equal("the account begins one-way", x.fetch_position_mode(BTC)["hedged"], False)
    refused("the same position mode again", ccxt.OperationRejected, lambda: x.set_position_mode(False))
    x.set_position_mode(True)
    equal("then it is hedged", x.fetch_position_mode(BTC)["hedged"], True)
    x.set_position_mode(False)
    reply = x.set_leverage(10, BTC)
    equal("leverage is set", (int(reply["leverage"]), reply["symbol"]), (10, "BTCUSDT"))
    refused("no such leverage", ccxt.BadRequest, lambda: x.fapiPrivatePostLeverage({"symbol": "BTCUSDT", "leverage": 200}))
    x.set_margin_mode("isolated", SOL)
    refused("the same margin mode again", ccxt.MarginModeAlreadySet, lambda: x.set_margin_mode("isolated", SOL))
    equal("margin mode is told", x.fetch_margin_mode(SOL)["marginMode"], "isolated")
    equal("leverage is told", x.fetch_leverage(BTC)["longLeverage"], 10)
    equal("multi-assets mode is off", x.fapiPrivateGetMultiAssetsMargin()["multiAssetsMargin"], False)
    tiers = x.fetch_leverage_tiers([BTC])[BTC]
    check("tiers rise", [t["minNotional"] for t in tiers] == sorted(t["minNotional"] for t in tiers)
          and tiers[0]["maxLeverage"] >= 100, tiers[:2])
    check("tiers of one market", len(x.fetch_market_leverage_tiers(BTC)) == len(tiers))
    fee = x.fetch_trading_fee(BTC)
    equal("fees", (dec(fee["maker"]), dec(fee["taker"])), (MAKER, TAKER))


def wallet(x):
    return dec(x.fetch_balance()["info"]["totalWalletBalance"])


def taking(x):
    """A market order: filled at what the book asks, with the taker's fee; closing realises the difference."""
    before = wallet(x)
    book = x.fetch_order_book(BTC, 20)
    order = x.create_order(BTC, "market", "buy", 0.02)
    equal("a market order is filled at once", (order["status"], order["filled"]), ("closed", 0.02))
    again = x.fetch_order(order["id"], BTC)
    price = dec(again["average"])
    worst = dec(book["asks"][-1][0]) * Decimal("1.01")
    check("at a price that the book asked", dec(book["bids"][0][0]) * Decimal("0.99") < price < worst, price, book["asks"][:2])
    trades = x.fetch_my_trades(BTC, params={"orderId": order["id"]})
    amount = sum(dec(t["amount"]) for t in trades)
    cost = sum(dec(t["amount"]) * dec(t["price"]) for t in trades)
    fee = sum(dec(t["fee"]["cost"]) for t in trades)
    equal("its trades add up to it", amount, Decimal("0.02"))
    close("its average is that of its trades", price, cost / amount, "0.000001")
    close("the taker's fee", fee, cost * TAKER)
    check("it took", all(t["takerOrMaker"] == "taker" and t["side"] == "buy" for t in trades), trades)
    close("the wallet paid the fee", wallet(x), before - fee)
    position = x.fetch_positions([BTC])[0]
    equal("the position is there", (position["side"], position["contracts"]), ("long", 0.02))
    close("at its entry price", position["entryPrice"], price, "0.000001")
    check("margin is a tenth of it", abs(dec(position["initialMargin"]) - dec(position["notional"]) / 10) < 1, position)
    check("liquidation is below", position["liquidationPrice"] is None or position["liquidationPrice"] < float(price))
    risk = x.fetch_positions_risk([BTC])[0]
    equal("version 2 tells the same", (risk["side"], risk["contracts"]), ("long", 0.02))
    balance = x.fetch_balance()["USDT"]
    close("free and used are the total", dec(balance["free"]) + dec(balance["used"]), balance["total"], "0.01")

    closing = x.create_order(BTC, "market", "sell", 0.02, params={"reduceOnly": True})
    sold = x.fetch_my_trades(BTC, params={"orderId": closing["id"]})
    proceeds = sum(dec(t["amount"]) * dec(t["price"]) for t in sold)
    realised = sum(dec(t["info"]["realizedPnl"]) for t in sold)
    close("the result is what was received less what was paid", realised, proceeds - cost, "0.000001")
    close("the wallet has it", wallet(x), before - fee + realised - sum(dec(t["fee"]["cost"]) for t in sold), "0.000001")
    equal("flat again", x.fetch_positions([BTC]), [])
    refused("nothing left to reduce", ccxt.InvalidOrder,
            lambda: x.create_order(BTC, "market", "sell", 0.02, params={"reduceOnly": True}))
    ledger = x.fetch_ledger("USDT", params={"type": "future"}) if x.has.get("fetchLedger") else []
    total = sum(dec(row["income"]) for row in x.fapiPrivateGetIncome({"limit": 1000}))
    close("all movements are the wallet's change", Decimal(10000) + total, wallet(x), "0.000001")
    check("the ledger is told", len(ledger) > 0, ledger[:1])


def resting(x, y):
    """A limit order: it rests, can be changed and cancelled, and fills as a maker when somebody comes to it."""
    bid = x.fetch_order_book(BTC, 5)["bids"][0][0]
    low = round(bid * 0.98, 1)
    order = x.create_order(BTC, "limit", "buy", 0.01, low, {"clientOrderId": "resting-1"})
    equal("a limit order rests", (order["status"], order["filled"], order["clientOrderId"]), ("open", 0.0, "resting-1"))
    equal("it is listed", [o["id"] for o in x.fetch_open_orders(BTC)], [order["id"]])
    equal("and by itself", x.fetch_open_order(order["id"], BTC)["price"], low)
    x.options["warnOnFetchOpenOrdersWithoutSymbol"] = False
    equal("and over all symbols", len(x.fetch_open_orders()), 1)
    equal("it shows in the book", sum(q for p, q in x.fetch_order_book(BTC, 100)["bids"] if p == low) >= 0.01, True)
    refused("its name is taken", ccxt.InvalidOrder, lambda: x.create_order(BTC, "limit", "buy", 0.01, low, {"clientOrderId": "resting-1"}))
    edited = x.edit_order(order["id"], BTC, "limit", "buy", 0.02, round(low - 10, 1))
    equal("it is changed", (edited["id"], edited["amount"], edited["price"]), (order["id"], 0.02, round(low - 10, 1)))
    gone = x.cancel_order(order["id"], BTC)
    equal("it is cancelled", gone["status"], "canceled")
    refused("a second time there is none", ccxt.OrderNotFound, lambda: x.cancel_order(order["id"], BTC))
    equal("it can be asked for", x.fetch_order(order["id"], BTC)["status"], "canceled")
    equal("by its name too", x.fetch_order(None, BTC, {"origClientOrderId": "resting-1"})["id"], order["id"])
    refused("an order that never was", ccxt.OrderNotFound, lambda: x.fetch_order("999999999", BTC))

    made = wait_for(lambda: meeting(x, y))
    check("two accounts come to each other", made is not None)
    ask = x.fetch_order_book(BTC, 5)["asks"][0][0]
    told = refused("a post-only order that would take", ccxt.BaseError, lambda: x.create_order(BTC, "limit", "buy", 0.01, round(ask * 1.01, 1), {"timeInForce": "GTX"}))
    check("is refused with -5022", "-5022" in told, told)
    told = refused("a fill-or-kill that cannot be filled", ccxt.BaseError, lambda: x.create_order(BTC, "limit", "buy", 1, round(bid * 0.97, 1), {"timeInForce": "FOK"}))
    check("is refused with -5021", "-5021" in told, told)
    expired = x.create_order(BTC, "limit", "buy", 0.01, round(bid * 0.97, 1), {"timeInForce": "IOC"})
    equal("an immediate-or-cancel that meets nothing expires", expired["status"], "expired")
    till = x.milliseconds() + 700_000
    dated = x.create_order(BTC, "limit", "buy", 0.01, round(bid * 0.97, 1), {"timeInForce": "GTD", "goodTillDate": till})
    equal("good till date", (dated["timeInForce"], int(dated["info"]["goodTillDate"])), ("GTD", till))
    x.cancel_order(dated["id"], BTC)
    orders = x.fetch_orders(BTC)
    check("all of them are listed", {order["id"], made["id"], expired["id"], dated["id"]} <= {o["id"] for o in orders})
    check("closed ones by themselves", all(o["status"] == "closed" for o in x.fetch_closed_orders(BTC)))
    check("cancelled ones by themselves", order["id"] in {o["id"] for o in x.fetch_canceled_orders(BTC)})
    x.fapiPrivatePostOrderTest(
        {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"})
    equal("a test order is no order", x.fetch_positions([BTC]), [])


def meeting(x, y):
    """Inside the spread only the other account can come to an order. Nothing, if the market moved in between."""
    book = x.fetch_order_book(BTC, 5)
    inside = round(book["bids"][0][0] + 0.1, 1)
    if inside >= book["asks"][0][0]:
        return None
    wallets = wallet(x), wallet(y)
    try:
        made = x.create_order(BTC, "limit", "buy", 0.01, inside, {"timeInForce": "GTX"})
    except ccxt.OrderImmediatelyFillable:
        return None
    taken = y.create_order(BTC, "limit", "sell", 0.01, inside, {"timeInForce": "IOC"})
    mine = x.fetch_my_trades(BTC, params={"orderId": made["id"]})
    theirs = y.fetch_my_trades(BTC, params={"orderId": taken["id"]})
    if taken["status"] == "closed" and mine and mine[0]["id"] == theirs[0]["id"]:
        price = dec(mine[0]["price"])
        close("the maker fills at its own price", price, inside)
        equal("both trades are the whole order", (mine[0]["amount"], theirs[0]["amount"]), (0.01, 0.01))
        equal("one made, one took", (mine[0]["takerOrMaker"], theirs[0]["takerOrMaker"]), ("maker", "taker"))
        cost = price * Decimal("0.01")
        close("the maker's fee", dec(mine[0]["fee"]["cost"]), cost * MAKER)
        close("each wallet paid its own", (wallets[0] - wallet(x)) + (wallets[1] - wallet(y)), cost * (MAKER + TAKER))
        public = [t for t in x.fetch_trades(BTC, limit=500) if t["id"] == mine[0]["id"]]
        check("it is on the public tape", bool(public) and public[0]["amount"] == 0.01, public)
        met = made
    else:
        met = None
    x.cancel_all_orders(BTC)
    for one in [x, y]:
        flatten(one, BTC)
    return met


def flatten(x, symbol):
    for position in x.fetch_positions([symbol]):
        side = "sell" if position["side"] == "long" else "buy"
        x.create_order(symbol, "market", side, position["contracts"], params={"reduceOnly": True})


def batches(x):
    bid = x.fetch_order_book(ETH, 5)["bids"][0][0]
    wanted = [{"symbol": ETH, "type": "limit", "side": "buy", "amount": 0.1, "price": round(bid * share, 2)}
              for share in (0.98, 0.97, 0.5)]
    placed = x.create_orders(wanted)
    equal("two of a batch are placed", [o["status"] for o in placed[:2]], ["open", "open"])
    raw = x.fapiPrivatePostBatchOrders({"batchOrders": [
        {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1", "price": "1"},
        {"symbol": "ETHUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.1",
         "price": str(round(bid * 0.96, 2))}]})
    equal("one refusal does not stop the others", ["code" in raw[0], "code" in raw[1]], [True, False])
    gone = x.cancel_orders([o["id"] for o in placed[:2]], ETH)
    equal("a batch is cancelled", [o["status"] for o in gone], ["canceled", "canceled"])
    x.cancel_all_orders(ETH)
    equal("and the rest at once", x.fetch_open_orders(ETH), [])
    x.create_order(ETH, "limit", "buy", 0.1, round(bid * 0.97, 2))
    reply = x.fapiPrivatePostCountdownCancelAll({"symbol": "ETHUSDT", "countdownTime": 500})
    equal("a dead man's switch is set", (reply["symbol"], reply["countdownTime"]), ("ETHUSDT", "500"))
    check("and cancels in time", wait_for(lambda: not x.fetch_open_orders(ETH)) is not None)


def conditional(x, y):
    last = x.fetch_ticker(BTC)["last"]
    plain = {"stopPrice": round(last * 0.9, 1)}
    kinds = [
        ("STOP_MARKET", "sell", None, {"stopPrice": round(last * 0.9, 1)}),
        ("TAKE_PROFIT_MARKET", "sell", None, {"stopPrice": round(last * 1.1, 1)}),
        ("STOP", "sell", round(last * 0.89, 1), {"stopPrice": round(last * 0.9, 1)}),
        ("TAKE_PROFIT", "sell", round(last * 1.11, 1), {"stopPrice": round(last * 1.1, 1)}),
        ("TRAILING_STOP_MARKET", "sell", None, {"trailingPercent": 5}),
    ]
    ids = []
    for kind, side, price, params in kinds:
        order = x.create_order(BTC, kind, side, 0.01, price, {**params, "clientOrderId": f"c-{kind.lower()}"[:32]})
        ids.append(order["id"])
        equal(f"{kind} waits", (order["status"], order["info"]["orderType"]), ("open", kind))
    waiting = x.fetch_open_orders(BTC, params={"trigger": True})
    equal("all are listed as conditional", sorted(o["id"] for o in waiting), sorted(ids))
    equal("and none as an order", x.fetch_open_orders(BTC), [])
    one = x.fetch_order(ids[0], BTC, {"trigger": True})
    equal("one can be asked for", (one["id"], one["triggerPrice"]), (ids[0], plain["stopPrice"]))
    x.cancel_order(ids[0], BTC, {"trigger": True})
    equal("one can be cancelled", x.fetch_order(ids[0], BTC, {"trigger": True})["status"], "canceled")
    refused("and then is gone", ccxt.OrderNotFound, lambda: x.cancel_order(ids[0], BTC, {"trigger": True}))
    x.cancel_all_orders(BTC, {"trigger": True})
    equal("all can be cancelled", x.fetch_open_orders(BTC, params={"trigger": True}), [])
    refused("a stop that is crossed", ccxt.OrderImmediatelyFillable, lambda: x.create_order(
        BTC, "STOP_MARKET", "sell", 0.01, None, {"stopPrice": round(last * 1.1, 1)}))
    told = refused("a stop where orders go", ccxt.BaseError, lambda: x.fapiPrivatePostOrder(
        {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01", "stopPrice": "1000"}))
    check("is refused with -4120", "-4120" in told, told)


def triggered(x, y):
    """The last trade sets a stop off, whoever traded; it becomes an order with a number of its own."""
    last = x.fetch_ticker(BTC)["last"]
    stop = x.create_order(BTC, "STOP_MARKET", "buy", 0.01, None, {"stopPrice": round(last * 1.0001, 1)})

    def after_a_sweep():
        """The other account takes more than the best price offers, and so trades above it."""
        y.create_order(BTC, "market", "buy", 0.9)
        seen = x.fetch_order(stop["id"], BTC, {"trigger": True})
        told = x.fetch_ticker(BTC)["last"]
        y.create_order(BTC, "market", "sell", 0.9, params={"reduceOnly": True})
        if seen["info"]["algoStatus"] == "FINISHED":
            return seen
        check("it waits for its price alone", told < seen["triggerPrice"] or market_moved(), told, seen)
        return None

    def market_moved():
        return x.fetch_order(stop["id"], BTC, {"trigger": True})["info"]["algoStatus"] == "FINISHED"

    done = wait_for(after_a_sweep)
    check("a trade above its price sets it off", done is not None, stop)
    if not done:
        x.cancel_order(stop["id"], BTC, {"trigger": True})
        return
    actual = done["info"]["actualOrderId"]
    check("the order that it became has its own number", actual not in ("", stop["id"]), done["info"])
    order = x.fetch_order(actual, BTC)
    equal("and is filled", (order["status"], order["filled"]), ("closed", 0.01))
    close("at the price that the conditional order tells", done["info"]["actualPrice"], order["average"], "0.000001")
    protect = x.create_order(BTC, "STOP_MARKET", "sell", None, None, {"stopPrice": round(last * 0.9, 1), "closePosition": True})
    told = refused("a second stop that closes the position", ccxt.BaseError, lambda: x.create_order(
        BTC, "STOP_MARKET", "sell", None, None, {"stopPrice": round(last * 0.91, 1), "closePosition": True}))
    check("is refused with -4130", "-4130" in told, told)
    x.cancel_order(protect["id"], BTC, {"trigger": True})
    x.create_order(BTC, "market", "sell", 0.01, params={"reduceOnly": True})


def isolated_and_hedged(x):
    x.create_order(SOL, "market", "buy", 10)
    position = x.fetch_positions([SOL])[0]
    equal("the position is isolated", position["marginMode"], "isolated")
    before = dec(x.fapiPrivateV3GetPositionRisk({"symbol": "SOLUSDT"})[0]["isolatedWallet"])
    x.add_margin(SOL, 20)
    after = dec(x.fapiPrivateV3GetPositionRisk({"symbol": "SOLUSDT"})[0]["isolatedWallet"])
    close("margin is added", after - before, 20)
    x.reduce_margin(SOL, 15)
    history = x.fetch_margin_adjustment_history(SOL)
    equal("and its changes are told", [(h["type"], h["amount"]) for h in history], [("add", 20.0), ("reduce", 15.0)])
    refused("the margin mode is fixed while it is held", ccxt.BaseError, lambda: x.set_margin_mode("cross", SOL))
    refused("the position mode too", ccxt.BaseError, lambda: x.set_position_mode(True))
    x.create_order(SOL, "market", "sell", 10, params={"reduceOnly": True})
    x.set_position_mode(True)
    refused("a leg has to be named", ccxt.BaseError, lambda: x.create_order(ETH, "market", "buy", 0.1))
    x.create_order(ETH, "market", "buy", 0.1, params={"positionSide": "LONG"})
    x.create_order(ETH, "market", "sell", 0.05, params={"positionSide": "SHORT"})
    legs = {p["side"]: p["contracts"] for p in x.fetch_positions([ETH])}
    equal("both legs are held", legs, {"long": 0.1, "short": 0.05})
    x.create_order(ETH, "market", "sell", 0.1, params={"positionSide": "LONG"})
    x.create_order(ETH, "market", "buy", 0.05, params={"positionSide": "SHORT"})
    equal("and closed", x.fetch_positions([ETH]), [])
    x.set_position_mode(False)


def refusals(x, server):
    last = x.fetch_ticker(BTC)["last"]
    refused("too much for the margin", ccxt.InsufficientFunds, lambda: x.create_order(BTC, "market", "buy", 50))
    send = lambda **more: x.fapiPrivatePostOrder({"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC",
                                                  "quantity": "0.01", "price": str(round(last * 0.98, 1)), **more})
    for what, code, call in [
        ("off the tick", "-1111", lambda: send(price="10000.123")),
        ("off the step", "-1111", lambda: send(quantity="0.00101")),
        ("worth too little", "-4164", lambda: send(quantity="0.001", price=str(round(last * 0.96, 1)))),
        ("too far from the mark", "-4016", lambda: send(price=str(round(last * 2, 1)))),
        ("no such symbol", "-1121", lambda: send(symbol="NOPEUSDT")),
        ("no such side", "-1117", lambda: send(side="HOLD")),
        ("no such type", "-1116", lambda: send(type="GUESS")),
        ("no such time in force", "-1115", lambda: send(timeInForce="LATER")),
        ("no quantity", "-1102", lambda: send(quantity="")),
        ("no quantity at all", "-4003", lambda: send(quantity="0")),
        ("a name with a bad character", "-4015", lambda: send(newClientOrderId="a$b")),
        ("a leg in one-way mode", "-4061", lambda: send(positionSide="LONG")),
    ]:
        told = refused(what, ccxt.BaseError, call)
        check(f"{what}: {code}", code in told, told)
    stranger = client(server, "nobody", "nothing")
    refused("an unknown key", ccxt.AuthenticationError, stranger.fetch_balance)
    forger = client(server, KEY, "wrong")
    refused("a wrong signature", ccxt.AuthenticationError, forger.fetch_balance)
    late = client(server)
    late.nonce = lambda: x.milliseconds() - 60_000
    refused("a stamp of a minute ago", ccxt.InvalidNonce, late.fetch_balance)


def liquidation(server, y):
    """An account that is closed by force is told so, and ends with what is left."""
    y.set_leverage(50, BTC)
    y.create_order(BTC, "market", "buy", 0.5)
    server.control("liquidate", {"account": 1})
    equal("the position is gone", y.fetch_positions([BTC]), [])
    forced = y.fetch_my_liquidations(BTC)
    check("the liquidation is told", len(forced) == 1 and forced[0]["contracts"] == 0.5, forced)
    trades = y.fetch_my_trades(BTC)
    total = sum(dec(row["income"]) for row in y.fapiPrivateGetIncome({"limit": 1000}))
    close("its movements are the wallet's change", Decimal(10000) + total, wallet(y), "0.000001")
    check("its fees are among them", total < -sum(dec(t["fee"]["cost"]) for t in trades) + 1000, total)


def listen_keys(x):
    key = x.fapiPrivatePostListenKey()["listenKey"]
    equal("a listen key has 64 characters", len(key), 64)
    equal("and stays the same", x.fapiPrivatePostListenKey()["listenKey"], key)
    x.fapiPrivatePutListenKey()
    x.fapiPrivateDeleteListenKey()
    refused("until it is taken back", ccxt.BaseError, x.fapiPrivatePutListenKey)


def last_price(x, y):
    """Every place that tells the last price tells the same, and it is the one that conditional orders watch."""
    for side, beyond, trigger in [("buy", 1, "sell"), ("sell", -1, "buy")]:
        def agrees():
            flatten(y, BTC)
            y.create_order(BTC, "market", side, 0.02)
            day, price = x.fetch_ticker(BTC), x.fapiPublicV2GetTickerPrice({"symbol": "BTCUSDT"})
            trade = x.fetch_trades(BTC, limit=1)[-1]
            if not (day["last"] == float(price["price"]) == trade["price"]):
                return None  # the market traded in between
            # One tick beyond what was told last: refused if it were another price that is watched.
            try:
                kind = "TAKE_PROFIT_MARKET"
                order = x.create_order(BTC, kind, trigger, 0.01, None, {"stopPrice": round(day["last"] + beyond * 0.1, 1)})
            except ccxt.OrderImmediatelyFillable:
                return None
            x.cancel_order(order["id"], BTC, {"trigger": True})
            return day["last"]

        check(f"after a {side} all tell one last price", wait_for(agrees) is not None)
        flatten(y, BTC)


def main():
    with Server("--control", "--seed", "3") as server:
        x, y = client(server), client(server, OTHER_KEY, OTHER_SECRET)
        x.enableRateLimit = y.enableRateLimit = False
        x.load_markets()
        y.load_markets()
        y.set_leverage(50, BTC)
        section("market data", market_data, x)
        section("account settings", account_settings, x)
        section("taking", taking, x)
        section("resting", resting, x, y)
        section("batches", batches, x)
        section("conditional orders", conditional, x, y)
        section("the last price", last_price, x, y)
        section("triggering", triggered, x, y)
        section("isolated and hedged", isolated_and_hedged, x)
        section("refusals", refusals, x, server)
        section("listen keys", listen_keys, x)
        section("liquidation", liquidation, server, y)
    finish("ccxt, REST")


if __name__ == "__main__":
    main()
