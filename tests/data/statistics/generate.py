#!/usr/bin/env python3
"""Writes the values that `tests/backtest/statistics.rs` holds our figures against, computed by other people's libraries.

    python3 -m venv /tmp/st
    /tmp/st/bin/pip install empyrical-reloaded==0.7.1 QuantStats==0.0.77 scipy==1.17.1 ipython==9.0.2 pandas==2.3.3 numpy==2.4.6
    /tmp/st/bin/python generate.py

`days.csv` has a point at every midnight, `minutes.csv` points at odd minutes with whole days left out, `trades.csv` net results.
`figures.json` has the figures of each. Equity and results have two decimals, so that both sides read the same numbers.
"""

import json
import pathlib
import random

import empyrical
import numpy as np
import pandas as pd
import quantstats as qs
from scipy import stats

HERE = pathlib.Path(__file__).parent
START = pd.Timestamp("2023-11-20", tz="UTC")
DAYS_A_YEAR = 365


def days():
    rng, equity, points = random.Random(11), 10_000.0, {}
    for day in range(501):
        points[START + pd.Timedelta(days=day)] = equity
        equity = round(equity * (1 + rng.gauss(0.0011, 0.017)), 2)
    return pd.Series(points)


def minutes():
    rng, equity, points = random.Random(8), 10_000.0, {START: 10_000.0}
    for minute in range(1, 60 * 1440):
        if 20 <= minute // 1440 < 23 or rng.random() > 0.04:
            continue
        equity = round(equity * (1 + rng.gauss(0.00002, 0.0015)), 2)
        points[START + pd.Timedelta(minutes=minute)] = equity
    points[START + pd.Timedelta(days=60)] = equity
    return pd.Series(points)


def trades():
    rng = random.Random(9)
    return pd.Series([round(rng.gauss(1.5, 40), 2) for _ in range(321)])


def daily_returns(curve):
    """A point at midnight is the close of the day that ends there; the first point is the close before the first day."""
    closes = curve.iloc[1:].resample("1D", closed="right", label="left").last().ffill()
    closes = pd.concat([curve.iloc[:1].set_axis([closes.index[0] - pd.Timedelta(days=1)]), closes])
    return closes.pct_change().dropna()


def of_curve(curve, with_calmar):
    daily, every = daily_returns(curve), curve.pct_change().dropna()
    figures = {
        "days": len(daily),
        "total_return": empyrical.cum_returns_final(daily),
        "annual_return": empyrical.annual_return(daily, annualization=DAYS_A_YEAR),
        "sharpe": empyrical.sharpe_ratio(daily, annualization=DAYS_A_YEAR),
        "sortino": empyrical.sortino_ratio(daily, annualization=DAYS_A_YEAR),
        "max_drawdown": -empyrical.max_drawdown(every),
        "sharpe_quantstats": qs.stats.sharpe(daily, periods=DAYS_A_YEAR),
        "sortino_quantstats": qs.stats.sortino(daily, periods=DAYS_A_YEAR),
        "max_drawdown_quantstats": -qs.stats.max_drawdown(every),
    }
    if with_calmar:
        figures["calmar"] = empyrical.calmar_ratio(daily, annualization=DAYS_A_YEAR)
        # Under water from the day after the peak to the day before it was reached again: the peak's day is one more
        # at the beginning, the recovery's one more at the end.
        naive = daily.set_axis(daily.index.tz_localize(None))
        details = qs.stats.drawdown_details(qs.stats.to_drawdown_series(naive))
        worst = details.loc[details["max drawdown"].idxmin()]
        figures["drawdown_first_day_below"] = str(worst["start"])[:10]
        figures["drawdown_lowest_day"] = str(worst["valley"])[:10]
        figures["drawdown_last_day_below"] = str(worst["end"])[:10]
    return figures


def of_trades(nets):
    return {
        "win_rate": float((nets > 0).mean()),
        "profit_factor": qs.stats.profit_factor(nets, prepare_returns=False),
        "expectancy": float(np.mean(nets)),
        # √n × mean ÷ sample standard deviation is Student's t of the mean against nothing.
        "sqn": stats.ttest_1samp(nets, 0.0).statistic,
    }


def write(name, curve):
    rows = [f"{int(at.timestamp())},{equity:.2f}" for at, equity in curve.items()]
    (HERE / name).write_text("second,equity\n" + "\n".join(rows) + "\n")


def main():
    one, other, nets = days(), minutes(), trades()
    write("days.csv", one)
    write("minutes.csv", other)
    (HERE / "trades.csv").write_text("net\n" + "\n".join(f"{net:.2f}" for net in nets) + "\n")
    figures = {"days": of_curve(one, True), "minutes": of_curve(other, False), "trades": of_trades(nets)}
    plain = json.dumps(figures, indent=2, default=float)
    (HERE / "figures.json").write_text(plain + "\n")


main()
