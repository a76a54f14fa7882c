"""Reductions, scans, order statistics, products and linear algebra, for parity.py."""
import itertools

import numpy as np

from parity import DTYPES, NAMES, Family, lua

rng = np.random.default_rng(2)
SETS = [None] + [list(s) for n in (1, 2, 3) for s in itertools.combinations((1, 2, 3), n)]
VIEWS = [("%s", lambda m: m), ("%s:permute(3, 1, 2)", lambda m: m.transpose(2, 0, 1)),
         ("%s:slice(2, -1, 1, -1)", lambda m: m[:, ::-1]),
         ("%s:slice(3, 2):expand(3, 4, 4)", None)]


def axes(dims):
    return None if dims is None else tuple(d - 1 for d in dims)


def arguments(dims, **options):
    """The arguments of a reduction: a dim, a list of dims or nothing, and options."""
    shown = ["%s = %s" % (k, lua(v)) for k, v in options.items() if v is not False]
    parts = [] if dims is None else [lua(dims[0] if len(dims) == 1 else dims)]
    if shown:
        parts = (parts or ["nil"]) + ["{ %s }" % ", ".join(shown)]
    return ", ".join(parts)


def rows(x, dims, fn):
    """fn over the elements along dims, in C order: for functions of one axis only."""
    a = axes(dims) or tuple(range(x.ndim))
    kept = [d for d in range(x.ndim) if d not in a]
    flat = x.transpose(kept + list(a)).reshape([x.shape[d] for d in kept] + [-1])
    return fn(flat, -1)


def magnitude(x, a, scale):
    size = np.where(np.isfinite(x), np.abs(x), 0).sum(axis=a)
    return size if scale == "sum" else size / max(1, np.size(x) / np.size(size))


def finished(want, x, dims, keepdim):
    """In neap's dtype (f64 for integers) and, for everything, as a Lua number in f64."""
    everything = dims is None or len(dims) == x.ndim
    if everything and not keepdim:
        return np.asarray(want, "f8").item()
    return np.asarray(want).astype("f4" if x.dtype == "f4" else "f8")


def floats(f, name, x, dims, keepdim, skip):
    """sum, prod, mean, var, std, norm, median, quantile and logsumexp of a float array in f64."""
    a, y = axes(dims), x.astype("f8")
    nan = "nan" if skip else ""
    call = arguments(dims, keepdim=keepdim, skip_nan=skip)
    k = {"axis": a, "keepdims": keepdim}
    spread = arguments(dims, keepdim=keepdim, skip_nan=skip, ddof=0)
    zeros = np.where(np.isnan(y), 0, y) if skip else y
    top = np.fmax.reduce(y, axis=a, keepdims=True, initial=-np.inf)

    def out(v):
        return finished(v, x, dims, keepdim)

    f.sums("%s:sum(%s)" % (name, call), out(getattr(np, nan + "sum")(y, **k)),
           magnitude(y, a, "sum"))
    f.sums("%s:mean(%s)" % (name, call), out(getattr(np, nan + "mean")(y, **k)),
           magnitude(y, a, "mean"))
    f.near("%s:prod(%s)" % (name, call), out(getattr(np, nan + "prod")(y, **k)), 60)
    for method in ("var", "std"):
        f.near("%s:%s(%s)" % (name, method, spread), out(getattr(np, nan + method)(y, **k)), 16)
        one = getattr(np, nan + method)(y, ddof=1, **k)
        f.near("%s:%s(%s)" % (name, method, call), out(one), 16)
    for p, norm in ((1, np.abs(zeros).sum(**k)), (2, np.sqrt((zeros ** 2).sum(**k)))):
        call_p = arguments(dims, keepdim=keepdim, skip_nan=skip, p=p)
        f.near("%s:norm(%s)" % (name, call_p), out(norm), 16)
    sums = np.exp(y - np.where(np.isfinite(top), top, 0))
    lse = np.log((np.nansum if skip else np.sum)(sums, axis=a, keepdims=True)) + top
    everything = not keepdim and (dims is None or len(dims) == x.ndim)
    rounded = 2.0**29 if x.dtype == "f4" and everything else 1  # that of f32 runs in f32 to the end
    f.sums("%s:logsumexp(%s)" % (name, call), out(lse if keepdim else lse.sum(axis=a)),
           10 * rounded)
    for method, fn in (("median(", getattr(np, nan + "median")),
                       ("quantile(0.3, ", lambda y,
                        **k: getattr(np, nan + "quantile")(y, 0.3, **k))):
        want = np.asarray(fn(y, **k), "f8")
        want = want if want.ndim or keepdim else want.item()
        f.sums("%s:%s%s)" % (name, method, call) if call else "%s:%s)" % (name,
                                                                          method.rstrip(", ")),
               want, 1)


