"""Golden values of rolling, expanding and exponentially weighted windows, of shift, diff and
pct_change, from pandas, written to pandas/windows.json.

Run: /usr/bin/python3 tests/golden/windows_cases.py (needs python3-pandas). Where neap differs on
purpose, the case says why, its value is made by exact arithmetic or by the definition, and this
script fails unless pandas gives another."""
import json
import math
import os
import warnings
from fractions import Fraction

import numpy as np
import pandas as pd

warnings.simplefilter("ignore")
nan = float("nan")
rng = np.random.default_rng(20)


def rounded(v):
    return [float(f"{u:.6g}") for u in v]


def with_gaps(v, share):
    return [nan if rng.random() < share else u for u in v]


N = 24
times = np.cumsum(rng.integers(0, 5, N))  # seconds; some are equal
seconds = np.cumsum(rng.integers(1, 4, N))
INPUTS = {
    "plain": {
        "time": list(seconds),
        "x": rounded(rng.standard_normal(N)),
        "y": rounded(rng.standard_normal(N)),
        "g": [str(v) for v in rng.choice(list("abc"), N)],
        "h": [int(v) for v in rng.integers(1, 3, N)],
    },
    "gaps": {
        "time": list(seconds),
        "x": with_gaps(rounded(rng.standard_normal(N).cumsum()), 0.25),
        "y": with_gaps(rounded(rng.standard_normal(N)), 0.25),
        "g": [str(v) for v in rng.choice(list("abc"), N)],
        "h": [int(v) for v in rng.integers(1, 3, N)],
    },
    "ties": {
        "time": list(times),
        "x": [float(v) for v in rng.integers(-2, 3, N)],
        "y": [float(v) for v in rng.integers(0, 3, N)],
        "g": [str(v) for v in rng.choice(list("ab"), N)],
        "h": [int(v) for v in rng.integers(1, 4, N)],
    },
    "few": {"time": [1, 2], "x": [1.5, 2.5], "y": [2.0, nan], "g": ["a", "b"], "h": [1, 1]},
    "one": {"time": [1], "x": [1.5], "y": [2.0], "g": ["a"], "h": [1]},
}
cases = []


def frame_of(name):
    f = pd.DataFrame(INPUTS[name])
    f["time"] = pd.to_datetime(f["time"], unit="s")
    return f


def add(name, kind, n, options, statistic, arguments, want, because=None):
    if statistic == "count":
        want = np.nan_to_num(np.asarray(want, dtype=float))  # always known, see the differences
    case = {"input": name, "kind": kind, "n": n, "o": options, "statistic": statistic,
            "arguments": arguments,
            "want": [None if v != v else float(f"{v:.15g}") for v in want]}
    if because:
        case["because"] = because
    cases.append(case)


def first_number(v):
    v = v[~np.isnan(v)]
    return v[0] if len(v) else nan


def last_number(v):
    v = v[~np.isnan(v)]
    return v[-1] if len(v) else nan


STATISTICS = [("sum", {}), ("mean", {}), ("std", {}), ("std", {"ddof": 0}), ("var", {}), ("min", {}),
              ("max", {}), ("median", {}), ("quantile", {"q": 0.3}), ("quantile", {"q": 1.0}),
              ("rank", {}), ("rank", {"pct": True}), ("skew", {}), ("kurt", {}), ("count", {}),
              ("first", {}), ("last", {}), ("corr", {}), ("cov", {}), ("cov", {"ddof": 0})]


def statistic_of(r, f, statistic, a):
    """r: the windows of the column x, of f."""
    if statistic == "quantile":
        return r.quantile(a["q"])
    if statistic in ("first", "last"):
        return r.apply(first_number if statistic == "first" else last_number, raw=True)
    if statistic in ("corr", "cov"):
        return getattr(r, statistic)(f["y"], **a)
    return getattr(r, statistic)(**a)


def rows_windows(name, f, n, options, statistic, a):
    r = f["x"].rolling(n, **options)
    return statistic_of(r, f, statistic, a)


RENAMED = {"min_periods": "min_count"}


def neap(options):
    return {RENAMED.get(k, k): v for k, v in options.items()}


# windows of rows: every statistic, every input, several widths and min_periods -------------------

