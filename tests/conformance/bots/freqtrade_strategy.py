"""A strategy that trades often: two fast averages on minute bars, both sides, and a stop that rests at the exchange."""

import talib.abstract as ta
from freqtrade.strategy import IStrategy


class QuickCross(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1m"
    can_short = True
    startup_candle_count = 20
    process_only_new_candles = True
    minimal_roi = {"0": 10}
    stoploss = -0.05
    use_exit_signal = True
    order_types = {
        "entry": "market",
        "exit": "market",
        "emergency_exit": "market",
        "force_exit": "market",
        "force_entry": "market",
        "stoploss": "market",
        "stoploss_on_exchange": True,
        "stoploss_on_exchange_interval": 60,
        "stoploss_price_type": "mark",
    }

    def leverage(self, *args, **kwargs):
        return 2.0

    def populate_indicators(self, frame, metadata):
        frame["fast"] = ta.EMA(frame, timeperiod=2)
        frame["slow"] = ta.EMA(frame, timeperiod=4)
        return frame

    def populate_entry_trend(self, frame, metadata):
        frame.loc[frame["fast"] > frame["slow"], ["enter_long", "enter_tag"]] = (1, "up")
        frame.loc[frame["fast"] < frame["slow"], ["enter_short", "enter_tag"]] = (1, "down")
        return frame

    def populate_exit_trend(self, frame, metadata):
        frame.loc[frame["fast"] < frame["slow"], "exit_long"] = 1
        frame.loc[frame["fast"] > frame["slow"], "exit_short"] = 1
        return frame
