"""Writes tests/golden/tensor.lua: expressions on tensors and what numpy makes of them. Run with
Debian's python3-numpy: python3 tests/golden/tensor.py"""
import os
import textwrap
import warnings

import numpy as np

warnings.simplefilter("ignore")
rng = np.random.default_rng(1)
odd = np.array([0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -2.5, 3, 7])
fa, fb = [x.ravel() for x in np.meshgrid(odd, odd)]
ia = rng.integers(-20, 20, 30)
ib = rng.integers(1, 9, 30) * np.where(rng.random(30) < 0.5, -1, 1)
m = np.round(rng.standard_normal((4, 5, 3)), 3)
m[2, 1, 1] = np.nan
r = np.round(rng.standard_normal(60) * 3)
r = r + 0.0
I = {"fa": fa, "fb": fb, "ga": fa.astype("f4"), "gb": fb.astype("f4"), "ia": ia, "ib": ib,
     "ja": ia.astype("i4"), "ua": (ia & 255).astype("u1"), "ub": np.abs(ib).astype("u1"),
     "ba": ia > 0, "bb": ib > 0, "m": m, "n": m.astype("f4"), "r": r}
cases = []


def case(expression, want):
    cases.append((expression, np.asarray(want)))


binary = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.true_divide,
          "floordiv": np.floor_divide, "mod": np.mod, "pow": np.power, "maximum": np.maximum,
          "minimum": np.minimum}
pairs = [("fa", "fb"), ("ga", "gb"), ("ia", "ib"), ("ua", "ub"), ("ja", "ib"), ("ja", "ub"),
         ("ba", "ib"), ("ba", "bb")]
for name, f in binary.items():
    for a, b in pairs:
        integer = I[a].dtype.kind != "f"
        if name == "pow" and integer and b != "ub":
            continue
        if a == "ba" and b == "bb" and name in ("sub", "floordiv", "mod"):
            continue
        case(f"{a}:{name}({b})", f(I[a], I[b]))
    case(f"m:{name}(m[1])" if name != "pow" else "m:pow(2)",
         f(m, m[0]) if name != "pow" else m**2)
compare = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal,
           "gt": np.greater, "ge": np.greater_equal}
for name, f in compare.items():
    for a, b in pairs:
        case(f"{a}:{name}({b})", f(I[a], I[b]))
for name in ("floor ceil trunc sqrt exp log tanh sign abs square reciprocal expm1 log1p sin cos "
             "exp2 log2 log10 isnan isfinite isinf").split():
    case(f"fa:{name}()", getattr(np, name)(fa))
    case(f"ga:{name}()", getattr(np, name)(fa.astype("f4")))
for name in "sqrt exp log abs sign square".split():
    case(f"ua:{name}()" if name in ("abs", "sign", "square") else f"ia:abs():{name}()",
         getattr(np, name)(I["ua"] if name in ("abs", "sign", "square") else np.abs(ia)))
case("fa:round()", np.rint(fa))
case("ia & ib", ia & ib)
case("ba | bb", I["ba"] | I["bb"])
case("ba ~ bb", I["ba"] ^ I["bb"])
case("~ua", ~I["ua"])
case("where(fa:gt(fb), fa, 0)", np.where(fa > fb, fa, 0))
case("fa:clamp(-1, 2)", np.clip(fa, -1, 2))
for d in (1, 2, 3):
    ax = d - 1
    for name in "sum mean prod std var".split():
        k = {"ddof": 1} if name in ("std", "var") else {}
        case(f"m:{name}({d})", getattr(np, name)(m, axis=ax, **k))
        case(f"m:{name}({d}, {{ skip_nan = true }})", getattr(np, "nan" + name)(m, axis=ax, **k))
        case(f"n:{name}({d}, {{ keepdim = true }})",
             getattr(np, name)(m.astype("f4"), axis=ax, keepdims=True, **k))
    case(f"(m:max({d}))", m.max(ax))
    case(f"(n:min({d}, {{ keepdim = true }}))", m.astype("f4").min(ax, keepdims=True))
    case(f"m:argmin({d})", m.argmin(ax) + 1)
    case(f"m:argmax({d}, {{ skip_nan = true }})", np.nanargmax(m, ax) + 1)
    case(f"m:cumsum({d})", m.cumsum(ax))
    case(f"n:cumprod({d})", m.astype("f4").astype("f8").cumprod(ax).astype("f4"))
    case(f"m:cummax({d})", np.maximum.accumulate(m, ax))
    case(f"(m:sort({d}))", np.sort(m, ax))
    case(f"m:argsort({d})", np.argsort(m, ax, kind="stable") + 1)
    case(f"m:median({d})", np.median(m, ax))
    case(f"m:quantile({{ 0.1, 0.7 }}, {d}, {{ skip_nan = true }})",
         np.nanquantile(m, [0.1, 0.7], axis=ax))
    case(f"m:diff({d})", np.diff(m, axis=ax))
    case(f"m:unsqueeze({d})", np.expand_dims(m, ax))
    case(f"m:slice({d}, -1, 1, -2)", np.take(m, range(m.shape[ax] - 1, -1, -2), ax))
    case(f"m:take(tensor.of({{ 2, -1 }}, {{ dtype = 'i64' }}), {d})", np.take(m, [1, -1], ax))
    case(f"tensor.cat({{ m, m }}, {d})", np.concatenate([m, m], ax))
    case(f"tensor.stack({{ m, m }}, {d})", np.stack([m, m], ax))