def choosers(f, name, x, dims, keepdim, skip):
    """max, min and their positions, any, all, count: exact."""
    a, call = axes(dims), arguments(dims, keepdim=keepdim, skip_nan=skip)
    y = x.astype("f8") if skip and x.dtype.kind == "f" else x
    everything = (dims is None or len(dims) == x.ndim) and not keepdim

    def out(v, dtype):
        return np.asarray(v).astype(dtype).item() if everything else np.asarray(v).astype(dtype)

    for method in ("max", "min"):
        fn = {"max": np.fmax, "min": np.fmin}[method].reduce if skip else getattr(np, method)
        want = fn(y, axis=a if a is not None else tuple(range(x.ndim)), keepdims=keepdim)
        f.exact("(%s:%s(%s))" % (name, method, call), out(want, x.dtype))
        fn = getattr(np, ("nanarg" if skip else "arg") + method)
        at = rows(x, dims, lambda r, axis: fn(r, axis=axis)) + 1
        f.exact("%s:arg%s(%s)" % (name, method, call), out(at.reshape(np.shape(want)), "i8"))
    if skip:
        y = np.isnan(x)
        f.exact("%s:count(%s)" % (name, call), out((~y).sum(axis=a, keepdims=keepdim), "i8"))
    else:
        f.exact("%s:count(%s)" % (name, call),
                out(np.ones(x.shape).sum(axis=a, keepdims=keepdim), "i8"))
        for method in ("any", "all"):
            f.exact("%s:%s(%s)" % (name, method, call),
                    out(getattr(np, method)(x, axis=a, keepdims=keepdim), "?"))


def integers(f, name, x, dims, keepdim):
    a, call = axes(dims), arguments(dims, keepdim=keepdim)
    everything = (dims is None or len(dims) == x.ndim) and not keepdim
    for method in ("sum", "prod"):
        want = np.asarray(getattr(np, method)(x, axis=a, keepdims=keepdim, dtype="i8"))
        f.exact("%s:%s(%s)" % (name, method, call), want.item() if everything else want)
    for method in ("mean", "median"):
        want = np.asarray(getattr(np, method)(x.astype("f8"), axis=a, keepdims=keepdim))
        f.sums("%s:%s(%s)" % (name, method, call), want.item() if everything else want,
               magnitude(x, a, "mean"))


def reductions():
    f = Family("reductions", {
        "ddof": "var and std divide by n - 1 unless ddof says otherwise, NumPy's by n",
        "f64": "a reduction over everything is a Lua number, in f64 also where NumPy rounds to f32",
        "i64": "integers are summed and multiplied in i64, also u8, of which NumPy makes u64",
        "overflow": "the median of numbers whose sum is infinite is between them, NumPy's infinite",
        "median": "median and quantile answer in f64, NumPy's of f32 in f32",
        "nothing": "where only NaN is left there is no extreme: an error; NumPy gives NaN"})
    m = np.round(rng.standard_normal((3, 4, 5)), 3)
    q, n = m.copy(), m.astype("f4")
    q[0, 1, 2] = q[2, 3, 0] = q[1, 1, 1] = np.nan
    data = {"m": m, "n": n, "q": q, "k": rng.integers(-9, 10, (3, 4, 5)),
            "j": rng.integers(-9, 10, (3, 4, 5)).astype("i4"),
            "u": rng.integers(0, 200, (3, 4, 5)).astype("u1"), "b": rng.random((3, 4, 5)) < 0.6,
            "r": q.astype("f4"), "e": np.zeros((3, 0, 2))}
    f.let(**data)
    for dims, keepdim in itertools.product(SETS, (False, True)):
        floats(f, "m", m, dims, keepdim, False)
        floats(f, "q", q, dims, keepdim, True)
        choosers(f, "q", q, dims, keepdim, True)
        for name in "mkb":
            choosers(f, name, data[name], dims, keepdim, False)
        for name in "kub":
            integers(f, name, data[name], dims, keepdim)
    for dims in SETS:
        floats(f, "n", n, dims, False, False)
        floats(f, "r", data["r"], dims, True, True)
        floats(f, "q", q, dims, False, False)
        integers(f, "j", data["j"], dims, False)
        for name in ("n", "j", "u", "q"):
            choosers(f, name, data[name], dims, False, False)
    for text, view in VIEWS:
        x = view(m) if view else np.broadcast_to(m[:, :, 1:], (3, 4, 4))
        for dims in SETS[:4]:
            floats(f, "(%s)" % text % "m", x, dims, False, False)
            choosers(f, "(%s)" % text % "m", x, dims, False, False)
    for dims in ([2], [1, 2], [2, 3]):
        for method, fill in (("sum", 0.0), ("prod", 1.0), ("mean", np.nan), ("var", np.nan)):
            shape = np.zeros((3, 0, 2)).sum(axis=axes(dims)).shape
            f.exact("e:%s(%s)" % (method, arguments(dims)), np.full(shape, fill))
    f.exact("e:sum()", 0.0)
    f.exact("e:any()", False)
    f.exact("e:all()", True)
    differences(f, m, n, data["u"])
    extremes(f)
    return f


