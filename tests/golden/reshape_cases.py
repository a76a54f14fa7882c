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


# joins --------------------------------------------------------------------------------------------

KEYS = [["s"], ["t"], ["k"], ["q"], ["b"], ["big"], ["s", "k"], ["t", "b"], ["q", "s"]]


def join_want(f, g, how, keys):
    if how in ("semi", "anti"):
        marked = f.reset_index().merge(g[keys].drop_duplicates(), on=keys, how="left",
                                       indicator=True).set_index("index").loc[f.index]
        return f[(marked._merge == "both").values == (how == "semi")]
    return ordered(f, g, how, on=keys)


def ordered(f, g, how, **o):
    """Pairs by left row, then by right row, also of an inner join, where pandas 1.5.3 puts equal
    keys together; an outer join by keys, as pandas documents it and 1.5.3 does not do it."""
    a, b = pd.DataFrame({"k": [1, 2, 1]}), pd.DataFrame({"k": [2, 1]})
    assert list(a.merge(b, on="k").k) == [1, 1, 2] and list(b.merge(a, how="outer").k) == [2, 1, 1]
    out = f.assign(_l=np.arange(len(f))).merge(g.assign(_r=np.arange(len(g))), how=how,
                                               suffixes=("", "_right"), **o)
    if how == "inner":
        out = out.sort_values(["_l", "_r"], kind="stable")
    if how == "outer":
        keys = o["on"] if "on" in o else "_k"
        if "left_on" in o:
            out["_k"] = out[o["left_on"]].fillna(out[o["right_on"]])
        lost = out._l.isna()
        out = pd.concat([out[~lost].sort_values(["_l", "_r"]), out[lost].sort_values("_r")])
        out = out.sort_values(keys, kind="stable", na_position="last")
    names = list(f.columns) + [c for c in out.columns if c not in f.columns and c[0] != "_"]
    return out[names]


def join_cases():
    """match_missing: missing keys equal each other in pandas; there is no other way there."""
    for i, keys in enumerate(KEYS):
        for how in ("left", "inner", "right", "outer", "semi", "anti"):
            match = (i + len(how)) % 2 == 0
            f = panel(8, 0.2)[keys + ["x", "i", "d"]]
            g = panel(6, 0.2)[keys + ["x", "w"] + (["b"] if "b" not in keys and how == "inner"
                                                   else [])]
            g["j"] = np.arange(len(g))
            if not match:
                f, g = f.dropna(subset=keys), g.dropna(subset=keys)
            case("join", {"on": keys, "how": how, "match_missing": match}, [f, g],
                 join_want(f.reset_index(drop=True), g.reset_index(drop=True), how, keys))
    for how in ("left", "inner", "right", "outer"):
        f, g = panel(7, 0)[["k", "x"]], panel(6, 0)[["i", "k"]]
        g = g.rename(columns={"k": "m"})
        case("join", {"left_on": "k", "right_on": "m", "how": how}, [f, g],
             ordered(f, g, how, left_on="k", right_on="m"))
    f, g = panel(4)[["s", "x"]], panel(3)[["s", "k"]]
    case("join", {"how": "cross"}, [f, g], f.merge(g, how="cross", suffixes=("", "_right")))
    for f, g in ((panel(5)[["k", "x"]], panel(0)[["k", "w"]]),
                 (panel(0)[["k", "x"]], panel(5)[["k", "w"]])):
        for how in ("left", "inner", "right", "outer"):
            case("join", {"on": ["k"], "how": how}, [f, g], ordered(f, g, how, on="k"))


def ticks(n, top, kind):
    at = np.sort(rng.integers(0, top, n))
    if kind == "time":
        return pd.to_datetime(at * 10**9 + 1600000000 * 10**9)
    return at / 4 - 3 if kind == "float" else at - 5


def asof_frames(kind, n, m, by):
    f = pd.DataFrame({"time": ticks(n, 40, kind), "x": np.round(rng.normal(size=n), 2)})
    g = pd.DataFrame({"time": ticks(m, 40, kind), "time_right": 0,
                      "y": with_gaps(np.round(rng.normal(size=m), 2), 0.1), "j": np.arange(m)})
    g["time_right"] = g.time
    for k in by:
        f[k] = rng.choice(["A", "B", "C"], n) if k == "s" else rng.integers(0, 3, n)
        g[k] = rng.choice(["B", "C", "D", "A"], m) if k == "s" else rng.integers(0, 3, m)
    return f, g


