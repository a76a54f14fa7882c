"""The pandas side of frame_reshape.lua: ROWS THREADS FIFO; a task a line, answered by the seconds
of the best of five calls and the memory that the first call took at most, in KiB. Symbols are
categoricals, which pandas groups fastest."""
import gc
import sys
import time
import tracemalloc

import numpy as np
import pandas as pd

n = int(sys.argv[1])
answers = open(sys.argv[3], "w")
rng = np.random.default_rng(1)
labels = ["S%03d" % k for k in range(1000)]


def symbols():
    code = rng.integers(0, 1000, n)
    return code, pd.Categorical.from_codes(code, labels)


def ticks(name):
    return pd.DataFrame({"time": pd.to_datetime(np.sort(rng.integers(0, 10**15, n))),
                         "symbol": symbols()[1], name: rng.standard_normal(n)})


ids, symbol = symbols()
x = rng.standard_normal(n)
f = pd.DataFrame({"id": ids, "symbol": symbol, "x": x, "y": rng.standard_normal(n),
                  "day": rng.integers(0, 50, n),
                  "gaps": np.where(rng.standard_normal(n) > 1, np.nan, x)})
left, right = ticks("a"), ticks("b")
a = pd.DataFrame({"k": rng.permutation(n), "a": rng.standard_normal(n)})
b = pd.DataFrame({"k": rng.permutation(n), "b": rng.standard_normal(n)})
far_a, far_b = a.assign(k=a.k * 1234567891), b.assign(k=b.k * 1234567891)
lots = pd.DataFrame({"symbol": pd.Categorical(labels, labels), "lot": np.arange(1000.0)})
wide = pd.DataFrame({"t": np.arange(n // 10), **{"c%d" % k: x[:n // 10] for k in range(10)}})


def by(keys="symbol"):
    return f.groupby(keys, observed=True)


tasks = {
    "group mean": lambda: by().x.mean(),
    "group std": lambda: by().x.std(),
    "group median": lambda: by().x.median(),
    "group 5 statistics": lambda: by().agg(n=("x", "count"), m=("x", "mean"), s=("x", "std"),
                                           low=("y", "min"), sum=("y", "sum")),
    "group by id": lambda: by("id").x.mean(),
    "group 2 keys": lambda: by(["symbol", "day"]).x.mean(),
    "transform mean": lambda: by().x.transform("mean"),
    "transform rank": lambda: by().x.rank(),
    "join asof": lambda: pd.merge_asof(left[["time", "a"]], right[["time", "b"]], on="time"),
    "join asof nearest": lambda: pd.merge_asof(left[["time", "a"]], right[["time", "b"]],
                                               on="time", direction="nearest"),
    "join asof by symbol": lambda: pd.merge_asof(left, right, on="time", by="symbol"),
    "join inner": lambda: a.merge(b, on="k"),
    "join left": lambda: a.merge(b, on="k", how="left"),
    "join inner far keys": lambda: far_a.merge(far_b, on="k"),
    "join m:1": lambda: f.merge(lots, on="symbol", how="left", validate="m:1"),
    "join outer": lambda: a.merge(b, on="k", how="outer"),
    "sort": lambda: a.sort_values("k", kind="stable"),
    "unique": lambda: f.drop_duplicates(["symbol", "day"]),
    "value counts": lambda: f.symbol.value_counts(),
    "pivot mean": lambda: by(["symbol", "day"]).x.mean().unstack(),
    "melt": lambda: wide.melt(id_vars="t"),
    "fill forward": lambda: f.assign(gaps=f.gaps.ffill()),
    "fill by symbol": lambda: f.assign(gaps=by().gaps.ffill()),
    "drop missing": lambda: f.dropna(),
}

for line in sys.stdin:
    task = tasks[line.strip()]
    gc.collect()
    tracemalloc.start()  # resident memory would miss what lies in the allocator's free lists
    task()
    more = tracemalloc.get_traced_memory()[1] // 1024
    tracemalloc.stop()
    best = 1e9
    for _ in range(5):
        begin = time.perf_counter()
        task()
        best = min(best, time.perf_counter() - begin)
    print("%.9g %d" % (best, more), file=answers, flush=True)
