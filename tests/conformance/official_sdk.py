"""Binance's own Python SDK: its models check the type of every field that they know."""

import asyncio
import time
import traceback
from decimal import Decimal

from binance_common.configuration import (ConfigurationRestAPI, ConfigurationWebSocketAPI,
                                          ConfigurationWebSocketStreams)
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from binance_sdk_derivatives_trading_usds_futures.websocket_streams.models import KlineCandlestickStreamsIntervalEnum

from support import KEY, PATIENCE, SECRET, TAKER, Server, check, close, equal, finish

BTC = "BTCUSDT"


def sdk(server):
    return DerivativesTradingUsdsFutures(
        config_rest_api=ConfigurationRestAPI(api_key=KEY, api_secret=SECRET, base_path=server.http, retries=0,
                                             timeout=PATIENCE * 1000),
        config_ws_api=ConfigurationWebSocketAPI(api_key=KEY, api_secret=SECRET, stream_url=f"{server.ws}/ws-fapi/v1"),
        config_ws_streams=ConfigurationWebSocketStreams(stream_url=server.ws),
    )


def one(model):
    """The model behind a reply that may be one of several."""
    return getattr(model, "actual_instance", None) or model


def rest(api):
    ask = lambda call, *args, **kwargs: one(call(*args, **kwargs).data())
    ask(api.test_connectivity)
    check("the server's clock", ask(api.check_server_time).server_time > 1_700_000_000_000)
    info = ask(api.exchange_information)
    equal("instruments", [s.symbol for s in info.symbols], ["BTCUSDT", "ETHUSDT", "SOLUSDT"])
    book = ask(api.order_book, symbol=BTC, limit=5)
    check("the book", Decimal(book.bids[0][0]) < Decimal(book.asks[0][0]))
    check("bars", len(ask(api.kline_candlestick_data, symbol=BTC, interval="1m", limit=3)) == 3)
    check("bars of the contract", len(ask(api.continuous_contract_kline_candlestick_data, pair=BTC, contract_type="PERPETUAL", interval="1m", limit=3)) == 3)
    check("bars of the mark", len(ask(api.mark_price_kline_candlestick_data, symbol=BTC, interval="1m", limit=3)) == 3)
    check("trades", ask(api.recent_trades_list, symbol=BTC, limit=3)[-1].qty is not None)
    check("aggregated trades", ask(api.compressed_aggregate_trades_list, symbol=BTC, limit=3)[-1].a is not None)
    check("older trades", len(ask(api.old_trades_lookup, symbol=BTC, limit=3)) == 3)
    check("the day", Decimal(ask(api.ticker24hr_price_change_statistics, symbol=BTC).last_price) > 0)
    check("the price", Decimal(ask(api.symbol_price_ticker_v2, symbol=BTC).price) > 0)
    check("the best prices", Decimal(ask(api.symbol_order_book_ticker, symbol=BTC).bid_price) > 0)
    check("the mark", Decimal(ask(api.mark_price, symbol=BTC).mark_price) > 0)
    check("fundings", len(ask(api.get_funding_rate_history, symbol=BTC, limit=2)) == 2)
    equal("funding intervals", [i.funding_interval_hours for i in ask(api.get_funding_rate_info)], [8, 8, 8])
    check("open interest", ask(api.open_interest, symbol=BTC).open_interest is not None)

    equal("leverage", ask(api.change_initial_leverage, symbol=BTC, leverage=10).leverage, 10)
    bought = ask(api.new_order, symbol=BTC, side="BUY", type="MARKET", quantity=0.02, new_order_resp_type="RESULT")
    equal("a market order is filled", (bought.status, bought.executed_qty), ("FILLED", "0.02"))
    trades = ask(api.account_trade_list, symbol=BTC, order_id=bought.order_id)
    cost = sum(Decimal(t.price) * Decimal(t.qty) for t in trades)
    close("with the taker's fee", sum(Decimal(t.commission) for t in trades), cost * TAKER)
    position = ask(api.position_information_v3, symbol=BTC)[0]
    equal("the position", position.position_amt, "0.02")
    check("version 2 of it", ask(api.position_information_v2, symbol=BTC)[0].position_amt == "0.02")
    for call in [api.account_information_v2, api.account_information_v3]:
        account = ask(call)
        close(f"the margin balance of {call.__name__}", Decimal(account.total_margin_balance),
              Decimal(account.total_wallet_balance) + Decimal(account.total_unrealized_profit))
    for call in [api.futures_account_balance_v2, api.futures_account_balance_v3]:
        check(call.__name__, Decimal(ask(call)[0].balance) < 10_000)
    low = round(float(book.bids[0][0]) * 0.98, 1)
    resting = ask(api.new_order, symbol=BTC, side="BUY", type="LIMIT", time_in_force="GTC", quantity=0.01, price=low)
    equal("a limit order", resting.status, "NEW")
    changed = ask(api.modify_order, symbol=BTC, side="BUY", order_id=resting.order_id, quantity=0.02, price=low)
    equal("is changed", changed.orig_qty, "0.02")
    check("and tells its changes", len(ask(api.get_order_modify_history, symbol=BTC)) == 1)
    equal("is open", [o.order_id for o in ask(api.current_all_open_orders, symbol=BTC)], [resting.order_id])
    equal("is asked for", ask(api.query_order, symbol=BTC, order_id=resting.order_id).status, "NEW")
    equal("is cancelled", ask(api.cancel_order, symbol=BTC, order_id=resting.order_id).status, "CANCELED")
    check("orders are listed", len(ask(api.all_orders, symbol=BTC)) == 2)
    stop = ask(api.new_algo_order, algo_type="CONDITIONAL", symbol=BTC, side="SELL", type="STOP_MARKET",
               trigger_price=round(low * 0.9, 1), close_position="true")
    equal("a stop waits", stop.algo_status, "NEW")
    equal("and is listed", [o.algo_id for o in ask(api.current_all_algo_open_orders)], [stop.algo_id])
    equal("is asked for", ask(api.query_algo_order, algo_id=stop.algo_id).order_type, "STOP_MARKET")
    equal("is cancelled", ask(api.cancel_algo_order, algo_id=stop.algo_id).msg, "success")
    check("conditional orders are listed", len(ask(api.query_all_algo_orders, symbol=BTC)) == 1)
    ask(api.cancel_all_open_orders, symbol=BTC)
    ask(api.cancel_all_algo_open_orders, symbol=BTC)
    check("income", len(ask(api.get_income_history)) >= 1)
    check("brackets", len(ask(api.notional_and_leverage_brackets)) == 3)
    equal("fees", ask(api.user_commission_rate, symbol=BTC).taker_commission_rate, "0.00050000")
    check("limits of orders", len(ask(api.query_user_rate_limit)) == 2)
    check("symbols are configured", ask(api.symbol_configuration, symbol=BTC)[0].leverage == 10)
    check("the account is configured", ask(api.futures_account_configuration).can_trade)
    check("quantiles", ask(api.position_adl_quantile_estimation)[0].symbol == BTC)
    return ask(api.start_user_data_stream).listen_key, low