def differences(f, m, n, u):
    f.differs("ddof", "m:var()", lambda: m.var(), float(m.var(ddof=1)), "u16")
    f.differs("ddof", "m:std(1)", lambda: m.std(axis=0), m.std(axis=0, ddof=1), "u16")
    f.differs("f64", "n:sum()", lambda: n.sum(), float(n.astype("f8").sum()), "s60")
    f.differs("f64", "n:mean()", lambda: n.mean(), float(n.astype("f8").mean()), "s1")
    f.differs("i64", "u:sum(1)", lambda: u.sum(axis=0), u.sum(axis=0, dtype="i8"))
    f.differs("i64", "u:prod(2)", lambda: u.prod(axis=1), u.prod(axis=1, dtype="i8"))
    f.differs("median", "n:median(1)", lambda: np.median(n, axis=0),
              np.median(n.astype("f8"), axis=0))
    f.refuses("nothing", "(q * (0 / 0)):max(1, { skip_nan = true })",
              lambda: np.nanmax(m * np.nan, axis=0), "max: there is no element but NaN")
    f.raises("argmax: there is no element but NaN", "(q * (0 / 0)):argmax { skip_nan = true }",
             lambda: np.nanargmax(m * np.nan))


def extremes(f):
    """Reductions of what is infinite, missing, huge or wraps."""
    big, wild = np.array([2**63 - 1, 5, 2**53 + 1, -2**63, 2**53, 7]), [1, np.inf, -2, np.nan, 3]
    f.let(big=big, inf=np.array([np.inf, 1, -2]), both=np.array([np.inf, -np.inf, 1]),
          wild=np.array(wild), huge=np.full(4, 1e308), tiny=np.full(4, 5e-324), zero=np.array(3.5))
    f.exact("big:sum()", int(big.sum()))
    f.exact("big:prod()", int(big.prod()))
    f.exact("big:cumsum()", big.cumsum())
    f.exact("big:cumprod()", big.cumprod())
    for method in ("max", "min"):
        f.exact("(big:%s())" % method, int(getattr(big, method)()))
        f.exact("big:arg%s()" % method, int(getattr(big, "arg" + method)()) + 1)
        f.exact("(big:slice(1, 3, 5, 2):%s())" % method, int(getattr(big[2:5:2], method)()))
    f.exact("(big:sort())", np.sort(big))
    f.exact("big:argsort()", np.argsort(big) + 1)
    for name, x in (("inf", [np.inf, 1, -2]), ("both", [np.inf, -np.inf, 1]), ("wild", wild),
                    ("huge", [1e308] * 4), ("tiny", [5e-324] * 4)):
        x = np.array(x)
        for method in ("sum", "mean", "max", "min", "prod"):
            f.exact("(%s:%s())" % (name, method), float(getattr(np, method)(x)))
        f.exact("%s:var()" % name, float(x.var(ddof=1)))
        f.exact("%s:cumsum()" % name, x.cumsum())
        f.exact("%s:cummax()" % name, np.maximum.accumulate(x))
        if name == "huge":
            f.differs("overflow", "huge:median()", lambda: float(np.median(x)), 1e308)
        else:
            f.exact("%s:median()" % name, float(np.median(x)))
        f.exact("%s:norm { p = math.huge }" % name, float(np.abs(x).max()))
        f.exact("%s:norm { p = 1 }" % name, float(np.abs(x).sum()))
    for method in ("sum", "mean", "max", "prod"):
        f.exact("(zero:%s())" % method, float(getattr(np, method)(3.5)))
    for dims in ([1], [2], [3], [1, 3]):
        f.exact("e:sum(%s)" % arguments(dims, keepdim=True),
                np.zeros((3, 0, 2)).sum(axis=axes(dims), keepdims=True))


