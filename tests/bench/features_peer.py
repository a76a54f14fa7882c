"""The pandas side of features.lua: FOLDER FIFO; a task a line, answered by the seconds of the best of
three calls and the last value of each column."""
import sys
import time

import numpy as np
import pandas as pd

np.seterr(all="ignore")
folder, answers = sys.argv[1], open(sys.argv[2], "w")


def read(name, columns):
    f = pd.DataFrame({c: np.load("%s/%s_%s.npy" % (folder, name, c)) for c in columns})
    f.index = pd.to_datetime(f.pop("time"))
    return f


columns = ["time", "open", "high", "low", "close", "volume"]
bars = read("bars", columns)
panel = read("panel", columns + ["symbol"])


def ema(x, n):
    return x.ewm(span=n, adjust=False).mean()


def wilder(x, n):
    return x.ewm(alpha=1 / n, adjust=False).mean()


def rsi(b, n):
    d = b.close.diff()
    up, down = wilder(d.clip(lower=0), n), wilder(-d.clip(upper=0), n)
    return 100 * up / (up + down)


def true_range(b):
    before = b.close.shift()
    return np.maximum(b.high - b.low, np.maximum((b.high - before).abs(), (b.low - before).abs()))


def macd_hist(b):
    line = ema(b.close, 12) - ema(b.close, 26)
    return (line - ema(line, 9)) / b.close


def stoch_k(b):
    low, high = b.low.rolling(14).min(), b.high.rolling(14).max()
    return (100 * (b.close - low) / (high - low)).rolling(3).mean()


def cci(b):
    typical = (b.high + b.low + b.close) / 3
    windows = np.lib.stride_tricks.sliding_window_view(typical.to_numpy(), 20)
    mean = typical.rolling(20).mean()
    deviation = np.abs(windows - mean.to_numpy()[19:, None]).mean(axis=1)
    return (typical[19:] - mean[19:]) / (0.015 * deviation)


def adx(b, n=14):
    up, down = b.high.diff(), -b.low.diff()
    plus = up.where((up > down) & (up > 0), 0.0)
    minus = down.where((down > up) & (down > 0), 0.0)
    atr = wilder(true_range(b), n)
    p, m = 100 * wilder(plus, n) / atr, 100 * wilder(minus, n) / atr
    return wilder(100 * (p - m).abs() / (p + m), n)


def bbands_upper(b):
    r = b.close.rolling(20)
    return b.close / (r.mean() + 2 * r.std(ddof=0)) - 1


ten = {
    "ret_5": lambda b: np.log(b.close).diff(5),
    "sma_20_rel": lambda b: b.close / b.close.rolling(20).mean() - 1,
    "ema_12_rel": lambda b: b.close / ema(b.close, 12) - 1,
    "rsi_14": lambda b: rsi(b, 14),
    "macd_12_26_9_hist_rel": macd_hist,
    "bbands_20_2_upper_rel": bbands_upper,
    "stoch_14_3_3_k": stoch_k,
    "cci_20": cci,
    "adx_14": adx,
    "volume_percentile_100": lambda b: 100 * b.volume.rolling(100).rank(pct=True),
}


def together():
    return pd.DataFrame({name: fn(bars) for name, fn in ten.items()})


def on_hours():
    rule = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    hours = bars.resample("1H").agg(rule).dropna()
    hours = pd.DataFrame({"rsi_14@1h": rsi(hours, 14), "adx_14@1h": adx(hours)})
    hours.index = hours.index + pd.Timedelta("59min")
    return pd.merge_asof(bars[["close"]], hours, left_index=True,
                         right_index=True)[["rsi_14@1h", "adx_14@1h"]]


def by_symbol():
    parts = panel.groupby("symbol", sort=False)
    return pd.concat([pd.DataFrame({"rsi_14": rsi(p, 14), "ret_5": np.log(p.close).diff(5)})
                      for _, p in parts])


def across():
    ret = panel.groupby("symbol")["close"].transform(lambda x: np.log(x).diff(20))
    at = ret.groupby(panel.index)
    return pd.DataFrame({"ret_20:rank": at.rank(pct=True),
                         "ret_20:zscore": (ret - at.transform("mean"))
                         / (at.transform("std") * np.sqrt(1 - 1 / at.transform("count")))})


tasks = {"ten together": together, "two on hours": on_hours, "by symbol": by_symbol,
         "across symbols": across}
for each in ten:
    tasks[each] = lambda each=each: pd.DataFrame({each: ten[each](bars)})

for line in sys.stdin:
    task = tasks[line.strip()]
    best = 1e9
    for _ in range(3):
        begin = time.perf_counter()
        result = task()
        best = min(best, time.perf_counter() - begin)
    print("%.9g %s" % (best, " ".join("%.17g" % v for v in result.iloc[-1])), file=answers,
          flush=True)
