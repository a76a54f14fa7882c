# Cases of groups, joins and reshaping answered by pandas, for tests/lua/reshape_test.lua.
#   /usr/bin/python3 tests/golden/reshape_cases.py       writes tests/golden/pandas/reshape_*.jsonl
# A line is one case: what is called, frames in, frame out. Columns are [name, kind, values], kinds
# being f64, f32, i64, bool, text and time; null is missing.
import json
import os
import sys

import numpy as np
import pandas as pd

cases = []
rng = np.random.default_rng(20240607)
DAY = 86400 * 10**9


def kind_of(s):
    if str(s.dtype).startswith("datetime"):
        return "time"
    if s.dtype == object or str(s.dtype) == "category":
        return "text"
    return {"float64": "f64", "float32": "f32", "int64": "i64", "bool": "bool",
            "uint64": "i64", "int32": "i64"}[str(s.dtype)]


def values_of(s, kind):
    if kind == "time":
        return [None if pd.isna(v) else int(pd.Timestamp(v).value) for v in s]
    if kind == "text":
        return [None if pd.isna(v) else str(v) for v in s]
    if kind in ("f64", "f32"):
        return [None if np.isnan(v) else "inf" if v == np.inf else "-inf" if v == -np.inf
                else float(v) for v in s]
    return [bool(v) if kind == "bool" else int(v) for v in s]


def columns(f):
    return [[str(n), kind_of(f[n]), values_of(f[n], kind_of(f[n]))] for n in f.columns]


def case(op, args, frames, want):
    cases.append({"op": op, "args": args, "frames": [columns(f) for f in frames],
                  "want": columns(want)})