for name in INPUTS:
    f = frame_of(name)
    for n, options in [(5, {}), (4, {"min_periods": 1}), (7, {"min_periods": 3}), (1, {}),
                       (40, {"min_periods": 0})]:
        if name != "gaps" and n != 5 and (name, n) not in (("ties", 4), ("few", 40), ("one", 40)):
            continue
        for statistic, a in STATISTICS:
            # min_periods of count is about rows, and absent means 0: see the differences below
            o = {} if statistic == "count" else options
            want = rows_windows(name, f, n, o, statistic, a)
            if statistic in ("corr", "cov") and n == 1:
                continue  # 0 / 0 or rounding over 0
            if statistic == "corr" and name == "ties":
                constant = f["x"].rolling(n, **o).std() * f["y"].rolling(n, **o).std()
                want = want.where(constant != 0, nan)  # rounding over 0
            add(name, "rolling", n, neap(options), statistic, a, want)

# other closed sides for rows, and every one for durations ----------------------------------------

for closed in ("right", "left", "both", "neither"):
    for name in ("plain", "gaps"):
        f = frame_of(name)
        for statistic, a in STATISTICS:
            if name == "plain" and (statistic, closed) not in (
                    ("mean", "right"), ("std", "left"), ("rank", "left"), ("max", "both")):
                continue
            if name == "gaps" and (a == {"ddof": 0} or a == {"q": 1.0}):
                continue
            if closed != "right" and name == "gaps" and statistic != "count":
                want = rows_windows(name, f, 4, {"closed": closed, "min_periods": 2}, statistic, a)
                if statistic not in ("corr", "cov"):  # which ignore closed
                    add(name, "rolling", 4, {"closed": closed, "min_count": 2}, statistic, a, want)
            t = f.set_index("time")
            for length, least in (("6s", None), ("13s", 2)):
                if length == "13s" and (name == "plain" or statistic not in ("mean", "rank", "kurt")):
                    continue
                o = {"closed": closed}
                if least and statistic != "count":
                    o["min_periods"] = least
                r = t["x"].rolling(length, **o)
                if statistic in ("corr", "cov") and closed != "right":
                    continue
                want = statistic_of(r, t, statistic, a)
                if statistic == "corr":
                    count = (t["x"] + t["y"]).rolling(length, **o).count()
                    want = want.where(count > 1, nan)
                add(name, "rolling", length, neap(o), statistic, a, want)

f = frame_of("ties").set_index("time")
for statistic, a in STATISTICS:
    if statistic in ("corr", "skew", "kurt"):
        continue
    add("ties", "rolling", "5s", {}, statistic, a,
        statistic_of(f["x"].rolling("5s"), f, statistic, a))

# within groups -----------------------------------------------------------------------------------

for name, by in (("gaps", "g"), ("ties", "h"), ("plain", ["g", "h"])):
    f = frame_of(name)
    for statistic, a in STATISTICS:
        for n, o in ((3, {"min_periods": 1}), ("9s", {})):
            if statistic in ("corr", "skew", "kurt"):
                continue
            if statistic == "count":
                o = {}
            if name == "plain" and statistic not in ("mean", "median"):
                continue

            def one(part):
                r = part["x"].rolling(n, **o) if n == 3 else part.set_index("time")["x"].rolling(n, **o)
                q = part if n == 3 else part.set_index("time")
                w = statistic_of(r, q, statistic, a)
                return pd.Series(np.asarray(w), index=part.index)

            want = pd.concat([one(part) for _, part in f.groupby(by)]).sort_index()
            if statistic == "mean" and n == 3:
                own = f.groupby(by)["x"].rolling(n, **o).mean()
                own = own.droplevel(list(range(own.index.nlevels - 1))).sort_index()
                assert np.allclose(own, want, equal_nan=True)
            add(name, "rolling", n, {**neap(o), "by": by}, statistic, a, want)
    for k in (1, 40) if name == "plain" else (1, 2, -1):
        for what in ("shift", "diff", "pct_change"):
            g = f.groupby(by)["x"]
            want = g.pct_change(k, fill_method=None) if what == "pct_change" else getattr(g, what)(k)
            if what == "pct_change":
                want = f["x"] / g.shift(k) - 1
            add(name, what, k, {"by": by}, None, {}, want)

