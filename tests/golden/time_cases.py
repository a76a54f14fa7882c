"""Cases of frame:resample, frame:between and time zones, as pandas 1.5.3 answers them.

    /usr/bin/python3 tests/golden/time_cases.py

writes tests/golden/pandas/time_*.txt, Lua tables that tests/lua/resample_test.lua and its neighbours
read. Times are seconds since 1970 UTC. Differences on purpose, each with what pandas does:
  - weeks count from Mondays: pandas' W-MON with closed and label on the left is the same, but its
    closed = "right" takes whole days into the bin that ends at their midnight (a bin "ends" a day
    late), shown by right_takes_whole_days(); so does that of 2D, 3D, ..., which then even fails
    ("Values falls before first bin"). Our bins end when they end, as those of 48H do.
  - pandas keeps empty bins in the result; here they come with empty = true only.
  - the origin is the epoch unless said otherwise, pandas' is start_day.
  - nonexistent = "forward" is the moment of the jump; pandas 1.5.3's shift_forward lands behind it in
    some zones east of Greenwich (LATE): 01:30 in London becomes later than the 02:00 that follows it.
  - bounds of frame:between that the clock skipped mean the jump; pandas raises.
  - days of a zone begin when its clock skips their midnight at the jump; pandas raises.
"""
import itertools
import math
import os

import numpy as np
import pandas as pd

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pandas")
rng = np.random.default_rng(20240301)


def lua(v):
    if v is None:
        return "nil"
    if isinstance(v, (bool, np.bool_)):
        return "true" if v else "false"
    if isinstance(v, str):
        return '"%s"' % v
    if isinstance(v, dict):
        return "{%s}" % ",".join("%s=%s" % (k, lua(x)) for k, x in v.items() if x is not None)
    if isinstance(v, (list, tuple, np.ndarray)):
        return "{%s}" % ",".join(lua(x) for x in v)
    if isinstance(v, (int, np.integer)):
        return str(int(v))
    v = float(v)
    if math.isnan(v):
        return "nan"
    return str(int(v)) + ".0" if v == int(v) and abs(v) < 1e15 else repr(v)