def write(name):
    path = os.path.join(os.path.dirname(__file__), "pandas", "reshape_" + name + ".jsonl")
    with open(path, "w") as out:
        for c in cases:
            out.write(json.dumps(c, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
                      + "\n")
    print(name, len(cases), "cases,", os.path.getsize(path), "bytes; pandas", pd.__version__,
          file=sys.stderr)
    cases.clear()


# frames -------------------------------------------------------------------------------------------

def with_gaps(values, share):
    values = np.asarray(values, float).copy()
    values[rng.random(len(values)) < share] = np.nan
    return values


def panel(n, share=0.15):
    text = np.array(["b", "a", "Z", "cc", "é", "a b"], object)[rng.integers(0, 6, n)]
    text[rng.random(n) < share] = None
    time = pd.to_datetime(rng.integers(0, 5, n) * DAY + 1600000000 * 10**9)
    time = pd.Series(time)
    time[rng.random(n) < share] = pd.NaT
    return pd.DataFrame({
        "s": text,
        "t": time.values,
        "k": rng.integers(-2, 3, n),
        "q": with_gaps(rng.choice([0.0, -0.0, 0.5, -1.25, np.inf], n), share),
        "b": rng.random(n) < 0.5,
        "big": rng.integers(-2**62, 2**62, 4)[rng.integers(0, 4, n)],
        "x": with_gaps(np.round(rng.normal(size=n), 3), share),
        "y": with_gaps(rng.normal(size=n) * 1e3 + 1e4, share),
        "i": rng.integers(-1000, 1000, n),
        "w": with_gaps(np.round(rng.random(n), 3), share),
        "d": pd.Series(pd.to_datetime(rng.integers(0, 10**18, n))).where(rng.random(n) > share),
    })


# groups -------------------------------------------------------------------------------------------

def first_or_missing(s):
    s = s.dropna()
    return s.iloc[0] if len(s) else None


def wmean(part):
    both = part[["x", "w"]].dropna()
    return np.nan if both.w.sum() == 0 else (both.x * both.w).sum() / both.w.sum()


STATISTICS = [
    ("count_x", "x", "count"), ("sum_x", "x", "sum"), ("mean_x", "x", "mean"),
    ("std_x", "x", "std"), ("var_y", "y", "var"), ("min_x", "x", "min"), ("max_y", "y", "max"),
    ("first_x", "x", "first"), ("last_y", "y", "last"), ("median_x", "x", "median"),
    ("nunique_x", "x", "nunique"), ("prod_x", "x", "prod"), ("sum_i", "i", "sum"),
    ("mean_i", "i", "mean"), ("min_i", "i", "min"), ("std_i", "i", "std"), ("sum_b", "b", "sum"),
    ("any_b", "b", "any"), ("all_b", "b", "all"), ("min_d", "d", "min"), ("max_d", "d", "max"),
    ("first_d", "d", "first"), ("count_d", "d", "count"), ("median_i", "i", "median"),
    ("mean_b", "b", "mean"),
]


def group_want(f, by, sort, dropna):
    g = f.groupby(by, sort=sort, dropna=dropna)
    want = {name: g[column].agg(how) for name, column, how in STATISTICS}
    want["sum_b"] = want["sum_b"].astype("int64")
    want["q30"] = g.x.quantile(0.3)
    want["skew_y"] = g.y.apply(lambda s: s.skew())
    want["vwap"] = g.apply(wmean)
    want["n"] = g.size()
    out = pd.DataFrame(want)
    return out.reset_index()


def group_cases():
    entries = [list(e) for e in STATISTICS] + [["q30", "x", "quantile", 0.3],
               ["skew_y", "y", "skew"], ["vwap", "x", "wmean", "w"], ["n", "size"]]
    keys = [["s"], ["t"], ["k"], ["q"], ["b"], ["big"], ["s", "k"], ["k", "s"], ["t", "b"],
            ["q", "t"], ["b", "k", "s"], ["big", "q"]]
    for n in (6, 25):
        for i, by in enumerate(keys):
            sort = (i + n) % 2 == 0
            f = panel(n)
            case("agg", {"by": by, "sort": sort, "dropna": True, "entries": entries}, [f],
                 group_want(f, by, sort, True))
    for by in (["s"], ["t"], ["q"], ["k"]):  # pandas 1.5.3 loses rows with several keys and NaN
        f = panel(20, 0.3)
        case("agg", {"by": by, "sort": True, "dropna": False, "entries": entries}, [f],
             group_want(f, by, True, False))


def rank_of_times(f, by):
    """pandas 1.5.3 ranks missing times first where some row has no key; with numbers it does not."""
    wrong = pd.DataFrame({"k": [1.0, 1.0, np.nan], "d": pd.to_datetime([3, None, 5])})
    assert wrong.groupby("k").d.rank()[0] == 2 and wrong[:2].groupby("k").d.rank()[0] == 1
    return f.assign(d=f.d.astype("int64").where(f.d.notna())).groupby(by).d.rank()


def transform_cases():
    for by in (["s"], ["k"], ["b", "k"], ["t"], ["q"]):
        for n in (9, 25):
            f = panel(n)
            g = f.groupby(by, sort=False)
            inside = f[by].notna().all(axis=1)
            want = pd.DataFrame({
                "mean": g.x.transform("mean"), "top": g.y.transform("max"),
                "n": g.x.transform("count"),
                "demean": f.x - g.x.transform("mean"),
                "z": (f.y - g.y.transform("mean")) / g.y.transform("std"),
                "cum": g.x.cumsum(),
                "rank": g.x.rank(), "pct": g.x.rank(pct=True), "rank_i": g.i.rank(),
                "rank_d": rank_of_times(f, by),
            })
            want["cum"] = want.cum.where(inside)
            want["n"] = want.n.where(inside).astype(float) if not inside.all() else \
                want.n.astype("int64")
            want["nth"] = (g.cumcount() + 1).where(inside, 0).astype("int64")  # from 1 here
            for name in ("rank", "pct", "rank_i", "rank_d"):
                want[name] = want[name].where(inside)
            case("transform", {"by": by, "entries": [
                ["mean", "x", "mean"], ["top", "y", "max"], ["n", "x", "count"],
                ["demean", "x", "demean"], ["z", "y", "zscore"], ["cum", "x", "cumsum"],
                ["rank", "x", "rank"], ["pct", "x", "rank", {"pct": True}],
                ["rank_i", "i", "rank"], ["rank_d", "d", "rank"], ["nth", "x", "cumcount"]]},
                [f], want)


group_cases()
transform_cases()

write("groups")
