"""Element-wise operations, construction, shapes, indexing and errors, for parity.py."""
import itertools
import math

import numpy as np

from parity import DTYPES, NAMES, Family, lua

rng = np.random.default_rng(1)
FLOATS, INTEGERS = ("f64", "f32"), ("i64", "i32", "u8")
F16 = "NumPy computes functions of u8 and bool in float16, which neap lacks: f64"
I8 = "NumPy computes these of two bools in int8, which neap lacks: i64"
ODD = {
    "f64": [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -2.5, 3, 5e-324, -1e-310, 1.7e308,
            -1e300],
    "f32": [0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -2.5, 3, 1e-45, -1e-40, 3.4e38, -1e30],
    "i64": [-2**63, 2**63 - 1, -1, 0, 1, 7, -7, 2**53 + 1, 10**12],
    "i32": [-2**31, 2**31 - 1, -1, 0, 1, 7, -7, 46341, 10**6],
    "u8": [0, 1, 2, 7, 16, 127, 128, 254, 255],
    "bool": [False, True],
}
PLAIN = {
    "f64": [1.5, -2, 0.25], "f32": [2.5, 1, -0.75], "i64": [7, -3, 2], "i32": [-5, 4, 9],
    "u8": [3, 1, 6], "bool": [True, True, True],
}
BINARY = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide,
          "floordiv": np.floor_divide, "mod": np.mod, "pow": np.power, "maximum": np.maximum,
          "minimum": np.minimum, "atan2": np.arctan2}
BITS = {"bit_and": np.bitwise_and, "bit_or": np.bitwise_or, "bit_xor": np.bitwise_xor}
COMPARE = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
           "gt": np.greater, "ge": np.greater_equal}
LOGICAL = {"logical_and": np.logical_and, "logical_or": np.logical_or,
           "logical_xor": np.logical_xor}
SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "floordiv": "//", "mod": "%", "pow": "^",
         "bit_and": "&", "bit_or": "|", "bit_xor": "~"}
# Units in the last place: neap's bound of each function plus NumPy's, see parity.py.
ULP = {"exp": (3, 6), "exp2": (2, 5), "expm1": (3, 6), "log": (2, 5), "log2": (2, 5),
       "log10": (2, 5), "log1p": (3, 6), "sin": (2, 5), "cos": (2, 5), "tan": (2, 5),
       "asin": (2, 5), "acos": (2, 5), "atan": (2, 5), "sinh": (2, 5), "cosh": (2, 5),
       "tanh": (4, 7), "sigmoid": (5, 7), "softplus": (4, 7), "erf": (2, 5), "pow": (2, 5),
       "atan2": (2, 5)}


def erf(x):
    return np.vectorize(math.erf, otypes=["f8"])(x).astype(np.asarray(x).dtype)


def sigmoid(x):
    return (1 / (1 + np.exp(-x.astype("f8")))).astype(x.dtype)


def softplus(x):
    return np.logaddexp(0, x.astype("f8")).astype(x.dtype)


MAPS = {"abs": np.abs, "sign": np.sign, "square": np.square,
        "relu": lambda x: np.where(x > 0, x, np.where(x != x, x, x.dtype.type(0))),
        "floor": np.floor, "ceil": np.ceil, "round": np.rint, "trunc": np.trunc, "sqrt": np.sqrt,
        "reciprocal": lambda x: 1 / x, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1,
        "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "sin": np.sin,
        "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
        "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "sigmoid": sigmoid,
        "softplus": softplus, "erf": erf}