def long_ones():
    """More elements than one block of a fold or one row of a kernel holds, made by arithmetic that
    is exact on both sides."""
    f = Family("long")
    for d in ("f64", "f32", "i64", "i32"):
        x = (np.arange(60000) * 7919 % 1009 - 504).astype(DTYPES[d]).reshape(5, 60, 200)
        made = ("(tensor.arange(0, 59999, 1, { dtype = 'i64' }) * 7919 %% 1009 - 504):to('%s')"
                ":reshape(5, 60, 200)" % d)
        wide = "f8" if d[0] == "f" else "i8"
        whole, sheet = made, x
        for dims in [[]] + SETS[:1] + SETS[3:]:  # [] for the columns of a narrow matrix
            x = sheet if dims != [] else sheet.reshape(6000, 10)
            made = whole if dims != [] else whole + ":reshape(6000, 10)"
            dims = dims if dims != [] else [1]
            a, call = axes(dims), arguments(dims)
            everything = dims is None or len(dims) == 3
            kind = wide if everything else d[0] == "f" and DTYPES[d] or "i8"
            total = np.asarray(x.sum(axis=a, dtype=wide)).astype(kind)
            f.exact("%s:sum(%s)" % (made, call), total.item() if everything else total)
            for method in ("max", "min"):
                best = np.asarray(getattr(np, method)(x, axis=a))
                f.exact("(%s:%s(%s))" % (made, method, call), best.item() if everything else best)
                at = np.asarray(rows(x, dims, getattr(np, "arg" + method)) + 1)
                f.exact("%s:arg%s(%s)" % (made, method, call), at.item() if everything else at)
            middle = np.asarray(np.median(x.astype("f8"), axis=a))
            f.exact("%s:median(%s)" % (made, call), middle.item() if everything else middle)
        flat, made = x.ravel(), whole + ":reshape(-1)"
        f.exact("%s:cumsum()[-1]" % made, flat.cumsum(dtype=wide)[-1].item())
        f.exact("%s:cumsum():slice(1, 1, -1, 5000)" % made,
                flat.cumsum(dtype=wide).astype(DTYPES[d] if d[0] == "f" else "i8")[::5000])
        f.exact("%s:argsort():slice(1, 1, -1, 5000)" % made,
                np.argsort(flat, kind="stable")[::5000] + 1)
        f.exact("%s:partition(30001)[30001]" % made, np.partition(flat, 30000)[30000].item())
        f.exact("select(2, %s:unique()):slice(1, 1, -1, 50)" % made,
                np.unique(flat, return_counts=True)[1][::50])
        f.exact("(%s:histogram { bins = 8, low = -504, high = 504 })" % made,
                np.histogram(flat, 8, (-504, 504))[0])
        f.exact("%s:roll(12345):slice(1, 1, -1, 9999)" % made, np.roll(flat, 12345)[::9999])
        f.exact("%s:gt(500):nonzero():slice(1, 1, 5)" % made, np.flatnonzero(flat > 500)[:5] + 1)
        square = flat[:40000].reshape(200, 200)
        expression = "%s:slice(1, 1, 40000):reshape(200, 200):matmul(%s:slice(1, 1, 200))" % (made,
                                                                                             made)
        want = (square.astype(wide) @ flat[:200].astype(wide)).astype(
            DTYPES[d] if d[0] == "f" else "i8")
        if d == "f32":  # a partial sum beyond 2^24 has been rounded
            f.near(expression, want, 1)
        else:
            f.exact(expression, want)
    return f


def scans(f, data):
    m, n = data["m"], data["n"]
    for d in (1, 2):
        a = d - 1
        for name, x in data.items():
            whole = x.dtype.kind != "f"
            for method, fn in (("cumsum", np.cumsum), ("cumprod", np.cumprod)):
                want = fn(x, axis=a,
                          dtype="i8" if whole else "f8").astype("i8" if whole else x.dtype)
                if whole:
                    f.exact("%s:%s(%d)" % (name, method, d), want)
                elif method == "cumsum":
                    f.sums("%s:cumsum(%d)" % (name, d), want, np.nansum(np.abs(x), axis=a))
                else:
                    f.near("%s:cumprod(%d)" % (name, d), want, 10)
            f.exact("%s:cummax(%d)" % (name, d), np.maximum.accumulate(x, a))
            f.exact("%s:cummin(%d)" % (name, d), np.minimum.accumulate(x, a))
            if name != "b":
                f.exact("%s:diff(%d)" % (name, d), np.diff(x, axis=a))
                f.exact("%s:diff(%d, { n = 2 })" % (name, d), np.diff(x, 2, axis=a))
        call = "(%d, { skip_nan = true })" % d
        f.sums("m:cumsum" + call, np.nancumsum(m, axis=a), np.nansum(np.abs(m), axis=a))
        f.sums("n:cumsum" + call, np.nancumsum(n.astype("f8"), axis=a).astype("f4"),
               np.nansum(np.abs(n), axis=a))
        f.near("m:cumprod" + call, np.nancumprod(m, axis=a), 10)
        f.exact("m:cummax" + call, np.fmax.accumulate(m, a))
        f.exact("n:cummin" + call, np.fmin.accumulate(n, a))
        f.exact("k:cumsum" + call, data["k"].cumsum(axis=a))
    f.refuses("bool-diff", "b:diff(1)", lambda: np.diff(data["b"], axis=0), "diff: bools cannot")


