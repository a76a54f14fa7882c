"""The pandas side of frame_windows.lua: THREADS FIFO; a task a line, answered by seconds and the
memory that the task took at its peak, in KiB."""
import gc
import re
import sys
import time

import numpy as np
import pandas as pd

answers = open(sys.argv[2], "w")
SYMBOLS = 100


def inputs(n):
    rng = np.random.default_rng(1)
    f = pd.DataFrame({"x": rng.standard_normal(n).cumsum(), "y": rng.standard_normal(n)})
    row = np.arange(n)
    each = (n + SYMBOLS - 1) // SYMBOLS
    labels = np.array([f"S{k + 1}" for k in range(SYMBOLS)])
    f["symbol"] = pd.Categorical.from_codes(row // each, labels)
    f["mixed"] = pd.Categorical.from_codes(row % SYMBOLS, labels)
    minutes = pd.Series(f["x"].values, index=pd.to_datetime(row * 60, unit="s"))
    steps = rng.integers(1, 4, n).cumsum() * 30
    ragged = pd.Series(f["x"].values, index=pd.to_datetime(steps, unit="s"))
    return f, minutes, ragged


def task_of(task, f, minutes, ragged):
    x, y = f["x"], f["y"]
    fixed = re.fullmatch(r"(\w+) (\d+)", task)
    if fixed:
        statistic, r = fixed[1], x.rolling(int(fixed[2]))
        if statistic == "corr":
            return lambda: r.corr(y)
        if statistic == "quantile":
            return lambda: r.quantile(0.3)
        return getattr(r, statistic)
    return {
        "mean 20m": lambda: minutes.rolling("20min").mean(),
        "std 20m": lambda: minutes.rolling("20min").std(),
        "rank 20m": lambda: minutes.rolling("20min").rank(),
        "mean 20m, ragged": lambda: ragged.rolling("20min").mean(),
        "std 20m, ragged": lambda: ragged.rolling("20min").std(),
        "expanding mean": lambda: x.expanding().mean(),
        "expanding std": lambda: x.expanding().std(),
        "ewm mean": lambda: x.ewm(span=20).mean(),
        "ewm std": lambda: x.ewm(span=20).std(),
        "ewm corr": lambda: x.ewm(span=20).corr(y),
        "shift": lambda: x.shift(1),
        "diff": lambda: x.diff(1),
        "pct_change": lambda: x.pct_change(1, fill_method=None),
        "shift by symbol": lambda: f.groupby("symbol")["x"].shift(1),
        "mean 20 by symbol": lambda: f.groupby("symbol")["x"].rolling(20).mean(),
        "std 20 by symbol, mixed": lambda: f.groupby("mixed")["x"].rolling(20).std(),
        "shift by symbol, mixed": lambda: f.groupby("mixed")["x"].shift(1),
    }[task]


def status(field):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(field))


made, data = None, None
for line in sys.stdin:
    task, n = line.rstrip("\n").split("\t")
    if made != n:
        made, data = n, inputs(int(n))
    call = task_of(task, *data)
    gc.collect()
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")
    before, start = status("VmRSS"), time.perf_counter()
    call()
    seconds = time.perf_counter() - start
    answers.write(f"{seconds:.9g} {status('VmHWM') - before}\n")
    answers.flush()
