"""Golden values of Fourier transforms from NumPy, written to fft.lua.

Run: python3 tests/golden/fft.py (needs python3-numpy). The numbers are made by the congruential
generator of linalg.py, so that the Lua tests can make the same ones. Of long transforms eight
places are kept."""
import os

import numpy as np


def numbers(n, seed):
    """n values in (-1, 1) from a generator that Lua repeats exactly."""
    x, out = seed, []
    for _ in range(n):
        x = (x * 1103515245 + 12345) % 2147483648
        out.append((x // 65536 % 999 + 1) / 1000 * 2 - 1)
    return np.array(out)


def pairs(n, seed):
    x = numbers(2 * n, seed).reshape(n, 2)
    return x[:, 0] + 1j * x[:, 1]


def flat(y):
    """Real numbers as they are, complex ones as pairs."""
    y = np.ascontiguousarray(y)
    return (y.view(np.float64) if y.dtype == np.complex128 else y).ravel()


def text(y):
    return "{" + ",".join(repr(float(v)).replace("inf", "math.huge") for v in flat(y)) + "}"


LENGTHS = [*range(1, 18), 19, 25, 30, 31, 37, 49, 64, 65, 67, 77, 97, 100, 121, 128, 143, 168, 169,
           210, 243, 252, 256, 257, 360, 390, 500, 509, 512, 625, 997, 1000, 1001, 1024, 2187, 4096,
           5040, 8192, 8193, 10000, 10007, 10080, 16384, 20000, 20011, 65536, 65537]
lines = ["-- Written by fft.py with NumPy %s." % np.__version__,
         "-- luacheck: no max line length", "return { lengths = {"]
for n in LENGTHS:
    kept = np.arange(n) if n <= 8 else np.unique(np.linspace(0, n - 1, 8).astype(int))
    z, x = pairs(n, n), numbers(n, n + 1)
    half = kept[kept <= n // 2]
    y = np.fft.rfft(x)
    lines.append("{n=%d,places={%s},half={%s}," % (n, ",".join(map(str, kept + 1)),
                                                   ",".join(map(str, half + 1))))
    lines.append("fft=%s," % text(np.fft.fft(z)[kept]))
    lines.append("ifft=%s," % text(np.fft.ifft(z)[kept]))
    lines.append("real=%s," % text(np.fft.fft(x)[kept]))
    lines.append("rfft=%s," % text(y[half]))
    lines.append("irfft=%s}," % text(np.fft.irfft(z[: n // 2 + 1], n)[kept]))
lines.append("}, options = {")

x, z = numbers(60, 1).reshape(3, 4, 5), pairs(60, 2).reshape(3, 4, 5)
for name, data in [("fft", x), ("fft", z), ("ifft", z), ("rfft", x), ("irfft", z)]:
    for axis in range(3):
        for n in [None, 1, 2, 3, 4, 7]:
            for norm in ["backward", "ortho", "forward"]:
                if n and (norm == "ortho") != (n % 2 == 1):
                    continue
                y = getattr(np.fft, name)(data, n=n, axis=axis, norm=norm)
                shape = list(y.shape) + ([2] if y.dtype == np.complex128 else [])
                if y.size > 17:
                    y = y.reshape(-1)[::17]
                lines.append('{name="%s",complex=%s,dim=%d,n=%s,norm="%s",shape={%s},y=%s},' % (
                    name, "true" if data is z else "false", axis + 1, n or "nil", norm,
                    ",".join(map(str, shape)), text(y)))
lines.append("} }")
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "fft.lua")
with open(path, "w") as out:
    out.write("\n".join(lines) + "\n")
