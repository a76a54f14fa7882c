"""Writes the arrays of version 2 that tests/lua/zarr_test.lua reads. Run with Debian's python3-zarr
(2.13): python3 tests/golden/zarr_v2.py"""
import os
import shutil

import numpy as np
import zarr
from numcodecs import LZ4, Blosc, Delta, GZip, Zlib, Zstd

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "zarr")
values = np.arange(12).reshape(4, 3)
for name, dtype, settings in [
    ("v2_zstd", "<f8", {"compressor": Zstd(level=1)}),
    ("v2_plain", "<i4", {"compressor": None, "dimension_separator": "/"}),
    ("v2_fortran", "<f8", {"compressor": None, "order": "F"}),
    ("v2_gzip", ">i2", {"compressor": GZip(level=5)}),
    ("v2_zlib", ">f8", {"compressor": Zlib(level=5), "order": "F"}),
    ("v2_lz4", "<f8", {"compressor": LZ4()}),
    ("v2_delta", "<i4", {"compressor": None, "filters": [Delta(dtype="<i4")]}),
    ("v2_text", "<U2", {"compressor": None}),
]:
    path = os.path.join(folder, name + ".zarr")
    shutil.rmtree(path, ignore_errors=True)
    fill = "" if name == "v2_text" else 7
    a = zarr.open_array(path, mode="w", shape=(5, 3), chunks=(2, 2), dtype=dtype, fill_value=fill,
                        **settings)
    if name not in ("v2_lz4", "v2_delta", "v2_text"):
        a[:4] = values

# Blosc in each of its forms: large enough for several blocks, and a part that is not full.
# v[i] = (i * i % 251) // 3, as the test computes it.
i = np.arange(5001)
values = (i * i % 251) // 3
for name, dtype, settings in [
    ("lz4", "<f8", {"cname": "lz4"}), ("lz4hc", "<i4", {"cname": "lz4hc", "clevel": 9}),
    ("zstd", "<f4", {"cname": "zstd", "shuffle": Blosc.BITSHUFFLE}),
    ("zlib", ">i8", {"cname": "zlib", "shuffle": Blosc.NOSHUFFLE}),
    ("bits", "|u1", {"cname": "lz4", "shuffle": Blosc.BITSHUFFLE}),
    ("copied", "<f8", {"cname": "lz4", "clevel": 0}),
    ("blosclz", "<f8", {"cname": "blosclz"}),
]:
    path = os.path.join(folder, "blosc_" + name + ".zarr")
    shutil.rmtree(path, ignore_errors=True)
    n = 2000 if name in ("blosclz", "copied") else len(values)
    a = zarr.open_array(path, mode="w", shape=n, chunks=3000, dtype=dtype,
                        compressor=Blosc(blocksize=2048, **settings), fill_value=0)
    a[:] = values[:n].astype(dtype)

# Arrays in groups.
path = os.path.join(folder, "v2_group.zarr")
shutil.rmtree(path, ignore_errors=True)
g = zarr.open_group(path, mode="w")
g.create_dataset("a", data=np.arange(3.0), compressor=None)
g.create_dataset("inner/b", data=np.arange(4), compressor=None)