def falling(x, a):
    """Positions of a stable falling sort with NaN last."""
    size = x.astype("f8")
    return np.argsort(np.where(np.isnan(size), np.inf, -size), a, kind="stable")


def sorts(f, data):
    for (name, x), d in itertools.product(data.items(), (1, 2)):
        a = d - 1
        f.exact("(%s:sort(%d))" % (name, d), np.sort(x, a))
        f.exact("%s:argsort(%d)" % (name, d), np.argsort(x, a, kind="stable") + 1)
        down = falling(x, a)
        call = "(%d, { descending = true })" % d
        f.exact("(%s:sort%s)" % (name, call), np.take_along_axis(x, down, a))
        f.exact("%s:argsort%s" % (name, call), down + 1)
        for k in (1, 3):
            f.exact("(%s:topk(%d, %d))" % (name, k, d),
                    np.take_along_axis(x, down.take(range(k), a), a))
            f.exact("select(2, %s:topk(%d, %d, { largest = false }))" % (name, k, d),
                    np.argsort(x, a, kind="stable").take(range(k), a) + 1)
        for k in (1, 2, x.shape[a]):
            part = np.partition(x, k - 1, a)
            at = "(%s:partition(%d, %d))" % (name, k, d)
            f.exact("%s:slice(%d, %d, %d)" % (at, d, k, k), part.take([k - 1], a))
            f.exact("%s:slice(%d, 1, %d):sort(%d)" % (at, d, k, d),
                    np.sort(part.take(range(k), a), a))
            f.exact("%s:gather(select(2, %s:partition(%d, %d)), %d):sort(%d)"
                    % (name, name, k, d, d, d), np.sort(x, a))


def sets(f, data):
    for name, x in data.items():
        values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
        f.exact("(%s:unique())" % name, values)
        f.exact("select(2, %s:unique())" % name, counts)
        f.exact("select(3, %s:unique { inverse = true })" % name, inverse.reshape(x.shape) + 1)
        flat = np.sort(x.ravel())
        for right in (False, True):
            side = "right" if right else "left"
            call = ", { right = true })" if right else ")"
            f.exact("%s:reshape(-1):sort():searchsorted(%s%s" % (name, name, call),
                    np.searchsorted(flat, x, side) + 1)
            f.exact("%s:reshape(-1):sort():searchsorted(1%s" % (name, call),
                    int(np.searchsorted(flat, 1, side)) + 1)
    big = np.array([2**53, 2**53 + 1, 2**53 + 2, 2**62 + 1])
    f.let(big=big)
    f.exact("big:searchsorted(big)", np.searchsorted(big, big) + 1)
    f.exact("big:searchsorted(%d)" % (2**53 + 1), int(np.searchsorted(big, 2**53 + 1)) + 1)
    f.exact("select(3, big:flip():unique { inverse = true })",
            np.unique(big[::-1], return_inverse=True)[1] + 1)


