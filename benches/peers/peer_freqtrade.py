"""freqtrade's backtesting over minute bars: peer_freqtrade.py FILE FOLDER EXCHANGE-URL

Its own `Backtesting`, as `freqtrade backtesting` calls it, on futures with shorts. It asks the exchange for its markets, which is
ours here (`live_trading_launcher exchange`), reached by `ccxt_config` alone. Fills at the open of the bar after the one decided
on, and an exit and the entry that follows it in the same bar."""

import json
import sys
from pathlib import Path

import pandas as pd

from cross import CAPITAL, FAST, FEE, SLOW, STAKE
from measure import Stopwatch

PAIR = "BTC/USDT:USDT"

STRATEGY = f'''
import talib.abstract as ta
from freqtrade.strategy import IStrategy


class Cross(IStrategy):
    INTERFACE_VERSION = 3
    timeframe, can_short, startup_candle_count = "1m", True, 140
    minimal_roi, stoploss, use_exit_signal = {{"0": 1000}}, -0.99, True
    order_types = {{"entry": "market", "exit": "market", "stoploss": "market", "stoploss_on_exchange": False}}

    def populate_indicators(self, frame, metadata):
        frame["fast"], frame["slow"] = ta.EMA(frame, timeperiod={FAST}), ta.EMA(frame, timeperiod={SLOW})
        frame["up"] = frame["fast"] > frame["slow"]
        frame["turned"] = frame["up"] != frame["up"].shift(1)
        return frame

    def populate_entry_trend(self, frame, metadata):
        frame.loc[frame["up"] & frame["turned"], "enter_long"] = 1
        frame.loc[~frame["up"] & frame["turned"], "enter_short"] = 1
        return frame

    def populate_exit_trend(self, frame, metadata):
        frame.loc[~frame["up"], "exit_long"] = 1
        frame.loc[frame["up"], "exit_short"] = 1
        return frame
'''


def config(http):
    versions = {"Public": 1, "PublicV2": 2, "PublicV3": 3, "Private": 1, "PrivateV2": 2, "PrivateV3": 3}
    urls = {f"fapi{name}": f"{http}/fapi/v{version}" for name, version in versions.items()}
    return {
        "dry_run": True,
        "dry_run_wallet": CAPITAL,
        "trading_mode": "futures",
        "margin_mode": "isolated",
        "stake_currency": "USDT",
        "stake_amount": int(STAKE),
        "max_open_trades": 1,
        "fee": FEE,
        "futures_funding_rate": 0,
        "exchange": {
            "name": "binanceusdm",
            "pair_whitelist": [PAIR],
            "ccxt_config": {"urls": {"api": urls}, "options": {"fetchCurrencies": False}},
        },
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "dataformat_ohlcv": "feather",
    }


def lay_out(path, home, http):
    """A user's folder: configuration, strategy, and the bars; marks are the bars' and fundings nothing."""
    data = home / "data" / "binanceusdm" / "futures"
    for folder in [data, home / "strategies"]:
        folder.mkdir(parents=True, exist_ok=True)
    (home / "strategies" / "cross.py").write_text(STRATEGY)
    (home / "config.json").write_text(json.dumps(config(http)))
    frame = pd.read_csv(path)
    frame["date"] = pd.to_datetime(frame["date"], utc=True)
    frame.to_feather(data / "BTC_USDT_USDT-1m-futures.feather")
    hours = frame[frame["date"].dt.minute == 0].reset_index(drop=True)
    hours.to_feather(data / "BTC_USDT_USDT-1h-mark.feather")
    hours.assign(open=0.0, high=0.0, low=0.0, close=0.0, volume=0.0).to_feather(data / "BTC_USDT_USDT-1h-funding_rate.feather")
    return len(frame)


def main():
    path, home, http = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    events = lay_out(path, home, http)
    watch = Stopwatch()
    from freqtrade.commands.optimize_commands import setup_optimize_configuration
    from freqtrade.enums import RunMode
    from freqtrade.optimize.backtesting import Backtesting

    arguments = {"config": [str(home / "config.json")], "user_data_dir": str(home), "strategy": "Cross"}
    test = Backtesting(setup_optimize_configuration(arguments, RunMode.BACKTEST))
    data, timerange = test.load_bt_data()
    watch.first_event()
    test.backtest_one_strategy(test.strategylist[0], data, timerange)
    watch.last_event()
    trades = test.all_bt_content["Cross"]["results"]
    watch.tell("freqtrade", "freqtrade", events, 2 * len(trades), 2 * len(trades))


if __name__ == "__main__":
    main()