def seconds(index):
    ns = index.asi8
    assert (ns % 10**9 == 0).all()
    return [int(x) for x in ns // 10**9]


def series(times, missing=()):
    n = len(times)
    v = rng.integers(-40, 200, n) / 4.0
    v[list(missing)] = np.nan
    w = rng.integers(0, 9, n)
    return pd.DataFrame({"v": v, "w": w}, index=pd.DatetimeIndex(times, tz="UTC"))


def jittered(start, n, mean_seconds):
    step = rng.integers(1, 2 * mean_seconds, n)
    return pd.Timestamp(start) + pd.to_timedelta(np.cumsum(step), unit="s")


def around(start, n, freq):
    return pd.date_range(start, periods=n, freq=freq)


inputs = {
    "minutes": series(around("2024-03-01 09:27", 45, "7min"), (0, 9, 10, 11, 44)),
    "ticks": series(jittered("2024-02-28 22:10:13", 60, 2400), (3, 4)),
    "spring": series(around("2024-03-09 04:00", 60, "H"), (7,)),
    "autumn": series(around("2024-11-02 03:00", 64, "H")),
    "days": series(around("2019-12-20", 70, "D").delete([5, 6, 7, 30, 31, 32, 33, 34])),
    "years": series(jittered("2016-01-20 05:00", 50, 33 * 86400), (20,)),
    "repeats": series(sorted(list(around("2021-06-01", 12, "40min")) * 2)),
    "before": series(jittered("1969-12-29 11:00", 40, 9000)),
}

STATISTICS = ["first", "last", "min", "max", "sum", "mean", "count", "median", "std", "var",
              "prod", "nunique", "size", "any", "skew"]


def trimmed(rows):
    """Without empty bins at both ends."""
    filled = np.flatnonzero(rows["size"].to_numpy() > 0)
    return rows.iloc[filled[0]:filled[-1] + 1]


def statistic(r, name):
    if name == "any":
        return r.apply(lambda x: bool((x.dropna() != 0).any()))
    if name == "skew":
        return r.apply(lambda x: x.skew())
    if name == "prod":
        return r.prod()
    return getattr(r, name)()


rotation = itertools.cycle(STATISTICS)


def resample_case(name, cadence, freq, zone=None, label="left", closed="left", origin="epoch",
                  offset=None, empty=False, **more):
    data = inputs[name]
    local = data.tz_convert(zone) if zone else data
    options = dict(label=label, closed=closed)
    if origin is not None and not freq.endswith(("S", "MON")):
        options["origin"] = pd.Timestamp(origin, tz=zone or "UTC") if origin[0] in "12" else origin
        options["offset"] = offset
    if more.get("pandas_origin"):
        options["origin"] = pd.Timestamp(more["pandas_origin"], tz=zone or "UTC")
    if closed == "right" and freq.endswith("D") and freq != "1D":
        freq = "%dH" % (24 * int(freq[:-1]))
    r = local.resample(freq, **options)
    chosen = [next(rotation) for _ in range(3)]
    rows = pd.DataFrame({"size": r["v"].size()})
    for s in chosen:
        rows[s] = statistic(r["v"], s)
    rows["w_sum"] = r["w"].sum()
    rows = trimmed(rows)
    if not empty:
        rows = rows[rows["size"] > 0]
    out = {
        "input": name, "cadence": cadence, "zone": zone, "label": label, "closed": closed,
        "origin": more.get("own_origin", origin), "offset": offset, "empty": empty,
        "statistics": chosen, "times": seconds(rows.index.tz_convert("UTC")),
        "w_sum": rows["w_sum"].tolist(),
    }
    out["values"] = [rows[s].tolist() for s in chosen]
    return out


def sides():
    return itertools.product(("left", "right"), ("left", "right"))


def resample_cases():
    cases = []

    def add(*args, **options):
        cases.append(resample_case(*args, **options))

    for label, closed in sides():
        for origin in ("epoch", "start", "start_day", "end", "end_day", "2024-03-01 09:13:00"):
            add("minutes", "25m", "25min", label=label, closed=closed, origin=origin)
        for offset in ("7m", "-90s"):
            add("minutes", "1h", "1H", label=label, closed=closed, offset=offset.replace("m", "min"))
            cases[-1]["offset"] = offset
        for cadence, freq in (("1h", "1H"), ("4h", "4H"), ("7h", "7H"), ("90m", "90min")):
            add("ticks", cadence, freq, label=label, closed=closed)
            add("before", cadence, freq, label=label, closed=closed, origin="start_day")
        for cadence, freq in (("1d", "1D"), ("3d", "3D")):
            add("ticks", cadence, freq, label=label, closed=closed)
            add("days", cadence, freq, label=label, closed=closed, origin="start_day")
            add("before", cadence, freq, label=label, closed=closed)
        add("days", "1w", "7D", label=label, closed=closed, pandas_origin="1970-01-05")
        add("days", "2w", "14D", label=label, closed=closed, pandas_origin="1970-01-05", empty=True)
        for cadence, freq in (("1mo", "MS"), ("1q", "QS"), ("1y", "AS")):
            add("years", cadence, freq, label=label, closed=closed)
            add("years", cadence, freq, label=label, closed=closed, zone="America/New_York")
            add("days", cadence, freq, label=label, closed=closed, empty=True)
        for zone in ("America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"):
            add("spring", "1d", "1D", label=label, closed=closed, zone=zone)
            add("autumn", "1d", "1D", label=label, closed=closed, zone=zone)
        for name in ("spring", "autumn"):
            add(name, "4h", "4H", label=label, closed=closed, zone="America/New_York")
            add(name, "6h", "6H", label=label, closed=closed, zone="America/New_York",
                origin="start_day")
            if closed == "left":
                add(name, "1w", "7D", label=label, zone="Europe/London",
                    pandas_origin="1970-01-05")
    for label in ("left", "right"):
        for name in ("days", "years", "ticks", "before"):
            add(name, "1w", "W-MON", label=label)
        add("years", "1w", "W-MON", label=label, zone="America/New_York")
        add("years", "2mo", "2MS", label=label, origin="start", own_origin="start")
        add("years", "1mo", "MS", label=label, empty=True)
        add("ticks", "1h", "1H", label=label, empty=True)
        add("minutes", "10m", "10min", label=label, empty=True, zone="Asia/Kathmandu")
        add("spring", "2d", "2D", label=label, zone="America/New_York", empty=True)
        add("autumn", "1d", "1D", label=label, zone="America/New_York", offset="9h30min")
        cases[-1]["offset"] = "9h30m"
        add("repeats", "1h", "1H", label=label)
    return cases


def right_takes_whole_days():
    f = inputs["years"]
    monday = pd.Timestamp("1970-01-05", tz="UTC")
    plain = f["v"].resample("168H", closed="right", label="right", origin=monday).size()
    weekly = f["v"].resample("W-MON", closed="right", label="right").size()
    assert not weekly[weekly > 0].equals(plain[plain > 0])
    try:
        f["v"].resample("7D", closed="right", label="right", origin=monday).size()
    except ValueError as e:
        assert "falls before first bin" in str(e)
    else:
        raise AssertionError


def grouped_case():
    f = inputs["ticks"].copy()
    f["symbol"] = rng.choice(["eth", "btc", "ada"], len(f))
    f = f.iloc[::-1].iloc[::-1]
    r = f.groupby("symbol").resample("6H", origin="epoch")
    rows = pd.DataFrame({"size": r["v"].size(), "sum": r["v"].sum(), "last": r["v"].last()})
    rows = rows[rows["size"] > 0].reset_index()
    index = pd.DatetimeIndex(rows.iloc[:, 1])
    return {
        "input": "ticks", "cadence": "6h", "symbols": f["symbol"].tolist(),
        "symbol": rows["symbol"].tolist(), "times": seconds(index), "size": rows["size"].tolist(),
        "sum": rows["sum"].tolist(), "last": rows["last"].tolist(),
    }


def local_series():
    """Local times (seconds as if UTC) near changes of the clock, in the order of a feed."""
    def times(*texts):
        return pd.DatetimeIndex(texts)

    def steps(start, n, minutes, back=None):
        t = list(pd.date_range(start, periods=n, freq="%dmin" % minutes))
        if back:
            at, by = back
            t = t[:at] + [x - pd.Timedelta(minutes=by) for x in t[at:]]
        return pd.DatetimeIndex(t)

    return [
        ("America/New_York", steps("2024-03-10 01:10", 12, 17)),
        ("America/New_York", steps("2024-03-09 12:00", 30, 60)),
        ("America/New_York", steps("2024-11-03 00:30", 12, 30, (3, 60))),
        ("America/New_York", steps("2024-11-03 00:15", 10, 45)),
        ("America/New_York", steps("2024-11-02 22:00", 9, 60)),
        ("America/New_York", times("2024-11-03 01:30", "2024-11-03 01:30")),
        ("America/New_York", times("2024-11-03 01:30", "2024-11-03 01:10", "2024-11-03 01:05")),
        ("America/New_York", times("2024-11-03 01:59:59", "NaT", "2024-11-03 01:00",
                                   "2023-11-05 01:00")),
        ("America/New_York", times("1967-04-30 02:30", "1974-01-06 02:30", "2007-03-11 02:15",
                                   "2036-03-09 02:00", "2037-03-08 02:59:59")),
        ("Europe/London", steps("2024-10-27 00:20", 10, 20, (5, 60))),
        ("Europe/London", steps("2024-03-31 00:30", 8, 15)),
        ("Europe/Berlin", times("1980-04-06 02:30", "1979-06-01", "2030-03-31 02:30")),
        ("Europe/Berlin", times("1979-06-01", "2030-10-27 02:30")),
        ("Australia/Lord_Howe", steps("2024-04-07 01:20", 12, 10, (4, 30))),
        ("Australia/Lord_Howe", steps("2024-10-06 01:50", 8, 10)),
        ("America/Sao_Paulo", steps("2018-11-03 23:30", 8, 15)),
        ("America/Sao_Paulo", steps("2018-02-17 22:30", 10, 15, (6, 60))),
        ("Pacific/Apia", steps("2011-12-29 22:00", 8, 360)),
        ("Africa/Casablanca", times("2024-03-10 02:30", "2024-04-14 02:30", "2024-04-14 03:00")),
        ("Asia/Kolkata", steps("2024-03-10 01:10", 3, 40)),
        ("UTC", steps("2024-03-10 01:10", 3, 40)),
    ]


def localized(index, zone, ambiguous, nonexistent):
    how = {"raise": "raise", "infer": "infer", "earliest": np.ones(len(index), bool),
           "latest": np.zeros(len(index), bool)}[ambiguous]
    what = {"raise": "raise", "forward": "shift_forward", "missing": "NaT"}[nonexistent]
    try:
        return index.tz_localize(zone, ambiguous=how, nonexistent=what)
    except Exception as e:
        return type(e).__name__


def jump(local, zone):
    """The first second whose local time is past the one that was skipped."""
    low, high = int(local.value // 10**9) - 86400, int(local.value // 10**9) + 86400
    while high - low > 1:
        middle = (low + high) // 2
        shown = pd.Timestamp(middle, unit="s", tz="UTC").tz_convert(zone).tz_localize(None)
        low, high = (low, middle) if shown > local else (middle, high)
    return high


def forward_by_definition(index, zone, got, ambiguous):
    """pandas' shift_forward, put right where it leaves the jump behind."""
    holes = localized(index, zone, ambiguous, "missing").isna() & ~index.isna()
    return [jump(index[k], zone) if holes[k] else t for k, t in enumerate(nullable(got))]


def nullable(index):
    return [None if pd.isna(t) else int(t.value // 10**9) for t in index]


def nats(seconds_or_none):
    return ["NaT" if t is None else t for t in seconds_or_none]


LATE = {"Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"}


def zone_cases():
    cases, late = [], set()
    for zone, index in local_series():
        for ambiguous in ("raise", "earliest", "latest", "infer"):
            for nonexistent in ("raise", "forward", "missing"):
                if zone in ("UTC", "Asia/Kolkata") and nonexistent != "raise":
                    continue
                got = localized(index, zone, ambiguous, nonexistent)
                case = {"zone": zone, "local_": nats(nullable(index)), "ambiguous": ambiguous,
                        "nonexistent": nonexistent}
                if isinstance(got, str):
                    case["error"] = got
                else:
                    utc = nullable(got.tz_convert("UTC"))
                    if nonexistent == "forward":
                        right = forward_by_definition(index, zone, got.tz_convert("UTC"), ambiguous)
                        assert right == utc or zone in LATE, zone
                        late.update([zone] if right != utc else [])
                        utc = right
                    case["utc"] = nats(utc)
                cases.append(case)
    assert late == LATE, late
    return cases


def field_cases():
    # from 1925 on: pytz rounds the mean local times of before to minutes
    cases = []
    for zone in ("UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
                 "Pacific/Apia", "Europe/Dublin"):
        t = np.sort(rng.integers(-1420070400, 2145916800, 40))
        t[:6] = [0, -1, 86399, 951782400, 1704067199, 1704067200]
        d = pd.DatetimeIndex(t * 10**9, tz="UTC").tz_convert(zone)
        cases.append({
            "zone": zone, "times": t, "local_": seconds(d.tz_localize(None)), "year": d.year,
            "quarter": d.quarter, "month": d.month, "week": d.isocalendar().week.astype(int).tolist(),
            "day": d.day, "day_of_year": d.dayofyear, "weekday": d.weekday + 1, "hour": d.hour,
            "minute": d.minute, "second": d.second})
        for key, value in cases[-1].items():
            if isinstance(value, pd.Index):
                cases[-1][key] = value.tolist()
    return cases


def between_cases():
    times = jittered("2017-11-03 04:05:06", 220, 3 * 86400)
    plain = pd.Series(np.arange(1, 221), index=times)
    fine = pd.Series(np.arange(1, 221), index=pd.Timestamp("2018-03-10 22:00") +
                     pd.to_timedelta(np.arange(220) * 173, unit="s"))
    bounds = {
        "plain": [("2018", "2018"), ("2018", "2019"), ("2018-03", "2018-03"), ("2017", "2018-03"),
                  ("2018-03-05", "2018-09-01"), ("2018Q1", "2018Q2"), ("2018-02", None),
                  (None, "2018-02-10"), ("20180301", "20180501"), ("2018-07-04 12", "2018-08"),
                  ("2016", "2017"), ("2030", "2031"), ("2018/03/05", "2018/04/20")],
        "fine": [("2018-03-11 01", "2018-03-11 03"), ("2018-03-11 01:10", "2018-03-11 01:30"),
                 ("2018-03-10 23:00:24", "2018-03-10 23:03:17"), ("2018-03-11", "2018-03-11"),
                 ("2018-03-11T02:00", "2018-03-11T02:00"), (None, "2018-03-10 22:00:00"),
                 ("2018-03-11 01:10:00.5", "2018-03-11 01:30:00.25"), ("2018-03-10 22", None)],
    }
    cases = []
    for name, pairs in bounds.items():
        f = {"plain": plain, "fine": fine}[name]
        for zone in (None, "America/New_York", "Asia/Kolkata"):
            local = f.tz_localize("UTC").tz_convert(zone or "UTC")
            for a, b in pairs:
                try:
                    got = local.loc[a:b]
                except Exception as e:  # the clock skipped a bound: ours begins at the jump
                    assert type(e).__name__ == "NonExistentTimeError"
                    continue
                cases.append({"input": name, "a": a, "b": b, "zone": zone,
                              "first": int(got.iloc[0]) if len(got) else 0, "count": len(got)})
    inputs = {"plain": seconds(plain.index), "fine": seconds(fine.index)}
    return inputs, cases


def write(name, **parts):
    path = os.path.join(FOLDER, name)
    with open(path, "w") as f:
        f.write("local nan = 0 / 0\nreturn {\n")
        for key, value in parts.items():
            if isinstance(value, list):
                f.write("%s = {\n%s\n},\n" % (key, ",\n".join(lua(v) for v in value)))
            else:
                f.write("%s = %s,\n" % (key, lua(value)))
        f.write("}\n")
    print(path, os.path.getsize(path))


if __name__ == "__main__":
    right_takes_whole_days()
    frames = {k: {"time": seconds(f.index), "v": f["v"].tolist(), "w": f["w"].tolist()}
              for k, f in inputs.items()}
    write("time_resample.txt", inputs=frames, cases=resample_cases(), grouped=[grouped_case()])
    write("time_zones.txt", cases=zone_cases(), fields=field_cases())
    between_inputs, cases = between_cases()
    write("time_between.txt", inputs=between_inputs, cases=cases)