def counting(f, data):
    m = np.round(rng.standard_normal(50), 2)
    labels, w = rng.integers(1, 6, 40), np.round(rng.random(40), 2)
    f.let(h=m, c=labels, w=w, g=np.append(m, [np.nan, np.inf]))
    for bins in (1, 3, 10, 17):
        counts, edges = np.histogram(m, bins)
        f.exact("(h:histogram { bins = %d })" % bins, counts)
        f.sums("select(2, h:histogram { bins = %d })" % bins, edges, 1)
        f.exact("(h:histogram { bins = %d, low = -1, high = 1 })" % bins,
                np.histogram(m, bins, (-1, 1))[0])
    f.exact("(h:histogram { edges = f64 { -2, -1, 0, 0.5, 3 } })",
            np.histogram(m, [-2, -1, 0, 0.5, 3])[0])
    f.differs("histogram", "(g:histogram { bins = 4, low = -1, high = 1 })",
              lambda: np.histogram([np.nan, 1], 4), np.histogram(m, 4, (-1, 1))[0])
    for d in ("i64", "i32", "u8"):
        f.exact("c:to('%s'):bincount()" % d, np.bincount(labels)[1:])
        f.exact("c:to('%s'):bincount { n = 9 }" % d, np.bincount(labels, minlength=10)[1:])
        f.sums("c:to('%s'):bincount { weights = w }" % d, np.bincount(labels, w)[1:], w.sum())
        for t in DTYPES:
            f.exact("c:to('%s'):one_hot(5, { dtype = '%s' })" % (d, t),
                    np.eye(5, dtype=DTYPES[t])[labels - 1])
    for name, x in data.items():
        y = x[np.isfinite(x)].astype("f8")
        f.exact("(%s:histogram { bins = 4, low = -2, high = 3 })" % name,
                np.histogram(y, 4, (-2, 3))[0])
        if x.dtype.kind != "f":
            f.exact("(%s:histogram { bins = 3 })" % name, np.histogram(y, 3)[0])
            f.exact("select(2, %s:histogram { bins = 2 })" % name, np.histogram(y, 2)[1])
            f.sums("%s:quantile({ 0.3, 0.8 }, 1)" % name,
                   np.quantile(y.reshape(x.shape), [0.3, 0.8], axis=0), 5)
    for q in ([0], [1], [0.25, 0.5], [0.1, 0.9, 0.33, 0.5, 0.01, 0.99, 0.2, 0.3, 0.4, 0.6]):
        f.sums("h:quantile(%s)" % lua(q), np.quantile(m, q), 3)
        for d in (1, 2):
            f.sums("m:quantile(%s, %d)" % (lua(q), d), np.quantile(data["m"], q, axis=d - 1), 3)
            f.sums("m:quantile(%s, %d, { skip_nan = true })" % (lua(q), d),
                   np.nanquantile(data["m"], q, axis=d - 1), 3)


def order():
    f = Family("order", {
        "bool-diff": "bools cannot be subtracted, so they have no diff; NumPy gives ne",
        "histogram": "NaN and infinities are not counted; NumPy refuses them without a range"})
    m = np.round(rng.standard_normal((5, 4)), 1)
    m[1, 2] = m[4, 2] = np.nan
    m[2, 0], m[3, 0], m[0, 1] = 0.0, 0.0, np.inf
    data = {"m": m, "n": m.astype("f4"), "k": rng.integers(-3, 4, (5, 4)),
            "j": rng.integers(-3, 4, (5, 4)).astype("i4"),
            "u": rng.integers(0, 5, (5, 4)).astype("u1"), "b": rng.random((5, 4)) < 0.5}
    f.let(**data)
    scans(f, data)
    sorts(f, data)
    sets(f, data)
    counting(f, data)
    return f


def conditioned(n):
    """A square matrix that is easily solved."""
    return np.round(rng.standard_normal((n, n)), 2) + 3 * np.eye(n)


MATRICES = [("%s", lambda a: a), ("%s:t()", lambda a: a.T),
            ("%s:slice(1, -1, 1, -1)", lambda a: a[::-1]),
            ("%s:slice(2, 1, -1, 2)", lambda a: a[:, ::2])]


def products_of(f, name, a, other, b):
    for (s, u), (t, v) in itertools.product(MATRICES, MATRICES):
        x, y = u(a), v(b)
        if x.shape[-1] == y.shape[0]:
            want = x.astype("f8") @ y.astype("f8")
            wide = np.result_type(x, y)
            want = want.astype(wide if wide.kind == "f" else "i8")
            size = (np.abs(x).astype("f8") @ np.abs(y).astype("f8"))
            f.sums("tensor.matmul(%s, %s)" % (s % name, t % other), want, size)
    f.sums("%s:matmul(%s[{ {}, 1 }])" % (name, other),
           (a.astype("f8") @ b[:, 0]).astype(want.dtype),
           np.abs(a) @ np.abs(b[:, 0]))
    f.sums("%s[1]:matmul(%s)" % (name, other), (a[0].astype("f8") @ b).astype(want.dtype),
           np.abs(a[0]) @ np.abs(b))