TESTS = {"isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite}


def element(f, name, dtype, expression, want):
    """A case with the bound of operation name computed in dtype."""
    if name in ULP and dtype in FLOATS:
        f.near(expression, want, ULP[name][dtype == "f32"])
    else:
        f.exact(expression, want)


def promoted(f, name, fn, a, b):
    """Both dtypes on small numbers; two bools where NumPy would answer in int8."""
    x, y = np.array(PLAIN[a], DTYPES[a]), np.array(PLAIN[b], DTYPES[b])
    if name == "pow" and b != "f64":
        y = np.abs(y)
    expression = "p_%s:%s(%s_%s)" % (a, name, "a" if name == "pow" and b != "f64" else "p", b)
    result = NAMES.get(fn(x, y).dtype.name)
    if result:
        element(f, name, result, expression, fn(x, y))
    elif name == "atan2":
        f.differs("float16", expression, lambda: fn(x, y), fn(x.astype("f8"), y.astype("f8")), "u2")
    else:
        f.differs("int8", expression, lambda: fn(x, y), fn(x, y).astype("i8"))


def promotion():
    f = Family("promotion", {"int8": I8, "float16": F16, "scalar": "a Lua integer must fit the "
               "tensor's dtype, while NumPy widens the result", "no-zero": "integer division by "
               "zero raises, while NumPy warns and gives 0", "zero-dims": "a tensor without dims "
               "promotes like any other, as in NumPy 2; NumPy 1 looks at its value"})
    for d in DTYPES:
        f.let(**{"p_" + d: np.array(PLAIN[d], DTYPES[d]),
                 "a_" + d: np.abs(np.array(PLAIN[d], DTYPES[d]))})
    for a, b in itertools.product(DTYPES, DTYPES):
        for name, fn in {**BINARY, **COMPARE}.items():
            if name == "sub" and a == b == "bool":
                f.raises("sub", "p_bool - p_bool", lambda: np.array([True]) - np.array([True]))
            else:
                promoted(f, name, fn, a, b)
        for name, fn in BITS.items():
            if a in FLOATS or b in FLOATS:
                f.raises(name, "p_%s %s p_%s" % (a, SIGNS[name], b),
                         lambda: fn(np.zeros(1, DTYPES[a]), np.zeros(1, DTYPES[b])))
            else:
                promoted(f, name, fn, a, b)
        f.exact("where(p_bool, p_%s, p_%s)" % (a, b), np.where(
            np.array(PLAIN["bool"]), np.array(PLAIN[a], DTYPES[a]), np.array(PLAIN[b], DTYPES[b])))
        f.exact("tensor.cat { p_%s, p_%s }" % (a, b), np.concatenate(
            [np.array(PLAIN[a], DTYPES[a]), np.array(PLAIN[b], DTYPES[b])]))
    scalars(f)
    for d in DTYPES:
        in_place(f, d)
    return f


def in_place(f, d):
    """x:name_(y): the result must have x's dtype."""
    x = np.array(PLAIN[d], DTYPES[d])
    for name, fn in {**BINARY, **BITS}.items():
        y, other = (np.abs(x), "a_" + d) if name == "pow" else (x, "p_" + d)
        if (d in FLOATS and name in BITS) or (d == "bool" and name == "sub"):
            continue
        want = fn(x, y)
        expression = "copy(p_%s):%s_(%s)" % (d, name, other)
        if want.dtype == x.dtype:
            element(f, name, d, expression, want)
        else:
            f.raises(name + "_: the result is", expression, lambda: fn(x, y, out=x.copy()))
    for name, fn in MAPS.items():
        if d in FLOATS:
            element(f, name, d, "copy(p_%s):%s_()" % (d, name), fn(x))


def scalars(f):
    """A tensor and a Lua number, on either side."""
    names = ("add", "sub", "mul", "div", "pow", "floordiv", "mod")
    for d, name in itertools.product(DTYPES, names):
        x, sign = np.array(PLAIN[d], DTYPES[d]), SIGNS[name]
        fn = BINARY[name]
        for v in (2, 2.0):
            wide = np.dtype("i8" if v == 2 and isinstance(v, int) and d == "bool" else DTYPES[d])
            wide = np.dtype("f8") if isinstance(v, float) and wide.kind != "f" else wide
            want = fn(x.astype(wide), wide.type(v))
            element(f, name, NAMES[want.dtype.name], "p_%s %s %s" % (d, sign, v), want)
            if name in ("sub", "div"):
                f.exact("%s %s p_%s" % (v, sign, d), fn(wide.type(v), x.astype(wide)))
    f.let(wide=np.array(3), real=np.array(0.5))
    for d, name in (("i32", "wide"), ("u8", "wide"), ("f32", "real")):
        x, y = np.array(PLAIN[d], DTYPES[d]), np.array(3 if name == "wide" else 0.5)
        f.differs("zero-dims", "p_%s + %s" % (d, name), lambda: x + y, x.astype(y.dtype) + y)
    for d, v in (("u8", 300), ("u8", -1), ("i32", 2**40)):
        f.refuses("scalar", "p_%s + %d" % (d, v), lambda: np.array(PLAIN[d], DTYPES[d]) + v, "add")
    for d, sign in itertools.product(INTEGERS, ("//", "%")):
        f.refuses("no-zero", "p_%s %s 0" % (d, sign), lambda: np.zeros(1, DTYPES[d]) // 0,
                  "floordiv" if sign == "//" else "mod")
        f.refuses("no-zero", "p_i64 %s (p_%s * 0)" % (sign, d), lambda: np.zeros(1, "i8") // 0,
                  "floordiv" if sign == "//" else "mod")
    for d in ("i64", "i32"):
        f.raises("pow", "p_%s ^ p_%s" % (d, d),
                 lambda: np.array(PLAIN[d], DTYPES[d]) ** np.array([-1, -2, -3], DTYPES[d]))


def special():
    """Every operation on every pair of numbers that are hard on it."""
    f = Family("special", {"int8": I8})
    for d in DTYPES:
        x, y = (m.ravel() for m in np.meshgrid(np.array(ODD[d], DTYPES[d]), ODD[d]))
        y = y.astype(DTYPES[d])
        some = y != 0
        f.let(**{"x_" + d: x, "y_" + d: y, "n_" + d: x[some], "d_" + d: y[some],
                 "e_" + d: np.abs(y) % 70 if d in INTEGERS else y})
        for name, fn in {**BINARY, **COMPARE, **BITS, **LOGICAL}.items():
            a, b = x, y
            if (d in FLOATS and name in BITS) or (d == "bool" and name == "sub"):
                continue
            names = ("x_", "y_")
            if d not in FLOATS and name in ("floordiv", "mod"):
                a, b, names = x[some], y[some], ("n_", "d_")
            if d in INTEGERS and name == "pow":
                b, names = (np.abs(y) % 70).astype(DTYPES[d]), ("x_", "e_")
            expression = "%s%s:%s(%s%s)" % (names[0], d, name, names[1], d)
            want = fn(a, b)
            if want.dtype.name == "float16" or (d in INTEGERS and name == "atan2"):
                continue  # in promotion
            if want.dtype.name in NAMES:
                element(f, name, NAMES[want.dtype.name], expression, want)
            else:
                f.differs("int8", expression, lambda: want, want.astype("i8"))
    return f


def maps():
    f = Family("maps", {
        "float16": F16,
        "rounding": "rounding leaves integers alone, while NumPy 1 turns them into floats",
        "bool-number": "abs, sign and square of bools are those of the i64 numbers 0 and 1, while "
                       "NumPy answers in bool or int8 or refuses"})
    for d in DTYPES:
        x = np.array(ODD[d], DTYPES[d])
        if d in FLOATS:
            more = np.concatenate([rng.standard_normal(20) * 10.0 ** rng.integers(-6, 3, 20)])
            x = np.concatenate([x, more.astype(DTYPES[d])])
        f.let(**{"x_" + d: x})
        for name, fn in MAPS.items():
            one_map(f, d, name, fn, x)
        for name, fn in TESTS.items():
            f.exact("x_%s:%s()" % (d, name), fn(x))
        f.exact("x_%s:logical_not()" % d, np.logical_not(x))
        for low, high in ((1, 2), (None, 1), (0, None)):
            if d != "bool":
                f.exact("x_%s:clamp(%s, %s)" % (d, "nil" if low is None else low,
                                                "nil" if high is None else high),
                        np.clip(x, low, high))
        if d != "bool":
            f.exact("-x_" + d, -x)
        if d not in FLOATS:
            f.exact("~x_" + d, ~x)
    f.raises("neg", "-x_bool", lambda: -np.array([True]))
    for d in FLOATS:
        f.raises("bit_not", "~x_" + d, lambda: ~np.zeros(1, DTYPES[d]))
    conversions(f)
    return f


def one_map(f, d, name, fn, x):
    expression = "x_%s:%s()" % (d, name)
    rounds = name in ("floor", "ceil", "round", "trunc")
    if d in FLOATS:
        element(f, name, d, expression, fn(x))
    elif rounds and d in INTEGERS:
        f.differs("rounding", expression, lambda: fn(x), x)
    elif name in ("abs", "sign", "square", "relu"):
        if d == "bool" and name != "relu":
            f.differs("bool-number", expression, lambda: fn(x), fn(x.astype("i8")))
        elif d == "bool":
            f.exact(expression, fn(x.astype("i8")))
        else:
            f.exact(expression, fn(x))
    elif d in ("u8", "bool") and name not in ("sigmoid", "softplus", "erf", "reciprocal"):
        f.differs("float16", expression, lambda: fn(x), fn(x.astype("f8")),
                  "u%g" % ULP[name][0] if name in ULP else "=")
    else:
        element(f, name, "f64", expression, fn(x.astype("f8")))


def conversions(f):
    inside = {"f64": [0, -0.0, 1.9, -1.9, 255], "f32": [0, 2.5, -0.5, 7], "i64": [0, 1, -1, 100],
              "i32": [3, 0, -7], "u8": [0, 255, 1], "bool": [True, False]}
    for a, b in itertools.product(DTYPES, DTYPES):
        x = np.array(inside[a], DTYPES[a])
        if b == "u8":
            x = np.abs(x)
        f.exact("tensor.of(%s, { dtype = '%s' }):to '%s'" % (
            lua([v.item() for v in x]), a, b), x.astype(DTYPES[b]))


def construction():
    f = Family("construction", {
        "inclusive": "arange counts from 1 to its last number, NumPy's from 0 to before it",
        "checked": "what does not fit a dtype is refused, while NumPy wraps or truncates"})
    for d in DTYPES:
        t = DTYPES[d]
        for shape in ([], [0], [3], [2, 0], [2, 3], [1, 2, 2]):
            sizes = "".join("%d, " % n for n in shape)
            f.exact("tensor.zeros { %sdtype = '%s' }" % (sizes, d), np.zeros(shape, t))
            f.exact("tensor.ones { %sdtype = '%s' }" % (sizes, d), np.ones(shape, t))
            f.exact("tensor.full { %svalue = 1, dtype = '%s' }" % (sizes, d), np.full(shape, 1, t))
        for n in (0, 1, 4):
            f.exact("tensor.eye(%d, { dtype = '%s' })" % (n, d), np.eye(n, dtype=t))
        if d != "bool":
            for a, b, s in ((1, 9, 1), (0, 10, 5), (9, 1, -2), (3, 2, 1), (4, 4, 3)):
                want = np.arange(a, b + (1 if s > 0 else -1), s, dtype=t)
                f.exact("tensor.arange(%d, %d, %d, { dtype = '%s' })" % (a, b, s, d), want)
            f.exact("tensor.linspace(2, 11, 4, { dtype = '%s' })" % d,
                    np.linspace(2, 11, 4, dtype=t))
        nested = {"bool": [[True, False], [False, False]]}.get(d, [[1, 2], [3, 4]])
        f.exact("tensor.of(%s, { dtype = '%s' })" % (lua(nested), d), np.array(nested, t))
    f.differs("inclusive", "tensor.arange(4)", lambda: np.arange(4), np.arange(1.0, 5))
    f.differs("inclusive", "tensor.arange(2, 6)", lambda: np.arange(2.0, 6), np.arange(2.0, 7))
    for a, b, n in ((0, 1, 5), (1, 0, 3), (-2.5, 7.25, 14), (3, 3, 2), (0, 1, 1), (0, 1, 0)):
        f.sums("tensor.linspace(%s, %s, %d)" % (a, b, n), np.linspace(a, b, n), 1)
    for values in ([1.5, -2], [[1], [2]], [[[1, 2]], [[3, 4]]], [True, False], [[]]):
        f.exact("tensor.of " + lua(values),
                np.array(values, bool if values == [True, False] else "f8"))
    for n, d in ((300, "u8"), (-1, "u8"), (2**31, "i32"), (1.5, "i64")):
        f.refuses("checked", "tensor.of({ %s }, { dtype = '%s' })" % (n, d),
                  lambda: np.array([n]).astype(DTYPES[d]), "does not fit")
        f.refuses("checked", "tensor.of { %s, 1e300 }:to '%s'" % (n, d),
                  lambda: np.array([n, 1e300]).astype(DTYPES[d]), "fit")
    f.raises("n is %-1", "tensor.eye(-1)", lambda: np.eye(-1))
    f.raises("dtype", "tensor.zeros { 2, dtype = 'f16x' }", lambda: np.zeros(2, "f16x"))
    f.raises("zeros", "tensor.zeros(-1)", lambda: np.zeros(-1))
    f.raises("size", "tensor.zeros { 2, -3 }", lambda: np.zeros((2, -3)))
    f.raises("ragged", "tensor.of { { 1, 2 }, { 3 } }", lambda: np.array([[1, 2], [3]], "f8"))
    return f


VIEWS = [  # of a 4 x 3 matrix m
    ("m", lambda m: m), ("m:t()", lambda m: m.T), ("m:slice(1, -1, 1, -1)", lambda m: m[::-1]),
    ("m:slice(2, 3, 1, -2)", lambda m: m[:, ::-2]), ("m:slice(1, 2, 4, 2)", lambda m: m[1::2]),
    ("m:slice(2, 2)", lambda m: m[:, 1:]), ("m[2]", lambda m: m[1]),
    ("m[{ {}, 3 }]", lambda m: m[:, 2]),
    ("m[3]:expand(2, 3)", lambda m: np.broadcast_to(m[2], (2, 3))),
    ("m[{ {}, { 1, 1 } }]:expand(4, 2)", lambda m: np.broadcast_to(m[:, :1], (4, 2))),
    ("m:reshape(2, 2, 3):permute(3, 1, 2)", lambda m: m.reshape(2, 2, 3).transpose(2, 0, 1)),
    ("m:unsqueeze(2):expand(4, 2, 3)", lambda m: np.broadcast_to(m[:, None], (4, 2, 3))),
    ("m:slice(1, 3, 2)", lambda m: m[3:2]),
    ("m[{ 2, { 2, 2 } }]:squeeze(1)", lambda m: m[1, 1:2].reshape(())),
]
VIEWED = [  # operations on a view x
    ("x:clone()", lambda x: x), ("x:contiguous()", lambda x: x), ("x + x", lambda x: x + x),
    ("x:abs()", np.abs), ("x:gt(2)", lambda x: x > 2), ("x:reshape(-1)", np.ravel),
    ("x:sum()", np.sum), ("x:to 'f32'", lambda x: x.astype("f4")),
    ("x:nonzero()", lambda x: np.flatnonzero(x) + 1),
    ("where(x:gt(0), x, -x)", lambda x: np.where(x > 0, x, -x)), ("x[x:gt(1)]", lambda x: x[x > 1]),
    ("x:totable() and x", lambda x: x), ("copy(x):add_(x)", lambda x: x + x),
    ("set(x, {}, x * 2)", lambda x: x * 2), ("x:all()", np.all),
    ("x:eq(x):all()", lambda x: np.all(x == x)),
    ("x:isnan():sum()", lambda x: np.isnan(x).sum()),
]
ALONG = [  # and along one of its dims
    ("x:sum(%d)", lambda x, a: x.sum(a)), ("x:cumsum(%d)", lambda x, a: x.cumsum(a)),
    ("x:argsort(%d)", lambda x, a: np.argsort(x, a, kind="stable") + 1),
    ("(x:sort(%d))", lambda x, a: np.sort(x, a)), ("x:diff(%d)", lambda x, a: np.diff(x, axis=a)),
    ("tensor.cat({ x, x }, %d)", lambda x, a: np.concatenate([x, x], a)),
    ("tensor.stack({ x, x }, %d)", lambda x, a: np.stack([x, x], a)),
    ("x:cummax(%d)", lambda x, a: np.maximum.accumulate(x, a)),
    ("x:take(tensor.of({ -1, 1 }, { dtype = 'i64' }), %d)", lambda x, a: np.take(x, [-1, 0], a)),
    ("x:flip(%d)", lambda x, a: np.flip(x, a)), ("x:roll(1, %d)", lambda x, a: np.roll(x, 1, a)),
    ("x:repeat_interleave(2, %d)", lambda x, a: np.repeat(x, 2, a)),
]


def views():
    f = Family("views")
    m = rng.permutation(12).reshape(4, 3) - 4  # each once: no ties
    f.let(m=m.astype("f8"))
    for (text, view), (operation, fn) in itertools.product(VIEWS, VIEWED):
        x = view(m.astype("f8"))
        f.exact(operation.replace("x", "(%s)" % text) if operation != "x:totable() and x" else
                "(%s):totable() and %s" % (text, text),
                fn(x) if x.ndim or "sum" in operation or "all" in operation else np.asarray(fn(x)))
    for (text, view), (operation, fn) in itertools.product(VIEWS, ALONG):
        x = view(m.astype("f8"))
        for d in range(x.ndim):
            if x.shape[d] == 0 and "take" in operation:
                continue
            want = fn(x, d)
            if x.ndim == 1 and not isinstance(want, np.ndarray):
                want = float(want)
            f.exact((operation % (d + 1)).replace("x:", "(%s):" % text).replace("x,", "%s," % text)
                    .replace("x }", "%s }" % text), want)
    return f


def shapes():
    f = Family("shapes")
    c = np.arange(24.0).reshape(2, 3, 4)
    f.let(c=c, v=np.arange(5.0), z=np.zeros((2, 0, 3)), s=np.array(2.5),
          k=np.arange(6).reshape(2, 3),
          b=np.array([[True], [False]]))
    for shape in ([6, 4], [24], [-1, 2], [2, -1, 2], [4, 3, 2], [1, 24, 1], [2, 3, 2, 2]):
        f.exact("c:reshape(%s)" % lua(shape)[2:-2], c.reshape(shape))
        f.exact("c:transpose(1, 3):reshape(%s)" % lua(shape)[2:-2], c.swapaxes(0, 2).reshape(shape))
        f.exact("c:view(%s)" % lua(shape)[2:-2], c.reshape(shape))
    for order in itertools.permutations((1, 2, 3)):
        f.exact("c:permute(%d, %d, %d)" % order, c.transpose([d - 1 for d in order]))
    for a, b in itertools.product((1, 2, 3, -1), (1, 2, 3)):
        f.exact("c:transpose(%d, %d)" % (a, b), c.swapaxes(a - 1 if a > 0 else a, b - 1))
    for d in (1, 2, 3, 4, -1):
        f.exact("c:unsqueeze(%d)" % d, np.expand_dims(c, d - 1 if d > 0 else d))
    for d in (1, 2, 3):
        f.exact("c:slice(%d, 1, 1):squeeze(%d)" % (d, d), c.take([0], d - 1).squeeze(d - 1))
        f.exact("c:slice(%d, 1, 1):squeeze()" % d, c.take([0], d - 1).squeeze())
        f.exact("c:flip(%d)" % d, np.flip(c, d - 1))
        for n in (1, -1, 0, 2, 7, -9):
            f.exact("c:roll(%d, %d)" % (n, d), np.roll(c, n, d - 1))
        for n in (0, 1, 3):
            f.exact("c:repeat_interleave(%d, %d)" % (n, d), np.repeat(c, n, d - 1))
        n = c.shape[d - 1]
        f.exact("c:repeat_interleave(tensor.arange(0, %d, 1, { dtype = 'i64' }), %d)" % (n - 1, d),
                np.repeat(c, range(n), d - 1))
        for size in (1, 2, 3):
            parts = np.split(c, range(size, n, size), d - 1)
            f.exact("#c:split(%d, %d)" % (size, d), len(parts))
            for i, part in enumerate(parts):
                f.exact("c:split(%d, %d)[%d]" % (size, d, i + 1), part)
        f.exact("c:split({ 1, %d }, %d)[2]" % (n - 1, d), np.split(c, [1], d - 1)[1])
        f.exact("tensor.cat({ c, c * 2, c }, %d)" % d, np.concatenate([c, c * 2, c], d - 1))
        f.exact("tensor.stack({ c, c + 1 }, %d)" % d, np.stack([c, c + 1], d - 1))
    for dims in ([1, 2], [1, 3], [2, 3], [1, 2, 3]):
        f.exact("c:flip %s" % lua(dims), np.flip(c, [d - 1 for d in dims]))
    f.exact("c:flip()", np.flip(c))
    repeats(f, c)
    broadcasting(f, c)
    diagonals(f, c)
    return f


def repeats(f, c):
    v = np.arange(5.0)
    f.exact("v:roll(2)", np.roll(v, 2))
    f.exact("v:repeat_interleave(2)", np.repeat(v, 2))
    for counts in ([2], [3, 1], [2, 1, 2], [1, 2, 1, 1], [0], [2, 2, 1, 2]):
        f.exact("c:tile(%s)" % lua(counts)[2:-2], np.tile(c, counts))
        f.exact("v:tile %s" % lua(counts), np.tile(v, counts))
    for shape in ([5, 2, 3, 4], [2, 3, 4], [1, 2, 3, 4]):
        f.exact("c:expand %s" % lua(shape), np.broadcast_to(c, shape))


def broadcasting(f, c):
    for name, fn in (("add", np.add), ("maximum", np.maximum), ("lt", np.less)):
        for (a, x), (b, y) in itertools.product(
                (("c", c), ("c[1]", c[0]), ("c[{ {}, {}, { 1, 1 } }]", c[:, :, :1]),
                 ("s", np.array(2.5)),
                 ("c[{ 1, 2 }]", c[0, 1]), ("c:slice(2, 2, 1)", c[:, 1:1]),
                 ("c[{ {}, { 1, 1 } }]", c[:, :1]),
                 ("b:unsqueeze(3)", np.array([[[True]], [[False]]]))), repeat=2):
            try:
                want = np.asarray(fn(x, y))
            except ValueError:
                f.raises("%s: shapes" % name, "(%s):%s(%s)" % (a, name, b), lambda: fn(x, y))
            else:
                f.exact("(%s):%s(%s)" % (a, name, b), want)
    f.exact("z:reshape(3, 0)", np.zeros((3, 0)))
    f.exact("z + c[{ {}, { 1, 1 }, { 1, 3 } }]", np.zeros((2, 0, 3)))
    f.exact("z:permute(3, 1, 2)", np.zeros((3, 2, 0)))
    f.exact("tensor.cat({ z, z }, 1)", np.zeros((4, 0, 3)))


def diagonals(f, c):
    x, v, k = c[0], np.arange(5.0), np.arange(6).reshape(2, 3)
    f.exact("tensor.kron(k, k)", np.kron(k, k))
    f.exact("tensor.kron(v, c)", np.kron(v, c))
    f.exact("tensor.trace(c[1])", np.trace(x))
    f.exact("tensor.trace(c)", np.trace(c, axis1=1, axis2=2))
    for k in (-2, -1, 0, 1, 3):
        f.exact("c[1]:diagonal(%d)" % k, np.diagonal(x, k))
        f.exact("tensor.diag(c[1], %d)" % k, np.diag(x, k))
        f.exact("tensor.diag(v, %d)" % k, np.diag(v, k))
        f.exact("tensor.triu(c, %d)" % k, np.triu(c, k))
        f.exact("tensor.tril(c, %d)" % k, np.tril(c, k))
        f.exact("c:diagonal(%d)" % k, np.diagonal(c, k, 1, 2))


READS = [  # the key in neap and in NumPy, of c: 3 x 4 x 5
    ("2", 1), ("-1", -1), ("{ 2, 3 }", (1, 2)), ("{ 2, -1, 1 }", (1, -1, 0)),
    ("{ -3, -4, -5 }", (-3, -4, -5)),
    ("{ {}, 2 }", np.s_[:, 1]), ("{ {}, {}, 5 }", np.s_[:, :, 4]), ("{ { 2, 3 } }", np.s_[1:3]),
    ("{ { 1, 3, 2 } }", np.s_[0:3:2]), ("{ { 3, 1, -1 } }", np.s_[::-1]),
    ("{ { -1, 1, -2 }, {}, { 2, 4 } }", np.s_[::-2, :, 1:4]),
    ("{ 1, { 4, 2, -1 } }", np.s_[0, 3:0:-1]),
    ("{ {}, { 2, -1 }, { 1, -2, 2 } }", np.s_[:, 1:, 0:4:2]),
    ("{ { 2, 2 }, { 3, 3 }, { 4, 4 } }", np.s_[1:2, 2:3, 3:4]),
    ("{ { -2, -1 }, -1 }", np.s_[-2:, -1]), ("{ {}, { 5, 4 } }", np.s_[:, 4:4]), ("{}", np.s_[:]),
    ("{ { 2, 1 } }", np.s_[1:1]), ("{ 3, {}, { -1, 1, -3 } }", np.s_[2, :, ::-3]),
    ("{ 1, 4, {} }", np.s_[0, 3]),
    ("{ { 1, -1 }, 1, { -3, -1 } }", np.s_[:, 0, -3:]),
    ("{ {}, { 1, 4, 3 }, { 5, 1, -4 } }", np.s_[:, ::3, ::-4]),
]
PICKS = [  # index tensors
    ("i64 { 2, 1, 3 }", [1, 0, 2]), ("i64 { -1, -1 }", [-1, -1]),
    ("i64 { { 1, 2 }, { 3, 3 } }", [[0, 1], [2, 2]]),
    ("i32 { 3 }", [2]), ("u8 { 1, 1, 1, 2 }", [0, 0, 0, 1]), ("i64 {}", np.zeros(0, int)),
]
MASKS = [("c:gt(20)", lambda c: c > 20), ("c:lt(0)", lambda c: c < 0),
         ("c:ge(0)", lambda c: c >= 0),
         ("bool { true, false, true }", lambda c: np.array([True, False, True])),
         ("c[{ {}, {}, 1 }]:gt(15)", lambda c: c[:, :, 0] > 15),
         ("bool { false, false, false }", lambda c: np.zeros(3, bool))]


def indexing():
    f = Family("indexing", {"narrow": "assignment and in-place operations never narrow a dtype, "
                            "while NumPy casts what it stores"})
    c = np.arange(60.0).reshape(3, 4, 5)
    f.let(c=c)

    def assigned(key, value, x=c):
        x = x.copy()
        x[key] = value
        return x

    for text, key in READS:
        got = c[key]
        f.exact("c[%s]" % text, got)
        f.exact("c:transpose(1, 1)[%s]" % text, got)
        f.exact("set(c, %s, -1)" % text, assigned(key, -1))
        f.exact("set(c, %s, c[%s] * 2)" % (text, text), assigned(key, got * 2))
        f.exact("set(c:to 'i32', %s, 7)" % text, assigned(key, 7, c.astype("i4")))
        if isinstance(got, np.ndarray) and got.size:
            f.exact("set(c, %s, c[%s]:slice(1, 1, 1))" % (text, text), assigned(key, got[:1]))
            f.exact("copy(c)[%s]:add_(1)" % text, got + 1)
    for text, key in PICKS:
        key = np.array(key)
        f.exact("c[%s]" % text, c[key])
        for d in (1, 2, 3):
            f.exact("c:take(%s, %d)" % (text, d), np.take(c, key, d - 1))
        if key.ndim == 1:
            f.exact("set(c, %s, -2)" % text, assigned(key, -2))
            f.exact("set(c, %s, c[{ 1, 1 }])" % text, assigned(key, c[0, 0]))
            f.exact("set(c[{ {}, 1, 1 }], %s, 5)" % text, assigned(key, 5, c[:, 0, 0]))
    for text, mask in MASKS:
        m = mask(c)
        f.exact("c[%s]" % text, c[m])
        f.exact("set(c, %s, 0.5)" % text, assigned(m, 0.5))
        f.exact("set(c, %s, c[%s] * 3)" % (text, text), assigned(m, c[m] * 3))
        f.exact("(%s):nonzero()" % text, np.flatnonzero(m) + 1)
    for d in (1, 2, 3):
        index = rng.integers(0, c.shape[d - 1], c.shape)
        f.let(**{"g%d" % d: index + 1})
        f.exact("c:gather(g%d, %d)" % (d, d), np.take_along_axis(c, index, d - 1))
        f.exact("c:gather(g%d:slice(%d, 2, 2), %d)" % (d, d, d),
                np.take_along_axis(c, index.take([1], d - 1), d - 1))
        f.exact("c:gather(-g%d, %d)" % (d, d), np.take_along_axis(c, -index - 1, d - 1))
        order = np.argsort(rng.random(c.shape), d - 1)
        f.let(**{"o%d" % d: order + 1})
        put = c.copy()
        np.put_along_axis(put, order, c * 10, d - 1)
        f.exact("copy(c):scatter_(o%d, c * 10, %d)" % (d, d), put)
        put = c.copy()
        np.put_along_axis(put, order.take([0], d - 1), -1, d - 1)
        f.exact("copy(c):scatter_(o%d:slice(%d, 1, 1), -1, %d)" % (d, d, d), put)
    for d, v in (("i64", "1.5"), ("u8", "300"), ("i32", "1e12")):
        f.refuses("narrow", "set(tensor.zeros { 2, dtype = '%s' }, 1, %s)" % (d, v),
                  lambda: np.zeros(2, DTYPES[d]).__setitem__(0, float(v)), "does not fit in " + d)
        f.refuses("narrow", "tensor.zeros({ 2, dtype = '%s' }):copy_(tensor.of { 1.5, 2 })" % d,
                  lambda: np.copyto(np.zeros(2, DTYPES[d]), [1.5, 2], casting="unsafe"),
                  "does not go into " + d)
    return f


def errors():
    f = Family("errors")
    c, v = np.arange(60.0).reshape(3, 4, 5), np.arange(5.0)
    f.let(c=c, v=v, s=np.array([[1.0, 2], [2, 4]]))
    for name, fn in {**BINARY, **COMPARE}.items():
        f.raises("%s: shapes %%[3x4x5%%] and %%[4%%]" % name, "c:%s(v:slice(1, 1, 4))" % name,
                 lambda: fn(c, v[:4]))
    for text, fn in (("4", lambda: c[3]), ("-4", lambda: c[-4]), ("{ 1, 5 }", lambda: c[0, 4]),
                     ("{ 1, 1, -6 }", lambda: c[0, 0, -6]),
                     ("{ 1, 1, 1, 1 }", lambda: c[0, 0, 0, 0]),
                     ("i64 { 4 }", lambda: c[[3]]), ("i64 { 1, -4 }", lambda: c[[0, -4]]),
                     ("bool { true }", lambda: c[np.array([True])]),
                     ("v", lambda: c[v])):
        f.raises("index" if text != "v" else "take", "c[%s]" % text, fn)
        if text != "v":
            f.raises("mask" if "bool" in text else "index", "set(c, %s, 0)" % text, fn)
    for name in ("sum", "prod", "mean", "var", "std", "max", "min", "argmax", "any", "all",
                 "median", "cumsum", "sort", "argsort", "cumprod", "diff", "flip"):
        fn = getattr(np, name)
        f.raises("%s.*dim is 4, but there are 3" % name, "c:%s(4)" % name, lambda: fn(c, axis=3))
        f.raises("%s.*dim is %%-4, but there are 3" % name, "c:%s(-4)" % name,
                 lambda: fn(c, axis=-4))
    for name in ("max", "min", "argmax", "argmin"):
        fn = getattr(np, name)
        f.raises(name + ": there is no element", "tensor.zeros({ 0 }):%s()" % name, lambda: fn([]))
        f.raises(name + ": there is no element", "tensor.zeros({ 2, 0 }):%s(2)" % name,
                 lambda: fn(np.zeros((2, 0)), axis=1))
    for shape in ([7, 9], [-1, 7], [61], [-1, -1], [0, 60]):
        f.raises("reshape", "c:reshape %s" % lua(shape), lambda: c.reshape(shape))
    for text, fn in mistakes(c, v):
        words, expression = text.split(" | ")
        f.raises(words, expression, fn)
    return f


def mistakes(c, v):
    """Words of the message | the expression, and what NumPy is asked."""
    return (
        ("expand | c:expand(3, 4, 6)", lambda: np.broadcast_to(c, (3, 4, 6))),
        ("expand | c:expand(4, 5)", lambda: np.broadcast_to(c, (4, 5))),
        ("permute | c:permute(1, 2)", lambda: c.transpose(0, 1)),
        ("permute | c:permute(1, 1, 2)", lambda: c.transpose(0, 0, 1)),
        ("permute | c:permute(1, 2, 4)", lambda: c.transpose(0, 1, 3)),
        ("transpose | c:transpose(1, 4)", lambda: c.swapaxes(0, 3)),
        ("squeeze | c:squeeze(1)", lambda: c.squeeze(0)),
        ("squeeze | c:squeeze(4)", lambda: c.squeeze(3)),
        ("unsqueeze | c:unsqueeze(5)", lambda: np.expand_dims(c, 4)),
        ("cat | tensor.cat({ c, c:transpose(1, 2) }, 1)",
         lambda: np.concatenate([c, c.swapaxes(0, 1)])),
        ("cat | tensor.cat({ c, v }, 1)", lambda: np.concatenate([c, v])),
        ("cat | tensor.cat {}", lambda: np.concatenate([])),
        ("cat | tensor.cat({ c, c }, 4)", lambda: np.concatenate([c, c], 3)),
        ("stack | tensor.stack { v, c }", lambda: np.stack([v, c])),
        ("stack | tensor.stack {}", lambda: np.stack([])),
        ("stack | tensor.stack({ v, v }, 3)", lambda: np.stack([v, v], 2)),
        ("split | c:split({ 1, 1 }, 2)", lambda: np.split(c, 3, 1)),
        ("split | c:split(1, 4)", lambda: np.split(c, 3, 3)),
        ("split | c:split(0)", lambda: np.split(c, 0)),
        ("take | c:take(i64 { 5 }, 2)", lambda: c.take([4], 1)),
        ("take | c:take(i64 { 1 }, 4)", lambda: c.take([0], 3)),
        ("gather | c:gather(i64 { { { 6 } } }, 3)",
         lambda: np.take_along_axis(c, np.array([[[5]]]), 2)),
        ("gather | c:gather(i64 { 1 }, 1)", lambda: np.take_along_axis(c, np.array([0]), 0)),
        ("gather | c:gather(c, 1)", lambda: np.take_along_axis(c, c, 0)),
        ("scatter | copy(c):scatter_(i64 { { { 4 } } }, 1, 1)",
         lambda: np.put_along_axis(c.copy(), np.array([[[3]]]), 1, 0)),
        ("roll | c:roll(1, 4)", lambda: np.roll(c, 1, 3)),
        ("repeat_interleave | c:repeat_interleave(-1, 1)", lambda: np.repeat(c, -1, 0)),
        ("repeat_interleave | c:repeat_interleave(i64 { 1, 2 }, 1)",
         lambda: np.repeat(c, [1, 2], 0)),
        ("tile | c:tile(-1)", lambda: np.tile(c, -1)),
        ("partition | v:partition(6)", lambda: np.partition(v, 5)),
        ("partition | c:partition(1, 4)", lambda: np.partition(c, 0, 3)),
        ("quantile | v:quantile(1.5)", lambda: np.quantile(v, 1.5)),
        ("quantile | v:quantile(-0.1)", lambda: np.quantile(v, -0.1)),
        ("bincount | v:bincount()", lambda: np.bincount(v)),
        ("bincount | i64 { 1, -1 }:bincount()", lambda: np.bincount([1, -1])),
        ("bincount | i64({ 1, 2 }):bincount { weights = v }", lambda: np.bincount([1, 2], v)),
        ("histogram | v:histogram { bins = 0 }", lambda: np.histogram(v, 0)),
        ("histogram | v:histogram { edges = tensor.of { 3, 1 } }",
         lambda: np.histogram(v, [3, 1])),
        ("histogram | v:histogram { low = 5, high = 1 }", lambda: np.histogram(v, 3, (5, 1))),
        ("searchsorted | c:searchsorted(1)", lambda: np.searchsorted(c, 1)),
        ("where | where(c:gt(0), c, v:slice(1, 1, 4))", lambda: np.where(c > 0, c, v[:4])),
        ("clamp | c:clamp(v:slice(1, 1, 3), 9)", lambda: np.clip(c, v[:3], 9)),
        ("matmul | c:matmul(c)", lambda: c @ c),
        ("matmul | v:matmul(v:slice(1, 2))", lambda: v @ v[1:]),
        ("matmul | v:matmul(tensor.full { value = 2 })", lambda: v @ np.array(2.0)),
        ("bmm | tensor.bmm(c, c)", lambda: np.matmul(c, c)),
        ("dot | tensor.dot(v, v:slice(1, 2))", lambda: np.dot(v, v[1:])),
        ("einsum | tensor.einsum('ij,jk->ik', c[1], c[1])",
         lambda: np.einsum("ij,jk->ik", c[0], c[0])),
        ("einsum | tensor.einsum('ij->ijk', c[1])", lambda: np.einsum("ij->ijk", c[0])),
        ("einsum | tensor.einsum('i,j', v)", lambda: np.einsum("i,j", v)),
        ("einsum | tensor.einsum('ijk->ii', c)", lambda: np.einsum("ijk->ii", c)),
        ("diag | tensor.diag(tensor.full { value = 2 })", lambda: np.diag(np.array(2.0))),
        ("trace | tensor.trace(v)", lambda: np.trace(v)),
        ("add_ | copy(v):add_(c)", lambda: np.add(v, c, out=v.copy())),
        ("add_ | i64({ 1, 2 }):add_(0.5)",
         lambda: np.add(np.array([1, 2]), 0.5, out=np.array([1, 2]))),
        ("assignment | set(c, 1, v:slice(1, 2))", lambda: c.copy().__setitem__(0, v[1:])),
        ("assignment | set(v, v:gt(1), v)", lambda: v.copy().__setitem__(v > 1, v)),
        ("assignment | copy(v):copy_(c)", lambda: np.copyto(v, c)),
        ("solve: .*singular | linalg.solve(s, tensor.ones { 2 })",
         lambda: np.linalg.solve([[1, 2], [2, 4.0]], [1, 1])),
        ("solve | linalg.solve(c[1], v)", lambda: np.linalg.solve(c[0], v)),
        ("inv | linalg.inv(c[1])", lambda: np.linalg.inv(c[0])),
        ("singular | linalg.inv(s)", lambda: np.linalg.inv([[1, 2], [2, 4.0]])),
        ("det | linalg.det(c[1])", lambda: np.linalg.det(c[0])),
        ("cholesky | linalg.cholesky(-s)", lambda: np.linalg.cholesky([[-1, -2], [-2, -4.0]])),
        ("cholesky | linalg.cholesky(c[1])", lambda: np.linalg.cholesky(c[0])),
        ("eigh | linalg.eigh(c[1])", lambda: np.linalg.eigh(c[0])),
        ("qr | linalg.qr(v)", lambda: np.linalg.qr(v)),
        ("svd | linalg.svd(v)", lambda: np.linalg.svd(v)),
        ("svd | linalg.svd(s / 0)", lambda: np.linalg.svd(np.array([[np.nan, 1], [1, 2]]))),
        ("lstsq | linalg.lstsq(s, v)", lambda: np.linalg.lstsq([[1, 2], [2, 4.0]], v, None)),
        ("pinv | linalg.pinv(v)", lambda: np.linalg.pinv(v)),
        ("cond | linalg.cond(v)", lambda: np.linalg.cond(v)),
        ("norm | linalg.norm(s, 'frob')", lambda: np.linalg.norm(np.eye(2), "frob")))


def main():
    total = 0
    for family in (construction, promotion, special, maps, shapes, views, indexing, errors):
        total += family().write()
    return total