for name in INPUTS:
    f = frame_of(name)
    for k in (1, -1, 3):
        for what in ("shift", "diff", "pct_change"):
            want = f["x"].pct_change(k, fill_method=None) if what == "pct_change" \
                else getattr(f["x"], what)(k)
            add(name, what, k, {}, None, {}, want)

# expanding ---------------------------------------------------------------------------------------

for name in INPUTS:
    f = frame_of(name)
    for least in (1, 4, 0):
        if least != 1 and name != "gaps" or name == "one":
            continue
        for statistic, a in STATISTICS:
            if statistic == "count" and least != 1:
                continue
            want = statistic_of(f["x"].expanding(least), f, statistic, a)
            if statistic == "corr":
                want = want.where((f["x"] + f["y"]).expanding(0).count() > 1, nan)
            if statistic == "corr" and name == "ties":
                flat = f["x"].expanding().std() * f["y"].expanding().std()
                want = want.where(flat != 0, nan)
            add(name, "expanding", None, {"min_count": least}, statistic, a, want)

# exponential weights -----------------------------------------------------------------------------

for name in ("plain", "gaps", "few", "one"):
    f = frame_of(name)
    for weights in ({"span": 4}, {"alpha": 0.3}, {"com": 0.5}, {"halflife": 2.5}, {"alpha": 1.0}):
        if name != "gaps" and "alpha" not in weights:
            continue
        for adjust in (True, False):
            for ignore in (True, False):
                for least in (0, 3):
                    if (name != "gaps" or "span" not in weights) and least == 3:
                        continue
                    e = f["x"].ewm(**weights, adjust=adjust, ignore_na=ignore, min_periods=least)
                    o = {("half_life" if k == "halflife" else k): v for k, v in weights.items()}
                    o.update(adjust=adjust, ignore_nan=ignore, min_count=least)
                    add(name, "ewm", None, o, "mean", {}, e.mean())
                    for bias in (True, False):
                        if "span" not in weights and bias:
                            continue
                        if "alpha" in weights and weights["alpha"] == 1 and not bias:
                            continue  # 0 / 0
                        for s in ("var", "std"):
                            add(name, "ewm", None, o, s, {"bias": bias}, getattr(e, s)(bias=bias))
                        add(name, "ewm", None, o, "cov", {"bias": bias}, e.cov(f["y"], bias=bias))
                    if "span" in weights:
                        want = e.corr(f["y"])
                        add(name, "ewm", None, o, "corr", {}, want)
    for half in ("3s", "1s"):
        for ignore in (True, False):
            e = f["x"].ewm(halflife=half, times=f["time"], ignore_na=ignore)
            add(name, "ewm", None, {"half_life": half, "ignore_nan": ignore}, "mean", {}, e.mean())
f = frame_of("gaps")
for by in ("g", "h"):
    for statistic in ("mean", "std"):
        want = pd.concat([getattr(part["x"].ewm(span=3), statistic)()
                          for _, part in f.groupby(by)]).sort_index()
        add("gaps", "ewm", None, {"span": 3, "by": by}, statistic, {}, want)

# differences on purpose --------------------------------------------------------------------------


def differs(name, values, kind, n, options, statistic, arguments, pandas, want, because):
    """A case of its own input; pandas must give something else than wanted."""
    INPUTS[name] = values
    pandas, want = np.asarray(pandas, dtype=float), np.asarray(want, dtype=float)
    assert not np.allclose(pandas, want, rtol=1e-9, atol=0, equal_nan=True), (name, pandas, want)
    add(name, kind, n, options, statistic, arguments, want, because)


def exact(values, n, fn):
    out = []
    for i in range(len(values)):
        w = [Fraction(v) for v in values[max(0, i - n + 1):i + 1]]
        out.append(fn(w) if len(w) == n else nan)
    return out


def exact_var(w):
    mean = sum(w) / len(w)
    return float(sum((v - mean) ** 2 for v in w) / (len(w) - 1))


def exact_skew(w):
    n, mean = len(w), sum(w) / len(w)
    m2, m3 = (float(sum((v - mean) ** k for v in w) / n) for k in (2, 3))
    return math.sqrt(n * (n - 1)) / (n - 2) * m3 / m2**1.5