case("m:sum({ 1, 3 })", m.sum((0, 2)))
case("n:mean({ 2, 3 }, { skip_nan = true })",
     np.nanmean(m.astype("f4").astype("f8"), axis=(1, 2)).astype("f4"))
case("ua:cumsum()", I["ua"].cumsum().astype("i8"))
case("r:sort():searchsorted(tensor.arange(-9, 9, 0.5))",
     np.searchsorted(np.sort(r), np.arange(-9, 9.1, 0.5)) + 1)
case("r:sort():searchsorted(tensor.arange(-9, 9, 0.5), { right = true })",
     np.searchsorted(np.sort(r), np.arange(-9, 9.1, 0.5), "right") + 1)
case("(r:histogram({ bins = 13 }))", np.histogram(r, 13)[0])
case("select(2, r:histogram({ bins = 13 }))", np.histogram(r, 13)[1])
case("(r:unique())", np.unique(r))
case("select(2, r:unique())", np.unique(r, return_counts=True)[1])
case("tensor.cov(m[{ {}, {}, 1 }])", np.cov(m[:, :, 0].T))
case("tensor.corr(m[{ {}, {}, 3 }])", np.corrcoef(m[:, :, 2].T))
case("tensor.matmul(m, m:transpose(2, 3))", m @ m.transpose(0, 2, 1))
case("m:permute(3, 1, 2):reshape(5, 12)", m.transpose(2, 0, 1).reshape(5, 12))
case("m[m:gt(0.5)]", m[m > 0.5])
case("m[{ { 2, 3 }, {}, -1 }]", m[1:3, :, -1])
case("tensor.outer(r:slice(1, 1, 4), r:slice(1, 5, 7))", np.outer(r[:4], r[4:7]))
names = {"float64": "f64", "float32": "f32", "int64": "i64", "int32": "i32", "uint8": "u8",
         "bool": "bool"}


def number(v):
    if isinstance(v, (bool, np.bool_)):
        return "true" if v else "false"
    if isinstance(v, (int, np.integer)):
        return str(int(v))
    v = float(v)
    if v != v:
        return "nan"
    if np.isinf(v):
        return "inf" if v > 0 else "-inf"
    return repr(int(v)) if v == int(v) and abs(v) < 1e15 and v != 0 else repr(v)


def lua(x):
    x = np.asarray(x)
    values = ", ".join(number(v) for v in x.ravel())
    sizes = ", ".join(str(s) for s in x.shape)
    return f'"{names[x.dtype.name]}", {{ {sizes} }}, {{ {values} }}'


with open(os.path.splitext(os.path.abspath(__file__))[0] + ".lua", "w") as f:
    f.write("-- Written by tests/golden/tensor.py with numpy %s: do not edit.\n" % np.__version__)
    f.write("-- Inputs and cases are { name or expression, dtype, shape, elements in C order }.\n")
    f.write("local inf, nan = math.huge, 0 / 0\nreturn {\ninputs = {\n")
    for name, x in I.items():
        f.write("\n".join(textwrap.wrap(f'{{ "{name}", {lua(x)} }},', 99)) + "\n")
    f.write("},\ncases = {\n")
    for expression, x in cases:
        f.write(f'{{ "{expression}",\n')
        f.write("\n".join(textwrap.wrap(f"{lua(x)} }},", 99)) + "\n")
    f.write("} }\n")
print(len(cases), "cases")