def products():
    f = Family("products", {
        "matmul": "integers and bools are multiplied in i64; NumPy keeps a narrow dtype"})
    size = {"f64": 1, "f32": 1, "i64": 20, "i32": 20, "u8": 20, "bool": 1}
    for d, t in DTYPES.items():
        a, b = (np.round(rng.random((4, 4)) * size[d], 2).astype(t) for _ in "ab")
        if d in ("f64", "f32"):
            a = a - a.dtype.type(0.5)
        f.let(**{"a_" + d: a, "b_" + d: b})
        if d == "bool":
            f.differs("matmul", "a_bool:matmul(b_bool)", lambda: a @ b, a.astype("i8") @ b)
            continue
        if d in ("i32", "u8"):
            f.differs("matmul", "a_%s:matmul(b_%s)" % (d, d), lambda: a @ b, a.astype("i8") @ b)
        products_of(f, "a_" + d, a, "b_" + d, b)
        out = np.outer(a[0], b[1])
        f.exact("tensor.outer(a_%s[1], b_%s[2])" % (d, d), out)
        wide = "f8" if a.dtype.kind == "f" else "i8"
        rounded = 2.0**29 if d == "f32" else 1  # the products of f32 are rounded to f32
        f.sums("tensor.dot(a_%s[1], b_%s[2])" % (d, d),
               np.dot(a[0].astype(wide), b[1].astype(wide)).item(), 4 * rounded)
        f.exact("tensor.kron(a_%s, b_%s)" % (d, d), np.kron(a, b))
    batches(f)
    sums_of_products(f)
    covariances(f)
    systems(f)
    return f


def batches(f):
    x, y = np.round(rng.random((2, 3, 4)), 2), np.round(rng.random((2, 4, 3)), 2)
    f.let(x=x, y=y, z=np.zeros((0, 3)))
    f.sums("tensor.bmm(x, y)", x @ y, 4)
    f.sums("x:matmul(y)", x @ y, 4)
    f.sums("x:matmul(y[1])", x @ y[0], 4)
    f.sums("x[1]:matmul(y)", x[0] @ y, 4)
    f.sums("x:unsqueeze(2):matmul(y)", x[:, None] @ y, 4)
    f.sums("x:matmul(x:transpose(2, 3))", x @ x.transpose(0, 2, 1), 4)
    f.sums("x:permute(3, 1, 2):matmul(x:permute(3, 2, 1))",
           x.transpose(2, 0, 1) @ x.transpose(2, 1, 0), 4)
    f.exact("z:matmul(x[1])", np.zeros((0, 4)))
    f.exact("z:t():matmul(z)", np.zeros((3, 3)))
    for d in (1, 2, 3):
        f.sums("x:softmax(%d)" % d, np.exp(x) / np.exp(x).sum(axis=d - 1, keepdims=True), 1)
        f.sums("x:log_softmax(%d)" % d, x - np.log(np.exp(x).sum(axis=d - 1, keepdims=True)), 3)


EINSUM = ["ij,jk->ik", "ij,jk", "ij->ji", "ij->", "ij->j", "ii->i", "ii", "ij,ij->", "ij,ij->ij",
          "ij,kj->ik", "i,j->ij", "i,i", "ij,j", "ijk->k", "bij,bjk->bik", "ij,jk,kl->il",
          "...i->...", "ij,ji->", "ab,cd->", "ijk,jk->i", "a,ab,b", "iji->j", "ijk,ij->k"]


def sums_of_products(f):
    by_size = {1: "p", 2: "o", 3: "s"}
    values = {"p": np.round(rng.random(4), 2), "s": np.round(rng.random((4, 4, 4)), 2),
              "o": np.round(rng.random((4, 4)) - 0.5, 2)}
    f.let(**values)
    for spec in EINSUM:
        lists = spec.split("->")[0].replace("...", "").split(",")
        names = [by_size[max(1, len(part) + spec.count("...") * 1)] for part in lists]
        operands = [values[n] for n in names]
        want = np.einsum(spec, *operands)
        size = np.einsum(spec, *[np.abs(o) for o in operands])
        f.sums("tensor.einsum('%s', %s)" % (spec, ", ".join(names)),
               want if np.ndim(want) else float(want), size)


def covariances(f):
    x = np.round(rng.standard_normal((12, 4)), 2)
    f.let(v=x)
    for ddof in (0, 1, 2):
        f.sums("tensor.cov(v, nil, { ddof = %d })" % ddof, np.cov(x.T, ddof=ddof), 4)
        f.sums("tensor.cov(v[{ {}, 1 }], v[{ {}, 2 }], { ddof = %d })" % ddof,
               float(np.cov(x[:, 0], x[:, 1], ddof=ddof)[0, 1]), 4)
    f.sums("tensor.corr(v)", np.corrcoef(x.T), 4)
    f.sums("tensor.corr(v[{ {}, 3 }], v[{ {}, 4 }])", float(np.corrcoef(x[:, 2], x[:, 3])[0, 1]), 4)
    f.sums("tensor.corr(v:slice(1, -1, 1, -2))", np.corrcoef(x[::-2].T), 4)
    for k in (-1, 0, 2):
        for name, fn in (("triu", np.triu), ("tril", np.tril), ("diag", np.diag)):
            f.exact("tensor.%s(v, %d)" % (name, k), fn(x, k))


