"""Golden gradients from PyTorch, written to grad.lua.

Run: python3 tests/golden/grad.py (needs python3-torch). The arguments hold what formulas stumble
over: zeros of both signs, infinities, NaN, equal elements. Each case is the same function in
Python and in Lua; what flows back is 1, 2, 3, ... so that no two elements can be confused."""
import math
import os

import torch

torch.set_default_dtype(torch.float64)
nan, inf = math.nan, math.inf
SPECIAL = [-inf, -2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, inf, nan]
CASES = []


def number(v):
    if math.isnan(v):
        return "N"
    if math.isinf(v):
        return "I" if v > 0 else "-I"
    return repr(float(v))


def flat(t):
    return "{ " + ", ".join(number(v) for v in t.reshape(-1).tolist()) + " }"


def case(lua, f, *inputs):
    leaves = [torch.tensor(x).requires_grad_() for x in inputs]
    y = f(*leaves)
    seed = torch.arange(1.0, y.numel() + 1).reshape(y.shape)
    y.backward(seed)
    rows = ["    f = function(%s) return %s end," % (", ".join("xyz"[: len(inputs)]), lua)]
    rows.append('    text = "%s",' % lua.replace('"', "'"))
    rows.append("    inputs = { %s }," % ", ".join(
        "{ { %s }, %s }" % (", ".join(map(str, x.shape)), flat(x.detach())) for x in leaves))
    rows.append("    value = %s," % flat(y.detach()))
    rows.append("    gradients = { %s }," % ", ".join(
        flat(torch.zeros_like(x) if x.grad is None else x.grad) for x in leaves))
    CASES.append("  {\n" + "\n".join(rows) + "\n  },\n")


for name in ("neg abs sign square relu sqrt reciprocal exp exp2 expm1 log log2 log10 log1p sin cos "
             "tan asin acos atan sinh cosh tanh sigmoid softplus erf floor ceil round trunc").split():
    f = getattr(torch, name, None) or getattr(torch.nn.functional, name)
    case("x:%s()" % name, f, SPECIAL)

PAIRS = [(a, b) for a in SPECIAL for b in (-inf, -1.5, -1.0, 0.0, 0.5, 1.0, 2.0, inf, nan)]
LEFT, RIGHT = [a for a, _ in PAIRS], [b for _, b in PAIRS]
for lua, f in (("x * y", torch.mul), ("x / y", torch.div), ("x ^ y", torch.pow),
               ("x:maximum(y)", torch.maximum), ("x:minimum(y)", torch.minimum),
               ("x:atan2(y)", torch.atan2), ("x % y", torch.remainder)):
    finite = [k for k in range(len(PAIRS)) if lua != "x % y" or
              (math.isfinite(LEFT[k]) and math.isfinite(RIGHT[k]) and RIGHT[k] != 0)]
    case(lua, f, [LEFT[k] for k in finite], [RIGHT[k] for k in finite])
for p in (0.0, 1.0, 2.0, 3.0, -1.0, 0.7):
    case("x ^ %g" % p, lambda x, p=p: x ** p, SPECIAL)
case("2 ^ x", lambda x: 2.0 ** x, SPECIAL)
case("x:clamp(-1, 1)", lambda x: x.clamp(-1, 1), [-2.0, -1.0, -0.5, 0.0, 1.0, 1.5, inf, -inf])
case("x:clamp(y, z)", lambda x, y, z: x.clamp(y, z),
     [-2.0, -1.0, 0.0, 1.0, 2.0, 0.5], [-1.0, -1.0, -1.0, 0.0, 0.0, 1.0],
     [1.0, 1.0, 0.0, 1.0, 1.0, 0.0])

ROWS = [[1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 3.0, 0.0], [0.0, -2.0, 3.0, 2.0], [2.0, 2.0, 2.0, 2.0],
        [nan, 1.0, 2.0, 3.0], [3.0, 3.0, -3.0, 1.0]]
for name in "sum mean prod".split():
    case("x:%s(2)" % name, lambda x, name=name: getattr(x, name)(1), ROWS)
for name in "var std".split():
    case("x:%s(2)" % name, lambda x, name=name: getattr(x, name)(1), ROWS)
    case("x:%s(2, { ddof = 0 })" % name,
         lambda x, name=name: getattr(x, name)(1, unbiased=False), ROWS)
case("x:sum(2, { skip_nan = true })", lambda x: x.nansum(1), ROWS)
case("x:mean(2, { skip_nan = true })", lambda x: x.nanmean(1), ROWS)
case("x:max()", lambda x: x.max(), ROWS[5])
case("x:min()", lambda x: x.min(), [1.0, -2.0, -2.0, 5.0])
case("(x:max(2))", lambda x: x.max(1).values, [r for r in ROWS if r[0] != 2.0 and r[0] != 3.0])
ZERO = [[3.0, -4.0, 0.0], [0.0, 0.0, 0.0], [5.0, -5.0, 1.0], [inf, 1.0, 2.0]]
case("x:norm(2)", lambda x: x.norm(p=2, dim=1), ZERO)
case("x:norm(2, { p = 1 })", lambda x: x.norm(p=1, dim=1), ZERO)
case("x:norm(2, { p = math.huge })", lambda x: x.norm(p=inf, dim=1), ZERO[:3])
for name in "cumsum cumprod".split():
    case("x:%s(2)" % name, lambda x, name=name: getattr(x, name)(1), ROWS)
for name in "cummax cummin".split():
    case("x:%s(2)" % name, lambda x, name=name: getattr(x, name)(1).values,
         ROWS + [[1.0, nan, 2.0, nan], [1.0, 1.0, 0.0, 1.0]])
SOFT = [[1.0, 2.0, 3.0], [-inf, 0.0, 0.0], [700.0, -700.0, 0.0], [nan, 0.0, 1.0]]
case("x:softmax(2)", lambda x: x.softmax(1), SOFT)
case("x:log_softmax(2)", lambda x: x.log_softmax(1), SOFT)
case("x:logsumexp(2)", lambda x: x.logsumexp(1), SOFT)
case("(x:sort(2))", lambda x: torch.sort(x, dim=1, stable=True).values, ROWS)
case("(x:topk(2, 2))", lambda x: x.topk(2, 1).values, ROWS[:1] + ROWS[2:3])
case("x:take(tensor.of({ 2, 1, 2 }, { dtype = 'i64' }), 2)",
     lambda x: x[:, [1, 0, 1]], ROWS)
case("x:gather(tensor.of({ { 2, 2, 1, 4 } }, { dtype = 'i64' }), 2)",
     lambda x: x.gather(1, torch.tensor([[1, 1, 0, 3]]).expand(6, 4)), ROWS)
case("tensor.where(x:gt(1), x, y)", lambda x, y: torch.where(x > 1, x, y), ROWS, [9.0, 8, 7, 6])
case("x:matmul(y)", torch.matmul, ROWS, [[1.0, 2], [3, 4], [5, 6], [7, 8]])
case("x:quantile(0.3, 2)", lambda x: x.quantile(0.3, 1), ROWS[:1] + ROWS[2:3])

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "grad.lua")
with open(path, "w") as out:
    out.write("-- Written by grad.py with PyTorch %s.\n-- luacheck: no max line length\n"
              % torch.__version__)
    out.write("local tensor = require \"neap.tensor\"\nlocal N, I = 0 / 0, 1 / 0\n\nreturn {\n")
    out.write("".join(CASES) + "}\n")
