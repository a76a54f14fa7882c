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
write("i16_refused", values.astype("<i2"))
