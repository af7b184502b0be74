"""NautilusTrader's live TradingNode, unmodified, against the served exchange: connects, reconciles, takes market data, and a strategy
that enters, rests a limit order and cancels it, asks for a stop, and leaves. What it saw must be what our books say.

What points it there are `base_url_http`, `base_url_ws` and, where it has one, `base_url_ws_stream` of its own configuration. Versions
without it, like 1.221, send stops to the endpoint of plain orders, which Binance refuses with -4120, and so do we."""

import asyncio
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import InstrumentProviderConfig, LiveExecEngineConfig, LoggingConfig, StrategyConfig, TradingNodeConfig
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.enums import OrderSide, TimeInForce, TriggerType
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from support import KEY, SECRET, TAKER, Server, check, close, equal, finish  # noqa: E402

BTC = InstrumentId.from_str("BTCUSDT-PERP.BINANCE")
# Quotes that are waited for: one in ten figures ends with a zero, and a figure without it would not be understood.
QUOTES = 30
# Has it a stream for users apart from the WebSocket API? Those versions know the service for conditional orders as well.
KNOWS_ALGO_ORDERS = "base_url_ws_stream" in BinanceExecClientConfig.__struct_fields__
# What it calls the states of our orders.
STATES = {"FILLED": "FILLED", "CANCELED": "CANCELED", "NEW": "ACCEPTED", "EXPIRED": "EXPIRED"}
# Seconds for all of it; the node takes some of them to connect.
WITHIN = 120


class Rehearsal(Strategy):
    """One step after the other, each begun by the event that ends the one before."""

    def __init__(self):
        super().__init__(StrategyConfig(strategy_id="REHEARSAL-001"))
        self.quotes, self.trades, self.events, self.step, self.done = 0, 0, [], 0, False

    def on_start(self):
        self.instrument = self.cache.instrument(BTC)
        self.subscribe_quote_ticks(BTC)
        self.subscribe_trade_ticks(BTC)

    def on_quote_tick(self, quote):
        self.quotes += 1
        self.last = quote
        if self.quotes >= 3 and self.trades >= 1 and self.step == 0:
            self.step = 1
            self.submit_order(self.order_factory.market(BTC, OrderSide.BUY, self.instrument.make_qty(0.02)))

    def on_trade_tick(self, _trade):
        self.trades += 1

    def on_order_event(self, event):
        name = type(event).__name__
        self.events.append(event)
        price = lambda ratio: self.instrument.make_price(float(self.last.bid_price) * ratio)
        if self.step == 1 and name == "OrderFilled" and self.cache.order(event.client_order_id).is_closed:
            self.step = 2
            qty = self.instrument.make_qty(0.01)
            self.submit_order(self.order_factory.limit(BTC, OrderSide.BUY, qty, price(0.98), time_in_force=TimeInForce.GTC))
        elif self.step == 2 and name == "OrderAccepted":
            self.step = 3
            self.cancel_order(self.cache.order(event.client_order_id))
        elif self.step == 3 and name == "OrderCanceled":
            self.step = 4
            stop = self.order_factory.stop_market(
                BTC, OrderSide.SELL, self.instrument.make_qty(0.02), price(0.9), trigger_type=TriggerType.MARK_PRICE, reduce_only=True
            )
            self.submit_order(stop)
        elif self.step == 4 and name in ("OrderRejected", "OrderAccepted", "OrderDenied"):
            self.leave()
        elif self.step == 5 and name == "OrderFilled" and self.cache.order(event.client_order_id).is_closed:
            self.step, self.done = 6, True

    def leave(self):
        self.step = 5
        held = self.instrument.make_qty(0.02)
        self.submit_order(self.order_factory.market(BTC, OrderSide.SELL, held, reduce_only=True))


