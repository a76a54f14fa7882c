"""Golden values of linear algebra from NumPy, written to linalg.lua.

Run: python3 tests/golden/linalg.py (needs python3-numpy). The matrices are made by a small
congruential generator, so that the Lua tests can make the same ones. Signs that the mathematics
leaves open are turned to the rules of lualib/neap/linalg.lua first."""
import os

import numpy as np


def numbers(n, seed):
    """n values k/1000 with 0 < k < 1000 from a generator that Lua repeats exactly."""
    x, out = seed, []
    for _ in range(n):
        x = (x * 1103515245 + 12345) % 2147483648
        out.append((x // 65536 % 999 + 1) / 1000)
    return np.array(out)


def general(m, n, seed):
    return numbers(m * n, seed).reshape(m, n) * 2 - 1


def positive(columns):
    """Signs that make the largest element (the first of equals) of each column positive."""
    at = np.argmax(np.abs(columns), axis=0)
    signs = np.sign(columns[at, np.arange(columns.shape[1])])
    return np.where(signs == 0, 1, signs)


def qr(a):
    q, r = np.linalg.qr(a)
    signs = np.where(np.diag(r) < 0, -1, 1)
    return q * signs, r * signs[:, None]


def svd(a):
    u, s, vt = np.linalg.svd(a, full_matrices=False)
    signs = positive(u)
    return u * signs, s, vt * signs[:, None]


def eigh(a):
    w, v = np.linalg.eigh(a)
    return w, v * positive(v)


SHAPES = [(1, 1), (2, 2), (3, 3), (5, 5), (9, 9), (17, 17), (4, 2), (2, 4), (9, 3), (3, 9), (20, 7),
          (1, 6), (6, 1)]
cases = []
for number, (m, n) in enumerate(SHAPES):
    a = general(m, n, number + 1)
    b = general(m, 2, number + 100)
    case = {"m": m, "n": n, "seed": number + 1}
    case["q"], case["r"] = qr(a)
    case["u"], case["s"], case["vt"] = svd(a)
    case["pinv"] = np.linalg.pinv(a)
    case["lstsq"] = np.linalg.lstsq(a, b, rcond=None)[0]
    case["rank"] = int(np.linalg.matrix_rank(a))
    case["cond"] = np.linalg.cond(a)
    for p, name in [("fro", "fro"), ("nuc", "nuc"), (1, "one"), (2, "two"), (np.inf, "inf")]:
        case["norm_" + name] = np.linalg.norm(a, p)
    if m == n:
        case["w"], case["v"] = eigh(a + a.T)
        case["det"] = np.linalg.det(a)
        case["sign"], case["logabs"] = np.linalg.slogdet(a)
        case["inv"] = np.linalg.inv(a)
        case["solve"] = np.linalg.solve(a, b)
        case["cholesky"] = np.linalg.cholesky(a @ a.T + np.eye(n))
    cases.append(case)

EINSUM = [
    ("ij,jk->ik", [(3, 4), (4, 5)]), ("ij,jk", [(3, 4), (4, 5)]), ("ij->ji", [(3, 4)]),
    ("ij->", [(3, 4)]), ("ij->j", [(3, 4)]), ("ii->i", [(4, 4)]), ("ii", [(4, 4)]),
    ("ba", [(2, 3)]), ("bij,bjk->bik", [(2, 3, 4), (2, 4, 5)]), ("bij,jk->bik", [(2, 3, 4), (4, 5)]),
    ("i,j->ij", [(3,), (4,)]), ("i,i->", [(5,), (5,)]), ("i,i->i", [(5,), (5,)]),
    ("ij,ij->", [(3, 4), (3, 4)]), ("ij,ij->ij", [(3, 4), (3, 4)]), ("ij,kj->ik", [(3, 4), (5, 4)]),
    ("ijk,kl,lm->ijm", [(2, 3, 4), (4, 5), (5, 2)]), ("i,ij,j->", [(3,), (3, 4), (4,)]),
    ("...ij,...jk->...ik", [(2, 3, 4), (2, 4, 5)]), ("...ij,...jk->...ik", [(2, 3, 4), (4, 5)]),
    ("...i->...", [(2, 3, 4)]), ("...ii->...i", [(2, 3, 3)]), ("i...,i...->...", [(3, 2), (3, 2)]),
    ("...,...", [(2, 3), (3,)]), ("bhqd,bhkd->bhqk", [(2, 2, 3, 4), (2, 2, 5, 4)]),
    ("ijj,jk->ik", [(2, 3, 3), (3, 4)]), ("abc,cd,def->abef", [(2, 2, 3), (3, 2), (2, 3, 2)]),
    ("ij,jk,ki->", [(2, 3), (3, 4), (4, 2)]), ("ij,kl->", [(2, 3), (4, 2)]), ("i->i", [(4,)]),
    ("ij,i->j", [(3, 4), (3,)]), (" i j , j k -> k i ", [(3, 4), (4, 5)]), ("iij->j", [(3, 3, 2)]),
    ("ij,jk->ik", [(3, 0), (0, 2)]), ("ij,jk->ik", [(1, 4), (4, 1)]), (",ij->ij", [(), (2, 3)]),
]
einsum = []
for number, (spec, shapes) in enumerate(EINSUM):
    operands, seed = [], 500 + 10 * number
    for k, shape in enumerate(shapes):
        operands.append(numbers(int(np.prod(shape, dtype=int)), seed + k).reshape(shape) * 2 - 1)
    got = np.einsum(spec, *operands)
    einsum.append({"spec": spec, "shapes": [list(s) for s in shapes], "seed": seed,
                   "shape": list(got.shape), "values": got.reshape(-1)})


def lua(value, indent=1):
    if isinstance(value, str):
        return '"%s"' % value
    if isinstance(value, (int, np.integer)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    pad = "  " * indent
    if isinstance(value, dict):
        rows = ["%s%s = %s,\n" % (pad, k, lua(v, indent + 1)) for k, v in value.items()]
        return "{\n" + "".join(rows) + "  " * (indent - 1) + "}"
    value = list(value)
    if value and not isinstance(value[0], (float, int, np.floating)):
        rows = ["%s%s,\n" % (pad, lua(v, indent + 1)) for v in value]
        return "{\n" + "".join(rows) + "  " * (indent - 1) + "}"
    return "{ " + ", ".join(lua(v) for v in value) + " }" if value else "{}"


path = os.path.join(os.path.dirname(__file__), "linalg.lua")
with open(path, "w") as f:
    f.write("-- Written by linalg.py with NumPy %s.\n-- luacheck: no max line length\n" % np.__version__)
    f.write("return " + lua({"matrices": cases, "einsum": einsum}) + "\n")
