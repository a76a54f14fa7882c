"""Writes elementary.def, the table that tests/c/test_kern.c holds the kernels' functions to: rows
POINT(function, x, high, low), high + low the value to some 100 bits, by mpmath at 300 bits. Every
x is an f32 number, so that both dtypes are tested by one table. Run: python3 elementary.py"""
import pathlib
import random
import struct

import mpmath as mp

mp.mp.prec = 300


def f32(v):
    return struct.unpack("f", struct.pack("f", v))[0]


FUNCTIONS = {  # name: function, lowest and highest argument, the spots that ask for care
    "exp": (mp.exp, -87, 88, (-745, -103.9, 709, 1e-20)),
    "exp2": (mp.mpf(2).__pow__, -126, 127, (-1074, -149, -0.5, 0.5, 1e-20)),
    "expm1": (mp.expm1, -17, 88, (-36, 1e-20, -1e-8, 0.34657, 0.34658, 1e-40)),
    "log": (mp.log, 1e-38, 9, (1e-45, 0.70710677, 0.70710679, 0.9999999, 1.0000001, 3e38)),
    "log2": (lambda x: mp.log(x, 2), 1e-38, 9, (1e-45, 0.70710677, 0.9999999, 1.0000001, 3e38)),
    "log10": (mp.log10, 1e-38, 9, (1e-45, 0.70710677, 0.9999999, 1.0000001, 3e38)),
    "log1p": (mp.log1p, -0.999, 9, (-0.9999999, 1e-20, -1e-8, 1e-40, 3e38)),
    "tanh": (mp.tanh, -9, 9, (1e-20, -1e-8, 1e-40, 20, 0.17328, -0.549)),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), -80, 80, (-700, 1e-20, 36, -87)),
    "sin": (mp.sin, -100, 100, (1e-20, 1e-40, 3.1415927, 1.5707964, 999999.9, -99999.0, 355.0)),
    "cos": (mp.cos, -100, 100, (1e-20, 3.1415927, 1.5707964, 999999.9, -99999.0, 355.0)),
    "erf": (mp.erf, -4, 4, (1e-20, -1e-8, 1e-40, 0.126, 0.128, 0.191, 0.192, 3.9, 5.9, 5.93)),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), -80, 80, (-700, 1e-20, 36)),
}


def rows(name):
    function, low, high, spots = FUNCTIONS[name]
    draw = random.Random(name)
    xs = [draw.uniform(low, high) for _ in range(24)]
    xs += [draw.uniform(max(low, -1), 1) for _ in range(12)]
    xs += [s * 10 ** draw.uniform(-6, 0) for s in (-1, 1) for _ in range(6) if s > 0 or low < 0]
    for x in map(f32, xs + list(spots)):
        if x <= low < 0 and name == "log1p" or x == 0:
            continue
        value = function(mp.mpf(x))
        top = float(value)
        yield "POINT(%s, %s, %s, %s)" % (name, x.hex(), top.hex(), float(value - top).hex())


lines = ["/* made by elementary.py */"] + [row for name in FUNCTIONS for row in rows(name)]
pathlib.Path(__file__).with_name("elementary.def").write_text("\n".join(lines) + "\n")