def exact_corr(x, y):
    mx, my = sum(x) / len(x), sum(y) / len(y)
    xy = sum((a - mx) * (b - my) for a, b in zip(x, y))
    xx, yy = sum((a - mx) ** 2 for a in x), sum((b - my) ** 2 for b in y)
    return float(xy) / math.sqrt(float(xx) * float(yy))


inf = float("inf")
x = [1.0, 2.0, inf, 3.0, 4.0, 5.0]
differs("infinite", {"x": [1.0, 2.0, "inf", 3.0, 4.0, 5.0]}, "rolling", 2, {}, "max", {},
        pd.Series(x).rolling(2).max(), [nan, 2, inf, inf, 4, 5],
        "an infinity is a number; pandas takes it for missing")
x = [1e15, 0.5, 0.25, 0.125, 0.75, 0.5, 0.25]
differs("outlier", {"x": x}, "rolling", 3, {}, "var", {}, pd.Series(x).rolling(3).var(),
        exact(x, 3, exact_var), "what has left the window leaves no trace")
x = [1e17, 1.0, 2.5, -1e17, 0.125, 3.0, 0.5]
differs("cancel", {"x": x}, "rolling", 4, {}, "sum", {}, pd.Series(x).rolling(4).sum(),
        exact(x, 4, lambda w: float(sum(w))), "sums keep what rounding takes from them")
x = [1e8 + v for v in (0.25, 0.5, 0.125, 0.75, 0.375, 0.625)]
y = [1e8 + v for v in (0.5, 0.25, 0.625, 0.125, 0.75, 0.375)]
differs("offset", {"x": x, "y": y}, "rolling", 3, {}, "corr", {},
        pd.Series(x).rolling(3).corr(pd.Series(y)),
        [nan, nan] + [exact_corr([Fraction(v) for v in x[i - 2:i + 1]],
                                 [Fraction(v) for v in y[i - 2:i + 1]]) for i in range(2, 6)],
        "moments are taken about the mean: an offset costs no digits")
x = [v * 1e-9 for v in (1.0, 2.0, 6.0, 3.0, 9.0)]
differs("small", {"x": x}, "rolling", 4, {}, "skew", {}, pd.Series(x).rolling(4).skew(),
        exact(x, 4, exact_skew), "a small variance is one; pandas gives NaN below 1e-14")
x, t = [1.0, 2.0, 4.0, 8.0, 16.0], [1, 2, 2, 2, 3]
s = pd.Series(x, index=pd.to_datetime(t, unit="s"))
differs("equal_times", {"x": x, "time": t}, "rolling", "2s", {"closed": "left"}, "sum", {},
        s.rolling("2s", closed="left").sum(), [nan, 1, 1, 1, 15],
        "a window open on the right holds no row of its own time; pandas takes those before the row")
differs("equal_times", {"x": x, "time": t}, "rolling", "2s", {"closed": "neither"}, "sum", {},
        s.rolling("2s", closed="neither").sum(), [nan, 1, 1, 1, 14], "as above")
x = [1.0, nan, 2.0, 3.0]
differs("counted", {"x": [1.0, None, 2.0, 3.0]}, "rolling", 3, {"min_count": 3}, "count", {},
        pd.Series(x).rolling(3, min_periods=3).count(), [1, 1, 2, 2],
        "a count is always known; pandas asks for min_periods rows")
differs("padded", {"x": [1.0, None, 2.0, 3.0]}, "pct_change", 1, {}, None, {},
        pd.Series(x).pct_change(), [nan, nan, nan, 0.5],
        "a missing number gives a missing change; pandas takes the last one before it")
HERE = os.path.dirname(os.path.abspath(__file__))


def plain(v):
    if isinstance(v, (float, np.floating)):
        return None if v != v else ("inf" if v == inf else float(v))
    return int(v) if isinstance(v, (int, np.integer)) else v


with open(os.path.join(HERE, "pandas", "windows.json"), "w") as out:
    inputs = {k: {c: [plain(u) for u in v] for c, v in f.items()} for k, f in INPUTS.items()}
    for c in cases:
        c["want"] = [str(v) if v in (inf, -inf) else v for v in c["want"]]
    out.write('{"pandas": "%s",\n"inputs": %s,\n"cases": [\n' % (pd.__version__, json.dumps(inputs)))
    out.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in cases))
    out.write("\n]}\n")
print(len(cases), "cases")
