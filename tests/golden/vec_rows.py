"""Writes runtime/kern/vec_rows.h: erf by 16 polynomials, for vec_f64.h and
vec_f32.h. Row i is about the centre i h: f(i h + t) = c0 + t (c1 + t (c2 + ...)) for
|t| <= h/2, interpolated at Chebyshev points by mpmath; row 0 is odd, and its c0 is t itself. What
f64 cuts off c0 is the last column of erf_rows.
Run: python3 vec_rows.py"""
import pathlib

import mpmath as mp

mp.mp.prec = 200


def rounded(v, bits):
    with mp.workprec(bits):
        return +mp.mpf(v)


def interpolated(f, n, low, high):
    """The n coefficients of the polynomial through f at the Chebyshev points of low .. high."""
    middle, half = (low + high) / 2, (high - low) / 2
    a, b = mp.matrix(n, n), mp.matrix(n, 1)
    for i in range(n):
        x = middle + half * mp.cos(mp.pi * (2 * i + 1) / (2 * n))
        b[i] = f(x)
        for j in range(n):
            a[i, j] = x**j
    return list(mp.lu_solve(a, b))


def row(f, i, h, n, bits):
    half = h / 2 * mp.mpf("1.001")
    centre = i * h
    if i == 0:
        odd = interpolated(lambda z: f(mp.sqrt(z)) / mp.sqrt(z) - 1, (n + 1) // 2, 0, half * half)
        c = [odd[j // 2] if j % 2 == 0 else mp.mpf(0) for j in range(n)]
    else:
        c = interpolated(lambda t: mp.diff(f, centre) if abs(t) < 1e-25
                         else (f(centre + t) - f(centre)) / t, n, -half, half)
    c0 = rounded(f(centre), bits)
    return [c0] + [rounded(v, bits) for v in c + [f(centre) - c0]]


def text(v, bits):
    if v == 0:
        return "0"
    digits, exponent = float(v).hex().split("p")
    return digits[: len(digits) - 7] + "p" + exponent + "f" if bits == 24 else digits + "p" + exponent


def table(name, f, h, n, bits):
    columns = list(zip(*(row(f, i, h, n, bits) for i in range(16))))[: n + 1 + (bits == 53)]
    kind = "float" if bits == 24 else "double"
    yield "static const _Alignas(64) %s %s[%d][16] = {" % (kind, name, len(columns))
    for column in columns:
        yield "    {" + ", ".join(text(v, bits) for v in column) + "},"
    yield "};"


lines = ["/* vec_rows.h — made by tests/golden/vec_rows.py, which says what it is. */",
         "#ifndef NEAP_KERN_VEC_ROWS_H", "#define NEAP_KERN_VEC_ROWS_H", "",
         "/* clang-format off */"]
for name, f, h, n, bits in (("erf_rows", mp.erf, mp.mpf(49) / 128, 13, 53),
                            ("erf_rows_f", mp.erf, mp.mpf(65) / 256, 6, 24)):
    lines += table(name, f, h, n, bits)
lines += ["/* clang-format on */", "", "#endif"]
root = pathlib.Path(__file__).resolve().parents[2]
(root / "runtime/kern/vec_rows.h").write_text("\n".join(lines) + "\n")
