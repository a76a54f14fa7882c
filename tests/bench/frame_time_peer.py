"""The pandas side of frame_time.lua: ROWS THREADS FIFO; a task a line, answered by the seconds of
the best of five calls and the memory that the first call took at most, in KiB."""
import gc
import sys
import time
import tracemalloc

import numpy as np
import pandas as pd

n = int(sys.argv[1])
answers = open(sys.argv[3], "w")
rng = np.random.default_rng(1)
x = 100 + 0.1 * rng.standard_normal(n)
index = pd.date_range("2020-01-01", periods=n, freq="T")
bars = pd.DataFrame({"open": x, "high": x + 1, "low": x - 1, "close": x + 0.5,
                     "volume": rng.random(n)}, index=index)
utc = index.tz_localize("UTC")
local = bars.set_index(utc.tz_convert("America/New_York"))
shuffled = utc.take(rng.permutation(n))
panel = bars.assign(symbol=pd.Categorical(["s%02d" % (k % 100) for k in range(n)]))
ohlcv = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}

zone = "America/New_York"
early = np.ones(n, bool)


def fields(t):
    d = t.tz_convert(zone)
    return d.year, d.month, d.day, d.weekday, d.hour, d.minute, d.dayofyear


tasks = {
    "resample 1h ohlcv": lambda: bars.resample("1H").agg(ohlcv),
    "resample 5m ohlcv": lambda: bars.resample("5T").agg(ohlcv),
    "resample 1d zone": lambda: local.resample("1D").agg(ohlcv),
    "resample 1mo mean": lambda: bars["close"].resample("MS").mean(),
    "resample 1h median": lambda: bars["close"].resample("1H").median(),
    "resample 1d symbols": lambda: panel.groupby("symbol").resample("1D").agg(
        {"high": "max", "volume": "sum"}),
    "clock fields": lambda: fields(utc),
    "clock fields shuffled": lambda: fields(shuffled),
    "clock hour": lambda: utc.tz_convert(zone).hour,
    "clock to local": lambda: utc.tz_convert(zone).tz_localize(None),
    "clock to local shuffled": lambda: shuffled.tz_convert(zone).tz_localize(None),
    "clock from local": lambda: index.tz_localize(zone, ambiguous=early, nonexistent="NaT"),
    "between": lambda: bars.loc["2020-06":"2021-03"],
}


for line in sys.stdin:
    task = tasks[line.strip()]
    gc.collect()
    tracemalloc.start()  # resident memory would miss what lies in the allocator's free lists
    task()
    more = tracemalloc.get_traced_memory()[1] // 1024
    tracemalloc.stop()
    task()
    best = 1e9
    for _ in range(5):
        begin = time.perf_counter()
        task()
        best = min(best, time.perf_counter() - begin)
    print("%.9g %d" % (best, more), file=answers, flush=True)