def systems(f):
    """Square matrices: systems, inverses, determinants, eigenvalues."""
    for n in (1, 2, 3, 5, 8):
        a, b = conditioned(n), np.round(rng.standard_normal((n, 2)), 2)
        spd = np.round(a @ a.T + np.eye(n), 2)
        name, right, pos = "m%d" % n, "r%d" % n, "s%d" % n
        f.let(**{name: a, right: b, pos: spd})
        cond, x = np.linalg.cond(a), np.linalg.solve(a, b)
        f.sums("linalg.solve(%s, %s)" % (name, right), x, cond * np.abs(x).max())
        f.sums("linalg.solve(%s:t(), %s[{ {}, 1 }])" % (name, right), np.linalg.solve(a.T, b[:, 0]),
               cond * np.abs(x).max() * 4)
        inv = np.linalg.inv(a)
        f.sums("linalg.inv(%s)" % name, inv, cond * np.abs(inv).max())
        f.sums("linalg.pinv(%s)" % name, np.linalg.pinv(a), cond * np.abs(inv).max())
        f.sums("linalg.det(%s)" % name, float(np.linalg.det(a)), abs(np.linalg.det(a)) * n)
        sign, logabs = np.linalg.slogdet(a)
        f.exact("(linalg.slogdet(%s))" % name, float(sign))
        f.sums("select(2, linalg.slogdet(%s))" % name, float(logabs), n * 2)
        top = np.linalg.norm(spd, 2)
        f.sums("linalg.cholesky(%s)" % pos, np.linalg.cholesky(spd),
               top * np.linalg.cond(spd) ** 0.5)
        f.sums("(linalg.eigh(%s))" % pos, np.linalg.eigvalsh(spd), top * n)
        f.sums("rebuild.eigh(%s)" % pos, spd, top * n)
        f.sums("linalg.norm(%s, 'nuc')" % name, float(np.linalg.norm(a, "nuc")), top * n)
        for p in (1, 2):
            f.sums("linalg.norm(%s, %d)" % (name, p), float(np.linalg.norm(a, p)), top)
            f.sums("linalg.cond(%s, %d)" % (name, p), float(np.linalg.cond(a, p)), 8 * cond * cond)
    factors(f)
    batch = np.stack([conditioned(3) for _ in range(4)]).reshape(2, 2, 3, 3)
    f.let(batch=batch)
    f.sums("linalg.inv(batch)", np.linalg.inv(batch), np.linalg.cond(batch).max() * 4)
    f.sums("linalg.det(batch)", np.linalg.det(batch), np.abs(np.linalg.det(batch)).max() * 3)
    f.sums("linalg.svdvals(batch)", np.linalg.svd(batch, compute_uv=False), 30)
    f.sums("linalg.trace(batch)", np.trace(batch, axis1=2, axis2=3), 30)


def factors(f):
    """Values where they are unique; where signs are free, what the factors multiply to and what the
    convention does not touch."""
    for m, n in ((1, 4), (4, 1), (3, 5), (5, 3), (7, 7), (6, 2)):
        a, b = np.round(rng.standard_normal((m, n)), 2), np.round(rng.standard_normal((m, 2)), 2)
        name, right = "q%dx%d" % (m, n), "b%dx%d" % (m, n)
        f.let(**{name: a, right: b})
        top, cond = np.linalg.norm(a, 2), np.linalg.cond(a)
        for which in ("qr", "svd", "lu"):
            f.sums("rebuild.%s(%s)" % (which, name), a, top * max(m, n))
        f.sums("select(2, linalg.qr(%s)):abs()" % name, np.abs(np.linalg.qr(a)[1]),
               top * max(m, n) * cond)
        f.sums("linalg.svdvals(%s)" % name, np.linalg.svd(a, compute_uv=False), top * max(m, n))
        f.sums("rebuild.orthonormal((linalg.qr(%s)))" % name, np.eye(min(m, n)), max(m, n))
        f.sums("rebuild.orthonormal((linalg.svd(%s)))" % name, np.eye(min(m, n)), max(m, n))
        f.exact("linalg.rank(%s)" % name, int(np.linalg.matrix_rank(a)))
        x = np.linalg.lstsq(a, b, None)[0]
        f.sums("(linalg.lstsq(%s, %s))" % (name, right), x, cond ** 2 * (np.abs(x).max() + 1))
        f.sums("linalg.pinv(%s)" % name, np.linalg.pinv(a),
               cond ** 2 * np.abs(np.linalg.pinv(a)).max())
        f.sums("linalg.norm(%s)" % name, float(np.linalg.norm(a)), top * 2)


def main():
    return sum(family().write() for family in (reductions, long_ones, order, products))