def asof_cases():
    for kind in ("time", "int", "float"):
        for direction in ("backward", "forward", "nearest"):
            for by in ([], ["s"], ["s", "k"]):
                for exact in (True, False):
                    for limit in (None, 2):
                        n, m = ((14, 9), (9, 14), (12, 30))[rng.integers(0, 3)]
                        f, g = asof_frames(kind, n, m, by)
                        o = {"direction": direction, "allow_exact_matches": exact}
                        args = {"on": "time", "direction": direction, "allow_exact": exact}
                        if limit and kind == "time":
                            args["tolerance"] = "2s"
                            o["tolerance"] = pd.Timedelta("2s")
                        elif limit:
                            args["tolerance"] = o["tolerance"] = 2 if kind == "int" else 1.25
                        if by:
                            o["by"] = args["by"] = by
                        want = pd.merge_asof(f, g, on="time", **o)
                        g = g.drop(columns="time_right")
                        if kind != "time":  # i64 columns called time are times in neap
                            new, args["on"] = {"time": "at", "time_right": "at_right"}, "at"
                            f, g, want = (x.rename(columns=new) for x in (f, g, want))
                        case("asof", args, [f, g], want)


group_cases()
transform_cases()
write("groups")
join_cases()
asof_cases()
write("joins")


# shapes -------------------------------------------------------------------------------------------

def long_frame(n):
    f = panel(n, 0)[["s", "t", "k", "x", "i", "d", "w"]]
    f["x"], f["w"] = with_gaps(f.x, 0.2), with_gaps(f.w, 0.2)
    return f


def named(f):
    """pandas keeps values as names of columns; here they are texts, as neap prints them."""
    f.columns = [str(c) if not isinstance(c, pd.Timestamp) else c.strftime("%Y-%m-%dT%H:%M:%SZ")
                 for c in f.columns]
    return f


def pivot_cases():
    for index in ("t", "k", "s", ["k", "t"]):
        for column in ("s", "k", "t"):
            if column == index or column in index:
                continue
            by = ([index] if isinstance(index, str) else index) + [column]
            f = long_frame(14)
            once = f.drop_duplicates(by)
            for values in ("x", "d", "s"):
                if values in by:
                    continue
                want = once.pivot(index=index, columns=column, values=values)
                case("pivot", {"index": index, "columns": column, "values": values},
                     [once], named(want).reset_index())
            for how in ("mean", "sum", "max", "first", "count"):
                want = f.groupby(by).x.agg(how).unstack()
                if how == "count":  # whole where no place is missing, column by column
                    want = want.apply(lambda c: c if c.isna().any() else c.astype("int64"))
                case("pivot", {"index": index, "columns": column, "values": "x", "agg": how},
                     [f], named(want).reset_index())


def melt_cases():
    for ident, wide in ((["t"], ["x", "w"]), (["s", "k"], ["w", "x", "i"]), ([], ["i", "k"]),
                        (["k"], ["d", "t"]), (["x"], ["s"])):
        f = panel(6)
        for names in ({}, {"name": "what", "value": "much"}):
            o = {"var_name": names.get("name"), "value_name": names.get("value", "value")}
            want = f.melt(id_vars=ident, value_vars=wide, **o)
            args = {"columns": wide, **names}
            if ident:
                args["id"] = ident
            case("melt", args, [f], want)
    f = panel(4)[["s", "x", "w"]]
    case("melt", {"id": "s"}, [f], f.melt(id_vars="s"))


def unique_cases():
    for by in (["s"], ["t"], ["q"], ["b"], ["k", "b"], ["s", "t"], None):
        for keep in ("first", "last", "none"):
            f = panel(15)[["s", "t", "k", "q", "b", "i"]]
            if by is None:
                f = f[["k", "b", "s"]]
            mark = False if keep == "none" else keep
            args = {"keep": keep, **({"by": by} if by else {})}
            case("unique", args, [f], f.drop_duplicates(by, keep=mark))
            case("duplicated", args, [f], pd.DataFrame({"m": f.duplicated(by, keep=mark)}))
    for name in ("s", "t", "k", "q", "b", "big"):
        for drop in (True, False):
            f = panel(20)[[name]]
            want = f[name].value_counts(dropna=drop, sort=False).rename_axis(name)
            want = want.reset_index(name="count").sort_values(name, na_position="last",
                                                              kind="stable")
            want = want.sort_values("count", ascending=False, kind="stable")
            if name == "q":
                want["q"] = want.q + 0.0  # which zero stands for both is the first one's here
                f = f + 0.0
            case("value_counts", {"column": name, "dropna": drop}, [f], want)


