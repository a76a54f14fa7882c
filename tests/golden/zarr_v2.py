"""Writes the arrays of version 2 that tests/lua/zarr_test.lua reads. Run with Debian's python3-zarr
(2.13): python3 tests/golden/zarr_v2.py"""
import os
import shutil

import numpy as np
import zarr
from numcodecs import Blosc, Zstd

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zarr")
for name, dtype, settings in [
    ("v2_zstd", "<f8", {"compressor": Zstd(level=1)}),
    ("v2_plain", "<i4", {"compressor": None, "dimension_separator": "/"}),
    ("v2_blosc", "<f8", {"compressor": Blosc()}),
    ("v2_fortran", "<f8", {"compressor": None, "order": "F"}),
]:
    path = os.path.join(folder, name + ".zarr")
    shutil.rmtree(path, ignore_errors=True)
    a = zarr.open_array(path, mode="w", shape=(5, 3), chunks=(2, 2), dtype=dtype, fill_value=7,
                        **settings)
    if "fortran" not in name and "blosc" not in name:
        a[:4] = np.arange(12).reshape(4, 3)