async def streams(client, key, low):
    seen = {}
    connection = await client.websocket_streams.create_connection()

    def note(name):
        return lambda data: seen.setdefault(name, data)

    for name, stream in [
        ("aggTrade", connection.aggregate_trade_streams(symbol="btcusdt")),
        ("markPrice", connection.mark_price_stream(symbol="btcusdt", update_speed="1s")),
        ("kline", connection.kline_candlestick_streams(symbol="btcusdt", interval=KlineCandlestickStreamsIntervalEnum["INTERVAL_1m"].value)),
        ("ticker", connection.individual_symbol_ticker_streams(symbol="btcusdt")),
        ("miniTicker", connection.individual_symbol_mini_ticker_stream(symbol="btcusdt")),
        ("bookTicker", connection.individual_symbol_book_ticker_streams(symbol="btcusdt")),
        ("depth", connection.diff_book_depth_streams(symbol="btcusdt")),
        ("partial", connection.partial_book_depth_streams(symbol="btcusdt", levels="5")),
        ("user", connection.user_data(key)),
    ]:
        (await stream).on("message", note(name))
    client.rest_api.new_order(symbol=BTC, side="SELL", type="MARKET", quantity=0.02, reduce_only="true")
    end = time.monotonic() + PATIENCE
    while len(seen) < 9 and time.monotonic() < end:
        # The first orders may come before the subscription is known.
        client.rest_api.new_order(symbol=BTC, side="BUY", type="LIMIT", time_in_force="IOC", quantity=0.02, price=low)
        await asyncio.sleep(1)
    expected = ["aggTrade", "bookTicker", "depth", "kline", "markPrice", "miniTicker", "partial", "ticker", "user"]
    equal("every stream is told", sorted(seen), expected)
    await connection.close_connection(close_session=True)


async def main():
    with Server("--seed", "3") as server:
        client = sdk(server)
        try:
            await streams(client, *rest(client.rest_api))
        except Exception:
            check("the SDK goes through", False, traceback.format_exc())
    finish("the official SDK")


if __name__ == "__main__":
    asyncio.run(main())