def node(server, logs):
    common = {
        "api_key": KEY,
        "api_secret": SECRET,
        "account_type": BinanceAccountType.USDT_FUTURES,
        "base_url_http": server.http,
        "base_url_ws": server.ws,
        "instrument_provider": InstrumentProviderConfig(load_all=True),
    }
    users = {"base_url_ws": f"{server.ws}/ws-fapi/v1", "base_url_ws_stream": server.ws} if KNOWS_ALGO_ORDERS else {}
    config = TradingNodeConfig(
        trader_id="CONFORMANCE-001",
        logging=LoggingConfig(log_level="OFF", log_level_file="WARNING", log_directory=logs, log_file_name="node"),
        exec_engine=LiveExecEngineConfig(reconciliation=True),
        data_clients={BINANCE: BinanceDataClientConfig(**common)},
        exec_clients={BINANCE: BinanceExecClientConfig(**{**common, **users})},
        timeout_connection=60.0,
        timeout_reconciliation=30.0,
        timeout_portfolio=30.0,
        timeout_disconnection=10.0,
        timeout_post_stop=2.0,
    )
    made = TradingNode(config=config)
    made.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    made.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    made.build()
    return made


async def rehearse(server, strategy, logs):
    trading = node(server, logs)
    trading.trader.add_strategy(strategy)
    running = asyncio.ensure_future(trading.run_async())
    for _ in range(WITHIN * 10):
        await asyncio.sleep(0.1)
        if strategy.done and strategy.quotes >= QUOTES or running.done():
            break
    await asyncio.sleep(1)
    account = trading.portfolio.account(BTC.venue)
    balance = account.balance_total(USDT).as_decimal() if account else 0
    await trading.stop_async()
    await asyncio.sleep(1)
    running.cancel()
    return balance


def compare(server, strategy):
    """Every order and every fill, in both directions."""
    orders = {str(row["orderId"]): row for row in server.signed("/fapi/v1/allOrders", symbol="BTCUSDT")}
    parts = {str(row["id"]): row for row in server.signed("/fapi/v1/userTrades", symbol="BTCUSDT")}
    kinds = {type(event).__name__ for event in strategy.events}
    check("no order was denied", not kinds & {"OrderDenied", "OrderCancelRejected"}, kinds)
    rejected = [event for event in strategy.events if type(event).__name__ == "OrderRejected"]
    expected = [] if KNOWS_ALGO_ORDERS else [True]
    equal("no order is refused but the stop of old versions", ["-4120" in event.reason for event in rejected], expected)
    refused = {event.client_order_id.value for event in rejected}
    stops = server.signed("/fapi/v1/allAlgoOrders", symbol="BTCUSDT")
    by_client = {row["clientOrderId"]: row for row in orders.values()} | {row["clientAlgoId"]: row for row in stops}
    sent = {event.client_order_id.value for event in strategy.events} - refused
    equal("the same orders", sorted(by_client), sorted(sent))
    for order in strategy.cache.orders():
        row = by_client.get(order.client_order_id.value)
        if row is not None:
            equal(f"{order.client_order_id}: state", order.status_string(), STATES[row.get("status") or row["algoStatus"]])
    fills = [event for event in strategy.events if type(event).__name__ == "OrderFilled"]
    equal("the same fills", sorted(event.trade_id.value for event in fills), sorted(parts))
    for event in fills:
        row = parts.get(event.trade_id.value)
        if row is None:
            continue
        close(f"fill {event.trade_id}: price", event.last_px, row["price"])
        close(f"fill {event.trade_id}: quantity", event.last_qty, row["qty"])
        close(f"fill {event.trade_id}: fee", event.commission.as_decimal(), row["commission"])
        close(f"fill {event.trade_id}: the taker's fee", row["commission"], Decimal(row["quoteQty"]) * TAKER, "0.000001")


def main():
    strategy = Rehearsal()
    with Server("--seed", "5") as server, tempfile.TemporaryDirectory() as logs:
        balance = asyncio.run(rehearse(server, strategy, logs))
        complaints = [line for file in Path(logs).iterdir() for line in file.read_text().splitlines() if "[ERROR]" in line]
        unexpected = [line for line in complaints if "-4120" not in line]
        check("it understood every message", not unexpected, *unexpected[:5])
        names = [type(event).__name__ for event in strategy.events]
        check("it came to its end", strategy.done, f"step {strategy.step}", *names)
        check("it saw the market", strategy.quotes >= QUOTES and strategy.trades >= 1, strategy.quotes, strategy.trades)
        compare(server, strategy)
        wallet = server.signed("/fapi/v2/balance")[0]["balance"]
        close("the balance", balance, wallet)
        print(f"NautilusTrader: {strategy.quotes} quotes, {strategy.trades} trades, events {', '.join(names)}")
    finish("NautilusTrader, live")


if __name__ == "__main__":
    main()
