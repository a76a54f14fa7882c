"""Writes the .npy files that tests/lua/tensor_test.lua reads: every dtype, both memory orders, all
three versions, both byte orders. Run with Debian's python3-numpy: python3 tests/golden/npy.py"""
import os

import numpy as np
from numpy.lib import format

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "npy")
os.makedirs(folder, exist_ok=True)
values = np.arange(1, 7).reshape(2, 3)


def write(name, array, version=(1, 0)):
    with open(os.path.join(folder, name + ".npy"), "wb") as f:
        format.write_array(f, array, version=version)


for name, dtype in {"f64": "<f8", "f32": "<f4", "i64": "<i8", "i32": "<i4", "u8": "u1"}.items():
    write(name + "_c", values.astype(dtype))
    write(name + "_fortran", np.asfortranarray(values.astype(dtype)))
write("bool_c", values > 3)
write("bool_fortran", np.asfortranarray(values > 3))
write("f64_big_endian", values.astype(">f8"))
write("i32_big_endian", values.astype(">i4"))
write("f64_version_2", values.astype("<f8"), (2, 0))
write("f64_version_3", values.astype("<f8"), (3, 0))
write("f64_scalar", np.array(7.5))
write("f64_empty", np.zeros((0, 3)))
write("f64_one", np.array([1.5]))

# What is widened, in both byte orders and, for one, in Fortran order: the ends of each range.
small = {"f16": [0, -2.0**-24, 1.5, 65504, -np.inf, np.nan], "i8": [-128, -1, 0, 1, 2, 127],
         "i16": [-2**15, -1, 0, 1, 2, 2**15 - 1], "u16": [0, 1, 2, 3, 4, 2**16 - 1],
         "u32": [0, 1, 2, 3, 4, 2**32 - 1], "u64": [0, 1, 2, 3, 4, 2**63 - 1]}
for name, list_ in small.items():
    array = np.array(list_, dtype=f"{name[0]}{int(name[1:]) // 8}").reshape(2, 3)
    write("wide_" + name, array)
    write("wide_" + name + "_big_endian", array.astype(array.dtype.newbyteorder(">")))
write("wide_i16_fortran", np.asfortranarray(values.astype("<i2")))
write("u64_too_large", np.array([1, 2**63 + 2**11], dtype="<u8"))
write("f32_big_endian", values.astype(">f4"))
write("i64_big_endian", values.astype(">i8"))
write("times", np.array(["2020-01-02T03:04:05.000000006", "NaT"], dtype="datetime64[ns]"))
write("durations", np.array([86400 * 10**9, -1], dtype="timedelta64[ns]"))
write("scalar_i8", np.array(-7, dtype="i1"))
write("empty_f16", np.zeros((2, 0), dtype="f2"))

# What is refused, each with its own advice.
write("refused_complex", np.array([1j]))
write("refused_long_double", np.array([1], dtype=np.longdouble))
write("refused_object", np.array([None], dtype=object))
write("refused_text", np.array(["a"]))
write("refused_bytes", np.array([b"a"]))
write("refused_record", np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]))
write("refused_seconds", np.array(["2020-01-01"], dtype="datetime64[s]"))
write("refused_days", np.array([1], dtype="timedelta64[D]"))