def gaps(n):
    f = panel(n, 0.55)[["s", "t", "x", "y", "i", "b"]]
    f["time"] = pd.to_datetime(np.cumsum(rng.integers(1, 9, n)) * 10**9)
    f["g"] = rng.choice(["A", "B"], n)
    return f


def missing_cases():
    for columns in (None, ["x"], ["s", "t"], ["x", "y"], ["i"]):
        for how in ("any", "all"):
            f = gaps(12)
            args = {"how": how, **({"columns": columns} if columns else {})}
            case("dropna", args, [f], f.dropna(subset=columns, how=how))
    for limit in (None, 1, 2, 5):
        o = {"limit": limit} if limit else {}
        f = gaps(14)
        case("fillna", {"how": 0, **o}, [f], f.assign(x=f.x.fillna(0, limit=limit),
                                                      y=f.y.fillna(0, limit=limit)))
        case("fillna", {"how": {"x": -1.5, "s": "none"}, **o}, [f],
             f.assign(x=f.x.fillna(-1.5, limit=limit), s=f.s.fillna("none", limit=limit)))
        for method, name in (("ffill", "forward"), ("bfill", "backward")):
            case("fillna", {"how": name, **o}, [f], f.fillna(method=method, limit=limit))
            case("fillna", {"how": name, "columns": ["y", "t"], **o}, [f],
                 f.assign(y=f.y.fillna(method=method, limit=limit),
                          t=f.t.fillna(method=method, limit=limit)))
            want = f.copy()
            for c in ("s", "t", "x", "y"):
                want[c] = getattr(f.groupby("g")[c], method)(limit=limit)
            case("fillna", {"how": name, "by": "g", **o}, [f], want)
        inside = {"limit": limit, "limit_area": "inside", "limit_direction": "forward"}
        for method, name in (("linear", "linear"), ("time", "time")):
            def line(s, when):
                s = s if method == "linear" else s.set_axis(when)
                return s.interpolate(method, **inside).values
            case("fillna", {"how": name, **o}, [f],
                 f.assign(x=line(f.x, f.time), y=line(f.y, f.time)))
            want = f.copy()
            for _, part in f.groupby("g"):
                for c in ("x", "y"):
                    want.loc[part.index, c] = line(part[c], part.time)
            case("fillna", {"how": name, "by": "g", **o}, [f], want)


def concat_cases():
    for a, b in ((["s", "x", "i"], ["i", "s", "w"]), (["k", "t"], ["t", "x", "k"]),
                 (["x"], ["y"]), (["s", "t", "x"], ["x", "t", "s"])):
        for how in ("outer", "inner"):
            f, g = panel(4)[a], panel(3)[b]
            if how == "inner" and not set(a) & set(b):
                continue
            want = pd.concat([f, g], join=how, ignore_index=True)
            case("concat", {"how": how}, [f, g], want[[c for c in a + b if c in want.columns][
                :len(want.columns)] if how == "inner" else list(dict.fromkeys(a + b))])


pivot_cases()
melt_cases()
unique_cases()
missing_cases()
concat_cases()
write("shapes")


# order --------------------------------------------------------------------------------------------

def sort_cases():
    for by, down in ((["s"], [False]), (["s"], [True]), (["t"], [False]), (["t"], [True]),
                     (["q", "k"], [True, False]), (["b", "s", "x"], [False, True, False]),
                     (["k", "t", "i"], [True, True, True]), (["big", "x"], [False, True])):
        f = panel(18)[["s", "t", "k", "q", "b", "big", "x", "i"]]
        case("sort", {"by": by, "descending": down}, [f],
             f.sort_values(by, ascending=[not d for d in down], kind="stable"))


sort_cases()
write("order")
